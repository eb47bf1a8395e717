package console

import (
	"net/http"
	"sync/atomic"
	"time"

	"github.com/igc-lab/igc/internal/web"
)

// Bounds of event streams: how many at once, how often the phones are looked at for one, how often
// a silent one is written to, and how long one lasts; a browser then connects again.
const (
	maxStreams = 50
	lookAgain  = 2 * time.Second
	heartbeat  = 15 * time.Second
	longest    = 10 * time.Minute
)

var streams atomic.Int32

// live sends an event when the live part of the first page has changed (server-sent events). What
// changed is not in it: the page reads itself again.
func (c *Console) live(w http.ResponseWriter, r *http.Request) error {
	web.NoStore(w)
	if streams.Add(1) > maxStreams {
		streams.Add(-1)
		http.Error(w, "too many live pages", http.StatusServiceUnavailable)
		return nil
	}
	defer streams.Add(-1)
	w.Header().Set("Content-Type", "text/event-stream")
	controller := http.NewResponseController(w)
	send := func(text string) bool {
		controller.SetWriteDeadline(time.Now().Add(heartbeat))
		_, err := w.Write([]byte(text))
		return err == nil && controller.Flush() == nil
	}
	seen, begun, beat := r.URL.Query().Get("vu"), time.Now(), time.Now()
	look := time.NewTicker(lookAgain)
	defer look.Stop()
	for open := send("retry: 2000\n\n"); open && time.Since(begun) < longest; {
		_, another := c.Handshakes.Handshakes(0)
		now, err := c.livePart(r.Context())
		if err != nil {
			return nil // the page connects again
		}
		if now.Version != seen {
			seen = now.Version
			open, beat = send("event: changed\ndata: \n\n"), time.Now()
		}
		if time.Since(beat) >= heartbeat {
			open, beat = send(":\n\n"), time.Now()
		}
		select {
		case <-another:
		case <-look.C:
		case <-c.Stopping:
			return nil
		case <-r.Context().Done():
			return nil
		}
	}
	return nil
}
