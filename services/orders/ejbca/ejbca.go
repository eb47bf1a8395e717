package ejbca

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"strconv"

	"github.com/igc-lab/igc/access"
	"github.com/igc-lab/igc/internal/i18n"
	"github.com/igc-lab/igc/services/orders"
)

// Path is where the API is served.
const Path = "/ejbca/ejbca-rest-api/"

// Options are what the front is made from. All are required but Log.
type Options struct {
	Desk *orders.Desk
	// Caller is who makes a request, by the certificate of its connection or a bearer token, as
	// [access.Gate] finds them.
	Caller func(*http.Request) (*access.Caller, error)
	Log    *slog.Logger
}

// server answers requests.
type server struct{ Options }

// New makes the front: a handler of everything under [Path].
func New(o Options) http.Handler {
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	s := &server{o}
	mux := http.NewServeMux()
	handle := func(method, path string, h handler) {
		mux.HandleFunc(method+" "+Path+"v1/"+path, s.answer(s.authenticated(h)))
	}
	for _, resource := range []string{"certificate", "ca"} {
		mux.HandleFunc("GET "+Path+"v1/"+resource+"/status", s.answer(status))
	}
	handle("POST", "certificate/pkcs10enroll", s.pkcs10enroll)
	handle("POST", "certificate/enrollkeystore", s.enrollkeystore)
	handle("PUT", "certificate/{issuer}/{serial}/revoke", s.revoke)
	handle("GET", "certificate/{issuer}/{serial}/revocationstatus", s.revocationStatus)
	handle("GET", "ca", s.authorities)
	handle("GET", "ca/{subject}/certificate/download", s.chain)
	mux.HandleFunc(Path, s.answer(noSuchPath))
	return mux
}

// handler answers a request of somebody who is known.
type handler func(http.ResponseWriter, *http.Request, *access.Caller) error

// authenticated finds out who comes.
func (s *server) authenticated(h handler) func(http.ResponseWriter, *http.Request) error {
	return func(w http.ResponseWriter, r *http.Request) error {
		caller, err := s.Caller(r)
		var denied *access.Denied
		switch {
		case err == nil && caller == nil, errors.As(err, &denied) && denied.Code == access.DeniedNobody:
			return errNobody
		case err != nil:
			return err
		}
		return h(w, r, caller)
	}
}

// answer calls a handler, and answers with its error.
func (s *server) answer(h func(http.ResponseWriter, *http.Request) error) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Cache-Control", "no-store")
		w.Header().Set("X-Content-Type-Options", "nosniff")
		r.Body = http.MaxBytesReader(w, r.Body, maxBody)
		if err := h(w, r); err != nil {
			s.refuse(w, r, err)
		}
	}
}

// maxBody bounds a request: a certification request of the largest size as PEM within JSON.
const maxBody = 256 << 10

// write answers with JSON, as Jackson writes it: in one line, with nothing escaped that need not
// be.
func write(w http.ResponseWriter, status int, body any) error {
	var text bytes.Buffer
	encoder := json.NewEncoder(&text)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(body); err != nil {
		return err
	}
	line := bytes.TrimSuffix(text.Bytes(), []byte("\n"))
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Content-Length", strconv.Itoa(len(line)))
	w.WriteHeader(status)
	_, err := w.Write(line)
	return err
}

// read reads the JSON of a request. Fields that are not known are passed over, as EJBCA does.
func read(r *http.Request, into any) error {
	data, err := io.ReadAll(r.Body)
	var tooLarge *http.MaxBytesError
	switch {
	case errors.As(err, &tooLarge):
		return modelled(http.StatusRequestEntityTooLarge, i18n.Text{FR: "la demande dépasse 256 Kio",
			EN: "the request is larger than 256 KiB"})
	case err != nil:
		return errMalformed
	}
	if json.Unmarshal(data, into) != nil {
		return errMalformed
	}
	return nil
}

// status says that the API is there. Anybody may ask.
func status(w http.ResponseWriter, _ *http.Request) error {
	return write(w, http.StatusOK, struct {
		Status   string `json:"status"`
		Version  string `json:"version"`
		Revision string `json:"revision"`
	}{"OK", "1.0", "igc, modelled on EJBCA"})
}

func noSuchPath(_ http.ResponseWriter, r *http.Request) error {
	return native(http.StatusNotFound, "RESTEASY003210: Could not find resource for full path: https://%s%s", r.Host,
		r.URL.EscapedPath())
}
