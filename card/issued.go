package card

import (
	"errors"
	"path/filepath"
	"slices"
)

// IssuedCodes are the codes that a card was issued with: those of its letter.
type IssuedCodes struct{ PIN, Unblocking string }

// String keeps the codes out of logs and messages.
func (IssuedCodes) String() string { return "codes of a card" }

// CheckIssuedPIN tells whether a card was issued with that PIN, which its PEM files keep. One that
// it was not issued with is a *[WrongCode]. It is not counted: the files have no counter.
func (c *Card) CheckIssuedPIN(pin string) error {
	_, err := readKey(c.keyFile(c.Certificates[0].Role), pin)
	return err
}

// IssuedUnblockingCode is the unblocking code that a card was issued with.
func (c *Card) IssuedUnblockingCode() (string, error) { return c.unblockingCode() }

// Replaced tells which of the codes that a card was issued with it takes no longer. It counts no
// try.
func (c *Card) Replaced(codes IssuedCodes) (pin, unblocking bool, err error) {
	s, err := c.readState()
	if err != nil {
		return false, false, err
	}
	replaced := func(w *wrapped, code, use string) bool {
		if w == nil { // it was never opened, and is as it was issued
			return false
		}
		key, err := c.unwrap(w, code, use)
		clear(key)
		return err != nil
	}
	return replaced(s.ByPIN, codes.PIN, "pin"), replaced(s.ByCode, codes.Unblocking, "unblocking code"), nil
}

// FindNumber finds a card by its number among the lab's and those in a reader. It does not look
// through all folders. A folder of that name that holds no keys is not the card.
func FindNumber(home, number string) (*Card, error) {
	if !isDigits(number, 10, 10) {
		return nil, ErrNotFound
	}
	home = resolve(home)
	c, err := Read(filepath.Join(home, "cards", number))
	switch {
	case err == nil && c.Number == number:
		return c, nil
	case err != nil && !errors.Is(err, ErrNotFound) && !errors.Is(err, ErrNotCard):
		return nil, err
	}
	inserted, err := NewReaders(home).Inserted()
	if err != nil {
		return nil, err
	}
	i := slices.IndexFunc(inserted, func(in Insertion) bool {
		c, err = Read(in.Dir)
		return err == nil && c.Number == number
	})
	if i < 0 {
		return nil, ErrNotFound
	}
	return c, nil
}
