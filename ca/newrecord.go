package ca

import (
	"time"

	"github.com/igc-lab/igc/internal/i18n"
	"github.com/igc-lab/igc/profiles"
)

// NewRecord makes the record of a certificate just signed. It reads it back from the bytes, so what
// is recorded is what is in them; a certificate that departs from its profile is not recorded, and
// so never leaves the lab.
func NewRecord(a profiles.Authority, der []byte, now time.Time) (*Record, error) {
	d, err := profiles.Decode(der)
	if err != nil {
		return nil, err
	}
	if len(d.Findings) > 0 {
		return nil, i18n.Errorf("the certificate made is not the one that its profile asks for: %s", d.Findings[0].EN)
	}
	if d.Authority != a {
		return nil, i18n.Errorf("the certificate made names %s as issuer, not %s", d.Authority.ID(), a.ID())
	}
	return &Record{Authority: a.ID(), Serial: profiles.SerialHex(d.Serial), Profile: d.Profile.ID(), Status: Good, Holder: d.Holder,
		NotBefore: d.NotBefore, NotAfter: d.NotAfter, IssuedAt: now.UTC().Truncate(time.Second), DER: der}, nil
}
