package console

import (
	"context"
	"sync"
	"time"

	"github.com/igc-lab/igc/doctor"
)

// reportKept is how long a report of igc doctor is shown before another is made.
const reportKept = 2 * time.Minute

// health keeps the last report of igc doctor: it takes seconds, and pages do not wait for it.
type health struct {
	mu      sync.Mutex
	report  report
	running bool
}

// report is what igc doctor found, and when. The zero report is none yet.
type report struct {
	At       time.Time
	Findings []doctor.Finding
}

// report is the last one. One that is old has another made meanwhile.
func (c *Console) report() report {
	c.health.mu.Lock()
	defer c.health.mu.Unlock()
	if !c.health.running && time.Since(c.health.report.At) > reportKept {
		c.health.running = true
		go c.examine()
	}
	return c.health.report
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
func (c *Console) examine() {
	ctx, cancel := context.WithTimeout(context.Background(), reportKept)
	defer cancel()
	ctx, stop := c.untilStopped(ctx)
	defer stop()
	var made report
	for f := range c.Doctor(ctx) {
		made.Findings = append(made.Findings, f)
	}
	made.At = time.Now()
	c.health.mu.Lock()
	defer c.health.mu.Unlock()
	c.health.running = false
	if ctx.Err() == nil {
		c.health.report = made
	}
}
