package testssl

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/igc-lab/igc/ca/store"
	"github.com/igc-lab/igc/internal/web"
	"github.com/igc-lab/igc/profiles"
	"github.com/igc-lab/igc/verify"
)

// hub notifies each watcher when the status changes of the certificate that it presented, or of the
// issuing authority. Other changes are not its business.
type hub struct {
	mu       sync.Mutex
	watchers map[*watcher]bool
}

type watcher struct {
	authority, serial string
	changed           chan struct{}
}

// Bounds of event streams: how many at once, and how often a silent one is written to, so that a
// closed one is noticed.
const (
	maxWatchers = 100
	heartbeat   = 20 * time.Second
)

// statusChanged is called for every change in the lab. It does not wait: a watcher with a
// notification pending makes a new report anyway.
func (h *hub) statusChanged(c store.Change) {
	h.mu.Lock()
	defer h.mu.Unlock()
	for w := range h.watchers {
		concerned := w.authority == c.Authority && w.serial == c.Serial
		if a, err := profiles.ParseAuthority(w.authority); err == nil && strings.HasPrefix(c.Profile, "aci/") {
			concerned = concerned || c.Holder == a.Holder().DisplayName()
		}
		if concerned {
			select {
			case w.changed <- struct{}{}:
			default:
			}
		}
	}
}

// join adds a watcher, unless there are too many.
func (h *hub) join(w *watcher) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	if len(h.watchers) >= maxWatchers {
		return false
	}
	if h.watchers == nil {
		h.watchers = map[*watcher]bool{}
	}
	h.watchers[w] = true
	return true
}

func (h *hub) leave(w *watcher) {
	h.mu.Lock()
	defer h.mu.Unlock()
	delete(h.watchers, w)
}

// statusEvent is what the page receives: the verdict on its own card, and nothing that it could not
// request.
type statusEvent struct {
	Verdict verify.Code `json:"verdict"`
	OK      bool        `json:"ok"`
	FR      string      `json:"fr"`
	EN      string      `json:"en"`
}

// watch sends an event when the status of the card on this connection changes (server-sent events,
// until the visitor leaves or the server stops). Without a certificate of the lab there is nothing
// to watch: 204 ends an EventSource for good.
func (s *Server) watch(w http.ResponseWriter, r *http.Request, stopping <-chan struct{}) {
	web.NoStore(w)
	report := s.visit(w, r)
	if report == nil {
		return
	}
	issuer, ok := report.Issuer()
	if !ok {
		w.WriteHeader(http.StatusNoContent)
		return
	}
	me := &watcher{issuer.ID(), profiles.SerialHex(r.TLS.PeerCertificates[0].SerialNumber), make(chan struct{}, 1)}
	if !s.events.join(me) {
		http.Error(w, "too many live pages", http.StatusServiceUnavailable)
		return
	}
	defer s.events.leave(me)
	w.Header().Set("Content-Type", "text/event-stream")
	controller := http.NewResponseController(w)
	send := func(format string, args ...any) bool {
		controller.SetWriteDeadline(time.Now().Add(heartbeat))
		_, err := fmt.Fprintf(w, format, args...)
		return err == nil && controller.Flush() == nil
	}
	beat := time.NewTicker(heartbeat)
	defer beat.Stop()
	for open := send("retry: 5000\n\n"); open; {
		select {
		case <-r.Context().Done():
			return
		case <-stopping:
			return
		case <-beat.C:
			open = send(":\n\n")
		case <-me.changed:
			now, err := s.reportOf(r)
			if err != nil {
				s.log.Error("events", "err", err)
				return // the page connects again, and gets a report then
			}
			event := statusEvent{now.Verdict, now.OK, "L'état de cette carte vient de changer. Elle est acceptée.",
				"The status of this card has just changed. It is accepted."}
			if c := now.Failed(); c != nil {
				event.FR, event.EN = "L'état de cette carte vient de changer. "+c.Means.FR, "The status of this card has just changed. "+c.Means.EN
			}
			data, err := json.Marshal(event)
			open = err == nil && send("event: status\ndata: %s\n\n", data)
		}
	}
}
