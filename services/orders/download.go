package orders

import (
	"context"
	"crypto/x509"
	"fmt"
	"slices"
	"strings"
	"time"
	_ "time/tzdata" // file names have the time of Paris, on machines without a table of zones too

	"github.com/igc-lab/igc/access"
	"github.com/igc-lab/igc/ca"
	"github.com/igc-lab/igc/ca/store"
	"github.com/igc-lab/igc/card/folder"
	"github.com/igc-lab/igc/internal/i18n"
	"github.com/igc-lab/igc/internal/p12"
	"github.com/igc-lab/igc/profiles"
)

// File is a file that is handed out.
type File struct {
	Name string
	Data []byte
}

// encodings are the forms of a PKCS#12, the platform's own first.
var encodings = map[string]p12.Form{"": p12.ANS, "ans": p12.ANS, "modern": p12.Modern, "legacy": p12.Legacy}

// CheckForm refuses what is not a form of a PKCS#12.
func CheckForm(form string) error {
	if _, ok := encodings[form]; !ok {
		return fail(CodeForm, form)
	}
	return nil
}

// Download hands the key and certificate of a role out as PKCS#12, once: the order says so and has
// forgotten the key when Download returns. The role may be empty for an order of one certificate;
// the form is empty for the platform's own.
func (d *Desk) Download(ctx context.Context, caller *access.Caller, number, role, form, password string) (*File,
	error) {
	doc, err := d.reach(ctx, caller, access.Withdraw, number)
	if err != nil {
		return nil, err
	}
	if doc.IsCard() {
		return nil, fail(CodeNotElsewhere, doc.Number)
	}
	present, err := d.present(ctx, doc)
	if err != nil {
		return nil, err
	}
	if err := requireState(present, Withdrawn); err != nil {
		return nil, err
	}
	if doc.OwnKey {
		return nil, fail(CodeOwnKey, doc.Number)
	}
	roles := doc.Roles()
	if role == "" && len(roles) == 1 {
		role = roles[0]
	}
	i := slices.Index(roles, role)
	if i < 0 {
		return nil, fail(CodeRole, doc.Number, role, strings.Join(roles, ", "))
	}
	if err := CheckForm(form); err != nil {
		return nil, err
	}
	if at, done := doc.Delivered[role]; done {
		return nil, fail(CodeDelivered, doc.Number, i18n.Date(at))
	}
	if err := d.checkPassword(ctx, caller, doc, password); err != nil {
		return nil, err
	}
	key, err := d.openKey(doc, role)
	if err != nil {
		return nil, err
	}
	records, err := d.records(ctx, doc)
	if err != nil {
		return nil, err
	}
	cert, err := records[i].Certificate()
	if err != nil {
		return nil, err
	}
	chain, err := d.chain(ctx, records[i])
	if err != nil {
		return nil, err
	}
	data, err := p12.Encode(encodings[form], key, cert, chain, folder.FriendlyName(doc.Holder, role), password)
	if err != nil {
		return nil, err
	}
	if doc.Delivered == nil {
		doc.Delivered = map[string]time.Time{}
	}
	doc.Delivered[role] = d.Now().UTC().Truncate(time.Second)
	delete(doc.Keys, role)
	if err := d.save(ctx, caller.Actor, doc); err != nil {
		return nil, err
	}
	return &File{doc.fileName(role, encodings[form]), data}, nil
}

// fileName is the name that the platform gives such a file: the one seen had "EL" for ÉLÉMENTAIRE,
// the offer, the usage and the time, here that of the withdrawal in Paris.
func (doc *document) fileName(role string, form p12.Form) string {
	usage := strings.ReplaceAll(doc.Usage, "/", "")
	if _, u, err := find(doc.Offer, doc.Usage); err == nil && u.Files[role] != "" {
		usage = u.Files[role]
	}
	at := doc.Withdrawn.At
	if paris, err := time.LoadLocation("Europe/Paris"); err == nil {
		at = at.In(paris)
	}
	name := fmt.Sprintf("asip-p12-EL-TEST-%s-%s-%s", doc.Offer, usage, at.Format("20060102-150405"))
	if form != p12.ANS {
		name += "-" + string(form)
	}
	return name + ".p12"
}

// Chain is the certificates above those of an order, the nearest first, as PEM.
func (d *Desk) Chain(ctx context.Context, o *Order) (string, error) {
	product, err := profiles.FindProduct(o.Product)
	if err != nil {
		return "", err
	}
	a, err := product.IssuingAuthority()
	if err != nil {
		return "", err
	}
	chain, err := d.chain(ctx, &ca.Record{Authority: a.ID()})
	var pems strings.Builder
	for _, c := range chain {
		pems.WriteString(pemOf(c.Raw))
	}
	return pems.String(), err
}

// chain are the certificates above one that was issued, the nearest first.
func (d *Desk) chain(ctx context.Context, r *ca.Record) ([]*x509.Certificate, error) {
	infos, err := d.Service("").Authorities(ctx)
	if err != nil {
		return nil, err
	}
	a, err := profiles.ParseAuthority(r.Authority)
	if err != nil {
		return nil, err
	}
	var chain []*x509.Certificate
	for _, id := range []string{a.ID(), a.Root().ID()} {
		i := slices.IndexFunc(infos, func(info ca.AuthorityInfo) bool { return info.ID == id })
		if i < 0 {
			return nil, store.Errorf(store.NotFound, "the lab has no authority %s", id)
		}
		c, err := x509.ParseCertificate(infos[i].DER)
		if err != nil {
			return nil, err
		}
		chain = append(chain, c)
	}
	return chain, nil
}
