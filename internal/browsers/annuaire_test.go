package browsers

import (
	"crypto/tls"
	"crypto/x509"
	"io"
	"net/http"
	"os"
	"strings"
	"testing"

	"github.com/chromedp/chromedp"

	"github.com/igc-lab/igc/internal/labtest"
	"github.com/igc-lab/igc/internal/peer"
)

// TestAnnuaire looks at the last calls of the Annuaire's API: none, then some that were odd.
func TestAnnuaire(t *testing.T) {
	for _, program := range []string{"chromium", "certutil"} {
		peer.Need(t, program)
	}
	axe := axeCore(t)
	l := labtest.New(t, "--key", "p256")
	lab := openSite(t, l)
	v := newVisitor(t, lab.root)
	desk := lab.urls["desk"]
	do(v, chromedp.Navigate(desk+"annuaire/"))
	v.sees(map[string]string{"h1": "^Derniers appels de l", "main": "Aucun appel encore"})
	v.accessible(axe)
	root, err := os.ReadFile(lab.root)
	if err != nil {
		t.Fatal(err)
	}
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(root)
	client := &http.Client{Timeout: labtest.Patience,
		Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots}}}
	for _, query := range []string{"Practitioner?name=LAB&_count=500", "Practitioner?colour=%3Cb%3Eblue%3C/b%3E",
		"Patient", "Organization?_lastUpdated=ge2020", "PractitionerRole?active=true"} {
		answer, err := client.Get(desk + "fhir/v2/" + query)
		if err != nil {
			t.Fatal(err)
		}
		answer.Body.Close()
	}
	labtest.Until(t, "the last call is noted", func() bool { // a call is noted after its answer
		answer, err := client.Get(desk + "annuaire/appels.json?after=4")
		if err != nil {
			t.Fatal(err)
		}
		defer answer.Body.Close()
		body, err := io.ReadAll(answer.Body)
		return err == nil && strings.Contains(string(body), "PractitionerRole")
	})
	do(v, chromedp.Navigate(desk+"annuaire/appels"))
	v.sees(map[string]string{"li.bad": "ANN-PARAMETER-UNKNOWN|ANN-RESOURCE-UNKNOWN", "li.note": "ANN-COUNT|ANN-RECENT",
		"li.good": "PractitionerRole 200"})
	v.photograph("70-annuaire-calls", desktop, phone, dark)
	v.accessible(axe)
	do(v, chromedp.Navigate(desk+"annuaire/codes?lang=en"))
	v.sees(map[string]string{"html[lang=en] h1": "^What the API notes$", "#ANN-COUNT": "ANN-COUNT"})
	v.photograph("71-annuaire-codes-en", desktop, phone)
	v.accessible(axe)
}
