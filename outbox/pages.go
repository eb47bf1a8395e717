package outbox

import (
	"embed"
	"encoding/json"
	"errors"
	"io/fs"
	"log/slog"
	"net/http"
	"net/url"
	"regexp"
	"strconv"
	"strings"

	"github.com/igc-lab/igc/ca/store"
	"github.com/igc-lab/igc/internal/i18n"
	"github.com/igc-lab/igc/internal/web"
)

//go:embed html
var htmlFiles embed.FS

func newPages(menu *web.Menu, log *slog.Logger) *web.Pages {
	files, err := fs.Sub(htmlFiles, "html")
	if err != nil {
		panic(err) // they are embedded
	}
	return web.NewPages(web.PageOptions{Site: "MESSAGES", Templates: files, Menu: menu, Log: log})
}

// maxShown is how many messages a page or an answer of the API has, unless it is asked for another
// number.
const maxShown = 200

// Handler serves the messages under a prefix, such as /messages, which requests still have: pages,
// JSON below api/v1, and files. It only reads.
func (o *Outbox) Handler(prefix string) http.Handler {
	prefix = "/" + strings.Trim(prefix, "/")
	if prefix == "/" {
		prefix = ""
	}
	h := &handler{o, prefix}
	mux := http.NewServeMux()
	for path, serve := range map[string]http.HandlerFunc{
		"/{$}": h.list, "/{id}": h.message, "/{id}/message.eml": h.eml, "/{id}/html": h.html,
		"/api/v1/messages": h.listJSON, "/api/v1/messages/{id}": h.messageJSON, "/": h.notFound,
	} {
		mux.HandleFunc("GET "+prefix+path, serve)
	}
	return web.SecurityHeaders(mux)
}

type handler struct {
	*Outbox
	prefix string
}

// view is what every page is made from.
type view struct {
	web.View
	prefix string
	People string // see Options
}

// PersonLink is the link to the page of a person; to the search for people without one.
func (v view) PersonLink(id string) string { return v.To(v.People + url.PathEscape(id)) }

// Link is a link within the messages.
func (v view) Link(path string) string { return v.To(v.prefix + path) }

// KindName is what the pages call a kind.
func (v view) KindName(k MessageKind) string {
	if k == SMS {
		return "SMS"
	}
	return v.T("Courriel", "Mail")
}

// textLine is a line of a text, after a break unless it is the first.
type textLine struct {
	Break bool
	Text  string
}

// Lines takes a text apart.
func (v view) Lines(text string) (all []textLine) {
	for i, line := range strings.Split(text, "\n") {
		all = append(all, textLine{i > 0, line})
	}
	return all
}

func (h *handler) view(r *http.Request) view {
	return view{h.pages().View(r), h.prefix, h.options.People}
}

// choice is a link that filters the list.
type choice struct {
	Text    string
	Link    string
	Current bool
}

func (h *handler) filter(r *http.Request) (Filter, error) {
	q := r.URL.Query()
	f := Filter{Kind: MessageKind(q.Get("kind")), To: q.Get("to"), Person: q.Get("person"), After: q.Get("after"),
		Limit: maxShown}
	if f.Kind != "" && f.Kind != Mail && f.Kind != SMS {
		return f, errKind(f.Kind)
	}
	if text := q.Get("limit"); text != "" {
		n, err := strconv.Atoi(text)
		if err != nil || n < 1 {
			return f, store.Errorf(store.Invalid, "limit %q is not a positive number", shorten(text))
		}
		f.Limit = n
	}
	return f, nil
}

func (h *handler) list(w http.ResponseWriter, r *http.Request) {
	f, err := h.filter(r)
	if err != nil {
		h.fail(w, r, err)
		return
	}
	all, err := h.List(r.Context(), Filter{})
	if err != nil {
		h.fail(w, r, err)
		return
	}
	data := struct {
		view
		Messages   []*Message
		Kinds      []choice
		Recipients []choice
		All, More  int
		Filtered   bool
		SMTP       string
		Limit      int
	}{view: h.view(r), All: len(all), Filtered: f.Kind != "" || f.To != "" || f.Person != "",
		SMTP: h.options.SMTP, Limit: h.options.Limit}
	data.Title = data.T("Messages envoyés", "Messages sent")
	link := func(kind MessageKind, to string) string {
		q := url.Values{}
		if kind != "" {
			q.Set("kind", string(kind))
		}
		if to != "" {
			q.Set("to", to)
		}
		if len(q) == 0 {
			return data.Link("/")
		}
		return data.Link("/?" + q.Encode())
	}
	counts := map[MessageKind]int{}
	seen := map[string]bool{}
	for _, m := range all {
		counts[m.Kind]++
		if to := bare(m.To); !seen[to] && len(data.Recipients) < 20 {
			seen[to] = true
			data.Recipients = append(data.Recipients, choice{to, link(f.Kind, to), sameRecipient(m.To, f.To)})
		}
		if f.passes(m) {
			if len(data.Messages) < f.Limit {
				data.Messages = append(data.Messages, m)
			} else {
				data.More++
			}
		}
	}
	data.Kinds = []choice{
		{data.T("Tous", "All") + count(len(all)), link("", f.To), f.Kind == ""},
		{data.T("Courriels", "Mails") + count(counts[Mail]), link(Mail, f.To), f.Kind == Mail},
		{"SMS" + count(counts[SMS]), link(SMS, f.To), f.Kind == SMS},
	}
	h.pages().Render(w, http.StatusOK, "list.html", data.Lang, data)
}

func count(n int) string { return " (" + strconv.Itoa(n) + ")" }

func (h *handler) message(w http.ResponseWriter, r *http.Request) {
	m, err := h.Get(r.Context(), r.PathValue("id"))
	if err != nil {
		h.fail(w, r, err)
		return
	}
	data := struct {
		view
		*Message
		Body []segment
	}{view: h.view(r), Message: m, Body: segments(m.Text)}
	data.Title = m.Subject
	if data.Title == "" {
		data.Title = data.KindName(m.Kind)
	}
	h.pages().Render(w, http.StatusOK, "message.html", data.Lang, data)
}

// segment is a part of a text: plain, or the address of a page.
type segment struct {
	Text string
	Link bool
}

var webAddress = regexp.MustCompile(`https?://[^\s<>"'\x60]+[^\s<>"'\x60.,;:!?)]`)

func segments(text string) (all []segment) {
	rest := 0
	for _, at := range webAddress.FindAllStringIndex(text, 100) {
		all = append(all, segment{Text: text[rest:at[0]]}, segment{text[at[0]:at[1]], true})
		rest = at[1]
	}
	return append(all, segment{Text: text[rest:]})
}

func (h *handler) eml(w http.ResponseWriter, r *http.Request) {
	m, err := h.Get(r.Context(), r.PathValue("id"))
	if err != nil {
		h.fail(w, r, err)
		return
	}
	web.NoStore(w)
	w.Header().Set("Content-Type", "message/rfc822")
	w.Header().Set("Content-Disposition", `attachment; filename="`+m.ID+`.eml"`)
	w.Write(m.EML())
}

// html serves the HTML of a mail as a mail program shows it: no script, nothing from elsewhere.
func (h *handler) html(w http.ResponseWriter, r *http.Request) {
	m, err := h.Get(r.Context(), r.PathValue("id"))
	if err == nil && m.HTML == "" {
		err = store.Errorf(store.NotFound, "the message has no HTML")
	}
	if err != nil {
		h.fail(w, r, err)
		return
	}
	web.NoStore(w)
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.Header().Set("Content-Security-Policy", "default-src 'none'; style-src 'unsafe-inline'; img-src data:; "+
		"base-uri 'none'; form-action 'none'; frame-ancestors 'none'; "+
		"sandbox allow-popups allow-top-navigation-by-user-activation")
	w.Write([]byte(m.HTML))
}

// answer is the JSON of the list.
type answer struct {
	Messages []*Message `json:"messages"`
}

func (h *handler) listJSON(w http.ResponseWriter, r *http.Request) {
	f, err := h.filter(r)
	if err != nil {
		failJSON(w, err)
		return
	}
	list, err := h.List(r.Context(), f)
	if err != nil {
		failJSON(w, err)
		return
	}
	writeJSON(w, http.StatusOK, answer{list})
}

func (h *handler) messageJSON(w http.ResponseWriter, r *http.Request) {
	m, err := h.Get(r.Context(), r.PathValue("id"))
	if err != nil {
		failJSON(w, err)
		return
	}
	writeJSON(w, http.StatusOK, m)
}

func writeJSON(w http.ResponseWriter, status int, v any) {
	web.NoStore(w)
	w.Header().Set("Content-Type", "application/json; charset=utf-8")
	w.WriteHeader(status)
	enc := json.NewEncoder(w)
	enc.SetIndent("", "  ")
	enc.Encode(v)
}

// statusOf is the HTTP status of an error, and the error that a visitor may read.
func statusOf(err error) (int, error) {
	switch store.KindOf(err) {
	case store.NotFound:
		return http.StatusNotFound, err
	case store.Invalid:
		return http.StatusBadRequest, err
	case store.Unavailable, store.Unanswered:
		return http.StatusServiceUnavailable, err
	}
	return http.StatusInternalServerError, errors.New("internal error")
}

func failJSON(w http.ResponseWriter, err error) {
	status, err := statusOf(err)
	writeJSON(w, status, struct {
		Error i18n.Text `json:"error"`
	}{textOf(w, err)})
}

// textOf is what a visitor reads of an error.
func textOf(w http.ResponseWriter, err error) i18n.Text {
	if away, ok := web.Away(err); ok {
		web.AskAgain(w.Header())
		return away
	}
	return i18n.TextOf(err)
}

func (h *handler) notFound(w http.ResponseWriter, r *http.Request) {
	h.fail(w, r, store.Errorf(store.NotFound, "there is no page at this address"))
}

func (h *handler) fail(w http.ResponseWriter, r *http.Request, err error) {
	status, shown := statusOf(err)
	if status >= http.StatusInternalServerError {
		h.options.Log.Error("outbox", "path", r.URL.Path, "err", err)
	}
	data := struct {
		view
		Message i18n.Text
	}{h.view(r), textOf(w, shown)}
	data.Title = data.T("Erreur", "Error")
	h.pages().Render(w, status, "error.html", data.Lang, data)
}
