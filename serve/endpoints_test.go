package serve

import (
	"reflect"
	"testing"

	"github.com/igc-lab/igc/ca"
	"github.com/igc-lab/igc/lab"
)

// Every address of igc.yaml is a row of the table under the same name, and no two rows share one.
func TestEndpointsAreThoseOfTheConfiguration(t *testing.T) {
	var l lab.Listen
	fields := map[any]string{}
	for i := range reflect.TypeFor[lab.Listen]().NumField() {
		fields[reflect.ValueOf(&l).Elem().Field(i).Addr().Interface()] = reflect.TypeFor[lab.Listen]().Field(i).Tag.Get("yaml")
	}
	for _, e := range Endpoints() {
		field := e.address(&l)
		if fields[field] != e.Name {
			t.Errorf("%s has the address of %q", e.Name, fields[field])
		}
		delete(fields, field)
	}
	for _, name := range fields {
		t.Errorf("no row has the address %s", name)
	}
}

// The ports of a row follow one another in the order of the table, and certificates name them.
func TestInRow(t *testing.T) {
	config := lab.DefaultConfig()
	if err := InRow(&config, 18080); err != nil {
		t.Fatal(err)
	}
	want := lab.Listen{Publication: "127.0.0.1:18080", TestSSL: "127.0.0.1:18081", TLS13: "127.0.0.1:18082",
		Strict: "127.0.0.1:18083", AnyCA: "127.0.0.1:18084", Directory: "127.0.0.1:18085",
		PSC: "127.0.0.1:18086", Wallet: "127.0.0.1:18087", CardLogin: "127.0.0.1:18088", Desk: "127.0.0.1:18089",
		Portal: "127.0.0.1:18090", CardDesk: "127.0.0.1:18091"}
	if config.Listen != want {
		t.Errorf("addresses: %+v", config.Listen)
	}
	if u := config.URLs; u.Publication != "http://localhost:18080" || u.OCSP != "http://localhost:18080/ocsp" ||
		u.Directory != "ldap://localhost:18085" {
		t.Errorf("URLs: %+v", u)
	}
	for _, first := range []int{-1, 0, 65525} {
		if err := InRow(&config, first); ca.KindOf(err) != ca.Invalid {
			t.Errorf("a row from %d: %v", first, err)
		}
	}
}
