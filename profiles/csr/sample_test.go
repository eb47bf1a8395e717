package csr

import (
	"flag"
	"os"
	"testing"
)

var update = flag.Bool("update", false, "write testdata/certreq.req")

// The sample of a request of certreq, which other packages' tests take too, is read.
func TestCertreqSample(t *testing.T) {
	const file = "testdata/certreq.req"
	if *update {
		if err := os.WriteFile(file, certreq(t), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	requests, err := Read(data)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := requests[0].Check(); err != nil {
		t.Error(err)
	}
}
