package p12

import (
	"bytes"
	"hash"
	"math/big"
)

// Purposes of a derived key, the byte ID of RFC 7292, appendix B.3.
const (
	encryptionKey = 1
	initialVector = 2
	macKey        = 3
)

// deriveKey derives n bytes from a password with a hash of 64-byte blocks, as RFC 7292, appendix
// B.2, says: v is 64.
func deriveKey(newHash func() hash.Hash, purpose byte, n int, password, salt []byte, rounds int) []byte {
	digest := func(parts ...[]byte) []byte {
		h := newHash()
		for _, part := range parts {
			h.Write(part)
		}
		return h.Sum(nil)
	}
	const v = 64
	diversifier := bytes.Repeat([]byte{purpose}, v)
	input := append(fill(salt, v), fill(password, v)...)
	one := big.NewInt(1)
	modulus := new(big.Int).Lsh(one, 8*v)
	var out []byte
	for {
		sum := digest(diversifier, input)
		for range rounds - 1 {
			sum = digest(sum)
		}
		if out = append(out, sum...); len(out) >= n {
			return out[:n]
		}
		// each block of input becomes (block + B + 1) mod 2^(8v), where B is the hash, repeated
		addend := new(big.Int).SetBytes(fill(sum, v))
		addend.Add(addend, one)
		for i := 0; i < len(input); i += v {
			block := new(big.Int).SetBytes(input[i : i+v])
			block.Add(block, addend).Mod(block, modulus).FillBytes(input[i : i+v])
		}
	}
}

// fill repeats b up to the next multiple of v.
func fill(b []byte, v int) []byte {
	size := (len(b) + v - 1) / v * v
	return bytes.Repeat(b, size/len(b)+1)[:size]
}
