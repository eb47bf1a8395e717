package revocation

import (
	"slices"
	"strings"
	"testing"
	"time"

	xocsp "golang.org/x/crypto/ocsp"

	"github.com/igc-lab/igc/ca"
	"github.com/igc-lab/igc/profiles"
	"github.com/igc-lab/igc/revocation/crl"
)

// A revoked issuing authority is on its root's CRL and OCSP says so; what it issued is listed and
// answered for as before; and /healthz fails, which is what clients notice.
func TestRevokedAuthority(t *testing.T) {
	l := newTestLab(t, 1)
	clock := l.Clock()
	crls, responder := crl.NewIssuer(l.Lab, clock), newResponder(t, l.Lab, clock)
	health := NewHealth(l.Lab, crls, responder)
	if err := crls.Publish(t.Context(), false); err != nil {
		t.Fatal(err)
	}
	if problems := health.Problems(t.Context()); len(problems) != 0 {
		t.Fatalf("before: %+v", problems)
	}
	root, err := l.Issuer(t.Context(), profiles.Authority{Gamme: profiles.Fort})
	if err != nil {
		t.Fatal(err)
	}
	issuing, err := l.Issuer(t.Context(), profiles.Authority{Gamme: profiles.Fort, Domaine: profiles.Personnes})
	if err != nil {
		t.Fatal(err)
	}
	ask := func(what *ca.Issuer) *xocsp.Response {
		t.Helper()
		leaf := issuing.Certificate
		if what == issuing {
			if leaf, err = l.Cards[0].Certificate(); err != nil {
				t.Fatal(err)
			}
		}
		request, err := xocsp.CreateRequest(leaf, what.Certificate, nil)
		if err != nil {
			t.Fatal(err)
		}
		der, err := responder.Answer(t.Context(), request)
		if err != nil {
			t.Fatal(err)
		}
		answer, err := xocsp.ParseResponseForCert(der, leaf, what.Certificate)
		if err != nil {
			t.Fatal(err)
		}
		return answer
	}
	if answer := ask(root); answer.Status != xocsp.Good {
		t.Fatalf("before: %d", answer.Status)
	}
	l.Now = l.Now.Add(time.Minute)
	l.Change(t, ca.StatusChange{Authority: "ACI-FO-PP", Reason: "cACompromise"})
	if answer := ask(root); answer.Status != xocsp.Revoked || answer.RevocationReason != xocsp.CACompromise {
		t.Errorf("the root says %d, %d", answer.Status, answer.RevocationReason)
	}
	if answer := ask(issuing); answer.Status != xocsp.Good {
		t.Errorf("of the card: %d", answer.Status)
	}
	list, err := crls.Get(t.Context(), root.Authority)
	if err != nil {
		t.Fatal(err)
	}
	if entry, err := list.Find(issuing.Certificate.SerialNumber); err != nil || entry == nil {
		t.Errorf("the root's list: %+v, %v", entry, err)
	}
	// the responder's certificate is renewed as before
	l.Now = l.Now.AddDate(0, 0, 10)
	if answer := ask(issuing); answer.Status != xocsp.Good {
		t.Errorf("ten days later: %d", answer.Status)
	}
	if err := crls.Publish(t.Context(), false); err != nil {
		t.Fatal(err)
	}
	problems := health.Problems(t.Context())
	if !slices.ContainsFunc(problems, func(p Problem) bool {
		return p.Level == Failing && p.What == "authority_revoked" && p.Authority == "ACI-FO-PP" &&
			strings.HasPrefix(p.Text.EN, "it was revoked on 2026-11-22 12:01:00 UTC (cACompromise): ") &&
			strings.HasPrefix(p.Text.FR, "elle a été révoquée le 22/11/2026 à 12:01:00 UTC (cACompromise) : ")
	}) {
		t.Errorf("%+v", problems)
	}
}
