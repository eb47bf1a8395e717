package card

import (
	"bytes"
	"crypto"
	"crypto/rand"
	"crypto/subtle"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/youmark/pkcs8"

	"github.com/igc-lab/igc/internal/i18n"
)

// How a PIN protects a card.
//
// Issuing leaves each key in a PKCS#8 file encrypted with the PIN. The first right PIN makes the
// chip of it: the keys are sealed under a random key, and that key is wrapped twice, by the PIN and
// by the unblocking code. All of it stands in one file, state.json, with the counters of tries, and
// that file is replaced whole. So a new PIN wraps 32 bytes anew and a card unblocked is a card
// whose 32 bytes were opened by the other code: no private key is written twice, neither code
// stands anywhere in clear, and whatever is interrupted leaves the old PIN or the new one, with its
// counter, never half of each. The PEM and PKCS#12 files keep the PIN that they were issued with:
// they are what is imported without a card, and a real card has none.
//
// What this does not give is a chip's resistance: who can copy the folder can try ten thousand PINs
// at leisure. The counter is there for software that must live with it.

// Tries is how many wrong PINs a card takes before it is blocked.
const Tries = 3

// UnblockingTries is how many wrong unblocking codes a card takes: ten on a CPS3, three on a CPS4
// and under [Card.SetStrictPIN].
func UnblockingTries(g ChipType, strict bool) int {
	if g == CPS3 && !strict {
		return 10
	}
	return 3
}

// DefaultUnblockingCode is that of a card whose folder has no file unblocking-code when its first
// right PIN is given.
const DefaultUnblockingCode = "12345678"

// UnblockingFile is the file of a card's folder that has its unblocking code.
const UnblockingFile = "unblocking-code"

const (
	stateFile         = "state.json"
	wrapIterations    = 2048 // as the PKCS#8 files: the PIN, not the count, is what the folder rests on
	stateVersion      = 1
	maxStateBytes     = 1 << 20
	maxWrapIterations = 10_000_000
)

// ErrBlocked is a card that takes no PIN any more; ErrDead one that takes no unblocking code
// either.
var (
	ErrBlocked = errors.New("card blocked: three wrong PINs; igc card unblock takes the unblocking code")
	ErrDead    = errors.New("card lost: too many wrong unblocking codes; issue another one")
)

// WrongCode is a wrong PIN or a wrong unblocking code, and how many tries are left.
type WrongCode struct{ Left int }

func (e *WrongCode) Error() string { return fmt.Sprintf("wrong code, %d tries left", e.Left) }

// Status is what is known of a card without a PIN.
type Status struct {
	ChipType        ChipType
	TriesLeft       int // of the PIN; 0: blocked
	UnblockingsLeft int
	UnblockingTries int    // how many there are to begin with
	StrictPIN       bool   // the PIN before every signature of the signature key
	Data            []byte // the file that its holder's software may write: CPS_DATA
}

// CheckPIN holds a PIN to the form of the real ones; cards are handed out with four digits
// (reference §5.3).
func CheckPIN(pin string) error {
	if !isDigits(pin, 4, 8) {
		return i18n.Errorf("the PIN is %w", ErrForm)
	}
	return nil
}

// CheckUnblockingCode holds an unblocking code to the form of the real ones.
func CheckUnblockingCode(code string) error {
	if !isDigits(code, 8, 8) {
		return errors.New("the unblocking code is not eight digits")
	}
	return nil
}

// Status reads what may be known without a PIN.
func (c *Card) Status() (Status, error) {
	s, err := c.readState()
	if err != nil {
		return Status{}, err
	}
	return Status{c.generation(s), s.TriesLeft, s.UnblocksLeft, s.UnblocksOf, s.StrictPIN, s.Data}, nil
}

func (c *Card) generation(s *state) ChipType {
	if s.ChipType == "" {
		return c.DefaultChipType()
	}
	return s.ChipType
}

// SetChipType has the card play this chip from its next insertion on.
func (c *Card) SetChipType(g ChipType) error {
	return c.change(func(s *state) error {
		s.ChipType = g
		c.countUnblockings(s)
		return nil
	})
}

// SetStrictPIN has the card, from its next insertion on, ask for the PIN before each signature of
// the signature key and take three wrong unblocking codes only; or no longer.
func (c *Card) SetStrictPIN(strict bool) error {
	return c.change(func(s *state) error {
		s.StrictPIN = strict
		c.countUnblockings(s)
		return nil
	})
}

// countUnblockings fits the tries of the unblocking code to the card's chip. Whoever has used none
// has all of the new chip's; else those left stay, and none stays none.
func (c *Card) countUnblockings(s *state) {
	most := UnblockingTries(c.generation(s), s.StrictPIN)
	if s.UnblocksLeft == s.UnblocksOf {
		s.UnblocksLeft = most
	}
	s.UnblocksLeft, s.UnblocksOf = min(s.UnblocksLeft, most), most
}

// SetData writes the one file of a card that is not read-only, CPS_DATA. Zeros at its end are those
// of a file that is not full.
func (c *Card) SetData(data []byte) error {
	data = bytes.TrimRight(data, "\x00")
	if len(data) > DataCapacity {
		return i18n.Errorf("CPS_DATA holds %d bytes, not %d", DataCapacity, len(data))
	}
	return c.change(func(s *state) error {
		s.Data = data
		return nil
	})
}

// Open takes the PIN, counts it, and gives the card's keys by role. A wrong one is a *WrongCode, or
// ErrBlocked when it was the last.
func (c *Card) Open(pin string) (keys map[string]crypto.Signer, err error) {
	err = c.change(func(s *state) error {
		key, err := c.tryPIN(s, pin)
		if err == nil {
			keys, err = c.unseal(s, key)
		}
		clear(key)
		return err
	})
	return keys, err
}

// ChangePIN replaces the PIN, when the old one is right. A wrong one counts.
func (c *Card) ChangePIN(old, new string) error {
	if err := CheckPIN(new); err != nil {
		return err
	}
	return c.change(func(s *state) error {
		key, err := c.tryPIN(s, old)
		if err == nil {
			s.ByPIN, err = c.wrap(key, new, "pin")
		}
		return err
	})
}

// ChangeJoinedPIN replaces the PIN by the second part of codes, when the first part is the old one:
// that is how a card command brings both, and no PIN is the beginning of another. Codes that begin
// with no right PIN count as one wrong PIN.
func (c *Card) ChangeJoinedPIN(codes string) error {
	if !isDigits(codes, 8, 16) {
		return i18n.Errorf("each PIN is %w", ErrForm)
	}
	return c.change(func(s *state) (err error) {
		before := s.TriesLeft
		for n := max(4, len(codes)-8); n <= min(8, len(codes)-4); n++ {
			var key []byte
			s.TriesLeft = before
			if key, err = c.tryPIN(s, codes[:n]); err == nil {
				s.ByPIN, err = c.wrap(key, codes[n:], "pin")
				return err
			}
		}
		return err
	})
}

// CheckCode tries the unblocking code, as [Card.Unblock] does, and changes nothing but the count of
// tries.
func (c *Card) CheckCode(code string) error {
	return c.change(func(s *state) error {
		_, err := c.tryCode(s, code)
		return err
	})
}

// Unblock sets a new PIN with the unblocking code, on a card that is blocked or not. A card that
// was blocked before its first right PIN has nothing that the code could open but the issued files:
// it takes the code and the PIN of those.
func (c *Card) Unblock(code, pin string) error {
	if err := CheckPIN(pin); err != nil {
		return err
	}
	return c.change(func(s *state) error {
		key, err := c.tryCode(s, code)
		if err != nil {
			return err
		}
		if key == nil {
			before := s.TriesLeft
			s.TriesLeft = Tries
			var wrong *WrongCode
			if _, err = c.tryPIN(s, pin); err != nil {
				s.TriesLeft = before
			}
			if errors.As(err, &wrong) {
				return errors.New("this card was never opened: unblock it with the PIN that it was issued with, then change it")
			}
			return err
		}
		s.TriesLeft = Tries
		s.ByPIN, err = c.wrap(key, pin, "pin")
		return err
	})
}

// ResetTries gives a blocked card its tries back, with the PIN that it had.
func (c *Card) ResetTries(code string) error {
	return c.change(func(s *state) error {
		_, err := c.tryCode(s, code)
		if err == nil {
			s.TriesLeft = Tries
		}
		return err
	})
}

// tryPIN gives the card's key. On a card that was never opened it makes it, of the issued files.
func (c *Card) tryPIN(s *state, pin string) (key []byte, err error) {
	if s.TriesLeft <= 0 {
		return nil, ErrBlocked
	}
	if s.ByPIN == nil {
		key, err = c.personalise(s, pin)
	} else {
		key, err = c.unwrap(s.ByPIN, pin, "pin")
	}
	var wrong *WrongCode
	switch {
	case errors.As(err, &wrong):
		if s.TriesLeft--; s.TriesLeft == 0 {
			return nil, ErrBlocked
		}
		return nil, &WrongCode{s.TriesLeft}
	case err != nil:
		return nil, err
	}
	s.TriesLeft = Tries
	return key, nil
}

// tryCode gives the card's key, nil for a card that was never opened.
func (c *Card) tryCode(s *state, code string) (key []byte, err error) {
	if s.UnblocksLeft <= 0 {
		return nil, ErrDead
	}
	if s.ByCode == nil {
		var right string
		if right, err = c.unblockingCode(); err == nil && subtle.ConstantTimeCompare([]byte(right), []byte(code)) != 1 {
			err = &WrongCode{}
		}
	} else {
		key, err = c.unwrap(s.ByCode, code, "unblocking code")
	}
	var wrong *WrongCode
	switch {
	case errors.As(err, &wrong):
		if s.UnblocksLeft--; s.UnblocksLeft == 0 {
			return nil, ErrDead
		}
		return nil, &WrongCode{s.UnblocksLeft}
	case err != nil:
		return nil, err
	}
	s.UnblocksLeft = s.UnblocksOf
	return key, nil
}

func (c *Card) unblockingCode() (string, error) {
	data, err := os.ReadFile(filepath.Join(c.Dir, UnblockingFile))
	if errors.Is(err, fs.ErrNotExist) {
		return DefaultUnblockingCode, nil
	} else if err != nil {
		return "", err
	}
	code := strings.TrimSpace(string(data))
	if err := CheckUnblockingCode(code); err != nil {
		return "", i18n.Errorf("%s: %w", filepath.Join(c.Dir, UnblockingFile), err)
	}
	return code, nil
}

// personalise makes the chip of the issued files, when the PIN opens them.
func (c *Card) personalise(s *state, pin string) ([]byte, error) {
	code, err := c.unblockingCode()
	if err != nil {
		return nil, err
	}
	key := make([]byte, 32)
	rand.Read(key)
	sealed := map[string][]byte{}
	for _, cert := range c.Certificates {
		private, err := readKey(c.keyFile(cert.Role), pin)
		if err != nil {
			return nil, err
		}
		signer, ok := private.(crypto.Signer)
		if !ok || !equalPublic(signer.Public(), cert.Public) {
			return nil, i18n.Errorf("%s is not the key of the certificate beside it", c.keyFile(cert.Role))
		}
		der, err := x509.MarshalPKCS8PrivateKey(private)
		if err != nil {
			return nil, err
		}
		if sealed[cert.Role], err = seal(key, der, c.context(cert.Role)); err != nil {
			return nil, err
		}
		clear(der)
	}
	if s.ByPIN, err = c.wrap(key, pin, "pin"); err != nil {
		return nil, err
	}
	if s.ByCode, err = c.wrap(key, code, "unblocking code"); err != nil {
		return nil, err
	}
	s.Keys = sealed
	return key, nil
}

// readKey opens a key file that issuing wrote. A PIN that does not open it is a *WrongCode.
func readKey(path, pin string) (key any, err error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	block, _ := pem.Decode(data)
	if block == nil || block.Type != "ENCRYPTED PRIVATE KEY" {
		return nil, i18n.Errorf("%s is not an encrypted private key in PEM", path)
	}
	if pin == "" {
		return nil, &WrongCode{}
	}
	defer func() { // the library gives lengths that are not a multiple of a block to one that panics on them
		if recover() != nil {
			key, err = nil, i18n.Errorf("%s is damaged", path)
		}
	}()
	switch key, err = pkcs8.ParsePKCS8PrivateKey(block.Bytes, []byte(pin)); {
	case err != nil && err.Error() == "pkcs8: incorrect password":
		return nil, &WrongCode{}
	case err != nil:
		return nil, i18n.Errorf("%s is damaged: %w", path, err)
	}
	return key, nil
}
