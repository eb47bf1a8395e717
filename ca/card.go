package ca

import (
	"cmp"
	"context"
	"crypto"
	"crypto/x509"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"sync"

	"github.com/igc-lab/igc/card"
	"github.com/igc-lab/igc/card/folder"
	"github.com/igc-lab/igc/profiles"
)

// CardOrder asks for a card: its certificates and the folder that holds them with their keys. When
// the keys are the holder's own, there are none to hold, and nothing to protect.
type CardOrder struct {
	IssueRequest           // its public keys are made here, unless they are the holder's own
	Key          KeyPolicy // of the holder's keys
	PIN          string    // protects keys and PKCS#12 files: four to eight digits of a card, else any password
	ClearKeys    bool      // the keys are also written unprotected, see [folder.Content]
	LegacyP12    bool      // 3DES and SHA-1, for software that reads nothing newer
	Out          string    // the folder to write; empty for one named after the card's number
	Into         string    // the folder in which that one is; empty for the lab's cards

	UnblockingCode string // eight digits; empty for the one that all cards have by default
}

// CardFile is card.json, see package folder.
type CardFile = folder.Card

// CheckPIN holds a PIN to the form of the real ones.
func CheckPIN(pin string) error { return Invalidate(folder.CheckPIN(pin)) }

// Check holds an order to its product, before any key is made for it, see [IssueRequest.Check]. A
// card has a PIN; software certificates, which no chip protects, have a password of any length.
func (o *CardOrder) Check() (*profiles.Product, error) {
	product, err := o.IssueRequest.Check()
	if err != nil {
		return nil, err
	}
	switch {
	case o.ownKeys() && o.ClearKeys:
		return nil, fail(Invalid, "the keys are the holder's own: there is none to write in clear")
	case o.ownKeys():
		_, err = o.takeRequests(product)
	case product.CardType != "":
		err = CheckPIN(o.PIN)
		if o.UnblockingCode != "" {
			err = cmp.Or(err, Invalidate(card.CheckUnblockingCode(o.UnblockingCode)))
		}
	default:
		err = Invalidate(folder.CheckPassword(o.PIN))
	}
	return product, err
}

// MakeCard makes the keys, has the certificates issued and writes the card's folder, which appears
// whole or not at all.
func MakeCard(ctx context.Context, s Service, home string, order CardOrder) (*CardFile, string, error) {
	product, err := order.Check()
	if err != nil {
		return nil, "", err
	}
	if err := CheckIssuable(ctx, s, product.ID); err != nil {
		return nil, "", err
	}
	parent := order.Into
	if parent == "" {
		parent = filepath.Join(home, "cards")
	}
	if order.Out != "" {
		if entries, err := os.ReadDir(order.Out); err == nil && len(entries) > 0 {
			return nil, "", fail(Conflict, "%s is there and not empty: choose another folder", order.Out)
		} else if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return nil, "", fail(Unwritable, "cannot write the card: %w", err)
		}
		parent = filepath.Dir(filepath.Clean(order.Out))
		if err := os.MkdirAll(parent, 0o700); err != nil {
			return nil, "", fail(Unwritable, "cannot write the card: %w", err)
		}
	}
	draft, err := folder.Begin(parent)
	if err != nil {
		return nil, "", fail(Unwritable, "cannot write the card: %w", err)
	}
	defer draft.Discard()

	var keys map[string]crypto.Signer
	if !order.ownKeys() {
		if keys, err = generate(product, order.Key); err != nil {
			return nil, "", err
		}
		order.PublicKeys = map[string][]byte{}
		for role, key := range keys {
			if order.PublicKeys[role], err = x509.MarshalPKIXPublicKey(key.Public()); err != nil {
				return nil, "", err
			}
		}
	}
	if err := ctx.Err(); err != nil {
		return nil, "", err
	}
	issued, err := s.Issue(ctx, order.IssueRequest)
	if err != nil {
		return nil, "", err
	}

	dir := order.Out
	if dir == "" {
		name := issued.Records[0].Holder.CardNumber
		if name == "" {
			name = issued.Records[0].Serial
		}
		dir = filepath.Join(parent, name)
	}
	card, err := draft.Fill(content(product, order, keys, issued))
	if err == nil {
		err = draft.Name(dir)
	}
	if err != nil {
		return nil, "", fail(Unwritable, "the certificates are recorded, but their folder %s could not be written (%w): revoke %s and issue again",
			dir, err, issued.Records[0].Serial)
	}
	return card, dir, nil
}

// generate makes the keys of a product's certificates, at once.
func generate(product *profiles.Product, policy KeyPolicy) (map[string]crypto.Signer, error) {
	keys := map[string]crypto.Signer{}
	var mu sync.Mutex
	var wg sync.WaitGroup
	var failed error
	for _, p := range product.Certificates {
		wg.Go(func() {
			key, err := policy.Generate()
			mu.Lock()
			defer mu.Unlock()
			keys[p.Role], failed = key, errors.Join(failed, err)
		})
	}
	wg.Wait()
	return keys, failed
}

// content is what the card's folder holds of what was issued.
func content(product *profiles.Product, order CardOrder, keys map[string]crypto.Signer, issued *Issued) folder.Content {
	first := issued.Records[0]
	c := folder.Content{Chain: issued.Chain, PIN: order.PIN, LegacyP12: order.LegacyP12, ClearKeys: order.ClearKeys,
		UnblockingCode: order.UnblockingCode,
		Card: folder.Card{Product: product.ID, Label: product.FR, CardNumber: first.Holder.CardNumber, Holder: first.Holder,
			Lab: "TEST", Faithful: order.Key.Faithful(), OwnKey: order.ownKeys(), LeftAside: issued.LeftAside}}
	if c.Card.OwnKey {
		c.Card.Faithful = faithfulKeys(issued.Records)
	}
	for i, record := range issued.Records {
		profile := product.Certificates[i]
		c.Certificates = append(c.Certificates, folder.Certificate{Role: profile.Role, Profile: profile.ID(),
			Status: profile.StatusIn(record.Generation()), Serial: record.Serial, NotBefore: record.NotBefore, NotAfter: record.NotAfter})
		c.DER = append(c.DER, record.DER)
		c.Keys = append(c.Keys, keys[profile.Role])
	}
	return c
}
