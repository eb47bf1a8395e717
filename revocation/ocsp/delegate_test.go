package ocsp

import (
	"crypto"
	"os"
	"testing"
	"time"

	xocsp "golang.org/x/crypto/ocsp"

	"github.com/igc-lab/igc/internal/labtest"
)

// The responder's certificate is renewed when half of its week is over; what was kept goes on while
// it is fresh.
func TestResponderRenewsItself(t *testing.T) {
	l := newTestLab(t, 1)
	r := newResponder(t, l.Lab, l.Clock())
	leaf, issuer := l.Certificates(t, l.Cards[0])
	first := l.ask(t, r, leaf, issuer, crypto.SHA1).Certificate
	l.Now = l.Now.Add(3 * 24 * time.Hour)
	if again := l.ask(t, r, leaf, issuer, crypto.SHA1).Certificate; !again.Equal(first) {
		t.Error("renewed after three days of seven")
	}
	l.Now = l.Now.Add(24 * time.Hour)
	again := l.ask(t, r, leaf, issuer, crypto.SHA1).Certificate
	if again.Equal(first) || !l.Now.Before(again.NotAfter) {
		t.Error("not renewed after four days of seven")
	}
	if infos := r.Counts().Responders; len(infos) != 1 || infos[0].Authority != l.Issuing() || infos[0].DaysLeft < 6.9 || infos[0].DaysLeft > 7 ||
		!infos[0].NotAfter.Equal(again.NotAfter) {
		t.Errorf("responders: %+v", infos)
	}
	// the clock is set back before the certificate began
	l.Now = l.Now.Add(-48 * time.Hour)
	if back := l.ask(t, r, leaf, issuer, crypto.SHA1).Certificate; back.Equal(again) {
		t.Error("answers with a certificate that is not valid yet")
	}
}

// No answer says that it holds longer than the certificate that it carries, also when renewing that
// fails.
func TestAnswerEndsWithItsResponder(t *testing.T) {
	l := newTestLab(t, 1)
	l.Config.OCSP.Validity = 72 * time.Hour
	r := newResponder(t, l.Lab, l.Clock())
	leaf, issuer := l.Certificates(t, l.Cards[0])
	first := l.ask(t, r, leaf, issuer, crypto.SHA1).Certificate
	a := r.authorities.byID[l.Issuing().ID()]
	l.Now = first.NotAfter.Add(-24 * time.Hour)
	d := *a.delegate.Load()
	d.renew = first.NotAfter // as after a renewal that failed
	a.delegate.Store(&d)
	last := l.ask(t, r, leaf, issuer, crypto.SHA1)
	if !last.Certificate.Equal(first) || !last.NextUpdate.Equal(first.NotAfter) {
		t.Errorf("nextUpdate %s, the responder's certificate ends on %s", last.NextUpdate, first.NotAfter)
	}
	l.Now = first.NotAfter
	if after := l.ask(t, r, leaf, issuer, crypto.SHA1); after.Certificate.Equal(first) {
		t.Error("answers with a certificate that is over")
	}
}

// A renewal that fails is told to the log, and the old certificate serves on for as long as it
// holds.
func TestRenewalFails(t *testing.T) {
	l := newTestLab(t, 1)
	r := newResponder(t, l.Lab, l.Clock())
	if err := r.Warm(t.Context(), l.Issuing()); err != nil {
		t.Fatal(err)
	}
	a := r.authorities.byID[l.Issuing().ID()]
	old := a.delegate.Load().certificate
	l.Unlock()
	t.Cleanup(func() { l.Lock() }) // for newTestLab, which releases it
	if err := os.Rename(l.Home, l.Home+" elsewhere"); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.Rename(l.Home+" elsewhere", l.Home) })
	l.Now = l.Now.Add(4 * 24 * time.Hour)
	d, err := r.delegateOf(t.Context(), a)
	if err == nil || d == nil || !d.certificate.Equal(old) {
		t.Errorf("after four days: %v, %v; want the old one and an error", d, err)
	}
	if _, err := r.delegateOf(t.Context(), a); err != nil {
		t.Errorf("tried again at once: %v", err)
	}
	l.Now = l.Now.Add(4 * 24 * time.Hour)
	if d, err := r.delegateOf(t.Context(), a); err == nil || d != nil {
		t.Errorf("after eight days: %v, %v; want an error", d, err)
	}
	got, err := r.Answer(t.Context(), labtest.OCSPRequest(nil, [][]byte{l.CertID(t, 0)}, nil, nil))
	if err == nil || string(got) != string(internalError.refusal()) {
		t.Errorf("without the lab's records: %x, %v; want internalError", got, err)
	}
}

// A responder whose certificate is revoked answers no more, and what it signed is not given again.
func TestRevokedResponder(t *testing.T) {
	l := newTestLab(t, 1)
	r := newResponder(t, l.Lab, l.Clock())
	leaf, issuer := l.Certificates(t, l.Cards[0])
	first := l.ask(t, r, leaf, issuer, crypto.SHA1).Certificate
	if _, err := l.Revoke(t.Context(), r.Counts().Responders[0].Serial, "keyCompromise"); err != nil {
		t.Fatal(err)
	}
	if again := l.ask(t, r, leaf, issuer, crypto.SHA1); again.Certificate.Equal(first) || again.Status != xocsp.Good {
		t.Errorf("status %d, by the revoked responder: %v", again.Status, again.Certificate.Equal(first))
	}
}
