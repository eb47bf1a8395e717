package vpcd

import (
	"context"
	"errors"
	"net"
	"strconv"
	"sync"
	"time"
)

// Slots is how many readers Debian's vpcd has, on ports that follow each other.
const Slots = 2

// DefaultAddress is where the first of them listens.
const DefaultAddress = "127.0.0.1:35963"

// Timing of a reader.
const (
	pollInterval = 250 * time.Millisecond // at which card is in
	emptied      = time.Second            // an empty reader, before another card: what pcscd takes to notice
	retry        = time.Second            // when nothing listens
	timeout      = 5 * time.Second        // of connecting
)

// Event is what a reader tells whoever runs it.
type Event struct {
	Slot  int // 1 and on
	State State
	Card  string // the token's label
	Err   error  // why, of Refused, Absent and Failed
}

// State of a slot.
type State int

// States. Absent and Barred are said once, until the card is in.
const (
	Inserted State = iota // the card is seen by PC/SC
	Removed
	Refused // the card that is in the virtual reader has no chip
	Absent  // nothing listens where vpcd should
	Failed  // the card could not answer a command, for a reason outside it
	Barred  // what listens there was not allowed; said once
)

// Source tells which card is in a slot: a key that changes with every insertion, empty for no card,
// and how its chip is made.
type Source func(slot int) (key string, make func() (Chip, error))

// Chip is a card with a name, which says why it could not answer.
type Chip interface {
	Card
	Label() string
	Err() error
}

// Run plays the cards in slots 1 to n, as they come and go, until the context ends. The address is
// that of the first slot; allow is asked before each connection to one.
func Run(ctx context.Context, address string, n int, source Source, allow func(address string) error, tell func(Event)) error {
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		return err
	}
	first, err := strconv.ParseUint(port, 10, 16)
	if err != nil || int(first)+n-1 > 1<<16-1 {
		return errors.New("no such port: " + port)
	}
	var mu sync.Mutex
	var all sync.WaitGroup
	for slot := 1; slot <= n; slot++ {
		s := &slotRunner{slot: slot, address: net.JoinHostPort(host, strconv.Itoa(int(first)+slot-1)), source: source, allow: allow, tell: func(e Event) {
			mu.Lock()
			defer mu.Unlock()
			tell(e)
		}}
		all.Go(func() { s.run(ctx) })
	}
	all.Wait()
	return nil
}

type slotRunner struct {
	slot    int
	address string
	source  Source
	allow   func(string) error
	tell    func(Event)
	refused string // the key of the card that was
	said    bool   // that the card is not in
}

func (s *slotRunner) run(ctx context.Context) {
	for {
		wait := pollInterval
		if key, make := s.source(s.slot); key != "" && key != s.refused {
			chip, err := make()
			if err != nil {
				s.refused = key
				s.tell(Event{Slot: s.slot, State: Refused, Err: err})
			} else {
				wait = s.play(ctx, key, chip)
			}
		}
		select {
		case <-ctx.Done():
			return
		case <-time.After(wait):
		}
	}
}

// play has the card in the reader until another one is there, and tells how long to wait before the
// next.
func (s *slotRunner) play(ctx context.Context, key string, chip Chip) time.Duration {
	if err := s.allow(s.address); err != nil {
		return s.later(ctx, Barred, err)
	}
	conn, err := (&net.Dialer{Timeout: timeout}).DialContext(ctx, "tcp", s.address)
	if err != nil {
		return s.later(ctx, Absent, err)
	}
	s.said = false
	s.tell(Event{Slot: s.slot, State: Inserted, Card: chip.Label()})
	var failure error
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		failure = Serve(prompt(conn), watched{chip, func(err error) { s.tell(Event{s.slot, Failed, chip.Label(), err}) }})
	}()
	defer func() { // the last command is answered, or its connection is gone, before the card is
		conn.Close()
		<-ended
		s.tell(Event{Slot: s.slot, State: Removed, Card: chip.Label()})
	}()
	clock := time.NewTicker(pollInterval)
	defer clock.Stop()
	for {
		select {
		case <-ended: // pcscd went away
			if failure != nil {
				s.tell(Event{s.slot, Failed, chip.Label(), failure})
			}
			return retry
		case <-ctx.Done():
			return 0
		case <-clock.C:
			if now, _ := s.source(s.slot); now != key {
				return emptied
			}
		}
	}
}

// later says, once, why the card is not in, and tells how long to wait.
func (s *slotRunner) later(ctx context.Context, why State, err error) time.Duration {
	if !s.said && ctx.Err() == nil {
		s.tell(Event{Slot: s.slot, State: why, Err: err})
	}
	s.said = true
	return retry
}

// watched tells of commands that a chip could not answer.
type watched struct {
	Chip
	failed func(error)
}

func (w watched) Transmit(apdu []byte) []byte {
	answer := w.Chip.Transmit(apdu)
	if err := w.Err(); err != nil {
		w.failed(err)
	}
	return answer
}
