package labtest

import (
	"encoding/json"
	"path/filepath"

	"github.com/igc-lab/igc/fixtures"
)

// FixtureSet is a set of fixtures on the disk, with its manifest.
type FixtureSet struct {
	*fixtures.Manifest
	Dir string
}

// File is the path of a file that the manifest names.
func (s FixtureSet) File(name string) string { return filepath.Join(s.Dir, name) }

// MakeFixtures makes a set of fixtures, and reads its manifest.
func (l *Lab) MakeFixtures(dir string) FixtureSet {
	l.T.Helper()
	l.Must("fixtures", "make", dir)
	s := FixtureSet{&fixtures.Manifest{}, dir}
	if err := json.Unmarshal([]byte(Read(l.T, s.File(fixtures.ManifestFile))), s.Manifest); err != nil {
		l.T.Fatal(err)
	}
	return s
}
