package access

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/igc-lab/igc/ca/store"
)

// A holder is named by any word that people have for one, and what names nobody, or several, is
// refused.
func TestResolve(t *testing.T) {
	w := newWorld(t)
	alain := w.records["alain"]
	for text, want := range map[string]string{
		alainID: alainID, "99700209812": alainID, " 8 997 002 098 12 ": alainID, "ALAIN DODO0020981": alainID,
		"alain":                 alainID,
		alain.Holder.CardNumber: alainID, alain.Serial: alainID, strings.ToLower(alain.Serial): alainID,
		charlesID: charlesID, "30B0057881 / CPET0002": charlesID, "charles": charlesID, "2600301752": charlesID,
		hopitalID: hopitalID, "0B0039129/dossier-patient": hopitalID, w.records["hopital"].Serial: hopitalID,
		"10B0039129/ dossier-patient ": hopitalID, "dossier-patient": hopitalID,
		"899900063480": "899900063480", "99900063480": "899900063480", "max": "899900063480",
		// nothing was issued to him
		"10B0039129/autre": "10B0039129/autre", "00B6077602": "00B6077602", "0751234567": "0751234567",
		"assistante": "10B608876500/CPET0001",
	} {
		if got, err := w.Resolve(t.Context(), text); err != nil || got.ID != want {
			t.Errorf("%q: %+v, %v, want %s", text, got, err, want)
		}
	}
	for _, text := range []string{"", " ", "nobody", "8997002098", "2999999999", w.records["serveur"].Serial, "serveur",
		w.records["ministere"].Serial, "hopital", "10B0039129/", "/x", "10B00391/x", "90B0057881/CPET0002", "x\x00y",
		strings.Repeat("9", 5000)} {
		if got, err := w.Resolve(t.Context(), text); err == nil {
			t.Errorf("%q: %+v", text, got)
		} else if kind := store.KindOf(err); kind != store.Invalid && kind != store.NotFound {
			t.Errorf("%q: %s %v", text, kind, err)
		}
	}
	w.IssueCard(t, "alain", "authentication", "signature") // two cards, one person
	if got, err := w.Resolve(t.Context(), "alain"); err != nil || got.ID != alainID {
		t.Errorf("with two cards: %+v, %v", got, err)
	}
}

func TestParseStructure(t *testing.T) {
	for text, want := range map[string]string{
		"10B0057881": "10B0057881", "0B0057881": "10B0057881", "1 0B 005 788 1": "10B0057881",
		"10b0057881":      "10B0057881",
		"300000000087098": "300000000087098", "499700367909006": "499700367909006", "00B608876500": "00B608876500",
		"2187512751": "2187512751", "187512751": "", "18751275100020": "", "": "", "10B005788": "", "90B0057881": "",
		"10B0057881/CPET0001": "", "10B0057881|": "", "hopital": "",
	} {
		if got, err := ParseStructure(text); got != want || (err == nil) != (want != "") {
			t.Errorf("%q: %q, %v, want %q", text, got, err, want)
		}
	}
}

func TestParseRole(t *testing.T) {
	for text, want := range map[string]Role{
		"mandataire": Agent, "MANDATAIRE": Agent, "agent": Agent, "Représentant légal": Legal,
		"representant_legal": Legal,
		"legal":              Legal, "administrateur technique": Technical, "technique": Technical,
		"admin":          Administrator,
		"administrateur": Administrator, "titulaire": "", "": "", "root": "", "mandataires": "",
	} {
		if got, err := ParseRole(text); got != want || (err == nil) != (want != "") {
			t.Errorf("%q: %q, %v, want %q", text, got, err, want)
		}
	}
}

// Roles are given by those who may, in a structure, once, and end at once.
func TestGrants(t *testing.T) {
	w := newWorld(t)
	legal := &Caller{Way: Card, Actor: "card:" + charlesID, ID: charlesID, Grants: []Grant{{Role: Legal,
		Structure: damesID}}}
	agent := &Caller{Way: Card, Actor: "card:x", ID: "x", Grants: []Grant{{Role: Agent, Structure: damesID}}}
	technical := &Caller{Way: Card, ID: "x", Grants: []Grant{{Role: Technical, Structure: damesID}}}
	certificate := &Caller{Way: Certificate, ID: hopitalID, Grants: []Grant{{Role: Legal, Structure: damesID}}}
	token := &Caller{Way: Token, ID: "ci", Scopes: Scopes(), Grants: []Grant{{Role: Administrator}}}
	nobody := &Caller{Way: Card, ID: "x"}
	refused := func(err error) bool { var r *Refused; return errors.As(err, &r) }
	for _, test := range []struct {
		by    *Caller
		grant Grant
		ok    bool
	}{
		{legal, Grant{Holder: alainID, Role: Agent, Structure: damesID}, true},
		{legal, Grant{Holder: alainID, Role: Agent, Structure: otherID}, false},
		{legal, Grant{Holder: alainID, Role: Legal, Structure: damesID}, false},
		{legal, Grant{Holder: alainID, Role: Administrator}, false},
		{agent, Grant{Holder: hopitalID, Role: Technical, Structure: damesID}, true},
		{agent, Grant{Holder: alainID, Role: Agent, Structure: damesID}, false},
		{technical, Grant{Holder: alainID, Role: Technical, Structure: damesID}, false},
		{certificate, Grant{Holder: alainID, Role: Technical, Structure: damesID}, false},
		{token, Grant{Holder: alainID, Role: Administrator}, false},
		{nobody, Grant{Holder: "nobody at all", Role: Technical, Structure: damesID}, false}, // and does not learn it
		{w.owner, Grant{Holder: alainID, Role: Administrator}, true},
		{w.owner, Grant{Holder: charlesID, Role: Legal}, true}, // in the structure of his card
	} {
		_, made, err := w.Grant(t.Context(), test.by, test.grant)
		if made != test.ok || refused(err) == test.ok {
			t.Errorf("%s %+v: %v, %v", test.by.ID, test.grant, made, err)
		}
	}
	for _, g := range []Grant{
		{Holder: alainID, Role: Agent}, {Holder: alainID, Role: Administrator, Structure: damesID},
		{Holder: hopitalID, Role: Agent, Structure: damesID}, {Holder: hopitalID, Role: Administrator},
		{Holder: alainID, Role: Holder, Structure: damesID}, {Holder: alainID, Role: "root"}, {Role: Agent,
			Structure: damesID},
		{Holder: alainID, Role: Agent, Structure: "x"},
	} {
		if _, _, err := w.Grant(t.Context(), w.owner, g); store.KindOf(err) != store.Invalid {
			t.Errorf("%+v: %v", g, err)
		}
	}
	g, made, err := w.Grant(t.Context(), w.owner, Grant{Holder: "alain", Role: "agent", Structure: "0B0057881"})
	if err != nil || made || g.By != "card:"+charlesID || g.Holder != alainID || g.Name != "ALAIN DODO0020981" {
		t.Errorf("given again: %+v, %v, %v", g, made, err)
	}
	if list, err := w.GrantsOf(t.Context(), alainID); err != nil || len(list) != 2 || list[0].Role != Administrator {
		t.Errorf("%+v, %v", list, err)
	}
	if list, err := w.GrantsOf(t.Context(), "8997"); err != nil || len(list) != 0 {
		t.Errorf("the beginning of an identifier: %+v, %v", list, err)
	}
	if list, err := w.GrantsOf(t.Context(), ""); err != nil || len(list) != 0 {
		t.Errorf("nobody's: %+v, %v", list, err)
	}
	if list, err := w.Registry.List(t.Context(), GrantFilter{Structure: damesID}); err != nil || len(list) != 3 {
		t.Errorf("of the structure: %+v, %v", list, err)
	}
	if list, err := w.Registry.List(t.Context(), GrantFilter{Role: Technical}); err != nil || len(list) != 1 {
		t.Errorf("of the role: %+v, %v", list, err)
	}
	if _, err := w.Remove(t.Context(), technical, Grant{Holder: hopitalID, Role: Technical,
		Structure: damesID}); !refused(err) {
		t.Errorf("removed by a technical administrator: %v", err)
	}
	remove := Grant{Holder: alainID, Role: Agent, Structure: damesID}
	if g, err := w.Remove(t.Context(), legal, remove); err != nil || g.Name == "" {
		t.Errorf("%+v, %v", g, err)
	}
	if _, err := w.Remove(t.Context(), legal, remove); store.KindOf(err) != store.NotFound {
		t.Errorf("removed again: %v", err)
	}
	changes, err := w.Changes(t.Context(), 0, 10000)
	if err != nil {
		t.Fatal(err)
	}
	if last := changes[len(changes)-1]; last.Actor != legal.Actor || last.Kind != store.DocumentDeleted ||
		last.Document != "access.role/"+alainID+"|mandataire|"+damesID {
		t.Errorf("the feed ends with %+v", last)
	}
}

// A token is shown once, is worth its roles until its end, and is not kept.
func TestTokens(t *testing.T) {
	w := newWorld(t)
	want := Bearer{Name: "ci", Scopes: []Scope{WriteOrders, ReadOrders, ReadOrders},
		Grants: []Grant{{Role: "technique", Structure: "0B0057881"}, {Role: Technical, Structure: damesID}}}
	made, token, err := w.AddToken(t.Context(), w.owner, want)
	if err != nil {
		t.Fatal(err)
	}
	if !strings.HasPrefix(token, "igc_ci_") || len(token) != len("igc_ci_")+52 || len(made.Scopes) != 2 ||
		len(made.Grants) != 1 ||
		!made.End.Equal(w.Now.AddDate(0, 0, 90)) || made.By != "cli:test" {
		t.Errorf("%s %+v", token, made)
	}
	docs, err := w.Service.ScanDocuments(t.Context(), tokenKind, "")
	if err != nil || len(docs) != 1 || strings.Contains(string(docs[0].Value), token[len("igc_ci_"):]) {
		t.Errorf("%d documents, %v", len(docs), err)
	}
	if list, err := w.Tokens(t.Context()); err != nil || len(list) != 1 || list[0].Used != "" || list[0].Hash == "" {
		t.Errorf("%+v, %v", list, err)
	}
	if _, _, err := w.AddToken(t.Context(), w.owner, want); store.KindOf(err) != store.Conflict {
		t.Errorf("twice: %v", err)
	}
	role := []Grant{{Role: Administrator}}
	for name, bad := range map[string]Bearer{
		"digits":       {Name: "899700209812", Scopes: Scopes(), Grants: role},
		"an actor":     {Name: "cli:alain", Scopes: Scopes(), Grants: role},
		"an identity":  {Name: "10B0039129/x", Scopes: Scopes(), Grants: role},
		"underscore":   {Name: "a_b", Scopes: Scopes(), Grants: role},
		"capitals":     {Name: "CI", Scopes: Scopes(), Grants: role},
		"empty":        {Scopes: Scopes(), Grants: role},
		"too long":     {Name: strings.Repeat("a", 41), Scopes: Scopes(), Grants: role},
		"no scope":     {Name: "a", Grants: role},
		"scope":        {Name: "a", Scopes: []Scope{"root"}, Grants: role},
		"no role":      {Name: "a", Scopes: Scopes()},
		"role":         {Name: "a", Scopes: Scopes(), Grants: []Grant{{Role: Holder, Structure: damesID}}},
		"no structure": {Name: "a", Scopes: Scopes(), Grants: []Grant{{Role: Agent}}},
		"structure":    {Name: "a", Scopes: Scopes(), Grants: []Grant{{Role: Agent, Structure: "x"}}},
		"of the lab":   {Name: "a", Scopes: Scopes(), Grants: []Grant{{Role: Administrator, Structure: damesID}}},
		"over":         {Name: "a", Scopes: Scopes(), Grants: role, End: w.Now},
		"too far":      {Name: "a", Scopes: Scopes(), Grants: role, End: w.Now.AddDate(0, 0, 367)},
	} {
		if _, token, err := w.AddToken(t.Context(), w.owner, bad); store.KindOf(err) != store.Invalid || token != "" {
			t.Errorf("%s: %q, %v", name, token, err)
		}
	}
	for _, by := range []*Caller{{Way: Token, ID: "ci", Scopes: Scopes(), Grants: role}, {Way: Card, ID: alainID},
		{Way: Certificate, ID: hopitalID, Grants: role}} {
		var refused *Refused
		if _, _, err := w.AddToken(t.Context(), by, Bearer{Name: "a", Scopes: Scopes(), Grants: role}); !errors.As(err,
			&refused) {
			t.Errorf("made by %s: %v", by.Way, err)
		}
		if err := w.RemoveToken(t.Context(), by, "ci"); !errors.As(err, &refused) {
			t.Errorf("removed by %s: %v", by.Way, err)
		}
	}
	if err := w.RemoveToken(t.Context(), w.owner, "ci"); err != nil {
		t.Error(err)
	}
	if err := w.RemoveToken(t.Context(), w.owner, "ci"); store.KindOf(err) != store.NotFound {
		t.Errorf("removed again: %v", err)
	}
	if _, again, err := w.AddToken(t.Context(), w.owner, want); err != nil || again == token {
		t.Errorf("made again: %v", err)
	}
	if found, err := w.find(t.Context(), token); err != nil || found != nil {
		t.Errorf("the former token: %+v, %v", found, err)
	}
	w.Now = w.Now.Add(91 * 24 * time.Hour)
	if list, err := w.Tokens(t.Context()); err != nil || !list[0].Ended(w.Now) {
		t.Errorf("%+v, %v", list, err)
	}
}
