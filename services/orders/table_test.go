package orders

import (
	"strings"
	"testing"
)

// A table of orders is read whatever a spreadsheet calls its columns, and one that cannot be is
// refused with what is wrong.
func TestReadTable(t *testing.T) {
	for name, test := range map[string]struct {
		file string
		code Code
		want string // usages and structures
	}{
		"semicolons, French": {"Usage;Structure;Nom\nCPE;10B0057881;UN\n\nCPA;10B0057881;DEUX\n", "",
			"CPE 10B0057881, CPA 10B0057881"},
		"commas, English":        {"usage,structure\nAUTH_CLI,10B0057881\n", "", "AUTH_CLI 10B0057881"},
		"a title above":          {"Commandes de mars\nusage;structure\nCPE;1\n", "", "CPE 1"},
		"a byte order mark":      {"\ufeffUsage;Structure\nCPE;1\n", "", "CPE 1"},
		"no usage":               {"prénom;nom\na;b\n", CodeTable, ""},
		"a column of no meaning": {"usage;couleur\nCPE;rouge\n", CodeTable, ""},
		"nothing":                {"", CodeTable, ""},
		"bytes":                  {"\x00\x01\x02", CodeTable, ""},
		"too many":               {"usage\n" + strings.Repeat("CPE\n", MaxBatch+1), CodeBatch, ""},
	} {
		rows, err := ReadTable([]byte(test.file))
		var got []string
		for _, r := range rows {
			got = append(got, r.Request.Usage+" "+r.Request.Structure)
		}
		if CodeOf(err) != test.code || strings.Join(got, ", ") != test.want {
			t.Errorf("%s: %q, %v", name, got, err)
		}
	}
}

// FuzzReadTable reads whatever people hand in as a table of orders.
func FuzzReadTable(f *testing.F) {
	f.Add([]byte("Usage;Structure;Nom\nCPE;10B0057881;UN\n"))
	f.Add([]byte("usage,dns\nSSL_SERV,\"a.test, b.test\"\n"))
	f.Add([]byte("PK\x03\x04"))
	f.Fuzz(func(t *testing.T, data []byte) {
		rows, err := ReadTable(data)
		if err != nil && (CodeOf(err) == "" || rows != nil) {
			t.Errorf("%d rows and %v, which has no code", len(rows), err)
		}
		for _, r := range rows {
			if r.Number < 1 {
				t.Errorf("row %d", r.Number)
			}
		}
	})
}
