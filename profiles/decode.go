package profiles

import (
	"bytes"
	"crypto/sha256"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"errors"
	"fmt"
	"math/big"
	"slices"
	"strings"
	"time"

	"golang.org/x/crypto/cryptobyte"
	cbasn1 "golang.org/x/crypto/cryptobyte/asn1"

	"github.com/igc-lab/igc/internal/i18n"
)

// Decoded is a certificate, read as the sector reads it: product, holder, codes. Findings lists
// what could not be read. No value is guessed.
type Decoded struct {
	Profile    *Profile   // nil when no product of the table comes near
	Generation Generation // layout of the extensions; empty when it is neither
	Authority  Authority  // the TEST authority named as issuer; zero when it is none

	Environment Environment // of the issuer's name; empty when it is not an authority of the IGC-Santé
	Counterpart Authority   // the TEST authority of the same gamme and domaine as the issuer; zero likewise

	Holder      Holder
	Serial      *big.Int
	Issuer      Name
	Subject     Name
	NotBefore   time.Time
	NotAfter    time.Time
	IsAuthority bool
	Category    string // table G01
	CardType    string // table G02
	KeyUsage    []string
	ExtKeyUsage []string
	UPN         string
	Emails      []string
	DNSNames    []string
	CRLs        []string
	DeltaCRLs   []string
	OCSP        []string
	CAIssuers   []string

	SubjectKeyID, AuthorityKeyID []byte

	Extensions []Extension
	Findings   []Finding

	SignatureAlgorithm asn1.ObjectIdentifier
	Policies           []string

	Raw                  []byte
	RawSubject           []byte
	SubjectPublicKeyInfo []byte
	policyURI            string
	hosts                []string // DNS names and IP addresses, in their order
}

// Extension is one extension as it was found.
type Extension struct {
	OID      string `json:"oid"`
	Name     string `json:"name,omitempty"` // empty for one that the table does not know
	Critical bool   `json:"critical"`
	Text     string `json:"text,omitempty"` // the value in words
	Value    []byte `json:"value"`
}

// Finding is something that a certificate has and its profile has not, or the other way round.
type Finding struct {
	Code      string `json:"code"` // stable
	FR        string `json:"fr"`
	EN        string `json:"en"`
	Extension string `json:"extension,omitempty"` // the extension that it is about: its name, or the OID of an unknown one
}

// Stable codes of findings.
const (
	UnknownProfile    = "PROFILE-UNKNOWN"
	UnknownIssuer     = "PROFILE-ISSUER"
	BrokenKey         = "KEY-BROKEN"
	UnknownExtension  = "EXT-UNKNOWN"
	BrokenExtension   = "EXT-BROKEN"
	MissingExtension  = "EXT-MISSING"
	ExtraExtension    = "EXT-EXTRA"
	DifferentValue    = "EXT-VALUE"
	DifferentOrder    = "EXT-ORDER"
	RepeatedExtension = "EXT-TWICE"
	NameEncoding      = "NAME-ENCODING"
	HolderWrong       = "HOLDER"
)

func (d *Decoded) find(code, fr, en string) { d.findIn("", code, fr, en) }

func (d *Decoded) findIn(extension, code, fr, en string) {
	d.Findings = append(d.Findings, Finding{code, fr, en, extension})
}

// SerialHex is the serial number as the sector writes it: upper-case hexadecimal, two digits a
// byte.
func SerialHex(n *big.Int) string {
	if n == nil {
		return ""
	}
	s := strings.ToUpper(new(big.Int).Abs(n).Text(16))
	if len(s)%2 != 0 {
		s = "0" + s
	}
	if n.Sign() < 0 {
		return "-" + s
	}
	return s
}

// Fingerprint is the SHA-256 of the certificate.
func (d *Decoded) Fingerprint() string {
	sum := sha256.Sum256(d.Raw)
	return colons(sum[:])
}

// Decode reads a DER certificate of the IGC-Santé, or of anyone: what it does not know it says. It
// fails only on bytes that are not a certificate at all; it does not check the signature, nor the
// dates.
func Decode(der []byte) (*Decoded, error) {
	d := &Decoded{Raw: der}
	raw, err := d.parse(der)
	if err != nil {
		return nil, i18n.Errorf("not a certificate: %w", err)
	}
	d.readExtensions(raw)
	if d.Environment, d.Counterpart, _ = EnvironmentOf(d.Issuer); d.Environment == Test {
		d.Authority = d.Counterpart
	} else {
		d.find(UnknownIssuer, "L'émetteur n'est pas une autorité de TEST de l'IGC-Santé : "+d.Issuer.String(),
			"The issuer is not a TEST authority of the IGC-Santé: "+d.Issuer.String())
	}
	d.match()
	if d.Profile == nil {
		if _, _, named := EnvironmentOf(d.Subject); named && d.IsAuthority && d.Environment != Test {
			return d, nil // an acceptance authority: no certificate of one was seen
		}
		d.find(UnknownProfile, "Aucun produit de l'IGC-Santé n'a cette forme.", "No product of the IGC-Santé has this shape.")
		return d, nil
	}
	d.Generation = d.generation()
	if d.Environment != "" {
		d.compare()
	}
	if d.IsAuthority {
		d.Holder.Service = d.Subject.Get("CN") // in production, without "TEST"
	}
	return d, nil
}

type rawExtension struct {
	oid      asn1.ObjectIdentifier
	critical bool
	value    []byte
}

// parse is more tolerant than crypto/x509 where the predecessors of the IGC-Santé, and cards wrong
// on purpose, need it.
func (d *Decoded) parse(der []byte) ([]rawExtension, error) {
	in := cryptobyte.String(der)
	var cert, tbs, issuer, subject, validity, spki, algorithm cryptobyte.String
	if !in.ReadASN1(&cert, cbasn1.SEQUENCE) || !in.Empty() || !cert.ReadASN1(&tbs, cbasn1.SEQUENCE) {
		return nil, errors.New("it is not one DER SEQUENCE that holds another")
	}
	d.Serial = new(big.Int)
	if !tbs.SkipOptionalASN1(context(0).Constructed()) || !tbs.ReadASN1Integer(d.Serial) ||
		!tbs.ReadASN1(&algorithm, cbasn1.SEQUENCE) || !algorithm.ReadASN1ObjectIdentifier(&d.SignatureAlgorithm) {
		return nil, errors.New("version, serial number or signature algorithm is broken")
	}
	if !tbs.ReadASN1Element(&issuer, cbasn1.SEQUENCE) || !tbs.ReadASN1(&validity, cbasn1.SEQUENCE) ||
		!tbs.ReadASN1Element(&subject, cbasn1.SEQUENCE) || !tbs.ReadASN1Element(&spki, cbasn1.SEQUENCE) {
		return nil, errors.New("names, validity or public key are broken")
	}
	var err error
	if d.Issuer, err = ParseName(issuer); err != nil {
		return nil, i18n.Errorf("issuer: %w", err)
	}
	if d.Subject, err = ParseName(subject); err != nil {
		return nil, i18n.Errorf("subject: %w", err)
	}
	for _, t := range []*time.Time{&d.NotBefore, &d.NotAfter} {
		if ok := validity.PeekASN1Tag(cbasn1.UTCTime) && validity.ReadASN1UTCTime(t) || validity.ReadASN1GeneralizedTime(t); !ok {
			return nil, errors.New("validity is not a pair of dates")
		}
	}
	d.RawSubject, d.SubjectPublicKeyInfo = subject, spki
	tbs.SkipOptionalASN1(context(1))
	tbs.SkipOptionalASN1(context(2))
	var wrapped, list cryptobyte.String
	var present bool
	if !tbs.ReadOptionalASN1(&wrapped, &present, context(3).Constructed()) || !tbs.Empty() {
		return nil, errors.New("something stands where the extensions should")
	}
	if !present {
		return nil, nil
	}
	if !wrapped.ReadASN1(&list, cbasn1.SEQUENCE) || !wrapped.Empty() {
		return nil, errors.New("the list of extensions is broken")
	}
	var exts []rawExtension
	for !list.Empty() {
		var one, value cryptobyte.String
		var e rawExtension
		if !list.ReadASN1(&one, cbasn1.SEQUENCE) || !one.ReadASN1ObjectIdentifier(&e.oid) ||
			one.PeekASN1Tag(cbasn1.BOOLEAN) && !one.ReadASN1Boolean(&e.critical) ||
			!one.ReadASN1(&value, cbasn1.OCTET_STRING) || !one.Empty() {
			return nil, errors.New("the list of extensions is broken")
		}
		e.value = value
		exts = append(exts, e)
	}
	return exts, nil
}

func (d *Decoded) readExtensions(raw []rawExtension) {
	seen := map[string]bool{}
	for _, e := range raw {
		out := Extension{OID: e.oid.String(), Critical: e.critical, Value: e.value}
		if seen[out.OID] {
			d.find(RepeatedExtension, "L'extension "+out.OID+" est répétée.", "Extension "+out.OID+" stands there twice.")
		}
		if ext := extensionFor(e.oid); ext == nil {
			d.findIn(out.OID, UnknownExtension, "Extension inconnue : "+out.OID, "Unknown extension: "+out.OID)
		} else {
			out.Name = ext.name
			if seen[out.OID] {
				d.Extensions = append(d.Extensions, out)
				continue
			}
			words, err := ext.read(d, e.value)
			if err != nil {
				d.findIn(ext.name, BrokenExtension, fmt.Sprintf("Extension %s illisible (%x).", ext.name, e.value),
					fmt.Sprintf("Extension %s cannot be read: %v (%x).", ext.name, err, e.value))
			} else {
				out.Text = words
			}
		}
		seen[out.OID] = true
		d.Extensions = append(d.Extensions, out)
	}
}

// criticalFR and criticalEN are the words after the value of an extension.
var (
	criticalFR = map[bool]string{true: " (critique)", false: " (non critique)"}
	criticalEN = map[bool]string{true: " (critical)", false: " (not critical)"}
)

// wordsOf is the value of an extension in words, in hexadecimal where it has none.
func wordsOf(oid string, value []byte) string {
	i := slices.IndexFunc(extensions, func(e extension) bool { return e.oid.String() == oid })
	if i >= 0 {
		if words, err := extensions[i].read(&Decoded{}, value); err == nil && words != "" {
			return words
		}
	}
	return fmt.Sprintf("%x", value)
}

// match finds the profile whose shape is nearest: the subject's layout must be its own, and of key
// usage, extended key usage, category and card type at most one may differ. A wrong card is thus
// still known for what it should have been.
func (d *Decoded) match() {
	best := 0
	for _, p := range table().products {
		var h Holder
		if !table().subjects[p.Subject].read(d.testSubject(), &h) {
			continue
		}
		for _, c := range p.Certificates {
			score := 0
			for _, same := range []bool{
				slices.Equal(c.usage.Key, d.KeyUsage),
				slices.Equal(c.usage.Extended, d.ExtKeyUsage),
				p.Category == d.testCategory(),
				p.CardType == d.CardType,
				c.usage.CA == d.IsAuthority && (!c.usage.CA || (c.usage.PathLength == nil) == d.Issuer.Equal(d.Subject)),
			} {
				if same {
					score++
				}
			}
			if p.Service != "" && h.Service != p.Service || score < 4 {
				continue
			}
			// products of one shape are told apart by what is constant in them
			score *= 2
			if p.Service != "" || p.Title != "" && h.Title == p.Title {
				score++
			}
			if score > best {
				best, d.Profile = score, c
			}
		}
	}
	if d.Profile == nil {
		return
	}
	table().subjects[d.Profile.Product.Subject].read(d.testSubject(), &d.Holder)
	switch d.Profile.usage.SAN {
	case "email-upn":
		d.Holder.Email = d.UPN
	case "email":
		if len(d.Emails) > 0 {
			d.Holder.Email = d.Emails[0]
		}
	}
	if d.Profile.usage.SAN == "dns" {
		d.Holder.DNSNames = slices.DeleteFunc(slices.Clone(d.hosts),
			func(s string) bool { return s == d.Holder.Service })
		if len(d.Holder.DNSNames) == 0 {
			d.Holder.DNSNames = nil
		}
	}
}

// KnownSubject tells whether the name has the layout of a product's subject, or of an authority's.
func KnownSubject(n Name) bool {
	for _, layout := range table().subjects {
		if layout.read(n, &Holder{}) {
			return true
		}
	}
	return false
}

// URLs are the addresses that the certificate's own were made from, as far as it names them.
func (d *Decoded) URLs() URLs {
	policy := escape(PolicyPath)
	if d.Environment == Production {
		policy = withoutTest.Replace(policy)
	}
	u := URLs{Publication: strings.TrimSuffix(d.policyURI, policy)}
	if len(d.OCSP) > 0 {
		u.OCSP = d.OCSP[0]
	}
	for _, uri := range slices.Concat(d.DeltaCRLs, d.CRLs) { // one directory: what lacks one names it in the other
		if scheme, rest, _ := strings.Cut(uri, "://"); scheme == "ldap" {
			host, _, _ := strings.Cut(rest, "/")
			u.Directory = "ldap://" + host
		}
	}
	return u
}

// Request is the request that this certificate answers: building it again gives the certificate's
// twin.
func (d *Decoded) Request() (Request, error) {
	if d.Profile == nil {
		return Request{}, errors.New("the certificate has no known profile")
	}
	r := Request{Profile: d.Profile, Holder: d.Holder, Issuer: d.Authority, Generation: d.Generation, URLs: d.URLs(),
		NotBefore: d.NotBefore, NotAfter: d.NotAfter, Serial: d.Serial, AuthorityKeyID: d.AuthorityKeyID}
	var err error
	if r.PublicKey, err = x509.ParsePKIXPublicKey(d.SubjectPublicKeyInfo); err != nil {
		return Request{}, i18n.Errorf("public key: %w", err)
	}
	return r, nil
}

// compare builds the certificate anew from what was read and says where the two differ. One of
// production is held against its TEST counterpart, of which nothing leaves this function.
func (d *Decoded) compare() {
	r, err := d.Request()
	if err != nil {
		d.find(BrokenKey, "Clé publique illisible : "+err.Error(), "The public key cannot be read: "+err.Error())
		return
	}
	if r.Generation == "" {
		r.Generation = Gen2016
	}
	r.Issuer = d.Counterpart
	twin, err := Build(r)
	if err != nil {
		d.find(HolderWrong, "Le porteur ne suit pas le profil : "+err.Error(), "The holder does not follow the profile: "+err.Error())
		return
	}
	if d.Environment == Production {
		for i, x := range twin.ExtraExtensions {
			if twin.ExtraExtensions[i].Value, err = d.inProduction(extensionFor(x.Id).name, x.Value); err != nil {
				d.find(HolderWrong, "Le porteur ne suit pas le profil : "+err.Error(), "The holder does not follow the profile: "+err.Error())
				return
			}
		}
	}
	// The acceptance tree encodes names as PrintableStrings where it can (reference §1.1); an
	// authority of production was recognised by its name.
	if encoded, err := d.Subject.Marshal(); d.Environment == Test && !bytes.Equal(twin.RawSubject, d.RawSubject) ||
		d.Environment != Test && (err != nil || !bytes.Equal(encoded, d.RawSubject)) {
		d.find(NameEncoding, "Le sujet n'est pas codé comme l'IGC-Santé le code (ordre DER, types de chaînes).",
			"The subject is not encoded as the IGC-Santé encodes it (DER order, string types).")
	}
	var order, wanted []string
	for _, e := range d.Extensions {
		i := slices.IndexFunc(twin.ExtraExtensions, func(x pkix.Extension) bool { return x.Id.String() == e.OID })
		switch {
		case i < 0 && e.Name != "":
			d.findIn(e.Name, ExtraExtension, "Extension "+e.Name+" en trop pour ce profil.", "Extension "+e.Name+" is not of this profile.")
		case i >= 0:
			order = append(order, e.Name)
			x := twin.ExtraExtensions[i]
			if x.Critical != e.Critical || !bytes.Equal(x.Value, e.Value) {
				d.findIn(e.Name, DifferentValue, fmt.Sprintf("Extension %s : %s%s, le profil veut %s%s.",
					e.Name, e.Text, criticalFR[e.Critical], wordsOf(e.OID, x.Value), criticalFR[x.Critical]),
					fmt.Sprintf("Extension %s: %s%s, the profile wants %s%s.", e.Name, e.Text, criticalEN[e.Critical],
						wordsOf(e.OID, x.Value), criticalEN[x.Critical]))
			}
		}
	}
	for _, x := range twin.ExtraExtensions {
		name := extensionFor(x.Id).name
		if !slices.ContainsFunc(d.Extensions, func(e Extension) bool { return e.OID == x.Id.String() }) {
			d.findIn(name, MissingExtension, "Extension "+name+" absente.", "Extension "+name+" is missing.")
			continue
		}
		wanted = append(wanted, name)
	}
	if !slices.Equal(order, wanted) {
		d.find(DifferentOrder, "Les extensions ne sont pas dans l'ordre du profil.", "The extensions are not in the profile's order.")
	}
}

// generation tells the two layouts apart by what stands first.
func (d *Decoded) generation() Generation {
	if d.Profile.usage.Layout != "" || len(d.Extensions) == 0 {
		return ""
	}
	for _, g := range []Generation{Gen2016, Gen2023} {
		if d.Extensions[0].Name == table().layouts[string(g)][0].extension.name {
			return g
		}
	}
	return ""
}
