package certfile

import (
	"encoding/base64"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"software.sslmate.com/src/go-pkcs12"

	"github.com/igc-lab/igc/internal/i18n"
	"github.com/igc-lab/igc/internal/peer"
)

// store is a folder of keys and certificates made by openssl.
type store struct {
	*testing.T
	dir string
}

func (s *store) file(name string) string { return filepath.Join(s.dir, name) }

func (s *store) read(name string) []byte {
	data, err := os.ReadFile(s.file(name))
	if err != nil {
		s.Fatal(err)
	}
	return data
}

func (s *store) openssl(args ...string) {
	s.Helper()
	peer.Run(s.T, "openssl", args...)
}

// newStore makes a root, an authority, two certificates under it, and their keys.
func newStore(t *testing.T, leaf ...string) *store {
	s := &store{t, t.TempDir()}
	if leaf == nil {
		leaf = []string{"-newkey", "rsa:2048"}
	}
	for _, c := range []struct{ name, issuer, extension string }{
		{"root", "", "basicConstraints=critical,CA:true"}, {"aci", "root", "basicConstraints=critical,CA:true"},
		{"leaf", "aci", "basicConstraints=CA:false"}, {"second", "aci", "basicConstraints=CA:false"},
	} {
		kind := []string{"-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256"}
		if c.name == "leaf" {
			kind = leaf
		}
		args := append([]string{"req", "-x509", "-nodes", "-keyout", s.file(c.name + ".key"), "-out", s.file(c.name +
			".pem"), "-days", "30",
			"-subj", "/CN=" + c.name, "-addext", c.extension}, kind...)
		if c.issuer != "" {
			s.openssl(append([]string{"req", "-new", "-nodes", "-keyout", s.file(c.name + ".key"), "-out",
				s.file("csr.pem"), "-subj", "/CN=" + c.name}, kind...)...)
			os.WriteFile(s.file("ext"), []byte(c.extension), 0o600)
			args = []string{"x509", "-req", "-in", s.file("csr.pem"), "-CA", s.file(c.issuer + ".pem"), "-CAkey",
				s.file(c.issuer + ".key"), "-CAcreateserial",
				"-days", "30", "-out", s.file(c.name + ".pem"), "-extfile", s.file("ext")}
		}
		s.openssl(args...)
	}
	s.concat("chain.pem", "aci.pem", "root.pem")
	s.concat("all.pem", "root.pem", "aci.pem", "leaf.pem")
	return s
}

func (s *store) concat(name string, parts ...string) {
	var data []byte
	for _, p := range parts {
		data = append(data, s.read(p)...)
	}
	if err := os.WriteFile(s.file(name), data, 0o600); err != nil {
		s.Fatal(err)
	}
}

// said is what a file holds: the CN of each certificate, and each key with its kind.
func said(f *File) string {
	var all []string
	for _, item := range f.Items {
		switch {
		case item.Kind == Certificate:
			all = append(all, item.Certificate.Subject.Get("CN"))
		case item.Kind == PrivateKey && len(item.Key.Of) > 0:
			all = append(all, "key:"+item.Key.Algorithm)
		case item.Kind == PrivateKey:
			all = append(all, "key of none:"+item.Key.Algorithm)
		default:
			all = append(all, string(item.Kind))
		}
	}
	return strings.Join(all, " ")
}

func codesOf(f *File) string {
	var all []string
	for _, n := range f.Notes {
		all = append(all, n.Code)
	}
	return strings.Join(all, " ")
}

// A PKCS#12 is read as programs write it: any order, any number of keys, with a MAC or without, in
// BER, in every encryption.
func TestPKCS12(t *testing.T) {
	s := newStore(t)
	export := func(args ...string) []string {
		return append([]string{"pkcs12", "-export", "-inkey", s.file("leaf.key"), "-in", s.file("leaf.pem"),
			"-certfile", s.file("chain.pem"), "-passout", "pass:1234"}, args...)
	}
	const whole = "leaf key:RSA aci root"
	for name, tc := range map[string]struct {
		args     []string
		password string
		want     string
		notes    string
	}{
		"modern": {export(), "", whole, ""},
		"legacy": {export("-legacy"), "", whole, ""}, // RC2-40 and 3DES
		"RC2-128": {export("-legacy", "-certpbe", "PBE-SHA1-RC2-128", "-keypbe", "PBE-SHA1-RC2-128", "-macalg",
			"sha1"), "", whole, ""},
		"RC4": {export("-legacy", "-certpbe", "PBE-SHA1-RC4-128", "-keypbe", "PBE-SHA1-RC4-40"), "", whole,
			""},
		"3DES": {export("-certpbe", "PBE-SHA1-3DES", "-keypbe", "PBE-SHA1-3DES", "-macalg", "sha1"), "",
			whole, ""},
		"3DES, two keys": {export("-legacy", "-certpbe", "PBE-SHA1-2DES", "-keypbe", "PBE-SHA1-2DES"), "", whole, ""},
		"AES-128, SHA-1": {export("-certpbe", "AES-128-CBC", "-keypbe", "AES-192-CBC", "-macalg", "sha1"), "", whole,
			""},
		"MAC of SHA-512": {export("-macalg", "sha512", "-iter", "10000"), "", whole, ""},
		"MAC of SHA-384": {export("-macalg", "sha384"), "", whole, ""},
		"MAC of MD5":     {export("-macalg", "md5"), "", whole, ""},
		"MAC, one round": {export("-nomaciter", "-noiter"), "", whole, ""},
		"no MAC":         {export("-nomac"), "", whole, "P12-NO-MAC"},
		"no MAC, 3DES": {export("-nomac", "-certpbe", "PBE-SHA1-3DES", "-keypbe", "PBE-SHA1-3DES"), "", whole,
			"P12-NO-MAC"},
		"the ANS's":       {export("-certpbe", "NONE", "-keypbe", "PBE-SHA1-3DES", "-macalg", "sha1"), "", whole, ""},
		"all in clear":    {export("-certpbe", "NONE", "-keypbe", "NONE"), "", whole, "P12-KEY-CLEAR"},
		"named":           {export("-name", "Docteur DÉPÔT", "-caname", "a"), "", whole, ""},
		"own password":    {export("-passout", "pass:s3cret long"), "s3cret long", whole, ""},
		"accents":         {export("-passout", "pass:mot-de-passé"), "mot-de-passé", whole, ""},
		"accents, legacy": {export("-legacy", "-passout", "pass:mot-de-passé"), "mot-de-passé", whole, ""},
		"astral":          {export("-passout", "pass:clé🔑"), "clé🔑", whole, ""},
		"no password":     {export("-passout", "pass:"), "", whole, ""},
		"empty, legacy":   {export("-legacy", "-passout", "pass:"), "", whole, ""},
		"root first": {[]string{"pkcs12", "-export", "-inkey", s.file("leaf.key"), "-in", s.file("all.pem"),
			"-passout", "pass:1234"}, "", "leaf key:RSA root aci", ""},
		"certificates": {[]string{"pkcs12", "-export", "-nokeys", "-in", s.file("all.pem"), "-passout",
			"pass:1234"}, "", "root aci leaf", ""},
		"one certificate": {[]string{"pkcs12", "-export", "-nokeys", "-in", s.file("leaf.pem"), "-passout",
			"pass:1234"}, "", "leaf", ""},
		"key alone": {[]string{"pkcs12", "-export", "-nocerts", "-inkey", s.file("leaf.key"), "-passout",
			"pass:1234"}, "", "key of none:RSA", ""},
	} {
		file := s.file("x.p12")
		s.openssl(append(tc.args, "-out", file)...)
		data := s.read("x.p12")
		var passwords []string
		if tc.password != "" {
			passwords = []string{tc.password}
		}
		for _, form := range [][]byte{data, append(slices.Clone(data), '\n'),
			[]byte(base64.StdEncoding.EncodeToString(data))} {
			f, err := Read(form, Options{Passwords: passwords})
			if err != nil || said(f) != tc.want || codesOf(f) != tc.notes {
				t.Errorf("%s: %v, %v", name, f, err)
				if err == nil {
					t.Error(said(f), codesOf(f))
				}
				continue
			}
			if strings.Contains(tc.want, "leaf") {
				if main, err := f.Main(); err != nil || main.Certificate.Subject.Get("CN") != "leaf" {
					t.Errorf("%s: it means %v, %v", name, main, err)
				}
			}
			if name == "named" && f.Items[0].Name != "Docteur DÉPÔT" {
				t.Errorf("%s: %q", name, f.Items[0].Name)
			}
		}
	}

	// PBMAC1, which OpenSSL 3.0 does not write
	leaf := makeCertificate(t, "leaf", false, nil, nil)
	data, err := pkcs12.Modern2026.WithIterations(2048).Encode(leaf.key, leaf.cert, nil, "1234")
	if err != nil {
		t.Fatal(err)
	}
	if f := read(t, data); said(f) != "leaf key:EC P-256" {
		t.Error(said(f))
	}
}

// Key stores of NSS, Java and GnuTLS are read.
func TestPKCS12OfOthers(t *testing.T) {
	s := newStore(t)
	s.openssl("pkcs12", "-export", "-inkey", s.file("leaf.key"), "-in", s.file("leaf.pem"), "-certfile",
		s.file("chain.pem"), "-name", "one", "-passout", "pass:123456", "-out", s.file("a.p12"))
	s.openssl("pkcs12", "-export", "-inkey", s.file("second.key"), "-in", s.file("second.pem"), "-name", "two",
		"-passout", "pass:123456", "-out", s.file("b.p12"))
	check := func(name, file string, want ...string) {
		t.Helper()
		f, err := Read(s.read(file), Options{Passwords: []string{"123456"}})
		if err != nil || !slices.Contains(want, said(f)) {
			t.Errorf("%s: %v, %v", name, f, err)
			if f != nil {
				t.Error(said(f))
			}
		}
	}
	t.Run("NSS", func(t *testing.T) {
		db := "sql:" + s.dir
		peer.Run(t, "certutil", "-N", "-d", db, "--empty-password")
		peer.Run(t, "pk12util", "-i", s.file("a.p12"), "-d", db, "-W", "123456", "-K", "")
		for _, ciphers := range [][]string{nil, {"-c", "DES-EDE3-CBC", "-C", "DES-EDE3-CBC"}, {"-c", "RC2-CBC", "-C",
			"RC2-CBC"}, {"-c", "AES-256-CBC", "-C", "none"}} {
			os.Remove(s.file("nss.p12"))
			if out, err := peer.Try(t, "pk12util", append([]string{"-o", s.file("nss.p12"), "-d", db, "-n", "one",
				"-W", "123456", "-K", ""}, ciphers...)...); err != nil {
				t.Logf("pk12util %v: %s", ciphers, out)
				continue
			}
			check("NSS", "nss.p12", "leaf key:RSA aci root", "leaf key:RSA root aci")
		}
	})
	t.Run("Java", func(t *testing.T) {
		for _, from := range []string{"a.p12", "b.p12"} {
			peer.Run(t, "keytool", "-importkeystore", "-noprompt", "-srckeystore", s.file(from), "-srcstorepass",
				"123456", "-destkeystore", s.file("java.p12"),
				"-deststorepass", "123456", "-deststoretype", "PKCS12")
		}
		check("two keys", "java.p12", "leaf key:RSA second key:EC P-256 aci root",
			"second key:EC P-256 leaf key:RSA aci root")
		if _, err := read(t, s.read("java.p12"), "123456").Main(); !errors.As(err, new(*AmbiguousError)) ||
			i18n.TextOf(err).FR == i18n.TextOf(err).EN {
			t.Error(err)
		}
		peer.Run(t, "keytool", "-importcert", "-noprompt", "-file", s.file("root.pem"), "-alias", "r", "-keystore",
			s.file("trust.p12"), "-storepass", "123456", "-storetype", "PKCS12")
		check("trust store", "trust.p12", "root")
		peer.Run(t, "keytool", "-J-Dkeystore.pkcs12.legacy", "-importkeystore", "-noprompt", "-srckeystore",
			s.file("a.p12"), "-srcstorepass", "123456",
			"-destkeystore", s.file("old.p12"), "-deststorepass", "123456", "-deststoretype", "PKCS12")
		check("old Java", "old.p12", "leaf key:RSA aci root")
		peer.Run(t, "keytool", "-importkeystore", "-noprompt", "-srckeystore", s.file("a.p12"), "-srcstorepass",
			"123456", "-destkeystore", s.file("a.jks"),
			"-deststorepass", "123456", "-deststoretype", "JKS")
		if _, err := Read(s.read("a.jks"), Options{}); err == nil || !strings.Contains(err.Error(), "keytool") {
			t.Error(err)
		}
	})
	t.Run("GnuTLS", func(t *testing.T) {
		for _, cipher := range []string{"aes-256", "3des-pkcs12", "rc2-40", "arcfour"} {
			peer.Run(t, "certtool", "--to-p12", "--load-privkey", s.file("leaf.key"), "--load-certificate",
				s.file("leaf.pem"), "--load-ca-certificate", s.file("chain.pem"),
				"--p12-name", "x", "--password", "123456", "--pkcs-cipher", cipher, "--outder", "--outfile",
				s.file("gnutls.p12"))
			check(cipher, "gnutls.p12", "leaf key:RSA aci root", "leaf key:RSA aci", "leaf key:RSA root aci")
		}
	})
}

// Keys that are not computed with are named, and found by what the file says of them.
func TestPKCS12Keys(t *testing.T) {
	for want, leaf := range map[string][]string{
		"EC P-384": {"-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-384"}, "Ed25519": {"-newkey", "ed25519"},
		"Ed448":        {"-newkey", "ed448"},
		"EC secp256k1": {"-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:secp256k1"}, "EC brainpoolP256r1": {"-newkey",
			"ec", "-pkeyopt", "ec_paramgen_curve:brainpoolP256r1"},
		"EC (explicit, 256 bits)": {"-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-pkeyopt",
			"ec_param_enc:explicit"},
		"RSA-PSS": {"-newkey", "rsa-pss", "-pkeyopt", "rsa_keygen_bits:2048"}, "DSA": {"-newkey",
			"dsa:PARAMS"},
	} {
		if want == "DSA" {
			file := filepath.Join(t.TempDir(), "dsa.pem")
			peer.Run(t, "openssl", "genpkey", "-genparam", "-algorithm", "DSA", "-pkeyopt", "dsa_paramgen_bits:1024",
				"-out", file)
			leaf = []string{"-newkey", "dsa:" + file}
		}
		s := newStore(t, leaf...)
		s.openssl("pkcs12", "-export", "-inkey", s.file("leaf.key"), "-in", s.file("all.pem"), "-passout", "pass:1234",
			"-out", s.file("x.p12"))
		f := read(t, s.read("x.p12"))
		if said(f) != "leaf key:"+want+" root aci" {
			t.Errorf("%s: %s", want, said(f))
		}
		if name, bits, ok := PublicKeyName(f.Items[0].Certificate.SubjectPublicKeyInfo); !ok || name != want ||
			bits == 0 {
			t.Errorf("%s: the public key is %s of %d bits", want, name, bits)
		}
		if want != "Ed448" && !f.Items[1].Key.Computed() {
			t.Errorf("%s: the public half is not known", want)
		}
		s.concat("pair.pem", "root.pem", "leaf.key", "leaf.pem")
		if main, err := read(t, s.read("pair.pem")).Main(); err != nil || main.Certificate.Subject.Get("CN") != "leaf" {
			t.Errorf("%s in PEM: %v, %v", want, main, err)
		}
	}
}

// What keeps a PKCS#12 shut is said, and certificates in clear are read without its password.
func TestPKCS12Shut(t *testing.T) {
	s := newStore(t)
	export := func(args ...string) []byte {
		s.openssl(append([]string{"pkcs12", "-export", "-inkey", s.file("leaf.key"), "-in", s.file("all.pem"),
			"-passout", "pass:other", "-out", s.file("x.p12")}, args...)...)
		return s.read("x.p12")
	}
	sealed, clear := export(), export("-certpbe", "NONE", "-keypbe", "PBE-SHA1-3DES", "-macalg", "sha1")
	for name, tc := range map[string]struct {
		data      []byte
		passwords []string
		want      string
	}{
		"none given":              {sealed, nil, "--password"},
		"a wrong one":             {sealed, []string{"wrong"}, "check --password"},
		"in clear, a wrong one":   {clear, []string{"wrong"}, "check --password"},
		"Camellia":                {export("-certpbe", "CAMELLIA-256-CBC"), []string{"other"}, "Camellia-256"},
		"no MAC, none given":      {export("-nomac", "-certpbe", "AES-256-CBC"), nil, "--password"},
		"cut off":                 {sealed[:len(sealed)-100], nil, "cut off"},
		"a changed byte":          {flip(sealed, 200), []string{"other"}, "check --password"},
		"asks for too much":       {export("-iter", "3000000"), []string{"other"}, "more than igc does"},
		"asks for too much twice": {export("-iter", "1900000"), []string{"wrong", "other"}, "more than igc does"},
	} {
		f, err := Read(tc.data, Options{Passwords: tc.passwords})
		if err == nil || !strings.Contains(err.Error(), tc.want) || i18n.TextOf(err).FR == i18n.TextOf(err).EN {
			t.Errorf("%s: %v, %v; want %q", name, f, err, tc.want)
		}
		if password := strings.Contains(tc.want, "--password"); password != errors.Is(err, ErrPassword) {
			t.Errorf("%s: ErrPassword %v", name, !password)
		}
	}
	f := read(t, clear)
	if said(f) != "leaf key: root aci" || codesOf(f) != "P12-LOCKED" || f.Items[1].Key.Computed() {
		t.Errorf("in clear, no password: %s, %s", said(f), codesOf(f))
	}
}

func flip(data []byte, i int) []byte {
	data = slices.Clone(data)
	data[i] ^= 1
	return data
}

// PKCS#7 is read in PEM, DER and BER, with or without what it signs.
func TestPKCS7(t *testing.T) {
	s := newStore(t)
	os.WriteFile(s.file("message"), []byte(strings.Repeat("bonjour\n", 1000)), 0o600)
	sign := func(args ...string) []string {
		return append([]string{"cms", "-sign", "-in", s.file("message"), "-signer", s.file("leaf.pem"), "-inkey",
			s.file("leaf.key"), "-certfile", s.file("chain.pem"), "-out", s.file("x")}, args...)
	}
	degenerate := []string{"crl2pkcs7", "-nocrl", "-certfile", s.file("all.pem"), "-out", s.file("x")}
	for name, tc := range map[string]struct {
		args []string
		want []string
	}{
		"PEM": {degenerate, []string{"root aci leaf"}}, "DER": {append(degenerate, "-outform", "DER"),
			[]string{"root aci leaf"}},
		"signed, DER": {sign("-outform", "DER", "-nodetach", "-binary"), []string{"aci root leaf",
			"leaf aci root"}},
		"signed, BER": {sign("-outform", "DER", "-nodetach", "-binary", "-stream"), []string{"aci root leaf",
			"leaf aci root"}},
		"signed, BER, PEM": {sign("-outform", "PEM", "-nodetach", "-binary", "-stream"), []string{"aci root leaf",
			"leaf aci root"}},
		"S/MIME": {sign("-outform", "SMIME"), []string{"aci root leaf", "leaf aci root"}},
		"S/MIME, opaque, BER": {sign("-outform", "SMIME", "-nodetach", "-stream"), []string{"aci root leaf",
			"leaf aci root"}},
	} {
		s.openssl(tc.args...)
		data := s.read("x")
		f, err := Read(data, Options{})
		if err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if !slices.ContainsFunc(tc.want, func(w string) bool { return sameWords(w, said(f)) }) {
			t.Errorf("%s: %s", name, said(f))
		}
		if main, err := f.Main(); err != nil || main.Certificate.Subject.Get("CN") != "leaf" {
			t.Errorf("%s: it means %v, %v", name, main, err)
		}
	}
}

func sameWords(a, b string) bool {
	x, y := strings.Fields(a), strings.Fields(b)
	slices.Sort(x)
	slices.Sort(y)
	return slices.Equal(x, y)
}
