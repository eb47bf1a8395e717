package lab

import (
	"context"
	"crypto/x509"
	"os"
	"path/filepath"
	"regexp"
	"sync"
	"testing"
	"time"

	"github.com/igc-lab/igc/ca"
	"github.com/igc-lab/igc/ca/store"
	"github.com/igc-lab/igc/fixtures"
	"github.com/igc-lab/igc/internal/postgrestest"
	"github.com/igc-lab/igc/profiles"
)

var storeLine = regexp.MustCompile(`(?m)^store: .*$`)

// A lab in a database is used by several processes at once: here two homes with the same keys.
func TestLabInDatabase(t *testing.T) {
	config := DefaultConfig()
	config.Key, config.Store = ca.P256, postgrestest.Database(t)
	first, err := Create(filepath.Join(t.TempDir(), "first"), config, Options{Actor: "cli:alain"})
	if err != nil {
		t.Fatal(err)
	}
	defer first.Close()
	card := issueCard(t, first)

	other := filepath.Join(t.TempDir(), "other")
	copyHome(t, first.Home, other)
	second, err := Open(other, Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer second.Close()
	if err := second.Lock(); err != nil { // as a server
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	seen := make(chan store.Change, 10)
	if err := second.WatchStatus(ctx, func(c store.Change) { seen <- c }); err != nil {
		t.Fatal(err)
	}
	if r, err := second.Find(t.Context(), card.Serial); err != nil || r.Status != ca.Good {
		t.Fatalf("%+v, %v", r, err)
	}

	start := time.Now()
	if _, err := first.Client().SetStatus(t.Context(), ca.StatusChange{Serial: card.Serial,
		Reason: "keyCompromise"}); err != nil {
		t.Fatal(err)
	}
	t.Logf("acknowledged after %s", time.Since(start))
	select {
	case c := <-seen: // before the change was acknowledged
		if c.Serial != card.Serial || c.Actor != "cli:alain" {
			t.Errorf("%+v", c)
		}
	default:
		t.Error("the change was acknowledged before the other node had it")
	}
	if r, err := second.Find(t.Context(), card.Serial); err != nil || r.Status != ca.Revoked {
		t.Errorf("%+v, %v", r, err)
	}
	issueCard(t, second) // by the authority that the first one made
	if list, err := first.Authorities(t.Context()); err != nil || len(list) != 2 {
		t.Errorf("%d authorities, %v", len(list), err)
	}
}

// A lab whose database is empty, and another's settings, are refused with what to do.
func TestLabInDatabaseRefused(t *testing.T) {
	config := DefaultConfig()
	config.Key, config.Store = ca.P256, postgrestest.Database(t)
	l, err := Create(filepath.Join(t.TempDir(), "lab"), config, Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	issueCard(t, l)
	for name, c := range map[string]struct { // the home has certificates of authorities: there were records
		store string
		kind  ca.Kind
	}{
		"an empty database": {postgrestest.Database(t), ca.Damaged},
		"no database":       {postgrestest.Need(t).Address("nowhere"), ca.NotFound},
		"no lab":            {postgrestest.Need(t).Address("postgres"), ca.NotFound},
		"no server":         {"postgres://postgres@/lab?host=" + t.TempDir(), ca.Unavailable},
	} {
		t.Run(name, func(t *testing.T) {
			config.Store = c.store
			home := filepath.Join(t.TempDir(), "lab")
			if err := os.CopyFS(home, os.DirFS(l.Home)); err != nil {
				t.Fatal(err)
			}
			rewriteStore(t, home, c.store)
			moved, err := Open(home, Options{})
			if err != nil {
				t.Fatal(err)
			}
			defer moved.Close()
			_, err = moved.Authorities(t.Context())
			wantKind(t, err, c.kind)
			wantKind(t, moved.Lock(), c.kind)
		})
	}
	for _, setting := range []string{"", "sqlite:igc.db", "postgres://[", "/var/lib/igc.db", "mysql://h/lab"} {
		home := filepath.Join(t.TempDir(), "lab")
		if err := os.CopyFS(home, os.DirFS(l.Home)); err != nil {
			t.Fatal(err)
		}
		rewriteStore(t, home, `"`+setting+`"`)
		_, err := Open(home, Options{})
		wantKind(t, err, ca.Invalid)
	}
}

// copyHome makes the home of another machine: settings and passphrase.
func copyHome(t *testing.T, from, to string) {
	t.Helper()
	if err := os.Mkdir(to, 0o700); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"igc.yaml", "passphrase"} {
		data, err := os.ReadFile(filepath.Join(from, name))
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(to, name), data, 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

// Machines that make the authorities of one lab at once agree on their keys.
func TestAuthoritiesMadeAtOnce(t *testing.T) {
	config := DefaultConfig()
	config.Key, config.Store = ca.P256, postgrestest.Database(t)
	first, err := Create(filepath.Join(t.TempDir(), "first"), config, Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer first.Close()
	labs := []*Lab{first}
	for _, name := range []string{"second", "third"} {
		home := filepath.Join(t.TempDir(), name)
		copyHome(t, first.Home, home)
		l, err := Open(home, Options{})
		if err != nil {
			t.Fatal(err)
		}
		defer l.Close()
		labs = append(labs, l)
	}
	var wg sync.WaitGroup
	for _, l := range labs {
		wg.Go(func() {
			if _, err := l.Ensure(t.Context(), profiles.Authorities()); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	for _, l := range labs {
		for _, a := range profiles.Authorities() {
			if _, err := l.Issuer(t.Context(), a); err != nil {
				t.Errorf("%s in %s: %v", a.ID(), l.Home, err)
			}
		}
		issueCard(t, l)
	}
	wrong := filepath.Join(t.TempDir(), "wrong")
	copyHome(t, first.Home, wrong)
	if err := os.Remove(filepath.Join(wrong, "passphrase")); err != nil {
		t.Fatal(err)
	}
	l, err := Open(wrong, Options{Passphrase: []byte("another")})
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	_, err = l.SignHead(t.Context())
	wantKind(t, err, ca.Passphrase)
	if found, _ := filepath.Glob(filepath.Join(wrong, "keys", "*")); len(found) > 0 {
		t.Errorf("with another passphrase came %v", found)
	}
}

func rewriteStore(t *testing.T, home, setting string) {
	t.Helper()
	path := filepath.Join(home, "igc.yaml")
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	data = storeLine.ReplaceAll(data, []byte("store: "+setting))
	if err := os.WriteFile(path, data, 0o600); err != nil {
		t.Fatal(err)
	}
}

func issueCard(t *testing.T, l *Lab) *ca.Record {
	t.Helper()
	who, err := fixtures.Find("alain")
	if err != nil {
		t.Fatal(err)
	}
	key, err := ca.P256.Generate()
	if err != nil {
		t.Fatal(err)
	}
	public, err := x509.MarshalPKIXPublicKey(key.Public())
	if err != nil {
		t.Fatal(err)
	}
	issued, err := l.Client().Issue(t.Context(), ca.IssueRequest{Product: who.Product, Holder: who.Holder,
		PublicKeys: map[string][]byte{"authentication": public, "signature": public}})
	if err != nil {
		t.Fatal(err)
	}
	return issued.Records[0]
}
