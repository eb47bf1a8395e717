package revocation

import (
	"bytes"
	"crypto/x509"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/igc-lab/igc/ca"
	"github.com/igc-lab/igc/internal/labtest"
	"github.com/igc-lab/igc/internal/peer"
	"github.com/igc-lab/igc/profiles"
)

// published are the paths of all files that a lab with the authorities of FORT publishes.
var published = []string{"/CRL/ACR-FO-TEST.crl", "/CRL/ACI-FO-PP-TEST.crl", "/CRL/ACI-FO-PP-TEST-delta.crl", "/AC%20TEST/ACR-FO-TEST.cer",
	"/AC%20TEST/ACI-FO-PP-TEST.cer", "/AC%20TEST/Chaine_de_certification-IGC-Sante-TEST.p7b", "/AC%20TEST/Chaine_de_certification-IGC-Sante-TEST.p7c",
	"/PC%20TEST", "/PC%20TEST/"}

// Every published file answers HEAD, conditions and ranges as RFC 9110 §13 and §14 say.
func TestPublicationConditions(t *testing.T) {
	l := newTestLab(t, 1)
	server := newPublication(t, l)
	for _, path := range published {
		resp, whole := labtest.Ask(t, http.MethodGet, server.URL+path, nil)
		tag, modified := resp.Header.Get("ETag"), resp.Header.Get("Last-Modified")
		if resp.StatusCode != http.StatusOK || tag == "" || len(whole) < 20 {
			t.Errorf("%s: %s, ETag %q, %d bytes", path, resp.Status, tag, len(whole))
			continue
		}
		type condition struct {
			name, value string
			want        int
		}
		conditions := []condition{{"If-None-Match", tag, 304}, {"If-None-Match", "*", 304}, {"If-None-Match", "W/" + tag, 304}, {"If-None-Match", `"a", ` + tag, 304},
			{"If-None-Match", `"a"`, 200}, {"If-Match", tag, 200}, {"If-Match", "*", 200}, {"If-Match", `"a"`, 412}, {"If-Match", "W/" + tag, 412},
			{"Range", "bytes=5-9", 206}, {"Range", "bytes=-3", 206}, {"Range", "bytes=" + strconv.Itoa(len(whole)) + "-", 416}, {"Range", "lines=1-2", 200}}
		if modified != "" {
			conditions = append(conditions, condition{"If-Modified-Since", modified, 304}, condition{"If-Modified-Since", "Mon, 01 Jan 2001 00:00:00 GMT", 200},
				condition{"If-Modified-Since", "nonsense", 200}, condition{"If-Unmodified-Since", modified, 200}, condition{"If-Unmodified-Since", "Mon, 01 Jan 2001 00:00:00 GMT", 412})
		} else if !strings.HasPrefix(path, "/PC") {
			t.Errorf("%s: no Last-Modified", path)
		}
		for _, c := range conditions {
			for _, method := range []string{http.MethodGet, http.MethodHead} {
				resp, body := labtest.Ask(t, method, server.URL+path, nil, c.name, c.value)
				if c.name == "Range" && method == http.MethodHead {
					c.want = 200 // ranges are for GET alone
				}
				if resp.StatusCode != c.want || resp.Header.Get("X-Content-Type-Options") != "nosniff" {
					t.Errorf("%s %s, %s: %s: %s, want %d; %v", method, path, c.name, c.value, resp.Status, c.want, resp.Header)
				}
				if c.want == 304 && resp.Header.Get("ETag") != tag {
					t.Errorf("%s %s: 304 with ETag %q", method, path, resp.Header.Get("ETag"))
				}
				if c.value == "bytes=5-9" && method == http.MethodGet && !bytes.Equal(body, whole[5:10]) {
					t.Errorf("%s: bytes 5 to 9 are %x", path, body)
				}
				if method == http.MethodHead && len(body) > 0 {
					t.Errorf("HEAD %s: %d bytes", path, len(body))
				}
			}
		}
		// a range of what was replaced meanwhile is the whole
		if resp, body := labtest.Ask(t, http.MethodGet, server.URL+path, nil, "Range", "bytes=0-0",
			"If-Range", `"a"`); resp.StatusCode != http.StatusOK || !bytes.Equal(body, whole) {
			t.Errorf("%s, If-Range of another: %s", path, resp.Status)
		}
		req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, server.URL+path, nil)
		if err != nil {
			t.Fatal(err)
		}
		req.Header["If-None-Match"] = []string{`"a"`, tag}
		if resp, err := http.DefaultClient.Do(req); err != nil || resp.StatusCode != http.StatusNotModified {
			t.Errorf("%s, two lines of If-None-Match: %v, %v", path, resp.Status, err)
		}
		for _, method := range []string{http.MethodPost, http.MethodPut, http.MethodDelete, http.MethodOptions} {
			resp, _ := labtest.Ask(t, method, server.URL+path, nil)
			if resp.StatusCode != http.StatusMethodNotAllowed || resp.Header.Get("Allow") == "" || resp.Header.Get("X-Content-Type-Options") != "nosniff" {
				t.Errorf("%s %s: %s, %v", method, path, resp.Status, resp.Header)
			}
		}
	}
}

// A client that knows only when its list was made gets the next one also when that was made within
// the same second.
func TestCRLsOfOneSecond(t *testing.T) {
	l := newTestLab(t, 1)
	server := newPublication(t, l)
	for _, path := range []string{"/CRL/ACI-FO-PP-TEST.crl", "/CRL/ACI-FO-PP-TEST-delta.crl"} {
		resp, _ := labtest.Ask(t, http.MethodGet, server.URL+path, nil)
		modified := resp.Header.Get("Last-Modified")
		if delta := strings.Contains(path, "delta"); (modified == "") != delta { // the second of its second
			t.Errorf("%s: Last-Modified %q", path, modified)
		} else if resp, _ := labtest.Ask(t, http.MethodGet, server.URL+path, nil,
			"If-Modified-Since", modified); resp.StatusCode != http.StatusNotModified && !delta {
			t.Errorf("%s, unchanged: %s", path, resp.Status)
		}
		reason := map[bool]ca.Reason{false: "certificateHold", true: "superseded"}[strings.Contains(path, "delta")]
		l.Change(t, ca.StatusChange{Serial: l.Cards[0].Serial, Reason: reason})
		for range 2 {
			resp, body := labtest.Ask(t, http.MethodGet, server.URL+path, nil, "If-Modified-Since", modified)
			list, err := x509.ParseRevocationList(body)
			if err != nil || len(list.RevokedCertificateEntries) != 1 {
				t.Errorf("%s, after the revocation: %s, %v", path, resp.Status, err)
			}
		}
	}
}

// The chain is what the IGC-Santé publishes: PEM of 64 columns, labelled PKCS7, each root before
// what it signed. Its DER is beside it, and programs read both.
func TestChain(t *testing.T) {
	l := newTestLab(t, 1)
	if _, err := l.Ensure(t.Context(), profiles.Authorities()); err != nil {
		t.Fatal(err)
	}
	server := newPublication(t, l)
	const path = "/AC%20TEST/Chaine_de_certification-IGC-Sante-TEST"
	resp, pem := labtest.Ask(t, http.MethodGet, server.URL+path+".p7b", nil)
	if got := resp.Header.Get("Content-Type"); got != "application/x-pkcs7-certificates" {
		t.Errorf("Content-Type %s", got)
	}
	resp, der := labtest.Ask(t, http.MethodGet, server.URL+path+".p7c", nil)
	if got := resp.Header.Get("Content-Type"); got != "application/pkcs7-mime; smime-type=certs-only" {
		t.Errorf("Content-Type of the DER %s", got)
	}
	lines := strings.Split(strings.TrimSuffix(string(pem), "\n"), "\n")
	if lines[0] != "-----BEGIN PKCS7-----" || lines[len(lines)-1] != "-----END PKCS7-----" || strings.Contains(string(pem), "\r") {
		t.Errorf("the lines around it: %q, %q", lines[0], lines[len(lines)-1])
	}
	for _, line := range lines[1:max(1, len(lines)-2)] {
		if len(line) != 64 {
			t.Errorf("a line of %d columns: %s", len(line), line)
		}
	}
	// as the real one ends: no CRL, nobody has signed
	if !bytes.HasSuffix(der, []byte{0xa1, 0, 0x31, 0}) {
		t.Errorf("it ends in %x", der[max(0, len(der)-8):])
	}
	dir := t.TempDir()
	in := func(name string, data []byte) string {
		file := filepath.Join(dir, name)
		if err := os.WriteFile(file, data, 0o600); err != nil {
			t.Fatal(err)
		}
		return file
	}
	p7b, p7c := in("chain.p7b", pem), in("chain.p7c", der)
	var names []string
	for line := range strings.SplitSeq(peer.Run(t, "openssl", "pkcs7", "-in", p7b, "-print_certs", "-noout"), "\n") {
		if _, name, ok := strings.Cut(line, "subject="); ok {
			names = append(names, name[strings.LastIndex(name, "TEST AC"):])
		}
	}
	var want []string
	for _, gamme := range []string{"ELEMENTAIRE", "STANDARD", "FORT"} {
		want = append(want, "TEST AC RACINE IGC-SANTE "+gamme, "TEST AC IGC-SANTE "+gamme+" PERSONNES", "TEST AC IGC-SANTE "+gamme+" ORGANISATIONS")
	}
	if !slices.Equal(names, want) {
		t.Errorf("its certificates are %q, want %q", names, want)
	}
	if peer.Run(t, "openssl", "pkcs7", "-inform", "DER", "-in", p7c) != string(pem) {
		t.Error("openssl makes another PEM of the DER")
	}
	for _, args := range [][]string{{"--infile", p7b}, {"--inder", "--infile", p7c}} {
		if out := peer.Run(t, "certtool", append([]string{"--p7-info"}, args...)...); strings.Count(out, "BEGIN CERTIFICATE") != 9 {
			t.Errorf("certtool %q: %s", args, out)
		}
	}
	for _, file := range []string{p7b, p7c} {
		if out := peer.Run(t, "keytool", "-printcert", "-file", file); strings.Count(out, "Certificate[") != 9 {
			t.Errorf("keytool of %s: %.300s", file, out)
		}
	}
}

// The address that every certificate names for its policy says whose certificates these are, with
// and without a slash behind it.
func TestPolicyPage(t *testing.T) {
	server := newPublication(t, newTestLab(t, 0))
	var pages []string
	for _, path := range []string{"/PC%20TEST", "/PC%20TEST/", "/PC%20TEST/index.html"} {
		resp, body := labtest.Ask(t, http.MethodGet, server.URL+path, nil)
		if resp.StatusCode != http.StatusOK || resp.Header.Get("Content-Type") != "text/html; charset=utf-8" || resp.Request.URL.EscapedPath() != path {
			t.Errorf("%s: %s, %s", path, resp.Status, resp.Header.Get("Content-Type"))
		}
		for _, words := range []string{`<html lang="fr">`, `lang="en"`, "laboratoire", "certify nobody", "1.2.250.1.213.1.7.2.1.1.1.1", "2.5.29.32.0"} {
			if !strings.Contains(string(body), words) {
				t.Errorf("%s lacks %q", path, words)
			}
		}
		if csp := resp.Header.Get("Content-Security-Policy"); !strings.Contains(csp, "default-src 'none'") {
			t.Errorf("%s: %s", path, csp)
		}
		pages = append(pages, string(body))
	}
	if pages[0] != pages[1] || pages[0] != pages[2] {
		t.Error("the pages differ")
	}
	if resp, _ := labtest.Ask(t, http.MethodGet, server.URL+"/PC%20TEST/other", nil); resp.StatusCode != http.StatusNotFound {
		t.Errorf("/PC TEST/other: %s", resp.Status)
	}
}
