package ejbca

import (
	"crypto/x509/pkix"
	"encoding/asn1"
	"slices"
	"strings"
	"unicode/utf16"
)

// nameOf is a distinguished name as EJBCA writes it: the CN first, without spaces after commas.
func nameOf(der []byte) (string, error) {
	var name pkix.RDNSequence
	_, err := asn1.Unmarshal(der, &name)
	return name.String(), err
}

// sameName compares two distinguished names as text, in whichever order and with whichever spaces
// they are written.
func sameName(a, b string) bool { return slices.Equal(attributes(a), attributes(b)) }

// attributes are the attributes of a name as text (RFC 4514), sorted.
func attributes(name string) (list []string) {
	var value strings.Builder
	end := func() {
		kind, v, _ := strings.Cut(value.String(), "=")
		list = append(list, strings.ToUpper(strings.TrimSpace(kind))+"="+strings.TrimSpace(v))
		value.Reset()
	}
	escaped := false
	for _, c := range name {
		switch {
		case escaped:
			escaped = false
			value.WriteRune(c)
		case c == '\\':
			escaped = true
		case c == ',' || c == '+':
			end()
		default:
			value.WriteRune(c)
		}
	}
	end()
	slices.Sort(list)
	return list
}

// identifier is the number that EJBCA gives an authority: the hash code that Java gives its name.
func identifier(name string) int32 {
	var hash int32
	for _, unit := range utf16.Encode([]rune(name)) {
		hash = 31*hash + int32(unit)
	}
	return hash
}
