package browsers

import (
	"strings"
	"testing"

	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/chromedp"

	"github.com/igc-lab/igc/internal/labtest"
	"github.com/igc-lab/igc/internal/peer"
)

// TestConsole goes through the console with Chromium, at the widths of a desktop and of a phone,
// light and dark: it issues a card, suspends and revokes it, and sees what happens in other
// windows.
func TestConsole(t *testing.T) {
	peer.Need(t, "chromium")
	axe := axeCore(t)
	l := labtest.New(t, "--key", "p256")
	lab := openSite(t, l)
	link := strings.TrimSpace(l.Must("catalogue", "/console/"))

	v := newVisitor(t, lab.root)
	v.expected = "with a status of 40" // what is not found
	press := func(selector string) {
		t.Helper()
		do(v, chromedp.WaitEvent(page.LoadEventFired, nil, chromedp.Click(chromedp.CSS(selector))))
	}
	look := func(name string) {
		t.Helper()
		v.photograph("80-console-"+name, desktop, phone, dark)
		v.accessible(axe)
	}
	home := lab.urls["desk"] + "console/"
	visit := func(path string) {
		t.Helper()
		do(v, chromedp.Navigate(home+path))
	}
	do(v, chromedp.Navigate(link))
	v.sees(map[string]string{"h1": "^Labo prêt.: aucune carte", "#dernieres + p": "Aucune encore"})
	look("01-empty")
	visit("cartes/")
	v.sees(map[string]string{"#cartes": "^Cartes$", ".main": "Émettre"})
	look("02-no-cards")
	visit("cartes/tests/")
	look("03-no-test-cards")

	l.Issue("--fixture", "alain")
	l.Issue("--fixture", "assistante")
	l.Issue("--fixture", "ministere")
	l.Must("issue", "--card", "cps", "--rpps", "99700100014", "--given-name", "JEAN-BAPTISTE", "--surname",
		"DE LA ROCHEFOUCAULD-MONTBEL-SAINT-HILAIRE-D'ESTISSAC", "--profession", "10")
	l.Must("fixtures", "make")
	l.Must("ecps", "activate", "899700209812", "--pin", "1234")
	visit("")
	press(".actions .main")
	v.sees(map[string]string{".verdict": "La carte est émise", "h1 .state": "^valide$",
		".button.main": "^Télécharger authentication.p12$"})
	look("04-card")
	for _, part := range []string{"certificats", "revocation", "historique"} {
		press(`nav.tabs a[href*="` + part + `"]`)
		look("05-card-" + part)
	}
	press(`form[action*="suspendre"] button`)
	v.sees(map[string]string{"h1 .state": "^suspendue$"})
	press(`form[action*="lever"] button`)
	press(".button.danger")
	look("06-revoke")
	press("main button.danger")
	v.sees(map[string]string{"h1 .state": "^révoquée$"})
	look("07-revoked")
	visit("cartes/")
	look("08-cards")
	visit("cartes/?q=introuvable")
	look("09-none")
	visit("cartes/tests/?code=DATE-EXPIRED")
	look("10-test-cards")
	visit("cartes/emettre?modele=medecin")
	look("11-issue")
	visit("cartes/emettre")
	press(`button[value="emettre"]`)
	v.sees(map[string]string{".wrong": ""})
	look("12-issue-wrong")
	visit("cartes/emettre?produit=auth-cli")
	look("13-issue-organisation")
	visit("chercher?q=rochefoucauld")
	look("14-search")
	visit("ecps/")
	look("25-ecps")
	visit("psc/")
	look("18-psc")
	visit("autorites/")
	look("19-authorities")
	visit("autorites/ACI-FO-PP")
	look("20-authority")
	visit("sante/")
	look("21-health")
	do(v, chromedp.Navigate(lab.urls["desk"]+"messages/"))
	look("22-messages")
	do(v, chromedp.Navigate(lab.urls["desk"]+"psc/requests"))
	look("23-calls")
	do(v, chromedp.Navigate(lab.urls["desk"]+"commandes/demander?usage=AUTH_CLI"))
	v.sees(map[string]string{"h1": "^Demander AUTH_CLI$", "nav a[aria-current]": "^Commandes$"})
	look("26-orders")
	visit("rien")
	look("15-missing")
	visit("")
	look("16-home")
	do(v, chromedp.Navigate(home+"?lang=en"))
	v.sees(map[string]string{"html[lang=en] h1": "^Lab ready: 4 cards and one certificate"})
	look("17-home-en")

	// what happens elsewhere appears by itself, and is answered with one click
	visit("")
	ask := l.Command("ecps", "ask", "899700209812")
	if err := ask.Start(); err != nil {
		t.Fatal(err)
	}
	do(v, chromedp.Poll[bool](`document.querySelector("#demandes") !== null`))
	look("24-request")
	press(`form[action*="approuver"] button`)
	v.sees(map[string]string{".verdict": "La demande est approuvée"})
	if err := ask.Wait(); err != nil {
		t.Errorf("who asked was not told: %v", err)
	}
	do(v, chromedp.KeyEvent("/"))
	if at := do(v, chromedp.Evaluate[string](`document.activeElement.id`)); at != "partout" {
		t.Errorf("/ leads to %q", at)
	}
	do(v, chromedp.Evaluate[bool](`document.activeElement.blur(), true`))
	do(v, chromedp.WaitEvent(page.LoadEventFired, nil, chromedp.KeyEvent("n")))
	v.sees(map[string]string{"h1": "^Émettre une carte"})
	do(v, chromedp.SendKeys(chromedp.CSS("#surname"), strings.Repeat("x", 70)+"\t"))
	do(v, chromedp.Poll[bool](`document.querySelector("#avis-surname").innerText.includes("70 caractères")`))
}
