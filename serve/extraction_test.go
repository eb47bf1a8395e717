package serve

import (
	"archive/zip"
	"bytes"
	"context"
	"crypto/x509"
	"io"
	"log/slog"
	"net/http"
	"strconv"
	"strings"
	"testing"

	"github.com/go-ldap/ldap/v3"

	"github.com/igc-lab/igc/ca"
	"github.com/igc-lab/igc/internal/labtest"
	"github.com/igc-lab/igc/lab"
	"github.com/igc-lab/igc/services/annuaire/extraction"
)

// A loss is in the extraction of cards and gone from the directory at the next question. The
// extractions are served with a certificate of the lab, as the real ones are with one of the
// IGC-Santé.
func TestLossInExtractionAndDirectory(t *testing.T) {
	config := lab.DefaultConfig()
	config.Key = ca.P256
	first, err := strconv.Atoi(labtest.FreePorts(t))
	if err != nil {
		t.Fatal(err)
	}
	if err := InRow(&config, first); err != nil {
		t.Fatal(err)
	}
	l := labtest.NewEmptyLab(t, config)
	l.IssueCard(t, "alain", "authentication", "signature")
	ctx, stop := context.WithCancel(t.Context())
	started, ended := make(chan Started, 1), make(chan error, 1)
	go func() {
		ended <- Run(ctx, l.Lab, Options{Log: slog.New(slog.DiscardHandler), Now: l.Clock(),
			Started: func(s Started) { started <- s }})
	}()
	urls := map[string]string{}
	select {
	case s := <-started:
		for _, e := range s.Endpoints {
			urls[e.Name] = strings.TrimSuffix(e.URL, "/")
		}
	case err := <-ended:
		t.Fatal(err)
	}
	defer func() {
		stop()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	}()

	transport := labTransport(l.Lab, func() (*x509.CertPool, error) { return x509.NewCertPool(), nil })
	defer transport.CloseIdleConnections()
	row := func() string {
		t.Helper()
		answer, err := (&http.Client{Transport: transport}).Get(urls["desk"] + extraction.Path + "Porteurs_CPS_CPF")
		if err != nil {
			t.Fatal(err)
		}
		defer answer.Body.Close()
		body, err := io.ReadAll(answer.Body)
		if err != nil {
			t.Fatal(err)
		}
		archive, err := zip.NewReader(bytes.NewReader(body), int64(len(body)))
		if err != nil || len(archive.File) != 1 {
			t.Fatalf("status %d, %v: %q", answer.StatusCode, err, body)
		}
		file, err := archive.File[0].Open()
		if err != nil {
			t.Fatal(err)
		}
		text, err := io.ReadAll(file)
		if err != nil {
			t.Fatal(err)
		}
		_, rows, _ := strings.Cut(string(text), "\n")
		return rows
	}
	conn, err := ldap.DialURL(urls["directory"])
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	entries := func() int {
		t.Helper()
		found, err := conn.Search(ldap.NewSearchRequest("o=gip-cps,c=fr", ldap.ScopeWholeSubtree, 0, 0, 0, false,
			"(uid=899700209812)", nil, nil))
		if err != nil {
			t.Fatal(err)
		}
		return len(found.Entries)
	}

	number := l.Cards[0].Holder.CardNumber
	if got := row(); !strings.HasSuffix(got, number+"|899700209812|22/11/2026|22/11/2029||22/11/2026|\n") {
		t.Errorf("before: %q", got)
	}
	if n := entries(); n != 1 {
		t.Errorf("before: %d entries", n)
	}
	l.Change(t, ca.StatusChange{Card: number, Reason: "keyCompromise"})
	if got := row(); !strings.HasSuffix(got, number+"|899700209812|22/11/2026|22/11/2029|22/11/2026|22/11/2026|\n") {
		t.Errorf("after: %q", got)
	}
	if n := entries(); n != 0 {
		t.Errorf("after: %d entries", n)
	}
}
