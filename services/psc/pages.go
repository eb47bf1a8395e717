package psc

import (
	"crypto/subtle"
	"embed"
	"io/fs"
	"log/slog"
	"net/http"

	"github.com/igc-lab/igc/internal/web"
	"github.com/igc-lab/igc/services/ecps"
	"github.com/igc-lab/igc/verify"
)

//go:embed html
var htmlFiles embed.FS

// portalName is what the phone shows when the person logs in to the portal itself.
const portalName = "Portail Pro Santé Connect (labo)"

func newPages(log *slog.Logger) *web.Pages {
	files, err := fs.Sub(htmlFiles, "html")
	if err != nil {
		panic(err) // they are embedded
	}
	read := func(name string) string {
		data, err := fs.ReadFile(files, name)
		if err != nil {
			panic(err)
		}
		return string(data)
	}
	return web.NewPages(web.PageOptions{Site: "Connexion santé (labo)", Templates: files,
		Style: read("psc.css"), Script: read("live.js"),
		Forms: true, Log: log})
}

// view is what every page is made from.
type view struct {
	web.View
	Portal  string // address
	Wallet  string
	Login   string // sealed
	Client  string // name of the service
	Problem *problem
}

func (p *Provider) view(r *http.Request, fr, en string) view {
	v := view{View: p.pages.View(r), Wallet: p.WalletURL, Portal: p.WalletURL + "/login-page"}
	v.Title = v.T(fr, en)
	return v
}

// loginPage shows the two ways to log in.
func (p *Provider) loginPage(w http.ResponseWriter, r *http.Request, settings *Settings, l *login) error {
	return p.loginPageWith(w, r, settings, l, nil)
}

func (p *Provider) loginPageWith(w http.ResponseWriter, r *http.Request, settings *Settings, l *login,
	wrong *problem) error {
	v := struct {
		view
		Identifier string
		CardURL    string
		Remember   bool
		Four       bool
	}{view: p.view(r, "Connectez-vous", "Log in"), Identifier: l.Hint, Four: settings.Tabs == 4}
	id := remembered(r)
	v.Remember = id != ""
	if r.PostForm.Has("identifiant") { // the form comes back, as it was sent
		v.Remember = r.PostForm.Get("memoriser") != ""
	} else if l.Hint == "" {
		v.Identifier = id
	}
	c, err := p.client(r.Context(), l.Client)
	if err != nil {
		return err
	}
	v.Client = portalName
	if c != nil {
		v.Client = c.Name
	}
	if v.Login, err = p.seal(l); err != nil {
		return err
	}
	v.Problem = wrong
	v.CardURL = v.To(p.CardURL + "/carte?login=" + v.Login)
	status := http.StatusOK
	if wrong != nil {
		status = http.StatusUnprocessableEntity
	}
	// Chromium applies the policy to where the answer to the form redirects to, too: to the client,
	// when the phone has approved already.
	p.pages.RenderForm(w, status, "login.html", v.Lang, v, web.Self, l.Redirect)
	return nil
}

// onwardPage ends the way of the login page's form, in a browser whose request has its answer
// already. From there the browser goes on by itself, as by a link: the client may send it anywhere,
// and the content policy of the form's page holds no longer.
func (p *Provider) onwardPage(w http.ResponseWriter, r *http.Request, to string) {
	v := struct {
		view
		Next string
	}{p.view(r, "Authentification", "Authentication"), to}
	w.Header().Set("Refresh", "0; url="+to)
	p.pages.Render(w, http.StatusOK, "onward.html", v.Lang, v)
}

// waitPage shows the number and the countdown. It reloads itself, with a script and without.
func (p *Provider) waitPage(w http.ResponseWriter, r *http.Request, settings *Settings, l *login,
	asked *ecps.Request) error {
	v := struct {
		view
		Number string
		Left   int
	}{view: p.view(r, "Authentification", "Authentication"), Number: asked.Number, Left: p.left(asked)}
	v.Live, v.Client, v.Login = true, asked.Client(), r.Form.Get("login")
	w.Header().Set("Refresh", "3")
	p.pages.Render(w, http.StatusOK, "wait.html", v.Lang, v)
	return nil
}

// problemPage says what ended the login, with a way back to the login page where there is one.
func (p *Provider) problemPage(w http.ResponseWriter, r *http.Request, status int, what *problem, l *login) {
	v := p.view(r, what.Title.FR, what.Title.EN)
	v.Problem = what
	if l != nil {
		l.Request, l.Auth = "", nil
		v.Login, _ = p.seal(l) // without it the page has no way back
	}
	p.pages.Render(w, status, "problem.html", v.Lang, v)
}

func (p *Provider) notFoundPage(w http.ResponseWriter, r *http.Request) {
	p.problemPage(w, r, http.StatusNotFound, problemNotFound(), nil)
}

// errorPage says what is wrong with a client's request. It goes to the person who is in front of
// the browser: during a test that is the developer.
func (p *Provider) errorPage(w http.ResponseWriter, r *http.Request, call *Call, text string, code Code, seen string) {
	call.found(code, seen)
	call.Error = text
	v := struct {
		view
		Text    string
		Seen    string
		Mistake *Mistake
	}{view: p.view(r, "Nous sommes désolés", "We are sorry"), Text: text, Seen: seen, Mistake: mistakeOf(code)}
	p.pages.Render(w, http.StatusBadRequest, "error.html", v.Lang, v)
}

// closedPage says that the session is closed, with a link back to the client where there is one.
func (p *Provider) closedPage(w http.ResponseWriter, r *http.Request, back string) {
	v := struct {
		view
		Back string
	}{p.view(r, "Session fermée", "Session closed"), back}
	p.pages.Render(w, http.StatusOK, "closed.html", v.Lang, v)
}

// cardPage says why a card does not log in.
func (p *Provider) cardPage(w http.ResponseWriter, r *http.Request, l *login, report *verify.Report,
	wrong *problem) error {
	v := struct {
		view
		Check  *verify.Check
		Card   *verify.Card
		NoCard bool
		Fresh  string
	}{view: p.view(r, "Connexion par carte", "Login by card")}
	v.Problem = wrong
	if report != nil {
		v.Card = report.Card
		if wrong == nil {
			v.Check = report.Failed()
		}
		v.NoCard = report.Verdict == "TLS-NOCERT"
	}
	if l != nil {
		v.Client = l.Client
		var err error
		if v.Login, err = p.seal(l); err != nil {
			return err
		}
	}
	p.pages.Render(w, http.StatusForbidden, "card.html", v.Lang, v)
	return nil
}

// requestsPage shows the CIBA requests that wait for a card.
func (p *Provider) requestsPage(w http.ResponseWriter, r *http.Request, person string,
	list map[string]*cibaRequest) error {
	v := struct {
		view
		Person string
		List   map[string]*cibaRequest
	}{view: p.view(r, "Demandes d'authentification par carte",
		"Authentication requests by card"), Person: person, List: list}
	w.Header().Set("Refresh", "3")
	p.pages.Render(w, http.StatusOK, "requests.html", v.Lang, v)
	return nil
}

// csrf is the token of a session's forms.
func csrf(r *http.Request) string {
	cookie, err := r.Cookie(sessionCookie)
	if err != nil {
		return ""
	}
	return digest("csrf " + cookie.Value)
}

// ownForm tells whether a form was sent by this session's own page.
func ownForm(r *http.Request) bool {
	want := csrf(r)
	return want != "" && web.SameOrigin(r) && subtle.ConstantTimeCompare([]byte(want),
		[]byte(r.PostForm.Get("jeton"))) == 1
}

// formPost sends the browser back by a form (OAuth 2.0 Form Post Response Mode). Its content policy
// allows the client's address and the script that sends the form, and nothing else.
func (p *Provider) formPost(w http.ResponseWriter, r *http.Request, to string, params [][2]string) {
	v := struct {
		view
		To     string
		Params [][2]string
	}{view: p.view(r, "Retour au service", "Back to the service"), To: to, Params: params}
	v.Live = true
	p.pages.RenderForm(w, http.StatusOK, "formpost.html", v.Lang, v, to)
}
