package psc

import (
	"strings"
	"time"

	"github.com/igc-lab/igc/internal/calls"
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
	if m := mistakeOf(code); m != nil {
		c.Found = append(c.Found, Found{m, seen})
	}
}

// maxCalls is how many calls are remembered, and maxSeen how much of what a client sent.
const (
	maxCalls = 500
	maxSeen  = 300
)

// Requests are the last calls of all clients, in memory.
type Requests struct{ list *calls.List[Call] }

func newRequests() *Requests { return &Requests{calls.New[Call](maxCalls)} }

// shortened is a value of a client's, cut where it is long.
func shortened(s string) string {
	if len(s) <= maxSeen {
		return s
	}
	return strings.ToValidUTF8(s[:maxSeen], "") + "…"
}

func (r *Requests) add(c Call) {
	c.Client, c.Person, c.Error = shortened(c.Client), shortened(c.Person), shortened(c.Error)
	for i := range c.Found {
		c.Found[i].Seen = shortened(c.Found[i].Seen)
	}
	r.list.Add(func(number int) Call {
		c.Number = number
		return c
	})
}

// After returns the calls after a number, of one client or of all, the oldest first, and a channel
// that is closed when there is another.
func (r *Requests) After(number int, client string) ([]Call, <-chan struct{}) {
	return r.list.After(number, func(c *Call) bool { return client == "" || c.Client == client })
}
