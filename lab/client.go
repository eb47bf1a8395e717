package lab

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"time"

	kmsapi "go.step.sm/crypto/kms/apiv1"

	"github.com/igc-lab/igc/ca"
	"github.com/igc-lab/igc/ca/store"
	"github.com/igc-lab/igc/lab/rpc"
	"github.com/igc-lab/igc/profiles"
)

var _ ca.Service = (*Client)(nil)

// Client is a lab reached from a command. Each call goes to the server when one runs; when none
// does it opens the records, acts, and closes them again. Commands that run at once take turns, and
// none fails for the other's sake.
type Client struct {
	// Lab is the lab in this process, its records closed. Its home, configuration and keys may be
	// read whether a server runs or not.
	Lab    *Lab
	remote *rpc.Client
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
func (l *Lab) Client() *Client { return &Client{l, rpc.NewClient(l.Home, l.opts.Passphrase)} }

// Server tells which process answers on the lab's socket, 0 where the system does not say; running
// is false when nobody does, and stale when a server that was killed left its socket.
func (c *Client) Server(ctx context.Context) (pid int, running, stale bool) {
	return c.remote.Process(ctx)
}

// Desk is the lab's desk, which the server has: see [rpc.Client.Desk].
func (c *Client) Desk() (client *http.Client, address string) { return c.remote.Desk() }

// Pauses between tries: a server that stops before it answers is tried again, and so is a lab that
// another process holds.
const (
	firstPause = 10 * time.Millisecond
	maxPause   = time.Second
)

// dispatch calls fn with the server or, where none runs, with the lab in this process. When the
// server stops before it answers, an idempotent call is made again.
func (c *Client) dispatch(ctx context.Context, idempotent bool, fn func(ca.Service) error) error {
	reported := false
	for start, pause := time.Now(), firstPause; ; pause = min(2*pause, maxPause) {
		err := fn(c.remote)
		switch {
		case errors.Is(err, rpc.ErrNoServer):
			err = c.Lab.lockRecords(100 * time.Millisecond)
			if err == nil {
				return errors.Join(fn(c.Lab.CA), c.Lab.Unlock())
			}
			if !errors.Is(err, store.ErrLocked) {
				return err
			}
			if time.Since(start) > patience {
				return fail(ca.Busy,
					"another process has held the lab in %s for %s: end it, or try again", c.Lab.Home, patience)
			}
			if !reported && time.Since(start) > time.Second && c.Lab.opts.Waiting != nil {
				reported = true
				c.Lab.opts.Waiting(c.Lab.Home)
			}
		case ca.KindOf(err) != ca.Unanswered || !idempotent || time.Since(start) > patience:
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
func (c *Client) Issue(ctx context.Context, req ca.IssueRequest) (issued *ca.Issued, err error) {
	product, err := req.Check()
	if err != nil {
		return nil, err
	}
	// The authority's key takes 150 ms to open: do it before the records are, so that others are
	// not kept waiting.
	if a, err := product.IssuingAuthority(); err == nil && !c.remote.Answers() && c.Lab.keys.Has(a.ID()) {
		if _, err := c.Lab.keys.CreateSigner(&kmsapi.CreateSignerRequest{SigningKey: a.ID()}); err != nil {
			return nil, err
		}
	}
	err = c.dispatch(ctx, false, func(s ca.Service) (err error) {
		issued, err = s.Issue(ctx, req)
		c.renewHead(ctx, s)
		return err
	})
	return issued, err
}

// SetStatus implements [Service].
func (c *Client) SetStatus(ctx context.Context, change ca.StatusChange) (changed []ca.Changed, err error) {
	err = c.dispatch(ctx, true, func(s ca.Service) (err error) {
		changed, err = s.SetStatus(ctx, change)
		c.renewHead(ctx, s)
		return err
	})
	return changed, err
}

// Find implements [Service].
func (c *Client) Find(ctx context.Context, serial string) (r *ca.Record, err error) {
	err = c.dispatch(ctx, true, func(s ca.Service) (err error) {
		r, err = s.Find(ctx, serial)
		return err
	})
	return r, err
}

// List implements [Service].
func (c *Client) List(ctx context.Context, f ca.Filter) (list []*ca.Record, err error) {
	err = c.dispatch(ctx, true, func(s ca.Service) (err error) {
		list, err = s.List(ctx, f)
		return err
	})
	return list, err
}

// Authorities implements [Service].
func (c *Client) Authorities(ctx context.Context) (list []ca.AuthorityInfo, err error) {
	err = c.dispatch(ctx, true, func(s ca.Service) (err error) {
		list, err = s.Authorities(ctx)
		return err
	})
	return list, err
}

// Ensure implements [Service].
func (c *Client) Ensure(ctx context.Context, wanted []profiles.Authority) (made int, err error) {
	err = c.dispatch(ctx, true, func(s ca.Service) (err error) {
		made, err = s.Ensure(ctx, wanted)
		c.renewHead(ctx, s)
		return err
	})
	return made, err
}

// Publish makes the CRLs that are due or, with anew, all of them, in the lab's publication folder:
// in the server when one runs, else by publish, in this process.
func (c *Client) Publish(ctx context.Context, anew bool, publish func(context.Context, *Lab) error) error {
	return c.dispatch(ctx, true, func(s ca.Service) error {
		if s == ca.Service(c.Lab.CA) {
			return publish(ctx, c.Lab)
		}
		return c.remote.Publish(ctx, anew)
	})
}

// Changes implements [Service].
func (c *Client) Changes(ctx context.Context, after uint64, limit int) (changes []store.Change, err error) {
	err = c.dispatch(ctx, true, func(s ca.Service) (err error) {
		changes, err = s.Changes(ctx, after, limit)
		return err
	})
	return changes, err
}

// GetDocument implements [store.DocumentStore].
func (c *Client) GetDocument(ctx context.Context, kind store.DocumentKind, key string) (doc store.Document, err error) {
	err = c.dispatch(ctx, true, func(s ca.Service) (err error) {
		doc, err = s.GetDocument(ctx, kind, key)
		return err
	})
	return doc, err
}

// ScanDocuments implements [store.DocumentStore].
func (c *Client) ScanDocuments(ctx context.Context, kind store.DocumentKind, prefix string) (
	docs []store.Document, err error,
) {
	err = c.dispatch(ctx, true, func(s ca.Service) (err error) {
		docs, err = s.ScanDocuments(ctx, kind, prefix)
		return err
	})
	return docs, err
}

// PageDocuments implements [store.DocumentStore].
func (c *Client) PageDocuments(ctx context.Context, kind store.DocumentKind, prefix, after string, limit int) (
	docs []store.Document, err error,
) {
	err = c.dispatch(ctx, true, func(s ca.Service) (err error) {
		docs, err = s.PageDocuments(ctx, kind, prefix, after, limit)
		return err
	})
	return docs, err
}

// WriteDocuments implements [store.DocumentStore]. A write is not sent again when the server stops
// before it answers: the versions tell whether it was made.
func (c *Client) WriteDocuments(ctx context.Context, actor string, writes ...store.DocumentWrite) (
	versions []uint64, err error,
) {
	err = c.dispatch(ctx, false, func(s ca.Service) (err error) {
		versions, err = s.WriteDocuments(ctx, actor, writes...)
		if slices.ContainsFunc(writes, func(w store.DocumentWrite) bool { return w.Kind.Audited }) {
			c.renewHead(ctx, s)
		}
		return err
	})
	return versions, err
}

// renewHead writes the signed head after a change that this process made.
func (c *Client) renewHead(ctx context.Context, s ca.Service) {
	if s == ca.Service(c.Lab.CA) {
		c.Lab.renewHead(ctx)
	}
}
