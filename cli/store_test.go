package cli

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"golang.org/x/crypto/ocsp"

	"github.com/igc-lab/igc/ca"
	"github.com/igc-lab/igc/internal/labtest"
	"github.com/igc-lab/igc/internal/postgrestest"
)

// newNode makes the home of another machine of a lab in a database, on ports of its own: settings
// and passphrase, no keys.
func newNode(t testing.TB, l *labtest.Lab) *labtest.Lab {
	t.Helper()
	node := &labtest.Lab{T: t, Home: filepath.Join(t.TempDir(), "node")}
	if err := os.Mkdir(node.Home, 0o700); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"igc.yaml", "passphrase"} {
		labtest.Write(t, filepath.Join(node.Home, name), []byte(labtest.Read(t, filepath.Join(l.Home, name))))
	}
	config := filepath.Join(node.Home, "igc.yaml")
	first, err := strconv.Atoi(labtest.FreePorts(t))
	if err != nil {
		t.Fatal(err)
	}
	text := regexp.MustCompile(`127\.0\.0\.1:[0-9]+`).
		ReplaceAllStringFunc(labtest.Read(t, config), func(string) string {
			first++
			return fmt.Sprintf("127.0.0.1:%d", first-1)
		})
	labtest.Write(t, config, []byte(text))
	return node
}

// issuerOf is the authority of a certificate, among the records of its lab.
func issuerOf(t *testing.T, records map[string]*ca.Record, r *ca.Record) *ca.Record {
	t.Helper()
	for _, candidate := range records {
		if candidate.IsAuthority() && strings.HasPrefix(candidate.Profile, "aci/") {
			if c, err := candidate.Certificate(); err == nil {
				if leaf, err := r.Certificate(); err == nil && leaf.CheckSignatureFrom(c) == nil {
					return candidate
				}
			}
		}
	}
	t.Fatal("the issuer is not listed")
	return nil
}

// ocspStatus asks a server for the status of a certificate without a nonce, as most clients do; -1
// when it says that it cannot answer now.
func ocspStatus(t *testing.T, s *labtest.Server, r, issuer *ca.Record) int {
	t.Helper()
	leaf, err := r.Certificate()
	if err != nil {
		t.Fatal(err)
	}
	authority, err := issuer.Certificate()
	if err != nil {
		t.Fatal(err)
	}
	request, err := ocsp.CreateRequest(leaf, authority, nil)
	if err != nil {
		t.Fatal(err)
	}
	answer, err := http.Post(
		strings.TrimSuffix(s.URLs["publication"], "/")+"/ocsp",
		"application/ocsp-request",
		bytes.NewReader(request),
	)
	if err != nil {
		t.Fatal(err)
	}
	defer answer.Body.Close()
	der, err := io.ReadAll(answer.Body)
	if err != nil {
		t.Fatal(err)
	}
	parsed, err := ocsp.ParseResponse(der, authority)
	if refused, ok := err.(ocsp.ResponseError); ok && refused.Status == ocsp.TryLater {
		return -1
	}
	if err != nil {
		t.Fatal(err)
	}
	return parsed.Status
}

// Two servers are one lab: what is issued on one is good on the other, and no OCSP answer says good
// later than a second after a revocation was acknowledged, whether the other node runs or had
// stopped.
func TestTwoNodes(t *testing.T) {
	database := postgrestest.Database(t)
	l := labtest.New(t, "--key", "p256", "--gamme", "FO", "--store", database)
	l.Serve().Stop(t) // what a server makes for itself is made
	other := newNode(t, l)
	first, second := l.Serve(), other.Serve()
	if out := l.Must("store", "nodes"); strings.Count(out, "\n") != 3 {
		t.Errorf("igc store nodes says\n%s", out)
	}
	for round := range 4 {
		card := l.Issue("--fixture", "alain")
		records := other.List()
		r := records[card.Certificates[0].Serial]
		if r == nil {
			t.Fatalf("%s was issued on one node, and the other does not list it", card.Certificates[0].Serial)
		}
		issuer := issuerOf(t, records, r)
		for name, s := range map[string]*labtest.Server{"first": first, "second": second} {
			for range 2 { // the second answer is one that is kept
				if got := ocspStatus(t, s, r, issuer); got != ocsp.Good {
					t.Fatalf("round %d, %s node: status %d before the revocation", round, name, got)
				}
			}
		}
		frozen := round%2 == 1
		if frozen {
			second.Cmd.Process.Signal(syscall.SIGSTOP)
		}
		start := time.Now()
		l.Must("revoke", r.Serial, "--reason", "keyCompromise")
		acknowledged := time.Now()
		if frozen {
			second.Cmd.Process.Signal(syscall.SIGCONT)
		}
		got := ocspStatus(t, second, r, issuer)
		t.Logf("round %d, stopped %v: acknowledged after %s, the other node said %d %s later", round, frozen,
			acknowledged.Sub(start), got, time.Since(acknowledged))
		if got == ocsp.Good {
			t.Errorf("round %d: the other node says good after the revocation was acknowledged", round)
		}
		if got := ocspStatus(t, first, r, issuer); got != ocsp.Revoked {
			t.Errorf("round %d: the node itself says %d", round, got)
		}
	}
	if out := l.Must("audit", "verify"); !strings.Contains(out, "entries") {
		t.Log(out)
	}
	other.Issue("--fixture", "alain") // also in a home that began as igc.yaml and passphrase
	if _, errOut, err := l.Run("serve"); err == nil || !strings.Contains(errOut, "igc serve running there already") {
		t.Errorf("a second server of one home: %v, %s", err, errOut)
	}
}

// A lab goes from a file to a database and back by commands.
func TestStoreCommands(t *testing.T) {
	database := postgrestest.Database(t)
	l := labtest.New(t, "--key", "p256", "--gamme", "FO")
	card := l.Issue("--fixture", "alain")
	l.Must("revoke", card.Certificates[0].Serial, "--reason", "superseded")
	l.Must("publish")

	fails := func(want string, args ...string) {
		t.Helper()
		if out, errOut, err := l.Run(args...); err == nil || !strings.Contains(errOut, want) {
			t.Errorf("igc %q: %v, %s%s; want %q", args, err, out, errOut, want)
		}
	}
	fails("bbolt is not a database", "store", "migrate")
	fails("one igc serve opens it", "store", "nodes")
	fails("give two addresses", "store", "copy", "bbolt:")
	fails("is neither bbolt:PATH nor postgres", "store", "copy", "bbolt:", "igc.db")
	server := l.Serve()
	fails("end igc serve first", "store", "copy", "bbolt:", database)
	server.Stop(t)
	before := l.Must("list", "--all", "--json", "--der")
	if out := l.Must("store", "copy", "bbolt:", database); !strings.Contains(
		out,
		"Copied and compared: 5 authorities",
	) {
		t.Error(out)
	}
	fails("has a lab already", "store", "copy", "bbolt:", database)
	if out := l.Must("store", "migrate", database); !strings.Contains(out, "nothing to do") {
		t.Error(out)
	}

	config := filepath.Join(l.Home, "igc.yaml")
	text := labtest.Read(t, config)
	labtest.Write(t, config, []byte(strings.Replace(text, "store: bbolt", "store: "+database, 1)))
	aside := filepath.Join(l.Home, "igc.db")
	if err := os.Rename(aside, aside+".former"); err != nil {
		t.Fatal(err)
	}
	if after := l.Must("list", "--all", "--json", "--der"); after != before {
		t.Errorf("the list is\n%s, and was\n%s", after, before)
	}
	l.Must("audit", "verify")
	l.Must("revoke", card.Certificates[1].Serial, "--reason", "superseded")
	l.Must("publish")
	if out, _, _ := l.Run("doctor"); !strings.Contains(out, "authorities     5 of 9") {
		t.Errorf("doctor says\n%s", out)
	}
	l.Must("recover")
	after := l.Must("list", "--all", "--json", "--der")

	l.Must("store", "copy", database, "bbolt:")
	labtest.Write(t, config, []byte(text))
	if again := l.Must("list", "--all", "--json", "--der"); again != after {
		t.Errorf("the list is\n%s, and was\n%s", again, after)
	}
	l.Must("audit", "verify")
}
