package psc

import (
	"errors"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"time"

	"github.com/igc-lab/igc/internal/web"
	"github.com/igc-lab/igc/services/ecps"
)

// WalletHandler serves the login pages.
func (p *Provider) WalletHandler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /auth", p.endpoint("authorize", p.authorize))
	mux.HandleFunc("POST /auth", p.endpoint("authorize", p.authorize))
	mux.HandleFunc("POST /auth/e-cps", p.page(p.askPhone))
	mux.HandleFunc("GET /auth/attente", p.page(p.wait))
	mux.HandleFunc("GET /auth/attente.json", p.page(p.waitJSON))
	mux.HandleFunc("GET /auth/quitter", p.page(p.quit))
	mux.HandleFunc("GET /auth/retour", p.page(p.again))
	mux.HandleFunc("GET /auth/carte", p.page(p.fromCard))
	mux.HandleFunc("GET /auth/portail", p.page(p.portalLogin))
	p.portal(mux)
	mux.HandleFunc("/", p.notFoundPage)
	return web.SecurityHeaders(mux)
}

// page makes an HTTP handler of a page of a login. A client did not call it, so it is not
// remembered as one unless the browser goes back to the client with an error.
func (p *Provider) page(h handler) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		ctx, cancel := web.Detach(r.Context())
		defer cancel()
		r = r.WithContext(ctx)
		r.Body = http.MaxBytesReader(w, r.Body, maxForm)
		call := Call{At: p.Now().UTC(), Endpoint: "login"}
		begun := time.Now()
		rec := &recorder{w, http.StatusOK}
		settings, err := p.current(ctx)
		if err == nil {
			if err = parseForm(r); err == nil {
				err = h(rec, r, &call, settings)
			}
		}
		var wrong *failure
		switch {
		case errors.As(err, &wrong):
			p.problemPage(rec, r, http.StatusBadRequest, problemForm(), nil)
		case err != nil:
			p.Log.Error("PSC", "page", r.URL.Path, "err", err)
			if _, away := web.Away(err); away {
				web.AskAgain(w.Header())
				p.problemPage(rec, r, http.StatusServiceUnavailable, problemAway(), nil)
				break
			}
			p.problemPage(rec, r, http.StatusInternalServerError, problemInternal(), nil)
		}
		if call.Client != "" {
			call.Status, call.Took = rec.status, time.Since(begun)
			p.Requests.add(call)
		}
	}
}

// opened opens the login that a page is about; when there is none it says so, and returns nil.
func (p *Provider) opened(w http.ResponseWriter, r *http.Request, settings *Settings) *login {
	l := p.open(r, r.Form.Get("login"), settings)
	if l == nil {
		p.problemPage(w, r, http.StatusBadRequest, problemTooOld(), nil)
	}
	return l
}

var (
	bareRPPS = regexp.MustCompile(`^[0-9]{11}$`)
	// The forms of identifiers (reference §8.2, flow A, step 3).
	identifiers = regexp.MustCompile(`^(8[0-9]{11}|ANS[0-9]{14}|[13][0-9A-Z]{9,10}/[A-Z0-9]+|5[0-9]{14}/[A-Z0-9]+)$`)
	spaces      = strings.NewReplacer(" ", "", "\u00a0", "", "\u202f", "", "\t", "")
)

// wrongIdentifier says what is wrong with an identifier that was typed; nil when nothing is.
func wrongIdentifier(id string) *problem {
	switch {
	case id == "":
		return problemNoIdentifier()
	case bareRPPS.MatchString(id):
		return problemNo8().about(id)
	case !identifiers.MatchString(id):
		return problemIdentifier()
	}
	return nil
}

// askPhone sends the person's phone an authentication request.
func (p *Provider) askPhone(w http.ResponseWriter, r *http.Request, call *Call, settings *Settings) error {
	if !web.SameOrigin(r) {
		p.problemPage(w, r, http.StatusForbidden, problemOrigin(), nil)
		return nil
	}
	l := p.opened(w, r, settings)
	if l == nil {
		return nil
	}
	id := strings.ToUpper(spaces.Replace(r.PostForm.Get("identifiant")))
	l.Hint = id
	keep := r.PostForm.Get("memoriser") != ""
	if !keep {
		if _, err := r.Cookie(memoryCookie); err == nil {
			remember(w, "")
		}
	}
	if wrong := wrongIdentifier(id); wrong != nil {
		return p.loginPageWith(w, r, settings, l, wrong)
	}
	person, err := p.person(r.Context(), id)
	if err != nil {
		return err
	}
	if person == nil {
		return p.loginPageWith(w, r, settings, l, problemUnknown())
	}
	if keep {
		remember(w, id)
	}
	c, err := p.client(r.Context(), l.Client)
	if err != nil {
		return err
	}
	name := portalName
	if c != nil {
		name = c.Name
	}
	asked, err := p.ECPS.Ask(r.Context(), ecps.Asked{Person: id, ClientID: l.Client, ClientName: name, TTL: phoneTTL})
	if wrong := problemOfECPS(ecps.Code(ecpsCode(err)), id); wrong != nil {
		return p.loginPageWith(w, r, settings, l, wrong)
	}
	if err != nil {
		return err
	}
	l.Request = asked.ID
	sealed, err := p.seal(l)
	if err != nil {
		return err
	}
	next := "/auth/attente?" + withLang(r, url.Values{"login": {sealed}}).Encode()
	if !asked.State.Pending() && r.Header.Get("Sec-Fetch-Mode") == "navigate" {
		p.onwardPage(w, r, next)
		return nil
	}
	http.Redirect(w, r, next, http.StatusSeeOther)
	return nil
}

// phoneTTL is how long the person has to answer on the phone.
const phoneTTL = 120 * time.Second

func withLang(r *http.Request, v url.Values) url.Values {
	if lang := web.ChosenLanguage(r); lang != "" {
		v.Set("lang", string(lang))
	}
	return v
}

// onPhone is the request on the phone that a login waits for; nil when the page is answered.
func (p *Provider) onPhone(w http.ResponseWriter, r *http.Request, settings *Settings) (*login, *ecps.Request, error) {
	l := p.opened(w, r, settings)
	if l == nil || l.Request == "" {
		if l != nil {
			p.problemPage(w, r, http.StatusBadRequest, problemTooOld(), nil)
		}
		return nil, nil, nil
	}
	asked, err := p.ECPS.Get(r.Context(), l.Request)
	return l, asked, err
}

// wait shows the number while the person answers, and goes on when they have.
func (p *Provider) wait(w http.ResponseWriter, r *http.Request, call *Call, settings *Settings) error {
	l, asked, err := p.onPhone(w, r, settings)
	if asked == nil || err != nil {
		return err
	}
	switch asked.State {
	case ecps.StateApproved:
		return p.finish(w, r, call, settings, l, proof{Person: asked.Person, Mode: modeMobile, At: asked.Answered})
	case ecps.StateRefused:
		return p.back(w, r, call, l, "access_denied", "refused on the phone")
	case ecps.StateExpired:
		p.problemPage(w, r, http.StatusOK, problemExpired(), l)
		return nil
	case ecps.StateBlocked:
		p.problemPage(w, r, http.StatusOK, problemBlocked().about(asked.Person), l)
		return nil
	}
	return p.waitPage(w, r, settings, l, asked)
}

// waitJSON is what the page's script polls.
func (p *Provider) waitJSON(w http.ResponseWriter, r *http.Request, _ *Call, settings *Settings) error {
	_, asked, err := p.onPhone(w, r, settings)
	if asked == nil || err != nil {
		return err
	}
	p.json(w, http.StatusOK, struct {
		Wait    bool `json:"wait"`
		Seconds int  `json:"seconds"`
	}{asked.State.Pending(), p.left(asked)})
	return nil
}

// left is how many seconds are left to answer.
func (p *Provider) left(asked *ecps.Request) int {
	return max(0, int(asked.Expires.Sub(p.Now()).Seconds()))
}

// quit gives up a login: the client is told.
func (p *Provider) quit(w http.ResponseWriter, r *http.Request, call *Call, settings *Settings) error {
	l := p.opened(w, r, settings)
	if l == nil {
		return nil
	}
	if l.Request != "" {
		if err := p.ECPS.Cancel(r.Context(), l.Request); err != nil && ecpsCode(err) == "" {
			return err
		}
	}
	return p.back(w, r, call, l, "access_denied", "")
}

// back sends the browser back to the client with an error, or to the portal's page.
func (p *Provider) back(w http.ResponseWriter, r *http.Request, call *Call, l *login, e, description string) error {
	if l.Portal {
		http.Redirect(w, r, "/login-page", http.StatusFound)
		return nil
	}
	call.Client = l.Client
	p.deny(w, r, call, l, fault(0, e, description, "", ""))
	return nil
}

// again shows the login page again, for another try.
func (p *Provider) again(w http.ResponseWriter, r *http.Request, _ *Call, settings *Settings) error {
	l := p.opened(w, r, settings)
	if l == nil {
		return nil
	}
	l.Request, l.Auth = "", nil
	return p.loginPage(w, r, settings, l)
}

// fromCard goes on with a login that the card's server sends back with the proof.
func (p *Provider) fromCard(w http.ResponseWriter, r *http.Request, call *Call, settings *Settings) error {
	l := p.opened(w, r, settings)
	if l == nil {
		return nil
	}
	if l.Auth == nil || p.Now().Sub(l.Auth.At) > proofTTL {
		p.problemPage(w, r, http.StatusBadRequest, problemTooOld(), nil)
		return nil
	}
	return p.finish(w, r, call, settings, l, *l.Auth)
}

// finish opens the person's session in this browser and gives the client its code. The session that
// the browser had before ends when it was somebody else's; its cookie is never taken over.
func (p *Provider) finish(w http.ResponseWriter, r *http.Request, call *Call, settings *Settings, l *login,
	by proof) error {
	person, err := p.person(r.Context(), by.Person)
	if err != nil {
		return err
	}
	if person == nil {
		p.problemPage(w, r, http.StatusForbidden, problemUnknown(), l)
		return nil
	}
	if gone, err := p.revoked(r.Context(), by.Card); err != nil {
		return err
	} else if gone {
		p.problemPage(w, r, http.StatusForbidden, problemRevoked(), l)
		return nil
	}
	call.Client, call.Person = l.Client, by.Person
	old, version, err := p.browserSession(r, settings)
	if err != nil {
		return err
	}
	secret := random()
	o := &opening{s: &session{SID: uuid(), Person: by.Person}, secret: secret, update: func(s *session) {
		s.Mode, s.AuthTime, s.Card, s.Cookie = by.Mode, by.At, by.Card, digest(secret)
	}}
	if old != nil && old.Person == by.Person {
		o.s, o.version = old, version
	}
	if l.Portal {
		err = p.openPortal(w, r, settings, l, o)
	} else {
		err = p.giveCode(w, r, call, settings, l, o)
	}
	if o.done && old != nil && old.Person != by.Person {
		err = p.endSession(r.Context(), old)
	}
	if err != nil {
		return err
	}
	// A card that is revoked at this moment: StatusChanged has seen the session, or this sees the
	// card.
	if gone, err := p.revoked(r.Context(), by.Card); err != nil || gone {
		return errors.Join(err, p.endSession(r.Context(), o.s))
	}
	return nil
}
