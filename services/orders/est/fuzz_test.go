package est

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"testing"
)

// Whatever a client sends is read or refused; what was read is what its base64 is.
func FuzzBody(f *testing.F) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		f.Fatal(err)
	}
	der, err := x509.CreateCertificateRequest(rand.Reader,
		&x509.CertificateRequest{DNSNames: []string{"srv.test"}}, key)
	if err != nil {
		f.Fatal(err)
	}
	text := base64.StdEncoding.EncodeToString(der)
	for _, seed := range [][]byte{der, []byte(text), []byte(text[:76] + "\r\n" + text[76:] + "\r\n"), nil,
		[]byte("===="), []byte(text[:100]), []byte("%0A" + text),
		pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE REQUEST", Bytes: der}),
		[]byte("-----BEGIN CERTIFICATE REQUEST-----\n-----END CERTIFICATE REQUEST-----")} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		request, err := readRequest(bytes.NewReader(body))
		if err != nil {
			if err.(*problem).text.FR == "" {
				t.Errorf("refused without a word: %v", err)
			}
			return
		}
		again, err := readRequest(bytes.NewReader([]byte(base64.StdEncoding.EncodeToString(request.Raw))))
		if err != nil || !bytes.Equal(again.Raw, request.Raw) {
			t.Errorf("%x is not read again: %v", request.Raw, err)
		}
	})
}
