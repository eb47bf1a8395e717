//go:build linux

package cluster

import (
	"context"
	"os"
	"slices"
	"testing"
	"time"

	"github.com/igc-lab/igc/internal/labtest"
	"github.com/igc-lab/igc/internal/postgrestest"
)

// short is how long the soak lasts without IGC_SOAK. It meets each kind of fault once or more.
const short = 3 * time.Minute

// pace is the pause of the clients that ask most: a machine of two cores has time for other tests.
const pace = 80 * time.Millisecond

// Three nodes of one lab behind HAProxy, under load, while nodes are killed, stand still, are
// restarted and cut off, and the database crashes and fails over: what clients were answered breaks
// no promise of the lab. IGC_SOAK says how long; make soak takes 30 minutes.
func TestSoak(t *testing.T) {
	lasts := short
	if s := os.Getenv("IGC_SOAK"); s != "" {
		var err error
		if lasts, err = time.ParseDuration(s); err != nil {
			t.Fatal(err)
		}
	}
	pair := postgrestest.StartPair(t)
	c := newCluster(t, pair.URL, 3)
	c.proxy()
	for _, n := range c.nodes {
		if err := n.up(t.Context(), c.port); err != nil {
			t.Fatal(err)
		}
	}
	l := newLoad(c, pair)
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	l.begun = time.Now()
	workers := l.run(ctx, pace)
	labtest.Until(t, "each service answers", func() bool {
		l.history.mu.Lock()
		defer l.history.mu.Unlock()
		missing := func(s service) bool {
			answered := func(o operation) bool { return o.outcome == ok && slices.Contains(s.kinds, o.kind) }
			return !slices.ContainsFunc(l.ops, answered)
		}
		return !slices.ContainsFunc(services, missing)
	})
	events, err := l.breakAll(t.Context(), lasts, 4*time.Second)
	time.Sleep(2 * time.Second)
	stop()
	workers.Wait()
	if err != nil {
		t.Error(err)
	}

	end := l.end()
	violations := check(l.ops, end)
	t.Logf(
		"%d operations in %s, %d faults, %d certificates, %d orders, %d violations\n%s",
		len(l.ops),
		l.since().Round(time.Second),
		len(events),
		len(end.records),
		len(end.orders),
		len(violations),
		report(l.ops, events),
	)
	for i, v := range violations {
		if i == 10 {
			t.Errorf("and %d more", len(violations)-i)
			break
		}
		t.Errorf("%s%s", v, before(v, events))
	}
	for _, k := range []kind{place, withdraw, download, revoke, status, crl, login, redeem} {
		if n := len(byKey(l.ops, k)); n == 0 {
			t.Errorf("no operation of the kind %q: the test saw nothing", k)
		}
	}
	c.nodes[0].Must("audit", "verify")
	if t.Failed() {
		for _, n := range c.nodes {
			t.Logf("%s: %s", n.address, labtest.Read(t, n.log.Name()))
		}
	}
}
