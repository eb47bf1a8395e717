package lab

import (
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/igc-lab/igc/ca"
)

// leftoverAge is the age from which an unfinished file counts as left by a process that was
// killed. Writing a file never takes so long.
const leftoverAge = time.Hour

// unfinishedNames are how the names of files and folders begin that are not finished, by folder of
// the home. CRLs are not among them: making the next one removes them.
var unfinishedNames = map[string][]string{
	".":       {".igc-", "passphrase.", ".recover-"},
	"keys":    {".igc-"},
	"cards":   {".card-", ".igc-"},
	"letters": {".igc-"},
	"reader":  {".igc-"},
}

// Leftovers lists what killed processes left unfinished in a home: temporary files, and cards
// without a name. Of each folder it looks at some entries, all when that is 0.
func Leftovers(home string, now time.Time, some int) (paths []string) {
	for folder, beginnings := range unfinishedNames {
		dir := filepath.Join(home, folder)
		for _, name := range names(dir, some) {
			for _, begin := range beginnings {
				path := filepath.Join(dir, name)
				if !strings.HasPrefix(name, begin) {
					continue
				}
				if info, err := os.Lstat(path); err == nil && now.Sub(info.ModTime()) > leftoverAge {
					paths = append(paths, path)
				}
			}
		}
	}
	return paths
}

func names(dir string, some int) []string {
	f, err := os.Open(dir)
	if err != nil {
		return nil
	}
	defer f.Close()
	if some == 0 {
		some = -1
	}
	all, err := f.Readdirnames(some)
	if err != nil && !errors.Is(err, io.EOF) {
		return nil
	}
	return all
}

// RemoveLeftovers removes what Leftovers lists.
func RemoveLeftovers(paths []string) error {
	var all []error
	for _, path := range paths {
		all = append(all, os.RemoveAll(path))
	}
	if err := errors.Join(all...); err != nil {
		return &ca.Error{Kind: ca.Unwritable, Err: err}
	}
	return nil
}
