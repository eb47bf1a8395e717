package logins

import (
	"os"
	"runtime/pprof"
	"testing"

	"github.com/igc-lab/igc/cli"
	"github.com/igc-lab/igc/internal/labtest"
)

func TestMain(m *testing.M) {
	if os.Getenv(bareServer) != "" {
		serveBare()
		return
	}
	labtest.Main(m, func() {
		ended := profile()
		code := cli.Main(os.Args, os.Stdin, os.Stdout, os.Stderr)
		ended()
		os.Exit(code)
	})
}

// profile writes where igc serve spends its time to the file that IGC_PROFILE names.
func profile() (ended func()) {
	name := os.Getenv("IGC_PROFILE")
	if name == "" || len(os.Args) < 2 || os.Args[1] != "serve" {
		return func() {}
	}
	f, err := os.Create(name)
	if err == nil {
		err = pprof.StartCPUProfile(f)
	}
	check(err)
	return pprof.StopCPUProfile
}
