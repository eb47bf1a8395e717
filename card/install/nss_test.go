package install

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/igc-lab/igc/internal/nss"
	"github.com/igc-lab/igc/internal/peer"
)

// A root that a PKCS#12 brought is not trusted yet: install trusts it under the name that it has,
// and undone it is as it was. A root of another lab has the same subject, and is left alone.
func TestRootOfPKCS12(t *testing.T) {
	s := machine(t)
	dir := filepath.Join(s.User, ".pki", "nssdb")
	if err := os.MkdirAll(dir, 0o700); err != nil {
		t.Fatal(err)
	}
	database, root, db := "sql:"+dir, s.Roots[0], nss.Database(dir)
	peer.Run(t, "certutil", "-d", database, "-N", "--empty-password")
	for name, der := range map[string][]byte{"of a PKCS12": root.Raw, "of another lab": machine(t).Roots[0].Raw} {
		file := filepath.Join(t.TempDir(), "root.der")
		put(t, file, string(der))
		peer.Run(t, "certutil", "-d", database, "-A", "-n", name, "-t", ",,", "-i", file)
	}
	list := func() string { return peer.Run(t, "certutil", "-d", database, "-L") }
	was := list()
	install(t, s)
	if trusted, err := db.Trusts(root); err != nil || !trusted || strings.Count(list(), ",,") != strings.Count(was, ",,")+len(s.Roots)-1 {
		t.Errorf("installed: trusts the root: %t, %v\n%s", trusted, err, list())
	}
	if plan, err := s.Plan([]string{"nss"}); err != nil || len(plan) != 0 {
		t.Errorf("a second time wants %v, %v", plan, err)
	}
	uninstall(t, s)
	if now := list(); now != was {
		t.Errorf("undone, the database holds\n%s\nand before\n%s", now, was)
	}
}
