package pkcs11

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/rsa"
	"crypto/sha1"
	"encoding/asn1"
	"encoding/binary"
	"math/big"
	"runtime"
	"unsafe"

	"github.com/igc-lab/igc/card"
)

// object is a token object: its attributes as the C structures hold them. The private key itself is not among them.
type object struct {
	class      uint
	private    bool            // seen after login only
	writable   bool            // CKA_VALUE may be set
	attributes map[uint][]byte // what has a nil value is sensitive
	place      card.Place      // of keys and certificates
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

// objects lists what the token holds.
func objects(c *card.Card, g card.Generation, data []byte) []*object {
	var all []*object
	for _, cert := range c.Certificates {
		all = append(all, certificate(cert), publicKey(cert), privateKey(cert))
	}
	for _, f := range c.Files(g, data) {
		all = append(all, dataObject(f))
	}
	return all
}

// common are the attributes of every object.
func common(class uint, label string, private, modifiable bool) map[uint][]byte {
	return map[uint][]byte{CKA_CLASS: long(class), CKA_TOKEN: boolean(true), CKA_PRIVATE: boolean(private), CKA_MODIFIABLE: boolean(modifiable),
		CKA_LABEL: []byte(label)}
}

func certificate(c card.Certificate) *object {
	digest := sha1.Sum(c.Raw) // CKA_CHECK_VALUE is its beginning
	a := common(CKO_CERTIFICATE, c.Place.Certificate, false, false)
	a[CKA_CERTIFICATE_TYPE] = long(CKC_X_509)
	a[CKA_TRUSTED] = boolean(false)
	a[CKA_CERTIFICATE_CATEGORY] = long(1) // token user
	a[CKA_CHECK_VALUE] = digest[:3]
	a[CKA_START_DATE] = []byte(c.NotBefore.UTC().Format("20060102"))
	a[CKA_END_DATE] = []byte(c.NotAfter.UTC().Format("20060102"))
	a[CKA_ID] = c.ID
	a[CKA_SUBJECT] = c.SubjectDER
	a[CKA_ISSUER] = c.IssuerDER
	a[CKA_SERIAL_NUMBER] = c.SerialDER
	a[CKA_VALUE] = c.Raw
	return &object{class: CKO_CERTIFICATE, attributes: a, place: c.Place}
}

// keyAttributes are those of both halves of a key.
func keyAttributes(class uint, label string, private bool, c card.Certificate) map[uint][]byte {
	a := common(class, label, private, false)
	a[CKA_ID] = c.ID
	a[CKA_SUBJECT] = c.SubjectDER
	a[CKA_START_DATE] = []byte{}
	a[CKA_END_DATE] = []byte{}
	a[CKA_DERIVE] = boolean(false)
	a[CKA_LOCAL] = boolean(true)
	a[CKA_KEY_GEN_MECHANISM] = long(CK_UNAVAILABLE_INFORMATION)
	switch key := c.Public.(type) {
	case *rsa.PublicKey:
		a[CKA_KEY_TYPE] = long(CKK_RSA)
		a[CKA_MODULUS] = key.N.Bytes()
		a[CKA_PUBLIC_EXPONENT] = big.NewInt(int64(key.E)).Bytes()
		if class == CKO_PUBLIC_KEY {
			a[CKA_MODULUS_BITS] = long(uint(key.N.BitLen()))
		}
	case *ecdsa.PublicKey:
		a[CKA_KEY_TYPE] = long(CKK_EC)
		a[CKA_EC_PARAMS], _ = asn1.Marshal(curves[key.Curve.Params().Name])
		if class == CKO_PUBLIC_KEY {
			if point, err := key.Bytes(); err == nil {
				a[CKA_EC_POINT], _ = asn1.Marshal(point)
			}
		}
	}
	return a
}

var curves = map[string]asn1.ObjectIdentifier{"P-256": {1, 2, 840, 10045, 3, 1, 7}, "P-384": {1, 3, 132, 0, 34}, "P-521": {1, 3, 132, 0, 35}}

func publicKey(c card.Certificate) *object {
	a := keyAttributes(CKO_PUBLIC_KEY, c.Place.Public, false, c)
	_, isRSA := c.Public.(*rsa.PublicKey)
	a[CKA_ENCRYPT] = boolean(isRSA)
	a[CKA_VERIFY] = boolean(true)
	a[CKA_VERIFY_RECOVER] = boolean(false)
	a[CKA_WRAP] = boolean(false)
	a[CKA_TRUSTED] = boolean(false)
	return &object{class: CKO_PUBLIC_KEY, attributes: a, place: c.Place, public: c.Public}
}

func privateKey(c card.Certificate) *object {
	a := keyAttributes(CKO_PRIVATE_KEY, c.Private, true, c)
	for attribute, value := range map[uint]bool{CKA_SENSITIVE: true, CKA_ALWAYS_SENSITIVE: true, CKA_EXTRACTABLE: false, CKA_NEVER_EXTRACTABLE: true,
		CKA_SIGN: true, CKA_SIGN_RECOVER: false, CKA_DECRYPT: false, CKA_UNWRAP: false, CKA_WRAP_WITH_TRUSTED: false,
		CKA_ALWAYS_AUTHENTICATE: c.AlwaysAuthorized} {
		a[attribute] = boolean(value)
	}
	secret := []uint{CKA_VALUE}
	if _, ok := c.Public.(*rsa.PublicKey); ok {
		secret = []uint{CKA_PRIVATE_EXPONENT, CKA_PRIME_1, CKA_PRIME_2, CKA_EXPONENT_1, CKA_EXPONENT_2, CKA_COEFFICIENT}
	}
	for _, attribute := range secret {
		a[attribute] = nil
	}
	return &object{class: CKO_PRIVATE_KEY, private: true, attributes: a, place: c.Place, public: c.Public}
}

func dataObject(f card.File) *object {
	a := common(CKO_DATA, f.Label, f.Private, f.Writable)
	a[CKA_APPLICATION] = []byte("CPS")
	a[CKA_OBJECT_ID] = []byte{}
	a[CKA_VALUE] = append([]byte{}, f.Content...)
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
