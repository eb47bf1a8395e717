package ocsp

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"math/rand"
	"net"
	"net/http"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	xocsp "golang.org/x/crypto/ocsp"

	"github.com/igc-lab/igc/internal/der"
	"github.com/igc-lab/igc/internal/labtest"
	"github.com/igc-lab/igc/internal/peer"
)

// Clients that put one slash too many between address and request, or one too few, get their
// answer, by GET and by POST.
func TestOCSPSlashes(t *testing.T) {
	l := newTestLab(t, 1)
	server := newServer(t, l)
	// a nonce whose base64 holds "//" and "+"
	request := labtest.WithNonce(t, labtest.OCSPRequest(nil, [][]byte{l.CertID(t, 0)}, nil, nil),
		append([]byte{4, 33}, bytes.Repeat([]byte{0xff, 0xff, 0xff, 0xfb, 0xef}, 7)[:33]...))
	plain := base64.StdEncoding.EncodeToString(request)
	if !strings.Contains(plain, "//") || !strings.Contains(plain, "+") {
		t.Fatalf("the test wants // and + in %s", plain)
	}
	escaped := url.QueryEscape(plain)
	for _, before := range []string{"/", "//", "///", "/ocsp/", "/ocsp//", "/ocsp///", "//ocsp/", "//ocsp//", "/ocsp"} {
		for name, encoded := range map[string]string{"plain": plain, "escaped": escaped, "escaped twice": url.PathEscape(escaped),
			"unpadded": strings.TrimRight(plain, "="), "with a slash behind": plain + "/", "for URLs": base64.URLEncoding.EncodeToString(request)} {
			_, body := labtest.Ask(t, http.MethodGet, server.URL+before+encoded, nil)
			if answer, err := xocsp.ParseResponse(body, nil); err != nil || answer.Status != xocsp.Good {
				t.Errorf("GET %s, %s: %v", before, name, err)
			}
		}
	}
	for _, path := range []string{"", "/", "//", "/ocsp", "/ocsp/", "//ocsp", "/ocsp//"} {
		resp, body := labtest.Ask(t, http.MethodPost, server.URL+path, bytes.NewReader(request),
			"Content-Type", requestType)
		if answer, err := xocsp.ParseResponse(body, nil); err != nil || answer.Status != xocsp.Good {
			t.Errorf("POST %s: %s, %v", path, resp.Status, err)
		}
	}
	for _, path := range []string{"/ocspx", "/ocsp-elsewhere/" + plain, "/xocsp/" + plain, "/x/" + plain} {
		if resp, _ := labtest.Ask(t, http.MethodGet, server.URL+path, nil); resp.StatusCode != http.StatusNotFound {
			t.Errorf("GET %.20s: %s", path, resp.Status)
		}
	}
}

// slashRequest is an OCSP request about a certificate of that serial number: the hashes have no
// slash in base64.
func slashRequest(t *testing.T, serial string) []byte {
	t.Helper()
	sha1, err := hex.DecodeString("300906052b0e03021a0500")
	if err != nil {
		t.Fatal(err)
	}
	number, err := hex.DecodeString(serial)
	if err != nil {
		t.Fatal(err)
	}
	hash := der.Element(4, bytes.Repeat([]byte{0x11}, 20))
	return labtest.OCSPRequest(nil, [][]byte{der.Element(0x30, sha1, hash, hash, der.Element(2, number))}, nil, nil)
}

// mergeSlashes is what proxies (nginx's merge_slashes, Apache's MergeSlashes) and muxes do to a
// path.
func mergeSlashes(s string) string {
	for strings.Contains(s, "//") {
		s = strings.ReplaceAll(s, "//", "/")
	}
	return s
}

// A slash that was merged away on the way is put back where the request shows where it stood; where
// several places would do, nothing is guessed.
func TestOCSPMergedSlashes(t *testing.T) {
	var encoded string
	var one []byte
	for before := range 12 { // one of these stands so that two slashes come side by side
		serial := strings.Repeat("1", 2+before) + "ffff" + strings.Repeat("1", 18-before)
		one = slashRequest(t, serial)
		if encoded = base64.StdEncoding.EncodeToString(one); strings.Contains(encoded, "//") {
			break
		}
	}
	if strings.Count(encoded, "/") != 2 || !strings.Contains(encoded, "//") {
		t.Fatalf("the test wants two slashes side by side in %s", encoded)
	}
	for name, sent := range map[string]string{"as it is": encoded, "merged": mergeSlashes(encoded), "merged, unpadded": strings.TrimRight(mergeSlashes(encoded), "=")} {
		if got, err := decodeGet(sent); err != nil || !bytes.Equal(got, one) {
			t.Errorf("%s: %x, %v, want %x", name, got, err, one)
		}
	}

	// of a long request of slashes nothing is tried
	for missing := range maxMerged {
		if n := testing.AllocsPerRun(1, func() { restoreSlashes("MIIf"+strings.Repeat("/A", maxRequest/2), missing+1) }); n > 2 {
			t.Errorf("%d slashes missing: %.0f allocations", missing+1, n)
		}
	}

	random := rand.New(rand.NewSource(1)) // the same each time
	restored, merged := 0, 0
	for merged < 500 {
		serial, name, key := make([]byte, 18), make([]byte, 20), make([]byte, 20)
		for _, b := range [][]byte{serial, name, key} {
			random.Read(b)
		}
		serial[0] = 0x11
		sha1, _ := hex.DecodeString("300906052b0e03021a0500")
		request := labtest.OCSPRequest(nil, [][]byte{der.Element(0x30, sha1, der.Element(4, name), der.Element(4, key), der.Element(2, serial))}, nil, nil)
		encoded := base64.StdEncoding.EncodeToString(request)
		if !strings.Contains(encoded, "//") {
			continue
		}
		merged++
		got, err := decodeGet(mergeSlashes(encoded))
		if err == nil && bytes.Equal(got, request) {
			restored++
		} else if _, parses := parseRequest(got); err == nil && parses == nil {
			t.Errorf("%s, merged, is taken for another request: %x", encoded, got)
		}
	}
	t.Logf("%d of %d requests restored", restored, merged)
	if restored < merged/2 {
		t.Errorf("only %d of %d requests restored", restored, merged)
	}
}

// If-None-Match is compared as RFC 9110 §13.1.2 says, whatever the client writes.
func TestOCSPConditions(t *testing.T) {
	l := newTestLab(t, 1)
	l.Config.OCSP.HTTPCache = "until-next-update"
	server := newServer(t, l)
	address := server.URL + "/ocsp/" + url.PathEscape(base64.StdEncoding.EncodeToString(labtest.OCSPRequest(nil, [][]byte{l.CertID(t, 0)}, nil, nil)))
	resp, whole := labtest.Ask(t, http.MethodGet, address, nil)
	tag := resp.Header.Get("ETag")
	for _, tc := range []struct {
		name  string
		lines []string
		want  int
	}{
		{"If-None-Match", []string{tag}, 304}, {"If-None-Match", []string{"*"}, 304}, {"If-None-Match", []string{"W/" + tag}, 304},
		{"If-None-Match", []string{`"a", "b",` + tag}, 304}, {"If-None-Match", []string{`"a"`, tag}, 304}, {"If-None-Match", []string{`"a"`}, 200},
		{"If-None-Match", []string{strings.Trim(tag, `"`)}, 200}, {"If-None-Match", []string{`"x` + tag[1:]}, 200},
		{"If-Match", []string{tag}, 200}, {"If-Match", []string{"*"}, 200}, {"If-Match", []string{`"a"`}, 412}, {"If-Match", []string{"W/" + tag}, 412},
	} {
		for _, method := range []string{http.MethodGet, http.MethodHead} {
			req, err := http.NewRequestWithContext(t.Context(), method, address, nil)
			if err != nil {
				t.Fatal(err)
			}
			req.Header[tc.name] = tc.lines
			resp, err := http.DefaultClient.Do(req)
			if err != nil {
				t.Fatal(err)
			}
			resp.Body.Close()
			if resp.StatusCode != tc.want || resp.Header.Get("X-Content-Type-Options") != "nosniff" {
				t.Errorf("%s, %s: %q: %s, want %d", method, tc.name, tc.lines, resp.Status, tc.want)
			}
		}
	}
	if len(whole) == 0 {
		t.Error("no answer")
	}
}

// A request survives a proxy that unescapes the path and merges its slashes, as nginx does where
// proxy_pass names a path.
func TestOCSPBehindProxy(t *testing.T) {
	nginx := peer.Need(t, "nginx")
	var l *testLab
	var request []byte
	var encoded string
	// a nonce whose base64 holds one pair of slashes, in a lab whose hashes hold none: of two,
	// neither may be restored
	for labs := 0; strings.Count(encoded, "//") != 1; labs++ {
		if labs == 20 {
			t.Fatalf("the hashes of %d labs hold slashes side by side: %s", labs, encoded)
		}
		l = newTestLab(t, 1)
		plain := labtest.OCSPRequest(nil, [][]byte{l.CertID(t, 0)}, nil, nil)
		for before := range 12 {
			nonce := strings.Repeat("11", 4) + strings.Repeat("1", before) + "ffff" + strings.Repeat("1", 20-before)
			value, err := hex.DecodeString(nonce)
			if err != nil {
				t.Fatal(err)
			}
			request = labtest.WithNonce(t, plain, der.Element(4, value))
			if encoded = base64.StdEncoding.EncodeToString(request); strings.Contains(encoded[len(encoded)-48:], "//") {
				break
			}
		}
	}
	server := newServer(t, l)
	dir := t.TempDir()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	port := listener.Addr().(*net.TCPAddr).Port
	listener.Close()
	conf := filepath.Join(dir, "nginx.conf")
	if err := os.WriteFile(conf, fmt.Appendf(nil, `daemon off; master_process off; pid %[1]s/pid; error_log %[1]s/log info;
events { worker_connections 64; }
http {
  access_log off; client_body_temp_path %[1]s; proxy_temp_path %[1]s; fastcgi_temp_path %[1]s; uwsgi_temp_path %[1]s; scgi_temp_path %[1]s;
  server {
    listen 127.0.0.1:%[2]d;
    location /merged/ { proxy_pass %[3]s/ocsp/; }
    location /ocsp/ { proxy_pass %[3]s; }
  }
}`, dir, port, server.URL), 0o600); err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(nginx, "-p", dir, "-e", filepath.Join(dir, "log"), "-c", conf)
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	defer func() {
		cmd.Process.Kill()
		cmd.Wait()
	}()
	base := fmt.Sprintf("http://127.0.0.1:%d", port)
	for start := time.Now(); ; time.Sleep(20 * time.Millisecond) {
		if conn, err := net.Dial("tcp", base[len("http://"):]); err == nil {
			conn.Close()
			break
		}
		if time.Since(start) > time.Minute {
			log, _ := os.ReadFile(filepath.Join(dir, "log"))
			t.Fatalf("nginx does not listen\n%s", log)
		}
	}
	for _, before := range []string{"/ocsp/", "/ocsp//", "/merged/", "/merged//"} {
		for name, path := range map[string]string{"plain": encoded, "escaped": url.QueryEscape(encoded)} {
			resp, body := labtest.Ask(t, http.MethodGet, base+before+path, nil)
			if answer, err := xocsp.ParseResponse(body, nil); err != nil || answer.Status != xocsp.Good {
				t.Errorf("%s, %s: %s, %v", before, name, resp.Status, err)
			}
		}
	}
}
