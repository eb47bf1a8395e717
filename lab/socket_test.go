package lab

import (
	"context"
	"errors"
	"net"
	"path/filepath"
	"sync/atomic"
	"testing"
	"time"

	"github.com/igc-lab/igc/ca"
)

// A server that takes calls and never answers is tried again at growing intervals, until the caller
// gives up.
func TestServerThatNeverAnswers(t *testing.T) {
	lab := newLab(t, Options{})
	listener, err := net.Listen("unix", filepath.Join(lab.Home, "igc.sock"))
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	var calls atomic.Int64
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			calls.Add(1)
			conn.Close()
		}
	}()
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Second)
	defer cancel()
	if _, err := lab.Client().List(ctx, ca.Filter{}); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("the call ended with %v", err)
	}
	if n := calls.Load(); n < 2 || n > 20 { // 22,846 in four seconds before there were pauses
		t.Errorf("%d calls in two seconds", n)
	}
}
