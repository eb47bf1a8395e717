package certfile

import (
	"bytes"
	"crypto/hmac"
	"encoding/asn1"
	"errors"
	"slices"
	"unicode/utf16"

	"golang.org/x/crypto/cryptobyte"
	cbasn1 "golang.org/x/crypto/cryptobyte/asn1"

	"github.com/igc-lab/igc/internal/der"
)

// Object identifiers of RFC 7292, appendix D, and of RFC 2985.
var (
	oidKeyBag          = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 12, 10, 1, 1}
	oidShroudedKeyBag  = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 12, 10, 1, 2}
	oidCertBag         = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 12, 10, 1, 3}
	oidCRLBag          = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 12, 10, 1, 4}
	oidSecretBag       = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 12, 10, 1, 5}
	oidSafeContentsBag = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 12, 10, 1, 6}
	oidX509Certificate = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 9, 22, 1}
	oidX509CRL         = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 9, 23, 1}
	oidFriendlyName    = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 9, 20}
	oidLocalKeyID      = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 9, 21}
)

// maxSafeDepth bounds safes in safes.
const maxSafeDepth = 4

// isPFX tells a PKCS#12 from other SEQUENCEs that begin with an INTEGER: it holds a ContentInfo
// where a PKCS#8 has an algorithm. In BER too.
func isPFX(value []byte) bool {
	head := value[:min(len(value), 64)] // PFX, version, ContentInfo, its type: headers of six bytes at most each
	for i := range 3 {
		n, _ := der.ReadHeader(head)
		if n == 0 && len(head) > 2 && head[1] == 0x80 {
			n = 2
		}
		if n == 0 {
			return false
		}
		head = head[n:]
		if i == 0 { // the version
			n, length := der.ReadHeader(head)
			if n == 0 || head[0] != byte(cbasn1.INTEGER) || length > len(head)-n {
				return false
			}
			head = head[n+length:]
		}
		if i == 1 {
			n, length := der.ReadHeader(head)
			if n == 0 || head[0] != byte(cbasn1.OBJECT_IDENTIFIER) || length > len(head)-n {
				return false
			}
			kind := cryptobyte.String(head[:n+length])
			return is(kind, oidData) || is(kind, oidSignedData)
		}
	}
	return false
}

// pfx is one PKCS#12 that is read.
type pfx struct {
	*reader
	password *string // the one that the MAC says is right
	locked   error   // why a part stayed closed
	bags     []*Item
}

// readPFX reads a PKCS#12 (RFC 7292): any number of keys and certificates in any order, encrypted
// or not, with a MAC or without.
func (r *reader) readPFX(value []byte) error {
	value, _, err := der.FromBER(value)
	in := cryptobyte.String(value)
	var body, info, macData cryptobyte.String
	var version int64
	if err != nil || !in.ReadASN1(&body, cbasn1.SEQUENCE) || !body.ReadASN1Integer(&version) ||
		!body.ReadASN1(&info, cbasn1.SEQUENCE) ||
		!body.Empty() && !body.ReadASN1(&macData, cbasn1.SEQUENCE) {
		return errPFX("son enveloppe est abîmée", "its outer structure is broken")
	}
	p := &pfx{reader: r}
	content, err := p.authenticatedSafe(info)
	if err != nil {
		return err
	}
	if macData == nil {
		r.note("P12-NO-MAC",
			"Ce PKCS#12 n'a pas de code d'intégrité (MAC) : rien ne dit qu'il est entier, ni que le mot de passe "+
				"est le bon ; des logiciels le refusent.",
			"This PKCS#12 has no integrity code (MAC): nothing tells that it is whole, or that the password is "+
				"right; some software refuses it.")
	} else if err := p.checkMAC(macData, content); err != nil {
		return err
	}
	safe, rest, err := der.FromBER(content)
	list := cryptobyte.String(safe)
	var infos cryptobyte.String
	if err != nil || len(bytes.TrimLeft(rest, blanks)) > 0 || !list.ReadASN1(&infos, cbasn1.SEQUENCE) {
		return errPFX("la liste de ses parties est abîmée", "the list of its parts is broken")
	}
	for n := 1; !infos.Empty(); n++ {
		var part cryptobyte.String
		if !infos.ReadASN1(&part, cbasn1.SEQUENCE) {
			return errPFX("une de ses parties est abîmée", "one of its parts is broken")
		}
		if err := p.readPart(part, n); err != nil {
			return err
		}
	}
	return p.finish()
}

func errPFX(fr, en string) error {
	return fault("p12-broken", "un PKCS#12 qui ne se lit pas : "+fr+" ; exportez-le de nouveau",
		"a PKCS#12 that cannot be read: "+en+"; export it again")
}

// authenticatedSafe is the content that the MAC covers.
func (p *pfx) authenticatedSafe(info cryptobyte.String) ([]byte, error) {
	var kind, wrapped, content cryptobyte.String
	if !info.ReadASN1Element(&kind, cbasn1.OBJECT_IDENTIFIER) || !info.ReadASN1(&wrapped, der.Explicit(0)) {
		return nil, errPFX("son contenu manque", "its content is missing")
	}
	if is(kind, oidSignedData) {
		var signed, skip, inner cryptobyte.String
		var version int64
		if !wrapped.ReadASN1(&signed, cbasn1.SEQUENCE) || !signed.ReadASN1Integer(&version) ||
			!signed.ReadASN1(&skip, cbasn1.SET) ||
			!signed.ReadASN1(&inner, cbasn1.SEQUENCE) || !inner.ReadASN1(&skip, cbasn1.OBJECT_IDENTIFIER) ||
			!inner.ReadASN1(&wrapped, der.Explicit(0)) {
			return nil, errPFX("sa signature est abîmée", "its signature is broken")
		}
		p.note("P12-SIGNED", "Ce PKCS#12 est signé au lieu d'avoir un MAC : la signature n'est pas vérifiée ici.",
			"This PKCS#12 is signed rather than protected by a MAC: the signature is not verified here.")
	}
	if !wrapped.ReadASN1(&content, cbasn1.OCTET_STRING) {
		return nil, errPFX("son contenu manque", "its content is missing")
	}
	return content, nil
}

// checkMAC finds the password by the MAC.
func (p *pfx) checkMAC(macData cryptobyte.String, content []byte) error {
	m, ok := parseMAC(macData)
	if !ok {
		return errPFX("son MAC est abîmé", "its MAC is broken")
	}
	if m.unknown != "" {
		p.note("P12-MAC-UNKNOWN",
			"Le MAC de ce PKCS#12 est de l'algorithme "+m.unknown+", qu'igc ne calcule pas : l'intégrité n'est "+
				"pas vérifiée.",
			"The MAC of this PKCS#12 is of the algorithm "+m.unknown+", which igc does not compute: integrity is "+
				"not verified.")
		return nil
	}
	for _, password := range p.passwords {
		for _, form := range encodings(password, m.utf8) {
			mac, err := m.compute(p.reader, form, content)
			if err != nil {
				return err
			}
			if hmac.Equal(mac, m.digest) {
				p.password = &password
				return nil
			}
		}
	}
	if p.given {
		return errPassword(p.given)
	}
	p.locked = errPassword(false)
	return nil
}

func errPassword(given bool) error {
	if given {
		return fault("p12-password", "aucun mot de passe donné n'ouvre ce PKCS#12 : vérifiez --password%s",
			"no password given opens this PKCS#12: check --password%s", silent{ErrPassword})
	}
	return fault("p12-password",
		"un PKCS#12 protégé par un autre mot de passe que 1234 : donnez le sien par --password ou --password-file%s",
		"a PKCS#12 of another password than 1234: no password tried opens it; give it by --password or "+
			"--password-file%s", silent{ErrPassword})
}

// silent is an error that is found by [errors.Is] and not printed.
type silent struct{ error }

func (silent) Error() string   { return "" }
func (s silent) Unwrap() error { return s.error }

// readPart reads one ContentInfo of the safe.
func (p *pfx) readPart(part cryptobyte.String, n int) error {
	var kind, wrapped, content cryptobyte.String
	if !part.ReadASN1Element(&kind, cbasn1.OBJECT_IDENTIFIER) || !part.ReadASN1(&wrapped, der.Explicit(0)) {
		return errPFX("une de ses parties est abîmée", "one of its parts is broken")
	}
	switch {
	case is(kind, oidData):
		if !wrapped.ReadASN1(&content, cbasn1.OCTET_STRING) {
			return errPFX("une de ses parties est abîmée", "one of its parts is broken")
		}
		return p.readSafe(content, 0)
	case is(kind, oidEncrypted):
		return p.readEncrypted(wrapped, n)
	}
	p.note("P12-ENVELOPED", "Une partie de ce PKCS#12 est chiffrée pour la clé d'un destinataire : elle n'est pas lue.",
		"A part of this PKCS#12 is encrypted for the key of a recipient: it is not read.")
	return nil
}

// readEncrypted reads a part that a password protects.
func (p *pfx) readEncrypted(wrapped cryptobyte.String, n int) error {
	var data, info, kind, algorithm, contents cryptobyte.String
	var version int64
	var tag cbasn1.Tag
	if !wrapped.ReadASN1(&data, cbasn1.SEQUENCE) || !data.ReadASN1Integer(&version) ||
		!data.ReadASN1(&info, cbasn1.SEQUENCE) ||
		!info.ReadASN1(&kind, cbasn1.OBJECT_IDENTIFIER) || !info.ReadASN1(&algorithm, cbasn1.SEQUENCE) ||
		!info.ReadAnyASN1(&contents, &tag) {
		return errPFX("une partie chiffrée est abîmée", "an encrypted part is broken")
	}
	encrypted, ok := der.OctetString(contents, tag == der.Explicit(0))
	if !ok {
		return errPFX("une partie chiffrée est abîmée", "an encrypted part is broken")
	}
	if p.locked != nil { // the MAC said that none of the passwords is right
		return nil
	}
	plain, err := p.decrypt(algorithm, encrypted, p.candidates(),
		func(plain []byte) bool { return looksLikeSafe(plain) })
	var rare *algorithmError
	switch {
	case errors.As(err, &rare):
		p.locked = fault("p12-algorithm",
			"un PKCS#12 dont les certificats sont chiffrés avec %s, qu'igc ne calcule pas ; openssl pkcs12 le lit "+
				"peut-être",
			"a PKCS#12 whose certificates are encrypted with %s, which igc does not compute; openssl pkcs12 may "+
				"read it", rare.name)
		return nil
	case errors.Is(err, errWrong) && p.password != nil:
		p.locked = fault("p12-part",
			"un PKCS#12 dont le MAC est juste et dont la partie %d ne s'ouvre pas : elle a un autre mot de passe, "+
				"ou elle est abîmée ; exportez-le de nouveau",
			"a PKCS#12 that cannot be read whole: its MAC is right and its part %d does not open; it has another "+
				"password, or is broken: export it again", n)
		return nil
	case errors.Is(err, errWrong):
		p.locked = errPassword(p.given)
		return nil
	case err != nil:
		return err
	}
	return p.readSafe(plain, 0)
}

// candidates are the passwords to try.
func (p *pfx) candidates() []string {
	if p.password != nil {
		return []string{*p.password}
	}
	return p.passwords
}

// looksLikeSafe tells the right password from one that gave a valid padding by chance.
func looksLikeSafe(plain []byte) bool {
	value, rest, err := der.FromBER(plain)
	in := cryptobyte.String(value)
	var list, bag cryptobyte.String
	return err == nil && len(rest) == 0 && in.ReadASN1(&list, cbasn1.SEQUENCE) && (list.Empty() ||
		list.ReadASN1(&bag, cbasn1.SEQUENCE) && bag.PeekASN1Tag(cbasn1.OBJECT_IDENTIFIER))
}

// readSafe reads SafeContents: bags of keys, certificates and CRLs.
func (p *pfx) readSafe(content []byte, depth int) error {
	value, _, err := der.FromBER(content)
	in := cryptobyte.String(value)
	var list cryptobyte.String
	if err != nil || depth > maxSafeDepth || !in.ReadASN1(&list, cbasn1.SEQUENCE) {
		return errPFX("une de ses parties est abîmée", "one of its parts is broken")
	}
	for !list.Empty() {
		var bag, kind, wrapped, attributes cryptobyte.String
		var some bool
		if !list.ReadASN1(&bag, cbasn1.SEQUENCE) || !bag.ReadASN1Element(&kind, cbasn1.OBJECT_IDENTIFIER) ||
			!bag.ReadASN1(&wrapped, der.Explicit(0)) ||
			!bag.ReadOptionalASN1(&attributes, &some, cbasn1.SET) {
			return errPFX("un de ses éléments est abîmé", "one of its bags is broken")
		}
		if is(kind, oidSafeContentsBag) {
			if err := p.readSafe(wrapped, depth+1); err != nil {
				return err
			}
			continue
		}
		item, err := p.readBag(kind, wrapped)
		if err != nil {
			return err
		}
		if item == nil {
			continue
		}
		item.readAttributes(attributes)
		if p.bags = append(p.bags, item); len(p.bags) > MaxItems {
			return fault("file-items", "plus de %d objets : coupez le fichier",
				"it holds more than %d objects: split it", MaxItems)
		}
	}
	return nil
}

// readBag reads the value of one bag; nil for one that holds nothing of interest.
func (p *pfx) readBag(kind, wrapped cryptobyte.String) (*Item, error) {
	const in = "PKCS#12"
	switch {
	case is(kind, oidKeyBag):
		p.note("P12-KEY-CLEAR", "La clé privée est en clair dans ce PKCS#12 : gardez-le pour vous.",
			"The private key is in clear in this PKCS#12: keep it to yourself.")
		return &Item{Kind: PrivateKey, In: in, Key: newKey(wrapped)}, nil
	case is(kind, oidShroudedKeyBag):
		return &Item{Kind: PrivateKey, In: in, Key: p.shroudedKey(wrapped)}, nil
	case is(kind, oidCertBag), is(kind, oidCRLBag):
		var bag, form, explicit, value cryptobyte.String
		if !wrapped.ReadASN1(&bag, cbasn1.SEQUENCE) || !bag.ReadASN1Element(&form, cbasn1.OBJECT_IDENTIFIER) ||
			!bag.ReadASN1(&explicit, der.Explicit(0)) {
			return nil, errPFX("un de ses certificats est abîmé", "one of its certificates is broken")
		}
		if !is(form, oidX509Certificate) && !is(form, oidX509CRL) {
			break
		}
		if !explicit.ReadASN1(&value, cbasn1.OCTET_STRING) {
			return nil, errPFX("un de ses certificats est abîmé", "one of its certificates is broken")
		}
		if is(form, oidX509CRL) {
			return &Item{Kind: CRL, In: in, DER: value}, nil
		}
		item, err := newCertificate(value, in)
		if err != nil {
			return nil, fault("p12-certificate", "PKCS#12 : %s", "PKCS#12: %s", err)
		}
		return item, nil
	case is(kind, oidSecretBag):
		p.note("P12-SECRET", "Ce PKCS#12 tient aussi une clé secrète : laissée de côté.",
			"This PKCS#12 also holds a secret key: left aside.")
		return nil, nil
	}
	p.note("P12-OTHER", "Ce PKCS#12 tient aussi un élément d'un type inconnu : laissé de côté.",
		"This PKCS#12 also holds an item of an unknown type: left aside.")
	return nil, nil
}

// readAttributes reads the name and the key identifier of a bag.
func (i *Item) readAttributes(attributes cryptobyte.String) {
	for !attributes.Empty() {
		var one, kind, values, value cryptobyte.String
		if !attributes.ReadASN1(&one, cbasn1.SEQUENCE) || !one.ReadASN1Element(&kind, cbasn1.OBJECT_IDENTIFIER) ||
			!one.ReadASN1(&values, cbasn1.SET) {
			return
		}
		switch {
		case is(kind, oidLocalKeyID) && values.ReadASN1(&value, cbasn1.OCTET_STRING):
			i.id = value
		case is(kind, oidFriendlyName) && values.ReadASN1(&value, cbasn1.Tag(30)): // BMPString
			i.Name = bmpText(value)
		}
	}
}

func bmpText(b []byte) string {
	units := make([]uint16, len(b)/2)
	for i := range units {
		units[i] = uint16(b[2*i])<<8 | uint16(b[2*i+1])
	}
	return string(utf16.Decode(units))
}

// shroudedKey opens an encrypted key. One that does not open stays a key that is there: its
// identifier may tell which certificate it is of.
func (p *pfx) shroudedKey(value []byte) *Key {
	k := &Key{Encrypted: true}
	if p.locked != nil && p.password == nil {
		return k
	}
	plain, err := p.decryptKey(value, p.candidates())
	if err == nil {
		k.read(plain)
	}
	return k
}

// finish puts each key after its certificates, and the certificates without a key last.
func (p *pfx) finish() error {
	certificates := 0
	for _, item := range p.bags {
		if item.Kind == Certificate {
			certificates++
		}
	}
	if p.locked != nil && certificates == 0 {
		return p.locked
	}
	if len(p.bags) == 0 {
		return fault("p12-empty", "un PKCS#12 vide : exportez-le de nouveau, avec le certificat",
			"a PKCS#12 that holds nothing: export it again, with the certificate")
	}
	if p.locked != nil {
		p.note("P12-LOCKED",
			"Les certificats de ce PKCS#12 sont en clair ; le reste est resté fermé : le mot de passe n'est pas "+
				"connu, et l'intégrité n'est pas vérifiée.",
			"The certificates in this PKCS#12 are in clear; the rest stayed closed: the password is not known, "+
				"and integrity is not verified.")
	}
	var keys, rest []*Item
	for _, item := range p.bags {
		if item.Kind == PrivateKey {
			keys = append(keys, item)
		} else {
			rest = append(rest, item)
		}
	}
	owners := newOwners(rest)
	placed := map[*Item]bool{}
	var ordered, alone []*Item
	for _, k := range keys {
		k.Key.Certificates = certificates
		if k.Key.Of = owners.find(k); len(k.Key.Of) == 0 {
			alone = append(alone, k)
			continue
		}
		for _, c := range k.Key.Of {
			if !placed[c] {
				placed[c] = true
				ordered = append(ordered, c)
			}
		}
		ordered = append(ordered, k)
	}
	if certificates > 0 && len(keys) == 1 && len(alone) == 1 { // a key of none of them: it follows the first
		i := slices.IndexFunc(rest, func(i *Item) bool { return i.Kind == Certificate })
		placed[rest[i]] = true
		ordered = append(ordered, rest[i])
	}
	ordered = append(ordered, alone...)
	for _, item := range rest {
		if !placed[item] {
			ordered = append(ordered, item)
		}
	}
	for _, item := range ordered {
		if err := p.add(item); err != nil {
			return err
		}
	}
	return nil
}
