package crl

import (
	"testing"
	"time"
)

// A CRL of the future is replaced when the clock is set back: by one with a higher number, in the
// process that made it and in the next one.
func TestListsOfTheFuture(t *testing.T) {
	l := newTestLab(t, 1)
	now := func() time.Time { return l.Now }
	begin, last := l.Now, uint64(0)
	crls := NewIssuer(l.Lab, now)
	for _, days := range []int{0, 6, 7, 30, 400, 30, 7, 0} {
		l.Now = begin.AddDate(0, 0, days).Add(time.Hour)
		for _, crls := range []*Issuer{crls, NewIssuer(l.Lab, now)} {
			full, _ := l.crl(t, crls, "ACI-FO-PP")
			delta, err := crls.Delta(t.Context(), l.Issuing())
			if err != nil {
				t.Fatal(err)
			}
			for _, c := range []*CRL{full, delta} {
				if l.Now.Before(c.ThisUpdate) || !l.Now.Before(c.NextUpdate) || c.Number < last {
					t.Errorf("day %d: number %d after %d, from %s to %s", days, c.Number, last, c.ThisUpdate, c.NextUpdate)
				}
			}
			last = full.Number
		}
	}
}
