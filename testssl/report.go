package testssl

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"golang.org/x/crypto/ocsp"

	"github.com/igc-lab/igc/ca"
	"github.com/igc-lab/igc/profiles"
	"github.com/igc-lab/igc/revocation"
)

// Report is all there is to say about one visit. The page, the JSON and the texts are faces of it.
type Report struct {
	At       time.Time `json:"at"`
	Verdict  Code      `json:"verdict"` // OK, or the code of the first check that failed
	OK       bool      `json:"ok"`
	TLS      string    `json:"tls"`    // version and suite
	Screen   *Screen   `json:"screen"` // the lines of the public TESTSSL screen; null without a certificate
	Product  *Product  `json:"product,omitempty"`
	Subject  string    `json:"subject,omitempty"`
	Checks   []Check   `json:"checks"`
	PEM      string    `json:"pem,omitempty"`
	decoded  *profiles.Decoded
	presents [][]byte
}

// Screen holds the lines of the public TESTSSL screen, in its own words and formats (reference §4.1).
type Screen struct {
	Organisation string `json:"organisation"`
	Autorite     string `json:"autorite"`
	Classe       string `json:"classe"`
	Prenom       string `json:"prenom"`
	Nom          string `json:"nom"`
	Identifiant  string `json:"identifiant"`
	Ville        string `json:"ville"`
	Serie        string `json:"serie"`
	Cree         string `json:"cree"`
	Expire       string `json:"expire"`
	Verification string `json:"verification"` // SUCCESS, or FAILED: and why, as nginx passes it on
}

// Product is what the certificate is of.
type Product struct {
	ID     string          `json:"id"`
	FR     string          `json:"fr"`
	EN     string          `json:"en"`
	Role   string          `json:"role"`
	Status profiles.Status `json:"status"`
}

// Check is one thing that was looked at.
type Check struct {
	Code     Code   `json:"code"`
	OK       bool   `json:"ok"`
	FR       Words  `json:"fr"`
	EN       Words  `json:"en"`
	Verified string `json:"openssl,omitempty"` // what nginx says in SSL_CLIENT_VERIFY after "FAILED:"
}

// Words tell a person about a check.
type Words struct {
	Title string `json:"title"`
	Seen  string `json:"seen"`
	Do    string `json:"do,omitempty"` // what to do about it, when it failed
}

// Code is a stable name for the outcome of a check.
type Code string

// The codes.
const (
	OK               Code = "OK"
	NoCertificate    Code = "TLS-NOCERT"
	Unreadable       Code = "CERT-UNREADABLE"
	ChainOK          Code = "CHAIN-OK"
	ChainUnknownRoot Code = "CHAIN-UNKNOWN-ROOT"
	ChainBroken      Code = "CHAIN-BROKEN"
	DateOK           Code = "DATE-OK"
	DateExpired      Code = "DATE-EXPIRED"
	DateNotYet       Code = "DATE-NOT-YET"
	UsageOK          Code = "USAGE-OK"
	UsageNotAuth     Code = "USAGE-NOT-AUTH"
	CRLGood          Code = "REV-CRL-GOOD"
	CRLRevoked       Code = "REV-CRL-REVOKED"
	CRLUnavailable   Code = "REV-CRL-UNAVAILABLE"
	OCSPGood         Code = "REV-OCSP-GOOD"
	OCSPRevoked      Code = "REV-OCSP-REVOKED"
	OCSPUnknown      Code = "REV-OCSP-UNKNOWN"
	OCSPUnavailable  Code = "REV-OCSP-UNAVAILABLE"
	ProfileOK        Code = "PROFILE-OK"
	ProfileDeviates  Code = "PROFILE-DEVIATES"
)

// opensslDate is how the screen writes dates: as OpenSSL does.
const opensslDate = "Jan _2 15:04:05 2006 GMT"

// checker holds what reports are made from.
type checker struct {
	lab       *ca.Lab
	lists     *revocation.Lists
	responder *revocation.Responder
	now       func() time.Time
}

// report looks at what a TLS client presented.
func (c *checker) report(ctx context.Context, state *tls.ConnectionState) *Report {
	r := &Report{At: c.now().UTC(), TLS: tls.VersionName(state.Version) + ", " + tls.CipherSuiteName(state.CipherSuite)}
	if len(state.PeerCertificates) == 0 {
		r.add(Check{Code: NoCertificate,
			FR: Words{Title: "Certificat présenté", Seen: "aucun certificat n'a été présenté"},
			EN: Words{Title: "Certificate presented", Seen: "no certificate was presented"}, Verified: "NONE"})
		r.conclude()
		return r
	}
	for _, p := range state.PeerCertificates {
		r.presents = append(r.presents, p.Raw)
	}
	leaf := state.PeerCertificates[0]
	r.PEM = string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: leaf.Raw}))
	d, err := profiles.Decode(leaf.Raw)
	if err != nil {
		r.add(Check{Code: Unreadable, FR: Words{"Certificat lisible", err.Error(), "Réimportez la carte."},
			EN: Words{"Certificate readable", err.Error(), "Import the card again."}, Verified: "certificate unreadable"})
		r.conclude()
		return r
	}
	r.decoded = d
	r.Subject = d.Subject.String()
	if d.Profile != nil {
		p := d.Profile.Product
		r.Product = &Product{p.ID, p.FR, p.EN, d.Profile.Role, d.Profile.Status}
	}
	issuer := c.chain(ctx, r, leaf, state.PeerCertificates[1:])
	c.dates(r, leaf)
	usage(r, d)
	if issuer != nil {
		c.crl(ctx, r, leaf, issuer)
		c.ocsp(ctx, r, leaf, issuer)
	}
	profile(r, d)
	r.conclude()
	return r
}

func (r *Report) add(c Check) { r.Checks = append(r.Checks, c) }

// conclude draws the verdict from the checks. A departure from the profile is told, but a server would not refuse it.
func (r *Report) conclude() {
	r.OK, r.Verdict = true, OK
	verification := "SUCCESS"
	for _, c := range r.Checks {
		if !c.OK && c.Code != ProfileDeviates {
			r.OK, r.Verdict = false, c.Code
			verification = "FAILED:" + c.Verified
			break
		}
	}
	d := r.decoded
	if d == nil {
		return
	}
	r.Screen = &Screen{
		Organisation: d.Issuer.Get("O"), Autorite: d.Issuer.Get("OU"), Classe: d.Issuer.Get("CN"),
		Prenom: d.Subject.Get("GN"), Nom: d.Subject.Get("SN"), Identifiant: d.Subject.Get("CN"),
		Ville: d.Subject.Get("ST"), Serie: profiles.SerialHex(d.Serial),
		Cree: d.NotBefore.UTC().Format(opensslDate), Expire: d.NotAfter.UTC().Format(opensslDate), Verification: verification,
	}
}

// chain verifies the path to a root of the lab, at a moment when the certificate was valid: its dates are another check.
// It returns the issuing authority when the path holds.
func (c *checker) chain(ctx context.Context, r *Report, leaf *x509.Certificate, sent []*x509.Certificate) *ca.Issuer {
	roots, intermediates := x509.NewCertPool(), x509.NewCertPool()
	infos, err := c.lab.Authorities(ctx)
	if err != nil {
		r.add(Check{Code: ChainBroken, FR: Words{"Chaîne de certification", err.Error(), ""}, EN: Words{"Chain", err.Error(), ""}})
		return nil
	}
	for _, info := range infos {
		a, err := profiles.ParseAuthority(info.ID)
		if err != nil {
			continue
		}
		issuer, err := c.lab.Issuer(ctx, a)
		if err != nil {
			continue
		}
		if a.IsRoot() {
			roots.AddCert(issuer.Certificate)
		} else {
			intermediates.AddCert(issuer.Certificate)
		}
	}
	for _, s := range sent {
		intermediates.AddCert(s)
	}
	at := c.now()
	if at.After(leaf.NotAfter) {
		at = leaf.NotAfter
	} else if at.Before(leaf.NotBefore) {
		at = leaf.NotBefore
	}
	chains, err := leaf.Verify(x509.VerifyOptions{Roots: roots, Intermediates: intermediates, CurrentTime: at,
		KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageAny}})
	fr, en := "Chaîne de certification", "Certification path"
	if err == nil {
		var names []string
		for _, link := range chains[0][1:] {
			names = append(names, link.Subject.CommonName)
		}
		path := strings.Join(names, " → ")
		r.add(Check{Code: ChainOK, OK: true, FR: Words{Title: fr, Seen: path}, EN: Words{Title: en, Seen: path}})
		for _, info := range infos {
			if len(chains[0]) > 1 && bytes.Equal(info.DER, chains[0][1].Raw) {
				a, err := profiles.ParseAuthority(info.ID)
				if err != nil {
					return nil
				}
				issuer, err := c.lab.Issuer(ctx, a)
				if err != nil {
					return nil
				}
				return issuer
			}
		}
		return nil
	}
	var unknown x509.UnknownAuthorityError
	if errors.As(err, &unknown) && !names(infos, leaf) {
		r.add(Check{Code: ChainUnknownRoot, Verified: "unable to get local issuer certificate",
			FR: Words{fr, "émetteur inconnu de ce laboratoire : " + leaf.Issuer.CommonName, "Utilisez une carte émise par ce laboratoire (igc issue) ; une vraie carte, ou celle d'un autre laboratoire, n'est pas reconnue ici."},
			EN: Words{en, "issuer unknown to this lab: " + leaf.Issuer.CommonName, "Use a card issued by this lab (igc issue); a real card, or another lab's, is not known here."}})
		return nil
	}
	r.add(Check{Code: ChainBroken, Verified: err.Error(), FR: Words{fr, "la chaîne ne se vérifie pas : " + err.Error(), "Émettez la carte de nouveau."},
		EN: Words{en, "the path does not verify: " + err.Error(), "Issue the card again."}})
	return nil
}

// names tells whether the certificate names one of the authorities as its issuer, key included: if its path does not hold
// all the same, it is broken, and not another lab's. crypto/x509 does not tell the two apart.
func names(authorities []ca.AuthorityInfo, leaf *x509.Certificate) bool {
	return slices.ContainsFunc(authorities, func(info ca.AuthorityInfo) bool {
		a, err := x509.ParseCertificate(info.DER)
		return err == nil && bytes.Equal(a.RawSubject, leaf.RawIssuer) && bytes.Equal(a.SubjectKeyId, leaf.AuthorityKeyId)
	})
}

func (c *checker) dates(r *Report, leaf *x509.Certificate) {
	now := c.now()
	fr, en := "Dates de validité", "Validity dates"
	days := func(d time.Duration) int { return int(d / (24 * time.Hour)) }
	from, to := leaf.NotBefore, leaf.NotAfter
	switch {
	case now.After(leaf.NotAfter):
		r.add(Check{Code: DateExpired, Verified: "certificate has expired",
			FR: Words{fr, fmt.Sprintf("expiré depuis le %s (%d jours)", inFrench(to), days(now.Sub(leaf.NotAfter))), "Renouvelez la carte : elle est émise pour trois ans."},
			EN: Words{en, fmt.Sprintf("expired on %s (%d days ago)", inEnglish(to), days(now.Sub(leaf.NotAfter))), "Renew the card: it is issued for three years."}})
	case now.Before(leaf.NotBefore):
		r.add(Check{Code: DateNotYet, Verified: "certificate is not yet valid",
			FR: Words{fr, "valable seulement à partir du " + inFrench(from), "Vérifiez l'horloge de ce poste, ou attendez."},
			EN: Words{en, "valid only from " + inEnglish(from), "Check this machine's clock, or wait."}})
	default:
		r.add(Check{Code: DateOK, OK: true, FR: Words{Title: fr, Seen: fmt.Sprintf("du %s au %s, encore %d jours", inFrench(from), inFrench(to), days(leaf.NotAfter.Sub(now)))},
			EN: Words{Title: en, Seen: fmt.Sprintf("from %s to %s, %d days left", inEnglish(from), inEnglish(to), days(leaf.NotAfter.Sub(now)))}})
	}
}

func usage(r *Report, d *profiles.Decoded) {
	fr, en := "Usage du certificat", "Certificate usage"
	seen := strings.Join(append(slices.Clone(d.KeyUsage), d.ExtKeyUsage...), ", ")
	if slices.Contains(d.KeyUsage, "digitalSignature") && slices.Contains(d.ExtKeyUsage, "clientAuth") {
		r.add(Check{Code: UsageOK, OK: true, FR: Words{Title: fr, Seen: "authentification (" + seen + ")"},
			EN: Words{Title: en, Seen: "authentication (" + seen + ")"}})
		return
	}
	frSeen, enSeen := "il n'authentifie pas ("+seen+")", "it does not authenticate ("+seen+")"
	if slices.Contains(d.KeyUsage, "nonRepudiation") {
		frSeen, enSeen = "certificat de SIGNATURE ("+seen+")", "SIGNATURE certificate ("+seen+")"
	}
	r.add(Check{Code: UsageNotAuth, Verified: "unsuitable certificate purpose",
		FR: Words{fr, frSeen, "Choisissez le certificat d'AUTHENTIFICATION de la carte : celui de signature ne sert pas à TLS."},
		EN: Words{en, enSeen, "Choose the card's AUTHENTICATION certificate: that for signature does not serve TLS."}})
}

// crl reads the authority's CRL as a client would: signature, dates, then the serial number.
func (c *checker) crl(ctx context.Context, r *Report, leaf *x509.Certificate, issuer *ca.Issuer) {
	fr, en := "Révocation par CRL", "Revocation by CRL"
	list, err := c.lists.Get(ctx, issuer.Authority)
	var entry *revocation.Entry
	if err == nil {
		entry, err = list.Find(leaf.SerialNumber)
	}
	if err == nil && c.now().After(list.NextUpdate) {
		err = fmt.Errorf("stale since %s", list.NextUpdate.Format(time.RFC3339))
	}
	if err != nil {
		r.add(Check{Code: CRLUnavailable, Verified: "unable to get certificate CRL",
			FR: Words{fr, "CRL indisponible : " + err.Error(), "Relancez igc serve et lisez son journal."},
			EN: Words{en, "CRL unavailable: " + err.Error(), "Start igc serve again and read its log."}})
		return
	}
	frSource := fmt.Sprintf("CRL n° %d du %s", list.Number, inFrench(list.ThisUpdate))
	enSource := fmt.Sprintf("CRL number %d of %s", list.Number, inEnglish(list.ThisUpdate))
	if entry != nil {
		r.add(Check{Code: CRLRevoked, Verified: "certificate revoked",
			FR: Words{fr, "RÉVOQUÉ le " + inFrench(entry.At) + " (" + frSource + ")", "Cette carte est en opposition et le reste : émettez-en une autre."},
			EN: Words{en, "REVOKED on " + inEnglish(entry.At) + " (" + enSource + ")", "This card is revoked, for good: issue another."}})
		return
	}
	r.add(Check{Code: CRLGood, OK: true, FR: Words{Title: fr, Seen: "absent de la liste (" + frSource + ")"},
		EN: Words{Title: en, Seen: "not listed (" + enSource + ")"}})
}

// ocsp asks the responder as a client would, with a request and an answer in bytes.
func (c *checker) ocsp(ctx context.Context, r *Report, leaf *x509.Certificate, issuer *ca.Issuer) {
	fr, en := "Révocation par OCSP", "Revocation by OCSP"
	answer, err := func() (*ocsp.Response, error) {
		request, err := ocsp.CreateRequest(leaf, issuer.Certificate, nil)
		if err != nil {
			return nil, err
		}
		der, err := c.responder.Answer(ctx, request)
		if err != nil {
			return nil, err
		}
		return ocsp.ParseResponseForCert(der, leaf, issuer.Certificate)
	}()
	if err != nil {
		r.add(Check{Code: OCSPUnavailable, Verified: "OCSP unavailable",
			FR: Words{fr, "pas de réponse : " + err.Error(), "Relancez igc serve et lisez son journal."},
			EN: Words{en, "no answer: " + err.Error(), "Start igc serve again and read its log."}})
		return
	}
	frSource, enSource := "réponse du "+inFrench(answer.ThisUpdate), "answer of "+inEnglish(answer.ThisUpdate)
	switch answer.Status {
	case ocsp.Good:
		r.add(Check{Code: OCSPGood, OK: true, FR: Words{Title: fr, Seen: "bon (" + frSource + ")"}, EN: Words{Title: en, Seen: "good (" + enSource + ")"}})
	case ocsp.Revoked:
		why := string(ca.ReasonOf(answer.RevocationReason))
		r.add(Check{Code: OCSPRevoked, Verified: "certificate revoked",
			FR: Words{fr, "RÉVOQUÉ le " + inFrench(answer.RevokedAt) + ", motif " + why + " (" + frSource + ")", "Cette carte est en opposition et le reste : émettez-en une autre."},
			EN: Words{en, "REVOKED on " + inEnglish(answer.RevokedAt) + ", reason " + why + " (" + enSource + ")", "This card is revoked, for good: issue another."}})
	default:
		r.add(Check{Code: OCSPUnknown, Verified: "certificate unknown to OCSP",
			FR: Words{fr, "inconnu de l'autorité (" + frSource + ")", "Ce certificat n'est pas dans les registres de ce laboratoire : émettez la carte de nouveau."},
			EN: Words{en, "unknown to the authority (" + enSource + ")", "This certificate is not in this lab's records: issue the card again."}})
	}
}

func profile(r *Report, d *profiles.Decoded) {
	fr, en := "Profil IGC-Santé", "IGC-Santé profile"
	if len(d.Findings) == 0 {
		known := map[profiles.Status]string{profiles.Attested: "attesté", profiles.Modelled: "modélisé"}[d.Profile.Status]
		r.add(Check{Code: ProfileOK, OK: true, FR: Words{Title: fr, Seen: d.Profile.ID() + " (" + known + ")"},
			EN: Words{Title: en, Seen: d.Profile.ID() + " (" + string(d.Profile.Status) + ")"}})
		return
	}
	var frSeen, enSeen []string
	for _, f := range d.Findings {
		frSeen, enSeen = append(frSeen, f.FR), append(enSeen, f.EN)
	}
	r.add(Check{Code: ProfileDeviates, FR: Words{fr, strings.Join(frSeen, " "), "Comparez avec igc inspect."},
		EN: Words{en, strings.Join(enSeen, " "), "Compare with igc inspect."}})
}

// Dates as each language writes them, in UTC as certificates have them.
func inFrench(t time.Time) string  { return t.UTC().Format("02/01/2006 à 15:04:05 UTC") }
func inEnglish(t time.Time) string { return t.UTC().Format("2006-01-02 15:04:05 UTC") }
