package ecps

import (
	"embed"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/igc-lab/igc/ca/store"
	"github.com/igc-lab/igc/internal/i18n"
	"github.com/igc-lab/igc/internal/web"
)

//go:embed html
var htmlFiles embed.FS

//go:embed phone.css
var phoneStyle string

//go:embed phone.js
var phoneScript string

// Handler serves the phones of the lab, under the prefix of the options. Who opens a page holds
// that phone: the PIN is what its person knows.
func (s *Service) Handler() http.Handler {
	templates, err := fs.Sub(htmlFiles, "html")
	if err != nil {
		panic(err) // they are embedded
	}
	p := &phone{Service: s, pages: web.NewPages(web.PageOptions{Site: "e-CPS", Templates: templates, Style: phoneStyle,
		Script: phoneScript, Forms: true, App: true, Log: s.log}),
		tokens: web.Forms{Cookie: formCookie, Path: s.prefix, Purpose: formPurpose, Seal: s.options.Seal}}
	mux := http.NewServeMux()
	mux.HandleFunc("GET "+s.prefix+"{$}", p.list)
	mux.HandleFunc("GET "+s.prefix+"nouveau", p.static("new.html", i18n.Text{FR: "Nouveau téléphone", EN: "New phone"}))
	mux.HandleFunc("GET "+s.prefix+"conditions", p.static("terms.html", i18n.Text{FR: "Conditions", EN: "Terms"}))
	for path, page := range map[string]struct {
		show func(http.ResponseWriter, *http.Request, error)
		do   func(*http.Request) (next string, err error)
	}{
		"identifiant":         {p.identifierPage, p.sendIdentifier},
		"scanner":             {p.scanPage, p.scan},
		"activation/{handle}": {p.activationPage, p.activate},
		"appareil/{device}":   {p.devicePage, p.act},
	} {
		mux.HandleFunc("GET "+s.prefix+path, func(w http.ResponseWriter, r *http.Request) { page.show(w, r, nil) })
		mux.HandleFunc("POST "+s.prefix+path, func(w http.ResponseWriter, r *http.Request) {
			next, err := "", p.checkForm(w, r)
			if err == nil {
				next, err = page.do(r)
			}
			if err != nil {
				page.show(w, r, err)
				return
			}
			web.NoStore(w)
			http.Redirect(w, r, p.pages.View(r).To(next), http.StatusSeeOther)
		})
	}
	mux.HandleFunc("GET "+s.prefix+"events", p.events)
	mux.HandleFunc("GET "+s.prefix+"manifest.webmanifest", p.manifest)
	mux.HandleFunc("GET "+s.prefix+"icone.svg", svgIcon)
	mux.HandleFunc("GET "+s.prefix+"icone-192.png", pngIcon(192))
	mux.HandleFunc("GET "+s.prefix+"icone-512.png", pngIcon(512))
	mux.HandleFunc(s.prefix, func(w http.ResponseWriter, r *http.Request) { p.failed(w, r, refuse(BadAddress)) })
	return web.SecurityHeaders(mux)
}

// phone is the web pages of the phones.
type phone struct {
	*Service
	pages    *web.Pages
	tokens   web.Forms
	watchers watchers
}

// view is what every page is made from.
type view struct {
	web.View
	Prefix  string
	Token   string   // of the forms of this browser
	Events  string   // the address of the page's live events
	Failure *failure // of what was just tried
}

// failure is a refusal as a page shows it.
type failure struct {
	Code Code
	Text i18n.Text
}

// Day is a date without the time.
func (v view) Day(t time.Time) string { return v.T(t.Format("02/01/2006"), t.Format("2006-01-02")) }

// The cookie and the seal of the phone's forms, see [web.Forms].
const (
	formCookie  = "igc-telephone"
	formPurpose = "ecps.form"
)

// view begins a page.
func (p *phone) view(w http.ResponseWriter, r *http.Request, title i18n.Text, err error) view {
	v := view{View: p.pages.View(r), Prefix: p.prefix}
	v.Title = v.Say(title)
	v.Live = true
	token, sealErr := p.tokens.Token(w, r)
	if sealErr != nil {
		p.log.Error("form", "err", sealErr)
	}
	v.Token = token
	if err != nil {
		v.Failure = &failure{CodeOf(err), capital(i18n.TextOf(err))}
		if v.Failure.Code == "" { // not for the eyes of a visitor: the log has it
			v.Failure.Text = i18n.Text{FR: "Le serveur n'a pas pu le faire ; son journal dit pourquoi. Réessayez.",
				EN: "The server could not do it; its log says why. Try again."}
			if away, ok := web.Away(err); ok {
				v.Failure.Text = capital(away)
			}
		}
	}
	return v
}

// capital begins a text of its own with a capital letter, which an error does not.
func capital(t i18n.Text) i18n.Text {
	begin := func(s string) string {
		_, size := utf8.DecodeRuneInString(s)
		return strings.ToUpper(s[:size]) + s[size:]
	}
	return i18n.Text{FR: begin(t.FR), EN: begin(t.EN)}
}

// checkForm refuses a form that is not of this server's own page in the same browser.
func (p *phone) checkForm(w http.ResponseWriter, r *http.Request) error {
	if !p.tokens.Check(w, r) {
		return refuse(BadForm)
	}
	return nil
}

// isAway tells whether an error is that the lab's database does not answer.
func isAway(err error) bool {
	_, away := web.Away(err)
	return away
}

// status is the code of HTTP for a refusal. A person's mistake in a form is an answer as any other:
// browsers would note anything but 200 as a fault of the page.
func status(err error) int {
	switch {
	case err == nil:
		return http.StatusOK
	case isAway(err):
		return http.StatusServiceUnavailable
	case CodeOf(err) == "":
		return http.StatusInternalServerError
	case CodeOf(err) == BadForm:
		return http.StatusForbidden
	case store.KindOf(err) == store.NotFound:
		return http.StatusNotFound
	}
	return http.StatusOK
}

// render writes a page, after what was tried failed with an error or not.
func (p *phone) render(w http.ResponseWriter, r *http.Request, name string, lang i18n.Language, err error, data any) {
	if err != nil && CodeOf(err) == "" {
		p.log.Error("phone page", "path", r.URL.Path, "err", err)
	}
	if isAway(err) {
		web.AskAgain(w.Header())
	}
	p.pages.Render(w, status(err), name, lang, data)
}

// failed is the page of an error that has no other.
func (p *phone) failed(w http.ResponseWriter, r *http.Request, err error) {
	v := p.view(w, r, i18n.Same("e-CPS"), err)
	p.render(w, r, "failed.html", v.Lang, err, v)
}

// static is a page without data.
func (p *phone) static(name string, title i18n.Text) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		v := p.view(w, r, title, nil)
		p.render(w, r, name, v.Lang, nil, v)
	}
}

// eventsOf is the address of a page's live events.
func (p *phone) eventsOf(page, id, seen string) string {
	return p.prefix + "events?" + url.Values{"page": {page}, "id": {id}, "vu": {seen}}.Encode()
}

// listed is a phone in the list.
type listed struct {
	Link, Name, Person string
	Pending            int
	Class              string
	State              i18n.Text
}

func (p *phone) list(w http.ResponseWriter, r *http.Request) {
	phones, seen, err := p.phones(r)
	if err != nil {
		p.failed(w, r, err)
		return
	}
	data := struct {
		view
		Phones []listed
	}{p.view(w, r, i18n.Text{FR: "Téléphones", EN: "Phones"}, nil), phones}
	data.Events = p.eventsOf("liste", "", seen)
	p.render(w, r, "phones.html", data.Lang, nil, data)
}

// phones lists the phones: one for each e-CPS, and one for each activation that is under way.
func (p *phone) phones(r *http.Request) (list []listed, seen string, err error) {
	devices, err := p.Devices(r.Context())
	if err != nil {
		return nil, "", err
	}
	pending, err := p.Pending(r.Context())
	if err != nil {
		return nil, "", err
	}
	for _, d := range devices {
		if d.State == DeviceDeleted {
			continue
		}
		one := listed{Link: p.prefix + "appareil/" + d.ID, Name: d.GivenName + " " + d.FamilyName, Person: d.Person}
		one.Class, one.State = d.State.Text()
		for _, request := range pending {
			if request.Device == d.ID && request.rings() {
				one.Pending++
			}
		}
		list = append(list, one)
	}
	all, _, err := scan[activation](r.Context(), p.Service, activations, "")
	for _, a := range all {
		if a.Phone != "" && a.Step != StepActive && a.Step != StepEnded && !p.over(&a) {
			list = append(list, listed{Link: p.prefix + "activation/" + a.handle(), Name: "Activation",
				Person: a.Person,
				Class:  "note", State: stepText(a.Step)})
		}
	}
	return list, fingerprint(list), err
}

// rings reports whether the phone shows the request: a policy may be that it is off.
func (r *Request) rings() bool { return r.Policy == nil || r.Policy.Action != ActIgnore }

func (p *phone) identifierPage(w http.ResponseWriter, r *http.Request, err error) {
	data := struct {
		view
		Value string
	}{p.view(w, r, i18n.Text{FR: "Identifiant", EN: "Identifier"}, err), short(r.PostForm.Get("identifiant"))}
	p.render(w, r, "identifier.html", data.Lang, err, data)
}

// short is a text that a form gives back.
func short(s string) string {
	if len(s) > 40 {
		return ""
	}
	return s
}

func (p *phone) sendIdentifier(r *http.Request) (string, error) {
	handle, err := p.begin(r.Context(), r.PostForm.Get("identifiant"))
	return p.prefix + "activation/" + handle, err
}

func (p *phone) scanPage(w http.ResponseWriter, r *http.Request, err error) {
	data := struct {
		view
		Value  string
		ByMail bool
	}{view: p.view(w, r, i18n.Text{FR: "QR code", EN: "QR code"}, err)}
	if scanned := r.URL.Query().Get("jeton"); scanned != "" && err == nil {
		id, secret, wrong := parseScanned(scanned)
		if wrong == nil {
			var a activation
			a, _, wrong = p.readActivation(r.Context(), id)
			data.ByMail, data.Value = a.With == WithContact, id+"."+secret
		}
		if err = wrong; err != nil {
			data.view, data.Value = p.view(w, r, i18n.Text{FR: "QR code", EN: "QR code"}, err), ""
		}
	}
	p.render(w, r, "scan.html", data.Lang, err, data)
}

func (p *phone) scan(r *http.Request) (string, error) {
	handle, err := p.scanned(r.Context(), r.PostForm.Get("contenu"))
	return p.prefix + "activation/" + handle, err
}

func (p *phone) activationPage(w http.ResponseWriter, r *http.Request, err error) {
	handle := r.PathValue("handle")
	a, _, missing := p.byPhone(r.Context(), handle)
	if missing != nil {
		p.failed(w, r, missing)
		return
	}
	data := struct {
		view
		Step         Step
		Code         string
		Left         int
		Mail, Number string
		Phone        string
	}{p.view(w, r, i18n.Same("Activation"), err), a.Step, "", seconds(a.CodeEnds.Sub(p.now())), a.Mail, a.Number,
		p.prefix + "appareil/" + a.Device}
	if a.Step == StepCodeShown {
		code, failed := p.options.Seal.Unseal(shownPurpose(a.ID), a.Shown)
		if failed != nil {
			p.failed(w, r, failed)
			return
		}
		data.Code = string(code)
	}
	data.Events = p.eventsOf("activation", handle, fingerprint(a.Step))
	p.render(w, r, "activation.html", data.Lang, err, data)
}

func seconds(d time.Duration) int { return max(0, int((d+time.Second-1)/time.Second)) }

// activate is a step of an activation.
func (p *phone) activate(r *http.Request) (next string, err error) {
	ctx, handle, form := r.Context(), r.PathValue("handle"), r.PostForm
	next = r.URL.Path
	switch form.Get("action") {
	case "courriel":
		err = p.sendMail(ctx, handle)
	case "nouveau-sms":
		err = p.resendSMS(ctx, handle)
	case "sms":
		err = p.confirmSMS(ctx, handle, form.Get("code"))
	case "pin":
		_, err = p.choosePIN(ctx, handle, form.Get("pin"), form.Get("encore"))
	default:
		err = refuse(BadForm)
	}
	return next, err
}

// shownRequest is a request as the phone shows it.
type shownRequest struct {
	*Request
	Left int
}

// Step is what the phone asks: to accept, the PIN, or the number.
func (r shownRequest) Step() string {
	switch {
	case r.Unlocked:
		return "nombre"
	case r.State == StateOpened:
		return "pin"
	}
	return "notification"
}

// Ending says how the request ended.
func (r shownRequest) Ending() i18n.Text {
	t := capital(r.ending())
	if r.State == StateApproved {
		t = i18n.Text{FR: "Authentification validée", EN: "Authentication confirmed"}
	}
	return t
}

// ended is when the request ended.
func (r shownRequest) ended() time.Time {
	if r.Answered.IsZero() {
		return r.Expires
	}
	return r.Answered
}

// longestHistory is how many requests the phone shows, and recently how long it shows the last
// answer above.
const (
	longestHistory = 20
	recently       = 30 * time.Second
)

// screen is what a phone shows.
type screen struct {
	Gone             bool // the e-CPS is on this phone no longer
	Device           Device
	Pending, History []shownRequest
	Done             *shownRequest // just now
}

func (p *phone) screen(r *http.Request, id string) (sc screen, seen string, err error) {
	ctx, person := r.Context(), personOf(id)
	d, version, err := read[device](ctx, p.Service, devices, person)
	switch {
	case err != nil:
		return sc, "", err
	case person == "" || version == 0:
		return sc, "", refuse(BadAddress)
	}
	sc.Device = *p.current(d)
	if sc.Gone = d.ID != id || d.State == DeviceDeleted; sc.Gone {
		return sc, fingerprint("gone"), nil
	}
	p.remindIfDue(ctx, d)
	all, err := p.Requests(ctx, person)
	if err != nil {
		return sc, "", err
	}
	marks := []any{sc.Device.State, sc.Device.Expires}
	for i := range all {
		request := &all[i]
		if request.Device != id || request.State.Pending() && !request.rings() {
			continue
		}
		if p.due(request) { // its policy answers it now
			applied, _, err := p.load(ctx, request.ID)
			if err != nil {
				return sc, "", err
			}
			request = p.asOf(applied)
		}
		shown := shownRequest{request, seconds(request.Expires.Sub(p.now()))}
		marks = append(marks, request.ID, request.State, request.Unlocked)
		if request.State.Pending() {
			sc.Pending = append(sc.Pending, shown)
		} else if len(sc.History) < longestHistory {
			sc.History = append(sc.History, shown)
		}
	}
	slices.Reverse(sc.Pending) // the oldest first
	if len(sc.Pending) == 0 && len(sc.History) > 0 {
		last := slices.MaxFunc(sc.History, func(a, b shownRequest) int { return a.ended().Compare(b.ended()) })
		if since := p.now().Sub(last.ended()); since < recently {
			sc.Done = &last
		}
	}
	return sc, fingerprint(marks...), nil
}

func (p *phone) devicePage(w http.ResponseWriter, r *http.Request, err error) {
	id := r.PathValue("device")
	sc, seen, missing := p.screen(r, id)
	if missing != nil {
		p.failed(w, r, missing)
		return
	}
	data := struct {
		view
		screen
	}{p.view(w, r, i18n.Text{FR: "Mon e-CPS", EN: "My e-CPS"}, err), sc}
	if n := len(sc.Pending); n > 0 {
		data.Title = fmt.Sprintf("(%d) %s", n, data.Title)
	}
	data.Events = p.eventsOf("appareil", id, seen)
	p.render(w, r, "phone.html", data.Lang, err, data)
}

// act is what a person does on the phone.
func (p *phone) act(r *http.Request) (next string, err error) {
	ctx, id, form := r.Context(), r.PathValue("device"), r.PostForm
	next = r.URL.Path
	request := form.Get("demande")
	switch form.Get("action") {
	case "accepter":
		err = p.Open(ctx, id, request)
	case "pin":
		err = p.Unlock(ctx, id, request, form.Get("pin"))
	case "nombre":
		err = p.Choose(ctx, id, request, form.Get("nombre"))
	case "refuser":
		err = p.refuseOn(ctx, "", id, request)
	case "supprimer":
		err = p.deleteOn(ctx, "", personOf(id), id)
	default:
		err = refuse(BadForm)
	}
	return next, err
}

// manifest is the web app manifest, by which a browser installs the page.
func (p *phone) manifest(w http.ResponseWriter, _ *http.Request) {
	type icon struct {
		Src     string `json:"src"`
		Sizes   string `json:"sizes"`
		Type    string `json:"type"`
		Purpose string `json:"purpose"`
	}
	data, err := json.Marshal(map[string]any{
		"name": "e-CPS de laboratoire", "short_name": "e-CPS lab", "lang": "fr", "id": p.prefix, "start_url": p.prefix,
		"scope": p.prefix, "display": "standalone", "background_color": "#f6f6f6", "theme_color": iconGround,
		"icons": []icon{{p.prefix + "icone-192.png", "192x192", "image/png", "any maskable"},
			{p.prefix + "icone-512.png", "512x512", "image/png", "any maskable"},
			{p.prefix + "icone.svg", "any", "image/svg+xml", "any"}},
	})
	if err != nil {
		panic(errors.New("ecps: " + err.Error()))
	}
	w.Header().Set("Content-Type", "application/manifest+json")
	w.Write(data)
}
