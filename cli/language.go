package cli

import (
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/igc-lab/igc/internal/i18n"
)

// tr chooses between the two languages of the help and of the output.
func tr(fr, en string) string { return i18n.Tr(fr, en) }

// localizeHelp translates the headings of the library's templates.
func localizeHelp() {
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
