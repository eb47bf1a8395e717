package crl

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/igc-lab/igc/ca"
	"github.com/igc-lab/igc/ca/store"
	"github.com/igc-lab/igc/internal/labtest"
	"github.com/igc-lab/igc/internal/postgrestest"
	"github.com/igc-lab/igc/lab"
	"github.com/igc-lab/igc/profiles"
)

// node is a server of a lab in a database, with a home of its own.
type node struct {
	*lab.Lab
	crls *Issuer
}

// nodes makes a lab in a database, with so many cards and so many servers of it. ahead moves their
// clock.
func nodes(t *testing.T, cards, n int) (l *testLab, all []*node, ahead *atomic.Int64) {
	t.Helper()
	ahead = &atomic.Int64{}
	config := lab.DefaultConfig()
	config.Key, config.Store = ca.P256, postgrestest.Database(t)
	l = &testLab{labtest.NewEmptyLab(t, config)}
	begin := l.Now
	now := func() time.Time { return begin.Add(time.Duration(ahead.Load())) }
	for range cards {
		l.IssueCard(t, "alain", "authentication", "signature")
	}
	for range n {
		home := t.TempDir()
		os.Chmod(home, 0o700)
		for _, name := range []string{"igc.yaml", "passphrase"} {
			labtest.Write(t, filepath.Join(home, name), []byte(labtest.Read(t, filepath.Join(l.Home, name))))
		}
		other, err := lab.Open(home, lab.Options{Now: now})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { other.Close() })
		made := &node{other, NewIssuer(other, now)}
		if err := made.crls.Watch(t.Context()); err != nil {
			t.Fatal(err)
		}
		all = append(all, made)
	}
	return l, all, ahead
}

func (n *node) change(t *testing.T, c ca.StatusChange) {
	t.Helper()
	if _, err := n.SetStatus(t.Context(), c); err != nil {
		t.Fatal(err)
	}
}

func (n *node) get(t *testing.T, delta bool) *CRL {
	t.Helper()
	get := n.crls.Get
	if delta {
		get = n.crls.Delta
	}
	c, err := get(t.Context(), foPP(t))
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func foPP(t testing.TB) profiles.Authority {
	t.Helper()
	a, err := profiles.ParseAuthority("ACI-FO-PP")
	if err != nil {
		t.Fatal(err)
	}
	return a
}

// Every server of a lab gives the same bytes under the same number, whichever made them, and each
// CRL holds what was revoked before it was asked for.
func TestSharedLists(t *testing.T) {
	l, all, ahead := nodes(t, 6, 3)
	var mu sync.Mutex
	byNumber := map[[2]uint64][]byte{}
	last := uint64(0)
	for round := range 6 {
		ahead.Add(int64(round%2) * int64(time.Minute)) // some are made in the second of the one before
		all[round%3].change(t, ca.StatusChange{Serial: l.Cards[round].Serial, Reason: "superseded"})
		var asked sync.WaitGroup
		for _, n := range all {
			for _, delta := range []bool{false, true} {
				asked.Go(func() {
					c := n.get(t, delta)
					of := [2]uint64{c.Number, c.Base}
					if delta {
						of[1] = 1
					}
					mu.Lock()
					defer mu.Unlock()
					if c.Number <= last {
						t.Errorf("round %d: number %d after %d", round, c.Number, last)
					}
					if former := byNumber[of]; former == nil {
						byNumber[of] = bytesOf(t, c)
					} else if !bytes.Equal(former, bytesOf(t, c)) {
						t.Errorf("round %d: two CRLs of number %d", round, c.Number)
					}
					want := map[bool]int{false: round + 1, true: round} // the first CRL is the base
					if c.Entries != want[delta] {
						t.Errorf("round %d: %d entries, delta %t", round, c.Entries, delta)
					}
				})
			}
		}
		asked.Wait()
		full := all[0].get(t, false)
		last = full.Number
		for _, n := range all {
			c := n.get(t, false)
			same := c.Number == full.Number && c.SameSecond == full.SameSecond
			if !same || !bytes.Equal(bytesOf(t, c), bytesOf(t, full)) {
				t.Errorf("round %d: the servers have the CRLs %d and %d", round, c.Number, full.Number)
			}
			if file := labtest.Read(t, n.crls.path(foPP(t), false)); file != string(bytesOf(t, full)) {
				t.Errorf("round %d: another file", round)
			}
		}
	}
	if len(byNumber) > 12 {
		t.Errorf("%d CRLs were served, of 6 changes", len(byNumber))
	}
}

// A server that was frozen while it made a CRL publishes it late: another CRL is there by then,
// and it is dropped, whichever has the higher number.
func TestFrozenMaker(t *testing.T) {
	l, all, ahead := nodes(t, 3, 2)
	frozen, other := all[0], all[1]
	a := foPP(t)
	first := frozen.get(t, false)
	other.change(t, ca.StatusChange{Serial: l.Cards[0].Serial, Reason: "superseded"})

	k := frozen.crls.cached[a]
	order, due, err := frozen.crls.refresh(t.Context(), a, k, false, "")
	if err != nil || !due {
		t.Fatal(due, err)
	}
	lease, err := frozen.Lease(t.Context(), "crl/"+a.ID(), time.Second)
	if err != nil {
		t.Fatal(err)
	}
	var late *cachedCRLs
	if err := frozen.crls.make(t.Context(), a, k, order, func(made *cachedCRLs) error {
		late = made
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	ended := make(chan *CRL)
	go func() {
		c, _ := other.crls.Get(t.Context(), a)
		ended <- c
	}()
	select {
	case <-ended:
		t.Fatal("a list was made while another server had the lease")
	case <-time.After(100 * time.Millisecond):
	}
	ahead.Add(int64(5 * time.Second)) // the lease ends
	second := <-ended
	if second == nil || second.Number <= late.full.Number || second.Entries != 1 {
		t.Fatalf("the other server made %v after number %d", second, late.full.Number)
	}
	if done, err := frozen.crls.publish(t.Context(), a, k, late); done || err != nil {
		t.Errorf("number %d was published after %d: %v", late.full.Number, second.Number, err)
	}
	if err := lease.Release(t.Context()); err != nil {
		t.Error(err)
	}
	if c := frozen.get(t, false); c.Number != second.Number || c.Number <= first.Number {
		t.Errorf("the frozen server gives number %d", c.Number)
	}
	poor := &cachedCRLs{full: &CRL{}, delta: second}
	*poor.full = *second
	poor.full.Number, poor.full.revision = second.Number+10, second.revision-1
	if done, err := frozen.crls.publish(t.Context(), a, &cachedCRLs{delta: second}, poor); done || err != nil {
		t.Errorf("a list that lacks a revocation of the published one was published: %v", err)
	}
}

// A server that stood still while it read the records finds that its time is over when it goes on.
// It reads once more, and does not give its last CRL as if the database were away.
func TestReaderStoodStill(t *testing.T) {
	l, all, _ := nodes(t, 2, 2)
	still, other := all[0], all[1]
	first := still.get(t, false)
	other.change(t, ca.StatusChange{Serial: l.Cards[0].Serial, Reason: "superseded"})
	second := other.get(t, false)

	conn, err := pgx.Connect(t.Context(), l.Config.Store)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(context.Background())
	lock, err := conn.Begin(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := lock.Exec(t.Context(), "LOCK TABLE authorities"); err != nil {
		t.Fatal(err)
	}
	got := make(chan *CRL, 1)
	go func() {
		c, err := still.crls.Get(t.Context(), foPP(t))
		if err != nil {
			t.Error(err)
		}
		got <- c
	}()
	var reader int
	for reader == 0 {
		if err := lock.QueryRow(t.Context(), `SELECT coalesce(max(pid), 0) FROM pg_locks
			WHERE relation = 'authorities'::regclass AND NOT granted`).Scan(&reader); err != nil {
			t.Fatal(err)
		}
	}
	for gone := false; !gone; { // the first time is over
		if err := lock.QueryRow(t.Context(), `SELECT NOT EXISTS (SELECT FROM pg_locks
			WHERE relation = 'authorities'::regclass AND NOT granted AND pid = $1)`, reader).Scan(&gone); err != nil {
			t.Fatal(err)
		}
	}
	if err := lock.Rollback(t.Context()); err != nil {
		t.Fatal(err)
	}
	if c := <-got; c == nil || c.Number < second.Number {
		t.Errorf("it gave number %d, after another server gave %d", numberOf(c), second.Number)
	}
	if second.Number <= first.Number {
		t.Errorf("number %d after %d", second.Number, first.Number)
	}
}

// A CRL whose maker died before it published it is made anew, and so is one that is damaged.
func TestUnpublishedList(t *testing.T) {
	_, all, _ := nodes(t, 2, 2)
	a := foPP(t)
	first := all[0].get(t, false)
	abandon := func(due bool) func() { // numbered, perhaps as the base of what follows, and never published
		return func() {
			order := ca.CRLRequest{Full: true, Due: due, Form: first.form}
			if err := all[0].IssueCRLs(t.Context(), a, order, func(ca.CRLContent) error {
				return nil
			}); err != nil {
				t.Fatal(err)
			}
		}
	}
	for _, damage := range []func(){
		abandon(true),
		abandon(false),
		func() {
			write := store.DocumentWrite{Kind: published, Key: documentKey(a, false), Value: []byte("\x30\x00")}
			if _, err := all[0].WriteDocuments(t.Context(), "test", write); err != nil {
				t.Fatal(err)
			}
			all[1].crls = NewIssuer(all[1].Lab, all[1].crls.now)
		},
	} {
		damage()
		next, delta := all[1].get(t, false), all[1].get(t, true)
		if next.Number <= first.Number || delta.Base > next.Number {
			t.Errorf("number %d after %d, and a delta on %d", next.Number, first.Number, delta.Base)
		}
		if c := all[0].get(t, false); !bytes.Equal(bytesOf(t, c), bytesOf(t, next)) {
			t.Errorf("the other server gives number %d, not %d", c.Number, next.Number)
		}
		first = next
	}
}

// While the database is gone, a server gives the CRLs that it has until they end, and says then
// that it has none.
func TestListsWithoutDatabase(t *testing.T) {
	server, err := postgrestest.Start()
	if err != nil {
		postgrestest.Need(t)
		t.Fatal(err)
	}
	defer server.Stop()
	config := lab.DefaultConfig()
	config.Key = ca.P256
	if config.Store, err = server.Database("lists"); err != nil {
		t.Fatal(err)
	}
	l := &testLab{labtest.NewEmptyLab(t, config)}
	l.IssueCard(t, "alain", "authentication", "signature")
	l.IssueCard(t, "alain", "authentication", "signature")
	now := l.Now
	crls := NewIssuer(l.Lab, func() time.Time { return now })
	watching, stop := context.WithCancel(t.Context())
	defer stop()
	if err := crls.Watch(watching); err != nil {
		t.Fatal(err)
	}
	a := foPP(t)
	first, err := crls.Get(t.Context(), a)
	if err != nil {
		t.Fatal(err)
	}
	if err := server.Crash(); err != nil {
		t.Fatal(err)
	}
	for range 3 {
		if c, err := crls.Get(t.Context(), a); err != nil || c != first {
			t.Errorf("without the database: %v, %v", c, err)
		}
		time.Sleep(600 * time.Millisecond)
	}
	if c, err := crls.Delta(t.Context(), a); err != nil || c.Number != first.Number {
		t.Errorf("without the database, the delta: %v, %v", c, err)
	}
	if crls.LastError(a) == nil {
		t.Error("health does not know")
	}
	// Another request is at the CRLs, and waits for an update that is tried again.
	turn := crls.cached[a].turn
	turn <- struct{}{}
	waiting, end := context.WithTimeout(t.Context(), 8*time.Second)
	if c, err := crls.Get(waiting, a); err != nil || c != first {
		t.Errorf("while another waits for the database: %v, %v", c, err)
	}
	end()
	<-turn
	now = first.NextUpdate.Add(time.Second)
	if c, err := crls.Get(t.Context(), a); ca.KindOf(err) != ca.Unavailable {
		t.Errorf("after its end: %v, %v", c, err)
	}
	now = l.Now
	if err := server.Start(); err != nil {
		t.Fatal(err)
	}
	l.Change(t, ca.StatusChange{Serial: l.Cards[0].Serial, Reason: "superseded"})
	for begin := time.Now(); ; time.Sleep(50 * time.Millisecond) {
		c, err := crls.Get(t.Context(), a)
		if err == nil && c.Entries == 1 {
			break
		}
		if time.Since(begin) > 20*time.Second {
			t.Fatalf("after the database came back: %v, %v", c, err)
		}
	}
	if err := crls.LastError(a); err != nil && !errors.Is(err, context.Canceled) {
		t.Errorf("health still knows %v", err)
	}
	// With the database, a request that waits has the CRL that was made meanwhile.
	l.Change(t, ca.StatusChange{Serial: l.Cards[1].Serial, Reason: "superseded"})
	turn <- struct{}{}
	waiting, end = context.WithTimeout(t.Context(), 3*time.Second)
	defer end()
	if c, err := crls.Get(waiting, a); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("while another makes a CRL: %v, %v", c, err)
	}
	<-turn
	if c, err := crls.Get(t.Context(), a); err != nil || c.Entries != 2 {
		t.Errorf("after the other made it: %v, %v", c, err)
	}
}
