package ca

import (
	"context"
	"errors"
	"slices"

	"github.com/igc-lab/igc/ca/store"
	"github.com/igc-lab/igc/profiles"
)

// Find returns the one certificate of that serial number, or whose serial number begins or ends
// with those hexadecimal digits, or has them after the prefix of its authority. It takes the forms
// in which programs print serial numbers.
func (ca *CA) Find(ctx context.Context, serial string) (r *Record, err error) {
	err = ca.store.View(ctx, func(tx store.Reader) error {
		r, err = findRecord(tx, serial)
		return err
	})
	return r, err
}

func findRecord(r store.Reader, text string) (*Record, error) {
	s := parseSerial(text)
	if len(s.whole) == 0 {
		return nil, fail(Invalid, "%q is not a serial number, nor the name of a card or holder of the lab: "+
			"igc list shows them", text)
	}
	found, err := findSerial(r, s)
	switch {
	case err != nil:
		return nil, err
	case len(found) == 0 && len(s.part) < minSerial:
		return nil, fail(Invalid,
			"serial number %q is too short: give at least four hexadecimal digits, as igc list shows them", text)
	case len(found) == 0:
		return nil, fail(NotFound, "no certificate has the serial number %s: igc list shows those of the lab", s.part)
	case len(found) > 1:
		return nil, fail(Invalid, "several certificates begin or end with %s (%X, %X...): give more digits", s.part,
			found[0].Serial, found[1].Serial)
	}
	return r.Certificate(found[0])
}

// Lookup returns what the authority issued under that serial number; NotFound when it did not.
func (ca *CA) Lookup(ctx context.Context, a profiles.Authority, serial []byte) (r *Record, err error) {
	err = ca.store.View(ctx, func(tx store.Reader) error {
		r, err = tx.Certificate(store.Key{Authority: a.ID(), Serial: serial})
		return err
	})
	return r, err
}

// Status is what OCSP needs of a certificate: whether the authority issued it, and its revocation,
// if any. It reads less than [CA.Lookup] does.
func (ca *CA) Status(ctx context.Context, a profiles.Authority, serial []byte) (v *Revocation, issued bool, err error) {
	err = ca.store.View(ctx, func(r store.Reader) error {
		s := r.Status(store.Key{Authority: a.ID(), Serial: serial})
		if !s.Issued {
			if _, ok := r.Authority(a.ID()); !ok {
				return fail(NotFound, "the lab has no authority %s", a.ID())
			}
		}
		v, issued = s.Revoked, s.Issued
		return nil
	})
	return v, issued, err
}

// List returns the certificates that pass the filter, in the order of issue. It costs as much as it
// has to look at: a card's, or the newest few, cost the same in a lab of a million.
func (ca *CA) List(ctx context.Context, f Filter) (records []*Record, err error) {
	err = ca.store.View(ctx, func(tx store.Reader) error {
		records = nil
		for r, err := range tx.List(f) {
			if err := errors.Join(err, ctx.Err()); err != nil {
				return err
			}
			if records = append(records, r); len(records) == f.Limit {
				break
			}
		}
		return nil
	})
	if f.Newest && !f.Indexed() {
		slices.Reverse(records)
	}
	return records, err
}

// Each calls do for each certificate that passes the filter, in the order of issue, and reads them
// some at a time.
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
		if limit -= len(records); len(records) < f.Limit || limit == 0 || f.Indexed() {
			return nil
		}
		f.After = records[len(records)-1].Number
	}
}
