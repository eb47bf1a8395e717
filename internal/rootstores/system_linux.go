package rootstores

import (
	"bytes"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"os"
	"path/filepath"
	"strings"

	"github.com/smallstep/truststore"

	"github.com/igc-lab/igc/internal/i18n"
)

// bundles are the files that programs read, made of the folder of the machine's own roots:
// Debian's, Red Hat's, SUSE's, Arch's.
var bundles = []string{"/etc/ssl/certs/ca-certificates.crt", "/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem",
	"/var/lib/ca-certificates/ca-bundle.pem", "/etc/ca-certificates/extracted/tls-ca-bundle.pem"}

// system is the folder of the machine's own roots, and the command that makes the bundles of it.
type system struct {
	folder  string
	command []string
}

func systemStore() (Store, bool) {
	return system{filepath.Dir(truststore.SystemTrustFilename), truststore.SystemTrustCommand}, truststore.SystemTrustCommand != nil
}

func (s system) Kind() string { return "system" }
func (s system) Path() string { return s.folder }

func (s system) Install(root *x509.Certificate) (bool, error) {
	if files, err := s.files(root); err != nil || len(files) > 0 && inBundles(root) != "" {
		return false, err
	}
	if err := truststore.Install(root); err != nil {
		return false, err
	}
	if inBundles(root) == "" {
		return true, i18n.Errorf("%s reports no error, and the root is not in %s",
			s.command[0], strings.Join(existing(bundles), ", "))
	}
	return true, nil
}

func (s system) Uninstall(root *x509.Certificate) (bool, error) {
	files, err := s.files(root)
	if err != nil {
		return false, err
	}
	if len(files) == 0 && inBundles(root) == "" {
		return false, nil
	}
	for _, file := range files {
		if certificates, _ := readPEM(file); len(certificates) > 1 {
			return false, i18n.Errorf("%s holds other certificates too: take the root out of it with an editor", file)
		}
		if err := sudo("rm", "-f", file); err != nil {
			return false, err
		}
	}
	if err := sudo(s.update()...); err != nil {
		return false, err
	}
	if file := inBundles(root); file != "" {
		return true, i18n.Errorf("%s still has it", file)
	}
	return true, nil
}

func (s system) Command(root *x509.Certificate) []string {
	words := []string{"sudo", "sh", "-c"}
	script := strings.Join(s.update(), " ")
	if files, err := s.files(root); err == nil && len(files) > 0 {
		script = "rm -f " + strings.Join(files, " ") + " && " + script
	}
	return append(words, script)
}

// update is the command that makes the bundles anew. Debian's leaves the links of a root that has
// gone, unless it starts afresh.
func (s system) update() []string {
	if s.command[0] == "update-ca-certificates" {
		return append([]string{s.command[0]}, "--fresh")
	}
	return s.command
}

// files are those of the folder that hold the root.
func (s system) files(root *x509.Certificate) (found []string, err error) {
	entries, err := os.ReadDir(s.folder)
	if err != nil {
		return nil, err
	}
	for _, e := range entries {
		path := filepath.Join(s.folder, e.Name())
		certificates, err := readPEM(path)
		if err != nil {
			continue // another user's, or a folder
		}
		for _, der := range certificates {
			if bytes.Equal(der, root.Raw) {
				found = append(found, path)
				break
			}
		}
	}
	return found, nil
}

// inBundles is the bundle that has the root, empty for none.
func inBundles(root *x509.Certificate) string {
	for _, path := range existing(bundles) {
		certificates, _ := readPEM(path)
		for _, der := range certificates {
			if bytes.Equal(der, root.Raw) {
				return path
			}
		}
	}
	return ""
}

func existing(paths []string) (all []string) {
	for _, path := range paths {
		if exists(path) {
			all = append(all, path)
		}
	}
	return all
}

// readPEM are the certificates of a file, which is PEM, or DER.
func readPEM(path string) (all [][]byte, err error) {
	data, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	for block, rest := pem.Decode(data); block != nil; block, rest = pem.Decode(rest) {
		all = append(all, block.Bytes)
	}
	if len(all) == 0 {
		all = [][]byte{data}
	}
	return all, nil
}

func sudo(command ...string) error {
	out, err := truststore.CommandWithSudo(command...).CombinedOutput()
	if err != nil {
		return errors.Join(i18n.Errorf("%s: %w", strings.Join(command, " "), err), errors.New(firstLine(out)))
	}
	return nil
}
