package annuaire

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	realthings "github.com/igc-lab/igc/internal/reference"
	"github.com/igc-lab/igc/people"
)

// element is an element of a StructureDefinition's snapshot, as far as it is checked.
type element struct {
	ID   string `json:"id"`
	Min  int    `json:"min"`
	Max  string `json:"max"`
	Type []struct {
		Profile []string `json:"profile"`
	} `json:"type"`
	Slicing *struct {
		Discriminator []struct{ Path string } `json:"discriminator"`
		Rules         string                  `json:"rules"`
	} `json:"slicing"`
	value    any // fixed or pattern
	children map[string]*element
	slices   map[string]*element
}

func (e *element) UnmarshalJSON(data []byte) error {
	type plain element
	if err := json.Unmarshal(data, (*plain)(e)); err != nil {
		return err
	}
	var all map[string]any
	if err := json.Unmarshal(data, &all); err != nil {
		return err
	}
	for name, value := range all {
		if strings.HasPrefix(name, "fixed") || strings.HasPrefix(name, "pattern") {
			e.value = value
		}
	}
	return nil
}

// profileSet are the profiles of the guide, by canonical URL.
type profileSet map[string]*element

func readProfiles(t *testing.T) profileSet {
	t.Helper()
	dir := filepath.Join(realthings.Dir(t), "annuaire")
	files, err := filepath.Glob(filepath.Join(dir, "StructureDefinition-*.json"))
	if err != nil || len(files) < 20 {
		t.Fatalf("%d profiles, %v", len(files), err)
	}
	set := profileSet{}
	for _, file := range files {
		data, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		var def struct {
			URL      string `json:"url"`
			Snapshot struct {
				Element []*element `json:"element"`
			} `json:"snapshot"`
		}
		if err := json.Unmarshal(data, &def); err != nil {
			t.Fatal(file, err)
		}
		set[def.URL] = tree(def.Snapshot.Element)
	}
	return set
}

// tree puts the elements of a snapshot under each other: "A.b:slice.c" is child c of slice "slice"
// of child b of A.
func tree(list []*element) *element {
	root := list[0]
	byID := map[string]*element{}
	for _, e := range list {
		e.children, e.slices = map[string]*element{}, map[string]*element{}
		byID[e.ID] = e
		i := strings.LastIndexByte(e.ID, '.')
		if i < 0 {
			continue
		}
		parent, name := byID[e.ID[:i]], e.ID[i+1:]
		if parent == nil {
			continue
		}
		if of, slice, sliced := strings.Cut(name, ":"); !sliced {
			parent.children[name] = e
		} else if whole := parent.children[of]; whole != nil {
			whole.slices[slice] = e
		}
	}
	return root
}

// check holds a value to an element and to what is below it, and returns what is wrong.
func (s profileSet) check(e *element, value any, path string) (wrong []string) {
	if e.value != nil && !contains(value, e.value) {
		wrong = append(wrong, fmt.Sprintf("%s is %v, not %v", path, value, e.value))
	}
	object, ok := value.(map[string]any)
	if !ok {
		return wrong
	}
	for name, child := range e.children {
		values := valuesOf(object, name)
		at := path + "." + name
		wrong = append(wrong, count(child, len(values), at)...)
		for _, v := range values {
			wrong = append(wrong, s.check(child, v, at)...)
		}
		for name, slice := range child.slices {
			n := 0
			for _, v := range values {
				if fits, known := s.fits(child, slice, v); fits && known {
					n++
					wrong = append(wrong, s.check(slice, v, at+":"+name)...)
					for _, typ := range slice.Type {
						for _, p := range typ.Profile {
							if profile := s[unversioned(p)]; profile != nil {
								wrong = append(wrong, s.check(profile, v, at+":"+name)...)
							}
						}
					}
				} else if !known {
					n = -1
					break
				}
			}
			if n >= 0 {
				wrong = append(wrong, count(slice, n, at+":"+name)...)
			}
		}
	}
	return wrong
}

func unversioned(canonical string) string {
	canonical, _, _ = strings.Cut(canonical, "|")
	return canonical
}

func count(e *element, n int, path string) []string {
	if n < e.Min || e.Max == "0" && n > 0 || e.Max == "1" && n > 1 {
		return []string{fmt.Sprintf("%s: %d values, want %d..%s", path, n, e.Min, e.Max)}
	}
	return nil
}

// valuesOf are the values of a child: value[x] has the name of its type.
func valuesOf(object map[string]any, name string) (list []any) {
	if prefix, choice := strings.CutSuffix(name, "[x]"); choice {
		for key, value := range object {
			if strings.HasPrefix(key, prefix) {
				list = append(list, value)
			}
		}
		return list
	}
	switch value := object[name].(type) {
	case nil:
		return nil
	case []any:
		return value
	default:
		return []any{value}
	}
}

// fits tells whether a value is of a slice; known is false where the definition does not say how to
// tell (a binding to a terminology).
func (s profileSet) fits(e, slice *element, value any) (fits, known bool) {
	if e.Slicing == nil {
		return false, false
	}
	fits = true
	for _, d := range e.Slicing.Discriminator {
		switch {
		case d.Path == "url":
			url := ""
			if child := slice.children["url"]; child != nil {
				url, _ = child.value.(string)
			}
			for _, typ := range slice.Type {
				for _, p := range typ.Profile {
					url = unversioned(p)
					if profile := s[url]; profile != nil && profile.children["url"] != nil {
						url, _ = profile.children["url"].value.(string)
					}
				}
			}
			fits = fits && url != "" && contains(value, map[string]any{"url": url})
		case d.Path == "system":
			child := slice.children["system"]
			if child == nil || child.value == nil {
				return false, false
			}
			fits = fits && contains(value, map[string]any{"system": child.value})
		case d.Path == "$this" && slice.value != nil:
			fits = fits && contains(value, slice.value)
		case strings.HasPrefix(d.Path, "extension("):
			fits = fits && len(valuesOf(value.(map[string]any), "extension")) > 0
		default:
			return false, false
		}
	}
	return fits, true
}

// contains tells whether a value has all that a pattern has.
func contains(value, pattern any) bool {
	switch pattern := pattern.(type) {
	case map[string]any:
		object, ok := value.(map[string]any)
		for name, part := range pattern {
			if !ok || !contains(object[name], part) {
				return false
			}
		}
		return ok
	case []any:
		list, ok := value.([]any)
		for _, part := range pattern {
			if !ok || !slices.ContainsFunc(list, func(v any) bool { return contains(v, part) }) {
				return false
			}
		}
		return ok
	}
	return reflect.DeepEqual(value, pattern)
}

// Every resource of a population, public and restricted, has what its profile requires, and nothing
// that it forbids.
func TestProfiles(t *testing.T) {
	profiles := readProfiles(t)
	w := newWorld(t, 1500)
	for i := range 30 {
		number := fmt.Sprintf("28000%05d", i)
		w.card(w.people.population.Person(i*41).ID, number)
		if i%3 == 0 {
			w.oppose(number, atNow)
		}
	}
	w.set(&people.Person{ID: "899700999909", FamilyName: "SANS ACTIVITÉ"})
	key, err := AddKey(t.Context(), w.Documents, "test", "restricted", true, atNow)
	if err != nil {
		t.Fatal(err)
	}
	checked := map[string]int{}
	for _, header := range [][]string{nil, {keyHeader, key}} {
		for _, k := range kinds {
			for _, r := range w.all(k.name+"?_count=500", header...) {
				named := r["meta"].(map[string]any)["profile"].([]any)
				url := unversioned(named[len(named)-1].(string))
				profile := profiles[url]
				if profile == nil {
					t.Fatalf("no profile %s", url)
				}
				if wrong := profiles.check(profile, r, k.name); wrong != nil {
					t.Fatalf("%s/%s: %s", k.name, r["id"], strings.Join(wrong, "\n"))
				}
				checked[filepath.Base(url)]++
			}
		}
	}
	if len(checked) != 12 {
		t.Errorf("of twelve profiles, resources of %d came", len(checked))
	}
	t.Log(checked)
}

// The check of profiles finds what is wrong.
func TestProfileCheckFails(t *testing.T) {
	profiles := readProfiles(t)
	w := newWorld(t, 20)
	for name, spoil := range map[string]func(map[string]any){
		"active":     func(r map[string]any) { delete(r, "active") },
		"identifier": func(r map[string]any) { r["identifier"] = r["identifier"].([]any)[:1] },
		"source":     func(r map[string]any) { r["meta"].(map[string]any)["source"] = "https://example.fr" },
		"gender":     func(r map[string]any) { r["gender"] = "male" },
		"rpps":       func(r map[string]any) { r["identifier"].([]any)[1].(map[string]any)["system"] = "urn:x" },
		"profile":    func(r map[string]any) { r["meta"].(map[string]any)["profile"] = []any{"a", "b"} },
	} {
		r := w.search("Practitioner?active=true&_count=1").Entry[0].Resource
		profile := profiles[guide+"as-dp-practitioner"]
		if wrong := profiles.check(profile, r, "Practitioner"); wrong != nil {
			t.Fatal(wrong)
		}
		spoil(r)
		if wrong := profiles.check(profile, r, "Practitioner"); wrong == nil {
			t.Errorf("%s: nothing is found", name)
		}
	}
}

// What /metadata declares is what the real server declares, with what the lab adds listed here.
func TestCapabilities(t *testing.T) {
	data, err := os.ReadFile(filepath.Join(realthings.Dir(t), "annuaire",
		"CapabilityStatement-AsServerDPCapabilityStatement.json"))
	if err != nil {
		t.Fatal(err)
	}
	var real capabilityStatement
	if err := json.Unmarshal(data, &real); err != nil {
		t.Fatal(err)
	}
	w := newWorld(t, 10)
	status, body := w.call("GET", "/fhir/v2/metadata")
	var lab capabilityStatement
	if err := json.Unmarshal(body, &lab); status != 200 || err != nil {
		t.Fatal(status, err)
	}
	for _, r := range real.Rest[0].Resource {
		i := slices.IndexFunc(lab.Rest[0].Resource, func(l declaredResource) bool { return l.Type == r.Type })
		if i < 0 {
			t.Errorf("%s is not declared", r.Type)
			continue
		}
		l := lab.Rest[0].Resource[i]
		if l.Profile != r.Profile || fmt.Sprint(l.Interaction) != fmt.Sprint(r.Interaction) {
			t.Errorf("%s: %s %v, want %s %v", r.Type, l.Profile, l.Interaction, r.Profile, r.Interaction)
		}
		for _, p := range r.SearchParam {
			if j := slices.IndexFunc(l.SearchParam, func(q declaredParam) bool { return q.Name == p.Name }); j < 0 ||
				l.SearchParam[j] != (declaredParam{p.Name, p.Definition, p.Type}) {
				t.Errorf("%s: parameter %s is not declared as %v", r.Type, p.Name, p)
			}
		}
		if len(l.SearchParam) != len(r.SearchParam) {
			t.Errorf("%s: %d parameters, the real server has %d", r.Type, len(l.SearchParam), len(r.SearchParam))
		}
		for _, inc := range r.SearchInclude {
			if !slices.Contains(l.SearchInclude, inc) {
				t.Errorf("%s: _include=%s is not declared", r.Type, inc)
			}
		}
		for _, inc := range r.SearchRevInclude {
			if !slices.Contains(l.SearchRevInclude, inc) {
				t.Errorf("%s: _revinclude=%s is not declared", r.Type, inc)
			}
		}
	}
}
