package ca

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"time"

	"github.com/igc-lab/igc/ca/keys"
	"github.com/igc-lab/igc/ca/store"
	"github.com/igc-lab/igc/profiles"
)

// Options are what a CA works with.
type Options struct {
	Store      store.Store         // where everything is recorded
	Keys       *keys.Ring          // of the authorities
	Policy     KeyPolicy           // by which the authorities' keys are made
	Generation profiles.Generation // of certificates, unless a request names another
	URLs       profiles.URLs       // where CRLs, OCSP and certificates of authorities are published
	Now        func() time.Time

	// Progress is called during long work: n of total done. It may be called from several
	// goroutines. It may be nil.
	Progress func(what string, n, total int)
}

// CA holds the certification authorities of a lab, used on behalf of an actor. Its methods may be
// called from several goroutines.
type CA struct {
	*authorities
	actor string
}

// authorities are what the CAs of all actors share.
type authorities struct {
	Options
	store store.Store
	keys  *keys.Ring

	ensuring        sync.Mutex // one creation of authorities at a time
	authoritiesMade atomic.Uint64

	mu       sync.Mutex
	issuers  map[profiles.Authority]*Issuer
	watchers statusWatchers
}

// New makes a CA whose changes are recorded on behalf of the actor ("cli:alain"). It reads nothing
// yet: keys and records are opened when needed.
func New(opts Options, actor string) *CA {
	all := &authorities{Options: opts, store: opts.Store, keys: opts.Keys, issuers: map[profiles.Authority]*Issuer{}}
	return &CA{all, actor}
}

// As is the same CA, used on behalf of another actor.
func (ca *CA) As(actor string) *CA { return &CA{ca.authorities, actor} }

// Actor is on whose behalf the CA is used.
func (ca *CA) Actor() string { return ca.actor }

// patience is how long a call waits for records that another process has open: making nine
// authorities takes a while.
const patience = 2 * time.Minute

// using runs do with the records open, where one process at a time can have them.
func (ca *CA) using(ctx context.Context, do func() error) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	owned, ok := ca.store.(store.Owned)
	if !ok {
		return do()
	}
	err := owned.Lock(patience)
	if errors.Is(err, store.ErrLocked) {
		return fail(Busy, "another process has held the lab for %s: end it, or try again", patience)
	}
	if err != nil {
		return err
	}
	return errors.Join(do(), owned.Unlock())
}

// update runs a transaction on behalf of the CA's actor.
func (ca *CA) update(ctx context.Context, do func(store.Tx) error) error {
	return ca.store.Update(ctx, ca.actor, do)
}

// now is the present second: certificates and CRLs count in seconds.
func (ca *CA) now() time.Time { return ca.Now().UTC().Truncate(time.Second) }
