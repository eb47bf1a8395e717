package pages

import (
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"embed"
	"encoding/base64"
	"errors"
	"io/fs"
	"log/slog"
	"net/http"
	"net/url"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/igc-lab/igc/access"
	"github.com/igc-lab/igc/ca/store"
	"github.com/igc-lab/igc/internal/i18n"
	"github.com/igc-lab/igc/internal/web"
	"github.com/igc-lab/igc/services/orders"
	"github.com/igc-lab/igc/verify"
)

// Options are what the pages are made from. All are required but Log.
type Options struct {
	Desk   *orders.Desk
	Caller func(*http.Request) (*access.Caller, error) // who visits; an error says why nobody may
	Roles  *access.Registry                            // who holds which role
	Prefix string                                      // path of the pages, with a slash at its end
	Menu   *web.Menu                                   // of the port that serves the pages; nil for their own
	Log    *slog.Logger
}

// Pages serve the ordering platform. Make them with [New].
type Pages struct {
	Options
	pages *web.Pages
	key   [32]byte // of the tokens of forms
}

//go:embed html
var htmlFiles embed.FS

//go:embed pages.css
var style string

// New makes the pages.
func New(o Options) *Pages {
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	files, err := fs.Sub(htmlFiles, "html")
	if err != nil {
		panic(err) // they are embedded
	}
	p := &Pages{Options: o, pages: web.NewPages(web.PageOptions{Site: "Commandes", Templates: files, Style: style,
		Forms: true, Menu: o.Menu, Log: o.Log})}
	rand.Read(p.key[:]) // never fails
	return p
}

// maxForm bounds what a form sends: a certification request is the longest part, or a file of
// orders.
const maxForm = 1 << 20

// Handler serves the pages under their prefix, which requests still have.
func (p *Pages) Handler() http.Handler {
	mux := http.NewServeMux()
	get := func(path string, h handler) { mux.HandleFunc("GET "+p.Prefix+path, p.page(h)) }
	post := func(path string, h handler) { mux.HandleFunc("POST "+p.Prefix+path, p.page(p.form(h))) }
	get("{$}", p.home)
	get("demander", p.offers) // with an offer and a usage in the query, the form
	post("demander", p.ask)
	get("roles", p.roles)
	post("roles", p.grant)
	post("roles/fin", p.endGrant)
	get("lot", p.batchForm)
	post("lot", p.batch)
	get("{number}", p.order)
	get("{number}/certificat/{role}", p.certificate)
	post("{number}/retirer", p.withdraw)
	post("{number}/telecharger", p.download)
	post("{number}/refaire", p.redraw)
	post("{number}/revoquer", p.revoke)
	mux.HandleFunc("/", p.page(func(http.ResponseWriter, *http.Request, *access.Caller) error {
		return errNoPage
	}))
	return web.SecurityHeaders(mux)
}

var (
	errNoPage = store.Errorf(store.NotFound, "there is no page at this address")
	errForm   = &formError{}
)

// formError is a form that was not sent by a page of these, shown to this visitor.
type formError struct{}

func (*formError) Error() string { return formText.EN }
func (*formError) Text() i18n.Text {
	return formText
}

var formText = i18n.Text{FR: "ce formulaire est trop ancien, ou vient d'une autre page : rechargez celle-ci et " +
	"recommencez", EN: "this form is too old, or of another page: reload this one and try again"}

type handler func(http.ResponseWriter, *http.Request, *access.Caller) error

// page finds out who visits, and answers with a page when something is refused.
func (p *Pages) page(h handler) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		r.Body = http.MaxBytesReader(w, r.Body, maxForm)
		caller, err := p.Caller(r)
		if err == nil {
			err = h(w, r, caller)
		}
		if err != nil && !errors.Is(err, context.Canceled) {
			p.problem(w, r, caller, err)
		}
	}
}

// form lets through what a page of these sent.
func (p *Pages) form(h handler) handler {
	return func(w http.ResponseWriter, r *http.Request, caller *access.Caller) error {
		var err error
		if strings.HasPrefix(r.Header.Get("Content-Type"), "multipart/") {
			err = r.ParseMultipartForm(maxForm)
		} else {
			err = r.ParseForm()
		}
		given, decoded := base64.RawURLEncoding.DecodeString(r.PostFormValue("jeton"))
		if err != nil || decoded != nil || !web.SameOrigin(r) || !hmac.Equal(given, p.token(caller)) {
			return errForm
		}
		return h(w, r, caller)
	}
}

// token is bound to who visits and how: a page made for one is of no use to another.
func (p *Pages) token(c *access.Caller) []byte {
	mac := hmac.New(sha256.New, p.key[:])
	for _, part := range []string{string(c.Way), c.ID, c.Authority, c.Serial} {
		mac.Write([]byte(part))
		mac.Write([]byte{0})
	}
	return mac.Sum(nil)
}

// problem answers with the page of an error.
func (p *Pages) problem(w http.ResponseWriter, r *http.Request, caller *access.Caller, err error) {
	status, code := statusOf(err)
	text := i18n.TextOf(err)
	if status == http.StatusInternalServerError {
		p.Log.Error("orders", "path", r.URL.Path, "err", err)
		text = i18n.Text{FR: "le serveur n'a pas pu le faire ; son journal dit pourquoi",
			EN: "the server could not do it; its log says why"}
	}
	if away, ok := web.Away(err); ok {
		p.Log.Error("orders", "path", r.URL.Path, "err", err)
		web.AskAgain(w.Header())
		text = away
	}
	data := struct {
		view
		Message i18n.Text
		Code    string
		Back    string
		Report  *verify.Report // on a certificate that was refused
	}{view: p.view(r, caller, i18n.Text{FR: "Refusé", EN: "Refused"}), Message: text, Code: code, Back: p.Prefix}
	var denied *access.Denied
	if errors.As(err, &denied) {
		denied.SetHeaders(w.Header())
		data.Report = denied.Report
	}
	if status == http.StatusNotFound {
		data.Title = data.T("Introuvable", "Not found")
	}
	if number := r.PathValue("number"); number != "" && status != http.StatusNotFound {
		data.Back = p.Prefix + url.PathEscape(number)
	}
	p.pages.Render(w, status, "problem.html", data.Lang, data)
}

// statusOf is the HTTP status of an error, and its code.
func statusOf(err error) (status int, code string) {
	var denied *access.Denied
	var refused *access.Refused
	var form *formError
	switch {
	case errors.As(err, &denied):
		return denied.Status(), string(denied.Code)
	case errors.As(err, &refused):
		return http.StatusForbidden, string(refused.Code)
	case errors.As(err, &form):
		return http.StatusForbidden, "ORDER-FORM"
	}
	code = string(orders.CodeOf(err))
	if err == nil {
		return http.StatusOK, ""
	}
	switch store.KindOf(err) {
	case store.Invalid:
		return http.StatusUnprocessableEntity, code
	case store.NotFound:
		return http.StatusNotFound, code
	case store.Conflict:
		return http.StatusConflict, code
	case store.Unavailable, store.Unanswered:
		return http.StatusServiceUnavailable, code
	}
	return http.StatusInternalServerError, code
}

// view is what every page is made from.
type view struct {
	web.View
	Caller *access.Caller
	Prefix string
	Token  string
}

func (p *Pages) view(r *http.Request, caller *access.Caller, title i18n.Text) view {
	v := view{View: p.pages.View(r), Caller: caller, Prefix: p.Prefix}
	v.Title = v.Say(title)
	if caller != nil {
		v.Token = base64.RawURLEncoding.EncodeToString(p.token(caller))
	}
	return v
}

// Roles are the roles of the visitor, for people.
func (v view) Roles() []string {
	var list []string
	for _, g := range v.Caller.Grants {
		name := v.Say(g.Role.Name())
		if g.Structure != "" {
			name += ", " + g.Structure
		}
		list = append(list, name)
	}
	return list
}

// Link is the link to an order.
func (v view) Link(number string) string { return v.To(v.Prefix + url.PathEscape(number)) }

// Sentence writes a text that may begin with a small letter, as an error does, as a sentence.
func (v view) Sentence(t i18n.Text) string {
	text := v.Say(t)
	first, size := utf8.DecodeRuneInString(text)
	return string(unicode.ToUpper(first)) + text[size:] + "."
}
