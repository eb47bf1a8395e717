package cli

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/igc-lab/igc/internal/labtest"
	"github.com/igc-lab/igc/internal/peer"
)

// request has OpenSSL make a request, and returns its file.
func opensslRequest(t *testing.T, args ...string) string {
	t.Helper()
	dir := t.TempDir()
	file := filepath.Join(dir, "request")
	peer.Run(t, "openssl", append([]string{"req", "-new", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256",
		"-nodes",
		"-keyout", filepath.Join(dir, "key"), "-out", file}, args...)...)
	return file
}

// What users do with keys of their own, from the request to the revocation.
func TestOwnKey(t *testing.T) {
	l := labtest.New(t, "--key", "p256")
	request := opensslRequest(t, "-subj", "/CN=a.hopital.test/OU=DSI", "-addext", "keyUsage=keyCertSign")
	out, notes, err := l.Run("issue", "--csr", request, "--json")
	if err != nil {
		t.Fatal(err, notes)
	}
	var card struct {
		labtest.Card
		OwnKey    bool `json:"own_key"`
		LeftAside []struct{ FR, EN string }
	}
	if err := json.Unmarshal([]byte(strings.ReplaceAll(out, "left_aside", "LeftAside")), &card); err != nil {
		t.Fatal(err)
	}
	if !card.OwnKey || card.PIN != "" || len(card.LeftAside) != 2 || !strings.Contains(notes,
		"host name a.hopital.test") {
		t.Errorf("%s\n%s", out, notes)
	}
	if keys, _ := filepath.Glob(card.File("*.[kp]*[y12]")); len(keys) != 0 {
		t.Errorf("private keys: %q", keys)
	}
	serial := card.Certificates[0].Serial
	asked, issued := peer.Run(t, "openssl", "req", "-in", request, "-noout", "-pubkey"),
		peer.Run(t, "openssl", "x509", "-in", card.File("server.pem"), "-noout", "-pubkey")
	if asked != issued {
		t.Error("the certificate has another key")
	}

	second := opensslRequest(t, "-subj", "/CN=b.hopital.test", "-outform", "DER")
	der, err := os.ReadFile(second)
	if err != nil {
		t.Fatal(err)
	}
	one, err := os.ReadFile(request)
	if err != nil {
		t.Fatal(err)
	}
	text := pem.EncodeToMemory(&pem.Block{Type: "NEW CERTIFICATE REQUEST", Bytes: der})
	both := filepath.Join(t.TempDir(), "both.csr")
	if err := os.WriteFile(both, append(bytes.Clone(one), text...), 0o600); err != nil {
		t.Fatal(err)
	}
	var cards []labtest.Card
	if err := json.Unmarshal([]byte(l.Must("issue", "--csr", both, "--json")), &cards); err != nil || len(cards) != 2 {
		t.Errorf("two requests: %d cards, %v", len(cards), err)
	}
	public := filepath.Join(t.TempDir(), "public.pem")
	peer.Run(t, "openssl", "req", "-in", second, "-inform", "DER", "-noout", "-pubkey", "-out", public)

	rows := filepath.Join(t.TempDir(), "rows.jsonl")
	row, err := json.Marshal(map[string]string{"csr": string(text), "product": "auth-cli", "service": "dpi"})
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(rows, append(row, '\n'), 0o600); err != nil {
		t.Fatal(err)
	}
	l.Must("issue", "--batch", rows)

	for name, tc := range map[string]struct {
		args  []string
		words string
	}{
		"another holder": {[]string{"issue", "--csr", request, "--organisation", "X", "--siren", "187512751",
			"--department", "75"}, "for one holder only"},
		"without proof": {[]string{"issue", "--product", "ssl-serv", "--public-key", public}, "--no-proof"},
		"proof of what": {[]string{"issue", "--csr", request, "--no-proof"}, "--public-key only"},
		"clear keys":    {[]string{"issue", "--csr", request, "--clear-keys"}, "none to write in clear"},
		"two certificates": {[]string{"issue", "--product", "ps-logiciel", "--fixture", "alain", "--csr",
			request}, "as many requests are wanted"},
		"no such file":        {[]string{"issue", "--csr", "/nowhere"}, "no such file"},
		"not a request":       {[]string{"issue", "--csr", card.File("server.pem")}, "holds CERTIFICATE"},
		"renewed without key": {[]string{"renew", serial}, "give a request (--csr)"},
		"a card's password":   {[]string{"issue", "--fixture", "alain", "--password", "long enough"}, "has a PIN"},
		"a word for a PIN":    {[]string{"issue", "--fixture", "alain", "--pin", "abcd"}, "four to eight digits"},
		"empty password":      {[]string{"issue", "--fixture", "hopital", "--password", ""}, "empty"},
		"PIN and password": {[]string{"issue", "--fixture", "hopital", "--password", "x", "--pin", "1234"},
			"give one"},
	} {
		before := len(l.List())
		if _, errOut, err := l.Run(tc.args...); err == nil || !strings.Contains(errOut, tc.words) {
			t.Errorf("%s: %v, %s", name, err, errOut)
		}
		if after := len(l.List()); after != before {
			t.Errorf("%s: %d certificates were issued", name, after-before)
		}
	}
	l.Must("issue", "--product", "ssl-serv", "--fixture", "serveur", "--public-key", public, "--no-proof")
	l.Must("renew", serial, "--csr", request)
	l.Must("show", serial)
	l.Must("revoke", card.Folder)
	if r := l.List()[serial]; r == nil || !r.OwnKey || r.Revoked == nil {
		t.Errorf("the record: %+v", r)
	}
}

// Software that takes no passphrase reads the files of --clear-keys, which only their owner reads.
func TestClearKeys(t *testing.T) {
	l := labtest.New(t, "--key", "p256")
	software := l.Issue("--fixture", "serveur", "--clear-keys", "--password", "M0t de passe 🔑")
	card := l.Issue("--fixture", "alain")
	out := t.TempDir()
	l.Must("card", "export", card.CardNumber, "--pin", card.PIN, "--clear-keys", "--out", out)
	bundles := []string{software.File("server.bundle.pem")}
	for _, role := range []string{"authentication", "signature"} {
		bundles = append(bundles, filepath.Join(out, card.CardNumber+"-"+role+".bundle.pem"))
	}
	for _, bundle := range bundles {
		pair, err := tls.LoadX509KeyPair(bundle, bundle)
		if err != nil || len(pair.Certificate) != 3 {
			t.Errorf("%s: %d certificates, %v", bundle, len(pair.Certificate), err)
			continue
		}
		key := strings.TrimSuffix(bundle, ".bundle.pem") + ".clear.key"
		data, err := os.ReadFile(key)
		block, _ := pem.Decode(data)
		if err != nil || block == nil {
			t.Errorf("%s: %v", key, err)
			continue
		}
		if _, err := x509.ParsePKCS8PrivateKey(block.Bytes); err != nil {
			t.Errorf("%s: %v", key, err)
		}
		for _, file := range []string{bundle, key} {
			if info, err := os.Stat(file); err != nil || info.Mode().Perm() != 0o600 {
				t.Errorf("%s: %v, %v", file, info.Mode(), err)
			}
		}
	}
}

// igc csr makes requests that igc issue takes, with keys made or given.
func TestCSRCommand(t *testing.T) {
	l := labtest.New(t, "--key", "p256")
	dir := t.TempDir()
	in := func(name string) string { return filepath.Join(dir, name) }
	l.Must("csr", "--cn", "a.hopital.test", "--key", "p256", "--key-out", in("a.key"), "--password", "é long",
		"--out", in("a.csr"))
	l.Must("csr", "--cn", "b.hopital.test", "--dns", "c.hopital.test", "--key", in("a.key"), "--password", "é long",
		"--out", in("b.csr"))
	l.Must("csr", "--cn", "d.hopital.test", "--key", "p384", "--key-out", in("d.key"), "--clear-keys", "--out",
		in("d.csr"))
	for _, name := range []string{"a", "b", "d"} {
		peer.Run(t, "openssl", "req", "-in", in(name+".csr"), "-verify", "-noout")
		l.Issue("--csr", in(name+".csr"))
	}
	for words, args := range map[string][]string{
		"--key-out":         {"csr", "--cn", "a.test", "--key", "p256"},
		"--clear-keys":      {"csr", "--cn", "a.test", "--key", "p256", "--key-out", in("x")},
		"neither rsa2048":   {"csr", "--cn", "a.test", "--key", "dsa"},
		"does not open":     {"csr", "--cn", "a.test", "--key", in("a.key"), "--password", "wrong"},
		"not a host name":   {"csr", "--cn", "a.test", "--key", in("d.key"), "--dns", "https://a"},
		"openssl req":       {"csr", "--cn", "a.test", "--key", "pkcs11:token=x"},
		"give the host":     {"csr"},
		"file exists":       {"csr", "--cn", "a.test", "--key", in("d.key"), "--out", in("a.csr")},
		"not a private key": {"csr", "--cn", "a.test", "--key", in("a.csr")},
	} {
		if _, errOut, err := l.Run(args...); err == nil || !strings.Contains(errOut, words) {
			t.Errorf("%s: %v, %s", words, err, errOut)
		}
	}
}
