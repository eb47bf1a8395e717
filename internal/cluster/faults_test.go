//go:build linux

package cluster

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/igc-lab/igc/internal/postgrestest"
)

// fault is something that breaks, and is put right after a while: run returns when it is.
type fault struct {
	name string
	long bool // not in the short form
	run  func(context.Context, *load, *postgrestest.Pair) error
}

// faults are those that a soak goes through, in an order of its own each round.
var faults = []fault{
	{"a node is killed", false, func(ctx context.Context, l *load, _ *postgrestest.Pair) error {
		n := l.any(1)[0]
		n.kill()
		time.Sleep(rand.N(3 * time.Second))
		return n.up(ctx, l.port)
	}},
	{"two nodes are killed", false, func(ctx context.Context, l *load, _ *postgrestest.Pair) error {
		return together(l.any(2), func(n *node) error {
			n.kill()
			time.Sleep(rand.N(3 * time.Second))
			return n.up(ctx, l.port)
		})
	}},
	{"a node stands still for 1 to 6 s", false, func(ctx context.Context, l *load, _ *postgrestest.Pair) error {
		l.freeze(ctx, l.any(1)[0], time.Second+rand.N(5*time.Second))
		return nil
	}},
	{"a node stands still for 20 s", true, func(ctx context.Context, l *load, _ *postgrestest.Pair) error {
		l.freeze(ctx, l.any(1)[0], 20*time.Second) // longer than a transaction may
		return nil
	}},
	{"two nodes stand still in turn", false, func(ctx context.Context, l *load, _ *postgrestest.Pair) error {
		return together(l.any(2), func(n *node) error {
			for range 3 {
				time.Sleep(rand.N(time.Second))
				l.freeze(ctx, n, rand.N(2*time.Second))
			}
			return nil
		})
	}},
	{
		"a node is cut off from the database for 2 to 6 s",
		false,
		func(ctx context.Context, l *load, _ *postgrestest.Pair) error {
			n := l.any(1)[0]
			return l.without(func() error {
				n.database.sever()
				time.Sleep(2*time.Second + rand.N(4*time.Second))
				n.database.join()
				return nil
			})
		},
	},
	{
		"a node's link to the database hangs for 2 to 6 s",
		false,
		func(ctx context.Context, l *load, _ *postgrestest.Pair) error {
			n := l.any(1)[0]
			return l.without(func() error {
				n.database.open.Lock()
				time.Sleep(2*time.Second + rand.N(4*time.Second))
				n.database.open.Unlock()
				return nil
			})
		},
	},
	{
		"the nodes are restarted one after the other",
		false,
		func(ctx context.Context, l *load, _ *postgrestest.Pair) error {
			for _, n := range l.nodes {
				if !n.end(syscall.SIGTERM, 30*time.Second) {
					return fmt.Errorf("the node at %s does not end", n.address)
				}
				if err := n.up(ctx, l.port); err != nil {
					return err
				}
			}
			return nil
		},
	},
	{
		"the database crashes, away for up to 3 s",
		false,
		func(ctx context.Context, l *load, d *postgrestest.Pair) error {
			return l.crash(d, rand.N(3*time.Second))
		},
	},
	{"the database crashes, away for 15 s", true, func(ctx context.Context, l *load, d *postgrestest.Pair) error {
		return l.crash(d, 15*time.Second) // longer than a write is tried again
	}},
	{"the standby takes over within 3 s", false, func(ctx context.Context, l *load, d *postgrestest.Pair) error {
		return l.failOver(d, rand.N(3*time.Second))
	}},
	{
		"a node stands still while the standby takes over",
		false,
		func(ctx context.Context, l *load, d *postgrestest.Pair) error {
			var frozen sync.WaitGroup
			frozen.Go(func() { l.freeze(ctx, l.any(1)[0], 2*time.Second+rand.N(4*time.Second)) })
			time.Sleep(rand.N(time.Second))
			err := l.failOver(d, rand.N(2*time.Second))
			frozen.Wait()
			return err
		},
	},
	{
		"a node is killed while the database crashes",
		false,
		func(ctx context.Context, l *load, d *postgrestest.Pair) error {
			n := l.any(1)[0]
			var killed sync.WaitGroup
			killed.Go(func() {
				time.Sleep(rand.N(time.Second))
				n.kill()
			})
			err := l.crash(d, rand.N(2*time.Second))
			killed.Wait()
			if err != nil {
				return err
			}
			return n.up(ctx, l.port)
		},
	},
}

// any are so many nodes.
func (c *cluster) any(n int) []*node {
	nodes := slices.Clone(c.nodes)
	rand.Shuffle(len(nodes), func(i, j int) { nodes[i], nodes[j] = nodes[j], nodes[i] })
	return nodes[:n]
}

// freeze has a node stand still. It has just said what it knows of certificates that are then
// revoked, and meets questions about them when it goes on.
func (l *load) freeze(ctx context.Context, n *node, d time.Duration) {
	l.mu.Lock()
	doomed, before := slices.Clone(l.doomed[:min(20, len(l.doomed))]), len(l.revoked)
	l.mu.Unlock()
	for _, certificate := range doomed {
		l.askAbout(ctx, n, certificate)
	}
	n.signal(syscall.SIGSTOP)
	time.Sleep(d)
	l.mu.Lock()
	meanwhile := slices.Clone(l.revoked[before:min(before+20, len(l.revoked))])
	l.mu.Unlock()
	var questions sync.WaitGroup
	for _, certificate := range meanwhile {
		questions.Go(func() { l.askAbout(ctx, n, certificate) })
	}
	time.Sleep(50 * time.Millisecond) // they are there
	n.signal(syscall.SIGCONT)
	questions.Wait()
}

func together(nodes []*node, do func(*node) error) error {
	failed := make([]error, len(nodes))
	var all sync.WaitGroup
	for i, n := range nodes {
		all.Go(func() { failed[i] = do(n) })
	}
	all.Wait()
	for _, err := range failed {
		if err != nil {
			return err
		}
	}
	return nil
}

// crash ends the database at once, and starts it after a while.
func (l *load) crash(d *postgrestest.Pair, away time.Duration) error {
	return l.without(func() error { return d.CrashPrimary(away) })
}

// failOver kills the primary, and has the standby take its place after a while. Then it has a
// standby again.
func (l *load) failOver(d *postgrestest.Pair, after time.Duration) error {
	err := l.without(func() error {
		if err := d.KillPrimary(); err != nil {
			return err
		}
		time.Sleep(after)
		return d.Promote()
	})
	if err != nil {
		return err
	}
	return d.Rejoin()
}

// happened is a fault of a soak.
type happened struct {
	name       string
	begin, end time.Duration // end: when all was well again
}

// allReady waits until every node says that it is ready.
func (c *cluster) allReady(ctx context.Context) error {
	for _, n := range c.nodes {
		for !n.ready(ctx, c.port) {
			if ctx.Err() != nil {
				return fmt.Errorf("the node at %s is not ready again", n.address)
			}
			time.Sleep(50 * time.Millisecond)
		}
	}
	return nil
}

// breakAll runs faults until the time is over, each kind at least once.
func (l *load) breakAll(
	ctx context.Context,
	d *postgrestest.Pair,
	until time.Duration,
	pause time.Duration,
) (all []happened, err error) {
	var round []fault
	for l.since() < until || len(round) > 0 && len(all) < len(faults) {
		if len(round) == 0 {
			round = slices.DeleteFunc(
				slices.Clone(faults),
				func(f fault) bool { return f.long && until < 5*time.Minute },
			)
			rand.Shuffle(len(round), func(i, j int) { round[i], round[j] = round[j], round[i] })
		}
		f := round[0]
		round = round[1:]
		h := happened{name: f.name, begin: l.since()}
		limited, cancel := context.WithTimeout(ctx, 2*time.Minute)
		if err = f.run(limited, l, d); err == nil {
			err = l.allReady(limited)
		}
		cancel()
		h.end = l.since()
		all = append(all, h)
		if err != nil {
			return all, fmt.Errorf("%s: %w", f.name, err)
		}
		time.Sleep(pause/2 + rand.N(pause))
	}
	return all, nil
}

type service struct {
	name  string
	kinds []kind
}

// services are what clients miss when it is away, as kinds of operations.
var services = []service{
	{"OCSP", []kind{status}},
	{"CRL", []kind{crl}},
	{"orders, revocation", []kind{place, withdraw, download, revoke}},
	{"logins", []kind{login, redeem}},
}

// longest is for how long at most no operation through HAProxy succeeded within a time.
func longest(h []operation, kinds []kind, begin, end time.Duration) (gap time.Duration) {
	last := begin
	for _, o := range h { // in the order in which they ended
		if o.outcome != ok || o.node != "" || !slices.Contains(kinds, o.kind) || o.ret < begin {
			continue
		}
		if o.ret > end {
			break
		}
		gap, last = max(gap, o.ret-last), o.ret
	}
	return max(gap, end-last)
}

// report is what a soak shows: operations and failures by kind, and for how long after each kind of
// fault nothing succeeded.
func report(h []operation, events []happened) string {
	var b strings.Builder
	for _, k := range []kind{place, withdraw, download, revoke, status, crl, login, redeem} {
		count, failures, took := map[outcome]int{}, map[string]int{}, time.Duration(0)
		for _, o := range h {
			if o.kind != k || o.node != "" {
				continue
			}
			count[o.outcome]++
			if o.outcome == ok {
				took += o.ret - o.call
			} else {
				failures[fmt.Sprintf("%s (%s)", o.failure, o.outcome)]++
			}
		}
		fmt.Fprintf(
			&b,
			"%-9s %6d ok in %s, %d refused, %d unknown: %v\n",
			k,
			count[ok],
			(took / time.Duration(max(1, count[ok]))).Round(
				time.Millisecond,
			),
			count[refused],
			count[unknown],
			failures,
		)
	}
	direct := map[string]int{}
	for _, o := range h {
		if o.node != "" {
			direct[fmt.Sprint(o.kind, " ", o.outcome)]++
		}
	}
	fmt.Fprintf(&b, "Of nodes themselves: %v\n", direct)
	fmt.Fprintf(&b, "Longest time without success:\n%-52s times", "")
	for _, s := range services {
		fmt.Fprintf(&b, "  %18s", s.name)
	}
	var names []string
	for _, e := range events {
		if !slices.Contains(names, e.name) {
			names = append(names, e.name)
		}
	}
	slices.Sort(names)
	for _, name := range append(names, "between faults") {
		var gaps [8]time.Duration
		times := 0
		for i, e := range events {
			begin, end := e.begin, e.end+time.Second
			if name == "between faults" {
				begin, end = max(0, e.begin-time.Second), e.begin
				if i > 0 {
					begin = events[i-1].end + time.Second
				}
			} else if e.name != name {
				continue
			}
			times++
			for j, s := range services {
				gaps[j] = max(gaps[j], longest(h, s.kinds, begin, end))
			}
		}
		fmt.Fprintf(&b, "\n%-52s %5d", name, times)
		for j := range services {
			fmt.Fprintf(&b, "  %18s", gaps[j].Round(10*time.Millisecond))
		}
	}
	return b.String()
}
