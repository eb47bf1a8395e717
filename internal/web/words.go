package web

import (
	"fmt"
	"html/template"
	"strings"
	"time"
	"unicode"

	"github.com/igc-lab/igc/internal/i18n"
)

// functions are those that the templates of one language write values with. As methods of [View]
// each would be in the binary once more for the data of every page.
func functions(lang i18n.Language) template.FuncMap {
	return template.FuncMap{
		"dict":  dict,
		"show":  Visible,
		"short": short,
		"say":   func(t i18n.Text) string { return say(lang, t) },
		"colon": func() string { return choose(lang, " : ", ": ") }, // French has a space before it
		"date":  func(t time.Time) string { return say(lang, i18n.Date(t)) },
		"age":   func(seconds int64) string { return say(lang, age(seconds)) },
	}
}

// dict gives a template several values, by name.
func dict(pairs ...any) map[string]any {
	m := map[string]any{}
	for i := 0; i+1 < len(pairs); i += 2 {
		m[fmt.Sprint(pairs[i])] = pairs[i+1]
	}
	return m
}

// unbroken are the marks that French separates from the word before by a space at which no line
// ends.
var unbroken = strings.NewReplacer(" :", "\u00a0:", " ;", "\u00a0;", " ?", "\u00a0?", " !", "\u00a0!", "« ",
	"«\u00a0", " »", "\u00a0»")

// choose chooses between the two languages.
func choose(lang i18n.Language, fr, en string) string {
	if lang == i18n.French {
		return unbroken.Replace(fr)
	}
	return en
}

func say(lang i18n.Language, t i18n.Text) string { return Visible(choose(lang, t.FR, t.EN)) }

// Visible replaces each control character of a certificate's text by U+FFFD. Bidirectional ones are
// replaced too, since they show a name in another order than the one it has.
func Visible(s string) string {
	if !strings.ContainsFunc(s, func(r rune) bool { return r < ' ' || r > '~' }) {
		return s // as nearly everything is
	}
	return strings.Map(func(r rune) rune {
		if r < ' ' || r > '~' && unicode.In(r, unicode.Cc, unicode.Cf, unicode.Zl, unicode.Zp) {
			return unicode.ReplacementChar
		}
		return r
	}, s)
}

// short leaves out the middle of a long value, such as a PEM certificate.
func short(s string) string {
	if len(s) <= 300 {
		return Visible(s)
	}
	r := []rune(Visible(s))
	return string(r[:60]) + " […] " + string(r[len(r)-30:])
}

// age is how long ago something was.
func age(seconds int64) i18n.Text {
	ago := func(fr, en string, n int64) i18n.Text { return i18n.Text{FR: fr, EN: en}.Format(n) }
	switch {
	case seconds < 2:
		return i18n.Text{FR: "à l'instant", EN: "just now"}
	case seconds < 120:
		return ago("il y a %d secondes", "%d seconds ago", seconds)
	case seconds < 2*3600:
		return ago("il y a %d minutes", "%d minutes ago", seconds/60)
	case seconds < 2*86400:
		return ago("il y a %d heures", "%d hours ago", seconds/3600)
	}
	return ago("il y a %d jours", "%d days ago", seconds/86400)
}
