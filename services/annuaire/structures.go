package annuaire

import (
	"context"
	"net/url"
	"strings"

	"github.com/igc-lab/igc/people"
)

// literal writes a text so that a search takes no character of it for its own (FHIR R4 §3.1.1.4.1).
var literal = strings.NewReplacer(`\`, `\\`, `,`, `\,`, `$`, `\$`)

// Structures finds structures by the beginning of their name, or by a whole identifier: FINESS,
// SIRET or the one that certificates have. It gives at most limit of them.
func (s *Server) Structures(ctx context.Context, text string, limit int) ([]*people.Structure, error) {
	if text = strings.TrimSpace(text); text == "" || strings.Contains(text, "|") {
		return nil, nil // all of them, or all of a system
	}
	var found []*people.Structure
	seen := map[string]bool{}
	for _, param := range []string{"identifier", "name"} {
		q, err := parseQuery(organizations, param+"="+url.QueryEscape(literal.Replace(text)), func(Code, string) {})
		if err != nil {
			return nil, nil // what no search can be made of names no structure
		}
		q.count = limit
		page, err := s.data.search(ctx, q, nil)
		if err != nil {
			return nil, err
		}
		structures, err := s.data.structuresAt(ctx, page.rows)
		if err != nil {
			return nil, err
		}
		for _, one := range structures {
			if !seen[one.ID] && len(found) < limit {
				seen[one.ID] = true
				found = append(found, one)
			}
		}
	}
	return found, nil
}

// structuresAt are the structures of rows that a search gave.
func (d *dataset) structuresAt(ctx context.Context, rows []uint32) ([]*people.Structure, error) {
	if err := d.begin(ctx); err != nil {
		return nil, err
	}
	defer d.mu.RUnlock()
	var list []*people.Structure
	items, err := d.items(ctx, d.tables[organizations], rows)
	if err != nil {
		return nil, err
	}
	for _, it := range items {
		if o, ok := it.(*organization); ok {
			list = append(list, o.structure)
		}
	}
	return list, nil
}
