package verify

import (
	"bytes"
	"flag"
	"io/fs"
	"os"
	"regexp"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "write golden files")

// The list of codes is whole, docs/codes.md is made from it, and the program uses no code that it
// lacks, nor does it list one that nothing ends on.
func TestCodes(t *testing.T) {
	if _, err := loadCodes(codesYAML); err != nil {
		t.Fatal(err)
	}
	var doc bytes.Buffer
	if err := WriteCodes(&doc); err != nil {
		t.Fatal(err)
	}
	const golden = "../docs/codes.md"
	if *update {
		if err := os.WriteFile(golden, doc.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if have, err := os.ReadFile(golden); err != nil || !bytes.Equal(have, doc.Bytes()) {
		t.Errorf("%s is not made from codes.yaml: run this test with -update (%v)", golden, err)
	}

	used := map[Code]bool{"TLS-REFUSED": true} // only a client sees it
	sources, err := fs.Glob(os.DirFS("."), "*.go")
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range sources {
		if strings.HasSuffix(name, "_test.go") {
			continue
		}
		source, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		for _, code := range regexp.MustCompile(`"((?:TLS|CERT|CHAIN|SIG|DATE|USAGE|REV|PROFILE)-[A-Z0-9-]*[A-Z0-9])"`).FindAllSubmatch(source, -1) {
			used[Code(code[1])] = true
			if outcomes()[Code(code[1])] == nil {
				t.Errorf("%s uses %s, which codes.yaml lacks", name, code[1])
			}
		}
	}
	for code := range outcomes() {
		if !used[code] {
			t.Errorf("nothing ends on %s", code)
		}
	}
}

// A list that is wrong is refused.
func TestWrongCodes(t *testing.T) {
	const check = "- id: a\n  title: {fr: a, en: a}\n  expected: {fr: a, en: a}\n  codes:\n"
	for name, rows := range map[string]string{
		"no meaning":    "  - {code: A, level: good}\n",
		"nothing to do": "  - {code: A, level: bad, means: {fr: a, en: a}}\n",
		"one language":  "  - {code: A, level: good, means: {fr: a}}\n",
		"unknown level": "  - {code: A, level: fine, means: {fr: a, en: a}}\n",
		"twice":         "  - {code: A, level: good, means: {fr: a, en: a}}\n  - {code: A, level: good, means: {fr: a, en: a}}\n",
		"unknown field": "  - {code: A, level: good, means: {fr: a, en: a}, colour: red}\n",
	} {
		if _, err := loadCodes([]byte(check + rows)); err == nil {
			t.Errorf("%s is accepted", name)
		}
	}
	if _, err := loadCodes([]byte(check + "  - {code: A, level: good, means: {fr: a, en: a}}\n")); err != nil {
		t.Error(err)
	}
}
