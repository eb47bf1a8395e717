package certfile

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"encoding/pem"
	"html"
	"regexp"
	"strconv"
	"strings"
	"unicode/utf16"
	"unicode/utf8"
)

// This file reads text: PEM as it should be first, then what programs on the way made of it.

// Bounds of texts in the base64 of texts: how deep they are, and their size; and of how often
// something is tried that was no value in the end.
const (
	maxNested  = 3
	minNested  = 100
	maxRetries = 500
)

// readText reads a text.
func (r *reader) readText(data []byte) error {
	text := r.toUTF8(data)
	if done, err := r.readPEM(text); done {
		return err
	}
	if len(text) > maxText {
		if value := wholeText(text); value != nil {
			return r.readAll(value)
		}
		return fault("text-size",
			"pas un certificat, ni un PEM lisible : ce texte dépasse %d Mo ; extrayez-en le certificat",
			"not a certificate, nor PEM that can be read: this text is larger than %d MB; take the certificate "+
				"out of it", maxText>>20)
	}
	before := len(r.file.Items)
	if err := r.readRepaired(string(text), data, "DER", 0); err != nil {
		r.file.Items = r.file.Items[:before]
		return err
	}
	return nil
}

// wholeText decodes a text that is nothing but the base64 of one value, such as a CRL; nil for
// another.
func wholeText(text []byte) []byte {
	if bytes.ContainsFunc(text, func(c rune) bool {
		return c > '~' || !isBase64(byte(c)) &&
			!strings.ContainsRune("=\r\n \t", c)
	}) {
		return nil
	}
	value := decodeBase64(string(text))
	if len(value) < 2 || value[0] != 0x30 || declared(value) != len(value) {
		return nil
	}
	return value
}

// readRepaired looks in a text for PEM, base64 and hexadecimal. in names what base64 is found in.
func (r *reader) readRepaired(text string, original []byte, in string, depth int) error {
	if der, ok := fromHex(text); ok {
		r.note("READ-HEX", "Écrit en hexadécimal.", "Written in hexadecimal.")
		return r.readAll(der)
	}
	plain := r.unescape(text)
	if found, err := r.readDamagedPEM(plain); found {
		return err
	}
	before := len(r.file.Items)
	err := r.readBase64(plain, in, depth)
	if err != nil || len(r.file.Items) > before {
		return err
	}
	return r.unknown(original)
}

// toUTF8 takes byte order marks off, and converts UTF-16.
func (r *reader) toUTF8(data []byte) []byte {
	var order func(b []byte) uint16
	little := func(b []byte) uint16 { return uint16(b[0]) | uint16(b[1])<<8 }
	big := func(b []byte) uint16 { return uint16(b[1]) | uint16(b[0])<<8 }
	switch {
	case bytes.HasPrefix(data, []byte{0xff, 0xfe}):
		order = little
	case bytes.HasPrefix(data, []byte{0xfe, 0xff}):
		order = big
	default:
		var zeros [2]int
		sample := data[:min(len(data), 512)&^1]
		for i, b := range sample {
			if b == 0 {
				zeros[i&1]++
			}
		}
		switch most := len(sample) / 2 * 9 / 10; {
		case len(sample) < 8:
		case zeros[0] == 0 && zeros[1] >= most:
			order = little
		case zeros[1] == 0 && zeros[0] >= most:
			order = big
		}
	}
	if order == nil {
		return bytes.TrimPrefix(data, []byte("\ufeff"))
	}
	r.note("READ-UTF16",
		"Texte en UTF-16, comme l'écrivent PowerShell et le Bloc-notes : lu ; des logiciels ne le lisent pas.",
		"Text in UTF-16, as PowerShell and Notepad write it: read; some software does not.")
	out := make([]byte, 0, len(data)/2)
	for i := 0; i+1 < len(data); i += 2 {
		u := rune(order(data[i:]))
		if u == 0xfeff {
			continue
		}
		if utf16.IsSurrogate(u) {
			u = utf8.RuneError
		}
		out = utf8.AppendRune(out, u)
	}
	return out
}

// readPEM reads PEM that the standard library reads whole; done is false for any other text.
func (r *reader) readPEM(text []byte) (done bool, err error) {
	count := bytes.Count(text, []byte("BEGIN"))
	if count == 0 || bytes.Count(text, []byte("-----BEGIN ")) != count {
		return false, nil
	}
	blocks := 0
	for block, rest := pem.Decode(text); block != nil; block, rest = pem.Decode(rest) {
		blocks++
	}
	if blocks != count {
		return false, nil
	}
	n := 0
	for block, rest := pem.Decode(text); block != nil; block, rest = pem.Decode(rest) {
		n++
		if err := r.readBlock(n, block.Type, block.Bytes, strings.Contains(block.Headers["Proc-Type"],
			"ENCRYPTED")); err != nil {
			return true, err
		}
	}
	return true, nil
}

// readBlock reads the n-th PEM block.
func (r *reader) readBlock(n int, label string, value []byte, encrypted bool) error {
	var err error
	switch {
	case strings.HasSuffix(label, "PRIVATE KEY"):
		k := &Key{}
		switch {
		case strings.HasPrefix(label, "ENCRYPTED"):
			k = r.encryptedKey(value)
		case encrypted || label == "OPENSSH PRIVATE KEY" && !bytes.Contains(value, []byte("none")):
			k.Encrypted = true
		default:
			k = newKey(value)
		}
		err = r.add(&Item{Kind: PrivateKey, In: "PEM", Key: k})
	case strings.HasSuffix(label, " PARAMETERS"):
		err = r.add(&Item{Kind: Parameters, In: "PEM"})
	case label == "TRUSTED CERTIFICATE": // OpenSSL's: trust settings follow the certificate
		err = r.readDER(firstElement(value), "PEM")
	case len(value) > 1 && value[1] == 0x80:
		err = r.readAll(value)
	default:
		err = r.readDER(value, "PEM")
	}
	if err != nil {
		return fault("pem-block", "bloc PEM %d (%s) : %s", "PEM block %d (%s): %s", n, label, err)
	}
	return nil
}

// The escapes that programs write for characters.
var (
	// characters of base64 and white space, which is what matters
	escapedBase64 = regexp.MustCompile(`%(?:2[05BbFf]|3[Dd]|0[9AaDd])`)
	percent       = regexp.MustCompile(`%[0-9A-Fa-f]{2}`)
	backslash     = regexp.MustCompile(`\\+(?:u([0-9A-Fa-f]{4})|x([0-9A-Fa-f]{2})|([0-3][0-7]{2})|([nrt/"'+=-])|\r?\n)`)
	lineBreak     = regexp.MustCompile(`(?i)<br\s*/?>`)
	joined        = regexp.MustCompile(`["'][ \t]*[+.&\\]?[ \t]*_?\r?\n[ \t]*[+.&]?[ \t]*["']`)
	typography    = strings.NewReplacer("\u2010", "-", "\u2011", "-", "\u2012", "-", "\u2013", "-", "\u2014", "--",
		"\u2015", "--", "\u2212", "-", "\u00ad", "",
		"\u00a0", " ", "\ufeff", "", "\u200b", "", "\u200e", "", "\u200f", "", "\u2028", "\n", "\u2029", "\n", "\x00",
		"")
)

// unescape undoes what headers, logs, JSON, YAML, XML, source code and mail make of line ends and
// of the characters of base64.
func (r *reader) unescape(text string) string {
	text = typography.Replace(text)
	for range 3 { // twice escaped is common
		before := text
		if escapedBase64.MatchString(text) {
			if strings.Contains(text, "BEGIN+") {
				text = strings.ReplaceAll(text, "+", " ")
			}
			text = percent.ReplaceAllStringFunc(text, func(s string) string { return character(s[1:], 16, s) })
		}
		if strings.Contains(text, `\`) {
			text = backslash.ReplaceAllStringFunc(text, unescapeBackslash)
		}
		if strings.Contains(text, "&") {
			text = html.UnescapeString(text)
		}
		if text == before {
			break
		}
		r.note("READ-ESCAPED",
			"Les fins de ligne ou des caractères y étaient échappés, comme dans un en-tête, un journal ou du JSON.",
			"Line ends or characters were escaped in it, as in a header, a log or JSON.")
	}
	if strings.Contains(text, "#012") { // syslog's
		text = strings.NewReplacer("#012", "\n", "#015", "\r").Replace(text)
	}
	if strings.Contains(text, "<br") || strings.Contains(text, "<BR") {
		text = lineBreak.ReplaceAllString(text, "\n")
	}
	if strings.Contains(text, "=3D") || strings.Contains(text, "=0A") { // quoted-printable
		text = strings.NewReplacer("=\r\n", "", "=\n", "", "=3D", "=", "=0A", "\n", "=0D", "", "=2B", "+", "=2F", "/",
			"=20", " ").Replace(text)
	}
	return joined.ReplaceAllString(text, "\n")
}

// character is an ASCII character by its number, or else.
func character(digits string, base int, otherwise string) string {
	n, err := strconv.ParseUint(digits, base, 16)
	if err != nil || n >= utf8.RuneSelf {
		return otherwise
	}
	return string(rune(n))
}

func unescapeBackslash(s string) string {
	digits := strings.TrimLeft(s, `\`)
	switch c := digits[0]; {
	case c == 'u' || c == 'x':
		return character(digits[1:], 16, s)
	case c >= '0' && c <= '3':
		return character(digits, 8, s)
	case c == 'n' || c == 'r':
		return "\n"
	case c == 't', c == '\r', c == '\n':
		return " "
	}
	return digits
}

// The lines around PEM, whole or damaged. Dashes may be missing on one side, spaces anywhere.
var (
	beginLine = regexp.MustCompile(`(?im)(?:-+[ \t]*BEGIN[ \t_]*([A-Z0-9][A-Z0-9 #_]*?)[ \t]*(?:-+|$)|^[ \t>|*#]*BEGIN[ \t]+([A-Z0-9 ]*?(?:CERTIFICATE|REQUEST|KEY|CRL|PKCS7|PKCS12))[ \t]*-*[ \t]*\r?$)`)
	endLine   = regexp.MustCompile(`(?im)(?:-+[ \t]*END[ \t_]*[A-Z0-9]|^[ \t>|*#]*END[ \t]+[A-Z0-9 ]*(?:CERTIFICATE|REQUEST|KEY|CRL|PKCS7|PKCS12))`)
)

// labels are those of PEM without spaces, and with.
var labels = func() map[string]string {
	all := map[string]string{}
	for _, s := range []string{"CERTIFICATE", "X509 CERTIFICATE", "TRUSTED CERTIFICATE", "CERTIFICATE REQUEST",
		"NEW CERTIFICATE REQUEST", "X509 CRL", "PKCS7", "CMS", "PKCS12",
		"PRIVATE KEY", "ENCRYPTED PRIVATE KEY", "RSA PRIVATE KEY", "EC PRIVATE KEY", "DSA PRIVATE KEY",
		"OPENSSH PRIVATE KEY", "PUBLIC KEY", "RSA PUBLIC KEY",
		"EC PARAMETERS", "DSA PARAMETERS", "DH PARAMETERS", "X9.42 DH PARAMETERS"} {
		all[strings.ReplaceAll(s, " ", "")] = s
	}
	return all
}()

// readDamagedPEM reads PEM whose lines, line ends or labels were changed. found is false for a text
// without PEM.
func (r *reader) readDamagedPEM(text string) (found bool, err error) {
	marks := beginLine.FindAllStringSubmatchIndex(text, MaxItems+1)
	if len(marks) == 0 {
		return false, nil
	}
	for n, m := range marks {
		limit := len(text)
		if n+1 < len(marks) {
			limit = marks[n+1][0]
		}
		label := ""
		for _, i := range []int{2, 4} {
			if m[i] >= 0 {
				label = text[m[i]:m[i+1]]
			}
		}
		squeezed := strings.ToUpper(strings.NewReplacer(" ", "", "_", "").Replace(label))
		if strings.HasPrefix(squeezed, "PGP") {
			return true, r.unknown([]byte(text))
		}
		if whole, ok := labels[squeezed]; ok {
			label = whole
		}
		body, ended := text[m[1]:limit], false
		if end := endLine.FindStringIndex(body); end != nil {
			body, ended = body[:end[0]], true
		}
		if strings.Contains(body, "ENCRYPTED") && strings.HasSuffix(label, "PRIVATE KEY") {
			if err := r.readBlock(n+1, label, nil, true); err != nil {
				return true, err
			}
			continue
		}
		value, err := decodeBody(body)
		if err != nil || value == nil {
			if !ended {
				return true, fault("pem-cut",
					"il y a une ligne BEGIN et pas de bloc PEM entier : la fin a-t-elle été coupée ?",
					"there is a BEGIN line and no whole PEM block: was the end cut off?")
			}
			return true, fault("pem-body",
				"bloc PEM %d (%s) : pas un certificat ; son base64 est abîmé ou incomplet, copiez-le de nouveau",
				"PEM block %d (%s): not a certificate; its base64 is damaged or incomplete, copy it again", n+1, label)
		}
		if err := r.readBlock(n+1, label, value, false); err != nil {
			return true, err
		}
		if !ended {
			r.note("READ-NO-END", "La ligne END manque : le bloc est entier.",
				"The END line is missing: the block is whole.")
		}
	}
	r.note("READ-PEM-REPAIRED", "Un PEM dont les lignes ont été changées en chemin : des logiciels ne le lisent pas.",
		"PEM whose lines were changed on the way: some software does not read it.")
	return true, nil
}

// decodeBody decodes what stands between the lines of PEM, in the first of the ways that gives a
// whole value; nil where none does.
func decodeBody(body string) ([]byte, error) {
	ways := []func(string) string{
		func(s string) string { return s },
		withoutHeaders,
		// plus signs that were taken for spaces
		func(s string) string { return strings.ReplaceAll(strings.TrimSpace(s), " ", "+") },
		func(s string) string { return lastWords(s) },
	}
	for _, way := range ways {
		decoded := decodeBase64(way(body))
		if len(decoded) < 2 {
			continue
		}
		if decoded[0] == 0x30 && decoded[1] == 0x80 {
			return decoded, nil
		}
		if size := declared(decoded); size > 0 && size <= len(decoded) && plausible(decoded[:size]) {
			return decoded[:size], nil
		}
	}
	return nil, nil
}

// plausible tells a value whose elements fit into it.
func plausible(value []byte) bool {
	rest := value[len(value)-(len(value)-headerSize(value)):]
	for len(rest) > 0 && value[0]&0x20 != 0 {
		size := declared(rest)
		if size == 0 || size > len(rest) {
			return len(rest) > 1 && rest[1] == 0x80
		}
		rest = rest[size:]
	}
	return true
}

func headerSize(value []byte) int {
	if value[1] < 0x80 {
		return 2
	}
	return 2 + int(value[1]&0x7f)
}

// withoutHeaders leaves out lines that have a colon.
func withoutHeaders(s string) string {
	var b strings.Builder
	for line := range strings.Lines(strings.ReplaceAll(s, "\r", "\n")) {
		if !strings.Contains(line, ":") {
			b.WriteString(line)
		}
	}
	return b.String()
}

// lastWords are those of the lines, which a log begins with a date and a name.
func lastWords(s string) string {
	var b strings.Builder
	for line := range strings.Lines(s) {
		if words := strings.Fields(line); len(words) > 0 {
			b.WriteString(words[len(words)-1])
		}
	}
	return b.String()
}

// decodeBase64 decodes base64 or base64url, whatever stands between their characters.
func decodeBase64(s string) []byte {
	clean := make([]byte, 0, len(s))
	for i := range len(s) {
		switch c := s[i]; {
		case isBase64(c):
			clean = append(clean, c)
		case c == '-':
			clean = append(clean, '+')
		case c == '_':
			clean = append(clean, '/')
		}
	}
	clean = clean[:len(clean)-map[bool]int{true: 1}[len(clean)%4 == 1]]
	n, err := base64.RawStdEncoding.Decode(clean, clean)
	if err != nil {
		return nil
	}
	return clean[:n]
}

func isBase64(c byte) bool {
	return c >= 'A' && c <= 'Z' || c >= 'a' && c <= 'z' || c >= '0' && c <= '9' || c == '+' || c == '/'
}

// firstElement is the DER value that the data begin with, nil for none.
func firstElement(data []byte) []byte {
	if size := declared(data); size > 0 && size <= len(data) {
		return data[:size]
	}
	return nil
}

// Beginnings of base64: of DER whose length has one to three octets, of BER of signedData, of texts
// that may hold certificates.
var (
	beginnings  = regexp.MustCompile(`MI[IGHMN]|MIAGCSqG|LS0tLS1CRUdJ|LS0tLUJFR0l|77u/|PD94bW|PHNhbW|PFNhbW|eyJ`)
	xmlElement  = regexp.MustCompile(`^\s*<`)
	jwkMember   = regexp.MustCompile(`"x5[ct](?:#S256)?"`)
	wholeBase64 = regexp.MustCompile(`^[A-Za-z0-9+/=_\s-]+$`)
)

// readBase64 reads the values whose base64 a text holds, whatever stands around them.
func (r *reader) readBase64(text, in string, depth int) error {
	switch {
	case xmlElement.MatchString(text):
		in = "XML"
	case in == "DER" && jwkMember.MatchString(text):
		in = "JWK"
	}
	before := len(r.file.Items)
	var broken, cut error
	for at := 0; at < len(text); {
		m := beginnings.FindStringIndex(text[at:])
		if m == nil {
			break
		}
		start := at + m[0]
		switch text[start:][:2] {
		case "MI":
			value, end, err := collect(text, start)
			at = max(end, start+3)
			if err != nil && cut == nil && startsValue(text, start) {
				cut = err
			}
			if value == nil {
				continue
			}
			items := len(r.file.Items)
			if err := r.readValue(value, in); err != nil {
				r.file.Items = r.file.Items[:items]
				if broken == nil && startsValue(text, start) {
					broken = err
				}
				if r.retries++; r.retries < maxRetries {
					at = start + 3
				}
			}
		default: // a text
			end := start
			for end < len(text) && (isBase64(text[end]) || strings.IndexByte("-_\r\n", text[end]) >= 0) {
				end++
			}
			at = end
			if r.nested++; depth >= maxNested || r.nested > maxRetries || end-start < minNested {
				continue
			}
			decoded := decodeBase64(text[start:end])
			nested := in
			if strings.HasPrefix(text[start:], "eyJ") {
				nested = "JWS"
			}
			items := len(r.file.Items)
			if err := r.readRepaired(string(bytes.TrimPrefix(decoded, []byte("\ufeff"))), decoded, nested,
				depth+1); err != nil {
				r.file.Items = r.file.Items[:items]
			}
		}
	}
	if len(r.file.Items) > before {
		return nil
	}
	if wholeBase64.MatchString(text) { // something small, such as a key of Ed25519
		if decoded := decodeBase64(text); len(decoded) > 2 && decoded[0] == 0x30 && declared(decoded) == len(decoded) {
			return r.readDER(decoded, in)
		}
	}
	if broken != nil {
		return broken
	}
	return cut
}

// readValue reads what base64 gave.
func (r *reader) readValue(value []byte, in string) error {
	if value[1] == 0x80 {
		return r.readAll(value)
	}
	return r.readDER(value, in)
}

// startsValue tells base64 that begins a word of at least a line from three letters within one.
func startsValue(text string, start int) bool {
	if start > 0 && (isBase64(text[start-1]) || text[start-1] == '-' || text[start-1] == '_') {
		return false
	}
	n := 0
	for start+n < len(text) && n < 40 && isBase64(text[start+n]) {
		n++
	}
	return n == 40
}

// collect takes as many characters of base64 from the text as the length of the value that they
// begin asks for, over line ends, spaces and the marks of quoted lines. value is nil where other
// characters come first; the error then tells how much is there.
func collect(text string, start int) (value []byte, end int, err error) {
	head := decodeBase64(text[start:min(len(text), start+12)])
	size := declared(head)
	indefinite := len(head) > 1 && head[1] == 0x80
	want := (size*4 + 2) / 3
	if size == 0 && !indefinite || size > len(text)-start {
		if size > 0 {
			err = cutError(size, (len(text)-start)*3/4)
		}
		return nil, start + 3, err
	}
	var clean []byte
	end = start
	lineStart := false
loop:
	for ; end < len(text) && (indefinite || len(clean) < want); end++ {
		switch c := text[end]; {
		case isBase64(c):
			clean = append(clean, c)
			lineStart = false
		case c == '-':
			clean = append(clean, '+')
		case c == '_':
			clean = append(clean, '/')
		case c == '\n' || c == '\r':
			lineStart = true
		case c == ' ' || c == '\t':
		case lineStart && strings.IndexByte(">|#*\"'", c) >= 0:
		default:
			break loop
		}
	}
	if !indefinite && len(clean) < want {
		return nil, end, cutError(size, len(clean)*3/4)
	}
	value = decodeBase64(string(clean))
	if !indefinite {
		if len(value) < size {
			return nil, end, nil
		}
		value = value[:size]
	}
	return value, end, nil
}

func cutError(size, there int) error {
	return fault("base64-cut",
		"pas un certificat, ou il est coupé : le base64 en a %d octets sur %d ; copiez-le entier, ou prenez le fichier",
		"not a certificate, or one that is cut off: the base64 has %d bytes of %d; copy all of it, or take the file",
		there, size)
}

// Hexadecimal, as debuggers, databases and source code write it.
var (
	hexDump   = regexp.MustCompile(`(?m)^(?:[0-9a-fA-F]{4,8}:? +)((?:[0-9a-fA-F]{2,4}[ -]{1,3}){1,16})(?: .*)?$`)
	hexMarks  = regexp.MustCompile(`^[bBxX]["']|0x|\\x|[\s,:;{}\[\]"'-]`)
	hexDigits = regexp.MustCompile(`^30(?:8[0-4]|[0-7])[0-9a-fA-F]+$`)
)

// fromHex decodes a text that is nothing but hexadecimal of DER.
func fromHex(text string) ([]byte, bool) {
	head := strings.TrimLeft(text[:min(len(text), 256)], " \t\r\n")
	if !strings.Contains(head, "30") || strings.Contains(head, "BEGIN") {
		return nil, false
	}
	if lines := hexDump.FindAllStringSubmatch(text, -1); len(lines) > 0 && strings.HasPrefix(head, "0000") {
		var b strings.Builder
		for _, l := range lines {
			b.WriteString(l[1])
		}
		text = b.String()
	}
	digits := hexMarks.ReplaceAllString(strings.TrimSpace(text), "")
	if len(digits) < 8 || len(digits)%2 != 0 || !hexDigits.MatchString(digits) {
		return nil, false
	}
	der, err := hex.DecodeString(digits)
	if size := declared(der); err != nil || size == 0 && der[1] != 0x80 || size > len(der) {
		return nil, false
	}
	return der, true
}
