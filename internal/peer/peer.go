// Package peer runs other people's programs as verifiers in tests: openssl, gnutls, NSS, a browser.
package peer

import (
	"bytes"
	"os"
	"os/exec"
	"testing"
)

// Need finds the program. Without it the test is skipped and says so, or fails where
// IGC_REQUIRE_TOOLS is set, as in CI.
func Need(t testing.TB, program string) string {
	t.Helper()
	path, err := exec.LookPath(program)
	if err != nil {
		Missing(t, program)
	}
	return path
}

// Missing ends the test for want of something that the machine could have.
func Missing(t testing.TB, what string) {
	t.Helper()
	if os.Getenv("IGC_REQUIRE_TOOLS") != "" {
		t.Fatalf("%s is missing, and IGC_REQUIRE_TOOLS is set: .ci/run installs what the tests need", what)
	}
	t.Skipf("SKIPPED: %s is missing", what)
}

// Run runs the program and returns what it wrote; the test fails when the program does.
func Run(t testing.TB, program string, args ...string) string {
	t.Helper()
	out, err := Try(t, program, args...)
	if err != nil {
		t.Fatalf("%s %q: %v\n%s", program, args, err, out)
	}
	return out
}

// Try runs the program and returns what it wrote and how it ended.
func Try(t testing.TB, program string, args ...string) (string, error) {
	t.Helper()
	var out bytes.Buffer
	cmd := exec.CommandContext(t.Context(), Need(t, program), args...)
	cmd.Stdout, cmd.Stderr = &out, &out
	err := cmd.Run()
	return out.String(), err
}
