package profiles

import (
	"bytes"
	"crypto/sha1"
	"encoding/asn1"
	"encoding/hex"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"time"

	"golang.org/x/crypto/cryptobyte"
	cbasn1 "golang.org/x/crypto/cryptobyte/asn1"

	"github.com/igc-lab/igc/internal/i18n"
)

// extension is one row of what certificates hold: how its value is made from a request and how it
// is read back. build returns nil for an extension that this certificate does without; a nil build
// is for ones only ever read.
type extension struct {
	name  string
	oid   asn1.ObjectIdentifier
	build func(r *Request) ([]byte, error)
	read  func(d *Decoded, value []byte) (string, error) // fills d and returns the value in words
}

// extensions is filled by init: its functions reach the table of products, which reaches it.
var extensions []extension

func init() {
	extensions = []extension{
		{"basicConstraints", oid("2.5.29.19"), buildBasicConstraints, readBasicConstraints},
		{"subjectKeyIdentifier", oid("2.5.29.14"), buildSubjectKeyID, readSubjectKeyID},
		{"authorityKeyIdentifier", oid("2.5.29.35"), buildAuthorityKeyID, readAuthorityKeyID},
		{"keyUsage", oid("2.5.29.15"), buildKeyUsage, readKeyUsage},
		{"certificatePolicies", oid("2.5.29.32"), buildPolicies, readPolicies},
		{"extKeyUsage", oid("2.5.29.37"), buildExtKeyUsage, readExtKeyUsage},
		{"privateKeyUsagePeriod", oid("2.5.29.16"), buildPrivateKeyPeriod, readPrivateKeyPeriod},
		{"subjectAltName", oid("2.5.29.17"), buildSAN, readSAN},
		{"cRLDistributionPoints", oid("2.5.29.31"), buildCRLDP, readCRLDP},
		{"freshestCRL", oid("2.5.29.46"), buildFreshestCRL, readFreshestCRL},
		{"authorityInfoAccess", oid("1.3.6.1.5.5.7.1.1"), buildAIA, readAIA},
		{"ocspNoCheck", oid("1.3.6.1.5.5.7.48.1.5"), buildNoCheck, readNoCheck},
		{"categorieProduit", oid("1.2.250.1.71.1.2.5"), buildCategory, readCategory},
		{"typeCarte", oid("1.2.250.1.71.1.2.2"), buildCardType, readCardType},
		{"numeroCarte", oid("1.2.250.1.71.1.2.3"), buildCardNumber, readCardNumber},
		{"profession", oid("1.2.250.1.71.1.2.7"), buildProfession, readProfession},
		{"professionFormation", oid("1.2.250.1.71.1.2.8"), buildFutureProfession, readFutureProfession},
		{"specialites", oid("1.2.250.1.71.4.2.5"), buildSpecialities, readSpecialities},
		{"netscapeCertType", oid("2.16.840.1.113730.1.1"), nil, readNetscapeCertType},
	}
}

func oid(s string) asn1.ObjectIdentifier {
	o, err := parseOID(s)
	if err != nil {
		panic(err)
	}
	return o
}

func extensionFor(oid asn1.ObjectIdentifier) *extension {
	i := slices.IndexFunc(extensions, func(e extension) bool { return e.oid.Equal(oid) })
	if i < 0 {
		return nil
	}
	return &extensions[i]
}

var errValue = errors.New("its value is not what its syntax asks for")

// sequence encodes a SEQUENCE; inner writes its content.
func sequence(inner func(b *cryptobyte.Builder)) ([]byte, error) {
	var b cryptobyte.Builder
	b.AddASN1(cbasn1.SEQUENCE, inner)
	return b.Bytes()
}

// readWhole reads the one element of that tag which the value must be.
func readWhole(value []byte, tag cbasn1.Tag) (cryptobyte.String, error) {
	in := cryptobyte.String(value)
	var out cryptobyte.String
	if !in.ReadASN1(&out, tag) || !in.Empty() {
		return nil, errValue
	}
	return out, nil
}

func context(n uint8) cbasn1.Tag { return cbasn1.Tag(n).ContextSpecific() }

// --- what every certificate has

func buildBasicConstraints(r *Request) ([]byte, error) {
	return sequence(func(b *cryptobyte.Builder) {
		if r.Profile.usage.CA {
			b.AddASN1Boolean(true)
			if r.Profile.usage.PathLength != nil {
				b.AddASN1Int64(int64(*r.Profile.usage.PathLength))
			}
		}
	})
}

func readBasicConstraints(d *Decoded, value []byte) (string, error) {
	seq, err := readWhole(value, cbasn1.SEQUENCE)
	if err != nil {
		return "", err
	}
	if seq.Empty() {
		return "CA: FALSE", nil
	}
	if seq.PeekASN1Tag(cbasn1.BOOLEAN) && !seq.ReadASN1Boolean(&d.IsAuthority) {
		return "", errValue
	}
	text := "CA: " + strings.ToUpper(strconv.FormatBool(d.IsAuthority))
	if !seq.Empty() {
		var n int64
		if !seq.ReadASN1Integer(&n) || !seq.Empty() {
			return "", errValue
		}
		text += fmt.Sprintf(", pathLen %d", n)
	}
	return text, nil
}

// SubjectKeyID is the key identifier of a public key: SHA-1 of the subjectPublicKey bits (RFC 5280
// §4.2.1.2 method 1) for authorities and the generation of 2016, SHA-1 of the whole
// SubjectPublicKeyInfo for that of 2023.
func SubjectKeyID(spki []byte, g Generation) ([]byte, error) {
	if g == Gen2023 {
		sum := sha1.Sum(spki)
		return sum[:], nil
	}
	in := cryptobyte.String(spki)
	var seq, algorithm cryptobyte.String
	var bits asn1.BitString
	if !in.ReadASN1(&seq, cbasn1.SEQUENCE) || !in.Empty() || !seq.ReadASN1(&algorithm, cbasn1.SEQUENCE) ||
		!seq.ReadASN1BitString(&bits) || !seq.Empty() {
		return nil, errors.New("not a SubjectPublicKeyInfo")
	}
	sum := sha1.Sum(bits.Bytes)
	return sum[:], nil
}

func buildSubjectKeyID(r *Request) ([]byte, error) {
	id, err := SubjectKeyID(r.spki, r.skiMethod())
	if err != nil {
		return nil, err
	}
	return asn1.Marshal(id)
}

func readSubjectKeyID(d *Decoded, value []byte) (string, error) {
	id, err := readWhole(value, cbasn1.OCTET_STRING)
	d.SubjectKeyID = id
	return colons(id), err
}

func buildAuthorityKeyID(r *Request) ([]byte, error) {
	id := r.AuthorityKeyID
	if id == nil { // self-signed
		var err error
		if id, err = SubjectKeyID(r.spki, r.skiMethod()); err != nil {
			return nil, err
		}
	}
	return sequence(func(b *cryptobyte.Builder) {
		b.AddASN1(context(0), func(b *cryptobyte.Builder) { b.AddBytes(id) })
	})
}

func readAuthorityKeyID(d *Decoded, value []byte) (string, error) {
	seq, err := readWhole(value, cbasn1.SEQUENCE)
	if err != nil {
		return "", err
	}
	var id cryptobyte.String
	if !seq.ReadASN1(&id, context(0)) {
		return "", errValue
	}
	d.AuthorityKeyID = id
	return colons(id), nil
}

// keyUsageBits are the names of RFC 5280 §4.2.1.3, by bit number.
var keyUsageBits = []string{"digitalSignature", "nonRepudiation", "keyEncipherment", "dataEncipherment", "keyAgreement",
	"keyCertSign", "cRLSign", "encipherOnly", "decipherOnly"}

func buildKeyUsage(r *Request) ([]byte, error) {
	var bits asn1.BitString
	bits.Bytes = make([]byte, 2)
	for _, name := range r.Profile.usage.Key {
		i := slices.Index(keyUsageBits, name)
		bits.Bytes[i/8] |= 0x80 >> (i % 8)
		bits.BitLength = max(bits.BitLength, i+1)
	}
	bits.Bytes = bits.Bytes[:(bits.BitLength+7)/8]
	return asn1.Marshal(bits)
}

func readKeyUsage(d *Decoded, value []byte) (_ string, err error) {
	d.KeyUsage, err = readBits(value, keyUsageBits)
	return strings.Join(d.KeyUsage, ", "), err
}

// readBits reads a BIT STRING whose bits have names.
func readBits(value []byte, names []string) ([]string, error) {
	in := cryptobyte.String(value)
	var bits asn1.BitString
	if !in.ReadASN1BitString(&bits) || !in.Empty() || bits.BitLength > 16 {
		return nil, errValue
	}
	var set []string
	for i := range bits.BitLength {
		if bits.At(i) == 1 {
			name := "bit " + strconv.Itoa(i)
			if i < len(names) {
				name = names[i]
			}
			set = append(set, name)
		}
	}
	return set, nil
}

// netscapeBits are the names of the bits of netscapeCertType, which the predecessors of the
// IGC-Santé wrote (reference §1.6) and the IGC-Santé does not.
var netscapeBits = []string{"SSL client", "SSL server", "S/MIME", "object signing", "reserved", "SSL CA", "S/MIME CA", "object signing CA"}

func readNetscapeCertType(_ *Decoded, value []byte) (string, error) {
	set, err := readBits(value, netscapeBits)
	return strings.Join(set, ", "), err
}

// extendedUsages are the purposes that the IGC-Santé uses, with the names that products.yaml and
// the output give them.
var extendedUsages = []struct{ name, oid string }{
	{"serverAuth", "1.3.6.1.5.5.7.3.1"}, {"clientAuth", "1.3.6.1.5.5.7.3.2"}, {"codeSigning", "1.3.6.1.5.5.7.3.3"},
	{"emailProtection", "1.3.6.1.5.5.7.3.4"}, {"timeStamping", "1.3.6.1.5.5.7.3.8"}, {"ocspSigning", "1.3.6.1.5.5.7.3.9"},
	{"smartcardLogon", "1.3.6.1.4.1.311.20.2.2"}, {"anyExtendedKeyUsage", "2.5.29.37.0"},
}

func extendedOID(name string) asn1.ObjectIdentifier {
	for _, u := range extendedUsages {
		if u.name == name {
			return oid(u.oid)
		}
	}
	return nil
}

func buildExtKeyUsage(r *Request) ([]byte, error) {
	if len(r.Profile.usage.Extended) == 0 {
		return nil, nil
	}
	return sequence(func(b *cryptobyte.Builder) {
		for _, name := range r.Profile.usage.Extended {
			b.AddASN1ObjectIdentifier(extendedOID(name))
		}
	})
}

func readExtKeyUsage(d *Decoded, value []byte) (string, error) {
	seq, err := readWhole(value, cbasn1.SEQUENCE)
	if err != nil {
		return "", err
	}
	for !seq.Empty() {
		var o asn1.ObjectIdentifier
		if !seq.ReadASN1ObjectIdentifier(&o) {
			return "", errValue
		}
		name := o.String()
		for _, u := range extendedUsages {
			if u.oid == name {
				name = u.name
				break
			}
		}
		d.ExtKeyUsage = append(d.ExtKeyUsage, name)
	}
	return strings.Join(d.ExtKeyUsage, ", "), nil
}

var oidCPS = oid("1.3.6.1.5.5.7.2.1")

func buildPolicies(r *Request) ([]byte, error) {
	return sequence(func(b *cryptobyte.Builder) {
		b.AddASN1(cbasn1.SEQUENCE, func(b *cryptobyte.Builder) {
			b.AddASN1ObjectIdentifier(oid(r.Profile.usage.Policy))
			b.AddASN1(cbasn1.SEQUENCE, func(b *cryptobyte.Builder) {
				b.AddASN1(cbasn1.SEQUENCE, func(b *cryptobyte.Builder) {
					b.AddASN1ObjectIdentifier(oidCPS)
					b.AddASN1(cbasn1.IA5String, func(b *cryptobyte.Builder) { b.AddBytes([]byte(r.URLs.Policy())) })
				})
			})
		})
	})
}

func readPolicies(d *Decoded, value []byte) (string, error) {
	seq, err := readWhole(value, cbasn1.SEQUENCE)
	if err != nil {
		return "", err
	}
	var words []string
	for !seq.Empty() {
		var policy, qualifiers cryptobyte.String
		var o asn1.ObjectIdentifier
		if !seq.ReadASN1(&policy, cbasn1.SEQUENCE) || !policy.ReadASN1ObjectIdentifier(&o) {
			return "", errValue
		}
		word := o.String()
		d.Policies = append(d.Policies, word)
		if !policy.Empty() {
			if !policy.ReadASN1(&qualifiers, cbasn1.SEQUENCE) || !policy.Empty() {
				return "", errValue
			}
			for !qualifiers.Empty() {
				var qualifier, uri cryptobyte.String
				var q asn1.ObjectIdentifier
				if !qualifiers.ReadASN1(&qualifier, cbasn1.SEQUENCE) || !qualifier.ReadASN1ObjectIdentifier(&q) {
					return "", errValue
				}
				if q.Equal(oidCPS) {
					if !qualifier.ReadASN1(&uri, cbasn1.IA5String) || !qualifier.Empty() {
						return "", errValue
					}
					d.policyURI = string(uri)
					word += ", CPS " + string(uri)
				}
			}
		}
		words = append(words, word)
	}
	return strings.Join(words, "; "), nil
}

const generalizedTime = "20060102150405Z"

func buildPrivateKeyPeriod(r *Request) ([]byte, error) {
	span := r.Profile.usage.PrivateKeyPeriod
	if span == [3]int{} {
		return nil, nil
	}
	return sequence(func(b *cryptobyte.Builder) {
		for i, t := range []time.Time{r.NotBefore, after(r.NotBefore, span)} {
			b.AddASN1(context(uint8(i)), func(b *cryptobyte.Builder) { b.AddBytes([]byte(t.UTC().Format(generalizedTime))) })
		}
	})
}

func readPrivateKeyPeriod(_ *Decoded, value []byte) (string, error) {
	seq, err := readWhole(value, cbasn1.SEQUENCE)
	if err != nil {
		return "", err
	}
	var words []string
	for i, name := range []string{"from ", "to "} {
		var b cryptobyte.String
		var present bool
		if !seq.ReadOptionalASN1(&b, &present, context(uint8(i))) {
			return "", errValue
		}
		if present {
			t, err := time.Parse(generalizedTime, string(b))
			if err != nil {
				return "", errValue
			}
			words = append(words, name+t.Format(time.RFC3339))
		}
	}
	if !seq.Empty() {
		return "", errValue
	}
	return strings.Join(words, " "), nil
}

// --- names and addresses

var oidUPN = oid("1.3.6.1.4.1.311.20.2.3")

// upn is the Microsoft logon name of a card. Those of a CPS and of a CPA have a dot after the first
// digit and in the place of a slash, that of a CPE is its identifier (reference §10.5, §11.4).
func (p *Product) upn(idNat string) string {
	if p.UPN == "dotted" && idNat != "" {
		return idNat[:1] + "." + strings.ReplaceAll(idNat[1:], "/", ".") + "@carte-cps.fr"
	}
	return idNat + "@carte-cps.fr"
}

func buildUPN(upn string) ([]byte, error) {
	return sequence(func(b *cryptobyte.Builder) {
		b.AddASN1(context(0).Constructed(), func(b *cryptobyte.Builder) {
			b.AddASN1ObjectIdentifier(oidUPN)
			b.AddASN1(context(0).Constructed(), func(b *cryptobyte.Builder) {
				b.AddASN1(cbasn1.UTF8String, func(b *cryptobyte.Builder) { b.AddBytes([]byte(upn)) })
			})
		})
	})
}

func buildSAN(r *Request) ([]byte, error) {
	switch r.Profile.usage.SAN {
	case "upn":
		return buildUPN(r.Profile.Product.upn(r.Holder.IdNat))
	case "email-upn":
		if r.Holder.Email == "" { // modelled: every real one has an address
			return nil, nil
		}
		return buildUPN(r.Holder.Email)
	case "email":
		if r.Holder.Email == "" {
			return nil, nil
		}
		return sequence(func(b *cryptobyte.Builder) {
			b.AddASN1(context(1), func(b *cryptobyte.Builder) { b.AddBytes([]byte(r.Holder.Email)) })
		})
	case "dns":
		names := append([]string{r.Holder.Service}, r.Holder.DNSNames...)
		return sequence(func(b *cryptobyte.Builder) {
			for i, name := range names {
				if slices.Index(names, name) != i { // the CN first, and nothing twice
					continue
				}
				if a, ok := ipAddress(name); ok {
					b.AddASN1(context(7), func(b *cryptobyte.Builder) { b.AddBytes(a.AsSlice()) })
				} else {
					b.AddASN1(context(2), func(b *cryptobyte.Builder) { b.AddBytes([]byte(name)) })
				}
			}
		})
	}
	return nil, nil
}

func readSAN(d *Decoded, value []byte) (string, error) {
	seq, err := readWhole(value, cbasn1.SEQUENCE)
	if err != nil {
		return "", err
	}
	var words []string
	for !seq.Empty() {
		var v cryptobyte.String
		var tag cbasn1.Tag
		if !seq.ReadAnyASN1(&v, &tag) {
			return "", errValue
		}
		switch tag {
		case context(0).Constructed():
			var o asn1.ObjectIdentifier
			var inner, s cryptobyte.String
			if !v.ReadASN1ObjectIdentifier(&o) || !v.ReadASN1(&inner, context(0).Constructed()) || !v.Empty() {
				return "", errValue
			}
			if !o.Equal(oidUPN) {
				words = append(words, "otherName "+o.String())
				continue
			}
			if !inner.ReadASN1(&s, cbasn1.UTF8String) || !inner.Empty() {
				return "", errValue
			}
			d.UPN = string(s)
			words = append(words, "UPN "+d.UPN)
		case context(1):
			d.Emails = append(d.Emails, string(v))
			words = append(words, "rfc822Name "+string(v))
		case context(2):
			d.DNSNames, d.hosts = append(d.DNSNames, string(v)), append(d.hosts, string(v))
			words = append(words, "DNS "+string(v))
		case context(7):
			a, ok := netip.AddrFromSlice(v)
			if !ok {
				return "", errValue
			}
			d.hosts = append(d.hosts, a.String())
			words = append(words, "IP "+a.String())
		default:
			words = append(words, fmt.Sprintf("[%d] %x", tag&0x1f, []byte(v)))
		}
	}
	return strings.Join(words, ", "), nil
}

// buildDistributionPoints makes a point per address: the real certificates never put two in one.
func buildDistributionPoints(uris ...string) ([]byte, error) {
	return sequence(func(b *cryptobyte.Builder) {
		for _, uri := range uris {
			b.AddASN1(cbasn1.SEQUENCE, func(b *cryptobyte.Builder) {
				b.AddASN1(context(0).Constructed(), func(b *cryptobyte.Builder) {
					b.AddASN1(context(0).Constructed(), func(b *cryptobyte.Builder) {
						b.AddASN1(context(6), func(b *cryptobyte.Builder) { b.AddBytes([]byte(uri)) })
					})
				})
			})
		}
	})
}

func readDistributionPoints(value []byte) ([]string, error) {
	seq, err := readWhole(value, cbasn1.SEQUENCE)
	if err != nil {
		return nil, err
	}
	var uris []string
	for !seq.Empty() {
		var point, name, full cryptobyte.String
		if !seq.ReadASN1(&point, cbasn1.SEQUENCE) || !point.ReadASN1(&name, context(0).Constructed()) ||
			!name.ReadASN1(&full, context(0).Constructed()) {
			return nil, errValue
		}
		for !full.Empty() {
			var v cryptobyte.String
			var tag cbasn1.Tag
			if !full.ReadAnyASN1(&v, &tag) {
				return nil, errValue
			}
			if tag == context(6) {
				uris = append(uris, string(v))
			}
		}
	}
	return uris, nil
}

func buildCRLDP(r *Request) ([]byte, error) {
	return buildDistributionPoints(r.URLs.CRL(r.Issuer), r.URLs.DirectoryCRL(r.Issuer))
}

func readCRLDP(d *Decoded, value []byte) (_ string, err error) {
	d.CRLs, err = readDistributionPoints(value)
	return strings.Join(d.CRLs, " "), err
}

func buildFreshestCRL(r *Request) ([]byte, error) {
	return buildDistributionPoints(r.URLs.DirectoryDeltaCRL(r.Issuer))
}

func readFreshestCRL(d *Decoded, value []byte) (_ string, err error) {
	d.DeltaCRLs, err = readDistributionPoints(value)
	return strings.Join(d.DeltaCRLs, " "), err
}

var (
	oidOCSP      = oid("1.3.6.1.5.5.7.48.1")
	oidCAIssuers = oid("1.3.6.1.5.5.7.48.2")
)

func buildAIA(r *Request) ([]byte, error) {
	return sequence(func(b *cryptobyte.Builder) {
		for _, access := range []struct {
			method asn1.ObjectIdentifier
			uri    string
		}{{oidOCSP, r.URLs.OCSP}, {oidCAIssuers, r.URLs.Certificate(r.Issuer)}} {
			b.AddASN1(cbasn1.SEQUENCE, func(b *cryptobyte.Builder) {
				b.AddASN1ObjectIdentifier(access.method)
				b.AddASN1(context(6), func(b *cryptobyte.Builder) { b.AddBytes([]byte(access.uri)) })
			})
		}
	})
}

func readAIA(d *Decoded, value []byte) (string, error) {
	seq, err := readWhole(value, cbasn1.SEQUENCE)
	if err != nil {
		return "", err
	}
	var words []string
	for !seq.Empty() {
		var access, v cryptobyte.String
		var method asn1.ObjectIdentifier
		var tag cbasn1.Tag
		if !seq.ReadASN1(&access, cbasn1.SEQUENCE) || !access.ReadASN1ObjectIdentifier(&method) || !access.ReadAnyASN1(&v, &tag) {
			return "", errValue
		}
		switch {
		case tag != context(6):
			words = append(words, method.String())
		case method.Equal(oidOCSP):
			d.OCSP = append(d.OCSP, string(v))
			words = append(words, "OCSP "+string(v))
		case method.Equal(oidCAIssuers):
			d.CAIssuers = append(d.CAIssuers, string(v))
			words = append(words, "caIssuers "+string(v))
		default:
			words = append(words, method.String()+" "+string(v))
		}
	}
	return strings.Join(words, ", "), nil
}

func buildNoCheck(*Request) ([]byte, error) { return asn1.NullBytes, nil }

func readNoCheck(_ *Decoded, value []byte) (string, error) {
	if !bytes.Equal(value, asn1.NullBytes) {
		return "", errValue
	}
	return "NULL", nil
}

// --- the health sector's own (reference §2.2)

// cardIssuer is the issuer part of every card number: 80 = health, 250 = France, then the issuer's
// own number.
const cardIssuer = "8025000001"

func buildCategory(r *Request) ([]byte, error) {
	if r.Profile.Product.Category == "" {
		return nil, nil
	}
	code, err := hex.DecodeString(r.Profile.Product.Category)
	if err != nil {
		return nil, err
	}
	return asn1.Marshal(code)
}

func readCategory(d *Decoded, value []byte) (string, error) {
	b, err := readWhole(value, cbasn1.OCTET_STRING)
	if err != nil || len(b) != 1 {
		return "", errValue
	}
	d.Category = hex.EncodeToString(b)
	return coded("G01", d.Category), nil
}

func buildCardType(r *Request) ([]byte, error) {
	if r.Profile.Product.CardType == "" {
		return nil, nil
	}
	return buildCode(r.Profile.Product.CardType)
}

func buildCode(code string) ([]byte, error) {
	n, err := strconv.Atoi(code)
	if err != nil {
		return nil, i18n.Errorf("code %q is not a number", code)
	}
	return asn1.Marshal(n)
}

// readCode reads an INTEGER as a two-digit code, the form of the sector's tables.
func readCode(value []byte) (string, error) {
	in := cryptobyte.String(value)
	var n int64
	if !in.ReadASN1Integer(&n) || !in.Empty() || n < 0 || n > 999 {
		return "", errValue
	}
	return fmt.Sprintf("%02d", n), nil
}

func readCardType(d *Decoded, value []byte) (_ string, err error) {
	d.CardType, err = readCode(value)
	return coded("G02", d.CardType), err
}

func buildCardNumber(r *Request) ([]byte, error) {
	if r.Profile.Product.CardType == "" {
		return nil, nil
	}
	return asn1.MarshalWithParams(cardIssuer+"/"+r.Holder.CardNumber, "printable")
}

func readCardNumber(d *Decoded, value []byte) (string, error) {
	s, err := readWhole(value, cbasn1.PrintableString)
	if err != nil {
		return "", err
	}
	issuer, number, ok := strings.Cut(string(s), "/")
	if !ok || issuer != cardIssuer || !digits(number, 10) {
		return "", i18n.Errorf("%w: %q is not %s/ and ten digits", errValue, s, cardIssuer)
	}
	d.Holder.CardNumber = number
	return string(s), nil
}

func buildProfession(r *Request) ([]byte, error) {
	if r.Profile.Product.Profession != "G15" {
		return nil, nil
	}
	return buildCode(r.Holder.Profession)
}

// buildFutureProfession is presumed from its sibling: no CPF was seen.
func buildFutureProfession(r *Request) ([]byte, error) {
	if r.Profile.Product.Profession != "G16" {
		return nil, nil
	}
	return buildCode(r.Holder.Profession)
}

func readFutureProfession(d *Decoded, value []byte) (_ string, err error) {
	d.Holder.Profession, err = readCode(value)
	return coded("G16", d.Holder.Profession), err
}

func readProfession(d *Decoded, value []byte) (_ string, err error) {
	d.Holder.Profession, err = readCode(value)
	return coded("G15", d.Holder.Profession), err
}

func buildSpecialities(r *Request) ([]byte, error) {
	if len(r.Holder.Specialities) == 0 {
		return nil, nil
	}
	return sequence(func(b *cryptobyte.Builder) {
		for _, s := range r.Holder.Specialities {
			b.AddASN1(cbasn1.UTF8String, func(b *cryptobyte.Builder) { b.AddBytes([]byte(s)) })
		}
	})
}

func readSpecialities(d *Decoded, value []byte) (string, error) {
	seq, err := readWhole(value, cbasn1.SEQUENCE)
	if err != nil {
		return "", err
	}
	var words []string
	for !seq.Empty() {
		var s cryptobyte.String
		if !seq.ReadASN1(&s, cbasn1.UTF8String) {
			return "", errValue
		}
		d.Holder.Specialities = append(d.Holder.Specialities, string(s))
		words = append(words, coded("R01", string(s)))
	}
	return strings.Join(words, ", "), nil
}

// coded puts a code and its label together.
func coded(table, code string) string {
	if label, ok := Label(table, code); ok {
		return code + " " + label
	}
	return code
}

func colons(b []byte) string {
	s := strings.ToUpper(hex.EncodeToString(b))
	var parts []string
	for len(s) >= 2 {
		parts, s = append(parts, s[:2]), s[2:]
	}
	return strings.Join(parts, ":")
}
