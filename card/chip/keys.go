package chip

import (
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha1"
	"crypto/sha256"
	"encoding"
	"encoding/binary"
	"hash"
	"math/big"

	"github.com/igc-lab/igc/card"
)

// scheme is what an algorithm reference asks for.
type scheme struct {
	hash crypto.Hash
	use  use
}

type use int

const (
	hashing        use = iota + 1
	authenticating     // PKCS#1 v1.5 of what the caller sends
	signing            // PKCS#1 v1.5
	signingPSS
	deciphering // PKCS#1 v1.5
)

var (
	hashSHA1, hashSHA256       = scheme{crypto.SHA1, hashing}, scheme{crypto.SHA256, hashing}
	authenticate               = scheme{0, authenticating}
	signSHA1, signSHA256       = scheme{crypto.SHA1, signing}, scheme{crypto.SHA256, signing}
	signPSSSHA1, signPSSSHA256 = scheme{crypto.SHA1, signingPSS}, scheme{crypto.SHA256, signingPSS}
	decipherPKCS1              = scheme{0, deciphering}
)

// environment is the security environment of a channel, ISO/IEC 7816-4 §10.3.3: what was set for
// each kind of operation.
type environment struct {
	authentication, signature, hashing, deciphering setting
	digest                                          []byte // that the last PSO HASH left
}

// setting is an algorithm and a key; the role is empty where no key was named.
type setting struct {
	scheme
	role string
}

// manageSecurityEnvironment is MANAGE SECURITY ENVIRONMENT, §11.5.11. SET, P1 = 41 and 81: P2 is
// the template's tag, the data its content; RESTORE, P1 = F3, empties the environment.
func (c *Chip) manageSecurityEnvironment(ch *channel, cmd command) ([]byte, status) {
	switch cmd.p1 {
	case 0xF3:
		ch.environment = environment{}
		return nil, ok
	case 0x41, 0x81, 0xC1:
	default:
		return nil, wrongParameters
	}
	given, good := elements(cmd.data)
	if !good || len(given) == 0 {
		return nil, wrongData
	}
	var set setting
	algorithm, key := given[0x80], given[0x84]
	if key == nil {
		key = given[0x83]
	}
	if both := given[0x91]; len(both) == 2 { // as ChipDoc has it: the key's first bit says that the data are hashed already
		algorithm, key = both[:1], []byte{both[1] &^ 0x80}
	}
	if algorithm != nil {
		if len(algorithm) != 1 || c.profile.schemes[algorithm[0]] == (scheme{}) {
			return nil, wrongData
		}
		set.scheme = c.profile.schemes[algorithm[0]]
	}
	if key != nil {
		if len(key) != 1 {
			return nil, wrongData
		}
		if set.role = c.role(key[0]); set.role == "" {
			return nil, noSuchReference
		}
	}
	switch cmd.p2 {
	case 0xA4:
		ch.authentication = set
	case 0xB6:
		ch.signature = set
	case 0xB8:
		ch.deciphering = set
	case 0xAA:
		ch.hashing, ch.digest = set, nil
	default:
		return nil, wrongParameters
	}
	return nil, ok
}

// role is that of the key which a command calls by this reference, or empty.
func (c *Chip) role(reference byte) string {
	for _, place := range card.KeySlots {
		if place.Reference(c.generation)|c.profile.local == reference {
			return place.Role
		}
	}
	return ""
}

// key is that of the setting, when the PIN is verified.
func (c *Chip) key(s setting) (*rsa.PrivateKey, status) {
	switch key := c.keys[s.role]; {
	case s.role == "":
		return nil, conditionsNotMet
	case c.pin == "":
		return nil, notAuthorized
	case key == nil:
		return nil, noSuchReference
	default:
		return key, ok
	}
}

// internalAuthenticate is INTERNAL AUTHENTICATE, §11.5.2: PKCS#1 v1.5 around the DigestInfo, or
// what else the caller sends.
func (c *Chip) internalAuthenticate(ch *channel, cmd command) ([]byte, status) {
	if c.generation.PSS() { // ChipDoc has no such command
		return nil, noSuchInstruction
	}
	key, sw := c.key(ch.authentication)
	switch {
	case cmd.p1 != 0 || cmd.p2 != 0:
		return nil, wrongParameters
	case sw != ok:
		return nil, sw
	case ch.authentication.use != authenticating || ch.authentication.role != "authentication":
		return nil, conditionsNotMet
	case len(cmd.data) == 0 || len(cmd.data) > key.Size()-11: // RFC 8017 §9.2
		return nil, wrongLength
	}
	return c.made(key.Sign(rand.Reader, cmd.data, crypto.Hash(0)))
}

func (c *Chip) made(signature []byte, err error) ([]byte, status) {
	if err != nil {
		return nil, c.broken(err)
	}
	return signature, ok
}

// performSecurityOperation is PERFORM SECURITY OPERATION, ISO/IEC 7816-8 §5.4.
func (c *Chip) performSecurityOperation(ch *channel, cmd command) ([]byte, status) {
	switch [2]byte{cmd.p1, cmd.p2} {
	case [2]byte{0x90, 0xA0}:
		return nil, ch.finishHash(cmd.data)
	case [2]byte{0x9E, 0x9A}:
		return c.sign(ch, cmd.data)
	case [2]byte{0x80, 0x86}:
		return c.decipher(ch, cmd.data)
	}
	return nil, wrongParameters
}

// finishHash is HASH as IAS-ECC has it: 90 { what hashing left after whole blocks, and how many
// bits those were }, empty when there were none, and 80 { the rest }, of which the card does the
// last round.
func (ch *channel) finishHash(data []byte) status {
	given, good := elements(data)
	state, last := given[0x90], given[0x80]
	h := ch.hashing.hash
	switch {
	case ch.hashing.use != hashing:
		return conditionsNotMet
	case !good || len(last) > 64 || len(state) != 0 && len(state) != h.Size()+8:
		return wrongData
	}
	inner := map[crypto.Hash]func() hash.Hash{crypto.SHA1: sha1.New, crypto.SHA256: sha256.New}[h]()
	if len(state) > 0 {
		done := binary.BigEndian.Uint64(state[h.Size():])
		if done%512 != 0 {
			return wrongData
		}
		// the form in which the standard library takes a hash up again: magic, words, a block that
		// is empty, bytes
		magic := map[crypto.Hash]string{crypto.SHA1: "sha\x01", crypto.SHA256: "sha\x03"}[h]
		form := append([]byte(magic), state[:h.Size()]...)
		form = binary.BigEndian.AppendUint64(append(form, make([]byte, 64)...), done/8)
		if err := inner.(encoding.BinaryUnmarshaler).UnmarshalBinary(form); err != nil {
			return wrongData
		}
	}
	inner.Write(last)
	ch.digest = inner.Sum(nil)
	return ok
}

// sign is COMPUTE DIGITAL SIGNATURE, of a hash that is sent, or of the one that the card finished.
// Under a strict PIN each signature of the signature key uses up a VERIFY.
func (c *Chip) sign(ch *channel, digest []byte) ([]byte, status) {
	key, sw := c.key(ch.signature)
	always := c.strict && ch.signature.role == "signature"
	switch {
	case sw != ok:
		return nil, sw
	case always && !c.consent:
		return nil, notAuthorized
	}
	h := ch.signature.hash
	if len(digest) == 0 {
		if ch.hashing.hash != h {
			return nil, conditionsNotMet
		}
		digest, ch.digest = ch.digest, nil // of one use
	}
	switch {
	case !c.generation.PSS() && ch.signature.role != "signature", ch.signature.use < signing, digest == nil:
		return nil, conditionsNotMet
	case len(digest) != h.Size():
		return nil, wrongData
	}
	if always {
		c.consent = false
	}
	if ch.signature.use == signingPSS {
		return c.made(key.Sign(rand.Reader, digest, &rsa.PSSOptions{SaltLength: rsa.PSSSaltLengthEqualsHash, Hash: h}))
	}
	return c.made(key.Sign(rand.Reader, digest, h))
}

// decipher is DECIPHER. On a CPS3 a first byte, 81, says that RSA is meant, and the card takes the
// padding of PKCS#1 v1.5 off. A CPS4 does RSA alone: that is how it authenticates with PKCS#1 v1.5
// too.
func (c *Chip) decipher(ch *channel, data []byte) ([]byte, status) {
	key, sw := c.key(ch.deciphering)
	switch padded := c.generation == card.CPS3; {
	case sw != ok:
		return nil, sw
	case ch.deciphering.role != "authentication", padded && ch.deciphering.use != deciphering:
		return nil, conditionsNotMet
	case padded && len(data) != 1+key.Size(), !padded && len(data) != key.Size():
		return nil, wrongLength
	case padded:
		plain, err := key.Decrypt(rand.Reader, data[1:], nil)
		if err != nil || data[0] != 0x81 || len(plain) == 0 { // an answer without data would be no answer
			return nil, wrongData
		}
		return plain, ok
	}
	in := new(big.Int).SetBytes(data)
	if in.Cmp(key.N) >= 0 {
		return nil, wrongData
	}
	// crypto/rsa has no such operation. A random factor, taken out again, keeps the time from
	// telling of the key.
	blind, err := rand.Int(rand.Reader, key.N)
	if err != nil {
		return nil, c.broken(err)
	}
	back := new(big.Int).ModInverse(blind, key.N)
	if back == nil { // one chance in 2^1024
		return nil, fault
	}
	in.Mul(in, blind.Exp(blind, big.NewInt(int64(key.E)), key.N)).Mod(in, key.N)
	out := in.Exp(in, key.D, key.N)
	out.Mul(out, back).Mod(out, key.N)
	return out.FillBytes(make([]byte, key.Size())), ok
}

// getChallenge is GET CHALLENGE, ISO/IEC 7816-4 §11.5.3.
func (c *Chip) getChallenge(_ *channel, cmd command) ([]byte, status) {
	if cmd.p1 != 0 || cmd.p2 != 0 {
		return nil, wrongParameters
	}
	if cmd.le == 0 || len(cmd.data) > 0 {
		return nil, wrongLength
	}
	random := make([]byte, min(cmd.le, 0x100))
	rand.Read(random)
	return random, ok
}
