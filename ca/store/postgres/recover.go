package postgres

import (
	"errors"
	"time"

	"github.com/igc-lab/igc/ca/store"
)

func (t *tx) RestoreCertificate(r *store.Record) error {
	if _, err := t.authority(r.Authority); err != nil {
		return err
	}
	err := t.addRecord(r)
	if !errors.Is(err, store.ErrSerialTaken) {
		return err
	}
	k := r.Key()
	former := t.statusOf(k)
	if former.number != 0 {
		return err
	}
	t.exec(`DELETE FROM statuses WHERE authority = $1 AND serial = $2`, k.Authority, k.Serial)
	if err := t.addRecord(r); err != nil {
		return err
	}
	t.exec(`UPDATE statuses SET revoked = $3, revoked_at = $4, reason = $5, invalidity = $6, listed_by = $7, listed = $8
		WHERE authority = $1 AND serial = $2`, k.Authority, k.Serial,
		former.revoked, timeOrNull(former.revokedAt), former.reason,
		timeOrNull(former.invalidity), int64(former.listedBy), former.listed)
	return nil
}

func (t *tx) RestoreRevocation(k store.Key, v store.Revocation, end time.Time) error {
	a, err := t.authority(k.Authority)
	if err != nil {
		return err
	}
	s := t.statusOf(k)
	if s == nil {
		s = &status{notAfter: second(end)}
		t.exec(
			`INSERT INTO statuses (authority, serial, not_after) VALUES ($1, $2, $3)`,
			k.Authority,
			serialOf(k),
			s.notAfter,
		)
	}
	revision, err := t.setStatus(a, k, s, &v)
	if err != nil {
		return err
	}
	// Without a base, the next full CRL is one, and holds all.
	if a.crl.Base.Number != 0 {
		t.exec(
			`INSERT INTO crl_changes (authority, revision, serial) VALUES ($1, $2, $3)`,
			k.Authority,
			int64(revision),
			serialOf(k),
		)
	}
	return nil
}

func (t *tx) RestoreCRLNumber(authority string, number uint64) error {
	a, err := t.authority(authority)
	if err != nil {
		return err
	}
	a.crl, a.changed = store.CRLState{Number: number}, true
	return nil
}
