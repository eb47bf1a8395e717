package psc

import (
	"errors"
	"html/template"
	"net/http"
	"net/url"
	"slices"
	"time"

	"github.com/igc-lab/igc/internal/i18n"
	"github.com/igc-lab/igc/services/ecps"
)

// The portal is where a person activates and deletes their e-CPS, and sees and ends their sessions.
func (p *Provider) portal(mux *http.ServeMux) {
	mux.HandleFunc("GET /{$}", func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, "/login-page?"+withLang(r, url.Values{}).Encode(), http.StatusFound)
	})
	mux.HandleFunc("GET /login-page", p.page(p.landing))
	mux.HandleFunc("GET /portail/connexion", func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, "/auth/portail?"+withLang(r, url.Values{}).Encode(), http.StatusFound)
	})
	mux.HandleFunc("GET /portail", p.page(p.withSession(p.portalPage)))
	mux.HandleFunc("POST /portail/activation", p.page(p.withSession(p.activate)))
	mux.HandleFunc("GET /portail/activation", p.page(p.withSession(p.activationPage)))
	mux.HandleFunc("POST /portail/code", p.page(p.withSession(p.typeCode)))
	mux.HandleFunc("POST /portail/suppression", p.page(p.withSession(p.deleteECPS)))
	mux.HandleFunc("GET /deconnexion", p.page(p.confirmLogout))
	mux.HandleFunc("POST /deconnexion", p.page(p.doLogout))
	mux.HandleFunc("GET /deconnexion/retour", p.page(p.afterLogout))
}

func (p *Provider) landing(w http.ResponseWriter, r *http.Request, _ *Call, settings *Settings) error {
	s, _, err := p.browserSession(r, settings)
	if err != nil {
		return err
	}
	v := struct {
		view
		Open bool
	}{p.view(r, "Portail de gestion", "Management portal"), s != nil}
	p.pages.Render(w, http.StatusOK, "landing.html", v.Lang, v)
	return nil
}

// portalLogin begins a login to the portal itself. It is below /auth with the other login pages,
// where the browser remembers the identifier.
func (p *Provider) portalLogin(w http.ResponseWriter, r *http.Request, _ *Call, settings *Settings) error {
	s, _, err := p.browserSession(r, settings)
	if err != nil {
		return err
	}
	if s != nil {
		http.Redirect(w, r, "/portail?"+withLang(r, url.Values{}).Encode(), http.StatusFound)
		return nil
	}
	return p.loginPage(w, r, settings, &login{ID: uuid(), Begun: p.Now(), Browser: bind(w, r),
		Client: "portail", Portal: true})
}

// openPortal writes the session of a person who logged in to the portal.
func (p *Provider) openPortal(w http.ResponseWriter, r *http.Request, settings *Settings, l *login,
	o *opening) error {
	if done, err := p.openSession(w, r, settings, l, o); !done || err != nil {
		return err
	}
	http.Redirect(w, r, "/portail?"+withLang(r, url.Values{}).Encode(), http.StatusFound)
	return nil
}

// sessionHandler answers a page of the portal to the person of a session.
type sessionHandler func(w http.ResponseWriter, r *http.Request, settings *Settings, s *session) error

// withSession asks a browser without a session to log in, and refuses forms of other pages.
func (p *Provider) withSession(h sessionHandler) handler {
	return func(w http.ResponseWriter, r *http.Request, _ *Call, settings *Settings) error {
		s, _, err := p.browserSession(r, settings)
		if err != nil {
			return err
		}
		if s == nil {
			http.Redirect(w, r, "/login-page?"+withLang(r, url.Values{}).Encode(), http.StatusSeeOther)
			return nil
		}
		if r.Method == http.MethodPost && !ownForm(r) {
			p.problemPage(w, r, http.StatusForbidden, problemOrigin(), nil)
			return nil
		}
		return h(w, r, settings, s)
	}
}

// errNotYours is about an activation of another person.
var errNotYours = errors.New("an activation of another person")

func textOf(err error, lang i18n.Language) string { return i18n.TextOf(err).In(lang) }

// portalSession is a session as its person sees it.
type portalSession struct {
	SID     string
	Mode    string
	At      time.Time
	Clients []string
	This    bool
}

func (p *Provider) portalPage(w http.ResponseWriter, r *http.Request, settings *Settings, s *session) error {
	v := struct {
		view
		CSRF     string
		Name, ID string
		Card     bool
		Device   *ecps.Device
		Sessions []portalSession
		Logins   []ecps.Request
	}{view: p.view(r, "Mon portail", "My portal"), CSRF: csrf(r), ID: s.Person, Card: s.Mode == modeCard}
	person, err := p.person(r.Context(), s.Person)
	if err != nil {
		return err
	}
	if person != nil {
		v.Name = person.DisplayName()
	}
	if v.Device, err = p.ECPS.Device(r.Context(), s.Person); err != nil && ecpsCode(err) == "" {
		return err
	}
	if v.Logins, err = p.ECPS.Requests(r.Context(), s.Person); err != nil {
		return err
	}
	if v.Sessions, err = p.portalSessions(r, settings, s); err != nil {
		return err
	}
	p.pages.Render(w, http.StatusOK, "portal.html", v.Lang, v)
	return nil
}

// portalSessions are the live sessions of the person of a session.
func (p *Provider) portalSessions(r *http.Request, settings *Settings, own *session) (list []portalSession, err error) {
	all, err := p.sessionsOf(r.Context(), own.Person, settings)
	for _, s := range all {
		shown := portalSession{SID: s.SID, Mode: s.Mode, At: s.AuthTime, This: s.SID == own.SID}
		for _, g := range s.Grants {
			if !slices.Contains(shown.Clients, g.Client) {
				shown.Clients = append(shown.Clients, g.Client)
			}
		}
		list = append(list, shown)
	}
	return list, err
}

// activate begins the activation of an e-CPS with the card that the session was opened with.
func (p *Provider) activate(w http.ResponseWriter, r *http.Request, _ *Settings, s *session) error {
	if s.Mode != modeCard || r.PostForm.Get("cgu") == "" {
		http.Redirect(w, r, "/portail?"+withLang(r, url.Values{}).Encode(), http.StatusSeeOther)
		return nil
	}
	a, err := p.ECPS.BeginWithCard(r.Context(), s.Person)
	if err != nil {
		return err
	}
	http.Redirect(w, r, "/portail/activation?"+withLang(r, url.Values{"id": {a.ID}}).Encode(), http.StatusSeeOther)
	return nil
}

func (p *Provider) activationPage(w http.ResponseWriter, r *http.Request, _ *Settings, s *session) error {
	return p.showActivation(w, r, s, r.Form.Get("id"), nil)
}

func (p *Provider) showActivation(w http.ResponseWriter, r *http.Request, s *session, id string, wrong error) error {
	a, err := p.ECPS.Activation(r.Context(), id)
	if err == nil && a.Person != s.Person {
		err = errNotYours
	}
	if err != nil {
		if ecpsCode(err) == "" && err != errNotYours {
			return err
		}
		p.problemPage(w, r, http.StatusNotFound, problemTooOld(), nil)
		return nil
	}
	v := struct {
		view
		CSRF   string
		A      ecps.Activation
		Left   int
		Wrong  string
		Image  template.HTML
		Done   bool
		Ended  bool
		Typing bool
	}{view: p.view(r, "Activation de l'e-CPS", "Activation of the e-CPS"), CSRF: csrf(r), A: a,
		Left: max(0, int(a.QRExpires.Sub(p.Now()).Seconds())), Done: a.Step == ecps.StepActive,
		Ended:  a.Step == ecps.StepEnded,
		Typing: a.Step == ecps.StepCodeShown}
	if a.QR != "" {
		v.Image = template.HTML(a.SVG()) // made here
	}
	if wrong != nil {
		v.Wrong = textOf(wrong, v.Lang)
	}
	if !v.Done && !v.Ended && !v.Typing && r.Method == http.MethodGet {
		w.Header().Set("Refresh", "3")
	}
	p.pages.Render(w, http.StatusOK, "activation.html", v.Lang, v)
	return nil
}

// typeCode takes the code that the phone shows.
func (p *Provider) typeCode(w http.ResponseWriter, r *http.Request, _ *Settings, s *session) error {
	id := r.PostForm.Get("id")
	a, err := p.ECPS.Activation(r.Context(), id)
	if err == nil && a.Person != s.Person {
		return p.showActivation(w, r, s, id, nil)
	}
	if err == nil {
		err = p.ECPS.ConfirmCode(r.Context(), id, spaces.Replace(r.PostForm.Get("code")))
	}
	if err != nil && ecpsCode(err) == "" {
		return err
	}
	if err != nil {
		return p.showActivation(w, r, s, id, err)
	}
	// A page that reloads itself is one that was asked for, and not the answer to a form.
	http.Redirect(w, r, "/portail/activation?"+withLang(r, url.Values{"id": {id}}).Encode(), http.StatusSeeOther)
	return nil
}

func (p *Provider) deleteECPS(w http.ResponseWriter, r *http.Request, _ *Settings, s *session) error {
	if err := p.ECPS.Delete(r.Context(), "person:"+s.Person, s.Person); err != nil && ecpsCode(err) == "" {
		return err
	}
	http.Redirect(w, r, "/portail?"+withLang(r, url.Values{}).Encode(), http.StatusSeeOther)
	return nil
}

// confirmLogout asks the person whether to close the session, when a client asked without saying
// whose.
func (p *Provider) confirmLogout(w http.ResponseWriter, r *http.Request, _ *Call, settings *Settings) error {
	s, _, err := p.browserSession(r, settings)
	if err != nil {
		return err
	}
	if s == nil {
		p.closedPage(w, r, "")
		return nil
	}
	v := struct {
		view
		CSRF, ClientID, Back, State string
	}{p.view(r, "Déconnexion", "Logout"), csrf(r), r.Form.Get("client_id"), r.Form.Get("post_logout_redirect_uri"),
		r.Form.Get("state")}
	p.pages.Render(w, http.StatusOK, "logout.html", v.Lang, v)
	return nil
}

func (p *Provider) doLogout(w http.ResponseWriter, r *http.Request, call *Call, settings *Settings) error {
	s, _, err := p.browserSession(r, settings)
	if err != nil {
		return err
	}
	if s != nil {
		if !ownForm(r) {
			p.problemPage(w, r, http.StatusForbidden, problemOrigin(), nil)
			return nil
		}
		if err := p.endSession(r.Context(), s); err != nil {
			return err
		}
	}
	endCookie(w, sessionCookie)
	back := r.PostForm.Get("post_logout_redirect_uri")
	c, err := p.client(r.Context(), r.PostForm.Get("client_id"))
	if err != nil {
		return err
	}
	if c == nil || !slices.Contains(c.PostLogoutRedirectURIs, back) {
		back = ""
	}
	http.Redirect(w, r, "/deconnexion/retour?"+withLang(r, url.Values{"client_id": {r.PostForm.Get("client_id")},
		"post_logout_redirect_uri": {back}, "state": {r.PostForm.Get("state")}}).Encode(), http.StatusSeeOther)
	return nil
}

// afterLogout sends the browser back to the client. It is a page of its own, since a content policy
// of forms holds for where their answer redirects to as well.
func (p *Provider) afterLogout(w http.ResponseWriter, r *http.Request, _ *Call, settings *Settings) error {
	c, err := p.client(r.Context(), r.Form.Get("client_id"))
	if err != nil {
		return err
	}
	back := r.Form.Get("post_logout_redirect_uri")
	if c == nil || !slices.Contains(c.PostLogoutRedirectURIs, back) {
		p.closedPage(w, r, "")
		return nil
	}
	state := r.Form.Get("state")
	p.closedPage(w, r, p.backTo(settings, back, state))
	return nil
}
