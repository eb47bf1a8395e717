package ocsp

import (
	"bufio"
	"bytes"
	"encoding/base64"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strconv"
	"strings"
	"testing"
	"time"

	xocsp "golang.org/x/crypto/ocsp"

	"github.com/igc-lab/igc/internal/labtest"
)

// exchange sends bytes to a server, closes the sending half of the connection, and reads what comes
// back: a line for each response, with its code and, for OCSP, the status of the certificate or of
// the refusal.
func exchange(t testing.TB, address string, sent []byte) string {
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
	method := http.MethodGet
	if bytes.HasPrefix(sent, []byte("HEAD")) {
		method = http.MethodHead
	}
	var responses []string
	for {
		resp, err := http.ReadResponse(in, &http.Request{Method: method})
		if err != nil {
			return strings.Join(responses, ", ")
		}
		body, err := io.ReadAll(resp.Body)
		if err != nil {
			t.Errorf("body: %v", err)
		}
		if _, err := http.ParseTime(resp.Header.Get("Date")); err != nil && resp.StatusCode == http.StatusOK {
			t.Errorf("Date: %v", err)
		}
		line := strconv.Itoa(resp.StatusCode)
		if resp.Header.Get("Content-Type") == responseType[0] && len(body) > 0 {
			if a, err := xocsp.ParseResponse(body, nil); err != nil {
				line += " " + strings.TrimPrefix(err.Error(), "ocsp: error from server: ")
			} else {
				line += " " + []string{"good", "revoked", "unknown"}[a.Status]
			}
		}
		responses = append(responses, line)
	}
}

// What goes over the wire as OCSP clients, old and new, write it; and what no client should send.
// The client's sending half is closed before the answer comes.
func TestOCSPOnTheWire(t *testing.T) {
	l := newTestLab(t, 2)
	server := newServer(t, l)
	if _, err := l.Revoke(t.Context(), l.Cards[1].Serial, "keyCompromise"); err != nil {
		t.Fatal(err)
	}
	good := labtest.OCSPRequest(nil, [][]byte{l.CertID(t, 0)}, nil, nil)
	gone := labtest.OCSPRequest(nil, [][]byte{l.CertID(t, 1)}, nil, nil)
	nonce := labtest.WithNonce(t, good, labtest.Nonce(32))
	get, post := string(labtest.OCSPGet(good)), string(labtest.OCSPPost(good))
	field := func(request, line string) string { return strings.Replace(request, "\r\n", "\r\n"+line+"\r\n", 1) }
	swap := func(request, old, new string) string {
		if !strings.Contains(request, old) {
			t.Fatalf("no %q in %q", old, request)
		}
		return strings.Replace(request, old, new, 1)
	}
	encoded := base64.StdEncoding.EncodeToString(good)
	for _, tc := range []struct {
		name, sent, want string
	}{
		{"GET", get, "200 good"},
		{"GET, revoked", string(labtest.OCSPGet(gone)), "200 revoked"},
		{"GET with a nonce", string(labtest.OCSPGet(nonce)), "200 good"},
		{"GET of /ocsp/", "GET /ocsp/" + encoded + " HTTP/1.1\r\nHost: localhost:8080\r\n\r\n", "200 good"},
		{"GET, escaped throughout", "GET /ocsp/" + url.QueryEscape(encoded) + " HTTP/1.1\r\nHost: [::1]\r\n\r\n", "200 good"},
		{"GET, two slashes", "GET /ocsp//" + encoded + " HTTP/1.1\r\nHost: x\r\n\r\n", "200 good"},
		{"GET, two slashes and no path", "GET //" + encoded + " HTTP/1.1\r\nHost: x\r\n\r\n", "200 good"},
		{"GET, no slash", "GET /ocsp" + encoded + " HTTP/1.1\r\nHost: x\r\n\r\n", "200 good"},
		{"GET, escaped twice", "GET /ocsp/" + url.PathEscape(url.PathEscape(encoded)) + " HTTP/1.1\r\nHost: x\r\n\r\n", "200 good"},
		{"GET, a slash behind", "GET /ocsp/" + encoded + "/ HTTP/1.1\r\nHost: x\r\n\r\n", "200 good"},
		{"GET of slashes", "GET /ocsp/// HTTP/1.1\r\nHost: x\r\n\r\n", "200 malformed"},
		{"GET of nonsense", "GET /ocsp/AAAA HTTP/1.1\r\nHost: x\r\n\r\n", "200 malformed"},
		{"GET of what is not base64", "GET /ocsp/A%00 HTTP/1.1\r\nHost: x\r\n\r\n", "200 malformed"},
		{"POST", post, "200 good"},
		{"POST with a nonce", string(labtest.OCSPPost(nonce)), "200 good"},
		{"POST without a path", swap(post, "/ocsp", "/"), "200 good"},
		{"POST of nothing", string(labtest.OCSPPost(nil)), "200 malformed"},
		{"POST of nonsense", string(labtest.OCSPPost([]byte("nonsense"))), "200 malformed"},
		{"POST, names in other cases", swap(swap(post, "Content-Type", "content-type"), "Content-Length", "CONTENT-LENGTH"), "200 good"},
		{"POST with what clients add", field(post, "User-Agent: x/1.0 (y)\r\nAccept: */*\r\nConnection: Keep-Alive\r\nPragma: no-cache"), "200 good"},
		{"three together", get + post + get, "200 good, 200 good, 200 good"},

		{"GET of /ocsp/ and no more", "GET /ocsp/ HTTP/1.1\r\nHost: x\r\n\r\n", "404"},
		{"GET with a query", swap(get, " HTTP", "?x HTTP"), "200 good"},
		{"GET, wrongly escaped", swap(get, "GET /M", "GET /M%zz"), "400"},
		{"GET with a body", field(get, "Content-Length: 3") + "abc", "200 good"},
		{"GET in HTTP/1.0", swap(get, "HTTP/1.1", "HTTP/1.0"), "200 good"},
		{"GET in HTTP/2.0", swap(get, "HTTP/1.1", "HTTP/2.0"), "505"},
		{"GET, spaces", swap(get, " HTTP", "  HTTP"), "400"},
		{"GET without a host", "GET /MA HTTP/1.1\r\n\r\n", "400"},
		{"GET with two hosts", field(get, "Host: x"), "400"},
		{"GET with a bad host", swap(get, "localhost", "a/b c"), "400"},
		{"GET with a cached answer", field(get, "If-None-Match: \"x\""), "200 good"},
		{"GET, then to be closed", field(get, "Connection: close") + get, "200 good"},
		{"GET, no colon", field(get, "Accept"), "400"},
		{"GET, a folded field", field(get, "Accept: a\r\n b"), "200 good"},
		{"GET, a space before the colon", field(get, "Accept : a"), "400"},
		{"GET, a control character", field(get, "Accept: \x01"), "400"},
		{"GET, lines without CR", "GET /M HTTP/1.1\nHost: x\n\n", "200 malformed"},
		{"HEAD", swap(get, "GET", "HEAD"), "200"},
		{"POST in chunks", "POST /ocsp HTTP/1.1\r\nHost: x\r\nContent-Type: application/ocsp-request\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n0\r\n\r\n", "200 malformed"},
		{"POST with two lengths", field(post, "Content-Length: 1"), "400"},
		{"POST with a negative length", "POST /ocsp HTTP/1.1\r\nHost: x\r\nContent-Type: application/ocsp-request\r\nContent-Length: -1\r\n\r\n", "400"},
		{"POST without a length", "POST /ocsp HTTP/1.1\r\nHost: x\r\nContent-Type: application/ocsp-request\r\n\r\n", "200 malformed"},
		{"POST of another type", swap(post, "ocsp-request", "ocsp"), "415"},
		{"POST of a type with a parameter", swap(post, "ocsp-request", "ocsp-request; x=y"), "200 good"},
		{"POST that asks to go on", field(post, "Expect: 100-continue"), "100, 200 good"},
		{"POST with a slash behind", swap(post, "/ocsp", "/ocsp/"), "200 good"},
		{"POST with two slashes", swap(post, "/ocsp", "//ocsp"), "200 good"},
		{"POST elsewhere", swap(post, "/ocsp", "/elsewhere"), "404"},
		{"POST of 4 kB", string(labtest.OCSPPost(make([]byte, 4<<10))), "200 malformed"},
		{"POST too large", string(labtest.OCSPPost(make([]byte, 2*maxRequest))), "413"},
		{"a field of 8 kB", field(get, "Accept: "+strings.Repeat("a", 8<<10)), "200 good"},
		{"half a head", get[:len(get)-2], "400"},
		{"half a body", post[:len(post)-2], "413"},
		{"another page", "GET /CRL/ACI-FO-PP-TEST.crl HTTP/1.1\r\nHost: x\r\n\r\n", "404"},
		{"OCSP, then another page, then OCSP", get + "GET /CRL/ACI-FO-PP-TEST.crl HTTP/1.1\r\nHost: x\r\n\r\n" + get, "200 good, 404, 200 good"},
		{"nothing", "", ""},
		{"not HTTP", "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03", "400"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			if got := exchange(t, server.Listener.Addr().String(), []byte(tc.sent)); got != tc.want {
				t.Errorf("%q, want %q", got, tc.want)
			}
		})
	}
}

// Clients may write a request in pieces, and ask again on the same connection.
func TestOCSPInPieces(t *testing.T) {
	l := newTestLab(t, 1)
	server := newServer(t, l)
	request := labtest.OCSPPost(labtest.OCSPRequest(nil, [][]byte{l.CertID(t, 0)}, nil, nil))
	c, err := net.Dial("tcp", server.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	in := bufio.NewReader(c)
	for range 2 {
		for _, part := range bytes.SplitAfter(request, []byte("\r\n")) {
			c.Write(part)
			time.Sleep(time.Millisecond)
		}
		resp, err := http.ReadResponse(in, nil)
		if err != nil {
			t.Fatal(err)
		}
		der, err := io.ReadAll(resp.Body)
		if a, parseErr := xocsp.ParseResponse(der, nil); err != nil || parseErr != nil || a.Status != xocsp.Good {
			t.Errorf("%v, %v, %v", a, err, parseErr)
		}
	}
}

// A panic under way ends its connection, and no other: who asks next gets a refusal, and is not
// kept waiting.
func TestPanicWhileSigning(t *testing.T) {
	l := newTestLab(t, 2)
	r, slow := slowResponder(t, l)
	server := httptest.NewServer(NewHandler(r, http.NotFoundHandler(), quiet))
	server.Config.ErrorLog = log.New(io.Discard, "", 0)
	defer server.Close()
	close(slow.begun) // the next to sign panics
	address := server.Listener.Addr().String()
	if got := exchange(t, address, labtest.OCSPGet(labtest.OCSPRequest(nil, [][]byte{l.CertID(t, 0)}, nil, nil))); got != "" {
		t.Errorf("%q", got)
	}
	if got := exchange(t, address, labtest.OCSPPost([]byte("nonsense"))); got != "200 malformed" {
		t.Errorf("after the panic: %q", got)
	}
}
