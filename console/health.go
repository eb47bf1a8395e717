package console

import (
	"context"
	"sync"
	"time"

	"github.com/igc-lab/igc/doctor"
	"github.com/igc-lab/igc/internal/i18n"
)

// reportKept is how long a report of igc doctor is shown before another is made.
const reportKept = 2 * time.Minute

// health keeps the last report of igc doctor in each language: it takes seconds, and pages do not
// wait for it.
type health struct {
	mu      sync.Mutex
	reports map[i18n.Language]report
	running map[i18n.Language]bool
}

// report is what igc doctor found, and when. The zero report is none yet.
type report struct {
	At       time.Time
	Findings []doctor.Finding
}

// report is the last one in a language. One that is old has another made meanwhile.
func (c *Console) report(in i18n.Language) report {
	h := &c.health
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.reports == nil {
		h.reports, h.running = map[i18n.Language]report{}, map[i18n.Language]bool{}
	}
	if !h.running[in] && time.Since(h.reports[in].At) > reportKept {
		h.running[in] = true
		go c.examine(in)
	}
	return h.reports[in]
}

// untilStopped is a context that ends when the server stops, too.
func (c *Console) untilStopped(ctx context.Context) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancel(ctx)
	go func() {
		select {
		case <-c.Stopping:
			cancel()
		case <-ctx.Done():
		}
	}()
	return ctx, cancel
}

// examine makes a report.
func (c *Console) examine(in i18n.Language) {
	ctx, cancel := context.WithTimeout(context.Background(), reportKept)
	defer cancel()
	ctx, stop := c.untilStopped(ctx)
	defer stop()
	var made report
	for f := range c.Doctor(ctx, in) {
		made.Findings = append(made.Findings, f)
	}
	made.At = time.Now()
	c.health.mu.Lock()
	defer c.health.mu.Unlock()
	c.health.running[in] = false
	if ctx.Err() == nil {
		c.health.reports[in] = made
	}
}
