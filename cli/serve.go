package cli

import (
	"fmt"
	"log/slog"
	"net"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/igc-lab/igc/ca"
	"github.com/igc-lab/igc/lab"
	"github.com/igc-lab/igc/serve"
)

func (p *program) serveCommand() *cli.Command {
	return &cli.Command{
		Name: "serve",
		Usage: tr("sert la publication, OCSP et TestSSL, jusqu'à Ctrl-C",
			"serve publication, OCSP and TestSSL, until Ctrl-C"),
		OnUsageError: usageError,
		Flags: []cli.Flag{&cli.BoolFlag{Name: "verbose", Usage: tr("journal détaillé", "detailed log")},
			&cli.BoolFlag{Name: "exposed", Usage: tr("au-delà de cette machine, sous les noms de exposed dans "+
				"igc.yaml : docs/shared-lab.fr.md",
				"beyond this machine, by the names of exposed in igc.yaml: docs/shared-lab.md")}},
		Action: p.serve,
	}
}

func (p *program) serve(c *cli.Context) error {
	if err := noArgs(c); err != nil {
		return err
	}
	if err := p.announceNewLab(c); err != nil {
		return err
	}
	client, err := p.connectOrCreate(c, lab.DefaultConfig())
	if err != nil {
		return err
	}
	level := slog.LevelInfo
	if c.Bool("verbose") {
		level = slog.LevelDebug
	}
	log := slog.New(slog.NewTextHandler(p.err, &slog.HandlerOptions{Level: level}))
	return serve.Run(c.Context, client.Lab, serve.Options{Log: log, Now: p.now,
		Exposed: c.Bool("exposed"), Started: p.announce})
}

// announceNewLab says, where there is no lab, that one is made now, and on which ports it is
// served.
func (p *program) announceNewLab(c *cli.Context) error {
	home, opts, err := p.lab(c)
	if err != nil {
		return err
	}
	if _, err := lab.Open(home, opts); ca.KindOf(err) != ca.NotFound {
		return nil // connectOrCreate returns any other error
	}
	var ports []string
	for _, e := range serve.Endpoints() {
		_, port, err := net.SplitHostPort(e.Default())
		if err != nil {
			return err
		}
		ports = append(ports, port)
	}
	fmt.Fprintf(p.err, tr("igc : pas de laboratoire dans %s : j'en crée un, servi sur les ports %s de cette machine "+
		"(d'autres : igc init --port N)\n",
		"igc: no lab in %s: making one, served on ports %s of this machine "+
			"(others: igc init --port N)\n"), home, lab.PortRanges(ports))
	return nil
}

// announce writes the URLs of a server: those for everybody, then those that ask for a card.
func (p *program) announce(s serve.Started) {
	for _, card := range []bool{false, true} {
		for _, e := range s.Endpoints {
			if e.Card != card {
				continue
			}
			fmt.Fprintf(p.out, "%s %s\n", tr(e.Title.FR, e.Title.EN), e.URL)
			if e.Name == "publication" && s.CatalogueLink != "" {
				fmt.Fprintf(p.out, "%s %s\n", tr("Catalogue, avec les clés (.p12) de vos cartes :",
					"Catalogue, with the keys (.p12) of your cards:"), s.CatalogueLink)
			}
			if e.Name == "desk" && s.ConsoleLink != "" {
				fmt.Fprintf(p.out, "%s %s\n", tr("Console, avec les clés (.p12) de vos cartes :",
					"Console, with the keys (.p12) of your cards:"), s.ConsoleLink)
			}
		}
	}
	if e := s.NoTestSSL; e != nil {
		fmt.Fprintf(p.err, tr("igc : TestSSL n'est pas servi : %s, l'autorité de son certificat, a été révoquée le %s (%s) et n'en émet plus ; "+
			"le reste est servi. Faites un autre laboratoire : igc --home DOSSIER init\n",
			"igc: TestSSL is not served: %s, the authority of its certificate, was revoked on %s (%s) and issues none any more; "+
				"the rest is served. Make another lab: igc --home FOLDER init\n"),
			e.Authority, e.Revocation.At.Format(time.RFC3339), e.Revocation.Reason)
	}
	fmt.Fprintln(p.out, tr("Ctrl-C arrête.", "Ctrl-C stops."))
}
