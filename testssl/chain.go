package testssl

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
	"github.com/igc-lab/igc/profiles"
	"github.com/igc-lab/igc/profiles/inspect"
)

// authorities are those of the lab, ready to verify with.
type authorities struct {
	issuers              []*ca.Issuer
	revoked              map[profiles.Authority]ca.Revocation
	all                  *x509.CertPool // what a client is asked a card of: issuing ones too, since browsers send the card alone
	roots, intermediates *x509.CertPool

	cards map[[sha256.Size]byte]*facts // of the certificates that were presented, by their hash
}

// authorities returns those of the lab. A lab gains authorities while it runs and never changes one but by revoking it:
// their count and their revocations tell whether those kept are all.
func (c *checker) authorities(ctx context.Context) (*authorities, error) {
	infos, err := c.lab.Authorities(ctx)
	if err != nil {
		return nil, err
	}
	c.mu.Lock()
	known := c.known
	c.mu.Unlock()
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
		cards: map[[sha256.Size]byte]*facts{}}
	for _, info := range infos {
		a, err := profiles.ParseAuthority(info.ID)
		if err != nil {
			return nil, err
		}
		issuer, err := c.lab.Issuer(ctx, a)
		if err != nil {
			return nil, err
		}
		known.issuers = append(known.issuers, issuer)
		known.all.AddCert(issuer.Certificate)
		if a.IsRoot() {
			known.roots.AddCert(issuer.Certificate)
		} else {
			known.intermediates.AddCert(issuer.Certificate)
		}
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.known = known
	return known, nil
}

// find is the authority of the lab that has this certificate, nil when none has.
func (known *authorities) find(cert *x509.Certificate) *ca.Issuer {
	for _, i := range known.issuers {
		if bytes.Equal(i.Certificate.Raw, cert.Raw) {
			return i
		}
	}
	return nil
}

// revokedAmong finds the first authority of a path that is revoked.
func (known *authorities) revokedAmong(path []*x509.Certificate) (a profiles.Authority, found *ca.Revocation) {
	for _, link := range path {
		if i := known.find(link); i != nil {
			if v, revoked := known.revoked[i.Authority]; revoked {
				return i.Authority, &v
			}
		}
	}
	return a, nil
}

// has tells whether the lab has an authority of that ID.
func (known *authorities) has(a profiles.Authority) bool {
	return slices.ContainsFunc(known.issuers, func(i *ca.Issuer) bool { return i.Authority == a })
}

// parent finds the certificate that another names as its issuer, key included where both tell it: among those of the lab
// first, then among those that the client sent.
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

// chain verifies the path to a root of the lab, at a moment when the certificate was valid (its dates are another check),
// and the signature. It returns the issuing authority when both hold and it is one of the lab.
func (known *authorities) chain(r *Report, leaf *x509.Certificate, sent []*x509.Certificate, cert *inspect.Certificate,
	at time.Time) *ca.Issuer {
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
	var issuer *ca.Issuer
	if len(chains[0]) > 1 {
		issuer = known.find(chains[0][1])
	}
	if a, v := known.revokedAmong(chains[0][1:]); v != nil {
		r.add("CHAIN-REVOKED", a.CommonName()+" : RÉVOQUÉE le "+inFrench(v.At)+", motif "+string(v.Reason),
			a.CommonName()+": REVOKED on "+inEnglish(v.At)+", reason "+string(v.Reason))
	} else if want, differs := wrongGamme(cert, issuer); differs {
		r.add("CHAIN-WRONG-GAMME", path+" ; attendue : "+want, path+"; expected: "+want)
	} else if len(sent) == 0 && len(names) > 1 {
		r.add("CHAIN-OK", path, path).Details = []Text{alone}
	} else {
		r.add("CHAIN-OK", path, path)
	}
	code := Code("SIG-OK")
	if weak(leaf) {
		code = "SIG-WEAK-KEY"
	}
	algorithm := leaf.SignatureAlgorithm.String()
	if cert.Key != nil {
		algorithm += ", " + cert.Key.String()
	}
	r.add(code, algorithm, algorithm)
	return issuer
}

var (
	alone = Text{FR: "Le client n'a envoyé que sa carte : un serveur qui n'a que la racine la refuserait. Donnez-lui l'autorité émettrice aussi.",
		EN: "The client sent its card alone: a server that has the root only would refuse it. Give it the issuing authority too."}
	namesake = Text{FR: "Ce laboratoire a une autorité de ce nom, avec une autre clé : la carte vient d'ailleurs, ou d'une autorité qui n'est pas publiée.",
		EN: "This lab has an authority of this name, with another key: the card is from elsewhere, or of an authority that is not published."}
)

// wrongGamme tells whether the issuer is another than the product's, and which that is.
func wrongGamme(cert *inspect.Certificate, issuer *ca.Issuer) (want string, differs bool) {
	id, _, _ := strings.Cut(cert.Profile, "/")
	product, err := profiles.FindProduct(id)
	if err != nil || issuer == nil {
		return "", false
	}
	a, err := product.IssuingAuthority()
	if err != nil { // it has none of its own, as OCSP responders
		return "", false
	}
	return a.CommonName(), a != issuer.Authority
}

// explain says why no path was found. crypto/x509 does not tell the cases apart, so the names are followed upwards: to an
// authority of the lab, whose path then breaks on something; to a root of others; or to where a link is missing.
func (known *authorities) explain(r *Report, leaf *x509.Certificate, sent []*x509.Certificate, err error) {
	issuer := known.parent(leaf, sent)
	var signature error
	if issuer != nil && slices.Contains(weakAlgorithms, leaf.SignatureAlgorithm) {
		signature = x509.InsecureAlgorithmError(leaf.SignatureAlgorithm)
	} else if issuer != nil {
		signature = issuer.CheckSignature(leaf.SignatureAlgorithm, leaf.RawTBSCertificate, leaf.Signature)
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
		r.add("CHAIN-OK", issuer.Subject.CommonName+", d'après les noms", issuer.Subject.CommonName+", by the names")
	case top != leaf && known.find(top) != nil:
		r.add("CHAIN-BROKEN", "la chaîne ne se vérifie pas : "+err.Error(), "the path does not verify: "+err.Error())
	case bytes.Equal(top.RawSubject, top.RawIssuer):
		r.add("CHAIN-UNKNOWN-ROOT", "émetteur inconnu de ce laboratoire, racine : "+name, "issuer unknown to this lab, root: "+name)
	case known.missing(top, sent):
		r.add("CHAIN-MISSING-INTERMEDIATE", "l'autorité émettrice manque : "+name, "the issuing authority is missing: "+name)
	default:
		check := r.add("CHAIN-UNKNOWN-ROOT", "émetteur inconnu de ce laboratoire : "+name, "issuer unknown to this lab: "+name)
		if slices.ContainsFunc(known.issuers, func(i *ca.Issuer) bool { return bytes.Equal(i.Certificate.RawSubject, top.RawIssuer) }) {
			check.Details = []Text{namesake}
		}
	}
	algorithm := leaf.SignatureAlgorithm.String()
	switch {
	case issuer == nil:
		r.add("SIG-NOT-CHECKED", algorithm, algorithm)
	case slices.Contains(weakAlgorithms, leaf.SignatureAlgorithm):
		r.add("SIG-WEAK", algorithm, algorithm)
	case signature != nil:
		r.add("SIG-BAD", algorithm+" : "+signature.Error(), algorithm+": "+signature.Error())
	default:
		r.add("SIG-OK", algorithm, algorithm)
	}
}

var weakAlgorithms = []x509.SignatureAlgorithm{x509.MD2WithRSA, x509.MD5WithRSA, x509.SHA1WithRSA, x509.DSAWithSHA1, x509.ECDSAWithSHA1}

// missing tells a path that lacks its intermediate from one of another PKI: the client sent a certificate of this lab's
// authorities that the path does not lead to, or the issuer is a TEST authority that the lab lacks below a root it has.
func (known *authorities) missing(top *x509.Certificate, sent []*x509.Certificate) bool {
	if slices.ContainsFunc(sent, func(s *x509.Certificate) bool { return known.find(s) != nil }) {
		return true
	}
	issuer, err := profiles.ParseName(top.RawIssuer)
	return err == nil && slices.ContainsFunc(profiles.Authorities(), func(a profiles.Authority) bool {
		return !a.IsRoot() && a.Name().Equal(issuer) && !known.has(a) && known.has(a.Root())
	})
}
