package orders

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/igc-lab/igc/access"
	"github.com/igc-lab/igc/ca"
	"github.com/igc-lab/igc/ca/store"
	"github.com/igc-lab/igc/internal/i18n"
	"github.com/igc-lab/igc/profiles"
	"github.com/igc-lab/igc/profiles/csr"
)

// Request asks for a certificate or a card: what Demander takes. Nothing else of a holder can be
// chosen: the rest follows from the structure, the product and the platform.
type Request struct {
	Offer     string `json:"offer,omitempty"`     // ORG; may be left out where the usage says it
	Usage     string `json:"usage"`               // AUTH_CLI
	Structure string `json:"structure,omitempty"` // Struct_IdNat

	// Of the holder. Organisation and Department follow from the structure where that is known.
	Organisation string   `json:"organisation,omitempty"`
	Department   string   `json:"department,omitempty"`
	Service      string   `json:"service,omitempty"` // « Service applicatif », or the name of a server
	DNSNames     []string `json:"dns_names,omitempty"`
	Email        string   `json:"email,omitempty"`
	GivenName    string   `json:"given_name,omitempty"`
	Surname      string   `json:"surname,omitempty"`
	IdNat        string   `json:"id_nat,omitempty"` // of a person: PS_IdNat
	Profession   string   `json:"profession,omitempty"`
	Specialities []string `json:"specialities,omitempty"`

	// One of both, of an order of certificates. CSR is PEM; several requests of a product with
	// several certificates are in the order of these.
	CSR      string `json:"csr,omitempty"`
	Password string `json:"password,omitempty"` // of the key to be made

	Contact string `json:"contact,omitempty"` // where the closing mail goes; empty for the caller's own address
}

// Bounds of what people choose. Their encodings are modelled.
const (
	minPassword = 8
	maxPassword = 64
	minCode     = 6
	maxCode     = 64
	maxCSR      = 64 << 10
)

// Place asks for a certificate, or for a card, which is then made at once.
func (d *Desk) Place(ctx context.Context, caller *access.Caller, r Request) (*Order, error) {
	doc, err := d.prepare(ctx, caller, r)
	if err != nil {
		return nil, err
	}
	return d.place(ctx, doc)
}

// place writes an order down and carries out what follows at once.
func (d *Desk) place(ctx context.Context, doc *document) (*Order, error) {
	if err := d.save(ctx, doc.Asked.Actor, doc, indexWrites(doc)...); err != nil {
		return nil, err
	}
	if err := d.complete(ctx, doc); err != nil {
		return nil, err
	}
	return d.present(ctx, doc)
}

// prepare holds a request to its product and to what the caller may ask for. Nothing is written.
func (d *Desk) prepare(ctx context.Context, caller *access.Caller, r Request) (*document, error) {
	offer, usage, err := find(r.Offer, r.Usage)
	if err != nil {
		return nil, err
	}
	service := strings.TrimSpace(r.Service)
	product, err := usage.product(service)
	if err != nil {
		return nil, err
	}
	h := profiles.Holder{Organisation: r.Organisation,
		Department: r.Department, Service: service, DNSNames: r.DNSNames, Email: r.Email, GivenName: r.GivenName,
		Surname: r.Surname, IdNat: profiles.NormalizeIdNat(r.IdNat), Profession: r.Profession,
		Specialities: r.Specialities}
	if r.Structure != "" {
		if h.Structure, err = access.ParseStructure(r.Structure); err != nil {
			return nil, fail(CodeField, i18n.Same("structure"), i18n.TextOf(err))
		}
	}
	structure := h.Structure
	doc := &document{Order: Order{Number: d.drawNumber(), Offer: offer.ID, Usage: usage.ID, Product: product.ID,
		Structure: structure, State: Asked, Asked: d.step(caller), Mail: r.Contact}}
	doc.Holder = h
	if structure == "" && offer.Action != access.OrderPersonal {
		return nil, fail(CodeStructure)
	}
	if err := caller.May(offer.Action, access.Target{Structure: structure, Person: h.IdNat}); err != nil {
		return nil, err
	}
	if err := d.structure(ctx, &h); err != nil {
		return nil, err
	}
	if err := doc.takeKeys(product, &r, &h); err != nil {
		return nil, err
	}
	if err := d.person(ctx, product, &h); err != nil {
		return nil, err
	}
	if !product.Names("OU") {
		h.Structure, h.Organisation, h.Department = "", "", ""
	}
	request := ca.IssueRequest{Product: product.ID, Holder: h}
	if _, err := request.Check(); err != nil {
		return nil, fieldError(err)
	}
	if doc.Holder, err = product.Complete(withNumber(product, h)); err != nil {
		return nil, fieldError(err)
	}
	if product.CardType != "" {
		if doc.Card, err = d.drawCardNumber(ctx); err != nil {
			return nil, err
		}
		doc.Holder.CardNumber = doc.Card
	}
	return doc, nil
}

// withNumber gives the holder of a card a number, without which a product is not complete.
func withNumber(p *profiles.Product, h profiles.Holder) profiles.Holder {
	if p.CardType != "" {
		h.CardNumber = "2000000000"
	}
	return h
}

// person completes the holder of a person's product with what is known of them.
func (d *Desk) person(ctx context.Context, p *profiles.Product, h *profiles.Holder) error {
	if !p.Names("GN") || h.IdNat == "" || d.People == nil {
		return nil
	}
	known, err := d.People.Find(ctx, h.IdNat)
	if kind := store.KindOf(err); err != nil && (kind == store.NotFound || kind == store.Invalid) {
		return nil
	}
	if err != nil {
		return err
	}
	if h.GivenName == "" {
		h.GivenName = known.GivenName
	}
	if h.Surname == "" {
		h.Surname = known.FamilyName
	}
	return nil
}

// takeKeys takes the certification requests, or the password of the keys to be made.
func (doc *document) takeKeys(product *profiles.Product, r *Request, h *profiles.Holder) error {
	switch {
	case product.CardType != "":
		if r.CSR != "" || r.Password != "" {
			return fail(CodeField, i18n.Text{FR: "mot de passe", EN: "password"}, i18n.Text{
				FR: "les clés d'une carte sont dans sa puce : ni CSR ni mot de passe",
				EN: "the keys of a card are in its chip: neither a CSR nor a password"})
		}
		return nil
	case (r.CSR == "") == (r.Password == ""):
		return fail(CodeKeyChoice)
	case r.Password != "":
		if n := utf8.RuneCountInString(r.Password); n < minPassword || n > maxPassword {
			return fail(CodePasswordForm, minPassword, maxPassword)
		}
		var err error
		doc.Password, err = hashSecret(r.Password)
		return err
	case len(r.CSR) > maxCSR:
		return fail(CodeRequest, i18n.Text{FR: "plus de 64 Kio", EN: "longer than 64 KiB"})
	}
	requests, err := csr.Read([]byte(r.CSR))
	if err != nil {
		return fail(CodeRequest, i18n.TextOf(err))
	}
	if len(requests) != len(product.Certificates) {
		return fail(CodeRequest, i18n.Text{FR: "%d demandes pour %d certificats, chacun de sa clé",
			EN: "%d requests for %d certificates, each of a key of its own"}.Format(len(requests),
			len(product.Certificates)))
	}
	doc.OwnKey, doc.Requests = true, map[string][]byte{}
	for i, p := range product.Certificates {
		if _, err := requests[i].Check(); err != nil {
			return fail(CodeRequest, i18n.TextOf(err))
		}
		doc.Requests[p.Role] = requests[i].Raw
		structure := h.Structure
		*h, _ = requests[i].Fill(product, *h)
		h.Structure = structure // a request decides its key and what it serves, not for whom it is
	}
	return nil
}

// fieldError is an error of a holder as an order's.
func fieldError(err error) error {
	var field *profiles.FieldError
	if errors.As(err, &field) {
		return fail(CodeField, i18n.Same(field.Field), i18n.TextOf(err))
	}
	return err
}

// open opens an order to withdrawal: the closing mail is sent.
func (d *Desk) open(ctx context.Context, doc *document) error {
	doc.Mail = d.mailClosing(ctx, doc)
	doc.State = ToWithdraw
	_, err := d.finish(ctx, doc.Asked.Actor, doc)
	return err
}

// alphabet is that of the drawn part of numbers: Crockford's base 32, which nobody misreads.
const alphabet = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"

// drawNumber draws the number of an order: its time, and six characters that no two of a second
// share. It gives no right: who may see an order is a matter of roles.
func (d *Desk) drawNumber() string {
	drawn := make([]byte, 6)
	rand.Read(drawn) // never fails
	for i := range drawn {
		drawn[i] = alphabet[drawn[i]%32]
	}
	return fmt.Sprintf("CMD-%s-%s", d.Now().UTC().Format("20060102-150405"), drawn)
}

// drawCardNumber draws a card number that is not in use.
func (d *Desk) drawCardNumber(ctx context.Context) (string, error) {
	for {
		number := ca.DrawCardNumber()
		taken, err := d.Service("").List(ctx, ca.Filter{Card: number, Limit: 1})
		if err != nil || len(taken) == 0 {
			return number, err
		}
	}
}

// indexWrites are the documents by which lists find an order.
func indexWrites(doc *document) []store.DocumentWrite {
	var writes []store.DocumentWrite
	fresh := uint64(0)
	at := newestFirst(doc.Asked.At) + doc.Number
	lists := []string{"a/", "p/" + doc.Asked.By + "/"}
	if doc.Structure != "" {
		lists = append(lists, "s/"+doc.Structure+"/")
	}
	if id := doc.Holder.IdNat; id != "" && id != doc.Asked.By {
		lists = append(lists, "p/"+id+"/")
	}
	for _, list := range lists {
		writes = append(writes, store.DocumentWrite{Kind: indexKind, Key: list + at, Value: []byte("{}"),
			IfVersion: &fresh})
	}
	return writes
}

// newestFirst is the part of a key that sorts the newest first.
func newestFirst(at time.Time) string { return fmt.Sprintf("%010d/", 9_999_999_999-at.Unix()) }
