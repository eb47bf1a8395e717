package install

import (
	"bytes"
	"crypto/x509"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// databases are those of Chromium and Chrome: ~/.pki/nssdb, and ~/.local/share/pki/nssdb, which newer ones use where the former is
// missing. Where there is neither, the former is made: old and new ones read it.
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

func isDatabase(dir string) bool {
	_, err := os.Stat(filepath.Join(dir, "cert9.db"))
	return err == nil
}

func (s Setting) database(dir string) Change {
	return Change{Place: "nss", Kind: "database", Target: dir, done: func() bool { return isDatabase(dir) },
		do: func() error {
			if err := os.MkdirAll(dir, 0o700); err != nil {
				return err
			}
			return run("certutil", "-d", "sql:"+dir, "-N", "--empty-password")
		}}
}

// nssModule adds the module. FRIENDLY has certificates read before the PIN: the browser shows its picker, then asks the PIN of
// the chosen card only.
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

// nssRoot adds a root, unless the database knows it under whatever name.
func (s Setting) nssRoot(dir string, root *x509.Certificate, file string) Change {
	return Change{Place: "nss", Kind: "root", Target: dir, Item: rootName(root),
		done: func() bool {
			for _, name := range nicknames(dir) {
				der, err := exec.Command("certutil", "-d", "sql:"+dir, "-L", "-n", name, "-r").Output()
				if err == nil && bytes.Equal(der, root.Raw) {
					return true
				}
			}
			return false
		},
		do: func() error {
			if err := removeRoot(dir, rootName(root)); err != nil { // of a lab that was there before
				return err
			}
			return run("certutil", "-d", "sql:"+dir, "-A", "-n", rootName(root), "-t", "C,,", "-i", file)
		}}
}

func removeRoot(dir, name string) error {
	for _, n := range nicknames(dir) {
		if n == name {
			return run("certutil", "-d", "sql:"+dir, "-D", "-n", name)
		}
	}
	return nil
}

// nicknames are those of the certificates that the database itself holds: a name, blanks, and three flags of trust.
func nicknames(dir string) []string {
	if !isDatabase(dir) {
		return nil
	}
	out, err := exec.Command("certutil", "-d", "sql:"+dir, "-L", "-h", "internal").Output()
	if err != nil {
		return nil
	}
	var names []string
	for line := range strings.Lines(string(out)) {
		line = strings.TrimRight(line, " \n")
		i := strings.LastIndexByte(line, ' ')
		if i < 0 || strings.Count(line[i:], ",") != 2 || strings.HasSuffix(line, "SSL,S/MIME,JAR/XPI") {
			continue
		}
		names = append(names, strings.TrimSpace(line[:i]))
	}
	return names
}

// forgetDatabase removes a database that was made for the module, unless a browser has put something in it since.
func forgetDatabase(dir string) error {
	if !isDatabase(dir) || len(nicknames(dir)) > 0 {
		return nil
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
