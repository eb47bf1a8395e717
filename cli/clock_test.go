package cli

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/igc-lab/igc/doctor"
	"github.com/igc-lab/igc/internal/labtest"
	"github.com/igc-lab/igc/internal/peer"
	"github.com/igc-lab/igc/lab"
	"github.com/igc-lab/igc/serve"
)

// movedClock is a lab with a server in this process, whose clock the test moves, and openssl as its
// verifier.
type movedClock struct {
	*testing.T
	lab     *labtest.Lab
	config  lab.Config
	ahead   atomic.Int64 // of the server's clock and of openssl's
	numbers map[string]uint64
}

func (c *movedClock) now() time.Time { return time.Now().Add(time.Duration(c.ahead.Load())) }

// openssl runs it at the present time of the server.
func (c *movedClock) openssl(args ...string) (string, error) {
	return peer.Try(c, "env", append([]string{"TZ=UTC", "faketime", c.now().UTC().Format(time.DateTime), "openssl"}, args...)...)
}

// startMovedClock serves the lab until the test ends.
func startMovedClock(t *testing.T) *movedClock {
	t.Helper()
	c := &movedClock{T: t, lab: labtest.New(t, "--key", "p256", "--gamme", "FO"), numbers: map[string]uint64{}}
	lab, err := lab.Open(c.lab.Home, lab.Options{Now: c.now})
	if err != nil {
		t.Fatal(err)
	}
	c.config = lab.Config
	return c
}

func (c *movedClock) serve() {
	c.Helper()
	lab, err := lab.Open(c.lab.Home, lab.Options{Now: c.now})
	if err != nil {
		c.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	var server sync.WaitGroup
	server.Go(func() {
		log := slog.New(slog.NewTextHandler(c.Output(), &slog.HandlerOptions{Level: slog.LevelWarn}))
		if err := serve.Run(ctx, lab, serve.Options{Log: log, Now: c.now}); err != nil {
			c.Error(err)
		}
	})
	c.Cleanup(func() {
		stop()
		server.Wait()
	})
	labtest.Until(c, "the publication point", func() bool {
		conn, err := net.Dial("tcp", c.config.Listen.Publication)
		if err == nil {
			conn.Close()
		}
		return err == nil
	})
}

func (c *movedClock) get(url string) (int, []byte) {
	c.Helper()
	resp, err := http.Get(url)
	if err != nil {
		c.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		c.Fatal(err)
	}
	return resp.StatusCode, body
}

// healthy says what /healthz finds; nil when nothing.
func (c *movedClock) healthy() error {
	code, body := c.get("http://" + c.config.Listen.Publication + "/healthz")
	var answer struct {
		Status   string
		Problems []json.RawMessage
	}
	if err := json.Unmarshal(body, &answer); err != nil {
		return err
	}
	if code != http.StatusOK || answer.Status != "ok" || len(answer.Problems) > 0 {
		return fmt.Errorf("%d %s", code, body)
	}
	return nil
}

// doctor says what igc doctor finds to do of what depends on the clock; nil when nothing.
func (c *movedClock) doctor() error {
	var errs []error
	for f := range doctor.Run(c.Context(), doctor.Options{Home: c.lab.Home, Lab: lab.Options{Now: c.now},
		Addresses: serve.Addresses, Only: []string{"dates", "server", "publication", "ocsp", "clock"}}) {
		if f.State != doctor.OK && !strings.Contains(f.Message, "root of TestSSL") && !strings.Contains(f.Message, "not synchronised") {
			errs = append(errs, fmt.Errorf("%s: %s: %s", f.Check, f.State, f.Message))
		}
	}
	return errors.Join(errs...)
}

// crls has openssl verify a good card and revoked ones by the CRL and its delta, and the issuing
// authority by its root's. openssl reports a CRL that ended, or whose thisUpdate is in the future.
func (c *movedClock) crls(dir, root, issuing, good string, revoked []string) error {
	var errs []error
	lists := map[string]string{}
	for _, name := range []string{"ACI-FO-PP-TEST", "ACI-FO-PP-TEST-delta", "ACR-FO-TEST"} {
		_, der := c.get("http://" + c.config.Listen.Publication + "/CRL/" + name + ".crl")
		file := filepath.Join(dir, name+".der")
		if err := os.WriteFile(file, der, 0o600); err != nil {
			return err
		}
		lists[name] = filepath.Join(dir, name+".pem")
		if out, err := c.openssl("crl", "-inform", "DER", "-in", file, "-out", lists[name]); err != nil {
			return fmt.Errorf("%s: %w: %s", name, err, out)
		}
		list, err := x509.ParseRevocationList(der)
		if err != nil {
			return err
		}
		if n := list.Number.Uint64(); n < c.numbers[name] {
			errs = append(errs, fmt.Errorf("%s: number %d after %d", name, n, c.numbers[name]))
		} else {
			c.numbers[name] = n
		}
	}
	verify := func(card string, flags ...string) (string, error) {
		args := append([]string{"verify", "-crl_check_all", "-CAfile", root, "-untrusted", issuing, "-CRLfile", lists["ACI-FO-PP-TEST"],
			"-CRLfile", lists["ACR-FO-TEST"]}, flags...)
		return c.openssl(append(args, card)...)
	}
	delta := []string{"-extended_crl", "-use_deltas", "-CRLfile", lists["ACI-FO-PP-TEST-delta"]}
	for _, flags := range [][]string{nil, delta} {
		if out, err := verify(good, flags...); err != nil {
			errs = append(errs, fmt.Errorf("the good card: %s", out))
		}
		for _, card := range revoked {
			if out, err := verify(card, flags...); err == nil || !strings.Contains(out, "certificate revoked") || strings.Contains(out, "CRL") {
				errs = append(errs, fmt.Errorf("a revoked card: %s", out))
			}
		}
	}
	return errors.Join(errs...)
}

// answers has openssl ask the responder about cards. It warns of dates that are not those of its
// clock.
func (c *movedClock) answers(root, issuing, good string, revoked []string) error {
	var errs []error
	for i, card := range append([]string{good}, revoked...) {
		want := ": revoked"
		if i == 0 {
			want = ": good"
		}
		out, err := c.openssl("ocsp", "-no_nonce", "-url", "http://"+c.config.Listen.Publication+"/ocsp", "-issuer", issuing, "-CAfile", root, "-cert", card)
		if err != nil || !strings.Contains(out, "Response verify OK") || !strings.Contains(out, want) || strings.Contains(out, "WARNING") {
			errs = append(errs, fmt.Errorf("OCSP, %s: %v: %s", want, err, out))
		}
	}
	return errors.Join(errs...)
}

// stapled has openssl connect to TestSSL, and verify the stapled answer.
func (c *movedClock) stapled(dir, root string) error {
	address := c.config.Listen.TestSSL
	if out, err := c.openssl("s_client", "-connect", address, "-servername", "localhost", "-verify_hostname", "localhost", "-CAfile", root, "-verify_return_error"); err != nil ||
		!strings.Contains(out, "Verify return code: 0 (ok)") {
		return fmt.Errorf("s_client: %v: %s", err, out)
	}
	conn, err := tls.Dial("tcp", address, &tls.Config{InsecureSkipVerify: true}) // openssl has verified it
	if err != nil {
		return err
	}
	defer conn.Close()
	state := conn.ConnectionState()
	response, leaf, issuing := filepath.Join(dir, "staple"), filepath.Join(dir, "own.pem"), filepath.Join(dir, "own-issuing.pem")
	if err := errors.Join(os.WriteFile(response, state.OCSPResponse, 0o600), writeCertificate(leaf, state.PeerCertificates[0]),
		writeCertificate(issuing, state.PeerCertificates[1])); err != nil {
		return err
	}
	out, err := c.openssl("ocsp", "-no_nonce", "-respin", response, "-issuer", issuing, "-CAfile", root, "-cert", leaf)
	if err != nil || !strings.Contains(out, "Response verify OK") || !strings.Contains(out, ": good") || strings.Contains(out, "WARNING") {
		return fmt.Errorf("staple: %v: %s", err, out)
	}
	return nil
}

func writeCertificate(file string, certificate *x509.Certificate) error {
	return os.WriteFile(file, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: certificate.Raw}), 0o600)
}

// The clock goes forward by up to 400 days and back: health, doctor, CRLs, OCSP answers and the
// stapled one are right at every stage, as openssl finds them with the same clock.
func TestMovedClock(t *testing.T) {
	t.Parallel()
	peer.Need(t, "faketime")
	peer.Need(t, "openssl")
	c := startMovedClock(t)
	good, early, late := c.lab.Issue("--fixture", "alain"), c.lab.Issue("--fixture", "guy"), c.lab.Issue("--fixture", "olivier")
	dir := t.TempDir()
	c.serve()
	root, issuing, own := filepath.Join(dir, "root.pem"), filepath.Join(dir, "issuing.pem"), filepath.Join(dir, "own-root.pem")
	for name, file := range map[string]string{"ACR-FO": root, "ACI-FO-PP": issuing, "ACR-EL": own} {
		if err := os.WriteFile(file, []byte(c.lab.Must("show", "--pem", name)), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	c.lab.Must("revoke", early.Certificates[0].Serial, "--reason", "keyCompromise")
	revoked := []string{early.File("authentication.pem")}
	for i, days := range []int{0, 6, 7, 30, 400, 30, 7, 0} {
		c.ahead.Store(int64(days) * 24 * int64(time.Hour))
		if days == 400 { // the command goes through the server, whose clock is ahead
			c.lab.Must("revoke", late.Certificates[0].Serial, "--reason", "superseded")
			revoked = append(revoked, late.File("authentication.pem"))
		}
		views := []struct {
			name string
			look func() error
		}{
			{"health", c.healthy},
			{"doctor", c.doctor},
			{"CRLs", func() error { return c.crls(dir, root, issuing, good.File("authentication.pem"), revoked) }},
			{"OCSP", func() error { return c.answers(root, issuing, good.File("authentication.pem"), revoked) }},
			{"staple", func() error { return c.stapled(dir, own) }},
		}
		for n := range views { // each is the first to look once
			view := views[(n+i)%len(views)]
			err := view.look()
			if err != nil && (view.name == "health" || view.name == "doctor") {
				// on a slow machine the lists take longer than a report waits for them
				labtest.Until(t, view.name+" at stage "+fmt.Sprint(i, ": ", err), func() bool { err = view.look(); return err == nil })
			}
			if err != nil {
				t.Errorf("stage %d, day %d: %s: %v", i, days, view.name, err)
			}
		}
	}
}
