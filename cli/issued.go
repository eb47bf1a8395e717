package cli

import (
	"fmt"
	"io"
	"path/filepath"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/igc-lab/igc/ca"
	"github.com/igc-lab/igc/lab"
	"github.com/igc-lab/igc/profiles"
)

// describeIssued says what was made. The secret is the PIN or the password of the PKCS#12; drawn
// says that nobody else knows it.
func describeIssued(w io.Writer, product *profiles.Product, card *ca.CardFile, dir, secret string, drawn bool) {
	fmt.Fprintf(w, "%s — %s", card.Label, card.Holder.DisplayName())
	if card.Holder.IdNat != "" {
		fmt.Fprintf(w, " (%s)", card.Holder.IdNat)
	}
	fmt.Fprintln(w)
	if card.CardNumber != "" {
		fmt.Fprintf(w, "%-16s %s\n", tr("carte", "card"), card.CardNumber)
	}
	for _, cert := range card.Certificates {
		fmt.Fprintf(w, "%-16s %s  %s %s%s\n", cert.Role, cert.Serial, tr("jusqu'au",
			"until"), cert.NotAfter.Format(time.DateOnly), modelled(cert.Status))
	}
	for _, item := range card.LeftAside {
		fmt.Fprintf(w, "%-16s %s\n", tr("laissé de côté", "left aside"), tr(item.FR, item.EN))
	}
	first := card.Certificates[0]
	switch {
	case card.OwnKey:
		fmt.Fprintf(w, "%-16s %s\n", tr("clé", "key"), tr("celle du porteur : ni clé ni PKCS#12 ne sont écrits",
			"the holder's own: no key and no PKCS#12 are written"))
	case product.CardType != "":
		fmt.Fprintf(w, "%-16s %s\n", tr("code porteur", "PIN"), secretNote(secret, drawn))
	default:
		fmt.Fprintf(w, "%-16s %s\n", tr("mot de passe", "password"), secretNote(secret, drawn))
	}
	fmt.Fprintf(w, "%-16s %s\n", tr("dossier", "folder"), dir)
	if card.OwnKey {
		fmt.Fprintf(w, "%-16s %s\n", tr("à installer", "to install"), filepath.Join(dir, first.Certificate))
	} else {
		fmt.Fprintf(w, "%-16s %s\n", tr("à importer", "to import"), filepath.Join(dir, first.PKCS12))
	}
	for _, cert := range card.Certificates {
		if cert.Bundle != "" {
			fmt.Fprintf(w, "%-16s %s\n%-16s %s\n", tr("en clair", "in clear"), filepath.Join(dir, cert.ClearKey),
				"", filepath.Join(dir, cert.Bundle))
		}
	}
	if first.Bundle != "" {
		fmt.Fprintln(w, tr("Ces clés ne sont protégées par aucun mot de passe : qui lit ces fichiers (0600) s'en sert.",
			"No password protects these keys: whoever reads these files (0600) can use them."))
	}
	if !card.Faithful {
		if card.OwnKey {
			fmt.Fprintln(w, tr("La clé n'est pas du type de celles de l'IGC-Santé (RSA 2048).",
				"The key is not of the kind of those of the IGC-Santé (RSA 2048)."))
		} else {
			fmt.Fprintln(w, tr("Clés rapides : cette carte n'est pas fidèle à celles de l'IGC-Santé.",
				"Fast keys: this card is not faithful to those of the IGC-Santé."))
		}
	}
}

// secretNote is a PIN or a password with what is to be known of it.
func secretNote(secret string, drawn bool) string {
	switch {
	case drawn:
		return fmt.Sprintf("%s  (%s)", secret, tr("montré cette seule fois", "shown this once"))
	case secret == defaultPIN:
		return fmt.Sprintf("%s  (%s)", secret, tr("par défaut", "default"))
	}
	return secret
}

// nextStep says what to do with what was issued, unless a server runs already.
func (p *program) nextStep(c *cli.Context, client *lab.Client) {
	if _, running, _ := client.Server(c.Context); !running {
		fmt.Fprintln(p.out, tr("Ensuite : igc serve", "Next: igc serve"))
	}
}
