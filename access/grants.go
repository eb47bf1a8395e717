package access

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"slices"
	"strings"

	"github.com/igc-lab/igc/ca/store"
	"github.com/igc-lab/igc/internal/nearest"
	"github.com/igc-lab/igc/profiles"
)

// GrantFilter says which grants are meant. What is empty passes every grant.
type GrantFilter struct {
	Holder    string // [Caller.ID]
	Role      Role
	Structure string // Struct_IdNat
}

func (f GrantFilter) passes(g Grant) bool {
	return (f.Holder == "" || f.Holder == g.Holder) && (f.Role == "" || f.Role == g.Role) &&
		(f.Structure == "" || f.Structure == g.Structure)
}

// roleWords are the words that people write for a role, without accents.
var roleWords = map[string]Role{
	"administrator": Administrator, "administrateur-du-labo": Administrator, "admin": Administrator,
	"legal": Legal, "legal-representative": Legal, "representant": Legal, "rl": Legal,
	"agent": Agent, "mandatary": Agent,
	"technical": Technical, "technical-administrator": Technical, "technique": Technical, "at": Technical,
}

// ParseRole reads the name of a role that can be given.
func ParseRole(text string) (Role, error) {
	word := strings.Join(strings.FieldsFunc(profiles.Fold(text), func(c rune) bool {
		return c == ' ' || c == '-' ||
			c == '_'
	}),
		"-")
	if role, ok := roleWords[word]; ok {
		return role, nil
	}
	var known []string
	for _, role := range Roles() {
		if role == Holder {
			continue
		}
		if known = append(known, string(role)); string(role) == word {
			return role, nil
		}
	}
	if word == string(Holder) {
		return "", store.Errorf(store.Invalid, "everyone is titulaire of what is their own: it is not given. Choose "+
			"one of %s",
			strings.Join(known, ", "))
	}
	if near := nearest.Of(word, known); near != "" {
		return "", store.Errorf(store.Invalid, "unknown role %q: did you mean %s?", text, near)
	}
	return "", store.Errorf(store.Invalid, "unknown role %q: choose one of %s", text, strings.Join(known, ", "))
}

// GrantAction is what it takes to give a role, or to end it.
func GrantAction(role Role) Action {
	switch role {
	case Technical:
		return GrantTechnical
	case Agent:
		return GrantAgent
	}
	return GrantLegal
}

// Grant gives a role on behalf of a caller. Of the grant, Holder, Role and Structure are read, and
// the holder is found by [Registry.Resolve]. It returns the grant as it is recorded; made is false
// when the holder had the role already, and nothing was written.
func (r *Registry) Grant(ctx context.Context, by *Caller, g Grant) (recorded Grant, made bool, err error) {
	who, g, err := r.checkGrant(ctx, by, g)
	if err != nil {
		return g, false, err
	}
	if who.Organisation && g.Role != Technical {
		return g, false, store.Errorf(store.Invalid, "%s is a certificate of an organisation: it can be %s and "+
			"nothing else; "+
			"the other roles are of people, by their card", who.ID, Technical)
	}
	g.Holder, g.Name, g.By, g.At = who.ID, who.Name, by.Actor, r.now()
	value, err := json.Marshal(g)
	if err != nil {
		return g, false, err
	}
	var none uint64
	_, err = r.Service.WriteDocuments(ctx, by.Actor,
		store.DocumentWrite{Kind: roleKind, Key: g.key(), Value: value, IfVersion: &none})
	if !errors.Is(err, store.ErrSwap) {
		return g, err == nil, err
	}
	doc, err := r.Service.GetDocument(ctx, roleKind, g.key())
	if err != nil {
		return g, false, err
	}
	g, err = readGrant(doc)
	return g, false, err
}

// Remove ends a role on behalf of a caller, and returns what was ended. It holds from the next
// request of the holder.
func (r *Registry) Remove(ctx context.Context, by *Caller, g Grant) (Grant, error) {
	who, g, err := r.checkGrant(ctx, by, g)
	if err != nil {
		return g, err
	}
	g.Holder = who.ID
	doc, err := r.Service.GetDocument(ctx, roleKind, g.key())
	if store.KindOf(err) == store.NotFound {
		where := g.Structure
		if where == "" {
			return g, store.Errorf(store.NotFound, "%s is not %s: igc role list shows the roles", g.Holder, g.Role)
		}
		return g, store.Errorf(store.NotFound, "%s is not %s of %s: igc role list shows the roles", g.Holder, g.Role,
			where)
	}
	if err != nil {
		return g, err
	}
	if g, err = readGrant(doc); err != nil {
		return g, err
	}
	_, err = r.Service.WriteDocuments(ctx, by.Actor, store.DocumentWrite{Kind: roleKind, Key: doc.Key, Delete: true,
		IfVersion: &doc.Version})
	if errors.Is(err, store.ErrSwap) {
		return g, store.Errorf(store.Conflict, "the roles of %s were changed meanwhile: look at igc role list and "+
			"try again",
			g.Holder)
	}
	return g, err
}

// checkGrant reads a grant that is to be made or removed: who it is of, its structure in the one
// form that is recorded, and whether the caller may.
func (r *Registry) checkGrant(ctx context.Context, by *Caller, g Grant) (Who, Grant, error) {
	role, err := ParseRole(string(g.Role))
	if err != nil {
		return Who{}, g, err
	}
	g.Role = role
	if g.Structure != "" {
		if g.Structure, err = ParseStructure(g.Structure); err != nil {
			return Who{}, g, err
		}
	}
	if g.Role != Administrator && g.Structure != "" || g.Role == Administrator && g.Structure == "" {
		// before the holder is looked for: whoever may not do this learns nothing of who there is
		if err := by.May(GrantAction(role), Target{Structure: g.Structure}); err != nil {
			return Who{}, g, err
		}
	}
	who, err := r.Resolve(ctx, g.Holder)
	if err != nil {
		return Who{}, g, err
	}
	switch {
	case g.Role == Administrator && g.Structure != "":
		return who, g, store.Errorf(store.Invalid, "%s is of the whole lab: leave the structure %s out", g.Role,
			g.Structure)
	case g.Role != Administrator && g.Structure == "":
		if g.Structure = who.Structure; g.Structure == "" {
			return who, g, store.Errorf(store.Invalid, "in which structure is %s %s? Their certificate names none: "+
				"give "+
				"a Struct_IdNat such as 10B0057881", who.ID, g.Role)
		}
	}
	return who, g, by.May(GrantAction(role), Target{Structure: g.Structure})
}

// List returns the grants that pass a filter, by holder, role and structure. What a caller may see
// of it is not this method's to decide.
func (r *Registry) List(ctx context.Context, f GrantFilter) ([]Grant, error) {
	prefix := ""
	if f.Holder != "" {
		prefix = f.Holder + "|"
	}
	docs, err := r.Service.ScanDocuments(ctx, roleKind, prefix)
	if err != nil {
		return nil, err
	}
	list := []Grant{}
	for _, doc := range docs {
		g, err := readGrant(doc)
		if err != nil {
			return nil, err
		}
		if f.passes(g) {
			list = append(list, g)
		}
	}
	slices.SortFunc(list, func(a, b Grant) int {
		return cmp.Or(cmp.Compare(a.Holder, b.Holder), cmp.Compare(slices.Index(Roles(), a.Role), slices.Index(Roles(),
			b.Role)),
			cmp.Compare(a.Structure, b.Structure))
	})
	return list, nil
}

// GrantsOf returns the roles that a holder has now, by [Caller.ID].
func (r *Registry) GrantsOf(ctx context.Context, holder string) ([]Grant, error) {
	if holder == "" {
		return nil, nil
	}
	return r.List(ctx, GrantFilter{Holder: holder})
}

// key is the key of the grant's document. A role and a structure have no "|", so that two grants
// never have one key.
func (g Grant) key() string { return g.Holder + "|" + string(g.Role) + "|" + g.Structure }

// readGrant reads a grant, which is worth nothing when it is not the one that its key says.
func readGrant(doc store.Document) (g Grant, err error) {
	if err = json.Unmarshal(doc.Value, &g); err == nil && g.key() != doc.Key {
		err = errors.New(g.key())
	}
	if err != nil {
		return Grant{}, store.Errorf(store.Damaged, "the document %s/%s: %w", roleKind.Name, doc.Key, err)
	}
	return g, nil
}
