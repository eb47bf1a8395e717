package inspect

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/igc-lab/igc/profiles"
)

// Certificate is a certificate in the sector's words.
type Certificate struct {
	Source
	PKI         *PKI                 `json:"pki,omitempty"`       // nil when it is not a PKI of the sector
	Authority   string               `json:"authority,omitempty"` // the IGC-Santé authority that it belongs to, such as "ACI-FO-PP-TEST"
	Profile     string               `json:"profile,omitempty"`
	Product     *Text                `json:"product,omitempty"`
	Status      profiles.Status      `json:"status,omitempty"`
	Generation  profiles.Generation  `json:"generation,omitempty"`
	Serial      string               `json:"serial"`
	Issuer      string               `json:"issuer"`
	Subject     string               `json:"subject"`
	NotBefore   time.Time            `json:"not_before"`
	NotAfter    time.Time            `json:"not_after"`
	Holder      profiles.Holder      `json:"holder"`
	Codes       []Code               `json:"codes"`
	Key         *Key                 `json:"key,omitempty"` // nil for one that cannot be read
	Signature   string               `json:"signature_algorithm"`
	KeyUsage    []string             `json:"key_usage"`
	Purposes    []string             `json:"extended_key_usage"`
	Fingerprint string               `json:"sha256"`
	Extensions  []profiles.Extension `json:"extensions"`
	Findings    []profiles.Finding   `json:"findings"` // what departs from the profile
	Notes       []profiles.Finding   `json:"notes"`    // what helps to understand it

	FriendlyName string `json:"friendly_name,omitempty"` // that a PKCS#12 gives it

	decoded *profiles.Decoded
}

// IsAuthority tells whether the certificate may issue others.
func (c *Certificate) IsAuthority() bool { return c.decoded.IsAuthority }

// DER is the certificate itself.
func (c *Certificate) DER() []byte { return c.decoded.Raw }

// Code is a code of the sector's tables, with its label.
type Code struct {
	Table Text   `json:"table_name"`
	ID    string `json:"table"`
	Code  string `json:"code"`
	Label string `json:"label,omitempty"` // in French, as the nomenclature has it; empty for a code that it lacks
}

// NewCertificate reads one DER certificate.
func NewCertificate(der []byte, in string, now time.Time) (*Certificate, error) {
	d, err := profiles.Decode(der)
	if err != nil {
		return nil, err
	}
	return newCertificate(d, in, now), nil
}

func newCertificate(d *profiles.Decoded, in string, now time.Time) *Certificate {
	c := &Certificate{Source: Source{Kind: KindCertificate, In: in}, PKI: pkiOf(d.Issuer), Generation: d.Generation,
		Serial: profiles.SerialHex(d.Serial), Issuer: d.Issuer.String(), Subject: d.Subject.String(), NotBefore: d.NotBefore, NotAfter: d.NotAfter,
		Holder: d.Holder, Codes: []Code{}, Key: keyOf(d.SubjectPublicKeyInfo), Signature: signatureName(d.SignatureAlgorithm.String()),
		KeyUsage: append([]string{}, d.KeyUsage...), Purposes: append([]string{},
			d.ExtKeyUsage...), Fingerprint: d.Fingerprint(),
		Extensions: append([]profiles.Extension{}, d.Extensions...), Findings: append([]profiles.Finding{},
			d.Findings...),
		Notes: []profiles.Finding{}, decoded: d}
	if d.IsAuthority {
		c.Authority = authorityNamed(d.Subject)
	}
	if p := d.Profile; p != nil {
		c.Profile, c.Status, c.Product = p.ID(), p.StatusIn(d.Generation), &Text{p.Product.FR, p.Product.EN}
	} else {
		c.readHolder()
	}
	c.recognise()
	c.readCodes()
	c.explain(now)
	return c
}

// recognise withdraws the findings that only say "not TEST": those of production and of the
// acceptance tree are held against the same profiles, and the profiles say nothing of a
// predecessor's.
func (c *Certificate) recognise() {
	if c.PKI == nil || c.PKI.ID == "igc-sante-test" {
		return
	}
	c.Findings = slices.DeleteFunc(c.Findings, func(f profiles.Finding) bool {
		return f.Code == profiles.UnknownIssuer || f.Code == profiles.UnknownProfile && c.PKI.Superseded
	})
}

// readHolder takes what it can from a subject that has no layout of the IGC-Santé: the predecessors
// put the profession in OU (reference §1.6).
func (c *Certificate) readHolder() {
	s := c.decoded.Subject
	c.Holder.GivenName, c.Holder.Surname, c.Holder.Department = s.Get("GN"), s.Get("SN"), s.Get("ST")
	c.Holder.Organisation, c.Holder.Title = s.Get("O"), s.Get("title")
	if c.Holder.Surname == "" {
		c.Holder.Structure, c.Holder.Service = s.Get("OU"), s.Get("CN")
		return
	}
	c.Holder.IdNat = s.Get("CN")
	if c.Holder.Title == "" {
		c.Holder.Title = s.Get("OU")
	}
}

func (c *Certificate) readCodes() {
	add := func(id, code string) {
		if code == "" {
			return
		}
		for _, t := range profiles.CodeTables() {
			if t.ID == id {
				label, _ := profiles.Label(id, code)
				c.Codes = append(c.Codes, Code{Text{t.NameFR, t.NameEN}, id, code, label})
			}
		}
	}
	add("G01", c.decoded.Category)
	add("G02", c.decoded.CardType)
	professions := "G15"
	if slices.ContainsFunc(c.Extensions, func(e profiles.Extension) bool { return e.Name == "professionFormation" }) {
		professions = "G16"
	}
	add(professions, c.Holder.Profession)
	for _, s := range c.Holder.Specialities {
		add("R01", s)
	}
	// an identifier begins with the code of its type
	if c.PKI != nil && !c.decoded.IsAuthority {
		for _, id := range []struct{ table, value string }{{"G08", c.Holder.IdNat}, {"G07", c.Holder.Structure}} {
			if id.value != "" && id.value[0] >= '0' && id.value[0] <= '9' && !strings.Contains(id.value, " ") {
				add(id.table, id.value[:1])
			}
		}
	}
}

// Facts are the lines about the certificate.
func (c *Certificate) Facts() []Fact {
	var facts []Fact
	if c.Product != nil {
		known := map[profiles.Status]Text{profiles.Attested: {"attesté", "attested"},
			profiles.Modelled: {"modélisé", "modelled"}}[c.Status]
		facts = append(facts, Fact{Label: Text{"produit", "product"},
			Value: Text{c.Product.FR + " — " + c.Profile + " (" + known.FR + ")",
				c.Product.EN + " — " + c.Profile + " (" + known.EN + ")"}})
	}
	facts = append(facts, originFacts(c.PKI, c.Authority)...)
	facts = append(facts, values("sujet", "subject", c.Subject, "émetteur", "issuer", c.Issuer, "n° de série",
		"serial", c.Serial,
		"du", "from", c.NotBefore.Format(time.RFC3339), "au", "to", c.NotAfter.Format(time.RFC3339),
		"clé", "key", c.Key.String(), "signature", "signature", c.Signature, "SHA-256", "SHA-256", c.Fingerprint)...)
	facts = append(facts, values("nom dans le fichier", "friendly name", c.FriendlyName)...)
	facts = append(facts, c.usageFacts()...)
	for _, code := range c.Codes {
		value := strings.TrimSpace(code.Code + " " + code.Label)
		facts = append(facts, Fact{Label: code.Table, Value: Text{value + " (" + code.ID + ")",
			value + " (" + code.ID + ")"}, Detail: true})
	}
	for _, p := range c.decoded.Policies {
		if words := policyOf(p); words.FR != "" {
			facts = append(facts, Fact{Label: Text{"Politique", "Policy"}, Value: Text{p + " " + words.FR,
				p + " " + words.EN}, Detail: true})
		}
	}
	facts = append(facts, extensionFacts(c.Extensions)...)
	return append(facts, remarkFacts(c.Findings, c.Notes)...)
}

// usages are the words for what a key may do (RFC 5280 §4.2.1.3 and §4.2.1.12).
var usages = map[string]Text{
	"digitalSignature": {"signature numérique", "digital signature"}, "nonRepudiation": {"non-répudiation",
		"non-repudiation"},
	"keyEncipherment": {"chiffrement de clés",
		"key encipherment"}, "dataEncipherment": {"chiffrement de données", "data encipherment"},
	"keyAgreement": {"échange de clés", "key agreement"}, "keyCertSign": {"signature de certificats",
		"certificate signing"},
	"cRLSign": {"signature de CRL", "CRL signing"}, "serverAuth": {"serveur TLS",
		"TLS server"}, "clientAuth": {"client TLS", "TLS client"},
	"codeSigning": {"signature de code", "code signing"}, "emailProtection": {"messagerie et documents",
		"e-mail and documents"},
	"timeStamping": {"horodatage", "time stamping"}, "ocspSigning": {"réponses OCSP", "OCSP responses"},
	"smartcardLogon": {"ouverture de session Windows", "Windows logon"}, "anyExtendedKeyUsage": {"tout usage",
		"any purpose"},
}

func (c *Certificate) usageFacts() []Fact {
	var fr, en []string
	for _, name := range append(slices.Clone(c.KeyUsage), c.Purposes...) {
		words, ok := usages[name]
		if !ok {
			words = Text{name, name}
		}
		fr, en = append(fr, words.FR), append(en, words.EN)
	}
	if fr == nil {
		return nil
	}
	return []Fact{{Label: Text{"usages", "usages"}, Value: Text{strings.Join(fr, ", "), strings.Join(en, ", ")}}}
}

func originFacts(pki *PKI, authority string) []Fact {
	var facts []Fact
	if pki != nil {
		facts = append(facts, Fact{Label: Text{"IGC", "PKI"}, Value: pki.Text})
	}
	return append(facts, values("autorité", "authority", authority)...)
}

func extensionFacts(extensions []profiles.Extension) []Fact {
	var facts []Fact
	for _, e := range extensions {
		name, text := e.Name, e.Text
		if name == "" {
			name = e.OID
		}
		if e.Critical {
			name += " !"
		}
		if text == "" {
			text = fmt.Sprintf("%x", e.Value)
		}
		facts = append(facts, Fact{Label: Text{name, name}, Value: extensionText(e.Name, text), Detail: true})
	}
	return facts
}

// periodWords are the words of a privateKeyUsagePeriod.
var periodWords = strings.NewReplacer("-> to ", "-> jusqu'au ", "from ", "du ", " to ", " au ", "to ", "jusqu'au ")

// extensionText is the value of an extension: names and numbers, but for the words between two
// dates.
func extensionText(name, text string) Text {
	if name == "privateKeyUsagePeriod" {
		return Text{periodWords.Replace(text), text}
	}
	return Text{text, text}
}

func remarkFacts(findings, notes []profiles.Finding) []Fact {
	var facts []Fact
	for _, f := range findings {
		facts = append(facts, Fact{Label: Text{"écart " + f.Code + " :", "deviation " + f.Code + ":"},
			Value: Text{f.FR, f.EN}})
	}
	for _, n := range notes {
		facts = append(facts, Fact{Label: Text{"note " + n.Code + " :", "note " + n.Code + ":"},
			Value: Text{n.FR, n.EN}})
	}
	return facts
}
