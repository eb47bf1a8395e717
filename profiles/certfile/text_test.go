package certfile

import (
	"bytes"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"html"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"unicode/utf16"

	"github.com/igc-lab/igc/internal/i18n"
	"github.com/igc-lab/igc/internal/peer"
)

// utf16Text is a text in UTF-16, with a byte order mark or without.
func utf16Text(s string, big, mark bool) []byte {
	var out []byte
	units := utf16.Encode([]rune(s))
	if mark {
		units = append([]uint16{0xfeff}, units...)
	}
	for _, u := range units {
		if big {
			out = append(out, byte(u>>8), byte(u))
		} else {
			out = append(out, byte(u), byte(u>>8))
		}
	}
	return out
}

// quoted puts a prefix before each line.
func quoted(prefix, s string) string {
	return prefix + strings.ReplaceAll(strings.TrimRight(s, "\n"), "\n", "\n"+prefix) + "\n"
}

func lines(s string, width int) string {
	var b strings.Builder
	for ; len(s) > width; s = s[width:] {
		b.WriteString(s[:width] + "\n")
	}
	return b.String() + s + "\n"
}

// awkward is a certificate whose base64 has a plus sign and a slash, and needs padding.
func awkward(t testing.TB, under *made) *made {
	t.Helper()
	for range 100 {
		m := makeCertificate(t, "leaf", false, under, nil)
		s := base64.StdEncoding.EncodeToString(m.der)
		if strings.Contains(s, "+") && strings.Contains(s, "/") && strings.HasSuffix(s, "=") {
			return m
		}
	}
	t.Fatal("no certificate has them all")
	return nil
}

// A certificate is read in whatever form editors, shells, proxies, logs and documents hand it on.
func TestText(t *testing.T) {
	root := makeCertificate(t, "root", true, nil, nil)
	leaf := awkward(t, root)
	der := leaf.der
	clean := string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}))
	bare := base64.StdEncoding.EncodeToString(der)
	second := base64.StdEncoding.EncodeToString(root.der)
	safe := base64.RawURLEncoding.EncodeToString(der)
	body := strings.Split(strings.TrimSpace(clean), "\n")
	inner := strings.Join(body[1:len(body)-1], "\n")
	oneLine := strings.ReplaceAll(strings.TrimSpace(clean), "\n", " ")
	jsonText := func(v any) string { b, _ := json.Marshal(v); return string(b) }
	x5c := func(list ...string) map[string]any { return map[string]any{"alg": "RS256", "x5c": list} }
	jose := func(v any) string {
		return base64.RawURLEncoding.EncodeToString([]byte(jsonText(v))) + "." +
			base64.RawURLEncoding.EncodeToString([]byte(`{"sub":"x"}`)) + ".c2ln"
	}
	saml := "<?xml version=\"1.0\"?>\n<saml:Assertion xmlns:saml=\"x\"><ds:Signature><ds:SignatureValue>" +
		second[40:200] +
		"</ds:SignatureValue><ds:KeyInfo><ds:X509Data><ds:X509Certificate>%s</ds:X509Certificate></ds:X509Data></ds:KeyInfo></ds:Signature></saml:Assertion>"
	var hexLines strings.Builder
	dump := hex.Dump(der)
	for i, b := range der {
		fmt.Fprintf(&hexLines, "0x%02x, ", b)
		if i%12 == 11 {
			hexLines.WriteString("\n")
		}
	}
	for name, tc := range map[string]struct {
		data any // string or []byte
		in   string
		n    int
	}{
		"clean":         {clean, "PEM", 1},
		"BOM":           {"\ufeff" + clean, "PEM", 1},
		"BOM between":   {clean + "\ufeff" + clean, "PEM", 2},
		"CRLF":          {strings.ReplaceAll(clean, "\n", "\r\n"), "PEM", 1},
		"CR alone":      {strings.ReplaceAll(clean, "\n", "\r"), "PEM", 1},
		"CR CR LF":      {strings.ReplaceAll(clean, "\n", "\r\r\n"), "PEM", 1},
		"doubled lines": {strings.ReplaceAll(clean, "\n", "\n\n"), "PEM", 1},
		"UTF-16LE, BOM": {utf16Text(clean, false, true), "PEM", 1},
		"UTF-16BE, BOM": {utf16Text(clean, true, true), "PEM", 1},
		"UTF-16LE":      {utf16Text(clean, false, false), "PEM", 1},
		"UTF-16BE":      {utf16Text(clean, true, false), "PEM", 1},
		"UTF-16 and LF": {append(utf16Text(strings.ReplaceAll(clean, "\n", "\r\n"), false, true), '\n'), "PEM", 1},
		"UTF-16 base64": {utf16Text(lines(bare, 64), false, true), "DER", 1},

		"indented":              {quoted("      ", clean), "PEM", 1},
		"tabs":                  {quoted("\t", clean), "PEM", 1},
		"trailing spaces":       {strings.ReplaceAll(clean, "\n", "  \n"), "PEM", 1},
		"no-break spaces":       {quoted("\u00a0\u00a0", clean), "PEM", 1},
		"zero-width spaces":     {strings.ReplaceAll(clean, "\n", "\u200b\n"), "PEM", 1},
		"YAML":                  {"data:\n  tls.crt: |\n" + quoted("    ", clean) + "  other: x\n", "PEM", 1},
		"YAML, folded":          {"cert: >-\n" + quoted("  ", clean), "PEM", 1},
		"spaces for line ends":  {oneLine, "PEM", 1},
		"nothing for line ends": {strings.ReplaceAll(clean, "\n", ""), "PEM", 1},
		"all white space gone":  {strings.NewReplacer("\n", "", " ", "").Replace(clean), "PEM", 1},
		"two on one line":       {oneLine + " " + oneLine, "PEM", 2},
		"\\n":                   {strings.ReplaceAll(clean, "\n", `\n`), "PEM", 1},
		"\\r\\n":                {strings.ReplaceAll(clean, "\n", `\r\n`), "PEM", 1},
		"\\\\n":                 {strings.ReplaceAll(clean, "\n", `\\n`), "PEM", 1},
		"JSON":                  {jsonText(map[string]string{"certificate": clean}), "PEM", 1},
		"JSON in JSON": {jsonText(map[string]string{"log": jsonText(map[string]string{"cert": clean})}),
			"PEM", 1},
		"JSON, \\u002b and \\/": {strings.NewReplacer("+", `\u002b`, "/", `\/`, "=", `\u003d`, "\n",
			`\n`).Replace(clean), "PEM", 1},
		"Java source": {`String s = "` + strings.ReplaceAll(strings.TrimSpace(clean), "\n",
			"\\n\" +\n    \"") + `";`, "PEM", 1},
		"C source": {`"` + strings.ReplaceAll(strings.TrimSpace(clean), "\n", "\\n\"\n\"") + `";`, "PEM",
			1},
		"shell continuation":    {strings.ReplaceAll(strings.TrimSpace(clean), "\n", " \\\n"), "PEM", 1},
		"percent-encoded":       {url.PathEscape(clean), "PEM", 1},
		"form-encoded":          {url.QueryEscape(clean), "PEM", 1},
		"twice percent-encoded": {url.QueryEscape(url.QueryEscape(clean)), "PEM", 1},
		"nginx":                 {"X-SSL-Client-Cert: " + url.PathEscape(clean) + "\r\nHost: h\r\n", "PEM", 1},
		"nginx, old": {"X-SSL-Client-Cert: " + strings.ReplaceAll(strings.TrimSpace(clean), "\n", "\n\t"),
			"PEM", 1},
		"AWS":    {strings.NewReplacer("\n", "%0A", " ", "%20").Replace(clean), "PEM", 1},
		"Apache": {"SSL_CLIENT_CERT: " + oneLine + "\n", "PEM", 1},
		"Envoy": {`x-forwarded-client-cert: By=a;Hash=b;Cert="` + url.QueryEscape(clean) +
			`";Subject="CN=x"`, "PEM", 1},
		"plus taken for space": {strings.ReplaceAll(strings.ReplaceAll(strings.TrimSpace(clean), "\n", ""), "+",
			" "), "PEM", 1},
		"syslog": {"Nov 25 10:00:00 h app[1]: cert " + strings.ReplaceAll(clean, "\n", "#012"), "PEM",
			1},
		"journal":            {quoted("Nov 25 10:00:00 host app[123]: ", clean), "PEM", 1},
		"mail":               {"Bonjour,\n" + quoted("> ", clean) + "> Cordialement", "PEM", 1},
		"mail, twice":        {quoted("> > ", clean), "PEM", 1},
		"quoted-printable":   {strings.NewReplacer("=", "=3D").Replace(clean), "PEM", 1},
		"HTML":               {"<html><pre>" + html.EscapeString(clean) + "</pre></html>", "PEM", 1},
		"HTML, br":           {"<p>" + strings.ReplaceAll(clean, "\n", "<br/>") + "</p>", "PEM", 1},
		"XML with CR":        {"<a>" + strings.ReplaceAll(clean, "\n", "&#13;\n") + "</a>", "PEM", 1},
		"comment":            {quoted("# ", clean), "PEM", 1},
		"table":              {quoted("| ", clean), "PEM", 1},
		"four dashes":        {strings.ReplaceAll(clean, "-----", "----"), "PEM", 1},
		"typographic dashes": {strings.ReplaceAll(clean, "-----", "——-"), "PEM", 1},
		"no dashes":          {strings.ReplaceAll(clean, "-----", ""), "PEM", 1},
		"dashes cut off":     {strings.TrimLeft(clean, "-"), "PEM", 1},
		"lower-case lines": {strings.NewReplacer("BEGIN CERTIFICATE", "begin certificate", "END CERTIFICATE",
			"end certificate").Replace(clean), "PEM", 1},
		"spaces in the line": {strings.ReplaceAll(clean, "-----BEGIN CERTIFICATE-----",
			"----- BEGIN CERTIFICATE -----"), "PEM", 1},
		"BEGIN alone":           {strings.Join(body[:len(body)-1], "\n"), "PEM", 1},
		"END cut":               {strings.TrimSuffix(strings.TrimSpace(clean), "TIFICATE-----"), "PEM", 1},
		"BEGIN and no line end": {strings.Replace(clean, "CERTIFICATE-----\n", "CERTIFICATE-----", 1), "PEM", 1},
		"another label":         {strings.ReplaceAll(clean, "CERTIFICATE", "X509 CERTIFICATE"), "PEM", 1},
		"a wrong label":         {strings.ReplaceAll(clean, "CERTIFICATE", "PKCS7"), "PEM", 1},
		"headers in the block": {strings.Replace(clean, "-----\n", "-----\nSubject: CN=MII\nIssuer: x\n\n", 1),
			"PEM", 1},
		"Bag Attributes":         {"Bag Attributes\n    localKeyID: 01 02 \nsubject=CN = x\n\n" + clean, "PEM", 1},
		"openssl x509 -text":     {"Certificate:\n    Data:\n        Version: 3 (0x2)\n" + clean, "PEM", 1},
		"base64 without padding": {strings.ReplaceAll(clean, "=", ""), "PEM", 1},
		"base64url in PEM": {"-----BEGIN CERTIFICATE-----\n" + lines(safe, 64) + "-----END CERTIFICATE-----\n",
			"PEM", 1},
		"NULs at the end": {clean + "\x00\x00\x00", "PEM", 1},

		"body alone":        {inner, "DER", 1},
		"END line alone":    {inner + "\n" + body[len(body)-1], "DER", 1},
		"base64":            {bare, "DER", 1},
		"base64, 76":        {lines(bare, 76), "DER", 1},
		"base64url":         {safe, "DER", 1},
		"base64 in words":   {"cert=" + bare + " user=x", "DER", 1},
		"base64 indented":   {quoted("    ", lines(bare, 64)), "DER", 1},
		"base64 quoted":     {quoted("> ", lines(bare, 64)), "DER", 1},
		"two base64":        {bare + "\n" + second, "DER", 2},
		"comma":             {bare + "," + second, "DER", 2},
		"percent and comma": {url.QueryEscape(bare) + "," + url.QueryEscape(second), "DER", 2},
		"HAProxy":           {"X-SSL-Client-DER: " + bare + "\r\nHost: h\r\n", "DER", 1},
		"RFC 9440": {"Client-Cert: :" + bare + ":\r\nClient-Cert-Chain: :" + second + ":, :" + second +
			":\r\n", "DER", 3},
		"LDIF": {"dn: cn=x\nuserCertificate;binary:: " +
			strings.ReplaceAll(strings.TrimSpace(lines(bare, 60)), "\n", "\n ") + "\nsn: x\n", "DER", 1},
		"Kubernetes": {"apiVersion: v1\ndata:\n  tls.crt: " +
			base64.StdEncoding.EncodeToString([]byte(clean+clean)) + "\n  tls.key: x\n", "PEM", 2},
		"base64 of PEM":    {lines(base64.StdEncoding.EncodeToString([]byte(clean)), 76), "PEM", 1},
		"base64 of base64": {"LS0t" + base64.StdEncoding.EncodeToString([]byte(clean))[4:], "PEM", 1},
		"data URL":         {"data:application/x-x509-ca-cert;base64," + bare, "DER", 1},
		"CSV":              {"name;cert\nx;\"" + bare + "\"\n", "DER", 1},
		"hex":              {hex.EncodeToString(der), "DER", 1},
		"hex, colons": {strings.TrimSuffix(strings.ReplaceAll(fmt.Sprintf("% X ", der), " ", ":"), ":"),
			"DER", 1},
		"hex, lines":      {lines(hex.EncodeToString(der), 60), "DER", 1},
		"hex, C":          {"{ " + hexLines.String() + "}", "DER", 1},
		"hex, PostgreSQL": {`\x` + hex.EncodeToString(der), "DER", 1},
		"hex, Python":     {`b"\x` + strings.ReplaceAll(fmt.Sprintf("% x", der), " ", `\x`) + `"`, "DER", 1},
		"hexdump -C":      {dump, "DER", 1},
		"SAML":            {fmt.Sprintf(saml, bare), "XML", 1},
		"SAML, wrapped":   {fmt.Sprintf(saml, "\n"+lines(bare, 76)), "XML", 1},
		"SAML, CR":        {fmt.Sprintf(saml, strings.ReplaceAll(lines(bare, 76), "\n", "&#13;\n")), "XML", 1},
		"SAML, two":       {fmt.Sprintf(saml, bare+"</ds:X509Certificate><ds:X509Certificate>"+second), "XML", 2},
		"WS-Security": {`<soap:Envelope><wsse:BinarySecurityToken ValueType="x#X509v3">` + bare +
			"</wsse:BinarySecurityToken></soap:Envelope>", "XML", 1},
		"SAML in base64": {base64.StdEncoding.EncodeToString([]byte(fmt.Sprintf(saml, bare))), "XML", 1},
		"SAML in a form": {"SAMLResponse=" +
			url.QueryEscape(base64.StdEncoding.EncodeToString([]byte(fmt.Sprintf(saml, bare)))), "XML", 1},
		"JWK":             {jsonText(map[string]any{"kty": "EC", "x5c": []string{bare, second}}), "JWK", 2},
		"JWKS":            {jsonText(map[string]any{"keys": []any{x5c(bare), x5c(second)}}), "JWK", 2},
		"JWS":             {jose(x5c(bare, second)), "JWS", 2},
		"JWS in a header": {"Authorization: Bearer " + jose(x5c(bare)) + "\r\n", "JWS", 1},
		"JWS as JSON": {jsonText(map[string]any{"payload": "e30",
			"protected": base64.RawURLEncoding.EncodeToString([]byte(jsonText(x5c(bare))))}), "JWS", 1},
		"DER, line end":        {append(bytes.Clone(der), '\n'), "DER", 1},
		"DER, CRLF and ^Z":     {append(bytes.Clone(der), "\r\n\x1a"...), "DER", 1},
		"DER, NULs":            {append(bytes.Clone(der), make([]byte, 500)...), "DER", 1},
		"DER, line end before": {append([]byte("\r\n"), der...), "DER", 1},
		"DER, two and a blank": {append(append(append(bytes.Clone(der), '\n'), root.der...), ' '), "DER", 2},
	} {
		var data []byte
		switch d := tc.data.(type) {
		case string:
			data = []byte(d)
		case []byte:
			data = d
		}
		file, err := Read(data, Options{})
		if err != nil {
			t.Errorf("%s: %v\n%.300s", name, err, data)
			continue
		}
		if len(file.Items) != tc.n {
			t.Errorf("%s: %d items, want %d", name, len(file.Items), tc.n)
		}
		for i, item := range file.Items {
			if item.Kind != Certificate || item.In != tc.in || i == 0 && !bytes.Equal(item.DER, der) {
				t.Errorf("%s: item %d is a %s in %s", name, i+1, item.Kind, item.In)
			}
		}
	}
}

// Keys in damaged PEM keep their kind.
func TestTextKeys(t *testing.T) {
	dir := t.TempDir()
	run := func(args ...string) string { return peer.Run(t, "openssl", args...) }
	file := filepath.Join(dir, "k.pem")
	run("genpkey", "-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048", "-out", file)
	for name, tc := range map[string]struct {
		args      []string
		encrypted bool
		algorithm string
	}{
		"PKCS#8":           {[]string{"pkey", "-in", file}, false, "RSA"},
		"PKCS#1":           {[]string{"rsa", "-in", file, "-traditional"}, false, "RSA"},
		"encrypted PKCS#8": {[]string{"pkcs8", "-topk8", "-in", file, "-passout", "pass:1234"}, true, ""},
		"encrypted, old": {[]string{"rsa", "-in", file, "-traditional", "-aes128", "-passout", "pass:1234"}, true,
			""},
		"encrypted, scrypt": {[]string{"pkcs8", "-topk8", "-in", file, "-scrypt", "-passout", "pass:1234"}, true, ""},
	} {
		data := run(tc.args...)
		data = data[strings.Index(data, "-----BEGIN"):]
		for _, form := range []string{data, strings.ReplaceAll(data, "\n", "\r"), quoted("  ", data),
			strings.ReplaceAll(data, "\n", `\n`)} {
			f, err := Read([]byte(form), Options{})
			if err != nil || len(f.Items) != 1 || f.Items[0].Kind != PrivateKey ||
				f.Items[0].Key.Encrypted != tc.encrypted ||
				f.Items[0].Key.Algorithm != tc.algorithm {
				t.Errorf("%s: %v, %v\n%s", name, f, err, form)
			}
		}
	}
	_ = os.Remove(file)
}

// What is nothing that is read makes one error in both languages that says what it looks like.
func TestUnknown(t *testing.T) {
	root := makeCertificate(t, "root", true, nil, nil)
	clean := string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: root.der}))
	bare := base64.StdEncoding.EncodeToString(root.der)
	for name, tc := range map[string]struct{ data, want string }{
		"nothing": {"", "empty"}, "blanks": {" \r\n\x00", "empty"}, "a BOM": {"\ufeff", "not a certificate"},
		"a PIN": {"1234\n", "not a certificate"}, "Word": {"PK\x03\x04\x14\x00word/document.xml", "Word"},
		"old Word": {"\xd0\xcf\x11\xe0\xa1\xb1", "Office"},
		"PDF":      {"%PDF-1.7\n", "PDF"}, "PNG": {"\x89PNG\r\n", "image"}, "JPEG": {"\xff\xd8\xff\xe0", "image"},
		"gzip": {"\x1f\x8b\x08", "gzip"}, "7z": {"7z\xbc\xaf", "7z"},
		"JKS": {"\xfe\xed\xfe\xed\x00\x00\x00\x02", "keytool -importkeystore"}, "JCEKS": {"\xce\xce\xce\xce", "JCEKS"},
		"cert9.db": {"SQLite format 3\x00", "certutil"},
		"SSH":      {"ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAA x@y\n", "SSH"}, "PuTTY": {"PuTTY-User-Key-File-3: ssh-rsa\n",
			"PuTTY"}, "PGP": {"-----BEGIN PGP PUBLIC KEY BLOCK-----\n\nxx\n", "OpenPGP"},
		"HTML": {"<!DOCTYPE html>\n<html><body>Se connecter</body></html>", "HTML"}, "HTML, BOM": {"\ufeff<html>",
			"HTML"},
		"XML": {"<?xml version='1.0'?><a/>", "XML document without"}, "JSON": {`{"keys":[{"kty":"RSA","n":"AQAB"}]}`,
			"JSON without"},
		"text of openssl": {"Certificate:\n    Data:\n        Version: 3 (0x2)\n", "description of a certificate"},
		"cut DER":         {string(root.der[:200]), "bytes of"}, "cut base64": {bare[:len(bare)-40], "cut off"},
		"cut PEM":           {clean[:200], "cut off"},
		"cut in the middle": {clean[:100] + clean[160:], "damaged or incomplete"}, "trailing text": {string(root.der) +
			"xx", "2 bytes after"},
		"nonsense in PEM": {"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n",
			"PEM block 1 (CERTIFICATE)"},
		"S/MIME, encrypted": {"\x30\x80\x06\x09\x2a\x86\x48\x86\xf7\x0d\x01\x07\x03\xa0\x80\x30\x00\x00\x00\x00\x00",
			"openssl cms -decrypt"},
		"a long text": {strings.Repeat("lorem ipsum ", 400_000), "larger than 1 MB"},
		"a long file": {strings.Repeat("x", MaxSize+1), "16 MB"},
	} {
		file, err := Read([]byte(tc.data), Options{})
		if err == nil || file != nil || !strings.Contains(err.Error(), tc.want) {
			t.Errorf("%s: %v, %v; want %q", name, file, err, tc.want)
			continue
		}
		if text := i18n.TextOf(err); text.FR == text.EN || text.FR == "" {
			t.Errorf("%s: one language only: %s", name, text.FR)
		}
	}
}

// Where a certificate is meant, what is there instead is named.
func TestNoCertificate(t *testing.T) {
	dir := t.TempDir()
	key, csr := filepath.Join(dir, "k.pem"), filepath.Join(dir, "r.pem")
	peer.Run(t, "openssl", "req", "-newkey", "rsa:2048", "-nodes", "-keyout", key, "-out", csr, "-subj", "/CN=x")
	peer.Run(t, "openssl", "pkcs8", "-topk8", "-in", key, "-out", key+".enc", "-passout", "pass:other")
	for file, want := range map[string]string{key: "only a private key", key + ".enc": "only a private key",
		csr: "certificate request"} {
		data, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := read(t, data).Main(); err == nil || !strings.Contains(err.Error(), want) ||
			i18n.TextOf(err).FR == i18n.TextOf(err).EN {
			t.Errorf("%s: %v", file, err)
		}
	}
}
