package cli

import "testing"

func TestServeStops(t *testing.T) {
	l := newLab(t, "--key", "p256")
	l.issue("--fixture", "alain")
	l.serve()
}
