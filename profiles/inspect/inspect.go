// Package inspect reads whatever a person of the sector may hold (certificates, CRLs, OCSP answers,
// PKCS#7, PKCS#12, what a TLS server presents) and says what it is in French and in English. It
// verifies no signature and trusts nothing.
//
// It is pure as package profiles is: bytes and the moment come from the caller. Private keys are
// recognised and never shown. The names of production authorities are read here, and nothing can be
// made of them.
package inspect

import (
	"bytes"
	"crypto"
	"encoding/asn1"
	"encoding/base64"
	"encoding/pem"
	"errors"
	"fmt"
	"strings"
	"time"

	"golang.org/x/crypto/cryptobyte"
	cbasn1 "golang.org/x/crypto/cryptobyte/asn1"
)

// Object is one thing that was found: *Certificate, *CRL, *OCSPResponse, *TLS or *Other. As JSON it
// follows docs/inspect.schema.json.
type Object interface {
	Facts() []Fact // it in words, in the order to show them
}

// Text is one thing said in both languages.
type Text struct {
	FR string `json:"fr"`
	EN string `json:"en"`
}

// Fact is one line about an object.
type Fact struct {
	Label, Value Text
	Detail       bool // it belongs to a list under the lines before
}

// Source tells what an object is and what it was found in.
type Source struct {
	Kind Kind   `json:"kind"`
	In   string `json:"in"` // DER, PEM, PKCS#7, PKCS#12, OCSP or TLS
}

// Kind names the kinds of objects.
type Kind string

// The kinds.
const (
	KindCertificate Kind = "certificate"
	KindCRL         Kind = "crl"
	KindOCSP        Kind = "ocsp-response"
	KindTLS         Kind = "tls"
	KindPrivateKey  Kind = "private-key"
	KindPublicKey   Kind = "public-key"
	KindRequest     Kind = "certificate-request"
	KindParameters  Kind = "parameters"
)

// Options is what reading needs beside the bytes.
type Options struct {
	Now       time.Time // certificates are expired, and lists stale, relative to it
	Passwords []string  // tried in turn on a PKCS#12; none means "" and 1234, the PIN of test cards
}

func (o Options) passwords() []string {
	if o.Passwords == nil {
		return []string{"", "1234"}
	}
	return o.Passwords
}

// ErrPassword says that no password opened a PKCS#12.
var ErrPassword = errors.New("no password tried opens this PKCS#12")

// Bounds of what is read, so that a file made for it cannot take all memory: far above anything
// real.
const (
	maxObjects     = 10_000
	maxCertificate = 256 << 10 // bytes
)

var errTooMany = fmt.Errorf("it holds more than %d objects: split it", maxObjects)

// errUnknown begins with what people most often meant.
var errUnknown = errors.New("not a certificate, nor a CRL, an OCSP response, a PKCS#7, a PKCS#12 or a key")

// Read finds everything in the data: PEM with any text around its blocks, DER (several in a row
// too), or the base64 of one DER. Bytes that are nothing of the kind make an error.
func Read(data []byte, opts Options) ([]Object, error) {
	if bytes.Contains(data, []byte("-----BEGIN ")) {
		return readPEM(data, opts)
	}
	if compact := bytes.Join(bytes.Fields(data), nil); bytes.HasPrefix(compact, []byte("MI")) {
		if der, err := base64.StdEncoding.DecodeString(string(compact)); err == nil {
			data = der
		}
	}
	var all []Object
	rest := cryptobyte.String(data)
	for !rest.Empty() {
		if bytes.HasPrefix(rest, []byte{0x30, 0x80}) {
			return nil, errors.New("BER of indefinite length: convert it to DER first (openssl pkcs7 or openssl pkcs12 do)")
		}
		var one cryptobyte.String
		if !rest.ReadASN1Element(&one, cbasn1.SEQUENCE) {
			if all != nil {
				return nil, fmt.Errorf("%d bytes after the first %d objects are not DER: remove them", len(rest), len(all))
			}
			return nil, errUnknown
		}
		objects, err := readDER(one, "DER", opts)
		if err != nil {
			return nil, err
		}
		if all = append(all, objects...); len(all) > maxObjects {
			return nil, errTooMany
		}
	}
	if all == nil {
		return nil, errUnknown
	}
	return all, nil
}

func readPEM(data []byte, opts Options) ([]Object, error) {
	var all []Object
	n := 0
	for block, rest := pem.Decode(data); block != nil; block, rest = pem.Decode(rest) {
		n++
		var objects []Object
		var err error
		switch {
		case strings.HasSuffix(block.Type, "PRIVATE KEY"):
			encrypted := strings.HasPrefix(block.Type, "ENCRYPTED") || strings.Contains(block.Headers["Proc-Type"], "ENCRYPTED")
			objects = []Object{privateKey("PEM", encrypted, func() crypto.PublicKey {
				if encrypted {
					return publicOfEncrypted(block.Bytes, opts)
				}
				return publicOf(block.Bytes)
			})}
		case strings.HasSuffix(block.Type, " PARAMETERS"):
			objects = []Object{&Other{Source: Source{KindParameters, "PEM"}, What: Text{"paramètres d'algorithme", "algorithm parameters"}}}
		case block.Type == "TRUSTED CERTIFICATE": // OpenSSL's: trust settings follow the certificate
			objects, err = readDER(firstElement(block.Bytes), "PEM", opts)
		default:
			objects, err = readDER(block.Bytes, "PEM", opts)
		}
		if err != nil {
			return nil, fmt.Errorf("PEM block %d (%s): %w", n, block.Type, err)
		}
		if all = append(all, objects...); len(all) > maxObjects {
			return nil, errTooMany
		}
	}
	if n == 0 {
		return nil, errors.New("there is a BEGIN line and no whole PEM block: was the end cut off?")
	}
	return all, nil
}

var (
	oidData       = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 7, 1}
	oidSignedData = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 7, 2}
)

// readDER tells what one DER value is by its first elements, and reads it.
func readDER(der []byte, in string, opts Options) ([]Object, error) {
	outer, body := cryptobyte.String(der), cryptobyte.String(nil)
	if !outer.ReadASN1(&body, cbasn1.SEQUENCE) || !outer.Empty() {
		return nil, errUnknown
	}
	var first, second cryptobyte.String
	var tag, next cbasn1.Tag
	if !body.ReadAnyASN1Element(&first, &tag) || !body.Empty() && !body.ReadAnyASN1Element(&second, &next) {
		return nil, errUnknown
	}
	switch {
	case tag == cbasn1.ENUM:
		return readOCSP(der, in, opts)
	case tag == cbasn1.OBJECT_IDENTIFIER && is(first, oidSignedData):
		return readPKCS7(second, opts)
	case tag == cbasn1.OBJECT_IDENTIFIER:
		return nil, errors.New("a CMS message that is not signedData: there is no certificate to read in it")
	case tag == cbasn1.INTEGER && next == cbasn1.SEQUENCE && isContent(second):
		return readPKCS12(der, opts)
	case tag == cbasn1.INTEGER && (next == cbasn1.SEQUENCE || next == cbasn1.INTEGER || next == cbasn1.OCTET_STRING):
		return []Object{privateKey(in, false, func() crypto.PublicKey { return publicOf(der) })}, nil // PKCS#8, PKCS#1 or SEC 1
	case tag == cbasn1.SEQUENCE && next == cbasn1.OCTET_STRING && body.Empty():
		return []Object{privateKey(in, true, func() crypto.PublicKey { return publicOfEncrypted(der, opts) })}, nil
	case tag == cbasn1.SEQUENCE && next == cbasn1.BIT_STRING && body.Empty():
		return []Object{&Other{Source: Source{KindPublicKey, in}, What: Text{"clé publique", "public key"}, Key: keyOf(der)}}, nil
	case tag == cbasn1.SEQUENCE && next == cbasn1.SEQUENCE:
		return readSigned(der, in, opts)
	}
	return nil, errUnknown
}

func is(element cryptobyte.String, want asn1.ObjectIdentifier) bool {
	var got asn1.ObjectIdentifier
	return element.ReadASN1ObjectIdentifier(&got) && got.Equal(want)
}

// isContent tells whether the SEQUENCE is a ContentInfo, which a PFX holds where a PKCS#8 has an
// algorithm.
func isContent(element cryptobyte.String) bool {
	var body cryptobyte.String
	return element.ReadASN1(&body, cbasn1.SEQUENCE) && (is(body, oidData) || is(body, oidSignedData))
}

// readSigned reads what is a signature over a SEQUENCE. When it is none of the three, the error is
// the certificate's: that is what people most often meant.
func readSigned(der []byte, in string, opts Options) ([]Object, error) {
	c, err := NewCertificate(der, in, opts.Now)
	if err == nil {
		return []Object{c}, nil
	}
	if list, err := newCRL(der, in, opts.Now); err == nil {
		return []Object{list}, nil
	}
	if r, err := newRequest(der, in); err == nil {
		return []Object{r}, nil
	}
	return nil, err
}
