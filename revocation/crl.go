package revocation

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/igc-lab/igc/ca"
	"github.com/igc-lab/igc/profiles"
)

// CRL is a certificate revocation list as it is published. It never changes.
type CRL struct {
	Authority  profiles.Authority
	Number     uint64
	Base       uint64 // of a delta CRL, the number of the full one that it adds to; 0 for a full CRL
	ThisUpdate time.Time
	NextUpdate time.Time
	Entries    int   // how many certificates it names
	Size       int64 // bytes

	revision uint64 // of the changes of status that it holds
	form     ca.ListForm
	listDER
}

// Reader reads the DER of the list. Each reader has its own place in it.
func (c *CRL) Reader() *io.SectionReader { return io.NewSectionReader(&c.listDER, 0, c.Size) }

// DER is the whole list.
func (c *CRL) DER() ([]byte, error) { return io.ReadAll(c.Reader()) }

// Lists keeps the CRLs of each authority of a lab: a full one and, but for roots, a delta, made together with one number.
// They are made anew when a status changed since or when they are due (see [ca.ListConfig]); until then the same bytes are
// given again, also after a restart.
//
// How it costs what it does: a to-be-signed list has its dates at the front, so its hash cannot be continued from the
// last one's; each list costs one SHA-256 of its bytes and one signature. All else is next to nothing, since the entries
// stand in the store encoded and in order (see ca/entries.go), and a list shares with the one before it all the chunks that
// did not change. A list of a million entries takes its own 35 MB of memory, and its successors a few kB each.
//
// The list's file, which only a restart and other servers need, is written aside when it is large.
type Lists struct {
	lab *ca.Lab
	now func() time.Time
	dir string

	mu     sync.Mutex
	kept   map[profiles.Authority]*keptLists
	latest map[profiles.Authority][2]*CRL // full and delta, for who only looks: a making under way does not hold them up
	failed map[profiles.Authority]error   // why the last making failed
}

type keptLists struct {
	sync.Mutex // one making at a time for each authority
	full       *CRL
	delta      *CRL // nil for a root
	saver      saver
}

// NewLists keeps the lists of the lab in its publication folder, and does what [ca.Lab.Publish] asks for.
func NewLists(lab *ca.Lab, now func() time.Time) *Lists {
	l := &Lists{lab: lab, now: now, dir: filepath.Join(lab.Home, "publication"), kept: map[profiles.Authority]*keptLists{},
		latest: map[profiles.Authority][2]*CRL{}, failed: map[profiles.Authority]error{}}
	lab.OnPublish(l.Publish)
	return l
}

// Get returns the authority's full CRL. Unless the lab publishes at its dates only, it holds every change of status
// recorded before the call.
func (l *Lists) Get(ctx context.Context, a profiles.Authority) (*CRL, error) {
	full, _, err := l.current(ctx, a, false)
	return full, err
}

// Delta returns the authority's delta CRL; NotFound for a root, which has none.
func (l *Lists) Delta(ctx context.Context, a profiles.Authority) (*CRL, error) {
	if a.IsRoot() {
		return nil, &ca.Error{Kind: ca.NotFound, Err: fmt.Errorf("%s has no delta CRL: roots publish full ones", a.ID())}
	}
	_, delta, err := l.current(ctx, a, false)
	return delta, err
}

// Publish makes the lists of every authority of the lab, with anew also those that are not due, and returns when their
// files are written.
func (l *Lists) Publish(ctx context.Context, anew bool) error {
	authorities, err := l.lab.Authorities(ctx)
	for _, info := range authorities {
		a, parseErr := profiles.ParseAuthority(info.ID)
		if parseErr == nil {
			_, _, parseErr = l.current(ctx, a, anew)
		}
		err = errors.Join(err, parseErr)
	}
	return errors.Join(err, l.flush())
}

// current returns the lists that hold now, and makes those that do not any more.
func (l *Lists) current(ctx context.Context, a profiles.Authority, anew bool) (full, delta *CRL, err error) {
	l.mu.Lock()
	k := l.kept[a]
	if k == nil {
		k = &keptLists{}
		l.kept[a] = k
	}
	l.mu.Unlock()
	k.Lock()
	defer k.Unlock()
	defer func() { l.noteFailure(ctx, a, err) }()

	state, err := l.lab.ListState(ctx, a)
	if err != nil {
		return nil, nil, err
	}
	if k.full == nil {
		k.full = l.load(ctx, a, state.Full, false)
	}
	if k.delta == nil && !a.IsRoot() {
		k.delta = l.load(ctx, a, state.Delta, true)
	}
	config, now := l.lab.Config.CRL, l.now().UTC().Truncate(time.Second)
	full, delta = k.full, k.delta
	order := ca.ListOrder{Form: config.Form}
	order.Due = anew || full == nil || full.form != config.Form || full.due(now, schedule(config, a, false))
	order.Full = order.Due || config.AtOnce && full.revision != state.Revision
	deltaDue := !a.IsRoot() && (delta == nil || delta.form != config.Form || delta.due(now, config.Delta))
	if !order.Full && !deltaDue {
		l.note(a, full, delta)
		return full, delta, nil
	}
	order.Restore = config.Expired == "listed" || full != nil
	if config.Expired == "removed" && full != nil {
		order.DropExpired = earlier(full.ThisUpdate, now)
	}
	issuer, err := l.lab.Issuer(ctx, a)
	if err != nil {
		return nil, nil, err
	}
	if err := os.MkdirAll(filepath.Dir(l.path(a, false)), 0o700); err != nil {
		return nil, nil, fmt.Errorf("CRL of %s: %w", a.ID(), err)
	}
	err = l.lab.MakeLists(ctx, a, order, func(content ca.ListContent) error {
		now := l.now().UTC().Truncate(time.Second) // after everything that it holds
		if err := content.DatedBy(now); err != nil {
			return err
		}
		list := func(base uint64, s ca.Schedule) *CRL {
			return &CRL{Authority: a, Number: content.Number, Base: base, ThisUpdate: now, NextUpdate: now.Add(s.Validity),
				revision: content.Revision, form: config.Form}
		}
		var fullErr, deltaErr error
		var both sync.WaitGroup // one signature each
		if order.Full {
			var former *CRL
			if former, full = full, list(0, schedule(config, a, false)); former == nil || former.form != config.Form {
				former = &CRL{}
			}
			full.Entries = content.Entries
			both.Go(func() { fullErr = l.sign(full, content.Full, former.chunks, issuer) })
		}
		if !a.IsRoot() {
			delta = list(content.Base, schedule(config, a, true))
			delta.Entries = content.Changed
			both.Go(func() { deltaErr = l.sign(delta, []ca.ListChunk{{DER: content.Changes}}, nil, issuer) })
		}
		both.Wait()
		if err := errors.Join(fullErr, deltaErr); err != nil {
			return err
		}
		for _, c := range []*CRL{full, delta} {
			if c == nil || c.Number != content.Number {
				continue
			}
			if err := k.saver.save(c, l.path(a, c.Base != 0)); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return nil, nil, fmt.Errorf("CRL of %s: %w", a.ID(), err)
	}
	k.full, k.delta = full, delta
	l.note(a, full, delta)
	return full, delta, nil
}

func (l *Lists) note(a profiles.Authority, full, delta *CRL) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.latest[a] = [2]*CRL{full, delta}
}

// last tells which lists were published last, nil where there is none yet. It makes none, and waits for none.
func (l *Lists) last(a profiles.Authority) (full, delta *CRL) {
	l.mu.Lock()
	defer l.mu.Unlock()
	both := l.latest[a]
	return both[0], both[1]
}

// noteFailure keeps why the making of an authority's lists failed, nil when it did not, for [Health].
func (l *Lists) noteFailure(ctx context.Context, a profiles.Authority, err error) {
	if err != nil && ctx.Err() != nil {
		return // cut short: nothing failed
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.failed[a] = err
}

// failure tells why the last making of the authority's lists failed, nil when it did not.
func (l *Lists) failure(a profiles.Authority) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.failed[a]
}

func schedule(c ca.ListConfig, a profiles.Authority, delta bool) ca.Schedule {
	switch {
	case delta:
		return c.Delta
	case a.IsRoot():
		return c.Roots
	}
	return c.Issuing
}

func (l *Lists) path(a profiles.Authority, delta bool) string {
	path := a.CRLPath()
	if delta {
		path = a.DeltaCRLPath()
	}
	return filepath.Join(l.dir, filepath.FromSlash(path))
}

// Run makes the lists anew when they are due, and soon after each change of status, until the context ends; Get does not
// wait for it. failed hears of what went wrong.
func (l *Lists) Run(ctx context.Context, failed func(error)) {
	changed := make(chan struct{}, 1)
	l.lab.OnStatus(func(ca.Record) {
		select {
		case changed <- struct{}{}:
		default: // one round is due already, and takes everything
		}
	})
	due := time.NewTicker(pollInterval)
	defer due.Stop()
	defer func() {
		if err := l.flush(); err != nil {
			failed(err)
		}
	}()
	for {
		if err := l.Publish(ctx, false); err != nil && ctx.Err() == nil {
			failed(err)
		}
		select {
		case <-ctx.Done():
			return
		case <-due.C:
		case <-changed:
			select { // revocations come in groups: one list for all of them
			case <-ctx.Done():
				return
			case <-time.After(500 * time.Millisecond):
			}
		}
	}
}
