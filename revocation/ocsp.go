package revocation

import (
	"bytes"
	"crypto"
	"crypto/x509"
	"encoding/asn1"
	"errors"
	"math/big"
	"time"

	"golang.org/x/crypto/cryptobyte"
	cbasn1 "golang.org/x/crypto/cryptobyte/asn1"

	"github.com/igc-lab/igc/ca"
)

// This file is the OCSP codec (RFC 6960 §4): bytes to requests and answers to bytes, nothing else.

// request is an OCSPRequest.
type request struct {
	ids   []certID
	nonce []byte // value of the nonce extension (RFC 9654), nil without one
}

// certID names a certificate by hashes of its issuer and its serial number.
type certID struct {
	raw       []byte // DER: an answer repeats it as it came
	hash      crypto.Hash
	issuer    []byte // hash of the issuer's name
	issuerKey []byte // hash of the issuer's public key
	serial    *big.Int
}

var hashOIDs = []struct {
	oid  asn1.ObjectIdentifier
	hash crypto.Hash
}{
	{asn1.ObjectIdentifier{1, 3, 14, 3, 2, 26}, crypto.SHA1},
	{asn1.ObjectIdentifier{2, 16, 840, 1, 101, 3, 4, 2, 1}, crypto.SHA256},
	{asn1.ObjectIdentifier{2, 16, 840, 1, 101, 3, 4, 2, 2}, crypto.SHA384},
	{asn1.ObjectIdentifier{2, 16, 840, 1, 101, 3, 4, 2, 3}, crypto.SHA512},
}

var (
	oidBasic = asn1.ObjectIdentifier{1, 3, 6, 1, 5, 5, 7, 48, 1, 1}
	oidNonce = asn1.ObjectIdentifier{1, 3, 6, 1, 5, 5, 7, 48, 1, 2}
)

// Limits of a request: RFC 9654 §2.1 bounds the nonce, the lab the number of certificates.
const (
	maxNonce = 128
	maxIDs   = 64
)

var errRequest = errors.New("malformed OCSP request")

func explicit(n uint8) cbasn1.Tag { return cbasn1.Tag(n).ContextSpecific().Constructed() }

// parseRequest reads an OCSPRequest. A signature on it is passed over: the lab answers anyone.
func parseRequest(der []byte) (*request, error) {
	in := cryptobyte.String(der)
	var outer, tbs, list, extensions cryptobyte.String
	var present bool
	if !in.ReadASN1(&outer, cbasn1.SEQUENCE) || !in.Empty() || !outer.ReadASN1(&tbs, cbasn1.SEQUENCE) ||
		!outer.SkipOptionalASN1(explicit(0)) || !outer.Empty() ||
		!tbs.SkipOptionalASN1(explicit(0)) || !tbs.SkipOptionalASN1(explicit(1)) || !tbs.ReadASN1(&list, cbasn1.SEQUENCE) ||
		!tbs.ReadOptionalASN1(&extensions, &present, explicit(2)) || !tbs.Empty() {
		return nil, errRequest
	}
	r := &request{}
	for !list.Empty() {
		var one cryptobyte.String
		if !list.ReadASN1(&one, cbasn1.SEQUENCE) || len(r.ids) == maxIDs {
			return nil, errRequest
		}
		id, err := parseCertID(&one)
		if err != nil || !one.SkipOptionalASN1(explicit(0)) || !one.Empty() {
			return nil, errRequest
		}
		r.ids = append(r.ids, id)
	}
	if len(r.ids) == 0 {
		return nil, errRequest
	}
	if !present {
		return r, nil
	}
	var seq cryptobyte.String
	if !extensions.ReadASN1(&seq, cbasn1.SEQUENCE) || !extensions.Empty() {
		return nil, errRequest
	}
	for !seq.Empty() {
		var e, value cryptobyte.String
		var oid asn1.ObjectIdentifier
		var critical bool
		if !seq.ReadASN1(&e, cbasn1.SEQUENCE) || !e.ReadASN1ObjectIdentifier(&oid) ||
			e.PeekASN1Tag(cbasn1.BOOLEAN) && !e.ReadASN1Boolean(&critical) ||
			!e.ReadASN1(&value, cbasn1.OCTET_STRING) || !e.Empty() {
			return nil, errRequest
		}
		if oid.Equal(oidNonce) {
			if len(value) == 0 || len(value) > maxNonce+2 { // two bytes for the OCTET STRING inside
				return nil, errRequest
			}
			r.nonce = value
		}
	}
	return r, nil
}

func parseCertID(in *cryptobyte.String) (id certID, err error) {
	var raw, seq, algorithm, issuer, key cryptobyte.String
	var oid asn1.ObjectIdentifier
	id.serial = new(big.Int)
	if !in.ReadASN1Element(&raw, cbasn1.SEQUENCE) {
		return id, errRequest
	}
	id.raw = raw
	if !raw.ReadASN1(&seq, cbasn1.SEQUENCE) || !seq.ReadASN1(&algorithm, cbasn1.SEQUENCE) || !algorithm.ReadASN1ObjectIdentifier(&oid) ||
		!seq.ReadASN1(&issuer, cbasn1.OCTET_STRING) || !seq.ReadASN1(&key, cbasn1.OCTET_STRING) ||
		!seq.ReadASN1Integer(id.serial) || !seq.Empty() {
		return id, errRequest
	}
	for _, h := range hashOIDs {
		if h.oid.Equal(oid) {
			id.hash = h.hash
		}
	}
	id.issuer, id.issuerKey = issuer, key
	return id, nil
}

// names tells whether the certID's issuer is this certificate.
func (id certID) names(issuer *x509.Certificate) bool {
	if id.hash == 0 || id.serial.Sign() < 0 { // a negative one would pass for its opposite; zero is merely no one's
		return false
	}
	var spki struct {
		Algorithm asn1.RawValue
		Key       asn1.BitString
	}
	if _, err := asn1.Unmarshal(issuer.RawSubjectPublicKeyInfo, &spki); err != nil {
		return false
	}
	sum := func(data []byte) []byte {
		h := id.hash.New()
		h.Write(data)
		return h.Sum(nil)
	}
	return bytes.Equal(id.issuer, sum(issuer.RawSubject)) && bytes.Equal(id.issuerKey, sum(spki.Key.Bytes))
}

// single is one SingleResponse.
type single struct {
	id      certID
	status  certStatus
	revoked *ca.Revocation
}

type certStatus uint8

const (
	good    certStatus = 0
	revoked certStatus = 1
	unknown certStatus = 2
)

// response is what a BasicOCSPResponse is made of.
type response struct {
	responder  *x509.Certificate
	thisUpdate time.Time
	nextUpdate time.Time
	answers    []single
	nonce      []byte
}

// sign encodes and signs a successful OCSPResponse; the responder's certificate goes with it.
func (r *response) sign(signer crypto.Signer, algorithm x509.SignatureAlgorithm) ([]byte, error) {
	alg, err := algorithmIdentifier(algorithm)
	if err != nil {
		return nil, err
	}
	var b cryptobyte.Builder
	b.AddASN1(cbasn1.SEQUENCE, func(b *cryptobyte.Builder) {
		b.AddASN1(explicit(2), func(b *cryptobyte.Builder) { b.AddASN1OctetString(r.responder.SubjectKeyId) }) // byKey
		b.AddASN1GeneralizedTime(r.thisUpdate)                                                                 // producedAt
		b.AddASN1(cbasn1.SEQUENCE, func(b *cryptobyte.Builder) {
			for _, a := range r.answers {
				b.AddASN1(cbasn1.SEQUENCE, func(b *cryptobyte.Builder) { r.addSingle(b, a) })
			}
		})
		if r.nonce != nil {
			b.AddASN1(explicit(1), func(b *cryptobyte.Builder) {
				addExtensions(b, []extension{{oid: oidNonce, value: func(b *cryptobyte.Builder) { b.AddBytes(r.nonce) }}})
			})
		}
	})
	tbs, err := b.Bytes()
	if err != nil {
		return nil, err
	}
	var certs cryptobyte.Builder
	certs.AddASN1(explicit(0), func(b *cryptobyte.Builder) {
		b.AddASN1(cbasn1.SEQUENCE, func(b *cryptobyte.Builder) { b.AddBytes(r.responder.Raw) })
	})
	follows, err := certs.Bytes()
	if err != nil {
		return nil, err
	}
	basic, err := signed(tbs, alg, follows, signer)
	if err != nil {
		return nil, err
	}
	var out cryptobyte.Builder
	out.AddASN1(cbasn1.SEQUENCE, func(b *cryptobyte.Builder) {
		b.AddASN1Enum(0) // successful
		b.AddASN1(explicit(0), func(b *cryptobyte.Builder) {
			b.AddASN1(cbasn1.SEQUENCE, func(b *cryptobyte.Builder) {
				b.AddASN1ObjectIdentifier(oidBasic)
				b.AddASN1OctetString(basic)
			})
		})
	})
	return out.Bytes()
}

func (r *response) addSingle(b *cryptobyte.Builder, a single) {
	b.AddBytes(a.id.raw)
	switch a.status {
	case revoked:
		b.AddASN1(explicit(1), func(b *cryptobyte.Builder) {
			b.AddASN1GeneralizedTime(a.revoked.At)
			if code := a.revoked.Reason.Code(); code != 0 {
				b.AddASN1(explicit(0), func(b *cryptobyte.Builder) { b.AddASN1Enum(int64(code)) })
			}
		})
	default:
		b.AddASN1(cbasn1.Tag(a.status).ContextSpecific(), func(*cryptobyte.Builder) {})
	}
	b.AddASN1GeneralizedTime(r.thisUpdate)
	b.AddASN1(explicit(0), func(b *cryptobyte.Builder) { b.AddASN1GeneralizedTime(r.nextUpdate) })
}

// responseStatus is an OCSPResponseStatus that says why there is no answer (RFC 6960 §4.2.1).
type responseStatus byte

const (
	malformedRequest responseStatus = 1
	internalError    responseStatus = 2
	tryLater         responseStatus = 3
	unauthorized     responseStatus = 6
)

// refusal is the whole OCSPResponse of such a status.
func (s responseStatus) refusal() []byte { return []byte{0x30, 3, 0x0a, 1, byte(s)} }
