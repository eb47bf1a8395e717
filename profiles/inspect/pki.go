package inspect

import (
	"encoding/hex"
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

// pkis are the generations (reference §1.1 and §1.6). Of IGC-CPS2ter in production only the names of authorities are
// known, not their encoding: those patterns are presumed from the TEST ones.
var pkis = []PKI{
	{ID: "igc-sante-test", Text: Text{"IGC-Santé de TEST", "IGC-Santé TEST"},
		issuers: []pattern{names("C=FR", "O=ASIP-SANTE", "OU=0002 187512751", "OU=IGC-SANTE TEST", "CN=TEST AC .*")}},
	{ID: "igc-sante-recette", Text: Text{"IGC-Santé de recette (interne à l'ANS)", "IGC-Santé acceptance (ANS internal)"},
		issuers: []pattern{names("C=FR", "O=ASIP-SANTE", "OU=0002 187512751", "OU=IGC-SANTE TEST", "OU=RECETTE", "CN=TEST AC .*")}},
	{ID: "igc-sante", Text: Text{"IGC-Santé de PRODUCTION", "IGC-Santé PRODUCTION"}, Production: true,
		issuers: []pattern{names("C=FR", "O=ASIP-SANTE", "OU=0002 187512751", "OU=IGC-SANTE", "CN=AC .*")}},
	{ID: "igc-cps2ter-test", Text: Text{"IGC-CPS2ter de TEST", "IGC-CPS2ter TEST"}, Superseded: true,
		issuers: []pattern{names("C=FR", "O=TEST", "OU=TEST (ANONYME|PROFESSIONNEL|STRUCTURE|SERVEUR)", "CN=TEST CLASSE-[0-3]"),
			names("C=FR", "O=TEST", "OU=TEST (ANONYME|PROFESSIONNEL|STRUCTURE|SERVEUR)")}},
	{ID: "igc-cps2ter", Text: Text{"IGC-CPS2ter de production", "IGC-CPS2ter production"}, Production: true, Superseded: true,
		issuers: []pattern{names("C=FR", "O=GIP-CPS", "OU=(GIP-CPS )?(ANONYME|PROFESSIONNEL|STRUCTURE|SERVEUR)", "CN=(GIP-CPS )?CLASSE-[0-3]"),
			names("C=FR", "O=GIP-CPS", "OU=(GIP-CPS )?(ANONYME|PROFESSIONNEL|STRUCTURE|SERVEUR)")}},
	{ID: "igc-cps2bis-test", Text: Text{"IGC-CPS2bis de TEST", "IGC-CPS2bis TEST"}, Superseded: true,
		issuers: []pattern{names("C=FR", "O=GIP-CPS-TEST", "OU=AC-CLASSE-[456]-TEST"), names("C=FR", "O=GIP-CPS-TEST")}},
	{ID: "igc-cps2bis", Text: Text{"IGC-CPS2bis de production", "IGC-CPS2bis production"}, Production: true, Superseded: true,
		issuers: []pattern{names("C=FR", "O=GIP-CPS", "OU=AC-CLASSE-[456]"), names("C=FR", "O=GIP-CPS")}},
}

// pkiOf finds the generation whose authorities bear such a name; nil when it is another world's. The RDNs of the
// predecessors are known from prints in both directions, so their order does not count.
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

// authorityNamed finds the IGC-Santé authority that bears the name, in TEST or in production: "ACI-FO-PP-TEST",
// "ACI-FO-PP", or "" for none. A production name is compared by making a TEST one of it, never the other way round.
func authorityNamed(n profiles.Name) string {
	suffix := "-TEST"
	if len(n) == 5 && len(n[3]) == 1 && len(n[4]) == 1 && n[3][0].Value == "IGC-SANTE" {
		suffix = ""
		ou, cn := n[3][0], n[4][0]
		ou.Value, cn.Value = ou.Value+" TEST", "TEST "+cn.Value
		n = append(slices.Clone(n[:3]), profiles.RDN{ou}, profiles.RDN{cn})
	}
	for _, a := range profiles.Authorities() {
		if a.Name().Equal(n) {
			return a.ID() + suffix
		}
	}
	return ""
}

// realKeys are the key identifiers of the real authorities (reference §1.1). A lab's authorities bear the same TEST names
// over other keys. TEST ACI-ST-ORG, ACI-FO-ORG and ACR-FO were never seen.
var realKeys = map[string]string{
	"ACR-EL": "8c6fead58b82faf9be87dc730e27150747c49e2f", "ACR-ST": "c0ac89f12470d52be2d5d4b48405c0810572539b",
	"ACR-FO": "38430511002ee752c3e8974674f8a4fb9cdce5ee", "ACI-EL-PP": "ceaf9b1c194a6b53a7a8c9d81fdb6114cd07f22e",
	"ACI-EL-ORG": "d7fbfadcd5027fe7c153864d4be8a44a1e0bbb63", "ACI-ST-PP": "19f276d58d7a17ca829be97b5aef3f05a690d4f3",
	"ACI-ST-ORG": "66b62d3db8fc1e1a1349688284587324c4ace5a0", "ACI-FO-PP": "800f918821797d5555c65d6dd5938d6ade5c2aa6",
	"ACI-FO-ORG":  "ede618d2e0fe7345cbf8242f566ba606e20f7331",
	"ACR-EL-TEST": "9cad86bba6aacac5613a04b047fddc3bcd3d57f4", "ACR-ST-TEST": "c41aec439cf5ed1ac81aac4e48a3593a873f92a0",
	"ACI-EL-PP-TEST": "d08e536a76167779da3ab67e20486c50c40a5bfe", "ACI-EL-ORG-TEST": "212e847d3b1ef512de51a2215cae93a8ef5be3f5",
	"ACI-ST-PP-TEST": "f8a1858903da52ffd336be03d8a8d96109363d92", "ACI-FO-PP-TEST": "3af1e7f5ceebedf78dc9c9b29fedd46529dc1ffd",
}

// keyOfRealAuthority tells whether the identifier is that of the named real authority's key, if that is known.
func keyOfRealAuthority(id []byte, authority string) (is, known bool) {
	want, known := realKeys[authority]
	return known && want == hex.EncodeToString(id), known && len(id) > 0
}

// policies are the certificate policies of the sector (reference §1.5).
var policies = []struct {
	prefix string
	Text
}{
	{"2.5.29.32.0", Text{"toutes politiques (autorités)", "any policy (authorities)"}},
	{"1.2.250.1.213.1.7.2.1.1.1.1", Text{"politique de TEST de l'IGC-Santé", "TEST policy of the IGC-Santé"}},
	{"1.2.250.1.213.1.7.1.1.2.3.1", Text{"production, élémentaire organisations, cachet", "production, elementary organisations, seal"}},
	{"1.2.250.1.213.1.7.1.1.2.5.1", Text{"production, élémentaire organisations, serveur SSL", "production, elementary organisations, SSL server"}},
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
