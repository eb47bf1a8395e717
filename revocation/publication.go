package revocation

import (
	"bytes"
	"encoding/asn1"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"strings"
	"time"

	"golang.org/x/crypto/cryptobyte"
	cbasn1 "golang.org/x/crypto/cryptobyte/asn1"

	"github.com/igc-lab/igc/ca"
	"github.com/igc-lab/igc/internal/web"
	"github.com/igc-lab/igc/profiles"
)

// Publication serves over HTTP what the certificates of a lab name: CRLs, authorities' certificates, their chain, the
// policy and OCSP, on the paths of the real IGC-Santé (reference §1.3).
type Publication struct {
	lab       *ca.Lab
	lists     *Lists
	responder *Responder
	log       *slog.Logger
	mux       *http.ServeMux
	health    *Health
}

// NewPublication makes the handler.
func NewPublication(lab *ca.Lab, lists *Lists, responder *Responder, log *slog.Logger) *Publication {
	p := &Publication{lab: lab, lists: lists, responder: responder, log: log, mux: http.NewServeMux()}
	p.mux.HandleFunc("GET /CRL/{file}", p.crl)
	p.mux.HandleFunc("GET /AC TEST/{file}", p.certificate)
	p.mux.HandleFunc("GET "+profiles.ChainPath, p.chain)
	p.mux.HandleFunc("GET "+profiles.PolicyPath, p.policy)
	p.health = NewHealth(lab, lists, responder)
	p.mux.Handle("GET /healthz", p.health)
	p.mux.Handle("GET /metrics", newMetrics(p.health))
	p.mux.HandleFunc("POST /ocsp", p.ocspPost)
	p.mux.HandleFunc("POST /{$}", p.ocspPost) // the real responder's address has no path
	return p
}

// Health is what the publication's /healthz tells.
func (p *Publication) Health() *Health { return p.health }

var nosniff = []string{"nosniff"}

// ServeHTTP implements [http.Handler].
func (p *Publication) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	w.Header()["X-Content-Type-Options"] = nosniff
	ctx, cancel := web.Detach(r.Context())
	defer cancel()
	r = r.WithContext(ctx)
	if r.Method == http.MethodGet || r.Method == http.MethodHead {
		if encoded, ok := ocspPath(r.URL.Path); ok {
			p.ocspGet(w, r, encoded)
			return
		}
	}
	p.mux.ServeHTTP(w, r)
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
func (p *Publication) crl(w http.ResponseWriter, r *http.Request) {
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
	dropFutureDate(r.Header, p.lists.now())
	h := w.Header()
	h.Set("Content-Type", "application/pkix-crl")
	h.Set("ETag", fmt.Sprintf(`"%s-%d"`, strings.TrimSuffix(r.PathValue("file"), ".crl"), crl.Number))
	p.cache(h, crl.NextUpdate)
	http.ServeContent(w, r, "", crl.ThisUpdate, crl.Reader())
}

// cache tells HTTP caches how long a list holds, or to ask each time: most often the answer is then 304.
func (p *Publication) cache(h http.Header, nextUpdate time.Time) {
	if p.lab.Config.CRL.Cache == ca.Revalidate {
		h.Set("Cache-Control", "no-cache")
		return
	}
	left := max(0, nextUpdate.Sub(p.lists.now()))
	h.Set("Cache-Control", fmt.Sprintf("public, max-age=%d, must-revalidate", int(left.Seconds())))
	h.Set("Expires", nextUpdate.UTC().Format(http.TimeFormat))
}

func (p *Publication) certificate(w http.ResponseWriter, r *http.Request) {
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
	w.Header().Set("Content-Type", "application/pkix-cert")
	http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(issuer.Certificate.Raw))
}

func (p *Publication) chain(w http.ResponseWriter, r *http.Request) {
	authorities, err := p.lab.Authorities(r.Context())
	if err != nil {
		p.fail(w, r, err)
		return
	}
	der, err := certificatesOnly(authorities)
	if err != nil {
		p.fail(w, r, err)
		return
	}
	w.Header().Set("Content-Type", "application/x-pkcs7-certificates")
	http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(der))
}

// certificatesOnly makes a PKCS#7 of the certificates alone: a SignedData that signs nothing (RFC 5652 §5.1).
func certificatesOnly(authorities []ca.AuthorityInfo) ([]byte, error) {
	var b cryptobyte.Builder
	b.AddASN1(cbasn1.SEQUENCE, func(b *cryptobyte.Builder) {
		b.AddASN1ObjectIdentifier(asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 7, 2}) // signedData
		b.AddASN1(explicit(0), func(b *cryptobyte.Builder) {
			b.AddASN1(cbasn1.SEQUENCE, func(b *cryptobyte.Builder) {
				b.AddASN1Int64(1)
				b.AddASN1(cbasn1.SET, func(*cryptobyte.Builder) {})
				b.AddASN1(cbasn1.SEQUENCE, func(b *cryptobyte.Builder) {
					b.AddASN1ObjectIdentifier(asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 7, 1}) // data
				})
				b.AddASN1(explicit(0), func(b *cryptobyte.Builder) {
					for _, a := range authorities {
						b.AddBytes(a.DER)
					}
				})
				b.AddASN1(cbasn1.SET, func(*cryptobyte.Builder) {})
			})
		})
	})
	return b.Bytes()
}

func (p *Publication) policy(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	io.WriteString(w, policyText)
}

const policyText = "Autorités de TEST d'un laboratoire local. Elles ne certifient personne : aucune politique ne s'applique.\n" +
	"TEST authorities of a local lab. They certify nobody: no policy applies.\n"

// fail answers what went wrong without the details, which go to the log.
func (p *Publication) fail(w http.ResponseWriter, r *http.Request, err error) {
	switch {
	case ca.KindOf(err) == ca.NotFound:
		http.NotFound(w, r)
	default:
		p.log.Error("publication", "path", r.URL.Path, "err", err)
		http.Error(w, "internal error: the server's log says more", http.StatusInternalServerError)
	}
}
