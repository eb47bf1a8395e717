package access

import (
	"bytes"
	"flag"
	"os"
	"testing"
)

var update = flag.Bool("update", false, "write what is made from the sources into docs/")

// docs/access.md is made from the table, and [Caller.May] answers as every cell of it says: each
// role, action and way in, for what is of the structure or not, about the caller or not, asked for
// by them or not.
func TestMatrix(t *testing.T) {
	const file = "../docs/access.md"
	var doc bytes.Buffer
	if err := WriteMatrix(&doc); err != nil {
		t.Fatal(err)
	}
	if *update {
		if err := os.WriteFile(file, doc.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if have, err := os.ReadFile(file); err != nil || !bytes.Equal(have, doc.Bytes()) {
		t.Errorf("%s is not made from the table: run this test with -update (%v)", file, err)
	}

	const id, structure = "899700209812", "10B0057881"
	var targets []Target
	for _, s := range []string{structure, "10B0037750", ""} {
		for _, person := range []string{id, "899700999909", ""} {
			for _, asked := range []string{id, "899700999909", ""} {
				targets = append(targets, Target{s, person, asked})
			}
		}
	}
	allows := func(e Extent, t Target) bool {
		own, here := t.Person == id || t.AskedBy == id, t.Structure == structure
		return e == All || e == InStructure && here || e == OwnInStructure && here && (own || t.AskedBy == "") ||
			e == Own && own
	}
	cells := 0
	for _, way := range append(Ways(), "", "unknown") {
		for _, action := range append(Actions(), "", "unknown") {
			for _, role := range append(Roles(), "", "unknown") {
				cells++
				c := &Caller{Way: way, Actor: "x", ID: id, Scopes: Scopes()}
				if role != Holder {
					c.Grants = []Grant{{Holder: id, Role: role, Structure: structure}}
				}
				for _, target := range targets {
					want := allows(Cell(role, action, way), target) || allows(Cell(Holder, action, way), target)
					if got := c.May(action, target); (got == nil) != want {
						t.Errorf("%s, %s, %s, %+v: %v", way, action, role, target, got)
					}
				}
				structures, all := c.Structures(action)
				if e := Cell(role, action, way); all != (e == All) ||
					(len(structures) == 1) != (e == InStructure || e == OwnInStructure) {
					t.Errorf("%s, %s, %s: structures %v, %v", way, action, role, structures, all)
				}
				if way == Token && table[action].scope != "" {
					c.Scopes = nil
					for _, target := range targets {
						if c.May(action, target) == nil {
							t.Errorf("%s, %s, %+v: a token without the scope", action, role, target)
						}
					}
				}
			}
		}
	}
	if cells != 6*(len(Actions())+2)*7 {
		t.Errorf("%d cells", cells)
	}
	for _, way := range []Way{"", "unknown"} {
		for _, action := range Actions() {
			for _, role := range Roles() {
				if Cell(role, action, way) != None {
					t.Errorf("%s may %s by %q", role, action, way)
				}
			}
		}
	}
}

// Nobody without a role does anything but to what is their own, and nobody at all by a way that is
// not in the table.
func TestNobody(t *testing.T) {
	for _, way := range Ways() {
		for _, action := range Actions() {
			c := &Caller{Way: way, ID: "x", Scopes: Scopes()}
			if err := c.May(action, Target{Structure: "10B0057881", Person: "y", AskedBy: "z"}); err == nil {
				t.Errorf("%s by %s", action, way)
			}
			if err := (&Caller{Way: way, Scopes: Scopes()}).May(action, Target{}); err == nil { // an empty identifier
				t.Errorf("%s by %s, of nobody", action, way)
			}
		}
	}
}
