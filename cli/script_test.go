package cli

import (
	"path/filepath"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"github.com/igc-lab/igc/internal/labtest"
)

// What users type, in files that read like a terminal.
func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir:  filepath.Join("testdata", "script"),
		Cmds: doctorCommands,
		Setup: func(env *testscript.Env) error {
			env.Setenv("IGC_HOME", filepath.Join(env.WorkDir, "lab"))
			env.Setenv("IGC_LANG", "en")
			env.Setenv("PORT", labtest.FreePorts(t))
			env.Setenv("PLAIN", filepath.Dir(labtest.Program()))
			return nil
		},
	})
}
