package bolt

import (
	"errors"
	"strings"
	"testing"

	"github.com/igc-lab/igc/ca/store"
)

// Whatever a value holds, reading it is an error of damage or a value, and never a panic.
func FuzzValue(f *testing.F) {
	change, err := encodeChange(testChange)
	if err != nil {
		f.Fatal(err)
	}
	f.Add([]byte("feed"), []byte("\x00\x00\x00\x00\x00\x00\x00\x01"), change)
	f.Add([]byte("documents/session"), []byte("key"), encodeDocument(testDocument))
	f.Add([]byte("authorities/ACI-FO-PP/certs"), []byte("\x00\x00\x00\x00\x00\x00\x00\x01"), []byte("\x02{}0\x00"))
	f.Add([]byte("authorities/ACI-FO-PP/serials"), []byte("\x63"), make([]byte, 48))
	f.Add([]byte("authorities/ACI-FO-PP/entries"), make([]byte, 16), []byte("\x00\x00\x00\x00\x00\x00\x00\x010\x00"))
	f.Add([]byte("authorities/ACI-FO-PP"), []byte("lists"), []byte(`{"number":1}`))
	f.Add([]byte("lab"), []byte("format"), make([]byte, 12))
	f.Add([]byte("cards"), []byte("1"), []byte{})
	f.Fuzz(func(t *testing.T, path, key, value []byte) {
		names := strings.Split(string(path), "/")
		if err := checkValue(names, key, value); err != nil && !errors.As(err, new(*damageError)) {
			t.Errorf("%v is not damage", err)
		}
		newSalvage().value("ACI-FO-PP", key, value)
	})
}

var (
	testChange   = store.Change{Seq: 1, Actor: "system", Kind: store.LabSeeded}
	testDocument = store.Document{Key: "key", Value: []byte("{}"), Version: 1}
)
