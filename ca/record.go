package ca

import (
	"crypto/x509"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"golang.org/x/crypto/cryptobyte"
	cbasn1 "golang.org/x/crypto/cryptobyte/asn1"

	"github.com/igc-lab/igc/profiles"
)

// Record is a certificate that the lab issued, with its status.
type Record struct {
	Number    uint64          `json:"number,omitempty"` // its place among all that the lab issued, where a list was asked for
	Authority string          `json:"authority"`        // ID of the issuer
	Serial    string          `json:"serial"`           // upper-case hexadecimal
	Profile   string          `json:"profile"`          // product/role
	Status    Status          `json:"status"`
	Revoked   *Revocation     `json:"revocation,omitempty"`
	Holder    profiles.Holder `json:"holder"`
	NotBefore time.Time       `json:"not_before"`
	NotAfter  time.Time       `json:"not_after"`
	IssuedAt  time.Time       `json:"issued_at"`
	DER       []byte          `json:"der"`
}

// Certificate parses the record's certificate.
func (r *Record) Certificate() (*x509.Certificate, error) { return x509.ParseCertificate(r.DER) }

// Generation tells the layout of the certificate without decoding it: serial numbers of gen2016 begin with the prefix of
// their authority, and those of gen2023 are random (reference §2.1).
func (r *Record) Generation() profiles.Generation {
	a, err := profiles.ParseAuthority(r.Authority)
	if err == nil && a.SerialPrefix() != nil && !strings.HasPrefix(r.Serial, fmt.Sprintf("%X", a.SerialPrefix())) {
		return profiles.Gen2023
	}
	return profiles.Gen2016
}

// newRecord makes the record of a certificate just signed. It reads it back from the bytes, so what is recorded is what
// is in them; a certificate that departs from its profile is not recorded, and so never leaves the lab.
func newRecord(a profiles.Authority, der []byte, now time.Time) (*Record, error) {
	d, err := profiles.Decode(der)
	if err != nil {
		return nil, err
	}
	if len(d.Findings) > 0 {
		return nil, fmt.Errorf("the certificate made is not the one that its profile asks for: %s", d.Findings[0].EN)
	}
	if d.Authority != a {
		return nil, fmt.Errorf("the certificate made names %s as issuer, not %s", d.Authority.ID(), a.ID())
	}
	return &Record{Authority: a.ID(), Serial: profiles.SerialHex(d.Serial), Profile: d.Profile.ID(), Status: Good, Holder: d.Holder,
		NotBefore: d.NotBefore, NotAfter: d.NotAfter, IssuedAt: now.UTC().Truncate(time.Second), DER: der}, nil
}

// A record is stored as the length of its facts (uvarint), its facts (JSON), its DER and a checksum of its sequence and of
// all this. The facts could be read from the DER again; kept beside it they make a listing cheap. Status is not among them:
// it stands by the serial number.
type recordFacts struct {
	Serial    string          `json:"s"`
	Profile   string          `json:"p"`
	Holder    profiles.Holder `json:"h"`
	NotBefore int64           `json:"nb"`
	NotAfter  int64           `json:"na"`
	IssuedAt  int64           `json:"at"`
}

func (r *Record) encode(seq uint64) ([]byte, error) {
	facts, err := json.Marshal(recordFacts{r.Serial, r.Profile, r.Holder, r.NotBefore.Unix(), r.NotAfter.Unix(), r.IssuedAt.Unix()})
	if err != nil {
		return nil, err
	}
	b := binary.AppendUvarint(make([]byte, 0, len(facts)+len(r.DER)+7), uint64(len(facts)))
	b = append(append(b, facts...), r.DER...)
	return binary.BigEndian.AppendUint32(b, checksum(u64(seq), b)), nil
}

// split takes a stored record apart. One that was written without a checksum ends with its DER.
func (r *Record) split(seq uint64, b []byte) (facts, der []byte, err error) {
	n, k := binary.Uvarint(b)
	if k <= 0 || n > uint64(len(b)-k) {
		return nil, nil, damage("record %d", seq)
	}
	facts, rest := b[k:k+int(n)], cryptobyte.String(b[k+int(n):])
	var whole cryptobyte.String
	if !rest.ReadASN1Element(&whole, cbasn1.SEQUENCE) {
		return nil, nil, damage("record %d", seq)
	}
	if len(rest) != 0 && (len(rest) != 4 || binary.BigEndian.Uint32(rest) != checksum(u64(seq), b[:len(b)-4])) {
		return nil, nil, damage("record %d", seq)
	}
	return facts, whole, nil
}

func (r *Record) check(seq uint64, b []byte) error {
	_, _, err := r.split(seq, b)
	return err
}

func (r *Record) decode(seq uint64, b []byte) error {
	data, der, err := r.split(seq, b)
	if err != nil {
		return err
	}
	var facts recordFacts
	if err := json.Unmarshal(data, &facts); err != nil {
		return damage("record %d: %v", seq, err)
	}
	r.Serial, r.Profile, r.Holder = facts.Serial, facts.Profile, facts.Holder
	r.NotBefore, r.NotAfter, r.IssuedAt = time.Unix(facts.NotBefore, 0).UTC(), time.Unix(facts.NotAfter, 0).UTC(), time.Unix(facts.IssuedAt, 0).UTC()
	r.DER = append([]byte(nil), der...) // bbolt's memory is only ours during the transaction
	return nil
}
