package pkcs11

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/rand"
	"crypto/rsa"
	_ "crypto/sha1" // the hashes of the table
	_ "crypto/sha256"
	_ "crypto/sha512"
	"crypto/subtle"
	"crypto/x509/pkix"
	"encoding/asn1"
	"math/big"
	"slices"

	"github.com/igc-lab/igc/card"
)

// scheme is how a signature is made of what is signed, or of its hash.
type scheme int

const (
	digest scheme = iota // no signature at all
	pkcs1                // PKCS#1 v1.5
	pss
	raw // RSA alone, without padding: announced, but no card does it; public keys verify what others did
	ec
)

// mechanism is something that a token can do.
type mechanism struct {
	id     uint
	scheme scheme
	hash   crypto.Hash // 0: the caller has hashed
	flags  uint
}

// mechanisms are those of the Cryptolib, in its order: of a CPS3 up to CKM_SHA256_RSA_PKCS, of a
// CPS4 those of PSS too. Their flags are its own, and announce more than a card does:
// operation.refusal is what becomes of the rest. Labs with P-256 keys have ECDSA instead of RSA.
var mechanisms = []mechanism{
	{CKM_SHA_1, digest, crypto.SHA1, CKF_DIGEST},
	{CKM_SHA256, digest, crypto.SHA256, CKF_DIGEST},
	{CKM_RSA_X_509, raw, 0, CKF_HW | CKF_DECRYPT | CKF_SIGN | CKF_VERIFY | CKF_UNWRAP},
	{CKM_RSA_PKCS, pkcs1, 0, CKF_HW | CKF_ENCRYPT | CKF_DECRYPT | CKF_SIGN | CKF_VERIFY | CKF_UNWRAP},
	{CKM_SHA1_RSA_PKCS, pkcs1, crypto.SHA1, CKF_SIGN | CKF_VERIFY},
	{CKM_SHA256_RSA_PKCS, pkcs1, crypto.SHA256, CKF_SIGN | CKF_VERIFY},
	{CKM_RSA_PKCS_PSS, pss, 0, CKF_HW | CKF_ENCRYPT | CKF_DECRYPT | CKF_SIGN | CKF_VERIFY | CKF_UNWRAP},
	{CKM_SHA1_RSA_PKCS_PSS, pss, crypto.SHA1, CKF_SIGN | CKF_VERIFY},
	{CKM_SHA256_RSA_PKCS_PSS, pss, crypto.SHA256, CKF_SIGN | CKF_VERIFY},
	{CKM_ECDSA, ec, 0, CKF_HW | CKF_SIGN | CKF_VERIFY | CKF_EC_F_P | CKF_EC_NAMEDCURVE | CKF_EC_UNCOMPRESSED},
	{CKM_ECDSA_SHA1, ec, crypto.SHA1, CKF_HW | CKF_SIGN | CKF_VERIFY | CKF_EC_F_P | CKF_EC_NAMEDCURVE | CKF_EC_UNCOMPRESSED},
	{CKM_ECDSA_SHA256, ec, crypto.SHA256, CKF_HW | CKF_SIGN | CKF_VERIFY | CKF_EC_F_P | CKF_EC_NAMEDCURVE | CKF_EC_UNCOMPRESSED},
}

// mechanisms are those that the token's chip and keys can do.
func (t *token) mechanisms() []mechanism {
	var isRSA, isEC bool
	for _, c := range t.card.Certificates {
		switch c.Public.(type) {
		case *rsa.PublicKey:
			isRSA = true
		case *ecdsa.PublicKey:
			isEC = true
		}
	}
	var can []mechanism
	for _, m := range mechanisms {
		if m.scheme == digest || m.scheme == ec && isEC || isRSA && (m.scheme == pkcs1 || m.scheme == raw || m.scheme == pss && t.generation.PSS()) {
			can = append(can, m)
		}
	}
	return can
}

func (t *token) mechanism(id, flag uint) (mechanism, error) {
	for _, m := range t.mechanisms() {
		if m.id == id && m.flags&flag != 0 {
			return m, nil
		}
	}
	return mechanism{}, CKR_MECHANISM_INVALID
}

// sizes are the bounds of keys, in bits: those of the Cryptolib's drivers, and further where the
// lab's keys are longer.
func (t *token) sizes(m mechanism) (least, most uint) {
	switch m.scheme {
	case digest:
		return 0, 0
	case ec:
		return 256, 521
	}
	least, most = 512, 2048
	if t.generation == card.CPS4 {
		least = 2048
	}
	for _, c := range t.card.Certificates {
		if key, ok := c.Public.(*rsa.PublicKey); ok {
			most = max(most, uint(key.N.BitLen()))
		}
	}
	return least, most
}

// fits tells whether a key is of the mechanism's kind.
func (m mechanism) fits(public any) bool {
	switch public.(type) {
	case *rsa.PublicKey:
		return m.scheme == pkcs1 || m.scheme == pss || m.scheme == raw
	case *ecdsa.PublicKey:
		return m.scheme == ec
	}
	return false
}

// mgfs are the hashes of PSS parameters, with the mask function that goes with each.
var mgfs = map[uint]struct {
	hash crypto.Hash
	mgf  uint
}{CKM_SHA_1: {crypto.SHA1, 1}, CKM_SHA256: {crypto.SHA256, 2}, CKM_SHA384: {crypto.SHA384, 3}, CKM_SHA512: {crypto.SHA512, 4}}

// options reads the mechanism's parameter: CK_RSA_PKCS_PSS_PARAMS { hashAlg, mgf, sLen } for PSS,
// none for others.
func (m mechanism) options(parameter []byte, public any) (*rsa.PSSOptions, error) {
	if m.scheme != pss {
		if len(parameter) != 0 {
			return nil, CKR_MECHANISM_PARAM_INVALID
		}
		return nil, nil
	}
	if len(parameter) != 3*longSize {
		return nil, CKR_MECHANISM_PARAM_INVALID
	}
	hash, ok := mgfs[readLong(parameter)]
	salt := readLong(parameter[2*longSize:])
	if !ok || readLong(parameter[longSize:]) != hash.mgf || m.hash != 0 && m.hash != hash.hash {
		return nil, CKR_MECHANISM_PARAM_INVALID
	}
	// emLen >= hLen + sLen + 2 (RFC 8017 §9.1.1); to the library a salt of 0 bytes would mean one
	// of any length
	key, isRSA := public.(*rsa.PublicKey)
	if !isRSA || salt == 0 || salt > uint(key.Size()) || hash.hash.Size()+int(salt)+2 > (key.N.BitLen()+6)/8 {
		return nil, CKR_MECHANISM_PARAM_INVALID
	}
	return &rsa.PSSOptions{SaltLength: int(salt), Hash: hash.hash}, nil
}

// signingOptions is options for a signature. A card makes PSS of SHA-1 and SHA-256, with a salt as
// long as the hash, and the Cryptolib does not look at the salt and the mask function that are
// asked for.
func (m mechanism) signingOptions(parameter []byte, public any) (*rsa.PSSOptions, error) {
	if m.scheme == pss && len(parameter) == 3*longSize {
		hash, ok := mgfs[readLong(parameter)]
		if _, signs := infos[hash.hash]; !ok || !signs {
			return nil, CKR_MECHANISM_PARAM_INVALID
		}
		parameter = slices.Concat(parameter[:longSize], long(hash.mgf), long(uint(hash.hash.Size())))
	}
	return m.options(parameter, public)
}

// size is that of a signature, in bytes.
func size(public any) int {
	switch key := public.(type) {
	case *rsa.PublicKey:
		return key.Size()
	case *ecdsa.PublicKey:
		return 2 * ((key.Curve.Params().BitSize + 7) / 8)
	}
	return 0
}

// accepts tells whether what is signed has a length that the mechanism takes.
func (m mechanism) accepts(data []byte, options *rsa.PSSOptions, public any) bool {
	switch {
	case m.scheme == pss:
		return len(data) == options.Hash.Size()
	case m.scheme == ec:
		return len(data) > 0
	case m.scheme == pkcs1 && m.hash == 0:
		return len(data) <= size(public)-11 // RFC 8017 §9.2
	}
	return true
}

// sign signs a hash, or for CKM_RSA_PKCS whatever the caller made.
func (m mechanism) sign(key crypto.Signer, data []byte, options *rsa.PSSOptions) ([]byte, error) {
	switch m.scheme {
	case pkcs1:
		return key.Sign(rand.Reader, data, m.hash)
	case pss:
		return key.Sign(rand.Reader, data, options)
	}
	der, err := key.Sign(rand.Reader, data, m.hash)
	if err != nil {
		return nil, err
	}
	var s struct{ R, S *big.Int }
	if _, err := asn1.Unmarshal(der, &s); err != nil {
		return nil, err
	}
	half := size(key.Public()) / 2
	return append(s.R.FillBytes(make([]byte, half)), s.S.FillBytes(make([]byte, half))...), nil
}

// verify checks a signature of the right length.
func (m mechanism) verify(public any, data, signature []byte, options *rsa.PSSOptions) bool {
	switch key := public.(type) {
	case *rsa.PublicKey:
		switch m.scheme {
		case pkcs1:
			return rsa.VerifyPKCS1v15(key, m.hash, data, signature) == nil
		case pss:
			return rsa.VerifyPSS(key, options.Hash, data, signature, options) == nil
		}
		block, err := rawRSA(key, signature)
		padded := make([]byte, size(key))
		if err != nil || len(data) > len(padded) {
			return false
		}
		copy(padded[len(padded)-len(data):], data)
		return subtle.ConstantTimeCompare(block, padded) == 1
	case *ecdsa.PublicKey:
		half := len(signature) / 2
		der, err := asn1.Marshal(struct{ R, S *big.Int }{new(big.Int).SetBytes(signature[:half]), new(big.Int).SetBytes(signature[half:])})
		return err == nil && ecdsa.VerifyASN1(key, data, der)
	}
	return false
}

// encrypt is one RSA block under a public key, as the Cryptolib does it.
func encrypt(key *rsa.PublicKey, data []byte) ([]byte, error) {
	k := size(key)
	if len(data) > k-11 {
		return nil, CKR_DATA_LEN_RANGE
	}
	block := make([]byte, k) // 00 02 random 00 data, RFC 8017 §7.2.1
	block[1] = 2
	padding := block[2 : k-len(data)-1]
	for i := range padding {
		for padding[i] == 0 {
			rand.Read(padding[i : i+1])
		}
	}
	copy(block[k-len(data):], data)
	return rawRSA(key, block)
}

// rawRSA is data^e mod n.
func rawRSA(key *rsa.PublicKey, data []byte) ([]byte, error) {
	m := new(big.Int).SetBytes(data)
	if m.Cmp(key.N) >= 0 {
		return nil, CKR_DATA_LEN_RANGE
	}
	return m.Exp(m, big.NewInt(int64(key.E)), key.N).FillBytes(make([]byte, size(key))), nil
}

// infos are what stands before a hash in a DigestInfo, RFC 8017 §9.2, of the hashes that the
// signature key signs.
var infos = map[crypto.Hash][]byte{
	crypto.SHA1:   {0x30, 0x21, 0x30, 0x09, 0x06, 0x05, 0x2B, 0x0E, 0x03, 0x02, 0x1A, 0x05, 0x00, 0x04, 0x14},
	crypto.SHA256: {0x30, 0x31, 0x30, 0x0D, 0x06, 0x09, 0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x01, 0x05, 0x00, 0x04, 0x20},
}

// isDigestInfo tells whether data have the form of a DigestInfo, or of the two hashes of TLS 1.1.
func isDigestInfo(data []byte) bool {
	var info struct {
		Algorithm pkix.AlgorithmIdentifier
		Digest    []byte
	}
	rest, err := asn1.Unmarshal(data, &info)
	return err == nil && len(rest) == 0 || len(data) == crypto.MD5SHA1.Size()
}

// digested takes a hash, alone or in its DigestInfo, apart. Other data are CKR_DATA_INVALID.
func digested(data []byte) (hash crypto.Hash, digest []byte, err error) {
	for hash, info := range infos {
		digest := bytes.TrimPrefix(data, info)
		if len(digest) == hash.Size() {
			return hash, digest, nil
		}
	}
	return 0, nil, CKR_DATA_INVALID
}
