package serve

import (
	"context"
	"fmt"
	"log/slog"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/igc-lab/igc/ca"
	"github.com/igc-lab/igc/ca/store"
	"github.com/igc-lab/igc/internal/labtest"
	"github.com/igc-lab/igc/lab"
)

// Documents that expired are gone when igc serve has started, however many they are, and later at
// every tick; others stay.
func TestExpiredDocumentsAreDropped(t *testing.T) {
	config := lab.DefaultConfig()
	config.Key = ca.P256
	first, err := strconv.Atoi(labtest.FreePorts(t))
	if err != nil {
		t.Fatal(err)
	}
	if err := InRow(&config, first); err != nil {
		t.Fatal(err)
	}
	now := atomic.Pointer[time.Time]{}
	start := time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)
	now.Store(&start)
	l, err := lab.Create(t.TempDir()+"/lab", config, lab.Options{Now: func() time.Time { return *now.Load() }})
	if err != nil {
		t.Fatal(err)
	}
	if err := l.Lock(); err != nil {
		t.Fatal(err)
	}
	defer l.Unlock()
	session := store.DocumentKind{Name: "psc.session"}
	put := func(n int, name string, life time.Duration) {
		t.Helper()
		var writes []store.DocumentWrite
		for i := range n {
			writes = append(writes, store.DocumentWrite{Kind: session, Key: fmt.Sprintf("%s-%d", name, i),
				Expires: now.Load().Add(life)})
		}
		if _, err := l.WriteDocuments(t.Context(), "", writes...); err != nil {
			t.Fatal(err)
		}
	}
	forward := func(d time.Duration) {
		later := now.Load().Add(d)
		now.Store(&later)
	}
	log := &labtest.Log{}
	debug := slog.New(slog.NewTextHandler(log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	dropped := func(n int) {
		t.Helper()
		labtest.Until(t, fmt.Sprintf("%d documents are dropped", n), func() bool {
			return strings.Contains(log.String(), fmt.Sprintf("msg=documents expired=%d\n", n))
		})
		if left, err := l.DropExpiredDocuments(t.Context()); err != nil || left != 0 {
			t.Errorf("%d were left, %v", left, err)
		}
	}

	put(2500, "yesterday", time.Minute)
	put(3, "today", 25*time.Hour)
	forward(24 * time.Hour)
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- Run(ctx, l, Options{Log: debug, Now: func() time.Time { return *now.Load() }}) }()
	dropped(2500)
	stop()
	if err := <-ended; err != nil {
		t.Fatal(err)
	}

	ctx, stop = context.WithCancel(t.Context())
	defer stop()
	tick := make(chan time.Time)
	go dropExpired(ctx, l.DropExpiredDocuments, tick, nil, debug)
	tick <- start
	forward(2 * time.Hour)
	put(1, "tomorrow", time.Hour)
	tick <- start
	dropped(3)
	if all, err := l.ScanDocuments(ctx, session, ""); err != nil || len(all) != 1 {
		t.Errorf("%d documents are left, %v", len(all), err)
	}
}
