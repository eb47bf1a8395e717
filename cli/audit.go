package cli

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/igc-lab/igc/ca"
	"github.com/igc-lab/igc/ca/store"
)

func (p *program) auditCommand() *cli.Command {
	kinds := make([]string, 0, 10)
	for _, k := range store.ChangeKinds() {
		kinds = append(kinds, string(k))
	}
	return &cli.Command{
		Name: "audit",
		Usage: tr("liste les changements du laboratoire : qui, quand, quoi",
			"list the changes of the lab: who, when, what"),
		Description: tr("Chaque écriture ajoute une entrée au journal, chaînée à la précédente par son empreinte SHA-256. igc audit verify le contrôle.",
			"Each write appends an entry to the feed, chained to the one before by its SHA-256. igc audit verify checks it."),
		OnUsageError: usageError,
		Flags: []cli.Flag{
			&cli.StringFlag{Name: "actor", Usage: tr("de cet auteur : cli:alain, rpc:uid=1000, system",
				"by this actor: cli:alain, rpc:uid=1000, system")},
			&cli.StringFlag{Name: "kind", Usage: tr("de cette nature : ",
				"of this kind: ") + strings.Join(kinds, ", ")},
			&cli.StringFlag{Name: "serial", Usage: tr("du certificat dont le numéro de série commence ainsi",
				"of the certificate whose serial number begins so")},
			&cli.StringFlag{Name: "since", Usage: tr("depuis cette date (AAAA-MM-JJ)", "since this date (YYYY-MM-DD)")},
			&cli.IntFlag{Name: "limit", Value: 200, Usage: tr("les N derniers, 0 pour tout", "the last N, 0 for all")},
			&cli.BoolFlag{Name: "follow", Usage: tr("et ceux qui viennent, jusqu'à Ctrl-C",
				"and those that come, until Ctrl-C")},
			jsonFlag(),
		},
		Action: p.audit,
		Subcommands: []*cli.Command{{
			Name: "verify",
			Usage: tr("contrôle le chaînage du journal et sa tête signée",
				"check the chain of the feed and its signed head"),
			Flags: []cli.Flag{
				&cli.StringFlag{Name: "key", Usage: tr("clé de vérification, si vous l'avez gardée ailleurs ; sinon celle que le journal nomme",
					"verifier key, if you kept it elsewhere; else the one that the feed names")},
				jsonFlag(),
			},
			OnUsageError: usageError,
			Action:       p.auditVerify,
		}},
	}
}

// changeFilter chooses among changes.
type changeFilter struct {
	actor, kind, serial string
	since               time.Time
}

func (f changeFilter) passes(c store.Change) bool {
	return (f.actor == "" || f.actor == c.Actor) && (f.kind == "" || f.kind == string(c.Kind)) &&
		strings.HasPrefix(c.Serial, f.serial) && !c.At.Before(f.since)
}

func (p *program) audit(c *cli.Context) error {
	if err := noArgs(c); err != nil {
		return err
	}
	f := changeFilter{actor: c.String("actor"), kind: c.String("kind"), serial: ca.NormalizeSerial(c.String("serial"))}
	if f.kind != "" && !slices.Contains(store.ChangeKinds(), store.ChangeKind(f.kind)) {
		return ca.Invalidate(errorf("--kind %q : igc audit --help donne les natures de changement",
			"--kind %q: igc audit --help names the kinds of changes", f.kind))
	}
	if v := c.String("since"); v != "" {
		var err error
		if f.since, err = parseTime(v); err != nil {
			return err
		}
	}
	if c.Int("limit") < 0 {
		return ca.Invalidate(errorf("--limit : donnez un nombre positif, ou 0 pour tout",
			"--limit: give a positive number, or 0 for all"))
	}
	client, err := p.connect(c)
	if err != nil {
		return err
	}
	last, seq, err := lastChanges(c.Context, client, f, c.Int("limit"))
	if err != nil {
		return err
	}
	show := p.showChanges
	if c.Bool("json") {
		show = p.showChangesJSON
	}
	if err := show(last); err != nil || !c.Bool("follow") {
		return err
	}
	for {
		changes, err := client.Changes(c.Context, seq, 1000)
		if err != nil {
			return err
		}
		if len(changes) > 0 {
			seq = changes[len(changes)-1].Seq
			if err := show(slices.DeleteFunc(changes, func(c store.Change) bool { return !f.passes(c) })); err != nil {
				return err
			}
			continue
		}
		select {
		case <-time.After(time.Second):
		case <-c.Context.Done():
			return nil
		}
	}
}

// lastChanges are the last n that pass the filter, all when n is 0, and the number of the last
// entry that was looked at.
func lastChanges(ctx context.Context, s ca.Service, f changeFilter, n int) (last []store.Change, seq uint64, err error) {
	for {
		changes, err := s.Changes(ctx, seq, 1000)
		if err != nil || len(changes) == 0 {
			return last, seq, err
		}
		seq = changes[len(changes)-1].Seq
		for _, c := range changes {
			if f.passes(c) {
				last = append(last, c)
			}
		}
		if n > 0 && len(last) > n {
			last = slices.Clone(last[len(last)-n:])
		}
	}
}

func (p *program) showChangesJSON(changes []store.Change) error {
	enc := json.NewEncoder(p.out) // one line a change, as it is stored
	enc.SetEscapeHTML(false)
	for _, c := range changes {
		if err := enc.Encode(c); err != nil {
			return err
		}
	}
	return nil
}

func (p *program) showChanges(changes []store.Change) error {
	w := tabwriter.NewWriter(p.out, 0, 0, 2, ' ', 0)
	for _, c := range changes {
		fmt.Fprintf(w, "%d\t%s\t%s\t%s\t%s\n", c.Seq, c.At.Local().Format("2006-01-02 15:04:05"), c.Actor, c.Kind, changeText(c))
	}
	return w.Flush()
}

// changeText is what a change is about, in a line.
func changeText(c store.Change) string {
	var words []string
	add := func(format string, value any, given bool) {
		if given {
			words = append(words, fmt.Sprintf(format, value))
		}
	}
	add("%s", c.Authority, c.Authority != "")
	add("%s", c.Serial, c.Serial != "")
	add("%s", c.Status, c.Kind == store.StatusChanged)
	if c.Revoked != nil {
		add("%s", c.Revoked.Reason, true)
	}
	add("%s", c.Profile, c.Profile != "")
	add("%s", c.Holder, c.Holder != "")
	add("n° %d", c.CRL, c.CRL != 0)
	add("%s", c.Document, c.Document != "")
	add("%s", c.Note, c.Note != "")
	return strings.Join(words, "  ")
}

func (p *program) auditVerify(c *cli.Context) error {
	if err := noArgs(c); err != nil {
		return err
	}
	client, err := p.connect(c)
	if err != nil {
		return err
	}
	signed, err := client.Lab.ReadHead()
	if err != nil {
		return err
	}
	r, err := ca.VerifyFeed(c.Context, client, signed, c.String("key"))
	if err != nil {
		return err
	}
	if err := p.print(c, r, func(w io.Writer) {
		fmt.Fprintf(w, tr("%d entrées, chaînées jusqu'à %s\n", "%d entries, chained up to %s\n"), r.Entries, r.Hash)
		switch {
		case r.Signed > 0:
			fmt.Fprintf(w, tr("dernière tête signée : entrée %d, le %s, clé %s\n",
				"signed head: entry %d, on %s, key %s\n"), r.Signed, r.SignedAt.Format(time.RFC3339), r.Key)
		case signed == nil:
			fmt.Fprintln(w, tr("pas encore de tête signée : une coupure à la fin ne se verrait pas (igc serve signe la tête chaque jour et à son arrêt)",
				"no signed head yet: a cut at the end would not show (igc serve signs the head daily and when it stops)"))
		}
	}); err != nil {
		return err
	}
	if r.Broken != "" {
		return &ca.Error{Kind: ca.Damaged, Err: errorf("le journal a été modifié : %s. Comparez igc.db avec une copie",
			"the feed was tampered with: %s. Compare igc.db with a copy", r.Broken)}
	}
	return nil
}
