package annuaire

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/igc-lab/igc/people"
	"github.com/igc-lab/igc/profiles"
)

// Every resource of every kind comes once, totals are right, and what a resource refers to is
// there.
func TestWalk(t *testing.T) {
	w := newWorld(t, 1500)
	w.card(w.people.population.Person(5).ID, "2800000005")
	w.set(&people.Person{ID: "899700999909", FamilyName: "LABDOC", GivenName: "CAMILLE", RefPro: &people.RefPro{
		Exercices: []people.Exercice{{CodeProfession: "10",
			Activities: []people.Activity{{IdentifiantTechnique: "R999001",
				RaisonSocialeSite: "CABINET M LABDOC", CodeSecteurDactivite: "SA07"}}}}}})
	seen := map[string]bool{}
	var references []string
	for _, k := range kinds {
		list := w.all(k.name + "?_count=173")
		if total := *w.search(k.name + "?_count=1").Total; total != len(list) || total == 0 {
			t.Errorf("%s: %d resources, total %d", k.name, len(list), total)
		}
		for _, r := range list {
			name := k.name + "/" + r["id"].(string)
			if seen[name] {
				t.Fatalf("%s comes twice", name)
			}
			seen[name] = true
			references = append(references, refersTo(r)...)
		}
	}
	for _, r := range references {
		if !seen[r] {
			t.Errorf("nothing is %s", r)
		}
	}
	read := 0
	for name := range seen {
		if read++; read%5 != 0 {
			continue
		}
		_, id, _ := strings.Cut(name, "/")
		if status, body := w.call("GET", "/fhir/v2/"+name); status != 200 || !strings.Contains(string(body), id) {
			t.Fatalf("%s: %d %.200s", name, status, body)
		}
	}
	t.Log(len(seen), "resources,", len(references), "references")
}

// refersTo lists the references of a resource.
func refersTo(of any) (list []string) {
	switch of := of.(type) {
	case map[string]any:
		for name, value := range of {
			if text, ok := value.(string); ok && name == "reference" {
				list = append(list, text)
			} else {
				list = append(list, refersTo(value)...)
			}
		}
	case []any:
		for _, value := range of {
			list = append(list, refersTo(value)...)
		}
	}
	return list
}

// What a search finds is what a look at every resource finds.
func TestSearchAgainstEveryResource(t *testing.T) {
	w := newWorld(t, 400)
	for i := range 40 {
		w.card(w.people.population.Person(i*13).ID, fmt.Sprintf("28000%05d", i))
	}
	random := rand.New(rand.NewPCG(1, 2))
	tried := 0
	for _, k := range kinds {
		items := w.items(k)
		for i := range k.params {
			p := &k.params[i]
			if p.kind == ofDate {
				continue
			}
			for range 8 {
				keys := p.keys(items[random.IntN(len(items))])
				if len(keys) == 0 {
					continue
				}
				value, modifier := keys[random.IntN(len(keys))], ""
				fits := func(key string) bool { return key == value }
				switch p.kind {
				case ofToken:
					system, code := token(value)
					switch random.IntN(4) {
					case 0:
						value = code
						fits = func(key string) bool { _, c := token(key); return c == code }
					case 1:
						value = system + "|"
						fits = func(key string) bool { s, _ := token(key); return s == system }
					case 2:
						modifier = ":not"
					}
				case ofString:
					r := []rune(value)
					switch random.IntN(3) {
					case 0:
						value = strings.ToLower(string(r[:1+random.IntN(len(r))]))
						fits = func(key string) bool {
							return strings.HasPrefix(profiles.Fold(key),
								profiles.Fold(value))
						}
					case 1:
						from := random.IntN(len(r))
						value, modifier = string(r[from:from+1+random.IntN(len(r)-from)]), ":contains"
						fits = func(key string) bool {
							return strings.Contains(profiles.Fold(key),
								profiles.Fold(value))
						}
					case 2:
						modifier = ":exact"
					}
				}
				if strings.TrimSpace(value) == "" || strings.TrimSpace(value) != value {
					continue
				}
				want := map[string]bool{}
				for _, it := range items {
					found := false
					for _, key := range p.keys(it) {
						found = found || fits(key)
					}
					if found != (modifier == ":not") {
						want[it.id()] = true
					}
				}
				target := k.name + "?_count=500&" + p.name + escaped(modifier) + "=" + escaped(strings.ReplaceAll(value, ",", `\,`))
				got := w.all(target)
				if len(got) != len(want) {
					t.Errorf("%s: %d found, %d fit", target, len(got), len(want))
				}
				for _, r := range got {
					if !want[r["id"].(string)] {
						t.Errorf("%s: %s does not fit", target, r["id"])
						break
					}
				}
				tried++
			}
		}
	}
	t.Log(tried, "searches")
}

// items are all items of a kind, by a look at every row.
func (w *world) items(k *kind) (list []item) {
	w.Helper()
	if err := w.data.begin(w.Context()); err != nil {
		w.Fatal(err)
	}
	defer w.data.mu.RUnlock()
	tab := w.data.tables[k]
	for row, more := tab.live.next(0); more; row, more = tab.live.next(row + 1) {
		it, err := w.data.item(w.Context(), tab, row)
		if err != nil || it == nil {
			w.Fatal(err)
		}
		list = append(list, it)
	}
	return list
}

// Who pages while people change gets each of those who were there when the search began, once.
func TestPagesWhilePeopleChange(t *testing.T) {
	w := newWorld(t, 1000)
	before := map[string]bool{}
	for _, r := range w.all("Practitioner?_count=500") {
		before[r["id"].(string)] = true
	}
	stop := make(chan struct{})
	var writer sync.WaitGroup
	writer.Add(1)
	go func() {
		defer writer.Done()
		for i := range 300 { // each costs what there are, in these records
			select {
			case <-stop:
				return
			case <-time.After(5 * time.Millisecond):
			}
			w.card(w.people.population.Person(i*7%1000).ID, fmt.Sprintf("29%08d", i))
			w.set(&people.Person{ID: fmt.Sprintf("8997009%05d", i), FamilyName: "NEW"})
		}
	}()
	for range 3 {
		seen := map[string]bool{}
		first := w.search("Practitioner?_count=37&family:not-a-modifier=")
		total, page := *first.Total, first
		for {
			for _, e := range page.Entry {
				id := e.Resource["id"].(string)
				if seen[id] {
					t.Fatalf("%s comes twice", id)
				}
				seen[id] = true
			}
			if *page.Total != total {
				t.Errorf("the total was %d, and is %d", total, *page.Total)
			}
			next := page.link("next")
			if next == "" {
				break
			}
			page = w.search(next)
		}
		if len(seen) != total {
			t.Errorf("%d of %d came", len(seen), total)
		}
		for id := range before {
			if !seen[id] {
				t.Errorf("%s was lost", id)
			}
		}
	}
	close(stop)
	writer.Wait()
}

// A card that is issued, and one that is lost, are in the next answer.
func TestCards(t *testing.T) {
	w := newWorld(t, 100)
	public, err := AddKey(t.Context(), w.Documents, "test", "public", false, atNow)
	if err != nil {
		t.Fatal(err)
	}
	restricted, err := AddKey(t.Context(), w.Documents, "test", "restricted", true, atNow)
	if err != nil {
		t.Fatal(err)
	}
	id := w.people.population.Person(3).ID
	find := func(key string) string {
		list := w.all("Practitioner?number-smartcard=2812345678", keyHeader, key)
		return fmt.Sprint(list)
	}
	if got := find(public); got != "[]" {
		t.Errorf("before the card: %s", got)
	}
	w.card(id, "2812345678")
	if got := find(public); !strings.Contains(got, "2812345678") || !strings.Contains(got, id) ||
		strings.Contains(got, "digital-certificate") {
		t.Errorf("after the card: %s", got)
	}
	w.oppose("2812345678", atNow)
	if got := find(public); strings.Contains(got, "oppositionDate") {
		t.Errorf("the public sees: %s", got)
	}
	if got := find(restricted); !strings.Contains(got, "oppositionDate") || !strings.Contains(got,
		"as-dr-practitioner") {
		t.Errorf("who may see restricted data sees: %s", got)
	}
	if b := w.search("Practitioner?_lastUpdated=ge2026-11-26T12:00:00Z&identifier=" + id); len(b.Entry) != 1 {
		t.Errorf("%d updated since", len(b.Entry))
	}
}

// What is written by hand, and not by a command, is seen too; a page of before is not continued.
func TestPeopleWrittenByHand(t *testing.T) {
	w := newWorld(t, 100)
	next := w.search("Practitioner?_count=10").link("next")
	w.people.mu.Lock()
	w.people.said["899700900018"] = &people.Person{ID: "899700900018", FamilyName: "ÉCRIT-À-LA-MAIN"}
	w.people.edition = "2"
	w.people.mu.Unlock()
	if b := w.search("Practitioner?family=ecrit"); len(b.Entry) != 1 {
		t.Errorf("%d found", len(b.Entry))
	}
	if status, body := w.call("GET", next); status != 410 || !strings.Contains(string(body), "again") {
		t.Errorf("the next page: %d %s", status, body)
	}
}
