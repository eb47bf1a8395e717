package ca

import (
	"bytes"
	"context"
	"crypto/x509"
	"encoding/binary"
	"errors"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/igc-lab/igc/ca/store"
)

// Seed fills the lab with certificates that nobody signed, to see how a large lab behaves: copies
// of a card's, each with a serial number, a card and a holder of its own, and some of them revoked.
// Records, lists and lookups are those of a real lab; no signature of a copy verifies.
func (ca *CA) Seed(ctx context.Context, card IssueRequest, certificates, revoked int) error {
	if certificates < 0 || revoked < 0 || revoked > certificates {
		return fail(Invalid, "cannot seed %d certificates of which %d are revoked", certificates, revoked)
	}
	product, err := card.Check()
	if err != nil {
		return err
	}
	keys, err := generate(product, ca.Policy)
	if err != nil {
		return err
	}
	card.PublicKeys = map[string][]byte{}
	for role, key := range keys {
		if card.PublicKeys[role], err = x509.MarshalPKIXPublicKey(key.Public()); err != nil {
			return err
		}
	}
	issued, err := ca.Issue(ctx, card)
	if err != nil {
		return err
	}
	templates := make([]seedling, len(issued.Records))
	for i, r := range issued.Records {
		if templates[i], err = newSeedling(r); err != nil {
			return err
		}
	}
	const batch = 20000
	begin := ca.now().AddDate(-1, 0, 0)
	// Ascending keys, so that the file is written from front to back; beside those of a seeding
	// before.
	gap := ^uint64(0) / uint64(certificates+1)
	first := rand.Uint64N(gap)
	for done := 0; done < certificates; done += batch {
		n := min(batch, certificates-done)
		if err := ca.store.Restore(ctx, ca.actor, func(tx store.RestoreTx) error {
			for i := done; i < done+n; i++ {
				r := templates[i%len(templates)].copy(first+gap*uint64(i), i/len(templates))
				if err := tx.RestoreCertificate(r); err != nil {
					return err
				}
				// as many as asked for, spread evenly over all
				if k := (i + 1) * revoked / certificates; k > i*revoked/certificates {
					at := begin.Add(time.Duration(k) * time.Second)
					if err := tx.RestoreRevocation(r.Key(), Revocation{At: at, Reason: "superseded"}, r.NotAfter); err != nil {
						return err
					}
				}
			}
			return tx.Append(store.Change{Kind: store.LabSeeded, Note: fmt.Sprintf("%d certificates without a signature", n)})
		}); err != nil {
			return err
		}
		if ca.Progress != nil {
			ca.Progress("certificates", done+n, certificates)
		}
	}
	return nil
}

// seedling is a certificate to copy, with the place of its serial number.
type seedling struct {
	*Record
	serial []byte
	at     int
}

func newSeedling(r *Record) (seedling, error) {
	c, err := x509.ParseCertificate(r.DER)
	if err != nil {
		return seedling{}, err
	}
	serial := c.SerialNumber.Bytes()
	at := bytes.Index(r.DER, serial)
	if len(serial) < 16 || at < 0 {
		return seedling{}, errors.New("cannot seed from a certificate whose serial number has no 16 bytes")
	}
	return seedling{r, serial, at}, nil
}

func (t seedling) copy(low uint64, card int) *Record {
	r := *t.Record
	serial := binary.BigEndian.AppendUint64(bytes.Clone(t.serial[:8]), low)
	r.DER = bytes.Clone(r.DER)
	copy(r.DER[t.at:], serial)
	r.Serial = fmt.Sprintf("%X", serial)
	r.Holder.CardNumber = fmt.Sprintf("1%09d", card)
	r.Holder.IdNat = fmt.Sprintf("899%09d", card)
	return &r
}
