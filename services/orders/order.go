package orders

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/igc-lab/igc/access"
	"github.com/igc-lab/igc/ca"
	"github.com/igc-lab/igc/ca/store"
	"github.com/igc-lab/igc/internal/i18n"
	"github.com/igc-lab/igc/profiles"
)

// State is where an order is.
type State string

// The states. Their names are modelled.
const (
	Asked      State = "demandé"
	ToWithdraw State = "à retirer"
	Withdrawn  State = "retiré"
	Revoked    State = "révoqué"
	Expired    State = "expiré"
)

// States are the states, in the order of an order's life.
func States() []State { return []State{Asked, ToWithdraw, Withdrawn, Revoked, Expired} }

// Name is the state's name for people.
func (s State) Name() i18n.Text {
	en := map[State]string{Asked: "asked for", ToWithdraw: "to be withdrawn", Withdrawn: "withdrawn",
		Revoked: "revoked",
		Expired: "expired"}
	return i18n.Text{FR: string(s), EN: en[s]}
}

// Order is an order, as those who follow it see it.
type Order struct {
	Number    string          `json:"number"` // CMD-20261126-141530-7Q2M
	Offer     string          `json:"offer"`
	Usage     string          `json:"usage"`
	Product   string          `json:"product"`
	Structure string          `json:"structure,omitempty"` // Struct_IdNat
	Holder    profiles.Holder `json:"holder"`
	State     State           `json:"state"`
	Asked     Step            `json:"asked"`
	Mail      string          `json:"mail,omitempty"` // where the closing mail went
	OwnKey    bool            `json:"own_key"`        // by a certification request

	Withdrawn    *Step                `json:"withdrawn,omitempty"`
	Delivered    map[string]time.Time `json:"delivered,omitempty"` // when a PKCS#12 was handed out, by role
	Revoked      *Step                `json:"revoked,omitempty"`
	Certificates []Certificate        `json:"certificates,omitempty"`
	Card         string               `json:"card_number,omitempty"`
}

// Step is a step of an order: who, when.
type Step struct {
	At     time.Time `json:"at"`
	By     string    `json:"by"`   // [access.Caller.ID]
	Name   string    `json:"name"` // for people
	Actor  string    `json:"actor"`
	Reason string    `json:"reason,omitempty"` // of a revocation
}

// Certificate is a certificate of an order, as it is now.
type Certificate struct {
	Role     string    `json:"role"`
	Serial   string    `json:"serial"`
	Status   string    `json:"status"` // good, hold, revoked
	NotAfter time.Time `json:"not_after"`
	PEM      string    `json:"certificate,omitempty"`
}

// Target is the order as what an action is about.
func (o *Order) Target() access.Target {
	return access.Target{Structure: o.Structure, Person: o.Holder.IdNat, AskedBy: o.Asked.By}
}

// Roles are the roles of the order's certificates, in the product's order.
func (o *Order) Roles() []string {
	product, err := profiles.FindProduct(o.Product)
	if err != nil {
		return nil
	}
	var roles []string
	for _, p := range product.Certificates {
		roles = append(roles, p.Role)
	}
	return roles
}

// document is an order with what nobody is shown.
type document struct {
	Order
	Requests map[string][]byte `json:"requests,omitempty"` // PKCS#10 by role
	Password *secretHash       `json:"password,omitempty"`
	Code     *secretHash       `json:"code,omitempty"`    // of revocation
	Attempt  int               `json:"attempt,omitempty"` // of withdrawal; a new one after each [Desk.Redraw]
	Keys     map[string][]byte `json:"keys,omitempty"`    // sealed PKCS#8 by role, until it is handed out
	Issuing  bool              `json:"issuing,omitempty"` // a withdrawal was begun, and nobody said that it ended
	Drawing  bool              `json:"drawing,omitempty"` // a redraw was begun: the certificates are to be revoked
	Serials  []string          `json:"serials,omitempty"` // of what was issued, in the product's order

	version uint64
}

// The kinds of the desk's documents. An index has a document for each list that an order is in,
// whose key sorts the newest first.
var (
	orderKind = store.DocumentKind{Name: "orders.order", Audited: true}
	indexKind = store.DocumentKind{Name: "orders.index"}
)

// onceName is the name under which an attempt to withdraw is issued.
func (d *document) onceName() string { return fmt.Sprintf("orders/%s/%d", d.Number, d.Attempt) }

func (d *document) write() (store.DocumentWrite, error) {
	value, err := json.Marshal(d)
	version := d.version
	return store.DocumentWrite{Kind: orderKind, Key: d.Number, Value: value, IfVersion: &version}, err
}

// read reads an order as it is stored.
func (d *Desk) read(ctx context.Context, number string) (*document, error) {
	number = strings.ToUpper(strings.TrimSpace(number))
	stored, err := d.Documents.GetDocument(ctx, orderKind, number)
	if kind := store.KindOf(err); kind == store.NotFound || kind == store.Invalid {
		return nil, fail(CodeNone, number)
	}
	if err != nil {
		return nil, err
	}
	doc := &document{version: stored.Version}
	if err := json.Unmarshal(stored.Value, doc); err != nil {
		return nil, store.Errorf(store.Damaged, "order %s cannot be read: %w", number, err)
	}
	return doc, nil
}

// save writes an order if it is still as it was read. Errors of the lab's storage pass.
func (d *Desk) save(ctx context.Context, actor string, doc *document, more ...store.DocumentWrite) error {
	w, err := doc.write()
	if err != nil {
		return err
	}
	versions, err := d.Documents.WriteDocuments(ctx, actor, append([]store.DocumentWrite{w}, more...)...)
	if errors.Is(err, store.ErrSwap) {
		return fail(CodeAlreadyElsewhere, doc.Number)
	}
	if err != nil {
		return err
	}
	doc.version = versions[0]
	return nil
}

// finish saves the end of a step that anybody who reads the order may carry out: first is false
// when somebody else was faster, and doc is then as they left it.
func (d *Desk) finish(ctx context.Context, actor string, doc *document) (first bool, err error) {
	if err = d.save(ctx, actor, doc); CodeOf(err) != CodeAlreadyElsewhere {
		return err == nil, err
	}
	now, err := d.read(ctx, doc.Number)
	if err != nil {
		return false, err
	}
	*doc = *now
	return false, nil
}

// present completes what is shown of an order with what the lab has of its certificates now: they
// may have been revoked by other ways than this desk.
func (d *Desk) present(ctx context.Context, doc *document) (*Order, error) {
	o := doc.Order
	if len(doc.Serials) == 0 {
		return &o, nil
	}
	records, err := d.records(ctx, doc)
	if err != nil {
		return nil, err
	}
	revoked, expired := true, true
	for _, r := range records {
		_, role, _ := strings.Cut(r.Profile, "/")
		o.Certificates = append(o.Certificates, Certificate{Role: role, Serial: r.Serial, Status: string(r.Status),
			NotAfter: r.NotAfter, PEM: pemOf(r.DER)})
		revoked = revoked && r.Status == ca.Revoked
		expired = expired && d.Now().After(r.NotAfter)
	}
	switch {
	case revoked:
		o.State = Revoked
	case expired:
		o.State = Expired
	}
	return &o, nil
}

// records are those of an order's certificates, in the product's order.
func (d *Desk) records(ctx context.Context, doc *document) ([]*ca.Record, error) {
	records := make([]*ca.Record, len(doc.Serials))
	for i, serial := range doc.Serials {
		r, err := d.Service("").Find(ctx, serial)
		if err != nil {
			return nil, err
		}
		records[i] = r
	}
	return records, nil
}

// requireState refuses an order that is in another state.
func requireState(o *Order, want State) error {
	switch {
	case o.State == want:
		return nil
	case o.State == Withdrawn && want == ToWithdraw:
		return fail(CodeWithdrawn, o.Number, i18n.Date(o.Withdrawn.At), o.Withdrawn.Name)
	case o.State == Revoked:
		return fail(CodeRevoked, o.Number)
	}
	return fail(CodeState, o.Number, o.State.Name(), want.Name())
}
