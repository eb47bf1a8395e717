package ca

import (
	"bytes"
	"encoding/hex"
	"fmt"
	"iter"
	"math/big"
	"slices"
	"strings"
	"testing"

	"github.com/igc-lab/igc/ca/store"
	"github.com/igc-lab/igc/profiles"
)

// A serial number is found in every form in which programs print it.
func TestParseSerial(t *testing.T) {
	const serial = "63DAFFCFC8034BDC4FEE8057763DBD64"
	n, _ := new(big.Int).SetString(serial, 16)
	colons := strings.TrimSuffix(strings.Join(slices.Collect(slices.Values(pairs(serial))), ":"), ":")
	for _, text := range []string{
		serial, strings.ToLower(serial), "0x" + serial, "0X" + strings.ToLower(serial), "00" + serial, "0000" +
			serial, "00:" + colons, colons,
		strings.ToLower(colons), strings.ReplaceAll(colons, ":", " "), strings.ReplaceAll(colons, ":",
			"-"), n.String(), "0" + n.String(),
		"serial=" + serial, "serial = " + serial, "Serial: " + serial, "Serial Number: " +
			colons, "Serial Number:\n            " + colons + "\n",
		"SERIAL NUMBER : " + serial, "SerialNumber = " + serial, "serialNumber: " + n.String(), "serial_number=" +
			serial, "Serial number: " + strings.ToLower(serial),
		"Serial Number (hex): " + serial, "Serial Number (dec): " + n.String(), "Certificate Serial Number: " +
			serial, "X509v3 Serial Number: " + colons,
		"Numéro de série : " + serial, "numero de serie: " + colons, "N° de série : " + serial, "S/N " +
			serial, "SN: " + serial,
		serial + "\r", "\u200e" + serial, "\u200e" + strings.ReplaceAll(strings.ToLower(colons), ":", " ") +
			"\u200f", "\ufeff" + serial, serial + "\x00",
		"  " + serial + "\t", "\"" + serial + "\"", "'" + serial + "',", "\"serial\": \"" + serial + "\",", "«\u00a0" +
			serial + "\u00a0»", "#" + serial,
		strings.ReplaceAll(colons, ":", "\u00a0"), "{" + serial + "}", "(0x" + serial + ")",
	} {
		if s := parseSerial(text); !slices.ContainsFunc(s.whole, func(w *big.Int) bool { return w.Cmp(n) == 0 }) {
			t.Errorf("%q: %v", text, s)
		}
	}
	for text, want := range map[string]string{"4096 (0x1000)": "1000", "Serial Number: 4096 (0x1000)": "1000",
		"63da": "63DA", "63:da": "63DA", "00:63:da": "63DA",
		"0a1b": "0A1B", "00": "00", "0": "0"} {
		if s := parseSerial(text); s.prefix != want {
			t.Errorf("%q: %q, want %q", text, s.prefix, want)
		}
	}
	for _, text := range []string{"", " ", "serial=", "ACI-FO-PP", "hello", "0x", "0xZZ", "63DA?", "alain.p12",
		"dead beef cafe x", "-", "::", "serial number"} {
		if s := parseSerial(text); len(s.whole) > 0 || IsSerial(text) {
			t.Errorf("%q is taken for a serial number: %v", text, s)
		}
	}
	if s := parseSerial("12345678901234567890"); len(s.whole) != 2 {
		t.Errorf("decimal digits are not tried as both: %v", s)
	}
	if got := NormalizeSerial("00:63:da"); got != "63DA" || NormalizeSerial("ACI") != "ACI" {
		t.Error(got)
	}
}

// serialsOnly is what is read of records to find a serial number.
type serialsOnly struct {
	store.Reader
	authority string
	serials   [][]byte
}

func (r serialsOnly) Status(k store.Key) (s store.CertificateStatus) {
	same := func(b []byte) bool { return bytes.Equal(b, k.Serial) }
	s.Issued = k.Authority == r.authority && slices.ContainsFunc(r.serials, same)
	return s
}

func (r serialsOnly) BySerialPrefix(digits string, limit int) (found []store.Key, err error) {
	for _, b := range r.serials {
		if strings.HasPrefix(fmt.Sprintf("%X", b), digits) && len(found) < limit {
			found = append(found, store.Key{Authority: r.authority, Serial: b})
		}
	}
	return found, nil
}

func (r serialsOnly) Statuses(authority string) iter.Seq2[[]byte, store.CertificateStatus] {
	return func(yield func([]byte, store.CertificateStatus) bool) {
		for _, b := range r.serials {
			if authority == r.authority && !yield(b, store.CertificateStatus{Issued: true}) {
				return
			}
		}
	}
}

// Zeros within a serial number are digits of it; those that DER and Java write before one are not.
func TestPartsWithZeros(t *testing.T) {
	all := profiles.Authorities()
	a := all[slices.IndexFunc(all, func(a profiles.Authority) bool { return len(a.SerialPrefix()) > 0 })]
	serial := fmt.Sprintf("%X", a.SerialPrefix()) + "007A7DB076E80012"
	b, err := hex.DecodeString(serial)
	if err != nil {
		t.Fatal(err)
	}
	other := append(bytes.Clone(a.SerialPrefix()), 0x7a, 0x7d, 0xb0, 0x77, 0xe8, 0x7a, 0x00, 0x12)
	r := serialsOnly{authority: a.ID(), serials: [][]byte{b, other}}
	for _, text := range []string{serial, "00" + serial, "007A7DB076", "00:7a:7d:b0", "76E80012", "E80012"} {
		found, err := findSerial(r, parseSerial(text))
		if err != nil || len(found) != 1 || !bytes.Equal(found[0].Serial, b) {
			t.Errorf("%s: %v, %v", text, found, err)
		}
	}
	if found, err := findSerial(r, parseSerial("00DEADBE")); err != nil || len(found) != 0 {
		t.Errorf("%v, %v", found, err)
	}
}

func pairs(s string) (all []string) {
	for i := 0; i+1 < len(s); i += 2 {
		all = append(all, s[i:i+2])
	}
	return all
}

func FuzzParseSerial(f *testing.F) {
	for _, s := range []string{"Serial Number: 4096 (0x1000)", "0x63DA", "serial=00:63:da",
		"\u200e12345678901234567890", "n° de série : 63 da"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		s := parseSerial(text)
		if s.prefix != "" && len(s.whole) == 0 {
			t.Error("a beginning without a number")
		}
		for _, n := range s.whole {
			if again := parseSerial("0x" + n.Text(16)); len(again.whole) != 1 || again.whole[0].Cmp(n) != 0 {
				t.Errorf("%s is read back as %v", n.Text(16), again)
			}
		}
		_ = fmt.Sprint(s)
	})
}

// A holder is found by a number with or without its type digit, as people group its digits.
func TestHolderIDs(t *testing.T) {
	for text, want := range map[string]string{"99700209812": "899700209812", "899700209812": "899700209812",
		"997 002 098 12": "899700209812",
		"8 99700209812":  "899700209812", "0B6077602": "00B6077602", "0b 607 760 2": "00B6077602",
		"00B6077602": "00B6077602", "0B0057881": "10B0057881",
		"187 512 751": "2187512751", "187 512 751 00020": "318751275100020",
		"30b0057881/CPET0002": "30B0057881/CPET0002", "99700367909006": "499700367909006"} {
		if ids := holderIDs(text); !slices.Contains(ids, want) {
			t.Errorf("%q: %q, want %s among them", text, ids, want)
		}
	}
	for _, text := range []string{"9970020981", "ALAIN", ""} {
		if ids := holderIDs(text); len(ids) > 1 && ids[1] != strings.ToUpper(text) {
			t.Errorf("%q: %q", text, ids)
		}
	}
}
