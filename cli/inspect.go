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
	"github.com/igc-lab/igc/internal/handshake"
	"github.com/igc-lab/igc/internal/i18n"
	"github.com/igc-lab/igc/profiles"
	"github.com/igc-lab/igc/profiles/inspect"
)

func (p *program) inspectCommand() *cli.Command {
	return &cli.Command{
		Name: "inspect",
		Usage: tr("explique un certificat, une CRL, un PKCS#12, un serveur...",
			"explain a certificate, a CRL, a PKCS#12, a server..."),
		Description: tr("Lit des certificats, CRL, réponses OCSP, demandes, clés, PKCS#7, PKCS#12, JWK et XML signés, "+
			"en PEM, base64, DER ou BER,\n"+
			"tels que les fichiers, les en-têtes HTTP et les journaux les portent ; ou la chaîne qu'un serveur TLS présente :\n"+
			"hôte:port, https://hôte/page, ldaps://, smtp://, imap://, ldap://... (STARTTLS).",
			"Reads certificates, CRLs, OCSP responses, requests, keys, PKCS#7, PKCS#12, JWK and signed XML, "+
				"in PEM, base64, DER or BER,\n"+
				"as files, HTTP headers and logs carry them; or the chain that a TLS server presents:\n"+
				"host:port, https://host/page, ldaps://, smtp://, imap://, ldap://... (STARTTLS)."),
		ArgsUsage:    tr("FICHIER | - | hôte:port | URL..., ou --diff A B", "FILE | - | host:port | URL..., or --diff A B"),
		OnUsageError: usageError,
		Flags: append(passwordFlags(),
			&cli.BoolFlag{Name: "diff", Usage: tr("compare deux certificats ou deux CRL, nœud par nœud ; code 1 s'ils diffèrent",
				"compare two certificates or two CRLs, node by node; exit code 1 when they differ")},
			&cli.StringFlag{Name: "starttls", Usage: tr("protocole que le serveur parle avant TLS : ",
				"protocol that the server speaks before TLS: ") + strings.Join(handshake.Protocols(), ", ")},
			&cli.StringFlag{Name: "servername",
				Usage: tr("nom demandé au serveur (SNI), au lieu de celui de l'adresse",
					"name to ask the server for (SNI), instead of that of the address")},
			jsonFlag()),
		Action: p.inspect,
	}
}

func (p *program) inspect(c *cli.Context) error {
	if c.Bool("diff") {
		return p.diff(c)
	}
	if c.NArg() < 2 {
		if _, err := oneArg(c, tr("un fichier, un serveur (hôte:port ou URL), ou - pour l'entrée standard",
			"a file, a server (host:port or a URL), or - for standard input")); err != nil {
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
		for _, o := range read {
			if o, ok := o.(*inspect.TLS); ok {
				name = o.Address
			}
			o.SetFile(name)
		}
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
		return ca.Invalidate(errorf("donnez deux fichiers à comparer (reçu : %d arguments)",
			"give two files to compare (got %d arguments)", c.NArg()))
	}
	var sides [2][]inspect.Object
	for i := range sides {
		var err error
		if sides[i], err = p.side(c, c.Args().Get(i)); err != nil {
			return err
		}
	}
	comparison, err := inspect.Compare(sides[0], sides[1])
	if err != nil {
		return localized(err)
	}
	err = p.print(c, comparison, func(w io.Writer) {
		if comparison.Twins {
			fmt.Fprintln(w, tr("jumeaux : identiques, mais pour le numéro de série, les dates, la clé, les identifiants de clé et la signature",
				"twins: identical but for serial number, dates, key, identifiers and signature"))
		}
		for _, line := range comparison.Words() {
			fmt.Fprintln(w, tr(line.FR, line.EN))
		}
	})
	if err == nil && !comparison.Twins {
		err = errorf("pas jumeaux ; différences : %d", "not twins; differences: %d", comparison.Differences)
	}
	return err
}

// side is what a name stands for in a comparison: the one object of a file, else the certificate
// that the file means; the first certificate of a server.
func (p *program) side(c *cli.Context, name string) ([]inspect.Object, error) {
	data, err := p.readFile(name)
	if err != nil {
		objects, err := p.read(c, name)
		for _, o := range objects {
			if o, ok := o.(*inspect.Certificate); ok {
				return []inspect.Object{o}, nil
			}
		}
		return objects, err
	}
	objects, err := objectsIn(c, name, data)
	if err != nil || len(objects) == 1 {
		return objects, err
	}
	certificate, err := certificateIn(c, name, data)
	return []inspect.Object{certificate}, err
}

// read takes what the name stands for: standard input, a file, or a server where there is no such
// file.
func (p *program) read(c *cli.Context, name string) ([]inspect.Object, error) {
	data, err := p.readFile(name)
	if errors.Is(err, os.ErrNotExist) || isURL(name) || c.IsSet("starttls") || c.IsSet("servername") {
		if target, ok, wrong := server(c, name); wrong != nil {
			return nil, wrong
		} else if ok {
			return meet(c.Context, target)
		}
	}
	if errors.Is(err, os.ErrNotExist) && !strings.ContainsAny(name, `/\`) {
		return nil, &ca.Error{Kind: ca.NotFound, Err: i18n.Errorf(
			"%w; for a server, give host:port or https://host", err)}
	}
	if err != nil {
		return nil, err
	}
	return objectsIn(c, name, data)
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
