package crl

import (
	"cmp"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/igc-lab/igc/ca"
	"github.com/igc-lab/igc/fixtures"
	"github.com/igc-lab/igc/internal/labtest"
	"github.com/igc-lab/igc/internal/postgrestest"
	"github.com/igc-lab/igc/lab"
)

// A CRL of IGC_SCALE entries (100,000) after one more revocation: made by a node and published, and
// taken up by another, beside one that is made in a lab in a file. Keys are P-256, so that what is
// beside the signature shows.
func BenchmarkSharedCRL(b *testing.B) {
	scale, err := strconv.Atoi(cmp.Or(os.Getenv("IGC_SCALE"), "100000"))
	if err != nil {
		b.Fatal(err)
	}
	fill := func(store string) *lab.Lab {
		config := lab.DefaultConfig()
		if config.Key = ca.P256; store != "" {
			config.Store = store
		}
		made, err := lab.Create(filepath.Join(b.TempDir(), "lab"), config, lab.Options{})
		if err != nil {
			b.Fatal(err)
		}
		b.Cleanup(func() { made.Close() })
		alain, err := fixtures.Find("alain")
		if err != nil {
			b.Fatal(err)
		}
		request := ca.IssueRequest{Product: alain.Product, Holder: alain.Holder}
		if err := made.Seed(b.Context(), request, scale+1000, scale); err != nil {
			b.Fatal(err)
		}
		return made
	}
	own, shared := fill(""), fill(postgrestest.Database(b))
	if err := own.Lock(); err != nil {
		b.Fatal(err)
	}
	defer own.Unlock()
	home := b.TempDir()
	for _, name := range []string{"igc.yaml", "passphrase"} {
		labtest.Write(b, filepath.Join(home, name), []byte(labtest.Read(b, filepath.Join(shared.Home, name))))
	}
	if err := os.Chmod(home, 0o700); err != nil {
		b.Fatal(err)
	}
	other, err := lab.Open(home, lab.Options{})
	if err != nil {
		b.Fatal(err)
	}
	defer other.Close()

	a := foPP(b)
	get := func(l *Issuer) time.Duration {
		start := time.Now()
		if c, err := l.Get(b.Context(), a); err != nil || c.Entries < scale {
			b.Fatal(c, err)
		}
		return time.Since(start)
	}
	labs := []*lab.Lab{own, shared}
	makers := []*Issuer{NewIssuer(own, own.Now), NewIssuer(shared, shared.Now)}
	taker := NewIssuer(other, other.Now)
	var good [2][]*ca.Record
	for i, l := range labs {
		if good[i], err = l.List(b.Context(), ca.Filter{Status: ca.Good, Newest: true, Limit: 900}); err != nil {
			b.Fatal(err)
		}
		get(makers[i])
	}
	get(taker)
	var took [3][]time.Duration // made in a file, made and published, taken up
	for b.Loop() {
		for i, l := range labs {
			r := good[i][len(took[i])]
			if _, err := l.SetStatus(b.Context(), ca.StatusChange{Serial: r.Serial, Reason: "superseded"}); err != nil {
				b.Fatal(err)
			}
			took[i] = append(took[i], get(makers[i]))
		}
		took[2] = append(took[2], get(taker))
	}
	b.ReportMetric(0, "ns/op")
	for i, name := range []string{"file-ms", "published-ms", "taken-up-ms"} {
		slices.Sort(took[i])
		b.ReportMetric(took[i][len(took[i])/2].Seconds()*1000, name)
	}
}
