package portal

import (
	"errors"
	"net/http"

	"golang.org/x/oauth2"

	"github.com/igc-lab/igc/internal/i18n"
)

// withSession answers a form of a session, whose calls of the provider follow one another.
func (p *Portal) withSession(h func(w http.ResponseWriter, r *http.Request, n *session) error) handler {
	return func(w http.ResponseWriter, r *http.Request) error {
		n, end := p.sessions.ofRequest(r)
		if n == nil {
			p.home(w, r, end)
			return nil
		}
		if !n.ownForm(r) {
			return problemForm
		}
		n.call.Lock()
		defer n.call.Unlock()
		n.got.notice = nil
		return h(w, r, n)
	}
}

// act makes calls of a session and shows it again, with what went wrong.
func (p *Portal) act(do func(r *http.Request, n *session, c *client) error) handler {
	return p.withSession(func(w http.ResponseWriter, r *http.Request, n *session) error {
		if n.got.token != nil {
			c, err := p.client(r.Context())
			if err == nil {
				err = do(r.WithContext(withJournal(p.context(r.Context()), &n.journal)), n, c)
			}
			if err != nil && !errors.As(err, &n.got.notice) {
				n.got.notice = problemProvider.because(err)
			}
		}
		redirect(w, withLang(r, "/session"))
		return nil
	})
}

func (p *Portal) refresh(r *http.Request, n *session, c *client) error {
	token, _, err := c.refresh(r.Context(), n.got.token.RefreshToken, n.got.subject)
	var refused *oauth2.RetrieveError
	if errors.As(err, &refused) && refused.ErrorCode != "" {
		return problemRefresh.seen(refused.ErrorCode + ": " + refused.ErrorDescription)
	}
	if err != nil {
		return err
	}
	p.storeTokens(n, token)
	return nil
}

func (p *Portal) introspect(r *http.Request, n *session, c *client) (err error) {
	n.got.introspection, err = c.introspect(r.Context(), n.got.token.AccessToken)
	return err
}

func (p *Portal) userinfo(r *http.Request, n *session, c *client) error {
	claims, err := c.userinfo(r.Context(), n.got.token, n.got.subject)
	if err == nil {
		n.got.userinfo = claims
	}
	return err
}

// leave ends the session of the portal alone: the next login asks the person nothing, since the
// session at Pro Santé Connect lives on.
func (p *Portal) leave(w http.ResponseWriter, r *http.Request, n *session) error {
	p.sessions.remove(n)
	setCookie(w, sessionCookie, "", 0)
	redirect(w, withLang(r, "/"))
	return nil
}

// logout ends the session of the portal, then sends the browser to Pro Santé Connect to end it
// there.
func (p *Portal) logout(w http.ResponseWriter, r *http.Request, n *session) error {
	idToken := n.got.idToken
	p.sessions.remove(n)
	setCookie(w, sessionCookie, "", 0)
	c, err := p.client(r.Context())
	if idToken == "" || err != nil {
		redirect(w, withLang(r, "/deconnecte"))
		return err
	}
	redirect(w, c.logoutURL(idToken, p.URL+"/deconnecte"))
	return nil
}

// backchannel takes a logout token of Pro Santé Connect. That it comes twice ends nothing more.
func (p *Portal) backchannel(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Cache-Control", "no-store")
	r.Body = http.MaxBytesReader(w, r.Body, maxForm)
	refuse := func(status int, why string) {
		p.common.add(step{At: p.Now(), Title: receivedLogout, Method: r.Method, URL: p.URL + r.URL.Path,
			Status: status, Err: why, Code: source("verifyLogout")})
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(status)
		w.Write([]byte(`{"error":"invalid_request"}` + "\n"))
	}
	if err := r.ParseForm(); err != nil || r.PostForm.Get("logout_token") == "" {
		refuse(http.StatusBadRequest, "logout_token")
		return
	}
	c, err := p.client(r.Context())
	if err != nil {
		refuse(http.StatusServiceUnavailable, err.Error())
		return
	}
	sid, err := c.verifyLogout(p.context(r.Context()), r.PostForm.Get("logout_token"))
	if err != nil {
		refuse(http.StatusBadRequest, err.Error())
		return
	}
	p.sessions.endedAt(sid)
	p.common.add(step{At: p.Now(), Title: receivedLogout, Method: r.Method, URL: p.URL + r.URL.Path,
		Params: params(map[string][]string{"logout_token": {r.PostForm.Get("logout_token")},
			"sid": {sid}}), Status: http.StatusOK,
		Code: source("verifyLogout")})
	w.WriteHeader(http.StatusOK)
}

var receivedLogout = i18n.Text{FR: "Recevoir un jeton de déconnexion, et fermer la session",
	EN: "Receive a logout token, and end the session"}
