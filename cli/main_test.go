package cli

import (
	"os"
	"testing"

	"github.com/igc-lab/igc/internal/labtest"
)

func TestMain(m *testing.M) {
	labtest.Main(m, func() { os.Exit(Main(os.Args, os.Stdin, os.Stdout, os.Stderr)) })
}
