package testssl

import (
	"bytes"
	"embed"
	"fmt"
	html "html/template"
	"strings"
	"text/template"

	"github.com/igc-lab/igc/ca"
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

// recipe is a configuration to copy that has a server accept the cards of one authority.
type recipe struct{ Server, Text string }

func (s *Server) recipesOf(a profiles.Authority) ([]recipe, error) {
	data := struct{ Publication, ACI, ACR, CRLs string }{s.publication(), a.File(), a.Root().File(), s.publication() + "/CRL/"}
	var list []recipe
	for _, server := range servers {
		var b bytes.Buffer
		if err := recipeTemplates.ExecuteTemplate(&b, server.file, data); err != nil {
			return nil, err
		}
		list = append(list, recipe{server.name, strings.TrimSpace(b.String())})
	}
	return list, nil
}

// recipes shows those for the authority that issued a card, or for the FORT persons' one when it is none of the lab's.
// They stand on many pages and never change, so they are kept as HTML.
func (s *Server) recipes(issuer *ca.Issuer) html.HTML {
	a := profiles.Authority{Gamme: profiles.Fort, Domaine: profiles.Personnes}
	if issuer != nil && !issuer.Authority.IsRoot() {
		a = issuer.Authority
	}
	if kept, ok := s.shown.Load(a); ok {
		return kept.(html.HTML)
	}
	list, err := s.recipesOf(a)
	if err != nil { // a test has made them all
		s.log.Error("recipes", "err", err)
		return ""
	}
	var b strings.Builder
	for _, one := range list {
		fmt.Fprintf(&b, "<details><summary>%s</summary><pre tabindex=\"0\"><code>%s</code></pre></details>\n", html.HTMLEscapeString(one.Server), html.HTMLEscapeString(one.Text))
	}
	s.shown.Store(a, html.HTML(b.String()))
	return html.HTML(b.String())
}
