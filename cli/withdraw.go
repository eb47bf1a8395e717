package cli

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/urfave/cli/v2"
	"golang.org/x/term"

	"github.com/igc-lab/igc/ca"
	"github.com/igc-lab/igc/services/orders"
	"github.com/igc-lab/igc/services/orders/api"
)

func (p *program) withdrawCommand() *cli.Command {
	return &cli.Command{
		Name:  "withdraw",
		Usage: tr("retire une commande : ses certificats sont émis", "withdraw an order: its certificates are issued"),
		Description: tr("Le code de révocation est à choisir et à garder. Le PKCS#12 n'est remis qu'une fois : il est "+
			"écrit dans le dossier de --out, sous le nom que la plateforme lui donne.",
			"The revocation code is to be chosen and kept. The PKCS#12 is handed out once: it is written into the "+
				"folder "+
				"of --out, under the name that the platform gives it."),
		ArgsUsage: tr("NUMÉRO", "NUMBER"),
		Flags: append([]cli.Flag{
			&cli.StringFlag{Name: "code", Usage: tr("code de révocation, 6 à 64 caractères (sinon demandé)",
				"revocation code, 6 to 64 characters (else asked for)")},
			&cli.StringFlag{Name: "password", Usage: tr("mot de passe de la clé, donné à la demande (sinon demandé)",
				"password of the key, given with the request (else asked for)")},
			&cli.StringFlag{Name: "password-file", TakesFile: true, Usage: tr("fichier dont la première ligne est ce "+
				"mot de passe", "file whose first line is that password")},
			&cli.StringFlag{Name: "form", Value: "ans",
				Usage: tr("forme du PKCS#12 : ans, celle de la plateforme, modern, legacy",
					"form of the PKCS#12: ans, the platform's own, modern, legacy")},
			&cli.StringFlag{Name: "out", Value: ".", Usage: tr("dossier des fichiers", "folder of the files")},
			&cli.BoolFlag{Name: "accept",
				Usage: tr("accepte les conditions d'utilisation : certificats de TEST, jamais de "+
					"données réelles", "accept the conditions of use: TEST certificates, never real data")},
			jsonFlag(),
		}, serverFlags()...),
		OnUsageError: usageError, Action: p.withdraw,
	}
}

// withdrawn is what igc withdraw --json prints.
type withdrawn struct {
	Order *orders.Order `json:"order"`
	Files []string      `json:"files"`
}

func (p *program) withdraw(c *cli.Context) error {
	number, err := oneArg(c, tr("le numéro d'une commande (igc follow --state \"à retirer\")",
		"the number of an order (igc follow --state \"à retirer\")"))
	if err != nil {
		return err
	}
	if err := orders.CheckForm(c.String("form")); err != nil {
		return withCode(err)
	}
	out := c.String("out")
	if err := os.MkdirAll(out, 0o755); err != nil { // before anything is handed out
		return &ca.Error{Kind: ca.Unwritable, Err: err}
	}
	client, err := p.orderClient(c)
	if err != nil {
		return err
	}
	o, err := client.Get(c.Context, number)
	if err != nil {
		return err
	}
	password, err := filePassword(c)
	if err != nil {
		return err
	}
	withdrawal := orders.Withdrawal{Accept: c.Bool("accept")}
	if o.State == orders.ToWithdraw {
		if err := withdrawal.Accepted(); err != nil {
			return withCode(err)
		}
	}
	var asked []string
	if o.State == orders.ToWithdraw {
		asked = append(asked, "code")
	}
	needsPassword := !o.OwnKey && !o.IsCard()
	if needsPassword && password == "" {
		asked = append(asked, "password")
	}
	given, err := p.secrets(c, map[string]string{"code": tr("Code de révocation, à choisir",
		"Revocation code, to choose"),
		"password": tr("Mot de passe de la clé", "Password of the key")}, asked...)
	if err != nil {
		return err
	}
	if needsPassword && password == "" {
		password = given[len(given)-1]
	}
	code, again := "", ""
	if o.State == orders.ToWithdraw {
		code, again = given[0], given[0]
		if f, ok := p.in.(*os.File); ok && c.String("code") == "" && term.IsTerminal(int(f.Fd())) {
			repeated, err := p.secrets(c, map[string]string{"code": tr("Le même code, encore", "The same code again")},
				"code")
			if err != nil {
				return err
			}
			again = repeated[0]
		}
	}
	if o.State != orders.Withdrawn || o.IsCard() { // else a withdrawal goes on whose files were not written
		withdrawal.Code, withdrawal.CodeAgain, withdrawal.Password = code, again, password
		o, err = client.Withdraw(c.Context, number, withdrawal)
		if err != nil {
			return err
		}
	}
	result := withdrawn{Order: o}
	if o.OwnKey {
		pem, err := client.Certificates(c.Context, number)
		if err != nil {
			return err
		}
		file := filepath.Join(out, o.Number+".pem")
		if err := os.WriteFile(file, []byte(pem), 0o644); err != nil {
			return &ca.Error{Kind: ca.Unwritable, Err: err}
		}
		result.Files = append(result.Files, file)
	} else if result.Files, err = p.drawPKCS12(c, client, o, out, password); err != nil {
		return err
	}
	return p.print(c, result, func(w io.Writer) {
		writeOrder(w, o)
		for _, file := range result.Files {
			fmt.Fprintln(w, file)
		}
	})
}

// withCode is a refusal of package orders as the API answers it: with its code.
func withCode(err error) error {
	return &ca.Error{Kind: ca.KindOf(err), Err: errorf("%w (%s)", "%w (%s)", err, orders.CodeOf(err))}
}

// drawPKCS12 draws what was not drawn yet of an order. A file is there before what is to be in it
// is asked for, since that comes once.
func (p *program) drawPKCS12(c *cli.Context, client *api.Client, o *orders.Order, out, password string) (
	files []string, err error) {
	roles := o.Roles()
	for _, role := range roles {
		if _, done := o.Delivered[role]; done && len(o.Delivered) < len(roles) {
			continue // when all were, the lab says when
		}
		temporary, err := os.CreateTemp(out, ".igc-*.p12")
		if err != nil {
			return files, &ca.Error{Kind: ca.Unwritable, Err: err}
		}
		drawn, err := client.PKCS12(c.Context, o.Number, role, c.String("form"), password)
		if err != nil {
			temporary.Close()
			return files, errors.Join(err, os.Remove(temporary.Name()))
		}
		file := filepath.Join(out, filepath.Base(drawn.Name))
		_, err = temporary.Write(drawn.Data)
		err = errors.Join(err, temporary.Sync(), temporary.Close())
		if err == nil {
			err = os.Rename(temporary.Name(), file)
		}
		if err != nil {
			return files, &ca.Error{Kind: ca.Unwritable,
				Err: errorf("le PKCS#12 a été remis et n'a pu être écrit (%w) : igc "+
					"order redraw %s le refait",
					"the PKCS#12 was handed out and could not be written (%w): igc order redraw %s "+
						"draws it again", err, o.Number)}
		}
		files = append(files, file)
	}
	return files, nil
}
