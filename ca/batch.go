package ca

import (
	"context"
	"runtime"
	"sync"
)

// MakeCards makes cards on every core. done is called for each card when its folder is complete,
// one at a time. When ctx ends, or a card fails, no further one is begun, and those under way are
// finished: nothing is issued that has no folder.
//
// Making a key is nine tenths of the work. There are two workers a core, so that while one waits
// for the disk, which takes the records of all of them in one commit, another makes keys.
func MakeCards(ctx context.Context, s Service, home string, orders []CardOrder, done func(i int, card *CardFile, dir string) error) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	work := make(chan int)
	var wg sync.WaitGroup
	var mu sync.Mutex
	for range 2 * runtime.GOMAXPROCS(0) {
		wg.Go(func() {
			for i := range work {
				card, dir, err := MakeCard(context.WithoutCancel(ctx), s, home, orders[i])
				if err == nil {
					mu.Lock()
					err = done(i, card, dir)
					mu.Unlock()
				}
				if err != nil {
					cancel(err)
				}
			}
		})
	}
feed:
	for i := range orders {
		select {
		case work <- i:
		case <-ctx.Done():
			break feed
		}
	}
	close(work)
	wg.Wait()
	return context.Cause(ctx)
}
