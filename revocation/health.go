package revocation

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"time"

	"github.com/igc-lab/igc/ca"
	"github.com/igc-lab/igc/profiles"
)

// Health looks after what expires: authorities, responders, CRLs.
type Health struct {
	lab    *ca.Lab
	lists  *Lists
	counts func() Counts
	now    func() time.Time
}

// NewHealth looks after a lab that this process holds.
func NewHealth(lab *ca.Lab, lists *Lists, responder *Responder) *Health {
	return &Health{lab: lab, lists: lists, counts: responder.Counts, now: lists.now}
}

// Problem is something that fails, or that is going to.
type Problem struct {
	Level     Level     `json:"level"`
	Authority string    `json:"authority,omitempty"`
	What      string    `json:"what"` // store, authority, authority_revoked, responder, crl, delta_crl
	Text      string    `json:"text"`
	At        time.Time `json:"at,omitzero"` // the end that it is about
}

// Level says how bad a problem is.
type Level string

// The levels: what a person should see to, and what clients notice.
const (
	Warning Level = "warning"
	Failing Level = "failing"
)

// responderWarning is when a responder that was not renewed is warned of: it should be, when half of its week is over.
const responderWarning = 24 * time.Hour

// overdue is how long after its date a list is given to be made.
const overdue = 10 * time.Minute

// Problems tells what is wrong now, nothing when all is well. It costs little, and makes nothing anew.
func (h *Health) Problems(ctx context.Context) (problems []Problem) {
	counts, err := h.lab.Counts(ctx)
	if err != nil {
		return []Problem{{Level: Failing, What: "store", Text: err.Error()}}
	}
	now, config := h.now(), h.lab.Config
	add := func(level Level, a profiles.Authority, what string, at time.Time, format string, args ...any) {
		problems = append(problems, Problem{level, a.ID(), what, fmt.Sprintf(format, args...), at})
	}
	ends := func(a profiles.Authority, what string, at time.Time, before time.Duration) {
		switch left := at.Sub(now); {
		case left <= 0:
			add(Failing, a, what, at, "it ended on %s", at.UTC().Format(time.RFC3339))
		case left < before:
			add(Warning, a, what, at, "it ends in %.1f days, on %s", left.Hours()/24, at.UTC().Format(time.RFC3339))
		}
	}
	for _, c := range counts.Authorities {
		a := c.Authority
		ends(a, "authority", c.NotAfter, config.WarnBefore)
		if v := c.Revocation; v != nil {
			add(Failing, a, "authority_revoked", v.At, "it was revoked on %s (%s): clients refuse every certificate that it issued, and it issues none",
				v.At.Format(time.RFC3339), v.Reason)
		}
		full, delta := h.lists.last(a)
		for i, list := range []*CRL{full, delta} {
			what, s := "crl", schedule(config.CRL, a, i == 1)
			if i == 1 {
				what = "delta_crl"
			}
			switch {
			case i == 1 && a.IsRoot():
			case list == nil:
				add(Failing, a, what, time.Time{}, "it is not published yet")
			case !now.Before(list.NextUpdate):
				add(Failing, a, what, list.NextUpdate, "number %d held until %s: clients refuse every certificate", list.Number, list.NextUpdate.Format(time.RFC3339))
			case now.After(s.Every.Next(list.ThisUpdate).Add(overdue)):
				add(Warning, a, what, list.NextUpdate, "it was due on %s, and number %d holds until %s", s.Every.Next(list.ThisUpdate).Format(time.RFC3339),
					list.Number, list.NextUpdate.Format(time.RFC3339))
			}
		}
	}
	for _, r := range h.counts().Responders {
		ends(r.Authority, "responder", r.NotAfter, responderWarning)
	}
	return problems
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

// Watch writes problems to the log until the context ends: when they come, every day that they last, and when they are over.
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
			log.Log(ctx, level, "health", "what", p.What, "authority", p.Authority, "problem", p.Text)
		}
		for s := range told {
			if !seen[s] {
				delete(told, s)
				log.Info("health", "what", s.what, "authority", s.authority, "problem", "over")
			}
		}
	}
}
