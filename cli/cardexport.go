package cli

import (
	"crypto"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/igc-lab/igc/ca"
	vcard "github.com/igc-lab/igc/card"
	"github.com/igc-lab/igc/card/folder"
	"github.com/igc-lab/igc/internal/atomicfile"
	"github.com/igc-lab/igc/internal/p12"
)

// exportForms are the flags that choose a form of PKCS#12, with what each is for.
var exportForms = []struct {
	form   p12.Form
	fr, en string
}{
	{p12.Modern, "AES-256 et SHA-256 : OpenSSL 1.1.1 et suivants, Java 12, Windows Server 2019, navigateurs d'aujourd'hui",
		"AES-256 and SHA-256: OpenSSL 1.1.1 and later, Java 12, Windows Server 2019, browsers of today"},
	{p12.Legacy, "3DES et SHA-1 : Java 8, Windows 7 à Server 2016, macOS, Android, matériels anciens",
		"3DES and SHA-1: Java 8, Windows 7 to Server 2016, macOS, Android, old devices"},
	{p12.ANS, "comme la plateforme de commande de l'ANS (modélisé sur le seul fichier vu) : certificats en clair, clé en 3DES, MAC SHA-1 : pour les logiciels qui doivent ouvrir ce qu'elle remet",
		"as the ANS ordering platform does (modelled on the one file that was seen): certificates in clear, key in 3DES, SHA-1 MAC: for software that must open what it hands out"},
}

func (p *program) exportCommand(which string) *cli.Command {
	flags := []cli.Flag{
		&cli.StringFlag{Name: "certificate", Usage: tr("authentication ou signature (sinon les deux, un fichier chacun)",
			"authentication or signature (else both, a file each)")},
		&cli.StringFlag{Name: "out", TakesFile: true, Usage: tr("fichier à écrire, ou dossier (sinon le dossier courant)",
			"file to write, or folder (else the current folder)")},
		&cli.BoolFlag{Name: "overwrite", Usage: tr("remplace un fichier qui existe", "replace a file that exists")},
		&cli.StringFlag{Name: "pin", Usage: tr("code porteur de la carte (sinon demandé)",
			"the card's PIN (else asked for)")},
		&cli.StringFlag{Name: "password", Usage: tr("mot de passe du PKCS#12 (sinon le code porteur)",
			"password of the PKCS#12 (else the PIN)")},
		&cli.StringFlag{Name: "password-file", TakesFile: true, Usage: tr("fichier dont la première ligne est ce mot de passe",
			"file whose first line is that password")},
		&cli.BoolFlag{Name: "clear-keys", Usage: tr("écrit la clé sans mot de passe, et un PEM avec clé, certificat "+
			"et chaîne (0600)",
			"write the key without a password, and one PEM with key, certificate and chain (0600)")},
		jsonFlag(),
	}
	for _, f := range exportForms {
		flags = append(flags, &cli.BoolFlag{Name: formFlag(f.form), Usage: tr(f.fr, f.en)})
	}
	return &cli.Command{
		Name: "export",
		Usage: tr("écrit clé, certificat et chaîne d'une carte en PKCS#12, dans la forme que lit le logiciel visé",
			"write a card's key, certificate and chain as PKCS#12, in the form that the software it is for reads"),
		ArgsUsage: which, OnUsageError: usageError, Flags: flags, Action: p.exportCard, BashComplete: p.completeCards,
	}
}

func formFlag(f p12.Form) string { return "p12-" + string(f) }

// Forms of what is written without a password: the key, and one PEM with key, certificate and
// chain.
const (
	clearKeyForm p12.Form = "clear"
	bundleForm   p12.Form = "bundle"
)

// chosenForms are the one form of PKCS#12 that the flags name, and those without a password.
func chosenForms(c *cli.Context) (chosen []p12.Form, err error) {
	var all []string
	for _, f := range exportForms {
		all = append(all, "--"+formFlag(f.form))
		if c.Bool(formFlag(f.form)) {
			chosen = append(chosen, f.form)
		}
	}
	inClear := c.Bool("clear-keys")
	if len(chosen) > 1 || len(chosen) == 0 && !inClear {
		return nil, ca.Invalidate(errorf("donnez une forme, et une seule : %s (igc card export --help dit "+
			"pour qui)",
			"give one form, and only one: %s (igc card export --help says for whom)", strings.Join(all, ", ")))
	}
	if inClear {
		chosen = append(chosen, clearKeyForm, bundleForm)
	}
	return chosen, nil
}

// fileName is the name of what is written of a certificate in a form.
func fileName(number, role string, form p12.Form) string {
	switch form {
	case clearKeyForm:
		return number + "-" + role + ".clear.key"
	case bundleForm:
		return number + "-" + role + ".bundle.pem"
	}
	return number + "-" + role + "-" + string(form) + ".p12"
}

// exportedFile is a file to write: a PKCS#12, or a key in clear.
type exportedFile struct {
	Certificate string   `json:"certificate"` // its role
	Form        p12.Form `json:"form"`
	File        string   `json:"file"`
	Replaced    bool     `json:"replaced"`
	content     []byte
	leaf        vcard.Certificate
}

func (p *program) exportCard(c *cli.Context) error {
	forms, err := chosenForms(c)
	if err != nil {
		return err
	}
	_, chosen, err := p.theCard(c)
	if err != nil {
		return err
	}
	certificates, err := chosenCertificates(chosen, c.String("certificate"))
	if err != nil {
		return err
	}
	files, err := exportTargets(chosen, certificates, forms, c.String("out"), c.Bool("overwrite"))
	if err != nil {
		return err
	}
	password, err := filePassword(c)
	if err != nil {
		return err
	}
	chain, err := readChain(chosen.Dir)
	if err != nil {
		return err
	}
	pin, err := p.secrets(c, map[string]string{"pin": tr("Code porteur", "PIN")}, "pin")
	if err != nil {
		return err
	}
	keys, err := chosen.Open(pin[0])
	if err != nil {
		return cardError(err)
	}
	if password == "" {
		password = pin[0]
	}
	p.noteJava(password)
	for i := range files { // all are made before one is written
		f := &files[i]
		if f.content, err = encodeExport(f.Form, keys[f.leaf.Role], f.leaf, chain, password); err != nil {
			return ca.Invalidate(fmt.Errorf("%s: %w", f.leaf.Role, err))
		}
	}
	for _, f := range files {
		if err := writeExport(f); err != nil {
			return err
		}
	}
	return p.print(c, files, func(w io.Writer) {
		for _, f := range files {
			words := tr("%s écrit (%s, %s)\n", "%s written (%s, %s)\n")
			if f.Replaced {
				words = tr("%s remplacé (%s, %s)\n", "%s replaced (%s, %s)\n")
			}
			fmt.Fprintf(w, words, f.File, f.Certificate, f.Form)
		}
		if c.Bool("clear-keys") {
			fmt.Fprintln(w, tr("Ces clés ne sont protégées par aucun mot de passe : qui lit ces fichiers (0600) "+
				"s'en sert.",
				"No password protects these keys: whoever reads these files (0600) can use them."))
		}
		if slices.Contains(forms, p12.ANS) {
			fmt.Fprintln(w, tr("Forme modélisée sur le seul fichier réel vu ; ses certificats se lisent sans mot de passe.",
				"Form modelled on the one real file that was seen; its certificates can be read without the password."))
		}
	})
}

// chosenCertificates are the card's certificates, or the one of that role.
func chosenCertificates(card *vcard.Card, role string) ([]vcard.Certificate, error) {
	if role == "" {
		return card.Certificates, nil
	}
	var roles []string
	for _, cert := range card.Certificates {
		if cert.Role == role {
			return []vcard.Certificate{cert}, nil
		}
		roles = append(roles, cert.Role)
	}
	return nil, ca.Invalidate(errorf("--certificate %q : cette carte a %s",
		"--certificate %q: this card has %s", role, strings.Join(roles, ", ")))
}

// exportTargets are the files to write: out itself for one certificate, else NUMBER-ROLE-FORM.p12
// in the folder out (.clear.key and .bundle.pem without a password). A file that is there is
// refused unless it may be replaced.
func exportTargets(card *vcard.Card, certificates []vcard.Certificate, forms []p12.Form, out string,
	overwrite bool) ([]exportedFile, error) {
	info, err := os.Stat(out)
	folder := out == "" || err == nil && info.IsDir()
	if !folder && len(certificates) == 1 && len(forms) > 1 {
		return nil, ca.Invalidate(errorf("--out %s n'est pas un dossier, et il y a %d fichiers à écrire : "+
			"donnez un dossier qui existe",
			"--out %s is not a folder, and there are %d files to write: give a folder that exists", out, len(forms)))
	}
	if !folder && len(certificates) > 1 {
		return nil, ca.Invalidate(errorf("--out %s n'est pas un dossier, et la carte a %d certificats : choisissez avec --certificate, ou donnez un dossier qui existe",
			"--out %s is not a folder, and the card has %d certificates: choose with --certificate, or give a folder that exists", out, len(certificates)))
	}
	var files []exportedFile
	for i := range len(certificates) * len(forms) {
		cert, form := certificates[i/len(forms)], forms[i%len(forms)]
		f := exportedFile{Certificate: cert.Role, Form: form, File: out, leaf: cert}
		if folder {
			f.File = filepath.Join(out, fileName(card.Number, cert.Role, form))
		}
		info, err := os.Lstat(f.File)
		switch {
		case errors.Is(err, fs.ErrNotExist):
		case err != nil:
			return nil, &ca.Error{Kind: ca.Unwritable, Err: err}
		case !overwrite:
			return nil, &ca.Error{Kind: ca.Conflict, Err: errorf("%s existe ; donnez --overwrite pour le remplacer, ou un autre --out",
				"%s exists; give --overwrite to replace it, or another --out", f.File)}
		case !info.Mode().IsRegular():
			return nil, &ca.Error{Kind: ca.Unwritable, Err: errorf("%s n'est pas un fichier ordinaire : donnez un autre --out",
				"%s is not a regular file: give another --out", f.File)}
		default:
			f.Replaced = true
		}
		files = append(files, f)
	}
	return files, nil
}

// readChain are the certificates above a card's own, the nearest first. A card may have none.
func readChain(dir string) (chain []*x509.Certificate, err error) {
	path := filepath.Join(dir, "chain.pem")
	data, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	} else if err != nil {
		return nil, &ca.Error{Kind: ca.Unwritable, Err: err}
	}
	for block, rest := pem.Decode(data); block != nil; block, rest = pem.Decode(rest) {
		cert, err := x509.ParseCertificate(block.Bytes)
		if err != nil {
			return nil, ca.Invalidate(fmt.Errorf("%s: %w", path, err))
		}
		chain = append(chain, cert)
	}
	return chain, nil
}

// encodeExport makes the PKCS#12 of one certificate, with those of the chain that are above it.
func encodeExport(form p12.Form, key crypto.Signer, cert vcard.Certificate, chain []*x509.Certificate, password string) ([]byte, error) {
	if key == nil {
		return nil, errorf("la carte n'en a pas la clé", "the card does not have its key")
	}
	leaf, err := x509.ParseCertificate(cert.Raw)
	if err != nil { // made wrong on purpose: the encoders want its bytes only
		leaf = &x509.Certificate{Raw: cert.Raw}
	}
	if form == clearKeyForm || form == bundleForm {
		out, err := folder.ClearKey(key)
		if err != nil || form == clearKeyForm {
			return out, err
		}
		for _, der := range append([][]byte{cert.Raw}, raw(chain)...) {
			out = append(out, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})...)
		}
		return out, nil
	}
	chain = slices.DeleteFunc(slices.Clone(chain), func(c *x509.Certificate) bool { return string(c.Raw) == string(cert.Raw) })
	name := folder.FriendlyName(cert.Holder, cert.Role)
	if form == p12.ANS { // the file that was seen has none
		name = ""
	}
	return p12.Encode(form, key, leaf, chain, name, password)
}

func raw(chain []*x509.Certificate) (list [][]byte) {
	for _, c := range chain {
		list = append(list, c.Raw)
	}
	return list
}

// writeExport writes the file, for its owner alone. One that appeared meanwhile is not replaced.
func writeExport(f exportedFile) error {
	if f.Replaced {
		if err := atomicfile.Write(f.File, f.content, 0o600); err != nil {
			return &ca.Error{Kind: ca.Unwritable, Err: err}
		}
		return nil
	}
	file, err := os.OpenFile(f.File, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if errors.Is(err, fs.ErrExist) {
		return &ca.Error{Kind: ca.Conflict, Err: err}
	} else if err != nil {
		return &ca.Error{Kind: ca.Unwritable, Err: err}
	}
	_, err = file.Write(f.content)
	if err = errors.Join(err, file.Close()); err != nil {
		return &ca.Error{Kind: ca.Unwritable, Err: errors.Join(err, os.Remove(f.File))}
	}
	return nil
}
