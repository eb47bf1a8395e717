package install

import (
	"bytes"
	"crypto/x509"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"github.com/igc-lab/igc/internal/nss"
)

// databases are those of Chromium and Chrome: ~/.pki/nssdb, and ~/.local/share/pki/nssdb, which
// newer ones use where the former is missing. Where there is neither, the former is made: old and
// new ones read it.
func (s Setting) databases() []string {
	if _, err := exec.LookPath("certutil"); err != nil {
		return nil
	}
	usual := filepath.Join(s.User, ".pki", "nssdb")
	var all []string
	for _, dir := range []string{usual, filepath.Join(s.User, ".local", "share", "pki", "nssdb")} {
		if isDatabase(dir) {
			all = append(all, dir)
		}
	}
	if len(all) == 0 {
		all = []string{usual}
	}
	return all
}

func isDatabase(dir string) bool { return nss.Database(dir).Exists() }

func (s Setting) database(dir string) Change {
	return Change{Place: "nss", Kind: "database", Target: dir, done: func() bool { return isDatabase(dir) },
		do: func() error {
			if err := os.MkdirAll(dir, 0o700); err != nil {
				return err
			}
			return run("certutil", "-d", "sql:"+dir, "-N", "--empty-password")
		}}
}

// nssModule adds the module. FRIENDLY has certificates read before the PIN: the browser shows its
// picker, then asks the PIN of the chosen card only.
func (s Setting) nssModule(dir string) Change {
	return Change{Place: "nss", Kind: "module", Target: dir, Item: ModuleName,
		done: func() bool {
			modules, err := os.ReadFile(filepath.Join(dir, "pkcs11.txt"))
			return err == nil && bytes.Contains(modules, []byte("library="+s.library()+"\n"))
		},
		do: func() error {
			if err := removeModule(dir, ModuleName); err != nil { // of another lab
				return err
			}
			return run("modutil", "-force", "-dbdir", "sql:"+dir, "-add", ModuleName, "-libfile", s.library(), "-mechanisms", "FRIENDLY")
		}}
}

func removeModule(dir, name string) error {
	modules, err := os.ReadFile(filepath.Join(dir, "pkcs11.txt"))
	if err != nil || !bytes.Contains(modules, []byte("name="+name+"\n")) {
		return nil
	}
	return run("modutil", "-force", "-dbdir", "sql:"+dir, "-delete", name)
}

// nssRoot has the database trust a root, which it may hold already: an import of a card's PKCS#12
// brings it, under another name and without trust. The note has what it takes to undo it: the root,
// and its flags of trust from before.
func (s Setting) nssRoot(dir string, root *x509.Certificate) Change {
	db := nss.Database(dir)
	c := Change{Place: "nss", Kind: "root", Target: dir, Item: rootName(root), After: root.Raw}
	found, _ := db.Find(root)
	for _, held := range found {
		c.Before = []byte(held.Trust)
	}
	c.done = func() bool { trusted, err := db.Trusts(root); return err == nil && trusted }
	c.do = func() error { return db.Trust(root, rootName(root)) }
	return c
}

// removeRoot takes a root out, or has it as trusted as it was before. Notes of earlier versions
// have its name only.
func removeRoot(c Change) error {
	db := nss.Database(c.Target)
	if c.After == nil {
		return removeNickname(db, c.Item)
	}
	root, err := x509.ParseCertificate(c.After)
	if err != nil {
		return err
	}
	if c.Before == nil {
		_, err := db.Remove(root)
		return err
	}
	found, err := db.Find(root)
	for _, held := range found {
		err = errors.Join(err, db.SetTrust(held.Nickname, string(c.Before)))
	}
	return err
}

func removeNickname(db nss.Database, name string) error {
	all, err := db.Nicknames()
	for _, c := range all {
		if c.Nickname == name {
			return run("certutil", "-d", "sql:"+string(db), "-D", "-n", name)
		}
	}
	return err
}

// forgetDatabase removes a database that was made for the module, unless a browser has put
// something in it since.
func forgetDatabase(dir string) error {
	if held, err := nss.Database(dir).Nicknames(); !isDatabase(dir) || len(held) > 0 || err != nil {
		return err
	}
	if out, _ := exec.Command("certutil", "-d", "sql:"+dir, "-K").CombinedOutput(); !strings.Contains(string(out), "no keys found") {
		return nil
	}
	var err error
	for _, name := range []string{"cert9.db", "key4.db", "pkcs11.txt"} {
		err = errors.Join(err, os.Remove(filepath.Join(dir, name)))
	}
	return err
}
