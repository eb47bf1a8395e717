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
	if bilingual, ok := err.(interface{ Text() Text }); ok {
		return bilingual.Text()
	}
	english := err.Error()
	switch e := err.(type) {
	case *fs.PathError:
		return Text{FR: e.Path + " : " + TextOf(e.Err).FR, EN: english}
	case *os.LinkError:
		return Text{FR: e.Old + " -> " + e.New + " : " + TextOf(e.Err).FR, EN: english}
	case *os.SyscallError:
		return Text{FR: TextOf(e.Err).FR, EN: english}
	case *net.OpError:
		fr := TextOf(e.Err).FR
		if e.Addr != nil {
			fr = e.Addr.String() + " : " + fr
		}
		return Text{FR: fr, EN: english}
	case interface{ Unwrap() []error }:
		return textOfAll(e.Unwrap(), english)
	}
	for _, catalogue := range []map[string]string{french, system} {
		if fr, ok := catalogue[english]; ok {
			return Text{FR: fr, EN: english}
		}
	}
	// what wraps another error most often ends with its message
	if inner := errors.Unwrap(err); inner != nil {
		if begin, ok := strings.CutSuffix(english, inner.Error()); ok {
			t := TextOf(inner)
			return Text{FR: begin + t.FR, EN: begin + t.EN}
		}
	}
	return Same(english)
}

// textOfAll is the message of joined errors, a line each.
func textOfAll(list []error, english string) Text {
	var fr, en, plain []string
	for _, err := range list {
		t := TextOf(err)
		fr, en, plain = append(fr, t.FR), append(en, t.EN), append(plain, err.Error())
	}
	if strings.Join(plain, "\n") != english { // several errors within one message
		return Same(english)
	}
	return Text{FR: strings.Join(fr, "\n"), EN: strings.Join(en, "\n")}
}
