package verify

import (
	"bytes"
	_ "embed"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"

	"github.com/igc-lab/igc/internal/i18n"
	"github.com/igc-lab/igc/internal/yamlfile"
)

//go:embed codes.yaml
var codesYAML []byte

// Code is a stable name for the outcome of a check. codes.yaml lists them all.
type Code string

// OK is the verdict when no check ends on a bad code.
const OK Code = "OK"

// Level is what a code means for the card.
type Level string

// The levels.
const (
	Good      Level = "good"
	Note      Level = "note"      // worth a look; a server would not refuse for it
	Bad       Level = "bad"       // a server would refuse: the first bad one is the verdict
	Unchecked Level = "unchecked" // another check's failure leaves nothing to look at
)

// Text is a text in both languages.
type Text = i18n.Text

// Kind is one of the checks, as codes.yaml has it.
type Kind struct {
	ID       string
	Title    Text
	Expected Text
	Codes    []*Outcome
}

// Outcome is one of the codes that a check can end on.
type Outcome struct {
	Code   Code
	Level  Level
	Verify string // what nginx writes after "FAILED:" in SSL_CLIENT_VERIFY; "NONE" is written alone
	Means  Text
	Do     Text
	// Command is the command line that does it, with N for the card's number. Do may quote it.
	Command string

	check *Kind
}

// outcomes are the codes by name. It cannot fail at run time: TestCodes loads the file.
var outcomes = sync.OnceValue(func() map[Code]*Outcome {
	all := map[Code]*Outcome{}
	for _, k := range checkList() {
		for _, o := range k.Codes {
			o.check = k
			all[o.Code] = o
		}
	}
	return all
})

// Checks lists the checks in their order, with their codes. The caller changes nothing in it.
func Checks() []*Kind { return checkList() }

var checkList = sync.OnceValue(func() []*Kind {
	list, err := loadCodes(codesYAML)
	if err != nil {
		panic("codes.yaml: " + err.Error())
	}
	return list
})

func loadCodes(data []byte) (list []*Kind, err error) {
	if err := yamlfile.Decode(data, &list); err != nil {
		return nil, err
	}
	var errs []error
	seen := map[Code]bool{}
	whole := func(t Text) bool { return t.FR != "" && t.EN != "" }
	for _, k := range list {
		if k.ID == "" || !whole(k.Title) || !whole(k.Expected) {
			errs = append(errs, fmt.Errorf("check %q: a text is missing", k.ID))
		}
		for _, o := range k.Codes {
			switch {
			case o.Code == "" || seen[o.Code]:
				errs = append(errs, fmt.Errorf("code %q is empty or stands there twice", o.Code))
			case !slices.Contains([]Level{Good, Note, Bad, Unchecked}, o.Level):
				errs = append(errs, fmt.Errorf("%s: unknown level %q", o.Code, o.Level))
			case !whole(o.Means) || (o.Level == Bad || o.Level == Note) != whole(o.Do):
				errs = append(errs, fmt.Errorf("%s: it must say what it means and, when something is wrong, what to do", o.Code))
			case o.Command != "" && (!strings.HasSuffix(o.Command, " N") || !whole(o.Do)):
				errs = append(errs, fmt.Errorf("%s: a command ends on N, and stands beside what to do", o.Code))
			}
			seen[o.Code] = true
		}
	}
	return list, errors.Join(errs...)
}

var levelNames = map[Level]Text{Good: {FR: "correct",
	EN: "good"}, Note: {FR: "à noter",
	EN: "note"}, Bad: {FR: "refusé",
	EN: "refused"},
	Unchecked: {FR: "non vérifié", EN: "not checked"}}

// Text is the level in words.
func (l Level) Text() Text { return levelNames[l] }

// WriteCodes writes the list of codes as Markdown: docs/codes.md.
func WriteCodes(w io.Writer) error {
	var b bytes.Buffer
	b.WriteString("# Les codes de TestSSL / The codes of TestSSL\n\n" +
		"Fait de `verify/codes.yaml` par `go test ./verify -run Codes -update`. Le verdict est `OK`, ou le premier code *refusé*.\n\n" +
		"Made from `verify/codes.yaml` by `go test ./verify -run Codes -update`. The verdict is `OK`, or the first *refused* code.\n")
	for _, k := range checkList() {
		fmt.Fprintf(&b, "\n## %s / %s\n\nAttendu : %s. *Expected: %s.*\n\n| code | | sens / meaning | que faire / what to do |\n|---|---|---|---|\n",
			k.Title.FR, k.Title.EN, k.Expected.FR, k.Expected.EN)
		for _, o := range k.Codes {
			level := o.Level.Text()
			do := ""
			if o.Do.FR != "" {
				do = o.Do.FR + " *" + o.Do.EN + "*"
			}
			fmt.Fprintf(&b, "| `%s` | %s / %s | %s *%s* | %s |\n", o.Code, level.FR, level.EN, o.Means.FR, o.Means.EN, do)
		}
	}
	_, err := w.Write(b.Bytes())
	return err
}
