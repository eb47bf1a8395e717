package browsers

import (
	"testing"

	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/chromedp"

	"github.com/igc-lab/igc/internal/labtest"
	"github.com/igc-lab/igc/internal/peer"
)

// TestPeople searches for a person at the lab's desk and looks at their page, with Chromium, at the
// widths of a desktop and of a phone, light and dark.
func TestPeople(t *testing.T) {
	peer.Need(t, "chromium")
	axe := axeCore(t)
	l := labtest.New(t, "--key", "p256")
	l.Must("issue", "--fixture", "alain")
	lost := l.Issue("--fixture", "alain").CardNumber
	l.Must("people", "generate", "2000", "--seed", "7")
	l.Must("people", "set", "899700100014", "--given-name", "JEAN-BAPTISTE", "--family-name",
		"DE LA ROCHEFOUCAULD-MONTBEL-SAINT-HILAIRE-D'ESTISSAC")
	l.Must("ecps", "activate", "899700209812", "--pin", "1234")
	l.Must("card", "steal", lost, "--without-code", "essai")
	lab := openSite(t, l)

	v := newVisitor(t, lab.root)
	v.expected = "with a status of 40" // what is not found
	press := func(selector string) {
		t.Helper()
		do(v, chromedp.WaitEvent(page.LoadEventFired, nil, chromedp.Click(chromedp.CSS(selector))))
	}
	look := func(name string) {
		t.Helper()
		v.photograph("70-people-"+name, desktop, phone, dark)
		v.accessible(axe)
	}
	home := lab.urls["desk"] + "personnes/"
	do(v, chromedp.Navigate(home))
	v.sees(map[string]string{"h1": "^Les personnes du laboratoire$", "#identities": "Identités de test"})
	look("01-start")
	do(v, chromedp.SendKeys(chromedp.CSS("#q"), "dodo alain"))
	press("main form[role=search] button")
	v.sees(map[string]string{"tbody th a": "^ALAIN DODO0020981$"})
	look("02-found")
	press("tbody th a")
	v.sees(map[string]string{"h1": "^ALAIN DODO0020981$", "#cartes ~ table .state.bad": "^révoquée$"})
	look("03-person")
	do(v, chromedp.Navigate(home+"899700209812?lang=en"))
	v.sees(map[string]string{"html[lang=en] h1": "^ALAIN DODO0020981$"})
	v.accessible(axe)
	do(v, chromedp.Navigate(home+"?q=m"))
	v.sees(map[string]string{"#found": "Il y en a d'autres"})
	look("04-many")
	do(v, chromedp.Navigate(home+"899700100014"))
	v.sees(map[string]string{"h1": "ROCHEFOUCAULD"})
	look("05-long-name")
	do(v, chromedp.Navigate(home+"899700999974"))
	look("06-nothing")
	do(v, chromedp.Navigate(home+"?q=introuvable"))
	v.sees(map[string]string{".verdict.bad": "Personne ne correspond"})
	look("07-nobody")
	do(v, chromedp.Navigate(home+"899700000000"))
	v.sees(map[string]string{"h1": "^Introuvable$"})
	look("08-missing")
}
