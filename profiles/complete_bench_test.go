package profiles

import "testing"

// What it costs to check a holder against a product: a request is checked some eight times on its
// way, at each place that must not rely on another.
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
