package sheet

import (
	"bytes"
	"strings"
	"unicode"
	"unicode/utf16"
	"unicode/utf8"

	"golang.org/x/text/encoding/charmap"
)

// Text recognises a file. It returns the text of one that is text: UTF-8, UTF-16 or Windows-1252.
// archive tells that it is for [ParseArchive]. What is neither is an error that says what it is.
func Text(data []byte) (text string, archive bool, err error) {
	if isArchive(data) {
		return "", true, nil
	}
	if err := refuseOther(data); err != nil {
		return "", false, err
	}
	text, err = decode(data)
	if err != nil {
		return "", false, err
	}
	start := strings.ToLower(strings.TrimLeft(text[:min(len(text), 4096)], " \t\r\n"))
	switch {
	case strings.HasPrefix(start, "<") && strings.Contains(start, "urn:oasis:names:tc:opendocument"):
		return "", true, nil // a flat ODS
	case strings.HasPrefix(start, "<") && strings.Contains(start, "urn:schemas-microsoft-com:office:spreadsheet"):
		return "", false, problem("xml2003", "c'est un classeur XML de 2003 : "+saveAsFR,
			"it is an XML spreadsheet of 2003: "+saveAsEN)
	case strings.HasPrefix(start, "<!doctype html"), strings.HasPrefix(start, "<html"), strings.HasPrefix(start,
		"<table"),
		strings.HasPrefix(start, "<head"), strings.HasPrefix(start, "<meta"), strings.HasPrefix(start, "<") &&
			strings.Contains(start, "<html"):
		return "", false, problem("html",
			"c'est une page HTML, même si son nom finit par .xls : ouvrez-la dans un tableur, puis "+saveAsFR,
			"it is an HTML page, even if its name ends in .xls: open it in a spreadsheet, then "+saveAsEN)
	case strings.HasPrefix(start, "<?xml"), strings.HasPrefix(start, "<svg"):
		return "", false, problem("xml", "c'est du XML, pas un tableau : "+saveAsFR, "it is XML, not a table: "+saveAsEN)
	}
	return text, false, nil
}

const (
	saveAsFR = "enregistrez-le sous XLSX, ODS ou « CSV UTF-8 »"
	saveAsEN = "save it as XLSX, ODS or \"CSV UTF-8\""
)

// refuseOther names the kinds of files that people take for a table.
func refuseOther(data []byte) error {
	for _, kind := range []struct{ magic, code, fr, en string }{
		{"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "ole2",
			"c'est un classeur .xls d'avant 2007, ou protégé par un mot de passe : ôtez le mot de passe et " + saveAsFR,
			"it is an .xls workbook of before 2007, or one protected by a password: remove the password and " +
				saveAsEN},
		{"%PDF", "pdf", "c'est un PDF, pas un tableau : demandez le fichier du tableur",
			"it is a PDF, not a table: ask for the spreadsheet's file"},
		{"{\\rtf", "rtf", "c'est un document RTF, pas un tableau", "it is an RTF document, not a table"},
		{"\x1f\x8b", "gzip", "c'est un fichier comprimé (gzip) : décomprimez-le",
			"it is a compressed file (gzip): decompress it"},
		{"7z\xbc\xaf", "7z", "c'est une archive 7z : extrayez-en le tableau", "it is a 7z archive: extract the table"},
		{"Rar!", "rar", "c'est une archive RAR : extrayez-en le tableau", "it is a RAR archive: extract the table"},
		{"\x89PNG", "image", "c'est une image, pas un tableau", "it is an image, not a table"},
		{"\xff\xd8\xff", "image", "c'est une image, pas un tableau", "it is an image, not a table"},
		{"SQLite format 3", "sqlite", "c'est une base SQLite, pas un tableau", "it is an SQLite database, not a table"},
		{"\x09\x08\x10\x00", "biff", "c'est un classeur .xls très ancien : " + saveAsFR,
			"it is a very old .xls workbook: " + saveAsEN},
	} {
		if bytes.HasPrefix(data, []byte(kind.magic)) {
			return problem(kind.code, kind.fr, kind.en)
		}
	}
	return nil
}

// decode makes UTF-8 of a text: of UTF-16 and UTF-8 with or without a byte order mark, else of
// Windows-1252, as Excel writes a plain CSV.
func decode(data []byte) (string, error) {
	switch {
	case bytes.HasPrefix(data, []byte("\xef\xbb\xbf")):
		data = data[3:]
	case bytes.HasPrefix(data, []byte("\xff\xfe")):
		return decodeUTF16(data[2:], 0, 1)
	case bytes.HasPrefix(data, []byte("\xfe\xff")):
		return decodeUTF16(data[2:], 1, 0)
	default:
		if low, high, ok := looksUTF16(data); ok {
			return decodeUTF16(data, low, high)
		}
	}
	if i := bytes.IndexByte(data, 0); i >= 0 {
		return "", problem("binary", "ce n'est pas un texte : l'octet %d est nul", "it is not text: byte %d is zero", i+1)
	}
	if utf8.Valid(data) {
		text := string(data)
		if word := mojibake(text); word != "" {
			return "", problem("mojibake",
				"%q : cet UTF-8 a été enregistré comme du Windows-1252 ; reprenez le fichier d'origine",
				"%q: this UTF-8 was read as Windows-1252 and saved again; take the original file", word)
		}
		return text, nil
	}
	return decode1252(data)
}

// looksUTF16 tells whether a text without a byte order mark is UTF-16: of ASCII letters every
// second byte is zero.
func looksUTF16(data []byte) (low, high int, ok bool) {
	var zeros [2]int
	sample := data[:min(len(data), 512)]
	for i, b := range sample {
		if b == 0 {
			zeros[i%2]++
		}
	}
	pairs := len(sample) / 2
	switch {
	case pairs < 2:
	case zeros[1] > pairs*2/3 && zeros[0] == 0:
		return 0, 1, true
	case zeros[0] > pairs*2/3 && zeros[1] == 0:
		return 1, 0, true
	}
	return 0, 0, false
}

func decodeUTF16(data []byte, low, high int) (string, error) {
	if len(data)%2 != 0 {
		return "", problem("utf16", "ce texte en UTF-16 est coupé : il manque un octet à sa fin",
			"this text in UTF-16 was cut: a byte is missing at its end")
	}
	units := make([]uint16, len(data)/2)
	for i := range units {
		units[i] = uint16(data[2*i+low]) | uint16(data[2*i+high])<<8
	}
	text := string(utf16.Decode(units))
	if strings.ContainsRune(text, 0) {
		return "", problem("binary", "ce n'est pas un texte : il contient un caractère nul",
			"it is not text: it holds a null character")
	}
	return text, nil
}

const encodingAdviceFR = "enregistrez-le sous « CSV UTF-8 (délimité par des virgules) »"
const encodingAdviceEN = "save it as \"CSV UTF-8 (comma delimited)\""

// decode1252 reads Windows-1252, and refuses what cannot be it: the code pages of DOS and of old
// Macs, and texts of two encodings.
func decode1252(data []byte) (string, error) {
	line := 1
	for i := 0; i < len(data); i++ {
		b := data[i]
		switch {
		case b == '\n':
			line++
		case b < 0x80:
		case b == 0x81 || b == 0x8d || b == 0x8f || b == 0x90 || b == 0x9d,
			strings.IndexByte("\x82\x83\x84\x85\x86\x87\x88\x89\x8b\x95\x98\x99\x9b", b) >= 0 && between(data, i):
			return "", problem("encoding",
				"ligne %d : l'octet %02X n'est d'un texte ni en UTF-8 ni en Windows-1252 ; "+encodingAdviceFR,
				"line %d: the byte %02X is neither of a text in UTF-8 nor of one in Windows-1252; "+encodingAdviceEN,
				line, b)
		default:
			if r, n := utf8.DecodeRune(data[i:]); r != utf8.RuneError && n > 1 && unicode.IsLetter(r) &&
				mojibake(string1252(data[i:i+n])) != "" {
				return "", problem("encodings",
					"ligne %d : ce texte mêle de l'UTF-8 et du Windows-1252 ; "+encodingAdviceFR,
					"line %d: this text mixes UTF-8 and Windows-1252; "+encodingAdviceEN, line)
			}
		}
	}
	return string1252(data), nil
}

func string1252(data []byte) string {
	text, err := charmap.Windows1252.NewDecoder().Bytes(data)
	if err != nil { // the decoder of a charmap has no errors
		return string(data)
	}
	return string(text)
}

// between tells whether letters of ASCII stand on both sides of a byte.
func between(data []byte, i int) bool {
	letter := func(b byte) bool { return 'a' <= b|0x20 && b|0x20 <= 'z' }
	return i > 0 && i+1 < len(data) && letter(data[i-1]) && letter(data[i+1])
}

// mojibake finds a word in which an accented letter of UTF-8 was read as two characters of
// Windows-1252: Ã and one that no French word has after it.
func mojibake(text string) string {
	for rest := text; ; {
		i := strings.IndexRune(rest, 'Ã')
		if i < 0 {
			return ""
		}
		after, _ := utf8.DecodeRuneInString(rest[i+len("Ã"):])
		if 0xa1 <= after && after <= 0xbf || strings.ContainsRune("€‚ƒ„…†‡ˆ‰Š‹ŒŽ‘’“”•–—˜™š›œžŸ", after) {
			start := strings.LastIndexFunc(rest[:i], func(r rune) bool { return !unicode.IsLetter(r) }) + 1
			return rest[start:min(len(rest), i+len("Ã")+utf8.RuneLen(after))]
		}
		rest = rest[i+len("Ã"):]
	}
}
