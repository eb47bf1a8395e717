package revocation

import (
	"bytes"
	"crypto/x509"
	"io"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/igc-lab/igc/ca"
	"github.com/igc-lab/igc/internal/reference"
	"github.com/igc-lab/igc/profiles"
)

func (l *testLab) crl(t testing.TB, lists *Lists, id string) (*CRL, *x509.RevocationList) {
	t.Helper()
	a, err := profiles.ParseAuthority(id)
	if err != nil {
		t.Fatal(err)
	}
	crl, err := lists.Get(t.Context(), a)
	if err != nil {
		t.Fatal(err)
	}
	parsed, err := x509.ParseRevocationList(crl.DER)
	if err != nil {
		t.Fatal(err)
	}
	issuer, err := l.Issuer(t.Context(), a)
	if err != nil {
		t.Fatal(err)
	}
	if err := parsed.CheckSignatureFrom(issuer.Certificate); err != nil {
		t.Fatal(err)
	}
	return crl, parsed
}

func TestListsFollowRevocations(t *testing.T) {
	l := newTestLab(t, 3)
	now := func() time.Time { return l.now }
	lists := NewLists(l.Lab, now)

	first, parsed := l.crl(t, lists, "ACI-FO-PP")
	if len(parsed.RevokedCertificateEntries) != 0 || !parsed.ThisUpdate.Equal(l.now) || !parsed.NextUpdate.Equal(l.now.Add(6*24*time.Hour)) {
		t.Errorf("empty list: %d entries, %s to %s", len(parsed.RevokedCertificateEntries), parsed.ThisUpdate, parsed.NextUpdate)
	}
	if again, _ := l.crl(t, lists, "ACI-FO-PP"); !bytes.Equal(again.DER, first.DER) {
		t.Error("made anew though nothing changed")
	}

	// entries come in the order of revocation, as in the real lists
	order := []int{2, 0, 1}
	for i, n := range order {
		l.now = l.now.Add(time.Minute)
		if _, err := l.Revoke(t.Context(), l.cards[n].Serial, "keyCompromise"); err != nil {
			t.Fatal(err)
		}
		crl, parsed := l.crl(t, lists, "ACI-FO-PP")
		if crl.Number != first.Number+uint64(i)+1 || len(parsed.RevokedCertificateEntries) != i+1 {
			t.Fatalf("after %d revocations: number %d, %d entries", i+1, crl.Number, len(parsed.RevokedCertificateEntries))
		}
		last := parsed.RevokedCertificateEntries[i]
		if profiles.SerialHex(last.SerialNumber) != l.cards[n].Serial || !last.RevocationTime.Equal(l.now) || len(last.Extensions) != 0 {
			t.Errorf("entry %d: %X at %s with %d extensions", i, last.SerialNumber, last.RevocationTime, len(last.Extensions))
		}
	}

	// another process takes the list up where this one left it, and makes it anew when it is due
	kept, _ := l.crl(t, lists, "ACI-FO-PP")
	restarted := NewLists(l.Lab, now)
	if same, _ := l.crl(t, restarted, "ACI-FO-PP"); !bytes.Equal(same.DER, kept.DER) {
		t.Error("a restart makes a new list")
	}
	l.now = l.now.Add(24*time.Hour + time.Second)
	if due, _ := l.crl(t, restarted, "ACI-FO-PP"); due.Number != kept.Number+1 {
		t.Errorf("a day later: number %d after %d", due.Number, kept.Number)
	}

	// a list that was begun and never published, as after a crash, is not believed
	a, _ := profiles.ParseAuthority("ACI-FO-PP")
	if _, err := l.BeginCRL(t.Context(), a); err != nil {
		t.Fatal(err)
	}
	before, _ := l.crl(t, restarted, "ACI-FO-PP")
	if after, _ := l.crl(t, NewLists(l.Lab, now), "ACI-FO-PP"); after.Number <= before.Number+1 {
		t.Errorf("number %d after one of %d was begun", after.Number, before.Number+1)
	}
}

// With reasons asked for, entries have them, and the bare form stays what it was.
func TestReasons(t *testing.T) {
	l := newTestLab(t, 2)
	l.Config.CRL.Reasons = true
	for i, reason := range []ca.Reason{"cessationOfOperation", "unspecified"} {
		if _, err := l.Revoke(t.Context(), l.cards[i].Serial, reason); err != nil {
			t.Fatal(reason, err)
		}
	}
	_, parsed := l.crl(t, NewLists(l.Lab, func() time.Time { return l.now }), "ACI-FO-PP")
	want := map[string]int{l.cards[0].Serial: 5, l.cards[1].Serial: 0}
	for _, e := range parsed.RevokedCertificateEntries {
		if got := e.ReasonCode; got != want[profiles.SerialHex(e.SerialNumber)] {
			t.Errorf("%X: reason %d", e.SerialNumber, got)
		}
	}
	// a change of mind counts after a restart
	l.Config.CRL.Reasons = false
	_, bare := l.crl(t, NewLists(l.Lab, func() time.Time { return l.now }), "ACI-FO-PP")
	for _, e := range bare.RevokedCertificateEntries {
		if len(e.Extensions) > 0 {
			t.Errorf("%X keeps its reason", e.SerialNumber)
		}
	}
}

// The lab's lists have the shape of the real ones: the same extensions in the same order, the same dates' distance.
func TestShapeOfRealLists(t *testing.T) {
	l := newTestLab(t, 1)
	lists := NewLists(l.Lab, func() time.Time { return l.now })
	for file, id := range map[string]string{"TEST-ACI-EL-ORG.crl.pem": "ACI-FO-PP", "TEST-ACR-EL.crl.pem": "ACR-FO"} {
		real, err := x509.ParseRevocationList(reference.Read(t, "crl/"+file))
		if err != nil {
			t.Fatal(err)
		}
		_, ours := l.crl(t, lists, id)
		shape := func(r *x509.RevocationList) string {
			var b strings.Builder
			for _, e := range r.Extensions {
				b.WriteString(e.Id.String() + " ")
				if e.Critical {
					b.WriteString("critical ")
				}
			}
			return b.String() + r.NextUpdate.Sub(r.ThisUpdate).String()
		}
		if shape(ours) != shape(real) {
			t.Errorf("%s: %s, the real one has %s", id, shape(ours), shape(real))
		}
	}
}

func TestPublication(t *testing.T) {
	l := newTestLab(t, 1)
	server := newPublication(t, l)
	fetch := func(method, path string, header ...string) (*http.Response, []byte) {
		t.Helper()
		req, err := http.NewRequestWithContext(t.Context(), method, server.URL+path, nil)
		if err != nil {
			t.Fatal(err)
		}
		if len(header) == 2 {
			req.Header.Set(header[0], header[1])
		}
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		body, err := io.ReadAll(resp.Body)
		if err != nil {
			t.Fatal(err)
		}
		return resp, body
	}
	for path, kind := range map[string]string{"/CRL/ACI-FO-PP-TEST.crl": "application/pkix-crl", "/CRL/ACR-FO-TEST.crl": "application/pkix-crl",
		"/AC%20TEST/ACI-FO-PP-TEST.cer": "application/pkix-cert", "/AC%20TEST/Chaine_de_certification-IGC-Sante-TEST.p7b": "application/x-pkcs7-certificates",
		"/PC%20TEST": "text/plain; charset=utf-8", "/": "text/html; charset=utf-8"} {
		resp, body := fetch(http.MethodGet, path)
		if resp.StatusCode != http.StatusOK || resp.Header.Get("Content-Type") != kind || len(body) == 0 {
			t.Errorf("GET %s: %s, %s, %d bytes", path, resp.Status, resp.Header.Get("Content-Type"), len(body))
		}
		if head, nothing := fetch(http.MethodHead, path); head.StatusCode != http.StatusOK || len(nothing) != 0 {
			t.Errorf("HEAD %s: %s, %d bytes", path, head.Status, len(nothing))
		}
	}
	for _, path := range []string{"/CRL/ACI-EL-PP-TEST.crl", "/CRL/ACI-FO-PP.crl", "/CRL/aci-fo-pp-TEST.crl", "/CRL/../igc.yaml", "/CRL/x", "/AC%20TEST/ACI-FO-PP.cer", "/igc.db"} {
		if resp, _ := fetch(http.MethodGet, path); resp.StatusCode != http.StatusNotFound {
			t.Errorf("GET %s: %s, want 404", path, resp.Status)
		}
	}
	// a client that has the list is told so, until something is revoked
	resp, _ := fetch(http.MethodGet, "/CRL/ACI-FO-PP-TEST.crl")
	tag := resp.Header.Get("ETag")
	if resp, _ := fetch(http.MethodGet, "/CRL/ACI-FO-PP-TEST.crl", "If-None-Match", tag); resp.StatusCode != http.StatusNotModified {
		t.Errorf("conditional GET: %s", resp.Status)
	}
	if _, err := l.Revoke(t.Context(), l.cards[0].Serial, "superseded"); err != nil {
		t.Fatal(err)
	}
	resp, body := fetch(http.MethodGet, "/CRL/ACI-FO-PP-TEST.crl", "If-None-Match", tag)
	if list, err := x509.ParseRevocationList(body); err != nil || len(list.RevokedCertificateEntries) != 1 {
		t.Errorf("after the revocation: %s, %v", resp.Status, err)
	}
	// what is published over HTTP is what stands in the folder
	a, _ := profiles.ParseAuthority("ACI-FO-PP")
	if file, err := os.ReadFile(NewLists(l.Lab, nil).path(a)); err != nil || !bytes.Equal(file, body) {
		t.Errorf("the file is another list (%v)", err)
	}
}
