package orders

import (
	"bytes"
	"cmp"
	"context"
	"crypto/x509"
	"slices"
	"strings"

	"github.com/igc-lab/igc/access"
	"github.com/igc-lab/igc/ca"
	"github.com/igc-lab/igc/ca/store"
	"github.com/igc-lab/igc/internal/i18n"
	"github.com/igc-lab/igc/profiles"
	"github.com/igc-lab/igc/profiles/csr"
)

// Enrol places an order and withdraws it in one step, for protocols that know no other (EST,
// EJBCA). It takes the roles of both steps. The structure may be left out, and is then the one that
// the certification request names, or the only one in which the caller may ask. The conditions are
// accepted by the contract under which the protocol is used, and there is no revocation code: such
// an order is revoked by role. The PKCS#12 of an order by password is drawn by [Desk.Download].
func (d *Desk) Enrol(ctx context.Context, caller *access.Caller, r Request) (*Order, error) {
	if (r.CSR == "") == (r.Password == "") { // a card has neither
		return nil, fail(CodeKeyChoice)
	}
	if err := deduce(caller, &r); err != nil {
		return nil, err
	}
	doc, err := d.prepare(ctx, caller, r)
	if err != nil {
		return nil, err
	}
	if err := caller.May(access.Withdraw, doc.Target()); err != nil {
		return nil, err
	}
	return d.enrol(ctx, caller, doc)
}

// deduce fills in what a request in one step leaves out: the service and the structure that its
// certification request names, or the only structure in which the caller may ask.
func deduce(caller *access.Caller, r *Request) error {
	offer, usage, err := find(r.Offer, r.Usage)
	if err != nil {
		return err
	}
	if r.CSR != "" {
		asked, err := oneRequest(r.CSR)
		if err != nil {
			return err
		}
		product, err := profiles.FindProduct(usage.Product)
		if err != nil {
			return err
		}
		h, _ := asked.Fill(product, profiles.Holder{})
		r.Structure, r.Service = cmp.Or(r.Structure, h.Structure), cmp.Or(r.Service, h.Service)
	}
	if r.Structure == "" {
		switch structures, all := caller.Structures(offer.Action); {
		case len(structures) == 1:
			r.Structure = structures[0]
		case len(structures) == 0 && !all:
			return caller.May(offer.Action, access.Target{}) // nowhere, and this says why
		}
	}
	return nil
}

// enrol writes an order down as one whose withdrawal has begun, and ends it. After an interruption,
// whoever reads the order next does. One that cannot be issued leaves no order: nobody would come
// to withdraw it.
func (d *Desk) enrol(ctx context.Context, caller *access.Caller, doc *document) (*Order, error) {
	doc.State = ToWithdraw
	if err := d.begin(ctx, caller, doc, "", indexWrites(doc)...); err != nil {
		return nil, err
	}
	if err := d.issue(ctx, doc); err != nil {
		if !doc.Issuing {
			d.forget(ctx, caller.Actor, doc)
		}
		return nil, err
	}
	return d.present(ctx, doc)
}

// forget removes an order and its places in lists.
func (d *Desk) forget(ctx context.Context, actor string, doc *document) {
	version := doc.version
	writes := []store.DocumentWrite{{Kind: orderKind, Key: doc.Number, Delete: true, IfVersion: &version}}
	for _, w := range indexWrites(doc) {
		writes = append(writes, store.DocumentWrite{Kind: w.Kind, Key: w.Key, Delete: true})
	}
	if _, err := d.Documents.WriteDocuments(ctx, actor, writes...); err != nil {
		d.Log.Error("an order that cannot be issued stays", "order", doc.Number, "err", err)
	}
}

// Reenrol issues another certificate of the same product to the same holder (RFC 7030 4.2.2). The
// certificate, in DER, is what the caller's connection proved to have the key of: while it is good
// and the lab's, it is authority enough, without a role. The request, in PEM, has its subject and
// names; its key may be the same or another. The caller is nil when the certificate opens no way in
// to the lab, such as a server's.
func (d *Desk) Reenrol(ctx context.Context, caller *access.Caller, certificate []byte, request string) (*Order,
	error) {
	cert, record, err := d.renewable(ctx, certificate)
	if err != nil {
		return nil, err
	}
	id, role, _ := strings.Cut(record.Profile, "/")
	product, err := profiles.FindProduct(id)
	if err != nil {
		return nil, err
	}
	offer, usage := usageOf(product)
	if usage == nil || product.CardType != "" || len(product.Certificates) != 1 {
		return nil, fail(CodeRenewProduct, record.Serial, i18n.Text{FR: product.FR, EN: product.EN})
	}
	asked, err := oneRequest(request)
	if err != nil {
		return nil, err
	}
	if err := sameNames(asked, cert); err != nil {
		return nil, err
	}
	if caller == nil {
		caller = ofCertificate(record)
	}
	doc := &document{Order: Order{Number: d.drawNumber(), Offer: offer.ID, Usage: usage.ID, Product: product.ID,
		Structure: record.Holder.Structure, Holder: record.Holder, Asked: d.step(caller), OwnKey: true},
		Requests: map[string][]byte{role: asked.Raw}}
	return d.enrol(ctx, caller, doc)
}

// renewable finds a certificate that may be renewed: it is the lab's, to the byte, and good.
func (d *Desk) renewable(ctx context.Context, certificate []byte) (*x509.Certificate, *ca.Record, error) {
	cert, err := x509.ParseCertificate(certificate)
	if err != nil {
		return nil, nil, fail(CodeRenewCertificate, "?")
	}
	serial := profiles.SerialHex(cert.SerialNumber)
	record, err := d.Service("").Find(ctx, serial)
	switch kind := store.KindOf(err); {
	case err != nil && (kind == store.NotFound || kind == store.Invalid),
		err == nil && !bytes.Equal(record.DER, certificate):
		return nil, nil, fail(CodeRenewCertificate, serial)
	case err != nil:
		return nil, nil, err
	case record.Status == ca.Revoked:
		return nil, nil, fail(CodeRenewStatus, record.Serial, i18n.Text{FR: "révoqué", EN: "revoked"})
	case record.Status != ca.Good:
		return nil, nil, fail(CodeRenewStatus, record.Serial, i18n.Text{FR: "suspendu", EN: "on hold"})
	case d.Now().After(record.NotAfter):
		return nil, nil, fail(CodeRenewStatus, record.Serial, i18n.Text{FR: "expiré", EN: "expired"})
	}
	return cert, record, nil
}

// usageOf finds what a product is ordered as; nil for one that is not ordered.
func usageOf(product *profiles.Product) (*Offer, *Usage) {
	for i := range offers {
		for j := range offers[i].Usages {
			u := &offers[i].Usages[j]
			if p, err := u.product(product.Service); u.Product == product.ID || err == nil && p.ID == product.ID {
				return &offers[i], u
			}
		}
	}
	return nil, nil
}

// oneRequest reads a certification request that is alone, and checks its proof of possession.
func oneRequest(text string) (*csr.Request, error) {
	if len(text) > maxCSR {
		return nil, fail(CodeRequest, i18n.Text{FR: "plus de 64 Kio", EN: "longer than 64 KiB"})
	}
	requests, err := csr.Read([]byte(text))
	if err != nil {
		return nil, fail(CodeRequest, i18n.TextOf(err))
	}
	if len(requests) != 1 {
		return nil, fail(CodeRequest, i18n.Text{FR: "%d demandes pour un certificat",
			EN: "%d requests for one certificate"}.Format(len(requests)))
	}
	if _, err := requests[0].Check(); err != nil {
		return nil, fail(CodeRequest, i18n.TextOf(err))
	}
	return requests[0], nil
}

// oidChangeSubjectName is the attribute that asks for other names (RFC 6402 2.8).
const oidChangeSubjectName = "1.3.6.1.5.5.7.7.36"

// sameNames holds a request to the subject and the subjectAltName of a certificate. The string
// types of names may differ: programs that write a name anew choose their own.
func sameNames(r *csr.Request, cert *x509.Certificate) error {
	subject, err := profiles.ParseName(cert.RawSubject)
	if err != nil {
		return err
	}
	if !slices.EqualFunc(r.Subject, subject, sameRDN) {
		return fail(CodeRenewNames, i18n.Text{FR: "sujet", EN: "subject"}, r.Subject.String(), subject.String())
	}
	if r.HasAttribute(oidChangeSubjectName) {
		return fail(CodeRenewNames, i18n.Text{FR: "sujet", EN: "subject"}, "changeSubjectName", subject.String())
	}
	asked := slices.Concat(prefixed("DNS:", r.DNSNames), prefixed("email:", r.EmailAddresses), r.OtherNames)
	for _, ip := range r.IPAddresses {
		asked = append(asked, "IP:"+ip.String())
	}
	has := slices.Concat(prefixed("DNS:", cert.DNSNames), prefixed("email:", cert.EmailAddresses))
	for _, ip := range cert.IPAddresses {
		has = append(has, "IP:"+ip.String())
	}
	slices.Sort(asked)
	slices.Sort(has)
	if !slices.Equal(asked, has) {
		return fail(CodeRenewNames, i18n.Same("subjectAltName"), strings.Join(asked, ", "), strings.Join(has, ", "))
	}
	return nil
}

// sameRDN compares the attributes of an RDN, which is a set.
func sameRDN(a, b profiles.RDN) bool {
	sorted := func(rdn profiles.RDN) profiles.RDN {
		return slices.SortedFunc(slices.Values(rdn), func(x, y profiles.AVA) int {
			return cmp.Or(strings.Compare(x.Type.String(), y.Type.String()), strings.Compare(x.Value, y.Value))
		})
	}
	return slices.EqualFunc(sorted(a), sorted(b), func(x, y profiles.AVA) bool {
		return x.Type.Equal(y.Type) && x.Value == y.Value
	})
}

func prefixed(kind string, names []string) []string {
	list := make([]string, len(names))
	for i, name := range names {
		list[i] = kind + name
	}
	return list
}

// ofCertificate is the holder of a certificate that opens no way in, as a caller who may nothing
// but what the certificate itself is authority for.
func ofCertificate(r *ca.Record) *access.Caller {
	id := cmp.Or(r.Holder.IdNat, r.Holder.Structure+"/"+r.Holder.Service)
	return &access.Caller{Way: access.Certificate, Actor: string(access.Certificate) + ":" + id, ID: id,
		Name: r.Holder.DisplayName(), Structure: r.Holder.Structure, Authority: r.Authority, Serial: r.Serial}
}
