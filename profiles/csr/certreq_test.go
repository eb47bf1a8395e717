package csr

import (
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"strings"
	"testing"
)

type attribute struct {
	Type   asn1.ObjectIdentifier
	Values []asn1.RawValue `asn1:"set"`
}

type requestInfo struct {
	Version    int
	Subject    asn1.RawValue
	PublicKey  asn1.RawValue
	Attributes []attribute `asn1:"tag:0,set"`
}

func marshal(t testing.TB, v any) []byte {
	t.Helper()
	der, err := asn1.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return der
}

// certreq is a request as certreq -new writes it on Windows Server: attributes of Microsoft, the
// extensions in that of RFC 2985, a label with NEW, CRLF.
func certreq(t testing.TB) []byte {
	t.Helper()
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	microsoft := func(arc ...int) asn1.ObjectIdentifier {
		return append(asn1.ObjectIdentifier{1, 3, 6, 1, 4, 1, 311}, arc...)
	}
	raw := func(der []byte) []asn1.RawValue { return []asn1.RawValue{{FullBytes: der}} }
	ia5 := func(s string) asn1.RawValue { return asn1.RawValue{Tag: asn1.TagIA5String, Bytes: []byte(s)} }
	names := marshal(t, []asn1.RawValue{{Class: asn1.ClassContextSpecific, Tag: 2, Bytes: []byte("iis.hopital.test")}})
	extensions := []pkix.Extension{
		{Id: oidKeyUsage, Critical: true, Value: []byte{3, 2, 5, 0xA0}},
		{Id: oidExtendedKeyUsage, Value: marshal(t, []asn1.ObjectIdentifier{{1, 3, 6, 1, 5, 5, 7, 3, 1}})},
		{Id: microsoft(20, 2), Value: marshal(t, asn1.RawValue{Tag: asn1.TagBMPString, Bytes: bmpText("WebServer")})},
		{Id: oidSubjectAltName, Value: names},
		{Id: asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 9, 15}, Value: []byte{0x30, 0}},
		{Id: oidSubjectKeyID, Value: marshal(t, []byte("01234567890123456789"))},
	}
	subject := marshal(t, pkix.Name{CommonName: "iis.hopital.test", Organization: []string{"HOPITAL"}}.ToRDNSequence())
	spki, err := x509.MarshalPKIXPublicKey(key.Public())
	if err != nil {
		t.Fatal(err)
	}
	provider := marshal(t, struct {
		KeySpec   int
		Provider  asn1.RawValue
		Signature asn1.BitString
	}{1, asn1.RawValue{Tag: asn1.TagBMPString, Bytes: bmpText("Microsoft RSA SChannel Cryptographic Provider")},
		asn1.BitString{Bytes: []byte{0}, BitLength: 8}})
	client := marshal(t, struct {
		ID                     int
		Machine, User, Process asn1.RawValue
	}{9, utf8Text("IIS01.hopital.test"), utf8Text(`HOPITAL\admin`), utf8Text("certreq.exe")})
	info := marshal(t, requestInfo{0, asn1.RawValue{FullBytes: subject}, asn1.RawValue{FullBytes: spki}, []attribute{
		{microsoft(13, 2, 3), raw(marshal(t, ia5("10.0.20348.2")))},
		{microsoft(21, 20), raw(client)},
		{microsoft(13, 2, 2), raw(provider)},
		{oidExtensionRequest, raw(marshal(t, extensions))},
	}})
	sum := sha256.Sum256(info)
	signature, err := key.Sign(rand.Reader, sum[:], crypto.SHA256)
	if err != nil {
		t.Fatal(err)
	}
	der := marshal(t, struct {
		Info      asn1.RawValue
		Algorithm pkix.AlgorithmIdentifier
		Signature asn1.BitString
	}{asn1.RawValue{FullBytes: info}, pkix.AlgorithmIdentifier{Algorithm: asn1.ObjectIdentifier{1, 2, 840, 113549,
		1, 1, 11},
		Parameters: asn1.NullRawValue}, asn1.BitString{Bytes: signature, BitLength: 8 * len(signature)}})
	return []byte(strings.ReplaceAll(pemBlock("NEW CERTIFICATE REQUEST", der), "\n", "\r\n"))
}

func bmpText(s string) (out []byte) {
	for _, r := range s {
		out = append(out, byte(r>>8), byte(r))
	}
	return out
}

func utf8Text(s string) asn1.RawValue {
	return asn1.RawValue{Tag: asn1.TagUTF8String, Bytes: []byte(s)}
}

// A request of certreq is read; what is Microsoft's is left aside, by name.
func TestCertreq(t *testing.T) {
	requests, err := Read(certreq(t))
	if err != nil {
		t.Fatal(err)
	}
	r := requests[0]
	if _, err := r.Check(); err != nil {
		t.Fatal(err)
	}
	if !r.IsServer() || r.DNSNames[0] != "iis.hopital.test" {
		t.Errorf("names %q", r.DNSNames)
	}
	der := certificate(t, r, x509.Certificate{Subject: pkix.Name{CommonName: "iis.hopital.test"}, DNSNames: r.DNSNames,
		KeyUsage:    x509.KeyUsageDigitalSignature | x509.KeyUsageKeyEncipherment,
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}})
	var got []string
	for _, item := range r.LeftAside(der) {
		got = append(got, item.FR)
	}
	want := "sujet, O=HOPITAL|extension certificateTemplateName (Microsoft)|extension sMIMECapabilities|extension " +
		"subjectKeyIdentifier|" +
		"attribut OSVersion (Microsoft)|attribut requestClientInfo (Microsoft)|attribut enrollmentCSP (Microsoft)"
	if strings.Join(got, "|") != want {
		t.Errorf("left aside: %s", strings.Join(got, "|"))
	}
}
