package browsers

import (
	"context"
	"encoding/json"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/browser"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"

	"github.com/igc-lab/igc/internal/labtest"
	"github.com/igc-lab/igc/internal/peer"
	"github.com/igc-lab/igc/verify"
)

// TestChromium visits TestSSL with Chromium, cards imported as their PKCS#12, as people do. Every
// visit ends on a page with its code, in both languages, without a complaint of the browser's or of
// axe.
func TestChromium(t *testing.T) {
	for _, program := range []string{"chromium", "certutil", "pk12util"} {
		peer.Need(t, program)
	}
	axe := axeCore(t)
	s := openStand(t)
	chooseCards(t)
	for _, visit := range visits {
		t.Run(visit.name, func(t *testing.T) {
			t.Parallel()
			url, cards := s.urls[visit.condition][visit.mode], s.pkcs12(t, visit.fixture)
			if visit.hidden {
				url, cards = s.relay(t, url, visit.fixture), nil
			}
			v := newVisitor(t, s.root, cards...)
			do(v, chromedp.Navigate(url))
			verdict := string(visit.code)
			if visit.code == verify.OK {
				v.sees(map[string]string{"html[lang=fr] .verdict": "^Votre carte fonctionne",
					"#verification": "^SUCCESS$"})
			} else {
				v.sees(map[string]string{"html[lang=fr] .verdict.bad .code": "^" + verdict + "$"})
			}
			if visit.fixture == "name-script" {
				v.sees(map[string]string{"#nom": `^<script>alert\(1\)</script>$`})
			}
			if visit.fixture == "name-bidi" {
				v.sees(map[string]string{"#nom": `^[^\x{202e}\x{200b}]*\x{fffd}[^\x{202e}\x{200b}]*$`})
			}
			v.photograph(visit.name, visit.looks...)
			v.accessible(axe)
			if len(visit.looks) > 0 {
				do(v, chromedp.Navigate(url+"?lang=en"))
				if visit.code == verify.OK {
					v.sees(map[string]string{"html[lang=en] .verdict": "^Your card works"})
				} else {
					v.sees(map[string]string{"html[lang=en] .verdict.bad .code": "^" + verdict + "$"})
				}
			}
			if len(visit.looks) > 1 {
				v.photograph(visit.name+"-en", desktop)
			}
		})
	}
	t.Run("codes", func(t *testing.T) {
		v := newVisitor(t, s.root)
		do(v, chromedp.Navigate(s.urls["good"]["testssl"]+"codes"))
		v.sees(map[string]string{"#CHAIN-UNKNOWN-ROOT th": "CHAIN-UNKNOWN-ROOT"})
		v.photograph("20-codes", desktop, phone, dark)
		v.accessible(axe)
	})
	t.Run("recipes", func(t *testing.T) {
		v := newVisitor(t, s.root)
		do(v, chromedp.Navigate(s.urls["good"]["testssl"]+"recettes"))
		do(v, chromedp.Click(chromedp.CSS("#nginx summary")))
		v.sees(map[string]string{"#nginx pre": "ACI-FO-PP-TEST", `nav a[href="#ssh"]`: "ssh"})
		v.photograph("24-recipes", desktop, phone, dark)
		v.accessible(axe)
	})
	t.Run("catalogue", func(t *testing.T) {
		v := newVisitor(t, s.root)
		do(v, chromedp.Navigate(s.catalogs["good"]))
		v.sees(map[string]string{"h1": "IGC-Santé de laboratoire",
			`a[href="/fixtures"]`: "cartes, avec le résultat attendu"})
		v.photograph("21-catalogue", desktop, phone, dark)
		v.accessible(axe)
		do(v, chromedp.Navigate(s.catalogs["good"]+"fixtures"))
		v.sees(map[string]string{"#on-hold": "REV-CRL-HOLD"})
		v.photograph("23-fixtures", desktop, phone)
		v.accessible(axe)
		do(v, chromedp.Navigate(s.catalogs["other lab"]))
		v.photograph("22-catalogue-empty", desktop)
		v.accessible(axe)
	})
}

// TestBrowser does what a person does with igc serve: looks at a card, takes its certificate away,
// changes card, revokes it in a terminal, and sees it on the page that is open.
func TestBrowser(t *testing.T) {
	for _, program := range []string{"chromium", "certutil", "pk12util"} {
		peer.Need(t, program)
	}
	l := labtest.New(t, "--key", "rsa2048") // the keys of real cards
	alain := l.Issue("--fixture", "alain")
	lab := openSite(t, l)
	chooseCards(t)
	v := newVisitor(t, lab.root, imported{alain.File("authentication.p12"), alain.PIN})
	serial := alain.Certificates[0].Serial
	const opensslDate = `^[A-Z][a-z]{2} +\d{1,2} \d{2}:\d{2}:\d{2} \d{4} GMT$`
	screen := map[string]string{
		"h1":            "^Information sur votre carte CPS$",
		".verdict":      "^Votre carte fonctionne",
		"#organisation": "^ASIP-SANTE$",
		"#autorite":     "^0002 187512751$",
		"#classe":       "^TEST AC IGC-SANTE FORT PERSONNES$",
		"#prenom":       "^ALAIN$",
		"#nom":          "^DODO0020981$",
		"#identifiant":  "^899700209812$",
		"#serie":        "^" + serial + "$",
		"#cree":         opensslDate,
		"#expire":       opensslDate,
		"#verification": "^SUCCESS$",
		"#clock":        "^L'horloge de ce poste est la même",
	}
	do(v, chromedp.Navigate(lab.urls["testssl"]))
	v.sees(screen)
	if got, want := v.download(`a[href="/card.pem"]`, "card.pem"), l.Must("show", "--pem", serial); got != want {
		t.Errorf("card.pem is\n%swhere the certificate is\n%s", got, want)
	}

	// a host name that the browser has not seen, where it looks for a card again
	do(v, chromedp.WaitEvent(page.LoadEventFired, nil, chromedp.Click(chromedp.CSS(`nav a[href="/autre-carte"]`))))
	if at := do(v, chromedp.Location()); !strings.Contains(at, ".carte.localhost:") {
		t.Errorf("/autre-carte leads to %s", at)
	}
	v.sees(screen)

	// the live line: nothing is reloaded. Another card's change is not told.
	other := l.Issue("--fixture", "guy")
	l.Must("revoke", other.Certificates[0].Serial, "--reason", "superseded")
	time.Sleep(time.Second)
	if text := do(v, chromedp.Evaluate[string](`document.querySelector("#live").innerText`)); text != "" {
		t.Errorf("the page is told of another card: %s", text)
	}
	l.Must("revoke", serial, "--reason", "keyCompromise")
	do(v, chromedp.Poll[bool](`document.querySelector("#live").innerText != ""`))
	v.sees(map[string]string{"#live": "^REV-CRL-REVOKED L'état de cette carte vient de changer",
		"#verification": "^SUCCESS$",
		".verdict.past": `^Votre carte fonctionne\.\s+à l'état de \d\d:\d\d`})
	v.photograph("18-live", desktop)
	do(v, chromedp.Reload())
	v.sees(map[string]string{
		"#verification": "^FAILED:certificate revoked$",
		".verdict.bad":  "REV-CRL-REVOKED",
		"#ocsp":         "motif keyCompromise",
	})
}

// site is a lab that serves, and the root that its visitors are to trust.
type site struct {
	urls map[string]string
	root string // a PEM file
}

func openSite(t testing.TB, l *labtest.Lab) site {
	t.Helper()
	s := site{l.Serve().URLs, filepath.Join(t.TempDir(), "root.pem")}
	if err := os.WriteFile(s.root, []byte(l.Must("show", "--pem", "ACR-EL")), 0o600); err != nil {
		t.Fatal(err)
	}
	return s
}

// exclusiveBrowsers has the folders that browsers share on this machine, /etc/chromium and
// /etc/firefox, to this test: what one test writes there, browsers of another would read.
func exclusiveBrowsers(t testing.TB) {
	t.Helper()
	labtest.Exclusive(t, filepath.Join(os.TempDir(), "igc-test-browsers.lock"))
}

// chooseCards has Chromium present by itself the one card that it has. Headless, it would otherwise
// wait for ever behind a picker that nobody sees, and it takes this policy from nowhere but the
// machine's own folder.
func chooseCards(t testing.TB) {
	t.Helper()
	exclusiveBrowsers(t)
	var choices []string
	for _, pattern := range []string{"https://localhost", "https://[*.]carte.localhost"} {
		choice, err := json.Marshal(map[string]any{"pattern": pattern, "filter": map[string]any{}})
		if err != nil {
			t.Fatal(err)
		}
		choices = append(choices, string(choice))
	}
	policy, err := json.Marshal(map[string]any{"AutoSelectCertificateForUrls": choices})
	if err != nil {
		t.Fatal(err)
	}
	const folder = "/etc/chromium/policies/managed"
	file := filepath.Join(folder, "igc-test.json")
	if os.MkdirAll(folder, 0o755) != nil || os.WriteFile(file, policy, 0o644) != nil {
		peer.Missing(t, "a writable "+folder)
	}
	t.Cleanup(func() {
		if err := os.Remove(file); err != nil {
			t.Error(err)
		}
	})
}

// capture is how a page is looked at: on which window, with which theme.
type view struct {
	suffix, theme string
	media         string // empty for the screen
	width, height int64
	options       []chromedp.EmulateViewportOption
}

var (
	desktop = view{suffix: "", theme: "light", width: 1280, height: 900}
	dark    = view{suffix: "-dark", theme: "dark", width: 1280, height: 900}
	paper   = view{suffix: "-print", theme: "light", media: "print", width: 794, height: 1123} // A4
	phone   = view{suffix: "-phone", theme: "light", width: 390, height: 844,
		options: []chromedp.EmulateViewportOption{chromedp.EmulateMobile, chromedp.EmulatePortrait}}
)

// visitor is somebody at a browser of their own, which speaks to nobody but the lab and has nothing
// to complain of.
type visitor struct {
	t   testing.TB
	ctx context.Context

	mu         sync.Mutex
	complaints []string
	expected   string // words of a complaint that the page is to give cause for
}

// newVisitor starts Chromium with a home where the root is trusted and the cards are imported.
func newVisitor(t testing.TB, root string, cards ...imported) *visitor {
	t.Helper()
	home := t.TempDir()
	nss := filepath.Join(home, ".pki", "nssdb") // Chromium looks elsewhere when it is not there
	fillNSS(t, nss, root, cards)
	return startChromium(t, chromedp.Env("HOME="+home))
}

// startChromium starts Chromium as it is, but for the options. It stands before nobody's eyes
// unless they say so.
func startChromium(t testing.TB, options ...chromedp.ExecAllocatorOption) *visitor {
	t.Helper()
	v := &visitor{t: t}
	usual := append(slices.Clone(chromedp.DefaultExecAllocatorOptions[:]), chromedp.ExecPath(peer.Need(t, "chromium")),
		chromedp.NoSandbox, chromedp.DisableGPU, chromedp.Flag("disable-quic",
			true), chromedp.Flag("disable-component-update", true),
		chromedp.Flag("no-proxy-server", true), chromedp.Flag("accept-lang", "fr-FR,fr"))
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Minute) // not the test's own, which ends before its cleanups
	ctx, stop := chromedp.NewExecAllocator(ctx, append(usual, options...)...)
	v.ctx, _ = chromedp.NewContext(ctx, chromedp.WithListener(v.hear))
	t.Cleanup(func() {
		if err := chromedp.Cancel(v.ctx); err != nil { // waits for Chromium to end, then the home can be removed
			t.Error(err)
		}
		stop()
		cancel()
		v.mu.Lock()
		defer v.mu.Unlock()
		for _, complaint := range v.complaints {
			t.Error(complaint)
		}
	})
	if err := chromedp.Do(v.ctx); err != nil { // the first call says how long the browser lives: no bound of do's
		t.Fatal(err)
	}
	return v
}

// fillNSS makes a database of Mozilla's NSS that trusts the roots of a PEM file and holds the
// cards.
func fillNSS(t testing.TB, dir, roots string, cards []imported) {
	t.Helper()
	if err := os.MkdirAll(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	db := "sql:" + dir
	peer.Run(t, "certutil", "-d", db, "-N", "--empty-password")
	for n, der := range labtest.DER(t, roots) {
		file := filepath.Join(dir, fmt.Sprintf("root-%d.der", n))
		labtest.Write(t, file, der)
		peer.Run(t, "certutil", "-d", db, "-A", "-n", fmt.Sprintf("root %d", n), "-t", "C,,", "-i", file)
	}
	for _, c := range cards {
		peer.Run(t, "pk12util", "-d", db, "-i", c.file, "-W", c.password)
	}
}

// hear notes what the browser complains of (console, CSP, failed requests), and requests that leave
// the page's origin, or the lab.
func (v *visitor) hear(event any) {
	var complaint string
	switch e := event.(type) {
	case *log.EventEntryAdded:
		complaint = string(e.Entry.Level) + " in the log: " + e.Entry.Text + " " + e.Entry.URL
	case *runtime.EventConsoleAPICalled:
		complaint = "console." + string(e.Type)
	case *runtime.EventExceptionThrown:
		complaint = "exception: " + e.ExceptionDetails.Text
	case *network.EventRequestWillBeSent:
		to, err := url.Parse(e.Request.URL)
		from, _ := url.Parse(e.DocumentURL) // of a visit, the page that is asked for
		if err == nil && from != nil && to.Host == from.Host && (to.Hostname() == "localhost" ||
			strings.HasSuffix(to.Hostname(), ".carte.localhost")) {
			return
		}
		complaint = "request to " + e.Request.URL + " from " + e.DocumentURL
	default:
		return
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.expected == "" || !strings.Contains(complaint, v.expected) {
		v.complaints = append(v.complaints, complaint)
	}
}

// do has the browser do something, which must not take for ever.
func do[T any](v *visitor, action chromedp.Action[T]) T {
	v.t.Helper()
	ctx, cancel := context.WithTimeout(v.ctx, labtest.Patience)
	defer cancel()
	result, err := chromedp.Run(ctx, action)
	if err != nil {
		v.t.Fatal(err)
	}
	return result
}

// sees wants visible elements whose text matches, by their selectors.
func (v *visitor) sees(want map[string]string) {
	v.t.Helper()
	for selector, pattern := range want {
		text := do(v, chromedp.Evaluate[string](`(e => e?.checkVisibility() ? e.innerText : "(nothing)")(document.querySelector(`+strconv.Quote(selector)+`))`))
		if !regexp.MustCompile(pattern).MatchString(text) {
			v.t.Errorf("%s shows %q, want %s", selector, text, pattern)
		}
	}
}

// photograph keeps pictures of the whole page, which must not overflow the window sideways.
func (v *visitor) photograph(name string, looks ...view) {
	v.t.Helper()
	folder := screenshots(v.t)
	for _, look := range looks {
		theme := emulation.SetEmulatedMediaParams{Media: look.media,
			Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: look.theme}}}
		do(v, chromedp.Func(func(ctx context.Context, t *chromedp.Target) error {
			_, err := chromedp.Call(ctx, emulation.SetEmulatedMedia, theme)
			return err
		}))
		do(v, chromedp.EmulateViewport(look.width, look.height, look.options...))
		if width := do(v, chromedp.Evaluate[int64](`document.documentElement.scrollWidth`)); width != look.width {
			v.t.Errorf("%s%s is %d wide in a window of %d", name, look.suffix, width, look.width)
		}
		picture := do(v, chromedp.FullScreenshot(100))
		if err := os.WriteFile(filepath.Join(folder, name+look.suffix+".png"), picture, 0o644); err != nil {
			v.t.Fatal(err)
		}
	}
}

// download follows a link to a file of that name.
func (v *visitor) download(link, name string) string {
	v.t.Helper()
	folder, events := v.t.TempDir(), true
	allow := browser.SetDownloadBehaviorParams{Behavior: browser.SetDownloadBehaviorBehaviorAllow,
		DownloadPath: folder, EventsEnabled: &events}
	do(v, chromedp.Func(func(ctx context.Context, t *chromedp.Target) error {
		_, err := chromedp.Call(ctx, browser.SetDownloadBehavior, allow)
		return err
	}))
	ended := func(e browser.EventDownloadProgress) bool { return e.State != browser.DownloadProgressStateInProgress }
	do(v, chromedp.WaitEvent(browser.DownloadProgress, ended, chromedp.Click(chromedp.CSS(link))))
	content, err := os.ReadFile(filepath.Join(folder, name))
	if err != nil {
		v.t.Fatal(err)
	}
	return string(content)
}
