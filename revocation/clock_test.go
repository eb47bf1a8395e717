package revocation

import (
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	xocsp "golang.org/x/crypto/ocsp"

	"github.com/igc-lab/igc/ca"
	"github.com/igc-lab/igc/profiles"
	"github.com/igc-lab/igc/revocation/crl"
)

// A client that kept a list of the future gets the present one, whatever it says of the date of its
// own.
func TestListOfTheFutureInHTTP(t *testing.T) {
	l := newTestLab(t, 1)
	now := l.Clock()
	crls := crl.NewIssuer(l.Lab, now)
	p := NewPublication(l.Lab, crls, newResponder(t, l.Lab, now), quiet)
	ask := func(since string) *httptest.ResponseRecorder {
		r := httptest.NewRequest("GET", "/CRL/ACI-FO-PP-TEST.crl", nil)
		if since != "" {
			r.Header.Set("If-Modified-Since", since)
		}
		w := httptest.NewRecorder()
		p.ServeHTTP(w, r)
		return w
	}
	l.Now = l.Now.AddDate(0, 0, 7)
	ahead := ask("").Header().Get("Last-Modified")
	if w := ask(ahead); w.Code != http.StatusNotModified {
		t.Errorf("unchanged: %d", w.Code)
	}
	l.Now = l.Now.AddDate(0, 0, -7)
	if w := ask(ahead); w.Code != http.StatusOK || w.Header().Get("Last-Modified") == ahead {
		t.Errorf("after the clock was set back: %d, Last-Modified %s", w.Code, w.Header().Get("Last-Modified"))
	}
}

// While the clock is four years ahead, revoked cards expire and leave the list; set back, they are
// on it again, in their order, and with no date of revocation that lies in the future: Java takes a
// card as good until that date.
func TestRevokedWhileTheClockIsAhead(t *testing.T) {
	l := newTestLab(t, 4)
	l.Config.CRL.Expired = "removed"
	now := l.Clock()
	crls, r := crl.NewIssuer(l.Lab, now), newResponder(t, l.Lab, now)
	listed := func(crls *crl.Issuer) (dates map[string]time.Time) {
		t.Helper()
		parsed := l.fullCRL(t, crls, "ACI-FO-PP")
		dates = map[string]time.Time{}
		last := time.Time{}
		for _, e := range parsed.RevokedCertificateEntries {
			if e.RevocationTime.Before(last) {
				t.Errorf("out of order: %s after %s", e.RevocationTime, last)
			}
			last = e.RevocationTime
			dates[profiles.SerialHex(e.SerialNumber)] = last
		}
		return dates
	}
	revoke := func(i int) time.Time {
		t.Helper()
		if _, err := l.Revoke(t.Context(), l.Cards[i].Serial, "keyCompromise"); err != nil {
			t.Fatal(err)
		}
		return l.Now
	}
	begin := l.Now
	first := revoke(0)
	listed(crls)
	l.Now = begin.AddDate(0, 0, 400)
	revoke(1)
	listed(crls)
	left := -1
	for n := range 3 { // the first list after their end still has them
		l.Now = begin.AddDate(4, 0, n)
		left = len(listed(crls))
	}
	if left != 0 {
		t.Fatalf("%d are left of what expired", left)
	}
	for i, crls := range []*crl.Issuer{crls, crl.NewIssuer(l.Lab, now)} {
		l.Now = begin.Add(time.Duration(i+1) * time.Hour)
		got := listed(crls)
		if len(got) != 2 || !got[l.Cards[0].Serial].Equal(first) || got[l.Cards[1].Serial].After(l.Now) || got[l.Cards[1].Serial].IsZero() {
			t.Errorf("after the clock was set back: %v", got)
		}
		leaf, issuer := l.Certificates(t, l.Cards[1])
		if answer := status(t, r, leaf, issuer); answer.Status != xocsp.Revoked || answer.RevokedAt.After(l.Now) {
			t.Errorf("OCSP: %d, revoked at %s", answer.Status, answer.RevokedAt)
		}
	}
	// the records keep the dates, and the list has them again when they have come
	l.Change(t, ca.StatusChange{Serial: l.Cards[2].Serial, Reason: "superseded"})
	l.Now = begin.AddDate(0, 0, 401)
	if got := listed(crls); len(got) != 3 || !got[l.Cards[1].Serial].Equal(begin.AddDate(0, 0, 400)) {
		t.Errorf("when the date has come: %v", got)
	}
}
