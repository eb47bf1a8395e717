package testssl

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/igc-lab/igc/internal/jsonschema"
	"github.com/igc-lab/igc/verify"
)

// listed reports whether verify has the code.
func listed(code verify.Code) bool {
	return slices.ContainsFunc(verify.Checks(), func(k *verify.Kind) bool {
		return slices.ContainsFunc(k.Codes, func(o *verify.Outcome) bool { return o.Code == code })
	})
}

// present gives a client's certificates to every representation of TestSSL, past TLS: each must be
// whole, and name its code.
func (s *site) present(t testing.TB, schema jsonschema.Schema, certificates []*x509.Certificate) verify.Code {
	t.Helper()
	state := &tls.ConnectionState{Version: tls.VersionTLS13, CipherSuite: tls.TLS_AES_128_GCM_SHA256, PeerCertificates: certificates}
	handler := s.https[TLS13.Name].Handler
	get := func(path string) string {
		r := httptest.NewRequest(http.MethodGet, "https://localhost"+path, nil)
		r.TLS = state
		w := httptest.NewRecorder()
		handler.ServeHTTP(w, r)
		if w.Code != http.StatusOK {
			t.Fatalf("%s: %d %s", path, w.Code, w.Body)
		}
		return w.Body.String()
	}
	body := get("/api/v1/card")
	if err := schema.Check(json.RawMessage(body)); err != nil {
		t.Fatal(err)
	}
	var r verify.Report
	if err := json.Unmarshal([]byte(body), &r); err != nil {
		t.Fatal(err)
	}
	if r.Verdict != verify.OK && !listed(r.Verdict) || r.OK != (r.Verdict == verify.OK) {
		t.Fatalf("verdict %q, ok: %t", r.Verdict, r.OK)
	}
	for _, lang := range []string{"fr", "en"} {
		if page := get("/?lang=" + lang); !r.OK && !strings.Contains(page, string(r.Verdict)) || !strings.HasSuffix(strings.TrimSpace(page), "</html>") {
			t.Fatalf("the page does not name %s, or is not whole", r.Verdict)
		}
	}
	get("/card.pem")
	if get("/card.der") != string(certificates[0].Raw) {
		t.Fatal("card.der is another certificate")
	}
	return r.Verdict
}

func cardSchema(t testing.TB) jsonschema.Schema {
	t.Helper()
	schema, err := jsonschema.Load("../docs/card.schema.json")
	if err != nil {
		t.Fatal(err)
	}
	return schema
}

// FuzzCard presents any certificates at all, with a leaf and one above it. What crypto/x509 cannot
// read ends in TLS.
func FuzzCard(f *testing.F) {
	s := newSite(f)
	schema := cardSchema(f)
	for _, c := range issue(f, s.lab, time.Time{}) {
		f.Add(c.Certificate[0], []byte{})
	}
	infos, err := s.lab.Authorities(f.Context())
	if err != nil {
		f.Fatal(err)
	}
	for i, info := range infos {
		f.Add(info.DER, infos[(i+1)%len(infos)].DER)
	}
	f.Add(selfSigned(f, s.now()).Certificate[0], infos[0].DER)
	f.Fuzz(func(t *testing.T, leaf, above []byte) {
		first, err := x509.ParseCertificate(leaf)
		if err != nil {
			return
		}
		chain := []*x509.Certificate{first}
		if second, err := x509.ParseCertificate(above); err == nil {
			chain = append(chain, second)
		}
		s.present(t, schema, chain)
	})
}

// TestLimbo presents the certificates of x509-limbo (github.com/C2SP/x509-limbo), a collection of
// what verifiers trip over. IGC_LIMBO names its limbo.json, or a file of the same form; it is
// large, and no part of the project.
func TestLimbo(t *testing.T) {
	name := os.Getenv("IGC_LIMBO")
	if name == "" {
		t.Skip("SKIPPED: IGC_LIMBO does not name a limbo.json of github.com/C2SP/x509-limbo")
	}
	file, err := os.Open(name)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	var limbo struct {
		Testcases []struct {
			ID    string   `json:"id"`
			Leaf  string   `json:"peer_certificate"`
			Above []string `json:"untrusted_intermediates"`
		} `json:"testcases"`
	}
	if err := json.NewDecoder(io.LimitReader(file, 200<<20)).Decode(&limbo); err != nil {
		t.Fatal(err)
	}
	s, schema := newSite(t), cardSchema(t)
	verdicts := map[verify.Code]int{}
	for _, c := range limbo.Testcases {
		var chain []*x509.Certificate
		for _, text := range append([]string{c.Leaf}, c.Above...) {
			if block, _ := pem.Decode([]byte(text)); block != nil {
				if parsed, err := x509.ParseCertificate(block.Bytes); err == nil {
					chain = append(chain, parsed)
				} else if chain == nil {
					verdicts["TLS-REFUSED"]++
					break
				}
			}
		}
		if chain != nil {
			verdicts[s.present(t, schema, chain)]++
		}
	}
	t.Logf("%d cases: %v", len(limbo.Testcases), verdicts)
	if len(limbo.Testcases) < 10 || verdicts[verify.OK] > 0 || verdicts["CHAIN-UNKNOWN-ROOT"] < 10 {
		t.Errorf("of %d cases: %v", len(limbo.Testcases), verdicts)
	}
}
