package labtest

import (
	"bytes"
	"crypto/sha256"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// Read returns the content of a file.
func Read(t testing.TB, file string) string {
	t.Helper()
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

// Write writes a file that only its owner reads.
func Write(t testing.TB, file string, data []byte) {
	t.Helper()
	if err := os.WriteFile(file, data, 0o600); err != nil {
		t.Fatal(err)
	}
}

// DER returns the contents of the PEM blocks of a file.
func DER(t testing.TB, file string) (all [][]byte) {
	t.Helper()
	rest := []byte(Read(t, file))
	for {
		var b *pem.Block
		if b, rest = pem.Decode(rest); b == nil {
			return all
		}
		all = append(all, b.Bytes)
	}
}

// Fetch gets what a server publishes, and writes it to a file.
func Fetch(t testing.TB, url, file string) {
	t.Helper()
	resp, err := http.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode != http.StatusOK {
		t.Fatalf("%s: %s, %v", url, resp.Status, err)
	}
	Write(t, file, body)
}

// Snapshot describes every file of a folder, with the hash of its content: equal snapshots are
// equal folders.
func Snapshot(t testing.TB, dir string) string {
	t.Helper()
	var b strings.Builder
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		var sum [32]byte
		if d.Type().IsRegular() {
			data, err := os.ReadFile(path)
			if err != nil {
				return err
			}
			sum = sha256.Sum256(data)
		}
		fmt.Fprintf(&b, "%s %s %x\n", path, d.Type(), sum)
		return nil
	})
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		t.Fatal(err)
	}
	return b.String()
}

// Refused runs igc, which must end with that exit code and write one line on stderr that holds the
// words, and nothing on stdout.
func Refused(t testing.TB, cmd *exec.Cmd, code int, words string) {
	t.Helper()
	var out, errOut bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errOut
	cmd.Run()
	line := errOut.String()
	if got := cmd.ProcessState.ExitCode(); got != code {
		t.Errorf("exit code %d, want %d: %s", got, code, line)
	}
	if strings.Count(line, "\n") != 1 || !strings.HasPrefix(line, "igc: ") || !strings.Contains(line, words) {
		t.Errorf("it writes %q, want one line with %q", line, words)
	}
	if out.Len() > 0 {
		t.Errorf("and on stdout: %s", out.String())
	}
}
