package testssl

import (
	"bytes"
	"embed"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"text/template"

	"github.com/igc-lab/igc/internal/i18n"
	"github.com/igc-lab/igc/profiles"
	"github.com/igc-lab/igc/verify"
)

//go:embed recipes
var recipeFiles embed.FS

var recipeTemplates = sync.OnceValue(func() *template.Template {
	return template.Must(template.ParseFS(recipeFiles, "recipes/*"))
})

// recipe is how one program accepts the cards of an authority: files and commands to copy.
type recipe struct {
	ID      string // its anchor
	Name    string
	Files   []recipeFile
	Revoked i18n.Text    // what becomes of a revoked card
	Adapt   []adaptation // what is to be replaced in the files
	Tested  string       // what the tests run it with, as copied; empty when they cannot
	Untried i18n.Text    // why they cannot
}

// recipeFile is a text to copy.
type recipeFile struct {
	Where    i18n.Text // what it is: a file's name, or the commands to run
	Template string    // under recipes/
	Text     string    // of the authority asked for
}

// adaptation is a value in the files that a reader replaces by their own.
type adaptation struct {
	Value string
	Means i18n.Text
}

// recipeGroup is a heading and what stands below it.
type recipeGroup struct {
	Title   i18n.Text
	Recipes []recipe
}

func file(name, template string) recipeFile {
	return recipeFile{Where: i18n.Text{FR: name, EN: name}, Template: template}
}

// Files and values that several recipes have.
var (
	authoritiesFile = recipeFile{Where: i18n.Text{FR: "Les autorités, à récupérer une fois",
		EN: "The authorities, to be fetched once"}, Template: "authorities.sh"}
	crlsFile = recipeFile{Where: i18n.Text{FR: "Les CRL, à récupérer chaque jour ; rechargez ensuite le serveur",
		EN: "The CRLs, to be fetched daily; reload the server afterwards"},
		Template: "crls.sh"}
	truststoreFile = recipeFile{Where: i18n.Text{FR: "Le magasin de confiance, à faire une fois",
		EN: "The trust store, to be made once"}, Template: "truststore.sh"}
	serversFile    = recipeFile{Where: truststoreFile.Where, Template: "servers.sh"}
	applicationRow = i18n.Text{FR: "Dans l'application", EN: "In the application"}
	accountText    = i18n.Text{FR: "l'identifiant national (CN de la carte) et le compte : ici la carte « alain »",
		EN: "the national identifier (the card's CN) and the account: here the card \"alain\""}

	port443     = adaptation{"443", i18n.Text{FR: "le port", EN: "the port"}}
	port8443    = adaptation{"8443", i18n.Text{FR: "le port", EN: "the port"}}
	application = adaptation{"127.0.0.1:3000", i18n.Text{FR: "l'application", EN: "the application"}}
	certificate = adaptation{"server.pem", i18n.Text{FR: "le certificat du serveur, et sa chaîne",
		EN: "the server's certificate and its chain"}}
	key      = adaptation{"server.key", i18n.Text{FR: "sa clé", EN: "its key"}}
	keystore = adaptation{"server.p12", i18n.Text{FR: "le certificat du serveur et sa clé (openssl pkcs12 -export)",
		EN: "the server's certificate and key (openssl pkcs12 -export)"}}
	password = adaptation{"changeit", i18n.Text{FR: "le mot de passe des magasins", EN: "the stores' password"}}
	module   = adaptation{"/usr/local/lib/libigc-cps.so", i18n.Text{FR: "le module PKCS#11 : build/libigc-cps.so (make module), ou celui de la Cryptolib",
		EN: "the PKCS#11 module: build/libigc-cps.so (make module), or the Cryptolib's"}}
	number = adaptation{"899700209812", accountText}
	upTo   = adaptation{"TLSv1.2", i18n.Text{FR: "TLSv1.3 pour des certificats logiciels et des CPS4 : une CPS3 ne sait pas le faire",
		EN: "TLSv1.3 for software certificates and CPS4: a CPS3 cannot do it"}}

	byCRL = i18n.Text{FR: "Refusée, dès que les CRL sont récupérées et le serveur rechargé.",
		EN: "Refused, once the CRLs are fetched and the server is reloaded."}
	byOCSP = i18n.Text{FR: "Refusée aussitôt, par OCSP, sinon par la CRL.",
		EN: "Refused at once, by OCSP, else by the CRL."}
)

// recipeGroups is the table of all recipes, in the page's order.
var recipeGroups = []recipeGroup{
	{i18n.Text{FR: "Serveurs web et relais", EN: "Web servers and proxies"}, []recipe{
		{ID: "nginx", Name: "nginx", Tested: "nginx 1.22", Revoked: byCRL, Adapt: []adaptation{port443, application, certificate, key, upTo},
			Files: []recipeFile{authoritiesFile, crlsFile, {Where: i18n.Text{FR: "nginx.conf, dans http { }",
				EN: "nginx.conf, within http { }"}, Template: "nginx.conf"}}},
		{ID: "apache", Name: "Apache httpd", Tested: "Apache 2.4", Revoked: byCRL, Adapt: []adaptation{port443, application, certificate, key},
			Files: []recipeFile{authoritiesFile, crlsFile, {Where: i18n.Text{FR: "Un site (modules ssl, headers, proxy_http)",
				EN: "A site (modules ssl, headers, proxy_http)"}, Template: "apache.conf"}}},
		{ID: "haproxy", Name: "HAProxy", Tested: "HAProxy 2.6", Revoked: byCRL,
			Adapt: []adaptation{port443, application, {"server-and-key.pem", i18n.Text{FR: "le certificat du serveur, sa chaîne et sa clé, à la suite",
				EN: "the server's certificate, its chain and its key, one after the other"}}},
			Files: []recipeFile{authoritiesFile, crlsFile, file("haproxy.cfg", "haproxy.cfg")}},
		{ID: "caddy", Name: "Caddy", Tested: "Caddy 2.6", Adapt: []adaptation{port443, application, certificate, key},
			Revoked: i18n.Text{FR: "ACCEPTÉE : Caddy ne lit ni CRL ni OCSP d'un client. L'application doit vérifier elle-même le certificat qu'elle reçoit.",
				EN: "ACCEPTED: Caddy reads neither CRL nor OCSP for a client. The application has to check the certificate that it is given."},
			Files: []recipeFile{authoritiesFile, file("Caddyfile", "caddy.caddyfile")}},
		{ID: "lighttpd", Name: "lighttpd", Tested: "lighttpd 1.4.69", Revoked: byCRL,
			Adapt: []adaptation{port443, {"127.0.0.1", i18n.Text{FR: "l'application",
				EN: "the application"}}, {"3000", i18n.Text{FR: "son port",
				EN: "its port"}}, certificate, key, upTo},
			Files: []recipeFile{authoritiesFile, crlsFile, file("lighttpd.conf", "lighttpd.conf")}},
		{ID: "stunnel", Name: "stunnel", Tested: "stunnel 5.68", Adapt: []adaptation{port443, application, certificate, key, upTo},
			Revoked: i18n.Text{FR: byCRL.FR + " stunnel ne transmet pas le nom du porteur à l'application.", EN: byCRL.EN + " stunnel does not pass the holder's name on to the application."},
			Files:   []recipeFile{authoritiesFile, crlsFile, file("stunnel.conf", "stunnel.conf")}},
		{ID: "traefik", Name: "Traefik", Adapt: []adaptation{port443, application, certificate, key},
			Revoked: i18n.Text{FR: "ACCEPTÉE : Traefik ne lit ni CRL ni OCSP d'un client. L'application doit vérifier elle-même le certificat qu'elle reçoit.",
				EN: "ACCEPTED: Traefik reads neither CRL nor OCSP for a client. The application has to check the certificate that it is given."},
			Untried: i18n.Text{FR: "d'après la documentation de Traefik 3 : ses dépendances ne se construisent pas ici",
				EN: "from Traefik 3's documentation: its dependencies do not build here"},
			Files: []recipeFile{authoritiesFile, file("traefik.yaml", "traefik-static.yaml"), file("cards.yaml", "traefik.yaml")}},
	}},
	{i18n.Text{FR: "Serveurs d'applications et bases", EN: "Application servers and databases"}, []recipe{
		{ID: "tomcat", Name: "Tomcat", Tested: "Tomcat 10.1", Revoked: byCRL, Adapt: []adaptation{port8443, certificate, key, password},
			Files: []recipeFile{
				{Where: i18n.Text{FR: "Le magasin de confiance, à faire une fois, dans conf/",
					EN: "The trust store, to be made once, in conf/"}, Template: "truststore.sh"},
				{Where: i18n.Text{FR: "Les CRL, à récupérer chaque jour, dans conf/ ; redémarrez ensuite",
					EN: "The CRLs, to be fetched daily, in conf/; restart afterwards"}, Template: "crls.sh"},
				{Where: i18n.Text{FR: "conf/server.xml, dans Service",
					EN: "conf/server.xml, within Service"}, Template: "tomcat.xml"},
				{Where: applicationRow, Template: "tomcat.java"}}},
		{ID: "jetty", Name: "Jetty", Tested: "Jetty 9.4", Revoked: byCRL, Adapt: []adaptation{keystore, password},
			Files: []recipeFile{truststoreFile, crlsFile, file("etc/jetty-ssl-context.xml", "jetty.xml"), {Where: applicationRow, Template: "jetty.java"}}},
		{ID: "java", Name: "Java, HttpsServer", Tested: "OpenJDK 17", Revoked: byOCSP, Adapt: []adaptation{port8443, keystore, password},
			Files: []recipeFile{truststoreFile, file("Server.java", "java-server.java"), {Where: i18n.Text{FR: "Le serveur",
				EN: "The server"}, Template: "java-server.sh"}}},
		{ID: "node", Name: "Node.js", Tested: "Node.js 20", Revoked: byCRL, Adapt: []adaptation{port443, certificate, key, upTo},
			Files: []recipeFile{authoritiesFile, crlsFile, file("server.mjs", "node.mjs")}},
		{ID: "dotnet", Name: ".NET (ASP.NET Core)", Revoked: byOCSP, Adapt: []adaptation{port443, certificate, key},
			Untried: i18n.Text{FR: "d'après la documentation d'ASP.NET Core 8 : .NET ne s'installe pas ici",
				EN: "from ASP.NET Core 8's documentation: .NET cannot be had here"},
			Files: []recipeFile{authoritiesFile, file("Program.cs", "dotnet.cs")}},
		{ID: "postgresql", Name: "PostgreSQL", Tested: "PostgreSQL 15", Revoked: byCRL, Adapt: []adaptation{certificate, key, number},
			Files: []recipeFile{authoritiesFile, crlsFile, file("postgresql.conf", "postgresql.conf"), file("pg_hba.conf", "pg_hba.conf"), file("pg_ident.conf", "pg_ident.conf")}},
	}},
	{i18n.Text{FR: "Clients et postes de travail", EN: "Clients and workstations"}, []recipe{
		{ID: "java-client", Name: "Java, HttpClient", Tested: "OpenJDK 17", Revoked: i18n.Text{FR: "Présentée comme une autre : le serveur décide.",
			EN: "Presented as any other: the server decides."},
			Adapt: []adaptation{{"authentication.p12", i18n.Text{FR: "la carte, du catalogue",
				EN: "the card, from the catalogue"}}, {"1234", i18n.Text{FR: "son code porteur",
				EN: "its PIN"}}, password},
			Files: []recipeFile{serversFile, file("Client.java", "java-client.java"), {Where: i18n.Text{FR: "Le client",
				EN: "The client"}, Template: "java-client.sh"}}},
		{ID: "pam_pkcs11", Name: "pam_pkcs11", Tested: "pam_pkcs11 0.6.12", Revoked: i18n.Text{FR: "Refusée, dès que les CRL sont récupérées.",
			EN: "Refused, once the CRLs are fetched."},
			Adapt: []adaptation{{"/etc/pam_pkcs11", i18n.Text{FR: "le dossier de pam_pkcs11",
				EN: "pam_pkcs11's folder"}}, module,
				{"8.99700209812@carte-cps.fr", i18n.Text{FR: "l'UPN du certificat d'authentification (igc inspect) et le compte",
					EN: "the authentication certificate's UPN (igc inspect) and the account"}}},
			Files: []recipeFile{authoritiesFile, crlsFile, {Where: i18n.Text{FR: "Leur installation, après chaque récupération",
				EN: "Their installation, after each fetch"}, Template: "pam_pkcs11.sh"},
				file("/etc/pam_pkcs11/pam_pkcs11.conf", "pam_pkcs11.conf"), {Where: i18n.Text{FR: "/etc/pam.d/, dans le service voulu",
					EN: "/etc/pam.d/, in the service wanted"}, Template: "pam_pkcs11.pam"}}},
		{ID: "ssh", Name: "ssh", Tested: "OpenSSH 9.2", Adapt: []adaptation{{"server", i18n.Text{FR: "le nom du serveur",
			EN: "the server's name"}}, module},
			Revoked: i18n.Text{FR: "ACCEPTÉE, et une carte expirée aussi : ssh ne connaît que la clé. Retirez sa ligne d'authorized_keys.",
				EN: "ACCEPTED, as an expired one is: ssh knows the key only. Take its line out of authorized_keys."},
			Files: []recipeFile{{Where: i18n.Text{FR: "Les clés de la carte",
				EN: "The card's keys"}, Template: "ssh.sh"}, file("~/.ssh/config", "ssh.conf")}},
		{ID: "pkcs11-provider", Name: "pkcs11-provider (OpenSSL 3)", Adapt: []adaptation{module, {"1234", i18n.Text{FR: "le code porteur",
			EN: "the PIN"}}},
			Revoked: i18n.Text{FR: "ACCEPTÉE : elle signe comme une autre, c'est à qui vérifie de le voir.",
				EN: "ACCEPTED: it signs as any other, whoever verifies has to notice."},
			Tested: "pkcs11-provider 1.0 (bookworm-backports)",
			Files: []recipeFile{file("openssl.cnf", "pkcs11-provider.cnf"), {Where: i18n.Text{FR: "Un essai",
				EN: "A try"}, Template: "pkcs11-provider.sh"}}},
	}},
}

// defaultAuthority is the one that issues CPS.
var defaultAuthority = profiles.Authority{Gamme: profiles.Fort, Domaine: profiles.Personnes}

// recipesPath is the page of the recipes for the authority that issued a card, or for the issuer of
// CPS when it is not one of the lab's.
func recipesPath(report *verify.Report) string {
	a := defaultAuthority
	if issuer, ok := report.Issuer(); ok && !issuer.IsRoot() {
		a = issuer
	}
	return "/recettes/" + a.ID()
}

// recipesOf fills in the recipes for the cards of an authority.
func (s *Server) recipesOf(a profiles.Authority) ([]recipeGroup, error) {
	data := struct{ Publication, ACI, ACR, CRLs, TestSSL, ServerRoot string }{s.publication(), a.File(), a.Root().File(), s.publication() + "/CRL/",
		s.address(Default.Name), profiles.Authority{Gamme: profiles.Elementaire}.File()}
	groups := make([]recipeGroup, len(recipeGroups))
	for i, g := range recipeGroups {
		groups[i] = recipeGroup{Title: g.Title}
		for _, r := range g.Recipes {
			files := make([]recipeFile, len(r.Files))
			for j, f := range r.Files {
				var b bytes.Buffer
				if err := recipeTemplates().ExecuteTemplate(&b, f.Template, data); err != nil {
					return nil, err
				}
				f.Text = strings.TrimSpace(b.String())
				files[j] = f
			}
			r.Files = files
			groups[i].Recipes = append(groups[i].Recipes, r)
		}
	}
	return groups, nil
}

// recipesPage shows the recipes for the authority that the address names, the issuer of CPS
// otherwise; m is nil on the plain port.
func (s *Server) recipesPage(w http.ResponseWriter, r *http.Request, m *Mode) {
	a := defaultAuthority
	if id := r.PathValue("authority"); id != "" {
		var err error
		if a, err = profiles.ParseAuthority(id); err != nil || a.IsRoot() {
			http.Error(w, fmt.Sprintf("%q n'est pas une autorité émettrice, comme ACI-FO-PP / is not an issuing authority, such as ACI-FO-PP", id), http.StatusNotFound)
			return
		}
	}
	groups, err := s.recipesOf(a)
	if err != nil {
		s.fail(w, r, err)
		return
	}
	data := struct {
		view
		Authority profiles.Authority
		Others    []profiles.Authority
		Groups    []recipeGroup
	}{s.view(r, m), a, nil, groups}
	for _, other := range profiles.Authorities() {
		if !other.IsRoot() && other != a {
			data.Others = append(data.Others, other)
		}
	}
	data.Title = data.T("Configurations à copier", "Configurations to copy")
	s.render(w, "recipes.html", data.view, data)
}
