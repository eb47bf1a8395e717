package cli

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/igc-lab/igc/ca"
	vcard "github.com/igc-lab/igc/card"
	"github.com/igc-lab/igc/card/install"
)

func installFlags() []cli.Flag {
	flags := []cli.Flag{
		&cli.BoolFlag{Name: "dry-run", Usage: tr("dit ce qui serait changé, et ne change rien",
			"say what would be changed, and change nothing")},
		&cli.StringSliceFlag{Name: "only", Usage: tr("seulement ces endroits, répétable ou séparés par des virgules : ",
			"these places only, repeatable or with commas: ") +
			strings.Join(install.Places, ", ")},
	}
	if runtime.GOOS != "linux" {
		flags = append(flags, &cli.StringFlag{Name: "pin", Value: defaultPIN, Usage: tr("code porteur des fichiers PKCS#12",
			"PIN of the PKCS#12 files")})
	}
	return flags
}

// places returns the values of --only, which may be given several times, or once with commas.
func places(c *cli.Context) (only []string, err error) {
	if !c.IsSet("only") {
		return nil, nil
	}
	for _, given := range c.StringSlice("only") { // which splits at commas
		place := strings.TrimSpace(given)
		if !slices.Contains(install.Places, place) {
			return nil, ca.Invalidate(errorf("--only %q : choisissez parmi %s",
				"--only %q: choose among %s", given, strings.Join(install.Places, ", ")))
		}
		only = append(only, place)
	}
	return only, nil
}

// setting is where this user's software keeps what it knows.
func setting(home string) (install.Setting, error) {
	s, err := install.UserSetting(home)
	if err != nil {
		return s, &ca.Error{Kind: ca.NotFound, Err: err}
	}
	return s, nil
}

func (p *program) installCards(c *cli.Context) error {
	if err := noArgs(c); err != nil {
		return err
	}
	only, err := places(c)
	if err != nil {
		return err
	}
	client, err := p.connect(c)
	if err != nil {
		return err
	}
	s, err := setting(client.Lab.Home)
	if err != nil {
		return err
	}
	if s.Roots, err = labRoots(c.Context, client); err != nil {
		return err
	}
	if s.Module = c.String("module"); s.Module == "" {
		if s.Module, err = install.BesideProgram(); err != nil {
			return err
		}
	}
	if runtime.GOOS != "linux" {
		s.PIN = c.String("pin")
		inserted, err := vcard.NewReaders(client.Lab.Home).Inserted()
		if err != nil {
			return cardError(err)
		}
		for _, in := range inserted {
			s.PKCS12 = append(s.PKCS12, filepath.Join(in.Dir, "authentication.p12"))
		}
		fmt.Fprintln(p.out, tr("Sur ce système les navigateurs lisent le magasin du système et non un module PKCS#11 : les cartes insérées y sont importées (PKCS#12, sans demande de code).",
			"On this system browsers read the system's store and no PKCS#11 module: the inserted cards are imported there (PKCS#12, without a PIN prompt)."))
	}
	plan, err := s.Plan(only)
	if err != nil {
		return ca.Invalidate(err)
	}
	if len(plan) == 0 {
		fmt.Fprintln(p.out, tr("Tout est en place.", "All is in place."))
	}
	if err := p.each(c, plan, func(c install.Change) string { return tr(c.FR(), c.EN()) }, s.Make); err != nil {
		return err
	}
	if !c.Bool("dry-run") && runtime.GOOS == "linux" {
		fmt.Fprintf(p.out, tr("Relancez les navigateurs. Java : -Djava.security.properties=%[1]s/java.security ; OpenSSL : OPENSSL_CONF=%[1]s/openssl.cnf\n",
			"Restart the browsers. Java: -Djava.security.properties=%[1]s/java.security; OpenSSL: OPENSSL_CONF=%[1]s/openssl.cnf\n"), filepath.Join(s.Lab, "module"))
	}
	return nil
}

func (p *program) uninstallCards(c *cli.Context) error {
	if err := noArgs(c); err != nil {
		return err
	}
	only, err := places(c)
	if err != nil {
		return err
	}
	home, _, err := p.lab(c)
	if err != nil {
		return err
	}
	s, err := setting(home)
	if err != nil {
		return err
	}
	made, err := s.Made()
	if err != nil {
		return ca.Invalidate(err)
	}
	if len(only) > 0 {
		made = slices.DeleteFunc(made, func(c install.Change) bool { return !slices.Contains(only, c.Place) })
	}
	if len(made) == 0 {
		fmt.Fprintln(p.out, tr("Rien n'est installé.", "Nothing is installed."))
		return nil
	}
	return p.each(c, made, func(c install.Change) string { return tr(c.UndoneFR(), c.UndoneEN()) }, s.Unmake)
}

// each makes or unmakes changes, one after the other, and says each. What the user may not change
// is told at the end, with the command for one who may.
func (p *program) each(c *cli.Context, changes []install.Change, words func(install.Change) string, do func(install.Change) error) error {
	var refused []string
	var errs []error
	for _, change := range changes {
		fmt.Fprintln(p.out, words(change))
		if c.Bool("dry-run") {
			continue
		}
		err := do(change)
		switch {
		case errors.Is(err, fs.ErrPermission):
			if !slices.Contains(refused, change.Place) {
				refused = append(refused, change.Place)
			}
		case err != nil:
			errs = append(errs, fmt.Errorf("%s: %w", change.Place, err))
		}
	}
	if len(refused) > 0 {
		home, _, _ := p.lab(c)
		program, _ := os.Executable() // which may not be on root's PATH
		errs = append(errs, errorf("%[1]s : réservé à root ; sudo %[4]s --home %[2]s card %[3]s --only %[1]s",
			"%[1]s: for root; sudo %[4]s --home %[2]s card %[3]s --only %[1]s", strings.Join(refused, ","), home, c.Command.Name, program))
	}
	if err := errors.Join(errs...); err != nil {
		return &ca.Error{Kind: ca.Unwritable, Err: err}
	}
	return nil
}
