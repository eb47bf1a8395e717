package people

import (
	"context"
	"iter"
	"maps"
	"slices"
)

// Known goes over the identifiers of those of whom something is recorded or said: the holders of
// certificates, the built-in and the test identities, people.yaml, igc people set. The rest of the
// population is not among them.
func (d *Directory) Known(ctx context.Context) iter.Seq2[string, error] {
	return func(yield func(string, error) bool) {
		rows, err := d.overlay.rows()
		if err != nil {
			yield("", err)
			return
		}
		docs, err := d.documents.Scan(ctx, "")
		if err != nil {
			yield("", err)
			return
		}
		seen := map[string]bool{}
		give := func(id string) bool {
			if seen[id] {
				return true
			}
			seen[id] = true
			return yield(id, nil)
		}
		ids := slices.Concat(slices.Collect(maps.Keys(builtIn())), slices.Collect(maps.Keys(fixtureHolders())),
			slices.Collect(maps.Keys(rows)))
		for _, doc := range docs {
			ids = append(ids, doc.Key)
		}
		slices.Sort(ids)
		for _, id := range ids {
			if !give(id) {
				return
			}
		}
		for r, err := range d.holders(ctx) {
			if err != nil {
				yield("", err)
				return
			}
			if !give(r.Holder.IdNat) {
				return
			}
		}
	}
}
