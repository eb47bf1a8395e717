package console

import (
	"cmp"
	"net/http"
	"slices"

	"github.com/igc-lab/igc/internal/i18n"
	"github.com/igc-lab/igc/services/ecps"
)

// maxPhones is how many e-CPS the page shows: those activated last.
const maxPhones = 100

// phoneRow is an e-CPS in the list.
type phoneRow struct {
	ecps.Device
	State   state
	Pending int    // requests
	Link    string // to the phone; empty for one that was deleted
}

// phonesPage lists the e-CPS.
func (c *Console) phonesPage(w http.ResponseWriter, r *http.Request) error {
	devices, err := c.Phones.Devices(r.Context())
	if err != nil {
		return err
	}
	pending, err := c.Phones.Pending(r.Context())
	if err != nil {
		return err
	}
	slices.SortStableFunc(devices, func(a, b ecps.Device) int {
		return cmp.Compare(b.Activated.Unix(),
			a.Activated.Unix())
	})
	data := struct {
		view
		Phones []phoneRow
		More   int
	}{view: c.view(w, r, i18n.Same("e-CPS")), More: max(0, len(devices)-maxPhones)}
	for _, d := range devices[:min(len(devices), maxPhones)] {
		row := phoneRow{Device: d}
		row.State.Class, row.State.Text = d.State.Text()
		for _, request := range pending {
			if request.Device == d.ID {
				row.Pending++
			}
		}
		if d.State != ecps.DeviceDeleted {
			row.Link = data.To(c.Paths.Phones + "appareil/" + d.ID)
		}
		data.Phones = append(data.Phones, row)
	}
	c.pages.Render(w, http.StatusOK, "phones.html", data.Lang, data)
	return nil
}
