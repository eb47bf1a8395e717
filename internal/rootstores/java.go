package rootstores

import (
	"bytes"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"

	"github.com/smallstep/truststore"

	"github.com/igc-lab/igc/internal/i18n"
)

// java is the cacerts file of the Java in JAVA_HOME.
type java struct {
	keytool, cacerts string
	listing          []byte // of what it holds; nil: to be asked for, which takes a second
}

func javaStore() (Store, bool) {
	home := os.Getenv("JAVA_HOME")
	if home == "" {
		return nil, false
	}
	j := &java{keytool: filepath.Join(home, "bin", "keytool")}
	if runtime.GOOS == "windows" {
		j.keytool += ".exe"
	}
	for _, dir := range []string{"lib", filepath.Join("jre", "lib")} { // the latter is of Java 8, and what its JDK reads
		if path := filepath.Join(home, dir, "security", "cacerts"); exists(path) {
			j.cacerts = path
		}
	}
	return j, j.cacerts != "" && exists(j.keytool)
}

func (j *java) Kind() string { return "Java" }
func (j *java) Path() string { return j.cacerts }

func (j *java) Install(root *x509.Certificate) (bool, error) {
	if names, err := j.aliases(root); len(names) > 0 || err != nil {
		return false, err
	}
	file, err := os.CreateTemp("", "igc-root-*.der")
	if err != nil {
		return false, err
	}
	defer os.Remove(file.Name())
	if _, err = file.Write(root.Raw); errors.Join(err, file.Close()) != nil {
		return false, err
	}
	if err := j.change(j.command("-importcert", "-noprompt", "-file", file.Name(), "-alias", rootName(root))); err != nil {
		return false, err
	}
	names, err := j.aliases(root)
	if err == nil && len(names) == 0 {
		err = errors.New("keytool reports no error, and the root is not there")
	}
	return true, err
}

func (j *java) Uninstall(root *x509.Certificate) (bool, error) {
	names, err := j.aliases(root)
	if err != nil {
		return false, err
	}
	for _, name := range names {
		if err := j.change(j.removal(name)); err != nil {
			return false, err
		}
	}
	left, err := j.aliases(root)
	if err == nil && len(left) > 0 {
		err = i18n.Errorf("it is still there as %q", left[0])
	}
	return len(names) > 0, err
}

func (j *java) Command(root *x509.Certificate) []string {
	alias := strings.ToLower(rootName(root))
	if names, err := j.aliases(root); err == nil && len(names) > 0 {
		alias = names[0]
	}
	return j.removal(alias)
}

func (j *java) command(words ...string) []string {
	return append([]string{j.keytool, "-J-Duser.language=en"}, append(words, "-keystore", j.cacerts, "-storepass", truststore.JavaStorePass)...)
}

func (j *java) removal(alias string) []string { return j.command("-delete", "-alias", alias) }

// aliases are the names under which the root is trusted.
func (j *java) aliases(root *x509.Certificate) ([]string, error) {
	if j.listing == nil {
		list := j.command("-list", "-rfc")
		out, err := exec.Command(list[0], list[1:]...).Output()
		if err != nil { // it writes its errors to stdout
			return nil, i18n.Errorf("keytool -list: %w: %s", err, firstLine(out))
		}
		j.listing = out
	}
	return parseKeystore(j.listing, root.Raw), nil
}

// change runs keytool, and once more as root where the file is not the user's to write. What the
// file holds is asked for anew afterwards.
func (j *java) change(command []string) error {
	j.listing = nil
	out, err := exec.Command(command[0], command[1:]...).CombinedOutput()
	if sudo, noSudo := exec.LookPath("sudo"); err != nil && noSudo == nil && bytes.Contains(out, []byte("FileNotFoundException")) {
		out, err = exec.Command(sudo, append([]string{"--"}, command...)...).CombinedOutput()
	}
	if err != nil {
		return i18n.Errorf("keytool %s: %w: %s", command[2], err, firstLine(out))
	}
	return nil
}

// parseKeystore reads the aliases of trusted certificates that have those bytes: a line "Alias
// name:", some about the entry, and PEM. The chain of a key is not a trust anchor, and is passed
// over.
func parseKeystore(out, der []byte) (aliases []string) {
	for _, entry := range bytes.Split(out, []byte("Alias name: "))[1:] {
		name, rest, _ := bytes.Cut(entry, []byte("\n"))
		block, _ := pem.Decode(rest)
		if bytes.Contains(rest, []byte("trustedCertEntry")) && block != nil && bytes.Equal(block.Bytes, der) {
			aliases = append(aliases, strings.TrimRight(string(name), "\r"))
		}
	}
	return aliases
}

func firstLine(out []byte) string {
	line, _, _ := strings.Cut(strings.TrimSpace(string(out)), "\n")
	return line
}
