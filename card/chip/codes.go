package chip

import (
	"crypto/rsa"
	"errors"

	"github.com/igc-lab/igc/card"
)

// References of the codes, modelled but for the first, which OpenSC and the Cryptolib read on a
// real card.
const (
	pinReference  = 0x01
	codeReference = 0x02
	codeLength    = 8    // of the unblocking code
	localBit      = 0x80 // of a reference: the same code, said of the application
)

// digits reads a code: as it is typed, or filled up with FF.
func digits(data []byte) string {
	for len(data) > 0 && data[len(data)-1] == 0xFF {
		data = data[:len(data)-1]
	}
	return string(data)
}

// outcome is what became of a code. A wrong one ends what the right ones allowed.
func (c *Chip) outcome(err error) status {
	var wrong *card.WrongCode
	switch {
	case err == nil:
		return ok
	case errors.As(err, &wrong):
		c.forget()
		return triesLeft | status(wrong.Left)
	case errors.Is(err, card.ErrBlocked), errors.Is(err, card.ErrDead):
		c.forget()
		return blocked
	case errors.Is(err, card.ErrForm):
		return wrongData
	}
	return c.broken(err)
}

// verify is VERIFY, ISO/IEC 7816-4 §11.5.6: without data it asks how the code stands, with P1 = FF
// it ends what the code allowed.
func (c *Chip) verify(_ *channel, cmd command) ([]byte, status) {
	reference := cmd.p2 &^ localBit
	if reference != pinReference && reference != codeReference {
		return nil, noSuchReference
	}
	switch {
	case cmd.p1 == 0xFF && len(cmd.data) == 0:
		c.forget()
		return nil, ok
	case cmd.p1 != 0:
		return nil, wrongParameters
	case len(cmd.data) == 0:
		return nil, c.standing(reference)
	case len(cmd.data) < 4 || len(cmd.data) > codeLength:
		return nil, wrongLength
	}
	if reference == codeReference {
		c.code = ""
		sw := c.outcome(c.card.CheckCode(digits(cmd.data)))
		if sw == ok {
			c.code = digits(cmd.data)
		}
		return nil, sw
	}
	return nil, c.open(digits(cmd.data))
}

// open takes the PIN. What a right one opened before is closed by a wrong one.
func (c *Chip) open(pin string) status {
	c.pin, c.keys, c.consent = "", nil, false
	signers, err := c.card.Open(pin)
	if err != nil {
		return c.outcome(err)
	}
	keys := map[string]*rsa.PrivateKey{}
	for role, signer := range signers {
		key, isRSA := signer.(*rsa.PrivateKey)
		if !isRSA {
			return c.broken(ErrKeys)
		}
		keys[role] = key
	}
	c.pin, c.keys, c.consent = pin, keys, true
	return ok
}

// standing is how many tries a code has left, or that it is verified. A CPS4 always counts them:
// the Cryptolib takes any other answer for a card that is blocked.
func (c *Chip) standing(reference byte) status {
	s, err := c.card.Status()
	left, verified := s.TriesLeft, c.pin != ""
	if reference == codeReference {
		left, verified = s.UnblockingsLeft, c.code != ""
	}
	switch {
	case err != nil:
		return c.broken(err)
	case left == 0:
		return blocked
	case verified && c.generation == card.CPS3:
		return ok
	}
	return triesLeft | status(left)
}

// changeReferenceData is CHANGE REFERENCE DATA, §11.5.7, of the PIN: the old and the new one, or
// with P1 = 01, as the Cryptolib asks a CPS4, the new one alone once the old one or the unblocking
// code is verified.
func (c *Chip) changeReferenceData(_ *channel, cmd command) ([]byte, status) {
	switch {
	case cmd.p2&^localBit != pinReference:
		return nil, noSuchReference
	case cmd.p1 > 1:
		return nil, wrongParameters
	case cmd.p1 == 1 && c.code != "":
		return nil, c.outcome(c.card.Unblock(c.code, digits(cmd.data)))
	case cmd.p1 == 1 && c.pin == "":
		return nil, notAuthorized
	case cmd.p1 == 1:
		new := digits(cmd.data)
		sw := c.outcome(c.card.ChangePIN(c.pin, new))
		if sw == ok {
			c.pin = new
		}
		return nil, sw
	case len(cmd.data) == 2*codeLength: // both filled up
		return nil, c.outcome(c.card.ChangePIN(digits(cmd.data[:codeLength]), digits(cmd.data[codeLength:])))
	}
	return nil, c.outcome(c.card.ChangeJoinedPIN(string(cmd.data)))
}

// resetRetryCounter is RESET RETRY COUNTER, §11.5.10, of the PIN. P1 says what comes with it: 00
// the unblocking code and a new PIN, 01 the code, 02 a new PIN, 03 nothing; what does not come was
// verified, or stays.
func (c *Chip) resetRetryCounter(_ *channel, cmd command) ([]byte, status) {
	if cmd.p2&^localBit != pinReference {
		return nil, noSuchReference
	}
	code, pin := c.code, cmd.data
	switch {
	case cmd.p1 > 3:
		return nil, wrongParameters
	case cmd.p1 < 2 && len(cmd.data) < codeLength:
		return nil, wrongLength
	case cmd.p1 < 2:
		code, pin = digits(cmd.data[:codeLength]), cmd.data[codeLength:]
	case code == "":
		return nil, notAuthorized
	}
	switch withPIN := cmd.p1&1 == 0; {
	case withPIN != (len(pin) > 0):
		return nil, wrongLength
	case withPIN:
		return nil, c.outcome(c.card.Unblock(code, digits(pin)))
	}
	return nil, c.outcome(c.card.ResetTries(code))
}
