// Package reference finds the real certificates, CRLs and tables that tests compare against. They
// stand beside the project, never in it.
package reference

import (
	"encoding/pem"
	"os"
	"path/filepath"
	"testing"
)

// Dir is the reference folder: $IGC_REFERENCE, else ../shared/reference beside the checkout. The
// test is skipped, and says so, where there is none.
func Dir(t testing.TB) string {
	t.Helper()
	if dir := os.Getenv("IGC_REFERENCE"); dir != "" {
		return dir
	}
	wd, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	for dir := wd; dir != filepath.Dir(dir); dir = filepath.Dir(dir) {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			ref := filepath.Join(dir, "..", "shared", "reference")
			if _, err := os.Stat(ref); err == nil {
				return ref
			}
		}
	}
	t.Skip("SKIPPED: the reference certificates are not beside the checkout (set IGC_REFERENCE to their folder)")
	return ""
}

// Read returns the DER content of a PEM file of the folder, such as "certificates/TEST-ACR-EL.pem".
func Read(t testing.TB, name string) []byte {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(Dir(t), name))
	if err != nil {
		t.Fatal(err)
	}
	block, _ := pem.Decode(data)
	if block == nil {
		t.Fatalf("%s holds no PEM", name)
	}
	return block.Bytes
}
