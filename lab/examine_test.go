package lab

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"testing"

	"github.com/igc-lab/igc/ca"
	"github.com/igc-lab/igc/profiles"
)

// Who only looks makes no records where there are none, reads those that there are, and writes
// nothing.
func TestReadOnly(t *testing.T) {
	config := DefaultConfig()
	config.Key = ca.P256
	home := filepath.Join(t.TempDir(), "lab")
	if _, err := Create(home, config, Options{}); err != nil {
		t.Fatal(err)
	}
	look, err := Connect(home, Options{ReadOnly: true})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := look.Authorities(t.Context()); ca.KindOf(err) != ca.NotFound || !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("a lab without records: %v", err)
	}
	if _, err := os.Stat(filepath.Join(home, "igc.db")); !errors.Is(err, fs.ErrNotExist) {
		t.Error("records were made by looking for them")
	}
	lab, err := Connect(home, Options{})
	if err != nil {
		t.Fatal(err)
	}
	wanted := []profiles.Authority{{Gamme: "FO"}}
	if _, err := lab.Ensure(t.Context(), wanted); err != nil {
		t.Fatal(err)
	}
	before, err := os.ReadFile(filepath.Join(home, "igc.db"))
	if err != nil {
		t.Fatal(err)
	}
	list, err := look.Authorities(t.Context())
	if err != nil || len(list) != 1 {
		t.Errorf("%d authorities, %v", len(list), err)
	}
	if _, err := look.Ensure(t.Context(), profiles.Authorities()[:3]); err == nil {
		t.Error("an authority was made")
	}
	if after, err := os.ReadFile(filepath.Join(home, "igc.db")); err != nil || string(after) != string(before) {
		t.Errorf("the records changed (%v)", err)
	}
}

func TestLoose(t *testing.T) {
	if runtime.GOOS == "windows" {
		t.Skip("SKIPPED: no modes")
	}
	home := filepath.Join(t.TempDir(), "a [lab]*")
	secret := []string{"keys/ACR-FO.key", "passphrase", "cards/280/authentication.key", "cards/281/authentication.key",
		"letters/280.json"}
	for _, path := range append(secret, "module/libigc-cps.so", "publication/CRL/ACR-FO-TEST.crl") {
		path = filepath.Join(home, path)
		if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o700), os.WriteFile(path, nil, 0o600)); err != nil {
			t.Fatal(err)
		}
	}
	check := func(want ...string) {
		t.Helper()
		got, err := InsecurePermissions(t.Context(), home)
		for i := range got {
			got[i], _ = filepath.Rel(home, got[i])
		}
		slices.Sort(got)
		slices.Sort(want)
		if err != nil || !slices.Equal(got, want) {
			t.Errorf("loose: %q, %v; want %q", got, err, want)
		}
	}
	check()
	for _, path := range []string{"keys/ACR-FO.key", "passphrase", "cards/280/authentication.key",
		"cards/281/authentication.key", "letters/280.json", "module/libigc-cps.so"} {
		if err := os.Chmod(filepath.Join(home, path), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	for _, dir := range []string{"", "cards/281", "publication"} {
		if err := os.Chmod(filepath.Join(home, dir), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	check(".", "keys/ACR-FO.key", "passphrase", "cards/281", "cards/281/authentication.key", "letters/280.json")
	found, _ := InsecurePermissions(t.Context(), home)
	if err := RestrictPermissions(found); err != nil {
		t.Fatal(err)
	}
	check()
	if info, err := os.Stat(home); err != nil || info.Mode().Perm() != 0o700 {
		t.Errorf("the home is %v (%v)", info.Mode(), err)
	}
}

// A server that answers is known, with its process; the socket that one left is stale, and removed
// while nobody has the lab.
func TestServer(t *testing.T) {
	config := DefaultConfig()
	config.Key = ca.P256
	lab, err := Create(filepath.Join(t.TempDir(), "lab"), config, Options{})
	if err != nil {
		t.Fatal(err)
	}
	client := lab.Client()
	if pid, running, stale := client.Server(t.Context()); pid != 0 || running || stale {
		t.Errorf("before: %d %v %v", pid, running, stale)
	}
	if err := lab.Lock(); err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	ready, ended := make(chan struct{}), make(chan error, 1)
	go func() { ended <- lab.Serve(ctx, nil, nil, func() { close(ready) }) }()
	<-ready
	pid, running, stale := client.Server(t.Context())
	if !running || stale || runtime.GOOS == "linux" && pid != os.Getpid() {
		t.Errorf("while it runs: %d %v %v", pid, running, stale)
	}
	other, err := Open(lab.Home, Options{})
	if err != nil {
		t.Fatal(err)
	}
	if err := other.RemoveSocket(); ca.KindOf(err) != ca.Busy {
		t.Errorf("the socket of a server that runs: %v", err)
	}
	stop()
	if err := errors.Join(<-ended, lab.Unlock()); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(lab.Home, "igc.sock"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, running, stale := client.Server(t.Context()); running || !stale {
		t.Errorf("a socket that was left: %v %v", running, stale)
	}
	if err := errors.Join(other.RemoveSocket(), other.RemoveSocket()); err != nil {
		t.Error(err)
	}
	if _, _, stale := client.Server(t.Context()); stale {
		t.Error("the socket is there still")
	}
}
