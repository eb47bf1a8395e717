package cli

import (
	"github.com/igc-lab/igc/ca"
	"github.com/igc-lab/igc/profiles"
)

// refuseReal refuses a holder whose number may be a real person's, wherever the number came from:
// flags, a row of a batch, a certificate to follow, a request.
func refuseReal(c values, h profiles.Holder) error {
	if c.Bool("allow-real-id") || !profiles.MayBeReal(h.IdNat) {
		return nil
	}
	return ca.Invalidate(errorf("le numéro RPPS %s est hors des plages de test (997…, 999…) : ce peut être "+
		"celui d'une vraie personne ; --random en tire un, --allow-real-id accepte celui-ci",
		"RPPS number %s is outside the test ranges (997…, 999…): it may be a real person's; --random draws one, "+
			"--allow-real-id accepts this one", h.IdNat[1:]))
}
