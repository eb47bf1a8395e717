package keys

import (
	"bytes"
	"testing"

	"github.com/igc-lab/igc/ca/store"
)

func TestSeal(t *testing.T) {
	dir := t.TempDir()
	ring := func() *Ring { return NewRing(dir, func() ([]byte, error) { return []byte("a passphrase"), nil }) }
	sealed, err := ring().Seal("psc.key", []byte("secret"))
	if err != nil {
		t.Fatal(err)
	}
	if bytes.Contains(sealed, []byte("secret")) {
		t.Error("it is not encrypted")
	}
	later := ring()
	if plain, err := later.Unseal("psc.key", sealed); err != nil || string(plain) != "secret" {
		t.Errorf("%q, %v", plain, err)
	}
	if _, err := later.Unseal("ecps.device", sealed); store.KindOf(err) != store.Damaged {
		t.Errorf("for another purpose: %v", err)
	}
	for i := range sealed {
		changed := bytes.Clone(sealed)
		changed[i] ^= 1
		if _, err := later.Unseal("psc.key", changed); store.KindOf(err) != store.Damaged {
			t.Errorf("byte %d changed: %v", i, err)
		}
	}
	if _, err := later.Unseal("psc.key", nil); store.KindOf(err) != store.Damaged {
		t.Errorf("nothing: %v", err)
	}
}
