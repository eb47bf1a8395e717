package cli

import (
	"fmt"
	"os"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/igc-lab/igc/ca"
	"github.com/igc-lab/igc/profiles"
)

// secretsFlags are the flags of igc issue and igc renew that say what protects the keys.
func secretsFlags() []cli.Flag {
	return []cli.Flag{
		&cli.StringFlag{Name: "pin", Value: defaultPIN, Usage: tr("code porteur : 4 à 8 chiffres, ou random",
			"PIN: 4 to 8 digits, or random")},
		&cli.StringFlag{Name: "password", Usage: tr("certificats logiciels : mot de passe de la clé et du PKCS#12, "+
			"de toute longueur",
			"software certificates: password of the key and the PKCS#12, of any length; with --like, that of the file")},
		&cli.StringFlag{Name: "password-file", TakesFile: true,
			Usage: tr("fichier dont la première ligne est ce mot de passe",
				"file whose first line is that password")},
		&cli.BoolFlag{Name: "clear-keys", Usage: tr("écrit aussi la clé sans mot de passe, et un PEM avec clé, "+
			"certificat et chaîne (0600)",
			"also write the key without a password, and one PEM with key, certificate and chain (0600)")},
	}
}

// secretFlags is what the flags give to protect the keys: a PIN, or a password.
func secretFlags(c values) (string, error) {
	password, err := filePassword(c)
	if err != nil {
		return "", err
	}
	if c.IsSet("like") { // it opens that file, and --pin protects what is made
		password = ""
	}
	switch pin := c.String("pin"); {
	case password != "" && c.IsSet("pin"):
		return "", ca.Invalidate(errorf("--pin et --password disent la même chose : donnez-en un",
			"--pin and --password say the same thing: give one"))
	case password != "":
		return password, nil
	case pin != "":
		return pin, nil
	}
	return defaultPIN, nil
}

// noteJava says that Java reads no password but ASCII: PBEKey of JDK 17 refuses others.
func (p *program) noteJava(password string) {
	if strings.IndexFunc(password, func(r rune) bool { return r < ' ' || r > '~' }) >= 0 {
		p.note(tr("Java n'ouvre un PKCS#12 que par un mot de passe en ASCII : celui-ci ouvre les autres (OpenSSL, "+
			"NSS et Firefox, GnuTLS)",
			"Java opens a PKCS#12 by an ASCII password only: this one opens the others (OpenSSL, NSS and Firefox, "+
				"GnuTLS)"))
	}
}

// refusePassword refuses a password for a card, whose chip has a PIN.
func refusePassword(c values, productID string) error {
	product, err := profiles.FindProduct(productID)
	if err != nil {
		return ca.Invalidate(err)
	}
	if product.CardType != "" && !c.IsSet("like") && (c.IsSet("password") || c.IsSet("password-file")) {
		return ca.Invalidate(errorf("%s est une carte, qui a un code porteur : donnez --pin ; igc card "+
			"export --password en écrit le PKCS#12 sous un mot de passe",
			"%s is a card, which has a PIN: give --pin; igc card export --password writes its PKCS#12 under a "+
				"password", product.ID))
	}
	return nil
}

// filePassword is the password that the PKCS#12 is to have, empty when the flags give none.
func filePassword(c values) (string, error) {
	file := c.String("password-file")
	switch {
	case c.IsSet("password") && file != "":
		return "", ca.Invalidate(errorf("donnez --password ou --password-file, pas les deux",
			"give --password or --password-file, not both"))
	case c.IsSet("password") && c.String("password") == "":
		return "", ca.Invalidate(errorf("--password est vide : les logiciels ne s'accordent pas sur ce que "+
			"cela veut dire",
			"--password is empty: programs differ on what that means"))
	case file == "":
		return c.String("password"), nil
	}
	data, err := os.ReadFile(file)
	if err != nil {
		return "", &ca.Error{Kind: ca.NotFound, Err: fmt.Errorf("--password-file: %w", err)}
	}
	line, _, _ := strings.Cut(string(data), "\n")
	if line = strings.TrimSuffix(line, "\r"); line == "" {
		return "", ca.Invalidate(errorf("--password-file %s : sa première ligne est vide",
			"--password-file %s: its first line is empty", file))
	}
	return line, nil
}
