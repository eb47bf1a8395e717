package storetest

import (
	"fmt"
	"slices"
	"time"

	"github.com/igc-lab/igc/ca/store"
)

// A list is what its filter lets pass, in the order asked for, whatever an index decides of it.
func lists(s *suite) {
	const n = 300
	var all []*store.Record
	for i := range uint64(n) {
		r := record(7*i + 1)
		r.Profile = []string{"cps/authentication", "cps/signature", "cpe/authentication", "aci/intermediate"}[i%7%4]
		r.NotAfter = r.NotBefore.AddDate(0, int(i*37%50), 0)
		all = append(all, r)
	}
	s.update(func(tx store.Tx) error {
		for i, r := range all {
			if err := tx.AddCertificate(r); err != nil {
				return err
			}
			reason := []store.Reason{"", store.Hold, "superseded"}[i%11%3]
			if i%5 != 0 || reason == "" {
				continue
			}
			if err := tx.SetStatus(r.Key(), &store.Revocation{At: r.NotBefore, Reason: reason}); err != nil {
				return err
			}
		}
		return nil
	})
	s.view(func(tx store.Reader) error {
		var whole []*store.Record
		for r, err := range tx.List(store.Filter{}) {
			if err != nil {
				return err
			}
			whole = append(whole, r)
		}
		if len(whole) != n {
			s.Fatalf("%d certificates, want %d", len(whole), n)
		}
		first, last := whole[40].Number, whole[250].Number
		end := whole[0].NotBefore.AddDate(0, 10, 0)
		for _, f := range []store.Filter{
			{Status: store.Good}, {Status: store.Revoked}, {Status: store.OnHold},
			{Product: "cps"}, {Product: "cpe"}, {Product: "nothing"}, {EndEntities: true},
			{ExpiresBefore: end}, {ExpiresBefore: end.Add(-time.Second)}, {ExpiresBefore: end.Add(time.Nanosecond)},
			{Status: store.OnHold, Product: "cps", ExpiresBefore: end, EndEntities: true},
			{Holder: "dodo"}, {Named: "ALAIN"},
		} {
			for _, f.Newest = range []bool{false, true} {
				for _, between := range [][2]uint64{{0, 0}, {first, 0}, {0, last}, {first, last}} {
					f.After, f.Before = between[0], between[1]
					var want, got []string
					for _, r := range whole {
						if f.Passes(r) && r.Number > f.After && (f.Before == 0 || r.Number < f.Before) {
							want = append(want, fmt.Sprint(r.Number, r.Serial, r.Status))
						}
					}
					if f.Newest {
						slices.Reverse(want)
					}
					for r, err := range tx.List(f) {
						if err != nil {
							return err
						}
						got = append(got, fmt.Sprint(r.Number, r.Serial, r.Status))
					}
					if !slices.Equal(got, want) {
						s.Errorf("%+v: %d certificates, want %d:\n%v\n%v", f, len(got), len(want), got, want)
					}
				}
			}
		}
		return nil
	})
}
