package sheet

import (
	"archive/zip"
	"bytes"
	"encoding/xml"
	"errors"
	"io"
	"path"
	"strings"
)

func isArchive(data []byte) bool { return bytes.HasPrefix(data, []byte("PK\x03\x04")) }

// ParseArchive reads the sheets of an XLSX or ODS.
func ParseArchive(data []byte) ([]Sheet, error) {
	if !isArchive(data) {
		return parseODS(bytes.NewReader(data)) // a flat one
	}
	a, err := openArchive(data)
	if err != nil {
		return nil, err
	}
	var sheets []Sheet
	switch kind := a.kind(); kind {
	case "xlsx":
		sheets, err = a.parseXLSX()
	case "ods":
		sheets, err = a.parseODS()
	case "numbers":
		err = problem("numbers", "c'est un document Numbers : dans Numbers, exportez-le en Excel ou en CSV",
			"it is a Numbers document: in Numbers, export it to Excel or CSV")
	case "xlsb":
		err = problem("xlsb", "c'est un classeur binaire (.xlsb) : "+saveAsFR,
			"it is a binary workbook (.xlsb): "+saveAsEN)
	case "docx":
		err = problem("docx", "c'est un document de texte, pas un tableau : copiez le tableau dans un tableur",
			"it is a text document, not a table: copy the table into a spreadsheet")
	case "slides":
		err = problem("slides", "c'est une présentation, pas un tableau", "it is a presentation, not a table")
	default:
		err = problem("zip", "c'est une archive ZIP, pas un classeur : extrayez-en le tableau",
			"it is a ZIP archive, not a workbook: extract the table")
	}
	if err != nil {
		return nil, damaged(err)
	}
	return sheets, nil
}

// damaged is the error of an archive that cannot be read.
func damaged(err error) error {
	var syntax *xml.SyntaxError
	switch {
	case errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, io.EOF), errors.Is(err, zip.ErrChecksum), errors.Is(err,
		zip.ErrFormat),
		errors.Is(err, zip.ErrAlgorithm), errors.As(err, &syntax):
		return problem("damaged",
			"le classeur est abîmé ou coupé (%s) : ouvrez-le dans un tableur et enregistrez-le de nouveau",
			"the workbook is damaged or cut (%s): open it in a spreadsheet and save it again", err)
	}
	return err
}

// archive is a ZIP whose parts are read within a bound.
type archive struct {
	parts map[string]*zip.File
	left  int64 // bytes that may still be read
	cells int
}

func openArchive(data []byte) (*archive, error) {
	z, err := zip.NewReader(bytes.NewReader(data), int64(len(data)))
	if err != nil {
		return nil, damaged(errors.Join(zip.ErrFormat, err))
	}
	if len(z.File) > maxParts {
		return nil, problem("parts", "ce ZIP a %d fichiers, trop pour un classeur",
			"this ZIP has %d files, too many for a workbook", len(z.File))
	}
	a := &archive{parts: map[string]*zip.File{}, left: maxXML}
	for _, f := range z.File {
		a.parts[strings.TrimPrefix(strings.ReplaceAll(f.Name, `\`, "/"), "/")] = f
	}
	return a, nil
}

// kind tells what an archive is by the names of its parts.
func (a *archive) kind() string {
	has := func(name string) bool { return a.parts[name] != nil }
	prefix := func(p string) bool {
		for name := range a.parts {
			if strings.HasPrefix(name, p) {
				return true
			}
		}
		return false
	}
	switch {
	case has("xl/workbook.bin"):
		return "xlsb"
	case has("xl/workbook.xml"), has("[Content_Types].xml") && prefix("xl/"):
		return "xlsx"
	case has("word/document.xml"):
		return "docx"
	case has("ppt/presentation.xml"):
		return "slides"
	case prefix("Index/") || has("Index.zip") || has("index.apxl"):
		return "numbers"
	case has("content.xml"):
		mime := ""
		if data, err := a.read("mimetype", 200); err == nil {
			mime = string(data)
		}
		switch {
		case strings.Contains(mime, "opendocument.text"):
			return "docx"
		case strings.Contains(mime, "opendocument.presentation"):
			return "slides"
		}
		return "ods"
	}
	return ""
}

// open opens a part. What is read of all parts together is bounded.
func (a *archive) open(name string) (io.ReadCloser, error) {
	f := a.parts[strings.TrimPrefix(path.Clean("/"+name), "/")]
	if f == nil {
		return nil, problem("part", "le classeur est abîmé : il lui manque %s", "the workbook is damaged: it lacks %s",
			name)
	}
	r, err := f.Open()
	if err != nil {
		return nil, err
	}
	return &bounded{r, &a.left}, nil
}

func (a *archive) read(name string, most int64) ([]byte, error) {
	r, err := a.open(name)
	if err != nil {
		return nil, err
	}
	defer r.Close()
	return io.ReadAll(io.LimitReader(r, most))
}

// bounded is a reader of a part that counts down what is left for all of them.
type bounded struct {
	io.ReadCloser
	left *int64
}

func (b *bounded) Read(p []byte) (int, error) {
	if *b.left <= 0 {
		return 0, tooLarge()
	}
	n, err := b.ReadCloser.Read(p[:min(int64(len(p)), *b.left)])
	*b.left -= int64(n)
	return n, err
}

// elements reads XML an element at a time, without namespaces: names are what stands after the
// colon. It makes sure that every element is closed, so that a file that was cut is an error.
type elements struct {
	d     *xml.Decoder
	stack []string
}

func newElements(r io.Reader) *elements { return &elements{d: xml.NewDecoder(r)} }

// next is the next start, end or text; nil at the end.
func (e *elements) next() (xml.Token, error) {
	for {
		tok, err := e.d.RawToken()
		if err != nil {
			if errors.Is(err, io.EOF) && len(e.stack) == 0 {
				return nil, nil
			}
			if errors.Is(err, io.EOF) {
				err = io.ErrUnexpectedEOF
			}
			return nil, err
		}
		switch tok := tok.(type) {
		case xml.StartElement:
			if e.stack = append(e.stack, tok.Name.Local); len(e.stack) > 200 {
				return nil, &xml.SyntaxError{Msg: "elements in elements, too deep"}
			}
			return tok, nil
		case xml.EndElement:
			last := len(e.stack) - 1
			if last < 0 || e.stack[last] != tok.Name.Local {
				return nil, &xml.SyntaxError{Msg: "</" + tok.Name.Local + "> closes nothing"}
			}
			e.stack = e.stack[:last]
			return tok, nil
		case xml.CharData:
			return tok, nil
		}
	}
}

// skip passes over the rest of the element that was just started.
func (e *elements) skip() error {
	for depth := len(e.stack); len(e.stack) >= depth; {
		if _, err := e.next(); err != nil {
			return err
		}
	}
	return nil
}

// attribute is the value of an attribute by its name after the colon.
func attribute(el xml.StartElement, name string) string {
	for _, a := range el.Attr {
		if a.Name.Local == name {
			return a.Value
		}
	}
	return ""
}
