package inspect

import (
	"cmp"
	"slices"
	"strings"

	"github.com/igc-lab/igc/internal/i18n"
	"github.com/igc-lab/igc/profiles"
)

// Comparison is what two certificates, or two CRLs, have and have not in common.
type Comparison struct {
	Twins       bool `json:"twins"`       // nothing differs but what must: see [profiles.Diff]
	Differences int  `json:"differences"` // fields and extensions that differ
	// Lines are "field: first -> second" where the values have words. "-" is before what only the
	// first has, "+" before what only the second has.
	Lines []string `json:"lines"`
}

// lineWords are the words of the lines of a comparison.
var lineWords = strings.NewReplacer(" (critical)", " (critique)")

// Words are the lines in both languages.
func (c *Comparison) Words() (lines []Text) {
	for _, line := range c.Lines {
		french := lineWords.Replace(line)
		if strings.Contains(line, "privateKeyUsagePeriod: ") {
			french = periodWords.Replace(french)
		}
		lines = append(lines, Text{french, line})
	}
	return lines
}

// Compare compares the one certificate or CRL that each side holds.
func Compare(a, b []Object) (*Comparison, error) {
	first, kind, err := onlyObject(a)
	if err != nil {
		return nil, fault("le premier : %s", "first: %s", err)
	}
	second, other, err := onlyObject(b)
	if err != nil {
		return nil, fault("le second : %s", "second: %s", err)
	}
	if kind != other {
		words := map[Kind]string{KindCertificate: "un certificat", KindCRL: "une CRL"}
		return nil, fault("le premier est %s et le second %s : donnez-en deux de la même sorte",
			"the first is a %s and the second a %s: give two of a kind",
			i18n.Text{FR: words[kind], EN: string(kind)}, i18n.Text{FR: words[other], EN: string(other)})
	}
	lines := []string{}
	names := map[string]string{}
	texts, others := partTexts(a[0], names), partTexts(b[0], names)
	differences := profiles.DiffParts(first, second)
	for _, part := range differences {
		lines = append(lines, partLines(part, names, texts, others)...)
	}
	return &Comparison{len(lines) == 0, len(differences), lines}, nil
}

// partLines writes one difference: the two values in words, or its nodes where the words are the
// same or there are none.
func partLines(part profiles.DiffPart, names, a, b map[string]string) []string {
	name := cmp.Or(names[part.Name], part.Name)
	before, after := a[part.Name], b[part.Name]
	switch {
	case before != after && before != "" && after != "":
		return []string{name + ": " + before + " -> " + after}
	case before != after && after == "" && onlyIn(part, "-"):
		return []string{"- " + name + ": " + before}
	case before != after && before == "" && onlyIn(part, "+"):
		return []string{"+ " + name + ": " + after}
	}
	lines := []string{name + ":"}
	for _, line := range part.Lines {
		if part.Name == "order" {
			words := strings.Fields(line[1:])
			for i, word := range words {
				words[i] = cmp.Or(names[word], word)
			}
			line = line[:1] + " " + strings.Join(words, ", ")
		}
		lines = append(lines, line)
	}
	return lines
}

// onlyIn reports whether one side alone has the part.
func onlyIn(part profiles.DiffPart, side string) bool {
	return !slices.ContainsFunc(part.Lines, func(line string) bool { return !strings.HasPrefix(line, side) })
}

// partTexts are the values of the parts of a certificate or CRL that have words, by the names of
// [profiles.DiffPart]. The names of its extensions are added to names.
func partTexts(o Object, names map[string]string) map[string]string {
	texts := map[string]string{}
	var extensions []profiles.Extension
	switch o := o.(type) {
	case *Certificate:
		texts["signature"], texts["issuer"], texts["subject"] = o.Signature, o.Issuer, o.Subject
		if o.Key != nil {
			texts["subjectPublicKeyInfo"] = o.Key.String()
		}
		extensions = o.Extensions
	case *CRL:
		texts["signature"], texts["issuer"] = o.Signature, o.Issuer
		extensions = o.Extensions
	}
	for _, e := range extensions {
		text := e.Text
		if text != "" && e.Critical {
			text += " (critical)"
		}
		texts[e.OID], names[e.OID] = text, e.Name
	}
	return texts
}

func onlyObject(objects []Object) ([]byte, Kind, error) {
	if len(objects) != 1 {
		return nil, "", fault("il tient %d objets : donnez un certificat, ou une CRL",
			"it holds %d objects: give one certificate or one CRL", len(objects))
	}
	switch o := objects[0].(type) {
	case *Certificate:
		return o.decoded.Raw, o.Kind, nil
	case *CRL:
		return o.raw, o.Kind, nil
	}
	return nil, "", fault("ce n'est ni un certificat ni une CRL : donnez l'un des deux",
		"it is neither a certificate nor a CRL: give one of them")
}
