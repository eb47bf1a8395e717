//go:build linux

package cluster

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"sync"
	"syscall"
	"time"
)

// fault is something that breaks, and is put right after a while: run returns when it is.
type fault struct {
	name string
	long bool // not in the short form
	run  func(*load, context.Context) error
}

// faults are those that a soak goes through, in an order of its own each round.
var faults = []fault{
	{"a node is killed", false, (*load).killNode},
	{"two nodes are killed", false, (*load).killNodes},
	{"a node stands still for 1 to 6 s", false, (*load).freezeNode},
	{"a node stands still for 20 s", true, (*load).freezeLong},
	{"two nodes stand still in turn", false, (*load).freezeNodes},
	{"the nodes are restarted one after the other", false, (*load).restartNodes},
	{"a node is cut off from the database for 2 to 6 s", false, (*load).cutOff},
	{"a node's link to the database hangs for 2 to 6 s", false, (*load).hangLink},
	{"the database crashes, away for up to 3 s", false, (*load).crashDatabase},
	{"the database crashes, away for 15 s", true, (*load).crashLong},
	{"a node is killed while the database crashes", false, (*load).killAndCrash},
	{"the standby takes over within 3 s", false, (*load).failOver},
	{"a node stands still while the standby takes over", false, (*load).freezeAndFailOver},
}

// upTo is a time of at most that.
func upTo(d time.Duration) time.Duration { return rand.N(d) }

// between is a time from one to the other.
func between(least, most time.Duration) time.Duration { return least + rand.N(most-least) }

// any are so many nodes.
func (c *cluster) any(n int) []*node {
	nodes := slices.Clone(c.nodes)
	rand.Shuffle(len(nodes), func(i, j int) { nodes[i], nodes[j] = nodes[j], nodes[i] })
	return nodes[:n]
}

func (l *load) killNode(ctx context.Context) error { return l.kill(ctx, l.any(1)[0]) }

func (l *load) killNodes(ctx context.Context) error {
	return together(l.any(2), func(n *node) error { return l.kill(ctx, n) })
}

// kill kills a node, and starts it after a while.
func (l *load) kill(ctx context.Context, n *node) error {
	n.kill()
	time.Sleep(upTo(3 * time.Second))
	return n.up(ctx, l.port)
}

func together(nodes []*node, do func(*node) error) error {
	failed := make([]error, len(nodes))
	var all sync.WaitGroup
	for i, n := range nodes {
		all.Go(func() { failed[i] = do(n) })
	}
	all.Wait()
	return errors.Join(failed...)
}

func (l *load) restartNodes(ctx context.Context) error {
	for _, n := range l.nodes {
		if !n.end(syscall.SIGTERM, 30*time.Second) {
			return fmt.Errorf("the node at %s does not end", n.address)
		}
		if err := n.up(ctx, l.port); err != nil {
			return err
		}
	}
	return nil
}

func (l *load) freezeNode(ctx context.Context) error {
	return l.freeze(ctx, l.any(1)[0], between(time.Second, 6*time.Second))
}

// freezeLong has a node stand still for longer than a transaction may.
func (l *load) freezeLong(ctx context.Context) error {
	return l.freeze(ctx, l.any(1)[0], 20*time.Second)
}

func (l *load) freezeNodes(ctx context.Context) error {
	return together(l.any(2), func(n *node) error {
		for range 3 {
			time.Sleep(upTo(time.Second))
			if err := l.freeze(ctx, n, upTo(2*time.Second)); err != nil {
				return err
			}
		}
		return nil
	})
}

// freeze has a node stand still. It has just said what it knows of certificates that are then
// revoked, and meets questions about them when it goes on.
func (l *load) freeze(ctx context.Context, n *node, d time.Duration) error {
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
	return nil
}

func (l *load) cutOff(context.Context) error {
	n := l.any(1)[0]
	return l.without(func() error {
		n.database.Sever()
		time.Sleep(between(2*time.Second, 6*time.Second))
		n.database.Restore()
		return nil
	})
}

func (l *load) hangLink(context.Context) error {
	n := l.any(1)[0]
	return l.without(func() error {
		resume := n.database.Hang()
		time.Sleep(between(2*time.Second, 6*time.Second))
		resume()
		return nil
	})
}

func (l *load) crashDatabase(context.Context) error { return l.crash(upTo(3 * time.Second)) }

// crashLong has the database away for longer than a write is tried again.
func (l *load) crashLong(context.Context) error { return l.crash(15 * time.Second) }

// crash ends the database at once, and starts it after a while.
func (l *load) crash(away time.Duration) error {
	return l.without(func() error { return l.database.CrashPrimary(away) })
}

func (l *load) killAndCrash(ctx context.Context) error {
	n := l.any(1)[0]
	var killed sync.WaitGroup
	killed.Go(func() {
		time.Sleep(upTo(time.Second))
		n.kill()
	})
	err := l.crash(upTo(2 * time.Second))
	killed.Wait()
	return errors.Join(err, n.up(ctx, l.port))
}

// failOver kills the primary, and has the standby take its place after a while. Then it has a
// standby again.
func (l *load) failOver(context.Context) error {
	err := l.without(func() error {
		if err := l.database.KillPrimary(); err != nil {
			return err
		}
		time.Sleep(upTo(3 * time.Second))
		return l.database.Promote()
	})
	if err != nil {
		return err
	}
	return l.database.Rejoin()
}

func (l *load) freezeAndFailOver(ctx context.Context) error {
	var frozen sync.WaitGroup
	frozen.Go(func() { l.freeze(ctx, l.any(1)[0], between(2*time.Second, 6*time.Second)) })
	time.Sleep(upTo(time.Second))
	err := l.failOver(ctx)
	frozen.Wait()
	return err
}

// happened is a fault of a soak.
type happened struct {
	name       string
	begin, end time.Duration // end: when all was well again
}

// breakAll runs faults until the time is over, each kind at least once.
func (l *load) breakAll(ctx context.Context, until, pause time.Duration) (all []happened, err error) {
	var round []fault
	tooLong := func(f fault) bool { return f.long && until < 5*time.Minute }
	for l.since() < until || len(round) > 0 && len(all) < len(faults) {
		if len(round) == 0 {
			round = slices.DeleteFunc(slices.Clone(faults), tooLong)
			rand.Shuffle(len(round), func(i, j int) { round[i], round[j] = round[j], round[i] })
		}
		f := round[0]
		round = round[1:]
		h := happened{name: f.name, begin: l.since()}
		limited, cancel := context.WithTimeout(ctx, 2*time.Minute)
		if err = f.run(l, limited); err == nil {
			err = l.allReady(limited)
		}
		cancel()
		h.end = l.since()
		all = append(all, h)
		if err != nil {
			return all, fmt.Errorf("%s: %w", f.name, err)
		}
		time.Sleep(between(pause/2, pause*3/2))
	}
	return all, nil
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
