package orders

import (
	"context"
	"strings"

	"github.com/igc-lab/igc/access"
	"github.com/igc-lab/igc/ca"
	"github.com/igc-lab/igc/ca/store"
	"github.com/igc-lab/igc/internal/i18n"
)

// Reason is a ground on which a certificate is revoked. A hold is not one: revocation of a legal
// person's certificate is definitive (arrêté of 4 April 2022, article 3).
type Reason struct {
	ID   ca.Reason `json:"reason"`
	Name i18n.Text `json:"name"`
}

// Reasons are the grounds, in the order of the platform's page.
func Reasons() []Reason { return reasons }

var reasons = []Reason{
	{"keyCompromise", i18n.Text{FR: "perte, vol ou compromission de la clé",
		EN: "loss, theft or compromise of the key"}},
	{"affiliationChanged", i18n.Text{FR: "une donnée du certificat a changé",
		EN: "a datum of the certificate changed"}},
	{"superseded", i18n.Text{FR: "remplacé par un autre", EN: "replaced by another"}},
	{"cessationOfOperation", i18n.Text{FR: "cessation d'activité ou de service", EN: "end of an activity or service"}},
}

// reason finds one by its name in RFC 5280, in any case: cessationOfOperation,
// CESSATION_OF_OPERATION.
func reason(given string) (ca.Reason, error) {
	plain := func(s string) string { return strings.ToLower(strings.ReplaceAll(s, "_", "")) }
	var names []string
	for _, r := range reasons {
		if plain(given) == plain(string(r.ID)) {
			return r.ID, nil
		}
		names = append(names, string(r.ID))
	}
	return "", fail(CodeReason, given, strings.Join(names, ", "))
}

// Revocation is what Révoquer takes: with the code, whoever withdraws in the structure may ask for
// it; without, it takes the role.
type Revocation struct {
	Code   string `json:"code,omitempty"`
	Reason string `json:"reason"`
}

// Revoke revokes the certificates of an order, for good.
func (d *Desk) Revoke(ctx context.Context, caller *access.Caller, number string, r Revocation) (*Order, error) {
	doc, err := d.authorise(ctx, caller, number, r.Code)
	if err != nil {
		return nil, err
	}
	why, err := reason(r.Reason)
	if err != nil {
		return nil, err
	}
	if err := d.revoke(ctx, caller.Actor, doc, why); err != nil {
		return nil, err
	}
	step := d.step(caller)
	step.Reason = string(why)
	doc.State, doc.Revoked, doc.Keys = Revoked, &step, nil
	if err := d.save(ctx, caller.Actor, doc); err != nil {
		return nil, err
	}
	return d.present(ctx, doc)
}

// Redraw puts an order whose PKCS#12 never arrived back: its certificates are revoked, and it can
// be withdrawn again.
func (d *Desk) Redraw(ctx context.Context, caller *access.Caller, number, code string) (*Order, error) {
	doc, err := d.authorise(ctx, caller, number, code)
	if err != nil {
		return nil, err
	}
	if err := caller.May(access.Withdraw, doc.Target()); err != nil {
		return nil, err
	}
	switch {
	case doc.IsCard():
		return nil, fail(CodeNotElsewhere, doc.Number)
	case doc.OwnKey:
		return nil, fail(CodeOwnKey, doc.Number)
	}
	doc.Drawing = true
	step := d.step(caller)
	doc.Revoked = &step
	if err := d.save(ctx, caller.Actor, doc); err != nil {
		return nil, err
	}
	if err := d.putBack(ctx, doc); err != nil {
		return nil, err
	}
	return d.present(ctx, doc)
}

// putBack ends a redraw that was begun.
func (d *Desk) putBack(ctx context.Context, doc *document) error {
	actor := doc.Revoked.Actor
	if err := d.revoke(ctx, actor, doc, "superseded"); err != nil {
		return err
	}
	doc.Drawing, doc.State = false, ToWithdraw
	doc.Revoked, doc.Withdrawn, doc.Delivered, doc.Serials, doc.Keys, doc.Code = nil, nil, nil, nil, nil, nil
	_, err := d.finish(ctx, actor, doc)
	return err
}

// authorise reads an order that was withdrawn on behalf of somebody who may revoke it: with its
// code, or by role.
func (d *Desk) authorise(ctx context.Context, caller *access.Caller, number, code string) (*document, error) {
	action := access.Revoke
	if code != "" {
		action = access.RevokeByCode
	}
	doc, err := d.reach(ctx, caller, action, number)
	if err != nil {
		return nil, err
	}
	present, err := d.present(ctx, doc)
	if err != nil {
		return nil, err
	}
	if err := requireState(present, Withdrawn); err != nil {
		return nil, err
	}
	switch {
	case code == "":
	case doc.Code == nil:
		return nil, fail(CodeNoCode, doc.Number)
	default:
		if err := d.try(ctx, caller, doc, doc.Code, code, CodeWrongCode, CodeCodeBlocked); err != nil {
			return nil, err
		}
	}
	return doc, nil
}

// revoke revokes what an order was given. What is revoked already stays as it is.
func (d *Desk) revoke(ctx context.Context, actor string, doc *document, why ca.Reason) error {
	change := ca.StatusChange{Reason: why}
	if doc.Card != "" {
		change.Card = doc.Card
	} else {
		records, err := d.records(ctx, doc)
		if err != nil {
			return err
		}
		for _, r := range records {
			switch {
			case r.Status == ca.Revoked:
			case change.Serial == "":
				change.Serial = r.Serial
			default:
				change.Also = append(change.Also, ca.StatusTarget{Serial: r.Serial})
			}
		}
		if change.Serial == "" {
			return nil
		}
	}
	_, err := d.Service(actor).SetStatus(ctx, change)
	return err
}

// RevokeSerial revokes a certificate by its serial number, for callers that know no orders: who may
// is decided by the structure and the person that the certificate names.
func (d *Desk) RevokeSerial(ctx context.Context, caller *access.Caller, serial, why string) (*ca.Record, error) {
	service := d.Service(caller.Actor)
	record, err := d.FindSerial(ctx, caller, serial)
	if err != nil {
		return nil, err
	}
	if err := caller.May(access.Revoke, recordTarget(record)); err != nil {
		return nil, err
	}
	r, err := reason(why)
	if err != nil {
		return nil, err
	}
	if record.Status != ca.Revoked {
		if _, err := service.SetStatus(ctx, ca.StatusChange{Serial: record.Serial, Reason: r}); err != nil {
			return nil, err
		}
	}
	return service.Find(ctx, record.Serial)
}

// FindSerial finds a certificate that the caller may follow, by its whole serial number.
func (d *Desk) FindSerial(ctx context.Context, caller *access.Caller, serial string) (*ca.Record, error) {
	serial = ca.NormalizeSerial(serial)
	record, err := d.Service("").Find(ctx, serial)
	if err != nil || record.Serial != serial || caller.May(access.Follow, recordTarget(record)) != nil {
		if kind := store.KindOf(err); err != nil && kind != store.NotFound &&
			kind != store.Invalid && kind != store.Conflict {
			return nil, err
		}
		return nil, fail(CodeNone, serial)
	}
	return record, nil
}

func recordTarget(r *ca.Record) access.Target {
	return access.Target{Structure: r.Holder.Structure, Person: r.Holder.IdNat}
}
