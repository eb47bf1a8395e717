// Package structure holds the order in which the packages of the module import one another, and the
// test of it.
package structure

import (
	"encoding/json"
	"io"
	"os/exec"
	"slices"
	"strings"
	"testing"
)

const module = "github.com/igc-lab/igc/"

// layers are the packages from the top down. A package imports only packages of the layers below
// its own, and packages under its own folder. A name stands for the packages in its folder too,
// unless a longer name is in the table. A package that is not there yet is not an error; one that
// the table lacks is.
var layers = [][]string{
	{"cli"},
	{"serve"},
	{"console"},
	{"services/orders/pages", "services/orders/api", "services/orders/est", "services/orders/ejbca"},
	{"services/psc", "services/annuaire", "services/orders", "services/relying",
		"services/carddesk"},
	{"services/ecps"},
	{"services/clock"},
	{"testssl"},
	{"people/roster"},
	{"doctor", "batch", "testcards"},
	{"outbox"},
	{"people/population"},
	{"people"},
	{"access"},
	{"verify"},
	{"revocation"},
	{"revocation/publication"},
	{"revocation/ocsp", "revocation/ldap"},
	{"revocation/crl"},
	{"internal/web"}, // it issues the certificate of its own server
	{"lab"},
	{"lab/rpc"},
	{"ca"},
	{"ca/keys"},
	{"ca/store/transfer"},
	{"ca/store/database"},
	{"ca/store/bolt", "ca/store/postgres"},
	{"ca/store/storetest"},
	{"ca/store", "ca/store/followers"},
	{"card/module"},
	{"card/pkcs11", "card/vpcd", "card/install", "card/folder"},
	{"card/chip"},
	{"card"},
	{"fixtures"}, // a fixture is a profiles.Holder and a list of products
	{"profiles/csr", "profiles/inspect"},
	{"profiles/lint", "profiles/certfile"},
	{"profiles"},
	{"internal"},
}

// forTests are packages that only tests import; they import what they need.
var forTests = []string{"internal/labtest", "internal/interop", "internal/interop/oidc", "internal/interop/fhir", "internal/interop/orders",
	"internal/logins", "internal/cardtest", "internal/ordertest",
	"internal/peer", "internal/postgrestest",
	"internal/browsers", "internal/cluster",
	"internal/crash", "internal/damage", "internal/structure", "internal/reference", "internal/jsonschema"}

// testExceptions are imports of tests against the order that stand today, each with its reason. The
// test fails on one that is no longer needed, so that the list only shrinks.
var testExceptions = map[[2]string]string{
	{"ca/store/bolt", "ca"}:       "a test of the driver takes records that package ca has made",
	{"ca/store/bolt", "lab"}:      "a test of damage opens a whole lab",
	{"card", "ca"}:                issued,
	{"card/chip", "ca"}:           issued,
	{"card/module", "ca"}:         issued,
	{"card/pkcs11", "ca"}:         issued,
	{"card/vpcd", "ca"}:           issued,
	{"profiles", "fixtures"}:      people,
	{"profiles/lint", "fixtures"}: people,
}

const people = "the golden certificates are those of the lab's people"

const issued = "the tests take cards that a lab has issued: internal/cardtest could give them without the types of ca"

// goPackage is what go list says of a package.
type goPackage struct {
	ImportPath                         string
	Imports, TestImports, XTestImports []string
}

func TestImportOrder(t *testing.T) {
	cmd := exec.Command("go", "list", "-json=ImportPath,Imports,TestImports,XTestImports", "./...")
	cmd.Dir = "../.."
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	var stderr strings.Builder
	cmd.Stderr = &stderr
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	used := map[[2]string]bool{}
	count := 0
	for dec := json.NewDecoder(out); ; count++ {
		var p goPackage
		if err := dec.Decode(&p); err == io.EOF {
			break
		} else if err != nil {
			t.Fatalf("%v: %s", err, stderr.String())
		}
		name, _ := strings.CutPrefix(p.ImportPath, module)
		if within(name, forTests) {
			continue
		}
		if layer(name) < 0 {
			t.Errorf("%s is in no layer: add it to the table", name)
			continue
		}
		for _, path := range p.Imports {
			to, ours := strings.CutPrefix(path, module)
			switch {
			case !ours || allowed(name, to):
			case within(to, forTests):
				t.Errorf("%s imports %s, which is for tests", name, to)
			default:
				t.Errorf("%s imports %s, which is not below it", name, to)
			}
		}
		for _, path := range slices.Concat(p.TestImports, p.XTestImports) {
			to, ours := strings.CutPrefix(path, module)
			edge := [2]string{name, to}
			switch {
			case !ours || to == name || within(to, forTests) || allowed(name, to):
			case testExceptions[edge] != "":
				used[edge] = true
			default:
				t.Errorf("a test of %s imports %s, which is neither below it nor for tests", name, to)
			}
		}
	}
	if err := cmd.Wait(); err != nil || count == 0 {
		t.Fatalf("go list: %v: %s", err, stderr.String())
	}
	for edge, why := range testExceptions {
		if !used[edge] {
			t.Errorf("a test of %s no longer imports %s: remove the exception (%s)", edge[0], edge[1], why)
		}
	}
}

// layer is the place of a package in the table: that of the longest name that it is or is under; -1
// for none.
func layer(name string) int {
	found, length := -1, 0
	for i, names := range layers {
		for _, n := range names {
			if (name == n || strings.HasPrefix(name, n+"/")) && len(n) > length {
				found, length = i, len(n)
			}
		}
	}
	return found
}

// allowed says whether a package may import another: of a lower layer, under its own folder, or
// both in internal.
func allowed(from, to string) bool {
	f, l := layer(from), layer(to)
	if within(to, forTests) || l < 0 {
		return false
	}
	return l > f || strings.HasPrefix(to, from+"/") || strings.HasPrefix(from, "internal/") &&
		strings.HasPrefix(to, "internal/") ||
		strings.HasPrefix(from, "cli/") && (to == "cli" || strings.HasPrefix(to, "cli/"))
}

func within(name string, names []string) bool { return slices.Contains(names, name) }
