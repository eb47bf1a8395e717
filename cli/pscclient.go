package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"text/tabwriter"

	"github.com/urfave/cli/v2"

	"github.com/igc-lab/igc/ca"
	"github.com/igc-lab/igc/internal/shell"
	"github.com/igc-lab/igc/lab"
	"github.com/igc-lab/igc/profiles"
	"github.com/igc-lab/igc/serve"
	"github.com/igc-lab/igc/services/psc"
)

func (p *program) pscClientCommand() *cli.Command {
	flags := func(more ...cli.Flag) []cli.Flag {
		return append([]cli.Flag{
			&cli.StringFlag{Name: "name", Usage: tr("nom que montrent le téléphone et la page de connexion",
				"name that the phone and the login page show")},
			&cli.StringSliceFlag{Name: "redirect", Usage: tr("redirect_uri, comparée lettre pour lettre ; répétable",
				"redirect_uri, compared letter by letter; repeatable")},
			&cli.StringSliceFlag{Name: "post-logout", Usage: tr("post_logout_redirect_uri ; répétable",
				"post_logout_redirect_uri; repeatable")},
			&cli.StringFlag{Name: "backchannel-logout",
				Usage: tr("adresse de cette machine qui reçoit les jetons de déconnexion",
					"address of this machine that takes logout tokens")},
			&cli.StringFlag{Name: "pkce", Usage: tr("on : PKCE est exigé ; off", "on: PKCE is required; off")},
			&cli.StringFlag{Name: "ciba", Usage: tr("on ou off", "on or off")},
			jsonFlag(),
		}, more...)
	}
	return &cli.Command{
		Name:  "client",
		Usage: tr("les services reliés à Pro Santé Connect", "the services connected to Pro Santé Connect"),
		Subcommands: []*cli.Command{
			{
				Name: "add", Usage: tr("enregistre un service", "register a service"), ArgsUsage: "CLIENT_ID",
				Flags: flags(&cli.BoolFlag{Name: "mtls",
					Usage: tr("authentifié par un certificat AUTH_CLI, que la commande émet",
						"authenticated by an AUTH_CLI certificate, which the command issues")}),
				OnUsageError: usageError, Action: p.pscClientAdd,
			},
			{
				Name: "list", Usage: tr("liste les services", "list the services"), Flags: []cli.Flag{jsonFlag()},
				OnUsageError: usageError, Action: p.pscClientList,
			},
			{
				Name: "show", Usage: tr("montre un service et comment s'y relier",
					"show a service and how to connect"), ArgsUsage: "CLIENT_ID",
				Flags: []cli.Flag{jsonFlag()}, OnUsageError: usageError, Action: p.pscClientShow,
			},
			{
				Name: "set", Usage: tr("change un service ; une adresse s'ajoute, -adresse l'enlève",
					"change a service; an address is added, -address removes it"), ArgsUsage: "CLIENT_ID",
				Flags: flags(), OnUsageError: usageError, Action: p.pscClientSet,
			},
			{
				Name: "secret", Usage: tr("donne un nouveau secret ; l'ancien ne vaut plus",
					"give a new secret; the old one is void"), ArgsUsage: "CLIENT_ID",
				Flags: []cli.Flag{jsonFlag()}, OnUsageError: usageError, Action: p.pscClientSecret,
			},
			{
				Name: "remove", Usage: tr("retire un service", "remove a service"), ArgsUsage: "CLIENT_ID",
				OnUsageError: usageError, Action: p.pscClientRemove,
			},
		},
		OnUsageError: usageError,
	}
}

// onOff reads a flag that is on, off or not given.
func onOff(c *cli.Context, name string, set func(on bool)) error {
	switch v := c.String(name); v {
	case "":
	case "on", "off":
		set(v == "on")
	default:
		return ca.Invalidate(errorf("--%s %q : choisissez on ou off", "--%s %q: choose on or off", name, v))
	}
	return nil
}

// change applies the flags to a client.
func (p *program) changeClient(c *cli.Context, client *psc.Client) error {
	if v := c.String("name"); v != "" {
		client.Name = v
	}
	if c.IsSet("backchannel-logout") {
		client.BackchannelLogoutURI = c.String("backchannel-logout")
	}
	for _, list := range []struct {
		flag string
		uris *[]string
	}{{"redirect", &client.RedirectURIs}, {"post-logout", &client.PostLogoutRedirectURIs}} {
		changed, err := changeList(*list.uris, c.StringSlice(list.flag))
		if err != nil {
			return err
		}
		*list.uris = changed
	}
	if err := onOff(c, "pkce", func(on bool) { client.PKCE = on }); err != nil {
		return err
	}
	return onOff(c, "ciba", func(on bool) { client.NoCIBA = !on })
}

// changeList adds values, and removes those that begin with a hyphen, which must be there.
func changeList(list, change []string) ([]string, error) {
	for _, c := range change {
		if old, ok := strings.CutPrefix(c, "-"); ok && !slices.Contains(list, old) {
			return nil, ca.Invalidate(errorf("%s n'est pas une adresse de ce client : igc psc client show les montre",
				"%s is not an address of this client: igc psc client show shows them", old))
		}
	}
	kept := slices.DeleteFunc(slices.Clone(list), func(old string) bool { return slices.Contains(change, "-"+old) })
	for _, c := range change {
		if !strings.HasPrefix(c, "-") && !slices.Contains(kept, c) {
			kept = append(kept, c)
		}
	}
	return kept, nil
}

// shownClient is a client as it is printed: its secret only when it was just made.
type shownClient struct {
	ClientID      string   `json:"client_id"`
	Secret        string   `json:"client_secret,omitempty"`
	Name          string   `json:"name"`
	Auth          string   `json:"token_endpoint_auth_method"`
	RedirectURIs  []string `json:"redirect_uris"`
	PostLogout    []string `json:"post_logout_redirect_uris,omitempty"`
	Backchannel   string   `json:"backchannel_logout_uri,omitempty"`
	PKCE          bool     `json:"require_pkce"`
	CIBA          bool     `json:"ciba"`
	Issuer        string   `json:"issuer"`
	Discovery     string   `json:"discovery"`
	Authorization string   `json:"authorization_endpoint"`
	Folder        string   `json:"certificate_folder,omitempty"`
}

func describeClient(client *psc.Client, l *lab.Lab, secret, folder string) shownClient {
	urls := serve.ProviderURLs(l)
	s := shownClient{ClientID: client.ID, Secret: secret, Name: client.Name, Auth: "client_secret_basic",
		RedirectURIs: append([]string{}, client.RedirectURIs...),
		PostLogout:   client.PostLogoutRedirectURIs, Backchannel: client.BackchannelLogoutURI, PKCE: client.PKCE,
		CIBA:   !client.NoCIBA,
		Issuer: urls.Issuer, Discovery: urls.Discovery, Authorization: urls.Authorization, Folder: folder}
	if client.MutualTLS {
		s.Auth = "tls_client_auth"
	}
	return s
}

func (p *program) printClient(c *cli.Context, s shownClient) error {
	return p.print(c, s, func(w io.Writer) { s.write(w) })
}

func (s *shownClient) write(w io.Writer) {
	line := func(fr, en, value string) {
		if value != "" {
			fmt.Fprintf(w, "%-26s %s\n", tr(fr, en), value)
		}
	}
	line("client_id", "client_id", s.ClientID)
	line("client_secret", "client_secret", s.Secret)
	line("nom", "name", s.Name)
	line("authentification", "authentication", s.Auth)
	line("certificat et clé", "certificate and key", s.Folder)
	for _, uri := range s.RedirectURIs {
		line("redirect_uri", "redirect_uri", uri)
	}
	for _, uri := range s.PostLogout {
		line("post_logout_redirect_uri", "post_logout_redirect_uri", uri)
	}
	line("backchannel_logout_uri", "backchannel_logout_uri", s.Backchannel)
	line("issuer", "issuer", s.Issuer)
	line("découverte", "discovery", s.Discovery)
	line("connexion", "login", s.Authorization)
	line("certificat racine", "root certificate", "igc show --pem ACR-EL")
	line("scope, acr_values", "scope, acr_values", "openid scope_all, eidas1")
}

func (p *program) pscClientAdd(c *cli.Context) error {
	id, err := oneArg(c, tr("un client_id", "a client_id"))
	if err != nil {
		return err
	}
	_, client, err := p.services(c)
	if err != nil {
		return err
	}
	added := &psc.Client{ID: id, Created: client.Lab.Now().UTC(), MutualTLS: c.Bool("mtls")}
	if err := p.changeClient(c, added); err != nil {
		return err
	}
	if len(added.RedirectURIs) == 0 && added.NoCIBA {
		return ca.Invalidate(errorf("donnez --redirect ADRESSE", "give --redirect ADDRESS"))
	}
	secret, folder := "", ""
	if !added.MutualTLS {
		secret = added.NewSecret()
	}
	if err := psc.AddClient(c.Context, client, "", added); err != nil {
		return err
	}
	if added.MutualTLS {
		_, folder, err = ca.MakeCard(c.Context, client, client.Lab.Home, ca.CardOrder{
			IssueRequest: ca.IssueRequest{Product: "auth-cli", Holder: profiles.Holder{Department: "Paris (75)",
				Organisation: "LABORATOIRE DE TEST", Structure: "10B0000000", Service: id}},
			Key: client.Lab.Config.Key, PIN: "1234", ClearKeys: true})
		if err != nil { // a client without its certificate could never authenticate
			return errors.Join(err, psc.RemoveClient(context.WithoutCancel(c.Context), client, "", id))
		}
	}
	if err := p.printClient(c, describeClient(added, client.Lab, secret, folder)); err != nil || c.Bool("json") {
		return err
	}
	if secret != "" {
		fmt.Fprintln(p.err, tr("igc : le secret n'est montré qu'ici ; perdu, igc psc client secret en donne un autre.",
			"igc: the secret is shown here only; if it is lost, igc psc client secret gives another."))
	}
	if len(added.RedirectURIs) == 0 {
		fmt.Fprintln(p.err, tr(
			"igc : sans redirect_uri ce service n'a que CIBA ; igc psc client set --redirect en ajoute une.",
			"igc: without a redirect_uri this service has CIBA only; igc psc client set --redirect adds one."))
	}
	fmt.Fprintln(p.err, tr("Suite : igc serve, puis docs/psc.fr.md (openid-client, Apache, Spring, oauth2-proxy, PHP).",
		"Next: igc serve, then docs/psc.md (openid-client, Apache, Spring, oauth2-proxy, PHP)."))
	return nil
}

func (p *program) pscClientList(c *cli.Context) error {
	if err := noArgs(c); err != nil {
		return err
	}
	_, client, err := p.services(c)
	if err != nil {
		return err
	}
	list, err := psc.Clients(c.Context, client)
	if err != nil {
		return err
	}
	all := []shownClient{}
	for _, one := range list {
		all = append(all, describeClient(one, client.Lab, "", ""))
	}
	return p.print(c, all, func(out io.Writer) {
		if len(all) == 0 {
			fmt.Fprintln(p.err,
				tr("igc : aucun service ; igc psc client add mon-lgc --redirect http://localhost:3000/cb en enregistre "+
					"un.",
					"igc: no service; igc psc client add my-app --redirect http://localhost:3000/cb registers one."))
			return
		}
		w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
		fmt.Fprintln(w, tr("CLIENT_ID\tNOM\tAUTHENTIFICATION\tREDIRECT_URI",
			"CLIENT_ID\tNAME\tAUTHENTICATION\tREDIRECT_URI"))
		for _, s := range all {
			fmt.Fprintf(w, "%s\t%s\t%s\t%s\n", s.ClientID, s.Name, s.Auth, strings.Join(s.RedirectURIs, " "))
		}
		w.Flush()
	})
}

// clientArg is the client_id that is the one argument, and the lab that it is looked for in.
func (p *program) clientArg(c *cli.Context) (id string, l *lab.Client, err error) {
	if id, err = oneArg(c, tr("un client_id", "a client_id")); err != nil {
		return "", nil, err
	}
	_, l, err = p.services(c)
	return id, l, err
}

func (p *program) pscClientShow(c *cli.Context) error {
	id, client, err := p.clientArg(c)
	if err != nil {
		return err
	}
	found, err := psc.ReadClient(c.Context, client, id)
	if err != nil {
		return err
	}
	return p.printClient(c, describeClient(found, client.Lab, "", ""))
}

func (p *program) pscClientSet(c *cli.Context) error {
	changes := []string{"name", "redirect", "post-logout", "backchannel-logout", "pkce", "ciba"}
	if !slices.ContainsFunc(changes, c.IsSet) {
		return ca.Invalidate(errorf(
			"dites ce qui change : --redirect, --post-logout, --backchannel-logout, --name, --pkce ou --ciba",
			"say what is to change: --redirect, --post-logout, --backchannel-logout, --name, --pkce or --ciba"))
	}
	id, client, err := p.clientArg(c)
	if err != nil {
		return err
	}
	changed, err := psc.ChangeClient(c.Context, client, "", id,
		func(one *psc.Client) error { return p.changeClient(c, one) })
	if err != nil {
		return err
	}
	return p.printClient(c, describeClient(changed, client.Lab, "", ""))
}

func (p *program) pscClientSecret(c *cli.Context) error {
	id, client, err := p.clientArg(c)
	if err != nil {
		return err
	}
	secret := ""
	changed, err := psc.ChangeClient(c.Context, client, "", id, func(one *psc.Client) error {
		if one.MutualTLS {
			return ca.Invalidate(errorf("%s s'authentifie par un certificat : %s",
				"%s authenticates by a certificate: %s", id, shell.Command("igc", "renew", id, "--clear-keys")))
		}
		secret = one.NewSecret()
		return nil
	})
	if err != nil {
		return err
	}
	return p.printClient(c, describeClient(changed, client.Lab, secret, ""))
}

func (p *program) pscClientRemove(c *cli.Context) error {
	id, client, err := p.clientArg(c)
	if err != nil {
		return err
	}
	if err := psc.RemoveClient(c.Context, client, "", id); err != nil {
		return err
	}
	fmt.Fprintf(p.out, tr("%s est retiré ; ses jetons ne valent plus\n", "%s is removed; its tokens are void\n"), id)
	return nil
}
