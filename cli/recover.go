package cli

import (
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/igc-lab/igc/ca"
	vcard "github.com/igc-lab/igc/card"
	"github.com/igc-lab/igc/internal/shell"
	"github.com/igc-lab/igc/lab"
)

func (p *program) recoverCommand() *cli.Command {
	return &cli.Command{
		Name: "recover",
		Usage: tr("refait des registres abîmés ou perdus, de ce qu'il en reste, des cartes et des CRL",
			"make damaged or lost records anew, from what is left of them, cards and CRLs"),
		ArgsUsage: tr("[DOSSIER...]", "[FOLDER...]"),
		Description: tr("Lit ce qui reste de igc.db, les certificats et les CRL du laboratoire et des dossiers donnés (cartes gardées ailleurs), et le journal des changements. "+
			"Le fichier abîmé est gardé sous un autre nom. Les numéros de CRL continuent au-dessus du dernier. "+
			"Des registres entiers reçoivent ce qui leur manque : aussi après la reprise d'une copie ancienne.",
			"Reads what is left of igc.db, the certificates and CRLs in the lab and in the folders given (cards kept elsewhere), and the change feed. "+
				"The damaged file is kept under another name. CRL numbers go on above the last. "+
				"Records that are whole get what they lack: also after an old copy was put back."),
		OnUsageError: usageError,
		Flags: []cli.Flag{
			&cli.BoolFlag{Name: "dry-run", Usage: tr("montre ce qui serait fait, et ne change rien",
				"show what would be done, and change nothing")},
			jsonFlag(),
		},
		Action: p.recover,
	}
}

func (p *program) recover(c *cli.Context) error {
	client, err := p.connect(c)
	if err != nil {
		return err
	}
	if pid, running, _ := client.Server(c.Context); running {
		process := ""
		if pid != 0 {
			process = fmt.Sprintf(" (PID %d)", pid)
		}
		return &ca.Error{Kind: ca.Busy, Err: errorf("igc serve%s tient le laboratoire : arrêtez-le d'abord",
			"igc serve%s holds the lab: stop it first", process)}
	}
	folders := c.Args().Slice()
	inserted, _ := vcard.NewReaders(client.Lab.Home).Inserted() // cards in a reader may be kept elsewhere
	for _, in := range inserted {
		if _, err := os.Stat(in.Dir); err == nil {
			folders = append(folders, in.Dir)
		}
	}
	r, err := client.Lab.Recover(c.Context, folders, c.Bool("dry-run"))
	if err != nil {
		return err
	}
	return p.print(c, r, func(w io.Writer) { describeRecovery(w, r) })
}

func describeRecovery(w io.Writer, r *lab.Recovery) {
	say := func(fr, en string, args ...any) { fmt.Fprintf(w, tr(fr, en)+"\n", args...) }
	if !r.Changes() {
		say("Les registres sont entiers, et rien ne leur manque de ce qui est sur le disque : rien à faire.",
			"The records are whole, and lack nothing of what is on the disk: nothing to do.")
		describeMissing(w, r)
		return
	}
	if r.DryRun {
		say("Essai : rien n'est changé. Ce qui serait fait :", "Dry run: nothing is changed. What would be done:")
	}
	if r.Damage != "" {
		say("Constat : %s", "Found: %s", r.Damage)
	}
	for _, a := range r.Authorities {
		switch {
		case a.Remade:
			say("%-11s certificat introuvable, refait avec sa clé ; la prochaine CRL suit le n° %d", "%-11s certificate not found, made anew for its key; the next CRL follows number %d", a.ID, a.Number)
		case a.From == "":
			say("%-11s perdue : sa CRL est là, ni sa clé ni son certificat", "%-11s lost: its CRL is there, neither its key nor its certificate", a.ID)
		default:
			say("%-11s certificat de %s ; la prochaine CRL suit le n° %d", "%-11s certificate from %s; the next CRL follows number %d", a.ID, shell.ShortPath(a.From), a.Number)
		}
		if a.NoKey && a.From != "" {
			say("%-11s sa clé manque : elle ne signe plus rien", "%-11s its key is missing: it signs nothing any more", "")
		}
	}
	say("Certificats repris des registres abîmés : %d ; de fichiers : %d ; dont révoqués ou suspendus : %d",
		"Certificates taken from the damaged records: %d; from files: %d; of which revoked or on hold: %d", r.Database, r.Files, r.Revoked)
	if r.OwnKeys > 0 {
		say("Dont la clé est celle du porteur : %d", "Of which the key is the holder's own: %d", r.OwnKeys)
	}
	if r.RevokedOnly > 0 {
		say("Révoqués dont on ne sait rien d'autre (ils restent sur la CRL) : %d", "Revoked, and nothing else is known of them (they stay on the CRL): %d", r.RevokedOnly)
	}
	if r.Kept != "" {
		say("L'ancien fichier est gardé : %s", "The old file is kept: %s", shell.ShortPath(r.Kept))
	}
	say("Ce qu'on ne sait plus :", "What is not known any more:")
	if r.Unspecified > 0 {
		say("- le motif de %d révocations, ou si c'étaient des suspensions (une CRL fidèle ne le dit pas)",
			"- the reason of %d revocations, or whether they were holds (a faithful CRL does not say it)", r.Unspecified)
	}
	if r.KeyUnknown > 0 {
		say("- si le porteur a fait lui-même la clé de %d certificats : aucun card.json lu ne le dit, et ils comptent "+
			"comme faits par le laboratoire",
			"- whether the holder made the key of %d certificates: no card.json that was read says it, and they "+
				"count as made by the lab", r.KeyUnknown)
	}
	describeMissing(w, r)
	say("- quels certificats, et combien, ne sont ni sur ce disque ni dans les registres : OCSP les dit inconnus. igc recover DOSSIER reprend les certificats d'un dossier",
		"- which certificates, and how many, are neither on this disk nor in the records: OCSP answers unknown for them. igc recover FOLDER takes the certificates of a folder")
	say("- ce qui a changé après la dernière CRL et le dernier changement encore lisible", "- what changed after the last CRL and the last change that can still be read")
}

// describeMissing names the certificates that only the change feed names, the first ones.
func describeMissing(w io.Writer, r *lab.Recovery) {
	if len(r.Missing) == 0 {
		return
	}
	fmt.Fprintf(w, tr("- certificats que le journal nomme et qui ne sont dans aucun fichier : %d (OCSP les dit inconnus, ou révoqués)\n",
		"- certificates that the change feed names and that are in no file: %d (OCSP answers unknown or revoked for them)\n"), len(r.Missing))
	for i, m := range r.Missing {
		if i == 10 {
			fmt.Fprintln(w, "  ...")
			return
		}
		fmt.Fprintln(w, "  "+strings.Join([]string{m.Serial, m.Profile, m.Holder}, "  "))
	}
}
