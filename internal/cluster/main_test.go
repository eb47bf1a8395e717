package cluster

import (
	"os"
	"testing"

	"github.com/igc-lab/igc/cli"
	"github.com/igc-lab/igc/internal/labtest"
)

func TestMain(m *testing.M) {
	labtest.Main(m, func() { os.Exit(cli.Main(os.Args, os.Stdin, os.Stdout, os.Stderr)) })
}
