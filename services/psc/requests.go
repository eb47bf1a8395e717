package psc

import (
	"slices"
	"sync"
	"time"
)

// Found is a mistake that was found in a call.
type Found struct {
	*Mistake
	Seen string `json:"seen,omitempty"`
}

// Call is a call of a client: what it asked, what it was answered, and what was wrong.
type Call struct {
	Number   int           `json:"number"`
	At       time.Time     `json:"at"`
	Endpoint string        `json:"endpoint"`
	Client   string        `json:"client,omitempty"`
	Person   string        `json:"person,omitempty"`
	Status   int           `json:"status"`
	Error    string        `json:"error,omitempty"` // and its description, as the client got them
	Took     time.Duration `json:"took"`            // in nanoseconds
	Found    []Found       `json:"found,omitempty"`
}

func (c *Call) found(code Code, seen string) {
	if m := mistakeByCode[code]; m != nil {
		c.Found = append(c.Found, Found{m, seen})
	}
}

// maxCalls is how many calls are remembered.
const maxCalls = 500

// Requests are the last calls of all clients, in memory.
type Requests struct {
	mu    sync.Mutex
	next  int
	calls []Call
	wake  chan struct{} // closed when there is one more
}

func newRequests() *Requests { return &Requests{next: 1, wake: make(chan struct{})} }

func (r *Requests) add(c Call) {
	r.mu.Lock()
	defer r.mu.Unlock()
	c.Number = r.next
	r.next++
	if len(r.calls) == maxCalls {
		r.calls = slices.Delete(r.calls, 0, 1)
	}
	r.calls = append(r.calls, c)
	close(r.wake)
	r.wake = make(chan struct{})
}

// After returns the calls after a number, of one client or of all, the oldest first, and a channel
// that is closed when there is another.
func (r *Requests) After(number int, client string) ([]Call, <-chan struct{}) {
	r.mu.Lock()
	defer r.mu.Unlock()
	var list []Call
	for _, c := range r.calls {
		if c.Number > number && (client == "" || c.Client == client) {
			list = append(list, c)
		}
	}
	return list, r.wake
}
