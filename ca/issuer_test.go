package ca

import (
	"slices"
	"testing"

	casapi "github.com/smallstep/certificates/cas/apiv1"

	"github.com/igc-lab/igc/profiles"
)

// An authority cannot be used around its records: it makes no CRL, authority or signer for whoever
// asks, and signs nothing but its own CRLs beside certificates.
func TestIssuerShowsNoKey(t *testing.T) {
	lab := newCA(t, Options{})
	issued, err := lab.Issue(t.Context(), cps(t))
	if err != nil {
		t.Fatal(err)
	}
	issuer, err := lab.Issuer(t.Context(), aciFort)
	if err != nil {
		t.Fatal(err)
	}
	var service any = issuer
	if _, ok := service.(casapi.CertificateAuthorityService); !ok {
		t.Error("it is not smallstep's service")
	}
	for name, ok := range map[string]bool{
		"CRL generator": is[casapi.CertificateAuthorityCRLGenerator](service),
		"signer":        is[casapi.CertificateAuthoritySigner](service),
		"creator":       is[casapi.CertificateAuthorityCreator](service),
	} {
		if ok {
			t.Errorf("it is a %s", name)
		}
	}
	leaf, err := issued.Records[0].Certificate()
	if err != nil {
		t.Fatal(err)
	}
	root, err := lab.Issuer(t.Context(), profiles.Authority(aciFort).Root())
	if err != nil {
		t.Fatal(err)
	}
	for name, tbs := range map[string][]byte{
		"TBSCertificate": leaf.RawTBSCertificate,
		"nothing":        {},
		"text":           []byte("sign me"),
		"a CRL of its root": append([]byte{0x30, 0x7f, 0x02, 0x01, 0x01, 0x30, 0x00},
			root.Certificate.RawSubject...),
	} {
		if _, err := issuer.SignCRL(slices.Values([][]byte{tbs})); err == nil {
			t.Errorf("it signed %s", name)
		}
	}
}

func is[T any](v any) bool {
	_, ok := v.(T)
	return ok
}
