package population_test

import (
	"context"
	"errors"
	"path/filepath"
	"testing"
	"time"

	"github.com/igc-lab/igc/ca"
	"github.com/igc-lab/igc/ca/store"
	"github.com/igc-lab/igc/ca/store/bolt"
	"github.com/igc-lab/igc/people"
	"github.com/igc-lab/igc/people/population"
	"github.com/igc-lab/igc/profiles"
)

// records are those of a store.
type records struct{ db *bolt.Store }

func (r records) List(ctx context.Context, f ca.Filter) (found []*ca.Record, err error) {
	err = r.db.View(ctx, func(r store.Reader) error {
		for record, err := range r.List(f) {
			if err != nil {
				return err
			}
			if found = append(found, record); len(found) == f.Limit {
				break
			}
		}
		return nil
	})
	return found, err
}

func openStore(t *testing.T) *bolt.Store {
	t.Helper()
	db := bolt.Open(filepath.Join(t.TempDir(), "igc.db"), bolt.Options{})
	if err := db.Lock(time.Second); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Unlock() })
	return db
}

func TestSource(t *testing.T) {
	docs := store.DocumentsOf(openStore(t), "test")
	s, ctx := population.NewSource(docs), t.Context()
	size := func(want int) {
		t.Helper()
		p, err := s.People(ctx)
		switch {
		case err != nil:
			t.Fatal(err)
		case want == 0 && p != nil:
			t.Fatalf("there are %d people", p.People())
		case want > 0 && (p == nil || p.People() != want):
			t.Fatalf("not %d people: %v", want, p)
		}
	}
	set := func(seed uint64, n int, at time.Time, replace, change bool) {
		t.Helper()
		changed, err := s.Set(ctx, "", population.Settings{Seed: seed, Size: n, At: at}, replace)
		if err != nil || changed != change {
			t.Fatalf("seed %d, %d people: changed %v, %v", seed, n, changed, err)
		}
		size(n)
	}
	size(0)
	set(7, 100, at, false, true)
	set(7, 100, at.Add(time.Hour), false, false)
	set(7, 300, at.Add(time.Hour), false, true) // the hundred of before are the same
	if now, err := s.Settings(ctx); err != nil || *now != (population.Settings{Seed: 7, Size: 300, At: at}) {
		t.Fatal(now, err)
	}
	set(7, 20, at, false, true)
	_, err := s.Set(ctx, "", population.Settings{Seed: 8, Size: 20, At: at}, false)
	if !errors.Is(err, population.ErrOther) {
		t.Fatal(err)
	}
	set(8, 20, at.Add(time.Hour), true, true)
	for _, n := range []int{0, -1, population.MaxSize + 1} {
		if _, err := s.Set(ctx, "", population.Settings{Seed: 8, Size: n}, true); store.KindOf(err) != store.Invalid {
			t.Errorf("%d people: %v", n, err)
		}
	}
	if err := s.Remove(ctx, ""); err != nil {
		t.Fatal(err)
	}
	size(0)
	set(8, 30, at, false, true)
	if err := s.Remove(ctx, ""); err != nil {
		t.Fatal(err)
	}
	if err := s.Remove(ctx, ""); err != nil {
		t.Fatal(err)
	}
}

// A source that keeps a copy reads the document when it was told that it changed.
func TestSourceKeepsACopy(t *testing.T) {
	docs := &counted{DocumentStore: store.DocumentsOf(openStore(t), "test")}
	s, writer, ctx := population.NewSource(docs), population.NewSource(docs), t.Context()
	s.KeepCopy(func() bool { return true })
	for range 5 {
		if p, err := s.Get(ctx); p != nil || err != nil {
			t.Fatal(p, err)
		}
	}
	if _, err := writer.Set(ctx, "", population.Settings{Seed: 1, Size: 10, At: at}, false); err != nil {
		t.Fatal(err)
	}
	before := docs.reads
	s.DocumentChanged(store.Change{Document: "psc.client/app"})
	if p, _ := s.Get(ctx); p != nil || docs.reads != before {
		t.Fatal("it was read again after the change of another document")
	}
	s.DocumentChanged(store.Change{Document: population.Kind.Name + "/population"})
	first, err := s.Get(ctx)
	if err != nil || first.People() != 10 {
		t.Fatal(first, err)
	}
	for range 5 {
		if p, err := s.Get(ctx); p != first || err != nil {
			t.Fatal(p, err)
		}
	}
	if docs.reads != before+1 {
		t.Errorf("%d reads", docs.reads-before)
	}
}

// counted counts the reads of documents.
type counted struct {
	store.DocumentStore
	reads int
}

func (c *counted) GetDocument(ctx context.Context, kind store.DocumentKind, key string) (store.Document, error) {
	c.reads++
	return c.DocumentStore.GetDocument(ctx, kind, key)
}

// The directory has the people of the population, with what the other sources say of them.
func TestDirectory(t *testing.T) {
	db, ctx := openStore(t), t.Context()
	docs := store.DocumentsOf(db, "test")
	source := population.NewSource(docs)
	d := people.New(people.Options{Records: records{db}, Documents: docs, Population: source.People})
	if p, err := d.Population(ctx); p != nil || err != nil {
		t.Fatal(p, err)
	}
	if _, err := source.Set(ctx, "", population.Settings{Seed: 7, Size: 40, At: at}, false); err != nil {
		t.Fatal(err)
	}
	made, err := d.Population(ctx)
	if err != nil {
		t.Fatal(err)
	}
	first, second, third := made.Person(0), made.Person(1), made.Person(2)
	found, err := d.Find(ctx, first.ID)
	if err != nil || found.DisplayName() != first.DisplayName() || found.Contact != first.Contact ||
		found.From.Identity != people.Generated || found.RefPro == nil ||
		found.Register.Updated != first.Register.Updated {
		t.Fatalf("%+v, %v", found, err)
	}
	if p, _, err := d.Resolve(ctx, first.ID[1:4]+" "+first.ID[4:]); err != nil || p.ID != first.ID {
		t.Fatal(p, err)
	}

	// a certificate says the name, and no more
	err = db.Update(ctx, "test", func(tx store.Tx) error {
		if err := tx.AddAuthority("ACI-FO-PP", []byte{0x30, 0}); err != nil {
			return err
		}
		return tx.AddCertificate(&store.Record{Authority: "ACI-FO-PP", Serial: "01", Profile: "cps/authentication",
			Status: store.Good, NotBefore: at, NotAfter: at.AddDate(3, 0, 0), IssuedAt: at, DER: []byte{0x30, 0},
			Holder: profiles.Holder{GivenName: "AUTRE", Surname: "NOM", IdNat: first.ID, Profession: "80"}})
	})
	if err != nil {
		t.Fatal(err)
	}
	found, err = d.Find(ctx, first.ID)
	if err != nil || found.DisplayName() != "AUTRE NOM" || found.From.Identity != people.Certificate ||
		found.From.Activities != people.Generated || found.RefPro.Exercices[0].CodeProfession !=
		first.RefPro.Exercices[0].CodeProfession {
		t.Fatalf("%+v, %v", found, err)
	}
	mail := "other@example.fr"
	if _, err := d.Set(ctx, "", second.ID, people.Change{Mail: &mail}, people.SetOptions{}); err != nil {
		t.Fatal(err)
	}
	found, err = d.Find(ctx, second.ID)
	if err != nil || found.Contact.Mail != mail || found.Contact.Phone != second.Contact.Phone ||
		found.DisplayName() != second.DisplayName() {
		t.Fatalf("%+v, %v", found, err)
	}
	if _, err := d.Set(ctx, "", third.ID, people.Change{NoActivity: true}, people.SetOptions{}); err != nil {
		t.Fatal(err)
	}
	if again := made.Person(2); again.RefPro == nil {
		t.Error("the population was changed")
	}

	times := map[string]int{}
	for p, err := range d.List(ctx) {
		if err != nil {
			t.Fatal(err)
		}
		times[p.ID]++
	}
	for place := range made.People() {
		if id := made.Person(place).ID; times[id] != 1 {
			t.Errorf("%s is listed %d times", id, times[id])
		}
	}
	if len(times) <= made.People() {
		t.Error("only the population is listed")
	}
	if _, err := source.Set(ctx, "", population.Settings{Seed: 7, Size: 1, At: at}, false); err != nil {
		t.Fatal(err)
	}
	if _, err := d.Find(ctx, made.Person(30).ID); store.KindOf(err) != store.NotFound {
		t.Error(err)
	}
}
