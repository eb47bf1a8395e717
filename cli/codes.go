package cli

import (
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"text/tabwriter"

	"github.com/urfave/cli/v2"

	"github.com/igc-lab/igc/ca"
	"github.com/igc-lab/igc/fixtures"
	"github.com/igc-lab/igc/profiles"
)

func (p *program) codesCommand() *cli.Command {
	return &cli.Command{
		Name: "codes",
		Usage: tr("cherche dans les nomenclatures : professions, spécialités, départements...",
			"look the sector's codes up: professions, specialities, departments..."),
		ArgsUsage:    tr("[TABLE] [TEXTE]", "[TABLE] [TEXT]"),
		OnUsageError: usageError,
		Flags:        []cli.Flag{jsonFlag()},
		Action:       p.codes,
		BashComplete: func(c *cli.Context) {
			for _, t := range profiles.CodeTables() {
				fmt.Fprintln(c.App.Writer, t.ID)
			}
		},
	}
}

// codeRow is a code with its table.
type codeRow struct {
	Table string `json:"table"`
	profiles.Code
}

func (p *program) codes(c *cli.Context) error {
	words := c.Args().Slice()
	tables := profiles.CodeTables()
	if len(words) == 0 && !c.Bool("json") {
		t := tabwriter.NewWriter(p.out, 0, 0, 2, ' ', 0)
		for _, table := range tables {
			fmt.Fprintf(t, "%s\t%s\t%d\n", table.ID, tr(table.NameFR, table.NameEN), len(table.Codes))
		}
		return t.Flush()
	}
	if len(words) > 0 {
		i := slices.IndexFunc(tables, func(t profiles.CodeTable) bool { return strings.EqualFold(t.ID, words[0]) })
		if i >= 0 {
			tables, words = tables[i:i+1], words[1:]
		}
	}
	text := profiles.Fold(strings.Join(words, " "))
	rows := []codeRow{}
	for _, t := range tables {
		for _, code := range t.Codes {
			if strings.EqualFold(code.Code, text) || strings.Contains(profiles.Fold(code.Label), text) {
				rows = append(rows, codeRow{t.ID, code})
			}
		}
	}
	if len(rows) == 0 {
		return &ca.Error{Kind: ca.NotFound, Err: fmt.Errorf(tr("aucun code ne contient %q : igc codes liste les tables",
			"no code holds %q: igc codes lists the tables"), strings.Join(words, " "))}
	}
	return p.print(c, rows, func(w io.Writer) {
		t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
		for _, r := range rows {
			fmt.Fprintf(t, "%s\t%s\t%s\n", r.Table, r.Code.Code, r.Label)
		}
		t.Flush()
	})
}

// completeIssue completes the value of a flag that takes a code or a name, else the flags
// themselves.
func completeIssue(c *cli.Context) {
	var previous string
	if len(os.Args) > 2 {
		previous = strings.TrimLeft(os.Args[len(os.Args)-2], "-") // the last one asks for completion
	}
	list := func(codes []profiles.Code) {
		for _, code := range codes {
			fmt.Fprintln(c.App.Writer, code.Code+":"+code.Label) // zsh shows what follows the colon
		}
	}
	switch previous {
	case "profession":
		list(profiles.Codes("G15"))
	case "speciality":
		list(profiles.Codes("R01"))
	case "department":
		list(profiles.Codes("G09"))
	case "card", "product":
		for _, p := range profiles.Products() {
			fmt.Fprintln(c.App.Writer, p.ID+":"+tr(p.FR, p.EN))
		}
	case "fixture":
		for _, name := range fixtures.Names() {
			fmt.Fprintln(c.App.Writer, name)
		}
	default:
		for _, f := range c.Command.Flags {
			fmt.Fprintln(c.App.Writer, "--"+f.Names()[0])
		}
	}
}

// The shells' side of completion: they call igc with a last word that asks for it.
var completionScripts = map[string]string{
	"bash": `_igc() {
  local IFS=$'\n'
  COMPREPLY=($(compgen -W "$("${COMP_WORDS[@]:0:$COMP_CWORD}" --generate-bash-completion 2>/dev/null | sed 's/:.*//')" -- "${COMP_WORDS[$COMP_CWORD]}"))
}
complete -o default -F _igc igc
`,
	"zsh": `#compdef igc
_igc() {
  local -a replies
  replies=("${(@f)$("${words[@]:0:$((CURRENT-1))}" --generate-bash-completion 2>/dev/null)}")
  _describe 'igc' replies || _files
}
compdef _igc igc
`,
}

func (p *program) completionCommand() *cli.Command {
	return &cli.Command{
		Name: "completion",
		Usage: tr("écrit le script de complétion : source <(igc completion bash)",
			"write the completion script: source <(igc completion bash)"),
		ArgsUsage:    "bash | zsh",
		OnUsageError: usageError,
		Action: func(c *cli.Context) error {
			shell, err := oneArg(c, "bash, zsh")
			if err != nil {
				return err
			}
			script, ok := completionScripts[shell]
			if !ok {
				return ca.Invalidate(fmt.Errorf(tr("pas de complétion pour %q : bash ou zsh",
					"no completion for %q: bash or zsh"), shell))
			}
			_, err = io.WriteString(p.out, script)
			return err
		},
	}
}
