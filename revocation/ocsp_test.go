package revocation

import (
	"bytes"
	"crypto"
	"encoding/asn1"
	"encoding/base64"
	"io"
	"log/slog"
	"math/big"
	"net/http"
	"net/http/httptest"
	"net/url"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"crypto/x509"

	"golang.org/x/crypto/ocsp"

	"github.com/igc-lab/igc/ca"
	"github.com/igc-lab/igc/fixtures"
	"github.com/igc-lab/igc/profiles"
)

// testLab is a lab with fast keys and one card, held by the test.
type testLab struct {
	*ca.Lab
	now   time.Time
	cards []*ca.Record // authentication certificates
}

func newTestLab(t testing.TB, cards int) *testLab {
	t.Helper()
	config := ca.DefaultConfig()
	config.Key = ca.P256
	l := &testLab{now: time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)}
	lab, err := ca.Create(filepath.Join(t.TempDir(), "lab"), config, ca.Options{Now: func() time.Time { return l.now }})
	if err != nil {
		t.Fatal(err)
	}
	if err := lab.Hold(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { lab.Release() })
	l.Lab = lab
	alain, err := fixtures.Find("alain")
	if err != nil {
		t.Fatal(err)
	}
	for range cards {
		keys := map[string][]byte{}
		for _, role := range []string{"authentication", "signature"} {
			key, err := ca.P256.Generate()
			if err != nil {
				t.Fatal(err)
			}
			if keys[role], err = x509.MarshalPKIXPublicKey(key.Public()); err != nil {
				t.Fatal(err)
			}
		}
		issued, err := lab.Issue(t.Context(), ca.IssueRequest{Product: alain.Product, Holder: alain.Holder, PublicKeys: keys})
		if err != nil {
			t.Fatal(err)
		}
		l.cards = append(l.cards, issued.Records[0])
	}
	return l
}

func (l *testLab) certificates(t testing.TB, r *ca.Record) (leaf, issuer *x509.Certificate) {
	t.Helper()
	leaf, err := r.Certificate()
	if err != nil {
		t.Fatal(err)
	}
	a, err := profiles.ParseAuthority(r.Authority)
	if err != nil {
		t.Fatal(err)
	}
	i, err := l.Issuer(t.Context(), a)
	if err != nil {
		t.Fatal(err)
	}
	return leaf, i.Certificate
}

// ask puts the question to the responder the way x/crypto/ocsp writes it, and reads the answer the way it reads it.
func (l *testLab) ask(t testing.TB, r *Responder, leaf, issuer *x509.Certificate, hash crypto.Hash) *ocsp.Response {
	t.Helper()
	request, err := ocsp.CreateRequest(leaf, issuer, &ocsp.RequestOptions{Hash: hash})
	if err != nil {
		t.Fatal(err)
	}
	der, err := r.Answer(t.Context(), request)
	if err != nil {
		t.Fatal(err)
	}
	answer, err := ocsp.ParseResponseForCert(der, leaf, issuer) // verifies the signature and the delegation
	if err != nil {
		t.Fatal(err)
	}
	return answer
}

func TestAnswers(t *testing.T) {
	l := newTestLab(t, 2)
	r := NewResponder(l.Lab, func() time.Time { return l.now })
	leaf, issuer := l.certificates(t, l.cards[0])
	for _, hash := range []crypto.Hash{crypto.SHA1, crypto.SHA256, crypto.SHA384, crypto.SHA512} {
		if got := l.ask(t, r, leaf, issuer, hash); got.Status != ocsp.Good || !got.ThisUpdate.Equal(l.now) {
			t.Errorf("%v: status %d at %s, want good now", hash, got.Status, got.ThisUpdate)
		}
	}
	l.now = l.now.Add(time.Hour)
	if _, err := l.Revoke(t.Context(), l.cards[0].Serial, "keyCompromise"); err != nil {
		t.Fatal(err)
	}
	if got := l.ask(t, r, leaf, issuer, crypto.SHA1); got.Status != ocsp.Revoked || got.RevocationReason != ocsp.KeyCompromise || !got.RevokedAt.Equal(l.now) {
		t.Errorf("after the revocation: status %d, reason %d, at %s", got.Status, got.RevocationReason, got.RevokedAt)
	}
	other, _ := l.certificates(t, l.cards[1])
	if got := l.ask(t, r, other, issuer, crypto.SHA1); got.Status != ocsp.Good {
		t.Errorf("the other card: status %d, want good", got.Status)
	}
	never := *leaf
	never.SerialNumber = new(big.Int).Add(leaf.SerialNumber, big.NewInt(1))
	if got := l.ask(t, r, &never, issuer, crypto.SHA1); got.Status != ocsp.Unknown {
		t.Errorf("a serial number never issued: status %d, want unknown", got.Status)
	}
	// the responder's certificate is the delegated one of the profile
	answer := l.ask(t, r, leaf, issuer, crypto.SHA1)
	d, err := profiles.Decode(answer.Certificate.Raw)
	if err != nil {
		t.Fatal(err)
	}
	if d.Profile == nil || d.Profile.ID() != "ocsp/responder" || len(d.Findings) > 0 {
		t.Errorf("responder's profile: %v, findings %v", d.Profile, d.Findings)
	}
}

// The responder's certificate is renewed when half of its week is over.
func TestResponderRenewsItself(t *testing.T) {
	l := newTestLab(t, 1)
	r := NewResponder(l.Lab, func() time.Time { return l.now })
	leaf, issuer := l.certificates(t, l.cards[0])
	first := l.ask(t, r, leaf, issuer, crypto.SHA1).Certificate
	l.now = l.now.Add(3 * 24 * time.Hour)
	if again := l.ask(t, r, leaf, issuer, crypto.SHA1).Certificate; !again.Equal(first) {
		t.Error("renewed after three days of seven")
	}
	l.now = l.now.Add(24 * time.Hour)
	if again := l.ask(t, r, leaf, issuer, crypto.SHA1).Certificate; again.Equal(first) || !l.now.Before(again.NotAfter) {
		t.Error("not renewed after four days of seven")
	}
}

func TestRefusals(t *testing.T) {
	l := newTestLab(t, 1)
	r := NewResponder(l.Lab, func() time.Time { return l.now })
	leaf, issuer := l.certificates(t, l.cards[0])
	valid, err := ocsp.CreateRequest(leaf, issuer, nil)
	if err != nil {
		t.Fatal(err)
	}
	elsewhere := *issuer
	elsewhere.RawSubject = leaf.RawSubject
	stranger, err := ocsp.CreateRequest(leaf, &elsewhere, nil)
	if err != nil {
		t.Fatal(err)
	}
	for name, tc := range map[string]struct {
		request []byte
		want    responseStatus
	}{
		"empty":               {nil, malformedRequest},
		"cut short":           {valid[:len(valid)-1], malformedRequest},
		"something follows":   {append(bytes.Clone(valid), 0), malformedRequest},
		"text":                {[]byte("GET / HTTP/1.1\r\n\r\n"), malformedRequest},
		"no certificate":      {[]byte{0x30, 4, 0x30, 2, 0x30, 0}, malformedRequest},
		"another's authority": {stranger, unauthorized},
	} {
		if got, err := r.Answer(t.Context(), tc.request); err != nil || !bytes.Equal(got, tc.want.refusal()) {
			t.Errorf("%s: %x, %v; want status %d", name, got, err, tc.want)
		}
	}
}

// A nonce comes back as it was sent.
func TestNonce(t *testing.T) {
	l := newTestLab(t, 1)
	r := NewResponder(l.Lab, func() time.Time { return l.now })
	leaf, issuer := l.certificates(t, l.cards[0])
	plain, err := ocsp.CreateRequest(leaf, issuer, nil)
	if err != nil {
		t.Fatal(err)
	}
	nonce := append([]byte{4, 32}, bytes.Repeat([]byte{0xa5}, 32)...)
	request := withNonce(t, plain, nonce)
	got, err := r.Answer(t.Context(), request)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := ocsp.ParseResponseForCert(got, leaf, issuer); err != nil {
		t.Fatal(err)
	}
	if !bytes.Contains(got, nonce) {
		t.Error("the answer does not hold the nonce")
	}
	if without, err := r.Answer(t.Context(), plain); err != nil || bytes.Contains(without, nonce) {
		t.Errorf("an answer to a request without a nonce holds one (%v)", err)
	}
	if long, err := r.Answer(t.Context(), withNonce(t, plain, append([]byte{4, 0x81, 200}, make([]byte, 200)...))); err != nil || !bytes.Equal(long, malformedRequest.refusal()) {
		t.Errorf("a nonce of 200 bytes: %x, %v; want malformedRequest", long, err)
	}
}

// withNonce adds a nonce extension to an OCSPRequest.
func withNonce(t testing.TB, request, nonce []byte) []byte {
	t.Helper()
	type ext struct {
		ID    asn1.ObjectIdentifier
		Value []byte
	}
	var outer struct{ TBS struct{ List asn1.RawValue } }
	if _, err := asn1.Unmarshal(request, &outer); err != nil {
		t.Fatal(err)
	}
	der, err := asn1.Marshal(struct {
		TBS struct {
			List       asn1.RawValue
			Extensions []ext `asn1:"explicit,tag:2"`
		}
	}{struct {
		List       asn1.RawValue
		Extensions []ext `asn1:"explicit,tag:2"`
	}{outer.TBS.List, []ext{{oidNonce, nonce}}}})
	if err != nil {
		t.Fatal(err)
	}
	return der
}

func newPublication(t testing.TB, l *testLab) *httptest.Server {
	now := func() time.Time { return l.now }
	server := httptest.NewServer(NewPublication(l.Lab, NewLists(l.Lab, now), NewResponder(l.Lab, now), slog.New(slog.NewTextHandler(io.Discard, nil))))
	t.Cleanup(server.Close)
	return server
}

// GET carries the request as base64 in the path, where slashes stand side by side, escaped or not.
func TestOCSPOverHTTP(t *testing.T) {
	l := newTestLab(t, 1)
	server := newPublication(t, l)
	leaf, issuer := l.certificates(t, l.cards[0])
	request, err := ocsp.CreateRequest(leaf, issuer, nil)
	if err != nil {
		t.Fatal(err)
	}
	// a nonce whose base64 holds "//" and "+"
	request = withNonce(t, request, append([]byte{4, 33}, bytes.Repeat([]byte{0xff, 0xff, 0xff, 0xfb, 0xef}, 7)[:33]...))
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
		"GET":                    get("/ocsp/" + encoded),
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
		if answer, err := ocsp.ParseResponseForCert(body, leaf, issuer); err != nil || answer.Status != ocsp.Good {
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
	server := newPublication(t, newTestLab(t, 0))
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

func FuzzParseRequest(f *testing.F) {
	l := newTestLab(f, 1)
	leaf, issuer := l.certificates(f, l.cards[0])
	request, err := ocsp.CreateRequest(leaf, issuer, nil)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(request)
	f.Add(withNonce(f, request, []byte{4, 1, 7}))
	f.Add([]byte{0x30, 0})
	f.Fuzz(func(t *testing.T, der []byte) {
		ours, err := parseRequest(der)
		if err != nil {
			return
		}
		// what both read, both read alike
		if theirs, err := ocsp.ParseRequest(der); err == nil {
			first := ours.ids[0]
			var id struct {
				Algorithm asn1.RawValue
				Name, Key []byte
				Serial    *big.Int
			}
			number, positive := first.number()
			if _, err := asn1.Unmarshal(first.raw, &id); err != nil || id.Serial.Cmp(theirs.SerialNumber) != 0 || !bytes.HasSuffix(first.issuer, theirs.IssuerKeyHash) ||
				!bytes.Equal(id.Name, theirs.IssuerNameHash) || positive && new(big.Int).SetBytes(number).Cmp(theirs.SerialNumber) != 0 {
				t.Errorf("read otherwise than x/crypto/ocsp does: %x", der)
			}
		}
	})
}
