package revocation

import (
	"bufio"
	"bytes"
	"context"
	"encoding/base64"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os/exec"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/crypto/ocsp"

	"github.com/igc-lab/igc/internal/peer"
)

// twoWays serves one publication with the lane and without.
type twoWays struct {
	lane, plain string       // addresses
	others      atomic.Int64 // requests that the lane left to net/http
	server      *http.Server // of the lane
}

func newTwoWays(t testing.TB, p *Publication, head, idle time.Duration) *twoWays {
	t.Helper()
	listen := func() net.Listener {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		return l
	}
	w := &twoWays{}
	short, long := p.lane(listen(), head, idle), listen()
	w.server = NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		w.others.Add(1)
		p.ServeHTTP(rw, r)
	}), quiet)
	go w.server.Serve(short)
	plain := NewServer(p, quiet)
	go plain.Serve(long)
	t.Cleanup(func() { w.server.Close(); plain.Close() })
	w.lane, w.plain = short.Addr().String(), long.Addr().String()
	return w
}

// heard is what a server answers to those bytes, each answer in a line: all but what may differ between two that are the same.
func heard(t testing.TB, address string, sent []byte) (answers []string) {
	t.Helper()
	c, err := net.Dial("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	c.SetDeadline(time.Now().Add(10 * time.Second))
	c.Write(sent)
	c.(*net.TCPConn).CloseWrite()
	in := bufio.NewReader(c)
	for {
		resp, err := http.ReadResponse(in, nil)
		if err != nil {
			return answers
		}
		body, _ := io.ReadAll(resp.Body)
		if resp.Header.Get("Content-Type") == responseType[0] {
			if _, err := http.ParseTime(resp.Header.Get("Date")); err != nil {
				t.Errorf("Date: %v", err)
			}
		}
		resp.Header.Del("Date")
		kind := fmt.Sprintf("%x", body)
		if resp.Header.Get("Cache-Control") == "no-store" && len(body) > 100 { // signed for one asker, by a key that signs no two alike
			resp.Header.Del("Content-Length")
			kind = fmt.Sprint("an answer: ", isAnswer(body))
		}
		answers = append(answers, fmt.Sprintln(resp.Status, resp.Header, kind))
	}
}

// Of whatever is sent, the lane makes what net/http makes; what OCSP clients send it answers itself.
func TestLane(t *testing.T) {
	l := newTestLab(t, 2)
	now := func() time.Time { return l.now }
	p := NewPublication(l.Lab, NewLists(l.Lab, now), NewResponder(l.Lab, now), quiet)
	w := newTwoWays(t, p, headerTimeout, idleTimeout)
	if _, err := l.Revoke(t.Context(), l.cards[1].Serial, "keyCompromise"); err != nil {
		t.Fatal(err)
	}
	good := requestOf(nil, [][]byte{l.certID(t, 0)}, nil, nil)
	gone := requestOf(nil, [][]byte{l.certID(t, 1)}, nil, nil)
	nonce := withNonce(t, good, nonceOf(32))
	get, post := string(getRequest(good)), string(postRequest(good))
	field := func(request, line string) string { return strings.Replace(request, "\r\n", "\r\n"+line+"\r\n", 1) }
	swap := func(request, old, new string) string {
		if !strings.Contains(request, old) {
			t.Fatalf("no %q in %q", old, request)
		}
		return strings.Replace(request, old, new, 1)
	}
	encoded := base64.StdEncoding.EncodeToString(good)
	for _, tc := range []struct {
		name, sent string
		others     int64 // how many of the requests are net/http's
	}{
		{"GET", get, 0},
		{"GET, revoked", string(getRequest(gone)), 0},
		{"GET with a nonce", string(getRequest(nonce)), 0},
		{"GET of /ocsp/", "GET /ocsp/" + encoded + " HTTP/1.1\r\nHost: localhost:8080\r\n\r\n", 0},
		{"GET, escaped throughout", "GET /ocsp/" + url.QueryEscape(encoded) + " HTTP/1.1\r\nHost: [::1]\r\n\r\n", 0},
		{"GET, two slashes", "GET /ocsp//" + encoded + " HTTP/1.1\r\nHost: x\r\n\r\n", 0},
		{"GET, two slashes and no path", "GET //" + encoded + " HTTP/1.1\r\nHost: x\r\n\r\n", 1},
		{"GET, no slash", "GET /ocsp" + encoded + " HTTP/1.1\r\nHost: x\r\n\r\n", 1},
		{"GET, escaped twice", "GET /ocsp/" + url.PathEscape(url.PathEscape(encoded)) + " HTTP/1.1\r\nHost: x\r\n\r\n", 0},
		{"GET, a slash behind", "GET /ocsp/" + encoded + "/ HTTP/1.1\r\nHost: x\r\n\r\n", 0},
		{"GET of slashes", "GET /ocsp/// HTTP/1.1\r\nHost: x\r\n\r\n", 0},
		{"GET of nonsense", "GET /ocsp/AAAA HTTP/1.1\r\nHost: x\r\n\r\n", 0},
		{"GET of what is not base64", "GET /ocsp/A%00 HTTP/1.1\r\nHost: x\r\n\r\n", 0},
		{"POST", post, 0},
		{"POST with a nonce", string(postRequest(nonce)), 0},
		{"POST without a path", swap(post, "/ocsp", "/"), 0},
		{"POST of nothing", string(postRequest(nil)), 0},
		{"POST of nonsense", string(postRequest([]byte("nonsense"))), 0},
		{"POST, names in other cases", swap(swap(post, "Content-Type", "content-type"), "Content-Length", "CONTENT-LENGTH"), 0},
		{"POST with what clients add", field(post, "User-Agent: x/1.0 (y)\r\nAccept: */*\r\nConnection: Keep-Alive\r\nPragma: no-cache"), 0},
		{"three together", get + post + get, 0},

		{"GET of /ocsp/ and no more", "GET /ocsp/ HTTP/1.1\r\nHost: x\r\n\r\n", 1},
		{"GET with a query", swap(get, " HTTP", "?x HTTP"), 1},
		{"GET, wrongly escaped", swap(get, "GET /M", "GET /M%zz"), 0}, // net/http's, which refuses it before the handler
		{"GET with a body", field(get, "Content-Length: 3") + "abc", 1},
		{"GET in HTTP/1.0", swap(get, "HTTP/1.1", "HTTP/1.0"), 1},
		{"GET in HTTP/2.0", swap(get, "HTTP/1.1", "HTTP/2.0"), 0},
		{"GET, spaces", swap(get, " HTTP", "  HTTP"), 0},
		{"GET without a host", "GET /MA HTTP/1.1\r\n\r\n", 0},
		{"GET with two hosts", field(get, "Host: x"), 0},
		{"GET with a bad host", swap(get, "localhost", "a/b c"), 0},
		{"GET with a cached answer", field(get, "If-None-Match: \"x\""), 1},
		{"GET, then to be closed", field(get, "Connection: close") + get, 1},
		{"GET, no colon", field(get, "Accept"), 0},
		{"GET, a folded field", field(get, "Accept: a\r\n b"), 1},
		{"GET, a space before the colon", field(get, "Accept : a"), 0},
		{"GET, a control character", field(get, "Accept: \x01"), 0},
		{"GET, lines without CR", "GET /M HTTP/1.1\nHost: x\n\n", 1},
		{"HEAD", swap(get, "GET", "HEAD"), 1},
		{"POST in chunks", "POST /ocsp HTTP/1.1\r\nHost: x\r\nContent-Type: application/ocsp-request\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n0\r\n\r\n", 1},
		{"POST with two lengths", field(post, "Content-Length: 1"), 0},
		{"POST with a negative length", "POST /ocsp HTTP/1.1\r\nHost: x\r\nContent-Type: application/ocsp-request\r\nContent-Length: -1\r\n\r\n", 0},
		{"POST without a length", "POST /ocsp HTTP/1.1\r\nHost: x\r\nContent-Type: application/ocsp-request\r\n\r\n", 1},
		{"POST of another type", swap(post, "ocsp-request", "ocsp"), 1},
		{"POST of a type with a parameter", swap(post, "ocsp-request", "ocsp-request; x=y"), 1},
		{"POST that asks to go on", field(post, "Expect: 100-continue"), 1},
		{"POST with a slash behind", swap(post, "/ocsp", "/ocsp/"), 1},
		{"POST with two slashes", swap(post, "/ocsp", "//ocsp"), 1},
		{"POST elsewhere", swap(post, "/ocsp", "/elsewhere"), 1},
		{"POST too large for the lane", string(postRequest(make([]byte, laneRoom))), 1},
		{"POST too large", string(postRequest(make([]byte, 2*maxRequest))), 1},
		{"a field too large for the lane", field(get, "Accept: "+strings.Repeat("a", 2*laneRoom)), 1},
		{"half a head", get[:len(get)-2], 0},
		{"half a body", post[:len(post)-2], 1},
		{"a CRL", "GET /CRL/ACI-FO-PP-TEST.crl HTTP/1.1\r\nHost: x\r\n\r\n", 1},
		{"OCSP, then a CRL, then OCSP", get + "GET /CRL/ACI-FO-PP-TEST.crl HTTP/1.1\r\nHost: x\r\n\r\n" + get, 2},
		{"nothing", "", 0},
		{"not HTTP", "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", 0},
	} {
		t.Run(tc.name, func(t *testing.T) {
			want := heard(t, w.plain, []byte(tc.sent))
			before := w.others.Load()
			got := heard(t, w.lane, []byte(tc.sent))
			if strings.Join(got, "\n") != strings.Join(want, "\n") {
				t.Errorf("the lane answers\n%.600q\nnet/http\n%.600q", got, want)
			}
			if n := w.others.Load() - before; n != tc.others {
				t.Errorf("%d requests went to net/http, want %d", n, tc.others)
			}
			if strings.HasPrefix(tc.name, "GET, revoked") && len(got) != 1 {
				t.Errorf("%d answers", len(got))
			}
		})
	}
}

// Clients that people use go by the lane, also when they write head and body of a request apart.
func TestLaneClients(t *testing.T) {
	l := newTestLab(t, 1)
	now := func() time.Time { return l.now }
	w := newTwoWays(t, NewPublication(l.Lab, NewLists(l.Lab, now), NewResponder(l.Lab, now), quiet), headerTimeout, idleTimeout)
	request := requestOf(nil, [][]byte{l.certID(t, 0)}, nil, nil)
	good := func(name string, der []byte, err error) {
		t.Helper()
		if err != nil {
			t.Errorf("%s: %v", name, err)
		} else if a, err := ocsp.ParseResponse(der, nil); err != nil || a.Status != ocsp.Good {
			t.Errorf("%s: %v, %v", name, a, err)
		}
	}
	for range 3 {
		_, got := ask(t, "POST", "http://"+w.lane+"/ocsp", bytes.NewReader(request), "Content-Type", requestType)
		good("Go, POST", got, nil)
		_, got = ask(t, "GET", "http://"+w.lane+"/"+url.PathEscape(base64.StdEncoding.EncodeToString(request)), nil)
		good("Go, GET", got, nil)
	}
	curl := exec.Command(peer.Need(t, "curl"), "-sS", "--data-binary", "@-", "-H", "Content-Type: "+requestType, "http://"+w.lane+"/ocsp")
	curl.Stdin = bytes.NewReader(request)
	der, err := curl.Output()
	good("curl", der, err)

	c, err := net.Dial("tcp", w.lane)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	in := bufio.NewReader(c)
	for range 2 {
		for _, part := range bytes.SplitAfter(postRequest(request), []byte("\r\n")) {
			c.Write(part)
			time.Sleep(time.Millisecond)
		}
		resp, err := http.ReadResponse(in, nil)
		if err != nil {
			t.Fatal(err)
		}
		der, err := io.ReadAll(resp.Body)
		good("in pieces", der, err)
	}
	if n := w.others.Load(); n != 0 {
		t.Errorf("%d requests went to net/http", n)
	}
}

// Who says nothing, or half of a request, is let go in the time that net/http would give.
func TestLanePatience(t *testing.T) {
	l := newTestLab(t, 1)
	request := postRequest(requestOf(nil, [][]byte{l.certID(t, 0)}, nil, nil))
	p := NewPublication(l.Lab, NewLists(l.Lab, time.Now), NewResponder(l.Lab, time.Now), quiet)
	for name, sent := range map[string][]byte{"nothing": nil, "half a request": request[:30], "one, and half of another": append(bytes.Clone(request), request[:30]...),
		"one": request} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := newTwoWays(t, p, 100*time.Millisecond, 200*time.Millisecond)
			c, err := net.Dial("tcp", w.lane)
			if err != nil {
				t.Fatal(err)
			}
			defer c.Close()
			c.SetReadDeadline(time.Now().Add(20 * time.Second))
			c.Write(sent)
			got, err := io.ReadAll(c)
			if err != nil || bytes.Count(got, []byte("HTTP/1.1 200 OK")) != bytes.Count(sent, []byte("\r\n\r\n")) {
				t.Errorf("%q, %v", got, err)
			}
		})
	}
}

// A connection that has asked may wait longer for its next request than for the head of one.
func TestLaneIdle(t *testing.T) {
	l := newTestLab(t, 0)
	w := newTwoWays(t, NewPublication(l.Lab, NewLists(l.Lab, time.Now), NewResponder(l.Lab, time.Now), quiet), 200*time.Millisecond, time.Minute)
	c, err := net.Dial("tcp", w.lane)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	in := bufio.NewReader(c)
	for i := range 2 {
		c.Write(postRequest([]byte("nonsense")))
		resp, err := http.ReadResponse(in, nil)
		if err != nil {
			t.Fatalf("request %d: %v", i, err)
		}
		io.Copy(io.Discard, resp.Body)
		time.Sleep(500 * time.Millisecond)
	}
}

// A server that is stopped answers what it was asked, then closes: also connections that wait for their next request.
func TestLaneStops(t *testing.T) {
	l := newTestLab(t, 2)
	r, slow := slowResponder(t, l)
	w := newTwoWays(t, NewPublication(l.Lab, NewLists(l.Lab, time.Now), r, quiet), headerTimeout, idleTimeout)
	dial := func() net.Conn {
		c, err := net.Dial("tcp", w.lane)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { c.Close() })
		c.SetDeadline(time.Now().Add(20 * time.Second))
		return c
	}
	silent, idle, busy := dial(), dial(), dial()
	idle.Write(postRequest([]byte("nonsense")))
	if _, err := io.ReadFull(idle, make([]byte, 20)); err != nil {
		t.Fatal(err)
	}
	busy.Write(getRequest(requestOf(nil, [][]byte{l.certID(t, 0)}, nil, nil)))
	<-slow.begun
	stopped := make(chan error)
	go func() { stopped <- w.server.Shutdown(context.Background()) }()
	for _, c := range []net.Conn{silent, idle} {
		if _, err := io.ReadAll(c); err != nil {
			t.Errorf("a connection that waits: %v", err)
		}
	}
	if c, err := net.Dial("tcp", w.lane); err == nil {
		c.Close()
		t.Error("a connection was taken after the stop")
	}
	slow.sign <- nil
	got, err := io.ReadAll(busy)
	if err != nil || !bytes.HasPrefix(got, []byte("HTTP/1.1 200 OK")) {
		t.Errorf("the answer under way: %.40q, %v", got, err)
	}
	if err := <-stopped; err != nil {
		t.Error(err)
	}
}

// A panic under way ends its connection, and no other.
func TestLaneSurvives(t *testing.T) {
	l := newTestLab(t, 2)
	r, slow := slowResponder(t, l)
	w := newTwoWays(t, NewPublication(l.Lab, NewLists(l.Lab, time.Now), r, quiet), headerTimeout, idleTimeout)
	close(slow.begun) // the next to sign panics
	request := getRequest(requestOf(nil, [][]byte{l.certID(t, 0)}, nil, nil))
	if got := heard(t, w.lane, request); len(got) != 0 {
		t.Errorf("%q", got)
	}
	if got := heard(t, w.lane, postRequest([]byte("nonsense"))); len(got) != 1 {
		t.Errorf("after the panic: %q", got)
	}
}

// Whatever bytes come, the lane and net/http answer the same.
func FuzzLane(f *testing.F) {
	l := newTestLab(f, 1)
	now := func() time.Time { return l.now }
	w := newTwoWays(f, NewPublication(l.Lab, NewLists(l.Lab, now), NewResponder(l.Lab, now), quiet), headerTimeout, idleTimeout)
	good := requestOf(nil, [][]byte{l.certID(f, 0)}, nil, nil)
	get, post := getRequest(good), postRequest(good)
	slashes := base64.StdEncoding.EncodeToString(withNonce(f, good, element(4, bytes.Repeat([]byte{0xff}, 9))))
	for _, path := range []string{"//" + slashes, "/ocsp//" + mergeSlashes(slashes), "/ocsp" + url.PathEscape(slashes)} {
		f.Add([]byte("GET " + path + " HTTP/1.1\r\nHost: x\r\n\r\n"))
	}
	for _, seed := range [][]byte{get, post, append(bytes.Clone(get), post...), post[:60], bytes.Replace(post, []byte("\r\n"), []byte("\r\nAccept: a, b\r\n"), 1)} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, sent []byte) {
		want, got := heard(t, w.plain, sent), heard(t, w.lane, sent)
		if strings.Join(got, "\n") != strings.Join(want, "\n") {
			t.Errorf("the lane answers\n%.600q\nnet/http\n%.600q", got, want)
		}
	})
}
