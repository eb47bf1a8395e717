package cli

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/urfave/cli/v2"

	"github.com/igc-lab/igc/ca"
	"github.com/igc-lab/igc/lab"
	"github.com/igc-lab/igc/profiles"
	"github.com/igc-lab/igc/profiles/certfile"
	"github.com/igc-lab/igc/profiles/inspect"
)

// This file reads the certificates that people hand in, for every command that takes one.

// passwordFlags are those of a command that reads a PKCS#12.
func passwordFlags() []cli.Flag {
	return []cli.Flag{
		&cli.StringFlag{Name: "password",
			Usage: tr("mot de passe d'un PKCS#12 ou d'une clé (sans cette option, igc essaie sans mot de passe, "+
				"puis 1234)",
				"password of a PKCS#12 or of a key (without this option, igc tries no password, then 1234)")},
		&cli.StringFlag{Name: "password-file", TakesFile: true,
			Usage: tr("fichier dont la première ligne est ce mot de passe",
				"file whose first line is that password")},
	}
}

// passwords are those that the flags give; nil for none.
func passwords(c values) ([]string, error) {
	if !c.IsSet("password-file") {
		if c.IsSet("password") {
			return []string{c.String("password")}, nil
		}
		return nil, nil
	}
	name := c.String("password-file")
	if c.IsSet("password") {
		return nil, ca.Invalidate(errorf("--password et --password-file disent la même chose : donnez-en un",
			"--password and --password-file say the same thing: give one"))
	}
	f, err := os.Open(name)
	if err != nil {
		return nil, &ca.Error{Kind: ca.NotFound, Err: errorf("--password-file : %w", "--password-file: %w",
			err)}
	}
	defer f.Close()
	const most = 4096
	data, err := io.ReadAll(io.LimitReader(f, most))
	if err != nil {
		return nil, ca.Invalidate(fmt.Errorf("--password-file %s: %w", name, err))
	}
	line, _, _ := strings.Cut(strings.TrimPrefix(string(data), "\ufeff"), "\n")
	return []string{strings.TrimSuffix(line, "\r")}, nil
}

// readFile reads a file, or the standard input for "-": once, however often it is asked for.
func (p *program) readFile(name string) ([]byte, error) {
	if name != "-" {
		return readInput(p.in, name)
	}
	if p.stdin == nil {
		data, err := readInput(p.in, name)
		if err != nil {
			return nil, err
		}
		p.stdin = append([]byte{}, data...)
	}
	return p.stdin, nil
}

// isCertificate tells a certificate, in whatever form, from a list of serial numbers and files.
func isCertificate(data []byte) bool {
	binary := func(r rune) bool { return r == utf8.RuneError || r < ' ' && !unicode.IsSpace(r) }
	if bytes.ContainsFunc(data, binary) || bytes.Contains(data, []byte("BEGIN")) {
		return true
	}
	_, err := certfile.Read(data, certfile.Options{})
	return err == nil || errors.Is(err, certfile.ErrPassword)
}

// issuedHere names the certificate that a file stands for as the lab's records do: by its serial
// number, or as an authority. Anything but a file stays as it is.
func (p *program) issuedHere(c *cli.Context, client *lab.Client, authorities []ca.AuthorityInfo,
	what string) (string, error) {
	if info, err := os.Stat(what); what != "-" && (err != nil || info.IsDir()) {
		return what, nil
	}
	data, err := p.readFile(what)
	if err != nil {
		return "", err
	}
	certificate, err := certificateIn(c, what, data)
	if err != nil {
		return "", err
	}
	for _, info := range authorities {
		if bytes.Equal(info.DER, certificate.DER()) {
			return info.ID, nil
		}
	}
	r, err := client.Find(c.Context, certificate.Serial)
	if ca.KindOf(err) == ca.NotFound || err == nil && !bytes.Equal(r.DER, certificate.DER()) {
		return "", &ca.Error{Kind: ca.NotFound,
			Err: errorf("%s : ce laboratoire n'a pas émis ce certificat (%s) ; igc inspect l'explique",
				"%s: this lab did not issue this certificate (%s); igc inspect explains it", what, certificate.Serial)}
	}
	return certificate.Serial, err
}

// readInput reads a file, or in for "-".
func readInput(in io.Reader, name string) ([]byte, error) {
	if name != "-" {
		f, err := os.Open(name)
		if err != nil {
			return nil, &ca.Error{Kind: ca.NotFound, Err: err}
		}
		defer f.Close()
		if info, err := f.Stat(); err == nil && info.IsDir() {
			return nil, ca.Invalidate(errorf("%s est un dossier : donnez un fichier qu'il tient",
				"%s is a folder: give a file that is in it", name))
		}
		in = f
	}
	data, err := io.ReadAll(io.LimitReader(in, certfile.MaxSize+1))
	if err != nil {
		return nil, err
	}
	if len(data) > certfile.MaxSize {
		return nil, ca.Invalidate(errorf("%s dépasse %d Mo : coupez-le, ou donnez le certificat seul",
			"%s is larger than %d MB: split it, or give the certificate alone", name, certfile.MaxSize>>20))
	}
	return data, nil
}

// fileError is an error about a file, in the language of the command line.
func fileError(name string, err error) error {
	if name == "-" {
		name = tr("entrée standard", "standard input")
	}
	if errors.Is(err, certfile.ErrPassword) {
		return &ca.Error{Kind: ca.Passphrase, Err: errorf("%s : %w", "%s: %w", name, err)}
	}
	return ca.Invalidate(errorf("%s : %w", "%s: %w", name, err))
}

// certificateFile finds what is in a file.
func certificateFile(c values, name string, data []byte) (*certfile.File, error) {
	secrets, err := passwords(c)
	if err != nil {
		return nil, err
	}
	file, err := certfile.Read(data, certfile.Options{Passwords: secrets})
	if err != nil {
		return nil, fileError(name, err)
	}
	return file, nil
}

// objectsIn explains what was in a file.
func objectsIn(c values, name string, data []byte) ([]inspect.Object, error) {
	secrets, err := passwords(c)
	if err != nil {
		return nil, err
	}
	objects, err := inspect.Read(data, inspect.Options{Now: time.Now(), Passwords: secrets})
	if err != nil {
		return nil, fileError(name, err)
	}
	return objects, nil
}

// certificateIn is the certificate that a file stands for: see [certfile.File.Main].
func certificateIn(c values, name string, data []byte) (*inspect.Certificate, error) {
	file, err := certificateFile(c, name, data)
	if err != nil {
		return nil, err
	}
	item, err := file.Main()
	if several := (*certfile.AmbiguousError)(nil); errors.As(err, &several) {
		return nil,
			ca.Invalidate(errorf("%s : lequel de ces certificats ? %s. Donnez son numéro de série, ou un "+
				"fichier qui n'a que lui",
				"%s: which of these certificates? %s. Give its serial number, or a file that holds it alone", name,
				listed(several.Certificates)))
	}
	if err != nil {
		return nil, fileError(name, err)
	}
	certificate, err := inspect.NewCertificate(item.DER, item.In, time.Now())
	if err != nil {
		return nil, fileError(name, err)
	}
	return certificate, nil
}

// listed names certificates, the first few of them.
func listed(all []*certfile.Item) string {
	const most = 5
	var names []string
	for _, item := range all[:min(most, len(all))] {
		d := item.Certificate
		what := visible(d.Subject.String())
		if d.Profile != nil {
			what = d.Profile.ID() + ", " + d.Holder.DisplayName()
		}
		names = append(names, profiles.SerialHex(d.Serial)+" ("+what+")")
	}
	if more := len(all) - most; more > 0 {
		names = append(names, fmt.Sprintf(tr("et %d autres", "and %d more"), more))
	}
	return strings.Join(names, "; ")
}
