package annuaire

import (
	"context"
	"iter"
	"log/slog"
	"maps"
	"runtime"
	"slices"
	"sort"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/igc-lab/igc/ca"
	"github.com/igc-lab/igc/ca/store"
	"github.com/igc-lab/igc/internal/i18n"
	"github.com/igc-lab/igc/people"
	"github.com/igc-lab/igc/profiles"
)

// People is where people come from: [people.Directory].
type People interface {
	FindAll(ctx context.Context, ids []string) iter.Seq2[people.Found, error]
	Population(ctx context.Context) (people.Population, error) // nil when there is none
	Known(ctx context.Context) iter.Seq2[string, error]        // identifiers of whoever is recorded or said more of
	Edition() string                                           // changes when people do without a change of records
}

// Records are what the lab issued: a [ca.Service].
type Records interface {
	List(ctx context.Context, f ca.Filter) ([]*ca.Record, error)
	Certificate(ctx context.Context, key store.Key) (*ca.Record, error)
}

// dataset is the projection that searches read: the rows of each kind, and indexes over them that
// are made when they are first asked for.
//
// Rows are numbered. Those of the population come first, in its order, and cost nothing but their
// place in indexes. Whatever changes gets new rows at the end, and its former rows end at that
// change: so who pages through a search sees what was there when it began, each resource once,
// whatever is written meanwhile.
type dataset struct {
	people  People
	records Records
	now     func() time.Time
	log     *slog.Logger

	mu         sync.RWMutex
	generation uint64 // changes when rows are numbered anew; cursors of another are of no use
	changes    uint64
	population people.Population
	made       time.Time // what has no date is of then
	tables     map[*kind]*table
	touched    map[string]bool              // owners whose rows are not those of the population
	structures map[string]*people.Structure // those that only activities and certificates name
	fresh      map[string]*people.Structure // the same, found since they got their rows

	unregistered map[string][]string // people whom the register does not have: the words of their names

	pendingMu sync.Mutex
	pending   map[string]time.Time // owners that changed since, and when
	issued    []store.Key          // certificates that were issued, or whose status changed, since
	rebuild   bool                 // the population changed
	edition   string               // of people, when rows were numbered
	written   map[string]time.Time // when owners were changed last, while this server runs
}

// table is the rows of one kind.
type table struct {
	kind   *kind
	start  []uint32            // of the population: the first row of the owner at each place, and the end
	extra  []place             // the rows after those
	rows   map[string][]uint32 // of owners that have extra rows: all of these, ended ones too
	live   set
	deaths []death // in order
	keys   map[string]*index
	times  *times
}

type place struct {
	owner string
	slot  int
}

type death struct {
	change uint64
	row    uint32
}

func (t *table) end() uint32 { return t.base() + uint32(len(t.extra)) }

func (t *table) base() uint32 {
	if len(t.start) == 0 {
		return 0
	}
	return t.start[len(t.start)-1]
}

// snapshot is what a search saw when it began.
type snapshot struct {
	Generation uint64
	Changes    uint64
	End        uint32
}

// visible are the rows of a table that a snapshot sees.
func (t *table) visible(s snapshot) set {
	rows := newSet(s.End)
	copy(rows, t.live)
	if rest := s.End % 64; rest != 0 {
		rows[len(rows)-1] &= 1<<rest - 1
	}
	for row := range t.endedSince(s) {
		if row < s.End {
			rows.add(row)
		}
	}
	return rows
}

// endedSince are the rows that ended after a snapshot, which still sees them.
func (t *table) endedSince(s snapshot) map[uint32]bool {
	var rows map[uint32]bool
	for i := len(t.deaths) - 1; i >= 0 && t.deaths[i].change > s.Changes; i-- {
		if rows == nil {
			rows = map[uint32]bool{}
		}
		rows[t.deaths[i].row] = true
	}
	return rows
}

func newDataset(p People, records Records, made time.Time, now func() time.Time, log *slog.Logger) *dataset {
	return &dataset{people: p, records: records, now: now, log: log, made: made, pending: map[string]time.Time{},
		written: map[string]time.Time{}, rebuild: true}
}

// changed notes that an owner changed; the next search applies it.
func (d *dataset) changed(owner string, at time.Time) {
	d.pendingMu.Lock()
	d.pending[owner] = at
	d.pendingMu.Unlock()
}

// certificateChanged notes that a certificate was issued, or that its status changed.
func (d *dataset) certificateChanged(key store.Key) {
	d.pendingMu.Lock()
	d.issued = append(d.issued, key)
	d.pendingMu.Unlock()
}

// populationChanged notes that all has to be made anew.
func (d *dataset) populationChanged() {
	d.pendingMu.Lock()
	d.rebuild = true
	d.pendingMu.Unlock()
}

// begin applies what changed, and returns with the dataset locked for reading. The caller unlocks
// it with mu.RUnlock.
func (d *dataset) begin(ctx context.Context) error {
	edition := d.people.Edition()
	d.pendingMu.Lock()
	if edition != d.edition {
		d.edition, d.rebuild = edition, true
	}
	waiting := d.rebuild || len(d.pending) > 0 || len(d.issued) > 0
	d.pendingMu.Unlock()
	if waiting {
		if err := d.apply(ctx); err != nil {
			return err
		}
	}
	d.mu.RLock()
	return nil
}

func (d *dataset) apply(ctx context.Context) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.pendingMu.Lock()
	pending, issued, rebuild := d.pending, d.issued, d.rebuild
	d.pending, d.issued, d.rebuild = map[string]time.Time{}, nil, false
	d.pendingMu.Unlock()
	err := d.applyAll(ctx, pending, issued, rebuild)
	if err != nil { // the next search tries again
		d.pendingMu.Lock()
		d.rebuild, d.issued = d.rebuild || rebuild, append(issued, d.issued...)
		for id, at := range pending {
			d.pending[id] = at
		}
		d.pendingMu.Unlock()
	}
	return err
}

func (d *dataset) applyAll(ctx context.Context, pending map[string]time.Time, issued []store.Key, rebuild bool) error {
	for id, at := range pending {
		d.written[id] = at
	}
	if rebuild {
		return d.build(ctx)
	}
	for _, key := range issued {
		r, err := d.records.Certificate(ctx, key)
		if err != nil {
			return err
		}
		switch h := r.Holder; {
		case h.IdNat != "":
			pending[h.IdNat] = time.Time{}
		case h.Structure != "":
			s := structureOfHolder(h)
			d.name(s)
			pending[s.ID] = time.Time{}
		}
	}
	d.changes++
	if err := d.touch(ctx, slices.Sorted(maps.Keys(pending))); err != nil {
		return err
	}
	if err := d.touchFresh(ctx); err != nil {
		return err
	}
	for _, t := range d.tables {
		if len(t.deaths) > maxDeaths {
			return d.build(ctx)
		}
		t.sort()
	}
	return nil
}

// maxDeaths is how many rows may have ended before they are numbered anew, so that what changes
// often takes no more and more memory.
const maxDeaths = 100_000

// touchFresh gives the structures that were named just now their rows.
func (d *dataset) touchFresh(ctx context.Context) error {
	err := d.touch(ctx, slices.Sorted(maps.Keys(d.fresh)))
	if err == nil {
		clear(d.fresh)
	}
	return err
}

func (t *table) sort() {
	for _, x := range t.keys {
		x.sort()
	}
	if t.times != nil {
		t.times.sort()
	}
}

// build numbers all rows anew.
func (d *dataset) build(ctx context.Context) error {
	population, err := d.people.Population(ctx)
	if err != nil {
		return err
	}
	began := time.Now()
	d.population = population
	d.generation, d.changes = uint64(began.UnixNano()), 0
	d.tables, d.touched = map[*kind]*table{}, map[string]bool{}
	d.structures, d.fresh = map[string]*people.Structure{}, map[string]*people.Structure{}
	d.unregistered = map[string][]string{}
	first := map[*kind][]uint32{}
	if population != nil {
		first = starts(population)
	}
	for _, k := range kinds {
		t := &table{kind: k, rows: map[string][]uint32{}, keys: map[string]*index{}, start: first[k]}
		t.live = full(t.end())
		d.tables[k] = t
	}
	var ids []string
	for id, err := range d.people.Known(ctx) {
		if err != nil {
			return err
		}
		ids = append(ids, id)
	}
	if err := d.touch(ctx, ids); err != nil {
		return err
	}
	if err := d.organisations(ctx); err != nil {
		return err
	}
	if err := d.touchFresh(ctx); err != nil {
		return err
	}
	d.log.Debug(i18n.Tr("annuaire : ressources numérotées", "annuaire: resources numbered"),
		"took", time.Since(began), "practitioners", d.tables[practitioners].end())
	return nil
}

// starts are the first rows of the population's owners, by kind, and the end. Each owner is made
// once for all kinds.
func starts(p people.Population) map[*kind][]uint32 {
	lists := map[*kind][]uint32{}
	for _, k := range kinds {
		n := p.Structures()
		if k.ofPerson {
			n = p.People()
		}
		lists[k] = make([]uint32, n+1)
	}
	count := func(place int, person *people.Person, structure *people.Structure) {
		for _, k := range kinds {
			if k.ofPerson == (person != nil) {
				lists[k][place+1] = 1
				if k != organizations {
					lists[k][place+1] = uint32(k.count(person, structure))
				}
			}
		}
	}
	inParallel(p.People(), func(place int) { count(place, p.Person(place), nil) })
	inParallel(p.Structures(), func(place int) { count(place, nil, p.Structure(place)) })
	for _, list := range lists {
		for i := 1; i < len(list); i++ {
			list[i] += list[i-1]
		}
	}
	return lists
}

// inParallel calls do for the numbers below n, on every processor.
func inParallel(n int, do func(int)) {
	const part = 4096
	var next atomic.Int64
	var all sync.WaitGroup
	for range min(runtime.GOMAXPROCS(0), n/part+1) {
		all.Go(func() {
			for end := int(next.Add(part)); end-part < n; end = int(next.Add(part)) {
				for i := end - part; i < min(end, n); i++ {
					do(i)
				}
			}
		})
	}
	all.Wait()
}

// organisations finds the structures that the lab issued certificates to.
func (d *dataset) organisations(ctx context.Context) error {
	const page = 500
	for filter := (ca.Filter{EndEntities: true, Limit: page}); ; {
		records, err := d.records.List(ctx, filter)
		if err != nil {
			return err
		}
		for _, r := range records {
			if r.Holder.IdNat == "" && r.Holder.Structure != "" {
				d.name(structureOfHolder(r.Holder))
			}
		}
		if len(records) < page {
			return nil
		}
		filter.After = records[len(records)-1].Number
	}
}

// structureOfHolder is the structure that a certificate names.
func structureOfHolder(h profiles.Holder) *people.Structure {
	return structureOf(&people.Activity{AncienIdentifiant: h.Structure, RaisonSocialeSite: h.Organisation,
		CodeDepartement: people.DepartmentCode(h.Department)})
}

// structureOf is the structure that an activity names.
func structureOf(a *people.Activity) *people.Structure {
	s := &people.Structure{ID: a.IdentifiantTechnique, NationalID: a.AncienIdentifiant,
		FINESS: a.NumeroFinessSite, SIREN: a.NumeroSirenSite, SIRET: a.NumeroSiretSite,
		Name: a.RaisonSocialeSite, Sign: a.EnseigneCommercialeSite, Sector: a.CodeSecteurDactivite,
		Phone: a.Telephone, Fax: a.Telecopie, Mail: a.AdresseEMail,
		Address: people.Address{Recipient: a.ComplementDestinataire, Place: a.ComplementPointGeographique,
			Number: a.NumeroVoie, Repetition: a.IndiceRepetitionVoie, StreetType: a.CodeTypeDeVoie,
			Street: a.LibelleVoie, Mention: a.MentionDistribution, Cedex: a.BureauCedex, PostalCode: a.CodePostal,
			Commune: a.CodeCommune, Department: a.CodeDepartement, Country: a.CodePays}}
	if number := s.NationalID; s.ID == "" && len(number) > 1 {
		switch number[0] {
		case '1':
			s.ID, s.FINESS = "F"+number[1:], number[1:]
		case '2':
			s.ID, s.SIREN = "N"+number[1:], number[1:]
		case '3':
			s.ID, s.SIRET = "T"+number[1:], number[1:]
		default:
			s.ID = "C" + strings.NewReplacer("/", "-", " ", "").Replace(number)
		}
	}
	return s
}

// name notes a structure that is not of the population. The first that names it says what it is.
func (d *dataset) name(s *people.Structure) {
	if s.ID == "" || len(s.ID) > 40 {
		return
	}
	if d.population != nil {
		if _, ok := d.population.FindStructure(s.ID); ok {
			return
		}
	}
	if d.structures[s.ID] == nil {
		d.structures[s.ID], d.fresh[s.ID] = s, s
	}
}

// isPerson tells the identifier of a person from that of a structure, whose begin with a letter.
func isPerson(id string) bool { return id != "" && id[0] == '8' }

// touch gives owners new rows, for what they are now.
func (d *dataset) touch(ctx context.Context, ids []string) error {
	for now, err := range d.load(ctx, ids) {
		if err != nil {
			return err
		}
		d.place(now)
	}
	return nil
}

// place gives an owner rows. People whom the register does not have, staff of a structure, an ADELI
// number, an identity of EDIT, have none, and are found by their names only.
func (d *dataset) place(now loaded) {
	id, o := now.id, now.owner
	d.end(id)
	d.touched[id] = true
	delete(d.unregistered, id)
	if o == nil {
		if now.person != nil {
			d.unregistered[id] = wordsOf(now.person)
		}
		return
	}
	if o.person != nil && o.person.RefPro != nil {
		for _, e := range o.person.RefPro.Exercices {
			for i := range e.Activities {
				d.name(structureOf(&e.Activities[i]))
			}
		}
	}
	for _, t := range d.tables {
		if t.kind.ofPerson != (o.person != nil) {
			continue
		}
		for slot, it := range t.kind.items(o) {
			row := t.end()
			t.extra = append(t.extra, place{id, slot})
			t.rows[id] = append(t.rows[id], row)
			for int(row/64) >= len(t.live) {
				t.live = append(t.live, 0)
			}
			t.live.add(row)
			t.index(it, row)
		}
	}
}

// index adds a row to the indexes that there are.
func (t *table) index(it item, row uint32) {
	for _, p := range t.kind.indexed() {
		if x := t.keys[p.name]; x != nil {
			for _, key := range p.keys(it) {
				x.add(p.normal(key), row)
			}
		}
	}
	if t.times != nil {
		t.times.add(it.updated().UnixMilli(), row)
	}
}

// normal is how a key is kept: a string without case and accents.
func (p *param) normal(key string) string {
	if p.kind == ofString {
		return profiles.Fold(key)
	}
	return key
}

// end ends the present rows of an owner.
func (d *dataset) end(id string) {
	for _, t := range d.tables {
		if t.kind.ofPerson != isPerson(id) {
			continue
		}
		for _, row := range t.rowsOf(d, id) {
			if t.live.has(row) {
				t.live.remove(row)
				t.deaths = append(t.deaths, death{d.changes, row})
			}
		}
	}
}

// rowsOf are the rows of an owner, those that ended too.
func (t *table) rowsOf(d *dataset, id string) (rows []uint32) {
	if d.population != nil {
		find := d.population.FindStructure
		if t.kind.ofPerson {
			find = d.population.FindPerson
		}
		if at, ok := find(id); ok && at+1 < len(t.start) {
			for row := t.start[at]; row < t.start[at+1]; row++ {
				rows = append(rows, row)
			}
		}
	}
	return append(rows, t.rows[id]...)
}

// loaded is what there is of an identifier.
type loaded struct {
	id     string
	owner  *owner         // nil when the register has none: only people with an RPPS number are in it
	person *people.Person // nil when it is nobody's
}

// load reads owners as they are now: the structures among them, then the people, each in the order
// of ids.
func (d *dataset) load(ctx context.Context, ids []string) iter.Seq2[loaded, error] {
	return func(yield func(loaded, error) bool) {
		var structures, others []string
		for _, id := range ids {
			if !isPerson(id) && d.structure(id) != nil {
				structures = append(structures, id)
			} else {
				others = append(others, id)
			}
		}
		for part := range slices.Chunk(structures, 500) {
			owners, err := d.loadStructures(ctx, part)
			if err != nil {
				yield(loaded{}, err)
				return
			}
			for _, o := range owners {
				if !yield(loaded{id: o.structure.ID, owner: o}, nil) {
					return
				}
			}
		}
		if len(others) == 0 {
			return
		}
		for found, err := range d.people.FindAll(ctx, others) {
			now := loaded{id: found.ID, person: found.Person}
			if p := found.Person; p != nil && isPerson(p.ID) && len(p.ID) == 12 {
				now.owner = d.dated(&owner{person: p, records: found.Records}, p.Register.Updated)
			}
			if !yield(now, err) || err != nil {
				return
			}
		}
	}
}

// dated says when an owner changed last: by themselves, by a certificate, or by a command.
func (d *dataset) dated(o *owner, updated time.Time) *owner {
	for _, r := range o.records {
		updated = later(updated, r.IssuedAt)
		if r.Revoked != nil {
			updated = later(updated, r.Revoked.At)
		}
	}
	o.updated, o.now = known(later(updated, d.written[o.id()]), d.made), d.now()
	return o
}

// structure is the structure with that identifier, nil when there is none.
func (d *dataset) structure(id string) *people.Structure {
	s := d.structures[id]
	if s == nil && d.population != nil {
		if at, ok := d.population.FindStructure(id); ok {
			s = d.population.Structure(at)
		}
	}
	return s
}

// loadStructures reads structures that there are.
func (d *dataset) loadStructures(ctx context.Context, ids []string) ([]*owner, error) {
	list := make([]*owner, len(ids))
	numbered := map[string][]*owner{}
	for i, id := range ids {
		s := d.structure(id)
		list[i] = &owner{structure: s}
		if s.NationalID != "" {
			numbered[s.NationalID] = append(numbered[s.NationalID], list[i])
		}
	}
	if len(numbered) > 0 {
		records, err := d.records.List(ctx, ca.Filter{Identifiers: slices.Sorted(maps.Keys(numbered))})
		if err != nil {
			return nil, err
		}
		for _, r := range records {
			if r.Holder.IdNat == "" { // and not the staff, whose identifier may begin so
				for _, o := range numbered[r.Holder.Structure] {
					o.records = append(o.records, r)
				}
			}
		}
	}
	for _, o := range list {
		d.dated(o, o.structure.Updated)
	}
	return list, nil
}

// item reads the item of a row; nil when its owner does not have it any more.
func (d *dataset) item(ctx context.Context, t *table, row uint32) (item, error) {
	list, err := d.items(ctx, t, []uint32{row})
	if err != nil {
		return nil, err
	}
	return list[0], nil
}

// items reads the items of rows, with nil for each that its owner does not have any more.
func (d *dataset) items(ctx context.Context, t *table, rows []uint32) ([]item, error) {
	list := make([]item, len(rows))
	wanted := map[string][]int{} // by owner: places in the list
	slots := make([]int, len(rows))
	var ids []string
	for i, row := range rows {
		var at place
		if base := t.base(); row >= base {
			at = t.extra[row-base]
		} else {
			n := sort.Search(len(t.start)-1, func(i int) bool { return t.start[i+1] > row })
			o := d.generated(t.kind, n)
			at = place{o.id(), int(row - t.start[n])}
			if !d.touched[at.owner] {
				list[i] = t.kind.items(o)[at.slot]
				continue
			}
		}
		if wanted[at.owner] == nil {
			ids = append(ids, at.owner)
		}
		wanted[at.owner], slots[i] = append(wanted[at.owner], i), at.slot
	}
	if len(ids) == 0 {
		return list, nil
	}
	for now, err := range d.load(ctx, ids) {
		if err != nil {
			return nil, err
		}
		if now.owner == nil {
			continue
		}
		items := t.kind.items(now.owner)
		for _, i := range wanted[now.id] {
			if slots[i] < len(items) {
				list[i] = items[slots[i]]
			}
		}
	}
	return list, nil
}

// generated is an owner of the population whom nothing else says anything of.
func (d *dataset) generated(k *kind, at int) *owner {
	if k.ofPerson {
		p := d.population.Person(at)
		return &owner{person: p, updated: known(p.Register.Updated, d.made), now: d.made}
	}
	s := d.population.Structure(at)
	return &owner{structure: s, updated: known(s.Updated, d.made), now: d.made}
}

func (o *owner) id() string {
	if o.person != nil {
		return o.person.ID
	}
	return o.structure.ID
}

// prepare makes the indexes of a table that a search needs. The caller holds mu for reading, and
// holds it again when prepare returns: what it knew before has to be read again when it did work.
func (d *dataset) prepare(ctx context.Context, t *table, names []string) (worked bool, err error) {
	missing := false
	for _, name := range names {
		missing = missing || name == "_lastUpdated" && t.times == nil ||
			name != "_lastUpdated" && t.keys[name] == nil
	}
	if !missing {
		return false, nil
	}
	kind := t.kind
	d.mu.RUnlock()
	d.mu.Lock()
	err = d.makeIndexes(ctx, d.tables[kind], names)
	d.mu.Unlock()
	d.mu.RLock()
	return true, err
}

// costly are the parameters that nearly every resource has a key of its own for: their index is
// made when it is asked for, those of the others all at once.
var costly = map[string]bool{"_id": true, "mailbox-mss": true, "identifier": true, "practitioner": true,
	nameWords.name: true}

func (d *dataset) makeIndexes(ctx context.Context, t *table, names []string) error {
	var wanted []*param
	others := slices.ContainsFunc(names, func(name string) bool { return !costly[name] })
	for _, p := range t.kind.indexed() {
		asked := slices.Contains(names, p.name)
		if p.keys != nil && t.keys[p.name] == nil && (asked || others && !costly[p.name]) {
			wanted = append(wanted, p)
			t.keys[p.name] = newIndex()
		}
	}
	var newTimes *times
	if t.times == nil && others {
		newTimes = &times{}
		t.times = newTimes
	}
	add := func(it item, row uint32) {
		for _, p := range wanted {
			for _, key := range p.keys(it) {
				t.keys[p.name].add(p.normal(key), row)
			}
		}
		if newTimes != nil {
			newTimes.add(it.updated().UnixMilli(), row)
		}
	}
	fail := func(err error) error {
		for _, p := range wanted {
			delete(t.keys, p.name)
		}
		if newTimes != nil {
			t.times = nil
		}
		return err
	}
	began := time.Now()
	quick := newTimes == nil && len(wanted) == 1 && wanted[0] == &nameWords && d.addNames(t)
	for at := range max(0, len(t.start)-1) {
		if quick {
			break
		}
		if at%1000 == 0 && ctx.Err() != nil {
			return fail(ctx.Err())
		}
		for i, it := range t.kind.items(d.generated(t.kind, at)) {
			add(it, t.start[at]+uint32(i))
		}
	}
	var ids []string
	for i, at := range t.extra { // the rows of an owner that have not ended lie together
		if t.live.has(t.base()+uint32(i)) && (len(ids) == 0 || ids[len(ids)-1] != at.owner) {
			ids = append(ids, at.owner)
		}
	}
	for now, err := range d.load(ctx, ids) {
		if err != nil {
			return fail(err)
		}
		if now.owner == nil {
			continue
		}
		items := t.kind.items(now.owner)
		for _, row := range t.rows[now.id] {
			if slot := t.extra[row-t.base()].slot; t.live.has(row) && slot < len(items) {
				add(items[slot], row)
			}
		}
	}
	t.sort()
	d.log.Debug(i18n.Tr("annuaire : index fait", "annuaire: index made"), "resource", t.kind.name, "took",
		time.Since(began), "rows", t.end())
	return nil
}
