package annuaire

import (
	"strings"
	"time"
)

// Found is what was noted of a call.
type Found struct {
	*Mistake
	Seen string `json:"seen,omitempty"`
}

// Call is a call of the API: what was asked, what was answered, what was odd.
type Call struct {
	Number int           `json:"number"`
	At     time.Time     `json:"at"`
	Method string        `json:"method"`
	Path   string        `json:"path"`
	Query  string        `json:"query,omitempty"`
	Key    string        `json:"key,omitempty"` // name of the application whose key it had
	Status int           `json:"status"`
	Total  *int          `json:"total,omitempty"` // of a search
	Took   time.Duration `json:"took"`            // in nanoseconds
	Found  []Found       `json:"found,omitempty"`
}

// maxCalls is how many calls are remembered, and maxSeen how much of what a client sent.
const (
	maxCalls = 500
	maxSeen  = 600
)

func (c *Call) found(code Code, seen string) {
	if m := mistakeOf(code); m != nil && len(c.Found) < 20 {
		c.Found = append(c.Found, Found{m, shortened(seen)})
	}
}

// shortened is a value of a client's, cut where it is long.
func shortened(s string) string {
	s = strings.ToValidUTF8(s, "�")
	if len(s) <= maxSeen {
		return s
	}
	return strings.ToValidUTF8(s[:maxSeen], "") + "…"
}

// Time is the time of a call, of the day.
func (c Call) Time() string { return c.At.Local().Format("15:04:05") }

// Bad tells whether the call was refused.
func (c Call) Bad() bool { return c.Status >= 400 }

// Calls lists the calls after a number, the oldest first, and gives a channel that is closed when
// there is another.
func (s *Server) Calls(after int) ([]Call, <-chan struct{}) {
	return s.calls.After(after, func(*Call) bool { return true })
}
