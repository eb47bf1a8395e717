package cli

import (
	"fmt"
	"io"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/igc-lab/igc/lab"
)

func (p *program) backupCommand() *cli.Command {
	return &cli.Command{
		Name: "backup",
		Usage: tr("copie le laboratoire dans un fichier, aussi pendant qu'igc serve tourne",
			"copy the lab to a file, also while igc serve runs"),
		Description: tr("Une archive tar : état, clés (chiffrées), igc.yaml, cartes, courriers, CRL, et un "+
			"manifeste avec le "+
			"SHA-256 de chaque fichier. Elle vaut le laboratoire : gardez-la comme lui. igc restore la relit.",
			"A tar archive: records, keys (encrypted), igc.yaml, cards, letters, CRLs, and a manifest with the "+
				"SHA-256 of "+
				"each file. It is worth the lab: keep it like the lab. igc restore reads it."),
		ArgsUsage: tr("FICHIER", "FILE"),
		Flags: []cli.Flag{
			&cli.BoolFlag{Name: "without-passphrase", Usage: tr("sans la phrase secrète que le laboratoire a faite "+
				": gardez-la "+
				"ailleurs, sans elle les clés ne s'ouvrent pas",
				"without the passphrase that the lab made: keep it elsewhere, the keys do not open without it")},
			jsonFlag(),
		},
		OnUsageError: usageError, Action: p.backup,
	}
}

// backupFacts is a backup as --json gives it: without its files, which may be a million.
type backupFacts struct {
	File       string    `json:"file"`
	At         time.Time `json:"at"`
	Files      int       `json:"files"`
	Size       int64     `json:"size"`
	Entries    uint64    `json:"entries"` // of the change feed
	Hash       string    `json:"hash"`    // of the last
	Passphrase bool      `json:"passphrase"`
}

func factsOf(file string, b *lab.Backup) backupFacts {
	return backupFacts{file, b.At, len(b.Files), b.Size(), b.Feed.Seq, b.Feed.Hash.String(), b.Passphrase}
}

func (p *program) backup(c *cli.Context) error {
	file, err := oneArg(c, tr("le nom d'un fichier à écrire", "the name of a file to write"))
	if err != nil {
		return err
	}
	client, err := p.connect(c)
	if err != nil {
		return err
	}
	b, err := client.Backup(c.Context, file, !c.Bool("without-passphrase"))
	if err != nil {
		return err
	}
	return p.print(c, factsOf(file, b), func(w io.Writer) {
		fmt.Fprintf(w, tr("%s : %d fichiers, journal jusqu'à l'entrée %d\n", "%s: %d files, the feed up to entry %d\n"),
			file,
			len(b.Files), b.Feed.Seq)
	})
}

func (p *program) restoreCommand() *cli.Command {
	return &cli.Command{
		Name:  "restore",
		Usage: tr("refait un laboratoire d'une copie d'igc backup", "make a lab again from a copy of igc backup"),
		Description: tr("Le dossier doit être vide, ou absent. La copie est comparée à son manifeste, l'état et le "+
			"journal sont "+
			"contrôlés en entier ; sinon rien n'est fait. Ce qui fut émis ou révoqué depuis la copie n'y est pas.",
			"The folder must be empty, or absent. The copy is held to its manifest, the records and the feed are "+
				"checked "+
				"whole; else nothing is made. What was issued or revoked since the copy is not in it."),
		ArgsUsage: tr("FICHIER", "FILE"), Flags: []cli.Flag{jsonFlag()}, OnUsageError: usageError, Action: p.restore,
	}
}

func (p *program) restore(c *cli.Context) error {
	file, err := oneArg(c, tr("le nom d'un fichier d'igc backup", "the name of a file of igc backup"))
	if err != nil {
		return err
	}
	home, opts, err := p.lab(c)
	if err != nil {
		return err
	}
	b, err := lab.Restore(c.Context, file, home, opts)
	if err != nil {
		return err
	}
	if !b.Passphrase && opts.Passphrase == nil {
		fmt.Fprintln(p.err, tr("igc : la copie n'a pas de phrase secrète : remettez le fichier passphrase, ou donnez "+
			"--passphrase-file", "igc: the copy has no passphrase: put the file passphrase back, or give "+
			"--passphrase-file"))
	}
	return p.print(c, factsOf(home, b), func(w io.Writer) {
		fmt.Fprintf(w, tr("Laboratoire du %s remis dans %s : %d fichiers, journal jusqu'à l'entrée %d\n",
			"The lab of %s is again in %s: %d files, the feed up to entry %d\n"),
			b.At.Local().Format("2006-01-02 15:04"), home,
			len(b.Files), b.Feed.Seq)
	})
}
