package cli

import (
	"fmt"
	"io"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/igc-lab/igc/ca"
	"github.com/igc-lab/igc/profiles/certfile"
	"github.com/igc-lab/igc/profiles/lint"
)

func (p *program) lintCommand() *cli.Command {
	return &cli.Command{
		Name: "lint",
		Usage: tr("nomme les règles de l'IGC-Santé et des RFC que des certificats enfreignent",
			"name the rules of the IGC-Santé and of the RFCs that certificates break"),
		ArgsUsage:    tr("FICHIER...", "FILE..."),
		OnUsageError: usageError,
		Flags:        append(passwordFlags(), jsonFlag()),
		Action:       p.lint,
	}
}

// linted is what was found in one certificate of a file.
type linted struct {
	File     string         `json:"file"`
	Number   int            `json:"certificate"` // in the file, from 1
	Findings []lint.Finding `json:"findings"`
}

func (p *program) lint(c *cli.Context) error {
	if !c.Args().Present() {
		return ca.Invalidate(errorf("donnez un ou plusieurs fichiers, ou - pour l'entrée standard",
			"give one or more files, or - for standard input"))
	}
	var all []linted
	bad := 0
	for _, name := range c.Args().Slice() {
		certificates, err := p.certificates(c, name)
		if err != nil {
			return err
		}
		for i, der := range certificates {
			one := linted{name, i + 1, append([]lint.Finding{}, lint.Certificate(der)...)}
			if lint.Refusal(one.Findings) != nil {
				bad++
			}
			all = append(all, one)
		}
	}
	if err := p.print(c, all, func(w io.Writer) { describeLint(w, all) }); err != nil || bad == 0 {
		return err
	}
	return ca.Invalidate(errorf("certificats qui enfreignent une règle : %d sur %d",
		"certificates that break a rule: %d of %d", bad, len(all)))
}

func describeLint(w io.Writer, all []linted) {
	levels := map[lint.Level]string{
		lint.Error:   coloured(w, red, tr("ERREUR", "ERROR")),
		lint.Warning: coloured(w, yellow, tr("attention", "warning")),
		lint.Notice:  tr("à savoir", "notice"),
	}
	for _, one := range all {
		title := one.File
		if one.Number > 1 {
			title += fmt.Sprintf(" #%d", one.Number)
		}
		if len(one.Findings) == 0 {
			title += tr(" : rien à redire", ": nothing found")
		}
		fmt.Fprintln(w, title)
		for _, f := range one.Findings {
			fmt.Fprintf(w, "  %s %s\n", levels[f.Level], f.Rule)
			lintLines(w, tr("attendu", "expected"), tr(f.Expected.FR, f.Expected.EN))
			lintLines(w, tr("vu", "seen"), tr(f.Seen.FR, f.Seen.EN))
			fix := padded(tr("correction", "fix"), lintIndent-4)
			fmt.Fprintf(w, "    %s%s\n", fix, tr(f.Fix.FR, f.Fix.EN)) // not broken: its command is to be copied
		}
	}
}

// lintIndent is the column of what is said of a finding.
const lintIndent = 16

// lintLines writes one part of a finding in lines of a hundred columns.
func lintLines(w io.Writer, label, text string) {
	begin := "    " + padded(label, lintIndent-4)
	for _, line := range wrapped(text, doctorColumns-lintIndent) {
		fmt.Fprintln(w, begin+line)
		begin = strings.Repeat(" ", lintIndent)
	}
}

// certificates are those of a file, or of standard input for "-", in their order. Bytes that are
// nothing else that igc reads are taken for one certificate, so that a rule says what is wrong with
// it.
func (p *program) certificates(c *cli.Context, name string) ([][]byte, error) {
	data, err := p.readFile(name)
	if err != nil {
		return nil, err
	}
	file, err := certificateFile(c, name, data)
	switch {
	case err != nil && len(data) > 0 && data[0] == 0x30 && ca.KindOf(err) != ca.Passphrase:
		return [][]byte{data}, nil
	case err != nil:
		return nil, err
	}
	var certificates [][]byte
	for _, item := range file.Items {
		if item.Kind == certfile.Certificate {
			certificates = append(certificates, item.DER)
		}
	}
	if certificates == nil {
		_, err := file.Main()
		return nil, fileError(name, err)
	}
	return certificates, nil
}
