package damage

import (
	"bytes"
	"crypto/x509"
	"encoding/binary"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	bolt "go.etcd.io/bbolt"

	"github.com/igc-lab/igc/ca"
	"github.com/igc-lab/igc/internal/labtest"
	"github.com/igc-lab/igc/internal/peer"
	"github.com/igc-lab/igc/lab"
)

// recoveryLab is a lab with a good card, a revoked one, one on hold and one that was on hold, and
// its CRL published.
type recoveryLab struct {
	*labtest.Lab
	good, revoked, held, released labtest.Card
	serials                       map[string]*ca.Record
	crl                           uint64
}

func newRecoveryLab(t *testing.T) *recoveryLab {
	t.Helper()
	l := &recoveryLab{Lab: labtest.New(t, "--key", "p256", "--gamme", "FO")}
	for _, c := range []*labtest.Card{&l.good, &l.revoked, &l.held, &l.released} {
		*c = l.Issue("--fixture", "alain")
	}
	l.Must("revoke", "--card", l.revoked.CardNumber, "--reason", "keyCompromise")
	l.Must("revoke", "--card", l.held.CardNumber, "--reason", "certificateHold")
	l.Must("revoke", "--card", l.released.CardNumber, "--reason", "certificateHold")
	l.Must("publish")
	l.Must("unhold", "--card", l.released.CardNumber)
	l.Must("publish")
	l.serials, l.crl = l.List(), l.number()
	return l
}

func (l *recoveryLab) path() string { return filepath.Join(l.Home, "igc.db") }

func (l *recoveryLab) parsed() *x509.RevocationList {
	l.T.Helper()
	list, err := x509.ParseRevocationList([]byte(labtest.Read(l.T, filepath.Join(l.Home, "publication", "CRL", "ACI-FO-PP-TEST.crl"))))
	if err != nil {
		l.T.Fatal(err)
	}
	return list
}

func (l *recoveryLab) number() uint64 { l.T.Helper(); return l.parsed().Number.Uint64() }

// listed are the serial numbers on the published CRL.
func (l *recoveryLab) listed() map[string]bool {
	l.T.Helper()
	all := map[string]bool{}
	for _, e := range l.parsed().RevokedCertificateEntries {
		all[strings.ToUpper(e.SerialNumber.Text(16))] = true
	}
	return all
}

func (l *recoveryLab) recover(args ...string) (r lab.Recovery) {
	l.T.Helper()
	if err := json.Unmarshal([]byte(l.Must(append([]string{"recover", "--json"}, args...)...)), &r); err != nil {
		l.T.Fatal(err)
	}
	return r
}

// same compares the records with those of before, but for what the test says is lost.
func (l *recoveryLab) same(lost func(r *ca.Record) bool, reasons bool) {
	l.T.Helper()
	now := l.List()
	for serial, r := range l.serials {
		n := now[serial]
		switch {
		case lost(r):
			if n != nil {
				l.T.Errorf("%s is there", serial)
			}
		case n == nil:
			l.T.Errorf("%s, %s, is lost", serial, r.Profile)
		case !bytes.Equal(n.DER, r.DER) || (n.Revoked == nil) != (r.Revoked == nil) || reasons && n.Status != r.Status:
			l.T.Errorf("%s, %s: %s, was %s", serial, r.Profile, n.Status, r.Status)
		case r.Revoked != nil && (!n.Revoked.At.Equal(r.Revoked.At) || reasons && n.Revoked.Reason != r.Revoked.Reason):
			l.T.Errorf("%s: revoked %v, was %v", serial, n.Revoked, r.Revoked)
		}
	}
	if len(now) > len(l.serials) {
		l.T.Errorf("%d certificates, there were %d", len(now), len(l.serials))
	}
}

func nothingLost(*ca.Record) bool { return false }

// goesOn verifies that the lab's next CRL is above the last, lists what was listed, and that a
// third party trusts a new card with it and refuses the revoked one.
func (l *recoveryLab) goesOn() {
	l.T.Helper()
	listed := l.listed()
	l.Must("publish")
	if n := l.number(); n <= l.crl {
		l.T.Errorf("CRL number %d after %d", n, l.crl)
	}
	now := l.listed()
	for serial := range listed {
		if !now[serial] {
			l.T.Errorf("%s is not on the CRL any more", serial)
		}
	}
	fresh := l.Issue("--fixture", "max")
	if _, err := os.Stat(l.revoked.File("chain.pem")); err != nil {
		return
	}
	peer.Need(l.T, "openssl")
	crl := filepath.Join(l.T.TempDir(), "crl.pem")
	peer.Run(l.T, "openssl", "crl", "-in", filepath.Join(l.Home, "publication", "CRL", "ACI-FO-PP-TEST.crl"), "-inform", "DER", "-out", crl)
	verify := func(c labtest.Card) string {
		out, _ := peer.Try(l.T, "openssl", "verify", "-CAfile", l.revoked.File("chain.pem"), "-crl_check", "-CRLfile", crl, c.File("authentication.pem"))
		return out
	}
	if out := verify(fresh); !strings.Contains(out, ": OK") {
		l.T.Errorf("openssl on a new card: %s", out)
	}
	if out := verify(l.revoked); !strings.Contains(out, "certificate revoked") {
		l.T.Errorf("openssl on the revoked card: %s", out)
	}
}

// copy is the same lab in another folder.
func (l *recoveryLab) copy() *recoveryLab {
	l.T.Helper()
	other := *l
	other.Lab = &labtest.Lab{T: l.T, Home: filepath.Join(l.T.TempDir(), "lab")}
	if err := os.CopyFS(other.Home, os.DirFS(l.Home)); err != nil {
		l.T.Fatal(err)
	}
	return &other
}

// Records that are no more are not begun anew on the old keys: every command refuses, and igc
// recover brings back what is on the disk.
func TestLostDatabase(t *testing.T) {
	t.Setenv("IGC_LANG", "en")
	original := newRecoveryLab(t)
	for name, lose := range map[string]func(path string) error{
		"deleted": os.Remove,
		"emptied": func(path string) error { return os.Truncate(path, 0) },
		"another": func(path string) error { return os.WriteFile(path, []byte("not a database"), 0o600) },
		"without authorities": func(path string) error {
			if err := os.Remove(path); err != nil {
				return err
			}
			db, err := bolt.Open(path, 0o600, nil)
			if err != nil {
				return err
			}
			return db.Close()
		},
	} {
		t.Run(name, func(t *testing.T) {
			l := original.copy()
			l.T = t
			if err := lose(l.path()); err != nil {
				t.Fatal(err)
			}
			before := labtest.Snapshot(t, l.Home)
			for _, args := range [][]string{{"list"}, {"issue", "--fixture", "alain"}, {"publish"}, {"serve"},
				{"revoke", "--card", l.good.CardNumber, "--reason", "superseded"}, {"show", "ACI-FO-PP"}} {
				labtest.Refused(t, l.Command(args...), 7, "igc recover")
			}
			if code, out, _ := runHere(t, l.Home, "doctor"); code != 7 || !strings.Contains(out, "recover") {
				t.Errorf("igc doctor: %d, %s", code, out)
			}
			dry := l.recover("--dry-run")
			if after := labtest.Snapshot(t, l.Home); after != before {
				t.Errorf("what was refused, or a dry run, changed the lab:\n%s\n%s", before, after)
			}
			r := l.recover()
			if r.Damage == "" || r.Files != dry.Files || r.Revoked != 4 || r.RevokedOnly != 0 || r.Unspecified != 4 || len(r.Missing) != 0 {
				t.Errorf("%+v, and dry %+v", r, dry)
			}
			l.same(nothingLost, false) // faithful CRLs say no reasons
			if _, err := os.Stat(r.Kept); name != "deleted" && err != nil {
				t.Errorf("the old file is not kept: %v", err)
			}
			if text := l.Must("recover"); !strings.Contains(text, "nothing to do") {
				t.Errorf("a second time it says %s", text)
			}
			l.goesOn()
		})
	}
}

// What is on no disk any more is said, and stays revoked.
func TestRecoverWithoutCards(t *testing.T) {
	t.Setenv("IGC_LANG", "en")
	l := newRecoveryLab(t)
	away := filepath.Join(t.TempDir(), "away")
	for _, err := range []error{os.Remove(l.path()), os.Mkdir(away, 0o700), os.Rename(l.revoked.Folder, filepath.Join(away, "card")), os.RemoveAll(l.good.Folder)} {
		if err != nil {
			t.Fatal(err)
		}
	}
	text := l.Must("recover", "--dry-run")
	for _, words := range []string{"the reason of 4 revocations", "(they stay on the CRL): 2"} {
		if !strings.Contains(text, words) {
			t.Errorf("it does not say %q: %s", words, text)
		}
	}
	r := l.recover()
	if r.RevokedOnly != 2 || r.Revoked != 2 || r.Unspecified != 4 || len(r.Missing) != 0 {
		t.Errorf("%+v", r)
	}
	lost := map[string]bool{}
	for _, c := range []labtest.Card{l.good, l.revoked} {
		for _, one := range c.Certificates {
			lost[one.Serial] = true
		}
	}
	l.same(func(r *ca.Record) bool { return lost[r.Serial] }, false)
	l.goesOn()
	labtest.Refused(t, l.Command("show", l.revoked.Certificates[0].Serial), 3, "give igc recover the folder that holds it")
	// a folder that holds it is given
	r = l.recover(away)
	if r.Files != 2 || r.Damage != "" {
		t.Errorf("with the card: %+v", r)
	}
	if out := l.Must("show", l.revoked.Certificates[0].Serial); !strings.Contains(out, "revoked") {
		t.Errorf("%s", out)
	}
	l.goesOn()
}

// An old copy of the database, as one puts back after a damage, knows less than what was published.
func TestRecoverAfterOldCopy(t *testing.T) {
	t.Setenv("IGC_LANG", "en")
	l := newRecoveryLab(t)
	old := []byte(labtest.Read(t, l.path()))
	later := l.Issue("--fixture", "max")
	l.Must("revoke", "--card", later.CardNumber, "--reason", "superseded")
	l.Must("revoke", "--card", l.good.CardNumber, "--reason", "cessationOfOperation")
	l.Must("publish")
	l.serials, l.crl = l.List(), l.number()
	labtest.Write(t, l.path(), old)
	r := l.recover()
	if r.Damage != "" || r.Files != 2 || r.Revoked != 4 {
		t.Errorf("%+v", r)
	}
	l.same(nothingLost, false)
	l.goesOn()
}

// Of a damaged database, what is whole is taken: all of it, when what is damaged only leads to it.
func TestRecoverDamaged(t *testing.T) {
	t.Setenv("IGC_LANG", "en")
	original := newRecoveryLab(t)
	size := os.Getpagesize()
	for name, harm := range map[string]func(data []byte){
		"both heads": func(data []byte) { clear(data[:2*size]) },
		"one head":   func(data []byte) { clear(data[size:][:size]) },
		"root": func(data []byte) {
			newest := 0
			if txid := func(page int) uint64 { return binary.NativeEndian.Uint64(data[page*size+16+48:]) }; txid(1) > txid(0) {
				newest = 1
			}
			root := int(binary.NativeEndian.Uint64(data[newest*size+16+16:]))
			clear(data[root*size:][:size])
		},
	} {
		t.Run(name, func(t *testing.T) {
			l := original.copy()
			l.T = t
			for _, gone := range []string{"cards"} {
				if err := os.RemoveAll(filepath.Join(l.Home, gone)); err != nil {
					t.Fatal(err)
				}
			}
			if err := os.Mkdir(filepath.Join(l.Home, "cards"), 0o700); err != nil {
				t.Fatal(err)
			}
			data := []byte(labtest.Read(t, l.path()))
			harm(data)
			labtest.Write(t, l.path(), data)
			labtest.Refused(t, l.Command("list"), 7, "igc recover")
			if r := l.recover(); r.Damage == "" || r.Database < len(l.serials)-3 || r.Unspecified != 0 {
				t.Errorf("%+v", r)
			}
			l.same(nothingLost, true)
			l.goesOn()
		})
	}
}
