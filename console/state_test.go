package console

import (
	"bufio"
	"context"
	"fmt"
	"iter"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/net/html"

	"github.com/igc-lab/igc/ca"
	"github.com/igc-lab/igc/ca/store"
	"github.com/igc-lab/igc/doctor"
	"github.com/igc-lab/igc/internal/i18n"
	"github.com/igc-lab/igc/revocation"
	"github.com/igc-lab/igc/revocation/crl"
	"github.com/igc-lab/igc/services/ecps"
	"github.com/igc-lab/igc/services/psc"
	"github.com/igc-lab/igc/testssl"
)

// published serves the lab's CRLs and OCSP answers, as its publication port does.
func (w *world) published() {
	w.Helper()
	responder, err := revocation.NewResponder(w.Context(), w.lab.Lab, w.lab.Clock())
	if err != nil {
		w.Fatal(err)
	}
	server := httptest.NewServer(revocation.NewPublication(w.lab.Lab, crl.NewIssuer(w.lab.Lab, w.lab.Clock()),
		responder,
		slog.New(slog.DiscardHandler)))
	w.Cleanup(server.Close)
	w.console.Publication = server.URL
}

// The status of a card and of an authority is that which clients get over the network.
func TestAsClientsSee(t *testing.T) {
	w := newWorld(t)
	w.lab.Now = time.Now().Truncate(time.Second) // OCSP's client has the true clock
	w.published()
	card := w.issue("alain")
	visitor := w.walker()
	page := "/console/cartes/" + card.Number + "?vue=revocation"
	visitor.open(page).sees("Sur la CRL non", "good", "ACI-FO-PP-TEST.crl")
	w.lab.Change(t, ca.StatusChange{Card: card.Number, Reason: "superseded"})
	visitor.open(page).sees("Sur la CRL oui", "revoked", "superseded", "2 entrées")
	visitor.open("/console/autorites/").sees("ACR-FO", "ACI-FO-PP").click("^ACI-FO-PP$").
		sees("2 entrées", "OCSP de ce certificat", "good", "OCSP du dernier émis", "revoked", "SHA-256")
	visitor.request("GET", "/console/autorites/ACI-ST-PP", nil)
	if visitor.status != http.StatusNotFound {
		t.Errorf("an authority that the lab does not have: %d", visitor.status)
	}
	w.console.Publication = "http://127.0.0.1:1"
	visitor.open(page).sees("127.0.0.1:1 : connexion refusée")
}

// The report of igc doctor is made beside the pages, and shown with what puts things right.
func TestHealth(t *testing.T) {
	w := newWorld(t)
	examine := make(chan struct{})
	w.console.Doctor = func(_ context.Context, in i18n.Language) iter.Seq[doctor.Finding] {
		return func(yield func(doctor.Finding) bool) {
			<-examine
			if in == i18n.English {
				yield(doctor.Finding{Check: "clock", State: doctor.Todo, Message: "an hour behind", Remedy: "ntpdate"})
				return
			}
			_ = yield(doctor.Finding{Check: "server", State: doctor.OK, Message: "tourne"}) &&
				yield(doctor.Finding{Check: "clock", State: doctor.Todo, Message: "en retard", Remedy: "ntpdate"}) &&
				yield(doctor.Finding{Check: "pcscd", State: doctor.Note, Message: "absent", Unused: true})
		}
	}
	visitor := w.walker()
	visitor.open("/console/").sees("L'examen est en cours")
	examine <- struct{}{}
	visitor.eventually("/console/", "Labo prêt : aucune carte, 1 à faire")
	visitor.sees("en retard", "ntpdate")
	visitor.open("/console/sante/").sees("tourne", "en retard", "Ce que ce laboratoire n'utilise pas (1)", "absent")
	visitor.click("^Examiner de nouveau$").sees("L'examen est en cours")
	examine <- struct{}{}
	visitor.open("/console/sante/?lang=en") // the report is in the language of the page
	examine <- struct{}{}
	visitor.eventually("/console/sante/?lang=en", "an hour behind")
}

// eventually opens a page until it has a text.
func (w *walker) eventually(target, want string) {
	w.Helper()
	for begin := time.Now(); ; time.Sleep(10 * time.Millisecond) {
		if w.open(target); strings.Contains(textOf(w.page), want) {
			return
		}
		if time.Since(begin) > 2*time.Minute { // the set of test cards takes a busy machine so long
			w.Fatalf("%s never has %q: %s", target, want, readable(w.body))
		}
	}
}

// The change feed goes backwards, each entry once, and is filtered by what was done and by whom.
func TestFeed(t *testing.T) {
	w := newWorld(t)
	for range 80 {
		w.lab.IssueCard(t, "alain", "authentication", "signature")
	}
	number := w.lab.Cards[0].Holder.CardNumber
	if _, err := w.lab.As("card:899700209812").SetStatus(t.Context(), ca.StatusChange{Card: number,
		Reason: "superseded"}); err != nil {
		t.Fatal(err)
	}
	head, err := w.lab.Head(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	visitor := w.walker().open("/console/sante/")
	var seen []string
	for {
		for _, n := range nodes(visitor.page, "th") {
			if attr(n, "scope") == "row" {
				seen = append(seen, textOf(n))
			}
		}
		if !strings.Contains(visitor.body, "Plus anciennes") {
			break
		}
		visitor.click("^Plus anciennes$")
	}
	var want []string
	for seq := head.Seq; seq > 0; seq-- {
		want = append(want, fmt.Sprint(seq))
	}
	if !slices.Equal(seen, want) {
		t.Errorf("the feed is shown as %v", seen)
	}
	visitor.open("/console/sante/").click("^Filtrer$", "par", "card:").sees("card:899700209812", "status.changed")
	if strings.Contains(visitor.body, "<code>certificate.issued") {
		t.Error("the filter lets others pass")
	}
	visitor.open("/console/sante/").click("^Filtrer$", "quoi", string(store.StatusChanged)).sees("superseded")
	visitor.open("/console/sante/").click("^Filtrer$", "par", "nobody").sees("Aucune entrée ne passe ce filtre")
	visitor.open("/console/cartes/"+number+"?vue=historique").sees("superseded", "card:899700209812",
		"certificate.issued")
}

// Clients of Pro Santé Connect, who is signed in, and the e-CPS.
func TestSignIns(t *testing.T) {
	w := newWorld(t)
	visitor := w.walker()
	visitor.open("/console/psc/").sees("Aucun client encore", "igc psc client add", "Personne n'est connecté")
	visitor.open("/console/ecps/").sees("Aucune e-CPS", "igc ecps activate")
	if err := psc.AddClient(t.Context(), w.lab, "test", &psc.Client{ID: "dossier", Name: "Dossier patient",
		RedirectURIs: []string{"http://localhost:3000/cb"}}); err != nil {
		t.Fatal(err)
	}
	w.set("899700209812", "ALAIN", "DODO")
	w.sessions["899700209812"] = []psc.Session{{Since: w.lab.Now, Clients: []psc.SessionClient{{ID: "dossier",
		Name: "Dossier patient"}}}}
	visitor.open("/console/psc/").sees("dossier", "http://localhost:3000/cb", "ALAIN DODO", "e-CPS")
	if _, err := w.phone.Activate(t.Context(), "test", "899700209812", "1234"); err != nil {
		t.Fatal(err)
	}
	if _, err := w.phone.Ask(t.Context(), ecps.Asked{Person: "899700209812", ClientID: "dossier"}); err != nil {
		t.Fatal(err)
	}
	visitor.open("/console/ecps/").sees("ALAIN DODO", "demandes : 1", "ouvrir")
}

// The first page is told of each handshake and of each request to a phone.
func TestLive(t *testing.T) {
	w := newWorld(t)
	stopping := make(chan struct{})
	w.console.Stopping = stopping
	server := httptest.NewServer(w.handler)
	defer server.Close()
	page := w.walker().open("/console/")
	resp, err := http.Get(server.URL + attr(nodes(page.page, "div")[slices.IndexFunc(nodes(page.page, "div"),
		isLive)], "data-events"))
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if kind := resp.Header.Get("Content-Type"); kind != "text/event-stream" {
		t.Fatal(kind)
	}
	lines := make(chan string, 10)
	go func() {
		for scan := bufio.NewScanner(resp.Body); scan.Scan(); {
			if strings.HasPrefix(scan.Text(), "event:") {
				lines <- scan.Text()
			}
		}
		close(lines)
	}()
	wants := func(what string) {
		t.Helper()
		select {
		case line := <-lines:
			if line != "event: changed" {
				t.Errorf("%s: %q", what, line)
			}
		case <-time.After(20 * time.Second):
			t.Fatalf("%s: nothing is told", what)
		}
	}
	w.shaken.Add(func(n int) testssl.Handshake { return testssl.Handshake{Number: n, At: w.lab.Now, Code: "OK"} })
	wants("a handshake")
	if _, err := w.phone.Activate(t.Context(), "test", "899700209812", "1234"); err != nil {
		t.Fatal(err)
	}
	if _, err := w.phone.Ask(t.Context(), ecps.Asked{Person: "899700209812", ClientID: "dossier"}); err != nil {
		t.Fatal(err)
	}
	wants("a request")
	close(stopping)
	if line, open := <-lines; open {
		t.Errorf("after the end: %q", line)
	}
}

func isLive(n *html.Node) bool { return attr(n, "id") == "vivant" }

// The set of test cards is made by a button, and its cards are not among those of the list.
func TestMakeTestCards(t *testing.T) {
	if testing.Short() {
		t.Skip("it makes the whole set")
	}
	w := newWorld(t)
	w.owner = true
	visitor := w.walker().open("/console/cartes/tests/").sees("Aucune encore", "igc fixtures make")
	visitor.click("^Fabriquer les cartes de test$")
	visitor.eventually("/console/cartes/tests/", "Refaire le jeu")
	visitor.click("^Filtrer$", "code", "REV-CRL-REVOKED").sees("REV-CRL-REVOKED").click("^Télécharger").
		is("application/x-pkcs12")
	visitor.open("/console/cartes/").sees("Aucune carte encore")
}
