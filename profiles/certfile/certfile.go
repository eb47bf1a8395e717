// Package certfile reads what people hand in as a certificate: a file, a line of a log, a header of
// HTTP, a key store. It finds what is in it, in whatever form that is, and which certificate is
// meant; every command that takes a certificate reads it through [Read].
//
// It knows containers and encodings: PEM in the forms that editors, shells, proxies and logs give
// it, base64, hexadecimal, DER and BER, PKCS#7, PKCS#12, XML, JSON and JWS. What a certificate says
// is the business of package inspect. Nothing is verified here but the integrity of a PKCS#12, and
// private keys never leave the package: it tells of what kind they are and whose.
//
// The work that bytes may ask for is bounded, whatever they are: see the constants of this file.
package certfile

import (
	"bytes"
	"crypto/sha1"
	"encoding/asn1"
	"errors"

	"golang.org/x/crypto/cryptobyte"
	cbasn1 "golang.org/x/crypto/cryptobyte/asn1"

	"github.com/igc-lab/igc/internal/der"
	"github.com/igc-lab/igc/internal/i18n"
	"github.com/igc-lab/igc/profiles"
)

// Bounds of what is read: far above anything real.
const (
	MaxSize        = 16 << 20  // bytes of a file
	maxText        = 1 << 20   // bytes of a text that is not clean PEM, which is copied to be repaired
	MaxItems       = 10_000    // items of a file
	maxCertificate = 256 << 10 // bytes
	maxIterations  = 2_000_000 // of a derivation of a key from a password; software asks for 1 to 600 000
	maxWork        = 6_200_000 // compressions of all derivations together: about a second
)

// Kind names what an item is.
type Kind string

// The kinds.
const (
	Certificate  Kind = "certificate"
	CRL          Kind = "crl"
	OCSPResponse Kind = "ocsp-response"
	PrivateKey   Kind = "private-key"
	PublicKey    Kind = "public-key"
	Request      Kind = "certificate-request"
	Parameters   Kind = "parameters"
)

// Item is one thing that a file holds.
type Item struct {
	Kind Kind
	In   string // what it was found in: DER, PEM, PKCS#7, PKCS#12, XML, JWK or JWS
	DER  []byte // nil for a private key and for parameters
	Name string // the friendlyName that a PKCS#12 gives it

	Certificate *profiles.Decoded // of a certificate
	Key         *Key              // of a private key

	id []byte // localKeyID of a PKCS#12, which ties a key to its certificate
}

// File is what was found.
type File struct {
	Items []*Item // of a PKCS#12, each key after its certificates; else in the order of the file
	Notes []Note  // what was set right to read it, and what is unusual about it
}

// Note is a remark on a file, in both languages and under a stable code.
type Note = profiles.Finding

// Options is what reading needs beside the bytes.
type Options struct {
	Passwords []string // tried in turn; none means 1234, the PIN of test cards, and ""
}

// ErrPassword says that no password opened a PKCS#12. It is within the error that [Read] returns.
var ErrPassword = errors.New("no password opens it")

// Read finds everything in the data. Bytes that are nothing of the kind make an [i18n.Error] that
// tells what they look like.
func Read(data []byte, opts Options) (*File, error) {
	r := &reader{passwords: opts.Passwords, given: opts.Passwords != nil, work: maxWork}
	if !r.given {
		r.passwords = []string{"1234", ""}
	}
	if len(data) > MaxSize {
		return nil, fault("file-size", "le fichier dépasse %d Mo : coupez-le",
			"the file is larger than %d MB: split it", MaxSize>>20)
	}
	if err := r.read(data); err != nil {
		return nil, err
	}
	return &r.file, nil
}

// reader is one reading of a file.
type reader struct {
	file      File
	passwords []string
	given     bool // the passwords, by whoever asks
	work      int  // compressions that are left

	retries, nested int // see [maxRetries]
}

func fault(code, fr, en string, args ...any) error {
	return i18n.NewError(code, i18n.Text{FR: fr, EN: en}, args...)
}

// note adds a remark, once.
func (r *reader) note(code, fr, en string) {
	for _, n := range r.file.Notes {
		if n.Code == code {
			return
		}
	}
	r.file.Notes = append(r.file.Notes, Note{Code: code, FR: fr, EN: en})
}

func (r *reader) add(item *Item) error {
	if len(r.file.Items) >= MaxItems {
		return fault("file-items", "plus de %d objets : coupez le fichier", "it holds more than %d objects: split it",
			MaxItems)
	}
	r.file.Items = append(r.file.Items, item)
	return nil
}

// read reads bytes as DER where they are, else as text.
func (r *reader) read(data []byte) error {
	trimmed := bytes.TrimLeft(data, blanks)
	if len(trimmed) == 0 {
		return fault("file-empty", "le fichier est vide : il n'y a pas de certificat à lire",
			"the file is empty: not a certificate, nor anything else to read")
	}
	if trimmed[0] == 0x30 && isDER(trimmed) {
		return r.readAll(trimmed)
	}
	return r.readText(data)
}

// blanks are bytes that editors and programs leave before and after DER: white space, NUL, ^Z.
const blanks = " \t\r\n\x00\x1a"

// isDER tells DER from a text that begins with the digit 0.
func isDER(data []byte) bool {
	if len(data) < 2 || data[1] == 0 && len(data) > 2 && data[2] >= ' ' { // UTF-16 of a digit
		return false
	}
	if data[1] >= 0x80 {
		return true
	}
	return len(data) >= 2+int(data[1]) && bytes.ContainsFunc(data[:2+int(data[1])],
		func(r rune) bool { return r < ' ' || r > '~' })
}

// readAll reads DER values in a row.
func (r *reader) readAll(data []byte) error {
	for n := 0; ; n++ {
		var one []byte
		var err error
		in := cryptobyte.String(data)
		if element := (cryptobyte.String)(nil); in.ReadASN1Element(&element, cbasn1.SEQUENCE) {
			one, data = element, in
		} else if one, data, err = r.fromBER(data, n); err != nil {
			return err
		}
		if err := r.readDER(one, "DER"); err != nil {
			return err
		}
		if data = bytes.TrimLeft(data, blanks); len(data) == 0 {
			return nil
		}
	}
}

// fromBER converts the value that data begin with, the one after n others.
func (r *reader) fromBER(data []byte, n int) (one, rest []byte, err error) {
	if data[0] != 0x30 {
		return nil, nil, fault("der-rest", "%d octets après les %d premiers objets ne sont pas du DER : ôtez-les",
			"%d bytes after the first %d objects are not DER: remove them", len(data), n)
	}
	one, rest, err = der.FromBER(data)
	switch {
	case err == nil:
		r.note("READ-BER", "Encodé en BER, de longueur indéfinie : lu comme son DER.",
			"Encoded in BER, of indefinite length: read as its DER.")
		return one, rest, nil
	case len(data) > 1 && data[1] == 0x80:
		return nil, nil, fault("ber-broken",
			"du BER de longueur indéfinie qui ne se lit pas : %s. Le fichier est-il entier ?",
			"not a certificate: BER of indefinite length that cannot be read: %s. Is the file whole?", err)
	}
	in := cryptobyte.String(data)
	if length := declared(in); length > len(data) {
		return nil, nil, fault("der-cut",
			"pas un certificat, ou il est coupé : %d octets sur %d sont là ; prenez le fichier entier",
			"not a certificate, or one that is cut off: %d bytes of %d are there; take the whole file", len(data),
			length)
	}
	return nil, nil, r.unknown(data)
}

// declared is the size that the header of a DER value gives it, 0 where there is no header.
func declared(data []byte) int {
	n, length := der.ReadHeader(data)
	if n == 0 {
		return 0
	}
	return n + length
}

var (
	oidData         = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 7, 1}
	oidSignedData   = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 7, 2}
	oidEnvelopedCMS = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 7, 3}
	oidEncrypted    = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 7, 6}
)

// readDER tells what one DER value is by its first elements, and reads it.
func (r *reader) readDER(value []byte, in string) error {
	outer, body := cryptobyte.String(value), cryptobyte.String(nil)
	if !outer.ReadASN1(&body, cbasn1.SEQUENCE) || !outer.Empty() {
		return r.unknown(value)
	}
	var first, second cryptobyte.String
	var tag, next cbasn1.Tag
	if !body.ReadAnyASN1Element(&first, &tag) {
		return r.unknown(value)
	}
	if !body.Empty() && !body.ReadAnyASN1Element(&second, &next) {
		if tag != cbasn1.OBJECT_IDENTIFIER && tag != cbasn1.INTEGER {
			return r.unknown(value)
		}
	}
	switch {
	case tag == cbasn1.ENUM:
		return r.add(&Item{Kind: OCSPResponse, In: in, DER: value})
	case tag == cbasn1.OBJECT_IDENTIFIER && is(first, oidSignedData):
		return r.readPKCS7(value)
	case tag == cbasn1.OBJECT_IDENTIFIER && is(first, oidEnvelopedCMS):
		return fault("cms-enveloped",
			"un message CMS chiffré, qui n'est pas signedData : il n'a pas de certificat à lire ; déchiffrez-le "+
				"d'abord (openssl cms -decrypt)",
			"an encrypted CMS message that is not signedData: there is no certificate to read in it; decrypt it "+
				"first (openssl cms -decrypt)")
	case tag == cbasn1.OBJECT_IDENTIFIER && next == cbasn1.Tag(0).ContextSpecific().Constructed():
		return fault("cms-other", "un message CMS qui n'est pas signedData : il n'a pas de certificat à lire",
			"a CMS message that is not signedData: there is no certificate to read in it")
	case tag == cbasn1.INTEGER && isPFX(value):
		return r.readPFX(value)
	case tag == cbasn1.INTEGER && next == cbasn1.INTEGER && body.Empty(): // PKCS#1: modulus and exponent
		return r.add(&Item{Kind: PublicKey, In: in, DER: value})
	case tag == cbasn1.INTEGER && (next == cbasn1.SEQUENCE || next == cbasn1.INTEGER || next == cbasn1.OCTET_STRING):
		return r.add(&Item{Kind: PrivateKey, In: in, Key: newKey(value)}) // PKCS#8, PKCS#1 or SEC 1
	case tag == cbasn1.SEQUENCE && next == cbasn1.OCTET_STRING && body.Empty():
		return r.add(&Item{Kind: PrivateKey, In: in, Key: r.encryptedKey(value)})
	case tag == cbasn1.SEQUENCE && next == cbasn1.BIT_STRING && body.Empty():
		return r.add(&Item{Kind: PublicKey, In: in, DER: value})
	case tag == cbasn1.SEQUENCE && next == cbasn1.SEQUENCE:
		return r.readSigned(value, in)
	}
	return r.unknown(value)
}

func is(element cryptobyte.String, want asn1.ObjectIdentifier) bool {
	var got asn1.ObjectIdentifier
	return element.ReadASN1ObjectIdentifier(&got) && got.Equal(want)
}

// readSigned reads what is a signature over a SEQUENCE, and tells by the first elements of that
// which it is. When it is none of the three, the error is the certificate's: that is what people
// most often meant.
func (r *reader) readSigned(value []byte, in string) error {
	switch signedKind(value) {
	case CRL:
		return r.add(&Item{Kind: CRL, In: in, DER: value})
	case Request:
		return r.add(&Item{Kind: Request, In: in, DER: value})
	}
	item, err := newCertificate(value, in)
	if err != nil {
		return err
	}
	return r.add(item)
}

// newCertificate is the item of a certificate.
func newCertificate(value []byte, in string) (*Item, error) {
	if len(value) > maxCertificate {
		return nil, fault("certificate-size", "pas un certificat : %d octets, plus qu'aucun n'en a",
			"not a certificate: %d bytes are more than one has", len(value))
	}
	d, err := profiles.Decode(value)
	if err != nil {
		return nil, err
	}
	return &Item{Kind: Certificate, In: in, DER: value, Certificate: d}, nil
}

// signedKind tells a CRL and a request by what is signed (RFC 5280 §5.1, RFC 2986 §4); all else
// counts as a certificate.
func signedKind(value cryptobyte.String) Kind {
	var outer, tbs, element cryptobyte.String
	if !value.ReadASN1(&outer, cbasn1.SEQUENCE) || !outer.ReadASN1(&tbs, cbasn1.SEQUENCE) {
		return Certificate
	}
	var tags []cbasn1.Tag
	for len(tags) < 4 && !tbs.Empty() {
		var tag cbasn1.Tag
		if !tbs.ReadAnyASN1Element(&element, &tag) {
			break
		}
		if tag != cbasn1.INTEGER || len(tags) > 0 {
			tags = append(tags, tag)
		} else if tbs.PeekASN1Tag(cbasn1.INTEGER) { // nothing begins with two
			return Certificate
		} else {
			continue // a version, or the serial number of a certificate without one
		}
	}
	attributes := cbasn1.Tag(0).ContextSpecific().Constructed()
	switch {
	case len(tags) < 2 || tags[0] != cbasn1.SEQUENCE || tags[1] != cbasn1.SEQUENCE:
	case len(tags) == 2 || tags[2] == attributes:
		return Request
	case tags[2] == cbasn1.UTCTime || tags[2] == cbasn1.GeneralizedTime:
		return CRL
	}
	return Certificate
}

// fingerprint tells certificates from one another.
func fingerprint(value []byte) [sha1.Size]byte { return sha1.Sum(value) }
