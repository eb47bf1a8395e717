package ca

import (
	"context"
	"encoding/json"
	"time"

	"github.com/igc-lab/igc/ca/store"
)

// onceKind has a document for each name of a request, see [IssueRequest].Once: the serial numbers
// of what it was given.
var onceKind = store.DocumentKind{Name: "ca.once"}

// noteOnce notes what a request of a name was given, and refuses a second one.
func noteOnce(tx store.Tx, name string, records []*Record) error {
	if name == "" {
		return nil
	}
	serials := make([]string, len(records))
	for i, r := range records {
		serials[i] = r.Serial
	}
	value, err := json.Marshal(serials)
	if err != nil {
		return err
	}
	switch _, err := tx.Document(onceKind.Name, name); {
	case err == nil:
		return fail(Conflict, "the request %s was carried out already", name)
	case KindOf(err) != NotFound:
		return err
	}
	_, err = tx.PutDocument(onceKind, name, value, time.Time{}, nil)
	return err
}

// IssuedOnce is what a request of a name was given: the records as they are now, in the product's
// order, none when there was no such request.
func IssuedOnce(ctx context.Context, s Service, name string) ([]*Record, error) {
	doc, err := s.GetDocument(ctx, onceKind, name)
	if KindOf(err) == NotFound {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	var serials []string
	if err := json.Unmarshal(doc.Value, &serials); err != nil {
		return nil, fail(Damaged, "what the request %s was given cannot be read: %w", name, err)
	}
	records := make([]*Record, len(serials))
	for i, serial := range serials {
		if records[i], err = s.Find(ctx, serial); err != nil {
			return nil, err
		}
	}
	return records, nil
}
