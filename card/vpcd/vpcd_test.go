package vpcd_test

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"io"
	"net"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/igc-lab/igc/card/vpcd"
)

// parrot is a card that says back what it is told, and 9000.
type parrot struct {
	name   string
	mu     sync.Mutex
	resets int
	err    error
}

func (p *parrot) ATR() []byte   { return []byte(p.name) }
func (p *parrot) Label() string { return p.name }
func (p *parrot) Err() error    { return p.err }
func (p *parrot) Reset() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.resets++
}
func (p *parrot) Transmit(apdu []byte) []byte { return append(bytes.Clone(apdu), 0x90, 0x00) }

func message(content ...byte) []byte {
	return append(binary.BigEndian.AppendUint16(nil, uint16(len(content))), content...)
}

// Framing, seen from vpcd.
func TestServe(t *testing.T) {
	long := bytes.Repeat([]byte{7}, 300)
	for _, test := range []struct {
		name     string
		in, want []byte
		resets   int
		fails    string
	}{
		{"nothing", nil, nil, 0, ""},
		{"power, reset and off are not answered", append(append(message(1), message(2)...), message(0)...), nil, 3, ""},
		{"ATR", message(4), message('A', 'T', 'R'), 0, ""},
		{"a command", message(0, 0xA4, 0, 0), message(0, 0xA4, 0, 0, 0x90, 0), 0, ""},
		{"a long one", message(long...), message(append(bytes.Clone(long), 0x90, 0)...), 0, ""},
		{"an empty message", append(message(), message(4)...), message('A', 'T', 'R'), 0, ""},
		{"half a message", message(1, 2, 3)[:4], nil, 0, "unexpected EOF"},
		{"half a length", []byte{0}, nil, 0, "unexpected EOF"},
		{"an unknown control", message(9), nil, 0, "control 0x9"},
	} {
		t.Run(test.name, func(t *testing.T) {
			card := &parrot{name: "ATR"}
			var out bytes.Buffer
			err := vpcd.Serve(struct {
				io.Reader
				io.Writer
			}{bytes.NewReader(test.in), &out}, card)
			if test.fails == "" && err != nil || test.fails != "" && (err == nil || !strings.Contains(err.Error(), test.fails)) {
				t.Errorf("ended with %v, want %q", err, test.fails)
			}
			if !bytes.Equal(out.Bytes(), test.want) || card.resets != test.resets {
				t.Errorf("answered %X with %d resets, want %X with %d", out.Bytes(), card.resets, test.want, test.resets)
			}
		})
	}
}

// desk is what is in the slots, which tests change while readers look.
type desk struct {
	mu   sync.Mutex
	card map[int]*parrot
}

func (d *desk) put(slot int, card *parrot) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.card[slot] = card
}

func (d *desk) source(slot int) (string, func() (vpcd.Chip, error)) {
	d.mu.Lock()
	defer d.mu.Unlock()
	card := d.card[slot]
	if card == nil {
		return "", nil
	}
	return card.name, func() (vpcd.Chip, error) {
		if card.name == "no chip" {
			return nil, errors.New("not a chip")
		}
		return card, nil
	}
}

// A reader's day: vpcd is not allowed, or not there yet; a card is in; another one takes its place;
// one that is not a chip; the end.
func TestRun(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := listener.Addr().String()
	listener.Close()

	d := &desk{card: map[int]*parrot{1: {name: "first"}}}
	events := make(chan vpcd.Event, 100)
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error)
	barred := true
	allow := func(string) error { // once not
		defer func() { barred = false }()
		if barred {
			return errors.New("exposed")
		}
		return nil
	}
	go func() { ended <- vpcd.Run(ctx, address, 1, d.source, allow, func(e vpcd.Event) { events <- e }) }()
	expect := func(state vpcd.State, card string) {
		t.Helper()
		select {
		case e := <-events:
			if e.State != state || e.Card != card || e.Slot != 1 {
				t.Fatalf("told %+v, want state %d of %q", e, state, card)
			}
		case <-time.After(20 * time.Second):
			t.Fatalf("not told of state %d of %q", state, card)
		}
	}
	expect(vpcd.Barred, "")
	if listener, err = net.Listen("tcp", address); err != nil {
		t.Skip("the port was taken meanwhile:", err)
	}
	defer listener.Close()
	// meet waits for a card, as vpcd does, and asks its ATR.
	meet := func(want string) net.Conn {
		t.Helper()
		conn, err := listener.Accept()
		if err != nil {
			t.Fatal(err)
		}
		expect(vpcd.Inserted, want)
		conn.SetDeadline(time.Now().Add(20 * time.Second))
		got := make([]byte, 2+len(want))
		if _, err := conn.Write(append(message(1), message(4)...)); err != nil {
			t.Fatal(err)
		}
		if _, err := io.ReadFull(conn, got); err != nil || string(got[2:]) != want {
			t.Fatalf("ATR %q, %v", got, err)
		}
		return conn
	}
	gone := func(conn net.Conn, what string) {
		t.Helper()
		if n, err := conn.Read(make([]byte, 1)); err != io.EOF {
			t.Fatalf("%s is still there: %d bytes, %v", what, n, err)
		}
		conn.Close()
		expect(vpcd.Removed, what)
	}
	conn := meet("first")
	d.put(1, &parrot{name: "second"})
	gone(conn, "first")
	conn = meet("second")
	conn.Close() // pcscd is stopped, and started again
	expect(vpcd.Removed, "second")
	conn = meet("second")
	d.put(1, &parrot{name: "no chip"})
	gone(conn, "second")
	expect(vpcd.Refused, "")
	d.put(1, &parrot{name: "third", err: errors.New("disk")})
	conn = meet("third")
	if _, err := conn.Write(message(0, 0xB0, 0, 0)); err != nil {
		t.Fatal(err)
	}
	expect(vpcd.Failed, "third")
	stop()
	conn.Read(make([]byte, 8)) // the answer to the command
	gone(conn, "third")
	if err := <-ended; err != nil {
		t.Error(err)
	}
}

func TestExposed(t *testing.T) {
	for _, test := range []struct {
		listen  string
		exposed bool
	}{{"127.0.0.1:0", false}, {"[::1]:0", false}, {"0.0.0.0:0", true}} {
		l, err := net.Listen("tcp", test.listen)
		if err != nil {
			t.Log(err) // a machine without IPv6
			continue
		}
		found := vpcd.Exposed(l.Addr().String(), 1)
		if l.Close(); (len(found) > 0) != test.exposed {
			t.Errorf("%s: %v", test.listen, found)
		}
	}
	if err := vpcd.Run(t.Context(), "127.0.0.1:65535", 2, nil, nil, nil); err == nil {
		t.Error("a second slot after the last port")
	}
}

func FuzzServe(f *testing.F) {
	f.Add(append(append(message(1), message(4)...), message(0, 0xA4, 0, 0)...))
	f.Add([]byte{0xFF, 0xFF, 0})
	f.Fuzz(func(t *testing.T, data []byte) {
		var out bytes.Buffer
		_ = vpcd.Serve(struct {
			io.Reader
			io.Writer
		}{bytes.NewReader(data), &out}, &parrot{name: "ATR"})
		for rest := out.Bytes(); len(rest) > 0; { // what is answered is whole
			if len(rest) < 2 || len(rest) < 2+int(binary.BigEndian.Uint16(rest)) {
				t.Fatalf("%X", out.Bytes())
			}
			rest = rest[2+int(binary.BigEndian.Uint16(rest)):]
		}
	})
}
