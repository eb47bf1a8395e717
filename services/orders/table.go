package orders

import (
	"slices"
	"strings"

	"github.com/igc-lab/igc/batch/sheet"
	"github.com/igc-lab/igc/internal/i18n"
)

// Row is a row of a table of orders.
type Row struct {
	Number  int // as a spreadsheet shows it
	Request Request
}

// columns are the columns of a table of orders: their names in folded form, and what they fill.
var columns = []struct {
	names []string
	set   func(*Request, string)
}{
	{[]string{"offer", "offre"}, func(r *Request, v string) { r.Offer = v }},
	{[]string{"usage", "produit", "product", "carte", "card"}, func(r *Request, v string) { r.Usage = v }},
	{[]string{"structure", "identifiant-structure", "id-structure", "struct-idnat", "finess", "siret"},
		func(r *Request, v string) { r.Structure = v }},
	{[]string{"organisation", "raison-sociale"}, func(r *Request, v string) { r.Organisation = v }},
	{[]string{"department", "departement", "département"}, func(r *Request, v string) { r.Department = v }},
	{[]string{"service", "service-applicatif", "fqdn", "serveur"}, func(r *Request, v string) { r.Service = v }},
	{[]string{"dns", "dns-names", "noms-dns"}, func(r *Request, v string) { r.DNSNames = list(v) }},
	{[]string{"email", "e-mail", "mail", "courriel"}, func(r *Request, v string) { r.Email = v }},
	{[]string{"given-name", "prenom", "prénom"}, func(r *Request, v string) { r.GivenName = v }},
	{[]string{"surname", "nom", "family-name"}, func(r *Request, v string) { r.Surname = v }},
	{[]string{"id-nat", "idnat", "identifiant", "identifiant-national", "ps-idnat", "rpps"},
		func(r *Request, v string) { r.IdNat = v }},
	{[]string{"profession"}, func(r *Request, v string) { r.Profession = v }},
	{[]string{"specialities", "specialites", "spécialités"}, func(r *Request, v string) { r.Specialities = list(v) }},
	{[]string{"password", "mot-de-passe"}, func(r *Request, v string) { r.Password = v }},
	{[]string{"contact", "contact-mail"}, func(r *Request, v string) { r.Contact = v }},
}

// list is what a cell lists.
func list(v string) []string {
	return strings.FieldsFunc(v, func(c rune) bool { return c == ',' || c == ';' || c == ' ' || c == '\n' })
}

func columnOf(header string) int {
	folded := sheet.FoldHeader(header)
	for i, c := range columns {
		if slices.Contains(c.names, folded) {
			return i
		}
	}
	return -1
}

// ReadTable reads the orders of a file: CSV, XLSX or ODS, a row each, under a line of column names,
// of which the usage is one.
func ReadTable(data []byte) ([]Row, error) {
	text, archive, err := sheet.Text(data)
	if err != nil {
		return nil, fail(CodeTable, i18n.TextOf(err))
	}
	var sheets []sheet.Sheet
	if archive {
		sheets, err = sheet.ParseArchive(data)
	} else {
		sheets = make([]sheet.Sheet, 1)
		sheets[0], err = sheet.ParseCSV(text, func(cells []string) (known int) {
			for _, cell := range cells {
				if columnOf(cell) >= 0 {
					known++
				}
			}
			return known
		})
	}
	if err != nil {
		return nil, fail(CodeTable, i18n.TextOf(err))
	}
	for _, s := range sheets {
		if rows, ok, err := readSheet(s); ok || err != nil {
			return rows, err
		}
	}
	return nil, fail(CodeTable, i18n.Text{FR: "aucune ligne n'a de colonne « usage »",
		EN: "no line has a column \"usage\""})
}

// readSheet reads a sheet; ok is false when it has no line of column names.
func readSheet(s sheet.Sheet) (rows []Row, ok bool, err error) {
	const usage = 1 // of columns
	places := map[int]int{}
	for _, r := range s.Rows {
		if !ok {
			clear(places)
			for _, cell := range r.Cells {
				if i := columnOf(cell.Text); i >= 0 {
					places[cell.Column] = i
					ok = ok || i == usage
				}
			}
			if !ok {
				continue
			}
			for _, cell := range r.Cells {
				if columnOf(cell.Text) < 0 {
					return nil, false, fail(CodeTable, i18n.Text{FR: "colonne inconnue %q", EN: "unknown column %q"}.
						Format(cell.Text))
				}
			}
			continue
		}
		row := Row{Number: r.Number}
		for _, cell := range r.Cells {
			if i, known := places[cell.Column]; known {
				columns[i].set(&row.Request, cell.Text)
			}
		}
		rows = append(rows, row)
		if len(rows) > MaxBatch {
			return nil, false, fail(CodeBatch, len(rows), MaxBatch)
		}
	}
	return rows, ok, nil
}
