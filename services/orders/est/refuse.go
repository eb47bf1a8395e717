package est

import (
	"errors"
	"fmt"
	"math"
	"net/http"
	"strconv"

	"github.com/igc-lab/igc/access"
	"github.com/igc-lab/igc/ca/store"
	"github.com/igc-lab/igc/internal/i18n"
	"github.com/igc-lab/igc/internal/web"
	"github.com/igc-lab/igc/services/orders"
)

// problem is what is wrong with a request of EST itself.
type problem struct {
	status int
	text   i18n.Text
}

func (p *problem) Error() string   { return p.text.EN }
func (p *problem) Text() i18n.Text { return p.text }

var errNobody = &problem{http.StatusUnauthorized, i18n.Text{
	FR: "présentez un certificat du labo à la connexion (TLS mutuel), ou un jeton : le mot de passe de HTTP Basic, " +
		"avec n'importe quel nom (igc token add en fait un)",
	EN: "present a certificate of the lab when connecting (mutual TLS), or a token: the password of HTTP Basic, with " +
		"any name (igc token add makes one)"}}

// caller is who makes a request. The password of HTTP Basic is a token.
func (s *server) caller(r *http.Request) (*access.Caller, error) {
	if _, token, ok := r.BasicAuth(); ok {
		r = r.Clone(r.Context())
		r.Header.Set("Authorization", "Bearer "+token)
	}
	caller, err := s.Caller(r)
	var denied *access.Denied
	if err == nil && caller == nil || errors.As(err, &denied) && denied.Code == access.DeniedNobody {
		return nil, errNobody
	}
	return caller, err
}

// refuse answers with what is wrong: text in both languages, for whoever reads the client's log.
func (s *server) refuse(w http.ResponseWriter, r *http.Request, err error) {
	if r.Context().Err() != nil {
		return
	}
	status, text := statusOf(err), i18n.TextOf(err)
	var denied *access.Denied
	if errors.As(err, &denied) && denied.RetryAfter > 0 {
		w.Header().Set("Retry-After", strconv.Itoa(int(math.Ceil(denied.RetryAfter.Seconds()))))
	}
	switch status {
	case http.StatusUnauthorized:
		w.Header().Set("WWW-Authenticate", `Basic realm="igc", charset="UTF-8"`)
	case http.StatusInternalServerError:
		s.Log.Error("EST", "path", r.URL.Path, "err", err)
		text = i18n.Text{FR: "le labo n'a pas pu répondre : son journal dit pourquoi",
			EN: "the lab could not answer: its log says why"}
	case http.StatusServiceUnavailable:
		if away, ok := web.Away(err); ok {
			s.Log.Error("EST", "path", r.URL.Path, "err", err)
			web.AskAgain(w.Header())
			text = away
		}
	}
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.WriteHeader(status)
	if status == http.StatusUnauthorized {
		// BouncyCastle's client leaves the body of a challenge unread, which it takes for a failure
		// unless the answer is sent in chunks.
		if http.NewResponseController(w).Flush() != nil {
			return
		}
	}
	fmt.Fprintf(w, "%s\n%s\n", text.FR, text.EN)
}

// statusOf is the status of an answer that says what is wrong.
func statusOf(err error) int {
	var p *problem
	var denied *access.Denied
	var refused *access.Refused
	switch {
	case errors.As(err, &p):
		return p.status
	case errors.As(err, &denied):
		return denied.Status()
	case errors.As(err, &refused):
		return http.StatusForbidden
	}
	switch orders.CodeOf(err) {
	case orders.CodeRenewCertificate, orders.CodeRenewStatus, orders.CodeRenewProduct:
		return http.StatusForbidden
	}
	switch store.KindOf(err) {
	case store.Invalid:
		return http.StatusBadRequest
	case store.NotFound:
		return http.StatusNotFound
	case store.Conflict:
		return http.StatusConflict
	case store.Unavailable, store.Unanswered:
		return http.StatusServiceUnavailable
	}
	return http.StatusInternalServerError
}
