package store

import (
	"bytes"
	"testing"
	"time"
)

// An entry that is read is the one that was written, byte for byte: nothing else has its hash.
func FuzzParseChange(f *testing.F) {
	for _, c := range []Change{{Seq: 1, At: time.Unix(0, 0).UTC(), Actor: "system", Kind: AuthorityMade, Authority: "ACR-FO"},
		{Seq: 9, At: time.Unix(1, 5).UTC(), Actor: "cli:é", Kind: StatusChanged, Serial: "0A", Status: Revoked,
			Revoked: &Revocation{At: time.Unix(2, 0).UTC(), Reason: "superseded"}, Prev: Hash{1, 2}}} {
		data, err := c.Encode()
		if err != nil {
			f.Fatal(err)
		}
		f.Add(data)
	}
	f.Add([]byte(`{"seq":1}`))
	f.Add([]byte("{}"))
	f.Fuzz(func(t *testing.T, data []byte) {
		c, _, err := ParseChange(data)
		if err != nil {
			return
		}
		if again, err := c.Encode(); err != nil || !bytes.Equal(again, data) {
			t.Errorf("%q was read, and is written as %q, %v", data, again, err)
		}
		var h Head
		_ = h.Next(c, c.Prev)
	})
}
