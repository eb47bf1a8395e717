package population_test

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/igc-lab/igc/fixtures"
	"github.com/igc-lab/igc/people"
	"github.com/igc-lab/igc/people/population"
	"github.com/igc-lab/igc/profiles"
)

var update = flag.Bool("update", false, "write the golden files anew")

var at = time.Date(2026, 11, 26, 8, 0, 0, 0, time.UTC)

const tested = 5_000

func TestGolden(t *testing.T) {
	p := population.New(7, tested, at)
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetIndent("", "  ")
	enc.SetEscapeHTML(false)
	for place := range 20 {
		one := p.Person(place)
		whole := map[string]any{"person": one, "register": one.Register, "SubjectRefPro": one.RefPro}
		if err := enc.Encode(whole); err != nil {
			t.Fatal(err)
		}
	}
	for place := range 40 {
		if err := enc.Encode(p.Structure(place * 3)); err != nil {
			t.Fatal(err)
		}
	}
	const golden = "testdata/seed7.json"
	if *update {
		if err := os.WriteFile(golden, b.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(b.Bytes(), want) {
		t.Errorf("the first people of seed 7 have changed; if that is meant: go test ./people/population -update\n%s",
			b.String()[:2000])
	}
}

// Identifiers of people and places are one to one over all that a population can hold.
func TestIdentifiersOfPeople(t *testing.T) {
	p := population.New(3, population.MaxSize, at)
	seen := map[string]int{}
	for i := range 20_000 {
		place := i * (population.MaxSize / 20_000)
		if i%2 == 1 {
			place = population.MaxSize - 1 - i
		}
		id := p.Person(place).ID
		if before, twice := seen[id]; twice && before != place {
			t.Fatalf("%d and %d are %s", before, place, id)
		}
		seen[id] = place
		if found, ok := p.FindPerson(id); !ok || found != place {
			t.Fatalf("%s of place %d is found at %d, %v", id, place, found, ok)
		}
		if profiles.MayBeReal(id) {
			t.Fatalf("%s may be real", id)
		}
		if warnings := profiles.IdNatWarnings(id); len(warnings) > 0 {
			t.Fatalf("%s: %v", id, warnings)
		}
		if strings.HasPrefix(id, "899700") || strings.HasPrefix(id, "899900") {
			t.Fatalf("%s is of the ranges of the sector's own test identities", id)
		}
	}
	for _, id := range []string{"", "8", "899700999909", "899710000001", "997112345678", "8997112345678",
		"89971x000000", "810000000000", "899912345670"} {
		if place, ok := population.New(3, 0, at).FindPerson(id); ok {
			t.Errorf("%q is found at %d of nobody", id, place)
		}
	}
	for _, name := range fixtures.Names() {
		identity, err := fixtures.Find(name)
		if err != nil {
			t.Fatal(err)
		}
		if _, ok := p.FindPerson(identity.IdNat); ok {
			t.Errorf("%s of the fixtures is made too", identity.IdNat)
		}
	}
}

func TestIdentifiersOfStructures(t *testing.T) {
	for _, size := range []int{0, 1, 499, 500, 501, 1_000, tested, population.MaxSize} {
		p := population.New(11, size, at)
		n := p.Structures()
		step := max(1, n/5_000)
		seen := map[string]int{}
		for place := 0; place < n; place += step {
			s := p.Structure(place)
			if before, twice := seen[s.ID]; twice {
				t.Fatalf("%d and %d are %s", before, place, s.ID)
			}
			seen[s.ID] = place
			if found, ok := p.FindStructure(s.ID); !ok || found != place {
				t.Fatalf("size %d: %s of place %d is found at %d, %v", size, s.ID, place, found, ok)
			}
			h := profiles.Holder{Structure: s.NationalID}
			if !profiles.IsStructure(s.NationalID) || len(h.Warnings()) > 0 {
				t.Fatalf("%s: %v", s.NationalID, h.Warnings())
			}
			if s.FINESS != "" && (s.ID != "F"+s.FINESS || s.NationalID != "1"+s.FINESS ||
				!strings.HasPrefix(s.FINESS, "0A") && !strings.HasPrefix(s.FINESS, "1A")) {
				t.Fatalf("%+v", s)
			}
			if s.SIRET != "" && (!strings.HasPrefix(s.SIRET, "0000") || s.SIRET[:9] != s.SIREN ||
				s.SIREN == "000000000") {
				t.Fatalf("SIRET %s, SIREN %s", s.SIRET, s.SIREN)
			}
			if s.Parent != "" {
				parent, ok := p.FindStructure(s.Parent)
				if !ok || !p.Structure(parent).Legal {
					t.Fatalf("%s of %s is not a legal entity", s.Parent, s.ID)
				}
			}
		}
		for _, id := range []string{"", "F", "R", "F0B0999901", "R999001", "F0A0000000", "R98000000x",
			"R99710000001001"} {
			if place, ok := population.New(11, 0, at).FindStructure(id); ok {
				t.Errorf("%q is found at %d of nothing", id, place)
			}
		}
	}
}

// The last structures of the largest population have numbers of their own too.
func TestLastStructures(t *testing.T) {
	p := population.New(11, population.MaxSize, at)
	seen := map[string]bool{}
	for n := range 20_000 {
		place := p.Structures() - 1 - n*7
		s := p.Structure(place)
		if found, ok := p.FindStructure(s.ID); seen[s.ID] || !ok || found != place {
			t.Fatalf("%s of place %d is found at %d, %v", s.ID, place, found, ok)
		}
		seen[s.ID] = true
	}
}

// A larger population begins with the smaller one.
func TestPrefix(t *testing.T) {
	large := population.New(5, tested, at)
	for _, size := range []int{1, 20, 499, 500, 777, 1_500} {
		small := population.New(5, size, at)
		if small.People() != size || small.Structures() > large.Structures() {
			t.Fatalf("size %d: %d people, %d structures", size, small.People(), small.Structures())
		}
		for place := range size {
			if a, b := small.Person(place), large.Person(place); !reflect.DeepEqual(a, b) {
				t.Fatalf("size %d, person %d:\n%+v\n%+v", size, place, a, b)
			}
			for _, e := range exercices(small.Person(place)) {
				for _, a := range e.Activities {
					if _, ok := small.FindStructure(a.IdentifiantTechnique); !ok {
						t.Fatalf("size %d, person %d: nothing is %s", size, place, a.IdentifiantTechnique)
					}
				}
			}
		}
		for place := range small.Structures() {
			if a, b := small.Structure(place), large.Structure(place); !reflect.DeepEqual(a, b) {
				t.Fatalf("size %d, structure %d:\n%+v\n%+v", size, place, a, b)
			}
		}
		if _, ok := small.FindPerson(large.Person(size).ID); ok {
			t.Errorf("size %d finds the next person", size)
		}
	}
}

func exercices(p *people.Person) []people.Exercice {
	if p.RefPro == nil {
		return nil
	}
	return p.RefPro.Exercices
}

func TestOtherSeedsAreOthers(t *testing.T) {
	a, b := population.New(1, 100, at), population.New(2, 100, at)
	same := 0
	for place := range 100 {
		if a.Person(place).DisplayName() == b.Person(place).DisplayName() {
			same++
		}
		if a.Person(place).ID == b.Person(place).ID {
			t.Error("two seeds give", a.Person(place).ID)
		}
	}
	if same > 5 {
		t.Error(same, "of a hundred have the same name")
	}
}

// What is said of people and of structures fits together.
func TestCoherent(t *testing.T) {
	p := population.New(7, tested, at)
	professions, kinds := map[string]int{}, map[string]int{}
	departments, names := map[string]bool{}, map[string]int{}
	var retired, students, military, several, three, two, long, recent, accents, mailboxes int
	longest := 0
	cps, err := profiles.FindProduct("cps")
	if err != nil {
		t.Fatal(err)
	}
	for place := range tested {
		one := p.Person(place)
		names[one.DisplayName()]++
		longest = max(longest, utf8.RuneCountInString(one.FamilyName))
		if utf8.RuneCountInString(one.FamilyName) > 55 {
			long++
		}
		if strings.ContainsAny(one.FamilyName, "ÉÈËÏÔ'- ") {
			accents++
		}
		if age := at.Sub(one.Register.Updated); age <= 0 {
			t.Fatal(one, "will change", -age, "later")
		} else if age < 30*24*time.Hour {
			recent++
		}
		mailboxes += len(one.Register.Mailboxes)
		for _, m := range one.Register.Mailboxes {
			if !strings.HasSuffix(m.Address, ".mssante.example.fr") || m.Type != "PER" {
				t.Fatal(m)
			}
		}
		if one.Contact.Mail != "" && !strings.HasSuffix(one.Contact.Mail, "@example.fr") {
			t.Fatal(one.Contact.Mail)
		}
		if one.Register.Retired {
			if retired++; one.RefPro != nil {
				t.Fatal(one, "is retired and active")
			}
			continue
		}
		if len(one.RefPro.Exercices) == 2 {
			two++
		}
		all := map[string]bool{}
		for i, e := range one.RefPro.Exercices {
			if i == 0 {
				professions[e.CodeProfession]++
				switch len(e.Activities) {
				case 2:
					several++
				case 3:
					three++
				}
			}
			if _, ok := profiles.Label("G15", e.CodeProfession); !ok {
				t.Fatal(e.CodeProfession, "is not in G15")
			}
			if e.CodeSavoirFaire != "" {
				if _, ok := profiles.Label("R01", e.CodeSavoirFaire); !ok {
					t.Fatal(e.CodeSavoirFaire, "is not in R01")
				}
			}
			h := profiles.Holder{IdNat: one.ID, Profession: e.CodeProfession}
			if e.CodeSavoirFaire != "" {
				h.Specialities = []string{e.CodeSavoirFaire}
			}
			if w := cps.Warnings(h); len(w) > 0 {
				t.Fatal(one, w)
			}
			doctor := slices.Contains([]string{"10", "21", "40"}, e.CodeProfession)
			if (e.CodeCivilite == "DR") != (doctor && e.CodeCategorie != "E") {
				t.Fatal(one, e.CodeProfession, e.CodeCategorie, "is", e.CodeCivilite)
			}
			switch e.CodeCategorie {
			case "E":
				students++
				if _, ok := profiles.Label("G16", e.CodeProfession); !ok {
					t.Fatal(one, "studies", e.CodeProfession)
				}
			case "M":
				military++
			}
			if len(e.Activities) == 0 {
				t.Fatal(one, "has no activity")
			}
			for _, a := range e.Activities {
				if i == 0 && all[a.IdentifiantTechnique] {
					t.Fatal(one, "works twice in", a.IdentifiantTechnique)
				}
				all[a.IdentifiantTechnique] = true
				if (e.CodeProfession == "21") != (a.CodeSectionPharmacien != "") && e.CodeCategorie == "C" {
					t.Fatal(one, e.CodeProfession, a.CodeSectionPharmacien)
				}
				if a.CodeSectionPharmacien != "" {
					if _, ok := profiles.Label("G05", a.CodeSectionPharmacien); !ok {
						t.Fatal(a.CodeSectionPharmacien)
					}
				}
				n, ok := p.FindStructure(a.IdentifiantTechnique)
				if !ok {
					t.Fatal(one, "works in", a.IdentifiantTechnique)
				}
				s := p.Structure(n)
				if !s.Closed.IsZero() || s.Name != a.RaisonSocialeSite || s.NationalID != a.AncienIdentifiant ||
					s.Address.PostalCode != a.CodePostal || s.Sector != a.CodeSecteurDactivite ||
					s.Phone != a.Telephone {
					t.Fatalf("%v: %+v of %+v", one, a, s)
				}
			}
		}
	}
	for n := range p.Structures() {
		s := p.Structure(n)
		kinds[s.Sector]++
		departments[s.Address.Department] = true
		if _, ok := profiles.Label("R02", s.Sector); !ok {
			t.Fatal(s.Sector)
		}
		a := s.Address
		code := a.Department
		if code == "2A" || code == "2B" {
			code = "20"
		} else if code == "977" || code == "978" {
			code = "971" // their postal codes are those of Guadeloupe
		}
		if !strings.HasPrefix(a.PostalCode, code) || len(a.PostalCode) != 5 || len(a.Commune) != 5 ||
			!strings.HasPrefix(a.Commune, a.Department) {
			t.Fatalf("%+v", a)
		}
		if s.Opened.After(at) || !s.Closed.IsZero() && (s.Closed.Before(s.Opened) || s.Closed.After(at)) ||
			!s.Updated.Before(at) {
			t.Fatal(s.ID, s.Opened, s.Closed, s.Updated)
		}
		for _, v := range s.Services {
			if v.Since.Before(s.Opened) || v.Closed && v.Until.After(at) || v.Until.Before(v.Since) {
				t.Fatal(s.ID, s.Opened, s.Closed, v)
			}
		}
	}
	share := func(what string, n int, least, most float64) {
		t.Helper()
		if percent := 100 * float64(n) / tested; percent < least || percent > most {
			t.Errorf("%s: %.1f %%, not %.1f to %.1f", what, percent, least, most)
		}
	}
	share("physicians", professions["10"], 17, 21)
	share("nurses", professions["60"], 41, 46)
	share("retired", retired, 2, 6)
	share("students", students, 1, 4)
	share("military", military, 0.2, 0.8)
	share("two activities", several, 8, 14)
	share("three activities", three, 0.8, 3)
	share("two professions", two, 0.3, 1.5)
	share("changed within a month", recent, 4, 6)
	share("mailboxes", mailboxes, 35, 60)
	share("accents, hyphens, particles", accents, 15, 60)
	homonyms := 0
	for _, n := range names {
		if n > 1 {
			homonyms += n
		}
	}
	share("homonyms", homonyms, 2, 60)
	if long == 0 || longest > 64 {
		t.Errorf("%d long names, the longest of %d characters", long, longest)
	}
	if len(departments) < 45 {
		t.Errorf("%d departments among %d people", len(departments), tested)
	}
	for _, sector := range strings.Fields("SA01 SA04 SA05 SA07 SA08 SA09 SA17 SA25 SA33 SA34 SA36 SA41 SA52") {
		if kinds[sector] == 0 {
			t.Error("no structure of sector", sector)
		}
	}
}

// Every commune of the table is of a department of G09, and every department that people live in
// has one.
func TestEveryDepartment(t *testing.T) {
	p := population.New(1, 15_000, at)
	seen := map[string]bool{}
	for n := range p.Structures() {
		seen[p.Structure(n).Address.Department] = true
	}
	for _, d := range profiles.Codes("G09") {
		never := slices.Contains([]string{"98000", "99138", "984", "985", "989"}, d.Code) // abroad, empty, former
		if seen[d.Code] == never {
			t.Errorf("department %s: %v", d.Code, seen[d.Code])
		}
	}
}

// The summary counts what the population has.
func TestSummary(t *testing.T) {
	for _, size := range []int{0, 1, 30, 500, 1_234} {
		p := population.New(9, size, at)
		s := p.Summary()
		professions, sectors := map[string]int{}, map[string]int{}
		students, military, retired := 0, 0, 0
		for place := range size {
			one := p.Person(place)
			if one.Register.Retired {
				retired++
				continue
			}
			e := one.RefPro.Exercices[0]
			professions[e.CodeProfession]++
			switch e.CodeCategorie {
			case "E":
				students++
			case "M":
				military++
			}
		}
		for n := range p.Structures() {
			sectors[p.Structure(n).Sector]++
		}
		if s.People != size || s.Structures != p.Structures() || s.Retired != retired || s.Students != students ||
			s.Military != military {
			t.Errorf("%d retired, %d students, %d military: %+v", retired, students, military, s)
		}
		all := 0
		for _, c := range s.Professions {
			all += c.Count
			if n := professions[c.Code]; n > c.Count || c.Count-n > retired {
				t.Errorf("%d of profession %s are active, counted %d", n, c.Code, c.Count)
			}
		}
		if all != size {
			t.Errorf("%d professions of %d people", all, size)
		}
		for _, c := range s.Sectors {
			if sectors[c.Code] != c.Count {
				t.Errorf("%d of sector %s, counted %d", sectors[c.Code], c.Code, c.Count)
			}
			delete(sectors, c.Code)
		}
		if len(sectors) > 0 {
			t.Errorf("not counted: %v", sectors)
		}
	}
}

func TestConcurrent(t *testing.T) {
	p := population.New(7, tested, at)
	want := p.Person(42)
	done := make(chan error)
	for range 8 {
		go func() {
			for range 200 {
				if got := p.Person(42); !reflect.DeepEqual(got, want) {
					done <- fmt.Errorf("%+v", got)
					return
				}
			}
			done <- nil
		}()
	}
	for range 8 {
		if err := <-done; err != nil {
			t.Error(err)
		}
	}
}

func BenchmarkPerson(b *testing.B) {
	p := population.New(7, population.MaxSize, at)
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		p.Person(i * 7919 % population.MaxSize)
	}
}

func BenchmarkSummary(b *testing.B) {
	p := population.New(7, 1_000_000, at)
	for b.Loop() {
		p.Summary()
	}
}

func BenchmarkFindPerson(b *testing.B) {
	p := population.New(7, population.MaxSize, at)
	id := p.Person(4_444_444).ID
	b.ReportAllocs()
	for b.Loop() {
		p.FindPerson(id)
	}
}

func BenchmarkStructure(b *testing.B) {
	p := population.New(7, population.MaxSize, at)
	n := p.Structures()
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		p.Structure(i * 7919 % n)
	}
}
