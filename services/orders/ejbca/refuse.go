package ejbca

import (
	"errors"
	"fmt"
	"math"
	"net/http"
	"strconv"
	"time"

	"github.com/igc-lab/igc/access"
	"github.com/igc-lab/igc/ca/store"
	"github.com/igc-lab/igc/internal/i18n"
	"github.com/igc-lab/igc/internal/web"
	"github.com/igc-lab/igc/services/orders"
)

// problem is an error that is answered as it stands.
type problem struct {
	status  int
	message string
}

func (p *problem) Error() string { return p.message }

// native is an error in EJBCA's own words, by which its clients know it.
func native(status int, message string, args ...any) error {
	return &problem{status, fmt.Sprintf(message, args...)}
}

// modelled is an error that EJBCA does not have, in both languages.
func modelled(status int, text i18n.Text) error { return &problem{status, both(text)} }

func both(text i18n.Text) string { return text.FR + " / " + text.EN }

var (
	errNobody    = native(http.StatusForbidden, "Authorization failed. No certificates or OAuth token provided.")
	errMalformed = native(http.StatusBadRequest, "Malformed JSON request, check if format of the values of every "+
		"parameter is correct and request structure is proper.")
)

// refuse answers with an error, in EJBCA's form. What the lab says of its own is in both languages.
func (s *server) refuse(w http.ResponseWriter, r *http.Request, err error) {
	if r.Context().Err() != nil {
		return
	}
	answer := struct {
		Code    int    `json:"error_code"`
		Message string `json:"error_message"`
	}{Code: s.statusOf(w, err)}
	var p *problem
	away, isAway := web.Away(err)
	switch {
	case errors.As(err, &p):
		answer.Message = p.message
	case isAway:
		s.Log.Error("EJBCA", "path", r.URL.Path, "err", err)
		web.AskAgain(w.Header())
		answer.Message = both(away)
	case answer.Code == http.StatusInternalServerError:
		s.Log.Error("EJBCA", "path", r.URL.Path, "err", err)
		answer.Message = "General failure."
	default:
		answer.Message = both(i18n.TextOf(err))
	}
	if err := write(w, answer.Code, answer); err != nil {
		s.Log.Debug("EJBCA", "path", r.URL.Path, "err", err)
	}
}

// statusOf is the status of an error. EJBCA answers with 403 to whoever it does not know.
func (s *server) statusOf(w http.ResponseWriter, err error) int {
	var p *problem
	var denied *access.Denied
	var refused *access.Refused
	switch {
	case errors.As(err, &p):
		return p.status
	case errors.As(err, &denied) && denied.RetryAfter > 0:
		wait := denied.RetryAfter / time.Millisecond
		w.Header().Set("Retry-After", strconv.Itoa(int(math.Ceil(float64(wait)/1000))))
		return denied.Status()
	case errors.As(err, &denied), errors.As(err, &refused):
		return http.StatusForbidden
	}
	if orders.CodeOf(err) == orders.CodeNone {
		return http.StatusNotFound
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
