package doctor

import (
	"crypto/x509"
	"time"

	"golang.org/x/crypto/ocsp"

	"github.com/igc-lab/igc/revocation"
)

// This file is what igc doctor says of the OCSP answer that TestSSL staples, and of what /healthz
// tells.

// checkStaple verifies the stapled answer as a client does that requires one.
func checkStaple(response []byte, presented []*x509.Certificate, now time.Time) error {
	if len(response) == 0 {
		return errorf("aucune", "none")
	}
	if len(presented) < 2 {
		return errorf("le certificat de l'autorité manque", "the authority's certificate is missing")
	}
	answer, err := ocsp.ParseResponseForCert(response, presented[0], presented[1])
	if err != nil {
		return err
	}
	if err := checkAnswerDates(answer, now); err != nil {
		return err
	}
	if answer.Status != ocsp.Good {
		return errorf("le certificat n'est pas bon", "the certificate is not good")
	}
	return nil
}

// clockSlack is how far the clocks of a server and of a client may be apart.
const clockSlack = time.Minute

// checkAnswerDates finds answers that ended, and those of the future.
func checkAnswerDates(answer *ocsp.Response, now time.Time) error {
	switch {
	case !now.Before(answer.NextUpdate.Add(clockSlack)):
		return errorf("la réponse a expiré le %s",
			"the answer expired on %s", answer.NextUpdate.Local().Format(time.DateTime))
	case now.Add(clockSlack).Before(answer.ThisUpdate):
		return errorf("la réponse est du futur : %s",
			"the answer is of the future: %s", answer.ThisUpdate.Local().Format(time.DateTime))
	}
	return nil
}

// problem is a finding of what /healthz tells. Only of a CRL there is a command to give: the rest
// is made again by the server, as soon as what the text names is put right.
func (d *diagnosis) problem(p revocation.Problem, text string) Finding {
	failing := p.Level == revocation.Failing
	f := Finding{State: Note, Message: text}
	if failing {
		f = Finding{State: Todo, Message: text}
	}
	if p.What != "crl" && p.What != "delta_crl" {
		return f
	}
	if f.Remedy = d.igc("publish"); failing {
		f.fix = d.republish
	}
	return f
}
