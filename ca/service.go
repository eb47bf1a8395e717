package ca

import (
	"context"
	"errors"
	"time"

	kmsapi "go.step.sm/crypto/kms/apiv1"

	"github.com/igc-lab/igc/ca/store"
	"github.com/igc-lab/igc/profiles"
)

// Service is what commands ask of a lab, wherever it is open: in this process or in a server's.
type Service interface {
	Issue(ctx context.Context, req IssueRequest) (*Issued, error)
	SetStatus(ctx context.Context, c StatusChange) ([]Changed, error)
	Find(ctx context.Context, serial string) (*Record, error)
	List(ctx context.Context, f Filter) ([]*Record, error)
	Authorities(ctx context.Context) ([]AuthorityInfo, error)
	Ensure(ctx context.Context, wanted []profiles.Authority) (made int, err error)
	Changes(ctx context.Context, after uint64, limit int) ([]store.Change, error)
}

var (
	_ Service = (*Lab)(nil)
	_ Service = (*Client)(nil)
)

// Client is a lab reached from a command. Each call goes to the server when one runs; when none
// does it opens the records, acts, and closes them again. Commands that run at once take turns, and
// none fails for the other's sake.
type Client struct {
	*Lab   // in this process, its records closed
	remote *remote
}

// Connect opens the lab in that home for a command.
func Connect(home string, opts Options) (*Client, error) {
	lab, err := Open(home, opts)
	if err != nil {
		return nil, err
	}
	return lab.Client(), nil
}

// Client makes a client of an open lab.
func (l *Lab) Client() *Client { return &Client{l, newRemote(l.Home, l.opts.Passphrase)} }

// Pauses between tries: a server that stops before it answers is tried again, and so is a lab that
// another process holds.
const (
	firstPause = 10 * time.Millisecond
	maxPause   = time.Second
)

// dispatch calls fn with the server or, where none runs, with the lab in this process. When the
// server stops before it answers, an idempotent call is made again.
func (c *Client) dispatch(ctx context.Context, idempotent bool, fn func(Service) error) error {
	reported := false
	for start, pause := time.Now(), firstPause; ; pause = min(2*pause, maxPause) {
		err := fn(c.remote)
		switch {
		case errors.Is(err, errNoServer):
			err = c.store.Lock(100 * time.Millisecond)
			if err == nil {
				return errors.Join(fn(c.Lab), c.store.Unlock())
			}
			if !errors.Is(err, store.ErrLocked) {
				return err
			}
			if time.Since(start) > patience {
				return fail(Busy, "another process has held the lab in %s for %s: end it, or try again", c.Home, patience)
			}
			if !reported && time.Since(start) > time.Second && c.opts.Waiting != nil {
				reported = true
				c.opts.Waiting(c.Home)
			}
		case KindOf(err) != Unanswered || !idempotent || time.Since(start) > patience:
			return err
		}
		select {
		case <-time.After(pause):
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// Issue implements [Service].
func (c *Client) Issue(ctx context.Context, req IssueRequest) (issued *Issued, err error) {
	product, err := req.Check()
	if err != nil {
		return nil, err
	}
	// The authority's key takes 150 ms to open: do it before the records are, so that others are
	// not kept waiting.
	if a, err := product.IssuingAuthority(); err == nil && !c.remote.answers() && c.keys.Has(a.ID()) {
		if _, err := c.keys.CreateSigner(&kmsapi.CreateSignerRequest{SigningKey: a.ID()}); err != nil {
			return nil, err
		}
	}
	err = c.dispatch(ctx, false, func(s Service) (err error) {
		issued, err = s.Issue(ctx, req)
		signOldHead(ctx, s)
		return err
	})
	return issued, err
}

// SetStatus implements [Service].
func (c *Client) SetStatus(ctx context.Context, change StatusChange) (changed []Changed, err error) {
	err = c.dispatch(ctx, true, func(s Service) (err error) {
		changed, err = s.SetStatus(ctx, change)
		signOldHead(ctx, s)
		return err
	})
	return changed, err
}

// Revoke is [Lab.Revoke].
func (c *Client) Revoke(ctx context.Context, serial string, reason Reason) (*Record, error) {
	return first(c.SetStatus(ctx, StatusChange{Serial: serial, Reason: reason}))
}

// Find implements [Service].
func (c *Client) Find(ctx context.Context, serial string) (r *Record, err error) {
	err = c.dispatch(ctx, true, func(s Service) (err error) {
		r, err = s.Find(ctx, serial)
		return err
	})
	return r, err
}

// List implements [Service].
func (c *Client) List(ctx context.Context, f Filter) (list []*Record, err error) {
	err = c.dispatch(ctx, true, func(s Service) (err error) {
		list, err = s.List(ctx, f)
		return err
	})
	return list, err
}

// Authorities implements [Service].
func (c *Client) Authorities(ctx context.Context) (list []AuthorityInfo, err error) {
	err = c.dispatch(ctx, true, func(s Service) (err error) {
		list, err = s.Authorities(ctx)
		return err
	})
	return list, err
}

// Ensure implements [Service].
func (c *Client) Ensure(ctx context.Context, wanted []profiles.Authority) (made int, err error) {
	err = c.dispatch(ctx, true, func(s Service) (err error) {
		made, err = s.Ensure(ctx, wanted)
		signOldHead(ctx, s)
		return err
	})
	return made, err
}

// Publish makes the CRLs that are due or, with anew, all of them, in the lab's publication folder:
// in the server when one runs, else by publish, in this process.
func (c *Client) Publish(ctx context.Context, anew bool, publish func(context.Context, *Lab) error) error {
	return c.dispatch(ctx, true, func(s Service) error {
		if _, ok := s.(*Lab); ok {
			return publish(ctx, c.Lab)
		}
		return c.remote.Publish(ctx, anew)
	})
}

// Changes implements [Service].
func (c *Client) Changes(ctx context.Context, after uint64, limit int) (changes []store.Change, err error) {
	err = c.dispatch(ctx, true, func(s Service) (err error) {
		changes, err = s.Changes(ctx, after, limit)
		return err
	})
	return changes, err
}
