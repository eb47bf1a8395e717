package keys

import (
	"encoding/pem"
	"strings"
	"testing"
)

// The file of a key in a token, and the URI of one, are read from any bytes; what is read is
// written alike.
func FuzzToken(f *testing.F) {
	file, err := keyAddress("pkcs11:token=lab;id=%0A;object=ACR-EL;type=private")
	if err != nil {
		f.Fatal(err)
	}
	block, _ := pem.Decode(file)
	f.Add(block.Bytes, "pkcs11:token=lab?module-path=/lib/x.so&pin-source=file:/pin")
	f.Add(block.Bytes[:20], "pkcs11:slot-id=1;token=%2b%zz?pin-source=/pin")
	f.Add([]byte{}, "")
	f.Fuzz(func(t *testing.T, der []byte, setting string) {
		if address, err := parseAddress(der); err == nil {
			again, err := keyAddress(address)
			if err != nil {
				t.Fatal(err)
			}
			block, _ := pem.Decode(again)
			if same, err := parseAddress(block.Bytes); err != nil || same != address {
				t.Errorf("%q became %q, %v", address, same, err)
			}
		}
		token, err := ParseToken(setting)
		if (err == nil) != (token != nil) {
			t.Errorf("%q: %v, %v", setting, token, err)
		}
		if err == nil && strings.ContainsAny(token.selector, ";?& ") {
			t.Errorf("%q names the token by %q", setting, token.selector)
		}
	})
}
