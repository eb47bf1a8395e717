package install

import (
	"encoding/binary"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/igc-lab/igc/internal/cardtest"
)

func TestCheckModule(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("SKIPPED: the module is Linux's")
	}
	module := cardtest.Module(t)
	if _, err := CheckModule(module); err != nil {
		t.Fatal(err)
	}
	good, err := os.ReadFile(module)
	if err != nil {
		t.Fatal(err)
	}
	foreign := append([]byte{}, good...)
	binary.LittleEndian.PutUint16(foreign[18:], 0x42) // e_machine, of none that Go knows
	program, err := os.ReadFile("/proc/self/exe")
	if err != nil {
		t.Fatal(err)
	}
	for why, content := range map[string][]byte{
		"is not a library":      []byte("<html>404</html>"),
		"EOF":                   good[:len(good)/2],
		"wants a shared":        foreign,
		"is not a library: EOF": {},
		"no C_GetFunctionList":  without(good, "C_GetFunctionList"),
	} {
		path := filepath.Join(t.TempDir(), ModuleFile)
		put(t, path, string(content))
		if _, err := CheckModule(path); err == nil || !strings.Contains(err.Error(), why) {
			t.Errorf("%s: %v", why, err)
		}
	}
	path := filepath.Join(t.TempDir(), ModuleFile)
	put(t, path, string(program))
	if _, err := CheckModule(path); err == nil {
		t.Error("this test's program passes for the module")
	}
	if _, err := CheckModule("/nowhere.so"); err == nil {
		t.Error("what is not there passes for the module")
	}
}

// without renames what bears that name.
func without(library []byte, name string) []byte {
	return []byte(strings.ReplaceAll(string(library), name, strings.Repeat("x", len(name))))
}

// How each change stands: a policy that cannot be read is an error of its place, and of no other.
func TestStandings(t *testing.T) {
	s := machine(t)
	count := func() (stands, noted, wrong, all int) {
		t.Helper()
		standings, err := s.ChangeStatuses(nil)
		if err != nil {
			t.Fatal(err)
		}
		for _, st := range standings {
			for n, is := range map[*int]bool{&stands: st.Done, &noted: st.Noted, &wrong: st.Err != nil, &all: true} {
				if is {
					*n++
				}
			}
		}
		return stands, noted, wrong, all
	}
	if stands, noted, _, all := count(); stands != 0 || noted != 0 || all < 10 {
		t.Errorf("before: %d stand, %d are noted, of %d", stands, noted, all)
	}
	install(t, s)
	if stands, noted, _, all := count(); stands != all || noted != all {
		t.Errorf("installed: %d stand, %d are noted, of %d", stands, noted, all)
	}
	put(t, filepath.Join(s.Root, "etc/firefox/policies/policies.json"), "{")
	if stands, noted, wrong, all := count(); stands != all-1 || noted != all || wrong != 1 {
		t.Errorf("a broken policy: %d stand, %d are noted, %d cannot be made, of %d", stands, noted, wrong, all)
	}
	if plan, err := s.Plan([]string{"java"}); err != nil || len(plan) != 0 {
		t.Errorf("of another place: %v, %v", plan, err)
	}
}
