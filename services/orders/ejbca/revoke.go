package ejbca

import (
	"context"
	"math/big"
	"net/http"
	"regexp"
	"strings"
	"time"

	"github.com/igc-lab/igc/access"
	"github.com/igc-lab/igc/ca"
	"github.com/igc-lab/igc/internal/i18n"
	"github.com/igc-lab/igc/profiles"
	"github.com/igc-lab/igc/services/orders"
)

// reasons are EJBCA's names of the reasons of RFC 5280.
var reasons = map[string]ca.Reason{"UNSPECIFIED": "unspecified", "KEY_COMPROMISE": "keyCompromise",
	"CA_COMPROMISE": "cACompromise", "AFFILIATION_CHANGED": "affiliationChanged", "SUPERSEDED": "superseded",
	"CESSATION_OF_OPERATION": "cessationOfOperation", "CERTIFICATE_HOLD": ca.Hold,
	"PRIVILEGES_WITHDRAWN": "privilegeWithdrawn", "AA_COMPROMISE": "aACompromise"}

// revocation is the status of a certificate.
type revocation struct {
	Issuer  string `json:"issuer_dn"`
	Serial  string `json:"serial_number"`
	Reason  string `json:"revocation_reason"`
	At      string `json:"revocation_date,omitempty"`
	Message string `json:"message,omitempty"`
	Revoked bool   `json:"revoked"`
}

var hexadecimal = regexp.MustCompile(`^(0[xX])?[0-9a-fA-F]{1,64}$`)

// certificate finds the one that a path names, that the caller may follow.
func (s *server) certificate(ctx context.Context, caller *access.Caller, issuer, serial string) (*ca.Record, error) {
	if !hexadecimal.MatchString(serial) {
		return nil, native(http.StatusBadRequest, "Invalid serial number format. Should be HEX encoded (optionally "+
			"with '0x' prefix) e.g. '0x10782a83eef170d4'")
	}
	a, err := s.bySubject(ctx, issuer)
	if err != nil {
		return nil, err
	}
	number, _ := new(big.Int).SetString(strings.TrimPrefix(strings.ToLower(serial), "0x"), 16)
	record, err := s.Desk.FindSerial(ctx, caller, profiles.SerialHex(number))
	if orders.CodeOf(err) == orders.CodeNone || err == nil && record.Authority != a.id {
		return nil, native(http.StatusNotFound,
			"Certificate with serial number '%s' and issuer DN '%s' was not found", serial, issuer)
	}
	return record, err
}

// statusOfRecord is the status of a certificate as it is now.
func statusOfRecord(record *ca.Record, issuer, serial string) revocation {
	v := revocation{Issuer: issuer, Serial: serial, Reason: "NOT_REVOKED"}
	if record.Status == ca.Good || record.Revoked == nil {
		return v
	}
	v.Revoked, v.At, v.Reason = true, at(record.Revoked.At), "UNSPECIFIED"
	for name, reason := range reasons {
		if reason == record.Revoked.Reason {
			v.Reason = name
		}
	}
	return v
}

// revocationStatus says whether a certificate is revoked.
func (s *server) revocationStatus(w http.ResponseWriter, r *http.Request, caller *access.Caller) error {
	issuer, serial := r.PathValue("issuer"), r.PathValue("serial")
	record, err := s.certificate(r.Context(), caller, issuer, serial)
	if err != nil {
		return err
	}
	return write(w, http.StatusOK, statusOfRecord(record, issuer, serial))
}

// revoke revokes a certificate, by role.
func (s *server) revoke(w http.ResponseWriter, r *http.Request, caller *access.Caller) error {
	issuer, serial, query := r.PathValue("issuer"), r.PathValue("serial"), r.URL.Query()
	record, err := s.certificate(r.Context(), caller, issuer, serial)
	if err != nil {
		return err
	}
	name := strings.ToUpper(query.Get("reason"))
	reason, known := reasons[name]
	if !known {
		return native(http.StatusBadRequest, "Invalid revocation reason.")
	}
	for _, parameter := range []string{"date", "invalidity_date"} {
		if err := s.checkDate(query.Get(parameter)); err != nil {
			return err
		}
		if query.Has(parameter) {
			return modelled(http.StatusUnprocessableEntity, i18n.Text{
				FR: "le labo révoque aussitôt : n'envoyez pas %s",
				EN: "the lab revokes at once: leave %s out"}.Format(parameter))
		}
	}
	if record.Status == ca.Revoked {
		return native(http.StatusConflict, "Certificate with issuer: %s and serial number: %s is already revoked",
			issuer, serial)
	}
	if record, err = s.Desk.RevokeSerial(r.Context(), caller, record.Serial, string(reason)); err != nil {
		return err
	}
	answer := statusOfRecord(record, issuer, serial)
	answer.Reason, answer.Message = name, "Successfully revoked"
	return write(w, http.StatusOK, answer)
}

// checkDate refuses what is not a date, or one to come.
func (s *server) checkDate(text string) error {
	if text == "" {
		return nil
	}
	date, err := time.Parse(time.RFC3339, text)
	switch {
	case err != nil:
		return native(http.StatusBadRequest, "Invalid date: '%s'.", text)
	case date.After(s.Desk.Now()):
		return native(http.StatusBadRequest, "Date in the future: '%s'.", text)
	}
	return nil
}
