package access

import (
	"bytes"
	"fmt"
	"io"
	"strings"

	"github.com/igc-lab/igc/internal/i18n"
)

// wayNames are the ways in, for people.
var wayNames = map[Way]i18n.Text{
	Local:       {FR: "propriétaire de la machine", EN: "owner of the machine"},
	Card:        {FR: "carte", EN: "card"},
	Certificate: {FR: "certificat AUTH_CLI", EN: "AUTH_CLI certificate"},
	Token:       {FR: "jeton", EN: "token"},
}

// Name is the way's name for people.
func (w Way) Name() i18n.Text { return wayNames[w] }

var extentNames = map[Extent]i18n.Text{
	None:           {FR: "–", EN: "–"},
	Own:            {FR: "le sien", EN: "own"},
	OwnInStructure: {FR: "le sien, dans sa structure", EN: "own, in the structure"},
	InStructure:    {FR: "sa structure", EN: "the structure"},
	All:            {FR: "tout", EN: "all"},
}

// both is a text of the page, which is in both languages.
func both(t i18n.Text) string {
	if t.FR == t.EN {
		return t.FR
	}
	return t.FR + " / " + t.EN
}

// WriteMatrix writes who may do what, as Markdown: docs/access.md.
func WriteMatrix(w io.Writer) error {
	var b bytes.Buffer
	code := strings.NewReplacer("~", "`")
	b.WriteString(code.Replace(`# Qui peut quoi / Who may do what

Fait de la table du programme (package ~access~) par ~go test ./access -run Matrix -update~. Ce qu'elle
ne permet pas est refusé.

Made from the program's own table (package ~access~) by ~go test ./access -run Matrix -update~. What it
does not allow is refused.

Un rôle est tenu dans une structure, et donné par ~igc role add~ ; chacun est titulaire de ce qui est à lui :
ce qui le concerne, ou ce qu'il a demandé. *Sa structure* : celle du rôle. Un certificat AUTH_CLI ne peut être
qu'administrateur technique ; un jeton n'est titulaire de rien.

A role is held in a structure, and given by ~igc role add~; everyone is holder (titulaire) of what is their own: what
is about them, or what they asked for. *The structure*: that of the role. An AUTH_CLI certificate can be a technical
administrator only; a token is the holder of nothing.
`))
	for _, role := range Roles() {
		fmt.Fprintf(&b, "\n## %s\n\n`%s`\n\n|", both(role.Name()), role)
		for _, way := range Ways() {
			b.WriteString(" | " + both(way.Name()))
		}
		b.WriteString(" |\n|---" + strings.Repeat("|---", len(Ways())) + "|\n")
		for _, action := range Actions() {
			fmt.Fprintf(&b, "| %s", both(action.Name()))
			for _, way := range Ways() {
				b.WriteString(" | " + both(extentNames[Cell(role, action, way)]))
			}
			b.WriteString(" |\n")
		}
	}
	b.WriteString("\n## Portées des jetons / Scopes of tokens\n\n| | |\n|---|---|\n")
	for _, action := range Actions() {
		scope := "–"
		if s := table[action].scope; s != "" {
			scope = "`" + string(s) + "`"
		}
		fmt.Fprintf(&b, "| %s | %s |\n", both(action.Name()), scope)
	}
	b.WriteString(code.Replace(`
## Codes

Une réponse de refus est, en JSON, ~{"code", "message": {"fr", "en"}}~, avec le rapport sur le certificat
(~report~, [card.schema.json](card.schema.json)) quand c'est lui qui est refusé.

A refusal is, as JSON, ~{"code", "message": {"fr", "en"}}~, with the report on the certificate
(~report~, [card.schema.json](card.schema.json)) when that is what was refused.

| code | HTTP | |
|---|---|---|
`))
	for _, d := range denials {
		fmt.Fprintf(&b, "| %s | %d | %s |\n", d.Code, d.Status, both(d.Text))
	}
	for _, r := range refusals {
		fmt.Fprintf(&b, "| %s | 403 | %s |\n", r.code, both(r.means))
	}
	_, err := w.Write(b.Bytes())
	return err
}

// refusals are what the codes of [Refused] mean, in the order of tables.
var refusals = []struct {
	code  RefusalCode
	means i18n.Text
}{
	{RefusedWay, i18n.Text{FR: "pas de cette façon", EN: "not by this way in"}},
	{RefusedScope, i18n.Text{FR: "le jeton n'a pas la portée", EN: "the token lacks the scope"}},
	{RefusedRole, i18n.Text{FR: "aucun rôle qui le permette", EN: "no role that allows it"}},
	{RefusedStructure, i18n.Text{FR: "un rôle qui le permet, dans une autre structure",
		EN: "a role that allows it, in another structure"}},
	{RefusedOwn, i18n.Text{FR: "seulement ce qu'il a demandé lui-même", EN: "only what they asked for themselves"}},
}
