package postgres

import (
	"iter"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/igc-lab/igc/ca/store"
)

// status is a row of statuses.
type status struct {
	number     uint64 // of the certificate, 0 where only the revocation is known
	notAfter   time.Time
	revoked    bool
	revokedAt  time.Time
	reason     int
	invalidity time.Time
	listedBy   uint64
	listed     bool
}

const statusColumns = `s.number, s.not_after, s.revoked, s.revoked_at, s.reason, s.invalidity, s.listed_by, s.listed`

func (s *status) scan(row pgx.Row, more ...any) error {
	var number *int64
	var at, invalidity *time.Time
	dest := append(
		[]any{&number, &s.notAfter, &s.revoked, &at, &s.reason, &invalidity, &s.listedBy, &s.listed},
		more...)
	if err := row.Scan(dest...); err != nil {
		return err
	}
	if number != nil {
		s.number = uint64(*number)
	}
	s.notAfter, s.revokedAt, s.invalidity = s.notAfter.UTC(), zeroOrTime(at), zeroOrTime(invalidity)
	return nil
}

func (s *status) revocation() *store.Revocation {
	if !s.revoked {
		return nil
	}
	return &store.Revocation{At: s.revokedAt, Reason: store.ReasonOf(s.reason), Invalidity: s.invalidity}
}

func (s *status) domain() store.CertificateStatus {
	return store.CertificateStatus{
		Issued:      true,
		Revoked:     s.revocation(),
		NotAfter:    s.notAfter,
		Certificate: s.number != 0,
	}
}

// statusOf looks a serial number up; nil when the authority never issued it.
func (t *tx) statusOf(k store.Key) *status {
	found := rows(t, func(r pgx.Rows) (*status, error) {
		s := &status{}
		return s, s.scan(r)
	}, `SELECT `+statusColumns+` FROM statuses s WHERE authority = $1 AND serial = $2`, k.Authority, serialOf(k))
	if len(found) == 0 {
		return nil
	}
	return found[0]
}

func (t *tx) Status(k store.Key) store.CertificateStatus {
	s := t.statusOf(k)
	if s == nil {
		return store.CertificateStatus{}
	}
	return s.domain()
}

func (t *tx) Statuses(authority string) iter.Seq2[[]byte, store.CertificateStatus] {
	type one struct {
		serial []byte
		status
	}
	return func(yield func([]byte, store.CertificateStatus) bool) {
		after := []byte{}
		const page = 5000
		for first := true; ; first = false {
			found := rows(t, func(r pgx.Rows) (o one, err error) { return o, o.status.scan(r, &o.serial) },
				`SELECT `+statusColumns+`, s.serial FROM statuses s
				 WHERE authority = $1 AND (serial > $2 OR $3 AND serial = $2) ORDER BY serial LIMIT $4`,
				authority, after, first, page)
			for _, o := range found {
				if !yield(o.serial, o.domain()) {
					return
				}
			}
			if len(found) < page {
				return
			}
			after = found[len(found)-1].serial
		}
	}
}

func (t *tx) SetStatus(k store.Key, v *store.Revocation) error {
	a, err := t.authority(k.Authority)
	if err != nil {
		return err
	}
	r, err := t.Certificate(k)
	if err != nil {
		return err
	}
	if v == nil && r.Revoked == nil {
		return nil
	}
	revision, err := t.setStatus(a, k, t.statusOf(k), v)
	if err != nil {
		return err
	}
	t.exec(
		`INSERT INTO crl_changes (authority, revision, serial) VALUES ($1, $2, $3)`,
		k.Authority,
		int64(revision),
		k.Serial,
	)
	r.SetRevocation(v)
	return t.Append(
		store.Change{Kind: store.StatusChanged, Authority: r.Authority, Serial: r.Serial, Profile: r.Profile,
			Holder: r.Holder.DisplayName(), Status: r.Status, Revoked: v, Revision: revision},
	)
}

// setStatus writes the status of a serial number that was issued, and the entry of the CRL that it
// has or had.
func (t *tx) setStatus(a *authority, k store.Key, s *status, v *store.Revocation) (revision uint64, err error) {
	a.revision++
	a.changed = true
	if s.listed {
		if err := t.removeEntry(a, k.Serial, s); err != nil {
			return 0, err
		}
	}
	s.invalidity, s.listedBy, s.listed = time.Time{}, 0, false
	if v == nil {
		s.revoked, s.reason = false, store.RemoveFromCRL // its date is kept for the delta CRL that takes it off
	} else {
		s.revoked, s.revokedAt, s.reason, s.listedBy = true, second(v.At), v.Reason.Code(), a.revision
		if !v.Invalidity.IsZero() {
			s.invalidity = second(v.Invalidity)
		}
		if err := t.addEntry(a, k.Serial, s); err != nil {
			return 0, err
		}
	}
	t.exec(`UPDATE statuses SET revoked = $3, revoked_at = $4, reason = $5, invalidity = $6, listed_by = $7, listed = $8
		WHERE authority = $1 AND serial = $2`, k.Authority, serialOf(k), s.revoked, s.revokedAt, s.reason,
		timeOrNull(s.invalidity), int64(s.listedBy), s.listed)
	return a.revision, nil
}
