package p12

import (
	"bytes"
	"crypto"
	"crypto/cipher"
	"crypto/des"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha1"
	"crypto/x509"
	"encoding/asn1"
	"errors"
	"math/big"
	"unicode/utf8"

	"golang.org/x/crypto/cryptobyte"
	cbasn1 "golang.org/x/crypto/cryptobyte/asn1"

	"github.com/igc-lab/igc/internal/i18n"
)

// What the file that was seen has: the same count of rounds for the key's encryption and for the
// MAC.
const (
	ansRounds  = 2048
	saltLength = 8
)

// Object identifiers of RFC 7292, RFC 2985 and RFC 3279.
var (
	oidData         = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 7, 1}
	oidShroudedKey  = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 12, 10, 1, 2}
	oidCertBag      = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 12, 10, 1, 3}
	oidX509         = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 9, 22, 1}
	oidLocalKeyID   = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 9, 21}
	oidSHA1And3DES  = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 12, 1, 3}
	oidSHA1         = asn1.ObjectIdentifier{1, 3, 14, 3, 2, 26}
	contextSpecific = cbasn1.Tag(0).Constructed().ContextSpecific()
)

// EncodeANS writes a PKCS#12 as the ordering platform of the ANS hands out software certificates:
// the certificates are in clear, the private key is encrypted with pbeWithSHAAnd3-KeyTripleDES-CBC,
// a MAC of HMAC-SHA-1 covers both, each with 2,048 rounds, and a localKeyID, the SHA-1 of the
// certificate, ties the key to its certificate. The form is modelled on the one real file that was
// seen; that it goes for every product is an assumption.
//
// Everyone who has the file reads the certificates without the password, and 3DES with 2,048 rounds
// resists no attacker for long: the form is for software that must open what the real platform
// gives.
//
// The certificates above cert are in chain, the nearest first. The password is not empty and of
// characters that a BMPString has (RFC 7292, appendix B.1).
func EncodeANS(key crypto.Signer, cert *x509.Certificate, chain []*x509.Certificate, password string) ([]byte, error) {
	secret, err := bmpPassword(password)
	if err != nil {
		return nil, err
	}
	private, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return nil, i18n.Errorf("PKCS#12: %w", err)
	}
	defer clear(private)
	keyID := sha1.Sum(cert.Raw)
	keySalt, macSalt := newSalt(), newSalt()
	encrypted, err := encrypt3DES(private, secret, keySalt)
	if err != nil {
		return nil, err
	}

	certificates := safeContents(func(b *cryptobyte.Builder) {
		addBag(b, oidCertBag, keyID[:], func(b *cryptobyte.Builder) { addCertificate(b, cert) })
		for _, c := range chain {
			addBag(b, oidCertBag, nil, func(b *cryptobyte.Builder) { addCertificate(b, c) })
		}
	})
	keys := safeContents(func(b *cryptobyte.Builder) {
		addBag(b, oidShroudedKey, keyID[:], func(b *cryptobyte.Builder) { addEncryptedKey(b, encrypted, keySalt) })
	})
	authenticatedSafe := safeContents(func(b *cryptobyte.Builder) {
		addData(b, certificates)
		addData(b, keys)
	})
	mac := hmac.New(sha1.New, deriveKey(macKey, sha1.Size, secret, macSalt, ansRounds))
	mac.Write(authenticatedSafe)

	// PFX ::= SEQUENCE { version INTEGER {v3(3)}, authSafe ContentInfo, macData MacData }
	var pfx cryptobyte.Builder
	pfx.AddASN1(cbasn1.SEQUENCE, func(b *cryptobyte.Builder) {
		b.AddASN1Int64(3)
		addData(b, authenticatedSafe)
		b.AddASN1(cbasn1.SEQUENCE, func(b *cryptobyte.Builder) {
			b.AddASN1(cbasn1.SEQUENCE, func(b *cryptobyte.Builder) {
				b.AddASN1(cbasn1.SEQUENCE, func(b *cryptobyte.Builder) {
					b.AddASN1ObjectIdentifier(oidSHA1)
					b.AddASN1NULL()
				})
				b.AddASN1OctetString(mac.Sum(nil))
			})
			b.AddASN1OctetString(macSalt)
			b.AddASN1Int64(ansRounds)
		})
	})
	return pfx.Bytes()
}

// safeContents is a SEQUENCE of what add adds: SafeContents and AuthenticatedSafe are both one. It
// cannot fail: what is added is of bounded size and well formed.
func safeContents(add func(*cryptobyte.Builder)) []byte {
	var b cryptobyte.Builder
	b.AddASN1(cbasn1.SEQUENCE, add)
	return b.BytesOrPanic()
}

// addData adds ContentInfo ::= SEQUENCE { contentType data, content [0] EXPLICIT OCTET STRING }.
func addData(b *cryptobyte.Builder, content []byte) {
	b.AddASN1(cbasn1.SEQUENCE, func(b *cryptobyte.Builder) {
		b.AddASN1ObjectIdentifier(oidData)
		b.AddASN1(contextSpecific, func(b *cryptobyte.Builder) { b.AddASN1OctetString(content) })
	})
}

// addBag adds SafeBag ::= SEQUENCE { bagId, bagValue [0] EXPLICIT, bagAttributes SET OF
// PKCS12Attribute OPTIONAL }, whose one attribute is the localKeyID.
func addBag(b *cryptobyte.Builder, id asn1.ObjectIdentifier, keyID []byte, value func(*cryptobyte.Builder)) {
	b.AddASN1(cbasn1.SEQUENCE, func(b *cryptobyte.Builder) {
		b.AddASN1ObjectIdentifier(id)
		b.AddASN1(contextSpecific, value)
		if keyID == nil {
			return
		}
		b.AddASN1(cbasn1.SET, func(b *cryptobyte.Builder) {
			b.AddASN1(cbasn1.SEQUENCE, func(b *cryptobyte.Builder) {
				b.AddASN1ObjectIdentifier(oidLocalKeyID)
				b.AddASN1(cbasn1.SET, func(b *cryptobyte.Builder) { b.AddASN1OctetString(keyID) })
			})
		})
	})
}

// addCertificate adds CertBag ::= SEQUENCE { certId x509Certificate, certValue [0] EXPLICIT OCTET
// STRING }.
func addCertificate(b *cryptobyte.Builder, cert *x509.Certificate) {
	b.AddASN1(cbasn1.SEQUENCE, func(b *cryptobyte.Builder) {
		b.AddASN1ObjectIdentifier(oidX509)
		b.AddASN1(contextSpecific, func(b *cryptobyte.Builder) { b.AddASN1OctetString(cert.Raw) })
	})
}

// addEncryptedKey adds EncryptedPrivateKeyInfo, whose algorithm has the parameters SEQUENCE { salt,
// iterations }.
func addEncryptedKey(b *cryptobyte.Builder, encrypted, salt []byte) {
	b.AddASN1(cbasn1.SEQUENCE, func(b *cryptobyte.Builder) {
		b.AddASN1(cbasn1.SEQUENCE, func(b *cryptobyte.Builder) {
			b.AddASN1ObjectIdentifier(oidSHA1And3DES)
			b.AddASN1(cbasn1.SEQUENCE, func(b *cryptobyte.Builder) {
				b.AddASN1OctetString(salt)
				b.AddASN1Int64(ansRounds)
			})
		})
		b.AddASN1OctetString(encrypted)
	})
}

func newSalt() []byte {
	salt := make([]byte, saltLength)
	rand.Read(salt) // never fails
	return salt
}

// encrypt3DES encrypts with pbeWithSHAAnd3-KeyTripleDES-CBC and the padding of RFC 8018, §6.1.1.
func encrypt3DES(plain, password, salt []byte) ([]byte, error) {
	block, err := des.NewTripleDESCipher(deriveKey(encryptionKey, 24, password, salt, ansRounds))
	if err != nil {
		return nil, err
	}
	padding := des.BlockSize - len(plain)%des.BlockSize
	out := append(bytes.Clone(plain), bytes.Repeat([]byte{byte(padding)}, padding)...)
	cipher.NewCBCEncrypter(block, deriveKey(initialVector, des.BlockSize, password, salt, ansRounds)).CryptBlocks(out, out)
	return out, nil
}

// bmpPassword is the password as key derivation takes it: a BMPString with the two zero bytes of
// its end (RFC 7292, appendix B.1).
func bmpPassword(password string) ([]byte, error) {
	if password == "" || !utf8.ValidString(password) {
		return nil, errors.New("the password of a PKCS#12 is empty or not UTF-8")
	}
	var out []byte
	for _, r := range password {
		if r > 0xFFFF {
			return nil, i18n.Errorf("the password of a PKCS#12 cannot have the character %q (U+%X): use others", r, r)
		}
		out = append(out, byte(r>>8), byte(r))
	}
	return append(out, 0, 0), nil
}

// Purposes of a derived key, the byte ID of RFC 7292, appendix B.3.
const (
	encryptionKey = 1
	initialVector = 2
	macKey        = 3
)

// deriveKey derives n bytes from a password with SHA-1, as RFC 7292, appendix B.2, says: v is 64, u
// is 20.
func deriveKey(purpose byte, n int, password, salt []byte, rounds int) []byte {
	const v = 64
	diversifier := bytes.Repeat([]byte{purpose}, v)
	input := append(fill(salt, v), fill(password, v)...)
	one := big.NewInt(1)
	modulus := new(big.Int).Lsh(one, 8*v)
	var out []byte
	for {
		sum := sha1.Sum(append(bytes.Clone(diversifier), input...))
		for range rounds - 1 {
			sum = sha1.Sum(sum[:])
		}
		if out = append(out, sum[:]...); len(out) >= n {
			return out[:n]
		}
		// each block of input becomes (block + B + 1) mod 2^(8v), where B is the hash, repeated
		addend := new(big.Int).SetBytes(fill(sum[:], v))
		addend.Add(addend, one)
		for i := 0; i < len(input); i += v {
			block := new(big.Int).SetBytes(input[i : i+v])
			block.Add(block, addend).Mod(block, modulus).FillBytes(input[i : i+v])
		}
	}
}

// fill repeats b up to the next multiple of v.
func fill(b []byte, v int) []byte {
	size := (len(b) + v - 1) / v * v
	return bytes.Repeat(b, size/len(b)+1)[:size]
}
