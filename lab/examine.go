package lab

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"time"

	"github.com/igc-lab/igc/ca"
	"github.com/igc-lab/igc/ca/store"
	"github.com/igc-lab/igc/lab/rpc"
	"github.com/igc-lab/igc/profiles"
)

// This file is for those who look at a lab to say what is wrong with it. It changes nothing but
// what it is told to.

// InsecurePermissions lists the files and folders of a lab that others than their owner may read or
// write, and should not: all but what is published and the module of the cards, which browsers
// load. In a card's folder that is closed itself nothing is loose. Windows knows no such modes.
func InsecurePermissions(ctx context.Context, home string) (paths []string, err error) {
	if runtime.GOOS == "windows" {
		return nil, nil
	}
	loose := func(path string) bool {
		info, err := os.Lstat(path)
		return err == nil && info.Mode().Perm()&0o077 != 0 && info.Mode()&fs.ModeSymlink == 0
	}
	if loose(home) {
		paths = append(paths, home)
	}
	for _, pattern := range []string{"*", "keys/*", "reader/*", "letters/*", "cards/*"} {
		found, err := filepath.Glob(filepath.Join(escapeGlob(home), pattern))
		if err != nil {
			return nil, err
		}
		for _, path := range found {
			if err := ctx.Err(); err != nil {
				return nil, err
			}
			if !loose(path) || slices.Contains([]string{"module", "publication"}, filepath.Base(path)) {
				continue
			}
			paths = append(paths, path)
			if pattern == "cards/*" {
				files, _ := filepath.Glob(filepath.Join(escapeGlob(path), "*"))
				paths = append(paths, slices.DeleteFunc(files, func(f string) bool { return !loose(f) })...)
			}
		}
	}
	return paths, nil
}

// escapeGlob has a folder's name stand for itself in a pattern.
func escapeGlob(dir string) string {
	var b []byte
	for i := range len(dir) {
		if c := dir[i]; c == '*' || c == '?' || c == '[' || c == '\\' {
			b = append(b, '\\')
		}
		b = append(b, dir[i])
	}
	return string(b)
}

// RestrictPermissions takes from group and others what InsecurePermissions found.
func RestrictPermissions(paths []string) error {
	var all []error
	for _, path := range paths {
		info, err := os.Lstat(path)
		if err == nil {
			err = os.Chmod(path, info.Mode().Perm()&^0o077)
		}
		all = append(all, err)
	}
	if err := errors.Join(all...); err != nil {
		return &ca.Error{Kind: ca.Unwritable, Err: err}
	}
	return nil
}

// CheckRecords reads the records whole, page by page and value by value, and returns an error of
// kind Damaged when something in them cannot be true. It returns nil while another process has them
// open. It reads a gigabyte in some seconds.
func (l *Lab) CheckRecords() error {
	if l.file == nil {
		return l.lookAtRecords()
	}
	err := l.file.Check(time.Second)
	if errors.Is(err, store.ErrLocked) || ca.KindOf(err) == ca.NotFound {
		return nil
	}
	return err
}

// Seal encrypts a secret that a service keeps in the lab's records, see [keys.Ring.Seal].
func (l *Lab) Seal(purpose string, plain []byte) ([]byte, error) { return l.keys.Seal(purpose, plain) }

// Unseal decrypts what Seal made for the same purpose.
func (l *Lab) Unseal(purpose string, sealed []byte) ([]byte, error) {
	return l.keys.Unseal(purpose, sealed)
}

// KeyFile is where the key of an authority stands.
func (l *Lab) KeyFile(a profiles.Authority) string { return l.keys.Path(a.ID()) }

// Unlockable tells whether a passphrase is at hand: one that was given, or that the lab made.
func (l *Lab) Unlockable() bool {
	_, err := l.passphrase()
	return err == nil
}

// RemoveSocket removes the socket that a server left. It holds the lab meanwhile, so that the
// socket is nobody's.
func (l *Lab) RemoveSocket() error {
	if err := l.Lock(); err != nil {
		return err
	}
	return errors.Join(rpc.RemoveSocket(l.Home), l.Unlock())
}

// evidenceOfRecords names a file that there is only when certificates were recorded: that of an
// authority, written after its record; a CRL; a card. Keys alone prove nothing, since they are made
// before the first record.
func evidenceOfRecords(home string) string {
	for _, pattern := range []string{"keys/*.cer", "publication/CRL/*.crl", "cards/*/card.json"} {
		if found, _ := filepath.Glob(filepath.Join(escapeGlob(home), filepath.FromSlash(pattern))); len(found) > 0 {
			return found[0]
		}
	}
	return ""
}
