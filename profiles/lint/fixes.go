package lint

import (
	"fmt"

	"github.com/igc-lab/igc/internal/i18n"
)

// This file is what to do about each rule that a certificate breaks.

var (
	fixReissue = i18n.Text{
		FR: "corrigez ce qui fait le certificat, ou émettez-le par le laboratoire, qui suit le profil : igc issue",
		EN: "correct what makes the certificate, or issue it by the lab, which follows the profile: igc issue",
	}
	fixFaithful = i18n.Text{
		FR: "rien pour un essai ; pour des clés comme les vraies, un autre laboratoire : igc init --key faithful",
		EN: "nothing for a test; for keys like the real ones, another lab: igc init --key faithful",
	}
	fixAuthority = i18n.Text{FR: "faites-le émettre par une autorité de TEST du laboratoire : igc issue",
		EN: "have it issued by a TEST authority of the lab: igc issue"}
	fixSubject = i18n.Text{
		FR: "composez le sujet comme celui du produit ; comparez avec un certificat du laboratoire : igc inspect",
		EN: "lay the subject out as the product's; compare with a certificate of the lab: igc inspect",
	}
	fixCritical = i18n.Text{FR: "changez le marquage critique de cette extension",
		EN: "change the critical flag of this extension"}
	fixKey = i18n.Text{FR: "prenez une clé RSA de 2048 bits, avec e = 65537",
		EN: "take an RSA key of 2048 bits, with e = 65537"}
	fixRemove = i18n.Text{FR: "retirez cette extension", EN: "remove this extension"}
)

// fixes are by rule; a rule about one extension has [fixExtension], any other one fixReissue.
var fixes = map[string]i18n.Text{
	"igc_certificate": {FR: "donnez un certificat, en PEM ou en DER ; igc inspect dit ce que contient un fichier",
		EN: "give a certificate, PEM or DER; igc inspect says what a file holds"},
	"igc_version": {FR: "écrivez un certificat de version 3", EN: "write a certificate of version 3"},
	"igc_signature": {FR: "signez par sha256WithRSAEncryption, et nommez-le aux deux endroits",
		EN: "sign with sha256WithRSAEncryption, and name it in both places"},
	"igc_signature_faithful": fixFaithful,
	"igc_key":                fixKey,
	"igc_key_weak":           fixKey,
	"igc_key_faithful":       fixFaithful,
	"igc_serial": {FR: "tirez au hasard un numéro de série positif de 16 octets",
		EN: "draw a random positive serial number of 16 bytes"},
	"igc_serial_prefix": {FR: "faites commencer le numéro de série par le préfixe de l'autorité",
		EN: "begin the serial number with the authority's prefix"},
	"igc_time":           {FR: "écrivez ces dates en UTCTime", EN: "write these dates as UTCTime"},
	"igc_validity_order": {FR: "mettez la fin après le début", EN: "put the end after the beginning"},
	"igc_validity": {FR: "donnez-lui la durée de son profil, sauf si une autre est voulue pour l'essai",
		EN: "give it the duration of its profile, unless another is meant for the test"},
	"igc_issuer":         fixAuthority,
	"igc_authority_test": fixAuthority,
	"igc_gamme": {FR: "faites-le émettre par l'autorité de ce produit",
		EN: "have it issued by this product's authority"},
	"igc_subject": fixSubject,
	"igc_name_order": {FR: "triez les attributs de ce RDN, comme le veut DER",
		EN: "sort the attributes of this RDN, as DER wants"},
	"igc_name_strings": {FR: "écrivez C en PrintableString et les autres attributs en UTF8String",
		EN: "write C as a PrintableString and the other attributes as UTF8Strings"},
	"igc_organisation": {FR: "raccourcissez O à 40 caractères", EN: "shorten O to 40 characters"},
	"igc_title": {FR: "écrivez dans title le libellé de la profession : igc codes G15",
		EN: "write the profession's label in title: igc codes G15"},
	"igc_profession": {FR: "prenez un code de la table, ou retirez l'extension : igc codes G15",
		EN: "take a code of the table, or remove the extension: igc codes G15"},
	"igc_specialities": {FR: "prenez des codes de la table, ou retirez l'extension : igc codes R01",
		EN: "take codes of the table, or remove the extension: igc codes R01"},
	"igc_check_digit": {FR: "prenez un identifiant de test, avec sa clé : igc issue --random",
		EN: "take an identifier for tests, with its check digit: igc issue --random"},
	"igc_netscape":        fixRemove,
	"igc_extension_known": fixRemove,
	"igc_extension_once":  {FR: "n'écrivez cette extension qu'une fois", EN: "write this extension once"},
	"igc_extension_order": {FR: "écrivez les extensions dans l'ordre de leur génération",
		EN: "write the extensions in the order of their generation"},
	"igc_critical":         fixCritical,
	"igc_private_critical": fixCritical,
	"igc_policy_test": {FR: "rien pour un certificat de production ; sinon, prenez la politique de TEST",
		EN: "nothing for a certificate of production; otherwise take the TEST policy"},
	"igc_upn_missing": {FR: "donnez l'adresse électronique du porteur : igc issue --email",
		EN: "give the holder's e-mail address: igc issue --email"},
	"igc_san_ip": {FR: "rien pour un essai ; nommez l'hôte par son nom DNS pour un certificat comme les vrais",
		EN: "nothing for a test; name the host by its DNS name for a certificate like the real ones"},
	"igc_category_test": {FR: "mettez à 1 le bit 0x80 de la catégorie", EN: "set bit 0x80 of the category"},
	"igc_holder":        fixSubject,
	"igc_product":       fixSubject,
}

// fixExtension is about an extension whose value is not its profile's.
func fixExtension(name string) i18n.Text {
	return i18n.Text{
		FR: fmt.Sprintf("écrivez %s comme le profil ; comparez avec un certificat du laboratoire : igc inspect --diff",
			name),
		EN: fmt.Sprintf("write %s as the profile has it; compare with a certificate of the lab: igc inspect --diff",
			name),
	}
}

// fix is what to do about a rule.
func (r rule) fix() i18n.Text {
	if t, ok := fixes[r.id]; ok {
		return t
	}
	if len(r.extensions) > 0 {
		return fixExtension(r.extensions[0])
	}
	return fixReissue
}

// fixRFC is about a lint of zlint.
func fixRFC(citation string) i18n.Text {
	return i18n.Text{FR: "corrigez ce qui fait le certificat (" + citation + ")",
		EN: "correct what makes the certificate (" + citation + ")"}
}
