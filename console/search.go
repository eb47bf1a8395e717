package console

import (
	"context"
	"net/http"
	"regexp"
	"strings"

	"github.com/igc-lab/igc/ca"
	"github.com/igc-lab/igc/ca/store"
	"github.com/igc-lab/igc/internal/i18n"
	"github.com/igc-lab/igc/internal/web"
	"github.com/igc-lab/igc/people"
	"github.com/igc-lab/igc/profiles"
)

// maxFound is how many people a search shows, and maxText how long its text may be, in characters.
const (
	maxFound = 50
	maxText  = 200
)

// found is what a search gives.
type found struct {
	People []*people.Person
	Notes  []i18n.Text // how the text was read
	More   bool
	seen   map[string]bool
}

func (f *found) add(p *people.Person) {
	if f.seen == nil {
		f.seen = map[string]bool{}
	}
	if !f.seen[p.ID] && len(f.People) < maxFound {
		f.seen[p.ID] = true
		f.People = append(f.People, p)
	}
}

func (c *Console) searchPage(w http.ResponseWriter, r *http.Request) error {
	text := strings.TrimSpace(r.URL.Query().Get("q"))
	if runes := []rune(text); len(runes) > maxText {
		text = string(runes[:maxText])
	}
	data := struct {
		view
		found
		Identities []people.TestIdentity
	}{view: c.view(w, r, i18n.Text{FR: "Personnes", EN: "People"})}
	data.Text = text
	var err error
	if text == "" {
		data.Identities, err = c.People.TestIdentities(r.Context())
	} else {
		data.Title = data.T("Recherche : ", "Search: ") + web.Visible(text)
		data.found, err = c.find(r.Context(), text)
	}
	if err != nil {
		return err
	}
	c.pages.Render(w, http.StatusOK, "search.html", data.Lang, data)
	return nil
}

// numberPrefix is what people write before a number: its name.
var numberPrefix = regexp.MustCompile(`(?i)^(?:(?:n°|no|num[ée]ro|rpps|adeli|idnps|ps_idnat|carte|card)` +
	`[\s:.\x{00a0}]*)+(.*\d.*)$`)

// find finds people by identifier, card number and name.
func (c *Console) find(ctx context.Context, text string) (f found, err error) {
	number := text
	if m := numberPrefix.FindStringSubmatch(text); m != nil {
		number = m[1]
	}
	p, how, err := c.People.Resolve(ctx, number)
	switch kind := store.KindOf(err); {
	case err == nil:
		f.add(p)
		if how.FR != "" {
			f.Notes = append(f.Notes, how)
		}
	case kind != store.NotFound && kind != store.Invalid:
		return f, err
	}
	if err := c.findCard(ctx, profiles.NormalizeNumber(number), &f); err != nil {
		return f, err
	}
	ids, more, err := c.Names.Search(ctx, text, maxFound)
	if err != nil {
		return f, err
	}
	f.More = more
	for _, id := range ids {
		p, err := c.People.Find(ctx, id)
		if store.KindOf(err) == store.NotFound {
			continue // gone meanwhile
		}
		if err != nil {
			return f, err
		}
		f.add(p)
	}
	return f, nil
}

// findCard finds the holder of a card.
func (c *Console) findCard(ctx context.Context, number string, f *found) error {
	if number == "" || len(number) > 20 || strings.Trim(number, "0123456789") != "" {
		return nil
	}
	records, err := c.Lab.List(ctx, ca.Filter{Card: number, EndEntities: true})
	if err != nil {
		return err
	}
	for _, r := range records {
		if r.Holder.IdNat == "" {
			continue
		}
		p, err := c.People.Find(ctx, r.Holder.IdNat)
		if store.KindOf(err) == store.NotFound {
			continue
		}
		if err != nil {
			return err
		}
		if !f.seen[p.ID] {
			f.Notes = append(f.Notes, i18n.Text{FR: "%s est le numéro d'une carte de %s",
				EN: "%s is the number of a card of %s"}.Format(number, p.DisplayName()))
		}
		f.add(p)
	}
	return nil
}

// Profession are the professions of a person, in words.
func (v view) Profession(p *people.Person) string {
	var list []string
	if p.RefPro != nil {
		for _, e := range p.RefPro.Exercices {
			if label, ok := people.Label("codeProfession", e.CodeProfession); ok {
				list = append(list, v.Say(label))
			} else if e.CodeProfession != "" {
				list = append(list, web.Visible(e.CodeProfession))
			}
		}
	}
	return strings.Join(list, ", ")
}

// Workplace is where a person works first: the structure and its town.
func (v view) Workplace(p *people.Person) string {
	name, _ := p.Organization()
	if p.RefPro != nil && len(p.RefPro.Exercices) > 0 && len(p.RefPro.Exercices[0].Activities) > 0 {
		a := p.RefPro.Exercices[0].Activities[0]
		if a.CodePostal != "" && name != "" {
			name += " (" + a.CodePostal + ")"
		}
	}
	return web.Visible(name)
}
