package pages

import (
	"io"
	"net/http"

	"github.com/igc-lab/igc/access"
	"github.com/igc-lab/igc/internal/i18n"
	"github.com/igc-lab/igc/services/orders"
)

// fault is a line of a file that cannot be ordered.
type fault struct {
	Line int
	Text i18n.Text
	Code string
}

// batchForm is the form for a file of orders.
func (p *Pages) batchForm(w http.ResponseWriter, r *http.Request, caller *access.Caller) error {
	return p.showBatch(w, r, caller, http.StatusOK, nil, nil, nil)
}

func (p *Pages) showBatch(w http.ResponseWriter, r *http.Request, caller *access.Caller, status int,
	placed []*orders.Order,
	faults []fault, wrong error) error {
	data := struct {
		view
		Placed []*orders.Order
		Faults []fault
		Wrong  *i18n.Text
		Code   string
		Max    int
	}{view: p.view(r, caller, i18n.Text{FR: "Commander par fichier", EN: "Order by file"}), Placed: placed,
		Faults: faults,
		Max:    orders.MaxBatch}
	if wrong != nil {
		text := i18n.TextOf(wrong)
		data.Wrong = &text
		_, data.Code = statusOf(wrong)
	}
	p.pages.Render(w, status, "batch.html", data.Lang, data)
	return nil
}

// batch orders what a file lists: all of it, or nothing and a table of what is wrong with which
// line.
func (p *Pages) batch(w http.ResponseWriter, r *http.Request, caller *access.Caller) error {
	file, _, err := r.FormFile("fichier")
	if err != nil {
		return p.showBatch(w, r, caller, http.StatusUnprocessableEntity, nil, nil, errNoFile)
	}
	defer file.Close()
	data, err := io.ReadAll(file)
	if err != nil {
		return err
	}
	rows, err := orders.ReadTable(data)
	if err != nil {
		return p.showBatch(w, r, caller, http.StatusUnprocessableEntity, nil, nil, err)
	}
	requests := make([]orders.Request, len(rows))
	for i, row := range rows {
		requests[i] = row.Request
	}
	placed, wrong, err := p.Desk.PlaceAll(r.Context(), caller, requests, nil)
	if wrong != nil {
		var faults []fault
		for _, one := range wrong {
			_, code := statusOf(one.Err)
			faults = append(faults, fault{rows[one.Row].Number, i18n.TextOf(one.Err), code})
		}
		return p.showBatch(w, r, caller, http.StatusUnprocessableEntity, nil, faults, nil)
	}
	if err != nil {
		return err
	}
	return p.showBatch(w, r, caller, http.StatusOK, placed, nil, nil)
}

var errNoFile = i18n.NewError("ORDER-TABLE", i18n.Text{FR: "choisissez un fichier : CSV, XLSX ou ODS",
	EN: "choose a file: CSV, XLSX or ODS"})
