package cli

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"strings"

	"github.com/urfave/cli/v2"
	"github.com/youmark/pkcs8"

	"github.com/igc-lab/igc/ca"
	"github.com/igc-lab/igc/card/folder"
	"github.com/igc-lab/igc/profiles"
	"github.com/igc-lab/igc/profiles/csr"
)

// requestKeys are the keys that igc csr makes, by name.
var requestKeys = []struct {
	name string
	make func() (crypto.Signer, error)
}{
	{"rsa2048", func() (crypto.Signer, error) { return rsa.GenerateKey(rand.Reader, 2048) }},
	{"rsa3072", func() (crypto.Signer, error) { return rsa.GenerateKey(rand.Reader, 3072) }},
	{"p256", func() (crypto.Signer, error) { return ecdsa.GenerateKey(elliptic.P256(), rand.Reader) }},
	{"p384", func() (crypto.Signer, error) { return ecdsa.GenerateKey(elliptic.P384(), rand.Reader) }},
}

func (p *program) csrCommand() *cli.Command {
	text := func(name, fr, en string) cli.Flag { return &cli.StringFlag{Name: name, Usage: tr(fr, en)} }
	file := func(name, fr, en string) cli.Flag {
		return &cli.StringFlag{Name: name, TakesFile: true, Usage: tr(fr, en)}
	}
	return &cli.Command{
		Name: "csr",
		Usage: tr("fait une demande de certificat (PKCS#10) avec une clé à soi",
			"make a certification request (PKCS#10) with a key of one's own"),
		UsageText: "igc csr --cn srv.hopital.test --dns www.hopital.test --key rsa2048 --key-out srv.key " +
			"--password-file secret --out srv.csr",
		OnUsageError: usageError,
		Flags: []cli.Flag{
			text("cn", "nom d'hôte ou de service (CN)", "host or service name (CN)"),
			&cli.StringSliceFlag{Name: "dns", Usage: tr("autre nom d'hôte, répétable",
				"another host name, repeatable")},
			text("organisation", "raison sociale (O)", "organisation (O)"),
			text("structure", "Struct_IdNat (OU)", "Struct_IdNat (OU)"),
			text("department", `département (ST) : "Paris (75)"`, `department (ST): "Paris (75)"`),
			&cli.StringFlag{Name: "key", Value: "rsa2048",
				Usage: tr("clé à faire (rsa2048, rsa3072, p256, p384), ou fichier d'une clé PKCS#8",
					"key to make (rsa2048, rsa3072, p256, p384), or file of a PKCS#8 key")},
			file("key-out", "fichier où écrire la clé faite (0600)", "file to write the key made to (0600)"),
			text("password", "mot de passe de la clé", "password of the key"),
			file("password-file", "fichier dont la première ligne est ce mot de passe",
				"file whose first line is that password"),
			&cli.BoolFlag{Name: "clear-keys", Usage: tr("écrit la clé sans mot de passe",
				"write the key without a password")},
			file("out", "fichier à écrire (sinon la sortie)", "file to write (else the output)"),
		},
		Action: p.csr,
	}
}

// csr makes a request.
func (p *program) csr(c *cli.Context) error {
	if err := noArgs(c); err != nil {
		return err
	}
	subject, err := requestSubject(c)
	if err != nil {
		return err
	}
	password, err := filePassword(c)
	if err != nil {
		return err
	}
	key, keyFile, err := requestKey(c, password)
	if err != nil {
		return err
	}
	template := x509.CertificateRequest{RawSubject: subject, DNSNames: c.StringSlice("dns")}
	if cn := c.String("cn"); profiles.IsDNSName(cn) && strings.Contains(cn, ".") &&
		!slices.Contains(template.DNSNames, cn) {
		template.DNSNames = append([]string{cn}, template.DNSNames...)
	}
	der, err := x509.CreateCertificateRequest(rand.Reader, &template, key)
	if err != nil {
		return ca.Invalidate(err)
	}
	request := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE REQUEST", Bytes: der})
	for _, file := range []struct {
		name    string
		content []byte
	}{{c.String("key-out"), keyFile}, {c.String("out"), request}} {
		if file.name == "" || file.content == nil {
			continue
		}
		if err := writeExport(exportedFile{File: file.name, content: file.content}); err != nil {
			return err
		}
	}
	if keyFile != nil && c.Bool("clear-keys") {
		p.note(fmt.Sprintf(tr("%s n'est protégé par aucun mot de passe", "no password protects %s"),
			c.String("key-out")))
	}
	if c.String("out") == "" {
		_, err = p.out.Write(request)
	}
	return err
}

// requestSubject is the subject of the request, laid out as certificates of organisations are.
func requestSubject(c *cli.Context) ([]byte, error) {
	if c.String("cn") == "" {
		return nil, ca.Invalidate(errorf("donnez le nom d'hôte ou de service : --cn srv.hopital.test",
			"give the host or service name: --cn srv.hopital.test"))
	}
	for _, name := range c.StringSlice("dns") {
		if !profiles.IsDNSName(name) {
			return nil, ca.Invalidate(errorf("--dns %q n'est pas un nom d'hôte",
				"--dns %q is not a host name", name))
		}
	}
	name, err := csr.Subject(profiles.Holder{Service: c.String("cn"), Organisation: c.String("organisation"),
		Structure: c.String("structure"), Department: c.String("department")}).Marshal()
	return name, ca.Invalidate(err)
}

// requestKey makes the key, and what its file is to hold; or reads the key of a file.
func requestKey(c *cli.Context, password string) (key crypto.Signer, file []byte, err error) {
	name := c.String("key")
	if strings.HasPrefix(name, "pkcs11:") {
		return nil, nil, ca.Invalidate(errorf("igc ne lit pas de clé PKCS#11, son binaire est statique : "+
			"openssl req -engine pkcs11 -keyform engine -key URI fait la demande, igc issue --csr la certifie",
			"igc reads no PKCS#11 key, its binary is static: openssl req -engine pkcs11 -keyform engine -key URI "+
				"makes the request, igc issue --csr certifies it"))
	}
	for _, kind := range requestKeys {
		if kind.name != name {
			continue
		}
		if c.String("key-out") == "" {
			return nil, nil, ca.Invalidate(errorf("donnez le fichier de la clé qui est faite : --key-out",
				"give the file of the key that is made: --key-out"))
		}
		if (password == "") == !c.Bool("clear-keys") {
			return nil, nil, ca.Invalidate(errorf("donnez le mot de passe de la clé (--password, "+
				"--password-file), ou --clear-keys",
				"give the password of the key (--password, --password-file), or --clear-keys"))
		}
		if key, err = kind.make(); err != nil {
			return nil, nil, err
		}
		if password == "" {
			file, err = folder.ClearKey(key)
		} else {
			file, err = folder.EncryptedKey(key, password)
		}
		return key, file, err
	}
	data, err := os.ReadFile(name)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil, ca.Invalidate(errorf("--key %q : ni rsa2048, rsa3072, p256, p384, ni un fichier qui "+
			"existe",
			"--key %q: neither rsa2048, rsa3072, p256, p384 nor a file that exists", name))
	} else if err != nil {
		return nil, nil, &ca.Error{Kind: ca.NotFound, Err: err}
	}
	key, err = readKey(data, password)
	if err == nil {
		err = csr.CheckKey(key.Public())
		if err != nil {
			err = localized(err)
		}
	}
	if err != nil {
		return nil, nil, fmt.Errorf("%s%s%w", name, tr(" : ", ": "), err)
	}
	return key, nil, nil
}

// readKey reads a private key in PEM: PKCS#8, encrypted or not, PKCS#1, SEC 1.
func readKey(data []byte, password string) (crypto.Signer, error) {
	unreadable := errorf("ce n'est pas une clé privée en PEM qu'igc lit : openssl pkcs8 -topk8 en écrit une",
		"this is not a private key in PEM that igc reads: openssl pkcs8 -topk8 writes one")
	for block, rest := pem.Decode(data); block != nil; block, rest = pem.Decode(rest) {
		var key any
		var err error
		switch block.Type {
		case "PRIVATE KEY":
			key, err = x509.ParsePKCS8PrivateKey(block.Bytes)
		case "RSA PRIVATE KEY":
			key, err = x509.ParsePKCS1PrivateKey(block.Bytes)
		case "EC PRIVATE KEY":
			key, err = x509.ParseECPrivateKey(block.Bytes)
		case "ENCRYPTED PRIVATE KEY":
			if key, err = pkcs8.ParsePKCS8PrivateKey(block.Bytes, []byte(password)); err != nil {
				return nil, &ca.Error{Kind: ca.Passphrase,
					Err: errorf("le mot de passe n'ouvre pas la clé : --password ou --password-file",
						"the password does not open the key: --password or --password-file")}
			}
		default:
			continue
		}
		if signer, ok := key.(crypto.Signer); ok && err == nil {
			return signer, nil
		}
		return nil, ca.Invalidate(unreadable)
	}
	return nil, ca.Invalidate(unreadable)
}
