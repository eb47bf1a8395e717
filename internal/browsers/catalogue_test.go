package browsers

import (
	"os"
	"strings"
	"testing"

	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/chromedp"

	"github.com/igc-lab/igc/internal/labtest"
	"github.com/igc-lab/igc/internal/peer"
)

// In a real browser the owner's link opens the catalogue's private keys, also to who comes back to
// it from TestSSL, and without it the page says what to type.
func TestCatalogueInBrowser(t *testing.T) {
	for _, program := range []string{"chromium", "certutil"} {
		peer.Need(t, program)
	}
	l := labtest.New(t, "--key", "p256")
	alain := l.Issue("--fixture", "alain")
	lab := openSite(t, l)
	want, err := os.ReadFile(alain.File("authentication.p12"))
	if err != nil {
		t.Fatal(err)
	}
	v := newVisitor(t, lab.root)
	do(v, chromedp.Navigate(lab.urls["publication"]))
	v.sees(map[string]string{".verdict.bad": "igc catalogue"})

	do(v, chromedp.Navigate(strings.TrimSpace(l.Must("catalogue"))))
	if at := do(v, chromedp.Location()); at != lab.urls["publication"] {
		t.Errorf("the link leads to %s, want %s", at, lab.urls["publication"])
	}
	v.sees(map[string]string{".verdict.bad": `^\(nothing\)$`})
	const link = `a[href$="/authentication.p12"]`
	name := alain.CardNumber + "-authentication.p12"
	if got := v.download(link, name); got != string(want) {
		t.Error("the file downloaded is not the card's")
	}

	// TestSSL is another site to the browser: https, and another port
	do(v, chromedp.Navigate(lab.urls["testssl"]+"codes"))
	do(v, chromedp.WaitEvent(page.LoadEventFired, nil, chromedp.Click(chromedp.CSS(`nav a[href^="http://"]`))))
	v.sees(map[string]string{".verdict.bad": `^\(nothing\)$`, "#cartes": "Cartes du laboratoire"})
	if got := v.download(link, name); got != string(want) {
		t.Error("the file downloaded after TestSSL is not the card's")
	}
}
