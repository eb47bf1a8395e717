package cli

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/igc-lab/igc/ca"
	"github.com/igc-lab/igc/internal/rootstores"
	"github.com/igc-lab/igc/internal/shell"
	"github.com/igc-lab/igc/lab"
	"github.com/igc-lab/igc/profiles"
)

func (p *program) trustCommand() *cli.Command {
	flags := []cli.Flag{&cli.BoolFlag{Name: "no-system", Usage: tr("pas le magasin du système : les navigateurs et Java seulement",
		"not the system's store: browsers and Java only")}}
	return &cli.Command{
		Name: "trust",
		Usage: tr("fait connaître les racines du laboratoire au système, à NSS, Firefox et Java",
			"make the system, NSS, Firefox and Java know the lab's roots"),
		Subcommands: []*cli.Command{
			{Name: "install", Usage: tr("ajoute les racines, et dit à quels magasins",
				"add the roots, and name the stores"), Flags: flags, OnUsageError: usageError,
				Action: p.trustRoots},
			{Name: "uninstall", Usage: tr("retire les racines, sous quelque nom qu'elles soient, et vérifie qu'elles n'y sont plus",
				"remove the roots, under whatever name they are there, and verify that they are gone"), Flags: flags, OnUsageError: usageError,
				Action: p.distrustRoots},
		},
	}
}

func (p *program) trustRoots(c *cli.Context) error {
	if err := noArgs(c); err != nil {
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
	return p.eachStore(c, roots, storeWork{rootstores.Store.Install, tr("ajoutée",
		"added"), tr("déjà là",
		"there already"), nil})
}

func (p *program) distrustRoots(c *cli.Context) error {
	if err := noArgs(c); err != nil {
		return err
	}
	client, err := p.connect(c)
	if err != nil {
		return err
	}
	list, err := client.Authorities(c.Context) // those that there are: none is made to be taken out
	if err != nil {
		return err
	}
	roots, err := rootsAmong(list)
	if err != nil {
		return err
	}
	return p.eachStore(c, roots, storeWork{rootstores.Store.Uninstall, tr("retirée",
		"removed"), tr("n'y était pas",
		"was not there"),
		rootstores.Store.Command})
}

// storeWork is what is done with a root and a store, and how it is reported.
type storeWork struct {
	do               func(rootstores.Store, *x509.Certificate) (changed bool, err error)
	changed, already string                                             // words: it was changed, or was so already
	byHand           func(rootstores.Store, *x509.Certificate) []string // what a person types when it fails; nil: nothing
}

// eachStore works on every root in every store, names each store with its path, and goes on after
// one that failed: those are the error.
func (p *program) eachStore(c *cli.Context, roots []*x509.Certificate, work storeWork) error {
	home, err := os.UserHomeDir()
	if err != nil {
		return &ca.Error{Kind: ca.NotFound, Err: err}
	}
	stores, missing := rootstores.Find(home, !c.Bool("no-system"))
	_, noCertutil := exec.LookPath("certutil")
	var errs []error
	for _, s := range stores {
		if s.Kind() == "NSS" && noCertutil != nil {
			errs = append(errs, errorf("NSS %s : certutil manque (Debian : apt install libnss3-tools)",
				"NSS %s: certutil is missing (Debian: apt install libnss3-tools)", s.Path()))
			continue
		}
		for _, root := range roots {
			changed, err := work.do(s, root)
			state := work.already
			switch {
			case err != nil:
				state = tr("ÉCHEC", "FAILED")
				err = fmt.Errorf("%s %s, %s: %w", storeKind(s), s.Path(), root.Subject.CommonName, err)
				if work.byHand != nil {
					err = fmt.Errorf("%w → %s", err, shell.Command(work.byHand(s, root)...))
				}
				errs = append(errs, err)
			case changed:
				state = work.changed
			}
			fmt.Fprintf(p.out, "%s %s: %s: %s\n", storeKind(s), s.Path(), root.Subject.CommonName, state)
		}
	}
	var names []string
	for _, m := range missing {
		names = append(names, fmt.Sprintf("%s (%s)", m.Software, m.Looked))
	}
	if len(names) > 0 {
		fmt.Fprintln(p.out, tr("pas trouvé : ", "not found: ")+strings.Join(names, ", "))
	}
	if err := errors.Join(errs...); err != nil {
		return &ca.Error{Kind: ca.Unwritable, Err: err}
	}
	return nil
}

func storeKind(s rootstores.Store) string {
	if s.Kind() == "system" {
		return tr("système", "system")
	}
	return s.Kind()
}

// labRoots are the lab's root certificates, that of the TestSSL server's own certificate among
// them, also before the first igc serve.
func labRoots(ctx context.Context, client *lab.Client) ([]*x509.Certificate, error) {
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
