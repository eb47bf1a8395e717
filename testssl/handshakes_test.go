package testssl

import (
	"bufio"
	"bytes"
	"crypto/tls"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/igc-lab/igc/internal/labtest"
	"github.com/igc-lab/igc/internal/web"
)

// lockedBuffer is a log that a test reads while it is written.
type lockedBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *lockedBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *lockedBuffer) nextLine() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	defer l.b.Reset()
	return l.b.String()
}

// Every handshake has one line in the log, with port, holder and code: accepted and refused ones,
// with a request or without; several requests of a connection have one.
func TestHandshakeLog(t *testing.T) {
	s := newSite(t)
	log := &lockedBuffer{}
	s.server.log = slog.New(slog.NewTextHandler(log, nil))
	good := issue(t, s.lab, time.Time{})["authentication"]
	expired := issue(t, s.lab, s.now().AddDate(-4, 0, 0))["authentication"]
	revoked := issue(t, s.lab, time.Time{})["authentication"]
	if _, err := s.lab.Revoke(t.Context(), serial(t, revoked), "keyCompromise"); err != nil {
		t.Fatal(err)
	}
	garbage := &tls.Certificate{Certificate: [][]byte{{0x30, 3, 1, 2, 3}}, PrivateKey: good.PrivateKey}
	kept := 0
	const alain = `"ALAIN DODO0020981"`
	for _, tc := range []struct {
		mode         Mode
		card         *tls.Certificate
		holder, code string
	}{
		{Default, good, alain, "OK"}, {TLS13, good, alain, "OK"}, {AnyCA, good, alain, "OK"}, {Strict, good,
			alain, "OK"},
		{Default, expired, alain, "DATE-EXPIRED"}, {Strict, expired, alain, "DATE-EXPIRED"},
		{Default, revoked, alain, "REV-CRL-REVOKED"}, {Strict, revoked, alain, "REV-CRL-REVOKED"},
		{Default, nil, `""`, "TLS-NOCERT"}, {Strict, nil, `""`, "TLS-NOCERT"},
		{AnyCA, selfSigned(t, s.now()), `"CN=<script>alert(1)</script>"`, "CHAIN-UNKNOWN-ROOT"},
		{Strict, selfSigned(t, s.now()), `"CN=<script>alert(1)</script>"`, "CHAIN-UNKNOWN-ROOT"},
		{Default, garbage, `""`, "TLS-REFUSED"},
	} {
		for _, requests := range []int{0, 1, 3} {
			client := s.client(tc.card)
			if requests == 0 {
				conn, err := tls.Dial("tcp", strings.TrimSuffix(strings.TrimPrefix(s.urls[tc.mode.Name],
					"https://"), "/"), client.Transport.(*http.Transport).TLSClientConfig)
				if err == nil {
					conn.Close()
				}
			}
			for range requests {
				resp, err := client.Get(s.urls[tc.mode.Name] + "api/v1/card")
				if err != nil {
					break
				}
				io.Copy(io.Discard, resp.Body)
				resp.Body.Close()
			}
			client.CloseIdleConnections()
			port := web.Port(strings.TrimSuffix(strings.TrimPrefix(s.urls[tc.mode.Name], "https://"), "/"))
			line := regexp.MustCompile(
				`^time=\S+ level=INFO msg=handshake port=` + port + ` holder=` + regexp.QuoteMeta(
					tc.holder,
				) + ` code=` + tc.code + `( err=.*)?\n$`,
			)
			var have string
			for deadline := time.Now().Add(labtest.Patience); have == "" &&
				time.Now().Before(deadline); time.Sleep(10 * time.Millisecond) {
				have = log.nextLine()
			}
			time.Sleep(50 * time.Millisecond) // a second line would come now
			if have += log.nextLine(); !line.MatchString(have) {
				t.Errorf("%s, %s, %d requests: %q", tc.mode.Name, tc.code, requests, have)
			}
			all, _ := s.server.Handshakes(kept)
			switch looked := tc.mode.Name == Default.Name && tc.card == nil && requests == 0; {
			case looked && len(all) != 0:
				t.Errorf("who only looked at the server is kept: %+v", all)
			case !looked && (len(all) != 1 || string(all[0].Code) != tc.code || all[0].Port != port ||
				`"`+all[0].Holder+`"` != tc.holder || (all[0].Report == nil) != (tc.code == "TLS-REFUSED")):
				t.Errorf("%s, %s, %d requests: kept %+v", tc.mode.Name, tc.code, requests, all)
			}
			kept += len(all)
		}
	}
}

// HTTP without TLS on a TLS port is answered: a browser by a page that links to HTTPS, other
// programs by a line.
func TestPlainHTTP(t *testing.T) {
	s := newSite(t)
	for _, m := range Modes {
		address := strings.TrimSuffix(strings.TrimPrefix(s.urls[m.Name], "https://"), "/")
		for _, tc := range []struct{ request, want string }{
			{"GET / HTTP/1.1\r\nHost: x\r\nAccept: text/html\r\n\r\n", `<a href="` + s.urls[m.Name] + `">`},
			{"GET /codes?lang=en HTTP/1.1\r\nHost: evil\r\nAccept: text/html\r\n\r\n", "This port speaks HTTPS"},
			{"GET / HTTP/1.0\r\n\r\n", "This port speaks HTTPS: " + s.urls[m.Name]},
			{"POST /x HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\nabc", "Ce port parle HTTPS"},
			{"HEAD / HTTP/1.1\r\nHost: x\r\n\r\n", ""},
		} {
			conn, err := net.Dial("tcp", address)
			if err != nil {
				t.Fatal(err)
			}
			fmt.Fprint(conn, tc.request)
			r, _ := http.NewRequest(strings.Fields(tc.request)[0], "http://x/", nil)
			resp, err := http.ReadResponse(bufio.NewReader(conn), r)
			if err != nil {
				t.Fatalf("%s, %q: %v", m.Name, tc.request, err)
			}
			body, err := io.ReadAll(resp.Body)
			if err != nil || resp.StatusCode != http.StatusBadRequest || !strings.Contains(string(body),
				tc.want) || !resp.Close {
				t.Errorf("%s, %q: %s, %v, %.200s", m.Name, tc.request, resp.Status, err, body)
			}
			conn.Close()
		}
		for _, bytes := range []string{"G", "GARBAGE\r\n\r\n", "GET / HTTP/1.1\r\n" + strings.Repeat("X", 100_000)} { // no answer, and no harm
			conn, err := net.Dial("tcp", address)
			if err != nil {
				t.Fatal(err)
			}
			fmt.Fprint(conn, bytes)
			conn.Close()
		}
	}
}

// An address without a page is answered by one, with a link, on both kinds of ports; programs get a
// line. The publication's own answers stay.
func TestNotFound(t *testing.T) {
	s := newSite(t)
	browse := func(client *http.Client, url, accept string) (int, string) {
		r, err := http.NewRequest(http.MethodGet, url, nil)
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Accept", accept)
		resp, err := client.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		body, err := io.ReadAll(resp.Body)
		if err != nil {
			t.Fatal(err)
		}
		return resp.StatusCode, string(body)
	}
	client := s.client(nil)
	for _, url := range []string{s.urls[Default.Name] + "nothing", s.urls[AnyCA.Name] + "a/b/c",
		s.urls[TLS13.Name] + "index.php", s.plain + "/nothing",
		s.plain + "/cards/none/chain.pem", s.plain + "/fixtures/none/x.p12", s.plain + "/codes/x", s.plain + "/CRL/none.crl", s.plain + "/favicon.ico"} {
		if status, body := browse(client, url, "text/html,*/*"); status != http.StatusNotFound ||
			!strings.Contains(body, `<a href="/">`) {
			t.Errorf("%s: %d, %.100s", url, status, body)
		}
		if status, body := browse(client, url, "*/*"); status != http.StatusNotFound || strings.Contains(body, "<") {
			t.Errorf("%s, to a program: %d, %.100s", url, status, body)
		}
	}
	if status, body := browse(client, s.plain+"/CRL/ACI-EL-ORG-TEST.crl", "text/html"); status != http.StatusOK ||
		body == "" {
		t.Errorf("a CRL, to a browser: %d", status)
	}
}

// The page of a refused card begins with what failed, and the command that helps; what is good is
// folded.
func TestFailedFirst(t *testing.T) {
	s := newSite(t)
	card := issue(t, s.lab, time.Time{})
	if _, err := s.lab.Revoke(t.Context(), serial(t, card["authentication"]), "keyCompromise"); err != nil {
		t.Fatal(err)
	}
	_, page := s.get(t, Default.Name, "?lang=en", card["authentication"])
	at := -1
	for _, words := range []string{`id="verdict"`, `Permanent. New card: <code class="command">igc renew 2`, `<li class="bad" id="crl"`, "<details><summary>The other checks: 6 good</summary>",
		`<li class="good" id="chain"`, `<table class="screen"`, "as on the ANS screen", "What your application receives"} {
		i := strings.Index(page, words)
		if i <= at {
			t.Errorf("%q is at %d, after %d", words, i, at)
		}
		at = i
	}
}

// The page of a card of the lab leads to its page in the console, and that of another does not.
func TestOpenInConsole(t *testing.T) {
	s := newSite(t)
	card := issue(t, s.lab, time.Time{})
	if _, page := s.get(t, Default.Name, "", card["authentication"]); strings.Contains(page, "/console/") {
		t.Error("there is no console, and the page leads to it")
	}
	s.server.SetConsole("https://localhost:8454/console/")
	link := regexp.MustCompile(`href="https://localhost:8454/console/cartes/2\d{9}\?lang=en">Open in console`)
	if _, page := s.get(t, Default.Name, "?lang=en", card["authentication"]); !link.MatchString(page) {
		t.Errorf("no link to the console: %s", page)
	}
	_, page := s.get(t, AnyCA.Name, "?lang=en", selfSigned(t, s.now()))
	if strings.Contains(page, "console/cartes/") || !strings.Contains(page, `href="https://localhost:8454/console/`) {
		t.Errorf("another's card: %s", page)
	}
}
