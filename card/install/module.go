package install

import (
	"debug/elf"
	"encoding/binary"
	"runtime"
	"runtime/debug"
	"slices"
	"strings"

	"github.com/igc-lab/igc/internal/i18n"
)

// ModuleFile is the name of the module's file.
const ModuleFile = "libigc-cps.so"

// Installed is where the module of a lab stands once it is installed.
func Installed(lab string) string { return Setting{Lab: lab}.library() }

var machines = map[string]elf.Machine{"amd64": elf.EM_X86_64, "arm64": elf.EM_AARCH64, "386": elf.EM_386, "arm": elf.EM_ARM,
	"riscv64": elf.EM_RISCV, "ppc64le": elf.EM_PPC64, "s390x": elf.EM_S390}

// CheckModule reads a module, without loading it, and tells whether a program of this machine
// could: it is a shared library for its processor, with the entry point of PKCS#11. The version is
// that of the igc that it was built with, empty when it does not say it.
func CheckModule(path string) (version string, err error) {
	f, err := elf.Open(path)
	if err != nil {
		return "", i18n.Errorf("%s is not a library: %w", path, err)
	}
	defer f.Close()
	if want, known := machines[runtime.GOARCH]; f.Type != elf.ET_DYN || known && f.Machine != want {
		return "", i18n.Errorf("%s is %s for %s, and this machine wants a shared library for %s",
			path, f.Type, f.Machine, want)
	}
	symbols, err := f.DynamicSymbols()
	if err != nil || !slices.ContainsFunc(symbols, func(s elf.Symbol) bool {
		return s.Name == "C_GetFunctionList" && elf.ST_TYPE(s.Info) == elf.STT_FUNC && s.Section != elf.SHN_UNDEF
	}) {
		return "", i18n.Errorf("%s is not a PKCS#11 module: it has no C_GetFunctionList", path)
	}
	return builtWith(f), nil
}

// builtWith is the version of the main module that a Go library was built from, empty when it does
// not say it. Package debug/buildinfo reads it from files of every system, and would bring the
// readers of all their formats, 400 KB.
func builtWith(f *elf.File) string {
	section := f.Section(".go.buildinfo")
	if section == nil || section.Size > 1<<20 {
		return ""
	}
	data, err := section.Data()
	const head = 32
	if err != nil || len(data) < head || !strings.HasPrefix(string(data), "\xff Go buildinf:") {
		return ""
	}
	data = data[head:]
	var text string
	for range 2 { // the version of Go, and then what the program was built from
		length, n := binary.Uvarint(data)
		if n <= 0 || length > uint64(len(data)-n) {
			return ""
		}
		text, data = string(data[n:n+int(length)]), data[n+int(length):]
	}
	const mark = 16 // bytes before the text, and after
	if len(text) < 2*mark {
		return ""
	}
	info, err := debug.ParseBuildInfo(text[mark : len(text)-mark])
	if err != nil || strings.HasPrefix(info.Main.Version, "(") {
		return ""
	}
	return info.Main.Version
}
