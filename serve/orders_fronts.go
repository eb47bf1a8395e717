package serve

import (
	"log/slog"
	"net/http"

	"github.com/igc-lab/igc/access"
	"github.com/igc-lab/igc/services/orders"
	"github.com/igc-lab/igc/services/orders/ejbca"
	"github.com/igc-lab/igc/services/orders/est"
)

// mountFronts puts the standard fronts of the ordering platform into a mux: EST, and
// EJBCA's REST API. Whoever comes to them is found by the gate.
func mountFronts(mux *http.ServeMux, desk *orders.Desk, gate *access.Gate, log *slog.Logger) {
	mux.Handle(est.Path, est.New(est.Options{Desk: desk, Caller: gate.Caller, Limit: gate.Limit, Log: log}))
	mux.Handle(ejbca.Path, ejbca.New(ejbca.Options{Desk: desk, Caller: gate.Caller, Log: log}))
}
