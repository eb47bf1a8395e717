package access

import (
	"context"
	"crypto/subtle"
	"embed"
	"encoding/base64"
	"encoding/json"
	"io/fs"
	"log/slog"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/igc-lab/igc/internal/i18n"
	"github.com/igc-lab/igc/internal/web"
)

// Sealer encrypts what a browser keeps: the lab.
type Sealer interface {
	Seal(purpose string, plain []byte) ([]byte, error)
	Unseal(purpose string, sealed []byte) ([]byte, error)
}

// LoginOptions are what a login is made from. All are required.
type LoginOptions struct {
	Registry *Registry
	Seal     Sealer
	Limiter  *Limiter
	Path     string // of its page: /connexion
	Home     string // where a browser goes that came from nowhere
	Log      *slog.Logger
}

// Login lets a person's browser in by a token that is typed once, where no certificate is asked
// for. The browser keeps a sealed cookie for half a day. It is worth what the token is worth: it
// ends with it, and is refused once the token is removed.
type Login struct {
	LoginOptions
	pages *web.Pages
}

//go:embed html
var htmlFiles embed.FS

// NewLogin makes a login.
func NewLogin(options LoginOptions) *Login {
	files, err := fs.Sub(htmlFiles, "html")
	if err != nil {
		panic(err) // they are embedded
	}
	return &Login{options, web.NewPages(web.PageOptions{Site: "IGC", Templates: files, Forms: true, Log: options.Log})}
}

const (
	// sessionCookie has a name by which browsers take it over TLS and from this host only.
	sessionCookie  = "__Host-igc-acces"
	sessionPurpose = "access.session"
	sessionLasts   = 12 * time.Hour
	maxLoginForm   = 4 << 10
)

// session is what the cookie holds, sealed.
type session struct {
	Token string    `json:"token"` // its name
	Hash  string    `json:"hash"`  // of the token that was typed: another of the same name is not it
	Ends  time.Time `json:"ends"`
}

// Handler serves the page and its forms, under [LoginOptions].Path and a slash.
func (l *Login) Handler() http.Handler {
	origin := http.NewCrossOriginProtection()
	mux := http.NewServeMux()
	mux.HandleFunc("GET "+l.Path, func(w http.ResponseWriter, r *http.Request) { l.page(w, r, http.StatusOK, nil) })
	mux.HandleFunc("POST "+l.Path, l.enter)
	mux.HandleFunc("POST "+l.Path+"/fin", func(w http.ResponseWriter, r *http.Request) {
		l.setCookie(w, "", -1)
		web.NoStore(w)
		http.Redirect(w, r, l.Path, http.StatusSeeOther)
	})
	return web.SecurityHeaders(origin.Handler(mux))
}

// page shows the form, after a refusal or not.
func (l *Login) page(w http.ResponseWriter, r *http.Request, status int, denied *Denied) {
	data := struct {
		web.View
		Path, Next string
		In         string // the name of the token by which the browser is in
		Denied     *i18n.Text
	}{View: l.pages.View(r), Path: l.Path, Next: l.next(r.FormValue("vers"))}
	data.Title = data.T("Connexion", "Log in")
	if denied != nil {
		text := denied.Text()
		data.Denied = &text
	} else if c, err := l.caller(r); err == nil && c != nil {
		data.In = c.Name
	}
	l.pages.Render(w, status, "login.html", data.Lang, data)
}

// next is where a browser goes once it is in: a path of this server, and no other server's.
func (l *Login) next(wanted string) string {
	u, err := url.Parse(wanted)
	if err != nil || u.Scheme != "" || u.Host != "" || u.Opaque != "" || !strings.HasPrefix(u.Path, "/") ||
		strings.HasPrefix(u.Path, "//") || strings.ContainsAny(wanted, "\\\t\r\n") || u.Path == l.Path {
		return l.Home
	}
	return u.RequestURI()
}

func (l *Login) enter(w http.ResponseWriter, r *http.Request) {
	r.Body = http.MaxBytesReader(w, r.Body, maxLoginForm)
	if err := r.ParseForm(); err != nil {
		l.page(w, r, http.StatusBadRequest, &Denied{Code: DeniedTokenForm})
		return
	}
	typed := strings.TrimSpace(r.PostForm.Get("jeton"))
	t, err := l.Registry.find(r.Context(), typed)
	var denied *Denied
	switch {
	case err != nil:
		l.Log.Error("access", "err", err)
		denied = &Denied{Code: DeniedFailure}
	case t == nil:
		denied = &Denied{Code: DeniedToken}
		if wait := l.Limiter.failure(addressOf(r)); wait > 0 {
			denied = &Denied{Code: DeniedAttempts, RetryAfter: wait}
		}
	case t.Ended(l.Registry.Now()):
		denied = &Denied{Code: DeniedTokenEnded}
	default:
		plain, err := json.Marshal(session{t.Name, t.Hash, l.Registry.now().Add(sessionLasts)})
		var sealed []byte
		if err == nil {
			sealed, err = l.Seal.Seal(sessionPurpose, plain)
		}
		if err != nil {
			l.Log.Error("access", "err", err)
			denied = &Denied{Code: DeniedFailure}
			break
		}
		l.setCookie(w, base64.RawURLEncoding.EncodeToString(sealed), 0)
		web.NoStore(w)
		http.Redirect(w, r, l.next(r.PostForm.Get("vers")), http.StatusSeeOther)
		return
	}
	denied.SetHeaders(w.Header())
	l.page(w, r, denied.Status(), denied)
}

func (l *Login) setCookie(w http.ResponseWriter, value string, age int) {
	http.SetCookie(w, &http.Cookie{Name: sessionCookie, Value: value, Path: "/", MaxAge: age, HttpOnly: true,
		Secure:   true,
		SameSite: http.SameSiteStrictMode})
}

// caller is whose browser it is; nil when it is nobody's, or no longer.
func (l *Login) caller(r *http.Request) (*Caller, error) {
	for _, cookie := range r.CookiesNamed(sessionCookie) {
		sealed, err := base64.RawURLEncoding.DecodeString(cookie.Value)
		if err != nil {
			continue
		}
		plain, err := l.Seal.Unseal(sessionPurpose, sealed)
		var s session
		if err != nil || json.Unmarshal(plain, &s) != nil || !l.Registry.Now().Before(s.Ends) {
			continue
		}
		t, err := l.Registry.byName(r.Context(), s.Token)
		if err != nil {
			return nil, err
		}
		if t != nil && subtle.ConstantTimeCompare([]byte(t.Hash), []byte(s.Hash)) == 1 && !t.Ended(l.Registry.Now()) {
			if err := l.Registry.used(context.WithoutCancel(r.Context()), t); err != nil {
				l.Log.Error("token", "name", t.Name, "err", err)
			}
			return t.caller(), nil
		}
	}
	return nil, nil
}

// Refuse answers a request without a caller: a browser that only reads goes to the page, and a
// program has the reason.
func (l *Login) Refuse(w http.ResponseWriter, r *http.Request, d *Denied) {
	if d.Code == DeniedNobody && isRead(r.Method) && strings.Contains(r.Header.Get("Accept"), "text/html") {
		web.NoStore(w)
		query := url.Values{"vers": {r.URL.RequestURI()}}
		if lang := web.ChosenLanguage(r); lang != "" {
			query.Set("lang", string(lang))
		}
		http.Redirect(w, r, l.Path+"?"+query.Encode(), http.StatusSeeOther)
		return
	}
	d.Write(w, r)
}
