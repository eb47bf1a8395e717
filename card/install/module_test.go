package install

import (
	"debug/buildinfo"
	"encoding/binary"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/igc-lab/igc/internal/cardtest"
	"github.com/igc-lab/igc/internal/labtest"
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

// The version of a module is what package debug/buildinfo reads; one whose text is damaged has
// none.
func TestModuleVersion(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("SKIPPED: the module is Linux's")
	}
	module := cardtest.Module(t)
	good := labtest.Read(t, module)
	info, err := buildinfo.ReadFile(module)
	if err != nil {
		t.Fatal(err)
	}
	// Built from a checkout, it is of the version of a commit; without git, of none.
	built, magic := "\tgithub.com/igc-lab/igc\t"+info.Main.Version+"\t", "\xff Go buildinf:"
	if !strings.Contains(good, built) || !strings.Contains(good, magic) {
		t.Fatal("the module does not say what it was built from")
	}
	as := func(version string) string { // numbers of the length of its own, which precedes what it says
		return strings.ReplaceAll(good, built, "\tgithub.com/igc-lab/igc\t"+version+"\t")
	}
	released := "v1.2." + strings.Repeat("3", len(info.Main.Version)-len("v1.2."))
	developed := "(devel)" + strings.Repeat(")", len(info.Main.Version)-len("(devel)"))
	after := strings.Index(good, magic) + 32
	for _, tt := range []struct{ what, content, want string }{
		{"as built", good, strings.TrimPrefix(info.Main.Version, "(devel)")},
		{"without one", as(developed), ""},
		{"released", as(released), released},
		{"another magic", strings.Replace(good, magic, "\xff Go buildinF:", 1), ""},
		{"a length too long", good[:after] + "\xff\x7f" + good[after+2:], ""},
		{"no end of a length", good[:after] + strings.Repeat("\xff", 11) + good[after+11:], ""},
		{"nothing", good[:after] + "\x00\x00" + good[after+2:], ""},
	} {
		path := filepath.Join(t.TempDir(), ModuleFile)
		put(t, path, tt.content)
		if got, err := CheckModule(path); err != nil || got != tt.want {
			t.Errorf("%s: %q, %v; want %q", tt.what, got, err, tt.want)
		}
		if info, err := buildinfo.ReadFile(path); tt.want != "" && (err != nil || info.Main.Version != tt.want) {
			t.Errorf("%s: debug/buildinfo reads %v, %v", tt.what, info, err)
		}
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
