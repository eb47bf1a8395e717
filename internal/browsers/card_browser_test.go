package browsers

import (
	"context"
	"fmt"
	"image"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/chromedp"

	vcard "github.com/igc-lab/igc/card"
	"github.com/igc-lab/igc/internal/cardtest"
	"github.com/igc-lab/igc/internal/labtest"
	"github.com/igc-lab/igc/internal/peer"
)

// holder is a lab's card, and the person who puts it in the reader.
type holder struct {
	t testing.TB
	l *labtest.Lab
	c *vcard.Card
}

func newHolder(l *labtest.Lab, args ...string) holder {
	l.T.Helper()
	c, err := vcard.Read(l.Issue(args...).Folder)
	if err != nil {
		l.T.Fatal(err)
	}
	return holder{l.T, l, c}
}

func (h holder) tries() int {
	h.t.Helper()
	status, err := h.c.Status()
	if err != nil {
		h.t.Fatal(err)
	}
	return status.TriesLeft
}

// window is a browser on a screen. Its automation has it go to an address and say what page it
// shows; all else is done as people do it.
type window struct {
	*screen
	ask      string // name of the window that asks for the PIN
	pinFirst bool   // and then which card, where others ask which card first
	open     func(url string)
	evaluate func(script string) string
	before   *image.RGBA // the page of the last visit
}

func chromiumOn(s *screen) *window {
	s.t.Helper()
	v := startChromium(s.t, chromedp.Env(s.env()...), chromedp.Flag("headless", false),
		chromedp.Flag("hide-scrollbars", false),
		chromedp.Flag("enable-automation", false), chromedp.Flag("test-type", true), // no word of this, nor of the missing sandbox
		chromedp.Flag("start-maximized", true))
	return &window{screen: s, ask: "^Unlock Security Device$",
		open: func(url string) {
			go chromedp.Do(v.ctx, chromedp.Func(func(ctx context.Context, _ *chromedp.Target) error { // answers when the PIN has been given
				_, err := chromedp.Call(ctx, page.Navigate, page.NavigateParams{URL: url})
				return err
			}))
		},
		evaluate: func(script string) string { return do(v, chromedp.Evaluate[string]("(() => {"+script+"})()")) }}
}

func firefoxOn(s *screen) *window {
	s.t.Helper()
	profile := filepath.Join(s.home, "profile")
	if err := os.Mkdir(profile, 0o700); err != nil {
		s.t.Fatal(err)
	}
	greetings := map[string]any{"browser.aboutwelcome.enabled": false,
		"browser.startup.homepage_override.mstone": "ignore",
		"datareporting.policy.firstRunURL":         ""}
	f := startFirefox(s.t, profile, append(os.Environ(), s.env()...), greetings,
		"--width", strconv.Itoa(whole.Dx()), "--height", strconv.Itoa(whole.Dy()))
	f.call("WebDriver:NewSession", map[string]any{"unhandledPromptBehavior": "ignore"}) // else it cancels the prompts
	return &window{screen: s, ask: "^Password Required", pinFirst: true, evaluate: f.evaluate,
		// Marionette's own visits end when the page is there, and some not at all when there is a
		// prompt
		open: func(url string) {
			f.evaluate(fmt.Sprintf("setTimeout(() => location.assign(%q), 100); return ''", url))
		}}
}

// visit goes to an address, and chooses the card where that comes first.
func (w *window) visit(url string) {
	w.t.Helper()
	w.meets(func() { w.open(url) })
}

// meets chooses the card where that comes first, after what leads to a server that asks for one.
func (w *window) meets(leave func()) {
	w.t.Helper()
	w.until("a page on the screen", func() bool { return w.light(margin) }) // the picker is recognised by its darkening it
	w.before = w.still(pane)
	leave()
	if !w.pinFirst {
		w.choose(w.before)
	}
}

// types answers the browser's question with a PIN, having photographed it.
func (w *window) types(pin string) {
	w.t.Helper()
	prompt := w.window(w.ask)
	w.photograph("pin")
	w.enter(prompt, pin)
}

// unlocks types the right PIN, and chooses the card where that comes then.
func (w *window) unlocks(pin string) {
	w.t.Helper()
	w.types(pin)
	if w.pinFirst {
		w.choose(w.before)
	}
}

// shows wants a page with that verdict, of that holder.
func (w *window) shows(verdict, identifier string) {
	w.t.Helper()
	w.window("^" + verdict + " — TESTSSL")
	w.until(identifier+" on the page", func() bool {
		return w.evaluate(`return document.querySelector("#identifiant")?.innerText ?? ""`) == identifier
	})
	w.photograph(strings.ToLower(verdict))
}

// logsIn logs in to the demo portal through Pro Santé Connect by its card tab, and sees who it is.
func (w *window) logsIn(portal, pin, identifier string) {
	w.t.Helper()
	text := func(selector string) string {
		return w.evaluate(fmt.Sprintf(`return document.querySelector(%q)?.innerText ?? ""`, selector))
	}
	w.open(portal + "connexion")
	w.window("^Connectez-vous")
	w.photograph("psc")
	w.meets(func() {
		w.evaluate(`setTimeout(() => document.querySelector('a.button[href*="/carte?"]').click(), 100); return ""`)
	})
	w.unlocks(pin)
	w.until(identifier+" in the portal", func() bool {
		return text("h1") == "Vous êtes connecté" && strings.Contains(text(".verdict"), identifier)
	})
	w.photograph("portal")
}

// TestCardInBrowsers is a card in the hands of a person: the picker, the PIN, a wrong one, the
// page; the card taken out and another put in; a login through Pro Santé Connect; one that gets
// blocked. Browsers are set up by igc card install alone.
func TestCardInBrowsers(t *testing.T) {
	module := cardtest.Module(t)
	exclusiveBrowsers(t)
	for _, browser := range []struct {
		name, program, place string
		on                   func(*screen) *window
	}{
		{"chromium", "chromium", "nss", chromiumOn},
		{"firefox", "firefox-esr", "firefox", firefoxOn},
	} {
		t.Run(browser.name, func(t *testing.T) {
			t.Parallel() // they wait most of the time
			peer.Need(t, browser.program)
			s := newScreen(t, browser.name)
			l := labtest.New(t, "--key", "rsa2048") // the keys of real cards
			alain, guy := newHolder(l, "--fixture", "alain"), newHolder(l, "--fixture", "guy")
			server := l.Serve()
			url := server.URLs["testssl"]
			s.igc(l, "card", "install", "--module", module, "--only", browser.place)
			t.Cleanup(func() { s.igc(l, "card", "uninstall") })

			s.igc(l, "card", "insert", alain.c.Number)
			w := browser.on(s)
			w.visit(url)
			w.types("9999")
			w.until("a wrong PIN", func() bool { return alain.tries() == 2 })
			w.unlocks("1234")
			w.shows("OK", alain.c.Holder.IdNat)

			s.igc(l, "card", "remove", alain.c.Number)
			s.igc(l, "card", "insert", guy.c.Number)
			w.visit(strings.Replace(url, "localhost", "autre.carte.localhost", 1))
			w.unlocks("1234")
			w.shows("OK", guy.c.Holder.IdNat)

			s.igc(l, "card", "remove", guy.c.Number)
			s.igc(l, "card", "insert", alain.c.Number)
			w.logsIn(server.URLs["portal"], "1234", alain.c.Holder.IdNat)

			s.igc(l, "card", "remove", alain.c.Number)
			s.igc(l, "card", "insert", alain.c.Number)
			blocked := strings.Replace(url, "localhost", "bloquee.carte.localhost", 1)
			w.visit(blocked)
			for n := range 3 {
				w.types("0000")
				w.until("a wrong PIN", func() bool { return alain.tries() == 2-n })
			}
			loaded := time.Now()
			w.until("the page without a card", func() bool { // Firefox may ask again, for a connection more
				for _, prompt := range w.windows(w.ask) {
					w.xdotool("windowactivate", "--sync", prompt, "key", "Escape")
				}
				// a connection whose signature the card refused may end on the browser's own page
				if len(w.windows("^Problem loading page")) > 0 && time.Since(loaded) > 10*time.Second {
					loaded = time.Now()
					w.open(blocked)
				}
				return len(w.windows("^TLS-NOCERT")) > 0
			})
			w.shows("TLS-NOCERT", "")
		})
	}
}

// TestChromiumThroughOpenSC is mutual TLS with a card that Chromium knows nothing of: OpenSC finds
// it in PC/SC, where igc card reader has put it.
func TestChromiumThroughOpenSC(t *testing.T) {
	for _, program := range []string{"chromium", "certutil", "modutil", "opensc-tool"} {
		peer.Need(t, program)
	}
	modules, _ := filepath.Glob("/usr/lib/*/opensc-pkcs11.so")
	if len(modules) == 0 {
		peer.Missing(t, "opensc-pkcs11.so")
	}
	exclusiveBrowsers(t)
	vpcd := cardtest.PCSC(t)
	s := newScreen(t, "opensc")
	l := labtest.New(t, "--key", "rsa2048")
	alain := newHolder(l, "--fixture", "alain")
	lab := openSite(t, l)
	database := filepath.Join(s.home, ".pki", "nssdb")
	fillNSS(t, database, lab.root, nil)
	peer.Run(t, "modutil", "-force", "-dbdir", "sql:"+database, "-add", "OpenSC", "-libfile", modules[0],
		"-mechanisms", "FRIENDLY")

	s.igc(l, "card", "insert", alain.c.Number)
	s.start(l.Command("card", "reader", "--vpcd", vpcd)) // which is on loopback alone
	s.until("the card in PC/SC", func() bool {
		name, _ := peer.Try(t, "opensc-tool", "-n")
		return strings.Contains(name, "IAS")
	})
	w := chromiumOn(s)
	w.visit(lab.urls["testssl"])
	w.unlocks("1234")
	w.shows("OK", alain.c.Holder.IdNat)
}
