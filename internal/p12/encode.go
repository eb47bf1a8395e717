package p12

import (
	"bytes"
	"crypto"
	"crypto/aes"
	"crypto/cipher"
	"crypto/des"
	"crypto/hmac"
	"crypto/pbkdf2"
	"crypto/rand"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/x509"
	"encoding/asn1"
	"errors"
	"hash"
	"unicode/utf16"
	"unicode/utf8"

	"golang.org/x/crypto/cryptobyte"
	cbasn1 "golang.org/x/crypto/cryptobyte/asn1"

	"github.com/igc-lab/igc/internal/i18n"
)

// Object identifiers of RFC 7292, RFC 2985, RFC 8018 and RFC 3279.
var (
	oidData          = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 7, 1}
	oidEncryptedData = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 7, 6}
	oidShroudedKey   = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 12, 10, 1, 2}
	oidCertBag       = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 12, 10, 1, 3}
	oidX509          = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 9, 22, 1}
	oidFriendlyName  = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 9, 20}
	oidLocalKeyID    = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 9, 21}
	oidSHA1And3DES   = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 12, 1, 3}
	oidPBES2         = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 5, 13}
	oidPBKDF2        = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 5, 12}
	oidHMACSHA256    = asn1.ObjectIdentifier{1, 2, 840, 113549, 2, 9}
	oidAES256CBC     = asn1.ObjectIdentifier{2, 16, 840, 1, 101, 3, 4, 1, 42}
	oidSHA1          = asn1.ObjectIdentifier{1, 3, 14, 3, 2, 26}
	oidSHA256        = asn1.ObjectIdentifier{2, 16, 840, 1, 101, 3, 4, 2, 1}

	contextSpecific = cbasn1.Tag(0).Constructed().ContextSpecific()
)

// protection is how a form protects what it holds. Each has 2,048 rounds of key derivation, as
// OpenSSL and go-pkcs12 have.
type protection struct {
	encrypt func(plain []byte, p password) (addAlgorithm func(*cryptobyte.Builder), encrypted []byte,
		err error)
	clearCertificates bool
	hash              func() hash.Hash // of the MAC
	oidHash           asn1.ObjectIdentifier
	saltLength        int
}

var protections = map[Form]protection{
	Modern: {encrypt: encryptAES, hash: sha256.New, oidHash: oidSHA256, saltLength: 16},
	Legacy: {encrypt: encrypt3DES, hash: sha1.New, oidHash: oidSHA1, saltLength: 8},
	ANS:    {encrypt: encrypt3DES, clearCertificates: true, hash: sha1.New, oidHash: oidSHA1, saltLength: 8},
}

const rounds = 2048

// password has the two encodings that a PKCS#12 uses: UTF-8 for PBES2, and a BMPString with the two
// zero bytes of its end for the rest (RFC 7292, appendix B.1). Characters above U+FFFF, which a
// BMPString has not, are written as the two surrogates of UTF-16, as OpenSSL and Java do.
type password struct{ utf8, bmp []byte }

func newPassword(s string) (p password, err error) {
	switch {
	case s == "": // programs differ on what an empty one means
		return p, errors.New("a PKCS#12 wants a password: the given one is empty")
	case !utf8.ValidString(s):
		return p, errors.New("the password of a PKCS#12 is not UTF-8")
	case bytes.IndexByte([]byte(s), 0) >= 0:
		return p, errors.New("the password of a PKCS#12 holds a NUL, where programs end it")
	}
	return password{[]byte(s), append(bmp(s), 0, 0)}, nil
}

// bmp is a text in UTF-16, big-endian.
func bmp(s string) (out []byte) {
	for _, unit := range utf16.Encode([]rune(s)) {
		out = append(out, byte(unit>>8), byte(unit))
	}
	return out
}

// encode writes PFX ::= SEQUENCE { version, authSafe, macData }: the certificates, then the key. A
// localKeyID, the SHA-1 of the certificate, ties the key to its certificate; both have the friendly
// name, if there is one.
func encode(form Form, key crypto.Signer, cert *x509.Certificate, chain []*x509.Certificate, name,
	secret string) ([]byte, error) {
	how := protections[form]
	p, err := newPassword(secret)
	if err != nil {
		return nil, err
	}
	private, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return nil, i18n.Errorf("PKCS#12: %w", err)
	}
	defer clear(private)
	id := sha1.Sum(cert.Raw)
	attributes := bagAttributes{id[:], name}
	keyAlgorithm, encryptedKey, err := how.encrypt(private, p)
	if err != nil {
		return nil, err
	}
	certificates := safeContents(func(b *cryptobyte.Builder) {
		addBag(b, oidCertBag, attributes, func(b *cryptobyte.Builder) { addCertificate(b, cert) })
		for _, c := range chain {
			addBag(b, oidCertBag, bagAttributes{}, func(b *cryptobyte.Builder) { addCertificate(b, c) })
		}
	})
	keys := safeContents(func(b *cryptobyte.Builder) {
		addBag(b, oidShroudedKey, attributes, func(b *cryptobyte.Builder) {
			b.AddASN1(cbasn1.SEQUENCE, func(b *cryptobyte.Builder) { // EncryptedPrivateKeyInfo
				keyAlgorithm(b)
				b.AddASN1OctetString(encryptedKey)
			})
		})
	})
	certAlgorithm, encryptedCertificates, err := how.encrypt(certificates, p)
	if err != nil {
		return nil, err
	}
	authenticatedSafe := safeContents(func(b *cryptobyte.Builder) {
		if how.clearCertificates {
			addData(b, certificates)
		} else {
			addEncryptedData(b, certAlgorithm, encryptedCertificates)
		}
		addData(b, keys)
	})
	salt := newSalt(how.saltLength)
	mac := hmac.New(how.hash, deriveKey(how.hash, macKey, how.hash().Size(), p.bmp, salt, rounds))
	mac.Write(authenticatedSafe)

	var pfx cryptobyte.Builder
	pfx.AddASN1(cbasn1.SEQUENCE, func(b *cryptobyte.Builder) {
		b.AddASN1Int64(3)
		addData(b, authenticatedSafe)
		b.AddASN1(cbasn1.SEQUENCE, func(b *cryptobyte.Builder) { // MacData
			b.AddASN1(cbasn1.SEQUENCE, func(b *cryptobyte.Builder) {
				b.AddASN1(cbasn1.SEQUENCE, func(b *cryptobyte.Builder) {
					b.AddASN1ObjectIdentifier(how.oidHash)
					b.AddASN1NULL()
				})
				b.AddASN1OctetString(mac.Sum(nil))
			})
			b.AddASN1OctetString(salt)
			b.AddASN1Int64(rounds)
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

// addEncryptedData adds ContentInfo ::= SEQUENCE { contentType encryptedData, content [0] EXPLICIT
// SEQUENCE { version, encryptedContentInfo SEQUENCE { type, algorithm, content [0] IMPLICIT } } }.
func addEncryptedData(b *cryptobyte.Builder, addAlgorithm func(*cryptobyte.Builder), encrypted []byte) {
	b.AddASN1(cbasn1.SEQUENCE, func(b *cryptobyte.Builder) {
		b.AddASN1ObjectIdentifier(oidEncryptedData)
		b.AddASN1(contextSpecific, func(b *cryptobyte.Builder) {
			b.AddASN1(cbasn1.SEQUENCE, func(b *cryptobyte.Builder) {
				b.AddASN1Int64(0)
				b.AddASN1(cbasn1.SEQUENCE, func(b *cryptobyte.Builder) {
					b.AddASN1ObjectIdentifier(oidData)
					addAlgorithm(b)
					b.AddASN1(cbasn1.Tag(0).ContextSpecific(), func(b *cryptobyte.Builder) { b.AddBytes(encrypted) })
				})
			})
		})
	})
}

// bagAttributes are those of the bags of a key and its certificate.
type bagAttributes struct {
	keyID        []byte
	friendlyName string
}

// addBag adds SafeBag ::= SEQUENCE { bagId, bagValue [0] EXPLICIT, bagAttributes SET OF
// PKCS12Attribute OPTIONAL }. The attributes are in DER order, that of their encodings.
func addBag(b *cryptobyte.Builder, id asn1.ObjectIdentifier, a bagAttributes, value func(*cryptobyte.Builder)) {
	attribute := func(b *cryptobyte.Builder, id asn1.ObjectIdentifier, value func(*cryptobyte.Builder)) {
		b.AddASN1(cbasn1.SEQUENCE, func(b *cryptobyte.Builder) {
			b.AddASN1ObjectIdentifier(id)
			b.AddASN1(cbasn1.SET, value)
		})
	}
	keyID := func(b *cryptobyte.Builder) {
		attribute(b, oidLocalKeyID, func(b *cryptobyte.Builder) { b.AddASN1OctetString(a.keyID) })
	}
	friendlyName := func(b *cryptobyte.Builder) {
		attribute(b, oidFriendlyName, func(b *cryptobyte.Builder) {
			b.AddASN1(cbasn1.Tag(30), func(b *cryptobyte.Builder) { b.AddBytes(bmp(a.friendlyName)) }) // BMPString
		})
	}
	b.AddASN1(cbasn1.SEQUENCE, func(b *cryptobyte.Builder) {
		b.AddASN1ObjectIdentifier(id)
		b.AddASN1(contextSpecific, value)
		var set [][]byte
		if a.friendlyName != "" {
			set = append(set, encoding(friendlyName))
		}
		if a.keyID != nil {
			set = append(set, encoding(keyID))
		}
		if len(set) == 2 && bytes.Compare(set[0], set[1]) > 0 {
			set[0], set[1] = set[1], set[0]
		}
		if len(set) > 0 {
			b.AddASN1(cbasn1.SET, func(b *cryptobyte.Builder) { b.AddBytes(bytes.Join(set, nil)) })
		}
	})
}

func encoding(add func(*cryptobyte.Builder)) []byte {
	var b cryptobyte.Builder
	add(&b)
	return b.BytesOrPanic()
}

// addCertificate adds CertBag ::= SEQUENCE { certId x509Certificate, certValue [0] EXPLICIT OCTET
// STRING }.
func addCertificate(b *cryptobyte.Builder, cert *x509.Certificate) {
	b.AddASN1(cbasn1.SEQUENCE, func(b *cryptobyte.Builder) {
		b.AddASN1ObjectIdentifier(oidX509)
		b.AddASN1(contextSpecific, func(b *cryptobyte.Builder) { b.AddASN1OctetString(cert.Raw) })
	})
}

func newSalt(length int) []byte {
	salt := make([]byte, length)
	rand.Read(salt) // never fails
	return salt
}

// encrypt3DES encrypts with pbeWithSHAAnd3-KeyTripleDES-CBC, whose parameters are SEQUENCE { salt,
// iterations }.
func encrypt3DES(plain []byte, p password) (func(*cryptobyte.Builder), []byte, error) {
	salt := newSalt(8)
	block, err := des.NewTripleDESCipher(deriveKey(sha1.New, encryptionKey, 24, p.bmp, salt, rounds))
	if err != nil {
		return nil, nil, err
	}
	vector := deriveKey(sha1.New, initialVector, des.BlockSize, p.bmp, salt, rounds)
	return func(b *cryptobyte.Builder) {
		b.AddASN1(cbasn1.SEQUENCE, func(b *cryptobyte.Builder) {
			b.AddASN1ObjectIdentifier(oidSHA1And3DES)
			b.AddASN1(cbasn1.SEQUENCE, func(b *cryptobyte.Builder) {
				b.AddASN1OctetString(salt)
				b.AddASN1Int64(rounds)
			})
		})
	}, encryptCBC(block, vector, plain), nil
}

// encryptAES encrypts with PBES2: PBKDF2 with HMAC-SHA-256, AES-256-CBC (RFC 8018, §6.2).
func encryptAES(plain []byte, p password) (func(*cryptobyte.Builder), []byte, error) {
	salt, vector := newSalt(16), newSalt(aes.BlockSize)
	key, err := pbkdf2.Key(sha256.New, string(p.utf8), salt, rounds, 32)
	if err != nil {
		return nil, nil, err
	}
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, nil, err
	}
	algorithm := func(b *cryptobyte.Builder, id asn1.ObjectIdentifier, parameters func(*cryptobyte.Builder)) {
		b.AddASN1(cbasn1.SEQUENCE, func(b *cryptobyte.Builder) {
			b.AddASN1ObjectIdentifier(id)
			parameters(b)
		})
	}
	return func(b *cryptobyte.Builder) {
		algorithm(b, oidPBES2, func(b *cryptobyte.Builder) {
			b.AddASN1(cbasn1.SEQUENCE, func(b *cryptobyte.Builder) {
				algorithm(b, oidPBKDF2, func(b *cryptobyte.Builder) {
					b.AddASN1(cbasn1.SEQUENCE, func(b *cryptobyte.Builder) {
						b.AddASN1OctetString(salt)
						b.AddASN1Int64(rounds)
						algorithm(b, oidHMACSHA256, func(b *cryptobyte.Builder) { b.AddASN1NULL() })
					})
				})
				algorithm(b, oidAES256CBC, func(b *cryptobyte.Builder) { b.AddASN1OctetString(vector) })
			})
		})
	}, encryptCBC(block, vector, plain), nil
}

// encryptCBC encrypts with the padding of RFC 8018, §6.1.1.
func encryptCBC(block cipher.Block, vector, plain []byte) []byte {
	padding := block.BlockSize() - len(plain)%block.BlockSize()
	out := append(bytes.Clone(plain), bytes.Repeat([]byte{byte(padding)}, padding)...)
	cipher.NewCBCEncrypter(block, vector).CryptBlocks(out, out)
	return out
}
