package profiles

import (
	"bytes"
	"encoding/hex"
	"slices"
	"strings"

	"golang.org/x/crypto/cryptobyte"
	cbasn1 "golang.org/x/crypto/cryptobyte/asn1"
)

// Environment tells which of the three trees of the IGC-Santé a certificate names as issuer
// (reference §1.1).
type Environment string

// The environments. What this package builds is always of Test.
const (
	Test       Environment = "test"
	Acceptance Environment = "recette"    // internal to ANS: TEST names below an OU of its own
	Production Environment = "production" // TEST names without their "TEST"
)

// EnvironmentOf finds the environment of an authority's name and the TEST authority that has its
// gamme and domaine; false for a name of another PKI. The names of production are recognised by
// making TEST ones of them, never the other way round.
func EnvironmentOf(n Name) (Environment, Authority, bool) {
	if a, ok := authorityOf(n); ok {
		return Test, a, true
	}
	const ou, cn = 3, 4 // places in an authority's name
	single := !slices.ContainsFunc(n, func(rdn RDN) bool { return len(rdn) != 1 })
	switch {
	case single && len(n) == 6 && n[ou+1][0].Value == "RECETTE" && n[ou+1][0].Type.Equal(n[ou][0].Type):
		a, ok := authorityOf(slices.Delete(slices.Clone(n), ou+1, ou+2))
		if !ok {
			return "", a, false
		}
		return Acceptance, a, true
	case single && len(n) == 5 && n[ou][0].Value == "IGC-SANTE":
		unit, name := n[ou][0], n[cn][0]
		unit.Value, name.Value = unit.Value+" TEST", "TEST "+name.Value
		a, ok := authorityOf(append(slices.Clone(n[:ou]), RDN{unit}, RDN{name}))
		if !ok {
			return "", a, false
		}
		return Production, a, true
	}
	return "", Authority{}, false
}

// ProductionPolicies is the arc of the policies of production certificates (reference §1.5, §11.6).
const ProductionPolicies = "1.2.250.1.213.1.7.1."

// categoryTest is the bit by which the category of a TEST product differs from that of production
// (reference §2.2).
const categoryTest = 0x80

// testCategory is the category that the TEST product has in the place of this one.
func (d *Decoded) testCategory() string {
	b, err := hex.DecodeString(d.Category)
	if err != nil || len(b) != 1 || d.Environment != Production {
		return d.Category
	}
	return hex.EncodeToString([]byte{b[0] | categoryTest})
}

// testSubject is the subject, but for an authority of production: the name that it has in the TEST
// tree.
func (d *Decoded) testSubject() Name {
	if d.Environment == Production && d.IsAuthority {
		if e, a, ok := EnvironmentOf(d.Subject); ok && e == Production {
			return a.Name()
		}
	}
	return d.Subject
}

// inProduction makes of an extension's value in a TEST certificate the one that the same
// certificate of production has: addresses lose their "TEST", the category its bit, and a TEST
// policy becomes the production one of the certificate, of which the value cannot be foreseen.
func (d *Decoded) inProduction(name string, value []byte) ([]byte, error) {
	switch name {
	case "categorieProduit":
		b, err := readWhole(value, cbasn1.OCTET_STRING)
		if err != nil || len(b) != 1 {
			return nil, errValue
		}
		return []byte{byte(cbasn1.OCTET_STRING), 1, b[0] &^ categoryTest}, nil
	case "certificatePolicies", "cRLDistributionPoints", "freshestCRL", "authorityInfoAccess":
		var b cryptobyte.Builder
		if err := d.rewrite(&b, value); err != nil {
			return nil, err
		}
		return b.Bytes()
	}
	return value, nil
}

// withoutTest takes the mark of TEST out of an address.
var withoutTest = strings.NewReplacer("%20TEST", "", "TEST%20", "", "-TEST", "")

// rewrite copies DER, but for the addresses and the policy in it.
func (d *Decoded) rewrite(b *cryptobyte.Builder, der cryptobyte.String) error {
	for !der.Empty() {
		var element, value cryptobyte.String
		var tag cbasn1.Tag
		in := der
		if !der.ReadAnyASN1Element(&element, &tag) || !in.ReadAnyASN1(&value, &tag) {
			return errValue
		}
		switch {
		case tag == cbasn1.IA5String || tag == context(6):
			b.AddASN1(tag, func(b *cryptobyte.Builder) { b.AddBytes([]byte(withoutTest.Replace(string(value)))) })
		case bytes.Equal(element, testPolicyDER()) && len(d.Policies) == 1 && strings.HasPrefix(d.Policies[0], ProductionPolicies):
			b.AddASN1ObjectIdentifier(oid(d.Policies[0]))
		case tag&0x20 != 0: // constructed
			b.AddASN1(tag, func(b *cryptobyte.Builder) {
				if err := d.rewrite(b, value); err != nil {
					b.SetError(err)
				}
			})
		default:
			b.AddBytes(element)
		}
	}
	return nil
}

func testPolicyDER() []byte {
	var b cryptobyte.Builder
	b.AddASN1ObjectIdentifier(oid(testPolicy))
	return b.BytesOrPanic()
}

// realKeys are the key identifiers of the real authorities (reference §1.1), by the names of their
// files. A lab's authorities bear the same TEST names over other keys. TEST ACI-ST-ORG, ACI-FO-ORG
// and ACR-FO were never seen.
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

// RealKey tells whether the identifier is that of the real authority's key, if that is known. The
// authority is named by its file: ACI-EL-ORG is of production, ACI-EL-ORG-TEST of TEST.
func RealKey(id []byte, file string) (is, known bool) {
	want, known := realKeys[file]
	return known && want == hex.EncodeToString(id), known && len(id) > 0
}
