package lab

import (
	"context"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/igc-lab/igc/ca"
	"github.com/igc-lab/igc/ca/store"
	"github.com/igc-lab/igc/profiles"
)

func fastConfig() Config {
	c := DefaultConfig()
	c.Key = ca.P256
	return c
}

func newLab(t testing.TB, opts Options) *Lab {
	t.Helper()
	lab, err := Create(filepath.Join(t.TempDir(), "lab"), fastConfig(), opts)
	if err != nil {
		t.Fatal(err)
	}
	return lab
}

var alain = profiles.Holder{GivenName: "ALAIN", Surname: "DODO0020981", IdNat: "899700209812", Profession: "10"}

func publicKeys(t testing.TB, roles ...string) map[string][]byte {
	t.Helper()
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
	return keys
}

func cps(t testing.TB) ca.IssueRequest {
	return ca.IssueRequest{Product: "cps", Holder: alain, PublicKeys: publicKeys(t, "authentication", "signature")}
}

func wantKind(t testing.TB, err error, kind ca.Kind) {
	t.Helper()
	if err == nil || ca.KindOf(err) != kind {
		t.Errorf("error %v of kind %s, want kind %s", err, ca.KindOf(err), kind)
	}
}

// A lab that exists is not made anew elsewhere: where its records and keys are is not changed by
// asking for another place.
func TestMadeOtherwise(t *testing.T) {
	home := filepath.Join(t.TempDir(), "lab")
	if _, err := Create(home, fastConfig(), Options{}); err != nil {
		t.Fatal(err)
	}
	before, err := os.ReadFile(filepath.Join(home, "igc.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	for name, change := range map[string]func(*Config){
		"another policy": func(c *Config) { c.Key = ca.Faithful },
		"a database":     func(c *Config) { c.Store = "postgres://nobody@127.0.0.1:1/none" },
		"a token":        func(c *Config) { c.AuthorityKeys = "pkcs11:token=x?pin-source=/pin" },
	} {
		config := fastConfig()
		change(&config)
		if _, err := Create(home, config, Options{}); ca.KindOf(err) != ca.Conflict {
			t.Errorf("%s: %v", name, err)
		}
	}
	if after, err := os.ReadFile(filepath.Join(home, "igc.yaml")); err != nil || string(after) != string(before) {
		t.Errorf("igc.yaml became %s, %v", after, err)
	}
	if _, err := Create(home, fastConfig(), Options{}); err != nil {
		t.Errorf("as it was made: %v", err)
	}
}

func TestPassphrases(t *testing.T) {
	home := filepath.Join(t.TempDir(), "lab")
	own := Options{Passphrase: []byte("correct horse")}
	lab, err := Create(home, fastConfig(), own)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := lab.Issue(t.Context(), cps(t)); err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(filepath.Join(home, "passphrase")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the lab keeps a passphrase that the user gave: %v", err)
	}
	before, _ := os.ReadDir(filepath.Join(home, "keys"))
	for name, opts := range map[string]Options{"wrong": {Passphrase: []byte("battery staple")}, "none": {}} {
		lab, err := Open(home, opts)
		if err != nil {
			t.Fatal(err)
		}
		_, err = lab.Issue(t.Context(), cps(t))
		wantKind(t, err, ca.Passphrase)
		// no authority is made under a second passphrase either
		_, err = lab.Ensure(t.Context(), profiles.Authorities())
		wantKind(t, err, ca.Passphrase)
		if after, _ := os.ReadDir(filepath.Join(home, "keys")); len(after) != len(before) {
			t.Errorf("%s passphrase: %d keys, there were %d", name, len(after), len(before))
		}
	}
	records, err := lab.List(t.Context(), ca.Filter{})
	if err != nil || len(records) != 4 {
		t.Errorf("%d records, %v; want the two authorities and the two certificates", len(records), err)
	}
	for _, path := range []string{"igc.yaml", "igc.db", "keys/ACR-FO.key"} {
		if info, err := os.Stat(filepath.Join(home, path)); err != nil || info.Mode().Perm() != 0o600 {
			t.Errorf("%s: %v, %v; want mode 0600", path, info.Mode(), err)
		}
	}
	data, _ := os.ReadFile(filepath.Join(home, "keys/ACR-FO.key"))
	if block, _ := pem.Decode(data); block == nil || block.Type != "ENCRYPTED PRIVATE KEY" || len(block.Headers) > 0 {
		t.Errorf("the key is not an encrypted PKCS#8: %s", data)
	}
}

// An interrupted creation goes on with the keys that it has made, and a lab is never made over
// another.
func TestCreationGoesOn(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	lab := newLab(t, Options{Progress: func(_ string, n, _ int) {
		if n == 3 {
			cancel()
		}
	}})
	if _, err := lab.Ensure(ctx, profiles.Authorities()); !errors.Is(err, context.Canceled) {
		t.Fatalf("interrupted: %v", err)
	}
	keys, _ := filepath.Glob(filepath.Join(lab.Home, "keys", "*.key"))
	if len(keys) < 3 || len(keys) == 9 {
		t.Fatalf("%d keys after the interruption", len(keys))
	}
	kept := map[string]string{}
	for _, k := range keys {
		data, _ := os.ReadFile(k)
		kept[k] = string(data)
	}
	again, err := Open(lab.Home, Options{})
	if err != nil {
		t.Fatal(err)
	}
	if made, err := again.Ensure(t.Context(), profiles.Authorities()); err != nil || made != 9 {
		t.Fatalf("made %d, %v", made, err)
	}
	for k, was := range kept {
		if data, _ := os.ReadFile(k); string(data) != was {
			t.Errorf("%s was made anew", k)
		}
	}
	if made, err := again.Ensure(t.Context(), profiles.Authorities()); err != nil || made != 0 {
		t.Errorf("a second time: made %d, %v", made, err)
	}
	_, err = Create(lab.Home, DefaultConfig(), Options{}) // other keys
	wantKind(t, err, ca.Conflict)
}

// A key that is not the certificate's is refused before it signs.
func TestForeignKey(t *testing.T) {
	lab := newLab(t, Options{Passphrase: []byte("x")})
	if _, err := lab.Ensure(t.Context(), []profiles.Authority{{Gamme: profiles.Fort, Domaine: profiles.Personnes}}); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(filepath.Join(lab.Home, "keys/ACR-FO.key"), filepath.Join(lab.Home, "keys/ACI-FO-PP.key")); err != nil {
		t.Fatal(err)
	}
	again, err := Open(lab.Home, Options{Passphrase: []byte("x")})
	if err != nil {
		t.Fatal(err)
	}
	_, err = again.Issue(t.Context(), cps(t))
	wantKind(t, err, ca.Conflict)
}

// Through the socket, the same answers and the same errors as without; also from a home with a long
// path.
func TestSocket(t *testing.T) {
	home := filepath.Join(t.TempDir(), strings.Repeat("a-long-name", 12))
	lab, err := Create(home, fastConfig(), Options{})
	if err != nil {
		t.Fatal(err)
	}
	if err := lab.Lock(); err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	ready, done := make(chan struct{}), make(chan error, 1)
	go func() { done <- lab.Serve(ctx, nil, nil, func() { close(ready) }) }()
	<-ready

	client, err := Connect(home, Options{})
	if err != nil {
		t.Fatal(err)
	}
	issued, err := client.Issue(t.Context(), cps(t))
	if err != nil {
		t.Fatal(err)
	}
	serial := issued.Records[0].Serial
	changed, err := client.SetStatus(t.Context(), ca.StatusChange{Serial: serial, Reason: "superseded"})
	if err != nil || len(changed) != 1 || changed[0].Revoked == nil {
		t.Errorf("%+v, %v", changed, err)
	}
	_, err = client.SetStatus(t.Context(), ca.StatusChange{Serial: serial, Reason: "keyCompromise"})
	wantKind(t, err, ca.Conflict)
	authorities, err := client.Authorities(t.Context())
	if err != nil || len(authorities) != 2 {
		t.Fatalf("%d authorities, %v", len(authorities), err)
	}
	_, err = client.SetStatus(t.Context(), ca.StatusChange{Certificate: authorities[1].DER, Reason: "cACompromise"})
	wantKind(t, err, ca.Invalid) // an authority is named as one, through the socket too
	_, err = client.Find(t.Context(), "0123456789")
	wantKind(t, err, ca.NotFound)
	clients := store.Documents{Store: client, Kind: store.DocumentKind{Name: "psc.client", Audited: true}}
	version, err := clients.Swap(t.Context(), "somebody else", "app", 0, []byte("{}"), time.Time{})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := clients.Swap(t.Context(), "", "app", 0, nil, time.Time{}); !errors.Is(err, store.ErrSwap) {
		t.Errorf("a document that is there already: %v", err)
	}
	if doc, err := clients.Get(t.Context(), "app"); err != nil || string(doc.Value) != "{}" || doc.Version != version {
		t.Errorf("%+v, %v", doc, err)
	}
	if docs, err := clients.Scan(t.Context(), "a"); err != nil || len(docs) != 1 {
		t.Errorf("%v, %v", docs, err)
	}
	_, err = clients.Get(t.Context(), "none")
	wantKind(t, err, ca.NotFound)
	changes, err := client.Changes(t.Context(), 0, 100)
	if err != nil {
		t.Fatal(err)
	}
	if last := changes[len(changes)-1]; last.Document != "psc.client/app" || !strings.HasPrefix(last.Actor, "rpc") {
		t.Errorf("%+v", last)
	}
	if list, err := client.List(t.Context(), ca.Filter{}); err != nil || len(list) != 4 {
		t.Errorf("%d records, %v", len(list), err)
	}
	if made, err := client.Ensure(t.Context(), profiles.Authorities()); err != nil || made != 7 {
		t.Errorf("made %d, %v", made, err)
	}
	if list, err := client.Authorities(t.Context()); err != nil || len(list) != 9 {
		t.Errorf("%d authorities, %v", len(list), err)
	}
	wrong, err := Connect(home, Options{Passphrase: []byte("wrong")})
	if err != nil {
		t.Fatal(err)
	}
	_, err = wrong.List(t.Context(), ca.Filter{})
	wantKind(t, err, ca.Passphrase)
	if info, err := os.Stat(filepath.Join(home, "igc.sock")); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("socket: %v, %v", info, err)
	}

	// the same client goes on when the server is gone
	stop()
	if err := <-done; err != nil {
		t.Errorf("socket closed with %v", err)
	}
	if err := lab.Unlock(); err != nil {
		t.Fatal(err)
	}
	if r, err := client.Find(t.Context(), serial); err != nil || r.Status != ca.Revoked {
		t.Errorf("without the server: %+v, %v", r, err)
	}
	if err := client.Lab.Lock(); err != nil {
		t.Errorf("the records were not closed: %v", err)
	}
	client.Lab.Unlock()
}

// Two processes cannot both serve a lab.
func TestOneOwner(t *testing.T) {
	lab := newLab(t, Options{})
	if err := lab.Lock(); err != nil {
		t.Fatal(err)
	}
	defer lab.Unlock()
	other, err := Open(lab.Home, Options{})
	if err != nil {
		t.Fatal(err)
	}
	wantKind(t, other.Lock(), ca.Busy)
}

// countChanges counts the entries of a kind in the lab's feed.
func countChanges(t testing.TB, lab *Lab, kind store.ChangeKind) (n int) {
	t.Helper()
	changes, err := lab.Changes(t.Context(), 0, 1000)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range changes {
		if c.Actor == "" {
			t.Errorf("change %d has no actor", c.Seq)
		}
		if c.Kind == kind {
			n++
		}
	}
	return n
}
