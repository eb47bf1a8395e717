// Package home knows where a lab is when nobody says so.
package home

import (
	"errors"
	"path/filepath"
	"runtime"
)

// Default is $IGC_HOME, else the folder igc among the user's data. The module of cards asks C for
// the environment: Go's own copy in a library is that of the process's start.
func Default(getenv func(string) string) (string, error) {
	first := func(folder ...string) string {
		if folder[0] == "" {
			return ""
		}
		return filepath.Join(folder...)
	}
	candidates := []string{getenv("IGC_HOME")}
	switch runtime.GOOS {
	case "windows":
		candidates = append(candidates, first(getenv("LocalAppData"), "igc"), first(getenv("USERPROFILE"), ".local", "share", "igc"))
	case "darwin":
		candidates = append(candidates, first(getenv("HOME"), "Library", "Application Support", "igc"))
	default:
		candidates = append(candidates, first(getenv("XDG_DATA_HOME"), "igc"), first(getenv("HOME"), ".local", "share", "igc"))
	}
	for _, dir := range candidates {
		if dir != "" {
			return dir, nil
		}
	}
	return "", errors.New("no place for a lab: set IGC_HOME to a folder")
}
