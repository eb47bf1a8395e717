package logins

import (
	"archive/zip"
	"bytes"
	"crypto/x509"
	"encoding/json"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/go-ldap/ldap/v3"

	"github.com/igc-lab/igc/internal/labtest"
	"github.com/igc-lab/igc/internal/peer"
)

// One loss is seen everywhere: within a second of igc card lose, whoever reads the status of a
// card, by whatever way, learns it.
func TestOneLoss(t *testing.T) {
	peer.Need(t, "openssl")
	l := labtest.New(t, "--key", "p256")
	s := l.Serve()
	p := newProvider(l, s)
	ctx := t.Context()
	card := l.Issue("--fixture", "alain", "--clear-keys")
	const holder = "899700209812"
	file := card.File("authentication.pem")
	cert := loadCard(t, file, card.File("authentication.clear.key"))
	leaf, err := x509.ParseCertificate(cert.Certificate[0])
	if err != nil {
		t.Fatal(err)
	}
	var key struct{ Key string }
	unmarshal(t, l.Must("annuaire", "key", "add", "reader", "--restricted", "--json"), &key)
	issuer, chain := filepath.Join(t.TempDir(), "aci.pem"), filepath.Join(t.TempDir(), "acr.pem")
	for name, authority := range map[string]string{issuer: "ACI-FO-PP", chain: "ACR-FO"} {
		if err := os.WriteFile(name, []byte(l.Must("show", "--pem", authority)), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	desk := strings.TrimSuffix(s.URLs["desk"], "/")
	publication := strings.TrimSuffix(s.URLs["publication"], "/")
	b := p.browser(cert)
	defer b.close()
	get := func(who *person, address string, header ...string) []byte {
		t.Helper()
		r, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
		if err != nil {
			t.Fatal(err)
		}
		for i := 0; i+1 < len(header); i += 2 {
			r.Header.Set(header[i], header[i+1])
		}
		answer, err := who.http.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		defer answer.Body.Close()
		body, err := io.ReadAll(answer.Body)
		if err != nil || answer.StatusCode != http.StatusOK {
			t.Fatalf("%s: %s %v %.200s", address, answer.Status, err, body)
		}
		return body
	}
	inCRL := func(der []byte) bool {
		list, err := x509.ParseRevocationList(der)
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range list.RevokedCertificateEntries {
			if e.SerialNumber.Cmp(leaf.SerialNumber) == 0 {
				return true
			}
		}
		return false
	}
	directory, err := ldap.DialURL(strings.TrimSuffix(s.URLs["directory"], "/"))
	if err != nil {
		t.Fatal(err)
	}
	defer directory.Close()
	search := func(base, filter, attribute string) *ldap.SearchResult {
		t.Helper()
		found, err := directory.Search(ldap.NewSearchRequest(base, ldap.ScopeWholeSubtree, 0, 0, 0, false, filter,
			[]string{attribute}, nil))
		if err != nil {
			t.Fatal(err)
		}
		return found
	}
	live := liveLine(t, b, s.URLs["testssl"])

	got, err := b.byCard(ctx)
	if err != nil || got.to.Get("code") == "" {
		t.Fatalf("%+v, %v", got, err)
	}
	tokens, err := b.redeem(ctx, got.to.Get("code"))
	if err != nil || tokens.status != 200 {
		t.Fatalf("%v, %v", tokens, err)
	}

	readers := []struct {
		name string
		lost func() bool // says that the card is lost
	}{
		{"CRL", func() bool { return inCRL(get(b, publication+"/CRL/ACI-FO-PP-TEST.crl")) }},
		{"delta CRL", func() bool { return inCRL(get(b, publication+"/CRL/ACI-FO-PP-TEST-delta.crl")) }},
		{"CRL in the directory", func() bool {
			for _, e := range search("C=FR", "(objectClass=pkiCA)", "certificateRevocationList;binary").Entries {
				for _, der := range e.GetRawAttributeValues("certificateRevocationList;binary") {
					if inCRL(der) {
						return true
					}
				}
			}
			return false
		}},
		{"certificate in the directory", func() bool {
			for _, e := range search("o=gip-cps,c=fr", "(uid="+holder+")", "userCertificate;binary").Entries {
				for _, der := range e.GetRawAttributeValues("userCertificate;binary") {
					if bytes.Equal(der, leaf.Raw) {
						return false
					}
				}
			}
			return true
		}},
		{"OCSP", func() bool {
			out, err := peer.Try(t, "openssl", "ocsp", "-issuer", issuer, "-CAfile", chain, "-verify_other", issuer,
				"-url", publication+"/ocsp", "-cert", file)
			if err != nil {
				t.Fatal(err, out)
			}
			return strings.Contains(out, ": revoked")
		}},
		{"Porteurs_CPS_CPF", func() bool {
			fields := porteur(t, get(b, desk+"/annuaire-sante-webservices/V300/services/extraction/Porteurs_CPS_CPF"),
				card.CardNumber)
			return fields["Date opposition"] != ""
		}},
		{"restricted FHIR", func() bool {
			return bytes.Contains(get(b, desk+"/fhir/v2/Practitioner?number-smartcard="+card.CardNumber,
				"ESANTE-API-KEY", key.Key), []byte("oppositionDate"))
		}},
		{"session of Pro Santé Connect", func() bool {
			a, err := b.call(ctx, "/token/introspect", "token", tokens.AccessToken)
			if err != nil {
				t.Fatal(err)
			}
			return !a.Active
		}},
		{"login of Pro Santé Connect", func() bool {
			who := p.browser(cert)
			defer who.close()
			got, err := who.byCard(ctx)
			if err != nil {
				t.Fatal(err)
			}
			return got.status == http.StatusForbidden && strings.Contains(got.body, "REV-CRL-REVOKED")
		}},
		{"TestSSL", func() bool {
			var report struct{ Verdict string }
			unmarshal(t, string(get(b, s.URLs["testssl"]+"api/v1/card")), &report)
			return report.Verdict == "REV-CRL-REVOKED"
		}},
		{"TestSSL's live line", func() bool {
			select {
			case verdict := <-live:
				return verdict == "REV-CRL-REVOKED"
			default:
				return false
			}
		}},
	}
	for _, r := range readers {
		if r.lost() {
			t.Fatalf("%s: lost before it is", r.name)
		}
	}
	l.Must("card", "lose", card.CardNumber, "--code", "12345678")
	returned := time.Now()
	for _, r := range readers {
		asked := time.Now()
		eventually(t, r.name, r.lost)
		// those before this one had their time too: what counts is from the first question on
		if late := time.Since(asked); late > atOnce {
			t.Errorf("%s: after %s", r.name, late)
		}
	}
	t.Logf("%d readers, asked one after the other, know after %s", len(readers), time.Since(returned))

	// the public does not learn of the opposition by FHIR, as with the real one
	if body := get(b, desk+"/fhir/v2/Practitioner?number-smartcard="+card.CardNumber); bytes.Contains(body,
		[]byte("oppositionDate")) || !bytes.Contains(body, []byte(card.CardNumber)) {
		t.Errorf("public FHIR: %s", body)
	}
}

// porteur is a card's line of the extraction, by the names of its columns.
func porteur(t testing.TB, archive []byte, number string) map[string]string {
	t.Helper()
	z, err := zip.NewReader(bytes.NewReader(archive), int64(len(archive)))
	if err != nil || len(z.File) != 1 {
		t.Fatal(err)
	}
	f, err := z.File[0].Open()
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	text, err := io.ReadAll(f)
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(strings.TrimRight(string(text), "\r\n"), "\n")
	names := strings.Split(lines[0], "|")
	for _, line := range lines[1:] {
		values, fields := strings.Split(line, "|"), map[string]string{}
		for i, name := range names {
			if i < len(values) {
				fields[name] = strings.TrimSpace(values[i])
			}
		}
		if fields["Numéro carte"] == number {
			return fields
		}
	}
	t.Fatalf("card %s is not in the extraction", number)
	return nil
}

// liveLine follows the live line of TestSSL's page: the verdicts that it is told.
func liveLine(t testing.TB, b *person, testssl string) <-chan string {
	t.Helper()
	answer, err := b.http.Get(testssl + "events")
	if err != nil || answer.StatusCode != http.StatusOK {
		t.Fatalf("%v %v", answer, err)
	}
	t.Cleanup(func() { answer.Body.Close() })
	verdicts := make(chan string, 16)
	go func() {
		buffer := make([]byte, 64<<10)
		for {
			n, err := answer.Body.Read(buffer)
			for line := range strings.Lines(string(buffer[:n])) {
				data, ok := strings.CutPrefix(line, "data:")
				var event struct{ Verdict string }
				if ok && json.Unmarshal([]byte(data), &event) == nil && event.Verdict != "OK" {
					verdicts <- event.Verdict
				}
			}
			if err != nil {
				return
			}
		}
	}()
	return verdicts
}
