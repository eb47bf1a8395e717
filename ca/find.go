package ca

import (
	"bytes"
	"context"
	"encoding/binary"
	"encoding/hex"
	"math/big"
	"slices"
	"strings"
	"time"

	bolt "go.etcd.io/bbolt"

	"github.com/igc-lab/igc/profiles"
)

// Find returns the one certificate whose serial number begins with the digits; colons and spaces are taken out.
func (l *Lab) Find(ctx context.Context, serial string) (r *Record, err error) {
	err = l.view(ctx, func(tx *bolt.Tx) error {
		r, err = findRecord(tx, serial)
		return err
	})
	return r, err
}

func findRecord(tx *bolt.Tx, serial string) (*Record, error) {
	digits := strings.ToUpper(strings.NewReplacer(":", "", " ", "").Replace(serial))
	if len(digits) < 4 {
		return nil, fail(Invalid, "serial number %q is too short: give at least four hexadecimal digits, as igc list shows them", serial)
	}
	whole, err := hex.DecodeString(digits[:len(digits)/2*2])
	if err != nil {
		return nil, fail(Invalid, "%q is not a serial number: give its hexadecimal digits, as igc list shows them", serial)
	}
	var found []*Record
	for _, a := range profiles.Authorities() {
		b := bucket(tx, a.ID())
		if b == nil {
			continue
		}
		c := b.Bucket(bSerials).Cursor()
		for k, _ := c.Seek(whole); bytes.HasPrefix(k, whole) && len(found) < 2; k, _ = c.Next() {
			if !strings.HasPrefix(profiles.SerialHex(new(big.Int).SetBytes(k)), digits) {
				continue
			}
			r, err := readRecord(b, a.ID(), k)
			if err != nil {
				return nil, err
			}
			found = append(found, r)
		}
	}
	switch len(found) {
	case 0:
		return nil, fail(NotFound, "no certificate has the serial number %s: igc list shows those of the lab", digits)
	case 1:
		return found[0], nil
	}
	return nil, fail(Invalid, "several certificates begin with %s (%s, %s...): give more digits", digits, found[0].Serial, found[1].Serial)
}

// Lookup returns what the authority issued under that serial number; NotFound when it did not.
func (l *Lab) Lookup(ctx context.Context, a profiles.Authority, serial []byte) (r *Record, err error) {
	err = l.view(ctx, func(tx *bolt.Tx) error {
		b := bucket(tx, a.ID())
		if b == nil {
			return fail(NotFound, "the lab has no authority %s", a.ID())
		}
		r, err = readRecord(b, a.ID(), serial)
		return err
	})
	return r, err
}

// Status tells of a certificate what OCSP needs: whether the authority issued it, and its revocation, if any. It reads
// less than [Lab.Lookup] does.
func (l *Lab) Status(ctx context.Context, a profiles.Authority, serial []byte) (v *Revocation, issued bool, err error) {
	err = l.view(ctx, func(tx *bolt.Tx) error {
		b := bucket(tx, a.ID())
		if b == nil {
			return fail(NotFound, "the lab has no authority %s", a.ID())
		}
		var s status
		_, s, issued = statusOf(b, serial)
		v = s.revocation()
		return nil
	})
	return v, issued, err
}

// Filter chooses among the certificates issued. Its zero value lets all pass.
type Filter struct {
	Product       string    `json:"product,omitempty"`
	Holder        string    `json:"holder,omitempty"` // a part of the name or identifier, without regard to case and accents
	Card          string    `json:"card,omitempty"`   // card number
	Status        Status    `json:"status,omitempty"`
	ExpiresBefore time.Time `json:"expires_before,omitzero"`
	EndEntities   bool      `json:"end_entities,omitempty"` // leaves out authorities and their responders

	After  uint64 `json:"after,omitempty"`  // only those issued after that [Record.Number]
	Limit  int    `json:"limit,omitempty"`  // at most so many; 0 for all
	Newest bool   `json:"newest,omitempty"` // with a limit: the last that pass, not the first
}

func (f Filter) passes(r *Record) bool {
	product, _, _ := strings.Cut(r.Profile, "/")
	switch {
	case f.Product != "" && f.Product != product,
		f.Card != "" && f.Card != r.Holder.CardNumber,
		f.Status != "" && f.Status != r.Status,
		!f.ExpiresBefore.IsZero() && !r.NotAfter.Before(f.ExpiresBefore),
		f.EndEntities && (product == "acr" || product == "aci" || product == "ocsp"):
		return false
	}
	if f.Holder == "" {
		return true
	}
	name := r.Holder.DisplayName() + " " + r.Holder.IdNat + " " + r.Holder.Organisation
	return strings.Contains(profiles.Fold(name), profiles.Fold(f.Holder))
}

// List returns the certificates that pass the filter, in the order of issue. It costs as much as it has to look at: a
// card's, or the newest few, cost the same in a lab of a million.
func (l *Lab) List(ctx context.Context, f Filter) (records []*Record, err error) {
	err = l.view(ctx, func(tx *bolt.Tx) error {
		records = nil
		take := func(n uint64, t target) (bool, error) {
			if err := ctx.Err(); err != nil {
				return false, err
			}
			r, err := issuedRecord(tx, t)
			if err != nil {
				return false, err
			}
			if r.Number = n; f.passes(r) {
				records = append(records, r)
			}
			return f.Limit == 0 || len(records) < f.Limit, nil
		}
		if f.Card != "" {
			for _, t := range indexed(tx, bCards, f.Card) {
				if more, err := take(0, t); !more || err != nil {
					return err
				}
			}
			return nil
		}
		return f.walk(tx, take)
	})
	if f.Newest && f.Card == "" {
		slices.Reverse(records)
	}
	return records, err
}

// walk goes over what was issued, from the oldest or from the newest, until take says that it is enough.
func (f Filter) walk(tx *bolt.Tx, take func(uint64, target) (bool, error)) error {
	b := tx.Bucket(bIssued)
	if b == nil {
		return nil
	}
	c := b.Cursor()
	step := c.Next
	k, v := c.Seek(u64(f.After + 1))
	if f.Newest {
		step = c.Prev
		k, v = c.Last()
	}
	for ; k != nil; k, v = step() {
		if len(k) != 8 {
			return damage("the order of what was issued, at %X", k)
		}
		if binary.BigEndian.Uint64(k) <= f.After {
			break
		}
		authority, serial, _ := bytes.Cut(v, []byte{0})
		if more, err := take(binary.BigEndian.Uint64(k), target{string(authority), serial}); !more || err != nil {
			return err
		}
	}
	return nil
}

// Each calls do for each certificate that passes the filter, in the order of issue, and reads them some at a time.
func Each(ctx context.Context, s Service, f Filter, do func(*Record) error) error {
	const page = 500
	limit := f.Limit
	for {
		if f.Limit = page; limit > 0 {
			f.Limit = min(page, limit)
		}
		records, err := s.List(ctx, f)
		if err != nil {
			return err
		}
		for _, r := range records {
			if err := do(r); err != nil {
				return err
			}
		}
		if limit -= len(records); len(records) < f.Limit || limit == 0 || f.Card != "" {
			return nil
		}
		f.After = records[len(records)-1].Number
	}
}
