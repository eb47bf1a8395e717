package testssl

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"golang.org/x/crypto/ocsp"

	"github.com/igc-lab/igc/profiles"
	"github.com/igc-lab/igc/revocation"
	"github.com/igc-lab/igc/verify"
)

const day = 24 * time.Hour

// The server's own certificate is valid for 825 days at most: macOS and iOS refuse more, also below
// a root of the user's. It has the layout of 2023, and nothing in it departs from the product but,
// where that is longer, its end.
func TestOwnCertificateIsShortEnough(t *testing.T) {
	s := newSite(t)
	leaf, _ := s.seen(t)
	if lasts := leaf.NotAfter.Sub(leaf.NotBefore) + time.Second; lasts > 825*day || lasts < 700*day {
		t.Errorf("valid for %.3f days", lasts.Hours()/24)
	}
	d, err := profiles.Decode(leaf.Raw)
	if err != nil {
		t.Fatal(err)
	}
	if d.Generation != profiles.Gen2023 || len(d.Findings) > 0 {
		t.Errorf("%s, %v", d.Generation, d.Findings)
	}
}

// However the clock is moved, visitors are presented a certificate and an OCSP answer that are
// valid at that time, and the server finds nothing wrong with them.
func TestOwnCertificateWhenTheClockMoves(t *testing.T) {
	s := newSite(t)
	begin := s.now()
	for _, at := range []time.Duration{0, 6 * day, 7 * day, 30 * day, 400 * day, 900 * day, 400 * day, 7 * day, time.Hour, 0} {
		s.move(begin.Add(at))
		leaf, answer := s.seen(t) // TLS verifies the certificate at that time
		if s.now().Before(answer.ThisUpdate) || !s.now().Before(answer.NextUpdate) || answer.Status != ocsp.Good {
			t.Errorf("at %v: the stapled answer says %d, from %s to %s", at, answer.Status, answer.ThisUpdate, answer.NextUpdate)
		}
		if s.now().Before(leaf.NotBefore) || !s.now().Before(leaf.NotAfter) {
			t.Errorf("at %v: the certificate is valid from %s to %s", at, leaf.NotBefore, leaf.NotAfter)
		}
		if problems := s.server.Problems(t.Context()); len(problems) > 0 {
			t.Errorf("at %v: %v", at, problems)
		}
	}
}

// failing is a responder that fails while it has an error.
type failing struct {
	verify.Responder
	err error
}

func (f *failing) Answer(ctx context.Context, request []byte) ([]byte, error) {
	if f.err != nil {
		return nil, f.err
	}
	return f.Responder.Answer(ctx, request)
}

// An answer that cannot be renewed is presented as long as it is valid; then Problems names its
// lack, and why.
func TestStapleFails(t *testing.T) {
	s := newSite(t)
	f := &failing{Responder: s.responder}
	s.server.certificate.OCSP = f
	_, first := s.seen(t)
	f.err = errors.New("no answer for a while")
	s.move(s.now().Add(40 * time.Minute)) // of the answer's hour
	if _, again := s.seen(t); !again.ThisUpdate.Equal(first.ThisUpdate) {
		t.Error("not the old answer")
	}
	if problems := s.server.Problems(t.Context()); len(problems) > 0 {
		t.Errorf("while the old answer is valid: %v", problems)
	}
	s.move(s.now().Add(40 * time.Minute))
	problems := s.server.Problems(t.Context())
	if len(problems) != 1 || problems[0].What != "staple" || problems[0].Level != revocation.Warning {
		t.Errorf("without an answer: %v", problems)
	} else if text := problems[0].Text; !strings.Contains(text.FR, "ne joint pas de réponse OCSP") ||
		!strings.Contains(text.EN, "staples no OCSP answer") {
		t.Errorf("without an answer: %+v", text)
	}
	f.err = nil
	s.move(s.now().Add(2 * time.Minute))
	if problems := s.server.Problems(t.Context()); len(problems) > 0 {
		t.Errorf("after it was put right: %v", problems)
	}
	s.seen(t)
}
