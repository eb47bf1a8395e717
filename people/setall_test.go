package people_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/igc-lab/igc/ca/store"
	"github.com/igc-lab/igc/people"
	"github.com/igc-lab/igc/profiles"
)

func entry(id, family string) people.Entry {
	e := people.Entry{ID: id}
	if family != "" {
		e.Change.FamilyName = &family
	}
	return e
}

func (s *stand) setAll(t *testing.T, entries []people.Entry, options people.SetOptions) (int, map[int]error) {
	t.Helper()
	added, faults, err := s.SetAll(t.Context(), "", entries, options)
	if err != nil {
		t.Fatal(err)
	}
	return added, faults
}

// Many people are set at once, more than one write takes.
func TestSetAll(t *testing.T) {
	s := newStand(t)
	var entries []people.Entry
	for n := range 5_000 {
		id := "8" + profiles.WithCheckDigit(fmt.Sprintf("99701%05d", n))
		entries = append(entries, entry(id, fmt.Sprintf("NOM%d", n)))
	}
	entries = append(entries, entry(camille, "AUTRE"))
	if added, faults := s.setAll(t, entries, people.SetOptions{DryRun: true}); added != 5_001 || len(faults) > 0 {
		t.Fatal(added, faults)
	}
	if _, err := s.Find(t.Context(), entries[0].ID); store.KindOf(err) != store.NotFound {
		t.Fatal("a dry run wrote:", err)
	}
	if added, faults := s.setAll(t, entries, people.SetOptions{}); added != 5_001 || len(faults) > 0 {
		t.Fatal(added, faults)
	}
	for _, n := range []int{0, 2_500, 4_999} {
		if p := s.find(t, entries[n].ID); p.FamilyName != fmt.Sprintf("NOM%d", n) {
			t.Error(p)
		}
	}
	if p := s.find(t, camille); p.FamilyName != "AUTRE" || p.GivenName != "CAMILLE" {
		t.Error(p)
	}
	listed := 0
	for p, err := range s.List(t.Context()) {
		if err != nil {
			t.Fatal(err)
		}
		if strings.HasPrefix(p.FamilyName, "NOM") {
			listed++
		}
	}
	if listed != 5_000 || s.lists.Load() > 100 {
		t.Errorf("%d people are listed, with %d calls", listed, s.lists.Load())
	}
	// again: nobody is new, and what is left out stays
	mail := "other@example.fr"
	entries[0].Change = people.Change{Mail: &mail}
	if added, faults := s.setAll(t, entries[:10], people.SetOptions{}); added != 0 || len(faults) > 0 {
		t.Fatal(added, faults)
	}
	if p := s.find(t, entries[0].ID); p.FamilyName != "NOM0" || p.Contact.Mail != mail {
		t.Error(p)
	}
}

// One wrong entry, and nothing is written.
func TestSetAllWrong(t *testing.T) {
	s := newStand(t)
	bad := "not a mail"
	wrong := entry("899700999222", "MAIL")
	wrong.Change.Mail = &bad
	entries := []people.Entry{entry("899701000009", "RIGHT"), entry("810003111463", "REAL"), entry("899701000017", ""),
		entry("8997", "SHORT"), wrong, entry("899701000025", "RIGHT")}
	_, faults := s.setAll(t, entries, people.SetOptions{})
	for i := range entries {
		if _, isFault := faults[i]; isFault != (i > 0 && i < 5) {
			t.Errorf("%s: %v", entries[i].ID, faults[i])
		}
	}
	if _, err := s.Find(t.Context(), "899701000009"); store.KindOf(err) != store.NotFound {
		t.Error("a right one was written beside wrong ones:", err)
	}
	if added, faults := s.setAll(t, entries[1:2], people.SetOptions{AllowRealID: true}); added != 1 || len(faults) > 0 {
		t.Error(added, faults)
	}
}
