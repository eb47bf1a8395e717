//go:build linux

package cluster

import (
	"bytes"
	"context"
	"crypto/x509"
	"math/big"
	mathrand "math/rand/v2"
	"net/http"
	"slices"
	"strings"

	"golang.org/x/crypto/ocsp"

	"github.com/igc-lab/igc/profiles"
)

func serialOf(c *x509.Certificate) string { return profiles.SerialHex(c.SerialNumber) }

// ask asks by OCSP for a certificate: one whose revocation was asked for lately, or any. Where a
// node is named, it asks that node itself.
func (l *load) ask(ctx context.Context, at *node) {
	l.mu.Lock()
	from := [][]*x509.Certificate{l.revoked[max(0, len(l.revoked)-5):], l.revoked, l.doomed, l.issued}[mathrand.IntN(4)]
	var certificate *x509.Certificate
	if len(from) > 0 {
		certificate = from[mathrand.IntN(len(from))]
	}
	l.mu.Unlock()
	if certificate != nil {
		l.askAbout(ctx, at, certificate)
	}
}

// askAbout asks by OCSP for a certificate.
func (l *load) askAbout(ctx context.Context, at *node, certificate *x509.Certificate) {
	issuer := l.issuerOf(certificate)
	request, err := ocsp.CreateRequest(certificate, issuer, nil)
	if err != nil {
		l.Error(err)
		return
	}
	l.do(status, serialOf(certificate), func(o *operation) {
		o.node = at.name()
		r, err := http.NewRequestWithContext(
			ctx,
			http.MethodPost,
			l.at(at, l.url("http", publicationPort)+"/ocsp"),
			bytes.NewReader(request),
		)
		if err != nil {
			l.Error(err)
			return
		}
		r.Header.Set("Content-Type", "application/ocsp-request")
		if _, body, err := l.send(l.http(), r, o); err != nil || o.outcome != ok {
			return
		} else if answer, err := ocsp.ParseResponseForCert(body, certificate, issuer); err == nil {
			o.said = map[int]string{ocsp.Good: "good", ocsp.Revoked: "revoked", ocsp.Unknown: "unknown"}[answer.Status]
		} else if answered, is := err.(ocsp.ResponseError); is {
			o.outcome, o.failure = unknown, answered.Status.String()
		} else {
			l.Errorf("an OCSP answer about %s: %v", serialOf(certificate), err)
		}
	})
}

func (l *load) issuerOf(certificate *x509.Certificate) *x509.Certificate {
	for _, a := range l.authorities {
		if bytes.Equal(a.RawSubject, certificate.RawIssuer) && certificate.CheckSignatureFrom(a) == nil {
			return a
		}
	}
	l.Errorf("nobody issued %s", serialOf(certificate))
	return certificate
}

// fetch gets a full or delta CRL of one of the authorities that issue, of the node if one is named.
func (l *load) fetch(ctx context.Context, at *node) {
	l.mu.Lock()
	var certificate *x509.Certificate
	if len(l.issued) > 0 {
		certificate = l.issued[mathrand.IntN(len(l.issued))]
	}
	l.mu.Unlock()
	if certificate == nil {
		return
	}
	address := crlOf(certificate)
	if mathrand.IntN(2) == 0 {
		address = strings.TrimSuffix(address, ".crl") + "-delta.crl"
	}
	l.do(crl, strings.TrimPrefix(address, l.url("http", publicationPort)), func(o *operation) {
		o.node = at.name()
		r, err := http.NewRequestWithContext(ctx, http.MethodGet, l.at(at, address), nil)
		if err != nil {
			l.Error(err)
			return
		}
		if _, body, err := l.send(l.http(), r, o); err == nil && o.outcome == ok {
			list := l.parseCRL(body, l.issuerOf(certificate))
			o.number, o.sum = list.Number.Uint64(), sum(body)
		}
	})
}

// publish has a node make its CRLs anew.
func (l *load) publish(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	cmd := l.any(1)[0].Command("publish")
	if err := cmd.Start(); err != nil {
		l.Error(err)
		return
	}
	defer context.AfterFunc(ctx, func() { cmd.Process.Kill() })() // of a node that stands still
	cmd.Wait()
}

// at is an address of the publication point as that of a node.
func (l *load) at(n *node, address string) string {
	if n == nil {
		return address
	}
	return strings.Replace(address, labName, n.address, 1)
}

// crlOf is the address of a certificate's full CRL.
func crlOf(c *x509.Certificate) string {
	i := slices.IndexFunc(c.CRLDistributionPoints, func(s string) bool { return strings.HasPrefix(s, "http:") })
	return c.CRLDistributionPoints[max(i, 0)]
}

func (l *load) parseCRL(der []byte, issuer *x509.Certificate) *x509.RevocationList {
	list, err := x509.ParseRevocationList(der)
	if err == nil {
		err = list.CheckSignatureFrom(issuer)
	}
	if err != nil {
		l.Errorf("a CRL of %d bytes: %v", len(der), err)
		return &x509.RevocationList{Number: new(big.Int)}
	}
	return list
}
