package ca

import (
	"context"
	"slices"
	"sync"

	"github.com/igc-lab/igc/ca/store"
)

// statusWatchers are the functions that a lab calls with each change of status. One follower of the
// change feed serves them all, so that they are called in the order in which they registered: the
// OCSP responder, which comes first, has dropped its kept answer when TestSSL asks for a new one.
type statusWatchers struct {
	mu   sync.Mutex
	all  []*statusWatcher
	stop context.CancelFunc // of the follower; nil while there is none

	followers sync.WaitGroup // that have not ended
}

type statusWatcher struct {
	fn    func(store.Change)
	kinds []store.ChangeKind
}

// WatchStatus calls fn with each change of a certificate's status from now on, until ctx ends.
// Whoever changes a status waits for fn, which must not write: nobody learns that a certificate is
// revoked while fn's owner still says that it is good. Functions are called one after the other, in
// the order of their registration.
func (ca *CA) WatchStatus(ctx context.Context, fn func(store.Change)) error {
	return ca.watch(ctx, fn, store.StatusChanged)
}

// WatchDocuments calls fn with each write and each deletion of a document of an audited kind, as
// [CA.WatchStatus] does: whoever writes one waits for fn, so that fn's owner may keep a copy.
func (ca *CA) WatchDocuments(ctx context.Context, fn func(store.Change)) error {
	return ca.watch(ctx, fn, store.DocumentPut, store.DocumentDeleted)
}

// WatchIssued calls fn with each certificate that is issued, as [CA.WatchStatus] does.
func (ca *CA) WatchIssued(ctx context.Context, fn func(store.Change)) error {
	return ca.watch(ctx, fn, store.CertificateIssued)
}

func (ca *CA) watch(ctx context.Context, fn func(store.Change), kinds ...store.ChangeKind) error {
	w := &ca.watchers
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.stop == nil {
		if err := w.follow(ctx, ca); err != nil {
			return err
		}
	}
	one := &statusWatcher{fn, kinds}
	w.all = append(w.all, one)
	context.AfterFunc(ctx, func() { w.remove(one) })
	return nil
}

// follow starts the follower, and returns when it is in place. The caller holds mu. The follower
// ends when the last watcher is removed, or with damage of the records: after that nothing is
// written, so no status changes.
func (w *statusWatchers) follow(ctx context.Context, ca *CA) error {
	head, err := ca.Head(ctx)
	if err != nil {
		return err
	}
	following, stop := context.WithCancel(context.WithoutCancel(ctx))
	began, ended := make(chan struct{}), make(chan error, 1)
	begin := sync.OnceFunc(func() { close(began) })
	w.followers.Go(func() {
		ended <- ca.Follow(following, head.Seq, func(changes []store.Change) error {
			begin()
			w.call(changes)
			return nil
		})
	})
	select {
	case <-began:
		w.stop = stop
		return nil
	case err := <-ended:
		stop()
		return err
	}
}

func (w *statusWatchers) call(changes []store.Change) {
	w.mu.Lock()
	all := slices.Clone(w.all)
	w.mu.Unlock()
	for _, c := range changes {
		for _, one := range all {
			if slices.Contains(one.kinds, c.Kind) {
				one.fn(c)
			}
		}
	}
}

func (w *statusWatchers) remove(one *statusWatcher) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.all = slices.DeleteFunc(w.all, func(other *statusWatcher) bool { return other == one })
	if len(w.all) == 0 && w.stop != nil {
		w.stop()
		w.stop = nil
	}
}
