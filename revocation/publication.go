package revocation

import (
	"log/slog"
	"net/http"

	"github.com/igc-lab/igc/lab"
	"github.com/igc-lab/igc/revocation/crl"
	"github.com/igc-lab/igc/revocation/ocsp"
	"github.com/igc-lab/igc/revocation/publication"
)

// Publication is the publication point of a lab, with /healthz (what is wrong),
// /healthz/live, /healthz/ready (for load balancers) and /metrics beside.
type Publication struct {
	*publication.Handler
	health *Health
}

// NewPublication makes the handler of a lab that this process has locked.
func NewPublication(lab *lab.Lab, crls *crl.Issuer, responder *ocsp.Responder, log *slog.Logger) *Publication {
	p := &Publication{publication.New(lab, crls, responder, log), NewHealth(lab, crls, responder)}
	p.Handle("GET /healthz", p.health)
	p.Handle("GET /healthz/live", http.HandlerFunc(live))
	p.Handle("GET /healthz/ready", http.HandlerFunc(p.health.ready))
	p.Handle("GET /metrics", newMetrics(p.health))
	return p
}

// Health is what /healthz tells.
func (p *Publication) Health() *Health { return p.health }
