package carddesk

import (
	"bytes"
	_ "embed"
	"html/template"
)

//go:embed letter.html
var letterHTML string

var letterPage = template.Must(template.New("letter").Parse(letterHTML))

// HTML is the letter as a page for print. It loads nothing and has no script.
func (l Letter) HTML() []byte {
	var b bytes.Buffer
	err := letterPage.Execute(&b, map[string]any{"Letter": l, "Sender": letterSender, "Title": letterTitle,
		"Notice": letterNotice, "Day": l.day(), "Code": l.unblockingCode(), "Paragraphs": l.paragraphs()})
	if err != nil {
		panic(err) // the template is embedded, and writes to memory
	}
	return b.Bytes()
}
