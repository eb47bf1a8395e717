//go:build cgo

package interop

import (
	"fmt"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"strings"
	"testing"

	vcard "github.com/igc-lab/igc/card"
	"github.com/igc-lab/igc/internal/cardtest"
	"github.com/igc-lab/igc/internal/labtest"
	"github.com/igc-lab/igc/internal/peer"
)

// TestCardClients has the programs that sign with cards in batch do so with the module, each with
// both keys of either chip. What they manage, and what they are refused, is what they managed and
// were refused with the Cryptolib 5.2.2 and the same cards.
func TestCardClients(t *testing.T) {
	l := labtest.New(t, "--key", "rsa2048")
	c, err := vcard.Read(l.Issue("--fixture", "alain").Folder)
	if err != nil {
		t.Fatal(err)
	}
	u := &cardUser{t: t, l: l, home: t.TempDir(), folder: filepath.Join(l.Home, "module")}
	install := l.Command("card", "install", "--module", cardtest.Module(t), "--only", "java,openssl")
	install.Env = append(install.Env, "HOME="+u.home)
	if out, err := install.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	for _, chip := range []vcard.ChipType{vcard.CPS3, vcard.CPS4} {
		l.Must("card", "insert", c.Number, "--as", string(chip))
		client := &cardClient{u, c, chip, filepath.Join(u.folder, "libigc-cps.so")}
		t.Run(string(chip), func(t *testing.T) {
			t.Run("Java", client.java)
			t.Run("OpenSSL's engine", client.engine)
			t.Run("pkcs11-provider", client.provider)
			t.Run("pam_pkcs11", client.pam)
			t.Run("ssh", client.ssh)
		})
		if s, err := c.Status(); err != nil || s.TriesLeft != vcard.Tries {
			t.Errorf("%d tries are left, %v", s.TriesLeft, err)
		}
		l.Must("card", "remove", c.Number)
	}
}

// cardClient is what a program is told of the card.
type cardClient struct {
	*cardUser
	card    *vcard.Card
	chip    vcard.ChipType
	library string
}

// pem is the file of the role's certificate.
func (c *cardClient) pem(role string) string { return filepath.Join(c.card.Dir, role+".pem") }

// uri names the role's key to OpenSSL (RFC 7512).
func (c *cardClient) uri(role string) string {
	for _, cert := range c.card.Certificates {
		if cert.Role == role {
			return "pkcs11:object=" + cert.Private + ";type=private;pin-value=1234"
		}
	}
	return ""
}

// java signs with what igc card install wrote, and without its disabledMechanisms: there Java has
// the card hash.
func (c *cardClient) java(t *testing.T) {
	config := filepath.Join(c.folder, "java.cfg")
	plain := filepath.Join(t.TempDir(), "plain.cfg")
	data, err := os.ReadFile(config)
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.SplitAfter(string(data), "\n")
	labtest.Write(t, plain, []byte(strings.Join(lines[:3], "")))
	if rest := strings.Join(lines[3:], ""); !strings.HasPrefix(rest, "disabledMechanisms") {
		t.Errorf("java.cfg ends with %q", rest)
	}

	// what Java hashes, what the card hashes, SHA-384 of the signature key, PSS. Java's buffer is
	// too long for a CPS4's authentication key.
	hashed, hashing, longer, pss := "ok", "CKR_KEY_TYPE_INCONSISTENT", "CKR_KEY_TYPE_INCONSISTENT", "none"
	if c.chip == vcard.CPS4 {
		hashed, hashing, longer, pss = "CKR_ARGUMENTS_BAD", "CKR_GENERAL_ERROR", "CKR_DATA_INVALID", "ok"
	}
	for _, test := range []struct{ name, config, short string }{{"as installed", config, hashed}, {"with every mechanism", plain, hashing}} {
		t.Run(test.name, func(t *testing.T) {
			properties := filepath.Join(t.TempDir(), "java.security")
			labtest.Write(t, properties, []byte("security.provider.13=SunPKCS11 "+test.config+"\n"))
			out := c.try(t, nil, "", "java", "-Djava.security.properties="+properties, filepath.Join("testdata", "CardSigner.java"), "1234")
			for _, want := range []string{
				"CPS_PRIV_AUT SHA1withRSA: " + test.short, "CPS_PRIV_AUT SHA256withRSA: " + test.short, "CPS_PRIV_AUT SHA384withRSA: " + hashed,
				"CPS_PRIV_AUT RSASSA-PSS: " + pss, "CPS_PRIV_SIG SHA1withRSA: ok", "CPS_PRIV_SIG SHA256withRSA: ok",
				"CPS_PRIV_SIG SHA384withRSA: " + longer, "CPS_PRIV_SIG RSASSA-PSS: " + pss,
			} {
				if !strings.Contains(out, want+"\n") {
					t.Errorf("not so: %s", want)
				}
			}
			if t.Failed() {
				t.Log(out)
			}
		})
	}
}

// opensslCard has openssl sign data, a CMS and a request with the role's key; how it is told of the
// key is in args.
func (c *cardClient) opensslCard(t *testing.T, conf, role string, args []string, want map[string]bool) {
	dir := t.TempDir()
	file := func(name string) string { return filepath.Join(dir, name) }
	labtest.Write(t, file("data"), []byte("à signer"))
	labtest.Write(t, file("public"), []byte(peer.Run(t, "openssl", "x509", "-in", c.pem(role), "-noout", "-pubkey")))
	key := c.uri(role)
	pss := []string{"-sigopt", "rsa_padding_mode:pss", "-sigopt", "rsa_pss_saltlen:digest"}
	for what, commands := range map[string][2][]string{
		"data": {append([]string{"dgst", "-sha256", "-sign", key, "-out", file("data.sig")}, append(args, file("data"))...),
			{"dgst", "-sha256", "-verify", file("public"), "-signature", file("data.sig"), file("data")}},
		"PSS": {append([]string{"dgst", "-sha256", "-sign", key, "-out", file("pss.sig")}, append(append(args, pss...), file("data"))...),
			append(append([]string{"dgst", "-sha256", "-verify", file("public"), "-signature", file("pss.sig")}, pss...), file("data"))},
		"CMS": {append([]string{"cms", "-sign", "-binary", "-nodetach", "-outform", "DER", "-signer", c.pem(role), "-inkey", key, "-in", file("data"), "-out", file("p7")}, args...),
			{"cms", "-verify", "-noverify", "-inform", "DER", "-in", file("p7"), "-out", os.DevNull}},
		"request": {append([]string{"req", "-new", "-key", key, "-subj", "/CN=test", "-out", file("csr")}, args...),
			{"req", "-verify", "-noout", "-in", file("csr")}},
	} {
		t.Run(role+" "+what, func(t *testing.T) {
			out := c.try(t, []string{"OPENSSL_CONF=" + conf}, "", "openssl", commands[0]...)
			verified, err := peer.Try(t, "openssl", commands[1]...)
			if signs := err == nil; signs != want[what] {
				t.Errorf("signs: %t, want %t\n%s%s", signs, want[what], out, verified)
			}
		})
	}
}

// engine is libengine-pkcs11-openssl, which hashes itself.
func (c *cardClient) engine(t *testing.T) {
	want := map[string]bool{"data": true, "CMS": true, "request": true, "PSS": c.chip == vcard.CPS4}
	for _, role := range []string{"authentication", "signature"} {
		c.opensslCard(t, filepath.Join(c.folder, "openssl.cnf"), role, []string{"-engine", "pkcs11", "-keyform", "engine"}, want)
	}
}

// provider is pkcs11-provider, which has the card hash: the authentication key does that for PSS
// only.
func (c *cardClient) provider(t *testing.T) {
	modules, err := peer.Try(t, "openssl", "version", "-m")
	if err != nil {
		t.Fatal(modules)
	}
	provider := filepath.Join(strings.Trim(strings.TrimPrefix(modules, "MODULESDIR:"), " \"\n"), "pkcs11.so")
	if _, err := os.Stat(provider); err != nil {
		peer.Missing(t, "pkcs11-provider")
	}
	conf := filepath.Join(t.TempDir(), "openssl.cnf")
	labtest.Write(t, conf, []byte("openssl_conf = igc\n[igc]\nproviders = list\n[list]\ndefault = first\npkcs11 = second\n[first]\nactivate = 1\n"+
		"[second]\nmodule = "+provider+"\npkcs11-module-path = "+c.library+"\npkcs11-module-token-pin = 1234\nactivate = 1\n"))
	pss := c.chip == vcard.CPS4
	c.opensslCard(t, conf, "authentication", nil, map[string]bool{"PSS": pss})
	c.opensslCard(t, conf, "signature", nil, map[string]bool{"data": true, "CMS": true, "request": true, "PSS": pss})
}

// pam opens a session of a machine with the card and its PIN, by pamtester.
func (c *cardClient) pam(t *testing.T) {
	peer.Need(t, "pamtester")
	wrapper := c.find(t, "libpam_wrapper.so", "/usr/lib/*/libpam_wrapper.so", "/usr/lib*/libpam_wrapper.so")
	c.find(t, "pam_pkcs11.so", "/lib/*/security/pam_pkcs11.so", "/usr/lib/*/security/pam_pkcs11.so", "/lib*/security/pam_pkcs11.so")
	me, err := user.Current()
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	file := func(name string) string { return filepath.Join(dir, name) }
	for _, sub := range []string{"authorities", "crls", "services"} {
		if err := os.Mkdir(file(sub), 0o755); err != nil {
			t.Fatal(err)
		}
	}
	for _, authority := range []string{"ACR-FO", "ACI-FO-PP"} {
		labtest.Write(t, file("authorities/"+authority+".pem"), []byte(c.l.Must("show", "--pem", authority)))
	}
	peer.Run(t, "openssl", "rehash", file("authorities"))
	name := strings.TrimSpace(peer.Run(t, "openssl", "x509", "-in", c.pem("authentication"), "-noout", "-subject", "-nameopt", "multiline"))
	_, name, _ = strings.Cut(name, "commonName")
	name = strings.Fields(strings.TrimLeft(name, " ="))[0]
	labtest.Write(t, file("people"), fmt.Appendf(nil, "%s -> %s\n", name, me.Username))
	labtest.Write(t, file("conf"), fmt.Appendf(nil, "pam_pkcs11 { nullok = false; card_only = true; wait_for_card = false; use_pkcs11_module = cps;\n"+
		"pkcs11_module cps { module = %s; slot_num = 0; support_threads = false; ca_dir = %s; crl_dir = %s; cert_policy = ca,signature; }\n"+
		"use_mappers = cn; mapper cn { module = internal; ignorecase = true; mapfile = file://%s; } }\n",
		c.library, file("authorities"), file("crls"), file("people")))
	labtest.Write(t, file("services/card"), []byte("auth required pam_pkcs11.so config_file="+file("conf")+"\naccount required pam_permit.so\n"))
	for pin, want := range map[string]string{"1234": "successfully authenticated", "9999": "Wrong smartcard PIN"} {
		out := c.try(t, []string{"LC_ALL=C", "LD_PRELOAD=" + wrapper, "PAM_WRAPPER=1", "PAM_WRAPPER_SERVICE_DIR=" + file("services")}, pin+"\n",
			"pamtester", "card", me.Username, "authenticate")
		if !strings.Contains(out, want) || !strings.Contains(out, c.card.Label(c.chip)) {
			t.Errorf("with %s pamtester says %s, want %s", pin, out, want)
		}
	}
	if _, err := c.card.Open("1234"); err != nil { // gives the tries back
		t.Error(err)
	}
}

// find finds a library by patterns of its path.
func (c *cardClient) find(t *testing.T, name string, patterns ...string) string {
	t.Helper()
	for _, pattern := range patterns {
		if found, _ := filepath.Glob(pattern); len(found) > 0 {
			return found[0]
		}
	}
	peer.Missing(t, name)
	return ""
}

// ssh logs in to a server of this machine with either key, by itself and through an agent. Its own
// choice, SHA-512, the signature key does not sign. The server is the other end of a pipe: there is
// no port to find.
func (c *cardClient) ssh(t *testing.T) {
	server, err := exec.LookPath("/usr/sbin/sshd")
	if err != nil {
		peer.Missing(t, "sshd")
	}
	if os.Geteuid() == 0 { // which its package makes when the server is started
		if err := os.MkdirAll("/run/sshd", 0o755); err != nil {
			t.Fatal(err)
		}
	}
	me, err := user.Current()
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	file := func(name string) string { return filepath.Join(dir, name) }
	peer.Run(t, "ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", file("host"))
	labtest.Write(t, file("sshd"), fmt.Appendf(nil, "HostKey %s\nAuthorizedKeysFile %s\nStrictModes no\nUsePAM no\nPasswordAuthentication no\nKbdInteractiveAuthentication no\n",
		file("host"), file("authorized")))
	labtest.Write(t, file("askpass"), []byte("#!/bin/sh\necho 1234\n"))
	if err := os.Chmod(file("askpass"), 0o700); err != nil {
		t.Fatal(err)
	}
	environment := []string{"SSH_ASKPASS=" + file("askpass"), "SSH_ASKPASS_REQUIRE=force", "SSH_AUTH_SOCK="}

	keys := c.try(t, environment, "", "ssh-keygen", "-D", c.library)
	options := []string{"-F", "none", "-o", "ProxyCommand=" + server + " -i -f " + file("sshd"), "-o", "StrictHostKeyChecking=no", "-o", "PreferredAuthentications=publickey",
		"-o", "UserKnownHostsFile=" + file("known")}
	for _, test := range []struct {
		role, algorithm string
		works           bool
	}{{"authentication", "rsa-sha2-512", true}, {"authentication", "rsa-sha2-256", true}, {"signature", "rsa-sha2-512", false}, {"signature", "rsa-sha2-256", true}} {
		labtest.Write(t, file("public"), []byte(peer.Run(t, "openssl", "x509", "-in", c.pem(test.role), "-noout", "-pubkey")))
		public := strings.TrimSpace(peer.Run(t, "ssh-keygen", "-i", "-m", "PKCS8", "-f", file("public")))
		labtest.Write(t, file("authorized"), []byte(public+"\n"))
		if !strings.Contains(keys, public) {
			t.Errorf("ssh-keygen -D does not list %s:\n%s", test.role, keys)
		}
		command := append(append([]string{}, options...), "-o", "PubkeyAcceptedAlgorithms="+test.algorithm)
		login := []string{me.Username + "@card.invalid", "echo", "logged", "in"}
		agent := "ssh-add -q -s \"$0\" && exec ssh \"$@\""
		for how, out := range map[string]string{
			"by itself":        c.try(t, environment, "", "ssh", append(append(command, "-I", c.library), login...)...),
			"through an agent": c.try(t, environment, "", "ssh-agent", append(append([]string{"-P", c.library, "sh", "-c", agent, c.library}, command...), login...)...),
		} {
			if works := strings.Contains(out, "logged in"); works != test.works {
				t.Errorf("%s, %s, %s: works: %t, want %t\n%s", test.role, test.algorithm, how, works, test.works, out)
			}
		}
	}
}
