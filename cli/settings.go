package cli

import (
	"fmt"
	"io"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/igc-lab/igc/ca"
	"github.com/igc-lab/igc/internal/i18n"
)

// assign takes the arguments of a command that sets settings: NAME=VALUE, or default, which resets
// them all.
func assign(c *cli.Context, reset func(), set func(name, value string) error) error {
	for _, arg := range c.Args().Slice() {
		if arg == "default" {
			reset()
			continue
		}
		name, value, ok := strings.Cut(arg, "=")
		if !ok {
			return ca.Invalidate(errorf("%q : écrivez NOM=VALEUR", "%q: write NAME=VALUE", arg))
		}
		if err := set(name, value); err != nil {
			return err
		}
	}
	return nil
}

// printSetting writes a line of a table of settings, with a star when the value is not the default.
func printSetting(w io.Writer, name, value, standard string, about i18n.Text) {
	if value != standard {
		value += " *"
	}
	fmt.Fprintf(w, "%s\t%s\t%s\n", name, value, tr(about.FR, about.EN))
}
