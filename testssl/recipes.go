package testssl

import (
	"bytes"
	"embed"
	"strings"
	"text/template"

	"github.com/igc-lab/igc/profiles"
)

//go:embed recipes
var recipeFiles embed.FS

var recipeTemplates = template.Must(template.ParseFS(recipeFiles, "recipes/*"))

// servers are those that there is a recipe for, by the name of its file.
var servers = []struct{ name, file string }{
	{"nginx", "nginx.conf"}, {"Apache httpd", "apache.conf"}, {"HAProxy", "haproxy.cfg"}, {"Traefik", "traefik.yaml"}, {"Tomcat", "tomcat.xml"},
	{".NET (ASP.NET Core)", "dotnet.cs"}, {"Java", "java.sh"},
}

// recipe is a configuration to copy that has a server accept cards like this one.
type recipe struct{ Server, Text string }

// recipes are made for the authority that issued the card; for the FORT persons' one when it is none of the lab's.
func (s *Server) recipes(r *Report) []recipe {
	a := profiles.Authority{Gamme: profiles.Fort, Domaine: profiles.Personnes}
	if r.issuer != nil && !r.issuer.Authority.IsRoot() {
		a = r.issuer.Authority
	}
	data := struct{ Publication, ACI, ACR, CRLs, CommonName string }{s.lab.Config.URLs.Publication, a.File(), a.Root().File(),
		s.lab.Config.URLs.Publication + "/CRL/", a.CommonName()}
	var list []recipe
	for _, server := range servers {
		var b bytes.Buffer
		if err := recipeTemplates.ExecuteTemplate(&b, server.file, data); err != nil {
			s.log.Error("recipe", "name", server.file, "err", err)
			continue
		}
		list = append(list, recipe{server.name, strings.TrimSpace(b.String())})
	}
	return list
}
