package ecps

import (
	"bufio"
	"bytes"
	"encoding/base64"
	"encoding/json"
	"image/png"
	"io"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"golang.org/x/net/html"

	"github.com/igc-lab/igc/internal/web"
)

// browser is a browser without scripts.
type browser struct {
	t      testing.TB
	base   string
	client *http.Client

	url    *url.URL
	status int
	page   *html.Node
	text   string
	header http.Header
}

func newBrowser(t testing.TB, l *testLab) *browser {
	t.Helper()
	server := httptest.NewTLSServer(l.Handler())
	t.Cleanup(server.Close)
	client := server.Client()
	client.Jar, _ = cookiejar.New(nil)
	return &browser{t: t, base: server.URL, client: client}
}

func (b *browser) do(req *http.Request) {
	b.t.Helper()
	resp, err := b.client.Do(req)
	must(b.t, err)
	defer resp.Body.Close()
	data, err := io.ReadAll(resp.Body)
	must(b.t, err)
	b.page, err = html.Parse(bytes.NewReader(data))
	must(b.t, err)
	b.url, b.status, b.text, b.header = resp.Request.URL, resp.StatusCode, string(data), resp.Header
}

func (b *browser) open(path string) {
	b.t.Helper()
	u, err := url.Parse(path)
	must(b.t, err)
	req, err := http.NewRequest("GET", b.base+u.RequestURI(), nil)
	must(b.t, err)
	b.do(req)
}

func attribute(n *html.Node, name string) string {
	for _, a := range n.Attr {
		if a.Key == name {
			return a.Val
		}
	}
	return ""
}

func elements(n *html.Node, name string) (list []*html.Node) {
	for c := range n.Descendants() {
		if c.Type == html.ElementNode && c.Data == name {
			list = append(list, c)
		}
	}
	return list
}

func textOf(n *html.Node) string {
	var s strings.Builder
	for c := range n.Descendants() {
		if c.Type == html.TextNode {
			s.WriteString(c.Data)
		}
	}
	return strings.ReplaceAll(strings.TrimSpace(s.String()), "\u00a0", " ")
}

// submit types in the fields of the form that has a button of that text, and clicks it.
func (b *browser) submit(button string, fields ...string) {
	b.t.Helper()
	for _, form := range elements(b.page, "form") {
		values := url.Values{}
		for _, input := range append(elements(form, "input"), elements(form, "textarea")...) {
			values.Set(attribute(input, "name"), attribute(input, "value"))
		}
		for _, clicked := range elements(form, "button") {
			if textOf(clicked) != button {
				continue
			}
			if name := attribute(clicked, "name"); name != "" {
				values.Set(name, attribute(clicked, "value"))
			}
			for i := 0; i+1 < len(fields); i += 2 {
				if _, ok := values[fields[i]]; !ok {
					b.t.Fatalf("no field %s", fields[i])
				}
				values.Set(fields[i], fields[i+1])
			}
			b.post(attribute(form, "action"), values)
			return
		}
	}
	b.t.Fatalf("no button %q:\n%s", button, b.text)
}

func (b *browser) post(action string, values url.Values, headers ...string) {
	b.t.Helper()
	to, err := b.url.Parse(action)
	must(b.t, err)
	req, err := http.NewRequest("POST", to.String(), strings.NewReader(values.Encode()))
	must(b.t, err)
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	req.Header.Set("Sec-Fetch-Site", "same-origin")
	for i := 0; i+1 < len(headers); i += 2 {
		req.Header.Set(headers[i], headers[i+1])
	}
	b.do(req)
}

func (b *browser) follow(link string) {
	b.t.Helper()
	for _, a := range elements(b.page, "a") {
		if textOf(a) == link {
			to, err := b.url.Parse(attribute(a, "href"))
			must(b.t, err)
			b.open(to.RequestURI())
			return
		}
	}
	b.t.Fatalf("no link %q:\n%s", link, b.text)
}

func (b *browser) shows(words ...string) {
	b.t.Helper()
	text := strings.ReplaceAll(html.UnescapeString(b.text), "\u00a0", " ")
	for _, w := range words {
		if !strings.Contains(text, w) {
			b.t.Fatalf("%d %s: no %q in\n%s", b.status, b.url, w, b.text)
		}
	}
}

// Both activations and a login, by forms alone.
func TestPhone(t *testing.T) {
	l := newTestLab(t)
	b := newBrowser(t, l)
	b.open("/telephone/")
	b.shows("Aucune e-CPS n'est encore active")
	b.follow("Un nouveau téléphone")
	b.follow("Commencer l'activation")
	b.follow("J'accepte")
	b.submit("Continuer", "identifiant", "99700209812")
	b.shows("saisissez 899700209812", "ECPS-NO-8", `value="99700209812"`)
	b.submit("Continuer", "identifiant", "8 99700209812")
	b.shows("a•••@m•••.fr")
	b.submit("Elles sont justes : continuer")
	b.shows("Un courriel est parti")
	b.submit("Renvoyer le courriel")
	b.follow("Scanner le QR code")
	b.submit("Continuer", "contenu", "n'importe quoi")
	b.shows("ECPS-QR")
	link := linkIn.FindString(l.outbox.last(t).Text)
	before := l.outbox.count()
	b.open(link)
	b.shows("Démarrer l'activation")
	if l.outbox.count() != before {
		t.Error("opening the link sends a message")
	}
	b.submit("Démarrer l'activation")
	b.shows("Un SMS est parti")
	b.submit("Continuer", "code", "000")
	b.shows("essais restants : 2", "ECPS-CODE")
	b.submit("Renvoyer le SMS")
	b.submit("Continuer", "code", codeIn.FindString(l.outbox.last(t).Text))
	b.submit("Activer mon e-CPS", "pin", "1234", "encore", "4321")
	b.shows("ECPS-PIN-TWICE")
	b.submit("Activer mon e-CPS", "pin", "1234", "encore", "1234")
	b.shows("Votre e-CPS est active")
	b.follow("Ouvrir l'e-CPS")
	b.shows("Aucune demande en attente", "ALAIN DODO0020981")
	phone := b.url.Path

	r := l.ask(alain)
	b.open(phone)
	b.shows("Mon logiciel", "Vous n'êtes pas à l'origine de cette demande ?", "<title>(1)")
	if strings.Contains(b.text, ">"+r.Number+"<") {
		t.Error("the phone shows the number before the PIN")
	}
	b.submit("Accepter")
	b.submit("Continuer", "pin", "9999")
	b.shows("essais restants : 2")
	b.submit("Continuer", "pin", "1234")
	b.shows("Sélectionnez le bon code", r.Choices[0], r.Choices[1], r.Choices[2])
	b.submit(r.Number)
	b.shows("Authentification validée")
	if now := l.get(r.ID); now.State != StateApproved {
		t.Errorf("%+v", now)
	}
	r = l.ask(alain)
	b.open(phone + "?lang=en")
	b.submit("Refuse")
	b.shows("The request was refused on the phone")
	if now := l.get(r.ID); now.Reason != Refused {
		t.Errorf("%+v", now)
	}
	r = l.ask(alain)
	b.open(phone)
	b.submit("Accepter")
	b.submit("Continuer", "pin", "1234")
	b.submit(wrongChoice(r))
	b.shows("Ce n'est pas le nombre")

	// another activation, with the card: the first phone has no e-CPS any more
	a, err := l.BeginWithCard(l.ctx, alain)
	must(t, err)
	b.open(a.QR)
	b.submit("Démarrer l'activation")
	b.shows("Saisissez ce code sur le PC")
	handle := strings.TrimPrefix(b.url.Path, "/telephone/activation/")
	b.open("/telephone/")
	b.shows("code à saisir sur le PC")
	b.open("/telephone/activation/" + handle)
	must(t, l.ConfirmCode(l.ctx, a.ID, l.phoneCode(handle)))
	b.follow("Le code est saisi : continuer")
	b.submit("Activer mon e-CPS", "pin", "5678", "encore", "5678")
	b.open(phone)
	b.shows("Il n'y a plus d'e-CPS sur ce téléphone")
	b.open("/telephone/activation/" + handle)
	b.follow("Ouvrir l'e-CPS")
	b.submit("Oui, supprimer")
	b.shows("Il n'y a plus d'e-CPS")
	b.open("/telephone/")
	b.shows("Aucune e-CPS")
	if _, err := l.Ask(l.ctx, Asked{Person: alain, ClientID: "lgc"}); CodeOf(err) != NoECPS {
		t.Error(err)
	}
}

// What another site's page, or an old form, sends changes nothing.
func TestForgedForms(t *testing.T) {
	l := newTestLab(t)
	d := l.active(alain)
	b := newBrowser(t, l)
	b.open("/telephone/appareil/" + d.ID)
	good := url.Values{"action": {"supprimer"}, web.FormField: {attribute(elements(b.page, "input")[0], "value")}}
	try := func(name string, values url.Values, headers ...string) {
		t.Helper()
		b.post("", values, headers...)
		if b.status != http.StatusForbidden {
			t.Errorf("%s: %d", name, b.status)
		}
		if dev, err := l.Device(l.ctx, alain); err != nil || dev.State != DeviceActive {
			t.Fatalf("%s: %+v, %v", name, dev, err)
		}
	}
	with := func(token string) url.Values { return url.Values{"action": {"supprimer"}, web.FormField: {token}} }
	try("no token", with(""))
	try("not a token", with("abc"))
	try("not base64", with("%"))
	try("another site", good, "Sec-Fetch-Site", "cross-site")
	try("another port", good, "Sec-Fetch-Site", "same-site")
	try("another browser", good, "Cookie", formCookie+"="+strings.Repeat("a", secretLength))
	try("long", url.Values{"action": {"supprimer"}, web.FormField: good[web.FormField], "x": {strings.Repeat("x", 16<<10)}})
	b.client.Jar, _ = cookiejar.New(nil)
	try("no cookie", good)

	b.open("/telephone/appareil/" + d.ID)
	policy := b.header.Get("Content-Security-Policy")
	for _, want := range []string{"default-src 'none'", "form-action 'self'", "manifest-src 'self'",
		"frame-ancestors 'none'"} {
		if !strings.Contains(policy, want) {
			t.Errorf("policy %s lacks %s", policy, want)
		}
	}
	if strings.Contains(policy, "unsafe") || b.header.Get("Cache-Control") != "no-store" {
		t.Error(b.header)
	}
	b.submit("Oui, supprimer")
	if dev, err := l.Device(l.ctx, alain); err != nil || dev.State != DeviceDeleted {
		t.Errorf("%+v, %v", dev, err)
	}
}

func TestPhoneFiles(t *testing.T) {
	l := newTestLab(t)
	b := newBrowser(t, l)
	b.open("/telephone/manifest.webmanifest")
	var manifest struct {
		StartURL string `json:"start_url"`
		Display  string
		Icons    []struct{ Src, Sizes, Type string }
	}
	must(t, json.Unmarshal([]byte(b.text), &manifest))
	if manifest.StartURL != "/telephone/" || manifest.Display != "standalone" || len(manifest.Icons) != 3 {
		t.Errorf("%+v", manifest)
	}
	for _, icon := range manifest.Icons {
		b.open(icon.Src)
		if b.status != 200 || b.header.Get("Content-Type") != icon.Type {
			t.Errorf("%s: %d %s", icon.Src, b.status, b.header.Get("Content-Type"))
		}
		if icon.Type == "image/png" {
			picture, err := png.Decode(strings.NewReader(b.text))
			if err != nil || !strings.HasPrefix(icon.Sizes, "192") && picture.Bounds().Dx() != 512 {
				t.Errorf("%s: %v", icon.Src, err)
			}
		}
	}
	for _, path := range []string{"/telephone/x", "/telephone/appareil/x", "/telephone/appareil/é.x",
		"/telephone/activation/x",
		"/telephone/appareil/" + l.active(alain).ID + "x"} {
		b.open(path)
		if b.status != 404 && b.status != 200 || b.status == 200 && !strings.Contains(html.UnescapeString(b.text),
			"plus d'e-CPS") {
			t.Errorf("%s: %d", path, b.status)
		}
	}
}

// A page that is open learns of a request, and of one that a command made elsewhere.
func TestEvents(t *testing.T) {
	l := newTestLab(t)
	d := l.active(alain)
	b := newBrowser(t, l)
	for _, page := range []string{"/telephone/", "/telephone/appareil/" + d.ID} {
		b.open(page)
		var address string
		for _, div := range elements(b.page, "div") {
			if a := attribute(div, "data-events"); a != "" {
				address = a
			}
		}
		resp, err := b.client.Get(b.base + address)
		must(t, err)
		if resp.Header.Get("Content-Type") != "text/event-stream" {
			t.Fatalf("%s: %v", address, resp.Header)
		}
		begun := time.Now()
		go l.Ask(l.ctx, Asked{Person: alain, ClientID: "lgc"})
		lines := bufio.NewScanner(resp.Body)
		var seen bool
		for lines.Scan() {
			seen = seen || lines.Text() == "event: changed"
		}
		resp.Body.Close()
		if !seen || time.Since(begun) > 30*time.Second {
			t.Errorf("%s: %v after %s", page, seen, time.Since(begun))
		}
	}
	for _, address := range []string{"", "?page=x", "?page=appareil&id=x", "?page=activation&id=x.y"} {
		b.open("/telephone/events" + address)
		if b.status != http.StatusNoContent {
			t.Errorf("%q: %d", address, b.status)
		}
	}
}

// What a phone's forms may send: no answer of 500, no state that a person did not make.
func FuzzPhoneForms(f *testing.F) {
	for _, path := range []string{"identifiant", "scanner", "activation/HANDLE", "appareil/DEVICE", "activation/a.b",
		"events?page=appareil&id=DEVICE"} {
		for _, body := range []string{"", "identifiant=899700209812", "identifiant=99700209812",
			"contenu=https%3A%2F%2Fx%2F%3Fjeton%3Da.b",
			"action=pin&pin=1234&encore=1234", "action=sms&code=123456", "action=courriel",
			"action=nombre&demande=REQUEST&nombre=10",
			"action=pin&demande=REQUEST&pin=0000", "action=refuser&demande=x", "action=accepter&demande=REQUEST",
			"%zz", "action=supprimer"} {
			f.Add(path, body)
		}
	}
	l := newTestLab(f, Settings{PINTries: 1 << 30})
	handler := l.Handler()
	d := l.active(alain)
	l.active(cecile)
	handle, err := l.begin(f.Context(), cecile)
	must(f, err)
	cookie := strings.Repeat("a", secretLength)
	f.Fuzz(func(t *testing.T, path, body string) {
		if strings.Contains(body, "1234") && strings.Contains(path, "appareil") {
			t.Skip("it may be the PIN")
		}
		l.t = t
		r := l.ask(alain)
		sealed, err := l.options.Seal.Seal(formPurpose, []byte(cookie))
		must(t, err)
		replace := strings.NewReplacer("HANDLE", handle, "DEVICE", d.ID, "REQUEST", r.ID)
		target := "/telephone/" + replace.Replace(path)
		if _, err := url.ParseRequestURI(target); err != nil || strings.ContainsAny(target, " \r\n") {
			t.Skip()
		}
		for _, method := range []string{"GET", "POST"} {
			if method == "GET" && strings.Contains(path, "events") {
				continue
			}
			sent := replace.Replace(body) + "&" + web.FormField + "=" + url.QueryEscape(base64.RawURLEncoding.EncodeToString(sealed))
			req := httptest.NewRequest(method, "https://localhost/", strings.NewReader(sent))
			u, err := url.ParseRequestURI(target)
			if err != nil {
				t.Skip()
			}
			req.URL = u
			req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
			req.AddCookie(&http.Cookie{Name: formCookie, Value: cookie})
			w := httptest.NewRecorder()
			handler.ServeHTTP(w, req)
			if w.Code >= 500 {
				t.Errorf("%s %s %q: %d %s\n%s", method, target, sent, w.Code, w.Body, l.log)
			}
		}
		if now := l.get(r.ID); now.State == StateApproved || now.Unlocked {
			t.Errorf("%q %q approves", path, body)
		}
		if present, err := l.Device(l.ctx, cecile); err != nil || present.State != DeviceActive {
			t.Errorf("%q %q: cecile has %+v, %v", path, body, present, err)
		}
		if present, err := l.Device(l.ctx, alain); err != nil || present.State == DeviceDeleted {
			l.Activate(l.ctx, "", alain, "1234") // it asked for that
			present, _ = l.Device(l.ctx, alain)
			*d = *present
		}
	})
}
