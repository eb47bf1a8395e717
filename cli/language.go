package cli

import (
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/igc-lab/igc/internal/i18n"
)

// tr chooses between the two languages of the help and of the output.
func tr(fr, en string) string { return i18n.Tr(fr, en) }

// errorf makes an error from a format in both languages; errors among the arguments are wrapped,
// and printed in the language of each.
func errorf(fr, en string, args ...any) error {
	return i18n.NewError(en, i18n.Text{FR: fr, EN: en}, args...)
}

// flagText is how the library writes a flag of the help.
var flagText = cli.FlagStringer

// localizeHelp translates the headings of the library's templates.
func localizeHelp() {
	cli.FlagStringer = func(f cli.Flag) string {
		text := strings.Replace(flagText(f), " (default: false)", "", 1)
		return strings.Replace(text, "(default: ", tr("(par défaut : ", "(default: "), 1)
	}
	if i18n.FromEnvironment() != i18n.French {
		return
	}
	words := strings.NewReplacer("NAME:", "NOM :", "USAGE:", "USAGE :", "VERSION:", "VERSION :", "DESCRIPTION:", "DESCRIPTION :",
		"COMMANDS:", "COMMANDES :", "GLOBAL OPTIONS:", "OPTIONS GLOBALES :", "OPTIONS:", "OPTIONS :", "CATEGORY:", "CATÉGORIE :",
		"[global options]", "[options globales]", "[command options]", "[options]", "[arguments...]", "[arguments...]", "command", "commande")
	for _, t := range []*string{&cli.AppHelpTemplate, &cli.CommandHelpTemplate, &cli.SubcommandHelpTemplate} {
		*t = words.Replace(*t)
	}
}
