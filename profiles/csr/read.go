package csr

import (
	"bytes"
	"encoding/base64"
	"encoding/pem"
	"net/url"
	"regexp"
	"strings"

	"github.com/igc-lab/igc/internal/i18n"
)

// MaxFile bounds a file of requests.
const MaxFile = 4 << 20

// maxRequests bounds the requests of one file.
const maxRequests = 1000

// block is a PEM block, or what is left of one after a mail program, a form or a log: the lines may
// be one, and their ends may be escapes.
var block = regexp.MustCompile(`(?s)-----BEGIN ([A-Z0-9 ]{1,40})-----(.*?)-----END ([A-Z0-9 ]{1,40})-----`)

var begins = regexp.MustCompile(`-----BEGIN ([A-Z0-9 ]{1,40})-----`)

// Read reads the requests of a file: PEM (CERTIFICATE REQUEST, or NEW CERTIFICATE REQUEST as
// keytool and certreq write), several or one, in UTF-8 or UTF-16; DER; or base64 without its BEGIN
// and END. What else is in the file, such as the text that openssl req -text puts before, is passed
// over.
func Read(data []byte) ([]*Request, error) {
	if len(data) > MaxFile {
		return nil, i18n.NewError("csr-file-large", i18n.Text{FR: "le fichier de demandes dépasse 4 Mo",
			EN: "the file of requests is larger than 4 MB"})
	}
	if bytes.HasPrefix(data, []byte{0xFF, 0xFE}) || bytes.HasPrefix(data, []byte{0xFE, 0xFF}) {
		data = decodeUTF16(data)
	}
	data = bytes.TrimPrefix(data, []byte("\xef\xbb\xbf"))
	if len(bytes.TrimSpace(data)) == 0 {
		return nil, i18n.NewError("csr-file-empty",
			i18n.Text{FR: "le fichier est vide : il faut une demande de certificat (PKCS#10)",
				EN: "the file is empty: a certification request (PKCS#10) is wanted"})
	}
	if data[0] == 0x30 && len(data) > 1 && (data[1] >= 0x80 || int(data[1]) == len(data)-2) {
		return parseOne(data)
	}
	text := string(data)
	if !strings.Contains(text, "-----BEGIN ") && strings.Contains(text, "%") {
		if plain, err := url.PathUnescape(text); err == nil { // a header or a form
			text = plain
		}
	}
	requests, found, err := readPEM(text)
	switch {
	case err != nil || len(requests) > 0:
		return requests, err
	case len(found) > 0:
		return nil, i18n.NewError("csr-other", i18n.Text{
			FR: "le fichier contient %s, pas de demande de certificat (BEGIN CERTIFICATE REQUEST) : igc csr en fait " +
				"une",
			EN: "the file holds %s and no certification request (BEGIN CERTIFICATE REQUEST): igc csr makes one"},
			strings.Join(found, ", "))
	case begins.MatchString(text):
		return nil, i18n.NewError("csr-cut", i18n.Text{FR: "la demande est coupée : sa ligne END manque",
			EN: "the request is cut short: its END line is missing"})
	}
	if der, err := decode64(text); err == nil && len(der) > 0 && der[0] == 0x30 {
		return parseOne(der)
	}
	return nil, i18n.NewError("csr-none", i18n.Text{
		FR: "ce n'est pas une demande de certificat : ni PEM (BEGIN CERTIFICATE REQUEST), ni DER, ni base64",
		EN: "this is not a certification request: neither PEM (BEGIN CERTIFICATE REQUEST), nor DER, nor base64"})
}

func parseOne(der []byte) ([]*Request, error) {
	r, err := Parse(der)
	if err != nil {
		return nil, err
	}
	return []*Request{r}, nil
}

// readPEM reads the blocks of a text, and names those that are not requests.
func readPEM(text string) (requests []*Request, found []string, err error) {
	for _, m := range block.FindAllStringSubmatch(text, maxRequests+1) {
		label, body := m[1], m[2]
		if label != "CERTIFICATE REQUEST" && label != "NEW CERTIFICATE REQUEST" {
			found = append(found, label)
			continue
		}
		if len(requests) == maxRequests {
			return nil, nil, i18n.NewError("csr-many", i18n.Text{FR: "plus de %d demandes dans un fichier",
				EN: "more than %d requests in one file"}, maxRequests)
		}
		der, err := decode64(body)
		if err == nil && len(der) == 0 {
			err = i18n.NewError("csr-block-empty", i18n.Text{FR: "rien entre BEGIN et END",
				EN: "nothing between BEGIN and END"})
		}
		var r *Request
		if err == nil {
			r, err = Parse(der)
		}
		if err != nil {
			if n := len(requests); n > 0 {
				err = i18n.NewError("csr-nth", i18n.Text{FR: "demande %d du fichier : %s",
					EN: "request %d of the file: %s"}, n+1, err)
			}
			return nil, nil, err
		}
		requests = append(requests, r)
	}
	return requests, found, nil
}

// unescape takes away what logs, JSON and YAML put for the ends of lines, and what people put
// around.
var unescape = strings.NewReplacer(`\r`, "", `\n`, "", `\t`, "", `\/`, "/", `"`, "", "'", "", ",", "", "\u00a0", "",
	"\u200b", "", "\ufeff", "", ">", "", `\`, "")

// decode64 decodes base64 with blanks and escapes in it, of the usual or of the URL's alphabet,
// with or without padding. Headers of a PEM block (Name: value) are passed over.
func decode64(text string) ([]byte, error) {
	var b strings.Builder
	for line := range strings.Lines(text) {
		if !strings.Contains(line, ": ") {
			b.WriteString(line)
		}
	}
	s := strings.Join(strings.Fields(unescape.Replace(b.String())), "")
	s = strings.TrimRight(strings.NewReplacer("-", "+", "_", "/").Replace(s), "=")
	der, err := base64.RawStdEncoding.DecodeString(s)
	if err != nil {
		return nil, broken(i18n.Text{FR: "ce n'est pas du base64", EN: "it is not base64"})
	}
	return der, nil
}

// PEM is the request as PEM.
func (r *Request) PEM() []byte {
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE REQUEST", Bytes: r.Raw})
}
