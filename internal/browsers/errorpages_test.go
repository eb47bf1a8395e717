package browsers

import (
	"strings"
	"testing"

	"github.com/chromedp/chromedp"

	"github.com/igc-lab/igc/internal/labtest"
	"github.com/igc-lab/igc/internal/peer"
)

// Pages that nobody asks for are pages too: what stands at no address, of TestSSL and of the
// catalogue, and HTTP without TLS on a port of TestSSL. They say it in both languages, lead on, and
// axe has nothing to say. So has it of the English and the printed page of a card.
func TestErrorPages(t *testing.T) {
	for _, program := range []string{"chromium", "certutil", "pk12util"} {
		peer.Need(t, program)
	}
	axe := axeCore(t)
	l := labtest.New(t, "--key", "p256")
	alain := l.Issue("--fixture", "alain")
	lab := openSite(t, l)
	chooseCards(t)
	testSSL := lab.urls["testssl"]
	plain := strings.Replace(testSSL, "https:", "http:", 1)

	for name, page := range map[string]struct {
		url, status string
		fr, en      string // title
		leads       string // to there
	}{
		"25-not-found": {testSSL + "nulle-part", "404", "^Il n'y a pas de page à cette adresse$",
			"^There is no page at this address$", "^(Votre carte dans TestSSL|Your card in TestSSL)$"},
		"26-not-found-catalogue": {lab.urls["publication"] + "/nulle-part", "404",
			"^Il n'y a pas de page à cette adresse$", "^There is no page at this address$",
			"^(Le|The) catalogue"},
		"27-without-tls": {plain, "400", "^Ce port parle HTTPS$", "^This port speaks HTTPS$", "^https://localhost:"},
		"28-without-tls-strict": {strings.Replace(lab.urls["strict"], "https:", "http:", 1), "400",
			"^Ce port parle HTTPS$", "^This port speaks HTTPS$", "^https://localhost:"},
		"29-without-tls-long": {plain + strings.Repeat("nulle-part", 30), "400", "^Ce port parle HTTPS$",
			"^This port speaks HTTPS$", "^https://localhost:"},
		"30-not-found-long": {testSSL + strings.Repeat("nulle-part", 30), "404",
			"^Il n'y a pas de page à cette adresse$", "^There is no page at this address$", "TestSSL$"},
	} {
		t.Run(name, func(t *testing.T) {
			v := newVisitor(t, lab.root)
			v.expected = "with a status of " + page.status
			do(v, chromedp.Navigate(page.url))
			v.sees(map[string]string{"html[lang=fr] h1": page.fr, "main p a": page.leads})
			v.photograph(name, desktop, phone, dark)
			v.accessible(axe)
			do(v, chromedp.Navigate(page.url+"?lang=en"))
			v.sees(map[string]string{"html[lang=en] h1": page.en, "main p a": page.leads})
			v.photograph(name+"-en", desktop)
			v.accessible(axe)
		})
	}
	t.Run("card", func(t *testing.T) {
		v := newVisitor(t, lab.root, imported{alain.File("authentication.p12"), alain.PIN})
		do(v, chromedp.Navigate(testSSL))
		v.sees(map[string]string{"html[lang=fr] .verdict": "^Votre carte fonctionne"})
		v.photograph("31-card", paper)
		v.accessible(axe)
		do(v, chromedp.Navigate(testSSL+"?lang=en"))
		v.sees(map[string]string{"html[lang=en] .verdict": "^Your card works"})
		v.photograph("31-card-en", paper, phone, desktop)
		v.accessible(axe)
	})
}
