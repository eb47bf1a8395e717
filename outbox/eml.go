package outbox

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"mime/multipart"
	"mime/quotedprintable"
	"net/mail"
	"net/textproto"
	"strings"
	"time"
	"unicode/utf8"
)

// EML is the message as a mail of RFC 5322, for mail programs and for the SMTP server. Of a text
// message too: its sender and number stand where addresses do.
func (m *Message) EML() []byte {
	var b bytes.Buffer
	header := func(name, value string) { writeHeader(&b, name, value) }
	header("From", addressHeader(m.From))
	header("To", addressHeader(m.To))
	header("Subject", encodeText(m.Subject))
	header("Date", m.At.Format(time.RFC1123Z))
	header("Message-ID", "<"+m.ID+"@igc.example.fr>")
	if m.Person != "" {
		header("X-IGC-Person", encodeText(m.Person))
	}
	header("X-IGC-Lab", "TEST")
	header("MIME-Version", "1.0")
	if m.HTML == "" {
		header("Content-Type", "text/plain; charset=utf-8")
		header("Content-Transfer-Encoding", "quoted-printable")
		b.WriteString("\r\n")
		quotePrintable(&b, m.Text)
		return b.Bytes()
	}
	parts := multipart.NewWriter(&b)
	parts.SetBoundary("igc-" + m.ID) // which nobody knew who wrote the text
	header("Content-Type", "multipart/alternative; boundary="+parts.Boundary())
	b.WriteString("\r\n")
	for _, part := range []struct{ kind, text string }{{"text/plain", m.Text}, {"text/html", m.HTML}} {
		// a bytes.Buffer takes all that is written
		w, _ := parts.CreatePart(textproto.MIMEHeader{"Content-Type": {part.kind + "; charset=utf-8"},
			"Content-Transfer-Encoding": {"quoted-printable"}})
		var body bytes.Buffer
		quotePrintable(&body, part.text)
		w.Write(body.Bytes())
	}
	parts.Close()
	return b.Bytes()
}

func quotePrintable(b *bytes.Buffer, text string) {
	if !strings.HasSuffix(text, "\n") {
		text += "\n"
	}
	w := quotedprintable.NewWriter(b)
	w.Write([]byte(text))
	w.Close()
}

// addressHeader writes an address as headers have it. A phone number stays as it is.
func addressHeader(text string) string {
	name, at := splitAddress(text)
	switch {
	case !strings.Contains(at, "@"):
		return encodeText(text)
	case name == "":
		return at
	case encodeText(name) == name: // quoted if it must be
		return (&mail.Address{Name: name, Address: at}).String()
	}
	return encodeText(name) + " <" + at + ">"
}

// isPlain tells whether a text may stand in a header as it is.
func isPlain(text string) bool {
	return !strings.ContainsFunc(text, func(r rune) bool { return r < ' ' || r > '~' })
}

// maxWord is how many bytes an encoded word holds, so that a line of 78 characters has the name of
// its field and one.
const maxWord = 42

// encodeText writes a text in encoded words (RFC 2047) where it needs them: other characters than
// ASCII, what looks like an encoded word itself, spaces that folding would lose, and words too long
// for a line. Package mime does so for the first of these only.
func encodeText(text string) string {
	longest := 0
	for word := range strings.FieldsSeq(text) {
		longest = max(longest, len(word))
	}
	if isPlain(text) && !strings.Contains(text, "=?") && !strings.Contains(text, "  ") && longest < 60 {
		return text
	}
	var words []string
	for len(text) > 0 {
		n := min(maxWord, len(text))
		for n > 0 && n < len(text) && !utf8.RuneStart(text[n]) {
			n--
		}
		words = append(words, "=?utf-8?b?"+base64.StdEncoding.EncodeToString([]byte(text[:n]))+"?=")
		text = text[n:]
	}
	return strings.Join(words, " ")
}

// writeHeader writes a field, folded before spaces where it is longer than 78 characters. The end
// of a line cannot come from the value: an end of line in it becomes a space.
func writeHeader(b *bytes.Buffer, name, value string) {
	value = strings.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f {
			return ' '
		}
		return r
	}, value)
	line := name + ":"
	for word := range strings.SplitSeq(value, " ") {
		if len(line)+1+len(word) > 78 && line != name+":" {
			fmt.Fprint(b, line, "\r\n")
			line = ""
		}
		line += " " + word
	}
	fmt.Fprint(b, strings.TrimRight(line, " "), "\r\n")
}
