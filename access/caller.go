package access

import (
	"slices"
	"time"
)

// Way is how a caller comes in, and so what proved who they are.
type Way string

// The ways in.
const (
	Local       Way = "local"       // the owner of the lab: its socket, or its desk on loopback
	Card        Way = "card"        // mutual TLS with the authentication certificate of a person's card
	Certificate Way = "certificate" // mutual TLS with the AUTH_CLI certificate of an organisation
	Token       Way = "token"       // a bearer token that igc token add made
)

// Ways are the ways in, in the order of tables.
func Ways() []Way { return []Way{Local, Card, Certificate, Token} }

// Caller is who makes a request.
type Caller struct {
	Way       Way
	Actor     string // as the change feed names them: "cli:alain", "card:899700209812", "token:ci"
	ID        string // of a person: PS_IdNat; of an organisation: Struct_IdNat, "/", CN; of a token: its name
	Name      string // for people
	Structure string // Struct_IdNat that the certificate names; may be empty

	// Authority and Serial are of the certificate that was presented: the ID of the authority, and
	// the serial number in hexadecimal.
	Authority, Serial string

	Grants []Grant // the roles that they hold
	Scopes []Scope // of a token: what it was made for. Others have no such limit
}

// Grant is a role that somebody holds.
type Grant struct {
	Holder    string    `json:"holder"`              // [Caller.ID]
	Name      string    `json:"name,omitempty"`      // of the holder then; empty when nothing was issued to them
	Role      Role      `json:"role"`                //
	Structure string    `json:"structure,omitempty"` // Struct_IdNat; empty for [Administrator], of the whole lab
	By        string    `json:"by"`                  // actor
	At        time.Time `json:"at"`
}

// Owner is the owner of the lab, on whose machine it runs.
func Owner(actor string) *Caller {
	return &Caller{Way: Local, Actor: actor, ID: actor, Name: actor,
		Grants: []Grant{{Holder: actor, Role: Administrator}}}
}

// Structures are those in which the caller may do something, sorted; all tells that it is every
// structure of the lab.
func (c *Caller) Structures(a Action) (structures []string, all bool) {
	if c.allowed(a) != nil {
		return nil, false
	}
	for _, g := range c.Grants {
		switch Cell(g.Role, a, c.Way) {
		case All:
			return nil, true
		case InStructure, OwnInStructure:
			structures = append(structures, g.Structure)
		}
	}
	slices.Sort(structures)
	return slices.Compact(structures), false
}
