// Package style holds the sources to the project's rules of writing: the length of lines and the
// vocabulary.
//
// Prose in comments has 100 columns at most, code 120; a tab counts as four. Words of the
// vocabulary that were given up (a list with what replaces each) stay out of declarations,
// comments, messages and pages.
//
// What broke a rule before the rule was made is listed in testdata/backlog.txt, by rule and file.
// The list only gets shorter: a file that breaks a rule more often than it says fails the test, and
// so does an entry that is no longer true.
//
//	go test ./internal/style -update
//
// writes the list anew, also after files were moved, and refuses when a rule is broken more often
// than before.
package style
