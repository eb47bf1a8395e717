package ca

import (
	"fmt"
	"math/big"
	"regexp"
	"slices"
	"strings"
	"unicode"

	"github.com/igc-lab/igc/ca/store"
	"github.com/igc-lab/igc/profiles"
)

// serialNumber is what somebody may mean who writes a serial number: the first hexadecimal digits
// of one, digits within it, and whole numbers.
type serialNumber struct {
	prefix string     // empty when it is not hexadecimal
	part   string     // the same with the zeros before it
	whole  []*big.Int // the hexadecimal number and the decimal one, as far as it is both
}

var (
	serialLabel = regexp.MustCompile(`(?i)^[^0-9a-z]*(certificate |x\.?509 |x509v3 )?` +
		`(serial[ _-]?(number|no\.?|nr\.?|num)?|num[eé]ro de s[eé]rie|n[°ºo]\.? de s[eé]rie|s/n|sn)\b` +
		`[^0-9a-z(]*(\((hex|hexadecimal|dec|decimal)\))?[\s:="']*`)
	serialBoth = regexp.MustCompile(`^[0-9]+ ?\((0[xX][0-9a-fA-F]+)\)$`) // openssl x509 -text, of a short one
)

// parseSerial reads a serial number in the forms in which programs print it: with colons, spaces,
// hyphens or 0x, after a label such as "serial=", in decimal, with leading zeros, with the
// invisible marks of a Windows dialog. A number of decimal digits alone may be either.
func parseSerial(text string) serialNumber {
	text = strings.Map(func(r rune) rune {
		switch {
		case unicode.IsSpace(r) || r == '\u00a0' || r == '\u202f':
			return ' '
		case unicode.In(r, unicode.Cc, unicode.Cf):
			return -1
		}
		return r
	}, text)
	base := 0 // unknown
	text = strings.TrimSpace(text)
	if m := serialLabel.FindStringSubmatch(text); m != nil {
		if kind := strings.ToLower(m[5]); strings.HasPrefix(kind, "hex") {
			base = 16
		} else if kind != "" {
			base = 10
		}
		text = text[len(m[0]):]
	}
	text = strings.Trim(text, " \"'«»“”‘’`,;#{}[]()")
	if m := serialBoth.FindStringSubmatch(text + ")"); m != nil { // its last bracket was trimmed
		text = m[1]
	}
	if rest, ok := strings.CutPrefix(strings.ToLower(text), "0x"); ok {
		text, base = rest, 16
	}
	digits := strings.NewReplacer(":", "", " ", "", "-", "", "_", "").Replace(text)
	if digits != text && base == 0 && strings.ContainsAny(text, ":-") {
		base = 16 // byte by byte
	}
	if digits == "" || strings.Trim(digits, "0123456789abcdefABCDEF") != "" {
		return serialNumber{}
	}
	var s serialNumber
	if base != 10 {
		n, _ := new(big.Int).SetString(digits, 16)
		s.whole = append(s.whole, n)
		s.part = strings.ToUpper(digits)
		s.prefix = s.part
		for len(s.prefix) > 2 && strings.HasPrefix(s.prefix, "00") { // of DER and Java; no serial number begins so
			s.prefix = s.prefix[2:]
		}
	}
	if base != 16 {
		if n, ok := new(big.Int).SetString(digits, 10); ok {
			s.whole = append(s.whole, n)
		}
	}
	return s
}

// NormalizeSerial writes a serial number, or the beginning of one, in the lab's own form where it
// is one in hexadecimal digits; else it returns the text.
func NormalizeSerial(text string) string {
	if s := parseSerial(text); s.prefix != "" {
		return s.prefix
	}
	return text
}

// IsSerial tells whether a text may be a serial number: digits, whatever stands around them.
func IsSerial(text string) bool { return len(parseSerial(text).whole) > 0 }

// findSerial lists what a serial number may mean: at most a few keys.
func findSerial(r store.Reader, s serialNumber) (found []store.Key, err error) {
	for _, n := range s.whole {
		for _, a := range profiles.Authorities() {
			k := store.Key{Authority: a.ID(), Serial: n.Bytes()}
			if r.Status(k).Issued {
				found = append(found, k)
			}
		}
	}
	var beginnings []string
	if len(s.prefix) >= minSerial {
		beginnings = append(beginnings, s.prefix)
	}
	if len(s.part) >= minPart {
		for _, a := range profiles.Authorities() {
			beginnings = append(beginnings, fmt.Sprintf("%X", a.SerialPrefix())+s.part)
		}
	}
	for _, beginning := range beginnings {
		more, err := r.BySerialPrefix(beginning, 2)
		if err != nil {
			return nil, err
		}
		found = appendNew(found, more...)
	}
	if len(found) == 0 && len(s.part) >= minPart {
		found = bySerialEnding(r, s.part)
	}
	return found, nil
}

// bySerialEnding finds certificates whose serial number ends with hexadecimal digits, at most two.
// It goes over all serial numbers, and reads no certificate.
func bySerialEnding(r store.Reader, digits string) (found []store.Key) {
	for _, a := range profiles.Authorities() {
		for serial := range r.Statuses(a.ID()) {
			if strings.HasSuffix(fmt.Sprintf("%X", serial), digits) {
				found = appendNew(found, store.Key{Authority: a.ID(), Serial: serial})
			}
			if len(found) == 2 {
				return found
			}
		}
	}
	return found
}

func appendNew(found []store.Key, more ...store.Key) []store.Key {
	for _, k := range more {
		if !slices.ContainsFunc(found, func(f store.Key) bool { return f.String() == k.String() }) {
			found = append(found, k)
		}
	}
	return found
}

// minSerial is how many digits name a serial number at least.
const minSerial = 4

// minPart is how many digits name one by another part than its beginning at least: by its ending,
// or by what follows the prefix of its authority.
const minPart = 6
