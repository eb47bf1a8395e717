package annuaire

import (
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/igc-lab/igc/ca/store"
	"github.com/igc-lab/igc/people"
)

// A name is found however people type it: in any case and order, by the beginnings of its words,
// without its accents, its particle, its hyphen or its apostrophe.
func TestSearchNames(t *testing.T) {
	w := newWorld(t, 0)
	for id, name := range map[string][2]string{
		"899700000001":            {"HÉLÈNE", "LEFÈVRE-ÇELIK"},
		"899700000002":            {"JEAN-PIERRE", "DE LA TOUR D'AUVERGNE"},
		"899700000003":            {"MAËLLE", "LE GOFF"},
		"899700000004":            {"ŒDIPE", "L’HÔPITAL"},
		"899700000005":            {"ŽOFIE", "ŁUKASZ"},
		"899700000006":            {"JEAN", "MARTIN"},
		"899700000007":            {"JEANNE", "MARTINEAU"},
		"899700000008":            {"e\u0301lodie", "NGUYÊN"},
		"30B0057881/CPET0002":     {"CHARLES", "ADMINISTRATIF-CH057880002"},
		"ANS20261122010101":       {"EDDY", "NOUVEAU"},
		"00B6077602":              {"GUY", "INFIRMCH7760"},
		"899700000010":            {"<B>BALISE</B>", "O\u202eREBMON"},
		"500000000087098/CPAT001": {"", "SEULNOM"},
	} {
		w.set(&people.Person{ID: id, GivenName: name[0], FamilyName: name[1]})
	}
	w.set(&people.Person{ID: "899700000009", GivenName: "CLAIRE", FamilyName: "NAISSANCE", RefPro: &people.RefPro{
		Exercices: []people.Exercice{{Nom: "EXERCICE", Prenom: "CLARA"}, {Nom: "SECOND"}}}})
	for text, want := range map[string]string{
		"lefevre":                        "899700000001",
		"Lefèvre":                        "899700000001",
		"LEFÈVRE ÇELIK":                  "899700000001",
		"celik helene":                   "899700000001",
		"Lefèvre-Çelik, Hélène":          "899700000001",
		"hel lef":                        "899700000001",
		"lefevrecelik":                   "899700000001",
		"de la tour":                     "899700000002",
		"tour d'auvergne":                "899700000002",
		"TOUR D’AUVERGNE":                "899700000002",
		"jean pierre auvergne":           "899700000002",
		"jeanpierre":                     "899700000002",
		"le goff":                        "899700000003",
		"LeGoff":                         "899700000003",
		"goff maelle":                    "899700000003",
		"  Mme   Maëlle\u00a0 le Goff  ": "899700000003",
		"oedipe l'hopital":               "899700000004",
		"hopital":                        "899700000004",
		"zofie lukasz":                   "899700000005",
		"martin":                         "899700000006 899700000007", // the whole word first
		"dr jean martin":                 "899700000006 899700000007", // "jean" begins Jeanne
		"martinea":                       "899700000007",
		"elodie":                         "899700000008",
		"nguye\u0302n":                   "899700000008",
		"exercice clara":                 "899700000009",
		"naissance":                      "899700000009",
		"second":                         "899700000009",
		"charles administratif":          "30B0057881/CPET0002",
		"nouveau":                        "ANS20261122010101",
		"guy infirm":                     "00B6077602",
		"seulnom":                        "500000000087098/CPAT001",
		"balise":                         "899700000010",
		"orebmon":                        "899700000010",
		"artin":                          "", // not the beginning of a word
		"martin dupont":                  "",
		"":                               "",
		" - ' ":                          "",
		"\x00\xff":                       "",
		strings.Repeat("zz ", 10_000):    "",
	} {
		ids, more, err := w.Search(t.Context(), text, 50)
		if got := strings.Join(ids, " "); err != nil || got != want || more {
			t.Errorf("%.60q: %s (more: %v, %v), want %s", text, got, more, err, want)
		}
	}
}

// What changes is found at once: a new name, a card, and not the former name.
func TestSearchFollowsChanges(t *testing.T) {
	w := newWorld(t, 2000)
	find := func(text string) string {
		t.Helper()
		ids, _, err := w.Search(t.Context(), text, 50)
		if err != nil {
			t.Fatal(err)
		}
		return strings.Join(ids, " ")
	}
	p := *w.people.population.Person(700)
	before := p.GivenName + " " + p.FamilyName
	if got := find(before); !strings.Contains(got, p.ID) {
		t.Fatalf("%s is not among %s", p.ID, got)
	}
	p.GivenName, p.FamilyName, p.RefPro = "ZENOBIE", "TOUTNEUF", nil
	w.set(&p)
	if got := find("zenobie toutneuf"); got != p.ID {
		t.Errorf("by the new name: %s", got)
	}
	if got := find(before); strings.Contains(got, p.ID) {
		t.Errorf("by the former name: %s", got)
	}
	staff := &people.Person{ID: "30B0057881/CPET0009", FamilyName: "PASSAGER"}
	w.set(staff)
	if got := find("passager"); got != staff.ID {
		t.Errorf("staff: %s", got)
	}
	w.people.mu.Lock()
	delete(w.people.said, staff.ID)
	w.people.mu.Unlock()
	w.Changed(store.Change{Kind: store.DocumentPut, Document: "people.person/" + staff.ID, At: atNow})
	if got := find("passager"); got != "" {
		t.Errorf("staff that is gone: %s", got)
	}
}

// No more are given than asked for, each once, and whoever has a card comes before the homonyms of
// the population.
func TestSearchLimit(t *testing.T) {
	w := newWorld(t, 5000)
	names := map[string]int{}
	for i := range 5000 {
		names[splitName(w.people.population.Person(i).FamilyName)[0]]++
	}
	name := ""
	for n, count := range names {
		if count > names[name] {
			name = n
		}
	}
	if names[name] < 20 {
		t.Fatalf("only %d are called %s", names[name], name)
	}
	last := ""
	for i := range 5000 {
		if p := w.people.population.Person(i); splitName(p.FamilyName)[0] == name {
			last = p.ID
		}
	}
	if _, _, err := w.Search(t.Context(), name, 1); err != nil { // what changes since is noted
		t.Fatal(err)
	}
	w.card(last, "2812345678")
	ids, more, err := w.Search(t.Context(), name, 10)
	if err != nil || len(ids) != 10 || !more || ids[0] != last {
		t.Errorf("%v, more: %v, %v; %s has a card", ids, more, err, last)
	}
	all, more, err := w.Search(t.Context(), name, 5000)
	slices.Sort(all)
	if err != nil || more || len(all) < names[name] || len(slices.Compact(all)) != len(all) {
		t.Errorf("%d of %d or more, more: %v, %v", len(all), names[name], more, err)
	}
}

// The index that is made of names alone is that of whole people.
func TestNamesOfPopulation(t *testing.T) {
	w := newWorld(t, 5000)
	for _, text := range []string{"zzz", "m", "le", "de", "jean-", "é"} {
		want := []string{}
		asked := splitName(text)
		for i := range 5000 {
			p := w.people.population.Person(i)
			if slices.ContainsFunc(wordsOf(p), func(word string) bool { return strings.HasPrefix(word, asked[0]) }) {
				want = append(want, p.ID)
			}
		}
		got, _, err := w.Search(t.Context(), text, 5000)
		slices.Sort(got)
		slices.Sort(want)
		if err != nil || !slices.Equal(got, want) {
			t.Errorf("%s: %d of %d, %v", text, len(got), len(want), err)
		}
	}
}

// BenchmarkSearchNames is a search by name among IGC_PEOPLE people (a hundred thousand).
func BenchmarkSearchNames(b *testing.B) {
	size := 100_000
	if n, err := strconv.Atoi(os.Getenv("IGC_PEOPLE")); err == nil {
		size = n
	}
	w := newWorld(b, size)
	began := time.Now()
	if _, _, err := w.Search(b.Context(), "zzz", 50); err != nil {
		b.Fatal(err)
	}
	b.Logf("%d people: index in %s", size, time.Since(began))
	p := w.people.population.Person(size / 2)
	for _, text := range []string{p.GivenName + " " + p.FamilyName, p.FamilyName[:3], "m", "nobody"} {
		b.Run(fmt.Sprintf("%d/%d", size, len(text)), func(b *testing.B) {
			for b.Loop() {
				if _, _, err := w.Search(b.Context(), text, 50); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
