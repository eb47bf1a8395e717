package lab

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"crypto/x509"
	"encoding/json"
	"errors"
	"io"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/igc-lab/igc/ca"
	"github.com/igc-lab/igc/ca/store"
	"github.com/igc-lab/igc/profiles"
)

// formatLab unpacks a stored lab of a former format. In it, list.json is what the igc that made it
// lists.
func formatLab(t *testing.T, name string) (home string) {
	t.Helper()
	f, err := os.Open(filepath.Join("testdata", name+".tar.gz"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	z, err := gzip.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	for r := tar.NewReader(z); ; {
		h, err := r.Next()
		if errors.Is(err, io.EOF) {
			return filepath.Join(dir, name)
		}
		if err != nil {
			t.Fatal(err)
		}
		path := filepath.Join(dir, filepath.FromSlash(h.Name))
		if h.Typeflag == tar.TypeDir {
			err = os.MkdirAll(path, 0o700)
		} else {
			var data []byte
			if data, err = io.ReadAll(r); err == nil {
				err = os.WriteFile(path, data, 0o600)
			}
		}
		if err != nil {
			t.Fatal(err)
		}
	}
}

// A lab of format 2 opens migrated: the same certificates, statuses and CRL numbers, and its
// audit.log in the feed.
func TestFormat2(t *testing.T) {
	home := formatLab(t, "format-2")
	var want []*ca.Record
	data, err := os.ReadFile(filepath.Join(home, "list.json"))
	if err := errors.Join(err, json.Unmarshal(data, &want)); err != nil {
		t.Fatal(err)
	}
	database := filepath.Join(home, "igc.db")
	before, err := os.ReadFile(database)
	if err != nil {
		t.Fatal(err)
	}
	// what an interrupted migration leaves
	if err := os.WriteFile(database+".format-2", []byte("half a copy"), 0o600); err != nil {
		t.Fatal(err)
	}

	look, err := Open(home, Options{ReadOnly: true})
	if err != nil {
		t.Fatal(err)
	}
	sameRecords(t, look, want)
	if now, err := os.ReadFile(database); err != nil || !bytes.Equal(now, before) {
		t.Fatalf("looking at it changed it: %v", err)
	}

	lab, err := Open(home, Options{Actor: "cli:test"})
	if err != nil {
		t.Fatal(err)
	}
	sameRecords(t, lab, want)
	for path, there := range map[string]bool{"audit.log": false, "audit.log.imported": true, "igc.db.format-2": false} {
		if _, err := os.Stat(filepath.Join(home, path)); (err == nil) != there {
			t.Errorf("%s: %v", path, err)
		}
	}
	// a process that died after the migration, and before it cleaned up
	if err := errors.Join(os.Rename(filepath.Join(home, "audit.log.imported"), filepath.Join(home, "audit.log")),
		os.WriteFile(database+".format-2", before, 0o600)); err != nil {
		t.Fatal(err)
	}
	if lab, err = Open(home, Options{Actor: "cli:test"}); err != nil {
		t.Fatal(err)
	}
	sameRecords(t, lab, want)
	for path, there := range map[string]bool{"audit.log": false, "audit.log.imported": true, "igc.db.format-2": false} {
		if _, err := os.Stat(filepath.Join(home, path)); (err == nil) != there {
			t.Errorf("after an interruption, %s: %v", path, err)
		}
	}
	if n, revoked := countChanges(t, lab, store.CertificateIssued), countChanges(t, lab, store.StatusChanged); n != len(want) || revoked != 8 {
		t.Errorf("the feed has %d certificates and %d changes of status, want %d and 8", n, revoked, len(want))
	}
	r, err := ca.VerifyFeed(t.Context(), lab, nil, "")
	if err != nil || r.Broken != "" {
		t.Errorf("%+v, %v", r, err)
	}
	a, _ := profiles.ParseAuthority("ACI-FO-PP")
	der, err := os.ReadFile(filepath.Join(home, "publication", "CRL", "ACI-FO-PP-TEST.crl"))
	if err != nil {
		t.Fatal(err)
	}
	published, err := x509.ParseRevocationList(der)
	if err != nil {
		t.Fatal(err)
	}
	state, _, err := lab.CRLState(t.Context(), a)
	if err != nil || state.Number != published.Number.Uint64() || state.Full.Revision != state.Revision {
		t.Errorf("CRL %+v, %v; published is %s, and nothing changed since", state, err, published.Number)
	}
	if _, err := lab.Issue(t.Context(), cps(t)); err != nil {
		t.Errorf("it does not go on: %v", err)
	}
}

func sameRecords(t *testing.T, lab *Lab, want []*ca.Record) {
	t.Helper()
	got, err := lab.List(t.Context(), ca.Filter{})
	if err != nil {
		t.Fatal(err)
	}
	a, errA := json.Marshal(got)
	b, errB := json.Marshal(want)
	if err := errors.Join(errA, errB); err != nil || len(got) == 0 {
		t.Fatal(err)
	}
	if !bytes.Equal(a, b) {
		t.Errorf("records differ: %d, want %d", len(got), len(want))
	}
	if slices.ContainsFunc(got, func(r *ca.Record) bool { return r.Status == ca.OnHold }) == false {
		t.Error("no certificate is on hold: the sample is not what the test needs")
	}
}
