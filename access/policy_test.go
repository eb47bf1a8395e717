package access

import (
	"errors"
	"testing"
)

// The whole table, by the questions that callers ask: role, action, way, and whether the target is
// of their structure and theirs.
func TestMay(t *testing.T) {
	const here, elsewhere = "1750712184", "1130786049"
	caller := func(way Way, role Role) *Caller {
		c := &Caller{Way: way, Actor: "card:899700209812", ID: "899700209812", Name: "Camille", Scopes: Scopes()}
		if role != Holder {
			c.Grants = []Grant{{Holder: c.ID, Role: role, Structure: here}}
		}
		return c
	}
	for _, test := range []struct {
		way    Way
		role   Role
		action Action
		target Target
		want   RefusalCode
	}{
		{Card, Legal, OrderCertificate, Target{Structure: here}, ""},
		{Card, Legal, OrderCertificate, Target{Structure: elsewhere}, RefusedStructure},
		{Card, Legal, OrderCertificate, Target{}, RefusedStructure},
		{Card, Agent, OrderCard, Target{Structure: here}, ""},
		{Card, Technical, OrderCard, Target{Structure: here}, RefusedRole},
		{Certificate, Legal, OrderCard, Target{Structure: here}, RefusedWay},
		{Card, Agent, Withdraw, Target{Structure: here, AskedBy: "899700209812"}, ""},
		{Card, Agent, Withdraw, Target{Structure: here, AskedBy: "someone"}, RefusedOwn},
		{Card, Technical, Withdraw, Target{Structure: here, AskedBy: "someone"}, ""},
		{Card, Technical, Revoke, Target{Structure: here}, RefusedRole},
		{Card, Technical, RevokeByCode, Target{Structure: here}, ""},
		{Card, Agent, GrantTechnical, Target{Structure: here}, ""},
		{Card, Agent, GrantAgent, Target{Structure: here}, RefusedRole},
		{Token, Legal, GrantAgent, Target{Structure: here}, RefusedWay},
		{Card, Legal, GrantLegal, Target{Structure: here}, RefusedRole},
		{Card, Holder, OrderPersonal, Target{Person: "899700209812"}, ""},
		{Card, Holder, OrderPersonal, Target{Person: "899700209820"}, RefusedRole},
		{Card, Holder, Follow, Target{AskedBy: "899700209812"}, ""},
		{Token, Holder, Follow, Target{AskedBy: "899700209812"}, RefusedRole},
		{Card, Legal, Administer, Target{}, RefusedRole},
		{Card, Administrator, Administer, Target{}, ""},
		{Certificate, Administrator, Administer, Target{}, RefusedWay},
		{Card, Administrator, "unknown", Target{}, RefusedWay},
		{"unknown", Administrator, Follow, Target{}, RefusedWay},
	} {
		var refused *Refused
		err := caller(test.way, test.role).May(test.action, test.target)
		if errors.As(err, &refused); err == nil && test.want != "" || refused != nil && refused.Code != test.want {
			t.Errorf("%s, %s, %s, %+v: %v, want %q", test.way, test.role, test.action, test.target, err, test.want)
		}
	}
	limited := caller(Token, Legal)
	limited.Scopes = []Scope{ReadOrders}
	var refused *Refused
	if err := limited.May(Revoke, Target{Structure: here}); !errors.As(err, &refused) || refused.Code != RefusedScope {
		t.Errorf("a token for reading revokes: %v", err)
	}
	if err := Owner("cli:alain").May(Administer, Target{}); err != nil {
		t.Errorf("the owner of the lab: %v", err)
	}
}

// Every action has a row, with a name, at least one way, and no role that can do nothing of it.
func TestTable(t *testing.T) {
	if len(Actions()) != len(table) {
		t.Errorf("%d actions are listed, %d have a row", len(Actions()), len(table))
	}
	for _, a := range Actions() {
		row := table[a]
		if row.name.FR == "" || row.name.EN == "" || len(row.ways) == 0 || row.roles[Administrator] != All {
			t.Errorf("%s: %+v", a, row)
		}
	}
}
