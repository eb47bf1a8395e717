package postgres

import (
	"context"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/igc-lab/igc/ca/store"
)

var (
	_ store.Exporter = (*Store)(nil)
	_ store.Importer = (*importer)(nil)
)

// exportPage is how many certificates, changes or documents a page holds.
const exportPage = 2000

// Export implements [store.Exporter].
func (s *Store) Export(
	ctx context.Context, begin func(store.Head) (store.Progress, error), fn func(store.Page) error,
) error {
	return s.view(ctx, func(t *tx) error {
		from, err := begin(t.head)
		if err != nil {
			return err
		}
		for _, step := range []func(store.Progress, func(store.Page) error) error{
			t.exportAuthorities, t.exportCertificates, t.exportRevocations, t.exportChanges, t.exportDocuments,
		} {
			if err := step(from, func(p store.Page) error {
				if err := ctx.Err(); err != nil {
					return err
				}
				return fn(p)
			}); err != nil {
				return err
			}
		}
		return nil
	})
}

func (t *tx) exportAuthorities(_ store.Progress, fn func(store.Page) error) error {
	var p store.Page
	for _, a := range rows(t, func(r pgx.Rows) (*authority, error) { return scanAuthority(r) },
		`SELECT `+authorityColumns+` FROM authorities ORDER BY id`) {
		c := store.CopiedAuthority{
			ID:          a.id,
			Certificate: a.der,
			Revision:    a.revision,
			CRL:         a.crl,
			Form:        a.form,
			Dropped:     a.dropped,
		}
		c.Delta = rows(
			t,
			func(r pgx.Rows) (d store.CopiedDelta, err error) { return d, r.Scan(&d.Revision, &d.Serial) },
			`SELECT revision, serial FROM crl_changes WHERE authority = $1 ORDER BY revision`,
			a.id,
		)
		p.Authorities = append(p.Authorities, c)
	}
	if p.Authorities == nil {
		return nil
	}
	return fn(p)
}

// copied is the status as it is copied.
func (s *status) copied(k store.Key) store.CopiedStatus {
	return store.CopiedStatus{
		Key:        k,
		NotAfter:   s.notAfter,
		Revoked:    s.revoked,
		RevokedAt:  s.revokedAt,
		Reason:     s.reason,
		Invalidity: s.invalidity,
		ListedBy:   s.listedBy,
		Listed:     s.listed,
	}
}

func (t *tx) exportCertificates(from store.Progress, fn func(store.Page) error) error {
	for after := int64(from.Certificates); ; {
		all := rows(t, func(r pgx.Rows) (c store.CopiedCertificate, err error) {
			var s status
			record, err := scanRecordWith(r, &s)
			if err == nil {
				c = store.CopiedCertificate{Record: *record, Status: s.copied(record.Key())}
			}
			return c, err
		}, `SELECT `+statusColumns+`, `+recordColumns+recordTables+
			fmt.Sprintf(`WHERE c.number > $1 ORDER BY c.number LIMIT %d`, exportPage), after)
		if len(all) == 0 {
			return nil
		}
		if err := fn(store.Page{Certificates: all}); err != nil {
			return err
		}
		after = int64(all[len(all)-1].Record.Number)
	}
}

func (t *tx) exportRevocations(_ store.Progress, fn func(store.Page) error) error {
	all := rows(t, func(r pgx.Rows) (c store.CopiedStatus, err error) {
		var s status
		var k store.Key
		err = s.scan(r, &k.Authority, &k.Serial)
		return s.copied(k), err
	}, `SELECT `+statusColumns+`, s.authority, s.serial FROM statuses s
		WHERE number IS NULL ORDER BY authority, serial`)
	if len(all) == 0 {
		return nil
	}
	return fn(store.Page{Revocations: all})
}

func (t *tx) exportChanges(from store.Progress, fn func(store.Page) error) error {
	for after := from.Changes; ; {
		changes, err := t.Changes(after, exportPage)
		if err != nil || len(changes) == 0 {
			return err
		}
		if err := fn(store.Page{Changes: changes}); err != nil {
			return err
		}
		after = changes[len(changes)-1].Seq
	}
}

func (t *tx) exportDocuments(_ store.Progress, fn func(store.Page) error) error {
	kinds := rows(t, func(r pgx.Rows) (k store.CopiedKind, err error) { return k, r.Scan(&k.Name, &k.Version) },
		`SELECT kind, version FROM document_kinds ORDER BY kind`)
	if len(kinds) == 0 {
		return nil
	}
	if err := fn(store.Page{Kinds: kinds}); err != nil {
		return err
	}
	var kind, key string
	for {
		all := rows(t, func(r pgx.Rows) (d store.CopiedDocument, err error) {
			var expires *time.Time
			err = r.Scan(&d.Kind, &d.Key, &d.Version, &expires, &d.Value)
			d.Expires = zeroOrTime(expires)
			return d, err
		}, `SELECT kind, key, version, expires, value FROM documents WHERE (kind, key) > ($1, $2)
			ORDER BY kind, key LIMIT $3`, kind, key, exportPage)
		if len(all) == 0 {
			return nil
		}
		if err := fn(store.Page{Documents: all}); err != nil {
			return err
		}
		kind, key = all[len(all)-1].Kind, all[len(all)-1].Key
	}
}

// importer fills a database.
type importer struct{ *Store }

// OpenImport opens the database for a copy of a lab. It makes the tables.
func OpenImport(ctx context.Context, dsn string) (store.Importer, error) {
	if _, _, err := Migrate(ctx, dsn); err != nil {
		return nil, err
	}
	s, err := Open(dsn, Options{})
	if err != nil {
		return nil, err
	}
	s.importing = true
	return importer{s}, nil
}

func (i importer) Begin(ctx context.Context, source store.Head) (p store.Progress, err error) {
	name := fmt.Sprintf("%d %s", source.Seq, source.Hash)
	err = i.update(ctx, "system", func(t *tx) error {
		switch {
		case t.copied == "" && (t.head.Seq > 0 || t.issued > 0):
			return store.Errorf(store.Conflict, "the database %s has a lab already: nothing is copied over it",
				t.conn.Conn().Config().Database)
		case t.copied != name: // of another lab, or of this one before it changed
			t.do(
				`TRUNCATE authorities, certificates, statuses, crl_chunks, crl_changes, feed, documents,
					document_kinds`,
			)
			t.state = state{}
			t.exec(`UPDATE lab SET copied = $1`, name)
		default: // these are copied whole
			t.do(`TRUNCATE crl_changes, documents, document_kinds`)
		}
		p = store.Progress{Certificates: t.issued, Changes: t.head.Seq}
		return nil
	})
	return p, err
}

func (i importer) Import(ctx context.Context, p store.Page) error {
	return i.update(ctx, "system", func(t *tx) error {
		for _, a := range p.Authorities {
			if err := t.importAuthority(a); err != nil {
				return err
			}
		}
		if err := t.importCertificates(p.Certificates); err != nil {
			return err
		}
		for _, s := range p.Revocations {
			t.exec(`INSERT INTO statuses (`+statusFields+`) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)
				ON CONFLICT DO NOTHING`, statusRow(s, nil)...)
		}
		for _, c := range p.Changes {
			if err := t.Append(c); err != nil {
				return err
			}
		}
		for _, k := range p.Kinds {
			t.exec(`INSERT INTO document_kinds (kind, version) VALUES ($1, $2)`, k.Name, int64(k.Version))
		}
		all := make([][]any, len(p.Documents))
		for i, d := range p.Documents {
			if !storable(d.Kind) || !storable(d.Key) {
				return store.Errorf(store.Invalid, "%q is not a key for a document of kind %q", d.Key, d.Kind)
			}
			all[i] = []any{d.Kind, d.Key, int64(d.Version), timeOrNull(d.Expires), append([]byte{}, d.Value...)}
		}
		t.copyRows("documents", []string{"kind", "key", "version", "expires", "value"}, all)
		return nil
	})
}

func (t *tx) importAuthority(a store.CopiedAuthority) error {
	crl, err := json.Marshal(a.CRL)
	if err != nil {
		return err
	}
	t.exec(`INSERT INTO authorities (id, certificate, revision, form, crl, dropped) VALUES ($1, $2, $3, $4, $5, $6)
		ON CONFLICT (id) DO UPDATE SET revision = excluded.revision, form = excluded.form, crl = excluded.crl,
			dropped = excluded.dropped`,
		a.ID, a.Certificate, int64(a.Revision), string(a.Form), string(crl), timeOrNull(a.Dropped))
	for _, d := range a.Delta {
		t.exec(
			`INSERT INTO crl_changes (authority, revision, serial) VALUES ($1, $2, $3)`,
			a.ID,
			int64(d.Revision),
			d.Serial,
		)
	}
	return nil
}

const statusFields = `authority, serial, number, not_after, revoked, revoked_at, reason, invalidity, listed_by, listed`

func statusRow(s store.CopiedStatus, number any) []any {
	return []any{
		s.Authority,
		serialOf(s.Key),
		number,
		second(s.NotAfter),
		s.Revoked,
		timeOrNull(s.RevokedAt),
		int16(s.Reason),
		timeOrNull(s.Invalidity),
		int64(s.ListedBy),
		s.Listed,
	}
}

func (t *tx) importCertificates(all []store.CopiedCertificate) error {
	records, statuses := make([][]any, len(all)), make([][]any, len(all))
	for i, c := range all {
		r := &c.Record
		if t.issued++; r.Number != t.issued {
			return store.Errorf(store.Damaged, "certificate %d comes as number %d of the copy", r.Number, t.issued)
		}
		holder, err := json.Marshal(r.Holder)
		if err != nil {
			return err
		}
		serial, err := hex.DecodeString(r.Serial)
		if err != nil {
			return err
		}
		records[i] = []any{
			int64(r.Number),
			r.Authority,
			serial,
			r.Profile,
			string(holder),
			textOrNull(r.Holder.CardNumber),
			textOrNull(
				r.Holder.Identifier(),
			),
			second(r.NotBefore),
			second(r.NotAfter),
			second(r.IssuedAt),
			r.OwnKey,
			r.DER,
		}
		statuses[i] = statusRow(c.Status, int64(r.Number))
	}
	t.copyRows("certificates", strings.Split(recordFields, ", "), records)
	t.copyRows("statuses", strings.Split(statusFields, ", "), statuses)
	return nil
}

func (i importer) Finish(ctx context.Context) error {
	return i.update(ctx, "system", func(t *tx) error {
		t.lookupAll()
		for _, a := range t.authorities {
			if err := t.rebuild(a, 0); err != nil {
				return err
			}
			t.row(`SELECT count(number) FROM statuses WHERE authority = $1`, []any{a.id}, []any{&a.issued})
		}
		t.do(`ANALYZE certificates, statuses, documents, feed`) // queries are planned for what is there now
		return nil
	})
}

func (i importer) Done(ctx context.Context) error {
	return i.update(ctx, "system", func(t *tx) error {
		t.exec(`UPDATE lab SET copied = NULL`)
		return nil
	})
}
