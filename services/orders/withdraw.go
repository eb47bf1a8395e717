package orders

import (
	"context"
	"crypto"
	"crypto/x509"
	"unicode/utf8"

	"github.com/igc-lab/igc/access"
	"github.com/igc-lab/igc/ca"
	"github.com/igc-lab/igc/ca/store"
	"github.com/igc-lab/igc/profiles"
)

// Withdrawal is what Retirer takes.
type Withdrawal struct {
	Code      string `json:"code"`       // the revocation code that the withdrawer chooses
	CodeAgain string `json:"code_again"` // once more
	Accept    bool   `json:"accept"`     // the conditions of use
	Password  string `json:"password,omitempty"`
}

// tries is how many wrong codes or passwords in a row an order takes.
const tries = 10

// sealPurpose is what keys that wait to be handed out are sealed for.
const sealPurpose = "orders.key"

// Accepted refuses a withdrawal whose conditions are not accepted. Whoever asks a person for a code
// and a password asks this first.
func (w Withdrawal) Accepted() error {
	if !w.Accept {
		return fail(CodeConditions)
	}
	return nil
}

// Withdraw withdraws an order: the certificates are issued. Those of an order by certification
// request are in the order then; a PKCS#12 is drawn by [Desk.Download].
func (d *Desk) Withdraw(ctx context.Context, caller *access.Caller, number string, w Withdrawal) (*Order, error) {
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
	if err := requireState(present, ToWithdraw); err != nil {
		return nil, err
	}
	if err := w.Accepted(); err != nil {
		return nil, err
	}
	switch n := utf8.RuneCountInString(w.Code); {
	case n < minCode || n > maxCode:
		return nil, fail(CodeCodeForm, minCode, maxCode)
	case w.Code != w.CodeAgain:
		return nil, fail(CodeCodeTwice)
	}
	if err := d.checkPassword(ctx, caller, doc, w.Password); err != nil {
		return nil, err
	}
	if err := d.begin(ctx, caller, doc, w.Code); err != nil {
		return nil, err
	}
	if err := d.issue(ctx, doc); err != nil {
		return nil, err
	}
	return d.present(ctx, doc)
}

// checkPassword holds a password to the one of the order, and counts the wrong ones.
func (d *Desk) checkPassword(ctx context.Context, caller *access.Caller, doc *document, password string) error {
	return d.try(ctx, caller, doc, doc.Password, password, CodeWrongPassword, CodePasswordBlocked)
}

// try compares a secret. Each wrong one is written down before it is answered, so that trying at
// several places at once counts too.
func (d *Desk) try(ctx context.Context, caller *access.Caller, doc *document, hash *secretHash, given string,
	wrong, blocked Code) error {
	if hash == nil {
		return nil
	}
	if hash.Wrong >= tries {
		return fail(blocked, doc.Number)
	}
	if hash.matches(given) {
		hash.Wrong = 0 // written with what follows
		return nil
	}
	hash.Wrong++
	if err := d.save(ctx, caller.Actor, doc); err != nil {
		return err
	}
	if hash.Wrong >= tries {
		return fail(blocked, doc.Number)
	}
	return fail(wrong, doc.Number, tries-hash.Wrong)
}

// begin writes a withdrawal down before anything is issued: its code, if it has one, and the keys
// that it makes.
func (d *Desk) begin(ctx context.Context, caller *access.Caller, doc *document, code string,
	more ...store.DocumentWrite) (err error) {
	if code != "" {
		if doc.Code, err = hashSecret(code); err != nil {
			return err
		}
	}
	if !doc.OwnKey {
		product, err := profiles.FindProduct(doc.Product)
		if err != nil {
			return err
		}
		doc.Keys = map[string][]byte{}
		for _, p := range product.Certificates {
			if err := ctx.Err(); err != nil {
				return err
			}
			key, err := d.Key.Generate()
			if err != nil {
				return err
			}
			plain, err := x509.MarshalPKCS8PrivateKey(key)
			if err != nil {
				return err
			}
			if doc.Keys[p.Role], err = d.Seal.Seal(sealPurpose, plain); err != nil {
				return err
			}
		}
	}
	doc.Attempt++
	doc.Issuing = true
	step := d.step(caller)
	doc.Withdrawn = &step
	return d.save(ctx, caller.Actor, doc, more...)
}

// issue issues what a withdrawal asked for, unless that was done before it was interrupted, and
// says so in the order. When nothing can be issued, the order is to be withdrawn as before.
func (d *Desk) issue(ctx context.Context, doc *document) error {
	actor := doc.Withdrawn.Actor
	service := d.Service(actor)
	records, err := ca.IssuedOnce(ctx, service, doc.onceName())
	if err != nil {
		return err
	}
	if records == nil {
		request := ca.IssueRequest{Product: doc.Product, Holder: doc.Holder, Requests: doc.Requests,
			Once: doc.onceName()}
		if !doc.OwnKey {
			if request.PublicKeys, err = d.publicKeys(doc); err != nil {
				return err
			}
		}
		issued, err := service.Issue(ctx, request)
		switch {
		case err == nil:
			records = issued.Records
		case store.KindOf(err) == store.Conflict || store.KindOf(err) == store.Invalid:
			// Elsewhere it may have been carried out meanwhile.
			if records, _ = ca.IssuedOnce(ctx, service, doc.onceName()); records == nil {
				doc.Issuing, doc.Withdrawn, doc.Keys, doc.Code = false, nil, nil, nil
				if failed := d.save(ctx, actor, doc); failed != nil {
					return failed
				}
				return err
			}
		default:
			return err // it is tried again by whoever reads the order next
		}
	}
	doc.Issuing, doc.State, doc.Serials = false, Withdrawn, nil
	for _, r := range records {
		doc.Serials = append(doc.Serials, r.Serial)
	}
	if first, err := d.finish(ctx, actor, doc); err != nil || !first {
		return err
	}
	d.mailWithdrawn(ctx, doc)
	return nil
}

// publicKeys are those of the keys that a withdrawal made.
func (d *Desk) publicKeys(doc *document) (map[string][]byte, error) {
	public := map[string][]byte{}
	for role := range doc.Keys {
		key, err := d.openKey(doc, role)
		if err != nil {
			return nil, err
		}
		if public[role], err = x509.MarshalPKIXPublicKey(key.Public()); err != nil {
			return nil, err
		}
	}
	return public, nil
}

// openKey opens a key that waits to be handed out.
func (d *Desk) openKey(doc *document, role string) (crypto.Signer, error) {
	plain, err := d.Seal.Unseal(sealPurpose, doc.Keys[role])
	if err != nil {
		return nil, err
	}
	key, err := x509.ParsePKCS8PrivateKey(plain)
	if err != nil {
		return nil, err
	}
	signer, ok := key.(crypto.Signer)
	if !ok {
		return nil, store.Errorf(store.Damaged, "the key of order %s cannot be read: %w", doc.Number,
			x509.ErrUnsupportedAlgorithm)
	}
	return signer, nil
}
