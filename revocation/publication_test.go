package revocation

import (
	"bytes"
	"crypto/x509"
	"net/http"
	"os"
	"path/filepath"
	"testing"

	"github.com/igc-lab/igc/internal/labtest"
	"github.com/igc-lab/igc/profiles"
)

func TestPublication(t *testing.T) {
	l := newTestLab(t, 1)
	server := newPublication(t, l)
	fetch := func(method, path string, header ...string) (*http.Response, []byte) {
		t.Helper()
		return labtest.Ask(t, method, server.URL+path, nil, header...)
	}
	for path, kind := range map[string]string{"/CRL/ACI-FO-PP-TEST.crl": "application/pkix-crl", "/CRL/ACR-FO-TEST.crl": "application/pkix-crl",
		"/AC%20TEST/ACI-FO-PP-TEST.cer": "application/pkix-cert", "/AC%20TEST/Chaine_de_certification-IGC-Sante-TEST.p7b": "application/x-pkcs7-certificates",
		"/PC%20TEST": "text/html; charset=utf-8"} {
		resp, body := fetch(http.MethodGet, path)
		if resp.StatusCode != http.StatusOK || resp.Header.Get("Content-Type") != kind || len(body) == 0 {
			t.Errorf("GET %s: %s, %s, %d bytes", path, resp.Status, resp.Header.Get("Content-Type"), len(body))
		}
		if head, nothing := fetch(http.MethodHead, path); head.StatusCode != http.StatusOK || len(nothing) != 0 {
			t.Errorf("HEAD %s: %s, %d bytes", path, head.Status, len(nothing))
		}
	}
	for _, path := range []string{"/CRL/ACI-EL-PP-TEST.crl", "/CRL/ACI-FO-PP.crl", "/CRL/aci-fo-pp-TEST.crl", "/CRL/../igc.yaml", "/CRL/x", "/AC%20TEST/ACI-FO-PP.cer", "/igc.db"} {
		if resp, _ := fetch(http.MethodGet, path); resp.StatusCode != http.StatusNotFound {
			t.Errorf("GET %s: %s, want 404", path, resp.Status)
		}
	}
	// a client that has the list is told so, until something is revoked
	resp, _ := fetch(http.MethodGet, "/CRL/ACI-FO-PP-TEST.crl")
	tag := resp.Header.Get("ETag")
	if resp, _ := fetch(http.MethodGet, "/CRL/ACI-FO-PP-TEST.crl", "If-None-Match", tag); resp.StatusCode != http.StatusNotModified {
		t.Errorf("conditional GET: %s", resp.Status)
	}
	if _, err := l.Revoke(t.Context(), l.Cards[0].Serial, "superseded"); err != nil {
		t.Fatal(err)
	}
	resp, body := fetch(http.MethodGet, "/CRL/ACI-FO-PP-TEST.crl", "If-None-Match", tag)
	if list, err := x509.ParseRevocationList(body); err != nil || len(list.RevokedCertificateEntries) != 1 {
		t.Errorf("after the revocation: %s, %v", resp.Status, err)
	}
	// what is published over HTTP is what stands in the folder
	a, _ := profiles.ParseAuthority("ACI-FO-PP")
	if file, err := os.ReadFile(filepath.Join(l.Home, "publication", filepath.FromSlash(a.CRLPath()))); err != nil || !bytes.Equal(file, body) {
		t.Errorf("the file is another list (%v)", err)
	}
}
