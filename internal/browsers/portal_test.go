package browsers

import (
	"strings"
	"testing"

	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/chromedp"

	"github.com/igc-lab/igc/internal/labtest"
	"github.com/igc-lab/igc/internal/peer"
)

// TestPortal logs in to the demo portal with Chromium, by each way, and presses each button of its
// page.
func TestPortal(t *testing.T) {
	for _, program := range []string{"chromium", "certutil", "pk12util"} {
		peer.Need(t, program)
	}
	axe := axeCore(t)
	l := labtest.New(t, "--key", "p256")
	guy := l.Issue("--fixture", "guy")
	lab := openSite(t, l)
	chooseCards(t)
	const person = "899700999909"
	l.Must("ecps", "activate", person, "--pin", "1234")
	l.Must("ecps", "policy", "approve")

	v := newVisitor(t, lab.root, imported{guy.File("authentication.p12"), guy.PIN})
	v.expected = "with a status of 40" // what is refused
	portal := lab.urls["portal"]
	press := func(selector string) {
		t.Helper()
		do(v, chromedp.WaitEvent(page.LoadEventFired, nil, chromedp.Click(chromedp.CSS(selector))))
	}
	do(v, chromedp.Navigate(portal))
	v.sees(map[string]string{"h1": "^Bienvenue", `a[href="/connexion"]`: "Se connecter avec Pro Santé Connect"})
	v.photograph("50-portal", desktop, phone, dark)
	v.accessible(axe)

	press(`a[href="/connexion"]`)
	v.sees(map[string]string{"h1": "^Connectez-vous$"})
	do(v, chromedp.SendKeys(chromedp.CSS("#identifiant"), person))
	press(`form[action^="/auth/e-cps"] button`)
	labtest.Until(t, "the way back to the portal", func() bool {
		return strings.HasSuffix(do(v,
			chromedp.Location()), "/session")
	})
	v.sees(map[string]string{"h1": "^Vous êtes connecté$", ".verdict": person, "#userinfo": "userinfo",
		"dl.facts": "Jeton d'accès\\nencore [12] min"})
	v.photograph("51-portal-session", desktop, phone, dark)
	v.accessible(axe)
	do(v, chromedp.Navigate(portal+"session?lang=en"))
	v.sees(map[string]string{"html[lang=en] h1": "^You are logged in$"})
	v.photograph("52-portal-session-en", desktop)
	v.accessible(axe)
	do(v, chromedp.Navigate(portal+"session?lang=fr"))
	for _, path := range []string{"/rafraichir", "/userinfo", "/introspection"} {
		press(`form[action^="` + path + `"] button`)
		v.sees(map[string]string{"h1": "^Vous êtes connecté$", ".verdict": person})
	}
	v.sees(map[string]string{"#introspection": "^Introspection$"})
	v.accessible(axe)
	press(`form[action^="/deconnexion"] button`)
	v.sees(map[string]string{".notice": "^Vous êtes déconnecté"})
	v.photograph("53-portal-logged-out", desktop)
	v.accessible(axe)

	do(v, chromedp.Navigate(portal+"retour?state=x&code=y"))
	v.sees(map[string]string{".verdict.bad": "PORTAL-NO-LOGIN"})
	v.photograph("54-portal-problem", phone)
	v.accessible(axe)

	do(v, chromedp.Navigate(portal+"carte/connexion"))
	v.sees(map[string]string{"h1": "^Vous êtes connecté$", ".verdict": "par la carte, sans Pro Santé Connect",
		".checks": "^✓"})
	v.photograph("55-portal-card", desktop, phone)
	v.accessible(axe)
	press(`form[action^="/quitter"] button`)
	l.Must("revoke", guy.Certificates[0].Serial, "--reason", "superseded")
	do(v, chromedp.Navigate(portal+"carte/connexion"))
	v.sees(map[string]string{".verdict.bad": "REV-CRL-REVOKED"})
	v.photograph("56-portal-card-refused", phone)
	v.accessible(axe)
}
