package postgres

import (
	"crypto/sha256"
	"strings"

	"github.com/jackc/pgx/v5"

	"github.com/igc-lab/igc/ca/store"
)

// entry is an entry of the feed, encoded.
type entry struct {
	seq  uint64
	data []byte
}

func (t *tx) Head() store.Head { return t.head }

func (t *tx) Append(c store.Change) error {
	if c.Actor == "" {
		c.Actor = t.actor
	}
	if c.At.IsZero() {
		c.At = t.Now()
	}
	for _, text := range []*string{&c.Actor, &c.Holder, &c.Document, &c.Note, &c.Profile} {
		*text = strings.ToValidUTF8(*text, "\uFFFD") // as JSON has it: reading and writing it again changes nothing
	}
	c.Seq, c.Prev = t.head.Seq+1, t.head.Hash
	data, err := c.Encode()
	if err != nil {
		return err
	}
	t.entries = append(t.entries, entry{c.Seq, data})
	t.head = store.Head{Seq: c.Seq, Hash: sha256.Sum256(data)}
	t.appended = c.Seq
	return nil
}

// writeEntries writes the entries that Append holds.
func (t *tx) writeEntries() {
	if len(t.entries) == 0 {
		return
	}
	if len(t.entries) > copyFrom {
		all := make([][]any, len(t.entries))
		for i, e := range t.entries {
			all[i] = []any{int64(e.seq), string(e.data)}
		}
		t.entries = nil
		t.copyRows("feed", []string{"seq", "entry"}, all)
		return
	}
	for _, e := range t.entries {
		t.writes.Queue(`INSERT INTO feed (seq, entry) VALUES ($1, $2)`, int64(e.seq), string(e.data))
	}
	t.entries = nil
}

// copyFrom is the number of rows from which COPY is used.
const copyFrom = 50

func (t *tx) Changes(after uint64, limit int) ([]store.Change, error) {
	t.flush()
	return rows(t, func(r pgx.Rows) (c store.Change, err error) {
		var data string
		if err := r.Scan(&data); err != nil {
			return c, err
		}
		c, _, err = store.ParseChange([]byte(data))
		if err != nil {
			return c, damage("%v", err)
		}
		return c, nil
	}, `SELECT entry FROM feed WHERE seq > $1 ORDER BY seq LIMIT $2`, int64(after), limit), nil
}
