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
			env.Setenv("PATH", filepath.Dir(labtest.Program())+string(filepath.ListSeparator)+env.Getenv("PATH")) // see labtest.Main
			return nil
		},
	})
}
