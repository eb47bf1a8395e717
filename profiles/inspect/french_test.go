package inspect

import (
	"testing"
	"time"

	"github.com/igc-lab/igc/profiles"
)

// What a reader of French is shown has no English word but names of standards, which stand in
// brackets or are what programs print.
func TestFrenchValues(t *testing.T) {
	at := time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)
	value := func(o Object, label string) Text {
		for _, f := range o.Facts() {
			if f.Label.FR == label {
				return f.Value
			}
		}
		return Text{}
	}
	ocsp := func(response, status, reason string) *OCSPResponse {
		return &OCSPResponse{Response: response, Status: status, Reason: reason}
	}
	list := &CRL{Entries: []Entry{{Serial: "01", At: at, Reason: reasonName(7)},
		{Serial: "02", At: at, Reason: reasonName(42)},
		{Serial: "03", At: at, Reason: reasonName(1)}, {Serial: "04", At: at}}}
	extension := func(name, text string) Text {
		return extensionFacts([]profiles.Extension{{Name: name, Text: text}})[0].Value
	}
	differences := (&Comparison{Lines: []string{"keyUsage: digitalSignature (critical) -> nonRepudiation (critical)",
		"privateKeyUsagePeriod: from 2026-01-01T00:00:00Z to 2027-01-01T00:00:00Z -> to 2028-01-01T00:00:00Z"}}).Words()
	for name, tc := range map[string]struct{ got, want Text }{
		"good":       {value(ocsp("successful", "good", ""), "état"), Text{"valide (good)", "good"}},
		"revoked":    {value(ocsp("successful", "revoked", ""), "état"), Text{"révoqué (revoked)", "revoked"}},
		"unknown":    {value(ocsp("successful", "unknown", ""), "état"), Text{"inconnu (unknown)", "unknown"}},
		"successful": {value(ocsp("successful", "good", ""), "réponse"), Text{"réussie (successful)", "successful"}},
		"refusal": {value(ocsp("unauthorized", "", ""), "réponse"), Text{"non autorisée (unauthorized)",
			"unauthorized"}},
		"wait": {value(ocsp("tryLater", "", ""), "réponse"),
			Text{"à redemander plus tard (tryLater)", "tryLater"}},
		"reason": {value(ocsp("successful", "revoked", "keyCompromise"), "motif"),
			Text{"keyCompromise", "keyCompromise"}},
		"odd reason":      {value(ocsp("successful", "revoked", reasonName(7)), "motif"), Text{"motif 7", "reason 7"}},
		"CRL, odd reason": {value(list, "01"), Text{"2026-11-22T12:00:00Z motif 7", "2026-11-22T12:00:00Z reason 7"}},
		"CRL, no such": {value(list, "02"), Text{"2026-11-22T12:00:00Z motif 42",
			"2026-11-22T12:00:00Z reason 42"}},
		"CRL, reason": {value(list, "03"),
			Text{"2026-11-22T12:00:00Z keyCompromise", "2026-11-22T12:00:00Z keyCompromise"}},
		"CRL, no reason": {value(list, "04"), Text{"2026-11-22T12:00:00Z", "2026-11-22T12:00:00Z"}},
		"period": {extension("privateKeyUsagePeriod", "from 2026-01-01T00:00:00Z to 2027-01-01T00:00:00Z"),
			Text{"du 2026-01-01T00:00:00Z au 2027-01-01T00:00:00Z",
				"from 2026-01-01T00:00:00Z to 2027-01-01T00:00:00Z"}},
		"end alone": {extension("privateKeyUsagePeriod", "to 2027-01-01T00:00:00Z"),
			Text{"jusqu'au 2027-01-01T00:00:00Z",
				"to 2027-01-01T00:00:00Z"}},
		"a name with to": {extension("subjectAltName", "DNS from to a"), Text{"DNS from to a", "DNS from to a"}},
		"difference": {differences[0], Text{"keyUsage: digitalSignature (critique) -> nonRepudiation (critique)",
			"keyUsage: digitalSignature (critical) -> nonRepudiation (critical)"}},
		"difference of periods": {differences[1], Text{
			"privateKeyUsagePeriod: du 2026-01-01T00:00:00Z au 2027-01-01T00:00:00Z -> jusqu'au 2028-01-01T00:00:00Z",
			"privateKeyUsagePeriod: from 2026-01-01T00:00:00Z to 2027-01-01T00:00:00Z -> to 2028-01-01T00:00:00Z"}},
	} {
		if tc.got != tc.want {
			t.Errorf("%s: %q, want %q", name, tc.got, tc.want)
		}
	}
}
