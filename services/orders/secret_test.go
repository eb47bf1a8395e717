package orders

import "testing"

// The tests of this package place and withdraw hundreds of orders: with the count of a lab, that
// is nearly all of their time.
var iterationsOfLabs = iterations

func init() { iterations = 1000 }

// A secret is hashed with the count that OWASP advises for PBKDF2 with HMAC-SHA-256, and opens with
// the count that it was hashed with.
func TestSecretHash(t *testing.T) {
	if iterationsOfLabs < 600_000 {
		t.Errorf("labs hash secrets with %d iterations", iterationsOfLabs)
	}
	hash, err := hashSecret("123456")
	if err != nil {
		t.Fatal(err)
	}
	before := iterations
	defer func() { iterations = before }()
	iterations = 2 * before
	if !hash.matches("123456") {
		t.Error("a secret does not open with the count that it was hashed with")
	}
	if hash.matches("123457") || hash.matches("") {
		t.Error("another secret opens")
	}
}
