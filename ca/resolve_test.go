package ca_test

import (
	"strings"
	"testing"

	"github.com/igc-lab/igc/ca"
	"github.com/igc-lab/igc/internal/cardtest"
	"github.com/igc-lab/igc/profiles"
)

// Every way of naming a card, a certificate or a holder leads to it, and what may mean several
// lists them.
func TestResolve(t *testing.T) {
	lab := cardtest.New(t)
	issue := func(product, number string, h profiles.Holder) *ca.CardFile {
		h.CardNumber = number
		order := ca.CardOrder{IssueRequest: ca.IssueRequest{Product: product, Holder: h}, Key: ca.P256, PIN: "1234"}
		card, _, err := ca.MakeCard(t.Context(), lab.Client, lab.Home, order)
		if err != nil {
			t.Fatal(err)
		}
		return card
	}
	alain := profiles.Holder{GivenName: "ALAIN", Surname: "DODO0020981", IdNat: "899700209812", Profession: "10"}
	helene := profiles.Holder{GivenName: "HÉLÈNE", Surname: "DE TEST", IdNat: "899700075064", Profession: "50"}
	first := issue("cps", "2800000001", alain)
	issue("cps", "2900000002", helene)
	helene.Email = "helene@exemple.fr"
	software := issue("ps-logiciel", "", helene).Certificates[0].Serial
	alains := issue("cps", "2900000003", alain)
	aut := first.Certificates[0].Serial

	for what, want := range map[string]string{
		"2800000001": "2800000001", "28 0000 0001": "2800000001", "28": "2800000001", "280": "2800000001",
		"last": "2900000003", "dernière": "2900000003", "Dernier": "2900000003", "LATEST": "2900000003",
		aut: aut, strings.ToLower(aut): aut, aut[:30]: aut, aut[26:]: aut, aut[20:]: aut, aut[16:26]: aut,
		aut[16:22]: aut,
		software:   software, software[16:26]: software,
		"29": "2 cards begin with 29: 2900000002 HÉLÈNE DE TEST, 2900000003 ALAIN DODO0020981",
		"2":  "3 cards begin with 2: ", "alain": "2 cards or certificates have a holder alain",
		"99700209812": "2 cards or certificates have", "899700209812": "2 cards or certificates have",
		"63DAFFCF": "several certificates begin or end", "helene": "3 cards or certificates have a holder helene",
		"nobody": "not a serial number, nor the name of a card or holder", "al": "not a serial number",
		"DEADBEEF": "no certificate has the serial number", "lain": "not a serial number", "": "not a serial number",
		"9970020981": "no certificate has the serial number", // a part of an identifier
	} {
		found, err := ca.Resolve(t.Context(), lab.Client, what)
		got := found.Card
		switch {
		case err != nil:
			got = err.Error()
		case got == "":
			got = found.Records[0].Serial
		}
		if !strings.HasPrefix(got, want) && !strings.Contains(got, want) {
			t.Errorf("%q: %s, want %s", what, got, want)
		}
		if found.Card != "" && len(found.Records) != 2 {
			t.Errorf("%q: %d certificates", what, len(found.Records))
		}
	}
	found, err := ca.Resolve(t.Context(), lab.Client, "dodo00")
	if err == nil || !strings.Contains(err.Error(), alains.CardNumber) {
		t.Errorf("the beginning of a surname: %+v, %v", found, err)
	}
}
