package orders

import (
	"bytes"
	"flag"
	"fmt"
	"os"
	"testing"
)

var update = flag.Bool("update", false, "write docs/orders-codes.md anew")

// docs/orders-codes.md has every code, in both languages.
func TestCodes(t *testing.T) {
	var b bytes.Buffer
	const command = "`go test ./services/orders -run Codes -update`"
	fmt.Fprintf(&b, "# Les codes de la plateforme de commande / The codes of the ordering platform\n\n"+
		"Fait de `services/orders/codes.go` par %[1]s. Les refus par rôle sont dans [access.md](access.md).\n\n"+
		"Made from `services/orders/codes.go` by %[1]s. Refusals by role are in [access.md](access.md).\n", command)
	for _, code := range Codes() {
		r := refusals[code]
		fmt.Fprintf(&b, "\n## %s\n\n%s\n\n- %s\n- %s\n", code, r.kind, r.text.FR, r.text.EN)
	}
	const file = "../../docs/orders-codes.md"
	if *update {
		if err := os.WriteFile(file, b.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if got, err := os.ReadFile(file); err != nil || !bytes.Equal(got, b.Bytes()) {
		t.Errorf("docs/orders-codes.md is another (%v): run with -update", err)
	}
}
