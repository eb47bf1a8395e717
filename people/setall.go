package people

import (
	"context"
	"encoding/json"
	"errors"
	"time"

	"github.com/igc-lab/igc/ca/store"
)

// Entry is a change of the person with an identifier.
type Entry struct {
	ID     string
	Change Change
}

// maxWrite is how many bytes of documents are written at once: a call to a server has a bound.
const maxWrite = 400 << 10

// SetAll changes many people, or adds those who are not there yet, as [Directory.Set] does one.
// faults are the entries that are wrong, by their index: when there is one, nothing is written
// unless the options say so. first is how many people had nothing written of them before.
func (d *Directory) SetAll(ctx context.Context, actor string, entries []Entry, options SetOptions) (first int,
	faults map[int]error, err error) {
	for tries := 0; ; tries++ {
		first, faults, err = d.setAll(ctx, actor, entries, options)
		if !errors.Is(err, store.ErrSwap) || tries >= 100 {
			return first, faults, err
		} // else somebody else changed one of them meanwhile
	}
}

func (d *Directory) setAll(ctx context.Context, actor string, entries []Entry, options SetOptions) (first int,
	faults map[int]error, err error) {
	from, err := d.sources(ctx)
	if err != nil {
		return 0, nil, err
	}
	docs, err := d.documents.Scan(ctx, "")
	if err != nil {
		return 0, nil, err
	}
	written := map[string]store.Document{}
	for _, doc := range docs {
		written[doc.Key] = doc
	}
	faults = map[int]error{}
	var writes []store.DocumentWrite
	for i, e := range entries {
		w, err := d.write(ctx, e, written[e.ID], from, options)
		switch kind := store.KindOf(err); {
		case kind == store.Invalid || kind == store.NotFound:
			faults[i] = err
			continue
		case err != nil:
			return 0, nil, err
		}
		if written[e.ID].Version == 0 {
			first++
		}
		writes = append(writes, w)
	}
	switch {
	case len(faults) > 0 && !options.SkipWrong:
		return 0, faults, nil
	case options.DryRun:
		return first, faults, nil
	}
	for len(writes) > 0 {
		n, size := 0, 0
		for n < len(writes) && (n == 0 || size+len(writes[n].Value) < maxWrite) {
			size += len(writes[n].Value) + 200
			n++
		}
		if _, err := d.documents.Store.WriteDocuments(ctx, actor, writes[:n]...); err != nil {
			return 0, nil, err
		}
		writes = writes[n:]
	}
	return first, faults, nil
}

// write is the document of a person after a change.
func (d *Directory) write(ctx context.Context, e Entry, doc store.Document, from sources,
	options SetOptions) (w store.DocumentWrite, err error) {
	merged := &Change{}
	if err := e.Change.check(); err != nil {
		return w, err
	}
	if doc.Version != 0 {
		merged, err = parseChange(doc)
	} else {
		err = d.checkNew(ctx, e.ID, from, e.Change, options)
	}
	if err != nil {
		return w, err
	}
	merged.merge(&e.Change)
	value, err := json.Marshal(merged)
	return store.DocumentWrite{Kind: Kind, Key: e.ID, Value: value, Expires: time.Time{}, IfVersion: &doc.Version}, err
}
