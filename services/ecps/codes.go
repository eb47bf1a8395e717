package ecps

import (
	"maps"
	"slices"

	"github.com/igc-lab/igc/ca/store"
	"github.com/igc-lab/igc/internal/i18n"
)

// Code says in one word, which does not change, why something was refused.
type Code string

// The codes. Those marked so are the reason of a request that ended, too.
const (
	NoECPS            Code = "ECPS-NONE"
	Expired           Code = "ECPS-EXPIRED" // reason
	Blocked           Code = "ECPS-BLOCKED" // reason
	No8               Code = "ECPS-NO-8"
	BadIdentifier     Code = "ECPS-IDENTIFIER"
	CardOnly          Code = "ECPS-CARD-ONLY"
	UnknownPerson     Code = "ECPS-UNKNOWN"
	NoContact         Code = "ECPS-CONTACT"
	NoActivation      Code = "ECPS-ACTIVATION"
	ActivationExpired Code = "ECPS-ACTIVATION-EXPIRED"
	OutOfOrder        Code = "ECPS-ORDER"
	BadQR             Code = "ECPS-QR"
	QRExpired         Code = "ECPS-QR-EXPIRED"
	QRUsed            Code = "ECPS-QR-USED"
	WrongCode         Code = "ECPS-CODE"
	CodeExpired       Code = "ECPS-CODE-EXPIRED"
	CodeTries         Code = "ECPS-CODE-TRIES"
	TooManyMessages   Code = "ECPS-RESENT"
	BadPIN            Code = "ECPS-PIN-FORM"
	PINsDiffer        Code = "ECPS-PIN-TWICE"
	WrongPIN          Code = "ECPS-PIN"
	PINFirst          Code = "ECPS-PIN-FIRST"
	NoRequest         Code = "ECPS-REQUEST"
	SeveralRequests   Code = "ECPS-SEVERAL"
	Answered          Code = "ECPS-ANSWERED"
	TimedOut          Code = "ECPS-TIMEOUT"   // reason
	Refused           Code = "ECPS-REFUSED"   // reason
	Cancelled         Code = "ECPS-CANCELLED" // reason
	Replaced          Code = "ECPS-REPLACED"  // reason
	WrongNumber       Code = "ECPS-NUMBER"    // reason
	BadNumber         Code = "ECPS-NUMBER-FORM"
	BadRequest        Code = "ECPS-ASKED"
	OtherDevice       Code = "ECPS-DEVICE"
	OtherPhone        Code = "ECPS-OTHER-PHONE"
	BadSignature      Code = "ECPS-SIGNATURE"
	Redeemed          Code = "ECPS-REDEEMED"
	BadPolicy         Code = "ECPS-POLICY"
	BadForm           Code = "ECPS-FORM"
	BadAddress        Code = "ECPS-PAGE"
)

// refusal is what a code means: the kind of its errors, and their text with the arguments of
// [refuse].
type refusal struct {
	kind store.Kind
	text i18n.Text
}

var refusals = map[Code]refusal{
	NoECPS: {store.NotFound, i18n.Text{
		FR: "%s n'a pas d'e-CPS active : activez-la sur la page du téléphone, ou par igc ecps activate",
		EN: "%s has no active e-CPS: activate it on the phone page, or with igc ecps activate"}},
	Expired: {store.Conflict, i18n.Text{
		FR: "l'e-CPS de %s a expiré : supprimez-la et activez-la de nouveau",
		EN: "the e-CPS of %s expired: delete it and activate it again"}},
	Blocked: {store.Conflict, i18n.Text{
		FR: "l'e-CPS de %s est bloquée (codes PIN erronés) : supprimez-la et activez-la de nouveau",
		EN: "the e-CPS of %s is blocked (wrong PINs): delete it and activate it again"}},
	No8: {store.Invalid, i18n.Text{
		FR: "%s est un numéro RPPS sans le 8 qui le précède : saisissez 8%[1]s",
		EN: "%s is an RPPS number without the 8 before it: type 8%[1]s"}},
	BadIdentifier: {store.Invalid, i18n.Text{
		FR: "%q n'est pas un identifiant : saisissez le 8 puis les onze chiffres du numéro RPPS, tel que " +
			"899700209812 (%s)",
		EN: "%q is not an identifier: type 8 and the eleven digits of the RPPS number, such as 899700209812 (%s)"}},
	CardOnly: {store.Invalid, i18n.Text{
		FR: "%s n'est pas un numéro RPPS : sans lui, l'e-CPS s'active avec la carte",
		EN: "%s is not an RPPS number: without one, the e-CPS is activated with the card"}},
	UnknownPerson: {store.NotFound, i18n.Text{
		FR: "personne n'a l'identifiant %s dans ce laboratoire : igc people list montre ceux qu'il connaît",
		EN: "nobody in this lab has the identifier %s: igc people list shows those that it knows"}},
	NoContact: {store.Conflict, i18n.Text{
		FR: "%s n'a pas d'adresse de courriel et de téléphone connus : donnez-les à l'Ordre (igc people set), ou " +
			"activez l'e-CPS avec la carte",
		EN: "no mail address and telephone are known of %s: give them to the Ordre (igc people set), or activate " +
			"the e-CPS with the card"}},
	NoActivation: {store.NotFound, i18n.Text{
		FR: "cette activation n'existe pas, ou plus : recommencez-la",
		EN: "this activation does not exist, or does not any more: begin again"}},
	ActivationExpired: {store.Conflict, i18n.Text{
		FR: "cette activation a duré trop longtemps : recommencez-la",
		EN: "this activation took too long: begin again"}},
	OutOfOrder: {store.Conflict, i18n.Text{
		FR: "cette activation en est à une autre étape (%s) : rechargez la page",
		EN: "this activation is at another step (%s): reload the page"}},
	BadQR: {store.Invalid, i18n.Text{
		FR: "ce n'est pas le contenu d'un QR code d'activation : collez celui de la page du PC ou du courriel",
		EN: "this is not the content of a QR code of an activation: paste that of the page on the PC or of the mail"}},
	QRExpired: {store.Conflict, i18n.Text{
		FR: "ce QR code n'est plus valable : scannez celui que la page affiche maintenant",
		EN: "this QR code is over: scan the one that the page shows now"}},
	QRUsed: {store.Conflict, i18n.Text{
		FR: "ce QR code a déjà servi : recommencez l'activation",
		EN: "this QR code was used already: begin the activation again"}},
	WrongCode: {store.Passphrase, i18n.Text{
		FR: "code faux ; essais restants : %d", EN: "wrong code; tries left: %d"}},
	CodeExpired: {store.Conflict, i18n.Text{
		FR: "ce code n'est plus valable : recommencez", EN: "this code is over: begin again"}},
	CodeTries: {store.Conflict, i18n.Text{
		FR: "trop de codes faux : recommencez l'activation", EN: "too many wrong codes: begin the activation again"}},
	TooManyMessages: {store.Conflict, i18n.Text{
		FR: "trop de messages envoyés : recommencez l'activation",
		EN: "too many messages were sent: begin the activation again"}},
	BadPIN: {store.Invalid, i18n.Text{
		FR: "le code PIN d'une e-CPS a quatre chiffres", EN: "the PIN of an e-CPS has four digits"}},
	PINsDiffer: {store.Invalid, i18n.Text{
		FR: "les deux codes PIN diffèrent : saisissez deux fois le même",
		EN: "the two PINs differ: type the same one twice"}},
	WrongPIN: {store.Passphrase, i18n.Text{
		FR: "code PIN faux ; essais restants : %d", EN: "wrong PIN; tries left: %d"}},
	PINFirst: {store.Conflict, i18n.Text{
		FR: "le code PIN se saisit avant le nombre", EN: "the PIN is typed before the number"}},
	NoRequest: {store.NotFound, i18n.Text{
		FR: "aucune demande d'authentification en attente pour %s : igc ecps pending les montre",
		EN: "no authentication request is pending for %s: igc ecps pending shows them"}},
	SeveralRequests: {store.Conflict, i18n.Text{
		FR: "%s a %d demandes en attente : nommez la demande, ou donnez le nombre affiché",
		EN: "%s has %d pending requests: name the request, or give the number shown"}},
	Answered: {store.Conflict, i18n.Text{
		FR: "cette demande est déjà terminée (%s)", EN: "this request has ended already (%s)"}},
	TimedOut: {store.Conflict, i18n.Text{
		FR: "délai dépassé : recommencez la connexion", EN: "time is over: log in again"}},
	Refused: {store.Conflict, i18n.Text{FR: "demande refusée sur le téléphone",
		EN: "the request was refused on the phone"}},
	Cancelled: {store.Conflict, i18n.Text{FR: "authentification quittée sur le PC",
		EN: "the authentication was quit on the PC"}},
	Replaced: {store.Conflict, i18n.Text{
		FR: "l'e-CPS a été supprimée ou remplacée pendant la demande",
		EN: "the e-CPS was deleted or replaced during the request"}},
	WrongNumber: {store.Conflict, i18n.Text{
		FR: "ce n'est pas le nombre que la page de connexion affiche",
		EN: "this is not the number that the login page shows"}},
	BadNumber: {store.Invalid, i18n.Text{
		FR: "%q n'est pas un nombre de deux chiffres", EN: "%q is not a number of two digits"}},
	BadRequest: {store.Invalid, i18n.Text{
		FR: "une demande nomme le service qui la fait et dure une heure au plus (%s)",
		EN: "a request names the service that makes it and lasts one hour at most (%s)"}},
	OtherDevice: {store.Conflict, i18n.Text{
		FR: "cette e-CPS n'est plus sur ce téléphone", EN: "this e-CPS is on this phone no longer"}},
	OtherPhone: {store.Conflict, i18n.Text{
		FR: "cette activation se poursuit sur le téléphone qui a ouvert le lien du courriel",
		EN: "this activation goes on with the phone that opened the link of the mail"}},
	BadSignature: {store.Damaged, i18n.Text{
		FR: "la demande %s n'est pas approuvée par le téléphone de %s : sa signature est fausse, le document a été " +
			"modifié",
		EN: "request %s is not approved by the phone of %s: its signature is wrong, the document was altered"}},
	Redeemed: {store.Conflict, i18n.Text{
		FR: "cette approbation a déjà servi", EN: "this approval was used already"}},
	BadPolicy: {store.Invalid, i18n.Text{
		FR: "politique %q : choisissez manual, approve, refuse, ignore, wrong-number, ou approve-after 3s (une " +
			"heure au plus)",
		EN: "policy %q: choose manual, approve, refuse, ignore, wrong-number, or approve-after 3s (one hour at most)"}},
	BadForm: {store.Invalid, i18n.Text{
		FR: "ce formulaire est trop ancien, ou vient d'une autre page : rechargez celle-ci et recommencez",
		EN: "this form is too old, or of another page: reload this one and try again"}},
	BadAddress: {store.NotFound, i18n.Text{
		FR: "il n'y a pas de page à cette adresse", EN: "there is no page at this address"}},
}

// Codes lists the codes in alphabetical order.
func Codes() []Code { return slices.Sorted(maps.Keys(refusals)) }

// Text is what the code means, without arguments that only an error has; empty for a code that
// does not exist.
func (c Code) text(args ...any) i18n.Text { return refusals[c].text.Format(args...) }

func refuse(code Code, args ...any) error {
	r := refusals[code]
	return store.Refuse(code, r.kind, r.text, args...)
}

// CodeOf is the code of an error, empty for an error of another package.
func CodeOf(err error) Code { return store.CodeOf[Code](err) }
