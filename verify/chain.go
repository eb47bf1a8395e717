package verify

import (
	"bytes"
	"context"
	"crypto/sha256"
	"crypto/x509"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/igc-lab/igc/ca"
	"github.com/igc-lab/igc/internal/i18n"
	"github.com/igc-lab/igc/profiles"
	"github.com/igc-lab/igc/profiles/inspect"
)

// issuer is an authority of the lab.
type issuer struct {
	profiles.Authority
	*x509.Certificate
}

// authorities are those of the lab, ready to verify with.
type authorities struct {
	issuers              []*issuer
	revoked              map[profiles.Authority]ca.Revocation
	all                  *x509.CertPool // see [Verifier.ClientCAs]
	roots, intermediates *x509.CertPool

	facts map[[sha256.Size]byte]*facts // by the hash of the presented certificates; guarded by Verifier.mu
}

// authorities returns those of the lab. A lab gains authorities while it runs and never changes one
// but by revoking it: when their count and their revocations are the same, those kept are still
// right.
func (v *Verifier) authorities(ctx context.Context) (*authorities, error) {
	infos, err := v.Authorities.Authorities(ctx)
	if err != nil {
		return nil, err
	}
	v.mu.Lock()
	known := v.known
	v.mu.Unlock()
	revoked := map[profiles.Authority]ca.Revocation{}
	for _, info := range infos {
		if a, err := profiles.ParseAuthority(info.ID); err == nil && info.Revoked != nil {
			revoked[a] = *info.Revoked
		}
	}
	if known != nil && len(known.issuers) == len(infos) && maps.Equal(known.revoked, revoked) {
		return known, nil
	}
	known = &authorities{revoked: revoked, all: x509.NewCertPool(), roots: x509.NewCertPool(), intermediates: x509.NewCertPool(),
		facts: map[[sha256.Size]byte]*facts{}}
	for _, info := range infos {
		a, err := profiles.ParseAuthority(info.ID)
		if err != nil {
			return nil, err
		}
		cert, err := x509.ParseCertificate(info.DER)
		if err != nil {
			return nil, i18n.Errorf("certificate of the authority %s: %w", info.ID, err)
		}
		known.issuers = append(known.issuers, &issuer{a, cert})
		known.all.AddCert(cert)
		if a.IsRoot() {
			known.roots.AddCert(cert)
		} else {
			known.intermediates.AddCert(cert)
		}
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	v.known = known
	return known, nil
}

// find is the authority of the lab with this certificate, nil when there is none.
func (known *authorities) find(cert *x509.Certificate) *issuer {
	for _, i := range known.issuers {
		if bytes.Equal(i.Raw, cert.Raw) {
			return i
		}
	}
	return nil
}

// firstRevoked finds the first authority of a path that is revoked; the revocation is nil when none
// is.
func (known *authorities) firstRevoked(path []*x509.Certificate) (a profiles.Authority, found *ca.Revocation) {
	for _, link := range path {
		if i := known.find(link); i != nil {
			if v, revoked := known.revoked[i.Authority]; revoked {
				return i.Authority, &v
			}
		}
	}
	return a, nil
}

// has reports whether the lab has the authority.
func (known *authorities) has(a profiles.Authority) bool {
	return slices.ContainsFunc(known.issuers, func(i *issuer) bool { return i.Authority == a })
}

// parent finds the certificate that another names as its issuer, by name and by key identifier
// where both have one: among the lab's first, then among those that the client sent.
func (known *authorities) parent(of *x509.Certificate, sent []*x509.Certificate) *x509.Certificate {
	candidates := make([]*x509.Certificate, 0, len(known.issuers)+len(sent))
	for _, i := range known.issuers {
		candidates = append(candidates, i.Certificate)
	}
	for _, p := range append(candidates, sent...) {
		if bytes.Equal(p.RawSubject, of.RawIssuer) && !bytes.Equal(p.Raw, of.Raw) &&
			(len(of.AuthorityKeyId) == 0 || len(p.SubjectKeyId) == 0 || bytes.Equal(p.SubjectKeyId, of.AuthorityKeyId)) {
			return p
		}
	}
	return nil
}

// chain verifies the path to a root of the lab, at a moment when the certificate was valid (its
// dates are another check), and the signature. It returns the issuing authority when both hold and
// it is the lab's, else nil.
func (known *authorities) chain(r *Report, leaf *x509.Certificate, sent []*x509.Certificate, cert *inspect.Certificate,
	at time.Time) *issuer {
	intermediates := known.intermediates
	if len(sent) > 0 {
		intermediates = intermediates.Clone()
		for _, s := range sent {
			intermediates.AddCert(s)
		}
	}
	if at.After(leaf.NotAfter) {
		at = leaf.NotAfter
	} else if at.Before(leaf.NotBefore) {
		at = leaf.NotBefore
	}
	chains, err := leaf.Verify(x509.VerifyOptions{Roots: known.roots, Intermediates: intermediates, CurrentTime: at,
		KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageAny}})
	if err != nil {
		known.explain(r, leaf, sent, err)
		return nil
	}
	var names []string
	for _, link := range chains[0][1:] {
		names = append(names, link.Subject.CommonName)
	}
	path := strings.Join(names, " → ")
	var by *issuer
	if len(chains[0]) > 1 {
		by = known.find(chains[0][1])
	}
	if a, v := known.firstRevoked(chains[0][1:]); v != nil {
		r.add("CHAIN-REVOKED", Text{FR: "%s : RÉVOQUÉE le %s, motif %s", EN: "%s: REVOKED on %s, reason %s"}.
			Format(a.CommonName(), i18n.Date(v.At), v.Reason))
	} else if want, differs := wrongGamme(cert, by); differs {
		r.add("CHAIN-WRONG-GAMME", Text{FR: "%s ; attendue : %s", EN: "%s; expected: %s"}.Format(path, want))
	} else if len(sent) == 0 && len(names) > 1 {
		r.add("CHAIN-OK", i18n.Same(path)).Details = []Text{issuerNotSent}
	} else {
		r.add("CHAIN-OK", i18n.Same(path))
	}
	code := Code("SIG-OK")
	if weakKey(leaf) {
		code = "SIG-WEAK-KEY"
	}
	algorithm := leaf.SignatureAlgorithm.String()
	if cert.Key != nil {
		algorithm += ", " + cert.Key.String()
	}
	r.add(code, i18n.Same(algorithm))
	return by
}

var (
	issuerNotSent = Text{
		FR: "Le client n'a envoyé que sa carte : un serveur qui n'a que la racine la refuserait. Donnez-lui l'autorité émettrice aussi.",
		EN: "The client sent its card alone: a server that has the root only would refuse it. Give it the issuing authority too."}
	sameNameOtherKey = Text{
		FR: "Ce laboratoire a une autorité de ce nom, avec une autre clé : la carte vient d'ailleurs, ou d'une autorité qui n'est pas publiée.",
		EN: "This lab has an authority of this name, with another key: the card is from elsewhere, or of an authority that is not published."}
)

// wrongGamme reports whether the issuer is another than the product's, and the name of the
// product's.
func wrongGamme(cert *inspect.Certificate, by *issuer) (want string, differs bool) {
	id, _, _ := strings.Cut(cert.Profile, "/")
	product, err := profiles.FindProduct(id)
	if err != nil || by == nil {
		return "", false
	}
	a, err := product.IssuingAuthority()
	if err != nil { // it has no single one, as OCSP responders
		return "", false
	}
	return a.CommonName(), a != by.Authority
}

// explain reports why no path was found. crypto/x509 does not distinguish the cases, so the names
// are followed upwards: to an authority of the lab, whose path then fails to verify; to a root that
// the lab does not have; or to a missing link.
func (known *authorities) explain(r *Report, leaf *x509.Certificate, sent []*x509.Certificate, err error) {
	above := known.parent(leaf, sent)
	var signature error
	if above != nil && slices.Contains(weakAlgorithms, leaf.SignatureAlgorithm) {
		signature = x509.InsecureAlgorithmError(leaf.SignatureAlgorithm)
	} else if above != nil {
		signature = above.CheckSignature(leaf.SignatureAlgorithm, leaf.RawTBSCertificate, leaf.Signature)
	}
	top := leaf
	for range 10 {
		next := known.parent(top, sent)
		if next == nil {
			break
		}
		if top = next; known.find(top) != nil {
			break
		}
	}
	name := top.Issuer.CommonName
	switch {
	case top != leaf && known.find(top) != nil && signature != nil:
		r.add("CHAIN-OK", Text{FR: "%s, d'après les noms", EN: "%s, by the names"}.Format(above.Subject.CommonName))
	case top != leaf && known.find(top) != nil:
		r.add("CHAIN-BROKEN", Text{FR: "la chaîne ne se vérifie pas : %s",
			EN: "the path does not verify: %s"}.Format(err))
	case bytes.Equal(top.RawSubject, top.RawIssuer):
		r.add("CHAIN-UNKNOWN-ROOT", Text{FR: "émetteur inconnu de ce laboratoire, racine : %s",
			EN: "issuer unknown to this lab, root: %s"}.Format(name))
	case known.missing(top, sent):
		r.add("CHAIN-MISSING-INTERMEDIATE", Text{FR: "l'autorité émettrice manque : %s",
			EN: "the issuing authority is missing: %s"}.Format(name))
	default:
		check := r.add("CHAIN-UNKNOWN-ROOT", Text{FR: "émetteur inconnu de ce laboratoire : %s",
			EN: "issuer unknown to this lab: %s"}.Format(name))
		if slices.ContainsFunc(known.issuers, func(i *issuer) bool { return bytes.Equal(i.RawSubject, top.RawIssuer) }) {
			check.Details = []Text{sameNameOtherKey}
		}
	}
	algorithm := leaf.SignatureAlgorithm.String()
	switch {
	case above == nil:
		r.add("SIG-NOT-CHECKED", i18n.Same(algorithm))
	case slices.Contains(weakAlgorithms, leaf.SignatureAlgorithm):
		r.add("SIG-WEAK", i18n.Same(algorithm))
	case signature != nil:
		r.add("SIG-BAD", Text{FR: "%s : %s", EN: "%s: %s"}.Format(algorithm, signature))
	default:
		r.add("SIG-OK", i18n.Same(algorithm))
	}
}

var weakAlgorithms = []x509.SignatureAlgorithm{x509.MD2WithRSA, x509.MD5WithRSA, x509.SHA1WithRSA, x509.DSAWithSHA1, x509.ECDSAWithSHA1}

// missing reports whether the path lacks its intermediate, and is not of another PKI: the client
// sent a certificate of this lab's authorities that the path does not lead to, or the issuer is a
// TEST authority that the lab lacks below a root it has.
func (known *authorities) missing(top *x509.Certificate, sent []*x509.Certificate) bool {
	if slices.ContainsFunc(sent, func(s *x509.Certificate) bool { return known.find(s) != nil }) {
		return true
	}
	name, err := profiles.ParseName(top.RawIssuer)
	return err == nil && slices.ContainsFunc(profiles.Authorities(), func(a profiles.Authority) bool {
		return !a.IsRoot() && a.Name().Equal(name) && !known.has(a) && known.has(a.Root())
	})
}
