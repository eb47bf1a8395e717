package crl

import (
	"bytes"
	"crypto/x509"
	"errors"
	"math/big"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/igc-lab/igc/ca"
	"github.com/igc-lab/igc/internal/labtest"
	"github.com/igc-lab/igc/internal/reference"
	"github.com/igc-lab/igc/lab"
	"github.com/igc-lab/igc/profiles"
)

// testLab is a lab with cards.
type testLab struct{ *labtest.CardLab }

func newTestLab(t testing.TB, cards int) *testLab { return &testLab{labtest.NewCardLab(t, cards)} }

func (l *testLab) crl(t testing.TB, crls *Issuer, id string) (*CRL, *x509.RevocationList) {
	t.Helper()
	a, err := profiles.ParseAuthority(id)
	if err != nil {
		t.Fatal(err)
	}
	crl, err := crls.Get(t.Context(), a)
	if err != nil {
		t.Fatal(err)
	}
	return crl, l.parse(t, crl)
}

// parse reads a CRL as a client does, and verifies it.
func (l *testLab) parse(t testing.TB, crl *CRL) *x509.RevocationList {
	t.Helper()
	parsed, err := x509.ParseRevocationList(bytesOf(t, crl))
	if err != nil {
		t.Fatal(err)
	}
	issuer, err := l.Issuer(t.Context(), crl.Authority)
	if err != nil {
		t.Fatal(err)
	}
	if err := parsed.CheckSignatureFrom(issuer.Certificate); err != nil {
		t.Fatal(err)
	}
	if parsed.Number.Uint64() != crl.Number || !parsed.ThisUpdate.Equal(crl.ThisUpdate) || !parsed.NextUpdate.Equal(crl.NextUpdate) {
		t.Errorf("the list says %s, %s to %s", parsed.Number, parsed.ThisUpdate, parsed.NextUpdate)
	}
	return parsed
}

func bytesOf(t testing.TB, crl *CRL) []byte {
	t.Helper()
	der, err := crl.DER()
	if err != nil {
		t.Fatal(err)
	}
	return der
}

func TestListsFollowRevocations(t *testing.T) {
	l := newTestLab(t, 3)
	now := func() time.Time { return l.Now }
	crls := NewIssuer(l.Lab, now)

	first, parsed := l.crl(t, crls, "ACI-FO-PP")
	if len(parsed.RevokedCertificateEntries) != 0 || !parsed.ThisUpdate.Equal(l.Now) || !parsed.NextUpdate.Equal(l.Now.Add(6*24*time.Hour)) {
		t.Errorf("empty list: %d entries, %s to %s", len(parsed.RevokedCertificateEntries), parsed.ThisUpdate, parsed.NextUpdate)
	}
	if again, _ := l.crl(t, crls, "ACI-FO-PP"); !bytes.Equal(bytesOf(t, again), bytesOf(t, first)) {
		t.Error("made anew though nothing changed")
	}

	// entries come in the order of revocation, as in the real CRLs
	order := []int{2, 0, 1}
	for i, n := range order {
		l.Now = l.Now.Add(time.Minute)
		if _, err := l.Revoke(t.Context(), l.Cards[n].Serial, "keyCompromise"); err != nil {
			t.Fatal(err)
		}
		crl, parsed := l.crl(t, crls, "ACI-FO-PP")
		if crl.Number != first.Number+uint64(i)+1 || len(parsed.RevokedCertificateEntries) != i+1 {
			t.Fatalf("after %d revocations: number %d, %d entries", i+1, crl.Number, len(parsed.RevokedCertificateEntries))
		}
		last := parsed.RevokedCertificateEntries[i]
		if profiles.SerialHex(last.SerialNumber) != l.Cards[n].Serial || !last.RevocationTime.Equal(l.Now) || len(last.Extensions) != 0 {
			t.Errorf("entry %d: %X at %s with %d extensions", i, last.SerialNumber, last.RevocationTime, len(last.Extensions))
		}
	}

	// another process takes the CRL up where this one left it, and makes it anew when it is due
	kept, _ := l.crl(t, crls, "ACI-FO-PP")
	restarted := NewIssuer(l.Lab, now)
	if same, _ := l.crl(t, restarted, "ACI-FO-PP"); same.Number != kept.Number || !bytes.Equal(bytesOf(t, same), bytesOf(t, kept)) {
		t.Error("a restart makes a new list")
	}
	l.Now = l.Now.Add(24*time.Hour + time.Second)
	if due, _ := l.crl(t, restarted, "ACI-FO-PP"); due.Number != kept.Number+1 {
		t.Errorf("a day later: number %d after %d", due.Number, kept.Number)
	}

	// a CRL that was begun and never published, as after a crash, is not believed
	a, _ := profiles.ParseAuthority("ACI-FO-PP")
	before, _ := l.crl(t, restarted, "ACI-FO-PP")
	crash := errors.New("crash")
	if err := l.IssueCRLs(t.Context(), a, ca.CRLRequest{Full: true, Form: ca.FaithfulCRL}, func(ca.CRLContent) error { return crash }); !errors.Is(err, crash) {
		t.Fatal(err)
	}
	if after, _ := l.crl(t, NewIssuer(l.Lab, now), "ACI-FO-PP"); after.Number <= before.Number+1 {
		t.Errorf("number %d after one of %d was begun", after.Number, before.Number+1)
	}
}

// A torn file, as after a loss of power, is made anew, whatever its size and its names say.
func TestTornList(t *testing.T) {
	l := newTestLab(t, 1)
	now := func() time.Time { return l.Now }
	l.Change(t, ca.StatusChange{Serial: l.Cards[0].Serial, Reason: "superseded"})
	crls := NewIssuer(l.Lab, now)
	good, _ := l.crl(t, crls, "ACI-FO-PP")
	der := bytesOf(t, good)
	path := crls.path(good.Authority, false)
	for name, torn := range map[string][]byte{"empty": nil, "cut": der[:len(der)-9], "zeros": make([]byte, len(der)), "longer": append(bytes.Clone(der), 0),
		"other entry": bytes.Replace(der, good.Authority.SerialPrefix(), []byte("12345678"), 1)} {
		if err := os.WriteFile(path, torn, 0o644); err != nil {
			t.Fatal(err)
		}
		if again, parsed := l.crl(t, NewIssuer(l.Lab, now), "ACI-FO-PP"); again.Number <= good.Number || len(parsed.RevokedCertificateEntries) != 1 {
			t.Errorf("%s: number %d, %d entries", name, again.Number, len(parsed.RevokedCertificateEntries))
		}
	}
}

// A card is put on hold, released, put on hold again and revoked: the full CRL, the delta and a
// search of both tell each step, and base and numbers hold together as RFC 5280 §5.2.3 and §5.2.4
// want.
func TestHoldAndDelta(t *testing.T) {
	l := newTestLab(t, 2)
	now := func() time.Time { return l.Now }
	crls := NewIssuer(l.Lab, now)
	a, _ := profiles.ParseAuthority("ACI-FO-PP")
	base, _ := l.crl(t, crls, "ACI-FO-PP")
	serial := l.Cards[0].Serial
	number, _ := new(big.Int).SetString(serial, 16)
	step := func(what string, c ca.StatusChange, full, delta *Entry) {
		t.Helper()
		l.Now = l.Now.Add(time.Minute)
		c.Serial = serial
		l.Change(t, c)
		for i, crls := range []*Issuer{crls, NewIssuer(l.Lab, now)} { // also after a restart
			list, parsed := l.crl(t, crls, "ACI-FO-PP")
			changes, err := crls.Delta(t.Context(), a)
			if err != nil {
				t.Fatal(err)
			}
			d := l.parse(t, changes)
			if changes.Base != base.Number || changes.Number != list.Number || i == 0 && list.Number <= base.Number {
				t.Errorf("%s: full %d, delta %d on base %d, want base %d", what, list.Number, changes.Number, changes.Base, base.Number)
			}
			indicator := d.Extensions[len(d.Extensions)-1]
			if indicator.Id.String() != "2.5.29.27" || !indicator.Critical || len(d.RevokedCertificateEntries) != 1 {
				t.Errorf("%s: delta with %d entries and a last extension %s", what, len(d.RevokedCertificateEntries), indicator.Id)
			}
			for c, want := range map[*CRL]*Entry{list: full, changes: delta} {
				got, err := c.Find(number)
				if err != nil || (got == nil) != (want == nil) || got != nil && *got != *want {
					t.Errorf("%s: found %+v, %v, want %+v", what, got, err, want)
				}
				if other, err := c.Find(big.NewInt(7)); other != nil || err != nil {
					t.Errorf("%s: found what nobody revoked: %v, %v", what, other, err)
				}
			}
			if full == nil && len(parsed.RevokedCertificateEntries) != 0 {
				t.Errorf("%s: full list with %d entries", what, len(parsed.RevokedCertificateEntries))
			}
		}
	}
	held := l.Now.Add(time.Minute)
	bare := &Entry{At: held}
	step("hold", ca.StatusChange{Reason: ca.Hold}, bare, bare)
	step("release", ca.StatusChange{Release: true}, nil, &Entry{At: held, Removed: true})
	again := &Entry{At: l.Now.Add(time.Minute)}
	step("hold again", ca.StatusChange{Reason: ca.Hold}, again, again)
	step("revocation of a hold", ca.StatusChange{Reason: "keyCompromise"}, again, again) // as of the hold
	l.Change(t, ca.StatusChange{Serial: l.Cards[1].Serial, Reason: "superseded"})

	// the next day's CRL is the new base, and its delta empty
	l.Now = l.Now.Add(24 * time.Hour)
	next, parsed := l.crl(t, crls, "ACI-FO-PP")
	delta, err := crls.Delta(t.Context(), a)
	if err != nil || delta.Base != next.Number || delta.Entries != 0 || len(parsed.RevokedCertificateEntries) != 2 {
		t.Errorf("the next day: %+v, %v", delta, err)
	}
	root, _ := profiles.ParseAuthority("ACR-FO")
	if _, err := crls.Delta(t.Context(), root); ca.KindOf(err) != ca.NotFound {
		t.Errorf("delta of a root: %v", err)
	}
}

// Rich CRLs say why and since when, where they are and where the delta is; the faithful ones stay
// what they were.
func TestRichLists(t *testing.T) {
	l := newTestLab(t, 2)
	l.Config.CRL.Form, l.Config.CRL.IDP = ca.RichCRL, true
	invalid := l.Now.Add(-3 * time.Hour)
	l.Cards[0].NotBefore = invalid
	l.Change(t, ca.StatusChange{Serial: l.Cards[0].Serial, Reason: "cessationOfOperation", Invalidity: invalid})
	l.Change(t, ca.StatusChange{Serial: l.Cards[1].Serial, Reason: "unspecified"})
	now := func() time.Time { return l.Now }
	crl, parsed := l.crl(t, NewIssuer(l.Lab, now), "ACI-FO-PP")
	want := map[string]int{l.Cards[0].Serial: 5, l.Cards[1].Serial: 0}
	for _, e := range parsed.RevokedCertificateEntries {
		if got := e.ReasonCode; got != want[profiles.SerialHex(e.SerialNumber)] {
			t.Errorf("%X: reason %d", e.SerialNumber, got)
		}
	}
	number, _ := new(big.Int).SetString(l.Cards[0].Serial, 16)
	if e, err := crl.Find(number); err != nil || e == nil || *e != (Entry{At: l.Now, Reason: "cessationOfOperation", Invalidity: invalid}) {
		t.Errorf("found %+v, %v", e, err)
	}
	var ids []string
	for _, e := range parsed.Extensions {
		ids = append(ids, e.Id.String())
		if critical := e.Id.String() == "2.5.29.28"; e.Critical != critical {
			t.Errorf("%s critical: %t", e.Id, e.Critical)
		}
	}
	if got := strings.Join(ids, " "); got != "2.5.29.35 2.5.29.20 2.5.29.28 2.5.29.46" {
		t.Errorf("extensions %s", got)
	}
	if der := bytesOf(t, crl); !bytes.Contains(der, []byte("http://localhost:8080/CRL/ACI-FO-PP-TEST-delta.crl")) || !bytes.Contains(der, []byte("http://localhost:8080/CRL/ACI-FO-PP-TEST.crl")) {
		t.Error("the list does not name itself and its delta")
	}
	// a change of mind counts after a restart
	l.Config.CRL.Form = ca.FaithfulCRL
	_, bare := l.crl(t, NewIssuer(l.Lab, now), "ACI-FO-PP")
	for _, e := range bare.RevokedCertificateEntries {
		if len(e.Extensions) > 0 {
			t.Errorf("%X keeps its reason", e.SerialNumber)
		}
	}
}

// A lab that publishes at its dates only keeps its CRL until midnight in Paris, or until it is
// told to.
func TestDatesOnly(t *testing.T) {
	l := newTestLab(t, 2)
	l.Config.CRL.AtOnce = false
	crls := NewIssuer(l.Lab, func() time.Time { return l.Now })
	entries := func() int {
		_, parsed := l.crl(t, crls, "ACI-FO-PP")
		return len(parsed.RevokedCertificateEntries)
	}
	l.crl(t, crls, "ACI-FO-PP")
	l.Change(t, ca.StatusChange{Serial: l.Cards[0].Serial, Reason: "superseded"})
	l.Now = time.Date(2026, 11, 22, 22, 59, 59, 0, time.UTC)
	if n := entries(); n != 0 {
		t.Errorf("before midnight: %d entries", n)
	}
	l.Now = l.Now.Add(time.Second)
	if n := entries(); n != 1 {
		t.Errorf("at midnight: %d entries", n)
	}
	l.Change(t, ca.StatusChange{Serial: l.Cards[1].Serial, Reason: "superseded"})
	if err := crls.Publish(t.Context(), true); err != nil {
		t.Fatal(err)
	}
	if n := entries(); n != 2 {
		t.Errorf("published on demand: %d entries", n)
	}
}

// Certificates that expired leave the CRL, but not before they were on one that was due after they
// expired (RFC 5280 §3.3), which a CRL made at once between two dates is not; their status stays.
// Or they stay, when igc.yaml says so.
func TestExpiredOnes(t *testing.T) {
	l := newTestLab(t, 4)
	crls := NewIssuer(l.Lab, func() time.Time { return l.Now })
	entries := func(want ...int) {
		t.Helper()
		_, parsed := l.crl(t, crls, "ACI-FO-PP")
		var got, all []string
		for _, e := range parsed.RevokedCertificateEntries {
			got = append(got, profiles.SerialHex(e.SerialNumber))
		}
		for _, n := range want {
			all = append(all, l.Cards[n].Serial)
		}
		if !slices.Equal(got, all) {
			t.Errorf("%s: entries %v, want those of %v", l.Now, got, want)
		}
		if _, n := l.crl(t, NewIssuer(l.Lab, func() time.Time { return l.Now }), "ACI-FO-PP"); len(n.RevokedCertificateEntries) != len(want) {
			t.Errorf("%s: after a restart: %d entries", l.Now, len(n.RevokedCertificateEntries))
		}
	}
	if l.Config.CRL.Expired != "removed" {
		t.Fatalf("a new lab keeps them: %s", l.Config.CRL.Expired)
	}
	l.Change(t, ca.StatusChange{Serial: l.Cards[0].Serial, Reason: ca.Hold})
	l.Change(t, ca.StatusChange{Serial: l.Cards[1].Serial, Reason: "superseded"})
	entries(0, 1)
	end := l.Cards[0].NotAfter // of all of them
	l.Now = end.Add(-time.Minute)
	entries(0, 1)
	l.Now = end.Add(time.Minute)
	l.Change(t, ca.StatusChange{Serial: l.Cards[2].Serial, Reason: "superseded"})
	entries(0, 1, 2) // made at once, after the end
	l.Now = end.Add(24 * time.Hour)
	entries(0, 1, 2) // the first due after the end
	l.Now = l.Now.Add(time.Hour)
	l.Change(t, ca.StatusChange{Serial: l.Cards[3].Serial, Reason: "superseded"}) // long expired
	l.Now = l.Now.Add(24 * time.Hour)
	entries(3)
	l.Now = l.Now.Add(24 * time.Hour)
	entries()
	if r, err := l.Find(t.Context(), l.Cards[1].Serial); err != nil || r.Status != ca.Revoked {
		t.Errorf("%+v, %v", r, err)
	}
	l.Change(t, ca.StatusChange{Serial: l.Cards[0].Serial, Release: true}) // of one that is not on the CRL any more
	entries()

	kept := newTestLab(t, 1)
	kept.Config.CRL.Expired = "listed"
	crls = NewIssuer(kept.Lab, func() time.Time { return kept.Now })
	kept.Change(t, ca.StatusChange{Serial: kept.Cards[0].Serial, Reason: "superseded"})
	for range 4 {
		if _, parsed := kept.crl(t, crls, "ACI-FO-PP"); len(parsed.RevokedCertificateEntries) != 1 {
			t.Errorf("%s: listed: %d entries", kept.Now, len(parsed.RevokedCertificateEntries))
		}
		kept.Now = kept.Now.Add(400 * 24 * time.Hour)
	}
}

// The lab's CRLs are the twins of the three real ones, node by node, and keep what the real ones
// keep: entries of a serial number and a date, in the order of their dates, none of a certificate
// that had expired long before (reference §11.7).
func TestTwinsOfRealLists(t *testing.T) {
	files := map[string]string{"TEST-ACI-EL-ORG": "ACI-EL-ORG", "TEST-ACI-EL-ORG-2069": "ACI-EL-ORG", "TEST-ACR-EL": "ACR-EL"}
	reals := map[string]*x509.RevocationList{}
	for file := range files {
		der := reference.Read(t, "crl/"+file+".crl.pem")
		real, err := x509.ParseRevocationList(der)
		if err != nil {
			t.Fatal(err)
		}
		reals[file] = real
		// three years and a month, and the CRL on which an expired one stays
		oldest := real.ThisUpdate.AddDate(-3, -1, -2)
		for i, e := range real.RevokedCertificateEntries {
			if len(e.Extensions) > 0 || e.RevocationTime.Before(oldest) || i > 0 && e.RevocationTime.Before(real.RevokedCertificateEntries[i-1].RevocationTime) {
				t.Errorf("%s: entry %d: %X at %s, %d extensions", file, i, e.SerialNumber, e.RevocationTime, len(e.Extensions))
			}
		}
	}
	// what left between the two CRLs of one authority was three years old or expired, what stayed
	// is the same
	former, later := reals["TEST-ACI-EL-ORG"], reals["TEST-ACI-EL-ORG-2069"]
	first := later.RevokedCertificateEntries[0].RevocationTime
	stayed := map[string]time.Time{}
	for _, e := range later.RevokedCertificateEntries {
		stayed[e.SerialNumber.String()] = e.RevocationTime
	}
	gone := 0
	for _, e := range former.RevokedCertificateEntries {
		switch at, ok := stayed[e.SerialNumber.String()]; {
		case !ok:
			gone++
		case !at.Equal(e.RevocationTime) || at.Before(first):
			t.Errorf("%X: %s, then %s", e.SerialNumber, e.RevocationTime, at)
		}
	}
	if gone != 932 {
		t.Errorf("%d entries left between the two CRLs, want 932", gone)
	}

	// the lab has the keys that the real one has, and two certificates of the real CRL's authority
	l := &testLab{labtest.NewEmptyLab(t, lab.DefaultConfig())}
	for range 2 {
		l.IssueCard(t, "ministere", "seal")
	}
	crls := NewIssuer(l.Lab, func() time.Time { return l.Now })
	for file, id := range files {
		der := reference.Read(t, "crl/"+file+".crl.pem")
		if entries := len(reals[file].RevokedCertificateEntries); entries > 0 {
			for _, card := range l.Cards {
				l.Change(t, ca.StatusChange{Serial: card.Serial, Reason: "superseded"})
			}
		}
		crl, ours := l.crl(t, crls, id)
		for _, line := range profiles.Diff(der, bytesOf(t, crl)) {
			t.Errorf("%s: %s", file, line)
		}
		if real := reals[file]; ours.NextUpdate.Sub(ours.ThisUpdate) != real.NextUpdate.Sub(real.ThisUpdate) {
			t.Errorf("%s holds for %s, the real one for %s", id, ours.NextUpdate.Sub(ours.ThisUpdate), real.NextUpdate.Sub(real.ThisUpdate))
		}
	}
}
