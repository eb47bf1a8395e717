package lab

import (
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"slices"
	"strings"
	"time"

	"github.com/igc-lab/igc/ca"
	"github.com/igc-lab/igc/ca/store"
	"github.com/igc-lab/igc/profiles"
)

// This file recovers the status of certificates, for [Lab.Recover].

// applyStatuses revokes what anything says was revoked. Of an authority whose records are whole, a
// CRL counts when it is newer than they are.
func (l *Lab) applyStatuses(tx store.RestoreTx, f *finds, before map[profiles.Authority]store.CRLState,
	recorded map[profiles.Authority]bool, r *Recovery) error {
	for _, report := range r.Authorities {
		a, err := profiles.ParseAuthority(report.ID)
		if err != nil {
			return err
		}
		certificate, ok := tx.Authority(a.ID())
		if !ok {
			continue
		}
		revoked := map[string]ca.Revocation{}
		if !recorded[a] || f.lastNumber(a) > before[a].Number {
			f.revokedByCRL(a, revoked)
		}
		f.revokedByLog(a, revoked)
		f.revokedByStatus(tx, a, revoked)
		serials := make([]string, 0, len(revoked))
		for serial := range revoked {
			serials = append(serials, serial)
		}
		slices.SortFunc(serials, func(x, y string) int { // as they came
			if n := revoked[x].At.Compare(revoked[y].At); n != 0 {
				return n
			}
			return strings.Compare(x, y)
		})
		end, err := certificateEnd(certificate)
		if err != nil {
			return err
		}
		for _, serial := range serials {
			key := store.Key{Authority: a.ID(), Serial: []byte(serial)}
			if err := recordRevocation(tx, key, revoked[serial], end, r); err != nil {
				return err
			}
		}
	}
	return nil
}

// certificateEnd is the end of an authority: until then, a certificate of which nothing is known is
// kept on its CRL.
func certificateEnd(der []byte) (time.Time, error) {
	c, err := x509.ParseCertificate(der)
	if err != nil {
		return time.Time{}, fail(ca.Damaged, "the certificate of an authority cannot be read: %w", err)
	}
	return c.NotAfter, nil
}

// revokedByCRL takes the newest CRL, and the delta that adds to it.
func (f *finds) revokedByCRL(a profiles.Authority, revoked map[string]ca.Revocation) {
	lists := slices.Clone(f.crls[a])
	slices.SortFunc(lists, func(x, y *x509.RevocationList) int { return x.Number.Cmp(y.Number) })
	full := -1
	for i, list := range lists {
		if !isDelta(list) {
			full = i
		}
	}
	for i, list := range lists {
		if i != full && (!isDelta(list) || full >= 0 && list.Number.Cmp(lists[full].Number) < 0) {
			continue
		}
		for _, e := range list.RevokedCertificateEntries {
			serial := string(e.SerialNumber.Bytes())
			if e.ReasonCode == store.RemoveFromCRL {
				delete(revoked, serial)
				continue
			}
			if line := f.log[findKey(a.ID(), []byte(serial))]; line != nil && line.released.After(list.ThisUpdate) {
				continue // the hold ended after this list was made
			}
			revoked[serial] = ca.Revocation{At: e.RevocationTime.UTC(), Reason: store.ReasonOf(e.ReasonCode),
				Invalidity: invalidityOf(e)}
		}
	}
}

func isDelta(list *x509.RevocationList) bool {
	return slices.ContainsFunc(list.Extensions, func(e pkix.Extension) bool {
		return e.Id.Equal(asn1.ObjectIdentifier{2, 5, 29, 27})
	})
}

func invalidityOf(e x509.RevocationListEntry) (t time.Time) {
	for _, x := range e.Extensions {
		if x.Id.Equal(asn1.ObjectIdentifier{2, 5, 29, 24}) {
			if _, err := asn1.UnmarshalWithParams(x.Value, &t, "generalized"); err != nil {
				return time.Time{}
			}
		}
	}
	return t
}

// revokedByLog adds what the change feed says; it knows reasons, which faithful CRLs do not.
func (f *finds) revokedByLog(a profiles.Authority, revoked map[string]ca.Revocation) {
	for key, line := range f.log {
		authority, serial, _ := strings.Cut(key, "\x00")
		if authority != a.ID() || line.revoked == nil || line.revoked.At.IsZero() {
			continue
		}
		if former, ok := revoked[serial]; !ok || former.Reason == "unspecified" {
			revoked[serial] = *line.revoked
		}
	}
}

// revokedByStatus adds what is left of the records. A hold that ended, by the change feed, has
// ended. A status does not say whose it is: the record does or, where that is lost, the authority's
// part of the serial number.
func (f *finds) revokedByStatus(tx store.Reader, a profiles.Authority, revoked map[string]ca.Revocation) {
	prefix := a.SerialPrefix()
	for serial, v := range f.revocations {
		own := tx.Status(store.Key{Authority: a.ID(), Serial: []byte(serial)}).Issued
		if !own && (a.IsRoot() || len(prefix) == 0 || !strings.HasPrefix(serial, string(prefix))) {
			continue
		}
		if line := f.log[findKey(a.ID(), []byte(serial))]; v.Reason == ca.Hold && line != nil && !line.released.IsZero() {
			continue
		}
		if former, ok := revoked[serial]; !ok || former.Reason == "unspecified" {
			revoked[serial] = v
		}
	}
}

// recordRevocation revokes a certificate, unless its record says so already.
func recordRevocation(tx store.RestoreTx, k store.Key, v ca.Revocation, end time.Time, r *Recovery) error {
	status := tx.Status(k)
	was := status.Revoked
	if was != nil && (was.Reason != ca.Hold || v.Reason == ca.Hold || v.Reason == "unspecified") {
		return nil
	}
	if err := tx.RestoreRevocation(k, v, end); err != nil {
		return err
	}
	if v.Reason == "unspecified" {
		r.Unspecified++
	}
	if status.Certificate {
		r.Revoked++
	} else {
		r.RevokedOnly++
	}
	return nil
}
