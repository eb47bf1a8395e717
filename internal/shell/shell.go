// Package shell writes commands and paths as a person would type them, for messages that say what
// to do.
package shell

import (
	"os"
	"path/filepath"
	"strings"
)

// plain are the characters that a shell takes as they are.
const plain = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-+=:,./@%"

// Command is a command line: the words, quoted where a shell would read them otherwise.
func Command(words ...string) string {
	quoted := make([]string, len(words))
	for i, w := range words {
		if quoted[i] = w; w == "" || strings.Trim(w, plain) != "" {
			quoted[i] = "'" + strings.ReplaceAll(w, "'", `'\''`) + "'"
		}
	}
	return strings.Join(quoted, " ")
}

// ShortPath is a path with ~ for the user's home folder.
func ShortPath(path string) string {
	user, err := os.UserHomeDir()
	if rest, in := strings.CutPrefix(path, user+string(filepath.Separator)); err == nil && in && user != "/" {
		return "~" + string(filepath.Separator) + rest
	}
	return path
}
