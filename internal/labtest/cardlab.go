package labtest

import (
	"crypto/x509"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/igc-lab/igc/ca"
	"github.com/igc-lab/igc/fixtures"
	"github.com/igc-lab/igc/internal/postgrestest"
	"github.com/igc-lab/igc/lab"
	"github.com/igc-lab/igc/profiles"
)

// CardLab is a lab that the test holds, whose clock stands still until the test moves it.
type CardLab struct {
	*lab.Lab
	Now   time.Time
	Cards []*ca.Record // the first certificate of each IssueCard
}

// NewCardLab makes a lab with P-256 keys and so many cards of alain: Cards are their authentication
// certificates.
func NewCardLab(t testing.TB, cards int) *CardLab {
	t.Helper()
	config := lab.DefaultConfig()
	config.Key = ca.P256
	l := NewEmptyLab(t, config)
	for range cards {
		l.IssueCard(t, "alain", "authentication", "signature")
	}
	return l
}

// NewEmptyLab makes a lab without certificates, on 22 November 2026. With IGC_TEST_STORE=postgres
// its records are in a database.
func NewEmptyLab(t testing.TB, config lab.Config) *CardLab {
	t.Helper()
	if os.Getenv("IGC_TEST_STORE") == "postgres" {
		config.Store = postgrestest.Database(t)
	}
	l := &CardLab{Now: time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)}
	lab, err := lab.Create(filepath.Join(t.TempDir(), "lab"), config, lab.Options{Now: l.Clock()})
	if err != nil {
		t.Fatal(err)
	}
	if err := lab.Lock(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		lab.Unlock()
		lab.Close()
	})
	l.Lab = lab
	return l
}

// Clock reads the lab's clock.
func (l *CardLab) Clock() func() time.Time { return func() time.Time { return l.Now } }

// IssueCard issues the certificates of an identity of package fixtures, with a new P-256 key for
// each role.
func (l *CardLab) IssueCard(t testing.TB, identity string, roles ...string) {
	t.Helper()
	who, err := fixtures.Find(identity)
	if err != nil {
		t.Fatal(err)
	}
	keys := map[string][]byte{}
	for _, role := range roles {
		key, err := ca.P256.Generate()
		if err != nil {
			t.Fatal(err)
		}
		if keys[role], err = x509.MarshalPKIXPublicKey(key.Public()); err != nil {
			t.Fatal(err)
		}
	}
	issued, err := l.Lab.Issue(t.Context(), ca.IssueRequest{Product: who.Product, Holder: who.Holder, PublicKeys: keys})
	if err != nil {
		t.Fatal(err)
	}
	l.Cards = append(l.Cards, issued.Records[0])
}

// Issuing is the authority of the cards.
func (*CardLab) Issuing() profiles.Authority {
	return profiles.Authority{Gamme: profiles.Fort, Domaine: profiles.Personnes}
}

// Certificates are those of a record and of its issuer.
func (l *CardLab) Certificates(t testing.TB, r *ca.Record) (leaf, issuer *x509.Certificate) {
	t.Helper()
	leaf, err := r.Certificate()
	if err != nil {
		t.Fatal(err)
	}
	a, err := profiles.ParseAuthority(r.Authority)
	if err != nil {
		t.Fatal(err)
	}
	i, err := l.Issuer(t.Context(), a)
	if err != nil {
		t.Fatal(err)
	}
	return leaf, i.Certificate
}

// Change changes the status of a certificate.
func (l *CardLab) Change(t testing.TB, c ca.StatusChange) {
	t.Helper()
	if _, err := l.SetStatus(t.Context(), c); err != nil {
		t.Fatal(err)
	}
}
