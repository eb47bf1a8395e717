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
	"github.com/igc-lab/igc/services/orders"
)

// problem is an error in EJBCA's own words, by which its clients know it.
type problem struct {
	status  int
	message string
}

func (p *problem) Error() string { return p.message }

func fail(status int, message string, args ...any) error {
	return &problem{status, fmt.Sprintf(message, args...)}
}

var (
	errNobody    = fail(http.StatusForbidden, "Authorization failed. No certificates or OAuth token provided.")
	errMalformed = fail(http.StatusBadRequest, "Malformed JSON request, check if format of the values of every "+
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
	var own *problem
	switch {
	case errors.As(err, &own):
		answer.Message = own.message
	case answer.Code == http.StatusInternalServerError:
		s.Log.Error("EJBCA", "path", r.URL.Path, "err", err)
		answer.Message = "General failure."
	default:
		text := i18n.TextOf(err)
		answer.Message = text.FR + " / " + text.EN
	}
	if err := write(w, answer.Code, answer); err != nil {
		s.Log.Debug("EJBCA", "path", r.URL.Path, "err", err)
	}
}

// statusOf is the status of an error. EJBCA answers with 403 to whoever it does not know.
func (s *server) statusOf(w http.ResponseWriter, err error) int {
	var own *problem
	var denied *access.Denied
	var refused *access.Refused
	switch {
	case errors.As(err, &own):
		return own.status
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
	}
	return http.StatusInternalServerError
}
