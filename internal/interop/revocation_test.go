package interop

import (
	"bytes"
	"encoding/pem"
	"fmt"
	"net"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/igc-lab/igc/internal/labtest"
	"github.com/igc-lab/igc/internal/peer"
)

// revocationCourt is what verifiers of revocation are given: a lab that is served, its authorities'
// certificates, and the lists as each verifier fetches them.
type revocationCourt struct {
	*testing.T
	server        *labtest.Server
	dir           string
	root, issuing string // PEM
	leaf          string // some card's certificate
	nss           string // database that has both
}

func (c *revocationCourt) in(name string) string { return filepath.Join(c.dir, name) }

// suspect is a card to be verified.
type suspect struct {
	name   string
	card   labtest.Card
	leaf   string // PEM of the authentication certificate
	serial string
}

func (c *revocationCourt) suspect(name string, issued labtest.Card) *suspect {
	return &suspect{name, issued, issued.File("authentication.pem"), issued.Certificates[0].Serial}
}

// verifier reports, in one sitting, which of the suspects it accepts and what it says of them.
type verifier func(c *revocationCourt, suspects []*suspect) map[*suspect]verdict

// revocationVerifiers are other people's programs, each with what it is to make of the lab's
// publication.
var revocationVerifiers = map[string]verifier{
	// curl over HTTP, the full lists
	"openssl, CRL": each(func(c *revocationCourt, s *suspect) verdict {
		args := []string{"verify", "-crl_check_all", "-CAfile", c.root, "-untrusted", c.issuing}
		return ask("openssl", append(append(args, c.lists("curl", c.curl)...), s.leaf)...)
	}),
	// ldapsearch, by the addresses in the certificates
	"openssl, CRL from the directory": each(func(c *revocationCourt, s *suspect) verdict {
		args := []string{"verify", "-crl_check_all", "-CAfile", c.root, "-untrusted", c.issuing}
		return ask("openssl", append(append(args, c.lists("ldap", c.ldapsearch)...), s.leaf)...)
	}),
	// the full lists of before all that is verified, and the delta of now
	"openssl, old CRL and delta": each(func(c *revocationCourt, s *suspect) verdict {
		args := []string{"verify", "-crl_check_all", "-extended_crl", "-use_deltas", "-CAfile", c.root, "-untrusted", c.issuing,
			"-CRLfile", c.in("base-ACI-FO-PP.pem"), "-CRLfile", c.in("base-ACR-FO.pem")}
		for _, fetch := range map[string]func(string, string){"curl": c.curl, "ldap": c.ldapsearch} {
			fetch("ACI-FO-PP-TEST-delta", c.in("delta"))
			peer.Run(c, "openssl", "crl", "-inform", "DER", "-in", c.in("delta"), "-out", c.in("delta.pem"))
			if v := ask("openssl", append(args, "-CRLfile", c.in("delta.pem"), s.leaf)...); !v.accept {
				return v
			}
		}
		return verdict{accept: true}
	}),
	"openssl, OCSP": each(func(c *revocationCourt, s *suspect) verdict {
		v := ask("openssl", "ocsp", "-issuer", c.issuing, "-CAfile", c.root, "-verify_other", c.issuing,
			"-url", c.server.URLs["publication"]+"ocsp", "-cert", s.leaf)
		v.accept = strings.Contains(v.message, s.leaf+": good") && strings.Contains(v.message, "Response verify OK")
		return v
	}),
	"gnutls, CRL": each(func(c *revocationCourt, s *suspect) verdict {
		var chain, lists []byte
		for _, f := range []string{s.leaf, c.issuing} {
			chain = append(chain, []byte(labtest.Read(c, f))...)
		}
		for _, f := range c.lists("curl", c.curl) {
			if f != "-CRLfile" {
				lists = append(lists, []byte(labtest.Read(c, f))...)
			}
		}
		labtest.Write(c, c.in("chain.pem"), chain)
		labtest.Write(c, c.in("lists.pem"), lists)
		return ask("certtool", "--verify", "--infile", c.in("chain.pem"), "--load-ca-certificate", c.root, "--load-crl", c.in("lists.pem"))
	}),
	"gnutls, OCSP": each(func(c *revocationCourt, s *suspect) verdict {
		v := ask("ocsptool", "--ask="+c.server.URLs["publication"]+"ocsp", "--load-issuer="+c.issuing, "--load-trust="+c.issuing, "--load-cert", s.leaf)
		v.accept = strings.Contains(v.message, "Certificate Status: good") && strings.Contains(v.message, "Verifying OCSP Response: Success")
		return v
	}),
	// NSS fetches what it needs, and accepts nothing that it has no fresh word of
	"NSS, CRL":  each(func(c *revocationCourt, s *suspect) verdict { return c.vfychain("crl", s) }),
	"NSS, OCSP": each(func(c *revocationCourt, s *suspect) verdict { return c.vfychain("ocsp", s) }),
	"Java": func(c *revocationCourt, suspects []*suspect) map[*suspect]verdict {
		crl, ocsp := c.java("crl", suspects), c.java("ocsp", suspects)
		for s, v := range ocsp {
			if v.accept != crl[s].accept {
				c.Errorf("Java: %s by CRL %v, by OCSP %v", s.name, crl[s], v)
			}
		}
		return ocsp
	},
	"nginx, ssl_crl": func(c *revocationCourt, suspects []*suspect) map[*suspect]verdict {
		var lists []byte
		for _, f := range c.lists("curl", c.curl) {
			if f != "-CRLfile" {
				lists = append(lists, []byte(labtest.Read(c, f))...)
			}
		}
		labtest.Write(c, c.in("nginx.crl"), lists)
		return c.nginx("ssl_crl "+c.in("nginx.crl"), suspects)
	},
	// of the whole chain: the issuing authority's status too
	"nginx, ssl_ocsp": func(c *revocationCourt, suspects []*suspect) map[*suspect]verdict {
		responder := strings.Replace(c.server.URLs["publication"], "localhost", "127.0.0.1", 1) + "ocsp" // nginx asks a resolver for a name
		return c.nginx("ssl_ocsp on; ssl_ocsp_responder "+responder, suspects)
	},
}

// Each verifier accepts a good card and rejects a revoked one, rejects a card on hold and accepts
// it again after the hold, by CRL, delta CRL and OCSP, from HTTP and from the directory.
func TestRevocationPeers(t *testing.T) {
	l := labtest.New(t, "--key", "p256", "--gamme", "FO")
	c := &revocationCourt{T: t, dir: t.TempDir()}
	c.root, c.issuing, c.nss = c.in("root.pem"), c.in("issuing.pem"), "sql:"+c.in("nss")
	good, bad := c.suspect("good", l.Issue("--fixture", "alain")), c.suspect("revoked", l.Issue("--fixture", "guy"))
	held := c.suspect("on hold", l.Issue("--fixture", "olivier"))
	c.leaf = good.leaf
	labtest.Write(t, c.root, []byte(l.Must("show", "--pem", "ACR-FO")))
	labtest.Write(t, c.issuing, []byte(l.Must("show", "--pem", "ACI-FO-PP")))
	if err := os.Mkdir(c.in("nss"), 0o700); err != nil {
		t.Fatal(err)
	}
	peer.Run(t, "certutil", "-d", c.nss, "-N", "--empty-password")
	peer.Run(t, "certutil", "-d", c.nss, "-A", "-n", "root", "-t", "CT,C,C", "-i", c.root)
	peer.Run(t, "certutil", "-d", c.nss, "-A", "-n", "issuing", "-t", ",,", "-i", c.issuing)
	peer.Run(t, "openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=localhost", "-keyout", c.in("nginx.key"), "-out", c.in("nginx.pem"))

	// two cards whose HTTP address leads nowhere: the directory is all there is
	config := filepath.Join(l.Home, "igc.yaml")
	lab := []byte(labtest.Read(t, config))
	dead := regexp.MustCompile(`(?m)^  publication: http://.*`).ReplaceAll(lab, []byte("  publication: http://localhost:9"))
	if bytes.Equal(lab, dead) {
		t.Fatal("igc.yaml has no publication address")
	}
	labtest.Write(t, config, dead)
	goodThere, badThere := c.suspect("good, directory only", l.Issue("--fixture", "alain", "--card-number", "3000000001")),
		c.suspect("revoked, directory only", l.Issue("--fixture", "guy", "--card-number", "3000000002"))
	labtest.Write(t, config, lab)

	c.server = l.Serve()
	l.Must("revoke", held.serial, "--reason", "certificateHold")
	l.Must("publish") // the lists that deltas are relative to from now on
	for _, name := range []string{"ACI-FO-PP", "ACR-FO"} {
		c.curl(name+"-TEST", c.in("base"))
		peer.Run(t, "openssl", "crl", "-inform", "DER", "-in", c.in("base"), "-out", c.in("base-"+name+".pem"))
	}
	l.Must("revoke", bad.serial, "--reason", "keyCompromise")
	l.Must("revoke", badThere.serial, "--reason", "keyCompromise")

	sitting := func(phase string, accepted map[*suspect]bool) {
		for name, verifier := range revocationVerifiers {
			t.Run(phase+"/"+name, func(t *testing.T) {
				c := *c
				c.T = t
				suspects := []*suspect{good, bad, held}
				for s, v := range verifier(&c, suspects) {
					switch {
					case v.accept != accepted[s]:
						t.Errorf("%s, %s: accepts the card that is %s: %v\n%s", phase, name, s.name, v.accept, v.message)
					case !v.accept && !strings.Contains(strings.ToLower(v.message), "revoked"):
						t.Errorf("%s, %s: rejects the card that is %s for another reason:\n%s", phase, name, s.name, v.message)
					}
				}
			})
		}
	}
	sitting("during the hold", map[*suspect]bool{good: true})
	l.Must("unhold", held.serial)
	sitting("after the hold", map[*suspect]bool{good: true, held: true})
	t.Run("Java, from the directory", func(t *testing.T) {
		c := *c
		c.T = t
		v := c.java("crl", []*suspect{goodThere, badThere})
		if !v[goodThere].accept || v[badThere].accept || !strings.Contains(v[badThere].message, "revoked") {
			t.Errorf("good: %v; revoked: %v", v[goodThere], v[badThere])
		}
	})
}

// each makes a verifier of one who sees one suspect at a time.
func each(one func(*revocationCourt, *suspect) verdict) verifier {
	return func(c *revocationCourt, suspects []*suspect) map[*suspect]verdict {
		verdicts := map[*suspect]verdict{}
		for _, s := range suspects {
			verdicts[s] = one(c, s)
		}
		return verdicts
	}
}

// curl fetches a list over HTTP, by its file's name.
func (c *revocationCourt) curl(name, file string) {
	c.Helper()
	peer.Run(c, "curl", "-sSf", "-o", file, c.server.URLs["publication"]+"CRL/"+name+".crl")
}

// ldapsearch fetches a list from the directory, by the address that a certificate names.
func (c *revocationCourt) ldapsearch(name, file string) {
	c.Helper()
	holder := c.leaf
	if name == "ACR-FO-TEST" {
		holder = c.issuing
	}
	block, _ := pem.Decode([]byte(labtest.Read(c, holder)))
	attribute := "certificaterevocationlist"
	if strings.HasSuffix(name, "-delta") {
		attribute = "deltarevocationlist"
	}
	found := string(regexp.MustCompile(`(?i)ldap://[^?]*\?` + attribute + `;binary\?base\?objectclass=pkica`).Find(block.Bytes))
	u, err := url.Parse(found)
	if err != nil || found == "" {
		c.Fatalf("%s names no %s: %q, %v", holder, attribute, found, err)
	}
	part := strings.Split(u.RawQuery, "?")
	into := c.TempDir()
	out := peer.Run(c, "ldapsearch", "-x", "-LLL", "-t", "-T", into, "-H", "ldap://"+u.Host,
		"-b", strings.TrimPrefix(u.Path, "/"), "-s", part[1], "("+part[2]+")", part[0])
	files, err := os.ReadDir(into)
	if err != nil || len(files) != 1 {
		c.Fatalf("ldapsearch of %s: %d values, %v\n%s", found, len(files), err, out)
	}
	labtest.Write(c, file, []byte(labtest.Read(c, filepath.Join(into, files[0].Name()))))
}

// lists fetches both full lists, and returns the flags by which openssl reads them.
func (c *revocationCourt) lists(by string, fetch func(name, file string)) (flags []string) {
	c.Helper()
	for _, name := range []string{"ACI-FO-PP", "ACR-FO"} {
		file := c.in(by + "-" + name)
		fetch(name+"-TEST", file)
		peer.Run(c, "openssl", "crl", "-inform", "DER", "-in", file, "-out", file+".pem")
		flags = append(flags, "-CRLfile", file+".pem")
	}
	return flags
}

func (c *revocationCourt) vfychain(method string, s *suspect) verdict {
	peer.Need(c, "vfychain")
	return ask("vfychain", "-d", c.nss, "-pp", "-u", "0", "-g", "leaf", "-m", method, "-s", "failIfNoInfo", "-a", s.leaf)
}

func (c *revocationCourt) java(method string, suspects []*suspect) map[*suspect]verdict {
	c.Helper()
	peer.Need(c, "javac") // a runtime alone does not run sources
	cmd := exec.Command(peer.Need(c, "java"), filepath.Join("testdata", "RevocationVerifier.java"), c.root, c.issuing)
	var in, errOut bytes.Buffer
	for _, s := range suspects {
		fmt.Fprintf(&in, "%s\t%s\n", method, s.leaf)
	}
	cmd.Stdin, cmd.Stderr = &in, &errOut
	out, err := cmd.Output()
	lines := strings.Split(strings.TrimSpace(string(out)), "\n")
	if err != nil || len(lines) != len(suspects) {
		c.Fatalf("java: %v, %d answers to %d questions\n%s", err, len(lines), len(suspects), errOut.String())
	}
	verdicts := map[*suspect]verdict{}
	for i, s := range suspects {
		verdicts[s] = verdict{lines[i] == "accept", lines[i]}
	}
	return verdicts
}

// nginx serves with ssl_verify_client on, and curl comes with the cards. What nginx says of one it
// does not let in stands in its log.
func (c *revocationCourt) nginx(directives string, suspects []*suspect) map[*suspect]verdict {
	c.Helper()
	dir, port := c.TempDir(), labtest.FreePorts(c)
	log := filepath.Join(dir, "log")
	labtest.Write(c, filepath.Join(dir, "ca.pem"), append([]byte(labtest.Read(c, c.root)), []byte(labtest.Read(c, c.issuing))...))
	labtest.Write(c, filepath.Join(dir, "nginx.conf"), fmt.Appendf(nil, `daemon off; master_process off; pid %[1]s/pid; error_log %[2]s info;
events { worker_connections 64; }
http {
  access_log off; client_body_temp_path %[1]s; proxy_temp_path %[1]s; fastcgi_temp_path %[1]s; uwsgi_temp_path %[1]s; scgi_temp_path %[1]s;
  server {
    listen 127.0.0.1:%[3]s ssl; ssl_certificate %[4]s.pem; ssl_certificate_key %[4]s.key;
    ssl_verify_client on; ssl_verify_depth 2; ssl_client_certificate %[1]s/ca.pem; %[5]s;
    return 200 $ssl_client_verify;
  }
}`, dir, log, port, c.in("nginx"), directives))
	cmd := exec.Command(peer.Need(c, "nginx"), "-p", dir, "-e", log, "-c", filepath.Join(dir, "nginx.conf"))
	if err := cmd.Start(); err != nil {
		c.Fatal(err)
	}
	defer func() {
		cmd.Process.Kill()
		cmd.Wait()
	}()
	labtest.Until(c, "nginx to listen", func() bool {
		conn, err := net.Dial("tcp", "127.0.0.1:"+port)
		if err == nil {
			conn.Close()
		}
		return err == nil
	})
	verdicts := map[*suspect]verdict{}
	for _, s := range suspects {
		before := len(labtest.Read(c, log))
		out := peer.Run(c, "curl", "-skS", "--cert", s.leaf, "--key", s.card.File("authentication.key"), "--pass", s.card.PIN, "https://127.0.0.1:"+port+"/")
		verdicts[s] = verdict{out == "SUCCESS", out + labtest.Read(c, log)[before:]}
	}
	return verdicts
}
