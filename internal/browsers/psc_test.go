package browsers

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/chromedp"

	"github.com/igc-lab/igc/internal/labtest"
	"github.com/igc-lab/igc/internal/peer"
)

// relyingParty is a service that shows what Pro Santé Connect sends the browser back with, and the
// address to which it sends a browser that is to log in.
func relyingParty(t *testing.T, l *labtest.Lab, wallet string) (login string) {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/html; charset=utf-8")
		w.Write([]byte(`<!doctype html><html lang="fr"><link rel="icon" href="data:,"><title>Service</title><h1>` +
			map[bool]string{true: "connecté", false: "pas connecté"}[r.FormValue("code") != ""] + `</h1><p>` +
			r.FormValue("error") + `</p>`))
	}))
	t.Cleanup(server.Close)
	callback := strings.Replace(server.URL, "127.0.0.1", "localhost", 1) + "/cb"
	l.Must("psc", "client", "add", "mon-lgc", "--name", "Mon logiciel de cabinet", "--redirect", callback)
	return wallet + "auth?" + url.Values{"response_type": {"code"}, "client_id": {"mon-lgc"},
		"redirect_uri": {callback},
		"scope":        {"openid scope_all"}, "acr_values": {"eidas1"}, "state": {"a-random-state"}}.Encode()
}

// TestProSanteConnect goes through the screens of Pro Santé Connect: logins by e-CPS, on two
// windows, and by card, the activation of an e-CPS with a card, the portal, and what ends on an
// explanation.
func TestProSanteConnect(t *testing.T) {
	for _, program := range []string{"chromium", "certutil", "pk12util"} {
		peer.Need(t, program)
	}
	axe := axeCore(t)
	l := labtest.New(t, "--key", "p256")
	alain := l.Issue("--fixture", "alain")
	lab := openSite(t, l)
	login := relyingParty(t, l, lab.urls["wallet"])
	chooseCards(t)
	const person = "899700999909"
	l.Must("ecps", "activate", person, "--pin", "1234")

	pc := newVisitor(t, lab.root, imported{alain.File("authentication.p12"), alain.PIN})
	mobile := newVisitor(t, lab.root)
	pc.expected, mobile.expected = "with a status of 4", "with a status of 4"
	shown := func(v *visitor, heading string) {
		t.Helper()
		labtest.Until(t, heading, func() bool {
			text, err := chromedp.Run(v.ctx, chromedp.Evaluate[string](`document.body?.innerText ?? ""`))
			return err == nil && strings.Contains(text, heading) // it fails while a page is left
		})
	}
	look := func(v *visitor, name string, looks ...view) {
		t.Helper()
		v.photograph("60-psc-"+name, looks...)
		v.accessible(axe)
	}
	press := func(v *visitor, selector string) {
		t.Helper()
		do(v, chromedp.WaitEvent(page.LoadEventFired, nil, chromedp.Click(chromedp.CSS(selector))))
	}
	fill := func(v *visitor, selector, text string) {
		t.Helper()
		do(v, chromedp.SetValue(chromedp.CSS(selector), text))
	}

	do(pc, chromedp.Navigate(strings.Replace(login, "client_id=mon-lgc", "client_id=autre", 1)))
	shown(pc, "PSC-CLIENT-UNKNOWN")
	look(pc, "01-error", desktop, phone)
	do(pc, chromedp.Navigate(login))
	shown(pc, "Connectez-vous")
	look(pc, "02-login", desktop, phone, dark)
	fill(pc, "#identifiant", person[1:])
	press(pc, `form[action^="/auth/e-cps"] button`)
	shown(pc, "Il manque le 8")
	look(pc, "03-no-8", desktop)
	fill(pc, "#identifiant", "899700999917")
	press(pc, `form[action^="/auth/e-cps"] button`)
	shown(pc, "pas d'e-CPS active")

	// by e-CPS, on two windows
	fill(pc, "#identifiant", person)
	press(pc, `form[action^="/auth/e-cps"] button`)
	shown(pc, "Vérification de votre identité en 2 étapes")
	look(pc, "04-wait", desktop, phone)
	number := do(pc, chromedp.Evaluate[string](`document.querySelector(".number").textContent`))
	do(mobile, chromedp.Navigate(lab.urls["desk"]+"telephone/"))
	shown(mobile, "CAMILLE")
	press(mobile, `main a[href*="`+person+`"], main ul a`)
	shown(mobile, "Vous n'êtes pas à l'origine")
	press(mobile, `button[value=accepter]`)
	fill(mobile, `input.digits`, "1234")
	press(mobile, `button[value=pin]`)
	press(mobile, `button[value="`+number+`"]`)
	shown(pc, "connecté") // by itself
	if got := do(pc, chromedp.Evaluate[string](`document.querySelector("h1").textContent`)); got != "connecté" {
		t.Errorf("after the phone: %s", got)
	}

	// the portal, by the same session; the session is closed
	do(pc, chromedp.Navigate(lab.urls["wallet"]))
	shown(pc, "Portail de gestion")
	look(pc, "05-landing", desktop, phone)
	press(pc, `a.button`)
	shown(pc, "Mon logiciel de cabinet")
	look(pc, "06-portal", desktop, phone, dark)
	press(pc, `form[action^="/deconnexion"] button`)
	shown(pc, "Votre session est fermée")
	look(pc, "07-closed", desktop)

	// by card, to the service, then to the portal, where an e-CPS is activated
	do(pc, chromedp.Navigate(login))
	press(pc, `a.button[href*="/carte?"]`)
	shown(pc, "connecté")
	do(pc, chromedp.Navigate(lab.urls["wallet"]+"portail"))
	shown(pc, "Commencer l'activation")
	look(pc, "08-portal-card", desktop)
	do(pc, chromedp.Click(chromedp.CSS(`input[name=cgu]`)))
	press(pc, `form[action^="/portail/activation"] button`)
	shown(pc, "scannez ce QR code")
	look(pc, "09-qr", desktop, phone)
	do(mobile, chromedp.Navigate(do(pc, chromedp.Evaluate[string](`document.querySelector("main a[href*=telephone]").href`))))
	press(mobile, `main form button`)
	shown(mobile, "Saisissez ce code sur le PC")
	code := do(mobile, chromedp.Evaluate[string](`document.querySelector("#code").textContent`))
	shown(pc, "Code affiché par le téléphone") // by itself
	look(pc, "10-code", desktop)
	fill(pc, "#code", code)
	press(pc, `form[action^="/portail/code"] button`)
	shown(pc, "Choisissez maintenant votre mot de passe")
	shown(mobile, "Créez votre code PIN") // by itself
	fill(mobile, "#pin", "1234")
	fill(mobile, "#encore", "1234")
	press(mobile, `form button`)
	shown(pc, "Votre e-CPS est active") // by itself
	look(pc, "11-active", desktop)

	// a card that is revoked, and a browser without one
	l.Must("revoke", alain.Certificates[0].Serial, "--reason", "superseded")
	do(pc, chromedp.Navigate(login))
	shown(pc, "Connectez-vous") // the card's session ended with it
	press(pc, `a.button[href*="/carte?"]`)
	shown(pc, "REV-CRL-REVOKED")
	look(pc, "12-revoked", desktop, phone, dark)
	press(pc, `a.button`)
	shown(pc, "Connectez-vous")
	do(mobile, chromedp.Navigate(login))
	press(mobile, `a.button[href*="/carte?"]`)
	shown(mobile, "Aucune carte n'a été présentée")
	look(mobile, "13-no-card", phone)

	do(pc, chromedp.Navigate(lab.urls["desk"]+"psc/requests"))
	shown(pc, "PSC-CLIENT-UNKNOWN")
	look(pc, "14-requests", desktop, phone, dark)
	do(pc, chromedp.Navigate(lab.urls["desk"]+"psc/codes?lang=en"))
	shown(pc, "PSC-POLL-TOO-FAST")
	look(pc, "15-codes-en", desktop, phone)
}
