package crash

import (
	"crypto/tls"
	"fmt"
	"html"
	"io"
	"math/rand/v2"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	pkcs12 "software.sslmate.com/src/go-pkcs12"

	"github.com/igc-lab/igc/internal/labtest"
)

// orderForm is somebody at the pages of the ordering platform.
type orderForm struct {
	client *http.Client
	desk   string // address of the pages
}

var formToken = regexp.MustCompile(`name="jeton" value="([^"]+)"`)

// get reads a page; err is that the server is dead.
func (f orderForm) get(path string) (status int, body string, err error) {
	r, err := f.client.Get(f.desk + path)
	if err != nil {
		return 0, "", err
	}
	defer r.Body.Close()
	data, err := io.ReadAll(r.Body)
	return r.StatusCode, string(data), err
}

// post sends a form of a page. It returns the address of the page that it led to.
func (f orderForm) post(page, path string, fields url.Values) (status int, at, body string, err error) {
	_, form, err := f.get(page)
	if err != nil {
		return 0, "", "", err
	}
	found := formToken.FindStringSubmatch(form)
	if found == nil {
		return 0, "", form, nil
	}
	fields.Set("jeton", found[1])
	r, err := f.client.PostForm(f.desk+path, fields)
	if err != nil {
		return 0, "", "", err
	}
	defer r.Body.Close()
	data, err := io.ReadAll(r.Body)
	return r.StatusCode, r.Request.URL.Path, string(data), err
}

const (
	withdrawPassword = "cheval correct"
	withdrawCode     = "code-de-revocation"
)

func (f orderForm) place() (number string, err error) {
	ask := "demander?offre=ORG&usage=AUTH_CLI"
	status, at, body, err := f.post(ask, ask, url.Values{"structure": {"10B0057881"}, "organisation": {"HOPITAL TEST"},
		"department": {"Paris (75)"}, "service": {"DMP"}, "password": {withdrawPassword}})
	if err == nil && status != 200 {
		err = fmt.Errorf("%d: %.400s", status, body)
	}
	return at[strings.LastIndexByte(at, '/')+1:], err
}

// step does the next step of an order: withdrawal, or the download, which gives the PKCS#12.
func (f orderForm) step(number string) (p12, state string, err error) {
	_, page, err := f.get(number)
	if err != nil {
		return "", "", err
	}
	switch {
	case strings.Contains(page, number+`/retirer"`):
		_, _, _, err = f.post(number, number+"/retirer", url.Values{"code": {withdrawCode}, "code2": {withdrawCode},
			"conditions": {"on"}, "password": {withdrawPassword}})
		return "", "to be withdrawn", err
	case strings.Contains(page, number+`/telecharger"`):
		status, _, body, err := f.post(number, number+"/telecharger", url.Values{"role": {"client"}, "form": {"modern"},
			"password": {withdrawPassword}})
		if err != nil || status != 200 {
			return "", "to be downloaded", err
		}
		return body, "downloaded", nil
	case strings.Contains(page, "remis le"):
		return "", "handed out", nil
	}
	return "", "", fmt.Errorf("order %s: %.600s", number, page)
}

// kill -9 of igc serve at random moments of withdrawals: no certificate is without an order, no
// PKCS#12 is handed out twice, and none is lost to its owner: the order can be withdrawn or
// downloaded, or the certificate is revoked and another one drawn.
func TestKillWithdraw(t *testing.T) {
	kills := killsWanted(t, 4)
	l := labtest.New(t, "--key", "p256", "--gamme", "EL")
	client := &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true},
		// a lab's own
		DisableKeepAlives: true}, Timeout: 30 * time.Second}
	var mu sync.Mutex
	placed := map[string]bool{}   // orders that were acknowledged
	handed := map[string]string{} // serial of a PKCS#12 that arrived, by order
	figures := map[string]int{}
	use := func(f orderForm, number string) bool {
		p12, state, err := f.step(number)
		mu.Lock()
		defer mu.Unlock()
		if err != nil {
			return false
		}
		figures[state]++
		if p12 == "" {
			return true
		}
		_, cert, _, err := pkcs12.DecodeChain([]byte(p12), withdrawPassword)
		if err != nil {
			t.Errorf("the PKCS#12 of %s: %v", number, err)
			return true
		}
		if before := handed[number]; before != "" {
			t.Errorf("%s was handed out twice: %s, %X", number, before, cert.SerialNumber)
		}
		handed[number] = fmt.Sprintf("%X", cert.SerialNumber)
		return true
	}
	unfinished := func() string {
		mu.Lock()
		defer mu.Unlock()
		for number := range placed {
			if handed[number] == "" {
				return number
			}
		}
		return ""
	}
	took := lifeOf(t, l, client)
	for killed := 0; killed < kills; killed++ {
		s := l.Serve()
		f := orderForm{client, s.URLs["desk"] + "commandes/"}
		var workers sync.WaitGroup
		for range 3 {
			workers.Go(func() {
				for {
					number, err := f.place()
					if err != nil {
						return
					}
					mu.Lock()
					placed[number] = true
					mu.Unlock()
					if withdrawn := use(f, number); !withdrawn || !use(f, number) {
						return
					}
					if left := unfinished(); left != "" && !use(f, left) { // of a server before this one
						return
					}
				}
			})
		}
		time.Sleep(time.Duration(rand.Int64N(int64(3 * took)))) // three work at once, on what may be one core
		s.Cmd.Process.Kill()
		s.Cmd.Wait()
		workers.Wait()
	}
	s := l.Serve()
	f := orderForm{client, s.URLs["desk"] + "commandes/"}
	redrawn := 0
	for number := range placed {
		for range 5 {
			if handed[number] != "" {
				break
			}
			_, page, err := f.get(number)
			if err != nil {
				t.Fatal(err)
			}
			if strings.Contains(page, "remis le") { // and it never arrived
				redrawn++
				if status, _, body, err := f.post(number, number+"/refaire",
					url.Values{"code": {withdrawCode}}); err != nil ||
					status != 200 {
					t.Fatalf("%d, %v: %.600s", status, err, body)
				}
			}
			use(f, number)
		}
		if handed[number] == "" {
			t.Errorf("the PKCS#12 of %s is lost to its owner", number)
		}
	}
	// Every certificate that is good is in an order, those of answers that were cut too.
	known := map[string]bool{}
	orders := 0
	for path := "?"; path != ""; {
		_, page, err := f.get(path)
		if err != nil {
			t.Fatal(err)
		}
		for _, number := range slices.Compact(orderNumbers.FindAllString(page, -1)) { // its link, and its text
			orders++
			_, one, err := f.get(number)
			if err != nil {
				t.Fatal(err)
			}
			for _, serial := range serials.FindAllStringSubmatch(one, -1) {
				known[serial[1]] = true
			}
		}
		next := nextPage.FindStringSubmatch(page)
		if path = ""; next != nil {
			path = html.UnescapeString(next[1])
		}
	}
	certificates := 0
	for serial, r := range l.List() {
		if strings.HasPrefix(r.Profile, "auth-cli/") && r.Status == "good" {
			if certificates++; !known[serial] {
				t.Errorf("certificate %s is of no order", serial)
			}
		}
	}
	if certificates > orders || len(placed) > orders {
		t.Errorf("%d certificates and %d acknowledged orders, %d orders", certificates, len(placed), orders)
	}
	t.Logf("%d kills, %d orders of which %d were acknowledged, %d certificates, %d PKCS#12, %d drawn again; %v", kills,
		orders, len(placed), certificates, len(handed), redrawn, figures)
	if len(handed) < kills/2 || figures["to be withdrawn"] == 0 {
		t.Errorf("%d PKCS#12: the test saw nothing", len(handed))
	}
}

// lifeOf is how long an order takes from the request to the PKCS#12 on this machine now.
func lifeOf(t *testing.T, l *labtest.Lab, client *http.Client) time.Duration {
	t.Helper()
	s := l.Serve()
	f := orderForm{client, s.URLs["desk"] + "commandes/"}
	start := time.Now()
	number, err := f.place()
	for range 2 {
		if err == nil {
			_, _, err = f.step(number)
		}
	}
	took := time.Since(start)
	if err != nil {
		t.Fatal(err)
	}
	s.Stop(t)
	return took
}

var (
	orderNumbers = regexp.MustCompile(`CMD-\d{8}-\d{6}-[0-9A-Z]{6}`)
	serials      = regexp.MustCompile(`<code>([0-9A-F]{20,40})</code>`)
	nextPage     = regexp.MustCompile(`<a href="/commandes/([^"]+)" rel="next"`)
)
