package sockets

import (
	"net"
	"os"
	"runtime"
	"testing"
)

func TestParse(t *testing.T) {
	const rest = " 00000000:00000000 00:00000000 00000000  1000        0 46137 1 0000000000000000 100 0 0 10 0"
	for line, want := range map[string]string{
		"   0: 0100007F:8C7B 00000000:0000 0A" + rest:                                                 "127.0.0.1:35963",
		"   1: 00000000000000000000000001000000:1F90 00000000000000000000000000000000:0000 0A" + rest: "[::1]:8080",
		"   2: 0000000000000000FFFF00000100007F:1F90 0000000000000000FFFF00000100007F:C350 01" + rest: "127.0.0.1:8080",
		"   3: 0100007F:8C7B 00000000:0000 06" + rest:                                                 "", // time-wait
		"   4: 0100007F:8C7B 00000000:0000 0A":                                                        "",
		"   5: 01:8C7B 00000000:0000 0A" + rest:                                                       "",
		"   6: 0100007F:xyz 00000000:0000 0A" + rest:                                                  "",
		"  sl  local_address rem_address   st tx_queue rx_queue":                                      "",
	} {
		s, ok := parse(line)
		if ok != (want != "") || ok && s.Local.String() != want {
			t.Errorf("%s: %v %v", line, s.Local, ok)
		}
	}
}

// The test's own socket is found, and is the test's.
func TestOwner(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("SKIPPED: Linux shows sockets")
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	for _, s := range List() {
		if s.Listening && s.Local.String() == l.Addr().String() {
			if pid, name := s.Owner(); pid != os.Getpid() || name == "" {
				t.Errorf("the socket is that of %d, %q", pid, name)
			}
			return
		}
	}
	t.Error("the socket is not listed")
}
