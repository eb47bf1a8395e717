package ca

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"time"

	"github.com/igc-lab/igc/ca/store"
)

// hanging is a store that other processes share, whose updates hang when told to.
type hanging struct {
	store.Store
	store.Shared
	hang   atomic.Bool
	resume chan struct{}
}

func (h *hanging) Update(ctx context.Context, actor string, fn func(store.Tx) error) error {
	if h.hang.Load() {
		<-h.resume
	}
	return h.Store.Update(ctx, actor, fn)
}

// Work that one process does alone is ended when its lease has: also while the renewal waits for a
// database that does not answer, and whatever the machine's clock says.
func TestAloneWithoutDatabase(t *testing.T) {
	defer func(former time.Duration) { aloneFor = former }(aloneFor)
	aloneFor = 1200 * time.Millisecond
	ca := newCA(t, Options{Now: func() time.Time { return time.Now().Add(time.Hour) }}) // the database's clock
	shared := &hanging{Store: ca.store, resume: make(chan struct{})}
	ca.CA.authorities.store = shared
	err := ca.Alone(t.Context(), "work", func(ctx context.Context) error {
		shared.hang.Store(true)
		defer close(shared.resume)
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(10 * time.Second):
			return errors.New("it went on without the lease")
		}
	})
	if !errors.Is(err, store.ErrLeaseHeld) {
		t.Error(err)
	}
}
