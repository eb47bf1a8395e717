package lab

import (
	"archive/tar"
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/igc-lab/igc/ca"
	"github.com/igc-lab/igc/ca/store"
	"github.com/igc-lab/igc/internal/atomicfile"
)

// crlMargin is by how much the numbers of CRLs grow when a lab is restored: since the backup, some
// may have been published of which it knows nothing, and no number comes twice.
const crlMargin = 1_000_000

// maxManifest bounds a manifest: a lab of a hundred thousand cards has a million files.
const maxManifest = 512 << 20

// Restore makes a lab of a backup, in a home that is not there yet, or empty. It is written beside,
// held to its manifest, its records and its feed are checked whole, and only then it has its name:
// an error, or a kill, leaves no lab, nor a part of one.
func Restore(ctx context.Context, file, home string, opts Options) (b *Backup, err error) {
	home, err = filepath.Abs(home)
	if err != nil {
		return nil, fail(ca.Unwritable, "cannot make the lab: %w", err)
	}
	if err := checkRestorable(home); err != nil {
		return nil, err
	}
	archive, err := os.Open(file)
	if err != nil {
		return nil, fail(ca.NotFound, "cannot read the backup: %w", err)
	}
	defer archive.Close()
	info, err := archive.Stat()
	if err != nil {
		return nil, fail(ca.NotFound, "cannot read the backup: %w", err)
	}
	if err := os.MkdirAll(filepath.Dir(home), 0o700); err != nil {
		return nil, fail(ca.Unwritable, "cannot make the lab: %w", err)
	}
	removeStaged(home)
	staged, err := os.MkdirTemp(filepath.Dir(home), stagedName(home)+"*") // 0700
	if err != nil {
		return nil, fail(ca.Unwritable, "cannot make the lab: %w", err)
	}
	defer os.RemoveAll(staged) // which is not there any more when all went well
	u := &unpacking{to: staged, left: info.Size(), sums: map[string]BackupFile{}}
	if err := u.unpack(ctx, archive); err != nil {
		return nil, err
	}
	if err := u.checkManifest(); err != nil {
		return nil, err
	}
	for _, dir := range folders { // an archive has no empty folder
		if err := os.MkdirAll(filepath.Join(staged, dir), 0o700); err != nil {
			return nil, fail(ca.Unwritable, "cannot make the lab: %w", err)
		}
	}
	if err := checkRestored(ctx, staged, &u.Backup, opts); err != nil {
		return nil, err
	}
	if err := atomicfile.SyncFiles(staged); err != nil {
		return nil, fail(ca.Unwritable, "cannot make the lab: %w", err)
	}
	err = os.Remove(home) // an empty folder, and no other
	if err == nil || errors.Is(err, fs.ErrNotExist) {
		err = os.Rename(staged, home)
	}
	if err != nil {
		if again := checkRestorable(home); again != nil {
			return nil, again
		}
		return nil, fail(ca.Unwritable, "cannot make the lab: %w", err)
	}
	if err := atomicfile.SyncDir(filepath.Dir(home)); err != nil {
		return nil, fail(ca.Unwritable, "cannot make the lab: %w", err)
	}
	return &u.Backup, nil
}

// stagedName is how the folder begins in which a lab is made before it has its name.
func stagedName(home string) string { return "." + filepath.Base(home) + ".restore-" }

// removeStaged removes what a restore that was killed left beside a home.
func removeStaged(home string) {
	for _, name := range names(filepath.Dir(home), 0) {
		path := filepath.Join(filepath.Dir(home), name)
		if info, err := os.Lstat(path); strings.HasPrefix(name, stagedName(home)) && err == nil && info.IsDir() &&
			time.Since(info.ModTime()) > leftoverAge {
			os.RemoveAll(path)
		}
	}
}

// checkRestorable refuses a home with anything in it.
func checkRestorable(home string) error {
	if err := safeHome(home); err != nil {
		return err
	}
	entries, err := os.ReadDir(home)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil
	case err != nil:
		return fail(ca.Unwritable, "cannot make the lab: %w", err)
	case len(entries) > 0:
		return fail(ca.Conflict, "%s is not empty: a lab is restored into an empty folder, or one that is not there: "+
			"igc --home FOLDER restore FILE", home)
	}
	return nil
}

// unpacking is a backup that is being read.
type unpacking struct {
	Backup
	to       string
	left     int64 // bytes that the archive can still hold
	sums     map[string]BackupFile
	manifest []byte
}

// unpack writes the members of an archive into the folder, each held to a name that is within it.
func (u *unpacking) unpack(ctx context.Context, archive io.Reader) error {
	reader := tar.NewReader(archive)
	for {
		if err := ctx.Err(); err != nil {
			return err
		}
		header, err := reader.Next()
		switch {
		case err == io.EOF:
			if u.manifest == nil {
				return fail(ca.Damaged, "the backup ends without its manifest: it was cut off, or is not a backup "+
					"of igc")
			}
			return nil
		case err != nil:
			return fail(ca.Damaged, "the backup is cut off, or not a backup of igc: %w", err)
		case u.manifest != nil:
			return fail(ca.Damaged, "the backup goes on after its manifest, with %q", short(header.Name))
		}
		if err := u.member(header, reader); err != nil {
			return err
		}
	}
}

// member writes one file.
func (u *unpacking) member(header *tar.Header, content io.Reader) error {
	name := header.Name
	switch _, twice := u.sums[name]; {
	case header.Typeflag != tar.TypeReg:
		return fail(ca.Damaged, "the backup holds %q, which is not a file (type %q): igc backup writes files only",
			short(name), string(header.Typeflag))
	case !filepath.IsLocal(filepath.FromSlash(name)) || path.Clean(name) != name || strings.ContainsAny(name,
		"\\:\x00") ||
		name == ".":
		return fail(ca.Damaged, "the backup holds %q, which leads out of the lab", short(name))
	case twice:
		return fail(ca.Damaged, "the backup holds %q twice", short(name))
	case header.Size < 0 || header.Size > u.left || isSparse(header):
		return fail(ca.Damaged, "the backup holds %q of %d bytes, more than its file has", short(name), header.Size)
	case name == manifestName:
		if header.Size > maxManifest {
			return fail(ca.Damaged, "the backup's manifest has %d bytes", header.Size)
		}
		data, err := io.ReadAll(io.LimitReader(content, maxManifest+1))
		if err != nil {
			return fail(ca.Damaged, "the backup is cut off, or not a backup of igc: %w", err)
		}
		u.manifest = data
		return nil
	}
	u.left -= header.Size
	target := filepath.Join(u.to, filepath.FromSlash(name))
	if err := os.MkdirAll(filepath.Dir(target), 0o700); err != nil {
		return fail(ca.Damaged, "the backup holds %q, below a file: %w", short(name), err)
	}
	out, err := os.OpenFile(target, os.O_WRONLY|os.O_CREATE|os.O_EXCL, restoredMode(name,
		header.FileInfo().Mode().Perm()))
	if errors.Is(err, fs.ErrExist) {
		return fail(ca.Damaged, "the backup holds %q twice", short(name))
	}
	if err != nil {
		return fail(ca.Unwritable, "cannot make the lab: %w", err)
	}
	defer out.Close()
	sum := sha256.New()
	n, err := io.Copy(io.MultiWriter(out, sum), content)
	if err == nil && n != header.Size {
		err = io.ErrUnexpectedEOF
	}
	if err := errors.Join(err, out.Close()); err != nil {
		var disk *fs.PathError
		if errors.As(err, &disk) {
			return fail(ca.Unwritable, "cannot make the lab: %w", err)
		}
		return fail(ca.Damaged, "the backup is cut off, or not a backup of igc: %w", err)
	}
	u.sums[name] = BackupFile{name, n, store.Hash(sum.Sum(nil))}
	return nil
}

// isSparse tells a file with holes, which can be longer than the archive.
func isSparse(header *tar.Header) bool {
	for key := range header.PAXRecords {
		if strings.HasPrefix(key, "GNU.sparse.") {
			return true
		}
	}
	return false
}

// restoredMode is the mode of a file: its owner's alone, but for what is published.
func restoredMode(name string, mode fs.FileMode) fs.FileMode {
	first, _, _ := strings.Cut(name, "/")
	if first == "publication" || first == "module" {
		return mode&0o755 | 0o600
	}
	return mode&0o700 | 0o600
}

// checkManifest holds the files to the manifest: each as it says, none beside it.
func (u *unpacking) checkManifest() error {
	dec := json.NewDecoder(bytes.NewReader(u.manifest))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&u.Backup); err != nil {
		return fail(ca.Damaged, "the backup's manifest cannot be read: %w", err)
	}
	if u.Format != backupFormat {
		return fail(ca.Invalid, "the backup has format %d, and this igc reads %d: use the igc that made it", u.Format,
			backupFormat)
	}
	for _, want := range u.Files {
		got, ok := u.sums[want.Name]
		switch {
		case !ok:
			return fail(ca.Damaged, "the backup lacks %q, which its manifest has", short(want.Name))
		case got != want:
			return fail(ca.Damaged, "%q in the backup is not the file that its manifest has: it was changed",
				short(want.Name))
		}
		delete(u.sums, want.Name)
	}
	for name := range u.sums {
		return fail(ca.Damaged, "the backup holds %q, which its manifest lacks", short(name))
	}
	for _, name := range []string{recordsFile, "igc.yaml"} {
		if !slices.ContainsFunc(u.Files, func(f BackupFile) bool { return f.Name == name }) {
			return fail(ca.Damaged, "the backup lacks %q", name)
		}
	}
	return nil
}

// checkRestored looks at a lab that is not named yet: its records whole, its feed against its
// hashes, its signed head and the manifest. Then the numbers of its CRLs grow, and the feed says
// that it was restored.
func checkRestored(ctx context.Context, home string, b *Backup, opts Options) error {
	look := opts
	look.ReadOnly = true
	l, err := Open(home, look)
	if err != nil {
		return err
	}
	defer l.Close()
	if at := l.InDatabase(); at != "" {
		return fail(ca.Invalid, "the records of the lab in this backup are in the database %s: igc restores those "+
			"of a file", at)
	}
	if err := l.CheckRecords(); err != nil {
		return err
	}
	signed, err := l.ReadHead()
	if err != nil {
		return err
	}
	report, err := ca.VerifyFeed(ctx, l.CA, signed, "")
	switch {
	case err != nil:
		return err
	case report.Broken != "":
		return fail(ca.Damaged, "the change feed of the backup does not hold, at entry %d: %s", report.Suspected,
			report.Broken)
	case report.Entries != b.Feed.Seq || report.Hash != b.Feed.Hash:
		return fail(ca.Damaged, "the change feed of the backup ends with entry %d, and its manifest has entry %d",
			report.Entries, b.Feed.Seq)
	}
	if l, err = Open(home, opts); err != nil {
		return err
	}
	defer l.Close()
	infos, err := l.Authorities(ctx)
	if err != nil {
		return err
	}
	return l.store.Restore(ctx, l.Actor(), func(tx store.RestoreTx) error {
		for _, info := range infos {
			state, err := tx.CRLState(info.ID)
			if err != nil {
				return err
			}
			if state.Number > 0 {
				if err := tx.RestoreCRLNumber(info.ID, state.Number+crlMargin); err != nil {
					return err
				}
			}
		}
		return tx.Append(store.Change{Kind: store.LabRestored, Note: fmt.Sprintf("backup of %s, entry %d",
			b.At.Format(time.RFC3339), b.Feed.Seq)})
	})
}

func short(name string) string {
	if r := []rune(name); len(r) > 80 {
		return string(r[:80]) + "…"
	}
	return name
}
