package lab

import (
	"archive/tar"
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
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
	"github.com/igc-lab/igc/lab/rpc"
)

// Backup says what a backup of a lab holds: its manifest, the last member of the archive.
type Backup struct {
	Format int       `json:"format"`
	At     time.Time `json:"at"`
	Feed   struct {  // the end of the change feed
		Seq  uint64     `json:"seq"`
		Hash store.Hash `json:"hash"`
	} `json:"feed"`
	Passphrase bool         `json:"passphrase"` // the one that the lab made is among the files
	Files      []BackupFile `json:"files"`
}

// BackupFile is a file of a backup.
type BackupFile struct {
	Name   string     `json:"name"` // from the home, with slashes
	Size   int64      `json:"size"`
	SHA256 store.Hash `json:"sha256"`
}

// Size is the size of all files together.
func (b *Backup) Size() (size int64) {
	for _, f := range b.Files {
		size += f.Size
	}
	return size
}

const (
	backupFormat   = 1
	manifestName   = "manifest.json"
	recordsFile    = "igc.db"
	passphraseFile = "passphrase"
	snapshotFile   = ".igc-backup-*"
)

// snapshot copies the records into a file of the home.
func (l *Lab) snapshot(ctx context.Context) (s rpc.Snapshot, err error) {
	f, err := os.CreateTemp(l.Home, snapshotFile) // 0600
	if err != nil {
		return s, fail(ca.Unwritable, "cannot copy the records: %w", err)
	}
	s.File = filepath.Base(f.Name())
	s.Head, err = l.file.Snapshot(ctx, f)
	if err = errors.Join(err, f.Close()); err != nil {
		return s, errors.Join(err, os.Remove(f.Name()))
	}
	return s, nil
}

// Backup writes a copy of the lab to a file, which must not be there yet: an archive (tar) of its
// home, whether a server runs or not. The records are as of one moment. What they may lack, cards,
// letters and CRLs, is copied before them, and keys, which they must not lack, after: a lab that is
// restored has no key too few and no certificate too many. Keys stay encrypted. Without passphrase,
// the one that the lab made is left out, and must be kept elsewhere.
func (c *Client) Backup(ctx context.Context, file string, passphrase bool) (made *Backup, err error) {
	if at := c.Lab.InDatabase(); at != "" {
		return nil, fail(ca.Invalid, "the records of this lab are in the database %s: back it up with pg_dump, and "+
			"the "+
			"folder %s beside it", at, c.Lab.Home)
	}
	out, err := os.CreateTemp(filepath.Dir(file), ".igc-*") // 0600
	if err != nil {
		return nil, fail(ca.Unwritable, "cannot write the backup: %w", err)
	}
	defer os.Remove(out.Name())
	defer out.Close()
	if _, err := os.Lstat(file); err == nil {
		return nil, fail(ca.Conflict, "%s is there already: a backup replaces no file, give another name", file)
	}
	b := &backup{home: c.Lab.Home, tar: tar.NewWriter(out), skip: []string{filepath.Base(out.Name())}}
	b.Format, b.At, b.Passphrase = backupFormat, c.Lab.opts.Now().UTC().Truncate(time.Second), passphrase
	if err := b.folder(ctx, ".", func(name string) bool {
		return name != "keys" && name != recordsFile && (passphrase || name != passphraseFile)
	}); err != nil {
		return nil, err
	}
	var copied rpc.Snapshot
	err = c.dispatch(ctx, true, func(s ca.Service) (err error) {
		if s == ca.Service(c.Lab.CA) {
			copied, err = c.Lab.snapshot(ctx)
		} else {
			copied, err = c.remote.Snapshot(ctx)
		}
		return err
	})
	if err != nil {
		return nil, err
	}
	records := filepath.Join(c.Lab.Home, filepath.Base(copied.File))
	b.Feed.Seq, b.Feed.Hash = copied.Head.Seq, copied.Head.Hash
	if err := errors.Join(b.file(recordsFile, records), os.Remove(records)); err != nil {
		return nil, err
	}
	if err := b.folder(ctx, "keys", nil); err != nil {
		return nil, err
	}
	if err := b.manifest(); err != nil {
		return nil, err
	}
	if err := errors.Join(b.tar.Close(), out.Sync(), out.Close()); err != nil {
		return nil, fail(ca.Unwritable, "cannot write the backup: %w", err)
	}
	if err := os.Link(out.Name(), file); err != nil { // which never replaces a file
		return nil, fail(ca.Unwritable, "cannot write the backup: %w", err)
	}
	return &b.Backup, errors.Join(os.Remove(out.Name()), atomicfile.SyncDir(filepath.Dir(file)))
}

// backup is a backup that is being written.
type backup struct {
	Backup
	home string
	tar  *tar.Writer
	skip []string // names of the file itself, which may be in the home
}

// folder adds the files of a folder of the home, and of those below it. At its first level, those
// that wanted refuses are left out. Sockets, links and what is not finished are left out, and what
// has gone meanwhile.
func (b *backup) folder(ctx context.Context, dir string, wanted func(name string) bool) error {
	entries, err := os.ReadDir(filepath.Join(b.home, filepath.FromSlash(dir)))
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fail(ca.Unwritable, "cannot read the lab: %w", err)
	}
	for _, e := range entries {
		if err := ctx.Err(); err != nil {
			return err
		}
		name := path.Join(dir, e.Name())
		switch {
		case wanted != nil && !wanted(e.Name()), isUnfinished(dir, e.Name()), slices.Contains(b.skip, e.Name()):
		case e.IsDir():
			err = b.folder(ctx, name, nil)
		case e.Type().IsRegular():
			err = b.file(name, filepath.Join(b.home, filepath.FromSlash(name)))
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// isUnfinished tells a file or folder that somebody is writing, or left so.
func isUnfinished(dir, name string) bool {
	return strings.HasPrefix(name, ".igc-") || slices.ContainsFunc(unfinishedNames[dir], func(begin string) bool {
		return strings.HasPrefix(name, begin)
	})
}

// file adds a file under a name. It is as long as it was when it was opened.
func (b *backup) file(name, from string) error {
	f, err := os.Open(from)
	if errors.Is(err, fs.ErrNotExist) && name != recordsFile {
		return nil
	}
	if err != nil {
		return fail(ca.Unwritable, "cannot read the lab: %w", err)
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return fail(ca.Unwritable, "cannot read the lab: %w", err)
	}
	sum := sha256.New()
	return b.add(name, info, io.TeeReader(f, sum), func() store.Hash { return store.Hash(sum.Sum(nil)) })
}

func (b *backup) add(name string, info fs.FileInfo, content io.Reader, sum func() store.Hash) error {
	header := &tar.Header{Typeflag: tar.TypeReg, Name: name, Size: info.Size(), Mode: int64(info.Mode().Perm()),
		ModTime: info.ModTime().Truncate(time.Second), Format: tar.FormatPAX}
	if err := b.tar.WriteHeader(header); err != nil {
		return fail(ca.Unwritable, "cannot write the backup: %w", err)
	}
	if n, err := io.CopyN(b.tar, content, info.Size()); err != nil {
		return fail(ca.Unwritable, "cannot write the backup: %s, after %d bytes: %w", name, n, err)
	}
	b.Files = append(b.Files, BackupFile{name, info.Size(), sum()})
	return nil
}

// manifest ends the archive.
func (b *backup) manifest() error {
	data, err := json.MarshalIndent(b.Backup, "", "  ")
	if err != nil {
		return err
	}
	header := &tar.Header{Typeflag: tar.TypeReg, Name: manifestName, Size: int64(len(data)), Mode: 0o600,
		ModTime: b.At, Format: tar.FormatPAX}
	if err := b.tar.WriteHeader(header); err != nil {
		return fail(ca.Unwritable, "cannot write the backup: %w", err)
	}
	if _, err := io.Copy(b.tar, bytes.NewReader(data)); err != nil {
		return fail(ca.Unwritable, "cannot write the backup: %w", err)
	}
	return nil
}
