package ecps

import (
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"net/http"
	"sync/atomic"
	"time"

	"github.com/igc-lab/igc/internal/web"
)

// Bounds of event streams: how many at once, how often the store is read for one, how often a
// silent one is written to, and how long one lasts; a browser then connects again.
const (
	maxWatchers    = 100
	lookAgain      = time.Second
	lookAgainAtAll = 3 * time.Second // at the list of phones, which takes all requests
	heartbeat      = 15 * time.Second
	longest        = 10 * time.Minute
)

type watchers struct{ n atomic.Int32 }

func (w *watchers) join() bool {
	if w.n.Add(1) > maxWatchers {
		w.n.Add(-1)
		return false
	}
	return true
}

func (w *watchers) leave() { w.n.Add(-1) }

// fingerprint names what a page shows: another one means that the page is to be loaded again.
func fingerprint(values ...any) string {
	sum := sha256.Sum256(fmt.Appendf(nil, "%v", values))
	return base64.RawURLEncoding.EncodeToString(sum[:9])
}

// events sends an event when a page no longer shows what is so (server-sent events). What changed
// the page is not in it: the page is loaded again.
func (p *phone) events(w http.ResponseWriter, r *http.Request) {
	web.NoStore(w)
	page, id, seen := r.URL.Query().Get("page"), r.URL.Query().Get("id"), r.URL.Query().Get("vu")
	var key string
	present := func() (now string, err error) {
		switch page {
		case "liste":
			_, now, err = p.phones(r)
		case "activation":
			var a activation
			a, _, err = p.byPhone(r.Context(), id)
			key, now = a.ID, fingerprint(a.Step)
		case "appareil":
			_, now, err = p.screen(r, id)
			key = tag(personOf(id))
		default:
			err = refuse(BadAddress)
		}
		return now, err
	}
	if _, err := present(); err != nil {
		w.WriteHeader(http.StatusNoContent) // ends an EventSource for good
		return
	}
	if !p.watchers.join() {
		http.Error(w, "too many live pages", http.StatusServiceUnavailable)
		return
	}
	defer p.watchers.leave()
	w.Header().Set("Content-Type", "text/event-stream")
	controller := http.NewResponseController(w)
	send := func(text string) bool {
		controller.SetWriteDeadline(time.Now().Add(heartbeat))
		_, err := w.Write([]byte(text))
		return err == nil && controller.Flush() == nil
	}
	begun, beat := time.Now(), time.Now()
	rest := lookAgain
	if key == "" { // the list, of which nothing wakes
		rest = lookAgainAtAll
	}
	for open := send("retry: 2000\n\n"); open && time.Since(begun) < longest; {
		changed, leave := p.waiting.watch(key)
		now, err := present()
		if err != nil || now != seen {
			leave()
			send("event: changed\ndata: \n\n")
			return
		}
		if time.Since(beat) >= heartbeat {
			open, beat = send(":\n\n"), time.Now()
		}
		pause(r.Context(), changed, rest)
		leave()
		select {
		case <-p.options.Stopping:
			return
		case <-r.Context().Done():
			return
		default:
		}
	}
}
