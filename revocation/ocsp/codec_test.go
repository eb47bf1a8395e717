package ocsp

import (
	"bytes"
	"crypto"
	"crypto/x509"
	"encoding/asn1"
	"encoding/pem"
	"log/slog"
	"math/big"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	cbasn1 "golang.org/x/crypto/cryptobyte/asn1"
	xocsp "golang.org/x/crypto/ocsp"

	"github.com/igc-lab/igc/internal/der"
	"github.com/igc-lab/igc/internal/labtest"
	"github.com/igc-lab/igc/internal/peer"
	"github.com/igc-lab/igc/lab"
	"github.com/igc-lab/igc/profiles"
)

var quiet = slog.New(slog.DiscardHandler)

// testLab is a lab with cards.
type testLab struct{ *labtest.CardLab }

func newTestLab(t testing.TB, cards int) *testLab { return &testLab{labtest.NewCardLab(t, cards)} }

// newResponder makes a responder that learns of every change of status.
func newResponder(t testing.TB, l *lab.Lab, now func() time.Time) *Responder {
	t.Helper()
	r := NewResponder(l, now)
	if err := l.WatchStatus(t.Context(), r.StatusChanged); err != nil {
		t.Fatal(err)
	}
	return r
}

// ask puts the question to the responder the way x/crypto/ocsp writes it, and reads the answer the
// way it reads it.
func (l *testLab) ask(t testing.TB, r *Responder, leaf, issuer *x509.Certificate, hash crypto.Hash) *xocsp.Response {
	t.Helper()
	request, err := xocsp.CreateRequest(leaf, issuer, &xocsp.RequestOptions{Hash: hash})
	if err != nil {
		t.Fatal(err)
	}
	der, err := r.Answer(t.Context(), request)
	if err != nil {
		t.Fatal(err)
	}
	answer, err := xocsp.ParseResponseForCert(der, leaf, issuer) // verifies the signature and the delegation
	if err != nil {
		t.Fatal(err)
	}
	return answer
}

func TestAnswers(t *testing.T) {
	l := newTestLab(t, 2)
	r := newResponder(t, l.Lab, l.Clock())
	leaf, issuer := l.Certificates(t, l.Cards[0])
	for _, hash := range []crypto.Hash{crypto.SHA1, crypto.SHA256, crypto.SHA384, crypto.SHA512} {
		if got := l.ask(t, r, leaf, issuer, hash); got.Status != xocsp.Good || !got.ThisUpdate.Equal(l.Now) {
			t.Errorf("%v: status %d at %s, want good now", hash, got.Status, got.ThisUpdate)
		}
	}
	l.Now = l.Now.Add(time.Hour)
	if _, err := l.Revoke(t.Context(), l.Cards[0].Serial, "keyCompromise"); err != nil {
		t.Fatal(err)
	}
	if got := l.ask(t, r, leaf, issuer, crypto.SHA1); got.Status != xocsp.Revoked || got.RevocationReason != xocsp.KeyCompromise ||
		!got.RevokedAt.Equal(l.Now) {
		t.Errorf("after the revocation: status %d, reason %d, at %s", got.Status, got.RevocationReason, got.RevokedAt)
	}
	other, _ := l.Certificates(t, l.Cards[1])
	if got := l.ask(t, r, other, issuer, crypto.SHA1); got.Status != xocsp.Good {
		t.Errorf("the other card: status %d, want good", got.Status)
	}
	never := *leaf
	never.SerialNumber = new(big.Int).Add(leaf.SerialNumber, big.NewInt(1))
	if got := l.ask(t, r, &never, issuer, crypto.SHA1); got.Status != xocsp.Unknown {
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

// nonceOf is a nonce's extension value: an OCTET STRING of n bytes.
func generalizedTime(t time.Time) []byte {
	return der.Element(cbasn1.GeneralizedTime, []byte(t.UTC().Format("20060102150405Z")))
}

// extensionDER is a non-critical extension.
func extensionDER(oid, value []byte) []byte {
	return der.Element(cbasn1.SEQUENCE, oid, der.Element(cbasn1.OCTET_STRING, value))
}

func extensionsOf(tag uint8, all ...[]byte) []byte {
	return der.Element(der.Explicit(tag), der.Element(cbasn1.SEQUENCE, all...))
}

func critical(oid, value []byte) []byte {
	return der.Element(cbasn1.SEQUENCE, oid, []byte{1, 1, 0xff}, der.Element(cbasn1.OCTET_STRING, value))
}

// What a request may be and what it gets: 0 is an answer.
func TestRequests(t *testing.T) {
	l := newTestLab(t, 1)
	r := newResponder(t, l.Lab, l.Clock())
	leaf, issuer := l.Certificates(t, l.Cards[0])
	valid, err := xocsp.CreateRequest(leaf, issuer, nil)
	if err != nil {
		t.Fatal(err)
	}
	elsewhere := *issuer
	elsewhere.RawSubject = leaf.RawSubject
	foreign, err := xocsp.CreateRequest(leaf, &elsewhere, nil)
	if err != nil {
		t.Fatal(err)
	}
	read, err := parseRequest(valid)
	if err != nil {
		t.Fatal(err)
	}
	id := read.ids[0].raw
	one := [][]byte{id}
	certID := func(parts ...[]byte) []byte {
		return labtest.OCSPRequest(nil, [][]byte{der.Element(cbasn1.SEQUENCE, parts...)}, nil, nil)
	}
	form := read.ids[0].issuer
	never := der.Element(cbasn1.INTEGER, []byte{1})
	unknownOID := []byte{6, 3, 0x2a, 3, 4}
	many := func(n int) (ids [][]byte) {
		for range n {
			ids = append(ids, id)
		}
		return ids
	}
	with := func(extensions ...[]byte) []byte {
		return labtest.OCSPRequest(nil, one, nil, extensionsOf(2, extensions...))
	}
	nonce := func(n int) []byte { return with(extensionDER(nonceDER, labtest.Nonce(n))) }
	accepts := func(types ...[]byte) []byte {
		return with(critical(responseDER, der.Element(cbasn1.SEQUENCE, types...)))
	}
	list := der.Element(cbasn1.SEQUENCE, der.Element(cbasn1.SEQUENCE, id))
	signed := der.Element(cbasn1.SEQUENCE, der.Element(cbasn1.SEQUENCE, list), der.Element(der.Explicit(0), []byte{5, 0}))
	for name, tc := range map[string]struct {
		request []byte
		want    responseStatus
	}{
		"as others write it":                 {valid, 0},
		"the same by hand":                   {labtest.OCSPRequest(nil, one, nil, nil), 0},
		"empty":                              {nil, malformedRequest},
		"cut short":                          {valid[:len(valid)-1], malformedRequest},
		"something follows":                  {append(bytes.Clone(valid), 0), malformedRequest},
		"text":                               {[]byte("GET / HTTP/1.1\r\n\r\n"), malformedRequest},
		"no certificate":                     {labtest.OCSPRequest(nil, nil, nil, nil), malformedRequest},
		"two certificates":                   {labtest.OCSPRequest(nil, many(2), nil, nil), 0},
		"as many certificates as may be":     {labtest.OCSPRequest(nil, many(maxIDs), nil, nil), 0},
		"one too many":                       {labtest.OCSPRequest(nil, many(maxIDs+1), nil, nil), malformedRequest},
		"another's authority":                {foreign, unauthorized},
		"another's, and ours":                {labtest.OCSPRequest(nil, [][]byte{der.Element(cbasn1.SEQUENCE, certIDOf(t, foreign).issuer, never), id}, nil, nil), 0},
		"a hash that nobody uses":            {certID(der.Element(cbasn1.SEQUENCE, unknownOID), labtest.Nonce(20), labtest.Nonce(20), never), unauthorized},
		"hash parameters left out":           {certID(der.Element(cbasn1.SEQUENCE, certIDHashes[0].oid), form[11:], never), 0},
		"hash parameters that are none":      {certID(der.Element(cbasn1.SEQUENCE, certIDHashes[0].oid, never), form[11:], never), unauthorized},
		"version 1, written":                 {labtest.OCSPRequest(der.Element(der.Explicit(0), []byte{2, 1, 0}), one, nil, nil), 0},
		"version 2":                          {labtest.OCSPRequest(der.Element(der.Explicit(0), []byte{2, 1, 1}), one, nil, nil), malformedRequest},
		"a requestor's name":                 {labtest.OCSPRequest(der.Element(der.Explicit(1), der.Element(cbasn1.Tag(2).ContextSpecific(), []byte("me"))), one, nil, nil), 0},
		"a signature":                        {signed, 0},
		"serial number 0":                    {certID(form, []byte{2, 1, 0}), 0},
		"a negative serial number":           {certID(form, []byte{2, 1, 0x80}), 0},
		"a serial number without contents":   {certID(form, []byte{2, 0}), malformedRequest},
		"a serial number with zeros before":  {certID(form, []byte{2, 2, 0, 1}), malformedRequest},
		"a serial number of 10 kB":           {certID(form, der.Element(cbasn1.INTEGER, bytes.Repeat([]byte{1}, 10<<10))), 0},
		"nonce of 0":                         {nonce(0), malformedRequest}, // RFC 9654 §2.1
		"nonce of 1":                         {nonce(1), 0},
		"nonce of 128":                       {nonce(128), 0},
		"nonce of 129":                       {nonce(129), malformedRequest},
		"nonce without its OCTET STRING":     {with(extensionDER(nonceDER, []byte{1, 2, 3})), malformedRequest},
		"two nonces":                         {with(extensionDER(nonceDER, labtest.Nonce(1)), extensionDER(nonceDER, labtest.Nonce(1))), malformedRequest},
		"critical nonce":                     {with(critical(nonceDER, labtest.Nonce(32))), 0},
		"empty extensions":                   {with(), malformedRequest},
		"unknown extension":                  {with(extensionDER(unknownOID, nil)), 0},
		"unknown critical extension":         {with(critical(unknownOID, nil)), unauthorized},
		"unknown single extension":           {labtest.OCSPRequest(nil, one, extensionsOf(0, extensionDER(unknownOID, nil)), nil), 0},
		"unknown critical single extension":  {labtest.OCSPRequest(nil, one, extensionsOf(0, critical(unknownOID, nil)), nil), unauthorized},
		"accepts the basic response":         {accepts(unknownOID, basicDER), 0},
		"accepts another response only":      {accepts(unknownOID), unauthorized},
		"critical, not a BOOLEAN's contents": {with(der.Element(cbasn1.SEQUENCE, unknownOID, []byte{1, 1, 7}, labtest.Nonce(1))), malformedRequest},
	} {
		got, err := r.Answer(t.Context(), tc.request)
		if err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if tc.want != 0 && !bytes.Equal(got, tc.want.refusal()) {
			t.Errorf("%s: %x, want status %d", name, got, tc.want)
		}
		if tc.want == 0 && !isAnswer(got) {
			t.Errorf("%s: %x, want an answer", name, got)
		}
	}
}

func certIDOf(t testing.TB, request []byte) certID {
	t.Helper()
	r, err := parseRequest(request)
	if err != nil {
		t.Fatal(err)
	}
	return r.ids[0]
}

// A nonce comes back as it was sent, and is in no answer to who sent none.
func TestNonce(t *testing.T) {
	l := newTestLab(t, 1)
	r := newResponder(t, l.Lab, l.Clock())
	leaf, issuer := l.Certificates(t, l.Cards[0])
	plain, err := xocsp.CreateRequest(leaf, issuer, nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, size := range []int{1, 16, 32, 128} {
		nonce := labtest.Nonce(size)
		got, err := r.Answer(t.Context(), labtest.WithNonce(t, plain, nonce))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := xocsp.ParseResponseForCert(got, leaf, issuer); err != nil {
			t.Fatal(err)
		}
		if !bytes.Contains(got, append(bytes.Clone(nonceDER), der.Element(cbasn1.OCTET_STRING, nonce)...)) {
			t.Errorf("the answer does not hold the nonce of %d bytes", size)
		}
		if without, err := r.Answer(t.Context(), plain); err != nil || bytes.Contains(without, nonceDER) {
			t.Errorf("an answer to a request without a nonce holds one (%v)", err)
		}
	}
}

// The settings of igc.yaml, each by what an answer says.
func TestSettings(t *testing.T) {
	never := func(leaf *x509.Certificate) *x509.Certificate {
		other := *leaf
		other.SerialNumber = new(big.Int).Add(leaf.SerialNumber, big.NewInt(1))
		return &other
	}
	same := func(leaf *x509.Certificate) *x509.Certificate { return leaf }
	archive := func(at time.Time) []byte {
		return der.Element(der.Explicit(1), der.Element(cbasn1.SEQUENCE, extensionDER(archiveCutoffDER, generalizedTime(at))))
	}
	extended := der.Element(der.Explicit(1), der.Element(cbasn1.SEQUENCE, der.Element(cbasn1.SEQUENCE, extendedDER, []byte{4, 2, 5, 0})))
	type seen struct {
		*xocsp.Response
		der    []byte
		now    time.Time
		issuer *x509.Certificate
	}
	has := func(a seen, der []byte) bool { return bytes.Contains(a.der, der) }
	for name, tc := range map[string]struct {
		set   func(*lab.OCSP)
		of    func(*x509.Certificate) *x509.Certificate
		judge func(a seen) bool
	}{
		"by default": {func(*lab.OCSP) {}, same, func(a seen) bool {
			return a.Status == xocsp.Good && a.RawResponderName == nil && bytes.Equal(a.ResponderKeyHash, a.Certificate.SubjectKeyId) &&
				a.NextUpdate.Equal(a.now.Add(time.Hour)) && !has(a, archiveCutoffDER) && !has(a, extendedDER) &&
				a.SignatureAlgorithm == x509.ECDSAWithSHA256
		}},
		"responder's name": {func(o *lab.OCSP) { o.ResponderID = "name" }, same, func(a seen) bool {
			return bytes.Equal(a.RawResponderName, a.Certificate.RawSubject) && a.ResponderKeyHash == nil
		}},
		"RSA key": {func(o *lab.OCSP) { o.Key = "rsa2048" }, same, func(a seen) bool {
			return a.SignatureAlgorithm == x509.SHA256WithRSA
		}},
		"validity": {func(o *lab.OCSP) { o.Validity = 10 * time.Minute }, same, func(a seen) bool {
			return a.ThisUpdate.Equal(a.now) && a.ProducedAt.Equal(a.now) && a.NextUpdate.Equal(a.now.Add(10*time.Minute))
		}},
		"archive since the authority began": {func(o *lab.OCSP) { o.ArchiveCutoff = "issuer" }, same, func(a seen) bool {
			return has(a, archive(a.issuer.NotBefore))
		}},
		"archive of seven years": {func(o *lab.OCSP) { o.ArchiveCutoff = "2557" }, same, func(a seen) bool {
			return has(a, archive(a.now.AddDate(0, 0, -2557)))
		}},
		"never issued": {func(o *lab.OCSP) { o.ArchiveCutoff = "issuer" }, never, func(a seen) bool {
			return a.Status == xocsp.Unknown && !has(a, archiveCutoffDER)
		}},
		"never issued is revoked": {func(o *lab.OCSP) { o.NeverIssued = "revoked" }, never, func(a seen) bool {
			return a.Status == xocsp.Revoked && a.RevocationReason == xocsp.CertificateHold && a.RevokedAt.Equal(time.Unix(0, 0)) && has(a, extended)
		}},
		"issued, where never issued is revoked": {func(o *lab.OCSP) { o.NeverIssued = "revoked" }, same, func(a seen) bool {
			return a.Status == xocsp.Good && !has(a, extendedDER)
		}},
	} {
		t.Run(name, func(t *testing.T) {
			l := newTestLab(t, 1)
			tc.set(&l.Config.OCSP)
			r := newResponder(t, l.Lab, l.Clock())
			leaf, issuer := l.Certificates(t, l.Cards[0])
			request, err := xocsp.CreateRequest(tc.of(leaf), issuer, nil)
			if err != nil {
				t.Fatal(err)
			}
			der, err := r.Answer(t.Context(), request)
			if err != nil {
				t.Fatal(err)
			}
			if answer := l.ask(t, r, tc.of(leaf), issuer, crypto.SHA1); !tc.judge(seen{answer, der, l.Now, issuer}) {
				t.Errorf("%+v\n%x", answer, der)
			}
		})
	}
}

// openssl and gnutls read what x/crypto does not: several certificates in one request, the
// extensions, the archive.
func TestOCSPBesideOthers(t *testing.T) {
	l := newTestLab(t, 2)
	l.Config.OCSP.NeverIssued, l.Config.OCSP.ArchiveCutoff, l.Config.OCSP.ResponderID = "revoked", "issuer", "name"
	l.Now = time.Now()
	server := newServer(t, l)
	if _, err := l.Revoke(t.Context(), l.Cards[1].Serial, "cessationOfOperation"); err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	file := func(name string, certificates ...*x509.Certificate) string {
		var data []byte
		for _, c := range certificates {
			data = append(data, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: c.Raw})...)
		}
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, data, 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	one, issuer := l.Certificates(t, l.Cards[0])
	two, _ := l.Certificates(t, l.Cards[1])
	i, err := l.Issuer(t.Context(), l.Issuing())
	if err != nil {
		t.Fatal(err)
	}
	root, issuing, good, revoked := file("root.pem", i.Chain()[1]), file("issuing.pem", issuer), file("good.pem", one), file("revoked.pem", two)
	ask := []string{"ocsp", "-issuer", issuing, "-CAfile", root, "-verify_other", issuing, "-url", server.URL + "/ocsp"}
	ask = ask[:len(ask):len(ask)]
	for name, tc := range map[string]struct {
		program string
		args    []string
		wants   []string
	}{
		"openssl, three at once, SHA-256": {"openssl", append(ask, "-sha256", "-cert", good, "-cert", revoked, "-serial", "0x01", "-resp_text"),
			[]string{"Response verify OK", "good.pem: good", "revoked.pem: revoked", "Reason: cessationOfOperation", "0x01: revoked",
				"Reason: certificateHold", "Revocation Time: Jan  1 00:00:00 1970 GMT", "OCSP Nonce", "OCSP Archive Cutoff", "Responder Id: C",
				"valid:"}}, // its name for extended-revoke
		"openssl, no nonce": {"openssl", append(ask, "-no_nonce", "-cert", good), []string{"Response verify OK", "good.pem: good"}},
		"gnutls": {"ocsptool", []string{"--ask=" + server.URL + "/ocsp", "--load-issuer=" + issuing, "--load-trust=" + issuing, "--load-cert", revoked},
			[]string{"Verifying OCSP Response: Success", "Certificate Status: revoked"}},
	} {
		t.Run(name, func(t *testing.T) {
			out, _ := peer.Try(t, tc.program, tc.args...) // gnutls fails on a revoked one
			for _, want := range tc.wants {
				if !strings.Contains(out, want) {
					t.Errorf("no %q in:\n%s", want, out)
				}
			}
		})
	}
}

func FuzzParseRequest(f *testing.F) {
	l := newTestLab(f, 1)
	leaf, issuer := l.Certificates(f, l.Cards[0])
	request, err := xocsp.CreateRequest(leaf, issuer, nil)
	if err != nil {
		f.Fatal(err)
	}
	f.Add(request)
	f.Add(labtest.WithNonce(f, request, []byte{4, 1, 7}))
	f.Add([]byte{0x30, 0})
	f.Fuzz(func(t *testing.T, der []byte) {
		ours, err := parseRequest(der)
		if err != nil {
			return
		}
		// what both read, both read alike
		if theirs, err := xocsp.ParseRequest(der); err == nil {
			first := ours.ids[0]
			var id struct {
				Algorithm asn1.RawValue
				Name, Key []byte
				Serial    *big.Int
			}
			number, positive := first.number()
			if _, err := asn1.Unmarshal(first.raw, &id); err != nil || id.Serial.Cmp(theirs.SerialNumber) != 0 ||
				!bytes.HasSuffix(first.issuer, theirs.IssuerKeyHash) || !bytes.Equal(id.Name, theirs.IssuerNameHash) ||
				positive && new(big.Int).SetBytes(number).Cmp(theirs.SerialNumber) != 0 {
				t.Errorf("read otherwise than x/crypto/ocsp does: %x", der)
			}
		}
	})
}

// The certificates of issuing authorities name no responder, as in life; who asks all the same, as
// nginx does of a whole chain, is answered for the root.
func TestAuthorityStatus(t *testing.T) {
	l := newTestLab(t, 1)
	a, err := profiles.ParseAuthority("ACI-FO-PP")
	if err != nil {
		t.Fatal(err)
	}
	issuer, err := l.Issuer(t.Context(), a)
	if err != nil {
		t.Fatal(err)
	}
	chain := issuer.Chain()
	request, err := xocsp.CreateRequest(chain[0], chain[1], nil)
	if err != nil {
		t.Fatal(err)
	}
	der, err := newResponder(t, l.Lab, l.Clock()).Answer(t.Context(), request)
	if err != nil {
		t.Fatal(err)
	}
	if answer, err := xocsp.ParseResponseForCert(der, chain[0], chain[1]); err != nil || answer.Status != xocsp.Good {
		t.Errorf("%+v, %v", answer, err)
	}
}
