package inspect

import (
	"regexp"
	"slices"
	"strings"

	"github.com/igc-lab/igc/profiles"
)

// PKI is one generation of the sector's public key infrastructures, told by the name of the issuer.
type PKI struct {
	ID string `json:"id"`
	Text
	Production bool `json:"production"`
	Superseded bool `json:"superseded"` // by the IGC-Santé

	issuers []pattern
}

// pattern is what a name looks like: one regular expression an RDN, written "type=value".
type pattern []*regexp.Regexp

func names(rdns ...string) pattern {
	var p pattern
	for _, rdn := range rdns {
		p = append(p, regexp.MustCompile("^(?:"+rdn+")$"))
	}
	return p
}

// pkis are the generations (reference §1.1 and §1.6). Of IGC-CPS2ter in production only the names
// of authorities are known, not their encoding: those patterns are presumed from the TEST ones.
var pkis = []PKI{
	{ID: "igc-sante-test", Text: Text{"IGC-Santé de TEST", "IGC-Santé TEST"},
		issuers: []pattern{names("C=FR", "O=ASIP-SANTE", "OU=0002 187512751", "OU=IGC-SANTE TEST", "CN=TEST AC .*")}},
	{ID: "igc-sante-recette", Text: Text{"IGC-Santé de recette (interne à l'ANS)",
		"IGC-Santé acceptance (ANS internal)"},
		issuers: []pattern{names("C=FR", "O=ASIP-SANTE", "OU=0002 187512751", "OU=IGC-SANTE TEST", "OU=RECETTE",
			"CN=TEST AC .*")}},
	{ID: "igc-sante", Text: Text{"IGC-Santé de PRODUCTION", "IGC-Santé PRODUCTION"}, Production: true,
		issuers: []pattern{names("C=FR", "O=ASIP-SANTE", "OU=0002 187512751", "OU=IGC-SANTE", "CN=AC .*")}},
	{ID: "igc-cps2ter-test", Text: Text{"IGC-CPS2ter de TEST", "IGC-CPS2ter TEST"}, Superseded: true,
		issuers: []pattern{names("C=FR", "O=TEST", "OU=TEST (ANONYME|PROFESSIONNEL|STRUCTURE|SERVEUR)",
			"CN=TEST CLASSE-[0-3]"),
			names("C=FR", "O=TEST", "OU=TEST (ANONYME|PROFESSIONNEL|STRUCTURE|SERVEUR)")}},
	{ID: "igc-cps2ter", Text: Text{"IGC-CPS2ter de production", "IGC-CPS2ter production"}, Production: true,
		Superseded: true,
		issuers: []pattern{names("C=FR", "O=GIP-CPS", "OU=(GIP-CPS )?(ANONYME|PROFESSIONNEL|STRUCTURE|SERVEUR)",
			"CN=(GIP-CPS )?CLASSE-[0-3]"),
			names("C=FR", "O=GIP-CPS", "OU=(GIP-CPS )?(ANONYME|PROFESSIONNEL|STRUCTURE|SERVEUR)")}},
	{ID: "igc-cps2bis-test", Text: Text{"IGC-CPS2bis de TEST", "IGC-CPS2bis TEST"}, Superseded: true,
		issuers: []pattern{names("C=FR", "O=GIP-CPS-TEST", "OU=AC-CLASSE-[456]-TEST"), names("C=FR",
			"O=GIP-CPS-TEST")}},
	{ID: "igc-cps2bis", Text: Text{"IGC-CPS2bis de production", "IGC-CPS2bis production"}, Production: true,
		Superseded: true,
		issuers:    []pattern{names("C=FR", "O=GIP-CPS", "OU=AC-CLASSE-[456]"), names("C=FR", "O=GIP-CPS")}},
}

// pkiOf finds the generation whose authorities bear such a name; nil when it is another world's.
// The RDNs of the predecessors are known from prints in both directions, so their order does not
// count.
func pkiOf(issuer profiles.Name) *PKI {
	var rdns []string
	for _, rdn := range issuer {
		rdns = append(rdns, profiles.Name{rdn}.String())
	}
	for i := range pkis {
		for _, patterns := range pkis[i].issuers {
			if len(patterns) == len(rdns) && !slices.ContainsFunc(patterns, func(p *regexp.Regexp) bool {
				return !slices.ContainsFunc(rdns, p.MatchString)
			}) {
				return &pkis[i]
			}
		}
	}
	return nil
}

// authorityNamed finds the IGC-Santé authority that bears the name, in TEST or in production:
// "ACI-FO-PP-TEST", "ACI-FO-PP", or "" for none.
func authorityNamed(n profiles.Name) string {
	switch environment, a, _ := profiles.EnvironmentOf(n); environment {
	case profiles.Test:
		return a.File()
	case profiles.Production:
		return a.ID()
	}
	return ""
}

// policies are the certificate policies of the sector (reference §1.5, §11.6). Those of persons'
// software certificates are named by their policy document, PC-EL-PP-CL.
var policies = []struct {
	prefix string
	Text
}{
	{"2.5.29.32.0", Text{"toutes politiques (autorités)", "any policy (authorities)"}},
	{"1.2.250.1.213.1.7.2.1.1.1.1", Text{"politique de TEST de l'IGC-Santé", "TEST policy of the IGC-Santé"}},
	{"1.2.250.1.213.1.7.1.1.2.3.1", Text{"production, élémentaire organisations, cachet",
		"production, elementary organisations, seal"}},
	{"1.2.250.1.213.1.7.1.1.2.4.1", Text{"production, élémentaire organisations, authentification client",
		"production, elementary organisations, client authentication"}},
	{"1.2.250.1.213.1.7.1.1.2.5.1", Text{"production, élémentaire organisations, serveur SSL",
		"production, elementary organisations, SSL server"}},
	{"1.2.250.1.213.1.7.1.1.1.4.1", Text{"production, élémentaire personnes, signature logicielle",
		"production, elementary persons, software signature"}},
	{"1.2.250.1.213.1.7.1.1.1.5.1", Text{"production, élémentaire personnes, authentification logicielle",
		"production, elementary persons, software authentication"}},
	{"1.2.250.1.213.1.7.1.", Text{"IGC-Santé de production", "IGC-Santé production"}},
	{"1.2.250.1.71.3.7.4", Text{"IGC-CPS2bis, classe 4 (serveurs)", "IGC-CPS2bis, class 4 (servers)"}},
	{"1.2.250.1.71.3.7.9.", Text{"IGC-CPS2ter, CPS3", "IGC-CPS2ter, CPS3"}},
	{"1.2.250.1.71.3.7.", Text{"IGC-CPS (GIP-CPS)", "IGC-CPS (GIP-CPS)"}},
}

// policyOf says what a policy identifier stands for; empty for one that the sector does not know.
func policyOf(oid string) Text {
	for _, p := range policies {
		if oid == p.prefix || strings.HasSuffix(p.prefix, ".") && strings.HasPrefix(oid, p.prefix) {
			return p.Text
		}
	}
	return Text{}
}
