package console

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/igc-lab/igc/access"
	"github.com/igc-lab/igc/ca"
	"github.com/igc-lab/igc/fixtures"
	"github.com/igc-lab/igc/internal/web"
	"github.com/igc-lab/igc/services/ecps"
	"github.com/igc-lab/igc/testssl"
	"github.com/igc-lab/igc/verify"
)

// refusedReport is the report on a card that is refused.
func refusedReport(number string) *verify.Report {
	return &verify.Report{Verdict: "REV-CRL-REVOKED", Card: &verify.Card{Facts: []verify.Fact{{Key: "card_number",
		Value: number}}}, Checks: []verify.Check{{ID: "crl", Code: "REV-CRL-REVOKED", Level: verify.Bad,
		Title: verify.Text{FR: "CRL", EN: "CRL"}, Expected: verify.Text{FR: "absente", EN: "absent"},
		Seen: verify.Text{FR: "présente", EN: "present"}, Command: "igc renew " + number,
		Do: &verify.Text{FR: "émettre une autre carte", EN: "issue another card"}}}}
}

// testCardsOnDisk writes a set of one test card, as igc fixtures make does.
func (w *world) testCardsOnDisk() {
	w.Helper()
	var wrong *fixtures.Fixture
	for _, f := range fixtures.Catalogue() {
		if f.Expect.TestSSL == "DATE-EXPIRED" {
			wrong = f
		}
	}
	manifest := fixtures.Manifest{MadeBy: fixtures.MadeBy, Fixtures: []fixtures.Entry{wrong.Entry()}}
	data, err := json.Marshal(manifest)
	if err != nil {
		w.Fatal(err)
	}
	dir := filepath.Join(w.lab.Home, "fixtures", wrong.ID)
	if err := os.MkdirAll(dir, 0o700); err != nil {
		w.Fatal(err)
	}
	for name, content := range map[string][]byte{
		filepath.Join(w.lab.Home, "fixtures", fixtures.ManifestFile):             data,
		filepath.Join(w.lab.Home, "fixtures", manifest.Fixtures[0].Files.PKCS12): []byte("keys"),
	} {
		if err := os.WriteFile(name, content, 0o600); err != nil {
			w.Fatal(err)
		}
	}
}

// Each task takes the clicks that it may, from the first page, with links and forms alone.
func TestTasks(t *testing.T) {
	w := newWorld(t)
	w.owner = true
	visitor := w.walker()
	home := func() *walker {
		visitor.open("/console/").clicks = 0
		return visitor
	}

	home().sees("Labo prêt : aucune carte", "Aucune encore", "igc issue --random")
	visitor.click("^Émettre une carte$").sees("La carte est émise", "valide", "igc renew")
	number := strings.TrimPrefix(visitor.at.Path, "/console/cartes/")
	visitor.click("^Télécharger authentication.p12$").is("application/x-pkcs12").within(2, "a good card and its p12")

	w.testCardsOnDisk()
	home().click("^Montrer$", "code", "DATE-EXPIRED").sees("1 cartes sur 1", "DATE-EXPIRED")
	visitor.click("^Télécharger").is("application/x-pkcs12").within(2, "a card that fails with a code")

	home().sees("Labo prêt : une carte").click("^"+number+"$").click("^Suspendre$").sees("suspendue",
		"igc unhold --card "+number)
	visitor.within(3, "suspend")
	home().click("^"+number+"$").click("^Lever la suspension$").sees("de nouveau acceptée").within(3, "lift")
	home().click("^"+number+"$").click("^Révoquer$").click("^Révoquer définitivement$", "motif", "superseded")
	visitor.sees("La carte est révoquée, définitivement.", "révoquée").within(3, "revoke")
	records, err := w.lab.List(t.Context(), ca.Filter{Card: number})
	if err != nil || len(records) != 2 || records[0].Revoked == nil || records[1].Revoked.Reason != "superseded" {
		t.Errorf("%+v, %v", records, err)
	}

	w.shaken.Add(func(n int) testssl.Handshake {
		return testssl.Handshake{Number: n, At: w.lab.Now, Port: "8445", Mode: testssl.Strict, Holder: "ALAIN",
			Code: "REV-CRL-REVOKED", Report: refusedReport(number)}
	})
	home().sees("8445", "ALAIN", "REV-CRL-REVOKED")
	visitor.click(`^\d\d:\d\d:\d\d$`).sees("ALAIN", "REV-CRL-REVOKED", "présente", "igc renew "+number, "strict")
	visitor.within(1, "why a card was refused")

	home().click("^" + number + "$").click("^Renouveler$").sees("La nouvelle carte est émise")
	next := strings.TrimPrefix(visitor.at.Path, "/console/cartes/")
	if next == number {
		t.Error("it is the same card")
	}
	home().click("^"+next+"$").click("^Insérer$").sees("dans le lecteur virtuel 1").within(2, "insert a card")
	visitor.click("^Retirer$").sees("n'est plus dans un lecteur")

	if _, err := w.phone.Activate(t.Context(), "test", "899700209812", "1234"); err != nil {
		t.Fatal(err)
	}
	for _, what := range []string{"Approuver", "Refuser"} {
		asked, err := w.phone.Ask(t.Context(), ecps.Asked{Person: "899700209812", ClientID: "dossier",
			ClientName: "Dossier"})
		if err != nil {
			t.Fatal(err)
		}
		home().sees("Demandes e-CPS en attente", "Dossier", asked.Number).click("^" + what)
		visitor.within(1, what)
		answered, err := w.phone.Get(t.Context(), asked.ID)
		if want := map[string]ecps.State{"Approuver": ecps.StateApproved,
			"Refuser": ecps.StateRefused}[what]; err != nil ||
			answered.State != want {
			t.Errorf("%s: %+v, %v", what, answered, err)
		}
	}
	actors := map[string]bool{}
	changes, err := w.lab.Changes(t.Context(), 0, 1000)
	for _, c := range changes {
		if c.Serial != "" && c.Kind == "status.changed" {
			actors[c.Actor] = true
		}
	}
	if err != nil || len(actors) != 1 || !actors["desk"] {
		t.Errorf("who revoked: %v, %v", actors, err)
	}
}

// The parts of a card's page: who it is of, its certificates, and what became of it.
func TestCardPage(t *testing.T) {
	w := newWorld(t)
	card := w.issue("alain")
	visitor := w.walker()
	page := "/console/cartes/" + card.Number
	visitor.open(page).sees("ALAIN DODO0020981 valide", "899700209812", "10, Médecin", "SM26",
		"igc catalogue /console/")
	if strings.Contains(visitor.body, ".p12\"") {
		t.Error("keys are offered to somebody else")
	}
	visitor.request("GET", page+"/authentication.p12", nil)
	if visitor.status != http.StatusForbidden || !strings.Contains(visitor.body, "igc catalogue") {
		t.Errorf("keys for somebody else: %d %s", visitor.status, readable(visitor.body))
	}
	visitor.request("GET", page+"/chain.pem", nil)
	visitor.is("application/x-pem-file")
	for _, path := range []string{"/card.json", "/authentication.key", "/..%2Figc.yaml", "/unblocking-code"} {
		if visitor.request("GET", page+path, nil); visitor.status != http.StatusNotFound {
			t.Errorf("%s: %d", path, visitor.status)
		}
	}
	visitor.open(page).click("^Certificats$").sees("authentification", "signature", "ACI-FO-PP")
	visitor.click("^Historique$").sees("certificate.issued", "cps/authentication")
	visitor.click("^Révocation$").sees("http://localhost:8080") // nobody listens: the page says so
	for _, path := range []string{"/console/cartes/2999999999", "/console/cartes/FF", "/console/cartes/x",
		"/console/poignees/9",
		"/console/poignees/x", "/console/rien", "/console/cartes/emettre?produit=rien"} {
		visitor.request("GET", path, nil)
		if visitor.status != http.StatusNotFound || len(nodes(visitor.page, "h1")) != 1 {
			t.Errorf("%s: %d %s", path, visitor.status, readable(visitor.body))
		}
	}
}

// The list of cards: a row a card, filters, and what it says when nothing is there.
func TestCardList(t *testing.T) {
	w := newWorld(t)
	visitor := w.walker()
	visitor.open("/console/cartes/").sees("Aucune carte encore", "igc issue --random").click("^Émettre une carte$").
		sees("La carte est émise")
	alain, max := w.issue("alain"), w.issue("max")
	w.lab.Change(t, ca.StatusChange{Card: max.Number, Reason: "keyCompromise"})
	rows := func(target string) int {
		t.Helper()
		visitor.open(target)
		return strings.Count(visitor.body, `<th scope="row">`)
	}
	for target, want := range map[string]int{"": 3, "?produit=cps": 3, "?produit=cpe": 0, "?etat=revoquee": 1,
		"?etat=valide": 2,
		"?q=dodo":      1, "?q=" + alain.Number: 1, "?q=899700209812": 1, "?q=99700209812": 1, "?q=nobody": 0,
		"?q=alain+dodo":         1,
		"?q=dodo&etat=revoquee": 0, "?q=" + alain.Records[0].Serial: 1, "?avant=1": 0} {
		if got := rows("/console/cartes/" + target); got != want {
			t.Errorf("%s: %d rows, want %d: %s", target, got, want, readable(visitor.body))
		}
	}
	visitor.open("/console/cartes/?q=nobody&produit=cps").sees("Aucune carte ne passe ce filtre",
		"nobody").click("Sans filtre")
	for text, to := range map[string]string{alain.Number: "/console/cartes/" + alain.Number,
		alain.Records[0].Serial: "/console/cartes/" + alain.Number, "899700209812": "/personnes/899700209812"} {
		if visitor.open("/console/chercher?q=" + text); visitor.at.Path != to {
			t.Errorf("%s leads to %s, want %s", text, visitor.at, to)
		}
	}
	visitor.open("/console/chercher?q=dodo").sees("ALAIN DODO0020981", alain.Number)
	visitor.open("/console/chercher?q=zzz").sees("Rien ne correspond")
}

// More cards than a page shows are read on, each once, by links.
func TestCardsByPages(t *testing.T) {
	w := newWorld(t)
	for range 2*rowsOfPage + 3 {
		w.lab.IssueCard(t, "alain", "authentication", "signature")
	}
	visitor := w.walker().open("/console/cartes/")
	seen := map[string]bool{}
	link := regexp.MustCompile(`/console/cartes/(\d{10})"`)
	for page := 1; ; page++ {
		for _, m := range link.FindAllStringSubmatch(visitor.body, -1) {
			if seen[m[1]] {
				t.Errorf("%s is shown twice", m[1])
			}
			seen[m[1]] = true
		}
		if !strings.Contains(visitor.body, "Plus anciennes") {
			break
		}
		visitor.click("^Plus anciennes$")
	}
	if len(seen) != len(w.lab.Cards) {
		t.Errorf("%d cards are shown of %d", len(seen), len(w.lab.Cards))
	}
}

// The form says what is wrong by its field, shows the command, and issues what it shows.
func TestIssueForm(t *testing.T) {
	w := newWorld(t)
	visitor := w.walker().open("/console/cartes/emettre")
	field := func(name string) string {
		for _, n := range nodes(visitor.page, "div") {
			if attr(n, "id") == "avis-"+name {
				return textOf(n)
			}
		}
		return ""
	}
	visitor.click("^Émettre$").sees("Émettre une carte")
	for name, want := range map[string]string{"given-name": "vide", "surname": "vide", "profession": "", "id-nat": ""} {
		if got := field(name); !strings.Contains(got, want) || got == "" {
			t.Errorf("%s: %q, want %q", name, got, want)
		}
	}
	good := []string{"given-name", "ALAIN", "surname", "DODO0020981", "id-nat", "99700209812", "profession",
		"10 Médecin",
		"speciality", "SM26"}
	for _, tc := range []struct{ name, value, field, want string }{
		{"id-nat", "10000000008", "id-nat", "hors des plages de test"},
		{"id-nat", "9970020981", "id-nat", "9970020981"},
		{"id-nat", "99700209813", "", "clé de contrôle (Luhn, dernier chiffre) est fausse"},
		{"profession", "999", "profession", "999"},
		{"profession", "60 Infirmier", "", "est de la profession"},
		{"speciality", "SM999", "speciality", "SM999"},
		{"surname", strings.Repeat("x", 80), "surname", "80 caractères"},
		{"pin", "12", "", "de quatre à huit chiffres"},
		{"card-number", "12", "card-number", "dix chiffres"},
		{"not-before", "demain", "", "AAAA-MM-JJ"},
	} {
		visitor.open("/console/cartes/emettre").click("^Vérifier$", append(append([]string{}, good...), tc.name,
			tc.value)...)
		if got := field(tc.field); tc.field != "" && !strings.Contains(got, tc.want) {
			t.Errorf("%s %s: %q, want %q", tc.name, tc.value, got, tc.want)
		} else if tc.field == "" {
			visitor.sees(tc.want)
		}
	}
	if list, err := w.lab.List(t.Context(), ca.Filter{EndEntities: true}); err != nil || len(list) != 0 {
		t.Errorf("a check issued %v, %v", list, err)
	}
	visitor.open("/console/cartes/emettre").click("^Vérifier$", good...).sees("Rien à redire",
		"igc issue --card cps --given-name ALAIN --surname DODO0020981 --id-nat 899700209812 --profession 10 "+
			"--speciality SM26")
	visitor.click("^Émettre$").sees("La carte est émise", "ALAIN DODO0020981")
	for _, p := range presets {
		visitor.open("/console/cartes/emettre?modele=" + p.Name).click("^Émettre$").sees("La carte est émise")
	}
	visitor.open("/console/cartes/emettre?produit=auth-cli").click("^Émettre$").sees("vide")
}

// Every POST is refused without the token of a form of the same browser, from another site, and to
// who may not change the lab; nothing changes.
func TestForgedForms(t *testing.T) {
	w := newWorld(t)
	number := w.issue("alain").Number
	visitor := w.walker().open("/console/")
	token := attr(nodes(visitor.page, "form")[1].FirstChild, "value")
	for n := range nodes(visitor.page, "main")[0].Descendants() {
		if attr(n, "name") == web.FormField {
			token = attr(n, "value")
		}
	}
	before, err := w.lab.Head(t.Context())
	if err != nil || len(token) < 20 {
		t.Fatal(token, err)
	}
	other := "A" + token[1:]
	if other == token {
		other = "B" + token[1:]
	}
	if len(w.console.writes()) < 9 {
		t.Errorf("%d actions", len(w.console.writes()))
	}
	for path := range w.console.writes() {
		path = strings.NewReplacer("{name}", number, "{id}", "x.y").Replace(path)
		for name, change := range map[string]func(*http.Request, url.Values){
			"no token":    func(_ *http.Request, v url.Values) { v.Del(web.FormField) },
			"other token": func(_ *http.Request, v url.Values) { v.Set(web.FormField, other) },
			"no cookie":   func(r *http.Request, _ url.Values) { r.Header.Del("Cookie") },
			"other cookie": func(r *http.Request, _ url.Values) {
				r.Header.Set("Cookie",
					"igc-console="+strings.Repeat("A", 26))
			},
			"other site": func(r *http.Request, _ url.Values) { r.Header.Set("Sec-Fetch-Site", "cross-site") },
			"same site":  func(r *http.Request, _ url.Values) { r.Header.Set("Sec-Fetch-Site", "same-site") },
			"token in the address": func(r *http.Request, v url.Values) {
				r.URL.RawQuery = v.Encode()
				v.Del(web.FormField)
			},
			"a reader": func(*http.Request, url.Values) {
				w.caller = &access.Caller{Way: access.Token, Actor: "token:ci", ID: "ci", Name: "ci",
					Grants: []access.Grant{{Role: access.Administrator}}, Scopes: []access.Scope{access.ReadScope}}
			},
		} {
			values := url.Values{web.FormField: {token}, "motif": {"keyCompromise"}}
			r := httptest.NewRequest("POST", path, nil)
			for _, c := range visitor.cookies {
				r.AddCookie(c)
			}
			change(r, values)
			forged := httptest.NewRequest("POST", r.URL.String(), strings.NewReader(values.Encode()))
			forged.Header = r.Header
			forged.Header.Set("Content-Type", "application/x-www-form-urlencoded")
			a := httptest.NewRecorder()
			w.handler.ServeHTTP(a, forged)
			w.caller = access.Owner("desk")
			if a.Code != http.StatusForbidden {
				t.Errorf("%s, %s: %d", path, name, a.Code)
			}
		}
		a := httptest.NewRecorder()
		w.handler.ServeHTTP(a, httptest.NewRequest("GET", path, nil))
		if a.Code == http.StatusSeeOther {
			t.Errorf("%s by GET: %d", path, a.Code)
		}
	}
	if after, err := w.lab.Head(t.Context()); err != nil || after != before {
		t.Errorf("something changed: %+v, %v", after, err)
	}
	w.caller = &access.Caller{Way: access.Card, Actor: "card:1", ID: "1", Name: "somebody"}
	for path := range w.console.reads() {
		path = strings.NewReplacer("{$}", "", "{name}", number, "{id...}", "x", "{set}", "x", "{file}", "x",
			"{number}", "1",
			"{authority}", "x", "{serial}", "x", "{id}", "x").Replace(path)
		a := httptest.NewRecorder()
		w.handler.ServeHTTP(a, httptest.NewRequest("GET", path, nil))
		if a.Code != http.StatusForbidden || !strings.Contains(a.Body.String(), "Somebody") {
			t.Errorf("%s for somebody without a role: %d", path, a.Code)
		}
	}
}

// checkCommand wants a command line to be of a command that there is, with flags that it has.
func checkCommand(t *testing.T, reference []byte, page, line string) {
	t.Helper()
	words := strings.Fields(line)
	section := ""
	for n := min(4, len(words)); n > 1 && section == ""; n-- {
		if _, rest, ok := strings.Cut(string(reference), "\n## "+strings.Join(words[:n], " ")+"\n"); ok {
			section, _, _ = strings.Cut(rest, "\n## ")
		}
	}
	if section == "" || strings.Contains(section, " command\n```") && len(words) > 2 {
		t.Errorf("%s: there is no command %s", page, line)
	}
	for _, word := range words {
		if strings.HasPrefix(word, "--") && word != "--help" && !strings.Contains(section, "`"+word) &&
			!strings.Contains(section, ", "+word) {
			t.Errorf("%s: %s has no flag %s", page, line, word)
		}
	}
}

// Every page is in both languages, has one h1, the menu with where one is, and keeps the language.
func TestLanguages(t *testing.T) {
	w := newWorld(t)
	w.owner = true
	w.testCardsOnDisk()
	number := w.issue("alain").Number
	card := "/console/cartes/" + number
	reference, err := os.ReadFile("../docs/cli.md")
	if err != nil {
		t.Fatal(err)
	}
	french := regexp.MustCompile(`\b(?i:carte|émettre|porteur|aucune|révoquer|suspendre|accueil)\b`)
	for path, current := range map[string]string{"/console/": "Home", "/console/cartes/": "Cards", card: "Cards",
		card + "?vue=certificats": "Cards", card + "?vue=revocation": "Cards", card + "?vue=historique": "Cards",
		card + "/revoquer": "Cards", "/console/cartes/tests/": "Cards", "/console/cartes/emettre": "Cards",
		"/console/chercher?q=a": "",
		"/console/psc/":         "Pro Santé Connect", "/console/ecps/": "People", "/console/autorites/": "Authorities",
		"/console/autorites/ACI-FO-PP": "Authorities", "/console/sante/": "Lab health",
		"/personnes/": "People", "/personnes/899700209812": "People"} {
		visitor := w.walker()
		mark := "?"
		if strings.Contains(path, "?") {
			mark = "&"
		}
		visitor.open(path + mark + "lang=en")
		text := strings.ReplaceAll(textOf(nodes(visitor.page, "main")[0]), "carte-service", "")
		if found := french.FindString(text); found != "" && !strings.Contains(text, "Carte de professionnel") {
			t.Errorf("%s in English says %q: %s", path, found, text)
		}
		if n := len(nodes(visitor.page, "h1")); n != 1 {
			t.Errorf("%s has %d h1", path, n)
		}
		for _, code := range nodes(visitor.page, "code") {
			if line := textOf(code); strings.HasPrefix(line, "igc ") {
				checkCommand(t, reference, path, line)
			}
		}
		here := ""
		for _, a := range nodes(nodes(visitor.page, "header")[0], "a") {
			if attr(a, "aria-current") == "page" {
				here += textOf(a)
			}
			if href := attr(a, "href"); !strings.Contains(href, "lang=") {
				t.Errorf("%s: %s forgets the language", path, href)
			}
		}
		if current != "" && here != current {
			t.Errorf("%s is in %q, want %q", path, here, current)
		}
		for _, a := range nodes(nodes(visitor.page, "main")[0], "a") {
			href := attr(a, "href")
			if strings.HasPrefix(href, "/console/") && !strings.Contains(href, "lang=en") && attr(a,
				"download") == "" &&
				!strings.HasSuffix(href, ".p12") && !strings.HasSuffix(href, ".pem") {
				t.Errorf("%s: the link %s forgets the language", path, href)
			}
		}
		visitor.open(path)
		if lang := attr(nodes(visitor.page, "html")[0], "lang"); lang != "fr" {
			t.Errorf("%s is in %s", path, lang)
		}
	}
}
