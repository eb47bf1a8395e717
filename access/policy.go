package access

import (
	"slices"

	"github.com/igc-lab/igc/internal/i18n"
)

// Role is what somebody is in a structure.
type Role string

// The roles.
const (
	Administrator Role = "administrateur"           // of the lab: everything, as its owner
	Legal         Role = "representant-legal"       // représentant légal of a structure
	Agent         Role = "mandataire"               // whom the représentant légal named
	Technical     Role = "administrateur-technique" // asks for and withdraws certificates of the structure
	Holder        Role = "titulaire"                // everyone, of what is their own
)

// roleNames are the roles in the order of tables, and their names.
var roleNames = []struct {
	Role Role
	Name i18n.Text
}{
	{Administrator, i18n.Text{FR: "administrateur du labo", EN: "lab administrator"}},
	{Legal, i18n.Text{FR: "représentant légal", EN: "legal representative"}},
	{Agent, i18n.Text{FR: "mandataire", EN: "mandataire"}},
	{Technical, i18n.Text{FR: "administrateur technique", EN: "technical administrator"}},
	{Holder, i18n.Text{FR: "titulaire", EN: "holder"}},
}

// Roles are the roles, in the order of tables.
func Roles() []Role {
	roles := make([]Role, len(roleNames))
	for i, r := range roleNames {
		roles[i] = r.Role
	}
	return roles
}

// Name is the role's name for people.
func (r Role) Name() i18n.Text {
	for _, n := range roleNames {
		if n.Role == r {
			return n.Name
		}
	}
	return i18n.Text{FR: string(r), EN: string(r)}
}

// Action is something that a caller asks for.
type Action string

// The actions.
const (
	OrderCertificate Action = "order-certificate" // Demander: offers ORG and SERV
	OrderPersonal    Action = "order-personal"    // Demander: offers PRO and PS, certificates of a person
	OrderCard        Action = "order-card"        // Demander: a card
	Withdraw         Action = "withdraw"          // Retirer
	Follow           Action = "follow"            // Suivre
	RevokeByCode     Action = "revoke-by-code"    // Révoquer, with the revocation code
	Revoke           Action = "revoke"            // Révoquer, by role
	GrantTechnical   Action = "grant-technical"   // name an administrateur technique, or end that
	GrantAgent       Action = "grant-agent"       // name a mandataire, or end that
	GrantLegal       Action = "grant-legal"       // name a représentant légal or a lab administrator, or end that
	ReadLab          Action = "read-lab"          // see what the lab has of everyone: the console
	ManageTokens     Action = "manage-tokens"     // make tokens and remove them: no token makes another
	Administer       Action = "administer"        // everything else that changes the lab: issue, settings
)

// Extent is how far a role may do something.
type Extent int

// The extents.
const (
	None           Extent = iota
	Own                   // what they asked for, or what is about them
	OwnInStructure        // in the structure of the role, what they asked for
	InStructure           // in the structure of the role
	All
)

// rule is a row of the table.
type rule struct {
	name  i18n.Text
	roles map[Role]Extent
	ways  []Way // by which it may be asked for
	scope Scope // that a token needs
}

// Scope is what a token was made for.
type Scope string

// The scopes.
const (
	ReadOrders  Scope = "orders:read"
	WriteOrders Scope = "orders:write"
	RevokeScope Scope = "revoke"
	ReadScope   Scope = "lab:read"
	WriteScope  Scope = "lab:write"
)

// Scopes are the scopes, in the order of tables.
func Scopes() []Scope { return []Scope{ReadOrders, WriteOrders, RevokeScope, ReadScope, WriteScope} }

var (
	everyWay = Ways()
	inPerson = []Way{Local, Card}
)

// table is who may do what. What is not in it is refused.
var table = map[Action]rule{
	OrderCertificate: {i18n.Text{FR: "demander un certificat ORG ou SERV", EN: "ask for an ORG or SERV certificate"},
		map[Role]Extent{Administrator: All, Legal: InStructure, Agent: InStructure, Technical: InStructure},
		everyWay, WriteOrders},
	OrderPersonal: {i18n.Text{FR: "demander un certificat PRO ou PS", EN: "ask for a PRO or PS certificate"},
		map[Role]Extent{Administrator: All, Legal: InStructure, Agent: InStructure, Holder: Own},
		[]Way{Local, Card, Token}, WriteOrders},
	OrderCard: {i18n.Text{FR: "commander une carte", EN: "order a card"},
		map[Role]Extent{Administrator: All, Legal: InStructure, Agent: InStructure},
		[]Way{Local, Card, Token}, WriteOrders},
	Withdraw: {i18n.Text{FR: "retirer", EN: "withdraw"},
		map[Role]Extent{Administrator: All, Legal: OwnInStructure, Agent: OwnInStructure,
			Technical: InStructure, Holder: Own},
		everyWay, WriteOrders},
	Follow: {i18n.Text{FR: "suivre", EN: "follow"},
		map[Role]Extent{Administrator: All, Legal: InStructure, Agent: InStructure,
			Technical: InStructure, Holder: Own},
		everyWay, ReadOrders},
	RevokeByCode: {i18n.Text{FR: "révoquer, avec le code", EN: "revoke, with the code"},
		map[Role]Extent{Administrator: All, Legal: InStructure, Agent: InStructure,
			Technical: InStructure, Holder: Own},
		everyWay, RevokeScope},
	Revoke: {i18n.Text{FR: "révoquer, sans le code", EN: "revoke, without the code"},
		map[Role]Extent{Administrator: All, Legal: InStructure, Agent: InStructure},
		[]Way{Local, Card, Token}, RevokeScope},
	GrantTechnical: {i18n.Text{FR: "nommer un administrateur technique", EN: "name a technical administrator"},
		map[Role]Extent{Administrator: All, Legal: InStructure, Agent: InStructure},
		inPerson, ""},
	GrantAgent: {i18n.Text{FR: "nommer un mandataire", EN: "name a mandataire"},
		map[Role]Extent{Administrator: All, Legal: InStructure},
		inPerson, ""},
	GrantLegal: {i18n.Text{FR: "nommer un représentant légal", EN: "name a legal representative"},
		map[Role]Extent{Administrator: All},
		inPerson, ""},
	ReadLab: {i18n.Text{FR: "voir tout le labo", EN: "see the whole lab"},
		map[Role]Extent{Administrator: All},
		[]Way{Local, Card, Token}, ReadScope},
	ManageTokens: {i18n.Text{FR: "faire et retirer des jetons", EN: "make and remove tokens"},
		map[Role]Extent{Administrator: All},
		inPerson, ""},
	Administer: {i18n.Text{FR: "administrer le labo", EN: "administer the lab"},
		map[Role]Extent{Administrator: All},
		[]Way{Local, Card, Token}, WriteScope},
}

// Actions are the actions, in the order of tables.
func Actions() []Action {
	return []Action{OrderCertificate, OrderPersonal, OrderCard, Withdraw, Follow, RevokeByCode, Revoke, GrantTechnical,
		GrantAgent, GrantLegal, ReadLab, ManageTokens, Administer}
}

// Name is the action's name for people.
func (a Action) Name() i18n.Text { return table[a].name }

// Cell is how far a role may do something that is asked for in a way: a cell of docs/access.md.
func Cell(role Role, a Action, way Way) Extent {
	row, ok := table[a]
	switch {
	case !ok || !slices.Contains(row.ways, way):
	case way == Token && role == Holder: // nothing is about a program, or was asked for by it as a person
	case way == Certificate && role != Technical && role != Holder: // the other roles are of people
	default:
		return row.roles[role]
	}
	return None
}

// Target is what an action is about.
type Target struct {
	Structure string // Struct_IdNat; empty for what is of no structure
	Person    string // PS_IdNat of whom it is about; may be empty
	AskedBy   string // [Caller.ID] of who asked for it; empty for what is asked for now
}

// May answers nil when the caller may do something to the target, else a [*Refused].
func (c *Caller) May(a Action, t Target) error {
	if err := c.allowed(a); err != nil {
		return err
	}
	own := t.Person != "" && t.Person == c.ID || t.AskedBy != "" && t.AskedBy == c.ID
	for _, g := range c.Grants {
		here := g.Structure != "" && g.Structure == t.Structure
		switch Cell(g.Role, a, c.Way) {
		case All:
			return nil
		case InStructure:
			if here {
				return nil
			}
		case OwnInStructure:
			if here && (own || t.AskedBy == "") {
				return nil
			}
		}
	}
	if own && Cell(Holder, a, c.Way) == Own {
		return nil
	}
	return c.refused(a, t)
}

// allowed tells whether the way in, and the scopes of a token, let an action through at all.
func (c *Caller) allowed(a Action) error {
	row, ok := table[a]
	switch {
	case !ok || !slices.Contains(row.ways, c.Way):
		return &Refused{Code: RefusedWay, Action: a, Caller: c}
	case c.Way == Token && !slices.Contains(c.Scopes, row.scope):
		return &Refused{Code: RefusedScope, Action: a, Caller: c}
	}
	return nil
}
