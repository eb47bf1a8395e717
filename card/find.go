package card

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/igc-lab/igc/internal/i18n"
	"github.com/igc-lab/igc/profiles"
)

// lastWords mean the card that was issued last.
var lastWords = []string{"last", "latest", "dernier", "derniere"}

// IsLast tells whether a word means what was issued last: "last", "dernière".
func IsLast(what string) bool { return slices.Contains(lastWords, profiles.Fold(what)) }

// Find finds a card of the lab: by its number or the beginning of it, by the name or the identifier
// of its holder, by its folder, which may be anywhere, or as the one issued last (see
// [IsLast]).
func Find(home, what string) (*Card, error) {
	all, err := List(home)
	if err != nil {
		return nil, err
	}
	if what == "" {
		return nil, i18n.Errorf("%w: no number and no folder given", ErrNotFound)
	}
	if i := slices.IndexFunc(all, func(c *Card) bool { return c.Number == profiles.NormalizeNumber(what) }); i >= 0 {
		return all[i], nil
	}
	if info, err := os.Stat(what); err == nil && info.IsDir() {
		return Read(what)
	}
	if IsLast(what) && len(all) > 0 {
		return slices.MaxFunc(all, func(a, b *Card) int { return a.written().Compare(b.written()) }), nil
	}
	found := slices.DeleteFunc(slices.Clone(all), func(c *Card) bool { return !c.Holder.Named(what) })
	switch len(found) {
	case 0:
		return nil, i18n.Errorf("%w: %s is neither the number of a card of the lab, nor a holder, nor a folder; "+
			"igc card list shows them", ErrNotFound, what)
	case 1:
		return found[0], nil
	}
	return nil, Ambiguous(what, names(found))
}

// Only is the card of a lab that has one.
func Only(home string) (*Card, error) {
	all, err := List(home)
	if err != nil {
		return nil, err
	}
	switch len(all) {
	case 0:
		return nil, i18n.Errorf("%w: the lab has none yet; igc issue --fixture alain issues one", ErrNotFound)
	case 1:
		return all[0], nil
	}
	return nil, i18n.Errorf("give a card, there are %d: %s", len(all), listed(names(all)))
}

// written is when the card's folder was: cards are not written again.
func (c *Card) written() (at time.Time) {
	if info, err := os.Stat(filepath.Join(c.Dir, c.Certificates[0].Role+".pem")); err == nil {
		at = info.ModTime()
	}
	return at
}

func names(cards []*Card) (all []string) {
	for _, c := range cards {
		all = append(all, c.Number+" "+c.Holder.DisplayName())
	}
	return all
}

// Ambiguous is the error that lists the cards that a word may mean, each as a number and a name.
func Ambiguous(what string, candidates []string) error {
	if isDigits(what, 1, 9) {
		return i18n.Errorf("%d cards begin with %s: %s", len(candidates), what, listed(candidates))
	}
	return i18n.Errorf("%d cards or certificates have a holder %s, give the number of one: %s", len(candidates), what,
		listed(candidates))
}

// listed writes the first candidates of a list.
func listed(candidates []string) string {
	const most = 10
	if len(candidates) > most {
		candidates = append(slices.Clone(candidates[:most]), "...")
	}
	return strings.Join(candidates, ", ")
}
