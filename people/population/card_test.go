package population_test

import (
	"testing"

	"github.com/igc-lab/igc/ca"
	"github.com/igc-lab/igc/people/population"
	"github.com/igc-lab/igc/profiles"
)

// Everybody who is active can have a card: a CPS, or a CPF in training.
func TestCards(t *testing.T) {
	p := population.New(7, tested, at)
	products := map[string]int{}
	for place := range tested {
		one := p.Person(place)
		if one.RefPro == nil {
			continue
		}
		e := one.RefPro.Exercices[0]
		r := ca.IssueRequest{Product: "cps", Holder: profiles.Holder{GivenName: one.GivenName, Surname: one.FamilyName,
			IdNat: one.ID, Profession: e.CodeProfession}}
		if e.CodeCategorie == "E" {
			r.Product = "cpf"
		}
		if e.CodeSavoirFaire != "" {
			r.Holder.Specialities = []string{e.CodeSavoirFaire}
		}
		if _, err := r.Check(); err != nil {
			t.Errorf("%v: %v", one, err)
		}
		products[r.Product]++
	}
	if products["cpf"] == 0 {
		t.Error("no CPF")
	}
}
