package population

import (
	"context"
	"encoding/json"
	"errors"
	"strings"
	"sync"
	"time"

	"github.com/igc-lab/igc/ca/store"
	"github.com/igc-lab/igc/internal/recent"
	"github.com/igc-lab/igc/people"
)

// Kind is the kind of the document that says which population a lab has.
var Kind = store.DocumentKind{Name: "people.population", Audited: true}

// key is that of the one document.
const key = "population"

// Settings are what a population follows from.
type Settings struct {
	Seed uint64    `json:"seed"`
	Size int       `json:"size"`
	At   time.Time `json:"at"` // when the seed was chosen: what changed last, changed before
}

// ErrOther is that a lab has the population of another seed, which would be lost.
var ErrOther = errors.New("the lab has the population of another seed")

// Source is the population of a lab, as its document says.
type Source struct {
	documents store.Documents
	copies    recent.Copies[*Population] // nil without one

	mu      sync.Mutex
	made    *Population // that made last, of the version of the document
	version uint64
}

// NewSource reads the population of a lab's documents.
func NewSource(documents store.DocumentStore) *Source {
	return &Source{documents: store.Documents{Store: documents, Kind: Kind}}
}

// KeepCopy has the document read once, and again after [Source.DocumentChanged]. Without it, and
// while current returns false, each call reads it.
func (s *Source) KeepCopy(current func() bool) { s.copies.Keep(current) }

// DocumentChanged forgets the population when its document was written. It is for
// ca.CA.WatchDocuments, which [Source.KeepCopy] relies on.
func (s *Source) DocumentChanged(change store.Change) {
	if kind, _, _ := strings.Cut(change.Document, "/"); kind == Kind.Name {
		s.copies.Forget()
	}
}

// People is the population, nil when the lab has none. It is a function of [people.Options].
func (s *Source) People(ctx context.Context) (people.Population, error) {
	p, err := s.Get(ctx)
	if err != nil || p == nil {
		return nil, err
	}
	return p, nil
}

// Get is the population, nil when the lab has none.
func (s *Source) Get(ctx context.Context) (*Population, error) {
	return s.copies.Get(key, func() (*Population, error) {
		settings, version, err := s.read(ctx)
		if settings == nil || err != nil {
			return nil, err
		}
		s.mu.Lock()
		defer s.mu.Unlock()
		if s.made == nil || s.version != version {
			s.made, s.version = New(settings.Seed, settings.Size, settings.At), version
		}
		return s.made, nil
	})
}

// read is what the document says, and its version; nil when there is none.
func (s *Source) read(ctx context.Context) (*Settings, uint64, error) {
	doc, err := s.documents.Get(ctx, key)
	if store.KindOf(err) == store.NotFound {
		return nil, doc.Version, nil
	}
	if err != nil {
		return nil, 0, err
	}
	settings := &Settings{}
	if err := json.Unmarshal(doc.Value, settings); err != nil {
		return nil, 0, store.Errorf(store.Damaged, "what is recorded of %s cannot be read: %w", doc.Key, err)
	}
	return settings, doc.Version, nil
}

// Settings are those of the population, nil when the lab has none.
func (s *Source) Settings(ctx context.Context) (*Settings, error) {
	settings, _, err := s.read(ctx)
	return settings, err
}

// Set gives a lab a population. The same seed again only changes the size: whoever stays, stays as
// they were. The population of another seed is replaced when that is meant, else ErrOther is
// returned. changed is false when there was nothing to do.
func (s *Source) Set(ctx context.Context, actor string, settings Settings, replace bool) (changed bool, err error) {
	if settings.Size < 1 || settings.Size > MaxSize {
		return false, store.Errorf(store.Invalid, "a population of %d people: give 1 to %d", settings.Size, MaxSize)
	}
	for {
		before, version, err := s.read(ctx)
		if err != nil {
			return false, err
		}
		if before != nil {
			switch {
			case before.Seed == settings.Seed && before.Size == settings.Size:
				return false, nil
			case before.Seed == settings.Seed:
				settings.At = before.At
			case !replace:
				return false, ErrOther
			}
		}
		settings.At = settings.At.UTC().Truncate(time.Second)
		value, err := json.Marshal(settings)
		if err != nil {
			return false, err
		}
		_, err = s.documents.Swap(ctx, actor, key, version, value, time.Time{})
		if errors.Is(err, store.ErrSwap) {
			continue // somebody else changed it meanwhile
		}
		return err == nil, err
	}
}

// Remove forgets the population.
func (s *Source) Remove(ctx context.Context, actor string) error {
	return s.documents.Delete(ctx, actor, key)
}
