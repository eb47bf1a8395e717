package ocsp

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"encoding/asn1"
	"encoding/base64"
	"encoding/hex"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strconv"
	"strings"
	"testing"
	"time"

	xocsp "golang.org/x/crypto/ocsp"

	"github.com/igc-lab/igc/internal/der"
	"github.com/igc-lab/igc/internal/labtest"
)

// newServer serves the lab's OCSP over HTTP.
func newServer(t testing.TB, l *testLab) *httptest.Server {
	server := httptest.NewServer(NewHandler(newResponder(t, l.Lab, l.Clock()), http.NotFoundHandler(), quiet))
	t.Cleanup(server.Close)
	return server
}

// GET carries the request as base64 in the path, where slashes stand side by side, escaped or not.
func TestOCSPOverHTTP(t *testing.T) {
	l := newTestLab(t, 1)
	server := newServer(t, l)
	leaf, issuer := l.Certificates(t, l.Cards[0])
	request, err := xocsp.CreateRequest(leaf, issuer, nil)
	if err != nil {
		t.Fatal(err)
	}
	// a nonce whose base64 holds "//" and "+"
	request = labtest.WithNonce(t, request, append([]byte{4, 33}, bytes.Repeat([]byte{0xff, 0xff, 0xff, 0xfb, 0xef}, 7)[:33]...))
	encoded := base64.StdEncoding.EncodeToString(request)
	if !strings.Contains(encoded, "//") || !strings.Contains(encoded, "+") {
		t.Fatalf("the test wants // and + in %s", encoded)
	}
	get := func(path string) func() (*http.Response, error) {
		return func() (*http.Response, error) { return http.Get(server.URL + path) }
	}
	for name, do := range map[string]func() (*http.Response, error){
		"POST": func() (*http.Response, error) {
			return http.Post(server.URL+"/ocsp", "application/ocsp-request", bytes.NewReader(request))
		},
		"POST without a path": func() (*http.Response, error) {
			return http.Post(server.URL, "application/ocsp-request", bytes.NewReader(request))
		},
		"POST, with a parameter": func() (*http.Response, error) {
			return http.Post(server.URL, "Application/OCSP-Request; x=y", bytes.NewReader(request))
		},
		"GET":                    get("/ocsp/" + encoded),
		"GET without a path":     get("/" + encoded),
		"GET escaped":            get("/ocsp/" + url.PathEscape(encoded)),
		"GET escaped throughout": get("/ocsp/" + url.QueryEscape(encoded)),
		"GET unpadded":           get("/ocsp/" + strings.TrimRight(encoded, "=")),
	} {
		resp, err := do()
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(resp.Body)
		resp.Body.Close()
		if err != nil || resp.StatusCode != http.StatusOK || resp.Header.Get("Content-Type") != "application/ocsp-response" {
			t.Errorf("%s: %s, %s, %v", name, resp.Status, resp.Header.Get("Content-Type"), err)
			continue
		}
		if answer, err := xocsp.ParseResponseForCert(body, leaf, issuer); err != nil || answer.Status != xocsp.Good {
			t.Errorf("%s: %v, %v", name, answer, err)
		}
	}
	for name, tc := range map[string]struct {
		do   func() (*http.Response, error)
		code int
	}{
		"wrong type": {func() (*http.Response, error) {
			return http.Post(server.URL+"/ocsp", "text/plain", bytes.NewReader(request))
		}, http.StatusUnsupportedMediaType},
		"too large": {func() (*http.Response, error) {
			return http.Post(server.URL+"/ocsp", "application/ocsp-request", bytes.NewReader(make([]byte, maxRequest+1)))
		}, http.StatusRequestEntityTooLarge},
	} {
		resp, err := tc.do()
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		if resp.StatusCode != tc.code {
			t.Errorf("%s: %s, want %d", name, resp.Status, tc.code)
		}
	}
}

// Whatever stands in the path gets an OCSP answer, as RFC 6960 wants.
func TestOCSPGetGarbage(t *testing.T) {
	server := newServer(t, newTestLab(t, 0))
	for _, path := range []string{"/ocsp/!!!", "/ocsp/AAAA", "/ocsp//", "/ocsp/" + strings.Repeat("A", 20000)} {
		resp, err := http.Get(server.URL + path)
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(resp.Body)
		resp.Body.Close()
		if err != nil || resp.StatusCode != http.StatusOK || !bytes.Equal(body, malformedRequest.refusal()) {
			t.Errorf("%.20s: %s, %x, %v", path, resp.Status, body, err)
		}
	}
}

// What HTTP caches are told (RFC 5019 §6.2 and its revision).
func TestOCSPCaching(t *testing.T) {
	l := newTestLab(t, 1)
	server := newServer(t, l)
	id := l.CertID(t, 0)
	plain := labtest.OCSPRequest(nil, [][]byte{id}, nil, nil)
	never := labtest.OCSPRequest(nil, [][]byte{der.Element(0x30, certIDOf(t, plain).issuer, []byte{2, 1, 7})}, nil, nil)
	do := func(method string, request []byte, header ...string) (*http.Response, []byte) {
		t.Helper()
		path, body := "/ocsp/"+url.PathEscape(base64.StdEncoding.EncodeToString(request)), io.Reader(nil)
		if method == http.MethodPost {
			path, body = "/ocsp", bytes.NewReader(request)
		}
		resp, got := labtest.Ask(t, method, server.URL+path, body, append(header, "Content-Type",
			"application/ocsp-request")...)
		if resp.Header.Get("Date") == "" {
			t.Error("no Date")
		}
		return resp, got
	}
	modified, expires := l.Now.Format(http.TimeFormat), l.Now.Add(time.Hour).Format(http.TimeFormat)
	const untilNext, again = "max-age=1800, public, no-transform, must-revalidate", "max-age=0, public, no-transform, must-revalidate"
	for _, tc := range []struct {
		name, mode, method              string
		request                         []byte
		control, wantModified, wantEnds string
		tagged                          bool
	}{
		{"GET", "until-next-update", "GET", plain, untilNext, modified, expires, true},
		{"HEAD", "until-next-update", "HEAD", plain, untilNext, modified, expires, true},
		{"GET", "revalidate", "GET", plain, again, modified, "", true},
		{"POST", "until-next-update", "POST", plain, "", "", "", false},
		{"POST", "revalidate", "POST", plain, "", "", "", false},
		{"GET with a nonce", "until-next-update", "GET", labtest.WithNonce(t, plain, labtest.Nonce(32)), "no-store", "", "", false},
		{"POST with a nonce", "revalidate", "POST", labtest.WithNonce(t, plain, labtest.Nonce(32)), "no-store", "", "", false},
		{"GET of two", "until-next-update", "GET", labtest.OCSPRequest(nil, [][]byte{id, id}, nil, nil), untilNext, modified, expires, true},
		{"GET of one never issued", "until-next-update", "GET", never, "no-store", "", "", false},
		{"GET of nonsense", "until-next-update", "GET", plain[:20], "no-store", "", "", false},
	} {
		t.Run(tc.name+" "+tc.mode, func(t *testing.T) {
			l.Config.OCSP.HTTPCache = tc.mode
			resp, body := do(tc.method, tc.request)
			h := resp.Header
			if h.Get("Cache-Control") != tc.control || h.Get("Last-Modified") != tc.wantModified || h.Get("Expires") != tc.wantEnds {
				t.Errorf("%s: %v", resp.Status, h)
			}
			if tc.method != "HEAD" && h.Get("Content-Length") != strconv.Itoa(len(body)) || len(resp.TransferEncoding) > 0 {
				t.Errorf("%d bytes: %v", len(body), h)
			}
			if !tc.tagged {
				if h.Get("ETag") != "" {
					t.Errorf("ETag %s", h.Get("ETag"))
				}
				return
			}
			sum := sha256.Sum256(body)
			if tc.method != "HEAD" && h.Get("ETag") != `"`+hex.EncodeToString(sum[:])+`"` {
				t.Errorf("ETag %s", h.Get("ETag"))
			}
		})
	}
	// who has the answer is told so, until the certificate is revoked: also within the same second
	resp, _ := do("GET", plain)
	tag := resp.Header.Get("ETag")
	for _, match := range []string{tag, `"other", ` + tag, "W/" + tag} {
		if resp, body := do("GET", plain, "If-None-Match", match); resp.StatusCode != http.StatusNotModified || len(body) != 0 ||
			resp.Header.Get("ETag") != tag || resp.Header.Get("Cache-Control") == "" {
			t.Errorf("If-None-Match: %s: %s, %d bytes, %v", match, resp.Status, len(body), resp.Header)
		}
	}
	if _, err := l.Revoke(t.Context(), l.Cards[0].Serial, "superseded"); err != nil {
		t.Fatal(err)
	}
	for name, value := range map[string]string{"If-None-Match": tag, "If-Modified-Since": modified} {
		resp, body := do("GET", plain, name, value)
		if a, err := xocsp.ParseResponse(body, nil); err != nil || a.Status != xocsp.Revoked {
			t.Errorf("%s: %s after the revocation: %v", name, resp.Status, err)
		}
	}
}

// Whatever is sent gets an OCSPResponse or an error of the visitor's (4xx), and nothing panics.
func FuzzOCSPOverHTTP(f *testing.F) {
	l := newTestLab(f, 1)
	publication := newServer(f, l).Config.Handler
	plain := labtest.OCSPRequest(nil, [][]byte{l.CertID(f, 0)}, nil, nil)
	nonce := labtest.WithNonce(f, plain, labtest.Nonce(32))
	for _, request := range [][]byte{plain, nonce, plain[:30], nil} {
		f.Add(true, "/ocsp", "application/ocsp-request", request)
		f.Add(true, "/", "application/ocsp-request; charset=utf-8", request)
		f.Add(false, "/ocsp/"+url.PathEscape(base64.StdEncoding.EncodeToString(request)), "", []byte(nil))
		f.Add(false, "/"+base64.StdEncoding.EncodeToString(request), "", []byte(nil))
	}
	slashes := base64.StdEncoding.EncodeToString(labtest.WithNonce(f, plain, der.Element(4, bytes.Repeat([]byte{0xff}, 9))))
	f.Add(false, "//"+slashes, "", []byte(nil))
	f.Add(false, "/ocsp//"+mergeSlashes(slashes), "", []byte(nil))
	f.Add(false, "/ocsp"+url.QueryEscape(slashes), "", []byte(nil))
	f.Add(false, "/ocsp/%", "", []byte(nil))
	f.Add(false, "/ocsp/%zz", "", []byte("x"))
	f.Fuzz(func(t *testing.T, post bool, path, contentType string, body []byte) {
		method := "GET"
		if post {
			method = "POST"
		}
		r, err := http.ReadRequest(bufio.NewReader(strings.NewReader(method + " " + path + " HTTP/1.1\r\nHost: x\r\n\r\n")))
		if err != nil {
			return // net/http answers 400
		}
		r.Header.Set("Content-Type", contentType)
		r.Body = io.NopCloser(bytes.NewReader(body))
		w := httptest.NewRecorder()
		publication.ServeHTTP(w, r)
		switch kind := w.Header().Get("Content-Type"); {
		case kind == "application/ocsp-response":
			got := w.Body.Bytes()
			if w.Code != http.StatusOK || !isAnswer(got) && !isRefusal(got) {
				t.Errorf("%d: %x", w.Code, got)
			}
		case w.Code >= 300 && w.Code < 500: // a mux sends to the path without its dots
		case w.Code == http.StatusOK && !post && !strings.HasPrefix(path, "/ocsp/"): // another page of the publication
		default:
			t.Errorf("%s %q: %d, %s", method, path, w.Code, kind)
		}
	})
}

func isRefusal(der []byte) bool {
	for _, s := range []responseStatus{malformedRequest, internalError, tryLater, unauthorized} {
		if bytes.Equal(der, s.refusal()) {
			return true
		}
	}
	return false
}

// isAnswer tells whether it is a successful OCSPResponse, whose signature is that of the
// certificate that it carries or, about several certificates, which x/crypto/ocsp does not read,
// one that asn1 reads.
func isAnswer(der []byte) bool {
	if _, err := xocsp.ParseResponse(der, nil); err == nil {
		return true
	}
	var response struct {
		Status asn1.Enumerated
		Bytes  struct {
			Type     asn1.ObjectIdentifier
			Response []byte
		} `asn1:"explicit,tag:0"`
	}
	rest, err := asn1.Unmarshal(der, &response)
	if err != nil || len(rest) > 0 || response.Status != 0 {
		return false
	}
	var basic struct {
		Data, Algorithm asn1.RawValue
		Signature       asn1.BitString
		Certificates    asn1.RawValue
	}
	rest, err = asn1.Unmarshal(response.Bytes.Response, &basic)
	return err == nil && len(rest) == 0
}
