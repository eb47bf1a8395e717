package people

import (
	"context"
	"iter"
	"maps"
	"slices"

	"github.com/igc-lab/igc/fixtures"
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

// TestIdentity is a person whom every lab knows.
type TestIdentity struct {
	*Person
	Fixture string // name for igc issue --fixture; empty for a built-in identity
	Product string // that igc issue --fixture makes for them
}

// TestIdentities are the built-in identities, by identifier, then the test identities to whom
// something can be issued, by name: each as they are now.
func (d *Directory) TestIdentities(ctx context.Context) (list []TestIdentity, err error) {
	add := func(id, fixture, product string) error {
		p, err := d.Find(ctx, id)
		if err == nil {
			list = append(list, TestIdentity{p, fixture, product})
		}
		return err
	}
	for _, id := range slices.Sorted(maps.Keys(builtIn())) {
		if err := add(id, "", ""); err != nil {
			return nil, err
		}
	}
	for _, name := range fixtures.Names() {
		identity, err := fixtures.Find(name)
		if err == nil && identity.IdNat != "" {
			err = add(identity.IdNat, name, identity.Product)
		}
		if err != nil {
			return nil, err
		}
	}
	return list, nil
}
