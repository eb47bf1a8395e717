package ocsp

import (
	"bytes"
	"encoding/base64"
	"io"
	"log/slog"
	"mime"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/igc-lab/igc/internal/der"
	"github.com/igc-lab/igc/internal/web"
)

// Handler is OCSP over HTTP (RFC 6960 appendix A.1, RFC 5019 §6 and its revision). It recognises an
// OCSP request by the path as it came, before any mux: a mux would clean the double slashes of
// base64 away.
type Handler struct {
	responder *Responder
	next      http.Handler
	log       *slog.Logger
}

// NewHandler makes a handler that answers OCSP requests, and leaves all others to next.
func NewHandler(responder *Responder, next http.Handler, log *slog.Logger) *Handler {
	return &Handler{responder, next, log}
}

// ServeHTTP implements [http.Handler].
func (h *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	switch {
	case !isOCSP(r):
		if r.URL.Path == "/ocsp" {
			w.Header().Set("Allow", http.MethodPost)
			http.Error(w, "POST an OCSP request, or append one to the path", http.StatusMethodNotAllowed)
			return
		}
		h.next.ServeHTTP(w, r)
	case r.Method == http.MethodPost:
		h.post(w, r)
	default:
		encoded, _ := ocspPath(r.URL.Path)
		h.get(w, r, encoded)
	}
}

// maxRequest bounds an OCSP request: one of maxIDs certificates takes about 8 kB.
const maxRequest = 16 << 10

const requestType = "application/ocsp-request"

// Values of headers that are the same in every answer.
var (
	responseType = []string{"application/ocsp-response"}
	noSniff      = []string{"nosniff"}
	noStore      = []string{"no-store"}
	askAgain     = []string{"max-age=0, public, no-transform, must-revalidate"}
)

// ocspPath is the request of a GET: what follows the responder's address in the path, URL escapes
// undone. It is base64, which holds slashes, also two together, and which a mux would clean away.
// Between address and request there is one slash (RFC 6960 §A.1); clients that add one to an
// address that ends in one send two, and clients that add none send none. The real responder's
// address has no path, and every request begins with a SEQUENCE: with M.
func ocspPath(path string) (encoded string, ok bool) {
	rest, ok := strings.CutPrefix(strings.TrimLeft(path, "/"), "ocsp")
	if !ok {
		return rest, strings.HasPrefix(rest, "M")
	}
	return strings.TrimLeft(rest, "/"), strings.HasPrefix(rest, "M") || len(rest) > 1 && rest[0] == '/'
}

// isOCSP tells whether an HTTP request is one to the OCSP responder. The path is looked at as it
// came, before any mux.
func isOCSP(r *http.Request) bool {
	switch r.Method {
	case http.MethodGet, http.MethodHead:
		_, ok := ocspPath(r.URL.Path)
		return ok
	case http.MethodPost:
		path := strings.Trim(r.URL.Path, "/")
		return path == "" || path == "ocsp"
	}
	return false
}

func (h *Handler) post(w http.ResponseWriter, r *http.Request) {
	if ct := r.Header.Get("Content-Type"); ct != requestType {
		if ct, _, err := mime.ParseMediaType(ct); err != nil || ct != requestType {
			http.Error(w, "POST an OCSP request, of type "+requestType, http.StatusUnsupportedMediaType)
			return
		}
	}
	der, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxRequest))
	if err != nil {
		http.Error(w, "OCSP request cut short, or larger than 16 kB", http.StatusRequestEntityTooLarge)
		return
	}
	h.answer(w, r, der)
}

func (h *Handler) get(w http.ResponseWriter, r *http.Request, encoded string) {
	der, err := decodeGet(encoded)
	if err != nil {
		der = nil // answered as any malformed request
	}
	h.answer(w, r, der)
}

// webSafe turns the base64 of URLs into the plain one, and a plus that came as a space back.
var webSafe = strings.NewReplacer("-", "+", "_", "/", " ", "+")

// decodeGet reads the path of an OCSP GET: base64, padded or not, perhaps escaped twice, and
// perhaps with fewer or more slashes than it had. How long it was, its first bytes say.
func decodeGet(encoded string) ([]byte, error) {
	if len(encoded) > 2*maxRequest {
		return nil, errRequest
	}
	if strings.Contains(encoded, "%") {
		once, err := url.PathUnescape(encoded)
		if err != nil {
			return nil, errRequest
		}
		encoded = once
	}
	encoded = webSafe.Replace(strings.TrimRight(encoded, "="))
	head, _ := base64.RawStdEncoding.DecodeString(encoded[:min(len(encoded), 8)])
	if n, length := der.ReadHeader(head); n > 0 && length <= maxRequest {
		switch missing := base64.RawStdEncoding.EncodedLen(n+length) - len(encoded); {
		case missing < 0 && strings.Trim(encoded[len(encoded)+missing:], "=/") == "":
			encoded = encoded[:len(encoded)+missing]
		case missing > 0:
			if der := restoreSlashes(encoded, missing); der != nil {
				return der, nil
			}
		}
	}
	return base64.RawStdEncoding.DecodeString(encoded)
}

// How many merged slashes are restored, and among how many requests that they could make: anyone
// may send some.
const (
	maxMerged   = 3
	maxRestored = 64
)

// restoreSlashes is the request whose base64 lacks that many slashes, because a proxy or a mux made
// one of several that stood side by side. They stood at some of the slashes that are left. It is
// nil unless one way of putting them back, and no other, makes an OCSP request.
func restoreSlashes(encoded string, missing int) (found []byte) {
	slashes := strings.Count(encoded, "/")
	if missing > maxMerged || slashes > maxRestored || strings.Contains(encoded, "//") {
		return nil
	}
	ways := 1
	for i := range missing {
		ways = ways * (slashes + i) / (i + 1)
	}
	if ways > maxRestored {
		return nil
	}
	all := []string{encoded}
	for range missing {
		var longer []string
		for _, s := range all {
			for i := range len(s) {
				if s[i] == '/' && !strings.HasSuffix(s[:i], "/") {
					longer = append(longer, s[:i]+"/"+s[i:])
				}
			}
		}
		slices.Sort(longer)
		all = slices.Compact(longer)
	}
	for _, s := range all {
		der, err := base64.RawStdEncoding.DecodeString(s)
		if err != nil {
			continue
		}
		if _, err := parseRequest(der); err != nil {
			continue
		}
		if found != nil {
			return nil
		}
		found = der
	}
	return found
}

func (h *Handler) answer(w http.ResponseWriter, r *http.Request, der []byte) {
	req, answer := h.responder.lookUp(der)
	if answer == nil {
		ctx, cancel := web.Detach(r.Context())
		defer cancel()
		var err error
		if answer, err = h.responder.decide(ctx, req); err != nil {
			h.log.Error("OCSP", "err", err)
		}
	}
	header := w.Header()
	h.responder.setHeader(header, answer, r.Method == http.MethodPost)
	if header["Etag"] != nil && (r.Header["If-None-Match"] != nil || r.Header["If-Match"] != nil) {
		r.Header.Del("Range") // nobody fetches a part of an answer
		web.JoinETags(r.Header)
		http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(answer.der))
		return
	}
	w.Write(answer.der)
}

// setHeader sets the header fields of an answer, which tell HTTP caches:
//
//   - Of an answer to a GET that holds for anyone, what RFC 5019 §6.2 says: until its nextUpdate at
//     most or, as igc.yaml has it otherwise, to ask again each time, which costs a 304.
//   - Of an answer to one asker (a nonce), of one that an issue may make wrong at any moment (a
//     serial number that was never issued), and of a refusal: not to keep it. If-Modified-Since is
//     not heard: its second is too coarse, since a revocation may come within that of the answer
//     before.
//   - Of an answer to a POST, nothing: caches keep none unless told to (RFC 9110 §9.3.3), and RFC
//     5019 forbids no-store on what is signed for anyone.
func (r *Responder) setHeader(h http.Header, answer *reply, post bool) {
	switch {
	case !answer.cacheable():
		h["Cache-Control"] = noStore
	case post:
	default:
		h["Etag"] = answer.tag
		h["Last-Modified"] = answer.modified
		if r.lab.Config.OCSP.HTTPCache == "until-next-update" {
			h["Cache-Control"] = answer.maxAge
			h["Expires"] = answer.expires
		} else {
			h["Cache-Control"] = askAgain
		}
	}
	h["X-Content-Type-Options"] = noSniff
	h["Content-Type"] = responseType
	h["Content-Length"] = answer.length
}
