package annuaire

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"iter"
	"net/http"
	"net/http/httptest"
	"net/url"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/igc-lab/igc/ca"
	"github.com/igc-lab/igc/ca/store"
	"github.com/igc-lab/igc/ca/store/bolt"
	"github.com/igc-lab/igc/people"
	"github.com/igc-lab/igc/people/population"
	"github.com/igc-lab/igc/profiles"
)

// made is when the tests' lab was made, and atNow what its clock says.
var (
	made  = time.Date(2026, 9, 1, 8, 0, 0, 0, time.UTC)
	atNow = time.Date(2026, 11, 26, 12, 0, 0, 0, time.UTC)
)

// issued are certificates that were issued: the records of a lab, in memory.
type issued struct {
	mu   sync.Mutex
	list []*ca.Record
}

func (r *issued) List(_ context.Context, f ca.Filter) (out []*ca.Record, err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for i, record := range r.list {
		if uint64(i+1) > f.After && f.Passes(record) && (f.Limit == 0 || len(out) < f.Limit) {
			c := *record
			c.Number = uint64(i + 1)
			out = append(out, &c)
		}
	}
	return out, nil
}

func (r *issued) Certificate(_ context.Context, key store.Key) (*ca.Record, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, record := range r.list {
		if record.Key().String() == key.String() {
			c := *record
			return &c, nil
		}
	}
	return nil, store.Errorf(store.NotFound, "no certificate has the serial number %s: igc list shows those of the lab",
		key.String())
}

// register is people as the tests make them.
type register struct {
	mu         sync.Mutex
	population people.Population
	said       map[string]*people.Person // over the population
	records    *issued
	edition    string
}

func (r *register) Edition() string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.edition
}

func (r *register) FindAll(ctx context.Context, ids []string) iter.Seq2[people.Found, error] {
	return func(yield func(people.Found, error) bool) {
		for _, id := range ids {
			found := people.Found{ID: id, Person: r.find(id)}
			var err error
			found.Records, err = r.records.List(ctx, ca.Filter{Identifiers: []string{id}})
			if !yield(found, err) {
				return
			}
		}
	}
}

func (r *register) find(id string) *people.Person {
	r.mu.Lock()
	defer r.mu.Unlock()
	if p := r.said[id]; p != nil {
		return p
	}
	if r.population != nil {
		if at, ok := r.population.FindPerson(id); ok {
			return r.population.Person(at)
		}
	}
	return nil
}

func (r *register) Population(context.Context) (people.Population, error) { return r.population, nil }

func (r *register) Known(context.Context) iter.Seq2[string, error] {
	return func(yield func(string, error) bool) {
		r.mu.Lock()
		var ids []string
		for id := range r.said {
			ids = append(ids, id)
		}
		r.mu.Unlock()
		for _, id := range ids {
			if !yield(id, nil) {
				return
			}
		}
	}
}

// world is an API with its people.
type world struct {
	testing.TB
	*Server
	people  *register
	records *issued
	http    *httptest.Server
	serial  int
}

func newWorld(t testing.TB, size int) *world {
	t.Helper()
	issued := &issued{}
	w := &world{TB: t, records: issued, people: &register{said: map[string]*people.Person{}, records: issued}}
	if size > 0 {
		w.people.population = population.New(7, size, atNow)
	}
	s := bolt.Open(filepath.Join(t.TempDir(), "igc.db"), bolt.Options{})
	t.Cleanup(func() { s.Close() })
	w.Server = New(Options{People: w.people, Records: w.records, Documents: store.DocumentsOf(s, "test"), Made: made,
		Now: func() time.Time { return atNow }, URL: func() string { return w.http.URL }})
	w.http = httptest.NewServer(w.Handler())
	t.Cleanup(w.http.Close)
	return w
}

// card issues a card's two certificates to a person.
func (w *world) card(id, number string) {
	for _, role := range []string{"authentication", "signature"} {
		w.records.mu.Lock()
		w.serial++
		r := &ca.Record{Authority: "ACI-FO-PP", Serial: fmt.Sprintf("%020X", w.serial), Profile: "cps/" + role,
			Status: ca.Good, NotBefore: atNow.AddDate(0, -1, 0), NotAfter: atNow.AddDate(3, -1, 0), IssuedAt: atNow,
			Holder: profiles.Holder{IdNat: id, CardNumber: number, Surname: "X"}}
		w.records.list = append(w.records.list, r)
		w.records.mu.Unlock()
		w.Changed(store.Change{Kind: store.CertificateIssued, Authority: r.Authority, Serial: r.Serial})
	}
}

// oppose revokes a card.
func (w *world) oppose(number string, at time.Time) {
	w.records.mu.Lock()
	defer w.records.mu.Unlock()
	for _, r := range w.records.list {
		if r.Holder.CardNumber == number {
			r.SetRevocation(&ca.Revocation{At: at, Reason: "keyCompromise"})
			w.Changed(store.Change{Kind: store.StatusChanged, Authority: r.Authority, Serial: r.Serial})
		}
	}
}

// set says something of a person.
func (w *world) set(p *people.Person) {
	w.people.mu.Lock()
	w.people.said[p.ID] = p
	w.people.mu.Unlock()
	w.Changed(store.Change{Kind: store.DocumentPut, Document: "people.person/" + p.ID, At: atNow})
}

// bundle is an answer of a search.
type bundle struct {
	ResourceType string
	Type         string
	ID           string
	Total        *int
	Entry        []struct {
		FullURL  string
		Resource map[string]any
	}
	Link []struct{ Relation, URL string }
}

func (b *bundle) link(relation string) string {
	for _, l := range b.Link {
		if l.Relation == relation {
			return l.URL
		}
	}
	return ""
}

// call makes a call and gives its status and body.
func (w *world) call(method, target string, header ...string) (int, []byte) {
	w.Helper()
	if strings.HasPrefix(target, "/") {
		target = w.http.URL + target
	}
	r, err := http.NewRequest(method, target, nil)
	if err != nil {
		w.Fatal(err)
	}
	for i := 0; i+1 < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		w.Fatal(err)
	}
	defer answer.Body.Close()
	body, err := io.ReadAll(answer.Body)
	if err != nil {
		w.Fatal(err)
	}
	return answer.StatusCode, body
}

// search asks for a page.
func (w *world) search(target string, header ...string) *bundle {
	w.Helper()
	if !strings.HasPrefix(target, "http") {
		target = "/fhir/v2/" + target
	}
	status, body := w.call("GET", target, header...)
	b := &bundle{}
	if err := json.Unmarshal(body, b); status != 200 || err != nil || b.Type != "searchset" {
		w.Fatalf("%s: %d %v %.300s", target, status, err, body)
	}
	return b
}

// all asks for every page.
func (w *world) all(target string, header ...string) (list []map[string]any) {
	w.Helper()
	for target != "" {
		b := w.search(target, header...)
		for _, e := range b.Entry {
			list = append(list, e.Resource)
		}
		target = b.link("next")
	}
	return list
}

func escaped(text string) string { return url.QueryEscape(text) }
