package web

import (
	"bytes"
	"crypto/sha256"
	"embed"
	"encoding/base64"
	"html/template"
	"io/fs"
	"log/slog"
	"net/http"
	"net/url"
	"regexp"
	"strings"

	"github.com/igc-lab/igc/internal/i18n"
)

//go:embed html
var layoutFiles embed.FS

// Pages are the pages of one service: its templates within the layout that all services share, in
// both languages.
//
// A template of a page begins with {{template "top" .}} and ends with {{template "bottom" .}}; its
// data embeds a [View]. The service may define the templates "head" (of the document), "menu"
// (links), "notices" (above every page) and "footer". What a template says in both languages is
// written {{.T "français" "English"}}; values are written by functions such as {{say .Text}} and
// {{date .At}}.
type Pages struct {
	site      string
	menu      *Menu
	templates map[i18n.Language]*template.Template
	style     inlined
	script    inlined
	policy    string
	log       *slog.Logger
}

// PageOptions are what pages are made from.
type PageOptions struct {
	Site      string // its name, in the layout and in titles
	Templates fs.FS  // *.html
	Style     string // beside that of the layout
	Script    string // of the pages whose View is Live
	Forms     bool   // pages have forms, which are sent to their own server
	FormsTo   string // where such a form may be redirected to: an origin or schemes; may be empty
	Menu      *Menu  // of the port that the pages are served on; may be nil
	App       bool   // pages name a web app manifest and icons of their own server, in the template "head"
	Log       *slog.Logger
}

// NewPages makes the pages of a service. It panics on a template that cannot be parsed: templates
// are embedded.
func NewPages(options PageOptions) *Pages {
	css, err := layoutFiles.ReadFile("html/style.css")
	if err != nil {
		panic(err)
	}
	p := &Pages{site: options.Site, menu: options.Menu, log: options.Log, style: inline("style", string(css)+options.Style),
		script:    inline("script", options.Script),
		templates: map[i18n.Language]*template.Template{}}
	images, forms := "data:", "'none'"
	if options.App {
		images = "'self' data:; manifest-src 'self'"
	}
	if options.Forms || options.Menu != nil { // its search is a form
		forms = strings.TrimSpace("'self' " + options.FormsTo)
	}
	p.policy = "default-src 'none'; img-src " + images + "; connect-src 'self'; style-src " + p.style.hash +
		"; script-src " + p.script.hash + "; base-uri 'none'; form-action " + forms + "; frame-ancestors 'none'"
	for _, lang := range []i18n.Language{i18n.French, i18n.English} {
		t := template.New("").Funcs(functions(lang))
		layout, err := fs.Sub(layoutFiles, "html")
		for _, files := range []fs.FS{layout, options.Templates} { // the service's own replace the layout's empty ones
			if err == nil {
				err = parse(t, lang, files)
			}
		}
		p.templates[lang] = template.Must(t, err)
	}
	return p
}

// bilingual is a text that stands in a template in both languages.
var bilingual = regexp.MustCompile(`\{\{\$?\.T "([^"]*)" "([^"]*)"\}\}`)

// parse reads templates for one language: a text in both languages is chosen here, once, and not
// for every page.
func parse(t *template.Template, lang i18n.Language, files fs.FS) error {
	names, err := fs.Glob(files, "*.html")
	if err != nil {
		return err
	}
	for _, name := range names {
		data, err := fs.ReadFile(files, name)
		if err != nil {
			return err
		}
		text := bilingual.ReplaceAllStringFunc(string(data), func(call string) string {
			both := bilingual.FindStringSubmatch(call)
			return template.HTMLEscapeString(choose(lang, both[1], both[2]))
		})
		if _, err := t.New(name).Parse(text); err != nil {
			return err
		}
	}
	return nil
}

// inlined is a file that stands in the page itself, and the hash by which the page's policy allows
// it and nothing else.
type inlined struct {
	element template.HTML
	hash    string
}

func inline(element, content string) inlined {
	sum := sha256.Sum256([]byte(content))
	return inlined{template.HTML("<" + element + ">" + content + "</" + element + ">"),
		"'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) + "'"}
}

// Render writes a page, whole or not at all.
func (p *Pages) Render(w http.ResponseWriter, status int, name string, lang i18n.Language, data any) {
	p.render(w, status, name, lang, data, p.policy)
}

// Self is the server of a page itself, as a target of [Pages.RenderForm].
const Self = "'self'"

// RenderForm writes a page whose forms may be sent, or be redirected, to the targets and nowhere
// else: [Self], and the servers of addresses. An empty address is none.
func (p *Pages) RenderForm(w http.ResponseWriter, status int, name string, lang i18n.Language, data any,
	targets ...string) {
	var sources []string
	for _, target := range targets {
		u, err := url.Parse(target)
		switch {
		case target == Self:
			sources = append(sources, Self)
		// the grammar of a content policy has no IPv6 address
		case err == nil && u.Host != "" && !strings.ContainsAny(u.Host, " ;,'[]"):
			sources = append(sources, u.Scheme+"://"+u.Host)
		}
	}
	if sources == nil {
		sources = []string{"'none'"}
	}
	policy := regexp.MustCompile(`form-action [^;]*`).ReplaceAllLiteralString(p.policy,
		"form-action "+strings.Join(sources, " "))
	p.render(w, status, name, lang, data, policy)
}

func (p *Pages) render(w http.ResponseWriter, status int, name string, lang i18n.Language, data any, policy string) {
	var page bytes.Buffer
	if err := p.templates[lang].ExecuteTemplate(&page, name, data); err != nil {
		p.log.Error("page", "name", name, "err", err)
		http.Error(w, "internal error: the server's log says more", http.StatusInternalServerError)
		return
	}
	NoStore(w)
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.Header().Set("Content-Language", string(lang))
	w.Header().Set("Content-Security-Policy", policy)
	w.WriteHeader(status)
	w.Write(page.Bytes())
}

// ChosenLanguage is the language that the address asks for (?lang=en), empty when it asks for none.
func ChosenLanguage(r *http.Request) i18n.Language {
	switch lang := i18n.Language(r.URL.Query().Get("lang")); lang {
	case i18n.French, i18n.English:
		return lang
	}
	return ""
}

// View is the part of a page's data that the layout needs, and the methods with which templates
// write.
type View struct {
	Lang   i18n.Language
	Chosen bool // by the visitor, and not by the browser
	Title  string
	Live   bool // the page has the service's script
	Menu   *Menu

	pages *Pages
	path  string     // of the page
	query url.Values // of the address
}

// View begins a page in the language that was chosen, else the browser's.
func (p *Pages) View(r *http.Request) View {
	v := View{Menu: p.menu, pages: p, path: r.URL.Path, query: r.URL.Query()}
	if v.Lang = ChosenLanguage(r); v.Lang != "" {
		v.Chosen = true
	} else {
		v.Lang = i18n.FromAcceptLanguage(r.Header.Get("Accept-Language"))
	}
	return v
}

// T chooses between the two languages.
func (v View) T(fr, en string) string { return choose(v.Lang, fr, en) }

// Say writes a text in the page's language.
func (v View) Say(t i18n.Text) string { return say(v.Lang, t) }

// To is a link within the lab's pages, which keeps the language that was chosen.
func (v View) To(path string) string {
	if !v.Chosen {
		return path
	}
	path, fragment, _ := strings.Cut(path, "#")
	if fragment != "" {
		fragment = "#" + fragment
	}
	mark := "?"
	if strings.Contains(path, "?") {
		mark = "&"
	}
	return path + mark + "lang=" + string(v.Lang) + fragment
}
