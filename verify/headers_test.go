package verify

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"encoding/pem"
	"os"
	"path/filepath"
	"testing"
	"time"

	"golang.org/x/crypto/cryptobyte"
	cbasn1 "golang.org/x/crypto/cryptobyte/asn1"

	"github.com/igc-lab/igc/fixtures"
	"github.com/igc-lab/igc/internal/peer"
	"github.com/igc-lab/igc/profiles"
)

// Names are written as OpenSSL writes them for nginx and for Apache: those of every fixture, the
// wrong ones too.
func TestNamesAsOpenSSL(t *testing.T) {
	peer.Need(t, "openssl")
	maker := &fixtures.Maker{URLs: profiles.RealURLs, Generation: profiles.Gen2016, Now: time.Now(),
		Key: func() (crypto.Signer, error) { return ecdsa.GenerateKey(elliptic.P256(), rand.Reader) }}
	seen := map[string]bool{}
	file := filepath.Join(t.TempDir(), "one.pem")
	for _, f := range fixtures.Catalogue() {
		plain := *f
		if plain.Issuer == "" || plain.Issuer == "card" || plain.Issuer == "unpublished" || plain.Issuer == "other-gamme" {
			plain.Issuer = "foreign"
		}
		if plain.Fault == "" {
			plain.Fault = "no-fault"
		}
		if plain.Needs == "rsa" {
			continue
		}
		bundle, err := maker.Make(&plain)
		if err != nil {
			t.Fatalf("%s: %v", f.ID, err)
		}
		subject, issuer := namesOf(bundle.Certificate)
		if subject == nil || seen[string(subject)] {
			continue
		}
		seen[string(subject)] = true
		if err := os.WriteFile(file, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: bundle.Certificate}), 0o600); err != nil {
			t.Fatal(err)
		}
		for options, ascii := range map[string]bool{"RFC2253": true, "RFC2253,-esc_msb": false} {
			out, err := peer.Try(t, "openssl", "x509", "-in", file, "-noout", "-subject", "-issuer", "-nameopt", options)
			if err != nil { // it is none to OpenSSL: der-truncated and such
				continue
			}
			want := "subject=" + rfc2253(subject, ascii) + "\nissuer=" + rfc2253(issuer, ascii) + "\n"
			if out != want {
				t.Errorf("%s, %s: OpenSSL writes\n%sand we\n%s", f.ID, options, out, want)
			}
		}
	}
	if len(seen) < 20 {
		t.Errorf("%d names", len(seen))
	}
}

// namesOf takes subject and issuer out of a certificate that crypto/x509 might refuse.
func namesOf(der []byte) (subject, issuer []byte) {
	in := cryptobyte.String(der)
	var cert, tbs, from, to cryptobyte.String
	if !in.ReadASN1(&cert, cbasn1.SEQUENCE) || !cert.ReadASN1(&tbs, cbasn1.SEQUENCE) || !tbs.SkipOptionalASN1(cbasn1.Tag(0).ContextSpecific().Constructed()) ||
		!tbs.SkipASN1(cbasn1.INTEGER) || !tbs.SkipASN1(cbasn1.SEQUENCE) || !tbs.ReadASN1Element(&from, cbasn1.SEQUENCE) || !tbs.SkipASN1(cbasn1.SEQUENCE) ||
		!tbs.ReadASN1Element(&to, cbasn1.SEQUENCE) {
		return nil, nil
	}
	return to, from
}
