package inspect

import (
	"crypto/sha256"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"encoding/hex"
	"errors"
	"fmt"
	"math/big"
	"slices"
	"strconv"
	"strings"
	"time"

	"golang.org/x/crypto/cryptobyte"
	cbasn1 "golang.org/x/crypto/cryptobyte/asn1"
	"golang.org/x/crypto/ocsp"

	"github.com/igc-lab/igc/profiles"
)

// CRL is a certificate revocation list.
type CRL struct {
	Source
	PKI         *PKI                 `json:"pki,omitempty"`
	Authority   string               `json:"authority,omitempty"` // that publishes it, such as "ACI-FO-PP-TEST"
	Issuer      string               `json:"issuer"`
	Number      string               `json:"number,omitempty"`
	ThisUpdate  time.Time            `json:"this_update"`
	NextUpdate  *time.Time           `json:"next_update,omitempty"`
	Signature   string               `json:"signature_algorithm"`
	Fingerprint string               `json:"sha256"`
	Extensions  []profiles.Extension `json:"extensions"` // in their order
	Count       int                  `json:"count"`
	Entries     []Entry              `json:"entries"` // the first ones
	Findings    []profiles.Finding   `json:"findings"`
	Notes       []profiles.Finding   `json:"notes"`

	raw []byte
}

// Entry is one revoked certificate.
type Entry struct {
	Serial string    `json:"serial"`
	At     time.Time `json:"revoked_at"`
	Reason string    `json:"reason,omitempty"` // empty where the list gives none, as those of the IGC-Santé
}

// shownEntries is how many entries of a list are shown.
const shownEntries = 10

// reasons are the reasons of RFC 5280 §5.3.1, by their code.
var reasons = []string{"unspecified", "keyCompromise", "cACompromise", "affiliationChanged", "superseded",
	"cessationOfOperation",
	"certificateHold", "", "removeFromCRL", "privilegeWithdrawn", "aACompromise"}

func reasonName(code int) string {
	if code >= 0 && code < len(reasons) && reasons[code] != "" {
		return reasons[code]
	}
	return "reason " + strconv.Itoa(code)
}

// reasonText is the name of a reason, or its number where it has no name, in words.
func reasonText(name string) Text {
	if number, ok := strings.CutPrefix(name, "reason "); ok {
		return Text{"motif " + number, name}
	}
	return Text{name, name}
}

// ocspWords are what a reader of French is told beside the names of RFC 6960.
var ocspWords = map[string]string{"successful": "réussie", "malformedRequest": "demande mal formée",
	"internalError": "erreur interne", "tryLater": "à redemander plus tard", "sigRequired": "signature exigée",
	"unauthorized": "non autorisée", "good": "valide", "revoked": "révoqué", "unknown": "inconnu"}

// standardName is a line of which the value is a name of RFC 6960.
func standardName(fr, en, name string) []Fact {
	if name == "" {
		return nil
	}
	value := Text{name, name}
	if words := ocspWords[name]; words != "" {
		value.FR = words + " (" + name + ")"
	}
	return []Fact{{Label: Text{fr, en}, Value: value}}
}

// listExtensions names the extensions of lists and says their values (RFC 5280 §5.2).
var listExtensions = map[string]string{"2.5.29.35": "authorityKeyIdentifier", "2.5.29.20": "cRLNumber",
	"2.5.29.27": "deltaCRLIndicator",
	"2.5.29.28": "issuingDistributionPoint", "2.5.29.46": "freshestCRL", "1.3.6.1.5.5.7.1.1": "authorityInfoAccess"}

func newCRL(der []byte, in string, now time.Time) (*CRL, error) {
	list, err := x509.ParseRevocationList(der)
	if err != nil {
		return nil, fault("une CRL illisible : %q ; téléchargez-la de nouveau",
			"not a readable CRL: %q; download it again", err.Error())
	}
	issuer, err := profiles.ParseName(list.RawIssuer)
	if err != nil {
		return nil, err
	}
	sum := sha256.Sum256(der)
	l := &CRL{Source: Source{Kind: KindCRL, In: in}, PKI: pkiOf(issuer), Authority: authorityNamed(issuer),
		Issuer:     issuer.String(),
		ThisUpdate: list.ThisUpdate, Signature: signatureOf(der), Fingerprint: colons(sum[:]), Count: len(list.RevokedCertificateEntries),
		Extensions: []profiles.Extension{}, Entries: []Entry{}, Findings: []profiles.Finding{}, Notes: []profiles.Finding{}, raw: der}
	if list.Number != nil {
		l.Number = list.Number.String()
	}
	if !list.NextUpdate.IsZero() {
		l.NextUpdate = &list.NextUpdate
		if now.After(list.NextUpdate) {
			l.Notes = append(l.Notes, profiles.Finding{Code: "CRL-STALE",
				FR: "Liste périmée depuis le " + day(list.NextUpdate) + " : un logiciel qui la vérifie refuse tout certificat de cette autorité ; prenez la suivante au point de publication.",
				EN: "Stale since " + day(list.NextUpdate) + ": software that checks it refuses every certificate of this authority; take the next one from the publication point."})
		}
	}
	var order []string
	for _, e := range list.Extensions {
		x := profiles.Extension{OID: e.Id.String(), Name: listExtensions[e.Id.String()], Critical: e.Critical,
			Value: e.Value}
		in := cryptobyte.String(e.Value)
		var seq, id cryptobyte.String
		switch {
		case x.Name == "cRLNumber":
			x.Text = l.Number
		case x.Name == "deltaCRLIndicator":
			x.Text = deltaBase(e.Value)
			l.Notes = append(l.Notes, profiles.Finding{Code: "CRL-DELTA",
				FR: "CRL delta : elle complète la liste n° " + x.Text + " et ne se lit pas seule.",
				EN: "Delta CRL: it completes list number " + x.Text + " and is not read alone."})
		case x.Name == "authorityKeyIdentifier" && in.ReadASN1(&seq, cbasn1.SEQUENCE) && seq.ReadASN1(&id,
			cbasn1.Tag(0).ContextSpecific()):
			x.Text = colons(id)
		}
		order = append(order, x.Name)
		l.Extensions = append(l.Extensions, x)
	}
	for _, e := range list.RevokedCertificateEntries[:min(l.Count, shownEntries)] {
		entry := Entry{Serial: profiles.SerialHex(e.SerialNumber), At: e.RevocationTime}
		if slices.ContainsFunc(e.Extensions, isReason) {
			entry.Reason = reasonName(e.ReasonCode)
		}
		l.Entries = append(l.Entries, entry)
	}
	l.compare(order)
	return l, nil
}

// isReason tells the extension reasonCode of an entry.
func isReason(e pkix.Extension) bool { return e.Id.Equal(asn1.ObjectIdentifier{2, 5, 29, 21}) }

// deltaBase is the number of the list that a delta completes.
func deltaBase(value []byte) string {
	n := new(big.Int)
	if in := cryptobyte.String(value); !in.ReadASN1Integer(n) {
		return "?"
	}
	return n.String()
}

// compare holds the list against the two real ones (reference §1.4).
func (l *CRL) compare(order []string) {
	if l.Authority == "" || slices.Contains(order, "deltaCRLIndicator") {
		return
	}
	want := []string{"authorityKeyIdentifier", "cRLNumber"}
	if strings.HasPrefix(l.Authority, "ACR-") {
		slices.Reverse(want)
	}
	if !slices.Equal(order, want) {
		l.Findings = append(l.Findings, profiles.Finding{Code: profiles.DifferentOrder,
			FR: "Extensions " + strings.Join(order,
				", ") + " ; les listes de l'IGC-Santé ont " + strings.Join(want, ", ") + ".",
			EN: "Extensions " + strings.Join(order,
				", ") + "; lists of the IGC-Santé have " + strings.Join(want, ", ") + "."})
	}
	if slices.ContainsFunc(l.Entries, func(e Entry) bool { return e.Reason != "" }) {
		l.Findings = append(l.Findings, profiles.Finding{Code: "CRL-REASONS",
			FR: "Les entrées donnent un motif : celles de l'IGC-Santé n'en ont pas.",
			EN: "Entries give a reason: those of the IGC-Santé have none."})
	}
}

// Facts are the lines about the list.
func (l *CRL) Facts() []Fact {
	facts := []Fact{{Label: Text{"contenu", "content"}, Value: Text{"liste de révocation (CRL)",
		"certificate revocation list (CRL)"}}}
	facts = append(facts, originFacts(l.PKI, l.Authority)...)
	next := ""
	if l.NextUpdate != nil {
		next = l.NextUpdate.Format(time.RFC3339)
	}
	facts = append(facts, values("émetteur", "issuer", l.Issuer, "n° de liste", "number", l.Number,
		"publiée le", "this update", l.ThisUpdate.Format(time.RFC3339),
		"suivante le", "next update", next, "signature", "signature", l.Signature, "SHA-256", "SHA-256", l.Fingerprint)...)
	facts = append(facts, extensionFacts(l.Extensions)...)
	facts = append(facts, values("révoqués", "revoked", strconv.Itoa(l.Count))...)
	for _, e := range l.Entries {
		at, reason := e.At.Format(time.RFC3339), reasonText(e.Reason)
		facts = append(facts, Fact{Label: Text{e.Serial, e.Serial},
			Value:  Text{strings.TrimSpace(at + " " + reason.FR), strings.TrimSpace(at + " " + reason.EN)},
			Detail: true})
	}
	if more := l.Count - len(l.Entries); more > 0 {
		facts = append(facts, Fact{Label: Text{"…", "…"}, Value: Text{fmt.Sprintf("et %d autres", more),
			fmt.Sprintf("and %d more", more)}, Detail: true})
	}
	return append(facts, remarkFacts(l.Findings, l.Notes)...)
}

// OCSPResponse is an answer about one certificate, or a refusal to give one.
type OCSPResponse struct {
	Source
	Response   string     `json:"response"`         // successful, malformedRequest, internalError, tryLater, sigRequired, unauthorized
	Status     string     `json:"status,omitempty"` // good, revoked, unknown
	Serial     string     `json:"serial,omitempty"`
	Responder  string     `json:"responder,omitempty"` // its name, or its key's identifier
	ProducedAt *time.Time `json:"produced_at,omitempty"`
	ThisUpdate *time.Time `json:"this_update,omitempty"`
	NextUpdate *time.Time `json:"next_update,omitempty"`
	RevokedAt  *time.Time `json:"revoked_at,omitempty"`
	Reason     string     `json:"reason,omitempty"`
	Signature  string     `json:"signature_algorithm,omitempty"`

	Notes []profiles.Finding `json:"notes"`
}

// refusals are the response statuses of RFC 6960 §4.2.1, and what to do about them.
var refusals = map[ocsp.ResponseStatus]struct {
	name string
	Text
}{
	ocsp.Malformed: {"malformedRequest",
		Text{"Le répondeur n'a pas compris la demande : vérifiez qu'elle est en DER.", "The responder did not understand the request: check that it is DER."}},
	ocsp.InternalError: {"internalError",
		Text{"Le répondeur a échoué : recommencez, puis lisez son journal.", "The responder failed: try again, then read its log."}},
	ocsp.TryLater: {"tryLater", Text{"Le répondeur demande d'attendre.", "The responder asks to wait."}},
	ocsp.SignatureRequired: {"sigRequired", Text{"Le répondeur veut une demande signée.",
		"The responder wants a signed request."}},
	ocsp.Unauthorized: {"unauthorized", Text{"Le répondeur ne sert pas l'autorité de ce certificat.",
		"The responder does not serve this certificate's authority."}},
}

// readOCSP reads a response, and the responder's certificate when it is in it. What
// golang.org/x/crypto/ocsp refuses, such as a signature that the enclosed certificate did not make,
// is refused here.
func readOCSP(der []byte, in string, opts Options) ([]Object, error) {
	r, err := ocsp.ParseResponse(der, nil)
	o := &OCSPResponse{Source: Source{Kind: KindOCSP, In: in}, Response: "successful", Notes: []profiles.Finding{}}
	if refusal := (ocsp.ResponseError{}); errors.As(err, &refusal) {
		why, ok := refusals[refusal.Status]
		if !ok {
			return nil, fault("une réponse OCSP de l'état inconnu %d", "an OCSP response of the unknown status %d",
				int(refusal.Status))
		}
		o.Response = why.name
		o.Notes = append(o.Notes, profiles.Finding{Code: "OCSP-REFUSED", FR: why.FR, EN: why.EN})
		return []Object{o}, nil
	}
	if err != nil {
		return nil, fault("une réponse OCSP illisible : %q", "an OCSP response that cannot be read: %q", err.Error())
	}
	o.Status = map[int]string{ocsp.Good: "good", ocsp.Revoked: "revoked", ocsp.Unknown: "unknown"}[r.Status]
	o.Serial, o.Signature = profiles.SerialHex(r.SerialNumber), signatureOf(basicOf(der))
	o.ProducedAt, o.ThisUpdate = &r.ProducedAt, &r.ThisUpdate
	if !r.NextUpdate.IsZero() {
		o.NextUpdate = &r.NextUpdate
		if opts.Now.After(r.NextUpdate) {
			o.Notes = append(o.Notes, profiles.Finding{Code: "OCSP-STALE",
				FR: "Réponse périmée depuis le " + day(r.NextUpdate) + " : demandez-en une autre.",
				EN: "Stale since " + day(r.NextUpdate) + ": ask for another."})
		}
	}
	if r.Status == ocsp.Revoked {
		o.RevokedAt, o.Reason = &r.RevokedAt, reasonName(r.RevocationReason)
	}
	o.Responder = colons(r.ResponderKeyHash)
	if r.RawResponderName != nil {
		name, err := profiles.ParseName(r.RawResponderName)
		if err != nil {
			return nil, fault("répondeur OCSP : %s", "OCSP responder: %s", err)
		}
		o.Responder = name.String()
	}
	all := []Object{o}
	if r.Certificate != nil {
		c, err := NewCertificate(r.Certificate.Raw, "OCSP", opts.Now)
		if err != nil {
			return nil, fault("répondeur OCSP : %s", "OCSP responder: %s", err)
		}
		all = append(all, c)
	}
	return all, nil
}

// basicOf is the BasicOCSPResponse in a response that was read already.
func basicOf(der []byte) []byte {
	in := cryptobyte.String(der)
	var response, status, explicit, bytes, kind, basic cryptobyte.String
	_ = in.ReadASN1(&response, cbasn1.SEQUENCE) && response.ReadASN1(&status, cbasn1.ENUM) &&
		response.ReadASN1(&explicit, cbasn1.Tag(0).ContextSpecific().Constructed()) && explicit.ReadASN1(&bytes,
		cbasn1.SEQUENCE) &&
		bytes.ReadASN1(&kind, cbasn1.OBJECT_IDENTIFIER) && bytes.ReadASN1(&basic, cbasn1.OCTET_STRING)
	return basic
}

// Facts are the lines about the response.
func (o *OCSPResponse) Facts() []Fact {
	facts := []Fact{{Label: Text{"contenu", "content"}, Value: Text{"réponse OCSP", "OCSP response"}}}
	facts = append(facts, standardName("réponse", "response", o.Response)...)
	facts = append(facts, standardName("état", "status", o.Status)...)
	facts = append(facts, values("n° de série", "serial", o.Serial, "répondeur", "responder", o.Responder)...)
	for _, date := range []struct {
		fr, en string
		at     *time.Time
	}{{"produite le", "produced", o.ProducedAt}, {"valable du", "this update", o.ThisUpdate}, {"au",
		"next update", o.NextUpdate}, {"révoqué le", "revoked on", o.RevokedAt}} {
		if date.at != nil {
			facts = append(facts, values(date.fr, date.en, date.at.Format(time.RFC3339))...)
		}
	}
	if o.Reason != "" {
		facts = append(facts, Fact{Label: Text{"motif", "reason"}, Value: reasonText(o.Reason)})
	}
	facts = append(facts, values("signature", "signature", o.Signature)...)
	return append(facts, remarkFacts(nil, o.Notes)...)
}

// signatureOf names the algorithm of a signed SEQUENCE: its second element.
func signatureOf(der []byte) string {
	in := cryptobyte.String(der)
	var outer, tbs, algorithm cryptobyte.String
	var oid asn1.ObjectIdentifier
	if !in.ReadASN1(&outer, cbasn1.SEQUENCE) || !outer.ReadASN1(&tbs, cbasn1.SEQUENCE) ||
		!outer.ReadASN1(&algorithm, cbasn1.SEQUENCE) ||
		!algorithm.ReadASN1ObjectIdentifier(&oid) {
		return ""
	}
	return signatureName(oid.String())
}

func day(t time.Time) string { return t.UTC().Format(time.DateOnly) }

func colons(b []byte) string {
	s := strings.ToUpper(hex.EncodeToString(b))
	var parts []string
	for len(s) >= 2 {
		parts, s = append(parts, s[:2]), s[2:]
	}
	return strings.Join(parts, ":")
}
