package certfile

import (
	"bytes"
	"crypto/aes"
	"crypto/cipher"
	"crypto/des"
	"crypto/hmac"
	"crypto/md5"
	"crypto/pbkdf2"
	"crypto/rc4"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/sha512"
	"encoding/asn1"
	"errors"
	"hash"
	"math/big"
	"slices"
	"unicode/utf16"
	"unicode/utf8"

	"golang.org/x/crypto/cryptobyte"
	cbasn1 "golang.org/x/crypto/cryptobyte/asn1"
	"golang.org/x/crypto/scrypt"
)

// This file decrypts what a password protects (RFC 7292, appendix B; RFC 8018) and computes the MAC
// of a PKCS#12.

// errWrong says that no password decrypts.
var errWrong = errors.New("no password decrypts it")

// algorithmError names an algorithm that is not computed here.
type algorithmError struct{ name string }

func (e *algorithmError) Error() string { return "encrypted with " + e.name }

// spend takes the work of a derivation from what is left: compressions of a hash, of which HMAC
// has two for each iteration. Those of SHA-512 cost four of SHA-256.
func (r *reader) spend(iterations, compressions int, h func() hash.Hash) error {
	cost := iterations * compressions
	if h().Size() > sha256.Size {
		cost *= 4
	}
	if iterations > maxIterations || cost > r.work {
		return fault("password-iterations",
			"ce fichier demande %d itérations pour son mot de passe, en tout plus qu'igc n'en fait : refaites-le "+
				"avec moins de 600 000, "+
				"ou donnez le bon par --password",
			"this file asks for %d iterations for its password, altogether more than igc does: make it again with "+
				"fewer than 600,000, "+
				"or give the right one by --password", iterations)
	}
	r.work -= cost
	return nil
}

// encodings are the bytes that a password may be in key derivation: UTF-8 for PBES2 and PBMAC1;
// BMPString with the zeros of its end for the derivation of PKCS#12, where an empty password may
// also be no bytes at all, and where old programs took each byte of UTF-8 for a character.
func encodings(password string, asUTF8 bool) [][]byte {
	if asUTF8 {
		all := [][]byte{[]byte(password)}
		if latin, ok := latin1(password); ok {
			all = append(all, latin)
		}
		return all
	}
	all := [][]byte{bmpString(utf16.Encode([]rune(password)))}
	if password == "" {
		return append(all, nil)
	}
	if len(password) != utf8.RuneCountInString(password) {
		units := make([]uint16, len(password))
		for i := range len(password) {
			units[i] = uint16(password[i])
		}
		all = append(all, bmpString(units))
	}
	return all
}

// latin1 is a password in ISO 8859-1, where that differs from UTF-8.
func latin1(password string) (b []byte, ok bool) {
	for _, r := range password {
		if r > 0xff {
			return nil, false
		}
		ok = ok || r >= 0x80
		b = append(b, byte(r))
	}
	return b, ok
}

func bmpString(units []uint16) []byte {
	b := make([]byte, 0, 2*len(units)+2)
	for _, u := range units {
		b = append(b, byte(u>>8), byte(u))
	}
	return append(b, 0, 0)
}

// scheme is how something is decrypted with a password.
type scheme struct {
	utf8 bool // the password is taken as UTF-8
	open func(r *reader, password []byte) (func(encrypted []byte) ([]byte, bool), error)
}

// decrypt decrypts with the first password whose plaintext is acceptable.
func (r *reader) decrypt(algorithm cryptobyte.String, encrypted []byte, passwords []string,
	acceptable func([]byte) bool) ([]byte, error) {
	s, err := parseScheme(algorithm)
	if err != nil {
		return nil, err
	}
	for _, password := range passwords {
		for _, form := range encodings(password, s.utf8) {
			decrypt, err := s.open(r, form)
			if err != nil {
				return nil, err
			}
			if plain, ok := decrypt(encrypted); ok && acceptable(plain) {
				return plain, nil
			}
		}
	}
	return nil, errWrong
}

// decryptKey decrypts an EncryptedPrivateKeyInfo.
func (r *reader) decryptKey(value []byte, passwords []string) ([]byte, error) {
	in := cryptobyte.String(value)
	var info, algorithm, encrypted cryptobyte.String
	var tag cbasn1.Tag
	if !in.ReadASN1(&info, cbasn1.SEQUENCE) || !info.ReadASN1(&algorithm, cbasn1.SEQUENCE) ||
		!info.ReadAnyASN1(&encrypted, &tag) {
		return nil, errWrong
	}
	return r.decrypt(algorithm, encrypted, passwords, func(plain []byte) bool {
		in := cryptobyte.String(plain)
		var body cryptobyte.String
		return in.ReadASN1(&body, cbasn1.SEQUENCE) && in.Empty() && body.PeekASN1Tag(cbasn1.INTEGER)
	})
}

// pkcs12Schemes are the algorithms of RFC 7292, appendix C: 1.2.840.113549.1.12.1.n.
var pkcs12Schemes = map[int]struct {
	keySize int
	make    func(key []byte) (cipher.Block, error)
}{
	1: {16, nil}, 2: {5, nil}, // RC4
	3: {24, des.NewTripleDESCipher},
	4: {16, func(key []byte) (cipher.Block, error) { return des.NewTripleDESCipher(slices.Concat(key, key[:8])) }},
	5: {16, newRC2}, 6: {5, newRC2},
}

// pbes1Schemes are those of RFC 8018, appendix A.3, that files have: 1.2.840.113549.1.5.n.
var pbes1Schemes = map[int]struct {
	hash func() hash.Hash
	make func(key []byte) (cipher.Block, error)
}{
	3: {md5.New, des.NewCipher}, 6: {md5.New, newRC2}, 10: {sha1.New, des.NewCipher}, 11: {sha1.New, newRC2},
}

var (
	oidPKCS12PBE = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 12, 1}
	oidPKCS5     = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 5}
)

const (
	pbkdf2ID = 12 // under PKCS#5
	pbes2ID  = 13
	pbmac1ID = 14
)

// under is the last number of an identifier that is directly under an arc, 0 for another.
func under(oid, arc asn1.ObjectIdentifier) int {
	if len(oid) == len(arc)+1 && oid[:len(arc)].Equal(arc) {
		return oid[len(arc)]
	}
	return 0
}

func parseScheme(algorithm cryptobyte.String) (*scheme, error) {
	var oid asn1.ObjectIdentifier
	var parameters cryptobyte.String
	if !algorithm.ReadASN1ObjectIdentifier(&oid) || !algorithm.ReadASN1(&parameters, cbasn1.SEQUENCE) {
		return nil, errWrong
	}
	if under(oid, oidPKCS5) == pbes2ID {
		return parsePBES2(parameters)
	}
	var salt cryptobyte.String
	var iterations int
	if !parameters.ReadASN1(&salt, cbasn1.OCTET_STRING) || !parameters.ReadASN1Integer(&iterations) || iterations < 1 {
		return nil, &algorithmError{algorithmName(oid)}
	}
	if s, ok := pkcs12Schemes[under(oid, oidPKCS12PBE)]; ok {
		return &scheme{open: func(r *reader, password []byte) (func([]byte) ([]byte, bool), error) {
			key, err := r.derive(sha1.New, 64, password, salt, iterations, 1, s.keySize)
			if err != nil {
				return nil, err
			}
			if s.make == nil {
				c, err := rc4.NewCipher(key)
				return func(encrypted []byte) ([]byte, bool) {
					plain := make([]byte, len(encrypted))
					c.XORKeyStream(plain, encrypted)
					return plain, true
				}, err
			}
			iv, err := r.derive(sha1.New, 64, password, salt, iterations, 2, 8)
			if err != nil {
				return nil, err
			}
			block, err := s.make(key)
			return func(encrypted []byte) ([]byte, bool) { return decryptCBC(block, iv, encrypted) }, err
		}}, nil
	}
	if s, ok := pbes1Schemes[under(oid, oidPKCS5)]; ok {
		return &scheme{utf8: true, open: func(r *reader, password []byte) (func([]byte) ([]byte, bool), error) {
			if err := r.spend(iterations, 1, s.hash); err != nil {
				return nil, err
			}
			h := s.hash() // PBKDF1
			h.Write(password)
			h.Write(salt)
			sum := h.Sum(nil)
			for range iterations - 1 {
				h.Reset()
				h.Write(sum)
				sum = h.Sum(sum[:0])
			}
			block, err := s.make(sum[:8])
			return func(encrypted []byte) ([]byte, bool) { return decryptCBC(block, sum[8:16], encrypted) }, err
		}}, nil
	}
	return nil, &algorithmError{algorithmName(oid)}
}

// blockCiphers are those of PBES2, by their identifier.
var blockCiphers = map[string]struct {
	keySize int
	make    func(key []byte) (cipher.Block, error)
}{
	"2.16.840.1.101.3.4.1.2": {16, aes.NewCipher}, "2.16.840.1.101.3.4.1.22": {24, aes.NewCipher},
	"2.16.840.1.101.3.4.1.42": {32, aes.NewCipher},
	"1.2.840.113549.3.7":      {24, des.NewTripleDESCipher}, "1.3.14.3.2.7": {8, des.NewCipher},
	"1.2.840.113549.3.2": {16,
		newRC2},
}

// parsePBES2 reads the parameters of PBES2 (RFC 8018, appendix A.4).
func parsePBES2(parameters cryptobyte.String) (*scheme, error) {
	var kdf, encryption, iv cryptobyte.String
	var oid asn1.ObjectIdentifier
	if !parameters.ReadASN1(&kdf, cbasn1.SEQUENCE) || !parameters.ReadASN1(&encryption, cbasn1.SEQUENCE) ||
		!encryption.ReadASN1ObjectIdentifier(&oid) {
		return nil, errWrong
	}
	c, ok := blockCiphers[oid.String()]
	if !ok {
		return nil, &algorithmError{algorithmName(oid)}
	}
	if encryption.PeekASN1Tag(cbasn1.SEQUENCE) { // of RC2: version, initial vector
		var version int64
		if !encryption.ReadASN1(&encryption, cbasn1.SEQUENCE) || encryption.PeekASN1Tag(cbasn1.INTEGER) &&
			!encryption.ReadASN1Integer(&version) {
			return nil, errWrong
		}
	}
	if !encryption.ReadASN1(&iv, cbasn1.OCTET_STRING) {
		return nil, errWrong
	}
	derive, err := parseKDF(kdf)
	if err != nil {
		return nil, err
	}
	return &scheme{utf8: true, open: func(r *reader, password []byte) (func([]byte) ([]byte, bool), error) {
		key, err := derive(r, password, c.keySize)
		if err != nil {
			return nil, err
		}
		block, err := c.make(key)
		if err != nil || len(iv) != block.BlockSize() {
			return nil, errWrong
		}
		return func(encrypted []byte) ([]byte, bool) { return decryptCBC(block, iv, encrypted) }, nil
	}}, nil
}

// kdf derives a key of that size from a password.
type kdf func(r *reader, password []byte, size int) ([]byte, error)

var oidScrypt = asn1.ObjectIdentifier{1, 3, 6, 1, 4, 1, 11591, 4, 11}

// parseKDF reads the algorithm of a key derivation: PBKDF2, or scrypt.
func parseKDF(algorithm cryptobyte.String) (kdf, error) {
	var oid asn1.ObjectIdentifier
	var parameters, salt cryptobyte.String
	if !algorithm.ReadASN1ObjectIdentifier(&oid) || !algorithm.ReadASN1(&parameters, cbasn1.SEQUENCE) {
		return nil, errWrong
	}
	if oid.Equal(oidScrypt) {
		var n, blockSize, parallel int
		if !parameters.ReadASN1(&salt, cbasn1.OCTET_STRING) || !parameters.ReadASN1Integer(&n) ||
			!parameters.ReadASN1Integer(&blockSize) || !parameters.ReadASN1Integer(&parallel) {
			return nil, errWrong
		}
		const most = 1 << 18 // 128 bytes each: 32 MB
		if n < 2 || n > most || blockSize < 1 || blockSize > most || n*blockSize > most || parallel != 1 {
			return nil, &algorithmError{"scrypt"}
		}
		return func(r *reader, password []byte, size int) ([]byte, error) {
			if err := r.spend(n*blockSize, 4, sha256.New); err != nil {
				return nil, err
			}
			return scrypt.Key(password, salt, n, blockSize, 1, size)
		}, nil
	}
	if under(oid, oidPKCS5) != pbkdf2ID {
		return nil, &algorithmError{algorithmName(oid)}
	}
	var iterations, length int
	prf := sha1.New
	if !parameters.ReadASN1(&salt, cbasn1.OCTET_STRING) || !parameters.ReadASN1Integer(&iterations) || iterations < 1 ||
		parameters.PeekASN1Tag(cbasn1.INTEGER) && !parameters.ReadASN1Integer(&length) {
		return nil, errWrong
	}
	if !parameters.Empty() {
		var algorithm cryptobyte.String
		if !parameters.ReadASN1(&algorithm, cbasn1.SEQUENCE) || !algorithm.ReadASN1ObjectIdentifier(&oid) {
			return nil, errWrong
		}
		if prf = hmacs[oid.String()]; prf == nil {
			return nil, &algorithmError{algorithmName(oid)}
		}
	}
	return func(r *reader, password []byte, size int) ([]byte, error) {
		if err := r.spend(iterations, 2*((size+prf().Size()-1)/prf().Size()), prf); err != nil {
			return nil, err
		}
		return pbkdf2.Key(prf, string(password), salt, iterations, size)
	}, nil
}

// hmacs are the hashes of HMAC, and hashes those of the MAC of PKCS#12, by their identifiers.
var (
	hmacs = map[string]func() hash.Hash{"1.2.840.113549.2.7": sha1.New, "1.2.840.113549.2.8": sha256.New224,
		"1.2.840.113549.2.9":  sha256.New,
		"1.2.840.113549.2.10": sha512.New384, "1.2.840.113549.2.11": sha512.New}
	hashes = map[string]func() hash.Hash{"1.2.840.113549.2.5": md5.New, "1.3.14.3.2.26": sha1.New,
		"2.16.840.1.101.3.4.2.4": sha256.New224,
		"2.16.840.1.101.3.4.2.1": sha256.New, "2.16.840.1.101.3.4.2.2": sha512.New384,
		"2.16.840.1.101.3.4.2.3": sha512.New}
)

// decryptCBC decrypts and takes the padding off; ok is false where there is none.
func decryptCBC(block cipher.Block, iv, encrypted []byte) (plain []byte, ok bool) {
	size := block.BlockSize()
	if len(encrypted) == 0 || len(encrypted)%size != 0 {
		return nil, false
	}
	plain = make([]byte, len(encrypted))
	cipher.NewCBCDecrypter(block, iv).CryptBlocks(plain, encrypted)
	padding := int(plain[len(plain)-1])
	if padding == 0 || padding > size || !bytes.Equal(plain[len(plain)-padding:], bytes.Repeat([]byte{byte(padding)},
		padding)) {
		return nil, false
	}
	return plain[:len(plain)-padding], true
}

// derive derives bytes from a password (RFC 7292, appendix B.2). v is the block size of the hash.
func (r *reader) derive(h func() hash.Hash, v int, password, salt []byte, iterations int, purpose byte,
	size int) ([]byte, error) {
	state := h()
	if err := r.spend(iterations, (size+state.Size()-1)/state.Size(), h); err != nil {
		return nil, err
	}
	if len(salt) > 1<<10 || len(password) > 1<<12 {
		return nil, errWrong
	}
	diversifier := bytes.Repeat([]byte{purpose}, v)
	input := append(fill(salt, v), fill(password, v)...)
	one, modulus := big.NewInt(1), new(big.Int).Lsh(big.NewInt(1), uint(8*v))
	var out, sum []byte
	for {
		state.Reset()
		state.Write(diversifier)
		state.Write(input)
		sum = state.Sum(sum[:0])
		for range iterations - 1 {
			state.Reset()
			state.Write(sum)
			sum = state.Sum(sum[:0])
		}
		if out = append(out, sum...); len(out) >= size {
			return out[:size], nil
		}
		// each block of input becomes (block + B + 1) mod 2^(8v), where B is the hash, repeated
		addend := new(big.Int).SetBytes(fill(sum, v)[:v])
		addend.Add(addend, one)
		for i := 0; i < len(input); i += v {
			block := new(big.Int).SetBytes(input[i : i+v])
			block.Add(block, addend).Mod(block, modulus).FillBytes(input[i : i+v])
		}
	}
}

// fill repeats b up to the next multiple of v.
func fill(b []byte, v int) []byte {
	if len(b) == 0 {
		return nil
	}
	size := (len(b) + v - 1) / v * v
	return bytes.Repeat(b, size/len(b)+1)[:size]
}

// mac is the MacData of a PKCS#12.
type mac struct {
	digest     []byte
	hash       func() hash.Hash
	salt       []byte
	iterations int
	utf8       bool   // PBMAC1, whose key comes from a kdf
	kdf        kdf    // of PBMAC1
	size       int    // of PBMAC1's key
	unknown    string // the name of an algorithm that is not computed
}

func parseMAC(data cryptobyte.String) (*mac, bool) {
	m := &mac{iterations: 1}
	var info, algorithm, digest, salt, parameters cryptobyte.String
	var oid asn1.ObjectIdentifier
	if !data.ReadASN1(&info, cbasn1.SEQUENCE) || !info.ReadASN1(&algorithm, cbasn1.SEQUENCE) ||
		!info.ReadASN1(&digest, cbasn1.OCTET_STRING) ||
		!data.ReadASN1(&salt, cbasn1.OCTET_STRING) || !data.Empty() && !data.ReadASN1Integer(&m.iterations) ||
		!algorithm.ReadASN1ObjectIdentifier(&oid) {
		return nil, false
	}
	m.digest, m.salt = digest, salt
	if under(oid, oidPKCS5) != pbmac1ID {
		if m.hash = hashes[oid.String()]; m.hash == nil {
			m.unknown = algorithmName(oid)
		}
		return m, m.iterations >= 1
	}
	// PBMAC1-params ::= SEQUENCE { keyDerivationFunc, messageAuthScheme } (RFC 9579)
	var derivation, scheme cryptobyte.String
	if !algorithm.ReadASN1(&parameters, cbasn1.SEQUENCE) || !parameters.ReadASN1(&derivation, cbasn1.SEQUENCE) ||
		!parameters.ReadASN1(&scheme, cbasn1.SEQUENCE) || !scheme.ReadASN1ObjectIdentifier(&oid) {
		return nil, false
	}
	var err error
	if m.hash = hmacs[oid.String()]; m.hash == nil {
		m.unknown = algorithmName(oid)
		return m, true
	}
	m.utf8, m.size = true, keyLength(derivation)
	if m.size < 20 || m.size > 64 { // RFC 9579 wants the length; a short one proves nothing
		return nil, false
	}
	var rare *algorithmError
	if m.kdf, err = parseKDF(derivation); errors.As(err, &rare) {
		m.unknown = rare.name
	} else if err != nil {
		return nil, false
	}
	return m, true
}

// keyLength is that which the parameters of a PBKDF2 name, 0 for none.
func keyLength(derivation cryptobyte.String) (length int) {
	var oid asn1.ObjectIdentifier
	var parameters, salt cryptobyte.String
	var iterations int
	_ = derivation.ReadASN1ObjectIdentifier(&oid) && derivation.ReadASN1(&parameters, cbasn1.SEQUENCE) &&
		parameters.ReadASN1(&salt, cbasn1.OCTET_STRING) &&
		parameters.ReadASN1Integer(&iterations) && parameters.ReadASN1Integer(&length)
	return length
}

// compute is the MAC of the content with a password.
func (m *mac) compute(r *reader, password, content []byte) ([]byte, error) {
	var key []byte
	var err error
	if m.kdf != nil {
		key, err = m.kdf(r, password, m.size)
	} else {
		h := m.hash()
		key, err = r.derive(m.hash, h.BlockSize(), password, m.salt, m.iterations, 3, h.Size())
	}
	if err != nil {
		return nil, err
	}
	h := hmac.New(m.hash, key)
	h.Write(content)
	return h.Sum(nil), nil
}
