package store

import (
	"crypto/x509"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/igc-lab/igc/profiles"
)

// Key names a certificate: serial numbers are unique within an issuer only (RFC 5280 §4.1.2.2).
type Key struct {
	Authority string // ID of the issuer: "ACI-FO-PP"
	Serial    []byte // big-endian, without leading zero bytes
}

func (k Key) String() string { return fmt.Sprintf("%X of %s", k.Serial, k.Authority) }

// Record is a certificate that the lab issued, with its status.
type Record struct {
	Number    uint64          `json:"number,omitempty"` // its place in the order of issue, where a listing gives it
	Authority string          `json:"authority"`        // ID of the issuer
	Serial    string          `json:"serial"`           // upper-case hexadecimal
	Profile   string          `json:"profile"`          // product/role
	Status    Status          `json:"status"`
	Revoked   *Revocation     `json:"revocation,omitempty"`
	Holder    profiles.Holder `json:"holder"`
	NotBefore time.Time       `json:"not_before"`
	NotAfter  time.Time       `json:"not_after"`
	IssuedAt  time.Time       `json:"issued_at"`
	OwnKey    bool            `json:"own_key,omitempty"` // the holder made its key, and the lab never had it
	DER       []byte          `json:"der,omitempty"`
}

// Key is the name of the record's certificate.
func (r *Record) Key() Key {
	serial, _ := hex.DecodeString(r.Serial) // written by profiles.SerialHex
	return Key{r.Authority, serial}
}

// Certificate parses the record's certificate.
func (r *Record) Certificate() (*x509.Certificate, error) { return x509.ParseCertificate(r.DER) }

// IsAuthority tells whether the certificate is that of an authority. Those of OCSP responders are
// not.
func (r *Record) IsAuthority() bool {
	product, _, _ := strings.Cut(r.Profile, "/")
	return product == "acr" || product == "aci"
}

// Generation is the layout of the certificate, known without decoding it: serial numbers of gen2016
// begin with the prefix of their authority, and those of gen2023 are random (reference §2.1).
func (r *Record) Generation() profiles.Generation {
	a, err := profiles.ParseAuthority(r.Authority)
	if err == nil && a.SerialPrefix() != nil && !strings.HasPrefix(r.Serial, fmt.Sprintf("%X", a.SerialPrefix())) {
		return profiles.Gen2023
	}
	return profiles.Gen2016
}

// ShortName is how users name the certificate in few digits: by the number of its card, else by the
// ten digits of its serial number that follow what all of its authority begin with.
func (r *Record) ShortName() string {
	if r.Holder.CardNumber != "" {
		return r.Holder.CardNumber
	}
	digits := r.Serial
	if a, err := profiles.ParseAuthority(r.Authority); err == nil {
		digits = strings.TrimPrefix(digits, fmt.Sprintf("%X", a.SerialPrefix()))
	}
	return digits[:min(len(digits), shortDigits)]
}

// shortDigits is how many digits of a serial number make a [Record.ShortName].
const shortDigits = 10

// SetRevocation sets the status that a revocation gives; nil gives [Good].
func (r *Record) SetRevocation(v *Revocation) {
	r.Status, r.Revoked = Good, v
	switch {
	case v == nil:
	case v.Reason == Hold:
		r.Status = OnHold
	default:
		r.Status = Revoked
	}
}

// Filter chooses among the certificates issued. All pass its zero value.
type Filter struct {
	Product       string    `json:"product,omitempty"`
	Holder        string    `json:"holder,omitempty"`      // a part of the name or identifier, in any case
	Card          string    `json:"card,omitempty"`        // card number
	Identifier    string    `json:"identifier,omitempty"`  // [profiles.Holder.Identifier], the whole of it
	Identifiers   []string  `json:"identifiers,omitempty"` // any of these, as Identifier
	Status        Status    `json:"status,omitempty"`
	ExpiresBefore time.Time `json:"expires_before,omitzero"`
	Named         string    `json:"named,omitempty"`        // a word for holder or card: [profiles.Holder.Named]
	EndEntities   bool      `json:"end_entities,omitempty"` // leaves out authorities and their responders

	After  uint64 `json:"after,omitempty"`  // only those issued after that [Record.Number]
	Before uint64 `json:"before,omitempty"` // only those issued before that Number; 0 for all
	Limit  int    `json:"limit,omitempty"`  // at most so many; 0 for all
	Newest bool   `json:"newest,omitempty"` // with a limit: the last that pass, not the first
}

// Indexed tells whether the filter names a card or holders, whose certificates an index gives: all
// of them at once, in no order, whatever the size of the lab.
func (f Filter) Indexed() bool { return f.Card != "" || len(f.Holders()) > 0 }

// Holders are the identifiers that the filter names, each once.
func (f Filter) Holders() []string {
	if f.Identifier != "" {
		return []string{f.Identifier}
	}
	return slices.Compact(slices.Sorted(slices.Values(f.Identifiers)))
}

// Passes tells whether the filter lets a record pass. After, Before and Limit are not considered.
func (f Filter) Passes(r *Record) bool {
	product, _, _ := strings.Cut(r.Profile, "/")
	switch {
	case f.Product != "" && f.Product != product,
		f.Card != "" && f.Card != r.Holder.CardNumber,
		f.Identifier != "" && f.Identifier != r.Holder.Identifier(),
		len(f.Identifiers) > 0 && !slices.Contains(f.Identifiers, r.Holder.Identifier()),
		f.Named != "" && !r.Holder.Named(f.Named),
		f.Status != "" && f.Status != r.Status,
		!f.ExpiresBefore.IsZero() && !r.NotAfter.Before(f.ExpiresBefore),
		f.EndEntities && (product == "acr" || product == "aci" || product == "ocsp"):
		return false
	}
	if f.Holder == "" {
		return true
	}
	ids := r.Holder.IdNat + " " + r.Holder.Structure
	if strings.Contains(profiles.Fold(r.Holder.DisplayName()+" "+ids+" "+r.Holder.Organisation),
		profiles.Fold(f.Holder)) {
		return true
	}
	number := profiles.NormalizeNumber(f.Holder) // as people group its digits
	return strings.ContainsAny(number, "0123456789") && strings.Contains(ids, number)
}
