package access

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/igc-lab/igc/internal/i18n"
	"github.com/igc-lab/igc/verify"
)

// DenialCode is why a request has no caller: a stable code.
type DenialCode string

// The codes.
const (
	DeniedNobody     DenialCode = "ACCESS-NOBODY"      // neither certificate nor token
	DeniedCard       DenialCode = "ACCESS-CARD"        // the certificate is refused: the report says why
	DeniedProduct    DenialCode = "ACCESS-PRODUCT"     // a valid certificate that opens no way in
	DeniedOrigin     DenialCode = "ACCESS-ORIGIN"      // a page of another site made the browser ask
	DeniedTokenForm  DenialCode = "ACCESS-TOKEN-FORM"  // the header Authorization has no token
	DeniedToken      DenialCode = "ACCESS-TOKEN"       // the lab has no such token
	DeniedTokenEnded DenialCode = "ACCESS-TOKEN-ENDED" // it had it
	DeniedRate       DenialCode = "ACCESS-RATE"        // too many requests of one actor
	DeniedAttempts   DenialCode = "ACCESS-ATTEMPTS"    // too many refused tokens from one address
	DeniedFailure    DenialCode = "ACCESS-FAILURE"     // the gate could not tell
)

// denials are the answers to the codes, in the order of tables.
var denials = []struct {
	Code   DenialCode
	Status int
	Text   i18n.Text
}{
	{DeniedNobody, http.StatusUnauthorized, i18n.Text{
		FR: "présentez une carte du labo, un certificat AUTH_CLI ou un jeton (Authorization: Bearer, igc token add)",
		EN: "present a card of the lab, an AUTH_CLI certificate or a token (Authorization: Bearer, igc token add)"}},
	{DeniedCard, http.StatusForbidden, i18n.Text{
		FR: "le certificat est refusé", EN: "the certificate is refused"}},
	{DeniedProduct, http.StatusForbidden, i18n.Text{
		FR: "ce certificat est valable, mais n'ouvre pas l'accès : il faut le certificat d'authentification d'une " +
			"carte, " +
			"ou l'AUTH_CLI d'une organisation",
		EN: "this certificate is valid, but does not let in: it takes the authentication certificate of a card, or " +
			"an " +
			"organisation's AUTH_CLI"}},
	{DeniedOrigin, http.StatusForbidden, i18n.Text{
		FR: "la demande vient de la page d'un autre site", EN: "the request comes from a page of another site"}},
	{DeniedTokenForm, http.StatusUnauthorized, i18n.Text{
		FR: "l'en-tête Authorization n'a pas la forme Bearer igc_NOM_SECRET",
		EN: "the header Authorization does not have the form Bearer igc_NAME_SECRET"}},
	{DeniedToken, http.StatusUnauthorized, i18n.Text{
		FR: "le labo n'a pas ce jeton : il est faux ou retiré ; igc token add en fait un",
		EN: "the lab has no such token: it is wrong or was removed; igc token add makes one"}},
	{DeniedTokenEnded, http.StatusUnauthorized, i18n.Text{
		FR: "le jeton est périmé : igc token remove puis igc token add en fait un autre",
		EN: "the token has ended: igc token remove, then igc token add, makes another"}},
	{DeniedRate, http.StatusTooManyRequests, i18n.Text{
		FR: "trop de demandes : attendez le temps que dit Retry-After",
		EN: "too many requests: wait as long as Retry-After says"}},
	{DeniedAttempts, http.StatusTooManyRequests, i18n.Text{
		FR: "trop de jetons refusés depuis cette adresse : attendez le temps que dit Retry-After",
		EN: "too many refused tokens from this address: wait as long as Retry-After says"}},
	{DeniedFailure, http.StatusServiceUnavailable, i18n.Text{
		FR: "le labo ne peut pas vérifier qui demande : son journal dit pourquoi",
		EN: "the lab cannot check who asks: its log says why"}},
}

// Denied is why a request has no caller. It is the error of [Gate.Caller].
type Denied struct {
	Code       DenialCode
	Report     *verify.Report // on the certificate that was presented, so that a page shows why
	Caller     *Caller        // who it would have been, where that is known; else nil
	RetryAfter time.Duration  // of an answer of 429 or 503
}

func (d *Denied) Error() string { return i18n.Tr(d.Text().FR, d.Text().EN) }

// Text is the reason in both languages.
func (d *Denied) Text() i18n.Text {
	for _, row := range denials {
		if row.Code != d.Code {
			continue
		}
		if d.Code == DeniedCard && d.Report != nil {
			if failed := d.Report.Failed(); failed != nil {
				return i18n.Text{FR: fmt.Sprintf("%s (%s) : %s", row.Text.FR, failed.Code, failed.Means.FR),
					EN: fmt.Sprintf("%s (%s): %s", row.Text.EN, failed.Code, failed.Means.EN)}
			}
		}
		return row.Text
	}
	return i18n.Same(string(d.Code))
}

// Status is the status of the answer.
func (d *Denied) Status() int {
	for _, row := range denials {
		if row.Code == d.Code {
			return row.Status
		}
	}
	return http.StatusForbidden
}

// SetHeaders sets what an answer says beside its page: when to try again, what to present.
func (d *Denied) SetHeaders(h http.Header) {
	h.Set("Cache-Control", "no-store")
	if d.RetryAfter > 0 {
		h.Set("Retry-After", strconv.Itoa(int(math.Ceil(d.RetryAfter.Seconds()))))
	}
	if d.Status() == http.StatusUnauthorized {
		challenge := `Bearer realm="igc"`
		if d.Code != DeniedNobody {
			challenge += `, error="invalid_token"`
		}
		h.Set("WWW-Authenticate", challenge)
	}
}

// refusal is an answer as JSON.
type refusal struct {
	Code    string         `json:"code"`
	Message i18n.Text      `json:"message"`
	Report  *verify.Report `json:"report,omitempty"`
}

// Write answers a request with the reason: text for people, JSON for programs.
func (d *Denied) Write(w http.ResponseWriter, r *http.Request) {
	d.SetHeaders(w.Header())
	write(w, r, d.Status(), refusal{string(d.Code), d.Text(), d.Report})
}

// WriteRefusal answers a request with what [Caller.May] returned.
func WriteRefusal(w http.ResponseWriter, r *http.Request, err error) {
	var refused *Refused
	if !errors.As(err, &refused) { // May returns nothing else
		refused = &Refused{Code: RefusedRole, Caller: &Caller{}}
	}
	w.Header().Set("Cache-Control", "no-store")
	write(w, r, http.StatusForbidden, refusal{Code: string(refused.Code), Message: refused.Text()})
}

func write(w http.ResponseWriter, r *http.Request, status int, answer refusal) {
	if strings.Contains(r.Header.Get("Accept"), "text/html") {
		w.Header().Set("Content-Type", "text/plain; charset=utf-8")
		w.WriteHeader(status)
		fmt.Fprintf(w, "%s\n\n%s\n\n%s\n", answer.Code, answer.Message.FR, answer.Message.EN)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	json.NewEncoder(w).Encode(answer) // whoever reads half of it sees that
}
