package storetest

import (
	"errors"
	"reflect"
	"slices"
	"sync"
	"time"

	"github.com/igc-lab/igc/ca/store"
)

// certificates are found by all that names them, and list in the order of issue.
func certificates(s *suite) {
	s.add(1, 2, 3, 0x1000)
	s.view(func(r store.Reader) error {
		got, err := r.Certificate(record(2).Key())
		if err != nil {
			return err
		}
		if want := record(2); got.Serial != want.Serial || !reflect.DeepEqual(got.Holder, want.Holder) || string(got.DER) != string(want.DER) || !got.NotAfter.Equal(want.NotAfter) {
			s.Errorf("got %+v, want %+v", got, want)
		}
		if keys := r.ByCard(record(2).Holder.CardNumber); len(keys) != 2 {
			s.Errorf("by card: %v", keys)
		}
		if keys := r.ByHolder(record(3).Holder.Identifier()); len(keys) != 2 {
			s.Errorf("by holder: %v", keys)
		}
		if keys := r.ByHolder(record(3).Holder.Identifier()[:8]); len(keys) != 0 {
			s.Errorf("by a part of the holder: %v", keys)
		}
		for digits, n := range map[string]int{"63DA": 4, record(1).Serial: 1, record(1).Serial[:29]: 3, "64": 0} {
			if keys, err := r.BySerialPrefix(digits, 10); err != nil || len(keys) != n {
				s.Errorf("by %s: %v, %v; want %d", digits, keys, err, n)
			}
		}
		if keys, _ := r.BySerialPrefix("63DA", 2); len(keys) != 2 {
			s.Errorf("more than asked for: %v", keys)
		}
		for name, want := range map[string][]string{
			"":        {record(1).Serial, record(2).Serial, record(3).Serial, record(0x1000).Serial},
			"newest":  {record(0x1000).Serial, record(3).Serial, record(2).Serial, record(1).Serial},
			"card":    {record(2).Serial, record(3).Serial},
			"holder":  {record(2).Serial, record(3).Serial},
			"holders": {record(2).Serial, record(3).Serial, record(0x1000).Serial},
			"after":   {record(3).Serial, record(0x1000).Serial},
			"before":  {record(1).Serial, record(2).Serial},
			"page":    {record(2).Serial, record(1).Serial},
			"end":     {record(0x1000).Serial, record(3).Serial, record(2).Serial, record(1).Serial},
		} {
			f := map[string]store.Filter{"newest": {Newest: true}, "card": {Card: record(2).Holder.CardNumber},
				"after":  {After: 2},
				"before": {Before: 3}, "page": {Newest: true, Before: 3}, "end": {Newest: true, Before: 1 << 40},
				"holder": {Identifier: record(3).Holder.Identifier()},
				"holders": {Identifiers: []string{record(3).Holder.Identifier(), record(2).Holder.Identifier(),
					"899799999999", record(0x1000).Holder.Identifier()}}}[name]
			var got []string
			for r, err := range r.List(f) {
				if err != nil {
					return err
				}
				got = append(got, r.Serial)
			}
			if !slices.Equal(got, want) {
				s.Errorf("list %q: %v, want %v", name, got, want)
			}
		}
		if c := r.Counts().Authorities[authority]; c.Issued != 4 || c.Listed != 0 {
			s.Errorf("counts: %+v", c)
		}
		return nil
	})
	err := s.Update(s.Context(), actor, func(tx store.Tx) error { return tx.AddAuthority(authority, record(9).DER) })
	if store.KindOf(err) != store.Conflict {
		s.Errorf("an authority was replaced: %v", err)
	}
}

// crls: what is revoked is on the next CRL, what is released on the delta, and numbers only grow.
func crls(s *suite) {
	s.add(1, 2, 3)
	at := s.clock().Add(-time.Hour)
	revoke := func(n uint64, v *store.Revocation) {
		s.Helper()
		s.update(func(tx store.Tx) error { return tx.SetStatus(record(n).Key(), v) })
	}
	next := func(req store.CRLRequest) (content store.CRLContent) {
		s.Helper()
		s.update(func(tx store.Tx) error { _, err := tx.NextCRL(authority, req); return err })
		s.view(func(r store.Reader) (err error) {
			content, err = r.CRLContent(authority, req.Full)
			content.Full = slices.Clone(content.Full)
			return err
		})
		return content
	}
	due := store.CRLRequest{Full: true, Due: true, Form: store.FaithfulCRL}
	first := next(due)
	revoke(1, &store.Revocation{At: at, Reason: "keyCompromise"})
	revoke(2, &store.Revocation{At: at, Reason: store.Hold})
	s.view(func(r store.Reader) error {
		if st := r.Status(record(2).Key()); !st.Issued || !st.Certificate || st.Revoked == nil || st.Revoked.Reason != store.Hold || !st.Revoked.At.Equal(at) {
			s.Errorf("status %+v", st)
		}
		return nil
	})
	second := next(due)
	if second.Number <= first.Number || second.Revision <= first.Revision || second.Entries != 2 || len(second.Full) == 0 {
		s.Errorf("after %+v came %+v", first, second)
	}
	revoke(2, nil)
	revoke(3, &store.Revocation{At: at, Reason: "superseded"})
	delta := next(store.CRLRequest{Form: store.FaithfulCRL})
	if delta.Number <= second.Number || delta.Base != second.Number || delta.Changed != 2 || len(delta.Changes) == 0 {
		s.Errorf("the delta is %+v", delta)
	}
	if full := next(due); full.Entries != 2 {
		s.Errorf("the full CRL has %d entries, want 2", full.Entries)
	}
	var wg sync.WaitGroup
	var mu sync.Mutex
	numbers := map[uint64]bool{}
	for range 8 {
		wg.Go(func() {
			var state store.CRLState
			if err := s.Update(s.Context(), actor, func(tx store.Tx) (err error) {
				state, err = tx.NextCRL(authority, due)
				return err
			}); err != nil {
				s.Error(err)
			}
			mu.Lock()
			defer mu.Unlock()
			if numbers[state.Number] || state.Number <= delta.Number {
				s.Errorf("CRL number %d a second time", state.Number)
			}
			numbers[state.Number] = true
		})
	}
	wg.Wait()
	s.view(func(r store.Reader) error {
		n, revoked := 0, 0
		for _, st := range r.Statuses(authority) {
			if n++; st.Revoked != nil {
				revoked++
			}
		}
		if n != 3 || revoked != 2 {
			s.Errorf("%d statuses, %d revoked", n, revoked)
		}
		return nil
	})
}

// oneSerial: of many that record the same serial number at once, one does.
func oneSerial(s *suite) {
	var wg sync.WaitGroup
	errs := make([]error, 20)
	for i := range errs {
		wg.Go(func() {
			errs[i] = s.Update(s.Context(), actor, func(tx store.Tx) error { return tx.AddCertificate(record(7)) })
		})
	}
	wg.Wait()
	taken := 0
	for _, err := range errs {
		if errors.Is(err, store.ErrSerialTaken) {
			taken++
		} else if err != nil {
			s.Error(err)
		}
	}
	if taken != len(errs)-1 {
		s.Errorf("%d of %d were refused", taken, len(errs))
	}
	if n := len(s.feed()); n != 2 {
		s.Errorf("%d changes, want the authority's and one certificate's", n)
	}
}

// unknown: what is not there is an error of kind NotFound, or nothing.
func unknown(s *suite) {
	key := record(5).Key()
	s.view(func(r store.Reader) error {
		if _, err := r.Certificate(key); store.KindOf(err) != store.NotFound {
			s.Errorf("certificate: %v", err)
		}
		if _, err := r.Certificate(store.Key{Authority: "ACI-XX", Serial: key.Serial}); store.KindOf(err) != store.NotFound {
			s.Errorf("of no authority: %v", err)
		}
		if _, err := r.CRLState("ACI-XX"); store.KindOf(err) != store.NotFound {
			s.Errorf("CRL: %v", err)
		}
		if _, ok := r.Authority("ACI-XX"); ok || r.Status(key).Issued {
			s.Error("what is not there, is")
		}
		return nil
	})
	if err := s.Update(s.Context(), actor, func(tx store.Tx) error { return tx.SetStatus(key, nil) }); store.KindOf(err) != store.NotFound {
		s.Errorf("status: %v", err)
	}
	orphan := record(6)
	orphan.Authority = "ACI-XX"
	if err := s.Update(s.Context(), actor, func(tx store.Tx) error { return tx.AddCertificate(orphan) }); store.KindOf(err) != store.NotFound {
		s.Errorf("certificate of no authority: %v", err)
	}
}
