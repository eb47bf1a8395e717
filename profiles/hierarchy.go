package profiles

import (
	"encoding/hex"
	"slices"
	"strings"

	"github.com/igc-lab/igc/internal/i18n"
)

// Gamme is one of the three ranges of the IGC-Santé, each with a root of its own.
type Gamme string

// The three gammes, by the letters that file names use.
const (
	Elementaire Gamme = "EL"
	Standard    Gamme = "ST"
	Fort        Gamme = "FO"
)

// Domaine is what an issuing authority certifies. A root has none.
type Domaine string

// The two domaines.
const (
	Personnes     Domaine = "PP"
	Organisations Domaine = "ORG"
)

// Gammes lists the gammes in the order of the reference.
var Gammes = []Gamme{Elementaire, Standard, Fort}

var gammeNames = map[Gamme]string{Elementaire: "ELEMENTAIRE", Standard: "STANDARD", Fort: "FORT"}
var domaineNames = map[Domaine]string{Personnes: "PERSONNES", Organisations: "ORGANISATIONS"}

// Authority names one of the nine TEST authorities. Its zero value is none of them. Production
// authorities cannot be named: every name that this package makes begins with "TEST ".
type Authority struct {
	Gamme   Gamme
	Domaine Domaine // empty for a root
}

// Authorities lists the nine: each root before the two that it signs.
func Authorities() []Authority {
	var all []Authority
	for _, g := range Gammes {
		all = append(all, Authority{Gamme: g}, Authority{g, Personnes}, Authority{g, Organisations})
	}
	return all
}

// ParseAuthority reads an identifier such as "ACI-FO-PP" or "ACR-EL", with or without the "-TEST"
// of file names.
func ParseAuthority(id string) (Authority, error) {
	want := strings.TrimSuffix(strings.ToUpper(id), "-TEST")
	var ids []string
	for _, a := range Authorities() {
		if a.ID() == want {
			return a, nil
		}
		ids = append(ids, a.ID())
	}
	return Authority{}, i18n.Errorf("unknown authority %q: choose one of %s", id, strings.Join(ids, ", "))
}

// ParseGamme reads "EL", "ST", "FO" or the gamme's full name, in any case.
func ParseGamme(s string) (Gamme, error) {
	for _, g := range Gammes {
		if strings.EqualFold(s, string(g)) || strings.EqualFold(s, gammeNames[g]) {
			return g, nil
		}
	}
	return "", i18n.Errorf("unknown gamme %q: choose EL (élémentaire), ST (standard) or FO (fort)", s)
}

// IsRoot tells whether the authority signs itself.
func (a Authority) IsRoot() bool { return a.Domaine == "" }

// Root is the root of the authority's gamme.
func (a Authority) Root() Authority { return Authority{Gamme: a.Gamme} }

// ID is the short name, "ACR-FO" or "ACI-FO-PP": file names without their "-TEST".
func (a Authority) ID() string {
	if a.IsRoot() {
		return "ACR-" + string(a.Gamme)
	}
	return "ACI-" + string(a.Gamme) + "-" + string(a.Domaine)
}

// File is the base name of the authority's published files, such as "ACI-FO-PP-TEST".
func (a Authority) File() string { return a.ID() + "-TEST" }

// CommonName is the CN, such as "TEST AC IGC-SANTE FORT PERSONNES".
func (a Authority) CommonName() string {
	if a.IsRoot() {
		return "TEST AC RACINE IGC-SANTE " + gammeNames[a.Gamme]
	}
	return "TEST AC IGC-SANTE " + gammeNames[a.Gamme] + " " + domaineNames[a.Domaine]
}

// String is the common name.
func (a Authority) String() string { return a.CommonName() }

// Name is the authority's distinguished name.
func (a Authority) Name() Name {
	n, err := table().subjects["authority"].name(&Holder{Service: a.CommonName()})
	if err != nil { // the table is embedded and the names are constants: a test holds every one
		panic(err)
	}
	return n
}

// SerialPrefix is the first half of the 16-byte serial numbers of a gen2016 issuing authority
// (reference §2.1). Those of ACI-EL-PP, ACI-ST-PP, ACI-FO-PP and ACI-EL-ORG are the real ones; the
// other two were never seen and are the lab's.
func (a Authority) SerialPrefix() []byte {
	b, _ := hex.DecodeString(map[string]string{
		"ACI-EL-PP":  "781C73FA2A67BB14",
		"ACI-ST-PP":  "6BC2874B9334BED1",
		"ACI-FO-PP":  "63DAFFCFC8034BDC",
		"ACI-EL-ORG": "1D5DE25E3DC14BDE",
		"ACI-ST-ORG": "2AB1E4C05F9D4BD7",
		"ACI-FO-ORG": "4C97F0316EA24BD9",
	}[a.ID()])
	return b
}

// authorityOf finds the authority that bears the name, if it is a TEST authority of the IGC-Santé.
func authorityOf(n Name) (Authority, bool) {
	i := slices.IndexFunc(Authorities(), func(a Authority) bool { return a.Name().Equal(n) })
	if i < 0 {
		return Authority{}, false
	}
	return Authorities()[i], true
}
