package handshake

import (
	"bufio"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"math/big"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/crypto/cryptobyte"

	"github.com/igc-lab/igc/internal/i18n"
	"github.com/igc-lab/igc/internal/peer"
)

// A server is found in the ways that people name it; what may be a file's name is left alone.
func TestParse(t *testing.T) {
	for _, tc := range []struct{ name, starttls, want string }{
		{"localhost:8443", "", "localhost:8443 localhost "},
		{"127.0.0.1:8443", "", "127.0.0.1:8443  "},
		{"[::1]:8443", "", "[::1]:8443  "},
		{"::1:8443", "", "[::1]:8443  "},
		{"::1", "", "[::1]:443  "},
		{"2001:db8:0:0:0:0:0:1", "", "[2001:db8:0:0:0:0:0:1]:443  "},
		{"[2001:db8::1]", "", "[2001:db8::1]:443  "},
		{"192.0.2.1", "", "192.0.2.1:443  "},
		{"example.fr:https", "", "example.fr:443 example.fr "},
		{"example.fr:ldaps", "", "example.fr:636 example.fr "},
		{"https://example.fr", "", "example.fr:443 example.fr "},
		{"https://example.fr/a/b?c#d", "", "example.fr:443 example.fr "},
		{"HTTPS://example.fr:8443/x", "", "example.fr:8443 example.fr "},
		{"https://user:secret@example.fr/", "", "example.fr:443 example.fr "},
		{"https://[::1]:8443/x", "", "[::1]:8443  "},
		{"https://::1:8443/x", "", "[::1]:8443  "},
		{"ldaps://h", "", "h:636 h "}, {"smtps://h", "", "h:465 h "}, {"imaps://h", "", "h:993 h "}, {"pop3s://h", "",
			"h:995 h "}, {"ftps://h", "", "h:990 h "},
		{"ldap://h", "", "h:389 h ldap"}, {"smtp://h", "", "h:25 h smtp"}, {"submission://h", "", "h:587 h smtp"},
		{"imap://h", "", "h:143 h imap"},
		{"pop3://h:8110", "", "h:8110 h pop3"}, {"ftp://h", "", "h:21 h ftp"}, {"postgresql://u@h/db", "",
			"h:5432 h postgres"},
		{"h", "smtp", "h:25 h smtp"}, {"h:2525", "SMTP", "h:2525 h smtp"}, {"https://h", "imap", "h:443 h imap"},
		{"::1", "ldap", "[::1]:389  ldap"},
		{"example.fr.:443", "", "example.fr.:443 example.fr "},
		{"card.pem", "", "file"}, {"a/b:443", "", "file"}, {`C:\x.pem`, "", "file"}, {"no-such-file:x", "", "file"},
		{"h:0", "", "file"}, {"h:70000", "", "file"}, {"", "", "file"},
		{"http://h", "", "! is without TLS"}, {"gopher://h", "", "! does not know gopher"}, {"tls://h", "",
			"! port of h is missing"}, {"h", "telnet", "! choose among"},
		{"https://", "", "! is not a server"}, {"https://h:x", "", "! is not a server"},
	} {
		target, ok, err := Parse(tc.name, tc.starttls, "")
		got := "file"
		switch {
		case err != nil:
			got = "! " + err.Error()
			if text := i18n.TextOf(err); text.FR == text.EN {
				t.Errorf("%s: one language only: %s", tc.name, err)
			}
		case ok:
			got = target.Address() + " " + target.ServerName + " " + target.StartTLS
		}
		want := tc.want
		if got != want && !(strings.HasPrefix(want, "! ") && strings.Contains(got, want[2:])) {
			t.Errorf("%q: %q, want %q", tc.name, got, want)
		}
	}
	if target, _, err := Parse("192.0.2.1:443", "", "example.fr"); err != nil || target.ServerName != "example.fr" {
		t.Error(target, err)
	}
}

// pair is a certificate for tests, with its key; file is both in PEM.
func pair(t testing.TB) (cert tls.Certificate, file string) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "localhost"},
		NotBefore: time.Now(), NotAfter: time.Now().Add(time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	private, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	file = filepath.Join(t.TempDir(), "pair.pem")
	data := append(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}),
		pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: private})...)
	if err := os.WriteFile(file, data, 0o600); err != nil {
		t.Fatal(err)
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, file
}

// serve has each connection answered until the test ends.
func serve(t testing.TB, answer func(net.Conn)) (host, port string) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				defer c.Close()
				c.SetDeadline(time.Now().Add(20 * time.Second))
				answer(c)
			}()
		}
	}()
	host, port, _ = net.SplitHostPort(l.Addr().String())
	return host, port
}

// dialogue plays a server that begins in clear: a greeting, then pairs of what a line of the client
// begins with and the answer; after the last it speaks TLS.
func dialogue(cert tls.Certificate, greeting string, pairs ...string) func(net.Conn) {
	return func(c net.Conn) {
		io.WriteString(c, greeting)
		lines := bufio.NewReader(c)
		for ; len(pairs) > 0; pairs = pairs[2:] {
			if pairs[0] != "" {
				line, err := lines.ReadString('\n')
				if err != nil || !strings.HasPrefix(line, pairs[0]) {
					return
				}
			}
			io.WriteString(c, pairs[1])
		}
		s := tls.Server(&buffered{c, lines}, &tls.Config{Certificates: []tls.Certificate{cert}})
		if s.Handshake() == nil {
			io.Copy(io.Discard, s)
		}
	}
}

type buffered struct {
	net.Conn
	r io.Reader
}

func (b *buffered) Read(p []byte) (int, error) { return b.r.Read(p) }

// TLS begins after STARTTLS in every protocol, and a server that refuses is quoted.
func TestStartTLS(t *testing.T) {
	cert, _ := pair(t)
	binary := func(n int, answer string) func(net.Conn) {
		return func(c net.Conn) {
			if _, err := io.ReadFull(c, make([]byte, n)); err != nil {
				return
			}
			io.WriteString(c, answer)
			tls.Server(c, &tls.Config{Certificates: []tls.Certificate{cert}}).Handshake()
		}
	}
	for name, tc := range map[string]struct {
		protocol string
		answer   func(net.Conn)
		refused  string
	}{
		"smtp": {"smtp", dialogue(cert, "220-mail\r\n220 ESMTP\r\n", "EHLO",
			"250-mail\r\n250-SIZE 1\r\n250 STARTTLS\r\n", "STARTTLS", "220 go\r\n"), ""},
		"lmtp": {"lmtp", dialogue(cert, "220 mail\r\n", "LHLO", "250 STARTTLS\r\n", "STARTTLS", "220 go\r\n"), ""},
		"imap": {"imap", dialogue(cert, "* OK [CAPABILITY IMAP4rev1] ready\r\n", "a1 STARTTLS",
			"* CAPABILITY\r\na1 OK begin\r\n"), ""},
		"pop3": {"pop3", dialogue(cert, "+OK ready\r\n", "STLS", "+OK\r\n"), ""},
		"ftp":  {"ftp", dialogue(cert, "220-hello\r\n220 ftp\r\n", "AUTH TLS", "234 go\r\n"), ""},
		"nntp": {"nntp", dialogue(cert, "200 news\r\n", "STARTTLS", "382 go\r\n"), ""},
		"sieve": {"sieve", dialogue(cert, "\"IMPLEMENTATION\" \"x\"\r\n\"STARTTLS\"\r\nOK\r\n", "STARTTLS",
			"OK \"go\"\r\n"), ""},
		"xmpp": {"xmpp", dialogue(cert, "", "<?xml",
			"<stream:stream><stream:features><starttls xmlns='x'/></stream:features>", "<starttls",
			"<proceed xmlns='x'/>"), ""},
		"ldap":     {"ldap", binary(31, "\x30\x0c\x02\x01\x01\x78\x07\x0a\x01\x00\x04\x00\x04\x00"), ""},
		"postgres": {"postgres", binary(8, "S"), ""},
		"mysql": {"mysql", func(c net.Conn) {
			io.WriteString(c, "\x05\x00\x00\x00\x0a8.0\x00")
			binary(36, "")(c)
		}, ""},
		"smtp without": {"smtp", dialogue(cert, "220 mail\r\n", "EHLO", "250 mail\r\n", "STARTTLS",
			"502 not here\r\n"), "502 not here"},
		"imap, no":     {"imap", dialogue(cert, "* OK\r\n", "a1 STARTTLS", "a1 NO sorry\r\n"), "a1 NO sorry"},
		"smtp on imap": {"smtp", dialogue(cert, "* OK imap\r\n"), "* OK imap"},
		"ldap, refused": {"ldap", binary(31, "\x30\x0c\x02\x01\x01\x78\x07\x0a\x01\x35\x04\x00\x04\x00"),
			"result code 53"},
		"postgres, no": {"postgres", binary(8, "N"), `"N"`},
		"says nothing": {"pop3", func(net.Conn) {}, "nothing"},
		"endless line": {"smtp", func(c net.Conn) { io.WriteString(c, strings.Repeat("x", 1<<16)) }, "xxxx"},
		"endless lines": {"smtp", func(c net.Conn) { io.WriteString(c, strings.Repeat("220-x\r\n", 1<<12)) },
			"too many"},
		"ldap, much more": {"ldap", binary(31, "\x30\x84\xff\xff\xff\xff"), "says"},
	} {
		host, port := serve(t, tc.answer)
		seen, err := Target{Host: host, Port: port, StartTLS: tc.protocol}.Meet(t.Context())
		switch {
		case tc.refused == "" && (err != nil || len(seen.Chain) != 1):
			t.Errorf("%s: %v, %v", name, seen, err)
		case tc.refused != "" && (err == nil || !strings.Contains(err.Error(), tc.refused)):
			t.Errorf("%s: %v, want %q", name, err, tc.refused)
		}
	}
}

// A server that speaks no TLS on its port is told for what it is.
func TestPlaintext(t *testing.T) {
	for greeting, want := range map[string]string{
		"220 mail ESMTP\r\n": "--starttls smtp", "* OK IMAP4rev1\r\n": "--starttls imap",
		"+OK POP3\r\n":                 "--starttls pop3",
		"HTTP/1.1 400 Bad Request\r\n": "HTTP in clear", "SSH-2.0-OpenSSH_9\r\n": "SSH in clear",
		"<?xml version='1.0'?>": "--starttls xmpp",
		"hello, world":          `begins with "hello"`,
	} {
		host, port := serve(t, func(c net.Conn) {
			io.WriteString(c, greeting)
			io.Copy(io.Discard, c)
		})
		_, err := Target{Host: host, Port: port}.Meet(t.Context())
		if err == nil || !strings.Contains(err.Error(), want) || i18n.TextOf(err).FR == i18n.TextOf(err).EN {
			t.Errorf("%q: %v, want %q", greeting, err, want)
		}
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	host, port, _ := net.SplitHostPort(l.Addr().String())
	l.Close()
	if _, err := (Target{Host: host, Port: port}).Meet(t.Context()); !errors.Is(err, ErrUnreachable) ||
		!strings.Contains(err.Error(), "connection refused") {
		t.Error(err)
	}
}

// Servers that crypto/tls cannot speak with show their certificates nonetheless.
func TestUnspoken(t *testing.T) {
	dir := t.TempDir()
	file := func(name string) string { return filepath.Join(dir, name) }
	certificate := func(name string, args ...string) []string {
		peer.Run(t, "openssl", append([]string{"req", "-x509", "-nodes", "-keyout", file(name + ".key"), "-out",
			file(name + ".pem"), "-days", "5", "-subj", "/CN=localhost"}, args...)...)
		return []string{"-cert", file(name + ".pem"), "-key", file(name + ".key")}
	}
	rsa := certificate("rsa", "-newkey", "rsa:2048")
	for name, tc := range map[string]struct {
		args  []string
		suite string
		asks  bool
	}{
		"DHE alone": {append(rsa, "-tls1_2", "-cipher", "DHE-RSA-AES256-GCM-SHA384"),
			"TLS_DHE_RSA_WITH_AES_256_GCM_SHA384", false},
		"DHE, asks": {append(rsa, "-tls1_2", "-cipher", "DHE-RSA-AES128-SHA", "-verify", "1"),
			"TLS_DHE_RSA_WITH_AES_128_CBC_SHA", true},
		"DHE, TLS 1.0": {append(rsa, "-tls1", "-cipher", "DHE-RSA-AES256-SHA:@SECLEVEL=0"),
			"TLS_DHE_RSA_WITH_AES_256_CBC_SHA", false},
		"ECDHE, Camellia": {append(rsa, "-tls1_2", "-cipher", "CAMELLIA256-SHA"),
			"TLS_RSA_WITH_CAMELLIA_256_CBC_SHA", false},
		"a brainpool key": {append(certificate("bp", "-newkey", "ec", "-pkeyopt",
			"ec_paramgen_curve:brainpoolP256r1"), "-tls1_2"), "TLS_ECDHE_ECDSA_", false},
		"an RSA-PSS key": {append(certificate("pss", "-newkey", "rsa-pss", "-pkeyopt", "rsa_keygen_bits:2048"),
			"-tls1_2"), "TLS_", false},
		"an Ed448 key":      {append(certificate("ed", "-newkey", "ed448"), "-tls1_2"), "TLS_", false},
		"CCM, which is new": {append(rsa, "-tls1_2", "-cipher", "AES256-CCM"), "TLS_RSA_WITH_AES_256_CCM", false},
	} {
		host, port := opensslServer(t, tc.args)
		seen, err := Target{Host: host, Port: port}.Meet(t.Context())
		if err != nil || len(seen.Chain) != 1 || !strings.HasPrefix(SuiteName(seen.Suite), tc.suite) ||
			seen.Asks != tc.asks {
			t.Errorf("%s: %+v, %v", name, seen, err)
		}
	}

	// OpenSSL has no SSLv3 any more: a server that says what one would
	host, port := serve(t, func(c net.Conn) {
		head := readN(c, 5)
		if head == nil || readN(c, int(head[3])<<8|int(head[4])) == nil {
			return
		}
		if head[2] != 0 {
			c.Write([]byte{21, 3, 0, 0, 2, 2, 70})
			return
		}
		var b cryptobyte.Builder
		b.AddBytes([]byte{22, 3, 0})
		b.AddUint16LengthPrefixed(func(b *cryptobyte.Builder) {
			b.AddUint8(2)
			b.AddUint24LengthPrefixed(func(b *cryptobyte.Builder) {
				b.AddUint16(versionSSL30)
				b.AddBytes(append([]byte("0123456789abcdef0123456789abcdef"), 0, 0, 0x2f, 0))
			})
			b.AddUint8(11)
			b.AddUint24LengthPrefixed(func(b *cryptobyte.Builder) {
				b.AddUint24LengthPrefixed(func(b *cryptobyte.Builder) {
					b.AddUint24LengthPrefixed(func(b *cryptobyte.Builder) { b.AddBytes([]byte("certificate")) })
				})
			})
			b.AddBytes([]byte{14, 0, 0, 0})
		})
		c.Write(b.BytesOrPanic())
		io.Copy(io.Discard, c)
	})
	if seen, err := (Target{Host: host, Port: port}).Meet(t.Context()); err != nil || seen.Version != versionSSL30 ||
		len(seen.Chain) != 1 {
		t.Errorf("SSLv3: %+v, %v", seen, err)
	}
	// and one that refuses everything
	host, port = serve(t, func(c net.Conn) {
		readN(c, 5)
		c.Write([]byte{21, 3, 1, 0, 2, 2, 40})
		io.Copy(io.Discard, c)
	})
	if _, err := (Target{Host: host, Port: port}).Meet(t.Context()); err == nil || !strings.Contains(err.Error(),
		"DHE") || !strings.Contains(err.Error(), "openssl s_client -connect") {
		t.Error(err)
	}
}

func readN(c net.Conn, n int) []byte {
	b := make([]byte, n)
	if _, err := io.ReadFull(c, b); err != nil {
		return nil
	}
	return b
}

// opensslServer runs openssl s_server until the test ends.
func opensslServer(t testing.TB, args []string) (host, port string) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	host, port, _ = net.SplitHostPort(l.Addr().String())
	l.Close()
	ctx, cancel := context.WithCancel(context.Background())
	cmd := exec.CommandContext(ctx, "openssl", append([]string{"s_server", "-quiet", "-accept", l.Addr().String()},
		args...)...)
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { cancel(); cmd.Wait() })
	for range 100 {
		c, err := net.Dial("tcp", l.Addr().String())
		if err == nil {
			c.Close()
			return host, port
		}
		time.Sleep(50 * time.Millisecond)
	}
	t.Fatal(fmt.Sprint("openssl s_server does not listen: ", args))
	return "", ""
}
