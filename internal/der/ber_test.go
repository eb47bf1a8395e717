package der

import (
	"bytes"
	"encoding/hex"
	"errors"
	"strings"
	"testing"
	"time"

	"golang.org/x/crypto/cryptobyte"
	cbasn1 "golang.org/x/crypto/cryptobyte/asn1"
)

func TestFromBER(t *testing.T) {
	deep := strings.Repeat("3080", maxDepth+2)
	long := strings.Repeat("aa", 200)
	for name, tc := range map[string]struct {
		in, want, rest string
		err            error
	}{
		"DER":                         {"3003020105", "3003020105", "", nil},
		"DER and more":                {"3003020105ff", "3003020105", "ff", nil},
		"indefinite":                  {"30800201050000", "3003020105", "", nil},
		"indefinite and more":         {"30800201050000ff", "3003020105", "ff", nil},
		"nested":                      {"308030800201050000" + "0201060000", "30083003020105020106", "", nil},
		"long length":                 {"3082000302010" + "5", "3003020105", "", nil},
		"long length within":          {"30840000000402810105", "3003020105", "", nil},
		"octet string":                {"24800402010204010304000000", "0403010203", "", nil},
		"octet string, definite":      {"2407040201020401" + "03", "0403010203", "", nil},
		"octet string, nested":        {"2480248004010104010200000401030000", "0403010203", "", nil},
		"octet string, empty":         {"24800000", "0400", "", nil},
		"bit string":                  {"2380030200ff030204f00000", "030304fff0", "", nil},
		"segments under a tag":        {"a0800402010204010" + "30000", "a007040201020401" + "03", "", nil},
		"BER in octets":               {"308004073080020105000000" + "00", "300904073080020105" + "0000", "", nil},
		"long contents":               {"308004820" + "0c8" + long + "0000", "3081cb0481c8" + long, "", nil},
		"no end":                      {"3080020105", "", "", ErrBERBroken},
		"half an end":                 {"308002010500", "", "", ErrBERBroken},
		"primitive indefinite":        {"04800000", "", "", ErrBERBroken},
		"too long":                    {"30050201", "", "", ErrBERBroken},
		"child too long":              {"3003020505", "", "", ErrBERBroken},
		"nothing":                     {"", "", "", ErrBERBroken},
		"a tag alone":                 {"30", "", "", ErrBERBroken},
		"segments of another type":    {"2480020101" + "0000", "", "", ErrBERBroken},
		"bit string, empty segment":   {"23800300" + "0000", "", "", ErrBERBroken},
		"deep":                        {deep, "", "", ErrBERTooDeep},
		"a length of too many octets": {"3089010000000000000000", "", "", ErrBERBroken},
	} {
		in, err := hex.DecodeString(tc.in)
		if err != nil {
			t.Fatal(name, err)
		}
		got, rest, err := FromBER(in)
		if hex.EncodeToString(got) != tc.want || hex.EncodeToString(rest) != tc.rest || !errors.Is(err, tc.err) {
			t.Errorf("%s: %x, %x, %v", name, got, rest, err)
		}
	}
	many := append([]byte{0x30, 0x80}, bytes.Repeat([]byte{5, 0}, maxElements)...)
	if _, _, err := FromBER(many); !errors.Is(err, ErrBERTooDeep) {
		t.Error(err)
	}
	if b, ok := OctetString([]byte{4, 1, 1, 4, 1, 2}, true); !ok || !bytes.Equal(b, []byte{1, 2}) {
		t.Error(b, ok)
	}
	if _, ok := OctetString([]byte{2, 1, 1}, true); ok {
		t.Error("an INTEGER is a segment")
	}
}

// FuzzFromBER: what comes out is one element of DER, and converts to itself.
func FuzzFromBER(f *testing.F) {
	for _, s := range []string{"3003020105", "308030800201050000", "24800402010204010304000000",
		"2380030200ff030204f00000", "3082000302010500", "3f81018000000000"} {
		b, _ := hex.DecodeString(s)
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		start := time.Now()
		der, rest, err := FromBER(data)
		if d := time.Since(start); d > time.Second {
			t.Errorf("%d bytes took %s", len(data), d)
		}
		if err != nil {
			return
		}
		if len(rest) > len(data) || len(der) > len(data)+len(data)/2+8 {
			t.Errorf("%d bytes give %d", len(data), len(der))
		}
		again, rest, err := FromBER(der)
		if err != nil || len(rest) > 0 || !bytes.Equal(again, der) {
			t.Errorf("%x converts to %x, and that to %x, %v", data, der, again, err)
		}
		in := cryptobyte.String(der)
		var tag cbasn1.Tag
		var value cryptobyte.String
		if der[0]&0x1f != 0x1f && len(der) < 1<<24 && (!in.ReadAnyASN1Element(&value, &tag) || !in.Empty()) {
			t.Errorf("%x converts to %x, which is not DER", data, der)
		}
	})
}
