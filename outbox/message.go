package outbox

import (
	"net/mail"
	"regexp"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/igc-lab/igc/ca/store"
)

// MessageKind is how a message would have been sent.
type MessageKind string

// The kinds of messages.
const (
	Mail MessageKind = "mail"
	SMS  MessageKind = "sms"
)

// Message is a message that the lab would have sent.
type Message struct {
	ID      string      `json:"id"` // in the order of sending
	Kind    MessageKind `json:"kind"`
	At      time.Time   `json:"at"`
	From    string      `json:"from"`
	To      string      `json:"to"` // an address, or a phone number
	Subject string      `json:"subject,omitempty"`
	Text    string      `json:"text"`
	HTML    string      `json:"html,omitempty"`
	Person  string      `json:"person,omitempty"` // PS_IdNat
	Relay   *Relay      `json:"relay,omitempty"`  // nil for a message that is not relayed
}

// Relay is what became of a mail that was given to the SMTP server.
type Relay struct {
	Server string    `json:"server"`
	At     time.Time `json:"at,omitzero"` // zero until it answered
	Error  string    `json:"error,omitempty"`
}

// The bounds of a message, in characters.
const (
	maxHeader = 254
	maxText   = 16 << 10
	maxHTML   = 64 << 10
)

// The sender of a message that names none.
const (
	defaultMailFrom = `"IGC-Santé de laboratoire" <ne-pas-repondre@example.fr>`
	defaultSMSFrom  = "IGC-LABO"
)

// complete checks a message and writes its parts as they are kept. Addresses are refused unless
// they are addresses and nothing else; in what people read, control characters are replaced.
func (m *Message) complete() (err error) {
	switch m.Kind {
	case Mail:
		if m.From == "" {
			m.From = defaultMailFrom
		}
		if m.From, err = address(m.From); err != nil {
			return err
		}
		if m.To, err = address(m.To); err != nil {
			return err
		}
	case SMS:
		if m.From == "" {
			m.From = defaultSMSFrom
		}
		if m.From, err = plain("from", m.From); err != nil {
			return err
		}
		if m.To, err = phoneNumber(m.To); err != nil {
			return err
		}
		if m.HTML != "" || m.Subject != "" {
			return store.Errorf(store.Invalid, "a text message has no subject and no HTML: send a mail")
		}
	default:
		return errKind(m.Kind)
	}
	if m.Person, err = plain("person", m.Person); err != nil {
		return err
	}
	m.Subject = strings.TrimSpace(readable(m.Subject, false))
	m.Text, m.HTML = readable(m.Text, true), readable(m.HTML, true)
	for _, part := range []struct {
		name, text string
		max        int
	}{{"subject", m.Subject, maxHeader}, {"text", m.Text, maxText}, {"html", m.HTML, maxHTML}} {
		if n := utf8.RuneCountInString(part.text); n > part.max {
			return store.Errorf(store.Invalid, "the %s of a message has %d characters, and at most %d are kept",
				part.name, n, part.max)
		}
	}
	return nil
}

func errKind(k MessageKind) error {
	return store.Errorf(store.Invalid, "%q is not a kind of message: choose mail or sms", shorten(string(k)))
}

// plain refuses a text that cannot stand in a header.
func plain(name, text string) (string, error) {
	if !utf8.ValidString(text) || strings.ContainsFunc(text, isControl) || utf8.RuneCountInString(text) > maxHeader {
		return "", store.Errorf(store.Invalid, "the %s %q of a message holds what a header cannot: "+
			"a control character, or more than %d characters", name, shorten(text), maxHeader)
	}
	return strings.TrimSpace(text), nil
}

// address holds a text to one mail address, with a name or without.
func address(text string) (string, error) {
	if _, err := plain("address", text); err != nil {
		return "", err
	}
	a, err := mail.ParseAddress(text)
	if err != nil || strings.ContainsFunc(a.Address, func(r rune) bool { return r <= ' ' || r > '~' }) ||
		strings.ContainsFunc(a.Name, isControl) {
		return "", store.Errorf(store.Invalid, "%q is not a mail address such as camille@example.fr", shorten(text))
	}
	if a.Name == "" {
		return a.Address, nil
	}
	return a.Name + " <" + a.Address + ">", nil
}

// splitAddress takes name and address apart, as [Message] has them.
func splitAddress(text string) (name, at string) {
	if i := strings.LastIndex(text, " <"); i >= 0 && strings.HasSuffix(text, ">") {
		return text[:i], text[i+2 : len(text)-1]
	}
	return "", text
}

// bare is the address without the name.
func bare(text string) string {
	_, at := splitAddress(text)
	return at
}

// phoneNumber takes out of a number what people put between its digits.
func phoneNumber(text string) (string, error) {
	number := strings.Map(func(r rune) rune {
		if unicode.IsSpace(r) || strings.ContainsRune(".-/()", r) {
			return -1
		}
		return r
	}, text)
	if rest, ok := strings.CutPrefix(number, "+33"); ok {
		number = "0" + strings.TrimPrefix(rest, "0")
	}
	digits := strings.TrimPrefix(number, "+")
	if len(digits) < 3 || len(digits) > 15 || strings.Trim(digits, "0123456789") != "" {
		return "", store.Errorf(store.Invalid, "%q is not a phone number such as 06 39 98 00 12", shorten(text))
	}
	return number, nil
}

func isControl(r rune) bool {
	return unicode.In(r, unicode.Cc, unicode.Cf, unicode.Zl, unicode.Zp) || r == utf8.RuneError
}

// readable replaces control characters, but for the ends of lines and tabs of a text of several
// lines.
func readable(text string, lines bool) string {
	text = strings.ReplaceAll(strings.ToValidUTF8(text, "\ufffd"), "\r\n", "\n")
	return strings.Map(func(r rune) rune {
		switch {
		case lines && (r == '\n' || r == '\t'):
			return r
		case lines && r == '\r':
			return '\n'
		case !lines && unicode.IsSpace(r):
			return ' '
		case isControl(r):
			return '\ufffd'
		}
		return r
	}, text)
}

var sixDigits = regexp.MustCompile(`(?:^|[^0-9])([0-9]{6})(?:[^0-9]|$)`)

// Code is the first code of six digits in the text, empty when there is none.
func (m *Message) Code() string {
	if found := sixDigits.FindStringSubmatch(m.Text); found != nil {
		return found[1]
	}
	return ""
}

func shorten(s string) string {
	if r := []rune(s); len(r) > 40 {
		return string(r[:40]) + "…"
	}
	return s
}
