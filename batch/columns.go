package batch

import (
	"slices"
	"strings"

	"github.com/igc-lab/igc/batch/sheet"
	"github.com/igc-lab/igc/internal/nearest"
)

// synonyms are what else people write for a column, folded. The names themselves are those of the
// flags.
var synonyms = map[string]string{
	"product": "card", "produit": "card", "carte": "card", "type-de-carte": "card", "type-carte": "card",
	"type-de-produit": "card",
	"card-type":       "card",
	"prenom":          "given-name", "prenoms": "given-name", "prenom-usuel": "given-name",
	"prenom-d-exercice": "given-name",
	"first-name":        "given-name",
	"firstname":         "given-name", "givenname": "given-name", "given-names": "given-name",
	"nom": "surname", "nom-de-famille": "surname", "nom-d-exercice": "surname", "nom-usuel": "surname",
	"nom-d-usage": "surname",
	"last-name":   "surname", "lastname": "surname", "family-name": "surname",
	"code-profession": "profession", "profession-code": "profession",
	"specialities": "speciality", "specialty": "speciality", "specialties": "speciality", "specialite": "speciality",
	"specialites":     "speciality",
	"code-specialite": "speciality", "savoir-faire": "speciality",
	"n-rpps": "rpps", "no-rpps": "rpps", "num-rpps": "rpps", "numero-rpps": "rpps", "numero-de-rpps": "rpps",
	"identifiant-rpps": "rpps",
	"code-rpps":        "rpps", "rpps-number": "rpps", "id-rpps": "rpps",
	"n-adeli": "adeli", "no-adeli": "adeli", "num-adeli": "adeli", "numero-adeli": "adeli", "adeli-number": "adeli",
	"code-adeli": "adeli",
	"ps-idnat":   "id-nat", "idnat": "id-nat", "id-national": "id-nat", "identifiant-national": "id-nat",
	"idnat-ps": "id-nat", "idnatps": "id-nat",
	"n-finess": "finess", "no-finess": "finess", "num-finess": "finess", "numero-finess": "finess",
	"finess-number": "finess", "code-finess": "finess",
	"finess-geographique": "finess", "finess-site": "finess",
	"n-siret": "siret", "no-siret": "siret", "numero-siret": "siret", "siret-number": "siret",
	"n-siren": "siren", "no-siren": "siren", "numero-siren": "siren", "siren-number": "siren",
	"struct-idnat": "structure", "structidnat": "structure", "identifiant-de-structure": "structure",
	"identifiant-structure": "structure",
	"organization":          "organisation", "raison-sociale": "organisation", "etablissement": "organisation",
	"nom-de-l-etablissement": "organisation",
	"nom-etablissement":      "organisation", "organisme": "organisation", "organisation-name": "organisation",
	"company":     "organisation",
	"departement": "department", "dept": "department", "dep": "department", "dpt": "department",
	"code-departement": "department",
	"n-departement":    "department", "numero-de-departement": "department",
	"nom-de-service": "service", "nom-du-service": "service", "service-name": "service", "nom-d-hote": "service",
	"hostname":  "service",
	"host-name": "service", "fqdn": "service", "common-name": "service", "cn": "service", "serveur": "service",
	"server":   "service",
	"dns-name": "dns", "dns-names": "dns", "noms-dns": "dns", "nom-dns": "dns", "san": "dns", "alias": "dns",
	"autres-noms": "dns", "subjectaltname": "dns",
	"mail": "email", "e-mail": "email", "courriel": "email", "adresse-electronique": "email", "adresse-mail": "email",
	"adresse-e-mail": "email",
	"adresse-email":  "email", "email-address": "email", "e-mail-address": "email", "mel": "email",
	"adresse-de-messagerie": "email",
	"numero-de-carte":       "card-number", "numero-carte": "card-number", "n-carte": "card-number",
	"n-de-carte": "card-number", "no-carte": "card-number",
	"num-carte": "card-number", "cardnumber": "card-number", "card-no": "card-number",
	"code-pin": "pin", "code-porteur": "pin", "pin-code": "pin",
	"pseudonyme": "pseudonym", "registre": "register", "numero-de-registre": "register", "n-de-registre": "register",
	"matricule":       "register",
	"register-number": "register", "aleatoire": "random", "hasard": "random", "identite": "fixture",
	"gabarit": "generation",
	"debut":   "not-before", "date-de-debut": "not-before", "debut-de-validite": "not-before",
	"valid-from": "not-before",
	"start-date": "not-before",
	"notbefore":  "not-before", "cle": "key", "cles": "key", "keys": "key", "adresses": "urls", "comme": "like",
	"modele": "like",
}

// names are the names of columns that a batch may have.
type names struct {
	known  []string // of flags
	folded map[string]string
}

func newNames(known []string) *names {
	n := &names{known: known, folded: map[string]string{}}
	for _, k := range known {
		n.folded[sheet.FoldHeader(k)] = k
		n.folded[strings.ReplaceAll(sheet.FoldHeader(k), "-", "")] = k
	}
	if slices.Contains(known, "card") {
		n.folded["product"] = "card" // a flag of two names
	}
	for s, k := range synonyms {
		if _, own := n.folded[s]; !own && slices.Contains(known, k) {
			n.folded[s] = k
		}
		if whole := strings.ReplaceAll(s, "-", ""); n.folded[whole] == "" && slices.Contains(known, k) {
			n.folded[whole] = k
		}
	}
	return n
}

// find is the name that a header stands for, in any case, with or without accents; a remark in
// brackets after it is left out.
func (n *names) find(header string) (name string, ok bool) {
	folded := sheet.FoldHeader(header)
	if name, ok = n.folded[folded]; ok {
		return name, true
	}
	if name, ok = n.folded[strings.ReplaceAll(folded, "-", "")]; ok { // R.P.P.S.
		return name, true
	}
	if open := strings.IndexAny(header, "(["); open > 0 {
		name, ok = n.folded[sheet.FoldHeader(header[:open])]
	}
	return name, ok
}

// nearest is the name of a flag that a header is nearest to; empty when none is near.
func (n *names) nearest(header string) string {
	var all []string
	for f := range n.folded {
		all = append(all, f)
	}
	slices.Sort(all)
	return n.folded[nearest.Of(sheet.FoldHeader(header), all)]
}

// count is how many cells of a row are names.
func (n *names) count(cells []string) (found int) {
	for _, c := range cells {
		if len(c) > 100 {
			continue
		}
		if _, ok := n.find(c); ok {
			found++
		}
	}
	return found
}
