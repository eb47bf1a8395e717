package api

import (
	_ "embed"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"mime"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"

	"go.yaml.in/yaml/v3"

	"github.com/igc-lab/igc/access"
	"github.com/igc-lab/igc/ca/store"
	"github.com/igc-lab/igc/internal/i18n"
	"github.com/igc-lab/igc/internal/web"
	"github.com/igc-lab/igc/profiles"
	"github.com/igc-lab/igc/services/orders"
)

// Options are what the API is made from. All are required but Log.
type Options struct {
	Desk   *orders.Desk
	Caller func(*http.Request) (*access.Caller, error) // who calls; an error says why nobody may
	Log    *slog.Logger
}

// Prefix is the path of the API.
const Prefix = "/api/v1/"

// maxBody bounds what a request sends: a batch is the longest.
const maxBody = 4 << 20

//go:embed openapi.yaml
var document []byte

type server struct{ Options }

// route is an operation: what it answers on, and what makes its answer.
type route struct {
	pattern string // of http.ServeMux, under the prefix
	handle  func(*server, http.ResponseWriter, *http.Request, *access.Caller) error
}

// routes are the operations of openapi.yaml.
var routes = []route{
	{"GET whoami", (*server).whoAmI},
	{"GET offers", (*server).offers},
	{"GET structures", (*server).structures},
	{"GET orders", (*server).list},
	{"POST orders", (*server).place},
	{"POST orders/batch", (*server).batch},
	{"GET orders/{number}", (*server).order},
	{"GET orders/{number}/certificate", (*server).certificate},
	{"POST orders/{number}/withdraw", (*server).withdraw},
	{"POST orders/{number}/pkcs12", (*server).pkcs12},
	{"POST orders/{number}/redraw", (*server).redraw},
	{"POST orders/{number}/revoke", (*server).revoke},
	{"GET certificates/{serial}", (*server).find},
	{"POST certificates/{serial}/revoke", (*server).revokeSerial},
}

// New makes the handler of the API, under [Prefix].
func New(o Options) http.Handler {
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	s := &server{o}
	mux := http.NewServeMux()
	for _, r := range routes {
		method, path, _ := strings.Cut(r.pattern, " ")
		mux.HandleFunc(method+" "+Prefix+path, s.serve(r.handle))
	}
	mux.HandleFunc("GET "+Prefix+"openapi.yaml", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/yaml")
		w.Write(document)
	})
	mux.HandleFunc("GET "+Prefix+"openapi.json", func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		w.Write(documentJSON())
	})
	mux.HandleFunc(Prefix, s.serve(func(_ *server, w http.ResponseWriter, r *http.Request, _ *access.Caller) error {
		if allowed := methods(mux, r); allowed != "" {
			w.Header().Set("Allow", allowed)
			return &bodyError{http.StatusMethodNotAllowed, i18n.Text{
				FR: r.Method + " n'est pas une méthode de cette adresse : " + allowed,
				EN: r.Method + " is not a method of this address: " + allowed}}
		}
		return store.Errorf(store.NotFound, "there is no page at this address")
	}))
	return web.SecurityHeaders(mux)
}

// methods are the methods that the address of a request takes, for the header Allow; empty for an
// address that is none.
func methods(mux *http.ServeMux, r *http.Request) string {
	var allowed []string
	for _, method := range []string{http.MethodGet, http.MethodPost} {
		if _, pattern := mux.Handler(&http.Request{Method: method, URL: r.URL, Host: r.Host}); pattern != Prefix {
			allowed = append(allowed, method)
		}
	}
	return strings.Join(allowed, ", ")
}

// documentJSON is the document as JSON, for tools that read no YAML.
var documentJSON = sync.OnceValue(func() []byte {
	var tree map[string]any
	err := yaml.Unmarshal(document, &tree)
	if err != nil {
		panic(err) // a test reads it
	}
	data, err := json.Marshal(tree)
	if err != nil {
		panic(err)
	}
	return data
})

// serve finds out who calls, and answers with a problem when something is refused.
func (s *server) serve(h func(*server, http.ResponseWriter, *http.Request, *access.Caller) error) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		web.NoStore(w)
		r.Body = http.MaxBytesReader(w, r.Body, maxBody)
		caller, err := s.Caller(r)
		if err == nil && !web.SameOrigin(r) {
			err = &access.Denied{Code: access.DeniedOrigin, Caller: caller}
		}
		if err == nil {
			err = h(s, w, r, caller)
		}
		if err != nil && r.Context().Err() == nil {
			s.problem(w, r, err)
		}
	}
}

// Problem is an answer that is an error (RFC 9457).
type Problem struct {
	Type   string     `json:"type"`
	Title  string     `json:"title"`
	Status int        `json:"status"`
	Code   string     `json:"code"`
	Detail i18n.Text  `json:"detail"`
	Rows   []RowFault `json:"rows,omitempty"` // of a batch
}

// RowFault is what is wrong with an order of a batch.
type RowFault struct {
	Row    int       `json:"row"` // from 1
	Code   string    `json:"code"`
	Detail i18n.Text `json:"detail"`
}

// bodyError is a request that cannot be read: its body, a parameter, its method.
type bodyError struct {
	status int
	text   i18n.Text
}

func (e *bodyError) Error() string   { return e.text.EN }
func (e *bodyError) Text() i18n.Text { return e.text }

// batchError is a batch of which orders cannot be placed.
type batchError struct {
	error
	rows []RowFault
}

func (e *batchError) Unwrap() error { return e.error }

func (s *server) problem(w http.ResponseWriter, r *http.Request, err error) {
	p := Problem{Type: "about:blank", Detail: i18n.TextOf(err)}
	p.Status, p.Code = classify(err)
	var batch *batchError
	var denied *access.Denied
	switch {
	case errors.As(err, &batch):
		p.Rows = batch.rows
	case errors.As(err, &denied):
		denied.SetHeaders(w.Header())
	}
	if p.Status == http.StatusInternalServerError {
		s.Log.Error("orders API", "path", r.URL.Path, "err", err)
		p.Detail = i18n.Text{FR: "le serveur n'a pas pu le faire ; son journal dit pourquoi",
			EN: "the server could not do it; its log says why"}
	}
	if p.Status == http.StatusServiceUnavailable {
		web.AskAgain(w.Header())
	}
	if away, ok := web.Away(err); ok {
		s.Log.Error("orders API", "path", r.URL.Path, "err", err)
		p.Detail = away
	}
	p.Title = http.StatusText(p.Status)
	w.Header().Set("Content-Type", "application/problem+json")
	w.WriteHeader(p.Status)
	json.NewEncoder(w).Encode(p) // an error is that the client left
}

// classify gives the status of an error and its code.
func classify(err error) (status int, code string) {
	var denied *access.Denied
	var refused *access.Refused
	var body *bodyError
	switch {
	case errors.As(err, &denied):
		return denied.Status(), string(denied.Code)
	case errors.As(err, &refused):
		return http.StatusForbidden, string(refused.Code)
	case errors.As(err, &body):
		if body.status == http.StatusMethodNotAllowed {
			return body.status, "ORDER-METHOD"
		}
		return body.status, "ORDER-BODY"
	}
	code = string(orders.CodeOf(err))
	switch store.KindOf(err) {
	case store.Invalid:
		status = http.StatusUnprocessableEntity
	case store.NotFound:
		status = http.StatusNotFound
	case store.Conflict:
		status = http.StatusConflict
	case store.Busy, store.Unavailable, store.Unanswered: // of the lab, and it may pass
		status = http.StatusServiceUnavailable
	default:
		status = http.StatusInternalServerError
	}
	if code == "" {
		code = "ORDER-" + strings.ToUpper(string(store.KindOf(err)))
	}
	return status, code
}

// read reads the JSON of a request. A type that a form of another site's page cannot send is
// required, and fields that are not known are refused.
func read(r *http.Request, into any) error {
	kind, _, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if err != nil || kind != "application/json" {
		return &bodyError{http.StatusUnsupportedMediaType, i18n.Text{
			FR: "le corps est du JSON : Content-Type: application/json",
			EN: "the body is JSON: Content-Type: application/json"}}
	}
	d := json.NewDecoder(r.Body)
	d.DisallowUnknownFields()
	err = d.Decode(into)
	if err == nil {
		if _, more := d.Token(); more != io.EOF {
			err = errors.New("more than one value")
		}
	}
	var large *http.MaxBytesError
	switch {
	case errors.As(err, &large):
		return &bodyError{http.StatusRequestEntityTooLarge, i18n.Text{FR: "le corps dépasse 4 Mio",
			EN: "the body is longer than 4 MiB"}}
	case err != nil:
		return &bodyError{http.StatusBadRequest, i18n.Text{FR: "le corps n'est pas le JSON attendu : " + err.Error(),
			EN: "the body is not the JSON expected: " + err.Error()}}
	}
	return nil
}

func write(w http.ResponseWriter, status int, v any) error {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	json.NewEncoder(w).Encode(v) // an error is that the client left
	return nil
}

// WhoAmI is who calls, and what they may do.
type WhoAmI struct {
	Way    access.Way     `json:"way"`
	Actor  string         `json:"actor"`
	ID     string         `json:"id"`
	Name   string         `json:"name"`
	Grants []access.Grant `json:"grants"`
	Scopes []access.Scope `json:"scopes,omitempty"`
}

func (s *server) whoAmI(w http.ResponseWriter, r *http.Request, c *access.Caller) error {
	grants := c.Grants
	if grants == nil {
		grants = []access.Grant{}
	}
	return write(w, http.StatusOK, WhoAmI{c.Way, c.Actor, c.ID, c.Name, grants, c.Scopes})
}

func (s *server) offers(w http.ResponseWriter, r *http.Request, c *access.Caller) error {
	return write(w, http.StatusOK, map[string]any{"offers": orders.Offers(), "reasons": orders.Reasons()})
}

// maxStructures bounds the structures of an answer.
const maxStructures = 50

func (s *server) structures(w http.ResponseWriter, r *http.Request, c *access.Caller) error {
	list := []orders.Structure{}
	mine, all := c.Structures(access.Follow)
	if all {
		found, err := s.Desk.SearchStructures(r.Context(), r.URL.Query().Get("text"), maxStructures)
		if err != nil {
			return err
		}
		list = append(list, found...)
	}
	for _, id := range mine {
		list = append(list, s.Desk.StructureOf(r.Context(), id))
	}
	return write(w, http.StatusOK, map[string]any{"structures": list})
}

func (s *server) list(w http.ResponseWriter, r *http.Request, c *access.Caller) error {
	query := r.URL.Query()
	q := orders.Query{Structure: query.Get("structure"), Offer: query.Get("offer"), Usage: query.Get("usage"),
		State: orders.State(query.Get("state")), Text: query.Get("text"), After: query.Get("after")}
	if text := query.Get("limit"); text != "" {
		var err error
		if q.Limit, err = strconv.Atoi(text); err != nil || q.Limit < 1 {
			return &bodyError{http.StatusBadRequest, i18n.Text{FR: "limit n'est pas un nombre de 1 à 200",
				EN: "limit is not a number from 1 to 200"}}
		}
	}
	list, err := s.Desk.List(r.Context(), c, q)
	if err != nil {
		return err
	}
	return write(w, http.StatusOK, list)
}

func (s *server) place(w http.ResponseWriter, r *http.Request, c *access.Caller) error {
	var in orders.Request
	if err := read(r, &in); err != nil {
		return err
	}
	o, err := s.Desk.Place(r.Context(), c, in)
	if err != nil {
		return err
	}
	w.Header().Set("Location", Prefix+"orders/"+o.Number)
	return write(w, http.StatusCreated, o)
}

func (s *server) batch(w http.ResponseWriter, r *http.Request, c *access.Caller) error {
	var in struct {
		Orders []orders.Request `json:"orders"`
	}
	if err := read(r, &in); err != nil {
		return err
	}
	placed, faults, err := s.Desk.PlaceAll(r.Context(), c, in.Orders, nil)
	if faults != nil {
		batch := &batchError{error: err}
		for _, f := range faults {
			_, code := classify(f.Err)
			batch.rows = append(batch.rows, RowFault{f.Row + 1, code, i18n.TextOf(f.Err)})
		}
		err = batch
	}
	if err != nil {
		return err
	}
	return write(w, http.StatusCreated, &orders.List{Orders: placed})
}

func (s *server) order(w http.ResponseWriter, r *http.Request, c *access.Caller) error {
	return answer(w)(s.Desk.Get(r.Context(), c, r.PathValue("number")))
}

// answer writes the order that a step gave.
func answer(w http.ResponseWriter) func(*orders.Order, error) error {
	return func(o *orders.Order, err error) error {
		if err != nil {
			return err
		}
		return write(w, http.StatusOK, o)
	}
}

func (s *server) certificate(w http.ResponseWriter, r *http.Request, c *access.Caller) error {
	o, err := s.Desk.Get(r.Context(), c, r.PathValue("number"))
	if err != nil {
		return err
	}
	var pem strings.Builder
	role := r.URL.Query().Get("role")
	for _, certificate := range o.Certificates {
		if role == "" || certificate.Role == role {
			pem.WriteString(certificate.PEM)
		}
	}
	if pem.Len() == 0 {
		return store.Errorf(store.NotFound, "order %s has no certificate %q yet", o.Number, role)
	}
	if r.URL.Query().Get("chain") == "true" {
		chain, err := s.Desk.Chain(r.Context(), o)
		if err != nil {
			return err
		}
		pem.WriteString(chain)
	}
	w.Header().Set("Content-Type", "application/pem-certificate-chain")
	io.WriteString(w, pem.String())
	return nil
}

func (s *server) withdraw(w http.ResponseWriter, r *http.Request, c *access.Caller) error {
	var in orders.Withdrawal
	if err := read(r, &in); err != nil {
		return err
	}
	return answer(w)(s.Desk.Withdraw(r.Context(), c, r.PathValue("number"), in))
}

// download is what a PKCS#12 is asked for with.
type download struct {
	Role     string `json:"role,omitempty"`
	Form     string `json:"form,omitempty"`
	Password string `json:"password"`
}

func (s *server) pkcs12(w http.ResponseWriter, r *http.Request, c *access.Caller) error {
	var in download
	if err := read(r, &in); err != nil {
		return err
	}
	file, err := s.Desk.Download(r.Context(), c, r.PathValue("number"), in.Role, in.Form, in.Password)
	if err != nil {
		return err
	}
	h := w.Header()
	h.Set("Content-Type", "application/x-pkcs12")
	h.Set("Content-Disposition", mime.FormatMediaType("attachment", map[string]string{"filename": file.Name}))
	h.Set("Content-Length", strconv.Itoa(len(file.Data)))
	w.Write(file.Data)
	return nil
}

func (s *server) redraw(w http.ResponseWriter, r *http.Request, c *access.Caller) error {
	var in struct {
		Code string `json:"code,omitempty"`
	}
	if err := read(r, &in); err != nil {
		return err
	}
	return answer(w)(s.Desk.Redraw(r.Context(), c, r.PathValue("number"), in.Code))
}

func (s *server) revoke(w http.ResponseWriter, r *http.Request, c *access.Caller) error {
	var in orders.Revocation
	if err := read(r, &in); err != nil {
		return err
	}
	return answer(w)(s.Desk.Revoke(r.Context(), c, r.PathValue("number"), in))
}

// Certificate is a certificate by its serial number.
type Certificate struct {
	Serial    string          `json:"serial"`
	Authority string          `json:"authority"`
	Profile   string          `json:"profile"`
	Status    string          `json:"status"` // good, hold, revoked
	NotBefore time.Time       `json:"not_before"`
	NotAfter  time.Time       `json:"not_after"`
	Holder    profiles.Holder `json:"holder"`
}

func (s *server) find(w http.ResponseWriter, r *http.Request, c *access.Caller) error {
	record, err := s.Desk.FindSerial(r.Context(), c, r.PathValue("serial"))
	if err != nil {
		return err
	}
	return write(w, http.StatusOK, Certificate{record.Serial, record.Authority, record.Profile, string(record.Status),
		record.NotBefore, record.NotAfter, record.Holder})
}

func (s *server) revokeSerial(w http.ResponseWriter, r *http.Request, c *access.Caller) error {
	var in struct {
		Reason string `json:"reason"`
	}
	if err := read(r, &in); err != nil {
		return err
	}
	record, err := s.Desk.RevokeSerial(r.Context(), c, r.PathValue("serial"), in.Reason)
	if err != nil {
		return err
	}
	return write(w, http.StatusOK, Certificate{record.Serial, record.Authority, record.Profile, string(record.Status),
		record.NotBefore, record.NotAfter, record.Holder})
}
