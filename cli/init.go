package cli

import (
	"fmt"
	"io"

	"github.com/urfave/cli/v2"

	"github.com/igc-lab/igc/ca"
	"github.com/igc-lab/igc/lab"
	"github.com/igc-lab/igc/profiles"
	"github.com/igc-lab/igc/serve"
)

func (p *program) initCommand() *cli.Command {
	return &cli.Command{
		Name: "init",
		Usage: tr("crée le laboratoire : 3 racines et 6 autorités émettrices de TEST",
			"make the lab: 3 roots and 6 issuing TEST authorities"),
		OnUsageError: usageError,
		Flags: []cli.Flag{
			&cli.StringSliceFlag{Name: "gamme", Usage: tr("seulement ces gammes : EL, ST, FO",
				"these gammes only: EL, ST, FO")},
			keyFlag(tr("clés du laboratoire ; seul faithful ressemble à l'IGC-Santé",
				"keys of the lab; only faithful is like the IGC-Santé")),
			urlsFlag(),
			&cli.StringFlag{Name: "store", Usage: tr("base PostgreSQL des enregistrements, au lieu d'un fichier : "+
				"postgres://UTILISATEUR@HÔTE/BASE",
				"PostgreSQL database of the records, instead of a file: postgres://USER@HOST/DATABASE")},
			&cli.StringFlag{Name: "authority-keys", Usage: tr("jeton PKCS#11 où créer les clés des autorités, au lieu "+
				"de fichiers : pkcs11:token=NOM?module-path=BIBLIOTHÈQUE&pin-source=FICHIER",
				"PKCS#11 token to make the authorities' keys in, instead of files: "+
					"pkcs11:token=NAME?module-path=LIBRARY&pin-source=FILE")},
			&cli.IntFlag{Name: "port",
				Usage: tr("premier de douze ports qui se suivent, au lieu de 8080, 8443-8446, 1389 et 8451-8456",
					"first of twelve ports in a row, instead of 8080, 8443-8446, 1389 and 8451-8456")},
			&cli.StringSliceFlag{Name: "exposed", Usage: tr("nom de cette machine dans le DNS, pour un laboratoire "+
				"d'équipe qu'igc serve --exposed sert ; les certificats nomment ce serveur ; répétable",
				"name of this machine in DNS, for a team's lab, which igc serve --exposed serves; certificates name "+
					"this server; repeatable")},
			jsonFlag(),
		},
		Action: p.init,
	}
}

func (p *program) init(c *cli.Context) error {
	if err := noArgs(c); err != nil {
		return err
	}
	config, err := labConfig(c)
	if err != nil {
		return err
	}
	var wanted []profiles.Authority
	for _, a := range profiles.Authorities() {
		if !c.IsSet("gamme") {
			wanted = append(wanted, a)
		}
	}
	for _, name := range c.StringSlice("gamme") {
		g, err := profiles.ParseGamme(name)
		if err != nil {
			return ca.Invalidate(err)
		}
		for _, a := range profiles.Authorities() {
			if a.Gamme == g {
				wanted = append(wanted, a)
			}
		}
	}
	home, opts, err := p.lab(c)
	if err != nil {
		return err
	}
	lab, err := lab.Create(home, config, opts)
	if err != nil {
		return err
	}
	client := lab.Client()
	made, err := client.Ensure(c.Context, wanted)
	if err != nil {
		return err
	}
	if made == 0 {
		return &ca.Error{Kind: ca.Conflict, Err: errorf("le laboratoire de %s a déjà ces autorités : rien n'est remplacé",
			"the lab in %s has these authorities already: nothing is replaced", home)}
	}
	list, err := client.Authorities(c.Context)
	if err != nil {
		return err
	}
	return p.print(c, map[string]any{"home": home, "made": made, "authorities": list}, func(w io.Writer) {
		for _, info := range list {
			if a, err := profiles.ParseAuthority(info.ID); err == nil {
				fmt.Fprintf(w, "%-11s %s\n", info.ID, a.CommonName())
			}
		}
		fmt.Fprintf(w, tr("Laboratoire prêt dans %s\nEnsuite : igc issue --fixture alain, puis igc serve\n",
			"The lab is ready in %s\nNext: igc issue --fixture alain, then igc serve\n"), home)
	})
}

// labConfig is the configuration that the flags --key, --urls and --port ask for.
func labConfig(c *cli.Context) (lab.Config, error) {
	config := lab.DefaultConfig()
	if key := c.String("key"); key != "" {
		policy, err := ca.ParseKeyPolicy(key)
		if err != nil {
			return config, err
		}
		config.Key = policy
	}
	if c.IsSet("port") {
		if err := serve.InRow(&config, c.Int("port")); err != nil {
			return config, err
		}
	}
	if c.IsSet("store") {
		config.Store = c.String("store")
	}
	if c.IsSet("authority-keys") {
		config.AuthorityKeys = c.String("authority-keys")
	}
	if names := splitAll(c.StringSlice("exposed")); len(names) > 0 {
		config.Exposed.Names = names
		publication := config.URL("http", config.Listen.Publication)
		config.URLs = profiles.URLs{Publication: publication, OCSP: publication + "/ocsp",
			Directory: config.URL("ldap", config.Listen.Directory)}
	}
	u, err := urls(c)
	if err == nil && u != nil {
		config.URLs = *u
	}
	return config, err
}
