package ecps

import (
	"crypto/hkdf"
	"crypto/pbkdf2"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base32"
	"io"
	"math/big"
	"regexp"
	"strings"
)

// random returns so many random bytes.
func (s *Service) random(n int) []byte {
	b := make([]byte, n)
	if _, err := io.ReadFull(s.options.Rand, b); err != nil {
		panic("ecps: no random numbers: " + err.Error())
	}
	return b
}

// letters writes bytes in small letters and digits: in addresses and on command lines they need no
// escape, and none is an option.
var letters = base32.NewEncoding("abcdefghijklmnopqrstuvwxyz234567").WithPadding(base32.NoPadding)

// secretLength is that of what secret returns, and tagLength that of a tag.
const (
	secretLength = 26
	tagLength    = 16
)

// secret returns 128 random bits as text, for identifiers and QR codes.
func (s *Service) secret() string { return letters.EncodeToString(s.random(16)) }

// below returns a random number below n.
func (s *Service) below(n int64) int64 {
	// 128 bits more than n needs make the remainder even enough
	x := new(big.Int).SetBytes(s.random(24))
	return x.Mod(x, big.NewInt(n)).Int64()
}

// digits returns so many random digits.
func (s *Service) digits(n int) string {
	b := make([]byte, n)
	for i := range b {
		b[i] = '0' + byte(s.below(10))
	}
	return string(b)
}

// hashedCode is what is kept of a PIN or of a code.
type hashedCode struct {
	Salt []byte `json:"salt"`
	Hash []byte `json:"hash"`
}

// hashRounds takes a few milliseconds. Four digits are soon tried whatever it is: what protects a
// PIN is the seal around its hash, and the count of tries.
const hashRounds = 10_000

func (s *Service) hashCode(code string) hashedCode {
	salt := s.random(16)
	return hashedCode{salt, derive(code, salt)}
}

func derive(code string, salt []byte) []byte {
	key, err := pbkdf2.Key(sha256.New, code, salt, hashRounds, sha256.Size)
	if err != nil {
		panic("ecps: " + err.Error()) // only for a size that no hash gives
	}
	return key
}

func (h hashedCode) matches(code string) bool {
	return len(h.Hash) > 0 && subtle.ConstantTimeCompare(derive(code, h.Salt), h.Hash) == 1
}

// hashToken is what is kept of a long random secret.
func hashToken(token string) []byte {
	sum := sha256.Sum256([]byte(token))
	return sum[:]
}

func equal(a, b []byte) bool { return len(a) > 0 && subtle.ConstantTimeCompare(a, b) == 1 }

// tag names a person in the keys of requests: equal for the same person, and without the
// identifier, since those keys are in addresses of pages.
func tag(person string) string {
	key, err := hkdf.Key(sha256.New, []byte(person), nil, "igc e-CPS requests of a person", 10)
	if err != nil {
		panic("ecps: " + err.Error())
	}
	return letters.EncodeToString(key)
}

// deviceID names a device. The person is part of it, so that the device is found by it.
func (s *Service) deviceID(person string) string {
	return letters.EncodeToString([]byte(person)) + "." + s.secret()
}

// personOf is the person of a device's ID, empty for what is not one.
func personOf(device string) string {
	before, _, _ := strings.Cut(device, ".")
	person, err := letters.DecodeString(before)
	if err != nil {
		return ""
	}
	return string(person)
}

var (
	pinForm    = regexp.MustCompile(`^[0-9]{4}$`)
	numberForm = regexp.MustCompile(`^[0-9]{2}$`)
)

// typed is a code as a person typed it: spaces do not count.
func typed(code string) string { return strings.Join(strings.Fields(code), "") }
