package annuaire

import (
	"context"
	"slices"
	"sort"
	"strings"
	"unicode"

	"golang.org/x/text/unicode/norm"

	"github.com/igc-lab/igc/people"
	"github.com/igc-lab/igc/profiles"
)

// nameWords is the index of people by the words of their names, which [Server.Search] reads and no
// query of the API names.
var nameWords = param{name: "words of names", keys: func(i item) []string {
	p := i.(*practitioner)
	if p.slot != 0 {
		return nil // a person once, whatever their professions
	}
	return wordsOf(p.person)
}}

// wordsOf are the words by which a person is found: those of their names, and each name written in
// one word, as somebody may write LE GOFF.
func wordsOf(p *people.Person) (list []string) {
	names := []string{p.FamilyName, p.GivenName}
	if p.RefPro != nil {
		for _, e := range p.RefPro.Exercices {
			names = append(names, e.Nom, e.Prenom)
		}
	}
	for _, name := range names {
		for _, word := range wordsOfName(name) {
			if !slices.Contains(list, word) {
				list = append(list, word)
			}
		}
	}
	return list
}

func wordsOfName(name string) []string {
	words := splitName(name)
	if len(words) > 1 {
		words = append(words, strings.Join(words, ""))
	}
	return words
}

// addNames indexes the names of the population, if it gives names without making whole people. ok
// is false if it does not.
func (d *dataset) addNames(t *table) (ok bool) {
	population, ok := d.population.(interface {
		Name(place int) (given, family string)
	})
	if !ok {
		return false
	}
	x, known := t.keys[nameWords.name], map[string][]string{} // many bear the same name
	for place := range len(t.start) - 1 {
		given, family := population.Name(place)
		for _, name := range [...]string{family, given} {
			words, ok := known[name]
			if !ok {
				words = wordsOfName(name)
				known[name] = words
			}
			for _, word := range words {
				x.add(word, t.start[place])
			}
		}
	}
	return true
}

// splitName are the words of a name, without case and accents. Hyphens and apostrophes end a word
// as spaces do.
func splitName(name string) []string {
	folded := profiles.Fold(name)
	if strings.ContainsFunc(folded, func(r rune) bool { return r > unicode.MaxASCII }) {
		folded = letters.Replace(strings.Map(func(r rune) rune {
			if unicode.In(r, unicode.Mn, unicode.Cf) { // the accents that profiles.Fold leaves, and what has no ink
				return -1
			}
			return r
		}, norm.NFD.String(folded)))
	}
	return strings.FieldsFunc(folded, func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsDigit(r) })
}

// letters are those that are not a letter and an accent, as a keyboard without them writes them.
var letters = strings.NewReplacer("ß", "ss", "ø", "o", "ł", "l", "đ", "d", "ð", "d", "þ", "th", "ı", "i")

// Search finds people by name: each word of the text begins a word of the name, in any order,
// without case and accents. It gives the identifiers of at most limit people, and tells whether
// there are more. Whole words come before beginnings of words, and of those the people of whom
// something is recorded or said before the rest of the population. It finds everybody whom
// [people.Directory] lists, those too whom the API leaves out because they have no RPPS number.
func (s *Server) Search(ctx context.Context, text string, limit int) (ids []string, more bool, err error) {
	words := splitName(text)
	if len(words) > 1 && slices.Contains(civilities, words[0]) {
		words = words[1:]
	}
	if len(words) > 0 && limit > 0 {
		return s.data.findNames(ctx, words, limit)
	}
	return nil, false, nil
}

// civilities are what somebody may write before a name.
var civilities = []string{"m", "mr", "mme", "mlle", "dr", "pr", "monsieur", "madame", "mademoiselle", "docteur",
	"professeur"}

// maxWords bounds the words of a search: no name has more.
const maxWords = 12

func (d *dataset) findNames(ctx context.Context, asked []string, limit int) (ids []string, more bool, err error) {
	asked = asked[:min(len(asked), maxWords)]
	if err := d.begin(ctx); err != nil {
		return nil, false, err
	}
	defer d.mu.RUnlock()
	if _, err := d.prepare(ctx, d.tables[practitioners], []string{nameWords.name}); err != nil {
		return nil, false, err
	}
	t := d.tables[practitioners]
	x := t.keys[nameWords.name]
	whole, begun := full(t.end()), full(t.end())
	rows := func(find func(m *matches, key string), key string) set {
		m := &matches{end: t.end()}
		find(m, key)
		m.widen()
		return m.many
	}
	for _, word := range asked {
		whole.intersect(rows(x.equal, word))
		begun.intersect(rows(x.prefix, word))
	}
	if len(asked) > 1 {
		m := &matches{end: t.end(), many: begun}
		x.prefix(m, strings.Join(asked, ""))
	}
	seen := map[string]bool{}
	give := func(id string) (enough bool) {
		if seen[id] {
			return false
		}
		seen[id] = true
		more = len(ids) == limit
		if !more {
			ids = append(ids, id)
		}
		return more
	}
	for _, step := range []struct {
		rows set
		fits func(key, word string) bool
	}{{whole, func(key, word string) bool { return key == word }}, {begun, strings.HasPrefix}} {
		for _, id := range d.unregisteredNamed(asked, step.fits) {
			if give(id) {
				return ids, more, nil
			}
		}
		for _, part := range [][2]uint32{{t.base(), t.end()}, {0, t.base()}} {
			for row, ok := step.rows.next(part[0]); ok && row < part[1]; row, ok = step.rows.next(row + 1) {
				if t.live.has(row) && give(d.ownerAt(t, row)) {
					return ids, more, nil
				}
			}
		}
	}
	return ids, more, nil
}

// unregisteredNamed are the people without a place in the register whose name fits.
func (d *dataset) unregisteredNamed(asked []string, fits func(key, word string) bool) (ids []string) {
	for id, words := range d.unregistered {
		one := func(word string) bool {
			return slices.ContainsFunc(words, func(key string) bool { return fits(key, word) })
		}
		if !slices.ContainsFunc(asked, func(word string) bool { return !one(word) }) || one(strings.Join(asked, "")) {
			ids = append(ids, id)
		}
	}
	slices.Sort(ids)
	return ids
}

// ownerAt is whose row that is.
func (d *dataset) ownerAt(t *table, row uint32) string {
	if base := t.base(); row >= base {
		return t.extra[row-base].owner
	}
	return d.population.Person(sort.Search(len(t.start)-1, func(i int) bool { return t.start[i+1] > row })).ID
}

// indexed are the parameters that a kind has an index for.
func (k *kind) indexed() []*param {
	list := make([]*param, 0, len(k.params)+len(k.unnamed))
	for i := range k.params {
		list = append(list, &k.params[i])
	}
	return append(list, k.unnamed...)
}
