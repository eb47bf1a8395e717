package cli

import (
	"cmp"
	"fmt"
	"io"
	"text/tabwriter"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/igc-lab/igc/ca"
	"github.com/igc-lab/igc/ca/store/database"
	"github.com/igc-lab/igc/ca/store/transfer"
	"github.com/igc-lab/igc/lab"
)

func (p *program) storeCommand() *cli.Command {
	return &cli.Command{
		Name: "store",
		Usage: tr("où sont les enregistrements : fichier ou base PostgreSQL",
			"where the records are: a file or a PostgreSQL database"),
		OnUsageError: usageError,
		Subcommands: []*cli.Command{{
			Name: "migrate",
			Usage: tr("crée les tables d'un laboratoire dans une base PostgreSQL, ou les met à jour",
				"make the tables of a lab in a PostgreSQL database, or bring them up to date"),
			ArgsUsage: tr("[postgres://UTILISATEUR@HÔTE/BASE]", "[postgres://USER@HOST/DATABASE]"),
			Description: tr(
				"Sans adresse : la base que nomme igc.yaml (store). Tout est fait, ou rien. Les igc de la version "+
					"précédente restent utilisables pendant la mise à jour des machines.",
				"Without an address: the database that igc.yaml names (store). All of it is done, or "+
					"nothing. igc of the version before can be used while machines are upgraded.",
			),
			OnUsageError: usageError,
			Flags:        []cli.Flag{jsonFlag()},
			Action:       p.storeMigrate,
		}, {
			Name: "copy",
			Usage: tr("copie un laboratoire d'un fichier vers une base, ou l'inverse",
				"copy a lab from a file to a database, or back"),
			ArgsUsage: tr("DE VERS", "FROM TO"),
			Description: tr("Une adresse est bbolt:CHEMIN, d'un igc.db (bbolt: seul, celui de ce laboratoire), ou "+
				"postgres://UTILISATEUR@HÔTE/BASE. Arrêtez igc serve d'abord. La copie est comparée à l'original : "+
				"chaque enregistrement, les comptes, les empreintes du journal, le contenu des CRL. Interrompue, elle "+
				"reprend où elle en était. Rien n'est copié sur un laboratoire. Les clés restent dans keys.",
				"An address is bbolt:PATH, of an igc.db (bbolt: alone, that of this lab), or "+
					"postgres://USER@HOST/DATABASE. End igc serve first. The copy is compared with what it "+
					"was made of: each record, the counts, the hashes of the feed, what the CRLs hold. "+
					"Interrupted, it goes on where it was. Nothing is copied over a lab. Keys stay in keys."),
			OnUsageError: usageError,
			Flags:        []cli.Flag{jsonFlag()},
			Action:       p.storeCopy,
		}, {
			Name: "nodes",
			Usage: tr("liste les igc serve qui partagent la base de ce laboratoire",
				"list the igc serve that share this lab's database"),
			Description: tr("Un serveur qui n'a pas été vu depuis une seconde n'est plus attendu ; après une "+
				"minute, il est oublié.",
				"A server that was not seen for a second is waited for no longer; after a minute it is forgotten."),
			OnUsageError: usageError,
			Flags:        []cli.Flag{jsonFlag()},
			Action:       p.storeNodes,
		}},
	}
}

func (p *program) storeMigrate(c *cli.Context) error {
	if c.NArg() > 1 {
		return ca.Invalidate(errorf("une adresse au plus, pas %d", "one address at most, not %d", c.NArg()))
	}
	address := c.Args().First()
	if address == "" {
		home, opts, err := p.lab(c)
		if err != nil {
			return err
		}
		l, err := lab.Open(home, opts)
		if err != nil {
			return err
		}
		address = l.Config.Store
	}
	if !database.IsAddress(address) {
		return ca.Invalidate(
			errorf("%s n'est pas une base : donnez postgres://UTILISATEUR@HÔTE/BASE, ou nommez-la dans "+
				"igc.yaml (store)",
				"%s is not a database: give postgres://USER@HOST/DATABASE, or name it in igc.yaml (store)",
				address),
		)
	}
	before, after, err := database.Migrate(c.Context, address)
	if err != nil {
		return err
	}
	shown := database.Shown(address)
	return p.print(c, map[string]any{"database": shown, "before": before, "schema": after}, func(w io.Writer) {
		switch before {
		case 0:
			fmt.Fprintf(w, tr("%s : tables créées, schéma %d\n", "%s: tables made, schema %d\n"), shown, after)
		case after:
			fmt.Fprintf(w, tr("%s : schéma %d, rien à faire\n", "%s: schema %d, nothing to do\n"), shown, after)
		default:
			fmt.Fprintf(
				w,
				tr("%s : schéma %d, et non plus %d\n", "%s: schema %d, no longer %d\n"),
				shown,
				after,
				before,
			)
		}
	})
}

func (p *program) storeNodes(c *cli.Context) error {
	if c.NArg() > 0 {
		return ca.Invalidate(errorf("igc store nodes ne prend pas d'argument", "igc store nodes takes no argument"))
	}
	home, opts, err := p.lab(c)
	if err != nil {
		return err
	}
	l, err := lab.Open(home, opts)
	if err != nil {
		return err
	}
	defer l.Close()
	shared := l.Shared()
	if shared == nil {
		return ca.Invalidate(errorf("ce laboratoire est dans un fichier (store: bbolt) : un seul igc serve l'ouvre",
			"this lab is in a file (store: bbolt): one igc serve opens it"))
	}
	nodes, err := shared.Nodes(c.Context)
	if err != nil {
		return err
	}
	return p.print(c, map[string]any{"nodes": nodes}, func(w io.Writer) {
		if len(nodes) == 0 {
			fmt.Fprintln(w, tr("Aucun igc serve.", "No igc serve."))
			return
		}
		table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
		fmt.Fprintln(table, tr("MACHINE\tPROCESSUS\tVERSION\tDEPUIS\tVU IL Y A\tRETARD\tNŒUD",
			"MACHINE\tPROCESS\tVERSION\tSINCE\tSEEN\tBEHIND\tNODE"))
		for _, n := range nodes {
			fmt.Fprintf(table, tr("%s\t%d\t%s\t%s\t%s\t%d\t%s\n", "%s\t%d\t%s\t%s\t%s ago\t%d\t%s\n"),
				n.Host, n.PID, cmp.Or(n.Version, "?"), n.Started.Format(time.RFC3339),
				n.Ago.Round(10*time.Millisecond), n.Behind, n.ID)
		}
		table.Flush()
	})
}

func (p *program) storeCopy(c *cli.Context) error {
	if c.NArg() != 2 {
		return ca.Invalidate(
			errorf("donnez deux adresses : igc store copy DE VERS", "give two addresses: igc store copy FROM TO"),
		)
	}
	addresses := [2]string{c.Args().Get(0), c.Args().Get(1)}
	home, opts, err := p.lab(c)
	for i, address := range addresses {
		if address != "bbolt:" {
			continue
		}
		if err != nil {
			return err
		}
		addresses[i] += lab.RecordsFile(home)
	}
	r, err := transfer.Copy(c.Context, addresses[0], addresses[1], func(done, total uint64) {
		opts.Progress(tr("enregistrements", "records"), int(done), int(total))
	})
	if err != nil {
		return err
	}
	return p.print(c, r, func(w io.Writer) {
		fmt.Fprintf(
			w,
			tr(
				"Copié et comparé : %d autorités, %d certificats, %d entrées de CRL, %d entrées du journal, "+
					"%d documents.\n",
				"Copied and compared: %d authorities, %d certificates, %d entries of CRLs, %d entries of the feed, "+
					"%d documents.\n",
			),
			r.Authorities,
			r.Certificates,
			r.Listed,
			r.Changes,
			r.Documents,
		)
		if database.IsAddress(addresses[1]) {
			fmt.Fprintf(w, tr("Ensuite, dans igc.yaml : store: %s\n", "Next, in igc.yaml: store: %s\n"), r.To)
		} else {
			fmt.Fprint(w, tr("Ensuite, dans igc.yaml : store: bbolt, avec ce fichier nommé igc.db\n",
				"Next, in igc.yaml: store: bbolt, with this file as igc.db\n"))
		}
	})
}
