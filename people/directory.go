package people

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/igc-lab/igc/ca"
	"github.com/igc-lab/igc/ca/store"
	"github.com/igc-lab/igc/internal/i18n"
	"github.com/igc-lab/igc/profiles"
)

// Kind is the kind of the documents that hold what igc people set wrote: a [Change], by identifier.
var Kind = store.DocumentKind{Name: "people.person", Audited: true}

// Records are what the lab issued: a [ca.Service].
type Records interface {
	List(ctx context.Context, f ca.Filter) ([]*ca.Record, error)
}

// Options are what a directory is made from.
type Options struct {
	Records   Records
	Documents store.DocumentStore
	Overlay   string // path of people.yaml; there need be no such file
	// Population is the people whom igc people generate made up; it returns nil when there are
	// none, and may itself be nil.
	Population func(context.Context) (Population, error)
}

// Directory finds people.
type Directory struct {
	records   Records
	documents store.Documents
	overlay   overlay
	generated func(context.Context) (Population, error)
}

// New makes a directory.
func New(options Options) *Directory {
	return &Directory{options.Records, store.Documents{Store: options.Documents, Kind: Kind},
		overlay{path: options.Overlay}, options.Population}
}

// Population is the people whom igc people generate made up, nil when there are none. What the
// other sources say of one of them is not in it: [Directory.Find] has all.
func (d *Directory) Population(ctx context.Context) (Population, error) {
	if d.generated == nil {
		return nil, nil
	}
	return d.generated(ctx)
}

// sources are what a directory reads once, however many people are assembled.
type sources struct {
	rows       map[string]row        // of people.yaml
	population Population            // nil without one
	latest     map[string]*ca.Record // of each holder; nil when each is asked for
}

func (d *Directory) sources(ctx context.Context) (s sources, err error) {
	if s.rows, err = d.overlay.rows(); err == nil {
		s.population, err = d.Population(ctx)
	}
	return s, err
}

// generated is a made up person, nil when the population has none of that identifier. It may be
// changed.
func (s sources) generated(id string) *Person {
	if s.population == nil {
		return nil
	}
	place, ok := s.population.FindPerson(id)
	if !ok {
		return nil
	}
	p := *s.population.Person(place)
	p.RefPro = p.RefPro.clone()
	return &p
}

// Find returns the person of that identifier, an error of kind NotFound when there is none. It
// costs the same in a lab of any size.
func (d *Directory) Find(ctx context.Context, id string) (*Person, error) {
	written, err := d.written(ctx, id)
	if err != nil {
		return nil, err
	}
	from, err := d.sources(ctx)
	if err != nil {
		return nil, err
	}
	p, err := d.assemble(ctx, id, from, written)
	if err == nil && p == nil {
		err = unknown(id)
	}
	return p, err
}

// Resolve finds the person that a text means: an identifier with or without its type digit, with
// spaces. how says how it was read, and is empty when it is the identifier itself.
func (d *Directory) Resolve(ctx context.Context, text string) (p *Person, how i18n.Text, err error) {
	for _, r := range readings(text) {
		p, err := d.Find(ctx, r.id)
		if store.KindOf(err) != store.NotFound && store.KindOf(err) != store.Invalid || err == nil {
			return p, r.how, err
		}
	}
	return nil, how, unknown(text)
}

// assemble makes a person of what is known of them; nil when nothing is.
func (d *Directory) assemble(ctx context.Context, id string, from sources, written *Change) (p *Person,
	err error) {
	if id == "" {
		return nil, nil
	}
	r := from.latest[id]
	if from.latest == nil {
		records, err := d.records.List(ctx, ca.Filter{Identifier: id})
		if err != nil {
			return nil, err
		}
		r = latest(records)
	}
	var email string
	generated := from.generated(id)
	if r != nil {
		product, _, _ := strings.Cut(r.Profile, "/")
		p, email = derive(r.Holder, product, Certificate), r.Holder.Email
		if generated != nil { // the certificate says the name only
			generated.GivenName, generated.FamilyName, generated.From.Identity = p.GivenName, p.FamilyName, Certificate
			p = generated
		}
	} else if generated != nil {
		p = generated
	} else if f, ok := fixtureHolders()[id]; ok {
		p, email = derive(f.Holder, f.Product, Fixture), f.Email
	}
	known, isBuiltIn := builtIn()[id]
	over, isOver := from.rows[id]
	if p == nil {
		if !isBuiltIn && !isOver && written == nil {
			return nil, nil
		}
		p = &Person{ID: id, Origin: origins[id[0]], From: Sources{Modelled, Modelled, Modelled}}
	}
	if isBuiltIn {
		known.apply(p, BuiltIn)
		p.Case, p.About = known.Case, i18n.Text(known.About)
	}
	if isOver {
		over.apply(p, File)
	}
	if written != nil {
		written.apply(p, Written)
	}
	// made up contact data follow from the name, and what is said of one part leaves the other
	if generated == nil {
		p.Contact = modelledContact(p)
	}
	p.Contact.Mail = cmp.Or(email, p.Contact.Mail)
	if isBuiltIn {
		known.applyContact(p, BuiltIn)
	}
	if isOver {
		over.applyContact(p, File)
	}
	if written != nil {
		written.applyContact(p, Written)
	}
	return p, nil
}

// written is what igc people set wrote of a person, nil when it wrote nothing.
func (d *Directory) written(ctx context.Context, id string) (*Change, error) {
	if id == "" || len(id) > maxText {
		return nil, nil
	}
	doc, err := d.documents.Get(ctx, id)
	if store.KindOf(err) == store.NotFound {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	return parseChange(doc)
}

func parseChange(doc store.Document) (*Change, error) {
	c := &Change{}
	if err := json.Unmarshal(doc.Value, c); err != nil {
		return nil, store.Errorf(store.Damaged, "what is recorded of %s cannot be read: %w", doc.Key, err)
	}
	return c, nil
}

// List goes over everybody: the built-in identities, the test identities and those of people.yaml
// and igc people set by identifier, then the holders of the lab, in the order in which they got
// their first certificate, then the others of the population by their places.
func (d *Directory) List(ctx context.Context) iter.Seq2[*Person, error] {
	return func(yield func(*Person, error) bool) {
		from, err := d.sources(ctx)
		if err != nil {
			yield(nil, err)
			return
		}
		docs, err := d.documents.Scan(ctx, "")
		if err != nil {
			yield(nil, err)
			return
		}
		written := map[string]*Change{}
		seen := map[string]bool{}
		for _, doc := range docs {
			c, err := parseChange(doc)
			if err != nil {
				yield(nil, err)
				return
			}
			written[doc.Key] = c
		}
		give := func(id string) bool {
			if seen[id] {
				return true
			}
			seen[id] = true
			p, err := d.assemble(ctx, id, from, written[id])
			return p == nil && err == nil || yield(p, err) && err == nil
		}
		ids := slices.Concat(slices.Collect(maps.Keys(builtIn())), slices.Collect(maps.Keys(fixtureHolders())),
			slices.Collect(maps.Keys(from.rows)), slices.Collect(maps.Keys(written)))
		slices.Sort(ids)
		if len(ids) > pageOfRecords { // one look at a small lab, and not one for each of them
			if from.latest, err = d.latestOfAll(ctx); err != nil {
				yield(nil, err)
				return
			}
		}
		for _, id := range ids {
			if !give(id) {
				return
			}
		}
		for r, err := range d.holders(ctx) {
			if err != nil {
				yield(nil, err)
				return
			}
			if !give(r.Holder.IdNat) {
				return
			}
		}
		if from.population == nil {
			return
		}
		for place := range from.population.People() { // of whom nothing else is known: they are as they are made
			if p := from.population.Person(place); !seen[p.ID] && !yield(p, ctx.Err()) {
				return
			}
		}
	}
}

// pageOfRecords is how many records are asked for at once.
const pageOfRecords = 500

// holders goes over the certificates of people.
func (d *Directory) holders(ctx context.Context) iter.Seq2[*ca.Record, error] {
	return func(yield func(*ca.Record, error) bool) {
		for filter := (ca.Filter{EndEntities: true, Limit: pageOfRecords}); ; {
			records, err := d.records.List(ctx, filter)
			if err != nil {
				yield(nil, err)
				return
			}
			for _, r := range records {
				if nominative(r) && !yield(r, nil) {
					return
				}
			}
			if len(records) < pageOfRecords {
				return
			}
			filter.After = records[len(records)-1].Number
		}
	}
}

// latestOfAll is the latest certificate of every holder; nil in a lab that has too many.
func (d *Directory) latestOfAll(ctx context.Context) (map[string]*ca.Record, error) {
	const most = 20 * pageOfRecords
	all, n := map[string]*ca.Record{}, 0
	for r, err := range d.holders(ctx) {
		if err != nil {
			return nil, err
		}
		if n++; n > most {
			return nil, nil
		}
		all[r.Holder.IdNat] = latest([]*ca.Record{all[r.Holder.IdNat], r})
	}
	return all, nil
}

// SetOptions are what [Directory.Set] allows.
type SetOptions struct {
	AllowRealID bool // an identifier outside the ranges of tests, of a person who is not there yet
	DryRun      bool // SetAll says what would be, and writes nothing
	SkipWrong   bool // SetAll writes the right entries beside wrong ones
}

// Set changes what is said of a person, over all other sources, and adds one who is not there. The
// change is in the feed.
func (d *Directory) Set(ctx context.Context, actor, id string, change Change, options SetOptions) (*Person, error) {
	if err := change.check(); err != nil {
		return nil, err
	}
	from, err := d.sources(ctx)
	if err != nil {
		return nil, err
	}
	for tries := 0; ; tries++ {
		doc, err := d.documents.Get(ctx, id)
		if err != nil && store.KindOf(err) != store.NotFound {
			return nil, err
		}
		merged := &Change{}
		if doc.Version != 0 {
			if merged, err = parseChange(doc); err != nil {
				return nil, err
			}
		}
		merged.merge(&change)
		if doc.Version == 0 {
			if err := d.checkNew(ctx, id, from, change, options); err != nil {
				return nil, err
			}
		}
		value, err := json.Marshal(merged)
		if err != nil {
			return nil, err
		}
		_, err = d.documents.Swap(ctx, actor, id, doc.Version, value, time.Time{})
		if errors.Is(err, store.ErrSwap) && tries < 100 {
			continue // somebody else changed it meanwhile
		}
		if err != nil {
			return nil, err
		}
		return d.assemble(ctx, id, from, merged)
	}
}

// checkNew holds a change of somebody of whom nothing is recorded yet to what a new person must
// have, unless another source knows the person.
func (d *Directory) checkNew(ctx context.Context, id string, from sources, change Change,
	options SetOptions) error {
	if err := CheckID(id); err != nil {
		return err
	}
	nameless := change.FamilyName == nil || strings.TrimSpace(*change.FamilyName) == ""
	mayBeReal := profiles.MayBeReal(id) && !options.AllowRealID
	if !nameless && !mayBeReal {
		return nil
	}
	p, err := d.assemble(ctx, id, from, nil)
	switch {
	case err != nil || p != nil:
		return err
	case nameless:
		return store.Errorf(store.NotFound,
			"nobody has the identifier %s yet: give a family name to add the person", id)
	}
	return errRealID(id)
}

func errRealID(id string) error {
	return store.Errorf(store.Invalid, "RPPS number %s is outside the test ranges (997…, 999…): it may be "+
		"a real person's. If that is meant, allow it: --allow-real-id, or allow_real_id: true in people.yaml", id[1:])
}

// Reset forgets what [Directory.Set] wrote of a person. What the other sources say stays.
func (d *Directory) Reset(ctx context.Context, actor, id string) error {
	return d.documents.Delete(ctx, actor, id)
}

// String names the person in messages.
func (p *Person) String() string { return fmt.Sprintf("%s (%s)", p.DisplayName(), p.ID) }
