package ca

import (
	"crypto/x509"
	"testing"

	"github.com/igc-lab/igc/ca/keys"
	"github.com/igc-lab/igc/profiles"
)

// A named request is carried out once, and whoever was interrupted learns what it was given.
func TestOnce(t *testing.T) {
	c := newCA(t, Options{})
	c.lock(t)
	key, err := keys.P256.Generate()
	if err != nil {
		t.Fatal(err)
	}
	public, err := x509.MarshalPKIXPublicKey(key.Public())
	if err != nil {
		t.Fatal(err)
	}
	request := IssueRequest{Product: "auth-cli", Once: "orders/CMD-1/1",
		PublicKeys: map[string][]byte{"client": public},
		Holder: profiles.Holder{Department: "Paris (75)", Organisation: "HOPITAL TEST", Structure: "1750712184",
			Service: "DMP"}}
	if before, err := IssuedOnce(t.Context(), c, request.Once); err != nil || before != nil {
		t.Fatalf("before: %v, %v", before, err)
	}
	issued, err := c.Issue(t.Context(), request)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := c.Issue(t.Context(), request); KindOf(err) != Conflict {
		t.Errorf("a second time: %v", err)
	}
	found, err := IssuedOnce(t.Context(), c, request.Once)
	if err != nil || len(found) != 1 || found[0].Serial != issued.Records[0].Serial {
		t.Errorf("%v, %v", found, err)
	}
	if all, err := c.List(t.Context(), Filter{EndEntities: true}); err != nil || len(all) != 1 {
		t.Errorf("%d certificates, %v", len(all), err)
	}
}
