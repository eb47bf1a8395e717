package pkcs11

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/rsa"
	"crypto/x509"
	"encoding/asn1"
	"encoding/binary"
	"math/big"
	"runtime"
	"slices"
	"unsafe"

	"github.com/igc-lab/igc/card"
)

// object is a token object: its attributes as the C structures hold them. The private key itself is
// not among them.
type object struct {
	class      uint
	private    bool            // seen after login only
	writable   bool            // CKA_VALUE may be set
	attributes map[uint][]byte // what has a nil value is sensitive
	place      card.KeySlot    // of keys and certificates
	public     any             // of keys
}

// longSize is that of CK_ULONG: Windows keeps C's unsigned long at four bytes.
var longSize = func() int {
	if runtime.GOOS == "windows" {
		return 4
	}
	return int(unsafe.Sizeof(uint(0)))
}()

// long encodes a CK_ULONG.
func long(v uint) []byte {
	if longSize == 4 {
		return binary.NativeEndian.AppendUint32(nil, uint32(v))
	}
	return binary.NativeEndian.AppendUint64(nil, uint64(v))
}

// readLong decodes one.
func readLong(b []byte) uint {
	if longSize == 4 {
		return uint(binary.NativeEndian.Uint32(b))
	}
	return uint(binary.NativeEndian.Uint64(b))
}

func boolean(v bool) []byte {
	if v {
		return []byte{1}
	}
	return []byte{0}
}

// objects lists what the token holds, in the order in which the Cryptolib finds it: keys with what
// belongs to them, by reference, then the data that ask for the PIN, then the others. The
// attributes too are those of the Cryptolib, the odd ones with them: software that works here is to
// work there. doc.go tells what differs.
func objects(c *card.Card, g card.ChipType, strict bool) []*object {
	var all []*object
	for _, cert := range slices.Backward(c.Certificates) {
		all = append(all, privateKey(cert, g, strict), certificate(cert, g), publicKey(cert, g))
	}
	files := c.Files(g)
	for _, private := range []bool{true, false} {
		for _, f := range files {
			if f.Private == private {
				all = append(all, dataObject(f))
			}
		}
	}
	return all
}

// common are the attributes of every object.
func common(class uint, label string, private, modifiable bool) map[uint][]byte {
	return map[uint][]byte{CKA_CLASS: long(class), CKA_TOKEN: boolean(true), CKA_PRIVATE: boolean(private), CKA_MODIFIABLE: boolean(modifiable),
		CKA_LABEL: []byte(label)}
}

func certificate(c card.Certificate, g card.ChipType) *object {
	a := common(CKO_CERTIFICATE, c.KeySlot.Certificate, false, false)
	a[CKA_CERTIFICATE_TYPE] = long(CKC_X_509)
	a[CKA_TRUSTED] = boolean(false)
	a[CKA_ID] = c.ID(g)
	a[CKA_SUBJECT] = c.SubjectDER
	a[CKA_ISSUER] = c.IssuerDER
	a[CKA_SERIAL_NUMBER] = c.SerialContent
	a[CKA_VALUE] = c.Raw
	return &object{class: CKO_CERTIFICATE, attributes: a, place: c.KeySlot}
}

// keyAttributes are those of both halves of a key; can is what this one does.
func keyAttributes(class uint, label string, c card.Certificate, g card.ChipType, can ...uint) map[uint][]byte {
	a := common(class, label, class == CKO_PRIVATE_KEY, false)
	a[CKA_ID] = c.ID(g)
	a[CKA_KEY_GEN_MECHANISM] = long(CK_UNAVAILABLE_INFORMATION)
	for _, use := range []uint{CKA_ENCRYPT, CKA_DECRYPT, CKA_WRAP, CKA_UNWRAP, CKA_SIGN, CKA_SIGN_RECOVER, CKA_VERIFY, CKA_VERIFY_RECOVER, CKA_DERIVE} {
		a[use] = boolean(slices.Contains(can, use))
	}
	for _, attribute := range []uint{CKA_LOCAL, CKA_SENSITIVE, CKA_ALWAYS_SENSITIVE, CKA_NEVER_EXTRACTABLE} {
		a[attribute] = boolean(true)
	}
	a[CKA_EXTRACTABLE] = boolean(false)
	switch key := c.Public.(type) {
	case *rsa.PublicKey:
		a[CKA_KEY_TYPE] = long(CKK_RSA)
		a[CKA_MODULUS] = key.N.Bytes()
		a[CKA_MODULUS_BITS] = long(uint(key.N.BitLen()))
		a[CKA_PUBLIC_EXPONENT] = big.NewInt(int64(key.E)).FillBytes(make([]byte, 3))
	case *ecdsa.PublicKey:
		a[CKA_KEY_TYPE] = long(CKK_EC)
		a[CKA_EC_PARAMS], _ = asn1.Marshal(curves[key.Curve.Params().Name])
	}
	return a
}

var curves = map[string]asn1.ObjectIdentifier{"P-256": {1, 2, 840, 10045, 3, 1, 7}, "P-384": {1, 3, 132, 0, 34}, "P-521": {1, 3, 132, 0, 35}}

// publicKey is what the Cryptolib makes of a certificate, with its name for it: the certificate's,
// and the zero that ends it in C.
func publicKey(c card.Certificate, g card.ChipType) *object {
	can := []uint{CKA_VERIFY}
	if _, ok := c.Public.(*rsa.PublicKey); ok {
		can = append(can, CKA_ENCRYPT, CKA_VERIFY_RECOVER)
	}
	a := keyAttributes(CKO_PUBLIC_KEY, publicLabel(c.KeySlot), c, g, can...)
	switch key := c.Public.(type) {
	case *rsa.PublicKey:
		a[CKA_VALUE] = x509.MarshalPKCS1PublicKey(key)
	case *ecdsa.PublicKey:
		if point, err := key.Bytes(); err == nil {
			a[CKA_EC_POINT], _ = asn1.Marshal(point)
		}
	}
	return &object{class: CKO_PUBLIC_KEY, attributes: a, place: c.KeySlot, public: c.Public}
}

func publicLabel(p card.KeySlot) string { return "Cle publique - " + p.Certificate + "\x00" }

func privateKey(c card.Certificate, g card.ChipType, strict bool) *object {
	_, isRSA := c.Public.(*rsa.PublicKey)
	can := []uint{CKA_SIGN}
	if isRSA && c.Decrypts {
		can = append(can, CKA_DECRYPT)
	}
	a := keyAttributes(CKO_PRIVATE_KEY, c.Private, c, g, can...)
	if strict { // else there is no such attribute
		a[CKA_ALWAYS_AUTHENTICATE] = boolean(c.AlwaysAuthorized)
	}
	for _, empty := range []uint{CKA_SUBJECT, CKA_START_DATE, CKA_END_DATE} {
		a[empty] = []byte{}
	}
	secret := []uint{CKA_VALUE}
	if isRSA {
		secret = []uint{CKA_PRIVATE_EXPONENT, CKA_PRIME_1, CKA_PRIME_2, CKA_EXPONENT_1, CKA_EXPONENT_2, CKA_COEFFICIENT}
	}
	for _, attribute := range secret {
		a[attribute] = nil
	}
	return &object{class: CKO_PRIVATE_KEY, private: true, attributes: a, place: c.KeySlot, public: c.Public}
}

// noOID is how the Cryptolib says that data have no object identifier: its array of sixteen numbers
// of 32 bits, of which the first is -1.
var noOID = append([]byte{0xFF, 0xFF, 0xFF, 0xFF}, make([]byte, 60)...)

func dataObject(f card.File) *object {
	a := common(CKO_DATA, f.Label, f.Private, f.Writable)
	a[CKA_APPLICATION] = []byte("CPS")
	a[CKA_OBJECT_ID] = noOID
	a[CKA_VALUE] = append([]byte{}, f.Content...) // nil would be a secret; of CPS_DATA the card is asked
	return &object{class: CKO_DATA, private: f.Private, writable: f.Writable, attributes: a}
}

// matches tells whether the object has all attributes of the template.
func (o *object) matches(template []Attribute) bool {
	for _, want := range template {
		have, ok := o.attributes[want.Type]
		if !ok || have == nil || !bytes.Equal(have, want.Value) {
			return false
		}
	}
	return true
}
