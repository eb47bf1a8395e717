package orders

import (
	"crypto/pbkdf2"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
)

// secretHash is what the lab keeps of a password or a revocation code: PBKDF2 with HMAC-SHA-256
// (RFC 8018 5.2). Many tries at one order are refused before they get far, so that what counts is
// how long a copy of the lab resists.
type secretHash struct {
	Salt       []byte `json:"salt"`
	Iterations int    `json:"iterations"`
	Hash       []byte `json:"hash"`
	Wrong      int    `json:"wrong,omitempty"` // wrong secrets in a row
}

// iterations is the count of PBKDF2 for new secrets. Only tests make it less.
var iterations = 600_000

func hashSecret(secret string) (*secretHash, error) {
	h := &secretHash{Salt: make([]byte, 16), Iterations: iterations}
	rand.Read(h.Salt) // never fails
	var err error
	h.Hash, err = pbkdf2.Key(sha256.New, secret, h.Salt, h.Iterations, sha256.Size)
	return h, err
}

func (h *secretHash) matches(secret string) bool {
	hash, err := pbkdf2.Key(sha256.New, secret, h.Salt, h.Iterations, sha256.Size)
	return err == nil && subtle.ConstantTimeCompare(hash, h.Hash) == 1
}

// String keeps the hash out of messages.
func (h *secretHash) String() string { return "hash of a secret" }
