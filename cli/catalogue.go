package cli

import (
	"fmt"
	"io"
	"net/url"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/igc-lab/igc/ca"
	"github.com/igc-lab/igc/serve"
	"github.com/igc-lab/igc/testssl"
)

func (p *program) catalogueCommand() *cli.Command {
	return &cli.Command{
		Name: "catalogue",
		Usage: tr("affiche le lien du catalogue de igc serve, qui donne accès aux clés (.p12) : gardez-le pour vous",
			"print the link to the catalogue of igc serve, which gives access to keys (.p12): keep it to yourself"),
		ArgsUsage:    tr("[PAGE]", "[PAGE]"),
		OnUsageError: usageError,
		Flags: []cli.Flag{&cli.BoolFlag{Name: "header", Usage: tr("affiche l'en-tête HTTP qui donne le même accès : igc catalogue --header | curl -H @- -OJ ADRESSE",
			"print the HTTP header that gives the same access: igc catalogue --header | curl -H @- -OJ ADDRESS")}, jsonFlag()},
		Action: p.catalogue,
	}
}

// catalogue prints the link that igc serve printed when it started.
func (p *program) catalogue(c *cli.Context) error {
	if c.NArg() > 1 {
		return ca.Invalidate(errorf("donnez une page au plus (reçu : %d arguments)",
			"give one page at most (got %d arguments)", c.NArg()))
	}
	page, err := url.PathUnescape(c.Args().First())
	if err != nil || strings.ContainsAny(page, "?#") {
		return ca.Invalidate(errorf("%q n'est pas le chemin d'une page du catalogue : par exemple /fixtures",
			"%q is not the path of a page of the catalogue: for example /fixtures", c.Args().First()))
	}
	client, err := p.connect(c)
	if err != nil {
		return err
	}
	token, err := testssl.ReadToken(client.Lab.Home)
	if ca.KindOf(err) == ca.NotFound {
		return &ca.Error{Kind: ca.NotFound, Err: errorf("pas encore de lien (%w) : lancez igc serve, qui le crée",
			"no link yet (%w): start igc serve, which makes it", err)}
	}
	if err != nil {
		return err
	}
	address := client.Lab.Config.Listen.Publication
	page = "/" + strings.TrimLeft(page, "/")
	link := testssl.CatalogueLink(token, address, page)
	if strings.HasPrefix(page, serve.ConsolePath) {
		address = client.Lab.Config.Listen.Desk
		link = testssl.DeskLink(token, address, page)
	}
	if link == "" {
		return &ca.Error{Kind: ca.Conflict, Err: errorf("le catalogue écoute sur %s, pas seulement sur la boucle locale : il ne donne aucune clé privée ; prenez-les dans %s, ou changez listen dans igc.yaml",
			"the catalogue listens on %s, not on loopback only: it gives no private key; take them from %s, or change listen in igc.yaml", address, client.Lab.Home)}
	}
	facts := struct {
		URL    string `json:"url"`
		Header string `json:"header"`
	}{link, "Authorization: Bearer " + token}
	return p.print(c, facts, func(w io.Writer) {
		if c.Bool("header") {
			fmt.Fprintln(w, facts.Header)
			return
		}
		fmt.Fprintln(w, facts.URL)
	})
}
