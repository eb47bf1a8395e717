package revocation

import (
	"context"
	"encoding/json"
	"log/slog"
	"net/http"
	"slices"
	"sync"
	"time"

	"github.com/igc-lab/igc/internal/i18n"
	"github.com/igc-lab/igc/internal/web"
	"github.com/igc-lab/igc/lab"
	"github.com/igc-lab/igc/profiles"
	"github.com/igc-lab/igc/revocation/crl"
	"github.com/igc-lab/igc/revocation/ocsp"
)

// Health looks after what expires: authorities, responders, CRLs, and what others of the server
// add.
type Health struct {
	lab       *lab.Lab
	crls      *crl.Issuer
	responder *ocsp.Responder
	counts    func() ocsp.Counts
	now       func() time.Time

	turn  chan struct{} // one catches up at a time
	tried time.Time     // when it last did

	mu    sync.Mutex
	parts []func(context.Context) []Problem
}

// NewHealth returns the health of the CRLs, the responder and the records of a lab that this
// process has locked.
func NewHealth(lab *lab.Lab, crls *crl.Issuer, responder *ocsp.Responder) *Health {
	return &Health{lab: lab, crls: crls, responder: responder, counts: responder.Counts, now: crls.Now, turn: make(chan struct{}, 1)}
}

// Add registers a function that reports the problems of another part of the server.
func (h *Health) Add(part func(context.Context) []Problem) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.parts = append(h.parts, part)
}

// Problem is something that fails, or that is going to.
type Problem struct {
	Level     Level  `json:"level"`
	Authority string `json:"authority,omitempty"`
	// What is store, feed, clock, authority, authority_revoked, responder, crl, delta_crl,
	// certificate or staple.
	What string    `json:"what"`
	Text i18n.Text `json:"text"`
	At   time.Time `json:"at,omitzero"` // the end that it is about
}

// Level says how bad a problem is.
type Level string

// The levels: what a person should see to, and what clients notice.
const (
	Warning Level = "warning"
	Failing Level = "failing"
)

// overdue is how long after its date a CRL or a responder's certificate is given to be made.
const overdue = 10 * time.Minute

// catchUpLimit is how long a report waits for what is made anew.
const catchUpLimit = 5 * time.Second

// Problems tells what is wrong now, nothing when all is well. Most often it costs little. When
// something has ended, which a client's request would have made anew (the clock was moved, or the
// machine slept), that is made first: what is told then is what clients meet.
func (h *Health) Problems(ctx context.Context) []Problem {
	problems := h.problems(ctx)
	if slices.ContainsFunc(problems, func(p Problem) bool { return p.What == "crl" || p.What == "delta_crl" || p.What == "responder" }) {
		h.catchUp(ctx)
		problems = h.problems(ctx)
	}
	h.mu.Lock()
	parts := h.parts
	h.mu.Unlock()
	for _, part := range parts {
		problems = append(problems, part(ctx)...)
	}
	return problems
}

// catchUp has the CRLs and delegates made that are due, unless that was tried in the last minute,
// and waits for it for a while. Why it fails is told by those that failed.
func (h *Health) catchUp(ctx context.Context) {
	limited, cancel := context.WithTimeout(ctx, catchUpLimit)
	defer cancel()
	select {
	case h.turn <- struct{}{}:
	case <-limited.Done():
		return
	}
	now := h.now()
	if recent(h.tried, now) {
		<-h.turn
		return
	}
	h.tried = now
	done := make(chan struct{})
	go func() {
		defer close(done)
		defer func() { <-h.turn }()
		ctx, cancel := web.Detach(ctx)
		defer cancel()
		_ = h.crls.Publish(ctx, false)
		_ = h.responder.Renew(ctx)
	}()
	select {
	case <-done:
	case <-limited.Done():
	}
}

// problems tells what is wrong with what there is, and makes nothing.
func (h *Health) problems(ctx context.Context) (problems []Problem) {
	if shared := h.lab.Shared(); shared != nil {
		problems = nodeProblems(shared.Link())
	}
	counts, err := h.lab.Counts(ctx)
	if err != nil {
		return append(problems, Problem{Level: Failing, What: "store", Text: i18n.TextOf(err)})
	}
	now, config := h.now(), h.lab.Config
	for _, c := range counts.Authorities {
		a := c.Authority
		problems = append(problems, authorityProblems(a, c.NotBefore, c.NotAfter, now, config.WarnBefore)...)
		if v := c.Revocation; v != nil {
			problems = append(problems, Problem{Level: Failing, Authority: a.ID(), What: "authority_revoked", At: v.At,
				Text: i18n.Text{
					FR: "elle a été révoquée le %s (%s) : les clients refusent tout certificat qu'elle a émis, " +
						"et elle n'en émet plus",
					EN: "it was revoked on %s (%s): clients refuse every certificate that it issued, " +
						"and it issues none",
				}.Format(i18n.Date(v.At), v.Reason)})
		}
		full, delta := h.crls.Latest(a)
		failed := h.crls.LastError(a)
		problems = append(problems, crlProblems(a, "crl", full, crl.ScheduleOf(config.CRL, a, false), failed, now)...)
		if !a.IsRoot() {
			problems = append(problems, crlProblems(a, "delta_crl", delta, config.CRL.Delta, failed, now)...)
		}
	}
	for _, r := range h.counts().Responders {
		problems = append(problems, responderProblems(r, now)...)
	}
	return problems
}

func authorityProblems(a profiles.Authority, begin, end, now time.Time, before time.Duration) []Problem {
	p := Problem{Level: Failing, Authority: a.ID(), What: "authority", At: end}
	switch left := end.Sub(now); {
	case now.Before(begin):
		p.At, p.Text = begin, i18n.Text{FR: "elle n'est valide que depuis le %s : l'horloge est au %s",
			EN: "it is valid only from %s: the clock says %s"}.Format(i18n.Date(begin), i18n.Date(now))
	case left <= 0:
		p.Text = i18n.Text{FR: "elle a expiré le %s", EN: "it expired on %s"}.Format(i18n.Date(end))
	case left < before:
		p.Level, p.Text = Warning, i18n.Text{FR: "elle finit dans %.1f jours, le %s",
			EN: "it ends in %.1f days, on %s"}.Format(left.Hours()/24, i18n.Date(end))
	default:
		return nil
	}
	return []Problem{p}
}

// crlProblems is about one CRL; failed is why the next one could not be made, nil when that is not
// known to have failed.
func crlProblems(a profiles.Authority, what string, c *crl.CRL, s lab.Schedule, failed error, now time.Time) []Problem {
	p := Problem{Level: Failing, Authority: a.ID(), What: what}
	switch {
	case c == nil:
		p.Text = i18n.Text{FR: "elle n'est pas encore publiée", EN: "it is not published yet"}
	case !now.Before(c.NextUpdate):
		p.Text = i18n.Text{FR: "la n° %d était valide jusqu'au %s : les clients refusent tous les certificats",
			EN: "number %d was valid until %s: clients refuse every certificate"}.
			Format(c.Number, i18n.Date(c.NextUpdate))
	case now.Before(c.ThisUpdate):
		p.Text = i18n.Text{FR: "la n° %d est du futur, %s : les clients refusent tous les certificats",
			EN: "number %d is of the future, %s: clients refuse every certificate"}.
			Format(c.Number, i18n.Date(c.ThisUpdate))
	case now.After(s.Every.Next(c.ThisUpdate).Add(overdue)):
		p.Level = Warning
		p.Text = i18n.Text{FR: "elle devait paraître le %s, et la n° %d est valide jusqu'au %s",
			EN: "it was due on %s, and number %d is valid until %s"}.Format(
			i18n.Date(s.Every.Next(c.ThisUpdate)), c.Number, i18n.Date(c.NextUpdate))
	default:
		return nil
	}
	if c != nil {
		p.At = c.NextUpdate
	}
	if failed != nil {
		p.Text = i18n.Text{
			FR: "%s ; en faire une nouvelle échoue : %s ; remédiez-y, cela est retenté chaque minute",
			EN: "%s; making the next one fails: %s; put that right, it is tried again every minute",
		}.Format(p.Text, failed)
	}
	return []Problem{p}
}

// responderProblems is about one responder. A failed renewal is a warning as long as the
// certificate is valid.
func responderProblems(r ocsp.ResponderInfo, now time.Time) []Problem {
	p := Problem{Level: Failing, Authority: r.Authority.ID(), What: "responder", At: r.NotAfter}
	valid := !now.Before(r.NotBefore) && now.Before(r.NotAfter)
	switch {
	case valid && r.Err == nil && now.Before(r.Renew.Add(overdue)):
		return nil
	case valid:
		p.Level = Warning
		p.Text = i18n.Text{FR: "son certificat est valide jusqu'au %s",
			EN: "its certificate is valid until %s"}.Format(i18n.Date(r.NotAfter))
	case r.NotAfter.IsZero():
		p.Text = i18n.Text{FR: "il n'a pas de certificat : OCSP répond internalError",
			EN: "it has no certificate: OCSP answers internalError"}
	case now.Before(r.NotBefore):
		p.At = r.NotBefore
		p.Text = i18n.Text{FR: "son certificat n'est valide que depuis le %s : OCSP répond internalError",
			EN: "its certificate is valid only from %s: OCSP answers internalError"}.Format(i18n.Date(r.NotBefore))
	default:
		p.Text = i18n.Text{FR: "son certificat a expiré le %s : OCSP répond internalError",
			EN: "its certificate expired on %s: OCSP answers internalError"}.Format(i18n.Date(r.NotAfter))
	}
	if r.Err != nil {
		p.Text = i18n.Text{
			FR: "%s ; depuis le %s, en faire un nouveau échoue : %s ; remédiez-y, cela est retenté chaque minute",
			EN: "%s; since %s making a new one fails: %s; put that right, it is tried again every minute",
		}.Format(p.Text, i18n.Date(r.Since), r.Err)
	} else {
		p.Text = i18n.Text{FR: "%s ; il devait être renouvelé le %s",
			EN: "%s; it was to be renewed on %s"}.Format(p.Text, i18n.Date(r.Renew))
	}
	return []Problem{p}
}

// ServeHTTP answers with the problems as JSON: 503 when something fails, 200 when nothing does.
func (h *Health) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	answer := struct {
		Status   string    `json:"status"` // ok, warning, failing
		Problems []Problem `json:"problems"`
	}{"ok", h.Problems(r.Context())}
	code := http.StatusOK
	for _, p := range answer.Problems {
		if answer.Status != string(Failing) {
			answer.Status = string(p.Level)
		}
	}
	if answer.Status == string(Failing) {
		code = http.StatusServiceUnavailable
	}
	if answer.Problems == nil {
		answer.Problems = []Problem{}
	}
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(code)
	enc := json.NewEncoder(w)
	enc.SetIndent("", "  ")
	enc.Encode(answer)
}

// Watch writes problems to the log until the context ends: when they come, every day that they
// last, and when they are over.
func (h *Health) Watch(ctx context.Context, log *slog.Logger) {
	type subject struct{ authority, what string }
	told := map[subject]time.Time{}
	look := time.NewTicker(10 * time.Minute)
	defer look.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-look.C:
		}
		seen := map[subject]bool{}
		for _, p := range h.Problems(ctx) {
			s := subject{p.Authority, p.What}
			seen[s] = true
			if last, ok := told[s]; ok && h.now().Sub(last) < 24*time.Hour {
				continue
			}
			told[s] = h.now()
			level := slog.LevelWarn
			if p.Level == Failing {
				level = slog.LevelError
			}
			text := p.Text.In(i18n.FromEnvironment())
			log.Log(ctx, level, "health", "what", p.What, "authority", p.Authority, "problem", text)
		}
		for s := range told {
			if !seen[s] {
				delete(told, s)
				log.Info("health", "what", s.what, "authority", s.authority, "problem", "over")
			}
		}
	}
}
