package certfile

import (
	"bytes"
	"crypto/ecdh"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"encoding/asn1"
	"math/big"
	"slices"

	"golang.org/x/crypto/cryptobyte"
	cbasn1 "golang.org/x/crypto/cryptobyte/asn1"

	"github.com/igc-lab/igc/internal/der"
)

// Key is what is told of a private key, which itself is not kept.
type Key struct {
	Encrypted bool
	Algorithm string // such as "RSA" or "EC brainpoolP256r1"; empty for one that stays encrypted
	Bits      int    // 0 where the size is not known

	Of           []*Item // the certificates that it is of, in a PKCS#12
	Certificates int     // of that PKCS#12

	public []byte // as the BIT STRING of a SubjectPublicKeyInfo has it; nil where it cannot be computed
	open   func() // opens an encrypted key when that is needed
}

// maxOpened bounds the encrypted keys of PEM and DER that are opened to find a certificate.
const maxOpened = 4

func newKey(value []byte) *Key {
	k := &Key{}
	k.read(value)
	return k
}

// encryptedKey is a key whose password is tried when it matters whose key it is.
func (r *reader) encryptedKey(value []byte) *Key {
	k := &Key{Encrypted: true}
	k.open = func() {
		if plain, err := r.decryptKey(value, slices.DeleteFunc(slices.Clone(r.passwords),
			func(s string) bool { return s == "" })); err == nil {
			k.read(plain)
		}
	}
	return k
}

// Computed tells whether the public half is known, so that it tells for sure whose the key is.
func (k *Key) Computed() bool { return k.public != nil }

// known is the public half, opened with a password where that is needed.
func (k *Key) known() []byte {
	if k.open != nil {
		k.open()
		k.open = nil
	}
	return k.public
}

// read takes kind and public half from a private key in PKCS#8, PKCS#1, SEC 1 or the form that
// OpenSSL has for DSA. A kind that is not computed with is named.
func (k *Key) read(value []byte) {
	in := cryptobyte.String(value)
	var body, algorithm, inner cryptobyte.String
	var version int
	if !in.ReadASN1(&body, cbasn1.SEQUENCE) || !body.ReadASN1Integer(&version) {
		return
	}
	switch {
	case body.PeekASN1Tag(cbasn1.SEQUENCE): // PKCS#8
		var oid asn1.ObjectIdentifier
		if body.ReadASN1(&algorithm, cbasn1.SEQUENCE) && algorithm.ReadASN1ObjectIdentifier(&oid) &&
			body.ReadASN1(&inner, cbasn1.OCTET_STRING) {
			k.readPKCS8(oid, algorithm, inner, body)
		}
	case body.PeekASN1Tag(cbasn1.OCTET_STRING): // SEC 1
		k.readEC(value, nil)
	default: // integers: nine of RSA, six of DSA
		var n []*big.Int
		for !body.Empty() && len(n) < 8 {
			i := new(big.Int)
			if !body.ReadASN1Integer(i) {
				return
			}
			n = append(n, i)
		}
		switch len(n) {
		case 8:
			k.rsa("RSA", n[0], n[1])
		case 5: // p, q, g, y, x
			k.Algorithm, k.Bits, k.public = "DSA", n[0].BitLen(), integer(n[3])
		}
	}
}

func (k *Key) rsa(name string, modulus, exponent *big.Int) {
	k.Algorithm, k.Bits = name, modulus.BitLen()
	k.public, _ = der.Build(func(b *cryptobyte.Builder) {
		b.AddASN1(cbasn1.SEQUENCE, func(b *cryptobyte.Builder) { b.AddASN1BigInt(modulus); b.AddASN1BigInt(exponent) })
	})
}

func integer(n *big.Int) []byte {
	b, _ := der.Build(func(b *cryptobyte.Builder) { b.AddASN1BigInt(n) })
	return b
}

// readPKCS8 reads the key of an algorithm; after it, the attributes and the public half that
// version 2 has (RFC 5958).
func (k *Key) readPKCS8(oid asn1.ObjectIdentifier, parameters, inner, after cryptobyte.String) {
	name := algorithmName(oid)
	k.Algorithm, k.Bits = name, keySizes[name]
	var attributes, public cryptobyte.String
	var some bool
	if after.ReadOptionalASN1(&attributes, &some, der.Explicit(0)) &&
		after.ReadOptionalASN1(&public, &some, cbasn1.Tag(1).ContextSpecific()) && len(public) > 1 {
		k.public = public[1:] // after the count of unused bits
	}
	switch {
	case name == "RSA" || name == "RSA-PSS":
		var inside Key
		inside.read(inner)
		if inside.public != nil {
			k.public, k.Bits = inside.public, inside.Bits
		}
	case name == "EC":
		k.readEC(inner, parameters)
	case name == "DSA":
		var group cryptobyte.String
		p, q, g, x := new(big.Int), new(big.Int), new(big.Int), new(big.Int)
		if parameters.ReadASN1(&group, cbasn1.SEQUENCE) && group.ReadASN1Integer(p) && group.ReadASN1Integer(q) &&
			group.ReadASN1Integer(g) && inner.ReadASN1Integer(x) {
			k.Bits = p.BitLen()
			if p.Sign() > 0 && p.BitLen() <= 4096 && x.Sign() > 0 && x.BitLen() <= 512 {
				k.public = integer(new(big.Int).Exp(g, x, p))
			}
		}
	case name == "Ed25519" || name == "X25519":
		var seed cryptobyte.String
		if !inner.ReadASN1(&seed, cbasn1.OCTET_STRING) || len(seed) != ed25519.SeedSize {
			return
		}
		if name == "Ed25519" {
			k.public = ed25519.NewKeyFromSeed(seed)[ed25519.SeedSize:]
		} else if private, err := ecdh.X25519().NewPrivateKey(seed); err == nil {
			k.public = private.PublicKey().Bytes()
		}
	}
}

// readEC reads an ECPrivateKey (RFC 5915), whose curve may be in the parameters around it.
func (k *Key) readEC(value []byte, parameters cryptobyte.String) {
	in := cryptobyte.String(value)
	var body, private, own, wrapped, point cryptobyte.String
	var version int
	var some bool
	if !in.ReadASN1(&body, cbasn1.SEQUENCE) || !body.ReadASN1Integer(&version) ||
		!body.ReadASN1(&private, cbasn1.OCTET_STRING) ||
		!body.ReadOptionalASN1(&own, &some, der.Explicit(0)) {
		return
	}
	if parameters == nil {
		parameters = own
	}
	k.Algorithm, k.Bits = curveOf(parameters)
	if body.ReadOptionalASN1(&wrapped, &some, der.Explicit(1)) && wrapped.ReadASN1(&point, cbasn1.BIT_STRING) &&
		len(point) > 1 {
		k.public = point[1:]
		return
	}
	nist := map[string]elliptic.Curve{"EC P-224": elliptic.P224(), "EC P-256": elliptic.P256(),
		"EC P-384": elliptic.P384(), "EC P-521": elliptic.P521()}
	if curve := nist[k.Algorithm]; curve != nil {
		size := (curve.Params().BitSize + 7) / 8
		scalar := bytes.TrimLeft(private, "\x00")
		if len(scalar) > size {
			return
		}
		if key, err := ecdsa.ParseRawPrivateKey(curve, slices.Concat(make([]byte, size-len(scalar)),
			scalar)); err == nil {
			k.public, _ = key.PublicKey.Bytes()
		}
	}
}

// publicBits are those of a SubjectPublicKeyInfo.
func publicBits(spki cryptobyte.String) []byte {
	var info, algorithm, bits cryptobyte.String
	if !spki.ReadASN1(&info, cbasn1.SEQUENCE) || !info.ReadASN1(&algorithm, cbasn1.SEQUENCE) ||
		!info.ReadASN1(&bits, cbasn1.BIT_STRING) || len(bits) < 2 {
		return nil
	}
	return compressed(bits[1:])
}

// compressed is a point of a curve in its short form, so that both forms are equal. Other keys stay
// as they are.
func compressed(public []byte) []byte {
	if len(public)%2 == 1 && len(public) >= 41 && public[0] == 4 {
		half := len(public) / 2
		return append([]byte{2 | public[len(public)-1]&1}, public[1:1+half]...)
	}
	return public
}

// owners finds the certificates of keys.
type owners struct {
	byPublic, byID map[string][]*Item
}

func newOwners(items []*Item) owners {
	o := owners{map[string][]*Item{}, map[string][]*Item{}}
	for _, c := range items {
		if c.Kind != Certificate {
			continue
		}
		if bits := publicBits(c.Certificate.SubjectPublicKeyInfo); bits != nil {
			o.byPublic[string(bits)] = append(o.byPublic[string(bits)], c)
		}
		if len(c.id) > 0 {
			o.byID[string(c.id)] = append(o.byID[string(c.id)], c)
		}
	}
	return o
}

// find returns the certificates of a key: by its public half, and by its identifier where that is
// not known.
func (o owners) find(key *Item) []*Item {
	if public := key.Key.known(); public != nil {
		return o.byPublic[string(compressed(public))]
	}
	return o.byID[string(key.id)]
}
