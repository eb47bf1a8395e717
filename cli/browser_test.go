package cli

import (
	"cmp"
	"context"
	"encoding/json"
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

	"github.com/igc-lab/igc/internal/peer"
)

// TestBrowser visits TestSSL with a real browser, cards imported as their PKCS#12, as people do.
func TestBrowser(t *testing.T) {
	for _, program := range []string{"chromium", "certutil", "pk12util"} {
		peer.Need(t, program)
	}
	l := newLab(t, "--key", "rsa2048") // the keys of real cards
	alain, old := l.issue("--fixture", "alain"), l.issue("--fixture", "guy", "--not-before", "2021-01-01")
	twin := newLab(t, "--key", "rsa2048").issue("--fixture", "alain") // of authorities that bear the same names
	lab, stranger := openSite(t, l), openSite(t, newLab(t, "--key", "rsa2048", "--gamme", "EL"))
	var urls []string
	for _, s := range []site{lab, stranger} {
		urls = append(urls, s.urls["testssl"], s.urls["any_ca"])
	}
	chooseCards(t, "TEST AC IGC-SANTE FORT PERSONNES", urls)

	noCard := map[string]string{
		"h1":                     "^Aucune carte n'a été présentée$",
		".verdict.bad":           "TLS-NOCERT",
		".steps li:nth-child(1)": "Aucune carte dans ce navigateur",
		".steps li:nth-child(3)": "expirée",
		".steps li:nth-child(7)": "TLS 1.3",
	}
	for _, test := range []struct {
		name       string
		site       site
		port       string
		cards      []card
		screenshot string
		want       map[string]string
	}{
		{"no card", lab, "testssl", nil, "01-no-card", noCard},
		{"expired card, hidden by the browser", lab, "testssl", []card{old}, "04-expired", noCard},
		{"card of a namesake, which the browser cannot tell", lab, "testssl", []card{twin}, "05-namesake", unknownRoot(twin)},
		{"card from elsewhere, hidden by the browser", stranger, "testssl", []card{alain}, "05-elsewhere-hidden", noCard},
		{"card from elsewhere, any authority", stranger, "any_ca", []card{alain}, "05-elsewhere", unknownRoot(alain)},
	} {
		t.Run(test.name, func(t *testing.T) {
			v := newVisitor(t, test.site.root, test.cards...)
			do(v, chromedp.Navigate(test.site.urls[test.port]))
			v.sees(test.want)
			v.photograph(test.screenshot, desktop, phone)
		})
	}

	t.Run("card", func(t *testing.T) {
		l := &testLab{t, l.home} // its must ends this test, not its parent
		v := newVisitor(t, lab.root, alain)
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
		}
		do(v, chromedp.Navigate(lab.urls["testssl"]))
		v.sees(screen)
		v.photograph("02-card", desktop, dark, phone)
		if got, want := v.download(`a[href="/card.pem"]`, "card.pem"), l.must("show", "--pem", serial); got != want {
			t.Errorf("card.pem is\n%swhere the certificate is\n%s", got, want)
		}

		// a host name that the browser has not seen, where it looks for a card again
		do(v, chromedp.WaitEvent(page.LoadEventFired, nil, chromedp.Click(chromedp.CSS(`nav a[href="/autre-carte"]`))))
		if at := do(v, chromedp.Location()); !strings.Contains(at, ".carte.localhost:") {
			t.Errorf("/autre-carte leads to %s", at)
		}
		v.sees(screen)

		l.must("revoke", serial, "--reason", "keyCompromise")
		do(v, chromedp.Reload())
		v.sees(map[string]string{
			"#verification": "^FAILED:certificate revoked$",
			".verdict.bad":  "REV-CRL-REVOKED",
			".checks":       "motif keyCompromise",
		})
		v.photograph("03-revoked", desktop, phone)
	})
}

// unknownRoot is what the page shows of a card of another lab.
func unknownRoot(c card) map[string]string {
	return map[string]string{
		"#identifiant":  "^899700209812$",
		"#serie":        "^" + c.Certificates[0].Serial + "$",
		"#verification": "^FAILED:unable to get local issuer certificate$",
		".verdict.bad":  "CHAIN-UNKNOWN-ROOT",
	}
}

// site is a lab that serves, and the root that its visitors are to trust.
type site struct {
	urls map[string]string
	root string // a PEM file
}

func openSite(t testing.TB, l *testLab) site {
	t.Helper()
	s := site{l.serve().urls, filepath.Join(t.TempDir(), "root.pem")}
	if err := os.WriteFile(s.root, []byte(l.must("show", "--pem", "ACR-EL")), 0o600); err != nil {
		t.Fatal(err)
	}
	return s
}

// chooseCards has Chromium present by itself the cards of the issuer, on these ports. Headless, it would otherwise wait
// for ever behind a picker that nobody sees, and it takes this policy from nowhere but the machine's own folder.
func chooseCards(t testing.TB, issuer string, urls []string) {
	t.Helper()
	var choices []string
	for _, u := range urls {
		for _, host := range []string{"localhost", "[*.]carte.localhost"} {
			choice, err := json.Marshal(map[string]any{
				"pattern": strings.TrimSuffix(strings.Replace(u, "localhost", host, 1), "/"),
				"filter":  map[string]any{"ISSUER": map[string]string{"CN": issuer}},
			})
			if err != nil {
				t.Fatal(err)
			}
			choices = append(choices, string(choice))
		}
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

// look is how a page is looked at: on which window, with which theme.
type look struct {
	suffix, theme string
	width, height int64
	options       []chromedp.EmulateViewportOption
}

var (
	desktop = look{suffix: "", theme: "light", width: 1280, height: 900}
	dark    = look{suffix: "-dark", theme: "dark", width: 1280, height: 900}
	phone   = look{suffix: "-phone", theme: "light", width: 390, height: 844,
		options: []chromedp.EmulateViewportOption{chromedp.EmulateMobile, chromedp.EmulatePortrait}}
)

// visitor is somebody at a browser of their own, which speaks to nobody but the lab and has nothing to complain of.
type visitor struct {
	t   testing.TB
	ctx context.Context

	mu         sync.Mutex
	complaints []string
}

// newVisitor starts Chromium with a home where the root is trusted and the cards are imported.
func newVisitor(t testing.TB, root string, cards ...card) *visitor {
	t.Helper()
	home := t.TempDir()
	nss := filepath.Join(home, ".pki", "nssdb") // Chromium looks elsewhere when it is not there
	if err := os.MkdirAll(nss, 0o700); err != nil {
		t.Fatal(err)
	}
	peer.Run(t, "certutil", "-d", "sql:"+nss, "-N", "--empty-password")
	peer.Run(t, "certutil", "-d", "sql:"+nss, "-A", "-n", "root", "-t", "C,,", "-i", root)
	for _, c := range cards {
		peer.Run(t, "pk12util", "-d", "sql:"+nss, "-i", c.file("authentication.p12"), "-W", c.PIN)
	}

	v := &visitor{t: t}
	options := append(slices.Clone(chromedp.DefaultExecAllocatorOptions[:]),
		chromedp.ExecPath(peer.Need(t, "chromium")), chromedp.Env("HOME="+home),
		chromedp.NoSandbox, chromedp.DisableGPU, chromedp.Flag("disable-quic", true), chromedp.Flag("disable-component-update", true),
		chromedp.Flag("no-proxy-server", true))
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Minute) // not the test's own, which ends before its cleanups
	ctx, stop := chromedp.NewExecAllocator(ctx, options...)
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

// hear notes what the browser complains of (console, CSP, failed requests), and requests that leave the page's origin, or the lab.
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
		if err == nil && from != nil && to.Scheme == "https" && to.Host == from.Host && (to.Hostname() == "localhost" || strings.HasSuffix(to.Hostname(), ".carte.localhost")) {
			return
		}
		complaint = "request to " + e.Request.URL + " from " + e.DocumentURL
	default:
		return
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	v.complaints = append(v.complaints, complaint)
}

// do has the browser do something, which must not take for ever.
func do[T any](v *visitor, action chromedp.Action[T]) T {
	v.t.Helper()
	ctx, cancel := context.WithTimeout(v.ctx, time.Minute)
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
func (v *visitor) photograph(name string, looks ...look) {
	v.t.Helper()
	folder := cmp.Or(os.Getenv("IGC_SCREENSHOTS"), filepath.Join("..", "build", "screenshots"))
	if err := os.MkdirAll(folder, 0o755); err != nil {
		v.t.Fatal(err)
	}
	for _, look := range looks {
		theme := emulation.SetEmulatedMediaParams{Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: look.theme}}}
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
	allow := browser.SetDownloadBehaviorParams{Behavior: browser.SetDownloadBehaviorBehaviorAllow, DownloadPath: folder, EventsEnabled: &events}
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
