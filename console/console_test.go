package console

import (
	"bytes"
	"context"
	"fmt"
	"html"
	"iter"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/igc-lab/igc/access"
	"github.com/igc-lab/igc/ca"
	"github.com/igc-lab/igc/ca/store"
	"github.com/igc-lab/igc/doctor"
	"github.com/igc-lab/igc/fixtures"
	"github.com/igc-lab/igc/internal/calls"
	"github.com/igc-lab/igc/internal/i18n"
	"github.com/igc-lab/igc/internal/labtest"
	"github.com/igc-lab/igc/lab"
	"github.com/igc-lab/igc/outbox"
	"github.com/igc-lab/igc/people"
	"github.com/igc-lab/igc/people/population"
	"github.com/igc-lab/igc/profiles"
	"github.com/igc-lab/igc/revocation/crl"
	"github.com/igc-lab/igc/services/annuaire"
	"github.com/igc-lab/igc/services/carddesk"
	"github.com/igc-lab/igc/services/ecps"
	"github.com/igc-lab/igc/services/psc"
	"github.com/igc-lab/igc/testssl"
)

// world is a console over a lab and its services.
type world struct {
	*testing.T
	lab      *labtest.CardLab
	console  *Console
	owner    bool // who asks has private keys
	caller   *access.Caller
	shaken   *calls.List[testssl.Handshake]
	people   *people.Directory
	outbox   *outbox.Outbox
	phone    *ecps.Service
	desk     *carddesk.Desk
	sessions map[string][]psc.Session
	handler  http.Handler
}

// Sessions are what the test says: a login takes a browser.
func (w *world) Sessions(_ context.Context, person string) ([]psc.Session, error) {
	return w.sessions[person], nil
}

func (w *world) LatestSessions(_ context.Context, limit int) (all []psc.Session, n int, err error) {
	for person, list := range w.sessions {
		for _, s := range list {
			s.Person = person
			all = append(all, s)
		}
	}
	return all[:min(limit, len(all))], len(all), nil
}

// Latest gives no CRL: nothing publishes any.
func (w *world) Latest(profiles.Authority) (full, delta *crl.CRL) { return nil, nil }

// Here, Owner and Enter are the gate of private keys.
func (w *world) Here(*http.Request) bool  { return true }
func (w *world) Owner(*http.Request) bool { return w.owner }
func (w *world) Enter(http.ResponseWriter, *http.Request) (entered, refused bool) {
	return false, false
}

// Handshakes are what the test says.
func (w *world) Handshakes(after int) ([]testssl.Handshake, <-chan struct{}) {
	return w.shaken.After(after, func(*testssl.Handshake) bool { return true })
}

// records gives the Annuaire one certificate too.
type records struct{ *lab.Lab }

func (r records) Certificate(ctx context.Context, key store.Key) (*ca.Record, error) {
	a, err := profiles.ParseAuthority(key.Authority)
	if err != nil {
		return nil, err
	}
	return r.Lookup(ctx, a, key.Serial)
}

type contacts struct{ *people.Directory }

func (c contacts) Contact(ctx context.Context, id string) (ecps.Contact, error) {
	p, err := c.Find(ctx, id)
	if err != nil {
		return ecps.Contact{}, err
	}
	return ecps.Contact{ID: p.ID, GivenName: p.GivenName, FamilyName: p.FamilyName, Mail: p.Contact.Mail,
		Phone: p.Contact.Phone}, nil
}

func newWorld(t *testing.T) *world {
	t.Helper()
	config := lab.DefaultConfig()
	config.Key = ca.P256
	w := &world{T: t, lab: labtest.NewEmptyLab(t, config), sessions: map[string][]psc.Session{}}
	now := w.lab.Clock()
	generated := population.NewSource(w.lab)
	w.people = people.New(people.Options{Records: w.lab, Documents: w.lab, Population: generated.People})
	w.outbox = outbox.New(outbox.Options{Documents: w.lab, Now: now})
	w.phone = ecps.New(ecps.Options{Documents: w.lab, People: contacts{w.people}, Messages: w.outbox, Seal: w.lab,
		Now: now, URL: func() string { return "https://localhost/telephone/" }})
	w.desk = carddesk.New(carddesk.Options{Service: w.lab, Home: w.lab.Home, Key: ca.P256, People: w.people,
		Mails: w.outbox, Now: now, Clock: now, Holds: true})
	names := annuaire.New(annuaire.Options{People: w.people, Records: records{w.lab.Lab}, Documents: w.lab, Made: now(),
		Now: now, URL: func() string { return "https://localhost" }})
	for _, watch := range []func(context.Context, func(store.Change)) error{w.lab.WatchIssued, w.lab.WatchDocuments} {
		if err := watch(t.Context(), names.Changed); err != nil {
			t.Fatal(err)
		}
	}
	w.caller, w.shaken = access.Owner("desk"), calls.New[testssl.Handshake](20)
	w.console = New(Options{Lab: w.lab.Lab, Keys: w, People: w.people, Names: names, Phones: w.phone, SignIns: w,
		Caller: func(*http.Request) (*access.Caller, error) { return w.caller, nil },
		CardDesk: func(actor string) *carddesk.Desk {
			return carddesk.New(carddesk.Options{Service: w.lab.As(actor), Home: w.lab.Home, Key: ca.P256,
				People: w.people,
				Mails:  w.outbox, Now: now, Clock: now, Holds: true})
		},
		Messages: w.outbox, Handshakes: w, CRLs: w, Now: now, Publication: "http://localhost:8080",
		Doctor: func(context.Context, i18n.Language) iter.Seq[doctor.Finding] {
			return slices.Values[[]doctor.Finding](nil)
		},
		Endpoints: []Endpoint{{i18n.Same("TestSSL"), "https://localhost:8443/"}},
		Paths: Paths{Console: "/console/", People: "/personnes/", Phones: "/telephone/", Messages: "/messages/",
			FHIR: "/fhir/v2/", Annuaire: "/annuaire/", PSC: "/psc/"}})
	w.handler = w.console.Handler()
	return w
}

// get asks for a page, and gives its text as people read it too.
func (w *world) get(target string, status int) (page, text string) {
	w.Helper()
	a := httptest.NewRecorder()
	w.handler.ServeHTTP(a, httptest.NewRequest("GET", target, nil))
	page = a.Body.String()
	if a.Code != status {
		w.Fatalf("%s: %d, want %d: %.300s", target, a.Code, status, page)
	}
	if policy := a.Header().Get("Content-Security-Policy"); status != http.StatusFound &&
		!strings.Contains(policy, "default-src 'none'") {
		w.Errorf("%s: policy %q", target, policy)
	}
	if strings.Count(page, "<script") > 1 || strings.Contains(page, "ZgotmplZ") || strings.Contains(page,
		"<no value>") {
		w.Errorf("%s has a script, or what a template could not write", target)
	}
	return page, readable(page)
}

var (
	tags    = regexp.MustCompile(`<[^>]*>`)
	rowLink = regexp.MustCompile(`<th scope="row"><a\s+href="/personnes/([^"]*)"`)
	styled  = regexp.MustCompile(`(?s)<style>.*?</style>`)
)

func readable(page string) string {
	text := html.UnescapeString(tags.ReplaceAllString(styled.ReplaceAllString(page, ""), " "))
	return strings.Join(strings.Fields(text), " ") // no-break spaces too
}

func (w *world) has(text string, wants ...string) {
	w.Helper()
	for _, want := range wants {
		if !strings.Contains(text, want) {
			w.Errorf("no %q in %s", want, text)
		}
	}
}

func (w *world) hasNot(text string, never ...string) {
	w.Helper()
	for _, word := range never {
		if strings.Contains(text, word) {
			w.Errorf("%q in %s", word, text)
		}
	}
}

// section is the part of a person's page under a heading.
func (w *world) section(page, id string) string {
	w.Helper()
	_, rest, ok := strings.Cut(page, `<h2 id="`+id+`">`)
	if !ok {
		w.Fatalf("no section %s in %s", id, page)
	}
	rest, _, _ = strings.Cut(rest, "<h2")
	return readable("<h2>" + rest)
}

func (w *world) set(id, given, family string) {
	w.Helper()
	if _, err := w.people.Set(w.Context(), "test", id, people.Change{GivenName: &given, FamilyName: &family},
		people.SetOptions{}); err != nil {
		w.Fatal(err)
	}
}

// issue makes a card of a test identity.
func (w *world) issue(identity string) *carddesk.Card {
	w.Helper()
	who, err := fixtures.Find(identity)
	if err != nil {
		w.Fatal(err)
	}
	var order ca.CardOrder
	order.Product, order.Holder, order.PIN, order.Key = who.Product, who.Holder, "1234", ca.P256
	order.Holder.CardNumber = ""
	made, _, err := ca.MakeCard(w.Context(), w.lab, w.lab.Home, order)
	if err != nil {
		w.Fatal(err)
	}
	c, err := w.desk.Find(w.Context(), made.CardNumber)
	if err != nil {
		w.Fatal(err)
	}
	return c
}

// A search finds people however the name, the identifier or the card number is typed, and says when
// it finds nobody.
func TestSearch(t *testing.T) {
	w := newWorld(t)
	w.set("899700100001", "HÉLÈNE", "LEFÈVRE-ÇELIK")
	w.set("899700100002", "JEAN", "DE LA TOUR D'AUVERGNE")
	w.set("899700100003", "JEAN", "MARTIN")
	card := w.issue("alain").Number
	grouped := card[:4] + " " + card[4:7] + " " + card[7:]
	for text, want := range map[string]string{
		"lefevre":                    "899700100001",
		"Çelik Hélène":               "899700100001",
		"d’auvergne":                 "899700100002",
		"tour jean":                  "899700100002",
		"DODO":                       "899700209812",
		"Dr Alain DODO0020981":       "899700209812",
		"899700209812":               "899700209812",
		"99700209812":                "899700209812",
		"99 7002 0981 2":             "899700209812",
		"8 99700209812":              "899700209812",
		"RPPS : 99700209812":         "899700209812",
		"rpps n° 9970020 9812":       "899700209812",
		"997\u00a00020\u00a09812":    "899700209812",
		"30B0057881/CPET0002":        "30B0057881/CPET0002",
		"30b0057881/CPET0002":        "30B0057881/CPET0002",
		"charles administratif":      "30B0057881/CPET0002",
		"0B6077602":                  "00B6077602",
		"ans20261122010101":          "ANS20261122010101",
		card:                         "899700209812",
		grouped:                      "899700209812",
		"carte " + card:              "899700209812",
		"Carte n° " + grouped:        "899700209812",
		"jean":                       "899700100002 899700100003",
		"personne de ce nom":         "",
		"12345":                      "",
		"2899999999":                 "",
		"<script>alert(1)</script>":  "",
		"' OR 1=1 --":                "",
		"\u202e\u0000x":              "",
		strings.Repeat("long ", 900): "",
	} {
		page, shown := w.get("/personnes/?q="+url.QueryEscape(text), 200)
		var got []string
		for _, m := range rowLink.FindAllStringSubmatch(page, -1) {
			id, err := url.PathUnescape(m[1])
			if err != nil {
				t.Error(err)
			}
			got = append(got, id)
		}
		if strings.Join(got, " ") != want {
			t.Errorf("%.40q: %s, want %s", text, got, want)
		}
		if want == "" {
			w.has(shown, "Personne ne correspond", "igc people set")
		}
		if len(page) > 30_000 {
			t.Errorf("%.40q: %d bytes", text, len(page))
		}
	}
	_, shown := w.get("/personnes/?q=99700209812", 200)
	w.has(shown, "Le numéro RPPS 99700209812 s'écrit 899700209812, avec le 8 devant.", "Médecin", "Une personne")
	_, shown = w.get("/personnes/?q="+card, 200)
	w.has(shown, "est le numéro d'une carte de ALAIN DODO0020981")
	_, shown = w.get("/personnes/?lang=en&q=nobody+at+all", 200)
	w.has(shown, "Nobody matches")
}

// Fifty people are shown of many homonyms, and that there are more.
func TestSearchManyPeople(t *testing.T) {
	w := newWorld(t)
	if _, err := population.NewSource(w.lab).Set(t.Context(), "test",
		population.Settings{Seed: 7, Size: 3000, At: w.lab.Now}, false); err != nil {
		t.Fatal(err)
	}
	page, shown := w.get("/personnes/?q=m", 200)
	if n := strings.Count(page, `<th scope="row">`); n != 50 {
		t.Errorf("%d people", n)
	}
	w.has(shown, "Il y en a d'autres")
}

// Without a search the page says who is there, what for, and what to type.
func TestStart(t *testing.T) {
	w := newWorld(t)
	page, shown := w.get("/personnes/", 200)
	w.has(shown, "médecin généraliste, cabinet et hôpital", "dont l'e-CPS a expiré",
		"igc people generate", "igc people import", "igc issue --fixture alain", "ALAIN DODO0020981",
		"30B0057881/CPET0002")
	w.has(page, `href="/personnes/899700999909"`, `href="/personnes/30B0057881%2FCPET0002"`, `<html lang="fr">`)
	page, shown = w.get("/personnes/?lang=en", 200)
	w.has(shown, "general practitioner, own practice and hospital", "The people of the lab")
	w.has(page, `href="/personnes/899700999909?lang=en"`, `name="lang" value="en"`)
}

// Every test identity has a page, in both languages, with the commands for that person.
func TestPages(t *testing.T) {
	w := newWorld(t)
	all, err := w.people.TestIdentities(t.Context())
	if err != nil || len(all) < 30 {
		t.Fatalf("%d identities, %v", len(all), err)
	}
	for _, p := range all {
		for _, lang := range []string{"fr", "en"} {
			page, shown := w.get("/personnes/"+url.PathEscape(p.ID)+"?lang="+lang, 200)
			w.has(shown, p.DisplayName(), p.ID, "igc people show "+p.ID+" --json")
			if p.Fixture != "" {
				w.has(w.section(page, "certificats"), "igc issue --fixture "+p.Fixture)
			}
		}
	}
	_, shown := w.get("/personnes/30B0057881/CPET0002", 200) // as people type it
	w.has(shown, "CHARLES", "HOPITAL DES 3 DAMES", "l'API n'a que des personnes qui ont un numéro RPPS")
}

func TestPersonWithoutAnything(t *testing.T) {
	w := newWorld(t)
	page, _ := w.get("/personnes/899700999974", 200)
	w.has(w.section(page, "activites"), "pas de SubjectRefPro")
	w.has(w.section(page, "cartes"), "Aucune carte")
	if got := w.section(page, "certificats"); got != "Certificats Aucun certificat." {
		t.Error(got)
	}
	w.has(w.section(page, "ecps"), "igc ecps activate 899700999974 --pin 1234")
	w.has(w.section(page, "sessions"), "Aucune session ouverte")
	w.has(w.section(page, "messages"), "Aucun message")
	page, _ = w.get("/personnes/899700999990", 200)
	w.has(w.section(page, "identite"), "inconnue", "inconnu")
	w.has(w.section(page, "messages"), "Aucun message")
}

// The command that would make a card has what is known of the person, as a shell takes it.
func TestIssueCommand(t *testing.T) {
	w := newWorld(t)
	given, family, profession := "JEAN PAUL", "O'BRIEN", "60"
	if _, err := w.people.Set(t.Context(), "test", "899700100020", people.Change{GivenName: &given, FamilyName: &family,
		Profession: &profession}, people.SetOptions{}); err != nil {
		t.Fatal(err)
	}
	page, _ := w.get("/personnes/899700100020", 200)
	w.has(w.section(page, "certificats"), "igc issue --card cps --rpps 99700100020 --given-name 'JEAN PAUL' "+
		`--surname 'O'\''BRIEN' --profession 60`)
	page, _ = w.get("/personnes/899700999909", 200)
	w.has(w.section(page, "certificats"), "--profession 10 --speciality SM26")
}

func TestActivities(t *testing.T) {
	w := newWorld(t)
	page, shown := w.get("/personnes/899700999909", 200)
	w.has(shown, "Identité fournie : médecin généraliste, cabinet et hôpital.")
	w.has(w.section(page, "activites"), "10, Médecin", "SM26, Qualifié en Médecine Générale", "CABINET M LABDOC0001",
		"HOPITAL LAB GENERIQUE", "L, Libéral", "S, Salarié", "SA07", "0B0999901", "1 R DU LABO", "75009 PARIS",
		"identité fournie, fictive")
	w.has(page, `href="/fhir/v2/Practitioner?identifier=899700999909"`)
	page, _ = w.get("/personnes/899700209812", 200)
	w.has(w.section(page, "activites"), "modélisé d'après l'identifiant")
}

// A card goes from valid to lost and replaced, and its page says each; no code is on it.
func TestCards(t *testing.T) {
	w := newWorld(t)
	c := w.issue("alain")
	page, _ := w.get("/personnes/899700209812", 200)
	w.has(w.section(page, "cartes"), c.Number, "valide", "igc card letter "+c.Number, "igc card lose "+c.Number)
	w.has(w.section(page, "certificats"), "authentification", "signature", "valide", c.Records[0].Serial)
	w.has(w.section(page, "identite"), "du certificat")
	link := regexp.MustCompile(`href="(/personnes/certificats/[^"]*)"`).FindStringSubmatch(page)
	file, _ := w.file(link[1])
	if !bytes.Equal(file, c.Records[0].DER) && !bytes.Equal(file, c.Records[1].DER) {
		t.Error("the link does not lead to the certificate")
	}

	for _, r := range c.Records {
		w.change(ca.StatusChange{Serial: r.Serial, Reason: "certificateHold"})
	}
	page, _ = w.get("/personnes/899700209812", 200)
	w.has(w.section(page, "cartes"), "suspendue depuis le 22/11/2026", "igc card lose")
	w.lab.Now = w.lab.Now.Add(time.Minute)
	code, err := c.Folder.IssuedUnblockingCode()
	if err != nil {
		t.Fatal(err)
	}
	c, err = w.desk.Find(t.Context(), c.Number)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.desk.Declare(t.Context(), c, carddesk.Declaration{Cause: carddesk.Stolen, Code: code}); err != nil {
		t.Fatal(err)
	}
	page, shown := w.get("/personnes/899700209812", 200)
	w.has(w.section(page, "cartes"), "révoquée depuis le 22/11/2026", "keyCompromise", "Déclarée volée",
		"igc card renew "+c.Number)
	w.hasNot(w.section(page, "cartes"), "igc card lose", "valide")
	w.has(w.section(page, "certificats"), "révoqué")
	w.hasNot(shown, code)
	if c, err = w.desk.Find(t.Context(), c.Number); err != nil {
		t.Fatal(err)
	}
	made, err := w.desk.Replace(t.Context(), c, carddesk.Stolen, "")
	if err != nil {
		t.Fatal(err)
	}
	page, _ = w.get("/personnes/899700209812", 200)
	w.has(w.section(page, "cartes"), "Remplacée par "+made.Card, "(volée)", "igc card lose "+made.Card)
	w.hasNot(w.section(page, "cartes"), "igc card renew")
	w.has(w.section(page, "messages"), "22/11/2026") // the mails of the desk
	w.has(page, `href="/messages/?person=899700209812"`)

	w.lab.Now = w.lab.Now.AddDate(4, 0, 0)
	page, _ = w.get("/personnes/899700209812?lang=en", 200)
	w.has(w.section(page, "cartes"), "expired", "revoked since 2026-11-22", "Declared stolen")
}

func TestCardRevokedInPart(t *testing.T) {
	w := newWorld(t)
	c := w.issue("max")
	w.change(ca.StatusChange{Serial: c.Records[0].Serial, Reason: "superseded"})
	page, _ := w.get("/personnes/899900063480", 200)
	w.has(w.section(page, "cartes"), "certificats en partie révoqués", "superseded", "igc card lose")
}

func (w *world) change(c ca.StatusChange) {
	w.Helper()
	if _, err := w.lab.SetStatus(w.Context(), c); err != nil {
		w.Fatal(err)
	}
}

func (w *world) file(target string) ([]byte, http.Header) {
	w.Helper()
	a := httptest.NewRecorder()
	w.handler.ServeHTTP(a, httptest.NewRequest("GET", target, nil))
	if a.Code != 200 || a.Header().Get("Content-Type") != "application/pkix-cert" {
		w.Fatalf("%s: %d %v", target, a.Code, a.Header())
	}
	return a.Body.Bytes(), a.Header()
}

func TestPhoneAndSessions(t *testing.T) {
	w := newWorld(t)
	const id = "899700999909"
	d, err := w.phone.Activate(t.Context(), "test", id, "7391")
	if err != nil {
		t.Fatal(err)
	}
	r, err := w.phone.Ask(t.Context(), ecps.Asked{Person: id, ClientID: "lgc", Number: "86"})
	if err != nil {
		t.Fatal(err)
	}
	c := w.issue("alain")
	at := w.lab.Now
	w.sessions[id] = []psc.Session{{Since: at.Add(-time.Hour), Used: at, Ends: at.Add(30 * time.Minute),
		Clients: []psc.SessionClient{{ID: "lgc", Name: "Mon <b>LGC</b>"}, {ID: "parti"}}}}
	page, shown := w.get("/personnes/"+id, 200)
	w.has(w.section(page, "ecps"), "active", "igc ecps activate", "Demandes en attente 1", "21/11/2029")
	w.has(page, `href="/telephone/appareil/`+d.ID+`"`)
	w.has(w.section(page, "sessions"), "22/11/2026 à 11:00:00 UTC", "e-CPS", "Mon <b>LGC</b> lgc", "parti", "12:30:00")
	w.hasNot(shown, "7391", r.ID, "86 ")
	w.sessions["899700209812"] = []psc.Session{{Since: at, Card: &psc.Card{Authority: c.Records[0].Authority,
		Serial: c.Records[0].Serial}}}
	page, _ = w.get("/personnes/899700209812", 200)
	w.has(w.section(page, "sessions"), "carte "+c.Number, "aucun")
	if err := w.phone.Delete(t.Context(), "test", id); err != nil {
		t.Fatal(err)
	}
	page, _ = w.get("/personnes/"+id, 200)
	w.has(w.section(page, "ecps"), "supprimée depuis le")
	if strings.Contains(page, d.ID) {
		t.Error("a link to a phone that has no e-CPS")
	}
}

// The messages of a person are those to their address and their number too; what they say is not on
// the page.
func TestMessages(t *testing.T) {
	w := newWorld(t)
	p, err := w.people.Find(t.Context(), "899700999909")
	if err != nil {
		t.Fatal(err)
	}
	for i := range 12 {
		if err := w.outbox.Mail(t.Context(), p.Contact.Mail, fmt.Sprintf("Sujet %d", i), "texte"); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.outbox.SMS(t.Context(), p.Contact.Phone, "Votre code : 482913"); err != nil {
		t.Fatal(err)
	}
	if err := w.outbox.Mail(t.Context(), "autre@example.fr", "Pour un autre", "texte"); err != nil {
		t.Fatal(err)
	}
	page, shown := w.get("/personnes/899700999909", 200)
	w.has(w.section(page, "messages"), "SMS", "Sujet 11", "Il y en a d'autres")
	w.hasNot(shown, "482913", "Pour un autre", "Sujet 0 ")
	w.has(page, `href="/messages/?to=`+url.QueryEscape(p.Contact.Mail)+`"`)
	none := ""
	if _, err := w.people.Set(t.Context(), "test", p.ID, people.Change{Mail: &none, Phone: &none},
		people.SetOptions{}); err != nil {
		t.Fatal(err)
	}
	page, _ = w.get("/personnes/899700999909", 200)
	w.has(w.section(page, "messages"), "Aucun message") // and not those of everybody
}

// Names that would be a page of their own stay text.
func TestHostileNames(t *testing.T) {
	w := newWorld(t)
	long := strings.Repeat("TRÈSLONG", 20)
	for id, name := range map[string]string{
		"899700100010": `<script>alert("x")</script>`,
		"899700100011": `"><img src=x onerror=alert(1)>`,
		"899700100012": "{{.Title}} %s %[1]d",
		"899700100013": "EL\u202eESREVNI",
		"899700100014": long,
		"899700100015": "O'BRIEN; rm -rf $(HOME)",
		"899700100016": "שלום محمد",
	} {
		given := "JEAN"
		_, err := w.people.Set(t.Context(), "test", id, people.Change{GivenName: &given, FamilyName: &name},
			people.SetOptions{})
		if store.KindOf(err) == store.Invalid {
			t.Logf("refused: %.60q", name) // nothing to show
			continue
		}
		if err != nil {
			t.Fatal(err)
		}
		page, shown := w.get("/personnes/"+id, 200)
		if strings.Contains(page, name) && strings.ContainsAny(name, "<\u202e") {
			t.Errorf("%s stands in the page as it is", name)
		}
		w.hasNot(page, "\u202e", "<img")
		w.has(shown, strings.ReplaceAll(name, "\u202e", "\ufffd"))
		w.get("/personnes/?q=jean", 200)
	}
}

// An identifier that nobody has is not found, and the page says what to do; one that is written
// otherwise leads to its page.
func TestAddresses(t *testing.T) {
	w := newWorld(t)
	for _, path := range []string{"899700000000", "x", "<script>", "30B0057881%2FCPET9999", "a/b/c/d", "%F0%28",
		strings.Repeat("9", 3000)} {
		page, shown := w.get("/personnes/"+path, 404)
		w.has(shown, "Introuvable", "igc people set", "igc issue")
		w.has(page, `role="search"`)
		if len(page) > 30_000 {
			t.Errorf("%.40s: %d bytes", path, len(page))
		}
	}
	for _, path := range []string{"certificats/ACI-FO-PP/00", "certificats/ACI-FO-PP/xyz", "certificats/RIEN/0102",
		"certificats/ACI-EL-ORG/0102", "certificats/%2e%2e%2f/0102",
		"certificats/ACI-FO-PP/" + strings.Repeat("AB", 200)} {
		_, shown := w.get("/personnes/"+path, 404)
		w.has(shown, "n'a pas émis de certificat à cette adresse")
	}
	for path, want := range map[string]string{"99700209812": "/personnes/899700209812",
		"99%207002%2009812": "/personnes/899700209812", "30b0057881/CPET0002": "/personnes/30B0057881%2FCPET0002",
		"99700209812?lang=en": "/personnes/899700209812?lang=en"} {
		a := httptest.NewRecorder()
		w.handler.ServeHTTP(a, httptest.NewRequest("GET", "/personnes/"+path, nil))
		if got := a.Header().Get("Location"); a.Code != http.StatusFound || got != want {
			t.Errorf("%s: %d %s, want %s", path, a.Code, got, want)
		}
	}
	a := httptest.NewRecorder()
	w.handler.ServeHTTP(a, httptest.NewRequest("POST", "/personnes/", strings.NewReader("q=x")))
	if a.Code != http.StatusMethodNotAllowed {
		t.Errorf("POST: %d", a.Code)
	}
}
