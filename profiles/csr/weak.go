package csr

import (
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rsa"
	"fmt"
	"math/big"

	"github.com/igc-lab/igc/internal/i18n"
)

// KeyName names a public key: "RSA 2048", "P-256".
func KeyName(public any) string {
	switch key := public.(type) {
	case *rsa.PublicKey:
		return fmt.Sprintf("RSA %d", key.N.BitLen())
	case *ecdsa.PublicKey:
		return key.Curve.Params().Name
	case ed25519.PublicKey:
		return "Ed25519"
	}
	return fmt.Sprintf("%T", public)
}

// weak says why a modulus is known to be weak, nil for one that is not.
func weak(n *big.Int) *i18n.Text {
	if p := smallFactor(n); p != 0 {
		t := i18n.Text{FR: "son module est divisible par %d", EN: "its modulus can be divided by %d"}.Format(p)
		return &t
	}
	if roca(n) {
		return &i18n.Text{FR: "elle vient d'une puce au générateur défectueux (ROCA, CVE-2017-15361)",
			EN: "it comes from a chip with a defective generator (ROCA, CVE-2017-15361)"}
	}
	if closePrimes(n) {
		return &i18n.Text{FR: "ses deux facteurs premiers sont trop proches (Fermat)",
			EN: "its two prime factors are too close (Fermat)"}
	}
	return nil
}

// primes are those up to 751.
var primes = func() (list []int64) {
next:
	for n := int64(2); n <= 751; n++ {
		for _, p := range list {
			if n%p == 0 {
				continue next
			}
		}
		list = append(list, n)
	}
	return list
}()

func smallFactor(n *big.Int) int64 {
	rest := new(big.Int)
	for _, p := range primes {
		if rest.Mod(n, big.NewInt(p)).Sign() == 0 {
			return p
		}
	}
	return 0
}

// roca tells whether a modulus has the form of those of Infineon's library: modulo each of the
// primes from 3 to 167, such a modulus is a power of 65537. Of other moduli, one in 2^27 is.
func roca(n *big.Int) bool {
	rest := new(big.Int)
	for _, p := range primes {
		if p == 2 {
			continue
		}
		if p > 167 {
			break
		}
		want, power, found := rest.Mod(n, big.NewInt(p)).Int64(), int64(1), false
		for range p {
			if power == want {
				found = true
				break
			}
			power = power * 65537 % p
		}
		if !found {
			return false
		}
	}
	return true
}

// fermatRounds is how far the factors are looked for; keys that were found to be weak took one.
const fermatRounds = 100

// closePrimes tells whether Fermat's method factors the modulus in a few rounds.
func closePrimes(n *big.Int) bool {
	a := new(big.Int).Sqrt(n)
	square, b := new(big.Int).Mul(a, a), new(big.Int)
	if square.Cmp(n) == 0 {
		return true
	}
	one := big.NewInt(1)
	for range fermatRounds {
		a.Add(a, one)
		square.Mul(a, a).Sub(square, n)
		if b.Sqrt(square); b.Mul(b, b).Cmp(square) == 0 {
			return true
		}
	}
	return false
}
