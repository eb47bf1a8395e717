package cli

import (
	"net"
	"strings"
	"testing"

	"github.com/igc-lab/igc/card/vpcd"
)

// Whoever is refused a vpcd that others reach is given the command that keeps it to this machine,
// and the port.
func TestReaderRefusesExposed(t *testing.T) {
	l, err := net.Listen("tcp", "0.0.0.0:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	if err := private(l.Addr().String(), 1); err == nil || !strings.Contains(err.Error(), vpcd.ConfineCommand()) || !strings.Contains(err.Error(), l.Addr().String()[strings.LastIndex(l.Addr().String(), ":"):]) {
		t.Errorf("it says %v", err)
	}
}
