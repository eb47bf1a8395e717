package testssl

import (
	"bufio"
	"crypto/tls"
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/igc-lab/igc/ca"
	"github.com/igc-lab/igc/verify"
)

// line follows the live line of a card, until the test ends. Its events arrive on the channel,
// which is closed when the server ends it.
func (s *site) line(t testing.TB, c *tls.Certificate) (*http.Response, <-chan statusEvent) {
	t.Helper()
	client := s.client(c)
	resp, err := client.Get(s.urls[Default.Name] + "events")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		resp.Body.Close()
		client.CloseIdleConnections()
	})
	received := make(chan statusEvent, 10)
	go func() {
		defer close(received)
		for scan := bufio.NewScanner(resp.Body); scan.Scan(); {
			if data, ok := strings.CutPrefix(scan.Text(), "data: "); ok {
				var e statusEvent
				if json.Unmarshal([]byte(data), &e) == nil {
					received <- e
				}
			}
		}
	}()
	return resp, received
}

// A change is sent to the page of that card, at once, and to no other.
func TestLiveLine(t *testing.T) {
	s := newSite(t)
	card, other := issue(t, s.lab, time.Time{})["authentication"], issue(t, s.lab, time.Time{})
	resp, received := s.line(t, card)
	_, elsewhere := s.line(t, other["authentication"])
	if kind := resp.Header.Get("Content-Type"); resp.StatusCode != http.StatusOK || kind != "text/event-stream" {
		t.Fatalf("%s, %s", resp.Status, kind)
	}
	next := func() statusEvent {
		t.Helper()
		select {
		case e := <-received:
			return e
		case <-time.After(10 * time.Second):
			t.Fatal("nothing is received")
		}
		return statusEvent{}
	}
	if _, err := s.lab.Revoke(t.Context(), serial(t, other["signature"]), "superseded"); err != nil { // the same holder's
		t.Fatal(err)
	}
	if _, err := s.lab.Revoke(t.Context(), serial(t, card), "certificateHold"); err != nil {
		t.Fatal(err)
	}
	if e := next(); e.Verdict != "REV-CRL-HOLD" || e.OK || e.FR == "" || e.EN == "" {
		t.Errorf("received %+v", e)
	}
	if _, err := s.lab.SetStatus(t.Context(), ca.StatusChange{Serial: serial(t, card), Release: true}); err != nil {
		t.Fatal(err)
	}
	if e := next(); e.Verdict != verify.OK || !e.OK {
		t.Errorf("received %+v", e)
	}
	select {
	case e := <-received:
		t.Errorf("received another's: %+v", e)
	case e := <-elsewhere:
		t.Errorf("received a second event: %+v", e)
	case <-time.After(200 * time.Millisecond):
	}
}

// Live lines are bounded, end with their visitors and with the server, and are not for who has
// nothing to watch.
func TestLiveLineBounds(t *testing.T) {
	s := newSite(t)
	c := issue(t, s.lab, time.Time{})["authentication"]
	for name, visitor := range map[string]*tls.Certificate{"nobody": nil, "an unknown issuer": selfSigned(t, s.now())} {
		if resp, _ := s.line(t, visitor); resp.StatusCode != http.StatusNoContent {
			t.Errorf("%s: %s", name, resp.Status)
		}
	}
	resp, received := s.line(t, c)
	for range maxWatchers - 1 {
		if !s.server.events.join(&watcher{}) {
			t.Fatal("full too early")
		}
	}
	if full, _ := s.line(t, c); full.StatusCode != http.StatusServiceUnavailable {
		t.Errorf("one too many: %s", full.Status)
	}
	resp.Body.Close()
	for start := time.Now(); ; time.Sleep(10 * time.Millisecond) {
		s.server.events.mu.Lock()
		n := len(s.server.events.watchers)
		s.server.events.mu.Unlock()
		if n == maxWatchers-1 {
			break
		}
		if time.Since(start) > 10*time.Second {
			t.Fatal("a visitor who left is still watched for")
		}
	}
	for range received {
	}
	_, received = s.line(t, c)
	go s.https[Default.Name].Shutdown(t.Context())
	select {
	case _, open := <-received:
		if open {
			t.Error("received an event from a server that stops")
		}
	case <-time.After(10 * time.Second):
		t.Error("a live line outlives its server")
	}
}
