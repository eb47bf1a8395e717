package postgres

import (
	"bytes"
	"cmp"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/igc-lab/igc/ca/store"
	"github.com/igc-lab/igc/ca/store/crlentry"
)

func (t *tx) CRLState(id string) (store.CRLState, error) {
	a, err := t.authority(id)
	if err != nil {
		return store.CRLState{}, err
	}
	return a.state(), nil
}

func (a *authority) state() store.CRLState {
	s := a.crl
	s.Revision = a.revision
	return s
}

func (t *tx) NextCRL(id string, req store.CRLRequest) (state store.CRLState, err error) {
	a, err := t.authority(id)
	if err != nil {
		return state, err
	}
	a.changed = true
	if req.Form != a.form {
		a.form = req.Form
		if err := t.rebuild(a, 0); err != nil {
			return state, err
		}
	}
	if req.Due {
		if err := t.dropAsDue(a, req); err != nil {
			return state, err
		}
	}
	t.next(a, req)
	return a.state(), t.Append(
		store.Change{Kind: store.CRLIssued, Authority: id, CRL: a.crl.Number, Revision: a.revision},
	)
}

// maxDelta bounds the changes that a delta CRL holds: after more, the next full list is the new
// base.
const maxDelta = 10000

// next gives the next CRLs their number.
func (t *tx) next(a *authority, req store.CRLRequest) {
	state := &a.crl
	state.Number++
	run := store.CRLIssue{Number: state.Number, Revision: a.revision, Form: req.Form}
	state.Delta = run
	if req.Full {
		state.Full = run
	}
	if req.Full && (req.Due || state.Base.Number == 0 || a.revision-state.Base.Revision > maxDelta) {
		t.exec(`DELETE FROM crl_changes WHERE authority = $1`, a.id) // the new base holds every change made so far
		state.Base = run
		if req.Due {
			state.Scheduled = t.Now()
		}
	}
}

// dropAsDue takes expired certificates off the CRL that were on the last one that was due, and were
// expired then; and first, where the request says so, puts others back.
func (t *tx) dropAsDue(a *authority, req store.CRLRequest) error {
	var before time.Time // none
	if !req.DropExpired.IsZero() && !a.crl.Scheduled.IsZero() {
		if before = a.crl.Scheduled; req.DropExpired.Before(before) { // the last scheduled CRL was not published
			before = req.DropExpired
		}
	}
	if req.Restore {
		if err := t.putBack(a, before); err != nil {
			return err
		}
	}
	if before.IsZero() {
		return nil
	}
	dropped, err := t.dropExpired(a, before)
	if err == nil && dropped {
		a.dropped = second(before)
	}
	return err
}

// putBack puts back what left the CRL because it had expired by a clock that was ahead, or before
// igc.yaml had expired certificates listed: all that is revoked, but for what dropExpired takes
// off.
func (t *tx) putBack(a *authority, before time.Time) error {
	if a.dropped.IsZero() || !before.IsZero() && !a.dropped.After(before) {
		return nil
	}
	t.do(
		`UPDATE statuses SET listed = ($2::timestamptz IS NULL OR not_after >= $2 OR listed_by > $3)
			WHERE authority = $1 AND revoked`,
		a.id,
		timeOrNull(before),
		int64(a.crl.Base.Revision),
	)
	a.revision++ // nobody takes these chunks for those of another list
	a.dropped, a.changed = second(before), true
	if before.IsZero() {
		a.dropped = time.Time{}
	}
	return t.rebuild(a, a.revision)
}

// dropExpired takes the certificates off the CRL that expired before that time and were on the last
// one that was due. Their status stays.
func (t *tx) dropExpired(a *authority, before time.Time) (dropped bool, err error) {
	for {
		gone := rows(t, scanListed, `SELECT `+statusColumns+`, s.serial FROM statuses s
			WHERE authority = $1 AND listed AND not_after < $2 AND listed_by <= $3 LIMIT 20000`,
			a.id, before, int64(a.crl.Base.Revision))
		if len(gone) == 0 {
			return dropped, nil
		}
		dropped = true
		if err := t.dropBatch(a, gone); err != nil {
			return dropped, err
		}
	}
}

func (t *tx) dropBatch(a *authority, gone []listed) error {
	keys := rows(t, func(r pgx.Rows) (c chunk, err error) { return c, r.Scan(&c.at, &c.place) },
		`SELECT at, place FROM crl_chunks WHERE authority = $1 ORDER BY at, place`, a.id)
	byChunk := map[chunkKey]map[string]bool{}
	serials := make([][]byte, len(gone))
	for i, l := range gone {
		serials[i] = l.serial
		at, found := slices.BinarySearchFunc(
			keys,
			chunk{at: l.revokedAt.Unix(), place: int64(l.listedBy)},
			func(a, b chunk) int {
				return cmp.Or(cmp.Compare(a.at, b.at), cmp.Compare(a.place, b.place))
			},
		)
		if !found {
			at--
		}
		if at < 0 {
			return damage("the entry of %X in a CRL", l.serial)
		}
		k := chunkKey{keys[at].at, keys[at].place}
		if byChunk[k] == nil {
			byChunk[k] = map[string]bool{}
		}
		byChunk[k][string(bytes.TrimLeft(l.serial, "\x00"))] = true
	}
	for k, serials := range byChunk {
		c := t.oneChunk(
			`SELECT at, place, revision, entries FROM crl_chunks WHERE authority = $1 AND at = $2 AND place = $3`,
			a.id,
			k.at,
			k.place,
		)
		stay, n, ok := crlentry.Without(c.entries, serials)
		switch {
		case !ok || n != len(serials):
			return damage("entries of a CRL at %X", k.at)
		case len(stay) == 0:
			t.deleteChunk(a, *c)
		default:
			t.putChunk(a, chunk{c.at, c.place, a.revision, stay})
		}
		a.listed -= uint64(n)
	}
	a.changed = true
	t.exec(`UPDATE statuses SET listed = false WHERE authority = $1 AND serial = ANY ($2)`, a.id, serials)
	return nil
}

func (t *tx) CRLContent(id string, full bool) (c store.CRLContent, err error) {
	a, err := t.authority(id)
	if err != nil {
		return c, err
	}
	t.flush()
	c.Number, c.Base, c.Revision = a.crl.Number, a.crl.Base.Number, a.revision
	if full {
		c.Entries = int(a.listed)
		if c.Full, err = t.fullCRL(a); err != nil {
			return c, err
		}
	}
	type change struct {
		revision uint64
		listed
	}
	changes := rows(
		t,
		func(r pgx.Rows) (ch change, err error) { return ch, ch.status.scan(r, &ch.serial, &ch.revision) },
		`SELECT `+statusColumns+`, s.serial, c.revision FROM crl_changes c
		 JOIN statuses s ON s.authority = c.authority AND s.serial = c.serial
		 WHERE c.authority = $1 ORDER BY c.revision`,
		id,
	)
	last := map[string]uint64{} // of a certificate that changed more than once, only the last change counts
	for _, ch := range changes {
		last[string(ch.serial)] = ch.revision
	}
	for _, ch := range changes {
		if last[string(ch.serial)] != ch.revision {
			continue
		}
		bare := ch.revoked && a.form == store.FaithfulCRL // and not of a hold that ended
		entry, err := store.EncodeEntry(ch.serial, ch.revokedAt, ch.reason, ch.invalidity, bare)
		if err != nil {
			return c, err
		}
		c.Changed++
		c.Changes = append(c.Changes, entry...)
	}
	return c, nil
}
