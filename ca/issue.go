package ca

import (
	"context"
	"crypto/rand"
	"crypto/x509"
	"encoding/binary"
	"errors"
	"fmt"
	"time"

	"github.com/igc-lab/igc/ca/store"
	"github.com/igc-lab/igc/internal/i18n"
	"github.com/igc-lab/igc/profiles"
)

// IssueRequest asks for the certificates of one product for one holder. Private keys stay with the
// asker.
type IssueRequest struct {
	Product    string              `json:"product"`
	Holder     profiles.Holder     `json:"holder"`               // a card without a number is given one
	PublicKeys map[string][]byte   `json:"public_keys"`          // SubjectPublicKeyInfo by role, one for each certificate
	NotBefore  time.Time           `json:"not_before,omitzero"`  // zero for now
	Longest    time.Duration       `json:"longest,omitempty"`    // the validity is cut to that; zero for the product's
	Generation profiles.Generation `json:"generation,omitempty"` // empty for the lab's
	URLs       *profiles.URLs      `json:"urls,omitempty"`       // nil for the lab's

	// Keys that are the holder's own: certification requests (PKCS#10, DER) by role, in the place
	// of public keys, whose proof of possession the lab checks. HolderKeys says that those of
	// PublicKeys are the holder's own too, and not proved.
	Requests   map[string][]byte `json:"requests,omitempty"`
	HolderKeys bool              `json:"holder_keys,omitempty"`

	// Once names the request, "orders/CMD-1/1". What was issued by a request of that name is noted
	// with the records, in their transaction, and a second request of the name is a Conflict:
	// whoever was interrupted learns from [IssuedOnce] what became of it. Empty for a request
	// without a name.
	Once string `json:"once,omitempty"`
}

// Issued is what was issued.
type Issued struct {
	Records []*Record `json:"records"` // one a role, in the product's order
	Chain   [][]byte  `json:"chain"`   // DER of the issuing authority and of its root

	LeftAside []i18n.Text `json:"left_aside,omitempty"` // what certification requests asked for beyond the profile
}

// Check holds a request's words to its product, before any key is made for it.
func (r *IssueRequest) Check() (*profiles.Product, error) {
	product, err := profiles.FindProduct(r.Product)
	if err != nil {
		return nil, Invalidate(err)
	}
	if product.Issuer == "" || product.Issuer == "*" {
		return nil, fail(Invalid, "%s is not issued on demand: the lab makes its own", product.ID)
	}
	holder := r.Holder
	if product.CardType != "" && holder.CardNumber == "" {
		holder.CardNumber = "0000000000"
	}
	if _, err := product.Complete(holder); err != nil {
		return nil, Invalidate(err)
	}
	switch r.Generation {
	case "", profiles.Gen2016, profiles.Gen2023:
	default:
		return nil, fail(Invalid, "unknown generation %q: choose gen2016 or gen2023", r.Generation)
	}
	return product, nil
}

// Issue signs and records the certificates of a product; all of them are on the disk before any is
// returned. It makes the authority that the product needs if the lab does not have it.
func (ca *CA) Issue(ctx context.Context, req IssueRequest) (*Issued, error) {
	product, err := req.Check()
	if err != nil {
		return nil, err
	}
	if _, err := req.takeRequests(product); err != nil { // before an authority is made for it
		return nil, err
	}
	a, err := product.IssuingAuthority()
	if err != nil {
		return nil, err
	}
	if _, err := ca.Ensure(ctx, []profiles.Authority{a}); err != nil {
		return nil, err
	}
	return ca.issue(ctx, product, a, req)
}

// IssueResponder issues a certificate for the OCSP responder of an authority.
func (ca *CA) IssueResponder(ctx context.Context, a profiles.Authority, publicKey []byte) (*Issued, error) {
	product, err := profiles.FindProduct("ocsp")
	if err != nil {
		return nil, err
	}
	return ca.issue(ctx, product, a, IssueRequest{Holder: a.ResponderHolder(), PublicKeys: map[string][]byte{"responder": publicKey}})
}

func (ca *CA) issue(ctx context.Context, product *profiles.Product, a profiles.Authority, req IssueRequest) (*Issued, error) {
	requests, err := req.takeRequests(product)
	if err != nil {
		return nil, err
	}
	issuer, err := ca.Issuer(ctx, a)
	if err != nil {
		return nil, err
	}
	issuable := func(tx store.Reader) error {
		if product.ID == "ocsp" { // the answers about what a revoked authority issued go on
			return nil
		}
		return checkIssuable(tx, a)
	}
	if err := ca.store.View(ctx, issuable); err != nil {
		return nil, err
	}
	base := profiles.Request{Holder: req.Holder, Issuer: a, Generation: req.Generation, URLs: ca.URLs,
		NotBefore: req.NotBefore, AuthorityKeyID: issuer.Certificate.SubjectKeyId}
	if base.Generation == "" {
		base.Generation = ca.Generation
	}
	if req.URLs != nil {
		base.URLs = *req.URLs
	}
	if base.NotBefore.IsZero() {
		base.NotBefore = ca.now()
	}
	chosen := req.Holder.CardNumber != ""
	// A number drawn may be taken, once in 2^64 for a serial number: draw again.
	for try := 0; ; try++ {
		if product.CardType != "" && !chosen {
			base.Holder.CardNumber = DrawCardNumber()
		}
		issued := &Issued{}
		for _, profile := range product.Certificates {
			r := base
			r.Profile, r.Serial = profile, newSerial(a, base.Generation)
			if r.PublicKey, err = x509.ParsePKIXPublicKey(req.PublicKeys[profile.Role]); err != nil {
				return nil, fail(Invalid, "public key for %s: %w", profile.ID(), err)
			}
			template, err := profiles.Build(r)
			if end := base.NotBefore.Add(req.Longest); err == nil && req.Longest > 0 && template.NotAfter.After(end) {
				r.NotAfter = end
				template, err = profiles.Build(r)
			}
			if err != nil {
				return nil, Invalidate(err)
			}
			record, err := issuer.sign(template)
			if err != nil {
				return nil, err
			}
			record.OwnKey = req.ownKeys()
			issued.Records = append(issued.Records, record)
		}
		err := ca.record(ctx, issued.Records, func(tx store.Tx) error {
			if card := base.Holder.CardNumber; card != "" && len(tx.ByCard(card)) > 0 {
				return errCardTaken
			}
			if req.ownKeys() {
				if err := claimKeys(tx, req.PublicKeys, issued.Records); err != nil {
					return err
				}
			}
			if err := noteOnce(tx, req.Once, issued.Records); err != nil {
				return err
			}
			return issuable(tx) // it may have been revoked since
		})
		switch {
		case errors.Is(err, errCardTaken) && chosen:
			return nil, fail(Conflict, "card number %s was issued already: choose another, or let the lab choose", base.Holder.CardNumber)
		case (errors.Is(err, errCardTaken) || errors.Is(err, store.ErrSerialTaken)) && try < 10:
			continue
		case err != nil:
			return nil, err
		}
		for _, c := range issuer.Chain() {
			issued.Chain = append(issued.Chain, c.Raw)
		}
		for i, profile := range product.Certificates {
			if r := requests[profile.Role]; r != nil {
				issued.LeftAside = append(issued.LeftAside, r.LeftAside(issued.Records[i].DER)...)
			}
		}
		return issued, nil
	}
}

var errCardTaken = errors.New("card number taken")

// DrawCardNumber draws a card number: ten digits, of which the first is 2, as on every test card
// seen so far.
func DrawCardNumber() string {
	b := make([]byte, 8)
	rand.Read(b) // never fails
	return fmt.Sprintf("2%09d", binary.BigEndian.Uint64(b)%1e9)
}
