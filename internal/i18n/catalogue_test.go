package i18n

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"unicode"
)

const root = "../.."

// formatOf is which argument is a format of the catalogue, by the name of the function.
var formatOf = map[string]int{"i18n.Errorf": 0, "i18n.Sprintf": 0, "store.Errorf": 1, "Errorf": 1, "fail": 1, "damage": 0, "broken": 1}

// sentinelsOf are the packages whose errors.New are messages of the catalogue too: users see them.
var sentinelsOf = []string{"ca", "ca/store", "ca/store/bolt", "lab", "lab/rpc", "card", "card/folder", "card/vpcd", "fixtures", "internal/web",
	"revocation/crl", "profiles", "internal/home", "internal/p12",
	"internal/rootstores", "internal/nss", "internal/yamlfile"}

// Every message that is made from the catalogue is in it, with the same verbs in both languages,
// and nothing is in it that nobody uses.
func TestCatalogue(t *testing.T) {
	used := map[string]string{}
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() && (strings.HasPrefix(d.Name(), ".") && path != root || d.Name() == "testdata" || d.Name() == "build") {
			return fs.SkipDir
		}
		if !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
			return nil
		}
		file, err := parser.ParseFile(token.NewFileSet(), path, nil, parser.SkipObjectResolution)
		if err != nil {
			return err
		}
		folder, _ := filepath.Rel(root, filepath.Dir(path))
		ast.Inspect(file, func(n ast.Node) bool {
			if call, ok := n.(*ast.CallExpr); ok {
				if format := formatIn(call, filepath.ToSlash(folder)); strings.IndexFunc(verb.ReplaceAllString(format, ""), unicode.IsLetter) >= 0 {
					used[format] = path
				}
			}
			return true
		})
		return nil
	})
	if err != nil || len(used) < 100 {
		t.Fatalf("%d messages, %v", len(used), err)
	}
	for format, path := range used {
		if french[format] == "" {
			t.Errorf("%s: not in the catalogue: %q", path, format)
		}
	}
	for en, fr := range french {
		if used[en] == "" {
			t.Errorf("nobody uses %q", en)
		}
		if a, b := verbs(en), verbs(fr); !slices.Equal(a, b) {
			t.Errorf("%q has the verbs %v, and %q %v", en, a, fr, b)
		}
	}
}

func formatIn(call *ast.CallExpr, folder string) string {
	var name string
	switch f := call.Fun.(type) {
	case *ast.Ident:
		name = f.Name
	case *ast.SelectorExpr:
		if x, ok := f.X.(*ast.Ident); ok {
			name = x.Name + "." + f.Sel.Name
		}
	}
	i, ok := formatOf[name]
	if name == "errors.New" && slices.Contains(sentinelsOf, folder) {
		i, ok = 0, true
	}
	if !ok || len(call.Args) <= i {
		return ""
	}
	return constant(call.Args[i])
}

// constant is the value of a string literal, or of several that are added.
func constant(e ast.Expr) string {
	switch e := e.(type) {
	case *ast.BasicLit:
		s, _ := strconv.Unquote(e.Value)
		return s
	case *ast.BinaryExpr:
		return constant(e.X) + constant(e.Y)
	}
	return ""
}

var verb = regexp.MustCompile(`%[-+# 0-9.\[\]]*[a-zA-Z]`)

// verbs are those of a format in the order of their arguments.
func verbs(format string) []string {
	return verb.FindAllString(strings.ReplaceAll(format, "%%", ""), -1)
}
