package labtest

import (
	"testing"
	"time"
)

// Patience is how long a test waits for what takes a second on a quiet machine. It is long, since a
// loaded machine is not the program's fault, and costs nothing when the condition comes.
const Patience = 5 * time.Minute

// Until waits until the condition holds, and fails the test when it does not within [Patience].
func Until(t testing.TB, what string, holds func() bool) {
	t.Helper()
	for end := time.Now().Add(Patience); !holds(); time.Sleep(20 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("waited %s in vain for %s", Patience, what)
		}
	}
}
