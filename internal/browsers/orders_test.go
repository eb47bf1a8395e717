package browsers

import (
	"context"
	"fmt"
	"net"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/chromedp/cdproto/browser"
	"github.com/chromedp/cdproto/page"
	"github.com/chromedp/chromedp"

	"github.com/igc-lab/igc/internal/labtest"
	"github.com/igc-lab/igc/internal/peer"
)

const (
	orderStructure = "10B0057881"
	orderPassword  = "cheval correct"
	orderCode      = "code-de-revocation"
)

// TestOrders asks for certificates with Chromium and an administrateur technique's card: a SSL_SERV
// by certification request and an AUTH_CLI by password. Both are withdrawn, nginx serves with the
// one and lets the other in, until it is revoked.
func TestOrders(t *testing.T) {
	for _, program := range []string{"chromium", "openssl", "nginx", "curl"} {
		peer.Need(t, program)
	}
	axe := axeCore(t)
	l := labtest.New(t, "--key", "p256")
	alain := l.Issue("--fixture", "alain")
	l.Must("role", "add", "administrateur-technique", "alain", "--structure", orderStructure)
	lab := openSite(t, l)
	chooseCards(t)
	v := newVisitor(t, lab.root, imported{alain.File("authentication.p12"), alain.PIN})
	v.expected = "with a status of 4" // what is refused
	home := strings.TrimSuffix(lab.urls["card_desk"], "/") + "/"
	press := func(selector string) {
		t.Helper()
		do(v, chromedp.WaitEvent(page.LoadEventFired, nil, chromedp.Click(chromedp.CSS(selector))))
	}
	fill := func(selector, text string) {
		t.Helper()
		do(v, chromedp.Evaluate[string](fmt.Sprintf(`(document.querySelector(%q).value = %q)`, selector, text)))
	}
	look := func(name string) {
		t.Helper()
		v.photograph("80-orders-"+name, desktop, phone, dark)
		v.accessible(axe)
	}
	do(v, chromedp.Navigate(home))
	v.sees(map[string]string{"h1": "^Mes commandes$", "footer": "administrateur technique, " + orderStructure})
	look("01-empty")
	press(`.steps-bar a.button`)
	v.sees(map[string]string{"h1": "^Demander$", ".offer:nth-of-type(2)": "SSL_SERV"})
	look("02-offers")

	dir := t.TempDir()
	key, request := filepath.Join(dir, "server.key"), filepath.Join(dir, "server.csr")
	peer.Run(t, "openssl", "req", "-new", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-keyout",
		key,
		"-out", request, "-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost")
	press(`a[href$="usage=SSL_SERV"]`)
	fill("#f-csr", "not a request")
	fill("#f-organisation", "HOPITAL TEST")
	fill("#f-department", "Paris (75)")
	press(".ask button")
	v.sees(map[string]string{".verdict.bad": "ORDER-CSR"})
	look("03-wrong")
	fill("#f-csr", labtest.Read(t, request))
	press(".ask button")
	v.sees(map[string]string{"h1": "à retirer", ".act h2": "^Retirer$"})
	look("04-to-withdraw")
	withdraw := func() {
		t.Helper()
		fill("#code", orderCode)
		fill("#code2", orderCode)
		do(v, chromedp.Click(chromedp.CSS("#conditions")))
		press(`form[action$="/retirer"] button`)
	}
	withdraw()
	v.sees(map[string]string{"h1": "retiré", "tbody": "server"})
	look("05-withdrawn")
	server := do(v, chromedp.Location())
	certificate := filepath.Join(dir, "server.pem")
	labtest.Write(t, certificate, []byte(v.saved(`a[download]`)))

	do(v, chromedp.Navigate(home+"demander?offre=ORG&usage=AUTH_CLI"))
	fill("#f-service", "DMP")
	fill("#f-organisation", "HOPITAL TEST")
	fill("#f-department", "Paris (75)")
	fill("#f-password", orderPassword)
	look("06-ask")
	press(".ask button")
	fill("#w-password", "un autre mot de passe")
	withdraw()
	v.sees(map[string]string{".verdict.bad": "ORDER-PASSWORD"})
	fill("#w-password", orderPassword)
	withdraw()
	v.sees(map[string]string{"h1": "retiré", ".act h2": "^Télécharger$"})
	look("07-download")
	client := do(v, chromedp.Location())
	fill("#d-client", orderPassword)
	p12 := filepath.Join(dir, "client.p12")
	labtest.Write(t, p12, []byte(v.saved(`button[value=modern]`)))
	do(v, chromedp.Navigate(client))
	v.sees(map[string]string{"dl.facts": "PKCS#12 client\\s+remis le"})
	do(v, chromedp.Navigate(home))
	v.sees(map[string]string{"tbody tr:nth-child(2)": "SSL_SERV"})
	look("08-list")

	visit := nginxOf(t, l, lab, certificate, key)
	if got := visit(p12); got != "SUCCESS" {
		t.Errorf("nginx says of the AUTH_CLI: %s", got)
	}
	do(v, chromedp.Navigate(client))
	fill("#r-code", "un code faux")
	press(`form[action$="/revoquer"] button`)
	v.sees(map[string]string{".verdict.bad": "ORDER-CODE"})
	fill("#r-code", orderCode)
	press(`form[action$="/revoquer"] button`)
	v.sees(map[string]string{"h1": "révoqué"})
	look("09-revoked")
	if got := visit(p12); !strings.Contains(got, "400") {
		t.Errorf("nginx says of the revoked AUTH_CLI: %s", got)
	}

	// A structure where the card has no role, an order of others, and the card itself revoked.
	do(v, chromedp.Navigate(home+"?structure=1750712184"))
	v.sees(map[string]string{".verdict.bad": "ACCESS-STRUCTURE"})
	do(v, chromedp.Navigate(home+"CMD-20200101-000000-000000"))
	v.sees(map[string]string{"h1": "^Introuvable$", ".verdict.bad": "ORDER-NONE"})
	l.Must("revoke", alain.CardNumber, "--reason", "keyCompromise")
	do(v, chromedp.Navigate(server))
	v.sees(map[string]string{".verdict.bad": "ACCESS-CARD", "dl.facts": "REV-"})
	look("10-card-revoked")
}

// nginxOf serves with a certificate of the lab, and lets clients in by those of the lab that its
// OCSP responder calls good. It returns what a client with a PKCS#12 is told.
func nginxOf(t *testing.T, l *labtest.Lab, lab site, certificate, key string) (visit func(p12 string) string) {
	t.Helper()
	dir, port := t.TempDir(), labtest.FreePorts(t)
	roots := filepath.Join(dir, "ca.pem")
	labtest.Write(t, roots, []byte(l.Must("show", "--pem", "ACI-EL-ORG")+l.Must("show", "--pem", "ACR-EL")))
	responder, err := url.Parse(lab.urls["publication"])
	if err != nil {
		t.Fatal(err)
	}
	labtest.Write(t, filepath.Join(dir, "nginx.conf"), fmt.Appendf(nil, `daemon off; master_process off;
pid %[1]s/pid; error_log %[1]s/log info;
events { worker_connections 64; }
http {
  access_log off; client_body_temp_path %[1]s; proxy_temp_path %[1]s;
  fastcgi_temp_path %[1]s; uwsgi_temp_path %[1]s; scgi_temp_path %[1]s;
  server {
    listen 127.0.0.1:%[2]s ssl; ssl_certificate %[3]s; ssl_certificate_key %[4]s;
    ssl_verify_client on; ssl_verify_depth 2; ssl_client_certificate %[5]s;
    ssl_ocsp leaf; ssl_ocsp_responder http://127.0.0.1:%[6]s/ocsp;
    return 200 $ssl_client_verify;
  }
}`, dir, port, certificate, key, roots, responder.Port()))
	cmd := exec.Command("nginx", "-p", dir, "-e", filepath.Join(dir, "log"), "-c", filepath.Join(dir, "nginx.conf"))
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		cmd.Process.Kill()
		cmd.Wait()
	})
	labtest.Until(t, "nginx to listen", func() bool {
		conn, err := net.Dial("tcp", "127.0.0.1:"+port)
		if err == nil {
			conn.Close()
		}
		return err == nil
	})
	return func(p12 string) string {
		// curl verifies the server's name and chain: the SSL_SERV is for localhost.
		out, err := peer.Try(t, "curl", "-sS", "--noproxy", "*", "--cacert", lab.root, "--cert-type", "P12", "--cert",
			p12+":"+orderPassword, "https://localhost:"+port+"/")
		if err != nil {
			return err.Error() + out
		}
		return out
	}
}

// saved is the file that a browser saved when an element was clicked.
func (v *visitor) saved(selector string) string {
	v.t.Helper()
	folder, events := v.t.TempDir(), true
	allow := browser.SetDownloadBehaviorParams{Behavior: browser.SetDownloadBehaviorBehaviorAllow,
		DownloadPath: folder, EventsEnabled: &events}
	do(v, chromedp.Func(func(ctx context.Context, t *chromedp.Target) error {
		_, err := chromedp.Call(ctx, browser.SetDownloadBehavior, allow)
		return err
	}))
	ended := func(e browser.EventDownloadProgress) bool { return e.State != browser.DownloadProgressStateInProgress }
	do(v, chromedp.WaitEvent(browser.DownloadProgress, ended, chromedp.Click(chromedp.CSS(selector))))
	files, err := os.ReadDir(folder)
	if err != nil || len(files) != 1 {
		v.t.Fatalf("%v, %v", files, err)
	}
	return labtest.Read(v.t, filepath.Join(folder, files[0].Name()))
}

// TestFirefoxOrders orders three CPE with Firefox and a mandataire's card, and a SIGN certificate
// by password, which it withdraws and revokes by the role.
func TestFirefoxOrders(t *testing.T) {
	for _, program := range []string{"firefox-esr", "certutil", "pk12util"} {
		peer.Need(t, program)
	}
	exclusiveBrowsers(t)
	l := labtest.New(t, "--key", "p256")
	guy := l.Issue("--fixture", "guy")
	l.Must("role", "add", "mandataire", "guy", "--structure", orderStructure)
	lab := openSite(t, l)
	f := newFirefox(t, lab.root, imported{guy.File("authentication.p12"), guy.PIN})
	home := strings.TrimSuffix(lab.urls["card_desk"], "/") + "/"
	for n := range 3 {
		f.visit(home + "demander?offre=CARTE&usage=CPE")
		f.fill("#f-organisation", "HOPITAL TEST")
		f.fill("#f-department", "Paris (75)")
		f.fill("#f-id_nat", fmt.Sprintf("3%s/CPET0040%d", "0B0057881", n))
		f.fill("#f-given_name", "ALIX")
		f.fill("#f-surname", "TEST")
		f.press("form.ask button")
		f.shows("h1", "retiré")
		f.shows("dl.facts", "igc card letter")
	}
	f.visit(home + "demander?offre=ORG&usage=SIGN")
	f.fill("#f-organisation", "HOPITAL TEST")
	f.fill("#f-department", "Paris (75)")
	f.fill("#f-service", "DMP")
	f.fill("#f-password", orderPassword)
	f.press("form.ask button")
	f.shows("h1", "à retirer")
	f.fill("#code", orderCode)
	f.fill("#code2", orderCode)
	f.fill("#w-password", orderPassword)
	f.press("#conditions")
	f.press(`form[action$="/retirer"] button`)
	f.shows("h1", "retiré")
	f.press(`form[action$="/revoquer"] button`)
	f.shows("h1", "révoqué")
	f.visit(home)
	f.shows("tbody", "CARTE CPE")
	f.photograph("firefox-orders")

	// Another structure is refused, with its page.
	f.visit(home + "?structure=1750712184")
	f.shows(".verdict", "ACCESS-STRUCTURE")
}
