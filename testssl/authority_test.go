package testssl

import (
	"encoding/json"
	"errors"
	"html"
	"log/slog"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/igc-lab/igc/ca"
	"github.com/igc-lab/igc/revocation/crl"
	"github.com/igc-lab/igc/verify"
)

// A card whose issuing authority is revoked is refused, from the next look at the page on, though
// it is on no list itself; every page says which authorities are revoked, and when the server's own
// certificate is of one.
func TestRevokedAuthority(t *testing.T) {
	s := newSite(t)
	card := issue(t, s.lab, time.Time{})["authentication"]
	report := func() (r verify.Report) {
		t.Helper()
		_, body := s.get(t, Default.Name, "api/v1/card", card)
		if err := json.Unmarshal([]byte(body), &r); err != nil {
			t.Fatal(err)
		}
		return r
	}
	page := func(mode string) string {
		t.Helper()
		_, body := s.get(t, mode, "", card)
		return html.UnescapeString(body)
	}
	if r := report(); !r.OK || strings.Contains(page(Default.Name), "Autorité révoquée") {
		t.Fatalf("before: %s", r.Verdict)
	}
	revoke := func(id string) {
		t.Helper()
		if _, err := s.lab.SetStatus(t.Context(), ca.StatusChange{Authority: id, Reason: "cACompromise"}); err != nil {
			t.Fatal(err)
		}
	}
	_, events := s.line(t, card)
	revoke("ACI-FO-PP")
	select {
	case e := <-events:
		if e.Verdict != "CHAIN-REVOKED" || e.OK {
			t.Errorf("the open page received %+v", e)
		}
	case <-time.After(time.Minute):
		t.Error("the open page received nothing")
	}
	r := report()
	if r.Verdict != "CHAIN-REVOKED" || r.OK || r.Screen.Verification != "FAILED:certificate revoked" ||
		!strings.Contains(r.Check("chain").Seen.EN, "TEST AC IGC-SANTE FORT PERSONNES: REVOKED on 2026-11-22 12:00:00 UTC, reason cACompromise") {
		t.Errorf("%s, %+v, %+v", r.Verdict, r.Screen, r.Check("chain"))
	}
	// what it issued is answered for as before
	if crl, ocsp := r.Check("crl").Code, r.Check("ocsp").Code; crl != "REV-CRL-GOOD" || ocsp != "REV-OCSP-GOOD" {
		t.Errorf("%s, %s", crl, ocsp)
	}
	body := page(Default.Name)
	if !strings.Contains(body, "Autorité révoquée\u00a0: ACI-FO-PP") || !strings.Contains(body, "CHAIN-REVOKED") || strings.Contains(body, "Le certificat de ce serveur") {
		t.Error("the page does not say that the authority is revoked, or says more")
	}
	if len(body) >= maxPage {
		t.Errorf("the page has %d bytes", len(body))
	}
	client := s.client(card)
	defer client.CloseIdleConnections()
	if resp, err := client.Get(s.urls[Strict.Name]); err == nil {
		resp.Body.Close()
		t.Error("the strict port accepts the card")
	}
	if resp, err := http.Get(s.plain + "/?lang=en"); err != nil {
		t.Error(err)
	} else if resp.Body.Close(); resp.StatusCode != http.StatusOK {
		t.Errorf("catalogue: %s", resp.Status)
	}

	revoke("ACI-EL-ORG")
	if OwnAuthority().ID() != "ACI-EL-ORG" || !strings.Contains(page(Default.Name), "Le certificat de ce serveur en est.") {
		t.Error("the page does not say that the server's own certificate is refused")
	}
	// started anew, the server has nothing to present, and says why
	clock := func() time.Time { return s.now() }
	again := New(s.lab, crl.NewIssuer(s.lab, clock), newResponder(t, s.lab, clock), clock, slog.New(slog.DiscardHandler))
	var revoked *ca.RevokedAuthorityError
	if err := again.Prepare(t.Context()); !errors.As(err, &revoked) || revoked.Authority != "ACI-EL-ORG" {
		t.Errorf("started anew: %v", err)
	}
	// and the one that runs goes on past the date of its renewal
	s.move(s.now().AddDate(0, 0, 600)) // of 730 days
	if first, _ := s.seen(t); first == nil {
		t.Error("nothing is presented")
	}
}
