package orders

import (
	"maps"
	"slices"

	"github.com/igc-lab/igc/ca/store"
	"github.com/igc-lab/igc/internal/i18n"
)

// Code says in one word, which does not change, why something was refused.
type Code string

// The codes. A refusal by role is a code of package access.
const (
	CodeOffer            Code = "ORDER-OFFER"
	CodeStructure        Code = "ORDER-STRUCTURE"
	CodeField            Code = "ORDER-FIELD"
	CodeRequest          Code = "ORDER-CSR"
	CodeKeyChoice        Code = "ORDER-CSR-OR-PASSWORD"
	CodePasswordForm     Code = "ORDER-PASSWORD-FORM"
	CodeRow              Code = "ORDER-BATCH"
	CodeBatch            Code = "ORDER-BATCH-SIZE"
	CodeTable            Code = "ORDER-TABLE"
	CodeNone             Code = "ORDER-NONE"
	CodeState            Code = "ORDER-STATE"
	CodeWithdrawn        Code = "ORDER-WITHDRAWN"
	CodeRevoked          Code = "ORDER-REVOKED"
	CodeConditions       Code = "ORDER-CONDITIONS"
	CodeCodeForm         Code = "ORDER-CODE-FORM"
	CodeCodeTwice        Code = "ORDER-CODE-TWICE"
	CodeWrongCode        Code = "ORDER-CODE"
	CodeCodeBlocked      Code = "ORDER-CODE-BLOCKED"
	CodeWrongPassword    Code = "ORDER-PASSWORD"
	CodePasswordBlocked  Code = "ORDER-PASSWORD-BLOCKED"
	CodeOwnKey           Code = "ORDER-OWN-KEY"
	CodeDelivered        Code = "ORDER-DELIVERED"
	CodeForm             Code = "ORDER-P12-FORM"
	CodeRole             Code = "ORDER-ROLE"
	CodeReason           Code = "ORDER-REASON"
	CodeNoCode           Code = "ORDER-NO-CODE"
	CodeNotElsewhere     Code = "ORDER-CARD-STEP"
	CodeAlreadyElsewhere Code = "ORDER-AT-ONCE"
	CodeRenewCertificate Code = "ORDER-RENEW-CERTIFICATE"
	CodeRenewStatus      Code = "ORDER-RENEW-STATUS"
	CodeRenewProduct     Code = "ORDER-RENEW-PRODUCT"
	CodeRenewNames       Code = "ORDER-RENEW-NAMES"
)

type refusal struct {
	kind store.Kind
	text i18n.Text
}

var refusals = map[Code]refusal{
	CodeOffer: {store.Invalid, i18n.Text{
		FR: "il n'y a pas d'offre « %s » : choisissez parmi %s",
		EN: "there is no offer %q: choose one of %s"}},
	CodeStructure: {store.Invalid, i18n.Text{
		FR: "une demande se fait pour une structure : donnez son identifiant national (1 et FINESS, 3 et SIRET)",
		EN: "an order is for a structure: give its national identifier (1 and FINESS, 3 and SIRET)"}},
	CodeField: {store.Invalid, i18n.Text{FR: "%[1]s : %[2]s", EN: "%[1]s: %[2]s"}},
	CodeRequest: {store.Invalid, i18n.Text{
		FR: "la demande de certificat (CSR) ne convient pas : %s",
		EN: "the certification request (CSR) does not do: %s"}},
	CodeKeyChoice: {store.Invalid, i18n.Text{
		FR: "donnez une demande de certificat (CSR), ou le mot de passe de la clé à faire : l'un des deux",
		EN: "give a certification request (CSR), or the password of the key to be made: one of them"}},
	CodePasswordForm: {store.Invalid, i18n.Text{
		FR: "le mot de passe de la clé a de %d à %d caractères",
		EN: "the password of the key has %d to %d characters"}},
	CodeRow: {store.Invalid, i18n.Text{FR: "ligne %[1]d : %[2]s", EN: "line %[1]d: %[2]s"}},
	CodeBatch: {store.Invalid, i18n.Text{
		FR: "%d demandes : un lot en a %d au plus", EN: "%d orders: a batch has at most %d"}},
	CodeTable: {store.Invalid, i18n.Text{FR: "le fichier n'est pas une table de demandes : %s",
		EN: "the file is not a table of orders: %s"}},
	CodeNone: {store.NotFound, i18n.Text{
		FR: "il n'y a pas de demande %q, ou elle n'est pas de vos structures : igc follow les montre",
		EN: "there is no order %q, or it is not of your structures: igc follow shows them"}},
	CodeState: {store.Conflict, i18n.Text{
		FR: "la demande %s est « %s » : cela se fait d'une demande « %s »",
		EN: "order %s is %q: this is done of one that is %q"}},
	CodeWithdrawn: {store.Conflict, i18n.Text{
		FR: "la demande %s a été retirée le %s par %s : un certificat ne se retire qu'une fois",
		EN: "order %s was withdrawn on %s by %s: a certificate is withdrawn once"}},
	CodeRevoked: {store.Conflict, i18n.Text{
		FR: "les certificats de la demande %s sont révoqués, définitivement",
		EN: "the certificates of order %s are revoked, for good"}},
	CodeConditions: {store.Invalid, i18n.Text{
		FR: "acceptez les conditions d'utilisation pour finaliser le retrait",
		EN: "accept the conditions of use to complete the withdrawal"}},
	CodeCodeForm: {store.Invalid, i18n.Text{
		FR: "le code de révocation a de %d à %d caractères", EN: "the revocation code has %d to %d characters"}},
	CodeCodeTwice: {store.Invalid, i18n.Text{
		FR: "les deux codes de révocation diffèrent : donnez deux fois le même",
		EN: "the two revocation codes differ: give the same one twice"}},
	CodeWrongCode: {store.Invalid, i18n.Text{
		FR: "ce n'est pas le code de révocation de la demande %s : encore %d essais",
		EN: "this is not the revocation code of order %s: %d tries are left"}},
	CodeCodeBlocked: {store.Conflict, i18n.Text{
		FR: "trop de codes de révocation faux pour la demande %s : le représentant légal ou un mandataire révoque " +
			"sans code",
		EN: "too many wrong revocation codes for order %s: the legal representative or a mandataire revokes without " +
			"one"}},
	CodeWrongPassword: {store.Invalid, i18n.Text{
		FR: "ce n'est pas le mot de passe de la clé de la demande %s : encore %d essais ; oublié, il faut une " +
			"nouvelle demande",
		EN: "this is not the password of the key of order %s: %d tries are left; if forgotten, place a new order"}},
	CodePasswordBlocked: {store.Conflict, i18n.Text{
		FR: "trop de mots de passe faux pour la demande %s : il faut une nouvelle demande",
		EN: "too many wrong passwords for order %s: place a new order"}},
	CodeOwnKey: {store.Conflict, i18n.Text{
		FR: "la clé de la demande %s est la vôtre (CSR) : il y a un certificat, et pas de PKCS#12",
		EN: "the key of order %s is your own (CSR): there is a certificate, and no PKCS#12"}},
	CodeDelivered: {store.Conflict, i18n.Text{
		FR: "le PKCS#12 de la demande %s a été remis le %s : il ne l'est qu'une fois ; s'il n'est jamais arrivé, " +
			"refaites le retrait (le certificat est alors révoqué)",
		EN: "the PKCS#12 of order %s was handed out on %s: that happens once; if it never arrived, draw it again " +
			"(the certificate is then revoked)"}},
	CodeForm: {store.Invalid, i18n.Text{
		FR: "%q n'est pas une forme de PKCS#12 : ans, modern ou legacy",
		EN: "%q is not a form of PKCS#12: ans, modern or legacy"}},
	CodeRole: {store.Invalid, i18n.Text{
		FR: "la demande %s n'a pas de certificat %q : %s", EN: "order %s has no certificate %q: %s"}},
	CodeReason: {store.Invalid, i18n.Text{
		FR: "%q n'est pas un motif de révocation : %s", EN: "%q is not a reason to revoke: %s"}},
	CodeNoCode: {store.Conflict, i18n.Text{
		FR: "la demande %s n'a pas de code de révocation : le représentant légal ou un mandataire révoque " +
			"sans code",
		EN: "order %s has no revocation code: the legal representative or a mandataire revokes without one"}},
	CodeNotElsewhere: {store.Conflict, i18n.Text{
		FR: "la demande %s est celle d'une carte, qui est faite aussitôt et envoyée avec son courrier : " +
			"rien à retirer",
		EN: "order %s is of a card, which is made at once and sent with its letter: there is nothing to withdraw"}},
	CodeAlreadyElsewhere: {store.Conflict, i18n.Text{
		FR: "la demande %s est traitée au même moment par ailleurs : réessayez",
		EN: "order %s is being dealt with elsewhere at this moment: try again"}},
	CodeRenewCertificate: {store.Invalid, i18n.Text{
		FR: "le certificat présenté (numéro de série %s) n'a pas été émis par le labo : présentez celui qui est " +
			"à renouveler",
		EN: "the lab did not issue the certificate that was presented (serial number %s): present the one to be " +
			"renewed"}},
	CodeRenewStatus: {store.Conflict, i18n.Text{
		FR: "le certificat %[1]s ne se renouvelle pas, il est %[2]s : faites une nouvelle demande",
		EN: "certificate %[1]s cannot be renewed, it is %[2]s: place a new order"}},
	CodeRenewProduct: {store.Invalid, i18n.Text{
		FR: "le certificat %s (%s) ne se renouvelle pas par une demande de certificat (CSR)",
		EN: "certificate %s (%s) is not one that is renewed by a certification request (CSR)"}},
	CodeRenewNames: {store.Invalid, i18n.Text{
		FR: "la demande de certificat (CSR) doit nommer ce que nomme le certificat à renouveler ; %[1]s : %[2]q " +
			"dans la demande, %[3]q dans le certificat",
		EN: "the certification request (CSR) must name what the certificate to be renewed names; %[1]s: %[2]q in the " +
			"request, %[3]q in the certificate"}},
}

// Codes lists the codes in alphabetical order.
func Codes() []Code { return slices.Sorted(maps.Keys(refusals)) }

func fail(code Code, args ...any) error {
	r := refusals[code]
	return store.Refuse(code, r.kind, r.text, args...)
}

// CodeOf is the code of an error, empty for an error of another package.
func CodeOf(err error) Code { return store.CodeOf[Code](err) }
