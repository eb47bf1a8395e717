// Package i18n holds texts in French and English, the two languages of the lab, and the choice
// between them.
//
// A [Text] has both languages, so that the place that knows what happened need not know who reads
// it: the report of a check, its page and its JSON are made from one Text. A place that writes for
// one reader chooses with [Text.In].
//
// The reader's language comes from where the reader is: [FromEnvironment] on the command line
// (IGC_LANG, else the locale; English when neither is set), [FromAcceptLanguage] on a page (French
// when the browser asks for neither).
//
// An error that a person reads is an [Error]: a code, and a format with arguments that both
// languages can print. [Errorf] takes the English format, and finds the French one in the
// catalogue.
//
//	err := i18n.Errorf("the lab has no authority %s", id)
//	err.Error()                         // in the language of the environment
//	i18n.TextOf(err).In(i18n.French)    // for a reader of French
//
// [TextOf] gives both languages of any error, as far as it can: errors of the system are in the
// catalogue, and what wraps an error keeps its own words.
package i18n

import (
	"fmt"
	"io"
	"os"
	"strings"
	"time"
)

// Language is one of the two languages.
type Language string

// The languages, as HTML and HTTP name them.
const (
	French  Language = "fr"
	English Language = "en"
)

// Parse reads the language of a tag (fr, fr-FR) or of a locale (fr_FR.UTF-8). ok is false for a
// language that the lab does not have.
func Parse(tag string) (l Language, ok bool) {
	tag = strings.ToLower(strings.TrimSpace(tag))
	for _, l := range []Language{French, English} {
		if strings.HasPrefix(tag, string(l)) {
			return l, true
		}
	}
	return "", false
}

// Other is the other language.
func (l Language) Other() Language {
	if l == French {
		return English
	}
	return French
}

// FromEnvironment is the language of the command line: French when the first variable that is set
// among IGC_LANG, LC_ALL, LC_MESSAGES and LANG says so, else English.
func FromEnvironment() Language {
	for _, name := range []string{"IGC_LANG", "LC_ALL", "LC_MESSAGES", "LANG"} {
		if value := os.Getenv(name); value != "" {
			if l, _ := Parse(value); l == French {
				return French
			}
			break
		}
	}
	return English
}

// FromAcceptLanguage is the language of a page for a browser that sent this Accept-Language: the
// first of the header that the lab has, else French. Browsers send them in order of preference.
func FromAcceptLanguage(header string) Language {
	for tag := range strings.SplitSeq(header, ",") {
		if l, ok := Parse(tag); ok {
			return l
		}
	}
	return French
}

// Text is a text in both languages.
type Text struct {
	FR string `json:"fr"`
	EN string `json:"en"`
}

// Same is a text that both languages write alike, such as a name.
func Same(s string) Text { return Text{FR: s, EN: s} }

// Format prints the text as a format in both languages. Arguments that are a [Text] or an error are
// printed in the language of each, by the verb %s: English words of a library are quoted in French.
// Numbers have the decimal mark of each.
func (t Text) Format(args ...any) Text {
	print := func(l Language) string {
		own := make([]any, len(args))
		for i, arg := range args {
			switch arg := arg.(type) {
			case Text:
				own[i] = arg.In(l)
			case error:
				own[i] = DetailOf(arg).In(l)
			case float64:
				own[i] = number{arg, l}
			default:
				own[i] = arg
			}
		}
		return fmt.Sprintf(strings.ReplaceAll(t.In(l), "%w", "%s"), own...)
	}
	return Text{FR: print(French), EN: print(English)}
}

// In is the text in one language.
func (t Text) In(l Language) string {
	if l == French {
		return t.FR
	}
	return t.EN
}

// number is a number that is printed with the decimal mark of a language.
type number struct {
	value    float64
	language Language
}

// Format implements [fmt.Formatter].
func (n number) Format(s fmt.State, verb rune) {
	text := fmt.Sprintf(fmt.FormatString(s, verb), n.value)
	if n.language == French {
		text = strings.Replace(text, ".", ",", 1)
	}
	io.WriteString(s, text)
}

// Date is a moment as each language writes it, in UTC as certificates have it.
func Date(at time.Time) Text {
	at = at.UTC()
	return Text{FR: at.Format("02/01/2006 à 15:04:05 UTC"), EN: at.Format("2006-01-02 15:04:05 UTC")}
}

// Error is an error that both languages can print.
type Error struct {
	Code   string // stable; of [Errorf], the English format
	Format Text
	Args   []any // of the format
}

// NewError makes an error from a format with arguments, see [Text.Format].
func NewError(code string, format Text, args ...any) *Error { return &Error{code, format, args} }

// Text is the message in both languages.
func (e *Error) Text() Text { return e.Format.Format(e.Args...) }

// Error is the message in the language of [FromEnvironment].
func (e *Error) Error() string { return e.Text().In(FromEnvironment()) }

// Unwrap gives the errors among the arguments.
func (e *Error) Unwrap() (list []error) {
	for _, arg := range e.Args {
		if err, ok := arg.(error); ok {
			list = append(list, err)
		}
	}
	return list
}
