package i18n

import (
	"errors"
	"io/fs"
	"net"
	"os"
	"strings"
)

// Errorf makes an error from an English format, as [fmt.Errorf] does; every argument that is an
// error is wrapped. The French format comes from the catalogue: without one, both languages are
// English.
func Errorf(format string, args ...any) error {
	return &Error{Code: format, Format: fromCatalogue(format), Args: args}
}

// Sprintf formats a message of the catalogue in the language of the environment.
func Sprintf(format string, args ...any) string {
	return fromCatalogue(format).Format(args...).In(FromEnvironment())
}

func fromCatalogue(en string) Text {
	if fr, ok := french[en]; ok {
		return Text{FR: fr, EN: en}
	}
	return Same(en)
}

// TextOf is the message of any error, in both languages as far as they are known. An error that has
// them gives them with a method Text, as [Error] does.
func TextOf(err error) Text {
	t, _ := textOf(err)
	return t
}

// Detail is the message of an error within a sentence, in the language of the environment, see
// [Text.Format].
func Detail(err error) string { return DetailOf(err).In(FromEnvironment()) }

// DetailOf is the message of an error within a sentence, see [Text.Format]. Where only the English
// words of a library are known, French quotes them.
func DetailOf(err error) Text {
	t, known := textOf(err)
	if !known && t.FR != "" { // an error may say nothing, and only be what callers compare with
		t.FR = "« " + t.FR + " »"
	}
	return t
}

// textOf is TextOf; known is false for words that are English in both languages.
func textOf(err error) (t Text, known bool) {
	if bilingual, ok := err.(interface{ Text() Text }); ok {
		t = bilingual.Text()
		if inner := errors.Unwrap(err); inner != nil { // which may be all that it has to say
			if same, known := textOf(inner); same == t {
				return t, known
			}
		}
		return t, true
	}
	english := err.Error()
	switch e := err.(type) {
	case *fs.PathError:
		return Text{FR: e.Path + " : " + DetailOf(e.Err).FR, EN: english}, true
	case *os.LinkError:
		return Text{FR: e.Old + " -> " + e.New + " : " + DetailOf(e.Err).FR, EN: english}, true
	case *os.SyscallError:
		return Text{FR: DetailOf(e.Err).FR, EN: english}, true
	case *net.OpError:
		fr := DetailOf(e.Err).FR
		if e.Addr != nil {
			fr = e.Addr.String() + " : " + fr
		}
		return Text{FR: fr, EN: english}, true
	case interface{ Unwrap() []error }:
		return textOfAll(e.Unwrap(), english)
	}
	for _, catalogue := range []map[string]string{french, system} {
		if fr, ok := catalogue[english]; ok {
			return Text{FR: fr, EN: english}, true
		}
	}
	// what wraps another error most often ends with its message
	if inner := errors.Unwrap(err); inner != nil {
		if begin, ok := strings.CutSuffix(english, inner.Error()); ok {
			t, known := textOf(inner)
			if name, ok := strings.CutSuffix(begin, ": "); ok && !strings.Contains(name, " ") { // of a file
				t, known = DetailOf(inner), true
			}
			return Text{FR: begin + t.FR, EN: begin + t.EN}, known
		}
	}
	return Same(english), false
}

// textOfAll is the message of joined errors, a line each.
func textOfAll(list []error, english string) (t Text, known bool) {
	var fr, en, plain []string
	for _, err := range list {
		t, ok := textOf(err)
		fr, en, plain = append(fr, t.FR), append(en, t.EN), append(plain, err.Error())
		known = known || ok
	}
	if strings.Join(plain, "\n") != english { // several errors within one message
		return Same(english), false
	}
	return Text{FR: strings.Join(fr, "\n"), EN: strings.Join(en, "\n")}, known
}
