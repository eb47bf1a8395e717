package ocsp

import (
	"bytes"
	"crypto"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"encoding/asn1"
	"errors"
	"slices"
	"time"

	"golang.org/x/crypto/cryptobyte"
	cbasn1 "golang.org/x/crypto/cryptobyte/asn1"

	"github.com/igc-lab/igc/ca"
	"github.com/igc-lab/igc/internal/der"
)

// This file is the OCSP codec (RFC 6960 §4): bytes to requests and answers to bytes, nothing else.

// request is an OCSPRequest. Its slices are parts of the bytes that it was read from.
type request struct {
	ids      []certID
	nonce    []byte // value of the nonce extension, an OCTET STRING (RFC 9654); nil without one
	critical bool   // it has a critical extension that the responder does not know
	first    [1]certID
}

// forAnyone says that the answer to the request is good for whoever asks about the same
// certificate.
func (r *request) forAnyone() bool { return len(r.ids) == 1 && r.nonce == nil }

// certID names a certificate by hashes of its issuer and its serial number.
type certID struct {
	raw    []byte // DER: an answer repeats it as it came
	issuer []byte // its contents up to the serial number: hash algorithm, hashes of the issuer's name and public key
	serial []byte // contents of the INTEGER
}

// number is the serial number as the lab's records have it; false for one that is none: a negative
// one would pass for its opposite.
func (id certID) number() ([]byte, bool) {
	return bytes.TrimLeft(id.serial, "\x00"), id.serial[0]&0x80 == 0
}

// DER of the object identifiers of OCSP, id-pkix-ocsp and a number.
var (
	basicDER         = ocspOID(1)
	nonceDER         = ocspOID(2)
	responseDER      = ocspOID(4) // acceptable response types
	archiveCutoffDER = ocspOID(6)
	extendedDER      = ocspOID(9) // extended definition of revoked
)

func ocspOID(n byte) []byte { return []byte{6, 9, 0x2b, 6, 1, 5, 5, 7, 0x30, 1, n} }

// Limits of a request: RFC 9654 §2.1 bounds the nonce, the lab the number of certificates.
const (
	maxNonce = 128
	maxIDs   = 64
)

var errRequest = errors.New("malformed OCSP request")

// parseRequest reads an OCSPRequest. Who asks, and a signature on it, are passed over: the lab
// answers anyone.
func parseRequest(encoded []byte) (*request, error) {
	in := cryptobyte.String(encoded)
	var outer, tbs, version, list, extensions cryptobyte.String
	var present, versioned bool
	if !in.ReadASN1(&outer, cbasn1.SEQUENCE) || !in.Empty() || !outer.ReadASN1(&tbs, cbasn1.SEQUENCE) ||
		!outer.SkipOptionalASN1(der.Explicit(0)) || !outer.Empty() ||
		!tbs.ReadOptionalASN1(&version, &versioned, der.Explicit(0)) || versioned && !bytes.Equal(version, []byte{2, 1, 0}) ||
		!tbs.SkipOptionalASN1(der.Explicit(1)) || !tbs.ReadASN1(&list, cbasn1.SEQUENCE) ||
		!tbs.ReadOptionalASN1(&extensions, &present, der.Explicit(2)) || !tbs.Empty() {
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
		if !ok || !one.ReadOptionalASN1(&single, &has, der.Explicit(0)) || !one.Empty() || has && !r.parseExtensions(single, false) {
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

// acceptsBasic tells whether the response types that a client accepts hold the one there is (RFC
// 6960 §4.4.3).
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

// certIDHashes are the hashes of a certID, with the DER of their object identifiers.
var certIDHashes = []struct {
	oid  []byte
	hash crypto.Hash
}{
	{[]byte{6, 5, 0x2b, 0x0e, 3, 2, 0x1a}, crypto.SHA1},
	{[]byte{6, 9, 0x60, 0x86, 0x48, 1, 0x65, 3, 4, 2, 1}, crypto.SHA256},
	{[]byte{6, 9, 0x60, 0x86, 0x48, 1, 0x65, 3, 4, 2, 2}, crypto.SHA384},
	{[]byte{6, 9, 0x60, 0x86, 0x48, 1, 0x65, 3, 4, 2, 3}, crypto.SHA512},
}

// issuerIDs are all the ways in which a certID can name that issuer: with each hash, its parameters
// NULL or left out.
func issuerIDs(issuer *x509.Certificate) ([][]byte, error) {
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
			return der.Element(cbasn1.OCTET_STRING, d.Sum(nil))
		}
		name, key := sum(issuer.RawSubject), sum(spki.Key.Bytes)
		for _, null := range []bool{true, false} {
			parameters := []byte{}
			if null {
				parameters = der.Element(cbasn1.NULL)
			}
			form := bytes.Join([][]byte{der.Element(cbasn1.SEQUENCE, h.oid, parameters), name, key}, nil)
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

// sign encodes a successful OCSPResponse and has it signed; the responder's certificate goes with
// it. Both the part that is signed and the whole are written from their ends.
func (r *response) sign(d *delegate) ([]byte, error) {
	var room [512]byte
	tbs := der.NewReverseBuilder(room[:])
	if r.extended {
		addExtension(&tbs, extendedDER, []byte{5, 0})
	}
	if r.nonce != nil {
		addExtension(&tbs, nonceDER, r.nonce)
	}
	if r.extended || r.nonce != nil {
		tbs.Wrap(cbasn1.SEQUENCE, 0)
		tbs.Wrap(der.Explicit(1), 0)
	}
	after := tbs.Len()
	for _, one := range slices.Backward(r.answers) {
		addSingle(&tbs, &one, r.thisUpdate, r.nextUpdate)
	}
	tbs.Wrap(cbasn1.SEQUENCE, after)
	tbs.Time(r.thisUpdate) // producedAt
	tbs.Add(d.id)
	tbs.Wrap(cbasn1.SEQUENCE, 0)
	digest := sha256.Sum256(tbs.Bytes())
	signature, err := d.signer.Sign(rand.Reader, digest[:], crypto.SHA256)
	if err != nil {
		return nil, err
	}
	size := tbs.Len() + len(d.algorithm) + len(signature) + len(d.certs) + 64
	whole := der.NewReverseBuilder(make([]byte, size))
	whole.Add(d.certs)
	after = whole.Len()
	whole.Add(signature)
	whole.Add([]byte{0})
	whole.Wrap(cbasn1.BIT_STRING, after)
	whole.Add(d.algorithm)
	whole.Add(tbs.Bytes())
	whole.Wrap(cbasn1.SEQUENCE, 0)
	whole.Wrap(cbasn1.OCTET_STRING, 0)
	whole.Add(basicDER)
	whole.Wrap(cbasn1.SEQUENCE, 0)
	whole.Wrap(der.Explicit(0), 0)
	whole.Add([]byte{0x0a, 1, 0}) // successful
	whole.Wrap(cbasn1.SEQUENCE, 0)
	return whole.Bytes(), nil
}

// addSingle writes a SingleResponse.
func addSingle(w *der.ReverseBuilder, a *single, thisUpdate, nextUpdate time.Time) {
	after := w.Len()
	if !a.cutoff.IsZero() {
		w.Time(a.cutoff)
		w.Wrap(cbasn1.OCTET_STRING, after)
		w.Add(archiveCutoffDER)
		w.Wrap(cbasn1.SEQUENCE, after)
		w.Wrap(cbasn1.SEQUENCE, after)
		w.Wrap(der.Explicit(1), after)
	}
	end := w.Len()
	w.Time(nextUpdate)
	w.Wrap(der.Explicit(0), end)
	w.Time(thisUpdate)
	end = w.Len()
	switch a.status {
	case revoked:
		if code := a.revoked.Reason.Code(); code != 0 {
			w.Add([]byte{0x0a, 1, byte(code)})
			w.Wrap(der.Explicit(0), end)
		}
		w.Time(a.revoked.At)
		w.Wrap(der.Explicit(1), end)
	default:
		w.Wrap(cbasn1.Tag(a.status).ContextSpecific(), end)
	}
	w.Add(a.id)
	w.Wrap(cbasn1.SEQUENCE, after)
}

// addExtension writes a non-critical extension.
func addExtension(w *der.ReverseBuilder, oid, value []byte) {
	end := w.Len()
	w.Add(value)
	w.Wrap(cbasn1.OCTET_STRING, end)
	w.Add(oid)
	w.Wrap(cbasn1.SEQUENCE, end)
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
