package postgres

import (
	"iter"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/jackc/pgx/v5"

	"github.com/igc-lab/igc/ca/store"
)

func scanDocument(r pgx.Rows) (d store.Document, err error) {
	var expires *time.Time
	err = r.Scan(&d.Key, &d.Version, &expires, &d.Value)
	d.Expires = zeroOrTime(expires)
	return d, err
}

// stored reads a document, expired or not; ok is false when there is none.
func (t *tx) stored(kind, key string) (d store.Document, ok bool) {
	if !storable(kind) || !storable(key) {
		return d, false
	}
	found := rows(
		t,
		scanDocument,
		`SELECT key, version, expires, value FROM documents WHERE kind = $1 AND key = $2`,
		kind,
		key,
	)
	if len(found) == 0 {
		return d, false
	}
	return found[0], true
}

func (t *tx) expired(d store.Document) bool { return !d.Expires.IsZero() && !t.Now().Before(d.Expires) }

func (t *tx) Document(kind, key string) (store.Document, error) {
	d, ok := t.stored(kind, key)
	if !ok || t.expired(d) {
		return store.Document{}, store.Errorf(store.NotFound, "no %s %q", kind, key)
	}
	return d, nil
}

func (t *tx) Documents(kind, prefix string) iter.Seq2[store.Document, error] {
	return t.DocumentsAfter(kind, prefix, "")
}

func (t *tx) DocumentsAfter(kind, prefix, after string) iter.Seq2[store.Document, error] {
	return func(yield func(store.Document, error) bool) {
		if !storable(kind) || !storable(prefix) || !storable(after) {
			return
		}
		for page := firstPage; ; page = min(4*page, lastPage) {
			found := rows(t, scanDocument, `SELECT key, version, expires, value FROM documents
				WHERE kind = $1 AND key >= $2 AND ($5::text IS NULL OR key < $5) AND key > $3 ORDER BY key LIMIT $4`,
				kind, prefix, after, page, followingText(prefix))
			for _, d := range found {
				if !t.expired(d) && !yield(d, nil) {
					return
				}
			}
			if len(found) < page {
				return
			}
			after = found[len(found)-1].Key
		}
	}
}

// followingText is the first text that comes after all those that begin with a prefix, nil when
// none does: the order of texts is that of their code points.
func followingText(prefix string) *string {
	for prefix != "" {
		last, size := utf8.DecodeLastRuneInString(prefix)
		if prefix = prefix[:len(prefix)-size]; last < utf8.MaxRune {
			if last++; !utf8.ValidRune(last) {
				last = 0xE000 // after the surrogates
			}
			next := prefix + string(last)
			return &next
		}
	}
	return nil
}

// maxKey bounds the key of a document and the name of its kind, as other drivers do.
const maxKey = 1 << 10

// storable tells whether the database takes a text as one.
func storable(text string) bool { return utf8.ValidString(text) && !strings.Contains(text, "\x00") }

func (t *tx) PutDocument(
	kind store.DocumentKind,
	key string,
	value []byte,
	expires time.Time,
	ifVersion *uint64,
) (uint64, error) {
	if key == "" || kind.Name == "" || len(key) > maxKey || len(kind.Name) > maxKey || !storable(key) ||
		!storable(kind.Name) {
		return 0, store.Errorf(store.Invalid, "%q is not a key for a document of kind %q", key, kind.Name)
	}
	if ifVersion != nil {
		if _, err := t.swap(kind.Name, key, ifVersion); err != nil {
			return 0, err
		}
	}
	if value == nil {
		value = []byte{}
	}
	version := t.nextVersion(kind.Name)
	t.exec(`INSERT INTO documents (kind, key, version, expires, value) VALUES ($1, $2, $3, $4, $5)
		ON CONFLICT (kind, key) DO UPDATE
		SET version = excluded.version, expires = excluded.expires, value = excluded.value`,
		kind.Name, key, int64(version), timeOrNull(expires), value)
	if !kind.Audited {
		return version, nil
	}
	return version, t.Append(store.Change{Kind: store.DocumentPut, Document: kind.Name + "/" + key, Version: version})
}

// nextVersion gives a version of that kind.
func (t *tx) nextVersion(kind string) uint64 {
	k, read := t.kinds[kind]
	if !read {
		t.row(`SELECT version FROM document_kinds WHERE kind = $1`, []any{kind}, []any{&k.version})
	}
	if t.kinds == nil {
		t.kinds = map[string]kindState{}
	}
	t.kinds[kind] = kindState{k.version + 1, true}
	return k.version + 1
}

// swap reads the stored document and compares its version with the one asked for. An expired one
// counts as absent.
func (t *tx) swap(kind, key string, ifVersion *uint64) (store.Document, error) {
	former, ok := t.stored(kind, key)
	present := former.Version
	if !ok || t.expired(former) {
		present = 0
	}
	if ifVersion != nil && *ifVersion != present {
		return former, store.ErrSwap
	}
	return former, nil
}

func (t *tx) DeleteDocument(kind store.DocumentKind, key string, ifVersion *uint64) error {
	former, err := t.swap(kind.Name, key, ifVersion)
	if err != nil || former.Version == 0 {
		return err
	}
	t.exec(`DELETE FROM documents WHERE kind = $1 AND key = $2`, kind.Name, key)
	if !kind.Audited {
		return nil
	}
	return t.Append(store.Change{Kind: store.DocumentDeleted, Document: kind.Name + "/" + key, Version: former.Version})
}

func (t *tx) DropExpiredDocuments(limit int) (n int, err error) {
	tag := t.do(`DELETE FROM documents WHERE (kind, key) IN (
		SELECT kind, key FROM documents WHERE expires <= $1 ORDER BY expires LIMIT $2)`, t.Now(), limit)
	return int(tag.RowsAffected()), nil
}
