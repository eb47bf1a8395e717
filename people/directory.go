package people

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"iter"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

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
	rows       map[string]row // of people.yaml
	population Population     // nil without one
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
	for found, err := range d.FindAll(ctx, []string{id}) {
		if err != nil {
			return nil, err
		}
		if found.Person != nil {
			return found.Person, nil
		}
	}
	return nil, unknown(id)
}

// Found is what there is of an identifier.
type Found struct {
	ID      string
	Person  *Person      // nil when nobody has it
	Records []*ca.Record // the certificates with this identifier, in no order
}

// batch is how many people are read at once: many enough that the way to a database across a
// network is short beside the reading, and few enough that their certificates fit in memory.
const batch = 500

// FindAll finds each of the identifiers, in their order, and asks for many at once. What igc people
// set wrote is read one by one for a page of people, and all of it for more.
func (d *Directory) FindAll(ctx context.Context, ids []string) iter.Seq2[Found, error] {
	return func(yield func(Found, error) bool) {
		from, err := d.sources(ctx)
		if err != nil {
			yield(Found{}, err)
			return
		}
		read := func(id string) (*Change, error) { return d.written(ctx, id) }
		if len(ids) > batch {
			all, err := d.allWritten(ctx)
			if err != nil {
				yield(Found{}, err)
				return
			}
			read = func(id string) (*Change, error) { return all[id], nil }
		}
		for part := range slices.Chunk(ids, batch) {
			records, err := d.recordsOf(ctx, part)
			for _, id := range part {
				found := Found{ID: id, Records: records[id]}
				var written *Change
				if err == nil {
					written, err = read(id)
				}
				if err == nil {
					found.Person = assemble(id, from, latest(found.Records), written)
				}
				if !yield(found, err) || err != nil {
					return
				}
			}
		}
	}
}

// recordsOf are the certificates with some identifiers.
func (d *Directory) recordsOf(ctx context.Context, ids []string) (map[string][]*ca.Record, error) {
	ids = slices.DeleteFunc(slices.Clone(ids), func(id string) bool { return !mayBeID(id) })
	if len(ids) == 0 {
		return nil, nil
	}
	records, err := d.records.List(ctx, ca.Filter{Identifiers: ids})
	all := make(map[string][]*ca.Record, len(ids))
	for _, r := range records {
		id := r.Holder.Identifier()
		all[id] = append(all[id], r)
	}
	return all, err
}

// mayBeID tells whether a text may be the identifier of anybody: no record has another.
func mayBeID(id string) bool {
	return id != "" && len(id) <= maxText && utf8.ValidString(id) && !strings.Contains(id, "\x00")
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

// assemble makes a person of what is known of them, their latest certificate for one; nil when
// nothing is.
func assemble(id string, from sources, r *ca.Record, written *Change) (p *Person) {
	if id == "" {
		return nil
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
			return nil
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
	return p
}

// written is what igc people set wrote of a person, nil when it wrote nothing.
func (d *Directory) written(ctx context.Context, id string) (*Change, error) {
	if !mayBeID(id) {
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

// allWritten is what igc people set wrote, by identifier.
func (d *Directory) allWritten(ctx context.Context) (map[string]*Change, error) {
	docs, err := d.documents.Scan(ctx, "")
	if err != nil {
		return nil, err
	}
	all := make(map[string]*Change, len(docs))
	for _, doc := range docs {
		if all[doc.Key], err = parseChange(doc); err != nil {
			return nil, err
		}
	}
	return all, nil
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
		var ids []string
		for id, err := range d.Known(ctx) {
			if err != nil {
				yield(nil, err)
				return
			}
			ids = append(ids, id)
		}
		for found, err := range d.FindAll(ctx, ids) {
			if (found.Person != nil || err != nil) && !yield(found.Person, err) {
				return
			}
		}
		if from.population == nil {
			return
		}
		known := make(map[string]bool, len(ids))
		for _, id := range ids {
			known[id] = true
		}
		for place := range from.population.People() { // of whom nothing else is known: they are as they are made
			if p := from.population.Person(place); !known[p.ID] && !yield(p, ctx.Err()) {
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
		records, err := d.recordsOf(ctx, []string{id})
		if err != nil {
			return nil, err
		}
		return assemble(id, from, latest(records[id]), merged), nil
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
	records, err := d.recordsOf(ctx, []string{id})
	switch {
	case err != nil || assemble(id, from, latest(records[id]), nil) != nil:
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
