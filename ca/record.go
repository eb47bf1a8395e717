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
	Authority string          `json:"authority"` // ID of the issuer
	Serial    string          `json:"serial"`    // upper-case hexadecimal
	Profile   string          `json:"profile"`   // product/role
	Status    Status          `json:"status"`
	Revoked   *Revocation     `json:"revocation,omitempty"`
	Holder    profiles.Holder `json:"holder"`
	NotBefore time.Time       `json:"not_before"`
	NotAfter  time.Time       `json:"not_after"`
	IssuedAt  time.Time       `json:"issued_at"`
	DER       []byte          `json:"der"`
}

// Status is what the lab says of a certificate. Expiry is not a status: it follows from the dates.
type Status string

// The statuses.
const (
	Good    Status = "good"
	Revoked Status = "revoked"
)

// Revocation is when and why a certificate was revoked.
type Revocation struct {
	At     time.Time `json:"at"`
	Reason Reason    `json:"reason"`
}

// Reason is a CRLReason (RFC 5280 §5.3.1), by its name.
type Reason string

// reasonCodes are the reasons that a revocation can have; removeFromCRL (8) only undoes one.
var reasonCodes = map[Reason]int{"unspecified": 0, "keyCompromise": 1, "cACompromise": 2, "affiliationChanged": 3,
	"superseded": 4, "cessationOfOperation": 5, "certificateHold": 6, "privilegeWithdrawn": 9, "aACompromise": 10}

// Reasons lists the reasons in the order of their codes.
func Reasons() []Reason {
	all := make([]Reason, 0, len(reasonCodes))
	for code := range 11 {
		for r, c := range reasonCodes {
			if c == code {
				all = append(all, r)
			}
		}
	}
	return all
}

// ParseReason reads a reason's name, in any case.
func ParseReason(s string) (Reason, error) {
	var names []string
	for _, r := range Reasons() {
		if strings.EqualFold(string(r), s) {
			return r, nil
		}
		names = append(names, string(r))
	}
	return "", fail(Invalid, "unknown reason %q: choose one of %s", s, strings.Join(names, ", "))
}

// Code is the number that CRLs and OCSP answers carry.
func (r Reason) Code() int { return reasonCodes[r] }

// ReasonOf is the reason of a code, unspecified for one that is none.
func ReasonOf(code int) Reason {
	for r, c := range reasonCodes {
		if c == code {
			return r
		}
	}
	return "unspecified"
}

// Certificate parses the record's certificate.
func (r *Record) Certificate() (*x509.Certificate, error) { return x509.ParseCertificate(r.DER) }

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

// status is what stands by a serial number: 40 bytes, of which 18 are used.
//
//	0     0 good, 1 revoked
//	1     reason code
//	2-9   revocation, seconds since 1970
//	10-17 end of validity, seconds since 1970
type status [40]byte

func newStatus(notAfter time.Time) (s status) {
	binary.BigEndian.PutUint64(s[10:], uint64(notAfter.Unix()))
	return s
}

func (s *status) revoke(v Revocation) {
	s[0], s[1] = 1, byte(v.Reason.Code())
	binary.BigEndian.PutUint64(s[2:], uint64(v.At.Unix()))
}

func (s *status) revocation() *Revocation {
	if s[0] == 0 {
		return nil
	}
	return &Revocation{At: time.Unix(int64(binary.BigEndian.Uint64(s[2:])), 0).UTC(), Reason: ReasonOf(int(s[1]))}
}

func (r *Record) setStatus(s status) {
	r.Status, r.Revoked = Good, s.revocation()
	if r.Revoked != nil {
		r.Status = Revoked
	}
}
