package psc

import (
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/igc-lab/igc/internal/web"
)

// maxForm bounds the body of a call.
const maxForm = 64 << 10

// handler answers a call of an endpoint. It returns a *failure for what the client did wrong, and
// any other error for what the lab cannot do.
type handler func(w http.ResponseWriter, r *http.Request, call *Call, settings *Settings) error

// Issuer serves the issuer: discovery and what clients call.
func (p *Provider) IssuerHandler() http.Handler {
	mux := http.NewServeMux()
	on := func(pattern, name string, h handler) { mux.HandleFunc(pattern, p.endpoint(name, h)) }
	on("GET "+issuerPath+"/.well-known/wallet-openid-configuration", "discovery", p.discovery)
	on("GET "+issuerPath+"/.well-known/openid-configuration", "discovery", p.standardDiscovery)
	on("GET "+issuerPath, "discovery", p.realmInfo)
	on("GET "+protocolPath+"/certs", "jwks", p.jwks)
	on("GET "+nativeAuthorize, "authorize", p.authorizeNatively)
	on("POST "+nativeAuthorize, "authorize", p.authorizeNatively)
	on("POST "+protocolPath+"/token", "token", p.token)
	on("GET "+protocolPath+"/userinfo", "userinfo", p.userinfo)
	on("POST "+protocolPath+"/userinfo", "userinfo", p.userinfo)
	on("POST "+protocolPath+"/token/introspect", "introspect", p.introspect)
	on("POST "+protocolPath+"/revoke", "revoke", p.revoke)
	on("GET "+protocolPath+"/logout", "logout", p.logout)
	on("POST "+protocolPath+"/logout", "logout", p.logout)
	on("POST "+protocolPath+"/ext/ciba/auth", "ciba", p.ciba)
	on("POST "+protocolPath+"/ext/par/request", "par", p.par)
	on("GET "+apiRealmPath+"/.well-known/openid-configuration", "discovery", p.apiDiscovery)
	on("GET "+apiProtocolPath+"/certs", "jwks", p.jwks)
	on("POST "+apiProtocolPath+"/token", "exchange", p.exchange)
	on("POST "+apiPath+"/signsessiondata", "signsessiondata", p.signSessionData)
	mux.HandleFunc("GET /{$}", func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, p.WalletURL+"/", http.StatusFound)
	})
	on("/", "unknown", p.noEndpoint)
	mux.HandleFunc("GET /favicon.ico", p.notFound) // browsers ask for it by themselves
	return web.SecurityHeaders(mux)
}

// noEndpoint answers for an address or a method that does not exist. The call is remembered: it is
// a client's mistake that nothing else shows.
func (p *Provider) noEndpoint(w http.ResponseWriter, r *http.Request, call *Call, _ *Settings) error {
	if r.Method != http.MethodOptions || r.Header.Get("Origin") == "" { // else it is noted as a browser's
		call.found("PSC-ENDPOINT", r.Method+" "+r.URL.Path)
	}
	p.notFound(w, r)
	return nil
}

// formEndpoints are those that read a form from the body of a call, and nothing else of it.
var formEndpoints = []string{"token", "exchange", "introspect", "revoke", "ciba", "par"}

// noteSender notes what the HTTP request itself says of its sender, whatever it asks: that it is a
// page in a browser, and that its parameters are not where they are read.
func noteSender(r *http.Request, call *Call) {
	origin := r.Header.Get("Origin")
	preflight := r.Method == http.MethodOptions && r.Header.Get("Access-Control-Request-Method") != ""
	if origin != "" && (preflight || r.Header.Get("Sec-Fetch-Mode") == "cors" &&
		r.Header.Get("Sec-Fetch-Dest") == "empty") {
		call.found("PSC-CORS", origin)
	}
	if !slices.Contains(formEndpoints, call.Endpoint) {
		return
	}
	media, _, _ := strings.Cut(r.Header.Get("Content-Type"), ";")
	if r.ContentLength != 0 && !strings.EqualFold(strings.TrimSpace(media), "application/x-www-form-urlencoded") {
		call.found("PSC-FORM", "Content-Type: "+media)
	} else if r.URL.RawQuery != "" {
		var names []string // without the values: a secret may be among them
		for name := range r.URL.Query() {
			names = append(names, name)
		}
		slices.Sort(names)
		call.found("PSC-FORM", r.URL.Path+"?"+strings.Join(names, "&"))
	}
}

// recorder remembers the status of an answer.
type recorder struct {
	http.ResponseWriter
	status int
}

func (r *recorder) WriteHeader(status int) {
	r.status = status
	r.ResponseWriter.WriteHeader(status)
}

func (r *recorder) Unwrap() http.ResponseWriter { return r.ResponseWriter }

// endpoint makes an HTTP handler: plays the fault of the endpoint, bounds and parses the form,
// writes errors, and remembers the call.
func (p *Provider) endpoint(name string, h handler) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		begun := time.Now()
		call := Call{At: p.Now().UTC(), Endpoint: name}
		rec := &recorder{w, http.StatusOK}
		ctx, cancel := web.Detach(r.Context())
		defer cancel()
		r = r.WithContext(ctx)
		settings, err := p.current(ctx)
		if err == nil {
			if p.play(rec, r, settings.Faults[name]) {
				return
			}
			noteSender(r, &call)
			r.Body = http.MaxBytesReader(rec, r.Body, maxForm)
			if err = parseForm(r); err == nil {
				err = h(rec, r, &call, settings)
			}
		}
		if err != nil {
			p.fail(rec, r, &call, err)
		}
		call.Status, call.Took = rec.status, time.Since(begun)
		p.Requests.add(call)
	}
}

// parseForm parses the query or the form. Parameters that come twice are refused (RFC 6749 §3.1).
func parseForm(r *http.Request) error {
	if err := r.ParseForm(); err != nil {
		return badRequest("the form cannot be read", "PSC-PARAMETER", err.Error())
	}
	for _, values := range []url.Values{r.PostForm, r.URL.Query()} {
		for name, list := range values {
			if len(list) > 1 && name != "resource" && name != "audience" {
				return badRequest("duplicated parameter", "PSC-PARAMETER", name)
			}
		}
	}
	return nil
}

// fail answers an error.
func (p *Provider) fail(w http.ResponseWriter, r *http.Request, call *Call, err error) {
	var f *failure
	if !errors.As(err, &f) {
		p.Log.Error("PSC", "endpoint", call.Endpoint, "err", err)
		f = fault(500, "server_error", "internal error: the log of igc serve says more", "", "")
		if away, ok := web.Away(err); ok {
			web.AskAgain(w.Header())
			f = fault(503, "temporarily_unavailable", away.EN, "", "")
		}
	}
	if f.code != "" {
		call.found(f.code, f.seen)
	}
	call.Error = f.err + ": " + f.description
	if f.err == "invalid_token" {
		w.Header().Set("WWW-Authenticate",
			`Bearer realm="`+realm+`", error="invalid_token", error_description="`+f.description+`"`)
	}
	p.json(w, f.status, struct {
		Error       string `json:"error"`
		Description string `json:"error_description"`
	}{f.err, f.description})
}

// json writes an answer that is not to be kept (RFC 6749 §5.1).
func (p *Provider) json(w http.ResponseWriter, status int, value any) {
	data, err := json.Marshal(value)
	if err != nil {
		p.Log.Error("PSC", "err", err)
		status, data = http.StatusInternalServerError, []byte(`{"error":"server_error"}`)
	}
	web.NoStore(w)
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	w.Write(data)
}

// play plays a fault; done says that the call is answered by it.
func (p *Provider) play(w http.ResponseWriter, r *http.Request, played string) (done bool) {
	switch played {
	case "":
		return false
	case "503":
		http.Error(w, "Service Unavailable", http.StatusServiceUnavailable)
		return true
	case "reset":
		panic(http.ErrAbortHandler) // net/http closes the connection without an answer
	}
	delay, err := time.ParseDuration(played)
	if err != nil {
		return false
	}
	select {
	case <-time.After(delay):
	case <-r.Context().Done():
	}
	return false
}
