package profiles

import "testing"

// What holding a holder to a product costs: a request is held to it about eight times on its way, at
// each place that must not rely on another.
func BenchmarkComplete(b *testing.B) {
	product, err := FindProduct("cps")
	if err != nil {
		b.Fatal(err)
	}
	holder := Holder{GivenName: "ALAIN", Surname: "DODO0020981", IdNat: "899700209812", Profession: "10", CardNumber: "2123456789"}
	b.ReportAllocs()
	for b.Loop() {
		if _, err := product.Complete(holder); err != nil {
			b.Fatal(err)
		}
	}
}
