package roster

import (
	"strings"

	"github.com/igc-lab/igc/internal/i18n"
)

// Fault is what is wrong with a row.
type Fault struct {
	Line int
	Err  error
}

// Faults are an error. Its message names each line, a hundred at most.
type Faults []Fault

// maxShown is how many lines a message names.
const maxShown = 100

func (f Faults) Error() string { return f.Text().In(i18n.FromEnvironment()) }

// Text is the message in both languages.
func (f Faults) Text() i18n.Text {
	var fr, en []string
	for _, one := range f[:min(len(f), maxShown)] {
		t := i18n.TextOf(one.Err)
		t = i18n.Text{FR: "ligne %d : %s", EN: "line %d: %s"}.Format(one.Line, t)
		fr, en = append(fr, t.FR), append(en, t.EN)
	}
	if more := len(f) - maxShown; more > 0 {
		t := i18n.Text{FR: "et %d autres lignes", EN: "and %d further lines"}.Format(more)
		fr, en = append(fr, t.FR), append(en, t.EN)
	}
	return i18n.Text{FR: strings.Join(fr, "\n"), EN: strings.Join(en, "\n")}
}
