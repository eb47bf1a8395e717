package revocation

import (
	"bytes"
	"crypto"
	"crypto/x509"
	"encoding/asn1"
	"errors"
	"time"

	"golang.org/x/crypto/cryptobyte"
	cbasn1 "golang.org/x/crypto/cryptobyte/asn1"

	"github.com/igc-lab/igc/ca"
)

// This file is the OCSP codec (RFC 6960 §4): bytes to requests and answers to bytes, nothing else.

// request is an OCSPRequest. Its slices are parts of the bytes that it was read from.
type request struct {
	ids      []certID
	nonce    []byte // value of the nonce extension, an OCTET STRING (RFC 9654); nil without one
	critical bool   // it has a critical extension that the responder does not know
	first    [1]certID
}

// certID names a certificate by hashes of its issuer and its serial number.
type certID struct {
	raw    []byte // DER: an answer repeats it as it came
	issuer []byte // its contents up to the serial number: hash algorithm, hashes of the issuer's name and public key
	serial []byte // contents of the INTEGER
}

// number is the serial number as the lab's records have it; false for one that is none: a negative one would pass for its
// opposite.
func (id certID) number() ([]byte, bool) {
	return bytes.TrimLeft(id.serial, "\x00"), id.serial[0]&0x80 == 0
}

var (
	oidBasic         = asn1.ObjectIdentifier{1, 3, 6, 1, 5, 5, 7, 48, 1, 1}
	oidNonce         = asn1.ObjectIdentifier{1, 3, 6, 1, 5, 5, 7, 48, 1, 2}
	oidResponse      = asn1.ObjectIdentifier{1, 3, 6, 1, 5, 5, 7, 48, 1, 4} // acceptable response types
	oidArchiveCutoff = asn1.ObjectIdentifier{1, 3, 6, 1, 5, 5, 7, 48, 1, 6}
	oidExtended      = asn1.ObjectIdentifier{1, 3, 6, 1, 5, 5, 7, 48, 1, 9} // extended definition of revoked

	basicDER, nonceDER, responseDER = derOf(oidBasic), derOf(oidNonce), derOf(oidResponse)
)

func derOf(oid asn1.ObjectIdentifier) []byte {
	der, err := asn1.Marshal(oid)
	if err != nil { // the identifiers are constants
		panic(err)
	}
	return der
}

// Limits of a request: RFC 9654 §2.1 bounds the nonce, the lab the number of certificates.
const (
	maxNonce = 128
	maxIDs   = 64
)

var errRequest = errors.New("malformed OCSP request")

func explicit(n uint8) cbasn1.Tag { return cbasn1.Tag(n).ContextSpecific().Constructed() }

// parseRequest reads an OCSPRequest. Who asks, and a signature on it, are passed over: the lab answers anyone.
func parseRequest(der []byte) (*request, error) {
	in := cryptobyte.String(der)
	var outer, tbs, version, list, extensions cryptobyte.String
	var present, versioned bool
	if !in.ReadASN1(&outer, cbasn1.SEQUENCE) || !in.Empty() || !outer.ReadASN1(&tbs, cbasn1.SEQUENCE) ||
		!outer.SkipOptionalASN1(explicit(0)) || !outer.Empty() ||
		!tbs.ReadOptionalASN1(&version, &versioned, explicit(0)) || versioned && !bytes.Equal(version, []byte{2, 1, 0}) ||
		!tbs.SkipOptionalASN1(explicit(1)) || !tbs.ReadASN1(&list, cbasn1.SEQUENCE) ||
		!tbs.ReadOptionalASN1(&extensions, &present, explicit(2)) || !tbs.Empty() {
		return nil, errRequest
	}
	r := &request{}
	r.ids = r.first[:0]
	for !list.Empty() {
		var one, single cryptobyte.String
		var has bool
		if !list.ReadASN1(&one, cbasn1.SEQUENCE) || len(r.ids) == maxIDs {
			return nil, errRequest
		}
		id, ok := parseCertID(&one)
		if !ok || !one.ReadOptionalASN1(&single, &has, explicit(0)) || !one.Empty() || has && !r.parseExtensions(single, false) {
			return nil, errRequest
		}
		r.ids = append(r.ids, id)
	}
	if len(r.ids) == 0 || present && !r.parseExtensions(extensions, true) {
		return nil, errRequest
	}
	return r, nil
}

// parseExtensions reads those of the request or, with none known, those of a single one.
func (r *request) parseExtensions(in cryptobyte.String, ofRequest bool) bool {
	var seq cryptobyte.String
	if !in.ReadASN1(&seq, cbasn1.SEQUENCE) || !in.Empty() || seq.Empty() { // SIZE (1..MAX)
		return false
	}
	for !seq.Empty() {
		var e, oid, value cryptobyte.String
		var critical bool
		if !seq.ReadASN1(&e, cbasn1.SEQUENCE) || !e.ReadASN1Element(&oid, cbasn1.OBJECT_IDENTIFIER) ||
			e.PeekASN1Tag(cbasn1.BOOLEAN) && !e.ReadASN1Boolean(&critical) ||
			!e.ReadASN1(&value, cbasn1.OCTET_STRING) || !e.Empty() {
			return false
		}
		switch {
		case ofRequest && bytes.Equal(oid, nonceDER):
			nonce := value
			var octets cryptobyte.String
			if r.nonce != nil || !nonce.ReadASN1(&octets, cbasn1.OCTET_STRING) || !nonce.Empty() || len(octets) == 0 || len(octets) > maxNonce {
				return false
			}
			r.nonce = value
		case ofRequest && bytes.Equal(oid, responseDER) && acceptsBasic(value): // and that is what it gets
		default: // to be passed over, unless critical (RFC 6960 §4.1.2)
			r.critical = r.critical || critical
		}
	}
	return true
}

// acceptsBasic tells whether the response types that a client accepts hold the one there is (RFC 6960 §4.4.3).
func acceptsBasic(value cryptobyte.String) bool {
	var types, oid cryptobyte.String
	if !value.ReadASN1(&types, cbasn1.SEQUENCE) {
		return false
	}
	for types.ReadASN1Element(&oid, cbasn1.OBJECT_IDENTIFIER) {
		if bytes.Equal(oid, basicDER) {
			return true
		}
	}
	return false
}

func parseCertID(in *cryptobyte.String) (id certID, ok bool) {
	var raw, seq cryptobyte.String
	if !in.ReadASN1Element(&raw, cbasn1.SEQUENCE) {
		return id, false
	}
	id.raw = raw
	if !raw.ReadASN1(&seq, cbasn1.SEQUENCE) {
		return id, false
	}
	id.issuer = seq
	if !seq.SkipASN1(cbasn1.SEQUENCE) || !seq.SkipASN1(cbasn1.OCTET_STRING) || !seq.SkipASN1(cbasn1.OCTET_STRING) {
		return id, false
	}
	id.issuer = id.issuer[:len(id.issuer)-len(seq)]
	var serial cryptobyte.String
	if !seq.ReadASN1(&serial, cbasn1.INTEGER) || !seq.Empty() || len(serial) == 0 ||
		len(serial) > 1 && (serial[0] == 0 && serial[1]&0x80 == 0 || serial[0] == 0xff && serial[1]&0x80 != 0) { // not the shortest form
		return id, false
	}
	id.serial = serial
	return id, true
}

var certIDHashes = []struct {
	oid  asn1.ObjectIdentifier
	hash crypto.Hash
}{
	{asn1.ObjectIdentifier{1, 3, 14, 3, 2, 26}, crypto.SHA1},
	{asn1.ObjectIdentifier{2, 16, 840, 1, 101, 3, 4, 2, 1}, crypto.SHA256},
	{asn1.ObjectIdentifier{2, 16, 840, 1, 101, 3, 4, 2, 2}, crypto.SHA384},
	{asn1.ObjectIdentifier{2, 16, 840, 1, 101, 3, 4, 2, 3}, crypto.SHA512},
}

// issuerForms are all the ways in which a certID can name that issuer: with each hash, its parameters NULL or left out.
func issuerForms(issuer *x509.Certificate) ([][]byte, error) {
	var spki struct {
		Algorithm asn1.RawValue
		Key       asn1.BitString
	}
	if _, err := asn1.Unmarshal(issuer.RawSubjectPublicKeyInfo, &spki); err != nil {
		return nil, err
	}
	var forms [][]byte
	for _, h := range certIDHashes {
		sum := func(data []byte) []byte {
			d := h.hash.New()
			d.Write(data)
			return d.Sum(nil)
		}
		for _, null := range []bool{true, false} {
			var b cryptobyte.Builder
			b.AddASN1(cbasn1.SEQUENCE, func(b *cryptobyte.Builder) {
				b.AddASN1ObjectIdentifier(h.oid)
				if null {
					b.AddASN1NULL()
				}
			})
			b.AddASN1OctetString(sum(issuer.RawSubject))
			b.AddASN1OctetString(sum(spki.Key.Bytes))
			form, err := b.Bytes()
			if err != nil {
				return nil, err
			}
			forms = append(forms, form)
		}
	}
	return forms, nil
}

// single is one SingleResponse.
type single struct {
	id      []byte // DER of its CertID
	status  certStatus
	revoked *ca.Revocation
	cutoff  time.Time // archive cutoff, zero for none
}

type certStatus uint8

const (
	good    certStatus = 0
	revoked certStatus = 1
	unknown certStatus = 2
)

// neverIssued is the revocation of what was never issued (RFC 6960 §2.2).
var neverIssued = &ca.Revocation{At: time.Unix(0, 0).UTC(), Reason: "certificateHold"}

// response is what a BasicOCSPResponse is made of, beside its responder.
type response struct {
	thisUpdate time.Time
	nextUpdate time.Time
	answers    []single
	nonce      []byte
	extended   bool // one of the answers is neverIssued
}

// sign encodes a successful OCSPResponse and has it signed; the responder's certificate goes with it.
func (r *response) sign(d *delegate) ([]byte, error) {
	b := cryptobyte.NewBuilder(make([]byte, 0, 256+128*len(r.answers)))
	b.AddASN1(cbasn1.SEQUENCE, func(b *cryptobyte.Builder) {
		b.AddBytes(d.id)
		b.AddASN1GeneralizedTime(r.thisUpdate) // producedAt
		b.AddASN1(cbasn1.SEQUENCE, func(b *cryptobyte.Builder) {
			for i := range r.answers {
				r.answers[i].add(b, r.thisUpdate, r.nextUpdate)
			}
		})
		var extensions []extension
		if r.nonce != nil {
			extensions = append(extensions, extension{oidNonce, func(b *cryptobyte.Builder) { b.AddBytes(r.nonce) }})
		}
		if r.extended {
			extensions = append(extensions, extension{oidExtended, func(b *cryptobyte.Builder) { b.AddASN1NULL() }})
		}
		if extensions != nil {
			b.AddASN1(explicit(1), func(b *cryptobyte.Builder) { addExtensions(b, extensions) })
		}
	})
	tbs, err := b.Bytes()
	if err != nil {
		return nil, err
	}
	basic, err := signed(tbs, d.algorithm, d.certs, d.signer)
	if err != nil {
		return nil, err
	}
	out := cryptobyte.NewBuilder(make([]byte, 0, len(basic)+64))
	out.AddASN1(cbasn1.SEQUENCE, func(b *cryptobyte.Builder) {
		b.AddASN1Enum(0) // successful
		b.AddASN1(explicit(0), func(b *cryptobyte.Builder) {
			b.AddASN1(cbasn1.SEQUENCE, func(b *cryptobyte.Builder) {
				b.AddBytes(basicDER)
				b.AddASN1OctetString(basic)
			})
		})
	})
	return out.Bytes()
}

func (a *single) add(b *cryptobyte.Builder, thisUpdate, nextUpdate time.Time) {
	b.AddASN1(cbasn1.SEQUENCE, func(b *cryptobyte.Builder) {
		b.AddBytes(a.id)
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
		b.AddASN1GeneralizedTime(thisUpdate)
		b.AddASN1(explicit(0), func(b *cryptobyte.Builder) { b.AddASN1GeneralizedTime(nextUpdate) })
		if !a.cutoff.IsZero() {
			b.AddASN1(explicit(1), func(b *cryptobyte.Builder) {
				addExtensions(b, []extension{{oidArchiveCutoff, func(b *cryptobyte.Builder) { b.AddASN1GeneralizedTime(a.cutoff) }}})
			})
		}
	})
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
