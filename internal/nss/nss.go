// Package nss reads and changes what the databases of NSS hold, in which Chromium and Firefox keep
// certificates. It runs certutil, and finds a certificate by its bytes: its nickname is whatever
// the first program that brought it said.
package nss

import (
	"bytes"
	"crypto/x509"
	"encoding/asn1"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"github.com/igc-lab/igc/internal/i18n"
)

// Database is the folder of an NSS database.
type Database string

// Exists tells whether the folder holds a database of the form that NSS has written since 2018.
func (d Database) Exists() bool {
	_, err := os.Stat(filepath.Join(string(d), "cert9.db"))
	return err == nil
}

// Certificate is one that a database holds.
type Certificate struct {
	Nickname string
	Trust    string // flags for TLS, e-mail and code, such as "C,,"; C is a trusted authority
	DER      []byte
}

// TrustedCA tells whether TLS servers under the certificate are trusted.
func (c Certificate) TrustedCA() bool {
	tls, _, _ := strings.Cut(c.Trust, ",")
	return strings.Contains(tls, "C")
}

// Nicknames lists what the database itself holds, without its modules: nickname and trust only.
func (d Database) Nicknames() ([]Certificate, error) {
	if !d.Exists() {
		return nil, nil
	}
	out, err := d.certutil(nil, "-L", "-h", "internal")
	if err != nil {
		return nil, err
	}
	return parseListing(string(out)), nil
}

// parseListing reads lines of a nickname, blanks, and three flags of trust.
func parseListing(out string) (all []Certificate) {
	for line := range strings.Lines(out) {
		line = strings.TrimRight(line, " \r\n")
		i := strings.LastIndexByte(line, ' ')
		if i < 0 || strings.Count(line[i:], ",") != 2 || strings.HasSuffix(line, "SSL,S/MIME,JAR/XPI") {
			continue
		}
		all = append(all, Certificate{Nickname: strings.TrimSpace(line[:i]), Trust: line[i+1:]})
	}
	return all
}

// Find lists the entries under which the database holds the certificate. There may be several
// nicknames.
func (d Database) Find(cert *x509.Certificate) (found []Certificate, err error) {
	all, err := d.Nicknames()
	if err != nil {
		return nil, err
	}
	for _, c := range all {
		out, err := d.certutil(nil, "-L", "-n", c.Nickname, "-r")
		if err != nil { // somebody else's, with a nickname that certutil does not take
			continue
		}
		// It writes the certificate of that nickname, and after it the others of the same subject,
		// as roots of two labs are.
		var first asn1.RawValue
		if _, err := asn1.Unmarshal(out, &first); err != nil || !bytes.Equal(first.FullBytes, cert.Raw) {
			continue
		}
		c.DER = cert.Raw
		found = append(found, c)
	}
	return found, nil
}

// Trusts tells whether the database trusts TLS servers under that root.
func (d Database) Trusts(root *x509.Certificate) (bool, error) {
	found, err := d.Find(root)
	for _, c := range found {
		if c.TrustedCA() {
			return true, nil
		}
	}
	return false, err
}

// Trust has the database trust TLS servers under the root. It adds the root under that nickname;
// one that is there already, as an import of a PKCS#12 leaves it, keeps its own.
func (d Database) Trust(root *x509.Certificate, nickname string) error {
	found, err := d.Find(root)
	if err != nil {
		return err
	}
	for _, c := range found {
		if c.TrustedCA() {
			return nil
		}
	}
	if len(found) == 0 {
		_, err = d.certutil(root.Raw, "-A", "-n", nickname, "-t", "C,,")
	} else {
		err = d.SetTrust(found[0].Nickname, "C"+found[0].Trust)
	}
	if err != nil {
		return err
	}
	if trusted, err := d.Trusts(root); err != nil || !trusted {
		return errors.Join(err, i18n.Errorf("%s does not trust %s although certutil reports no error",
			d, root.Subject.CommonName))
	}
	return nil
}

// SetTrust gives the certificate of that nickname those flags.
func (d Database) SetTrust(nickname, flags string) error {
	_, err := d.certutil(nil, "-M", "-n", nickname, "-t", flags)
	return err
}

// Remove takes the certificate out, under every nickname that it has, and looks again whether it is
// gone. It returns what was there.
func (d Database) Remove(cert *x509.Certificate) (removed []Certificate, err error) {
	if removed, err = d.Find(cert); err != nil {
		return nil, err
	}
	for _, c := range removed {
		if _, err := d.certutil(nil, "-D", "-n", c.Nickname); err != nil {
			return nil, err
		}
	}
	left, err := d.Find(cert)
	if err == nil && len(left) > 0 {
		err = i18n.Errorf("%s still holds it as %q", d, left[0].Nickname)
	}
	return removed, err
}

// RemovalCommand is what a person types to take the certificate out. certutil asks them for the
// database's password, when it has one.
func (d Database) RemovalCommand(cert *x509.Certificate) []string {
	nickname := cert.Subject.CommonName
	if found, err := d.Find(cert); err == nil && len(found) > 0 {
		nickname = found[0].Nickname
	}
	return []string{"certutil", "-d", "sql:" + string(d), "-D", "-n", nickname}
}

// certutil runs it on the database and returns what it wrote.
func (d Database) certutil(in []byte, args ...string) ([]byte, error) {
	cmd := exec.Command("certutil", append([]string{"-d", "sql:" + string(d)}, args...)...)
	var stderr bytes.Buffer
	cmd.Stdin, cmd.Stderr = bytes.NewReader(in), &stderr
	out, err := cmd.Output()
	if err != nil {
		return nil, i18n.Errorf("certutil %s on %s: %w: %s", args[0], d, err, firstLine(stderr.String()))
	}
	return out, nil
}

func firstLine(text string) string {
	line, _, _ := strings.Cut(strings.TrimSpace(text), "\n")
	return line
}
