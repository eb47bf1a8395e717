package rootstores

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	mathrand "math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/smallstep/truststore"

	"github.com/igc-lab/igc/internal/peer"
)

// newRoot makes a root. All have the same name, as those of two labs have.
func newRoot(t *testing.T) *x509.Certificate {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(mathrand.Int64()), Subject: pkix.Name{CommonName: "TEST Racine été"}, IsCA: true, BasicConstraintsValid: true,
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().AddDate(1, 0, 0), KeyUsage: x509.KeyUsageCertSign}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	root, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return root
}

func write(t *testing.T, path string, data []byte, mode os.FileMode) string {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, data, mode); err != nil {
		t.Fatal(err)
	}
	return path
}

func toPEM(root *x509.Certificate) []byte {
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: root.Raw})
}

func install(t *testing.T, s Store, root *x509.Certificate, want bool) {
	t.Helper()
	if changed, err := s.Install(root); err != nil || changed != want {
		t.Errorf("%s: install changed it: %t, %v; want %t", s.Kind(), changed, err, want)
	}
}

func uninstall(t *testing.T, s Store, root *x509.Certificate, want bool) {
	t.Helper()
	if changed, err := s.Uninstall(root); err != nil || changed != want {
		t.Errorf("%s: uninstall changed it: %t, %v; want %t", s.Kind(), changed, err, want)
	}
}

// The system's store, on a machine in a folder whose update command puts the files of roots
// together.
func TestSystem(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Setenv("PATH", noSudo(t))
	}
	dir := t.TempDir()
	folder, bundle := filepath.Join(dir, "roots"), filepath.Join(dir, "bundle.crt")
	if err := os.Mkdir(folder, 0o755); err != nil {
		t.Fatal(err)
	}
	command := write(t, filepath.Join(dir, "update"), []byte("#!/bin/sh\ncat "+folder+"/* /dev/null >"+bundle+"\n"), 0o755)
	savedFile, savedCommand, savedBundles := truststore.SystemTrustFilename, truststore.SystemTrustCommand, bundles
	t.Cleanup(func() {
		truststore.SystemTrustFilename, truststore.SystemTrustCommand, bundles = savedFile, savedCommand, savedBundles
	})
	truststore.SystemTrustFilename, truststore.SystemTrustCommand, bundles = folder+"/%s.crt", []string{command}, []string{bundle}
	s, ok := systemStore()
	if !ok || s.Path() != folder {
		t.Fatalf("the store is %v", s)
	}
	mine, other := newRoot(t), newRoot(t)
	write(t, filepath.Join(folder, "others.crt"), toPEM(other), 0o644)
	install(t, s, mine, true)
	install(t, s, mine, false)
	write(t, filepath.Join(folder, "under-another-name.crt"), toPEM(mine), 0o644)
	uninstall(t, s, mine, true)
	uninstall(t, s, mine, false)
	if inBundles(mine) != "" || inBundles(other) == "" {
		t.Errorf("the bundle has mine: %t, the other: %t", inBundles(mine) != "", inBundles(other) != "")
	}
	uninstall(t, s, newRoot(t), false)

	// one that is in a file of several is left to a person, and one that the update leaves is an
	// error
	both := write(t, filepath.Join(folder, "both.crt"), append(toPEM(mine), toPEM(other)...), 0o644)
	if _, err := s.Uninstall(mine); err == nil || !strings.Contains(err.Error(), both) {
		t.Errorf("a file of several certificates: %v", err)
	}
	if data, _ := os.ReadFile(both); !bytes.Contains(data, toPEM(other)) {
		t.Error("the file of several certificates was changed")
	}
	os.Remove(both)
	install(t, s, mine, true)
	write(t, command, []byte("#!/bin/sh\nexit 0\n"), 0o755)
	if _, err := s.Uninstall(mine); err == nil || !strings.Contains(err.Error(), bundle) {
		t.Errorf("an update that does nothing: %v", err)
	}
	if words := strings.Join(s.Command(mine), " "); !strings.Contains(words, command) {
		t.Errorf("what to type: %s", words)
	}
}

// noSudo is a PATH without sudo, which would ask for a password.
func noSudo(t *testing.T) string {
	t.Helper()
	bin := t.TempDir()
	for _, program := range []string{"sh", "cat", "tee", "rm"} {
		if err := os.Symlink(peer.Need(t, program), filepath.Join(bin, program)); err != nil {
			t.Fatal(err)
		}
	}
	return bin
}

// Java's store: a root under any alias is found, one that is only in the chain of a key is not a
// trusted one.
func TestJava(t *testing.T) {
	keytool, err := filepath.EvalSymlinks(peer.Need(t, "keytool"))
	if err != nil {
		t.Fatal(err)
	}
	home := t.TempDir()
	write(t, filepath.Join(home, "bin/keytool"), []byte("#!/bin/sh\nexec "+keytool+" \"$@\"\n"), 0o755)
	cacerts := filepath.Join(home, "lib/security/cacerts")
	mine, other := newRoot(t), newRoot(t)
	add := func(alias string, root *x509.Certificate) {
		file := write(t, filepath.Join(home, alias+".pem"), toPEM(root), 0o644)
		if err := os.MkdirAll(filepath.Dir(cacerts), 0o755); err != nil {
			t.Fatal(err)
		}
		peer.Run(t, keytool, "-importcert", "-noprompt", "-alias", alias, "-file", file, "-keystore", cacerts, "-storepass", "changeit")
	}
	add("theirs", other)
	t.Setenv("JAVA_HOME", home)
	s, ok := javaStore()
	if !ok || s.Path() != cacerts {
		t.Fatalf("the store is %v", s)
	}
	install(t, s, mine, true)
	install(t, s, mine, false)
	add("debian:mine.pem", mine)
	s, _ = javaStore() // which has not looked yet
	uninstall(t, s, mine, true)
	uninstall(t, s, mine, false)
	list := peer.Run(t, keytool, "-list", "-keystore", cacerts, "-storepass", "changeit")
	if strings.Contains(list, "mine") || strings.Contains(list, "racine") || !strings.Contains(list, "theirs") {
		t.Errorf("the keystore holds\n%s", list)
	}
}

func TestParseKeystore(t *testing.T) {
	mine := newRoot(t)
	text := "Keystore type: PKCS12\n\nAlias name: a key\nEntry type: PrivateKeyEntry\nCertificate[1]:\n" + string(toPEM(mine)) +
		"\nAlias name: a root\r\nCreation date: Nov 25, 2026\nEntry type: trustedCertEntry\n\n" + string(toPEM(mine)) +
		"\nAlias name: another\nEntry type: trustedCertEntry\n\n" + string(toPEM(newRoot(t)))
	if got := parseKeystore([]byte(text), mine.Raw); len(got) != 1 || got[0] != "a root" {
		t.Errorf("found %q", got)
	}
}

// NSS databases: one root under two nicknames cannot be made with certutil, but two roots of one
// name can.
func TestNSS(t *testing.T) {
	certutil := peer.Need(t, "certutil")
	home := t.TempDir()
	dir := filepath.Join(home, ".pki", "nssdb")
	if err := os.MkdirAll(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	peer.Run(t, certutil, "-d", "sql:"+dir, "-N", "--empty-password")
	if err := os.MkdirAll(filepath.Join(home, ".mozilla/firefox/Crash Reports"), 0o700); err != nil { // no database
		t.Fatal(err)
	}
	t.Setenv("JAVA_HOME", "")
	stores, missing := Find(home, false)
	if len(stores) != 1 || stores[0].Path() != dir || len(missing) != 2 || missing[0].Software != "Firefox" {
		t.Fatalf("found %v, missing %v", stores, missing)
	}
	s := stores[0]
	mine, other := newRoot(t), newRoot(t)
	file := write(t, filepath.Join(home, "other.pem"), toPEM(other), 0o600)
	peer.Run(t, certutil, "-d", "sql:"+dir, "-A", "-n", "host:theirs", "-t", "C,,", "-i", file)
	install(t, s, mine, true)
	install(t, s, mine, false)
	install(t, s, other, false)
	uninstall(t, s, mine, true)
	uninstall(t, s, mine, false)
	if list := peer.Run(t, certutil, "-d", "sql:"+dir, "-L"); strings.Count(list, "C,,") != 1 || !strings.Contains(list, "theirs") {
		t.Errorf("the database holds\n%s", list)
	}
	uninstall(t, s, other, true)
}
