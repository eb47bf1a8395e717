package verify

import (
	"bytes"
	"context"
	"crypto/x509"
	"fmt"
	"math/big"
	"strings"
	"time"

	"golang.org/x/crypto/ocsp"

	"github.com/igc-lab/igc/ca"
	"github.com/igc-lab/igc/internal/i18n"
	"github.com/igc-lab/igc/profiles"
	"github.com/igc-lab/igc/revocation/crl"
)

// revocation asks the authority's CRL and its OCSP responder, and notes in each check what the
// other said when they differ.
func (v *Verifier) revocation(ctx context.Context, r *Report, leaf *x509.Certificate) {
	if r.issuer == nil {
		if r.Check("chain").Code == "CHAIN-OK" && r.Check("signature").Level != Bad { // by an authority that the client sent
			notOurs := Text{FR: "l'autorité émettrice n'est pas de ce laboratoire",
				EN: "the issuing authority is not of this lab"}
			r.add("REV-CRL-UNAVAILABLE", notOurs)
			r.add("REV-OCSP-UNAVAILABLE", notOurs)
			return
		}
		noIssuer := Text{FR: "pas d'émetteur à qui demander", EN: "no issuer to ask"}
		r.add("REV-CRL-NOT-CHECKED", noIssuer)
		r.add("REV-OCSP-NOT-CHECKED", noIssuer)
		return
	}
	answer, answerErr := v.queryOCSP(ctx, leaf, r.issuer)
	status, statusErr := v.searchCRL(ctx, r.issuer.Authority, leaf.SerialNumber)
	v.crl(r, leaf, status, statusErr, answer)
	v.ocsp(r, leaf, answer, answerErr)
	crl, ocsp := r.Check("crl"), r.Check("ocsp")
	if crl.Level != ocsp.Level {
		crl.Details = append(crl.Details, Text{FR: "Au même moment, OCSP dit %s.",
			EN: "At the same moment OCSP says %s."}.Format(ocsp.Code))
		ocsp.Details = append(ocsp.Details, Text{FR: "Au même moment, la CRL dit %s.",
			EN: "At the same moment the CRL says %s."}.Format(crl.Code))
	}
}

// crlStatus is what a CRL says about one certificate.
type crlStatus struct {
	number                 string
	thisUpdate, nextUpdate time.Time
	revoked                *ca.Revocation // nil when it is not listed; the reason is empty where the CRL has none
}

// searchedCRL is a CRL with the entries that were looked up in it.
type searchedCRL struct {
	*crl.CRL
	found map[string]*crl.Entry // by serial number, in bytes; nil for one that is not listed
}

// maxFound bounds the entries and the answers that are kept.
const maxFound = 10_000

// searchCRL looks a certificate up in its authority's CRL. A CRL is searched from its beginning, so
// what was found is kept until there is another CRL.
func (v *Verifier) searchCRL(ctx context.Context, a profiles.Authority, serial *big.Int) (s crlStatus, err error) {
	list, err := v.CRLs.Get(ctx, a)
	if err != nil {
		return s, err
	}
	s = crlStatus{number: fmt.Sprint(list.Number), thisUpdate: list.ThisUpdate, nextUpdate: list.NextUpdate}
	key := string(serial.Bytes())
	v.mu.Lock()
	searched := v.crls[a]
	if searched == nil || searched.CRL != list || len(searched.found) > maxFound {
		searched = &searchedCRL{list, map[string]*crl.Entry{}}
		v.crls[a] = searched
	}
	entry, known := searched.found[key]
	v.mu.Unlock()
	if !known {
		if entry, err = list.Find(serial); err != nil {
			return s, err
		}
		v.mu.Lock()
		searched.found[key] = entry
		v.mu.Unlock()
	}
	if entry != nil {
		s.revoked = &ca.Revocation{At: entry.At, Reason: entry.Reason}
	}
	return s, nil
}

// queryOCSP asks the responder as a client would, with a request and an answer in bytes.
func (v *Verifier) queryOCSP(ctx context.Context, leaf *x509.Certificate, by *issuer) (*ocsp.Response, error) {
	request, err := ocsp.CreateRequest(leaf, by.Certificate, nil)
	if err != nil {
		return nil, err
	}
	der, err := v.OCSP.Answer(ctx, request)
	if err != nil {
		return nil, err
	}
	answer, err := v.parseOCSP(der, leaf, by)
	if err == nil && !answer.NextUpdate.IsZero() && v.Now().After(answer.NextUpdate) {
		err = i18n.NewError("ocsp-stale", Text{FR: "la réponse est périmée depuis le %s",
			EN: "the answer is stale since %s"}, i18n.Date(answer.NextUpdate))
	}
	return answer, err
}

// parseOCSP reads an answer and verifies its signatures, unless it equals the last one about the
// certificate.
func (v *Verifier) parseOCSP(der []byte, leaf *x509.Certificate, by *issuer) (*ocsp.Response, error) {
	key := string(leaf.SerialNumber.Bytes()) + by.ID()
	v.mu.Lock()
	last, ok := v.answers[key]
	v.mu.Unlock()
	if ok && bytes.Equal(last.Raw, der) {
		return last, nil
	}
	answer, err := ocsp.ParseResponseForCert(der, leaf, by.Certificate)
	if err != nil {
		return nil, err
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	if len(v.answers) > maxFound {
		clear(v.answers)
	}
	answer.Raw = der // the whole, with the signatures
	v.answers[key] = answer
	return answer, nil
}

// neverIssued reports whether the answer is the one about a certificate that the authority never
// issued, where it is configured to answer "revoked": on hold since 1970 (RFC 6960 §2.2).
func neverIssued(answer *ocsp.Response) bool {
	return answer.RevokedAt.Unix() == 0 && ca.ReasonOf(answer.RevocationReason) == onHold
}

const onHold ca.Reason = "certificateHold"

func (v *Verifier) crl(r *Report, leaf *x509.Certificate, s crlStatus, err error, answer *ocsp.Response) {
	source := &Source{Number: s.number, ThisUpdate: s.thisUpdate, NextUpdate: s.nextUpdate}
	for _, u := range leaf.CRLDistributionPoints {
		if strings.HasPrefix(u, "http") {
			source.URL = u
			break
		}
	}
	if err != nil {
		r.add("REV-CRL-UNAVAILABLE", Text{FR: "CRL indisponible : %s",
			EN: "CRL unavailable: %s"}.Format(err)).Source = source
		return
	}
	now := v.Now()
	source.Age = int64(max(0, now.Sub(s.thisUpdate)) / time.Second)
	crl := Text{FR: "CRL n° %s du %s", EN: "CRL number %s of %s"}.Format(s.number, i18n.Date(s.thisUpdate))
	switch {
	case s.revoked == nil && now.After(s.nextUpdate):
		r.add("REV-CRL-STALE", Text{FR: "périmée depuis le %s (%s)",
			EN: "stale since %s (%s)"}.Format(i18n.Date(s.nextUpdate), crl))
	case s.revoked == nil:
		r.add("REV-CRL-GOOD", Text{FR: "absent de la liste (%s)", EN: "not listed (%s)"}.Format(crl))
	default:
		code, reason := Code("REV-CRL-REVOKED"), Text{FR: "sans motif dans la liste", EN: "no reason in the list"}
		if s.revoked.Reason != "" {
			reason = Text{FR: "motif %s", EN: "reason %s"}.Format(s.revoked.Reason)
		}
		// the real CRLs give no reasons: only OCSP then distinguishes a hold
		heldByOCSP := answer != nil && answer.Status == ocsp.Revoked && ca.ReasonOf(answer.RevocationReason) == onHold
		if s.revoked.Reason == onHold || s.revoked.Reason == "" && heldByOCSP {
			code = "REV-CRL-HOLD"
		}
		r.add(code, Text{FR: "RÉVOQUÉ le %s, %s (%s)",
			EN: "REVOKED on %s, %s (%s)"}.Format(i18n.Date(s.revoked.At), reason, crl))
	}
	r.Check("crl").Source = source
}

func (v *Verifier) ocsp(r *Report, leaf *x509.Certificate, answer *ocsp.Response, err error) {
	source := &Source{}
	if len(leaf.OCSPServer) > 0 {
		source.URL = leaf.OCSPServer[0]
	}
	if err != nil {
		r.add("REV-OCSP-UNAVAILABLE", Text{FR: "pas de réponse : %s", EN: "no answer: %s"}.Format(err)).Source = source
		return
	}
	source.ThisUpdate, source.NextUpdate = answer.ThisUpdate, answer.NextUpdate
	source.Age = int64(max(0, v.Now().Sub(answer.ThisUpdate)) / time.Second)
	made := Text{FR: "réponse du %s", EN: "answer of %s"}.Format(i18n.Date(answer.ThisUpdate))
	switch answer.Status {
	case ocsp.Good:
		r.add("REV-OCSP-GOOD", Text{FR: "bon (%s)", EN: "good (%s)"}.Format(made))
	case ocsp.Revoked:
		if neverIssued(answer) {
			r.add("REV-OCSP-UNKNOWN", Text{FR: "jamais émis, donc dit révoqué (%s)",
				EN: "never issued, and so said to be revoked (%s)"}.Format(made))
			break
		}
		code, reason := Code("REV-OCSP-REVOKED"), ca.ReasonOf(answer.RevocationReason)
		if reason == onHold {
			code = "REV-OCSP-HOLD"
		}
		r.add(code, Text{FR: "RÉVOQUÉ le %s, motif %s (%s)",
			EN: "REVOKED on %s, reason %s (%s)"}.Format(i18n.Date(answer.RevokedAt), reason, made))
	default:
		r.add("REV-OCSP-UNKNOWN", Text{FR: "inconnu de l'autorité (%s)",
			EN: "unknown to the authority (%s)"}.Format(made))
	}
	r.Check("ocsp").Source = source
}
