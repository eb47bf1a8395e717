package ejbca

import (
	_ "embed"
	"strings"

	"github.com/igc-lab/igc/internal/yamlfile"
	"github.com/igc-lab/igc/services/orders"
)

//go:embed profiles.yaml
var profilesFile []byte

// profile is a row of the table.
type profile struct {
	Profile string `yaml:"profile"`
	Usage   string `yaml:"usage"`
}

var table = func() (rows []profile) {
	if err := yamlfile.Decode(profilesFile, &rows); err != nil {
		panic(err) // it is embedded
	}
	return rows
}()

// findProfile finds what a certificate profile stands for.
func findProfile(name string) (*orders.Offer, *orders.Usage, bool) {
	for _, row := range table {
		if strings.EqualFold(row.Profile, name) {
			name = row.Usage
		}
	}
	offer, usage, err := orders.FindOffer("", name)
	return offer, usage, err == nil
}

// emptyProfile is the end entity profile that every EJBCA has, and that asks for nothing.
const emptyProfile = "EMPTY"
