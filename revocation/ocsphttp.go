package revocation

import (
	"encoding/base64"
	"io"
	"mime"
	"net/http"
	"strings"
)

// This file is the HTTP face of OCSP (RFC 6960 appendix A.1, RFC 5019 §6 and its revision).

// maxRequest bounds an OCSP request: one of maxIDs certificates takes about 8 kB.
const maxRequest = 16 << 10

const requestType = "application/ocsp-request"

// Values of headers that are the same in every answer.
var (
	responseType = []string{"application/ocsp-response"}
	noStore      = []string{"no-store"}
	askAgain     = []string{"max-age=0, public, no-transform, must-revalidate"}
)

// ocspPath is what follows the responder's address in a GET, URL escapes undone: base64, which holds slashes, also two
// together, and which a mux would clean away. The real responder's address has no path, and every request begins with a
// SEQUENCE: with M.
func ocspPath(path string) (encoded string, ok bool) {
	if encoded, ok = strings.CutPrefix(path, "/ocsp/"); ok {
		return encoded, encoded != ""
	}
	return strings.TrimPrefix(path, "/"), strings.HasPrefix(path, "/M")
}

func (p *Publication) ocspPost(w http.ResponseWriter, r *http.Request) {
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
	p.ocsp(w, r, der)
}

func (p *Publication) ocspGet(w http.ResponseWriter, r *http.Request, encoded string) {
	der, err := decodeGet(encoded)
	if err != nil {
		der = nil // answered as any malformed request
	}
	p.ocsp(w, r, der)
}

// webSafe turns the base64 of URLs into the plain one, and a plus that came as a space back.
var webSafe = strings.NewReplacer("-", "+", "_", "/", " ", "+")

// decodeGet reads the path of an OCSP GET: base64, padded or not.
func decodeGet(encoded string) ([]byte, error) {
	if len(encoded) > 2*maxRequest {
		return nil, errRequest
	}
	return base64.RawStdEncoding.DecodeString(webSafe.Replace(strings.TrimRight(encoded, "=")))
}

// ocsp answers.
func (p *Publication) ocsp(w http.ResponseWriter, r *http.Request, der []byte) {
	answer, err := p.responder.reply(r.Context(), der)
	if err != nil {
		p.log.Error("OCSP", "err", err)
	}
	h := w.Header()
	p.describe(answer, r.Method == http.MethodPost, func(name string, value []string) { h[name] = value })
	if match := r.Header["If-None-Match"]; len(match) > 0 && h["Etag"] != nil && strings.Contains(match[0], answer.tag[0]) {
		delete(h, "Content-Type")
		delete(h, "Content-Length")
		w.WriteHeader(http.StatusNotModified)
		return
	}
	w.Write(answer.der)
}

// describe gives the header fields of an answer. What HTTP caches are told:
//
//   - Of an answer to a GET that holds for anyone, what RFC 5019 §6.2 says: until its nextUpdate at most or, as igc.yaml
//     has it otherwise, to ask again each time, which costs a 304.
//   - Of an answer to one asker (a nonce), of one that an issue may make wrong at any moment (a serial number that was
//     never issued), and of a refusal: not to keep it. If-Modified-Since is not heard: its second is too coarse, since a
//     revocation may come within that of the answer before.
//   - Of an answer to a POST, nothing: caches keep none unless told to (RFC 9110 §9.3.3), and RFC 5019 forbids no-store on
//     what is signed for anyone.
func (p *Publication) describe(answer *reply, post bool, field func(name string, value []string)) {
	switch {
	case !answer.cacheable():
		field("Cache-Control", noStore)
	case post:
	default:
		field("Etag", answer.tag)
		field("Last-Modified", answer.modified)
		if p.lab.Config.OCSP.HTTPCache == "until-next-update" {
			field("Cache-Control", answer.maxAge)
			field("Expires", answer.expires)
		} else {
			field("Cache-Control", askAgain)
		}
	}
	field("Content-Type", responseType)
	field("Content-Length", answer.length)
}
