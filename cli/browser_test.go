package cli

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/browser"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"

	"github.com/igc-lab/igc/internal/peer"
)

// look is how a page is looked at: the size of the window and the theme of the machine.
type look struct {
	name, theme   string
	width, height int64
	more          []chromedp.EmulateViewportOption
}

var (
	desktop = look{"", "light", 1280, 900, nil}
	dark    = look{"-dark", "dark", 1280, 900, nil}
	phone   = look{"-phone", "light", 390, 844, []chromedp.EmulateViewportOption{chromedp.EmulateMobile}}
)

// TestBrowser visits TestSSL with a real browser that holds a card's PKCS#12, as people do.
func TestBrowser(t *testing.T) {
	for _, program := range []string{"chromium", "certutil", "pk12util"} {
		peer.Need(t, program)
	}
	l := newLab(t, "--key", "rsa2048") // the keys of real cards: what browsers do depends on them
	alain, old := l.issue("--fixture", "alain"), l.issue("--fixture", "guy", "--not-before", "2021-01-01")
	foreign := newLab(t, "--key", "rsa2048").issue("--fixture", "alain")
	srv := l.serve()
	testSSL, anyCA := srv.urls["testssl"], srv.urls["any_ca"]
	chooseCards(t, "TEST AC IGC-SANTE FORT PERSONNES", testSSL, anyCA)
	root := filepath.Join(t.TempDir(), "root.pem")
	if err := os.WriteFile(root, []byte(l.must("show", "--pem", "ACR-EL")), 0o600); err != nil { // that of the server's certificate
		t.Fatal(err)
	}

	noCard := map[string]string{
		"h1":                     "^Aucune carte n'a été présentée$",
		".verdict.bad":           "TLS-NOCERT",
		".steps li:nth-child(1)": "Aucune carte dans ce navigateur",
		".steps li:nth-child(3)": "expirée",
		".steps li:nth-child(7)": "TLS 1.3",
	}
	for _, test := range []struct {
		name, url string
		cards     []card
		shot      string
		want      map[string]string
	}{
		{"no card", testSSL, nil, "01-no-card", noCard},
		{"expired card, which Chromium hides", testSSL, []card{old}, "04-expired", noCard},
		{"card from elsewhere", testSSL, []card{foreign}, "05-elsewhere-hidden", noCard},
		{"card from elsewhere, any authority", anyCA, []card{foreign}, "05-elsewhere", map[string]string{
			"#identifiant":  "^899700209812$",
			"#serie":        "^" + foreign.Certificates[0].Serial + "$",
			"#verification": "^FAILED:unable to get local issuer certificate$",
			".verdict.bad":  "CHAIN-UNKNOWN-ROOT",
		}},
	} {
		t.Run(test.name, func(t *testing.T) {
			v := newVisitor(t, root, test.cards...)
			do(v, chromedp.Navigate(test.url))
			v.expect(test.want)
			v.shoot(test.shot, desktop, phone)
		})
	}

	t.Run("card", func(t *testing.T) {
		v := newVisitor(t, root, alain)
		authentication := alain.Certificates[0]
		screen := map[string]string{
			"h1":            "^Information sur votre carte CPS$",
			".verdict":      "^Votre carte fonctionne",
			"#organisation": "^ASIP-SANTE$",
			"#autorite":     "^0002 187512751$",
			"#classe":       "^TEST AC IGC-SANTE FORT PERSONNES$",
			"#prenom":       "^ALAIN$",
			"#nom":          "^DODO0020981$",
			"#identifiant":  "^899700209812$",
			"#serie":        "^" + authentication.Serial + "$",
			"#cree":         opensslDate,
			"#expire":       opensslDate,
			"#verification": "^SUCCESS$",
		}
		do(v, chromedp.Navigate(testSSL))
		v.expect(screen)
		v.shoot("02-card", desktop, dark, phone)

		want, _, err := l.run("show", "--pem", authentication.Serial)
		if err != nil {
			t.Fatal(err)
		}
		if got := v.download(`a[href="/card.pem"]`, "card.pem"); got != want {
			t.Errorf("card.pem holds\n%s\nand not the certificate\n%s", got, want)
		}

		// another card: a host name that is new to the browser, where it looks for a card again
		if _, err := chromedp.Run(v.step(), chromedp.RunResponseAction()); err != nil {
			t.Fatal(err)
		}
	})
}

const opensslDate = `^[A-Z][a-z]{2} +\d{1,2} \d{2}:\d{2}:\d{2} \d{4} GMT$`
