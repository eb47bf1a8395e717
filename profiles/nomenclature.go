package profiles

import (
	_ "embed"
	"strings"
	"sync"

	"golang.org/x/text/unicode/norm"

	"github.com/igc-lab/igc/internal/i18n"
	"github.com/igc-lab/igc/internal/nearest"
)

//go:embed nomenclature.txt
var nomenclatureText string

// Code is one line of a code table.
type Code struct {
	Code  string `json:"code"`
	Label string `json:"label"`
}

// CodeTable is one table of the sector's nomenclature, such as G15, the professions (reference
// §3.4).
type CodeTable struct {
	ID, NameFR, NameEN string
	Codes              []Code
}

var nomenclature = sync.OnceValue(func() []CodeTable {
	var tables []CodeTable
	for line := range strings.Lines(nomenclatureText) {
		line = strings.TrimRight(line, "\n")
		switch {
		case line == "" || strings.HasPrefix(line, "#"):
		case strings.HasPrefix(line, "["):
			id, names, _ := strings.Cut(line[1:], "] ")
			fr, en, _ := strings.Cut(names, " | ")
			tables = append(tables, CodeTable{ID: id, NameFR: fr, NameEN: en})
		default:
			code, label, _ := strings.Cut(line, "\t")
			t := &tables[len(tables)-1]
			t.Codes = append(t.Codes, Code{code, label})
		}
	}
	return tables
})

// CodeTables lists the tables.
func CodeTables() []CodeTable { return nomenclature() }

// Codes returns the lines of a table, none if there is no such table.
func Codes(table string) []Code {
	for _, t := range nomenclature() {
		if t.ID == table {
			return t.Codes
		}
	}
	return nil
}

// Label returns the label of a code.
func Label(table, code string) (string, bool) {
	for _, c := range Codes(table) {
		if c.Code == code {
			return c.Label, true
		}
	}
	return "", false
}

func mustLabel(table, code string) string {
	label, _ := Label(table, code)
	return label
}

// unknownCode makes the error for a code that a table lacks, with what the user may have meant.
func unknownCode(field string, what i18n.Text, table, code string) error {
	if strings.TrimSpace(code) == "" {
		return wrong(field, "il manque %s : donnez un code de la table %s, tel que %s",
			"%s is missing: give a code of table %s, such as %s", what, table, suggestions(table, ""))
	}
	if near := suggestions(table, code); near != "" {
		return wrong(field, "%s : code inconnu %q ; vouliez-vous dire %s ?", "unknown %s %q: did you mean %s?", what,
			abbreviate(code), near)
	}
	return wrong(field, "%s : code inconnu %q ; igc codes %s les donne", "unknown %s %q: igc codes %s lists them", what,
		abbreviate(code), table)
}

// suggestions finds up to three codes whose label is near the text; for no text, any. It is empty
// when none is near: more than a third of the text would be wrong.
func suggestions(table, text string) string {
	type scored struct {
		Code
		score int
	}
	var best []scored
	want := Fold(text)
	for _, c := range Codes(table) {
		label, _, _ := strings.Cut(Fold(c.Label), " ("+Fold(c.Code)+")") // as departments have it
		score := nearest.Distance(want, label)                           // in bytes: folded labels are nearly all ASCII
		if want != "" && strings.Contains(label, want) {
			score = 0
		}
		i := len(best)
		for i > 0 && best[i-1].score > score {
			i--
		}
		best = append(best[:i], append([]scored{{c, score}}, best[i:]...)...)
		best = best[:min(len(best), 3)]
	}
	if want != "" && best[0].score > max(1, len(want)/3) {
		return ""
	}
	var words []string
	for _, s := range best {
		if s.score <= best[0].score+1 {
			word := s.Label
			if !strings.HasSuffix(word, "("+s.Code.Code+")") { // as departments have it
				word = s.Code.Code + " " + word
			}
			words = append(words, word)
		}
	}
	return strings.Join(words, ", ")
}

var accents = strings.NewReplacer("à", "a", "â", "a", "ä", "a", "ç", "c", "é", "e", "è", "e", "ê", "e", "ë", "e", "î", "i",
	"ï", "i", "ô", "o", "ö", "o", "ù", "u", "û", "u", "ü", "u", "ÿ", "y", "ñ", "n", "œ", "oe", "æ", "ae", "’", "'")

// Fold lowers the case and takes the accents off, so that "medecin" finds "Médecin", however the
// accents are encoded and whatever apostrophe a keyboard has.
func Fold(s string) string {
	return accents.Replace(strings.ToLower(norm.NFC.String(strings.TrimSpace(s))))
}
