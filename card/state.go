package card

import (
	"crypto"
	"crypto/aes"
	"crypto/cipher"
	"crypto/pbkdf2"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"encoding/json"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/igc-lab/igc/internal/atomicfile"
	"github.com/igc-lab/igc/internal/i18n"
)

// This file is state.json, and how what is secret in it is sealed; pin.go says why.

// state is state.json.
type state struct {
	Version      int               `json:"version"`
	ChipType     ChipType          `json:"generation,omitempty"`
	TriesLeft    int               `json:"tries_left"`
	UnblocksLeft int               `json:"unblockings_left"`
	UnblocksOf   int               `json:"unblockings_of,omitempty"` // how many there are to begin with; 0 of an older igc, which knew 3
	StrictPIN    bool              `json:"strict_pin,omitempty"`
	ByPIN        *wrapped          `json:"by_pin,omitempty"`             // the card's key
	ByCode       *wrapped          `json:"by_unblocking_code,omitempty"` // the same key
	Keys         map[string][]byte `json:"keys,omitempty"`               // PKCS#8 by role, sealed under the card's key
	Data         []byte            `json:"data,omitempty"`
}

// wrapped is a key under a code: PBKDF2-HMAC-SHA-256, AES-256-GCM.
type wrapped struct {
	Salt       []byte `json:"salt"`
	Iterations int    `json:"iterations"`
	Sealed     []byte `json:"sealed"`
}

func (c *Card) unseal(s *state, key []byte) (map[string]crypto.Signer, error) {
	keys := map[string]crypto.Signer{}
	for _, cert := range c.Certificates {
		der, err := open(key, s.Keys[cert.Role], c.context(cert.Role))
		if err != nil {
			return nil, i18n.Errorf("%s: the key of %s is damaged; remove the file to have the card as it was issued",
				c.file(), cert.Role)
		}
		private, err := x509.ParsePKCS8PrivateKey(der)
		clear(der)
		if err != nil {
			return nil, err
		}
		signer, ok := private.(crypto.Signer)
		if !ok {
			return nil, i18n.Errorf("%s: the key of %s does not sign", c.file(), cert.Role)
		}
		keys[cert.Role] = signer
	}
	return keys, nil
}

// context binds what is sealed to the card and to its use there.
func (c *Card) context(use string) []byte { return []byte("igc card " + c.Number + " " + use) }

func (c *Card) wrap(key []byte, code, use string) (*wrapped, error) {
	w := &wrapped{Salt: make([]byte, 16), Iterations: wrapIterations}
	rand.Read(w.Salt)
	k, err := pbkdf2.Key(sha256.New, code, w.Salt, w.Iterations, 32)
	if err != nil {
		return nil, err
	}
	w.Sealed, err = seal(k, key, c.context(use))
	return w, err
}

func (c *Card) unwrap(w *wrapped, code, use string) ([]byte, error) {
	k, err := pbkdf2.Key(sha256.New, code, w.Salt, w.Iterations, 32)
	if err != nil {
		return nil, err
	}
	key, err := open(k, w.Sealed, c.context(use))
	if err != nil {
		return nil, &WrongCode{}
	}
	return key, nil
}

func seal(key, data, context []byte) ([]byte, error) {
	aead, err := newAEAD(key)
	if err != nil {
		return nil, err
	}
	return aead.Seal(nil, nil, data, context), nil
}

func open(key, sealed, context []byte) ([]byte, error) {
	aead, err := newAEAD(key)
	if err != nil {
		return nil, err
	}
	return aead.Open(nil, nil, sealed, context)
}

func newAEAD(key []byte) (cipher.AEAD, error) {
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, err
	}
	return cipher.NewGCMWithRandomNonce(block)
}

func (c *Card) file() string { return filepath.Join(c.Dir, stateFile) }

func (c *Card) readState() (*state, error) {
	f, err := os.Open(c.file())
	if errors.Is(err, fs.ErrNotExist) {
		s := &state{Version: stateVersion, TriesLeft: Tries}
		c.countUnblockings(s)
		return s, nil
	} else if err != nil {
		return nil, err
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, maxStateBytes)) // what is longer is cut short, and so damaged
	if err != nil {
		return nil, err
	}
	s := &state{}
	if err := json.Unmarshal(data, s); err != nil {
		return nil, i18n.Errorf("%s is damaged (%w); remove it to have the card as it was issued", c.file(), err)
	}
	if s.Version != stateVersion {
		return nil, i18n.Errorf("%s is of version %d, and this igc knows version %d", c.file(), s.Version, stateVersion)
	}
	for _, w := range []*wrapped{s.ByPIN, s.ByCode} {
		if w != nil && (w.Iterations < 1 || w.Iterations > maxWrapIterations) {
			return nil, i18n.Errorf("%s is damaged (%d iterations); remove it to have the card as it was issued",
				c.file(), w.Iterations)
		}
	}
	if s.UnblocksOf == 0 {
		s.UnblocksOf = 3
	}
	c.countUnblockings(s)
	return s, nil
}

// change lets one process at a time change the card's state. A wrong code is written before it is
// told; what changes nothing is not written, so that a right PIN costs no disk.
func (c *Card) change(do func(*state) error) error {
	unlock, err := lock(filepath.Join(c.Dir, ".lock"))
	if err != nil {
		return err
	}
	defer unlock()
	s, err := c.readState()
	if err != nil {
		return err
	}
	before, err := json.Marshal(s)
	if err != nil {
		return err
	}
	refusal := do(s)
	after, err := json.Marshal(s)
	if err != nil {
		return err
	}
	if string(before) != string(after) {
		if err := atomicfile.Write(c.file(), after, 0o600); err != nil {
			return errors.Join(refusal, err)
		}
	}
	return refusal
}
