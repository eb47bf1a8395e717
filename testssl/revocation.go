package testssl

import (
	"bytes"
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"math/big"
	"strings"
	"time"

	"golang.org/x/crypto/ocsp"

	"github.com/igc-lab/igc/ca"
	"github.com/igc-lab/igc/revocation/crl"
)

// revocation asks the authority's CRL and its OCSP responder, and says of each what the other said.
func (c *checker) revocation(ctx context.Context, r *Report, leaf *x509.Certificate, issuer *ca.Issuer) {
	if issuer == nil {
		if r.check("chain").Code == "CHAIN-OK" && r.check("signature").Level != Bad { // by an authority that the client brought along
			const fr, en = "l'autorité émettrice n'est pas de ce laboratoire", "the issuing authority is not of this lab"
			r.add("REV-CRL-UNAVAILABLE", fr, en)
			r.add("REV-OCSP-UNAVAILABLE", fr, en)
			return
		}
		const fr, en = "pas d'émetteur à qui demander", "no issuer to ask"
		r.add("REV-CRL-NOT-CHECKED", fr, en)
		r.add("REV-OCSP-NOT-CHECKED", fr, en)
		return
	}
	answer, answerErr := c.ask(ctx, leaf, issuer)
	list, listErr := c.read(ctx, issuer, leaf.SerialNumber)
	c.crl(r, leaf, list, listErr, answer)
	c.ocsp(r, leaf, answer, answerErr)
	crl, ocsp := r.check("crl"), r.check("ocsp")
	if crl.Level != ocsp.Level {
		said := func(to *Check, fr, en string, code Code) {
			to.Details = append(to.Details, Text{FR: "Au même moment, " + fr + " dit " + string(code) + ".", EN: "At the same moment " + en + " says " + string(code) + "."})
		}
		said(crl, "OCSP", "OCSP", ocsp.Code)
		said(ocsp, "la CRL", "the CRL", crl.Code)
	}
}

// listing is what a CRL says of one certificate.
type listing struct {
	number                 string
	thisUpdate, nextUpdate time.Time
	revoked                *ca.Revocation // nil when it is not listed; the reason is empty where the list has none
}

// readCRL is a list, with what it was found to say of the certificates that were asked for.
type readCRL struct {
	*crl.CRL
	found map[string]*crl.Entry // by serial number, in bytes; nil for one that is not listed
}

// maxFound bounds what is kept of a list, and of answers.
const maxFound = 10_000

// read looks a certificate up on its authority's CRL. It is the only reader of CRLs here. A list is searched from its
// beginning, so what was found is kept until there is another list.
func (c *checker) read(ctx context.Context, issuer *ca.Issuer, serial *big.Int) (l listing, err error) {
	list, err := c.lists.Get(ctx, issuer.Authority)
	if err != nil {
		return l, err
	}
	l = listing{number: fmt.Sprint(list.Number), thisUpdate: list.ThisUpdate, nextUpdate: list.NextUpdate}
	key := string(serial.Bytes())
	c.mu.Lock()
	kept := c.crls[issuer.Authority]
	if kept == nil || kept.CRL != list || len(kept.found) > maxFound {
		kept = &readCRL{list, map[string]*crl.Entry{}}
		c.crls[issuer.Authority] = kept
	}
	entry, known := kept.found[key]
	c.mu.Unlock()
	if !known {
		if entry, err = list.Find(serial); err != nil {
			return l, err
		}
		c.mu.Lock()
		kept.found[key] = entry
		c.mu.Unlock()
	}
	if entry != nil {
		l.revoked = &ca.Revocation{At: entry.At, Reason: entry.Reason}
	}
	return l, nil
}

// ask asks the responder as a client would, with a request and an answer in bytes.
func (c *checker) ask(ctx context.Context, leaf *x509.Certificate, issuer *ca.Issuer) (*ocsp.Response, error) {
	request, err := ocsp.CreateRequest(leaf, issuer.Certificate, nil)
	if err != nil {
		return nil, err
	}
	der, err := c.responder.Answer(ctx, request)
	if err != nil {
		return nil, err
	}
	answer, err := c.verify(der, leaf, issuer)
	if err == nil && !answer.NextUpdate.IsZero() && c.now().After(answer.NextUpdate) {
		err = errors.New("the answer is stale since " + inEnglish(answer.NextUpdate))
	}
	return answer, err
}

// verify reads an answer and verifies its signatures, unless it is the very one of the last time.
func (c *checker) verify(der []byte, leaf *x509.Certificate, issuer *ca.Issuer) (*ocsp.Response, error) {
	key := string(leaf.SerialNumber.Bytes()) + issuer.Authority.ID()
	c.mu.Lock()
	kept, ok := c.answers[key]
	c.mu.Unlock()
	if ok && bytes.Equal(kept.Raw, der) {
		return kept, nil
	}
	answer, err := ocsp.ParseResponseForCert(der, leaf, issuer.Certificate)
	if err != nil {
		return nil, err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if len(c.answers) > maxFound {
		clear(c.answers)
	}
	answer.Raw = der // the whole, signatures too
	c.answers[key] = answer
	return answer, nil
}

// neverIssued tells the answer about a certificate that the authority never issued, where it is told to say "revoked" of
// such ones: on hold since 1970 (RFC 6960 §2.2).
func neverIssued(answer *ocsp.Response) bool {
	return answer.RevokedAt.Unix() == 0 && ca.ReasonOf(answer.RevocationReason) == onHold
}

const onHold ca.Reason = "certificateHold"

func (c *checker) crl(r *Report, leaf *x509.Certificate, l listing, err error, answer *ocsp.Response) {
	source := &Source{Number: l.number, ThisUpdate: l.thisUpdate, NextUpdate: l.nextUpdate}
	for _, u := range leaf.CRLDistributionPoints {
		if strings.HasPrefix(u, "http") {
			source.URL = u
			break
		}
	}
	if err != nil {
		r.add("REV-CRL-UNAVAILABLE", "CRL indisponible : "+err.Error(), "CRL unavailable: "+err.Error()).Source = source
		return
	}
	now := c.now()
	source.Age = int64(max(0, now.Sub(l.thisUpdate)) / time.Second)
	fr := fmt.Sprintf("CRL n° %s du %s", l.number, inFrench(l.thisUpdate))
	en := fmt.Sprintf("CRL number %s of %s", l.number, inEnglish(l.thisUpdate))
	switch {
	case l.revoked == nil && now.After(l.nextUpdate):
		r.add("REV-CRL-STALE", "périmée depuis le "+inFrench(l.nextUpdate)+" ("+fr+")", "stale since "+inEnglish(l.nextUpdate)+" ("+en+")")
	case l.revoked == nil:
		r.add("REV-CRL-GOOD", "absent de la liste ("+fr+")", "not listed ("+en+")")
	default:
		code, reason := Code("REV-CRL-REVOKED"), Text{FR: "sans motif dans la liste", EN: "no reason in the list"}
		if l.revoked.Reason != "" {
			reason = Text{FR: "motif " + string(l.revoked.Reason), EN: "reason " + string(l.revoked.Reason)}
		}
		// the real CRLs give no reasons: only OCSP then tells a hold
		heldByOCSP := answer != nil && answer.Status == ocsp.Revoked && ca.ReasonOf(answer.RevocationReason) == onHold
		if l.revoked.Reason == onHold || l.revoked.Reason == "" && heldByOCSP {
			code = "REV-CRL-HOLD"
		}
		r.add(code, "RÉVOQUÉ le "+inFrench(l.revoked.At)+", "+reason.FR+" ("+fr+")", "REVOKED on "+inEnglish(l.revoked.At)+", "+reason.EN+" ("+en+")")
	}
	r.check("crl").Source = source
}

func (c *checker) ocsp(r *Report, leaf *x509.Certificate, answer *ocsp.Response, err error) {
	source := &Source{}
	if len(leaf.OCSPServer) > 0 {
		source.URL = leaf.OCSPServer[0]
	}
	if err != nil {
		r.add("REV-OCSP-UNAVAILABLE", "pas de réponse : "+err.Error(), "no answer: "+err.Error()).Source = source
		return
	}
	source.ThisUpdate, source.NextUpdate = answer.ThisUpdate, answer.NextUpdate
	source.Age = int64(max(0, c.now().Sub(answer.ThisUpdate)) / time.Second)
	fr, en := "réponse du "+inFrench(answer.ThisUpdate), "answer of "+inEnglish(answer.ThisUpdate)
	switch answer.Status {
	case ocsp.Good:
		r.add("REV-OCSP-GOOD", "bon ("+fr+")", "good ("+en+")")
	case ocsp.Revoked:
		if neverIssued(answer) {
			r.add("REV-OCSP-UNKNOWN", "jamais émis, donc dit révoqué ("+fr+")", "never issued, and so said to be revoked ("+en+")")
			break
		}
		code, reason := Code("REV-OCSP-REVOKED"), ca.ReasonOf(answer.RevocationReason)
		if reason == onHold {
			code = "REV-OCSP-HOLD"
		}
		r.add(code, "RÉVOQUÉ le "+inFrench(answer.RevokedAt)+", motif "+string(reason)+" ("+fr+")",
			"REVOKED on "+inEnglish(answer.RevokedAt)+", reason "+string(reason)+" ("+en+")")
	default:
		r.add("REV-OCSP-UNKNOWN", "inconnu de l'autorité ("+fr+")", "unknown to the authority ("+en+")")
	}
	r.check("ocsp").Source = source
}
