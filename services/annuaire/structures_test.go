package annuaire

import "testing"

// A structure is found by the beginning of its name and by its identifiers, and nothing by what is
// neither, whatever characters it has.
func TestStructures(t *testing.T) {
	w := newWorld(t, 500)
	s := w.people.population.Structure(0)
	for _, text := range []string{s.NationalID, s.Name, s.Name[:5]} {
		found, err := w.Structures(t.Context(), text, 1000)
		if err != nil {
			t.Fatal(err)
		}
		ok := false
		for _, one := range found {
			ok = ok || one.ID == s.ID
		}
		if !ok {
			t.Errorf("%q finds %d structures, and not %s", text, len(found), s.ID)
		}
	}
	for _, text := range []string{"", "no such name", `a\\,b|c$`, "\xff", "&name=", "https://finess.esante.gouv.fr|"} {
		if found, err := w.Structures(t.Context(), text, 10); err != nil || len(found) > 0 {
			t.Errorf("%q: %d structures, %v", text, len(found), err)
		}
	}
	if found, err := w.Structures(t.Context(), s.Name[:1], 3); err != nil || len(found) > 3 {
		t.Errorf("%d structures, %v", len(found), err)
	}
}
