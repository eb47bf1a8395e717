package chip

import (
	"crypto/rsa"
	"encoding/hex"
	"errors"
	"fmt"

	"github.com/igc-lab/igc/card"
)

// ErrKeys is a card whose keys no chip of these has.
var ErrKeys = errors.New("a CPS3 or CPS4 has RSA keys of 2048 bits, and this card other ones: issue one with --key faithful or rsa2048")

// Chip is a card that is in a reader. It is for one reader, which speaks to it one command at a
// time.
type Chip struct {
	card       *card.Card
	generation card.ChipType
	root       *file // 3F00
	cps2ter    *file // its oldest application's 3F00, spoken to with class A0
	profile    profile
	strict     bool // the PIN before each signature of the signature key

	// what power keeps
	channels [4]channel
	old      selection                  // in cps2ter
	pin      string                     // while it is verified
	keys     map[string]*rsa.PrivateKey // by role, as long
	consent  bool                       // the PIN came since the last signature of the signature key
	code     string                     // the unblocking code, while it is verified
	chain    command                    // the beginning of a command that comes in parts
	pending  []byte                     // the rest of an answer
	more     status                     // what announces it
	failure  error
}

// channel is a logical channel: what is selected on it, and what its next cryptographic operation
// will be.
type channel struct {
	open, applied bool // applied: the application of this package is selected
	selection
	environment
}

// selection is the current directory, and the current file of it or nil.
type selection struct{ df, ef *file }

// profile is what differs between the chips outside their files.
type profile struct {
	t0      bool            // ISO/IEC 7816-3 T=0: lengths of reads are exact
	aid     string          // selects the application; the file system of a CPS3 needs no selecting
	local   byte            // what commands add to a key's reference: localBit, or nothing
	schemes map[byte]scheme // by algorithm reference
}

// The algorithm references are those that the Cryptolib sends.
var profiles = map[card.ChipType]profile{
	card.CPS3: {
		t0:      true,
		local:   localBit,
		schemes: map[byte]scheme{0x02: authenticate, 0x12: signSHA1, 0x42: signSHA256, 0x10: hashSHA1, 0x40: hashSHA256, 0x1A: decipherPKCS1},
	},
	card.CPS4: {
		aid:     "8025000001FF0100",
		schemes: map[byte]scheme{0x0A: signSHA1, 0x28: signSHA256, 0x15: signPSSSHA1, 0x2C: signPSSSHA256},
	},
}

// unsupportedAIDs are the AIDs that select something that this package does not play: the card
// manager, and the CPS2ter application of a CPS4.
var unsupportedAIDs = map[string]bool{"A0000001510000": true, "8025000001FF0002": true}

// New makes the chip that the card plays, as it is now: a card told to play another chip is another
// chip.
func New(c *card.Card) (*Chip, error) {
	if !c.Faithful() {
		return nil, ErrKeys
	}
	status, err := c.Status()
	if err != nil {
		return nil, err
	}
	ch := &Chip{card: c, generation: status.ChipType, profile: profiles[status.ChipType], strict: status.StrictPIN}
	if ch.root, ch.cps2ter, err = ch.layOut(); err != nil {
		return nil, err
	}
	ch.Reset()
	return ch, nil
}

// ATR is the answer to reset, ISO/IEC 7816-3 §8.
func (c *Chip) ATR() []byte { return c.generation.ATR() }

// Label is the token's, to say which card it is.
func (c *Chip) Label() string { return c.card.Label(c.generation) }

// Reset is what a reset does, or power that goes and comes: the codes are no longer verified,
// nothing is selected.
func (c *Chip) Reset() {
	root := selection{df: c.root}
	c.channels = [4]channel{{open: true, applied: c.profile.aid == "", selection: root}}
	c.old = selection{df: c.cps2ter}
	c.forget()
	c.chain, c.pending = command{}, nil
}

// forget ends what the codes allowed.
func (c *Chip) forget() { c.pin, c.keys, c.code, c.consent = "", nil, "", false }

// Err is why the last command was answered 6F00, for a log: no answer says that a card's folder
// cannot be read.
func (c *Chip) Err() error { return c.failure }

// broken answers a command that failed for a reason outside the card.
func (c *Chip) broken(err error) status {
	c.failure = err
	return fault
}

// instructions are the commands, by INS, of the application.
var instructions = map[byte]func(*Chip, *channel, command) ([]byte, status){
	0x20: (*Chip).verify,
	0x22: (*Chip).manageSecurityEnvironment,
	0x24: (*Chip).changeReferenceData,
	0x2A: (*Chip).performSecurityOperation,
	0x2C: (*Chip).resetRetryCounter,
	0x70: (*Chip).manageChannel,
	0x84: (*Chip).getChallenge,
	0x88: (*Chip).internalAuthenticate,
	0xA4: (*Chip).selectFile,
	0xB0: (*Chip).readBinary,
	0xCB: (*Chip).getData,
	0xD6: (*Chip).updateBinary,
}

// oldInstructions are those of the CPS2ter application.
var oldInstructions = map[byte]func(*Chip, *selection, command) ([]byte, status){
	0xA4: (*Chip).selectOld,
	0xB0: func(c *Chip, s *selection, cmd command) ([]byte, status) {
		return c.read(s.ef, int(cmd.p1)<<8|int(cmd.p2), cmd)
	},
}

const getResponse = 0xC0

// Transmit answers a command APDU, whatever its bytes: data, and always SW1-SW2.
func (c *Chip) Transmit(apdu []byte) []byte {
	c.failure = nil
	cmd, good := parse(apdu)
	if !good {
		c.chain, c.pending = command{}, nil
		return answer(nil, wrongLength)
	}
	if cmd.ins == getResponse && c.pending != nil {
		return c.send(c.pending, ok, cmd)
	}
	c.pending, c.more = nil, moreData
	old := cmd.cla == 0xA0
	switch {
	case old:
		c.more = moreDataOfCPS2ter
	case cmd.cla&^(chained|secureMessagingBits|0x03) != 0:
		return answer(nil, noSuchClass)
	case cmd.cla&secureMessagingBits != 0:
		return answer(nil, noSecureMessaging)
	case c.profile.aid == "" && cmd.cla&0x03 != 0:
		return answer(nil, noSuchChannel)
	}
	if !old && !c.link(&cmd) {
		if c.chain.data == nil {
			return answer(nil, wrongLength)
		}
		return answer(nil, ok)
	}

	var data []byte
	sw := noSuchInstruction
	if old {
		if do := oldInstructions[cmd.ins]; do != nil {
			data, sw = do(c, &c.old, cmd)
		}
	} else {
		channel := &c.channels[cmd.cla&0x03]
		do := instructions[cmd.ins]
		selecting := cmd.ins == 0xA4 && cmd.p1 == byName
		switch {
		case !channel.open && !selecting:
			sw = noSuchChannel
		case !channel.applied && !selecting && cmd.ins != 0x70:
			sw = noSuchClass
		case do != nil:
			data, sw = do(c, channel, cmd)
		}
	}
	return c.send(data, sw, cmd)
}

// link joins the parts of a command, §5.1.1.1: it tells whether the command is whole. A part that
// does not continue the one before begins anew; parts that are too long in all are forgotten.
func (c *Chip) link(cmd *command) bool {
	begun := c.chain
	c.chain = command{}
	if begun.data != nil && begun.cla == cmd.cla&^chained && begun.ins == cmd.ins && begun.p1 == cmd.p1 && begun.p2 == cmd.p2 {
		cmd.data = append(begun.data, cmd.data...)
	}
	if cmd.cla&chained == 0 {
		return true
	}
	if len(cmd.data) > 0 && len(cmd.data) <= longestChain {
		c.chain = command{cla: cmd.cla &^ chained, ins: cmd.ins, p1: cmd.p1, p2: cmd.p2, data: append([]byte{}, cmd.data...)}
	}
	return false
}

// send answers with as much as the command allows, and keeps the rest for GET RESPONSE, §11.8.1. A
// command with data and without Le is how T=0 sends one that expects an answer.
func (c *Chip) send(data []byte, sw status, cmd command) []byte {
	c.pending = nil
	if len(data) == 0 {
		return answer(nil, sw)
	}
	if len(data) > cmd.le {
		c.pending = data[cmd.le:]
		sw = c.more | status(min(len(c.pending), 0x100)&0xFF)
	}
	return answer(data[:min(cmd.le, len(data))], sw)
}

func answer(data []byte, sw status) []byte {
	return append(data[:len(data):len(data)], byte(sw>>8), byte(sw))
}

func unhex(s string) []byte {
	b, err := hex.DecodeString(s)
	if err != nil {
		panic(fmt.Sprintf("%q in a table of this package: %v", s, err))
	}
	return b
}
