package annuaire

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/igc-lab/igc/ca/store"
	"github.com/igc-lab/igc/internal/calls"
	"github.com/igc-lab/igc/internal/i18n"
	"github.com/igc-lab/igc/internal/recent"
	"github.com/igc-lab/igc/internal/web"
)

// Options are what a server is made from. All are required but Log.
type Options struct {
	People    People
	Records   Records
	Documents store.DocumentStore
	Made      time.Time // of the lab: what nobody dates was updated then
	Now       func() time.Time
	URL       func() string // of the server, without a path
	Log       *slog.Logger
}

// Server is the API. Make one with [New].
type Server struct {
	Options
	data  *dataset
	calls *calls.List[Call]
	pages *web.Pages

	settings recent.Copies[*Settings]
	keys     recent.Copies[map[string]Key] // by hash

	mu      sync.Mutex
	windows map[string]*window
	number  int // of calls, for faults
}

// New makes a server.
func New(o Options) *Server {
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	return &Server{Options: o, data: newDataset(o.People, o.Records, o.Made, o.Now, o.Log),
		calls: calls.New[Call](maxCalls), pages: newPages(o.Log), windows: map[string]*window{}}
}

// Changed takes a change of the lab's records: certificates, statuses and documents. Whoever hands
// over every change before its writer goes on (ca.CA.WatchStatus and its like) has each in the next
// answer. It writes nothing and does not wait.
func (s *Server) Changed(c store.Change) {
	switch c.Kind {
	case store.CertificateIssued, store.StatusChanged:
		key := store.Record{Authority: c.Authority, Serial: c.Serial}
		s.data.certificateChanged(key.Key())
		return
	}
	kind, key, _ := strings.Cut(c.Document, "/")
	switch kind {
	case "people.person":
		s.data.changed(key, c.At)
	case "people.population":
		s.data.populationChanged()
	case settingsKind.Name:
		s.settings.Forget()
	case keyKind.Name:
		s.keys.Forget()
	}
}

// KeepCopies has settings and keys read once, and again when Changed says so. Without it, and while
// current returns false, each call reads them.
func (s *Server) KeepCopies(current func() bool) {
	s.settings.Keep(current)
	s.keys.Keep(current)
}

// Paths of the API.
const (
	base    = "/fhir/v2"
	rootDir = "/fhir"
)

// maxForm is how long the form of a POST may be.
const maxForm = 1 << 20

// Handler serves the API: /fhir/v2, and /fhir, which redirects there.
func (s *Server) Handler() http.Handler {
	return web.SecurityHeaders(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		call := Call{At: s.Now(), Method: r.Method, Path: shortened(r.URL.Path), Query: shortened(r.URL.RawQuery)}
		began := time.Now()
		answer := &counting{ResponseWriter: w, status: http.StatusOK}
		s.serve(answer, r, &call)
		call.Status, call.Took = answer.status, time.Since(began)
		s.calls.Add(func(number int) Call {
			call.Number = number
			return call
		})
	}))
}

// counting remembers the status of an answer.
type counting struct {
	http.ResponseWriter
	status int
}

func (c *counting) WriteHeader(status int) {
	c.status = status
	c.ResponseWriter.WriteHeader(status)
}

// Unwrap is for http.ResponseController.
func (c *counting) Unwrap() http.ResponseWriter { return c.ResponseWriter }

func (s *Server) serve(w http.ResponseWriter, r *http.Request, call *Call) {
	path, under := strings.CutPrefix(r.URL.Path, base)
	if !under || path != "" && path[0] != '/' {
		call.found("ANN-PATH", r.URL.Path)
		target := base + strings.TrimPrefix(r.URL.Path, rootDir)
		if r.URL.RawQuery != "" {
			target += "?" + r.URL.RawQuery
		}
		http.Redirect(w, r, target, http.StatusTemporaryRedirect)
		return
	}
	settings, err := s.currentSettings(r.Context())
	if err != nil {
		s.refuse(w, err)
		return
	}
	restricted, err := s.admit(w, r, settings, call)
	if err != nil {
		s.refuse(w, err)
		return
	}
	broken, done := s.fault(w, r, settings)
	if done {
		return
	}
	if err := s.answer(w, r, strings.Trim(path, "/"), call, restricted, broken); err != nil {
		s.refuse(w, err)
	}
}

// answer answers a call that was admitted.
func (s *Server) answer(w http.ResponseWriter, r *http.Request, path string, call *Call, restricted,
	broken bool) error {
	read := r.Method == http.MethodGet || r.Method == http.MethodHead
	parts := strings.Split(path, "/")
	switch {
	case path == "metadata" && read:
		return writeJSON(w, http.StatusOK, s.capabilities())
	case path == "_page" && read:
		return s.nextPage(w, r, call, restricted, broken)
	}
	k := kindOf(parts[0])
	if k == nil {
		call.found("ANN-RESOURCE-UNKNOWN", parts[0])
		return &problem{http.StatusNotFound, "processing", fmt.Sprintf("HAPI-0302: Unknown resource type '%s' - "+
			"Server knows how to handle: [Practitioner, PractitionerRole, Device, Organization, HealthcareService]",
			shortened(parts[0]))}
	}
	switch {
	case len(parts) == 1 && read:
		return s.firstPage(w, r, k, r.URL.RawQuery, call, restricted, broken)
	case len(parts) == 2 && parts[1] == "_search" && (read || r.Method == http.MethodPost):
		text, err := form(r)
		if err != nil {
			return err
		}
		call.Query = shortened(text)
		return s.firstPage(w, r, k, text, call, restricted, broken)
	case len(parts) == 2 && read:
		return s.read(w, r, k, parts[1], restricted)
	case !read:
		call.found("ANN-METHOD", r.Method)
		return &problem{http.StatusForbidden, "forbidden", "Write operations are not allowed on this server"}
	}
	return &problem{http.StatusNotFound, "not-found", "Invalid path " + shortened(path)}
}

// form is the query of a POST: the address's and the body's.
func form(r *http.Request) (string, error) {
	if r.Method != http.MethodPost {
		return r.URL.RawQuery, nil
	}
	body, err := io.ReadAll(io.LimitReader(r.Body, maxForm+1))
	if err != nil {
		return "", badQuery("The form could not be read: %v", err)
	}
	if len(body) > maxForm {
		return "", &problem{http.StatusRequestEntityTooLarge, "too-long", "The form is too long: 1 MB at most"}
	}
	return strings.Trim(r.URL.RawQuery+"&"+strings.TrimSpace(string(body)), "&"), nil
}

func (s *Server) read(w http.ResponseWriter, r *http.Request, k *kind, id string, restricted bool) error {
	it, err := s.data.find(r.Context(), k, id)
	if err != nil {
		return err
	}
	if it == nil {
		return &problem{http.StatusNotFound, "not-found", fmt.Sprintf("Resource %s/%s is not known", k.name,
			shortened(id))}
	}
	w.Header().Set("ETag", `W/"1"`)
	w.Header().Set("Last-Modified", it.updated().UTC().Format(http.TimeFormat))
	return writeJSON(w, http.StatusOK, it.resource(restricted))
}

func (s *Server) firstPage(w http.ResponseWriter, r *http.Request, k *kind, text string, call *Call, restricted,
	broken bool) error {
	q, err := parseQuery(k, text, call.found)
	if err != nil {
		return err
	}
	s.noteOld(q, call)
	self := s.URL() + base + "/" + k.name
	if text != "" {
		self += "?" + text
	}
	return s.writePage(w, r, q, text, nil, self, call, restricted, broken)
}

// noteOld notes a _lastUpdated that goes further back than the real service.
func (s *Server) noteOld(q *query, call *Call) {
	for _, c := range q.criteria {
		if c.param.kind != ofDate {
			continue
		}
		for _, v := range c.values {
			prefix, at, err := interval(v)
			if err == nil && slices.Contains([]string{"ge", "gt", "sa"}, prefix) &&
				at.from < s.Now().AddDate(0, 0, -31).UnixMilli() {
				call.found("ANN-RECENT", v)
			}
		}
	}
}

func (s *Server) nextPage(w http.ResponseWriter, r *http.Request, call *Call, restricted, broken bool) error {
	from, err := parseCursor(r.URL.Query().Get("id"))
	if err != nil {
		call.found("ANN-PAGE", r.URL.RawQuery)
		return err
	}
	q, err := parseQuery(kindOf(from.Kind), from.Query, func(Code, string) {})
	if err != nil {
		call.found("ANN-PAGE", r.URL.RawQuery)
		return err
	}
	err = s.writePage(w, r, q, from.Query, from, s.URL()+base+"/_page?"+r.URL.RawQuery, call, restricted, broken)
	if errors.Is(err, errPage) || errors.Is(err, errExpired) {
		call.found("ANN-PAGE", "")
	}
	return err
}

// chunk is how many resources are made at a time: writers wait for no more.
const chunk = 100

// writePage answers with a page of a search. The form is that of the ANS's server: entries come
// before links, and next before self.
func (s *Server) writePage(w http.ResponseWriter, r *http.Request, q *query, text string, from *cursor, self string,
	call *Call, restricted, broken bool) error {
	found, err := s.data.search(r.Context(), q, from)
	if err != nil {
		return err
	}
	call.Total = &found.total
	var b bytes.Buffer
	var id [16]byte
	rand.Read(id[:])
	fmt.Fprintf(&b, `{"resourceType": "Bundle","type": "searchset","id": "%x-%x-%x-%x-%x",`,
		id[:4], id[4:6], id[6:8], id[8:10], id[10:])
	if q.total != "none" {
		fmt.Fprintf(&b, `"total":%d,`, found.total)
	}
	b.WriteString(`"entry": [`)
	writer := &entryWriter{b: &b, url: s.URL() + base, restricted: restricted, elements: q.elements}
	for list := range slices.Chunk(found.rows, chunk) {
		if err := s.data.write(r.Context(), q, found.seen, list, writer); err != nil {
			return err
		}
	}
	b.WriteString(`],"link": [`)
	if found.next != nil {
		found.next.Query = text
		url := s.URL() + base + "/_page?id=" + found.next.String()
		if broken {
			url = s.URL() + base + "/_page?id=" + "broken"
		}
		fmt.Fprintf(&b, ` {"relation": "next","url": %s},`, quoted(url))
	}
	fmt.Fprintf(&b, ` {"relation": "self","url": %s}]}`, quoted(self))
	setJSON(w)
	w.Write(b.Bytes()) // an error is that the client left
	return nil
}

// entryWriter writes the entries of a bundle.
type entryWriter struct {
	b          *bytes.Buffer
	url        string
	restricted bool
	elements   []string
	entries    int
	brought    map[string]bool // what earlier chunks brought along
}

// write writes the resources of some rows, and what they bring along.
func (d *dataset) write(ctx context.Context, q *query, seen snapshot, rows []uint32, w *entryWriter) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	d.mu.RLock()
	defer d.mu.RUnlock()
	if err := d.includedNeeds(ctx, q); err != nil {
		return err
	}
	if d.generation != seen.Generation {
		return errExpired
	}
	t := d.tables[q.kind]
	items, err := d.items(ctx, t, rows)
	if err != nil {
		return err
	}
	// an owner that changed since may not have it any more
	items = slices.DeleteFunc(items, func(it item) bool { return it == nil })
	for _, it := range items {
		if err := w.add(q.kind, it); err != nil {
			return err
		}
	}
	if len(q.includes)+len(q.revinclude) == 0 {
		return nil
	}
	along, err := d.included(ctx, q, items)
	if err != nil {
		return err
	}
	if w.brought == nil {
		w.brought = map[string]bool{}
	}
	for _, l := range along {
		if name := l.kind.name + "/" + l.item.id(); !w.brought[name] {
			w.brought[name] = true
			if err := w.add(l.kind, l.item); err != nil {
				return err
			}
		}
	}
	return nil
}

func (w *entryWriter) add(k *kind, it item) error {
	data, err := json.Marshal(it.resource(w.restricted))
	if err != nil {
		return err
	}
	if w.elements != nil {
		if data, err = subset(data, w.elements); err != nil {
			return err
		}
	}
	if w.entries > 0 {
		w.b.WriteByte(',')
	}
	w.entries++
	fmt.Fprintf(w.b, "\n{\"fullUrl\":%s,\"resource\":%s}", quoted(w.url+"/"+k.name+"/"+it.id()), data)
	return nil
}

// mandatory are the elements that a resource keeps whatever _elements asks for: those that its
// profile requires.
var mandatory = []string{"resourceType", "id", "meta", "identifier", "active", "status", "practitioner"}

// subset leaves the elements that were asked for, and says so (FHIR R4 §3.1.1.5.9).
func subset(data []byte, elements []string) ([]byte, error) {
	var all map[string]json.RawMessage
	if err := json.Unmarshal(data, &all); err != nil {
		return nil, err
	}
	maps.DeleteFunc(all, func(name string, _ json.RawMessage) bool {
		return !slices.Contains(mandatory, name) && !slices.Contains(elements, strings.TrimPrefix(name, "_"))
	})
	var m meta
	if err := json.Unmarshal(all["meta"], &m); err != nil {
		return nil, err
	}
	m.Tag = append(m.Tag, coding{"http://terminology.hl7.org/CodeSystem/v3-ObservationValue", "SUBSETTED",
		"Resource encoded in summary mode"})
	tagged, err := json.Marshal(m)
	if err != nil {
		return nil, err
	}
	all["meta"] = tagged
	return json.Marshal(all)
}

func quoted(text string) []byte {
	data, err := json.Marshal(text)
	if err != nil {
		return []byte(`""`)
	}
	return data
}

func setJSON(w http.ResponseWriter) {
	web.NoStore(w)
	w.Header().Set("Content-Type", "application/fhir+json;charset=UTF-8")
}

func writeJSON(w http.ResponseWriter, status int, value any) error {
	data, err := json.Marshal(value)
	if err != nil {
		return err
	}
	setJSON(w)
	w.WriteHeader(status)
	w.Write(data)
	return nil
}

// outcome is FHIR's OperationOutcome.
type outcome struct {
	ResourceType string  `json:"resourceType"`
	Issue        []issue `json:"issue"`
}

type issue struct {
	Severity    string `json:"severity"`
	Code        string `json:"code"`
	Diagnostics string `json:"diagnostics"`
}

// refuse answers with what is wrong, unless the client left.
func (s *Server) refuse(w http.ResponseWriter, err error) {
	if errors.Is(err, context.Canceled) {
		return
	}
	p := &problem{http.StatusInternalServerError, "exception", "Unknown error"}
	var gateway *gatewayRefusal
	if errors.As(err, &gateway) {
		web.NoStore(w)
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(gateway.Status)
		json.NewEncoder(w).Encode(gateway)
		return
	}
	if !errors.As(err, &p) {
		if away, ok := web.Away(err); ok {
			web.AskAgain(w.Header())
			p = &problem{http.StatusServiceUnavailable, "transient", away.FR + " / " + away.EN}
		}
		s.Log.Error(i18n.Tr("annuaire : échec", "annuaire: failure"), "err", err)
	}
	writeJSON(w, p.status, outcome{"OperationOutcome", []issue{{"error", p.issue, p.text}}})
}

// retryAfter says when a client may call again, in whole seconds.
func retryAfter(w http.ResponseWriter, d time.Duration) {
	w.Header().Set("Retry-After", strconv.Itoa(int(d/time.Second)+1))
}
