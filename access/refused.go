package access

import (
	"strings"

	"github.com/igc-lab/igc/internal/i18n"
)

// RefusalCode is why something was refused: a stable code.
type RefusalCode string

// The codes.
const (
	RefusedWay       RefusalCode = "ACCESS-WAY"       // not by this way in
	RefusedScope     RefusalCode = "ACCESS-SCOPE"     // the token was not made for it
	RefusedRole      RefusalCode = "ACCESS-ROLE"      // no role that may
	RefusedStructure RefusalCode = "ACCESS-STRUCTURE" // a role that may, in another structure
	RefusedOwn       RefusalCode = "ACCESS-OWN"       // only what they asked for themselves
)

// Refused is the error of [Caller.May].
type Refused struct {
	Code   RefusalCode
	Action Action
	Target Target
	Caller *Caller
}

func (r *Refused) Error() string { return i18n.Tr(r.Text().FR, r.Text().EN) }

// Text is the refusal in both languages: what was refused to whom, and what would let them.
func (r *Refused) Text() i18n.Text {
	name, what := r.Caller.Name, r.Action.Name()
	if name == "" {
		name = r.Caller.ID
	}
	switch r.Code {
	case RefusedWay:
		return i18n.Text{
			FR: name + " ne peut pas " + what.FR + " de cette façon (" + string(r.Caller.Way) + ") : il faut " +
				ways(r.Action, i18n.French),
			EN: name + " cannot " + what.EN + " this way (" + string(r.Caller.Way) + "): it takes " +
				ways(r.Action, i18n.English)}
	case RefusedScope:
		scope := string(table[r.Action].scope)
		return i18n.Text{
			FR: "le jeton " + name + " n'a pas la portée " + scope + " qu'il faut pour " + what.FR +
				" : igc token add --scope " + scope,
			EN: "the token " + name + " lacks the scope " + scope + " that it takes to " + what.EN +
				": igc token add --scope " + scope}
	case RefusedStructure:
		return i18n.Text{
			FR: name + " n'a pas de rôle dans la structure " + r.Target.Structure + " : pour y " + what.FR +
				", il faut un rôle parmi " + roles(r.Action, i18n.French),
			EN: name + " has no role in structure " + r.Target.Structure + ": to " + what.EN + " there takes one of " +
				roles(r.Action, i18n.English)}
	case RefusedOwn:
		return i18n.Text{
			FR: name + " ne peut " + what.FR + " que ce qu'il a demandé lui-même",
			EN: name + " can " + what.EN + " only what they asked for themselves"}
	}
	return i18n.Text{
		FR: name + " n'a pas le rôle qu'il faut pour " + what.FR + " (" + roles(r.Action, i18n.French) +
			") : igc role add le donne",
		EN: name + " has no role that lets them " + what.EN + " (" + roles(r.Action, i18n.English) +
			"): igc role add gives one"}
}

// refused is why no role lets the caller.
func (c *Caller) refused(a Action, t Target) error {
	code := RefusedRole
	for _, g := range c.Grants {
		switch extent := Cell(g.Role, a, c.Way); {
		case extent == OwnInStructure && g.Structure == t.Structure:
			return &Refused{RefusedOwn, a, t, c}
		case extent == InStructure || extent == OwnInStructure:
			code = RefusedStructure
		}
	}
	return &Refused{code, a, t, c}
}

// roles are the names of the roles that may do something, but for the lab's administrator.
func roles(a Action, lang i18n.Language) string {
	var names []string
	for _, r := range Roles() {
		if r != Administrator && table[a].roles[r] > None {
			names = append(names, r.Name().In(lang))
		}
	}
	if names == nil {
		return Administrator.Name().In(lang)
	}
	return strings.Join(names, ", ")
}

// ways are the ways by which something may be asked for.
func ways(a Action, lang i18n.Language) string {
	names := map[Way]i18n.Text{
		Local:       {FR: "le propriétaire de la machine", EN: "the owner of the machine"},
		Card:        {FR: "une carte", EN: "a card"},
		Certificate: {FR: "un certificat AUTH_CLI", EN: "an AUTH_CLI certificate"},
		Token:       {FR: "un jeton", EN: "a token"},
	}
	var list []string
	for _, w := range table[a].ways {
		list = append(list, names[w].In(lang))
	}
	return strings.Join(list, ", ")
}
