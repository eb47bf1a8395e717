package cli

import (
	"os"
	"strings"
	"sync"

	"github.com/urfave/cli/v2"
)

// french tells the language of the user: IGC_LANG, else the locale's.
var french = sync.OnceValue(func() bool {
	for _, name := range []string{"IGC_LANG", "LC_ALL", "LC_MESSAGES", "LANG"} {
		if v := os.Getenv(name); v != "" {
			return strings.HasPrefix(strings.ToLower(v), "fr")
		}
	}
	return false
})

// tr chooses between the two languages of the help and of the output.
func tr(fr, en string) string {
	if french() {
		return fr
	}
	return en
}

// localizeHelp translates the headings of the library's templates.
func localizeHelp() {
	if !french() {
		return
	}
	words := strings.NewReplacer("NAME:", "NOM :", "USAGE:", "USAGE :", "VERSION:", "VERSION :", "DESCRIPTION:", "DESCRIPTION :",
		"COMMANDS:", "COMMANDES :", "GLOBAL OPTIONS:", "OPTIONS GLOBALES :", "OPTIONS:", "OPTIONS :", "CATEGORY:", "CATÉGORIE :",
		"[global options]", "[options globales]", "[command options]", "[options]", "[arguments...]", "[arguments...]", "command", "commande")
	for _, t := range []*string{&cli.AppHelpTemplate, &cli.CommandHelpTemplate, &cli.SubcommandHelpTemplate} {
		*t = words.Replace(*t)
	}
}
