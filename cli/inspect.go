package cli

import (
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"time"
	"unicode"

	"github.com/urfave/cli/v2"

	"github.com/igc-lab/igc/ca"
	"github.com/igc-lab/igc/profiles"
	"github.com/igc-lab/igc/profiles/inspect"
)

func (p *program) inspectCommand() *cli.Command {
	return &cli.Command{
		Name: "inspect",
		Usage: tr("explique un certificat, une CRL, un PKCS#12, un serveur...",
			"explain a certificate, a CRL, a PKCS#12, a server..."),
		Description: tr("Lit PEM et DER : certificats, CRL, réponses OCSP, PKCS#7, PKCS#12 ; ou la chaîne qu'un serveur TLS présente.",
			"Reads PEM and DER: certificates, CRLs, OCSP responses, PKCS#7, PKCS#12; or the chain that a TLS server presents."),
		ArgsUsage:    tr("FICHIER | - | hôte:port..., ou --diff A B", "FILE | - | host:port..., or --diff A B"),
		OnUsageError: usageError,
		Flags: []cli.Flag{
			&cli.StringFlag{Name: "password", Usage: tr("mot de passe d'un PKCS#12 (sinon : aucun, puis 1234)",
				"password of a PKCS#12 (else none, then 1234)")},
			&cli.BoolFlag{Name: "diff", Usage: tr("compare deux certificats ou deux CRL, nœud par nœud ; code 1 s'ils diffèrent",
				"compare two certificates or two CRLs, node by node; exit code 1 when they differ")},
			jsonFlag(),
		},
		Action: p.inspect,
	}
}

// maxFile bounds what is read to be inspected.
const maxFile = 16 << 20

// readFile reads a file, or the standard input for "-".
func (p *program) readFile(name string) ([]byte, error) {
	in := p.in
	if name != "-" {
		f, err := os.Open(name)
		if err != nil {
			return nil, &ca.Error{Kind: ca.NotFound, Err: err}
		}
		defer f.Close()
		in = f
	}
	data, err := io.ReadAll(io.LimitReader(in, maxFile+1))
	if err != nil {
		return nil, err
	}
	if len(data) > maxFile {
		return nil, ca.Invalidate(fmt.Errorf(tr("%s dépasse 16 Mo", "%s is larger than 16 MB"), name))
	}
	return data, nil
}

func (p *program) inspect(c *cli.Context) error {
	if c.Bool("diff") {
		return p.diff(c)
	}
	if c.NArg() < 2 {
		if _, err := oneArg(c, tr("un fichier, un serveur (hôte:port), ou - pour l'entrée standard",
			"a file, a server (host:port), or - for standard input")); err != nil {
			return err
		}
	}
	var objects []inspect.Object // all files are read before one is shown
	files := map[int]string{}    // by the first object of each
	for _, name := range c.Args().Slice() {
		read, err := p.read(c, name)
		if err != nil {
			return err
		}
		files[len(objects)] = name
		objects = append(objects, read...)
	}
	return p.print(c, objects, func(w io.Writer) {
		for i, o := range objects {
			if i > 0 {
				fmt.Fprintln(w)
			}
			if name := files[i]; name != "" && len(files) > 1 {
				fmt.Fprintf(w, "== %s\n", visible(name))
			}
			describe(w, o)
		}
	})
}

// diff ends with exit code 1 when the two differ, as diff(1) does.
func (p *program) diff(c *cli.Context) error {
	if c.NArg() != 2 {
		return ca.Invalidate(fmt.Errorf(tr("donnez deux fichiers à comparer (reçu : %d arguments)",
			"give two files to compare (got %d arguments)"), c.NArg()))
	}
	var sides [2][]inspect.Object
	for i := range sides {
		var err error
		if sides[i], err = p.read(c, c.Args().Get(i)); err != nil {
			return err
		}
	}
	comparison, err := inspect.Compare(sides[0], sides[1])
	if err != nil {
		return ca.Invalidate(err)
	}
	err = p.print(c, comparison, func(w io.Writer) {
		if comparison.Twins {
			fmt.Fprintln(w, tr("jumeaux : identiques, mais pour le numéro de série, les dates, la clé, les identifiants de clé et la signature",
				"twins: identical but for serial number, dates, key, identifiers and signature"))
		}
		for _, line := range comparison.Lines {
			fmt.Fprintln(w, line)
		}
	})
	if err == nil && !comparison.Twins {
		err = fmt.Errorf(tr("pas jumeaux : %d nœuds diffèrent", "not twins: %d nodes differ"), len(comparison.Lines))
	}
	return err
}

// read takes what the name stands for: standard input, a file, or a server where there is no such
// file.
func (p *program) read(c *cli.Context, name string) ([]inspect.Object, error) {
	data, err := p.readFile(name)
	if errors.Is(err, os.ErrNotExist) && isAddress(name) {
		return dial(c.Context, name)
	}
	if err != nil {
		return nil, err
	}
	return objectsIn(c, name, data)
}

// objectsIn reads what was in a file.
func objectsIn(c values, name string, data []byte) ([]inspect.Object, error) {
	opts := inspect.Options{Now: time.Now()}
	if c.IsSet("password") {
		opts.Passwords = []string{c.String("password")}
	}
	objects, err := inspect.Read(data, opts)
	switch {
	case errors.Is(err, inspect.ErrPassword):
		return nil, &ca.Error{Kind: ca.Passphrase, Err: fmt.Errorf(tr("%s : %w ; donnez --password",
			"%s: %w; give --password"), name, err)}
	case err != nil:
		return nil, ca.Invalidate(fmt.Errorf("%s: %w", name, err))
	}
	return objects, nil
}

// certificateIn is the certificate that a file stands for: see [inspect.MainCertificate].
func certificateIn(c values, name string, data []byte) (*inspect.Certificate, error) {
	objects, err := objectsIn(c, name, data)
	if err != nil {
		return nil, err
	}
	certificate, err := inspect.MainCertificate(objects)
	if several := (*inspect.AmbiguousError)(nil); errors.As(err, &several) {
		return nil, ca.Invalidate(fmt.Errorf(tr("%s : lequel de ces certificats ? %s. Donnez son numéro de série, ou un fichier qui n'a que lui",
			"%s: which of these certificates? %s. Give its serial number, or a file that holds it alone"), name, listed(several.Certificates)))
	}
	if err != nil {
		return nil, ca.Invalidate(fmt.Errorf("%s: %w", name, err))
	}
	return certificate, nil
}

// listed names certificates, the first few of them.
func listed(all []*inspect.Certificate) string {
	const most = 5
	var names []string
	for _, c := range all[:min(most, len(all))] {
		what := visible(c.Subject)
		if c.Profile != "" {
			what = c.Profile + ", " + c.Holder.DisplayName()
		}
		names = append(names, c.Serial+" ("+what+")")
	}
	if more := len(all) - most; more > 0 {
		names = append(names, fmt.Sprintf(tr("et %d autres", "and %d more"), more))
	}
	return strings.Join(names, "; ")
}

// visible is a text without the escape sequences that whoever made it may have put in it: the
// terminal gets none.
func visible(text string) string {
	return strings.Map(func(r rune) rune {
		if unicode.In(r, unicode.Cc, unicode.Cf) {
			return unicode.ReplacementChar
		}
		return r
	}, text)
}

// describe writes an object in words.
func describe(w io.Writer, o inspect.Object) {
	for _, f := range o.Facts() {
		label, value := tr(f.Label.FR, f.Label.EN), visible(tr(f.Value.FR, f.Value.EN))
		if f.Detail {
			fmt.Fprintf(w, "  %-24s %s\n", label, value)
		} else {
			fmt.Fprintf(w, "%-16s %s\n", label, value)
		}
	}
}

// describeCertificate writes a certificate of the lab in words.
func describeCertificate(w io.Writer, d *profiles.Decoded) {
	if c, err := inspect.NewCertificate(d.Raw, "DER", time.Now()); err == nil { // it was decoded before
		describe(w, c)
	}
}
