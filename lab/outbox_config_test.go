package lab

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// The SMTP server of the outbox is one of this machine, unless another is allowed.
func TestOutboxConfig(t *testing.T) {
	path := filepath.Join(t.TempDir(), "igc.yaml")
	for text, want := range map[string]string{
		`outbox: {smtp: "127.0.0.1:1025"}`: "", `outbox: {smtp: "[::1]:25"}`: "", `outbox: {smtp: "localhost:25"}`: "",
		`outbox: {smtp: ""}`: "", `outbox: {smtp: "192.0.2.1:25", exposed: true}`: "",
		`outbox: {smtp: "192.0.2.1:25"}`:    "not on this machine",
		`outbox: {smtp: "mail.example:25"}`: "not on this machine",
		`outbox: {smtp: "0.0.0.0:25"}`:      "not on this machine", `outbox: {smtp: "localhost"}`: "not host:port",
		`outbox: {smtp: ":25"}`: "not host:port", `outbox: {smtp: "localhost:0"}`: "not host:port",
		`outbox: {smtpp: "localhost:25"}`: `did you mean "smtp"`,
	} {
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		_, err := readConfig(path)
		if (err == nil) != (want == "") || err != nil && !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", text, err)
		}
	}
}
