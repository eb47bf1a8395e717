// Package vpcd puts the cards of the lab's virtual readers into PC/SC: it is a client of vpcd, the
// virtual reader of the vsmartcard project that pcscd loads as a driver (Debian packages pcscd and
// vsmartcard-vpcd).
package vpcd

import (
	"encoding/binary"
	"errors"
	"io"

	"github.com/igc-lab/igc/internal/i18n"
)

// Card is what a reader asks of a card.
type Card interface {
	ATR() []byte
	Reset()
	Transmit(apdu []byte) []byte
}

// Controls are messages of one byte; the others are command APDUs.
const (
	powerOff = 0
	powerOn  = 1
	reset    = 2
	askATR   = 4
)

const longest = 1<<16 - 1 // of a message

// Serve answers what vpcd asks the card on the connection, until it is closed, which is not an
// error.
//
// A message is its length, two bytes, big-endian, and its bytes, in both directions. Powering and
// resetting is not answered.
func Serve(conn io.ReadWriter, card Card) error {
	message := make([]byte, longest)
	for {
		n, err := receive(conn, message)
		if errors.Is(err, io.EOF) {
			return nil
		} else if err != nil {
			return i18n.Errorf("vpcd: %w", err)
		}
		var answer []byte
		switch {
		case n == 0:
			continue
		case n > 1:
			answer = card.Transmit(message[:n])
		case message[0] == askATR:
			answer = card.ATR()
		case message[0] == powerOff, message[0] == powerOn, message[0] == reset:
			card.Reset()
			continue
		default:
			return i18n.Errorf("vpcd: unknown control %#x; is it vpcd that listens there?", message[0])
		}
		if _, err := conn.Write(append(binary.BigEndian.AppendUint16(nil, uint16(len(answer))), answer...)); err != nil {
			return i18n.Errorf("vpcd: %w", err)
		}
	}
}

func receive(from io.Reader, into []byte) (int, error) {
	var size [2]byte
	if _, err := io.ReadFull(from, size[:]); err != nil {
		return 0, err
	}
	n := int(binary.BigEndian.Uint16(size[:]))
	_, err := io.ReadFull(from, into[:n])
	if errors.Is(err, io.EOF) { // not at the end of a message
		err = io.ErrUnexpectedEOF
	}
	return n, err
}
