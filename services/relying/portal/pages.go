package portal

import (
	"embed"
	"encoding/json"
	"fmt"
	"io/fs"
	"log/slog"
	"net/http"
	"strings"
	"time"

	"github.com/igc-lab/igc/internal/i18n"
	"github.com/igc-lab/igc/internal/web"
	"github.com/igc-lab/igc/verify"
)

//go:embed html
var htmlFiles embed.FS

// newPages makes the portal's pages; provider is where the form that logs out ends.
func newPages(log *slog.Logger, provider string) *web.Pages {
	files, err := fs.Sub(htmlFiles, "html")
	if err != nil {
		panic(err) // they are embedded
	}
	css, err := fs.ReadFile(files, "portal.css")
	if err != nil {
		panic(err)
	}
	return web.NewPages(web.PageOptions{Site: "Portail de démonstration (labo)", Templates: files,
		Style: string(css), Forms: true, FormsTo: provider, Log: log})
}

// withLang is a path of the portal that keeps the language that was chosen.
func withLang(r *http.Request, path string) string {
	lang := web.ChosenLanguage(r)
	if lang == "" {
		return path
	}
	if strings.Contains(path, "?") {
		return path + "&lang=" + string(lang)
	}
	return path + "?lang=" + string(lang)
}

// view is what every page is made from.
type view struct {
	web.View
	Problem *problem
	In      bool // somebody is logged in
	Home    string
}

func (p *Portal) view(r *http.Request, fr, en string) view {
	v := view{View: p.pages.View(r), Home: p.URL}
	v.Title = v.T(fr, en)
	return v
}

// Left is how long something is still good, in words.
func (v view) Left(d time.Duration) string {
	if d <= 0 {
		return v.T("expiré", "expired")
	}
	s := int(d.Round(time.Second).Seconds())
	switch {
	case s < 60:
		return fmt.Sprintf(v.T("encore %d s", "%d s left"), s)
	case s < 3600:
		return fmt.Sprintf(v.T("encore %d min %02d s", "%d min %02d s left"), s/60, s%60)
	}
	return fmt.Sprintf(v.T("encore %d h %02d min", "%d h %02d min left"), s/3600, s/60%60)
}

// homePage shows the two ways to log in, or the session.
func (p *Portal) homePage(w http.ResponseWriter, r *http.Request) error {
	n, end := p.sessions.ofRequest(r)
	if n != nil {
		redirect(w, withLang(r, "/session"))
		return nil
	}
	p.home(w, r, end)
	return nil
}

func (p *Portal) home(w http.ResponseWriter, r *http.Request, end ending) {
	v := struct {
		view
		Ended   bool
		Out     bool
		Client  string
		Example string
	}{view: p.view(r, "Bienvenue",
		"Welcome"), Ended: end == endedByPSC,
		Out: r.URL.Path == LoggedOutPath, Client: p.ClientID, Example: "899700999909"}
	p.pages.Render(w, http.StatusOK, "home.html", v.Lang, v)
}

// loggedOutPage is where Pro Santé Connect sends the browser back after a logout.
func (p *Portal) loggedOutPage(w http.ResponseWriter, r *http.Request) error {
	p.home(w, r, "")
	return nil
}

func (p *Portal) problemPage(w http.ResponseWriter, r *http.Request, wrong *problem) {
	v := p.view(r, wrong.Title.FR, wrong.Title.EN)
	v.Problem = wrong
	p.pages.Render(w, wrong.status, "problem.html", v.Lang, v)
}

// cardPage says why a card is refused.
func (p *Portal) cardPage(w http.ResponseWriter, r *http.Request, report *verify.Report) {
	v := struct {
		view
		Check  *verify.Check
		Card   *verify.Card
		NoCard bool
	}{p.view(r, "Connexion par carte", "Login by card"), report.Failed(), report.Card, report.Verdict == "TLS-NOCERT"}
	p.pages.Render(w, http.StatusForbidden, "card.html", v.Lang, v)
}

// object is a JSON object as the page shows it: a table, then the JSON.
type object struct {
	Groups []*group
	JSON   string
	Raw    string // the token
}

func newObject(data json.RawMessage, raw string) *object {
	if len(data) == 0 {
		return nil
	}
	return &object{groups(data), pretty(data), raw}
}

// sessionPage shows what was received.
func (p *Portal) sessionPage(w http.ResponseWriter, r *http.Request) error {
	n, end := p.sessions.ofRequest(r)
	if n == nil {
		p.home(w, r, end)
		return nil
	}
	n.call.Lock() // a call under way changes what is shown
	got := n.got
	n.got.notice = nil
	n.call.Unlock()
	now := p.Now()
	v := struct {
		view
		FormToken                  string
		Name, ID                   string
		Mode                       string
		ACR                        string
		Access, Refresh, Own       time.Duration
		AccessEnd, RefreshEnd      time.Time
		Info, IDHead, IDToken      *object
		AccessToken, Introspection *object
		Card                       *verify.Report
		Steps, Common              []step
	}{view: p.view(r, "Connecté", "Logged in"), FormToken: n.formToken(), Name: got.name, ID: got.id, Card: got.card,
		Own: n.created.Add(maxAge).Sub(now), Steps: n.journal.list(), Common: p.common.list()}
	v.In, v.Problem = true, got.notice
	if got.token != nil {
		id, access := readJWT(got.idToken), readJWT(got.token.AccessToken)
		var claims struct {
			Mode string `json:"authMode"`
			ACR  string `json:"acr"`
		}
		if json.Unmarshal(id.Payload, &claims) == nil {
			v.Mode, v.ACR = claims.Mode, claims.ACR
		}
		v.Access, v.AccessEnd = got.accessEnd.Sub(now), got.accessEnd
		v.Refresh, v.RefreshEnd = got.refreshEnd.Sub(now), got.refreshEnd
		v.Info, v.Introspection = newObject(got.userinfo, ""), newObject(got.introspection, "")
		v.IDHead, v.IDToken = newObject(id.Header, ""), newObject(id.Payload, id.Raw)
		v.AccessToken = newObject(access.Payload, access.Raw)
	}
	p.pages.Render(w, http.StatusOK, "session.html", v.Lang, v)
	return nil
}

// ModeText is the means of login in words.
func (v view) ModeText(mode string) string {
	if text := fields()["authMode"].Values[mode]; text != (i18n.Text{}) {
		return v.Say(text)
	}
	return web.Visible(mode)
}
