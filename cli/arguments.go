package cli

import (
	"bytes"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/igc-lab/igc/ca"
)

// arguments are those of a command that takes several. "-" stands for standard input: for a list of
// arguments, one a line, or for a certificate, in which case it stays.
func (p *program) arguments(c *cli.Context) (all []string, err error) {
	for _, argument := range c.Args().Slice() {
		if argument != "-" {
			all = append(all, argument)
			continue
		}
		data, err := p.readFile("-")
		if err != nil {
			return nil, err
		}
		if isCertificate(data) {
			all = append(all, argument)
			continue
		}
		list := lines(string(bytes.TrimPrefix(data, []byte("\xef\xbb\xbf"))))
		if len(list) == 0 {
			return nil, ca.Invalidate(errorf("l'entrée standard est vide : donnez un numéro de série ou un "+
				"fichier par ligne",
				"standard input is empty: give a serial number or a file a line"))
		}
		all = append(all, list...)
	}
	return all, nil
}

// lines are those of a list, without empty ones and comments.
func lines(text string) (all []string) {
	for line := range strings.FieldsFuncSeq(text, func(r rune) bool { return r == '\n' || r == '\r' }) {
		if line = strings.TrimSpace(line); line != "" && line[0] != '#' {
			all = append(all, line)
		}
	}
	return all
}
