package cli

import (
	"bytes"
	"encoding/pem"
	"errors"
	"fmt"
	"io"

	"github.com/urfave/cli/v2"

	"github.com/igc-lab/igc/ca"
	"github.com/igc-lab/igc/profiles/lint"
)

func (p *program) lintCommand() *cli.Command {
	return &cli.Command{
		Name: "lint",
		Usage: tr("nomme les règles de l'IGC-Santé et des RFC que des certificats enfreignent",
			"name the rules of the IGC-Santé and of the RFCs that certificates break"),
		ArgsUsage:    tr("FICHIER...", "FILE..."),
		OnUsageError: usageError,
		Flags:        []cli.Flag{jsonFlag()},
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
		return ca.Invalidate(errors.New(tr("donnez un ou plusieurs fichiers, PEM ou DER, ou - pour l'entrée standard",
			"give one or more files, PEM or DER, or - for standard input")))
	}
	var all []linted
	bad := 0
	for _, name := range c.Args().Slice() {
		certificates, err := p.certificates(name)
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
	return ca.Invalidate(fmt.Errorf(tr("certificats qui enfreignent une règle : %d sur %d",
		"certificates that break a rule: %d of %d"), bad, len(all)))
}

func describeLint(w io.Writer, all []linted) {
	levels := map[lint.Level]string{lint.Error: tr("erreur",
		"error"), lint.Warning: tr("attention",
		"warning"), lint.Notice: tr("à savoir",
		"notice")}
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
			fmt.Fprintf(w, "  %-9s %-24s %s (%s)\n", levels[f.Level], f.Rule, tr(f.FR, f.EN), f.Reference)
		}
	}
}

// certificates reads a file, or standard input for "-": one DER certificate, or all those of a PEM.
func (p *program) certificates(name string) ([][]byte, error) {
	data, err := p.readFile(name)
	if err != nil {
		return nil, err
	}
	if !bytes.Contains(data, []byte("-----BEGIN ")) {
		return [][]byte{data}, nil
	}
	var certificates [][]byte
	for block, rest := pem.Decode(data); block != nil; block, rest = pem.Decode(rest) {
		if block.Type == "CERTIFICATE" {
			certificates = append(certificates, block.Bytes)
		}
	}
	if certificates == nil {
		return nil, ca.Invalidate(fmt.Errorf(tr("%s : aucun certificat dans ce PEM",
			"%s: no certificate in this PEM"), name))
	}
	return certificates, nil
}
