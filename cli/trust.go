package cli

import (
	"context"
	"crypto/x509"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"

	"github.com/smallstep/truststore"
	"github.com/urfave/cli/v2"

	"github.com/igc-lab/igc/ca"
	"github.com/igc-lab/igc/profiles"
)

func (p *program) trustCommand() *cli.Command {
	flags := []cli.Flag{&cli.BoolFlag{Name: "no-system", Usage: tr("pas le magasin du système : les navigateurs et Java seulement", "not the system's store: browsers and Java only")}}
	return &cli.Command{
		Name:  "trust",
		Usage: tr("fait connaître les racines du laboratoire au système, à NSS, Firefox et Java", "make the system, NSS, Firefox and Java know the lab's roots"),
		Subcommands: []*cli.Command{
			{Name: "install", Usage: tr("ajoute les racines", "add the roots"), Flags: flags, OnUsageError: usageError,
				Action: func(c *cli.Context) error { return p.trust(c, truststore.Install) }},
			{Name: "uninstall", Usage: tr("retire les racines", "remove the roots"), Flags: flags, OnUsageError: usageError,
				Action: func(c *cli.Context) error { return p.trust(c, truststore.Uninstall) }},
		},
	}
}

func (p *program) trust(c *cli.Context, do func(*x509.Certificate, ...truststore.Option) error) error {
	if err := none(c); err != nil {
		return err
	}
	client, err := p.connect(c)
	if err != nil {
		return err
	}
	roots, err := labRoots(c.Context, client)
	if err != nil {
		return err
	}
	for _, root := range roots {
		for _, s := range stores(c.Bool("no-system")) {
			if s.nss != "" {
				truststore.NSSProfile = s.nss
			}
			if err := do(root, s.options...); err != nil {
				return &ca.Error{Kind: ca.Unwritable, Err: fmt.Errorf("%s, %s: %w", root.Subject.CommonName, s.name, err)}
			}
			fmt.Fprintf(p.out, "%s: %s\n", s.name, root.Subject.CommonName)
		}
	}
	if _, err := exec.LookPath("certutil"); err != nil {
		fmt.Fprintln(p.err, tr("certutil manque : Chromium et Firefox n'ont pas été touchés (Debian : apt install libnss3-tools)", "certutil is missing: Chromium and Firefox were left alone (Debian: apt install libnss3-tools)"))
	}
	return nil
}

// labRoots are the lab's root certificates, that of the TestSSL server's own certificate among them, also before the first igc serve.
func labRoots(ctx context.Context, client *ca.Client) ([]*x509.Certificate, error) {
	server, err := profiles.FindProduct("ssl-serv")
	if err != nil {
		return nil, err
	}
	issuer, err := server.IssuingAuthority()
	if err != nil {
		return nil, err
	}
	if _, err := client.Ensure(ctx, []profiles.Authority{issuer}); err != nil {
		return nil, err
	}
	list, err := client.Authorities(ctx)
	if err != nil {
		return nil, err
	}
	return rootsAmong(list)
}

// rootsAmong are the root certificates among the lab's authorities.
func rootsAmong(list []ca.AuthorityInfo) (roots []*x509.Certificate, err error) {
	for _, info := range list {
		a, err := profiles.ParseAuthority(info.ID)
		if err != nil || !a.IsRoot() {
			continue
		}
		root, err := x509.ParseCertificate(info.DER)
		if err != nil {
			return nil, err
		}
		roots = append(roots, root)
	}
	return roots, nil
}

type store struct {
	name    string
	nss     string // glob of NSS databases, for a store that is one
	options []truststore.Option
}

// stores lists the stores that this machine has. The library knows ~/.pki/nssdb and Firefox's usual place; Chromium uses
// ~/.local/share/pki/nssdb where the former is missing, and Firefox of the snap store lives elsewhere.
func stores(noSystem bool) []store {
	var all []store
	if !noSystem {
		all = append(all, store{name: tr("système", "system")})
	}
	if _, err := exec.LookPath("certutil"); err == nil {
		home, _ := os.UserHomeDir()
		for _, glob := range []string{filepath.Join(home, ".mozilla", "firefox", "*"), filepath.Join(home, ".local", "share", "pki", "nssdb"),
			filepath.Join(home, "snap", "firefox", "common", ".mozilla", "firefox", "*")} {
			s := store{name: "NSS " + glob, nss: glob, options: []truststore.Option{truststore.WithFirefox(), truststore.WithNoSystem()}}
			found, _ := filepath.Glob(filepath.Join(glob, "cert9.db"))
			if own, _ := filepath.Glob(filepath.Join(home, ".pki", "nssdb", "cert9.db")); len(found)+len(own) > 0 {
				all = append(all, s)
			}
		}
	}
	if os.Getenv("JAVA_HOME") != "" {
		all = append(all, store{name: "Java", options: []truststore.Option{truststore.WithJava(), truststore.WithNoSystem()}})
	}
	return all
}
