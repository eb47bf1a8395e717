package ca

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/igc-lab/igc/ca/keys"
	"github.com/igc-lab/igc/ca/store/bolt"
	"github.com/igc-lab/igc/profiles"
)

// testCA is a CA with fast keys, in a folder of the test.
type testCA struct {
	*CA
	store *bolt.Store
	home  string
}

// newCA makes one. Of the options, the clock is taken.
func newCA(t testing.TB, opts Options) *testCA {
	t.Helper()
	home := t.TempDir()
	for _, folder := range []string{"keys", "cards"} {
		if err := os.Mkdir(filepath.Join(home, folder), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	return openCA(home, opts)
}

func openCA(home string, opts Options) *testCA {
	if opts.Now == nil {
		opts.Now = time.Now
	}
	s := bolt.Open(filepath.Join(home, "igc.db"), bolt.Options{Now: opts.Now})
	opts.Store = s
	// as long as those that labs make: one that a person chose takes 150 ms a key
	passphrase := func() ([]byte, error) { return []byte("dGVzdHRlc3R0ZXN0dGVzdHRlc3R0ZXN0"), nil }
	opts.Keys = keys.NewRing(filepath.Join(home, "keys"), passphrase)
	opts.Policy, opts.Generation = P256, profiles.Gen2016
	opts.URLs = profiles.URLs{Publication: "http://localhost:8080", OCSP: "http://localhost:8080/ocsp",
		Directory: "ldap://localhost:1389"}
	return &testCA{New(opts, "cli:test"), s, home}
}

// lock keeps the records open until the test ends.
func (c *testCA) lock(t testing.TB) {
	t.Helper()
	if err := c.store.Lock(time.Second); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.store.Unlock() })
}
