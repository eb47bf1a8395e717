package inspect

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rsa"
	"crypto/x509"
	"fmt"
	"slices"
	"strings"
	"time"

	"golang.org/x/crypto/cryptobyte"
	cbasn1 "golang.org/x/crypto/cryptobyte/asn1"

	"github.com/igc-lab/igc/profiles"
)

func (c *Certificate) note(code, fr, en string) {
	c.Notes = append(c.Notes, profiles.Finding{Code: code, FR: fr, EN: en})
}

// explain adds the notes: what people of the sector trip over (reference §6 and §10.14), each under
// a stable code.
func (c *Certificate) explain(now time.Time) {
	c.explainOrigin()
	c.explainUsage()
	c.explainCodes()
	c.explainSubject()
	c.explainStrength()
	switch {
	case now.After(c.NotAfter):
		c.note("DATE-EXPIRED", "Expiré le "+day(c.NotAfter)+" : il est refusé partout ; renouvelez-le.",
			"Expired on "+day(c.NotAfter)+": it is refused everywhere; renew it.")
	case now.Before(c.NotBefore):
		c.note("DATE-NOT-YET", "Pas encore valable : il le sera le "+day(c.NotBefore)+" ; vérifiez l'horloge de ce poste.",
			"Not yet valid: it will be on "+day(c.NotBefore)+"; check this machine's clock.")
	}
}

func (c *Certificate) explainOrigin() {
	if c.Status == profiles.Modelled {
		c.note("PROFILE-MODELLED", "Profil modélisé : aucun vrai certificat de ce produit n'a été vu avec ce gabarit ; il est déduit de ses voisins et peut différer du vrai.",
			"Modelled profile: no real certificate of this product was seen in this layout; it is put together from its siblings and may differ from the real one.")
	}
	if p := c.decoded.Profile; p != nil && p.AltName() == "email-upn" && c.decoded.UPN == "" {
		c.note("UPN-MISSING", "Ni adresse ni UPN : il sert à TLS, et n'ouvre pas de session Windows ; tous les vrais en ont un.",
			"No address and no UPN: it serves TLS, and opens no Windows session; every real one has one.")
	}
	if c.PKI == nil {
		return
	}
	switch {
	case c.PKI.Superseded:
		c.note("PKI-PREDECESSOR", c.PKI.FR+" : une IGC que l'IGC-Santé a remplacée ; les logiciels d'aujourd'hui refusent ses certificats.",
			c.PKI.EN+": a PKI that the IGC-Santé replaced; today's software refuses its certificates.")
	case c.PKI.Production && c.Authority != "":
		c.note("PKI-PRODUCTION", "Autorité de PRODUCTION de l'IGC-Santé : igc la lit, et n'émet jamais rien sous son nom.",
			"PRODUCTION authority of the IGC-Santé: igc reads it, and never issues anything under its name.")
	case c.PKI.Production:
		c.note("PKI-PRODUCTION", "Certificat de PRODUCTION : il engage une vraie personne ou une vraie structure ; n'essayez rien avec lui.",
			"PRODUCTION certificate: it binds a real person or organisation; try nothing with it.")
	}
	if c.decoded.Environment == profiles.Acceptance {
		c.note("PKI-RECETTE", "Certificat de RECETTE, l'arbre interne de l'ANS : même gabarit que celui de TEST, aux chaînes PrintableString et au numéro de série court près ; personne d'autre ne l'accepte.",
			"RECETTE (acceptance) certificate, of the internal tree of ANS: laid out as a TEST one, but for its PrintableStrings and its short serial number; nobody else accepts it.")
	}
	issuer := authorityNamed(c.decoded.Issuer)
	real, known := profiles.RealKey(c.decoded.AuthorityKeyID, issuer)
	switch {
	case !known:
	case real && c.PKI.Production:
		c.note("ISSUER-REAL", "L'identifiant de clé est celui de la vraie autorité de PRODUCTION "+issuer+".",
			"The key identifier is that of the real PRODUCTION authority "+issuer+".")
	case real:
		c.note("ISSUER-REAL", "L'identifiant de clé est celui de la vraie autorité de TEST "+issuer+" : ce laboratoire ne le révoque pas et n'y fait pas confiance.",
			"The key identifier is that of the real TEST authority "+issuer+": this lab neither revokes nor trusts it.")
	case c.PKI.Production:
		c.note("ISSUER-OTHER-KEY", "Il nomme l'autorité de production "+issuer+" et une clé qui n'est pas la sienne : ne lui faites pas confiance.",
			"It names the production authority "+issuer+" and a key that is not its own: do not trust it.")
	default:
		c.note("ISSUER-LAB", "Émis sous le nom de "+issuer+" avec une autre clé que celle de l'ANS : il vient d'un laboratoire comme celui-ci.",
			"Issued under the name of "+issuer+" with another key than that of ANS: it comes from a lab like this one.")
	}
}

func (c *Certificate) explainUsage() {
	has := func(purpose string) bool { return slices.Contains(c.Purposes, purpose) }
	signs := slices.Contains(c.KeyUsage, "digitalSignature")
	switch {
	case c.decoded.IsAuthority || len(c.Purposes) == 0 || has("ocspSigning"):
	case has("serverAuth"):
		c.note("USAGE-SERVER", "Certificat de serveur : il sert à TLS"+map[bool]string{true: ", des deux côtés",
			false: ""}[has("clientAuth")]+".",
			"Server certificate: it serves TLS"+map[bool]string{true: ", on either side",
				false: ""}[has("clientAuth")]+".")
	case has("clientAuth") && signs:
		c.note("USAGE-AUTHENTICATION",
			"Certificat d'authentification : il sert à TLS et ne signe pas de document (VIHF, CDA) ; pour cela il faut celui de signature.",
			"Authentication certificate: it serves TLS and signs no document (VIHF, CDA); the signature certificate does.")
	case slices.Contains(c.KeyUsage, "nonRepudiation"):
		c.note("USAGE-SIGNATURE", "Certificat de signature : il ne sert pas à TLS ; choisissez celui d'authentification.",
			"Signature certificate: not for TLS; choose the authentication one.")
	case !has("clientAuth"):
		c.note("USAGE-NOT-TLS", "Certificat de messagerie ou de chiffrement : il ne sert pas à TLS.",
			"Certificate for e-mail or encryption: not for TLS.")
	}
}

func (c *Certificate) explainCodes() {
	for _, code := range c.Codes {
		if code.Label == "" {
			c.note("CODE-UNKNOWN", "Le code "+code.Code+" n'est pas dans la table "+code.ID+" : un logiciel peut le refuser.",
				"Code "+code.Code+" is not in table "+code.ID+": software may refuse it.")
		}
	}
	category := c.decoded.Category
	if c.PKI == nil || len(category) != 2 {
		return
	}
	switch test := category[0] >= '8'; {
	case !test && !c.PKI.Production:
		c.note("CATEGORY-PRODUCTION",
			"Catégorie "+category+", celle de la PRODUCTION, sous une autorité de TEST, où l'on attend 80, 82 ou 83 : un logiciel qui s'y fie la croira vraie.",
			"Category "+category+", that of PRODUCTION, under a TEST authority, where 80, 82 or 83 stand: software that relies on it will take it for real.")
	case test && c.PKI.Production:
		c.note("CATEGORY-TEST", "Catégorie "+category+", celle des produits de TEST, sous une autorité de production : un logiciel la refuse (carte de test en environnement réel).",
			"Category "+category+", that of TEST products, under a production authority: software refuses it (test card in a real environment).")
	}
}

func (c *Certificate) explainSubject() {
	ofIGC := c.PKI != nil && !c.PKI.Superseded
	for _, rdn := range c.decoded.Subject {
		for _, a := range rdn {
			attribute, _, _ := strings.Cut(profiles.Name{profiles.RDN{a}}.String(), "=")
			if strings.TrimSpace(a.Value) == "" {
				c.note("NAME-EMPTY", "L'attribut "+attribute+" est présent et vide : une CPE sans nom n'a ni GN ni SN, plutôt que des vides.",
					"The attribute "+attribute+" is there and empty: a card without a name has neither GN nor SN, rather than empty ones.")
			}
			if want := map[bool]cbasn1.Tag{true: cbasn1.PrintableString,
				false: cbasn1.UTF8String}[attribute == "C"]; ofIGC && a.Tag != want {
				c.note("NAME-STRING", "L'attribut "+attribute+" n'est pas du type de chaîne que l'IGC-Santé emploie (UTF8String ; PrintableString pour C).",
					"The attribute "+attribute+" is not of the string type that the IGC-Santé uses (UTF8String; PrintableString for C).")
			} else if a.Tag == cbasn1.T61String {
				c.note("NAME-T61", "L'attribut "+attribute+" est une T61String, lue comme du Latin-1 : des bibliothèques récentes la refusent.",
					"The attribute "+attribute+" is a T61String, read as Latin-1: recent libraries refuse it.")
			}
		}
	}
	if !sorted(c.decoded.RawSubject) {
		c.note("NAME-ORDER", "Un RDN à plusieurs valeurs n'est pas trié comme le DER le veut : des bibliothèques le refusent, ou ne retrouvent pas le nom.",
			"A multi-valued RDN is not sorted as DER wants: libraries refuse it, or do not find the name again.")
	}
	if c.decoded.CardType != "" && c.decoded.Subject.Get("SN") == "" && c.decoded.Subject.Get("GN") == "" {
		c.note("NAME-NO-PERSON", "Ni nom (SN) ni prénom (GN) : une carte de service ; un logiciel de DMP prend O pour nom et CN pour prénom.",
			"Neither surname (SN) nor given name (GN): a service card; DMP software takes O as family and CN as given name.")
	}
}

// sorted tells whether the attributes of every RDN stand in DER order (X.690 §11.6).
func sorted(name []byte) bool {
	in, rdns := cryptobyte.String(name), cryptobyte.String(nil)
	if !in.ReadASN1(&rdns, cbasn1.SEQUENCE) {
		return true
	}
	for !rdns.Empty() {
		var set, last cryptobyte.String
		if !rdns.ReadASN1(&set, cbasn1.SET) {
			return true
		}
		for !set.Empty() {
			var one cryptobyte.String
			if !set.ReadAnyASN1Element(&one, new(cbasn1.Tag)) {
				return true
			}
			if bytes.Compare(last, one) > 0 {
				return false
			}
			last = one
		}
	}
	return true
}

func (c *Certificate) explainStrength() {
	if strings.Contains(strings.ToUpper(c.Signature), "SHA1") || strings.HasPrefix(c.Signature, "md5") {
		c.note("SIGNATURE-WEAK", "Signé avec "+c.Signature+" : les logiciels d'aujourd'hui le refusent ; l'IGC-Santé signe avec SHA-256.",
			"Signed with "+c.Signature+": today's software refuses it; the IGC-Santé signs with SHA-256.")
	}
	switch {
	case c.Key == nil:
		c.note("KEY-UNKNOWN", "La clé publique ne se lit pas : son encodage est abîmé.",
			"The public key cannot be read: its encoding is broken.")
	case strings.HasPrefix(c.Key.Algorithm, "RSA") && c.Key.Bits < 2048:
		c.note("KEY-SHORT", fmt.Sprintf("Clé RSA de %d bits : trop courte, elle est refusée ; l'IGC-Santé emploie 2048 bits, ses autorités 4096.", c.Key.Bits),
			fmt.Sprintf("RSA key of %d bits: too short, it is refused; the IGC-Santé uses 2048, its authorities 4096.", c.Key.Bits))
	case !c.computable():
		c.note("KEY-UNKNOWN", "Clé "+c.Key.String()+" : nommée, sans plus ; igc ne calcule pas avec elle, ni "+
			"beaucoup de logiciels. L'IGC-Santé n'emploie que RSA.",
			"Key "+c.Key.String()+": named and no more; igc does not compute with it, nor does much software. The "+
				"IGC-Santé uses RSA alone.")
	case c.Key.Algorithm != "RSA" && c.PKI != nil:
		c.note("KEY-NOT-RSA", "Clé "+c.Key.String()+" : l'IGC-Santé n'emploie que RSA ; c'est une clé rapide de laboratoire.",
			"Key "+c.Key.String()+": the IGC-Santé uses RSA alone; this is a fast key of a lab.")
	}
}

// computable tells whether today's software, and igc, compute with the key.
func (c *Certificate) computable() bool {
	public, err := x509.ParsePKIXPublicKey(c.decoded.SubjectPublicKeyInfo)
	if err != nil {
		return false
	}
	switch public.(type) {
	case *rsa.PublicKey, *ecdsa.PublicKey, ed25519.PublicKey:
		return true
	}
	return false
}
