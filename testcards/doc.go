// Package testcards makes the set of test cards of a lab: the fixtures of package fixtures, valid
// and deliberately broken, in a folder with a manifest that says what each is to end on.
package testcards

import (
	"context"
	"path/filepath"

	"github.com/igc-lab/igc/ca"
	"github.com/igc-lab/igc/fixtures"
	"github.com/igc-lab/igc/lab"
)

// Options say which set is made, and where.
type Options struct {
	Service  ca.Service            // issues those that the lab would issue
	Lab      *lab.Lab              // its keys sign the others
	Folder   string                // empty for that of the lab, see [Folder]
	Progress func(done, total int) // may be nil; called from several goroutines
}

// Folder is where the set of a lab is, which its catalogue and its console serve.
func Folder(home string) string { return filepath.Join(home, "fixtures") }

// Make makes the set, in the place of the one before. It returns the folder's whole path.
func Make(ctx context.Context, o Options) (manifest *fixtures.Manifest, dir string, err error) {
	if o.Folder == "" {
		o.Folder = Folder(o.Lab.Home)
	}
	dir, err = replace(o.Folder, func(work string) error {
		manifest, err = fill(ctx, o, work)
		return err
	})
	return manifest, dir, err
}
