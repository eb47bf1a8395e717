package publication

import (
	"bytes"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	"crypto/x509"

	"github.com/igc-lab/igc/ca"
	"github.com/igc-lab/igc/internal/atomicfile"
	"github.com/igc-lab/igc/internal/i18n"
	"github.com/igc-lab/igc/profiles"
	"github.com/igc-lab/igc/revocation/crl"
)

// marker is the file by which a folder is known to be igc's to replace.
const marker = ".igc-publication"

// Export writes what the publication point serves to a folder, under its paths, for a web server or
// a bucket. It is built beside the folder and takes its place at once: a reader finds the old tree
// or the new one. The folder must be empty, not there, or made by Export before.
func Export(dir string, authorities []ca.AuthorityInfo, lists []*crl.CRL) (err error) {
	dir, exists, err := exportable(dir)
	if err != nil {
		return err
	}
	beside, prefix := filepath.Dir(dir), "."+filepath.Base(dir)+".igc-"
	sweep(beside, prefix)
	tree, err := os.MkdirTemp(beside, prefix)
	if err != nil {
		return &ca.Error{Kind: ca.Unwritable, Err: err}
	}
	defer func() { err = errors.Join(err, os.RemoveAll(tree)) }() // what was built and is not wanted, or the old one
	if err := buildTree(tree, authorities, lists); err != nil {
		return &ca.Error{Kind: ca.Unwritable, Err: err}
	}
	if exists {
		err = atomicfile.Exchange(tree, dir)
	} else {
		err = os.Rename(tree, dir)
	}
	if err == nil {
		err = atomicfile.SyncDir(beside)
	}
	if err != nil {
		return &ca.Error{Kind: ca.Unwritable, Err: i18n.Errorf("cannot put the new tree in place of %s: %w", dir, err)}
	}
	if exists { // who has just opened the old folder may still open a file in it
		time.Sleep(100 * time.Millisecond)
	}
	return nil
}

// exportable finds the folder's real place, and whether it is there.
func exportable(dir string) (string, bool, error) {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return "", false, err
	}
	if real, err := filepath.EvalSymlinks(dir); err == nil {
		dir = real
	}
	entries, err := os.ReadDir(dir)
	if errors.Is(err, fs.ErrNotExist) {
		return dir, false, nil
	}
	if err != nil {
		return "", false, &ca.Error{Kind: ca.Invalid, Err: i18n.Errorf("cannot publish in %s: %w", dir, err)}
	}
	if _, err := os.Stat(filepath.Join(dir, marker)); err != nil && len(entries) > 0 {
		err = i18n.Errorf("%s holds files that igc did not publish: nothing is replaced; choose an empty folder", dir)
		return "", false, &ca.Error{Kind: ca.Conflict, Err: err}
	}
	return dir, true, nil
}

// sweep removes what an export that was killed left behind. One that runs now is not that old.
func sweep(beside, prefix string) {
	entries, _ := os.ReadDir(beside)
	for _, e := range entries {
		info, err := e.Info()
		if err == nil && strings.HasPrefix(e.Name(), prefix) && time.Since(info.ModTime()) > time.Hour {
			os.RemoveAll(filepath.Join(beside, e.Name()))
		}
	}
}

// buildTree writes the files. Their times are those of their content, so that a web server's
// Last-Modified is true.
func buildTree(tree string, authorities []ca.AuthorityInfo, lists []*crl.CRL) error {
	write := func(path string, content io.Reader, at time.Time) error {
		path = filepath.Join(tree, filepath.FromSlash(path))
		f, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o644)
		if err != nil {
			return err
		}
		_, err = io.Copy(f, content)
		if err = errors.Join(err, f.Chmod(0o644), f.Close()); err != nil {
			return err
		}
		return os.Chtimes(path, at, at)
	}
	folders := []string{"", "CRL", "AC TEST", profiles.PolicyPath}
	for _, folder := range folders {
		if err := os.MkdirAll(filepath.Join(tree, folder), 0o755); err != nil {
			return err
		}
		if err := os.Chmod(filepath.Join(tree, folder), 0o755); err != nil { // whatever the umask
			return err
		}
	}
	var newest time.Time
	for _, c := range lists {
		path := c.Authority.CRLPath()
		if c.Base != 0 {
			path = c.Authority.DeltaCRLPath()
		}
		if err := write(path, c.Reader(), c.ThisUpdate); err != nil {
			return err
		}
	}
	for _, info := range authorities {
		a, err := profiles.ParseAuthority(info.ID)
		if err != nil {
			return err
		}
		certificate, err := x509.ParseCertificate(info.DER)
		if err != nil {
			return err
		}
		if newest.Before(certificate.NotBefore) {
			newest = certificate.NotBefore
		}
		if err := write(a.CertificatePath(), bytes.NewReader(info.DER), certificate.NotBefore); err != nil {
			return err
		}
	}
	chain, err := certificatesOnly(authorities)
	if err != nil {
		return err
	}
	for path, content := range map[string][]byte{profiles.ChainPath: pemOfPKCS7(chain), profiles.ChainDERPath: chain,
		profiles.PolicyPath + "/" + indexFile: policyPage,
		marker:                                []byte("igc publish made this folder, and replaces it.\n")} {
		if err := write(path, bytes.NewReader(content), newest); err != nil {
			return err
		}
	}
	for _, folder := range folders {
		if err := atomicfile.SyncFiles(filepath.Join(tree, folder)); err != nil {
			return err
		}
	}
	return nil
}
