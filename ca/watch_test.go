package ca

import (
	"context"
	"slices"
	"testing"
	"time"

	"github.com/igc-lab/igc/ca/store"
)

// Whoever watches the changes of status is called in the order of registration, and before whoever
// changed the status goes on; when its context ends it is not called any more.
func TestWatchStatus(t *testing.T) {
	lab := newCA(t, Options{})
	lab.lock(t)
	t.Cleanup(func() { lab.watchers.followers.Wait() }) // they read the file
	issued, err := lab.Issue(t.Context(), cps(t))
	if err != nil {
		t.Fatal(err)
	}
	var called []string
	watch := func(name string, slow time.Duration) context.CancelFunc {
		ctx, cancel := context.WithCancel(t.Context())
		if err := lab.WatchStatus(ctx, func(c store.Change) {
			time.Sleep(slow)
			called = append(called, name+" "+string(c.Status))
		}); err != nil {
			t.Fatal(err)
		}
		return cancel
	}
	endFirst, endSecond := watch("first", 20*time.Millisecond), watch("second", 0)
	revoke := func(reason Reason) {
		t.Helper()
		if _, err := lab.Revoke(t.Context(), issued.Records[0].Serial, reason); err != nil {
			t.Fatal(err)
		}
	}
	revoke(Hold)
	if want := []string{"first hold", "second hold"}; !slices.Equal(called, want) {
		t.Errorf("called: %q, want %q", called, want)
	}
	endFirst()
	gone := func(left int) {
		for deadline := time.Now().Add(time.Minute); time.Now().Before(deadline); time.Sleep(time.Millisecond) {
			lab.watchers.mu.Lock()
			n := len(lab.watchers.all)
			lab.watchers.mu.Unlock()
			if n == left {
				return
			}
		}
		t.Fatalf("more than %d watch", left)
	}
	gone(1)
	called = nil
	revoke("superseded")
	if want := []string{"second revoked"}; !slices.Equal(called, want) {
		t.Errorf("called: %q, want %q", called, want)
	}
	endSecond()
	gone(0)
	// a new one begins anew
	end := watch("third", 0)
	defer end()
	called = nil
	if _, err := lab.Revoke(t.Context(), issued.Records[1].Serial, "superseded"); err != nil {
		t.Fatal(err)
	}
	if want := []string{"third revoked"}; !slices.Equal(called, want) {
		t.Errorf("called: %q, want %q", called, want)
	}
}
