package lint

import (
	"bytes"
	"crypto/x509/pkix"
	"encoding/asn1"
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	cbasn1 "golang.org/x/crypto/cryptobyte/asn1"

	"github.com/igc-lab/igc/internal/i18n"
	"github.com/igc-lab/igc/profiles"
)

// rule is one thing that certificates of the IGC-Santé keep. It is verified by check, or by what
// [profiles.Decode] finds when it builds the certificate anew: a row claims the findings of its
// codes and of its extensions, unless a row above it does, and reports them in Decode's words when
// check has none of its own.
type rule struct {
	id         string
	reference  string // section of the project's reference, which users do not have: it is for the reader of this table
	level      Level
	appliesTo  func(*certificate) bool
	fr, en     string // what it asks for
	check      func(*certificate) string
	inWords    func(*certificate) i18n.Text // a check that finds words
	testOnly   bool                         // production keeps another rule: there a finding is a notice
	recette    bool                         // the acceptance tree keeps another rule: likewise
	codes      []string
	extensions []string
}

// Whom rules apply to.
func everyone(*certificate) bool      { return true }
func authorities(c *certificate) bool { return c.IsAuthority }
func holders(c *certificate) bool     { return !c.IsAuthority }
func known(c *certificate) bool       { return c.Profile != nil }
func cards(c *certificate) bool       { return known(c) && c.Profile.Product.CardType != "" }
func responders(c *certificate) bool  { return known(c) && c.Profile.Product.ID == "ocsp" }
func issued(c *certificate) bool      { return holders(c) && !responders(c) }
func unknownSubject(c *certificate) bool {
	_, _, named := profiles.EnvironmentOf(c.Subject)
	return !profiles.KnownSubject(c.Subject) && !(named && authorities(c))
}
func professionals(c *certificate) bool { return known(c) && c.Profile.Product.Profession != "" }

func altName(kinds ...string) func(*certificate) bool {
	return func(c *certificate) bool { return known(c) && slices.Contains(kinds, c.Profile.AltName()) }
}

// rules are checked in this order. Identifiers are stable.
var rules = []rule{
	// form
	{id: "igc_version", reference: "§2.1", level: Error, appliesTo: everyone, check: version,
		fr: "Le certificat est de version 3", en: "The certificate is of version 3"},
	{id: "igc_signature", reference: "§2.1", level: Error, appliesTo: everyone, check: signature,
		fr: "La signature emploie SHA-256, et le certificat le dit deux fois de même",
		en: "The signature uses SHA-256, and the certificate says so twice alike"},
	{id: "igc_signature_faithful", reference: "§2.1", level: Notice, appliesTo: everyone, check: signatureFaithful,
		fr: "Fidèle, la signature est sha256WithRSAEncryption",
		en: "Faithful, the signature is sha256WithRSAEncryption"},
	{id: "igc_key", reference: "§2.1", level: Error, appliesTo: everyone,
		check: keyReadable, codes: []string{profiles.BrokenKey},
		fr: "La clé publique est lisible", en: "The public key can be read"},
	{id: "igc_key_weak", reference: "§2.1", level: Warning, appliesTo: everyone, check: keyWeak,
		fr: "La clé résiste : RSA d'au moins 2048 bits, EC d'au moins 256",
		en: "The key resists: RSA of at least 2048 bits, EC of at least 256"},
	{id: "igc_key_faithful", reference: "§1.1, §2.1", level: Notice, appliesTo: everyone, check: keyFaithful,
		fr: "Fidèle, la clé est RSA, de 4096 bits pour une autorité et de 2048 sinon, avec e = 65537",
		en: "Faithful, the key is RSA, of 4096 bits for an authority and 2048 otherwise, with e = 65537"},
	{id: "igc_serial", reference: "§1.1, §2.1", level: Error, recette: true, appliesTo: everyone, check: serial,
		fr: "Le numéro de série est positif, de 16 octets, ou de 18 qui commencent par 1120 pour une autorité",
		en: "The serial number is positive, of 16 bytes, or of 18 that begin with 1120 for an authority"},
	{id: "igc_serial_prefix", reference: "§2.1", level: Error, appliesTo: issued, check: serialPrefix,
		fr: "Le numéro de série d'un certificat gen2016 commence par le préfixe de son autorité",
		en: "The serial number of a gen2016 certificate begins with its authority's prefix"},

	// validity
	{id: "igc_time", reference: "§2.1", level: Error, appliesTo: everyone, check: utcTime,
		fr: "Les dates sont des UTCTime jusqu'en 2049", en: "Dates are UTCTime until 2049"},
	{id: "igc_validity_order", reference: "§2.1", level: Error, appliesTo: everyone, check: validityOrder,
		fr: "La validité finit après avoir commencé", en: "Validity ends after it begins"},
	// a warning: the reference has a sample that is a day short, and a short-lived card is a fair
	// thing to test with
	{id: "igc_validity", reference: "§1.1, §2.1", level: Warning, recette: true, appliesTo: known, check: validity,
		fr: "La validité est celle du profil, comptée à l'heure de Paris",
		en: "Validity is the profile's, counted in Paris local time"},

	// names
	{id: "igc_issuer", reference: "§1.1", level: Error, testOnly: true, recette: true, appliesTo: everyone,
		check: issuer, codes: []string{profiles.UnknownIssuer},
		fr: "L'émetteur est une des neuf autorités de TEST", en: "The issuer is one of the nine TEST authorities"},
	{id: "igc_authority_test", reference: "§1.1", level: Error, testOnly: true, recette: true, appliesTo: authorities,
		check: authorityTest,
		fr:    "Une autorité a le nom de l'une des neuf de TEST",
		en:    "An authority has the name of one of the nine of TEST"},
	{id: "igc_gamme", reference: "§1.1, §2.4", level: Error, appliesTo: known, check: gamme,
		fr: "Le certificat vient de l'autorité qui émet ce produit",
		en: "The certificate is from the authority that issues this product"},
	{id: "igc_subject", reference: "§2.3", level: Error, appliesTo: unknownSubject,
		check: subject, codes: []string{profiles.UnknownProfile},
		fr: "Le sujet a la composition de celui d'un produit", en: "The subject is laid out as a product's"},
	{id: "igc_name_order", reference: "§2.3", level: Error, appliesTo: wellTyped,
		check: nameOrder, codes: []string{profiles.NameEncoding},
		fr: "Les attributs d'un RDN sont dans l'ordre DER", en: "The attributes of an RDN are in DER order"},
	{id: "igc_name_strings", reference: "§1.1, §2.1", level: Error, recette: true, appliesTo: everyone,
		check: nameStrings, codes: []string{profiles.NameEncoding},
		fr: "C est un PrintableString, les autres attributs des UTF8String",
		en: "C is a PrintableString, the other attributes are UTF8Strings"},

	// holder
	{id: "igc_organisation", reference: "§2.3", level: Error, appliesTo: holders, check: organisation,
		fr: "O a 40 caractères au plus", en: "O has at most 40 characters"},
	{id: "igc_title", reference: "§2.3, §3.4", level: Error, appliesTo: professionals, check: title,
		fr: "title est le libellé de la profession", en: "title is the profession's label"},
	{id: "igc_profession", reference: "§2.2, §3.4", level: Error, appliesTo: everyone,
		check: profession, extensions: []string{"profession", "professionFormation"},
		fr: "La profession est un code de la table G15, G16 pour une CPF, et seuls les professionnels en ont",
		en: "The profession is a code of table G15, G16 for a CPF, and only professionals have one"},
	{id: "igc_specialities", reference: "§2.2, §3.4", level: Error, appliesTo: everyone,
		check: specialities, extensions: []string{"specialites"},
		fr: "Les spécialités sont des codes de la table R01", en: "Specialities are codes of table R01"},
	{id: "igc_check_digit", reference: "§3.2", level: Warning, testOnly: true, appliesTo: holders, inWords: checkDigit,
		fr: "L'identifiant a sa clé de contrôle et n'est celui de personne",
		en: "The identifier keeps its check digit and is nobody's"},

	// extensions, as a whole
	{id: "igc_netscape", reference: "§2.1", level: Error, appliesTo: everyone,
		check: netscape, extensions: []string{"netscapeCertType", netscapeCertType},
		fr: "netscapeCertType n'est que dans les certificats de l'ancienne IGC-CPS",
		en: "netscapeCertType is in certificates of the old IGC-CPS only"},
	{id: "igc_extension_known", reference: "§2.1, §2.2", level: Error, appliesTo: everyone,
		codes: []string{profiles.UnknownExtension},
		fr:    "Toutes les extensions sont de celles de l'IGC-Santé",
		en:    "All extensions are among those of the IGC-Santé"},
	{id: "igc_extension_once", reference: "§2.1", level: Error, appliesTo: everyone,
		codes: []string{profiles.RepeatedExtension},
		fr:    "Une extension ne vient qu'une fois", en: "An extension stands there once"},
	{id: "igc_extension_order", reference: "§1.2, §2.1", level: Error, appliesTo: everyone,
		codes: []string{profiles.DifferentOrder},
		fr:    "Les extensions sont dans l'ordre de leur génération",
		en:    "Extensions are in the order of their generation"},
	{id: "igc_critical", reference: "§1.2, §2.1", level: Error, appliesTo: everyone, check: critical,
		fr: "Seule keyUsage est critique, et basicConstraints dans une autorité",
		en: "keyUsage alone is critical, and basicConstraints in an authority"},
	{id: "igc_private_critical", reference: "§2.2", level: Error, appliesTo: everyone, check: privateCritical,
		fr: "Les extensions du secteur ne sont pas critiques", en: "The sector's own extensions are not critical"},

	// extensions, one by one
	{id: "igc_basic_constraints", reference: "§1.2, §2.1", level: Error, appliesTo: everyone,
		extensions: []string{"basicConstraints"},
		fr:         "basicConstraints est une SEQUENCE vide, ou celle d'une autorité",
		en:         "basicConstraints is an empty SEQUENCE, or an authority's"},
	{id: "igc_ski", reference: "§2.1", level: Error, appliesTo: everyone, extensions: []string{"subjectKeyIdentifier"},
		fr: "subjectKeyIdentifier est le SHA-1 des bits de la clé, ou du SubjectPublicKeyInfo entier en gen2023",
		en: "subjectKeyIdentifier is the SHA-1 of the key bits, or of the whole SubjectPublicKeyInfo in gen2023"},
	{id: "igc_aki", reference: "§2.1", level: Error, appliesTo: everyone,
		extensions: []string{"authorityKeyIdentifier"},
		fr:         "authorityKeyIdentifier n'a que keyIdentifier", en: "authorityKeyIdentifier has keyIdentifier only"},
	{id: "igc_key_usage", reference: "§1.2, §2.5", level: Error, appliesTo: everyone, extensions: []string{"keyUsage"},
		fr: "keyUsage est celle du profil", en: "keyUsage is the profile's"},
	{id: "igc_ext_key_usage", reference: "§2.5", level: Error, appliesTo: everyone, extensions: []string{"extKeyUsage"},
		fr: "extKeyUsage est celle du profil", en: "extKeyUsage is the profile's"},
	{id: "igc_policy", reference: "§1.2, §1.5", level: Error, appliesTo: everyone,
		extensions: []string{"certificatePolicies"},
		fr:         "certificatePolicies est 1.2.250.1.213.1.7.2.1.1.1.1, anyPolicy pour une autorité, avec l'adresse de la politique",
		en:         "certificatePolicies is 1.2.250.1.213.1.7.2.1.1.1.1, anyPolicy for an authority, with the policy's address"},
	{id: "igc_policy_test", reference: "§1.5, §11.6", level: Notice, testOnly: true, appliesTo: everyone,
		check: policyTest,
		fr:    "La politique n'est pas de production", en: "The policy is not one of production"},
	{id: "igc_private_key_period", reference: "§2.5, §10.0", level: Error, appliesTo: everyone,
		extensions: []string{"privateKeyUsagePeriod"},
		fr:         "privateKeyUsagePeriod n'est que dans les certificats de signature, avec ses deux bornes en GeneralizedTime",
		en:         "privateKeyUsagePeriod is in signature certificates only, with both bounds in GeneralizedTime"},
	{id: "igc_upn", reference: "§2.5, §10.5, §11.4", level: Error, appliesTo: altName("upn", "email-upn"),
		extensions: []string{"subjectAltName"},
		fr:         "subjectAltName est l'UPN du produit : N.NNN…@carte-cps.fr pour une CPS ou une CPA, CN@carte-cps.fr pour une CPE, une adresse pour un certificat logiciel",
		en:         "subjectAltName is the product's UPN: N.NNN…@carte-cps.fr for a CPS or a CPA, CN@carte-cps.fr for a CPE, an address for a software certificate"},
	// every real one has an address; without it the certificate is put together, and serves TLS but
	// no Windows logon
	{id: "igc_upn_missing", reference: "§2.5, §10.9", level: Warning, appliesTo: altName("email-upn"),
		check: upnMissing,
		fr:    "Un certificat logiciel d'authentification nomme une adresse électronique dans son UPN",
		en:    "A software authentication certificate names an e-mail address in its UPN"},
	{id: "igc_san_dns", reference: "§2.5, §10.10", level: Error, appliesTo: altName("dns"),
		extensions: []string{"subjectAltName"},
		fr:         "subjectAltName est fait de noms DNS, le CN d'abord, aucun deux fois",
		en:         "subjectAltName is made of DNS names, the CN first, none twice"},
	{id: "igc_san_ip", reference: "§10.10", level: Notice, appliesTo: altName("dns"), check: sanAddress,
		fr: "subjectAltName nomme des hôtes, et pas d'adresse IP : aucun certificat de l'IGC-Santé n'en a",
		en: "subjectAltName names hosts, and not IP addresses: no certificate of the IGC-Santé has one"},
	{id: "igc_san", reference: "§2.5", level: Error, appliesTo: everyone, extensions: []string{"subjectAltName"},
		fr: "subjectAltName est absente, ou une adresse électronique dans les certificats qui en ont",
		en: "subjectAltName is absent, or an e-mail address in the certificates that have one"},
	{id: "igc_crl", reference: "§1.2, §10.0", level: Error, appliesTo: everyone,
		extensions: []string{"cRLDistributionPoints"},
		fr:         "cRLDistributionPoints a deux points d'une adresse : HTTP, puis LDAP",
		en:         "cRLDistributionPoints has two points of one address: HTTP, then LDAP"},
	{id: "igc_freshest_crl", reference: "§1.3, §10.0", level: Error, appliesTo: everyone,
		extensions: []string{"freshestCRL"},
		fr:         "freshestCRL a un point, LDAP", en: "freshestCRL has one point, LDAP"},
	{id: "igc_aia", reference: "§1.3, §10.0", level: Error, appliesTo: everyone,
		extensions: []string{"authorityInfoAccess"},
		fr:         "authorityInfoAccess nomme OCSP, puis caIssuers", en: "authorityInfoAccess names OCSP, then caIssuers"},
	{id: "igc_nocheck", reference: "§10.12", level: Error, appliesTo: everyone, extensions: []string{"ocspNoCheck"},
		fr: "ocspNoCheck n'est que dans les répondeurs OCSP", en: "ocspNoCheck is in OCSP responders only"},
	{id: "igc_category_test", reference: "§2.2", level: Error, testOnly: true, appliesTo: everyone, check: categoryTest,
		fr: "La catégorie de produit est de TEST : son bit 0x80 est à 1",
		en: "The product category is of TEST: its bit 0x80 is set"},
	{id: "igc_category", reference: "§2.2", level: Error, appliesTo: everyone, extensions: []string{"categorieProduit"},
		fr: "La catégorie de produit est un octet, 80 pour une carte et 83 pour un certificat logiciel",
		en: "The product category is a byte, 80 for a card and 83 for a software certificate"},
	{id: "igc_card_type", reference: "§2.2", level: Error, appliesTo: everyone, extensions: []string{"typeCarte"},
		fr: "Le type de carte est un INTEGER de 3 octets, et seules les cartes en ont un",
		en: "The card type is an INTEGER of 3 bytes, and only cards have one"},
	{id: "igc_card_number", reference: "§2.2", level: Error, appliesTo: everyone,
		check: cardNumber, extensions: []string{"numeroCarte"},
		fr: "Le numéro de carte est 8025000001/ et dix chiffres, et seules les cartes en ont un",
		en: "The card number is 8025000001/ and ten digits, and only cards have one"},

	// what is left: last
	{id: "igc_holder", reference: "§2.3, §3.1", level: Error, appliesTo: everyone,
		codes: []string{profiles.HolderWrong},
		fr:    "Le profil sait faire un certificat de ce porteur (sinon les extensions ne lui sont pas comparées)",
		en:    "The profile can make a certificate of this holder (otherwise extensions are not compared with it)"},
	{id: "igc_product", reference: "§2.5", level: Error, appliesTo: everyone,
		fr: "Sujet, usages de clé, catégorie et type de carte sont ceux d'un même produit",
		en: "Subject, key usages, category and card type are those of one product"},
}

// profileFindings checks the rules of the IGC-Santé.
func profileFindings(d *profiles.Decoded) []Finding {
	c := newCertificate(d)
	claimed := map[int][]profiles.Finding{}
	for _, f := range d.Findings {
		// the last row claims what no other does, so that nothing that Decode finds is lost
		i := slices.IndexFunc(rules, func(r rule) bool {
			return r.appliesTo(c) && (slices.Contains(r.codes, f.Code) || f.Extension != "" &&
				slices.Contains(r.extensions, f.Extension))
		})
		if i < 0 {
			i = len(rules) - 1
		}
		claimed[i] = append(claimed[i], f)
	}
	var found []Finding
	for i, r := range rules {
		if !r.appliesTo(c) {
			continue
		}
		var fr, en string
		if r.check != nil {
			fr = r.check(c)
			en = fr
		}
		if r.inWords != nil {
			found := r.inWords(c)
			fr, en = found.FR, found.EN
		}
		if fr == "" && claimed[i] != nil {
			var frs, ens []string
			for _, f := range claimed[i] {
				frs, ens = append(frs, f.FR), append(ens, f.EN)
			}
			fr, en = strings.Join(frs, " "), strings.Join(ens, " ")
		}
		if fr != "" {
			f := Finding{Level: r.level, Rule: r.id, Expected: i18n.Text{FR: r.fr, EN: r.en},
				Seen: i18n.Text{FR: clean(fr), EN: clean(en)}, Fix: r.fix()}
			if c.genuine() && (r.testOnly && c.Environment == profiles.Production || r.recette &&
				c.Environment == profiles.Acceptance) {
				f.Level = Notice
				f.Seen.FR += fmt.Sprintf(" (règle des certificats de TEST ; celui-ci est de %s)", c.Environment)
				f.Seen.EN += fmt.Sprintf(" (a rule of TEST certificates; this one is of %s)", c.Environment)
			}
			found = append(found, f)
		}
	}
	return found
}

// genuine tells whether a certificate of production or of the acceptance tree may be what it says.
// One that names an authority of production and another key than its own is not.
func (c *certificate) genuine() bool {
	real, known := profiles.RealKey(c.AuthorityKeyID, c.Counterpart.ID())
	return c.Environment == profiles.Acceptance || c.Environment == profiles.Production && (real || !known)
}

// Checks return what they found in the place of what the rule asks for, in words of no language; ""
// when it is kept.

// unless is what a check returns: nothing when the rule is kept.
func unless(kept bool, found string) string {
	switch {
	case kept:
		return ""
	case found == "":
		return "–" // nothing is there
	}
	return found
}

func version(c *certificate) string { return unless(c.version == 3, fmt.Sprintf("v%d", c.version)) }

// AlgorithmIdentifiers, whole.
var (
	sha256WithRSA   = []byte{0x30, 13, 6, 9, 0x2a, 0x86, 0x48, 0x86, 0xf7, 13, 1, 1, 11, 5, 0}
	ecdsaWithSHA256 = []byte{0x30, 10, 6, 8, 0x2a, 0x86, 0x48, 0xce, 0x3d, 4, 3, 2}
)

// algorithmNames are the signature algorithms that certificates of the sector have.
var algorithmNames = map[string]string{
	"1.2.840.113549.1.1.4": "md5WithRSAEncryption", "1.2.840.113549.1.1.5": "sha1WithRSAEncryption",
	"1.2.840.113549.1.1.10": "rsassaPss", "1.2.840.113549.1.1.11": "sha256WithRSAEncryption",
	"1.2.840.113549.1.1.12": "sha384WithRSAEncryption", "1.2.840.113549.1.1.13": "sha512WithRSAEncryption",
	"1.2.840.10045.4.1": "ecdsa-with-SHA1", "1.2.840.10045.4.3.2": "ecdsa-with-SHA256",
	"1.2.840.10045.4.3.3": "ecdsa-with-SHA384", "1.2.840.10045.4.3.4": "ecdsa-with-SHA512", "1.3.101.112": "Ed25519",
}

// algorithmName names an AlgorithmIdentifier: its bytes where it has no name, or parameters of its
// own.
func algorithmName(der []byte) string {
	var a pkix.AlgorithmIdentifier
	if rest, err := asn1.Unmarshal(der, &a); err != nil || len(rest) > 0 {
		return fmt.Sprintf("%x", der)
	}
	name := algorithmNames[a.Algorithm.String()]
	if name == "" {
		name = a.Algorithm.String()
	}
	if len(a.Parameters.FullBytes) > 2 {
		name += fmt.Sprintf(" (%x)", a.Parameters.FullBytes)
	}
	return name
}

func signature(c *certificate) string {
	in, out := c.algorithms[0], c.algorithms[1]
	return unless(bytes.Equal(in, out) && (bytes.Equal(in, sha256WithRSA) || bytes.Equal(in, ecdsaWithSHA256)),
		algorithmName(in)+", "+algorithmName(out))
}

func signatureFaithful(c *certificate) string {
	return unless(bytes.Equal(c.algorithms[0], sha256WithRSA), algorithmName(c.algorithms[0]))
}

func keyReadable(c *certificate) string { return unless(c.key.kind != "", "") }

func keyWeak(c *certificate) string {
	k := c.key
	return unless(!(k.kind == "RSA" && (k.bits < 2048 || k.exponent < 65537) || k.kind == "EC" && k.bits < 256),
		k.String())
}

func keyFaithful(c *certificate) string {
	want := keyFacts{kind: "RSA", bits: 2048, exponent: 65537}
	if c.IsAuthority {
		want.bits = 4096
	}
	return unless(c.key == want, c.key.String())
}

func serial(c *certificate) string {
	// the top bit is clear; a random number begins with some more zeros, never with four bytes of
	// them
	ok := c.Serial.Sign() > 0 && c.Serial.BitLen() < 128 && c.Serial.BitLen() > 96
	if c.IsAuthority {
		b := c.Serial.Bytes()
		ok = c.Serial.Sign() > 0 && len(b) == 18 && b[0] == 0x11 && b[1] == 0x20
	}
	return unless(ok, profiles.SerialHex(c.Serial))
}

func serialPrefix(c *certificate) string {
	prefix := c.Authority.SerialPrefix()
	if c.Generation != profiles.Gen2016 || len(prefix) == 0 || serial(c) != "" {
		return ""
	}
	return unless(bytes.HasPrefix(c.Serial.FillBytes(make([]byte, 16)), prefix),
		fmt.Sprintf("%s, %s: %X…", profiles.SerialHex(c.Serial), c.Authority.ID(), prefix))
}

func utcTime(c *certificate) string {
	for i, t := range []time.Time{c.NotBefore, c.NotAfter} {
		if t.Year() < 2050 && c.times[i] != cbasn1.UTCTime {
			return "GeneralizedTime " + t.Format(time.RFC3339)
		}
	}
	return ""
}

func span(from, to time.Time) string {
	return from.UTC().Format(time.RFC3339) + " – " + to.UTC().Format(time.RFC3339)
}

func validityOrder(c *certificate) string {
	return unless(c.NotAfter.After(c.NotBefore), span(c.NotBefore, c.NotAfter))
}

func validity(c *certificate) string {
	from, to := c.NotBefore, c.Profile.Expiry(c.Generation, c.NotBefore)
	if c.Profile.IsAuthority() {
		_, a, ok := profiles.EnvironmentOf(c.Subject)
		if !ok { // another rule's
			return ""
		}
		// the real dates or, in a lab of another time, those moved by decades: each pair serves in
		// the middle of its own
		from, to = profiles.AuthorityValidity(a, c.NotBefore.AddDate(10, 0, 0))
	}
	return unless(from.Equal(c.NotBefore) && to.Equal(c.NotAfter), span(c.NotBefore, c.NotAfter)+" ≠ "+span(from, to))
}

// testAuthority finds the TEST authority of that name.
func testAuthority(n profiles.Name) (profiles.Authority, bool) {
	for _, a := range profiles.Authorities() {
		if a.Name().Equal(n) {
			return a, true
		}
	}
	return profiles.Authority{}, false
}

func issuer(c *certificate) string {
	return unless(c.Authority != profiles.Authority{}, c.Issuer.String())
}

func authorityTest(c *certificate) string {
	_, ok := testAuthority(c.Subject)
	return unless(ok, c.Subject.String())
}

func gamme(c *certificate) string {
	none := profiles.Authority{} // that there is none is another rule's
	ok := c.Counterpart == none || c.Profile.Product.IssuedBy(c.Counterpart)
	if c.Profile.IsAuthority() {
		environment, a, _ := profiles.EnvironmentOf(c.Subject)
		ok = c.Counterpart == none || a == none || c.Counterpart == a.Root() && environment == c.Environment
	}
	return unless(ok, c.Counterpart.ID()+" → "+c.Profile.ID())
}

func subject(c *certificate) string { return c.Subject.String() } // of unknownSubject

func wellTyped(c *certificate) bool { return nameStrings(c) == "" }

func nameOrder(c *certificate) string {
	for i, n := range []profiles.Name{c.Issuer, c.Subject} {
		if der, err := n.Marshal(); err != nil || !bytes.Equal(der, c.names[i]) { // Marshal sorts
			return n.String()
		}
	}
	return ""
}

func nameStrings(c *certificate) string {
	for _, n := range []profiles.Name{c.Issuer, c.Subject} {
		for _, rdn := range n {
			for _, ava := range rdn {
				want := cbasn1.UTF8String
				if ava.Type.String() == "2.5.4.6" {
					want = cbasn1.PrintableString
				}
				if ava.Tag != want {
					return fmt.Sprintf("%s, tag %d", profiles.Name{{ava}}, ava.Tag)
				}
			}
		}
	}
	return ""
}

func organisation(c *certificate) string {
	o := c.Subject.Get("O")
	return unless(utf8.RuneCountInString(o) <= 40, fmt.Sprintf("%d: %s", utf8.RuneCountInString(o), o))
}

func title(c *certificate) string {
	label, ok := profiles.Label(c.Profile.Product.Profession, c.Holder.Profession)
	// an unknown code is another rule's
	return unless(!ok || c.Holder.Title == label, c.Holder.Title+" ≠ "+c.Holder.Profession+" "+label)
}

func profession(c *certificate) string {
	var ok bool
	switch code := c.Holder.Profession; {
	case professionals(c):
		_, ok = profiles.Label(c.Profile.Product.Profession, code)
	case known(c):
		ok = code == ""
	default:
		ok = true
	}
	return unless(ok, c.Holder.Profession)
}

func specialities(c *certificate) string {
	for _, s := range c.Holder.Specialities {
		if _, ok := profiles.Label("R01", s); !ok || known(c) && !professionals(c) {
			return s
		}
	}
	return ""
}

func checkDigit(c *certificate) i18n.Text {
	var fr, en []string
	for _, w := range profiles.IdNatWarnings(c.Holder.IdNat) {
		fr, en = append(fr, w.FR), append(en, w.EN)
	}
	return i18n.Text{FR: strings.Join(fr, " ; "), EN: strings.Join(en, "; ")}
}

const netscapeCertType = "2.16.840.1.113730.1.1"

// first is the first extension for which broken is true.
func first(c *certificate, broken func(profiles.Extension) bool) string {
	i := slices.IndexFunc(c.Extensions, broken)
	if i < 0 {
		return ""
	}
	e := c.Extensions[i]
	text := fmt.Sprintf("%s %s", e.OID, e.Name)
	if e.Critical {
		text += ", critical"
	}
	if e.Text != "" {
		return text + ": " + e.Text
	}
	return fmt.Sprintf("%s, %x", text, e.Value)
}

func netscape(c *certificate) string {
	return first(c, func(e profiles.Extension) bool { return e.OID == netscapeCertType })
}

// sector is the arc of the health sector's own extensions.
const sector = "1.2.250.1.71."

func critical(c *certificate) string {
	return first(c, func(e profiles.Extension) bool {
		want := e.Name == "keyUsage" || e.Name == "basicConstraints" && c.IsAuthority
		return e.Critical != want && !strings.HasPrefix(e.OID, sector)
	})
}

func privateCritical(c *certificate) string {
	return first(c, func(e profiles.Extension) bool { return e.Critical && strings.HasPrefix(e.OID, sector) })
}

func categoryTest(c *certificate) string {
	return unless(c.Category == "" || c.Category[0] >= '8', c.Category) // two hexadecimal digits
}

func policyTest(c *certificate) string {
	i := slices.IndexFunc(c.Policies, func(p string) bool { return strings.HasPrefix(p, profiles.ProductionPolicies) })
	if i < 0 {
		return ""
	}
	return c.Policies[i]
}

func sanAddress(c *certificate) string {
	for _, e := range c.Extensions {
		if e.Name == "subjectAltName" && strings.Contains(e.Text, "IP ") {
			return e.Text
		}
	}
	return ""
}

func upnMissing(c *certificate) string { return unless(c.UPN != "", "") }

func cardNumber(c *certificate) string {
	return unless(!known(c) || (c.Holder.CardNumber != "") == cards(c), c.Holder.CardNumber)
}
