package ca

import (
	"crypto/x509"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"strings"
	"time"

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

// A record is stored as the length of its facts (uvarint), its facts (JSON) and its DER. The facts could be read from the
// DER again; kept beside it they make a listing cheap. Status is not among them: it stands by the serial number.
type recordFacts struct {
	Serial    string          `json:"s"`
	Profile   string          `json:"p"`
	Holder    profiles.Holder `json:"h"`
	NotBefore int64           `json:"nb"`
	NotAfter  int64           `json:"na"`
	IssuedAt  int64           `json:"at"`
}

func (r *Record) encode() ([]byte, error) {
	facts, err := json.Marshal(recordFacts{r.Serial, r.Profile, r.Holder, r.NotBefore.Unix(), r.NotAfter.Unix(), r.IssuedAt.Unix()})
	if err != nil {
		return nil, err
	}
	b := binary.AppendUvarint(make([]byte, 0, len(facts)+len(r.DER)+3), uint64(len(facts)))
	return append(append(b, facts...), r.DER...), nil
}

func (r *Record) decode(b []byte) error {
	n, k := binary.Uvarint(b)
	if k <= 0 || n > uint64(len(b)-k) {
		return fmt.Errorf("damaged record")
	}
	var facts recordFacts
	if err := json.Unmarshal(b[k:k+int(n)], &facts); err != nil {
		return fmt.Errorf("damaged record: %w", err)
	}
	r.Serial, r.Profile, r.Holder = facts.Serial, facts.Profile, facts.Holder
	r.NotBefore, r.NotAfter, r.IssuedAt = time.Unix(facts.NotBefore, 0).UTC(), time.Unix(facts.NotAfter, 0).UTC(), time.Unix(facts.IssuedAt, 0).UTC()
	r.DER = append([]byte(nil), b[k+int(n):]...) // bbolt's memory is only ours during the transaction
	return nil
}
