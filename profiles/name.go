package profiles

import (
	"bytes"
	"encoding/asn1"
	"errors"
	"slices"
	"strings"
	"unicode/utf16"
	"unicode/utf8"

	"golang.org/x/crypto/cryptobyte"
	cbasn1 "golang.org/x/crypto/cryptobyte/asn1"

	"github.com/igc-lab/igc/internal/i18n"
)

// Name is a distinguished name as it is encoded: pkix.Name loses grouping, order and string types,
// all of which the IGC-Santé's names depend on.
type Name []RDN

// RDN is one relative distinguished name; one with several attributes is multi-valued.
type RDN []AVA

// AVA is one attribute of a name.
type AVA struct {
	Type  asn1.ObjectIdentifier
	Tag   cbasn1.Tag // the string type: UTF8String, PrintableString...
	Value string     // as text, whatever the string type
}

// Marshal encodes the name. The attributes of an RDN are put in DER order, that of their encodings
// (X.690 §11.6), so the caller's order does not matter.
func (n Name) Marshal() ([]byte, error) {
	var b cryptobyte.Builder
	b.AddASN1(cbasn1.SEQUENCE, func(b *cryptobyte.Builder) {
		for _, rdn := range n {
			var encoded [][]byte
			for _, ava := range rdn {
				der, err := ava.marshal()
				if err != nil {
					b.SetError(err)
					return
				}
				encoded = append(encoded, der)
			}
			slices.SortFunc(encoded, bytes.Compare)
			b.AddASN1(cbasn1.SET, func(b *cryptobyte.Builder) { b.AddBytes(bytes.Join(encoded, nil)) })
		}
	})
	return b.Bytes()
}

func (a AVA) marshal() ([]byte, error) {
	if !utf8.ValidString(a.Value) {
		return nil, i18n.Errorf("%s %q is not valid UTF-8", attributeName(a.Type), a.Value)
	}
	switch a.Tag {
	case cbasn1.UTF8String:
	case cbasn1.PrintableString:
		if i := strings.IndexFunc(a.Value, func(r rune) bool { return !printable(r) }); i >= 0 {
			return nil, i18n.Errorf("%s %q does not fit a PrintableString", attributeName(a.Type), a.Value)
		}
	default:
		return nil, i18n.Errorf("%s: string type %d is not one that the lab writes", attributeName(a.Type), a.Tag)
	}
	var b cryptobyte.Builder
	b.AddASN1(cbasn1.SEQUENCE, func(b *cryptobyte.Builder) {
		b.AddASN1ObjectIdentifier(a.Type)
		b.AddASN1(a.Tag, func(b *cryptobyte.Builder) { b.AddBytes([]byte(a.Value)) })
	})
	return b.Bytes()
}

func printable(r rune) bool {
	return r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || strings.ContainsRune(" '()+,-./:=?", r)
}

var errName = errors.New("not a distinguished name")

// ParseName reads a DER name, keeping the order of what it finds.
func ParseName(der []byte) (Name, error) {
	in := cryptobyte.String(der)
	var seq cryptobyte.String
	if !in.ReadASN1(&seq, cbasn1.SEQUENCE) || !in.Empty() {
		return nil, errName
	}
	n := Name{}
	for !seq.Empty() {
		var set cryptobyte.String
		if !seq.ReadASN1(&set, cbasn1.SET) {
			return nil, errName
		}
		var rdn RDN
		for !set.Empty() {
			var ava, value cryptobyte.String
			var a AVA
			if !set.ReadASN1(&ava, cbasn1.SEQUENCE) || !ava.ReadASN1ObjectIdentifier(&a.Type) ||
				!ava.ReadAnyASN1(&value, &a.Tag) || !ava.Empty() {
				return nil, errName
			}
			var ok bool
			if a.Value, ok = text(a.Tag, value); !ok {
				return nil, i18n.Errorf("%w: %s is not a readable string", errName, attributeName(a.Type))
			}
			rdn = append(rdn, a)
		}
		n = append(n, rdn)
	}
	return n, nil
}

// text reads an ASN.1 string. A T61String is read as Latin-1, as the predecessors of the IGC-Santé
// wrote it (§1.6).
func text(tag cbasn1.Tag, value []byte) (string, bool) {
	switch tag {
	case cbasn1.UTF8String, cbasn1.PrintableString, cbasn1.IA5String:
		return string(value), utf8.Valid(value)
	case cbasn1.T61String:
		runes := make([]rune, len(value))
		for i, c := range value {
			runes[i] = rune(c)
		}
		return string(runes), true
	case 30: // BMPString
		if len(value)%2 != 0 {
			return "", false
		}
		units := make([]uint16, len(value)/2)
		for i := range units {
			units[i] = uint16(value[2*i])<<8 | uint16(value[2*i+1])
		}
		return string(utf16.Decode(units)), true
	}
	return "", false
}

// Get returns the first value of the attribute of that short name ("CN", "GN", "title"...), or "".
func (n Name) Get(short string) string {
	for _, rdn := range n {
		for _, a := range rdn {
			if attributeName(a.Type) == short {
				return a.Value
			}
		}
	}
	return ""
}

// Equal compares types, string types, values and order.
func (n Name) Equal(m Name) bool {
	return slices.EqualFunc(n, m, func(a, b RDN) bool {
		return slices.EqualFunc(a, b, func(a, b AVA) bool {
			return a.Type.Equal(b.Type) && a.Tag == b.Tag && a.Value == b.Value
		})
	})
}

// String writes the name in its encoded order, as "C=FR, title=Infirmier, GN=GUY + CN=00B6077602 +
// SN=INFIRMCH7760". It is for people: values are not escaped.
func (n Name) String() string {
	rdns := make([]string, len(n))
	for i, rdn := range n {
		avas := make([]string, len(rdn))
		for j, a := range rdn {
			avas[j] = attributeName(a.Type) + "=" + a.Value
		}
		rdns[i] = strings.Join(avas, " + ")
	}
	return strings.Join(rdns, ", ")
}
