package profiles_test

import (
	"crypto/x509"
	"encoding/hex"
	"flag"
	"fmt"
	"math/big"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/igc-lab/igc/fixtures"
	"github.com/igc-lab/igc/profiles"
)

var update = flag.Bool("update", false, "write the golden files anew")

// A public key that never changes: P-256's base point.
const goldenKey = "3059301306072a8648ce3d020106082a8648ce3d030107034200046b17d1f2e12c4247f8bce6e563a440f277037d812deb33a0f4a13945d898c296" +
	"4fe342e2fe1a7f9b8ee7eb4a7c0f9e162bce33576b315ececbb6406837bf51f5"

// Every certificate of every product, to the byte: what a change to the table changes is seen in
// these files.
func TestGolden(t *testing.T) {
	der, err := hex.DecodeString(goldenKey)
	if err != nil {
		t.Fatal(err)
	}
	key, err := x509.ParsePKIXPublicKey(der)
	if err != nil {
		t.Fatal(err)
	}
	for _, product := range profiles.Products() {
		issuer, err := product.IssuingAuthority()
		if err != nil {
			t.Fatal(err)
		}
		holder := fixtures.Random(product, "", rand.New(rand.NewPCG(1, 2)))
		if product.CardType != "" {
			holder.CardNumber = "2800000001"
		}
		for _, profile := range product.Certificates {
			for _, generation := range []profiles.Generation{profiles.Gen2016, profiles.Gen2023} {
				name := fmt.Sprintf("%s-%s-%s", product.ID, profile.Role, generation)
				t.Run(name, func(t *testing.T) {
					c, err := profiles.Build(profiles.Request{Profile: profile, Holder: holder, Issuer: issuer, Generation: generation, URLs: profiles.RealURLs,
						NotBefore: time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC), Serial: big.NewInt(1), PublicKey: key, AuthorityKeyID: make([]byte, 20)})
					if err != nil {
						t.Fatal(err)
					}
					subject, err := profiles.ParseName(c.RawSubject)
					if err != nil {
						t.Fatal(err)
					}
					var b strings.Builder
					fmt.Fprintf(&b, "%s, %s\nissuer  %s\nsubject %s\n        %x\nuntil   %s\n", profile.ID(), profile.StatusIn(generation), issuer, subject, c.RawSubject, c.NotAfter.Format(time.RFC3339))
					for _, e := range c.ExtraExtensions {
						critical := ""
						if e.Critical {
							critical = " critical"
						}
						fmt.Fprintf(&b, "%s%s\n        %x\n", e.Id, critical, e.Value)
					}
					file := filepath.Join("testdata", "golden", name+".txt")
					if *update {
						if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
							t.Fatal(err)
						}
						if err := os.WriteFile(file, []byte(b.String()), 0o644); err != nil {
							t.Fatal(err)
						}
					}
					want, err := os.ReadFile(file)
					if err != nil {
						t.Fatalf("%v: go test ./profiles -run Golden -update writes it", err)
					}
					if b.String() != string(want) {
						t.Errorf("%s:\n%s\nwant\n%s", file, b.String(), want)
					}
				})
			}
		}
	}
}
