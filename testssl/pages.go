package testssl

import (
	"context"
	"embed"
	"fmt"
	"io/fs"
	"log/slog"
	"net/http"
	"strings"

	"github.com/igc-lab/igc/ca"
	"github.com/igc-lab/igc/internal/i18n"
	"github.com/igc-lab/igc/internal/web"
	"github.com/igc-lab/igc/verify"
)

//go:embed html
var htmlFiles embed.FS

// newPages makes the pages of TestSSL.
func newPages(log *slog.Logger) *web.Pages {
	files, err := fs.Sub(htmlFiles, "html")
	if err != nil {
		panic(err) // they are embedded
	}
	script, err := fs.ReadFile(files, "live.js")
	if err != nil {
		panic(err)
	}
	return web.NewPages(web.PageOptions{Site: "TESTSSL", Templates: files, Script: string(script), Log: log})
}

// view is what every page is made from.
type view struct {
	web.View
	Mode        *Mode // nil on the plain port
	Ways        []alternative
	Publication string
	Faithful    bool
	Revoked     []revokedAuthority
	Console     string // URL; empty for none
	NoMenu      bool   // links of the site lead nowhere from where the page is
}

// revokedAuthority is a revoked authority of the lab. Every page has a notice about it.
type revokedAuthority struct {
	ID         string
	Revocation ca.Revocation
	Server     bool // the server's own certificate is refused with it
}

// alternative is another port to try a card on.
type alternative struct {
	URL  string
	Text i18n.Text
}

// view begins a page.
func (s *Server) view(r *http.Request, m *Mode) view {
	v := view{View: s.pages.View(r), Mode: m, Publication: s.publication(), Console: s.address("console"), Faithful: s.lab.Config.Key.Faithful()}
	for _, other := range Modes {
		if u := s.address(other.Name); u != "" && (m == nil || other.Name != m.Name) {
			v.Ways = append(v.Ways, alternative{u, other.Text()})
		}
	}
	v.Revoked = s.revokedAuthorities(r.Context())
	return v
}

// revokedAuthorities lists them in the order of the authorities. An error of the store is left to
// pages that need it.
func (s *Server) revokedAuthorities(ctx context.Context) (list []revokedAuthority) {
	infos, err := s.lab.Authorities(ctx)
	if err != nil {
		return nil
	}
	issuer := OwnAuthority()
	for _, info := range infos {
		if info.Revoked != nil {
			list = append(list, revokedAuthority{info.ID, *info.Revoked, info.ID == issuer.ID() ||
				info.ID == issuer.Root().ID()})
		}
	}
	return list
}

// render writes a page.
func (s *Server) render(w http.ResponseWriter, name string, v view, data any) {
	s.pages.Render(w, http.StatusOK, name, v.Lang, data)
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
		Shown     []verify.Check // all, or what keeps the card from being accepted and what is to note
		Folded    []verify.Check // the others
		Notes     string
		Recipes   []recipeGroup
		RecipesOf string // their page
		Browser   []advice

		InConsole string // the card's page there; empty for one that the lab did not issue

		Time        string // of the report, by the server's clock
		FoldedTitle string
	}{view: s.view(r, &m), Report: report, Failed: report.Failed(), Shown: report.Checks,
		Recipes: recipeGroups, RecipesOf: recipesPath(report), Browser: advices}
	data.Time = report.At.Local().Format("15:04")
	if !report.OK {
		data.Shown, data.Folded = sortChecks(report)
		data.FoldedTitle = fmt.Sprintf(data.T("Les autres vérifications : %d correctes",
			"The other checks: %d good"), report.Count(verify.Good))
		if n := report.Count(verify.Unchecked); n > 0 {
			data.FoldedTitle += fmt.Sprintf(data.T(", %d non faites", ", %d not made"), n)
		}
	}
	if _, issued := report.Issuer(); issued && data.Console != "" {
		name := report.Card.Fact("card_number")
		if name == "" {
			name = report.Screen.Serie
		}
		data.InConsole = data.Console + "cartes/" + name
	}
	data.Title = string(report.Verdict)
	if n := report.Count(verify.Note); n > 0 {
		data.Notes = fmt.Sprintf(data.T("À noter, plus bas : %d.", "To note, below: %d."), n)
	}
	if report.Screen != nil {
		data.Live = true
	}
	s.render(w, "card.html", data.view, data)
}

// sortChecks puts the failed checks of a refused card first, then those to note, and the others
// aside.
func sortChecks(report *verify.Report) (shown, others []verify.Check) {
	for _, level := range []verify.Level{verify.Bad, verify.Note} {
		for _, c := range report.Checks {
			if c.Level == level {
				shown = append(shown, c)
			}
		}
	}
	for _, c := range report.Checks {
		if c.Level != verify.Bad && c.Level != verify.Note {
			others = append(others, c)
		}
	}
	return shown, others
}

// todo is what to do about a check, with the command line in it by itself.
type todo struct{ Before, Command, After string }

// Todo is what to do about a check; nil when there is nothing.
func (v view) Todo(c verify.Check) *todo {
	if c.Do == nil {
		return nil
	}
	text := v.Say(*c.Do)
	if before, after, ok := strings.Cut(text, c.Command); ok && c.Command != "" {
		return &todo{before, c.Command, after}
	}
	return &todo{Before: text}
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
	s.render(w, "codes.html", data.view, data)
}

// advice is how to make a browser ask for a card again (reference card.md §2.5).
type advice struct {
	Browser string
	Text    i18n.Text
}

var advices = []advice{
	{"Chrome, Edge, Chromium", i18n.Text{
		FR: "Ouvrez le lien proposé : son adresse est nouvelle, et le navigateur redemande la carte. " +
			"Sinon, fermez toutes les fenêtres du navigateur, ou ouvrez une fenêtre de navigation privée. " +
			"Retirer la carte ne suffit pas : le navigateur retient, pour chaque adresse, la carte choisie ou le refus d'en choisir une.",
		EN: "Open the link: its address is new, so the browser asks for the card again. " +
			"Otherwise, close all windows of the browser, or open an incognito window. " +
			"Taking the card out is not enough: for each address, the browser keeps the card that was chosen, or that none was."}},
	{"Firefox", i18n.Text{
		FR: "L'adresse neuve suffit. Sinon : Paramètres › Vie privée et sécurité › Certificats › Afficher les certificats › " +
			"Décisions d'authentification, et supprimez « localhost ».",
		EN: "The fresh address is enough. Else: Settings › Privacy & Security › Certificates › View Certificates › " +
			"Authentication Decisions, and delete \"localhost\"."}},
	{"Safari", i18n.Text{FR: "Quittez Safari ; dans Trousseaux d'accès, supprimez la préférence d'identité de « localhost ».",
		EN: "Quit Safari; in Keychain Access delete the identity preference of \"localhost\"."}},
}
