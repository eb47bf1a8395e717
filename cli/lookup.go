package cli

import (
	"slices"

	"github.com/igc-lab/igc/ca"
	"github.com/igc-lab/igc/profiles"
)

// lookUp replaces what stands for an entry of a table by it: departments, professions,
// specialities; and takes the spaces out of a card number.
func lookUp(c values, h *profiles.Holder) (err error) {
	if c.IsSet("department") {
		if h.Department, err = profiles.FindDepartment(h.Department); err != nil {
			return ca.Invalidate(err)
		}
	}
	if c.IsSet("profession") && h.Profession != "" {
		h.Profession = profiles.FindCode("G15", h.Profession)
	}
	if c.IsSet("speciality") {
		h.Specialities = slices.Clone(c.StringSlice("speciality"))
		for i, s := range h.Specialities {
			h.Specialities[i] = profiles.FindCode("R01", s)
		}
	}
	h.CardNumber = profiles.NormalizeNumber(h.CardNumber)
	return nil
}

func normalized(id string) (string, error) { return profiles.NormalizeIdNat(id), nil }
