package cli

import (
	"net"
	"os"
	"strings"
	"testing"

	"github.com/igc-lab/igc/card/vpcd"
)

// What igc doctor says of an igc card reader that was started elsewhere: for another lab, for another vpcd, in another network.
func TestDoctorIdleReader(t *testing.T) {
	t.Setenv("IGC_LANG", "en")
	d := &doctor{home: t.TempDir()}
	here := vpcd.Machine{PID: 17, Address: "127.0.0.1:1"} // where nothing listens
	apart := here
	apart.Elsewhere = true
	for name, test := range map[string]struct {
		machine vpcd.Machine
		reader  vpcd.Program
		state   outcome
		want    []string
	}{
		"another lab":      {here, vpcd.Program{PID: os.Getpid(), Home: t.TempDir(), Address: here.Address}, noted, []string{"another lab", "kill ", "card reader"}},
		"another vpcd":     {here, vpcd.Program{PID: os.Getpid(), Home: d.home, Address: vpcd.DefaultAddress}, todo, []string{vpcd.DefaultAddress, "--vpcd 127.0.0.1:1"}},
		"another network":  {apart, vpcd.Program{PID: os.Getpid(), Home: d.home, Address: here.Address}, todo, []string{"network of its own", "nsenter --net=/proc/17/ns/net"}},
		"before pcscd":     {here, vpcd.Program{PID: os.Getpid(), Address: here.Address}, noted, []string{"nothing listens"}},
		"a lab not known":  {here, vpcd.Program{PID: os.Getpid(), Address: vpcd.DefaultAddress}, todo, []string{"looks for vpcd"}},
		"the lab's folder": {here, vpcd.Program{PID: os.Getpid(), Home: d.home + "/.", Address: here.Address}, noted, []string{"nothing listens"}},
	} {
		f := d.idleReader(test.machine, test.reader)
		for _, want := range test.want {
			if f.State != test.state || !strings.Contains(f.Found+"\n"+f.Mend, want) {
				t.Errorf("%s: %v %s\n→ %s\nwant %v, %q", name, f.State, f.Found, f.Mend, test.state, want)
			}
		}
	}
}

// Whoever is refused a vpcd that others reach is given the command that keeps it to this machine, and the port.
func TestReaderRefusesExposed(t *testing.T) {
	l, err := net.Listen("tcp", "0.0.0.0:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	if err := private(l.Addr().String(), 1); err == nil || !strings.Contains(err.Error(), confinePCSCD()) || !strings.Contains(err.Error(), l.Addr().String()[strings.LastIndex(l.Addr().String(), ":"):]) {
		t.Errorf("it says %v", err)
	}
}
