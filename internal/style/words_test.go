package style

import (
	"go/ast"
	"go/parser"
	"go/scanner"
	"go/token"
	"regexp"
	"strings"
	"testing"
)

// retiredNames are names of declarations (functions, methods, types, fields, constants, variables
// of a package) that were given up, and what to write. A local variable may have one of them.
var retiredNames = map[string]string{
	"ListState": "CRLState", "ListRun": "CRLIssue", "ListOrder": "CRLRequest", "ListContent": "CRLContent",
	"MakeLists": "IssueCRLs", "enlist": "addEntry", "delist": "removeEntry", "relist": "rebuildEntries",
	"rehearse": "preIssuanceLint", "ballast": "diskReservation", "reserve": "diskReservation",
	"Loose": "InsecurePermissions", "Tighten": "RestrictPermissions",
	"via": "dispatch", "keep": "cacheIssuer", "own": "lockOrConnect", "free": "checkCardNumbersUnused",
	"none": "noArgs", "one": "oneArg",
	"Lane": "fastPath", "take": "serveConn", "others": "fallback", "Crowd": "LimitListener",
	"kept": "responseCache", "mine": "owner", "settle": "complete", "shared": "reuseChunks", "backward": "reverseBuilder",
	"forms": "issuerIDs", "named": "byCertID", "words": "String", "alone": "what it does", "namesake": "what it does",
	"unkept": "what it does", "another": "what it does",
	"Mend": "Remedy", "mend": "remedy", "well": "Finding", "noted": "Finding",
	"spoilers": "fileMutations", "Spoiled": "Expectation", "Judgement": "Expectation",
	"strangers": "unknownSubject", "of": "appliesTo",
	"Standing": "ChangeStatus", "Rhythm": "Interval", "told": "reported", "look": "poll", "empty": "eject",
}

// retiredWords are words of the project's former dialect, in comments, messages and pages, and what
// to write.
var retiredWords = map[string]string{
	"house": "package", "room": "file, space", "rooms": "files", "door": "entry point", "doors": "entry points", "storey": "layer",
	"lane": "fast path", "judge": "verifier", "judges": "verifiers", "judged": "verified, checked", "judgement": "expectation",
	"mend": "repair, remedy", "mends": "repairs", "mended": "repaired", "stranger": "unknown client", "strangers": "unknown subject",
	"ballast": "reservation", "spoiler": "mutation", "spoilers": "mutations", "spoiled": "changed, broken",
	"namesake": "the same name", "rehearse": "lint before issuing", "rehearsal": "pre-issuance lint",
	"hears": "receives, reads", "other makes": "third-party",
	"other makers": "third-party", "is no": "is not a", "are no": "are not",
}

var retiredPattern = func() *regexp.Regexp {
	var words []string
	for w := range retiredWords {
		words = append(words, strings.ReplaceAll(w, " ", `\s+`))
	}
	return regexp.MustCompile(`(?i)\b(` + strings.Join(words, "|") + `)\b`)
}()

// allowed takes the phrases of plain English out, in which these words are not the retired ones.
var allowed = regexp.MustCompile(`(?i)\bthere (is|are) no\b|\b(is|are) no (longer|more|other)\b`)

func retiredInText(found *faults, file string, content []byte) {
	n := 0
	for line := range strings.Lines(string(content)) {
		n++
		retiredInLine(found, file, n, line)
	}
}

func retiredInLine(found *faults, file string, n int, line string) {
	for _, word := range retiredPattern.FindAllString(allowed.ReplaceAllString(line, ""), -1) {
		word = strings.ToLower(strings.Join(strings.Fields(word), "-"))
		found.add("word:"+word, file, n, strings.TrimSpace(line)+" → "+retiredWords[strings.ReplaceAll(word, "-", " ")])
	}
}

// retiredInGo looks at comments, at texts, and at the names that are declared.
func retiredInGo(found *faults, file string, content []byte) error {
	files := token.NewFileSet()
	parsed, err := parser.ParseFile(files, file, content, parser.SkipObjectResolution)
	if err != nil {
		return err
	}
	var s scanner.Scanner
	source := files.AddFile(file, -1, len(content))
	s.Init(source, content, nil, scanner.ScanComments)
	for {
		pos, tok, text := s.Scan()
		if tok == token.EOF {
			break
		}
		if tok == token.COMMENT || tok == token.STRING {
			for i, line := range strings.Split(text, "\n") {
				retiredInLine(found, file, source.Line(pos)+i, line)
			}
		}
	}
	for _, name := range declared(parsed) {
		if use, ok := retiredNames[name.Name]; ok {
			found.add("name:"+name.Name, file, files.Position(name.Pos()).Line, name.Name+" → "+use)
		}
	}
	return nil
}

// declared lists the names that a file declares for its package, with fields and methods.
func declared(file *ast.File) (names []*ast.Ident) {
	for _, d := range file.Decls {
		switch d := d.(type) {
		case *ast.FuncDecl:
			names = append(names, d.Name)
		case *ast.GenDecl:
			for _, spec := range d.Specs {
				switch spec := spec.(type) {
				case *ast.ValueSpec:
					names = append(names, spec.Names...)
				case *ast.TypeSpec:
					names = append(names, spec.Name)
					ast.Inspect(spec.Type, func(n ast.Node) bool {
						if field, ok := n.(*ast.Field); ok {
							names = append(names, field.Names...)
						}
						_, inner := n.(*ast.FuncType) // parameters are local
						return !inner
					})
				}
			}
		}
	}
	return names
}

func TestRetired(t *testing.T) {
	found := faults{map[broken]int{}, map[broken][]place{}}
	err := retiredInGo(&found, "a.go", []byte(`package a

// Mend mends what is no card. It is no longer used.
type finding struct { Mend string }

func words(of string) (mine int) { look := "a house"; _ = look; return 0 }
`))
	if err != nil {
		t.Fatal(err)
	}
	for _, rule := range []string{"word:mend", "word:mends", "word:is-no", "name:Mend", "name:words", "word:house"} {
		if found.count[broken{rule, "a.go"}] != 1 {
			t.Errorf("%s: found %d times", rule, found.count[broken{rule, "a.go"}])
		}
		delete(found.count, broken{rule, "a.go"})
	}
	if len(found.count) > 0 {
		t.Errorf("found without cause: %v", found.count)
	}
}
