package inspect

import (
	"github.com/igc-lab/igc/profiles"
)

// Comparison is what two certificates, or two CRLs, have and have not in common.
type Comparison struct {
	Twins bool     `json:"twins"` // nothing differs but what must: see [profiles.Diff]
	Lines []string `json:"lines"` // "-" before what only the first has, "+" before what only the second has
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
		return nil, fault("le premier est de la sorte %s et le second %s : donnez-en deux de la même",
			"the first is a %s and the second a %s: give two of a kind", kind, other)
	}
	lines := append([]string{}, profiles.Diff(first, second)...)
	return &Comparison{len(lines) == 0, lines}, nil
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
