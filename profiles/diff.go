package profiles

import (
	"encoding/asn1"
	"encoding/hex"
	"fmt"
	"maps"
	"slices"
	"strings"

	"golang.org/x/crypto/cryptobyte"
	cbasn1 "golang.org/x/crypto/cryptobyte/asn1"
)

// Diff compares two DER certificates or CRLs node by node, but for what must differ between twins:
// serial number, dates (their types count), public key and signature bits (their lengths count, but
// for an ECDSA signature's) and the values of key identifiers; of CRLs also their numbers and their
// entries (whose shapes count, each of them once). Each line begins with "-" for a node of a alone
// or "+" for one of b alone; none when they are equal.
func Diff(a, b []byte) []string {
	return diffLines(tree(a), tree(b))
}

// DiffPart is one part of two certificates or CRLs that differ in it: a field of what is signed, an
// extension, the signature.
type DiffPart struct {
	// Name is the field as RFC 5280 names it or, of an extension, its object identifier.
	Name string
	// Lines are those of [Diff] within this part.
	Lines []string
}

// The fields of what is signed, in their order: of a certificate after its version, of a CRL too.
var (
	certificateFields = []string{"version", "serialNumber", "signature", "issuer", "validity",
		"subject", "subjectPublicKeyInfo"}
	crlFields = []string{"version", "signature", "issuer", "thisUpdate", "nextUpdate", "revokedCertificates"}
)

// DiffParts compares as [Diff] does, part by part, in the order of the first.
func DiffParts(a, b []byte) []DiffPart {
	names, first := parts(a)
	more, second := parts(b)
	for _, name := range more {
		if first[name] == nil {
			names = append(names, name)
		}
	}
	var found []DiffPart
	for _, name := range names {
		if lines := diffLines(first[name], second[name]); len(lines) > 0 {
			found = append(found, DiffPart{name, lines})
		}
	}
	// both have these extensions
	inBoth := func(names []string) string {
		return strings.Join(slices.DeleteFunc(slices.Clone(names), func(name string) bool {
			return !isOID(name) || first[name] == nil || second[name] == nil
		}), " ")
	}
	if before, after := inBoth(names), inBoth(more); before != after {
		found = append(found, DiffPart{"order", []string{"-" + before, "+" + after}})
	}
	return found
}

// parts are the lines of the tree, by the part that they are of.
func parts(der []byte) (names []string, lines map[string][]string) {
	lines = map[string][]string{}
	fields := certificateFields
	if isCRL(der) {
		fields = crlFields
	}
	name, field := "structure", -1
	all := tree(der)
	for i, line := range all {
		depth := (len(line) - len(strings.TrimLeft(line, " "))) / 2
		switch {
		case depth == 1 && i > 1:
			name = "signatureValue"
		case depth == 2 && name != "signatureValue":
			field++
			if strings.TrimSpace(line) == "[a3]" || strings.TrimSpace(line) == "[a0]" && field > 0 {
				name = "extensions"
			} else if field < len(fields) {
				name = fields[field]
			} else {
				name = "structure"
			}
		case depth == 4 && name != "signatureValue" && (name == "extensions" || isOID(name)):
			name = "extensions"
			if i+1 < len(all) {
				begin := tagNames[cbasn1.OBJECT_IDENTIFIER] + " "
				if id, ok := strings.CutPrefix(strings.TrimSpace(all[i+1]), begin); ok {
					name = id
				}
			}
		}
		if lines[name] == nil {
			names = append(names, name)
		}
		lines[name] = append(lines[name], line)
	}
	return names, lines
}

func isOID(name string) bool { return name != "" && name[0] >= '0' && name[0] <= '9' }

// tree writes one line a node, indented by depth.
func tree(der []byte) []string {
	w := &treeWriter{list: isCRL(der)}
	if !w.walk(der, nil) {
		w.lines = append(w.lines, "not DER: "+hex.EncodeToString(der))
	}
	return w.lines
}

// isCRL tells whether the bytes are a CRL: where a certificate has its validity, there is a Time.
func isCRL(der []byte) bool {
	in := cryptobyte.String(der)
	var outer, tbs cryptobyte.String
	return in.ReadASN1(&outer, cbasn1.SEQUENCE) && outer.ReadASN1(&tbs, cbasn1.SEQUENCE) && tbs.SkipASN1(cbasn1.INTEGER) &&
		tbs.SkipASN1(cbasn1.SEQUENCE) && tbs.SkipASN1(cbasn1.SEQUENCE) && (tbs.PeekASN1Tag(cbasn1.UTCTime) || tbs.PeekASN1Tag(cbasn1.GeneralizedTime))
}

type treeWriter struct {
	list  bool // a CRL
	lines []string
	last  string // the last OBJECT IDENTIFIER: what the next OCTET STRING is about
}

var tagNames = map[cbasn1.Tag]string{cbasn1.INTEGER: "INTEGER", cbasn1.BIT_STRING: "BIT STRING", cbasn1.OCTET_STRING: "OCTET STRING",
	cbasn1.NULL: "NULL", cbasn1.OBJECT_IDENTIFIER: "OBJECT IDENTIFIER", cbasn1.UTF8String: "UTF8String", cbasn1.BOOLEAN: "BOOLEAN",
	cbasn1.PrintableString: "PrintableString", cbasn1.IA5String: "IA5String", cbasn1.T61String: "T61String",
	cbasn1.UTCTime: "UTCTime", cbasn1.GeneralizedTime: "GeneralizedTime", cbasn1.SEQUENCE: "SEQUENCE", cbasn1.SET: "SET"}

const (
	oidSKI  = "2.5.29.14"
	oidAKI  = "2.5.29.35"
	oidPKUP = "2.5.29.16"

	oidCRLNumber      = "2.5.29.20"
	oidDeltaIndicator = "2.5.29.27"

	oidECDSASignatures = "1.2.840.10045.4."
)

// maxDepth bounds the recursion on bytes made to be deep.
const maxDepth = 32

// walk writes the nodes of in, whose parents stand at the positions in path; false when in is not a
// series of nodes.
func (w *treeWriter) walk(in cryptobyte.String, path []int) bool {
	if len(path) > maxDepth {
		return false
	}
	for i := 0; !in.Empty(); i++ {
		var value cryptobyte.String
		var tag cbasn1.Tag
		if !in.ReadAnyASN1(&value, &tag) {
			return false
		}
		name := tagNames[tag]
		if name == "" {
			name = fmt.Sprintf("[%02x]", byte(tag))
		}
		indent := strings.Repeat("  ", len(path))
		at := append(append([]int{}, path...), i)
		if tag&0x20 != 0 {
			w.lines = append(w.lines, indent+name)
			walk := w.walk
			if w.list && tag == cbasn1.SEQUENCE && slices.Equal(at, []int{0, 0, 5}) {
				walk = w.entries
			}
			if !walk(value, at) {
				return false
			}
			continue
		}
		text := hex.EncodeToString(value)
		switch {
		case tag == cbasn1.OBJECT_IDENTIFIER:
			var o asn1.ObjectIdentifier
			element := cryptobyte.String(append([]byte{6, byte(len(value))}, value...))
			if len(value) < 128 && element.ReadASN1ObjectIdentifier(&o) {
				text = o.String()
			}
			w.last = text
		case tag == cbasn1.UTCTime, tag == cbasn1.GeneralizedTime:
			text = fmt.Sprintf("<date, %d>", len(value))
		case tag == cbasn1.BIT_STRING && strings.HasPrefix(w.last, oidECDSASignatures):
			text = "<ECDSA signature>" // its length changes from one signature to the next
		case tag == cbasn1.BIT_STRING && len(value) > 64:
			text = fmt.Sprintf("<%d bytes>", len(value))
		case tag == cbasn1.INTEGER && i == 1 && len(path) == 2 && path[0] == 0 && path[1] == 0:
			text = "<serial>"
		case tag == cbasn1.OCTET_STRING && (w.last == oidSKI || w.last == oidAKI) && len(value) >= 20:
			text = hex.EncodeToString(value[:len(value)-20]) + "<key identifier>"
		case tag == cbasn1.OCTET_STRING && w.list && (w.last == oidCRLNumber || w.last == oidDeltaIndicator):
			text = "<number>"
		case tag == cbasn1.OCTET_STRING && w.last == oidPKUP:
			text = fmt.Sprintf("<period, %d>", len(value))
		case tag == cbasn1.OCTET_STRING:
			inner := &treeWriter{}
			if inner.walk(value, append(at, 0)) && len(inner.lines) > 0 {
				w.lines = append(append(w.lines, indent+name), inner.lines...)
				continue
			}
		}
		w.lines = append(w.lines, indent+name+" "+text)
	}
	return true
}

// entries writes the shapes that the entries of a CRL have.
func (w *treeWriter) entries(in cryptobyte.String, path []int) bool {
	seen := map[string]bool{}
	for !in.Empty() {
		var entry, serial cryptobyte.String
		if !in.ReadASN1(&entry, cbasn1.SEQUENCE) || !entry.ReadASN1(&serial, cbasn1.INTEGER) {
			return false
		}
		one := &treeWriter{list: true}
		if !one.walk(entry, append(path, 0)) {
			return false
		}
		indent := strings.Repeat("  ", len(path))
		shape := indent + "SEQUENCE\n" + indent + "  INTEGER <serial>\n" + strings.Join(one.lines, "\n")
		seen[shape] = true
	}
	for _, shape := range slices.Sorted(maps.Keys(seen)) {
		w.lines = append(w.lines, strings.Split(shape, "\n")...)
	}
	return true
}

// maxCells bounds the table of diffLines: 64 MB.
const maxCells = 1 << 24

// diffLines is the shortest list of removals and additions that turns a into b; where the two
// differ over too much for the table, as large CRLs may, everything between the first and the last
// difference.
func diffLines(a, b []string) []string {
	for len(a) > 0 && len(b) > 0 && a[0] == b[0] {
		a, b = a[1:], b[1:]
	}
	for len(a) > 0 && len(b) > 0 && a[len(a)-1] == b[len(b)-1] {
		a, b = a[:len(a)-1], b[:len(b)-1]
	}
	if len(a)*len(b) > maxCells {
		var out []string
		for _, line := range a {
			out = append(out, "-"+line)
		}
		for _, line := range b {
			out = append(out, "+"+line)
		}
		return out
	}
	common := make([][]int32, len(a)+1) // common[i][j]: length of the longest common subsequence of a[i:] and b[j:]
	for i := range common {
		common[i] = make([]int32, len(b)+1)
	}
	for i := len(a) - 1; i >= 0; i-- {
		for j := len(b) - 1; j >= 0; j-- {
			if a[i] == b[j] {
				common[i][j] = common[i+1][j+1] + 1
			} else {
				common[i][j] = max(common[i+1][j], common[i][j+1])
			}
		}
	}
	var out []string
	for i, j := 0, 0; i < len(a) || j < len(b); {
		switch {
		case i < len(a) && j < len(b) && a[i] == b[j]:
			i, j = i+1, j+1
		case j == len(b) || i < len(a) && common[i+1][j] >= common[i][j+1]:
			out = append(out, "-"+a[i])
			i++
		default:
			out = append(out, "+"+b[j])
			j++
		}
	}
	return out
}
