package storetest

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/igc-lab/igc/ca/store"
)

// holderEnv makes a process of the test the holder of a lease that [Frozen] stops.
const holderEnv = "IGC_STORETEST_HOLDER"

var works = store.DocumentKind{Name: "work"}

// work writes what a holder of the lease makes, with the fence: one that is older than that of what
// is there is refused.
func work(s store.Store, l *store.Lease, text string) error {
	return s.Update(context.Background(), actor, func(tx store.Tx) error {
		former, err := tx.Document(works.Name, "it")
		if err != nil && store.KindOf(err) != store.NotFound {
			return err
		}
		fence, _, _ := strings.Cut(string(former.Value), " ")
		if n, _ := strconv.ParseUint(fence, 10, 64); n > l.Fence() {
			return store.ErrLeaseHeld
		}
		_, err = tx.PutDocument(works, "it", fmt.Appendf(nil, "%d %s", l.Fence(), text), time.Time{}, nil)
		return err
	})
}

// hold is the process that is stopped: it takes the lease, and works when it is told to.
func hold(d Driver, place string) error {
	s, err := d.Open(place, nil)
	if err != nil {
		return err
	}
	l, err := store.Acquire(context.Background(), s, "work", time.Second)
	if err != nil {
		return err
	}
	fmt.Println("holds it")
	if _, err := bufio.NewReader(os.Stdin).ReadString('\n'); err != nil {
		return err
	}
	if err := work(s, l, "of before"); !errors.Is(err, store.ErrLeaseHeld) {
		return fmt.Errorf("late work: %v", err)
	}
	if err := l.Renew(context.Background()); !errors.Is(err, store.ErrLeaseHeld) {
		return fmt.Errorf("a late renewal: %v", err)
	}
	if err := l.Release(context.Background()); err != nil {
		return fmt.Errorf("a late release: %v", err)
	}
	fmt.Println("refused")
	return nil
}

// Frozen tests that a process that is stopped (SIGSTOP) while it holds a lease loses it, and that
// what it does with it late is refused, by the fence.
func Frozen(t *testing.T, d Driver) {
	place := filepath.Join(t.TempDir(), "store")
	s, err := d.Open(place, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	holder := exec.Command(os.Args[0], "-test.run=^$")
	holder.Env = append(os.Environ(), placeEnv+"="+place, holderEnv+"=1")
	holder.Stderr = os.Stderr
	in, err := holder.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := holder.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := holder.Start(); err != nil {
		t.Fatal(err)
	}
	defer holder.Process.Kill()
	lines := bufio.NewScanner(out)
	if !lines.Scan() || lines.Text() != "holds it" {
		t.Fatalf("the holder says %q", lines.Text())
	}
	// A driver of one process at a time lets the holder close its file first.
	if err := s.View(t.Context(), func(store.Reader) error { return nil }); err != nil {
		t.Fatal(err)
	}
	if err := holder.Process.Signal(syscall.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	var l *store.Lease
	for start := time.Now(); l == nil; time.Sleep(50 * time.Millisecond) {
		switch l, err = store.Acquire(t.Context(), s, "work", time.Minute); {
		case err != nil && !errors.Is(err, store.ErrLeaseHeld):
			t.Fatal(err)
		case time.Since(start) > 20*time.Second:
			t.Fatal("the lease of the one that is stopped does not end")
		}
	}
	if err := work(s, l, "of now"); err != nil {
		t.Fatal(err)
	}
	fmt.Fprintln(in, "work") // not before: it takes a moment to stand still
	if err := holder.Process.Signal(syscall.SIGCONT); err != nil {
		t.Fatal(err)
	}
	if !lines.Scan() || lines.Text() != "refused" {
		t.Errorf("what the former holder does is not refused: %q", lines.Text())
	}
	if err := holder.Wait(); err != nil {
		t.Error(err)
	}
	if err := s.View(t.Context(), func(r store.Reader) error {
		doc, err := r.Document(works.Name, "it")
		if err == nil && !strings.HasSuffix(string(doc.Value), " of now") {
			t.Errorf("what is there is %q", doc.Value)
		}
		return err
	}); err != nil {
		t.Error(err)
	}
	if err := l.Renew(t.Context()); err != nil {
		t.Errorf("the present holder: %v", err)
	}
}
