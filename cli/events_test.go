package cli

import (
	"bufio"
	"crypto/tls"
	"html"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/igc-lab/igc/internal/labtest"
	"github.com/igc-lab/igc/internal/postgrestest"
)

// eventsOf opens a page's live events (server-sent events). The channel has their names.
func eventsOf(t *testing.T, client *http.Client, address string) <-chan string {
	t.Helper()
	resp, err := client.Get(address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { resp.Body.Close() })
	if kind := resp.Header.Get("Content-Type"); kind != "text/event-stream" {
		t.Fatalf("%s: %s, %q", address, resp.Status, kind)
	}
	names := make(chan string, 100)
	go func() {
		defer close(names)
		for scan := bufio.NewScanner(resp.Body); scan.Scan(); {
			if name, ok := strings.CutPrefix(scan.Text(), "event: "); ok {
				names <- name
			}
		}
	}()
	return names
}

// liveAddress is where a page of a server says that its events are.
func liveAddress(t *testing.T, server, path string) string {
	t.Helper()
	_, _, page := get(t, server, path)
	m := regexp.MustCompile(`data-events="([^"]+)"`).FindStringSubmatch(page)
	base, err := url.Parse(server)
	if m == nil || err != nil {
		t.Fatalf("%s has no live events, %v", path, err)
	}
	at, err := base.Parse(html.UnescapeString(m[1]))
	if err != nil {
		t.Fatal(err)
	}
	return at.String()
}

// What happens on one node of a lab reaches the pages that are open on another: a login request its
// phone pages and the console, a revocation the page of TestSSL.
func TestEventsOfTwoNodes(t *testing.T) {
	database := postgrestest.Database(t)
	l := labtest.New(t, "--key", "p256", "--store", database)
	card := l.Issue("--fixture", "alain")
	l.Must("ecps", "activate", "899700209812", "--pin", "1234")
	l.Must("psc", "client", "add", "lgc", "--redirect", "http://localhost:3000/cb")
	other := newNode(t, l)
	l.Serve()
	second := other.Serve()
	transport := &http.Transport{TLSClientConfig: &tls.Config{InsecureSkipVerify: true,
		Certificates: []tls.Certificate{keyPair(t, card.File("authentication.p12"))}}}
	t.Cleanup(transport.CloseIdleConnections)
	client := &http.Client{Transport: transport}
	desk := second.URLs["desk"]
	pages := map[string]<-chan string{
		"phones":  eventsOf(t, client, liveAddress(t, desk, "/telephone/")),
		"console": eventsOf(t, client, liveAddress(t, desk, "/console/")),
	}
	testSSL := eventsOf(t, client, strings.TrimSuffix(second.URLs["testssl"], "/")+"/events")
	within := func(what string, events <-chan string, name string) {
		t.Helper()
		start := time.Now()
		select {
		case got := <-events:
			if got != name {
				t.Errorf("%s: %q, want %q", what, got, name)
			}
			t.Logf("%s: after %s", what, time.Since(start).Round(time.Millisecond))
		case <-time.After(20 * time.Second):
			t.Errorf("%s: no event", what)
		}
	}
	login := make(chan error, 1)
	go func() {
		_, _, err := l.Run("psc", "login", "--client", "lgc", "--as", "899700209812", "--mode", "ecps")
		login <- err
	}()
	for name, events := range pages {
		within("a login request on one node, "+name+" of the other", events, "changed")
	}
	other.Must("ecps", "approve", "899700209812")
	if err := <-login; err != nil {
		t.Errorf("approved on the other node: %v", err)
	}
	l.Must("revoke", card.Certificates[0].Serial, "--reason", "keyCompromise")
	within("a revocation on one node, TestSSL of the other", testSSL, "status")
}
