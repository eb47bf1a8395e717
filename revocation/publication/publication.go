// Package publication serves what the certificates of a lab name: CRLs, certificates of
// authorities, their chain, the policy and OCSP, over HTTP ([New]) or as files ([Export]).
package publication

import (
	"bytes"
	"crypto/sha256"
	"crypto/x509"
	_ "embed" // policy.html
	"encoding/asn1"
	"encoding/hex"
	"encoding/pem"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"strings"
	"time"

	"golang.org/x/crypto/cryptobyte"
	cbasn1 "golang.org/x/crypto/cryptobyte/asn1"

	"github.com/igc-lab/igc/ca"
	"github.com/igc-lab/igc/internal/der"
	"github.com/igc-lab/igc/internal/web"
	"github.com/igc-lab/igc/lab"
	"github.com/igc-lab/igc/profiles"
	"github.com/igc-lab/igc/revocation/crl"
	"github.com/igc-lab/igc/revocation/ocsp"
)

// Handler serves the publication point on the paths of the real IGC-Santé (reference §1.3).
type Handler struct {
	lab       *lab.Lab
	lists     *crl.Issuer
	responder *ocsp.Responder
	log       *slog.Logger
	mux       *http.ServeMux
	ocsp      http.Handler // and the mux behind it
}

// New makes the handler.
func New(lab *lab.Lab, lists *crl.Issuer, responder *ocsp.Responder, log *slog.Logger) *Handler {
	p := &Handler{lab: lab, lists: lists, responder: responder, log: log, mux: http.NewServeMux()}
	p.mux.HandleFunc("GET /CRL/{file}", p.crl)
	p.mux.HandleFunc("GET /AC TEST/{file}", p.certificate)
	p.mux.HandleFunc("GET "+profiles.ChainPath, p.chain)
	p.mux.HandleFunc("GET "+profiles.ChainDERPath, p.chain)
	for _, path := range []string{"", "/{$}", "/" + indexFile} {
		p.mux.HandleFunc("GET "+profiles.PolicyPath+path, p.policy)
	}
	p.ocsp = ocsp.NewHandler(responder, web.Detached(p.mux), log)
	return p
}

// Handle serves another path beside, on a pattern of [http.ServeMux].
func (p *Handler) Handle(pattern string, handler http.Handler) { p.mux.Handle(pattern, handler) }

var nosniff = []string{"nosniff"}

// ServeHTTP implements [http.Handler].
func (p *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	w.Header()["X-Content-Type-Options"] = nosniff
	p.ocsp.ServeHTTP(w, r)
}

// serveContent answers with a published file, or with what the conditions of the request make of it
// (RFC 9110 §13, §14).
func serveContent(w http.ResponseWriter, r *http.Request, kind, tag string, modified time.Time, content io.ReadSeeker) {
	w.Header().Set("Content-Type", kind)
	w.Header().Set("ETag", tag)
	web.JoinETags(r.Header)
	if r.Method != http.MethodGet || !strings.HasPrefix(r.Header.Get("Range"), "bytes=") {
		r.Header.Del("Range") // not for HEAD, and no other unit is known: to be passed over, which net/http does not
	}
	http.ServeContent(w, r, "", modified, content)
}

// tagOf is the ETag of a small file.
func tagOf(content []byte) string {
	sum := sha256.Sum256(content)
	return `"` + hex.EncodeToString(sum[:16]) + `"`
}

// file finds the authority whose file is asked for.
func file(r *http.Request, suffix string) (profiles.Authority, bool) {
	name, ok := strings.CutSuffix(r.PathValue("file"), suffix)
	if !ok || !strings.HasSuffix(name, "-TEST") {
		return profiles.Authority{}, false
	}
	a, err := profiles.ParseAuthority(name)
	return a, err == nil && a.File() == name
}

// crl serves an authority's CRL or, where the name ends in -delta, its delta CRL.
func (p *Handler) crl(w http.ResponseWriter, r *http.Request) {
	get, suffix := p.lists.Get, ".crl"
	if strings.HasSuffix(r.PathValue("file"), "-delta.crl") {
		get, suffix = p.lists.Delta, "-delta.crl"
	}
	a, ok := file(r, suffix)
	if !ok {
		http.NotFound(w, r)
		return
	}
	crl, err := get(r.Context(), a)
	if err != nil {
		p.fail(w, r, err)
		return
	}
	dropFutureDate(r.Header, p.lists.Now())
	p.cache(w.Header(), crl.NextUpdate)
	tag := fmt.Sprintf(`"%s-%d-%x"`, strings.TrimSuffix(r.PathValue("file"), ".crl"), crl.Number, crl.ThisUpdate.Unix())
	serveContent(w, r, "application/pkix-crl", tag, modified(crl), crl.Reader())
}

// modified is the Last-Modified of a CRL. There is none when a former list was made in the same
// second: to a client that has that one, If-Modified-Since would say for as long as this list is
// the present one that nothing is new.
func modified(crl *crl.CRL) time.Time {
	if crl.SameSecond {
		return time.Time{}
	}
	return crl.ThisUpdate
}

// cache tells HTTP caches how long a list holds, or to ask each time: most often the answer is then
// 304.
func (p *Handler) cache(h http.Header, nextUpdate time.Time) {
	if p.lab.Config.CRL.Cache == lab.Revalidate {
		h.Set("Cache-Control", "no-cache")
		return
	}
	left := max(0, nextUpdate.Sub(p.lists.Now()))
	h.Set("Cache-Control", fmt.Sprintf("public, max-age=%d, must-revalidate", int(left.Seconds())))
	h.Set("Expires", nextUpdate.UTC().Format(http.TimeFormat))
}

func (p *Handler) certificate(w http.ResponseWriter, r *http.Request) {
	a, ok := file(r, ".cer")
	if !ok {
		http.NotFound(w, r)
		return
	}
	issuer, err := p.lab.Issuer(r.Context(), a)
	if err != nil {
		p.fail(w, r, err)
		return
	}
	serveContent(w, r, "application/pkix-cert", tagOf(issuer.Certificate.Raw), issuer.Certificate.NotBefore, bytes.NewReader(issuer.Certificate.Raw))
}

// chain serves all authorities' certificates in one PKCS#7: in PEM, as the IGC-Santé publishes it,
// or in DER.
func (p *Handler) chain(w http.ResponseWriter, r *http.Request) {
	authorities, err := p.lab.Authorities(r.Context())
	if err != nil {
		p.fail(w, r, err)
		return
	}
	content, err := certificatesOnly(authorities)
	if err != nil {
		p.fail(w, r, err)
		return
	}
	var newest time.Time
	for _, info := range authorities {
		certificate, err := x509.ParseCertificate(info.DER)
		if err != nil {
			p.fail(w, r, err)
			return
		}
		if newest.Before(certificate.NotBefore) {
			newest = certificate.NotBefore
		}
	}
	kind := "application/pkcs7-mime; smime-type=certs-only" // RFC 5280 §4.2.2.1, RFC 8551 §3.2.2
	if r.URL.Path == profiles.ChainPath {
		kind, content = "application/x-pkcs7-certificates", pemOfPKCS7(content)
	}
	serveContent(w, r, kind, tagOf(content), newest, bytes.NewReader(content))
}

// pemOfPKCS7 writes a PKCS#7 as the IGC-Santé does.
func pemOfPKCS7(der []byte) []byte { return pem.EncodeToMemory(&pem.Block{Type: "PKCS7", Bytes: der}) }

// certificatesOnly makes a PKCS#7 of the certificates alone: a SignedData that signs nothing (RFC
// 2315 §9.1). As in the real one, there is an empty set of CRLs, and each root stands before the
// authorities that it signed.
func certificatesOnly(authorities []ca.AuthorityInfo) ([]byte, error) {
	var b cryptobyte.Builder
	b.AddASN1(cbasn1.SEQUENCE, func(b *cryptobyte.Builder) {
		b.AddASN1ObjectIdentifier(asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 7, 2}) // signedData
		b.AddASN1(der.Explicit(0), func(b *cryptobyte.Builder) {
			b.AddASN1(cbasn1.SEQUENCE, func(b *cryptobyte.Builder) {
				b.AddASN1Int64(1)
				b.AddASN1(cbasn1.SET, func(*cryptobyte.Builder) {})
				b.AddASN1(cbasn1.SEQUENCE, func(b *cryptobyte.Builder) {
					b.AddASN1ObjectIdentifier(asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 7, 1}) // data
				})
				b.AddASN1(der.Explicit(0), func(b *cryptobyte.Builder) {
					for _, a := range authorities {
						b.AddBytes(a.DER)
					}
				})
				b.AddASN1(der.Explicit(1), func(*cryptobyte.Builder) {})
				b.AddASN1(cbasn1.SET, func(*cryptobyte.Builder) {})
			})
		})
	})
	return b.Bytes()
}

// indexFile is what a web server gives for a folder.
const indexFile = "index.html"

//go:embed policy.html
var policyPage []byte

// policy serves the page that every certificate names as its policy. The real one's documents are
// the real PKI's own.
func (p *Handler) policy(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Security-Policy", "default-src 'none'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'")
	serveContent(w, r, "text/html; charset=utf-8", tagOf(policyPage), time.Time{}, bytes.NewReader(policyPage))
}

// dropFutureDate takes away an If-Modified-Since of the future: the client has a CRL of when the
// clock was ahead, which is not newer than the present one.
func dropFutureDate(h http.Header, now time.Time) {
	if since, err := http.ParseTime(h.Get("If-Modified-Since")); err == nil && since.After(now) {
		h.Del("If-Modified-Since")
	}
}

// fail answers what went wrong without the details, which go to the log.
func (p *Handler) fail(w http.ResponseWriter, r *http.Request, err error) {
	switch {
	case ca.KindOf(err) == ca.NotFound:
		http.NotFound(w, r)
	default:
		p.log.Error("publication", "path", r.URL.Path, "err", err)
		if web.ErrorAway(w, err) {
			return
		}
		http.Error(w, "internal error: the server's log says more", http.StatusInternalServerError)
	}
}
