package testssl

import (
	"bytes"
	"context"
	"crypto/sha256"
	"embed"
	"encoding/base64"
	"fmt"
	"html/template"
	"io/fs"
	"net/http"
	"path"
	"regexp"
	"strings"
	"time"
	"unicode"

	"github.com/igc-lab/igc/ca"
	"github.com/igc-lab/igc/internal/i18n"
	"github.com/igc-lab/igc/internal/web"
	"github.com/igc-lab/igc/verify"
)

//go:embed html
var htmlFiles embed.FS

var (
	templates = map[string]*template.Template{"fr": parse("fr"), "en": parse("en")}
	style     = inline("style", "html/style.css")
	script    = inline("script", "html/live.js")
	policy    = "default-src 'none'; img-src data:; connect-src 'self'; style-src " + style.hash + "; script-src " + script.hash +
		"; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)

// bilingual is a text that stands in a template in both languages.
var bilingual = regexp.MustCompile(`\{\{\$?\.T "([^"]*)" "([^"]*)"\}\}`)

// parse reads the templates for one language: what they say in both is chosen here, once, and not for every page.
func parse(lang string) *template.Template {
	t := template.New("").Funcs(template.FuncMap{"dict": dict})
	names, err := fs.Glob(htmlFiles, "html/*.html")
	for _, name := range names {
		var data []byte
		if data, err = htmlFiles.ReadFile(name); err != nil {
			break
		}
		text := bilingual.ReplaceAllStringFunc(string(data), func(call string) string {
			both := bilingual.FindStringSubmatch(call)
			return template.HTMLEscapeString(view{Lang: lang}.T(both[1], both[2]))
		})
		if _, err = t.New(path.Base(name)).Parse(text); err != nil {
			break
		}
	}
	return template.Must(t, err)
}

// dict gives a template several values, by name.
func dict(pairs ...any) map[string]any {
	m := map[string]any{}
	for i := 0; i+1 < len(pairs); i += 2 {
		m[fmt.Sprint(pairs[i])] = pairs[i+1]
	}
	return m
}

// inlined is a file that stands in the page itself, and the hash by which the page's policy lets it and nothing else.
type inlined struct {
	element template.HTML
	hash    string
}

func inline(element, name string) inlined {
	data, err := htmlFiles.ReadFile(name)
	if err != nil {
		panic(err) // it is embedded
	}
	sum := sha256.Sum256(data)
	return inlined{template.HTML("<" + element + ">" + string(data) + "</" + element + ">"), "'sha256-" + base64.StdEncoding.EncodeToString(sum[:]) + "'"}
}

// view is what every page is made from.
type view struct {
	Lang        string // fr or en
	Chosen      bool   // by the visitor, and not by the browser
	Title       string
	Mode        *Mode // nil on the plain port
	Ways        []way
	Publication string
	Faithful    bool
	Live        bool // the page has a script
	Revoked     []revokedAuthority
}

// revokedAuthority is one of the lab's that is revoked, which every page says.
type revokedAuthority struct {
	ID         string
	Revocation ca.Revocation
	Own        bool // the server's own certificate is refused with it
}

// way is another port to try a card on.
type way struct {
	URL  string
	Text i18n.Text
}

// French tells the language.
func (v view) French() bool { return v.Lang == "fr" }

// unbroken are the marks that French parts from the word before by a space that no line ends on.
var unbroken = strings.NewReplacer(" :", "\u00a0:", " ;", "\u00a0;", " ?", "\u00a0?", " !", "\u00a0!", "« ", "«\u00a0", " »", "\u00a0»")

// T chooses between the two languages.
func (v view) T(fr, en string) string {
	if v.French() {
		return unbroken.Replace(fr)
	}
	return en
}

// Say says a text in the page's language.
func (v view) Say(t i18n.Text) string { return visible(v.T(t.FR, t.EN)) }

// Colon is the one of the language: French has a space before it.
func (v view) Colon() string { return v.T(" : ", ": ") }

// To is a link within the lab's pages, which keeps the language that was chosen.
func (v view) To(path string) string {
	if !v.Chosen {
		return path
	}
	path, fragment, _ := strings.Cut(path, "#")
	if fragment != "" {
		fragment = "#" + fragment
	}
	return path + "?lang=" + v.Lang + fragment
}

// Style, Script and Other serve the layout.
func (v view) Style() template.HTML  { return style.element }
func (v view) Script() template.HTML { return script.element }
func (v view) Other() string         { return map[string]string{"fr": "en", "en": "fr"}[v.Lang] }

// Show makes what stands in a certificate visible: controls, also the bidirectional ones, which would have a name read
// otherwise than it is written.
func (v view) Show(s string) string { return visible(s) }

func visible(s string) string {
	if !strings.ContainsFunc(s, func(r rune) bool { return r < ' ' || r > '~' }) {
		return s // as nearly everything is
	}
	return strings.Map(func(r rune) rune {
		if r < ' ' || r > '~' && unicode.In(r, unicode.Cc, unicode.Cf, unicode.Zl, unicode.Zp) {
			return unicode.ReplacementChar
		}
		return r
	}, s)
}

// Short leaves out the middle of what nobody reads whole.
func (v view) Short(s string) string {
	if len(s) <= 300 {
		return visible(s)
	}
	r := []rune(visible(s))
	return string(r[:60]) + " […] " + string(r[len(r)-30:])
}

// Age says how long ago something was.
func (v view) Age(seconds int64) string {
	switch {
	case seconds < 2:
		return v.T("à l'instant", "just now")
	case seconds < 120:
		return fmt.Sprintf(v.T("il y a %d secondes", "%d seconds ago"), seconds)
	case seconds < 2*3600:
		return fmt.Sprintf(v.T("il y a %d minutes", "%d minutes ago"), seconds/60)
	case seconds < 2*86400:
		return fmt.Sprintf(v.T("il y a %d heures", "%d hours ago"), seconds/3600)
	}
	return fmt.Sprintf(v.T("il y a %d jours", "%d days ago"), seconds/86400)
}

// Date writes a moment as the language does.
func (v view) Date(t time.Time) string { return v.Say(i18n.Date(t)) }

// chosen is the language that the address asks for, empty when it asks for none.
func chosen(r *http.Request) string {
	if lang := r.URL.Query().Get("lang"); lang == "fr" || lang == "en" {
		return lang
	}
	return ""
}

// language is the one chosen, else the first of the browser's that the pages have, else French.
func language(r *http.Request) (lang string, byVisitor bool) {
	if lang := chosen(r); lang != "" {
		return lang, true
	}
	for one := range strings.SplitSeq(r.Header.Get("Accept-Language"), ",") { // browsers send them in order
		switch tag := strings.ToLower(strings.TrimSpace(one)); {
		case strings.HasPrefix(tag, "fr"):
			return "fr", false
		case strings.HasPrefix(tag, "en"):
			return "en", false
		}
	}
	return "fr", false
}

// view begins a page.
func (s *Server) view(r *http.Request, m *Mode) view {
	v := view{Mode: m, Publication: s.publication(), Faithful: s.lab.Config.Key.Faithful()}
	v.Lang, v.Chosen = language(r)
	for _, other := range Modes {
		if u := s.address(other.Name); u != "" && (m == nil || other.Name != m.Name) {
			v.Ways = append(v.Ways, way{u, other.Text()})
		}
	}
	v.Revoked = s.revokedAuthorities(r.Context())
	return v
}

// revokedAuthorities lists them in the order of the authorities. What cannot be read is another page's error.
func (s *Server) revokedAuthorities(ctx context.Context) (list []revokedAuthority) {
	infos, err := s.lab.Authorities(ctx)
	if err != nil {
		return nil
	}
	own := OwnAuthority()
	for _, info := range infos {
		if info.Revoked != nil {
			list = append(list, revokedAuthority{info.ID, *info.Revoked, info.ID == own.ID() || info.ID == own.Root().ID()})
		}
	}
	return list
}

// render writes a page, whole or not at all.
func (s *Server) render(w http.ResponseWriter, name string, lang string, data any) {
	s.renderStatus(w, http.StatusOK, name, lang, data)
}

func (s *Server) renderStatus(w http.ResponseWriter, status int, name string, lang string, data any) {
	var page bytes.Buffer
	if err := templates[lang].ExecuteTemplate(&page, name, data); err != nil {
		s.log.Error("page", "name", name, "err", err)
		http.Error(w, "internal error: the server's log says more", http.StatusInternalServerError)
		return
	}
	web.NoStore(w)
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.Header().Set("Content-Language", lang)
	w.Header().Set("Content-Security-Policy", policy)
	w.WriteHeader(status)
	w.Write(page.Bytes())
}

func (s *Server) cardPage(w http.ResponseWriter, r *http.Request, m Mode) {
	report := s.visit(w, r)
	if report == nil {
		return
	}
	data := struct {
		view
		*verify.Report
		Failed    *verify.Check
		Notes     string
		Recipes   []recipeGroup
		RecipesOf string // their page
		Browser   []advice
	}{s.view(r, &m), report, report.Failed(), "", recipeGroups, recipesPath(report), advices}
	data.Title = string(report.Verdict)
	if n := report.Count(verify.Note); n > 0 {
		data.Notes = fmt.Sprintf(data.T("À noter, plus bas : %d.", "To note, below: %d."), n)
	}
	if report.Screen != nil {
		data.Live = true
	}
	s.render(w, "card.html", data.Lang, data)
}

func (s *Server) codesPage(w http.ResponseWriter, r *http.Request, m Mode) {
	s.showCodes(w, r, &m)
}

// showCodes shows the list of codes; m is nil on the plain port.
func (s *Server) showCodes(w http.ResponseWriter, r *http.Request, m *Mode) {
	data := struct {
		view
		Kinds []*verify.Kind
	}{s.view(r, m), verify.Checks()}
	data.Title = "Codes"
	s.render(w, "codes.html", data.Lang, data)
}

// advice is how to have a browser ask for a card again (reference card.md §2.5).
type advice struct {
	Browser string
	Text    i18n.Text
}

var advices = []advice{
	{"Chrome, Edge, Chromium", i18n.Text{
		FR: "L'adresse neuve suffit. Sinon : fermez toutes les fenêtres du navigateur, ou ouvrez une fenêtre de navigation privée. " +
			"Retirer la carte ne suffit pas : la réponse, même « aucune », est retenue pour l'adresse.",
		EN: "The fresh address is enough. Else: close all windows of the browser, or open an incognito window. " +
			"Taking the card out is not enough: the answer, even \"none\", is kept for the address."}},
	{"Firefox", i18n.Text{
		FR: "L'adresse neuve suffit. Sinon : Paramètres › Vie privée et sécurité › Certificats › Afficher les certificats › " +
			"Décisions d'authentification, et supprimez « localhost ».",
		EN: "The fresh address is enough. Else: Settings › Privacy & Security › Certificates › View Certificates › " +
			"Authentication Decisions, and delete \"localhost\"."}},
	{"Safari", i18n.Text{FR: "Quittez Safari ; dans Trousseaux d'accès, supprimez la préférence d'identité de « localhost ».",
		EN: "Quit Safari; in Keychain Access delete the identity preference of \"localhost\"."}},
}
