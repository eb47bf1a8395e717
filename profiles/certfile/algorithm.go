package certfile

import (
	"encoding/asn1"
	"fmt"
	"math/big"

	"golang.org/x/crypto/cryptobyte"
	cbasn1 "golang.org/x/crypto/cryptobyte/asn1"
)

// This file names algorithms, those that nothing here computes with too.

// algorithms are the names of public-key algorithms, and of those that encrypt files.
var algorithms = map[string]string{
	"1.2.840.113549.1.1.1": "RSA", "1.2.840.113549.1.1.10": "RSA-PSS", "1.2.840.113549.1.1.7": "RSA-OAEP",
	"1.2.840.10045.2.1": "EC", "1.3.132.1.12": "EC", "1.3.132.1.13": "EC",
	"1.2.840.10040.4.1": "DSA", "1.2.840.113549.1.3.1": "DH", "1.2.840.10046.2.1": "DH",
	"1.3.101.110": "X25519", "1.3.101.111": "X448", "1.3.101.112": "Ed25519", "1.3.101.113": "Ed448",
	"1.2.643.2.2.19": "GOST R 34.10-2001", "1.2.643.2.2.20": "GOST R 34.10-94",
	"1.2.643.7.1.1.1.1": "GOST R 34.10-2012 256", "1.2.643.7.1.1.1.2": "GOST R 34.10-2012 512",
	"2.16.840.1.101.3.4.3.17": "ML-DSA-44", "2.16.840.1.101.3.4.3.18": "ML-DSA-65",
	"2.16.840.1.101.3.4.3.19": "ML-DSA-87",
	"2.16.840.1.101.3.4.3.20": "SLH-DSA-SHA2-128s", "2.16.840.1.101.3.4.3.21": "SLH-DSA-SHA2-128f",
	"2.16.840.1.101.3.4.3.22": "SLH-DSA-SHA2-192s",
	"2.16.840.1.101.3.4.3.23": "SLH-DSA-SHA2-192f", "2.16.840.1.101.3.4.3.24": "SLH-DSA-SHA2-256s",
	"2.16.840.1.101.3.4.3.25": "SLH-DSA-SHA2-256f",
	"2.16.840.1.101.3.4.3.26": "SLH-DSA-SHAKE-128s", "2.16.840.1.101.3.4.3.27": "SLH-DSA-SHAKE-128f",
	"2.16.840.1.101.3.4.3.28": "SLH-DSA-SHAKE-192s",
	"2.16.840.1.101.3.4.3.29": "SLH-DSA-SHAKE-192f", "2.16.840.1.101.3.4.3.30": "SLH-DSA-SHAKE-256s",
	"2.16.840.1.101.3.4.3.31": "SLH-DSA-SHAKE-256f",
	"2.16.840.1.101.3.4.4.1":  "ML-KEM-512", "2.16.840.1.101.3.4.4.2": "ML-KEM-768",
	"2.16.840.1.101.3.4.4.3": "ML-KEM-1024",
	"1.2.643.2.2.21":         "GOST 28147-89", "1.2.643.7.1.1.5.1.1": "Magma", "1.2.643.7.1.1.5.2.1": "Kuznyechik",
	"1.2.392.200011.61.1.1.1.4": "Camellia-256", "1.2.392.200011.61.1.1.1.2": "Camellia-128",
	"1.2.410.200004.1.4":      "SEED",
	"2.16.840.1.101.3.4.1.46": "AES-256-GCM", "2.16.840.1.101.3.4.1.6": "AES-128-GCM", "1.2.156.10197.1.104.2": "SM4",
	"1.2.643.2.2.9": "GOST R 34.11-94", "1.2.643.7.1.1.2.2": "Streebog-256", "1.2.643.7.1.1.2.3": "Streebog-512",
	"1.2.643.2.2.10": "HMAC GOST R 34.11-94", "1.2.643.7.1.1.4.1": "HMAC Streebog-256",
	"1.2.643.7.1.1.4.2":    "HMAC Streebog-512",
	"1.2.840.113549.1.5.1": "PBE-MD2-DES", "1.2.840.113549.1.5.4": "PBE-MD2-RC2", "1.3.6.1.4.1.11591.4.11": "scrypt",
}

// algorithmName is the name of an algorithm, or its identifier where it has none here.
func algorithmName(oid asn1.ObjectIdentifier) string {
	if name, ok := algorithms[oid.String()]; ok {
		return name
	}
	return oid.String()
}

// curves are the names and sizes of curves: NIST's by the names that Go has, the others by
// OpenSSL's.
var curves = map[string]struct {
	name string
	bits int
}{
	"1.2.840.10045.3.1.1": {"P-192", 192}, "1.3.132.0.33": {"P-224", 224}, "1.2.840.10045.3.1.7": {"P-256", 256},
	"1.3.132.0.34": {"P-384", 384}, "1.3.132.0.35": {"P-521", 521},
	"1.3.132.0.10": {"secp256k1", 256}, "1.3.132.0.31": {"secp192k1", 192}, "1.3.132.0.32": {"secp224k1", 224},
	"1.3.132.0.8": {"secp160r1", 160}, "1.3.132.0.9": {"secp160k1", 160},
	"1.3.132.0.1": {"sect163k1", 163}, "1.3.132.0.15": {"sect163r2", 163}, "1.3.132.0.26": {"sect233k1", 233},
	"1.3.132.0.27": {"sect233r1", 233}, "1.3.132.0.16": {"sect283k1", 283},
	"1.3.132.0.17": {"sect283r1", 283}, "1.3.132.0.36": {"sect409k1", 409}, "1.3.132.0.37": {"sect409r1", 409},
	"1.3.132.0.38": {"sect571k1", 571}, "1.3.132.0.39": {"sect571r1", 571},
	"1.3.36.3.3.2.8.1.1.1": {"brainpoolP160r1", 160}, "1.3.36.3.3.2.8.1.1.2": {"brainpoolP160t1", 160},
	"1.3.36.3.3.2.8.1.1.3": {"brainpoolP192r1", 192},
	"1.3.36.3.3.2.8.1.1.4": {"brainpoolP192t1", 192}, "1.3.36.3.3.2.8.1.1.5": {"brainpoolP224r1", 224},
	"1.3.36.3.3.2.8.1.1.6": {"brainpoolP224t1", 224},
	"1.3.36.3.3.2.8.1.1.7": {"brainpoolP256r1", 256}, "1.3.36.3.3.2.8.1.1.8": {"brainpoolP256t1", 256},
	"1.3.36.3.3.2.8.1.1.9":  {"brainpoolP320r1", 320},
	"1.3.36.3.3.2.8.1.1.10": {"brainpoolP320t1", 320}, "1.3.36.3.3.2.8.1.1.11": {"brainpoolP384r1", 384},
	"1.3.36.3.3.2.8.1.1.12": {"brainpoolP384t1", 384},
	"1.3.36.3.3.2.8.1.1.13": {"brainpoolP512r1", 512}, "1.3.36.3.3.2.8.1.1.14": {"brainpoolP512t1", 512},
	"1.2.250.1.223.101.256.1": {"FRP256v1", 256}, "1.2.156.10197.1.301": {"SM2", 256},
}

// curveOf names the curve of ECParameters.
func curveOf(parameters cryptobyte.String) (name string, bits int) {
	var oid asn1.ObjectIdentifier
	if parameters.PeekASN1Tag(cbasn1.OBJECT_IDENTIFIER) && parameters.ReadASN1ObjectIdentifier(&oid) {
		if c, ok := curves[oid.String()]; ok {
			return "EC " + c.name, c.bits
		}
		return "EC " + oid.String(), 0
	}
	// SpecifiedECDomain: version, field { type, prime }
	var domain, field, kind cryptobyte.String
	var version int
	prime := new(big.Int)
	if parameters.ReadASN1(&domain, cbasn1.SEQUENCE) && domain.ReadASN1Integer(&version) &&
		domain.ReadASN1(&field, cbasn1.SEQUENCE) &&
		field.ReadASN1(&kind, cbasn1.OBJECT_IDENTIFIER) && field.ReadASN1Integer(prime) {
		return fmt.Sprintf("EC (explicit, %d bits)", prime.BitLen()), prime.BitLen()
	}
	return "EC", 0
}

// keySizes are those of algorithms that have one.
var keySizes = map[string]int{"Ed25519": 256, "X25519": 256, "Ed448": 456, "X448": 448}

// PublicKeyName names the key of a SubjectPublicKeyInfo, or of the RSAPublicKey of PKCS#1, by its
// algorithm (and curve) and its size in bits, 0 where that is not known. ok is false for bytes that
// are neither.
func PublicKeyName(value []byte) (algorithm string, bits int, ok bool) {
	in := cryptobyte.String(value)
	var info, id, key cryptobyte.String
	var oid asn1.ObjectIdentifier
	if !in.ReadASN1(&info, cbasn1.SEQUENCE) {
		return "", 0, false
	}
	if info.PeekASN1Tag(cbasn1.INTEGER) {
		n := new(big.Int)
		ok := info.ReadASN1Integer(n)
		return "RSA", n.BitLen(), ok
	}
	if !info.ReadASN1(&id, cbasn1.SEQUENCE) || !id.ReadASN1ObjectIdentifier(&oid) ||
		!info.ReadASN1(&key, cbasn1.BIT_STRING) || len(key) < 1 {
		return "", 0, false
	}
	key = key[1:]
	name := algorithmName(oid)
	switch name {
	case "RSA", "RSA-PSS", "RSA-OAEP":
		var inner cryptobyte.String
		n := new(big.Int)
		if !key.ReadASN1(&inner, cbasn1.SEQUENCE) || !inner.ReadASN1Integer(n) {
			return "", 0, false
		}
		return name, n.BitLen(), true
	case "EC":
		name, bits = curveOf(id)
		return name, bits, true
	case "DSA", "DH":
		var group cryptobyte.String
		p := new(big.Int)
		if id.ReadASN1(&group, cbasn1.SEQUENCE) && group.ReadASN1Integer(p) {
			bits = p.BitLen()
		}
		return name, bits, true
	}
	return name, keySizes[name], true
}
