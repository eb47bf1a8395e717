package doctor

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"path/filepath"
	"slices"
	"strings"

	"github.com/igc-lab/igc/ca"
	"github.com/igc-lab/igc/internal/shell"
	"github.com/igc-lab/igc/lab"
	"github.com/igc-lab/igc/profiles"
)

// This file is what igc doctor looks at of the lab's server: it asks for what is served, as clients
// do.

// restart is how a server is ended and started again.
func (d *diagnosis) restart() string {
	if d.pid == 0 {
		return d.igc("serve")
	}
	return fmt.Sprintf("kill %d; sleep 3; ", d.pid) + d.igc("serve")
}

func (d *diagnosis) server(ctx context.Context) (found []Finding) {
	if d.stale {
		found = append(found, Finding{State: Note, Message: d.tr("igc.sock reste d'un serveur qui n'est plus",
			"igc.sock is left of a server that is no more"),
			Remedy: shell.Command("rm", filepath.Join(d.Home, "igc.sock")),
			fix: func(context.Context) error {
				lab, err := lab.Open(d.Home, d.Lab)
				if err != nil {
					return err
				}
				return lab.RemoveSocket()
			}})
	}
	if !d.running {
		return append([]Finding{{State: Todo,
			Message: d.tr("igc serve ne tourne pas : ni publication, ni OCSP, ni TestSSL",
				"igc serve is not running: no publication, no OCSP, no TestSSL"),
			Remedy: d.igc("serve")}}, found...)
	}
	address := local(d.client.Lab.Config.Listen.TestSSL)
	ctx, cancel := context.WithTimeout(ctx, answer)
	defer cancel()
	dialer := tls.Dialer{Config: &tls.Config{ServerName: "localhost", InsecureSkipVerify: true}} // verified below, twice
	conn, err := dialer.DialContext(ctx, "tcp", address)
	if above := d.testSSLRevoked(); err != nil && above != "" {
		return append(found, Finding{State: Todo,
			Message: fmt.Sprintf(d.tr("igc serve%s : TestSSL n'est pas servi, %s, l'autorité de son certificat, est révoquée",
				"igc serve%s: TestSSL is not served, %s, the authority of its certificate, is revoked"), process(d.pid), above),
			Remedy: d.igc("--home", d.tr("AUTRE", "OTHER"), "init")})
	}
	if err != nil {
		return append(found, Finding{State: Todo, Message: fmt.Sprintf(d.tr("igc serve%s : TestSSL ne répond pas : %v",
			"igc serve%s: TestSSL does not answer: %v"), process(d.pid), d.detail(err)),
			Remedy: d.restart()})
	}
	defer conn.Close()
	state := conn.(*tls.Conn).ConnectionState()
	presented, now := state.PeerCertificates, d.present()
	options := x509.VerifyOptions{DNSName: "localhost", Roots: x509.NewCertPool(),
		Intermediates: x509.NewCertPool(), CurrentTime: now}
	for _, root := range d.roots {
		options.Roots.AddCert(root)
	}
	for _, c := range presented[1:] {
		options.Intermediates.AddCert(c)
	}
	if _, err := presented[0].Verify(options); err != nil {
		return append(found, Finding{State: Todo,
			Message: fmt.Sprintf(d.tr("igc serve%s : le certificat de TestSSL n'est pas bon : %v",
				"igc serve%s: TestSSL's certificate is not good: %v"), process(d.pid), d.detail(err)),
			Remedy: d.restart()})
	}
	if err := checkStaple(state.OCSPResponse, presented, now); err != nil {
		found = append(found, Finding{State: Todo,
			Message: fmt.Sprintf(d.tr("igc serve%s : la réponse OCSP agrafée par TestSSL : %v",
				"igc serve%s: the OCSP answer that TestSSL staples: %v"), process(d.pid), d.detail(err)),
			Remedy: d.restart()})
	}
	_, port, _ := net.SplitHostPort(address)
	found = append(found, Finding{State: OK,
		Message: fmt.Sprintf(d.tr("igc serve%s, https://localhost:%s/, certificat : %s",
			"igc serve%s, https://localhost:%s/, certificate: %s left"),
			process(d.pid), port, d.remaining(presented[0].NotAfter.Sub(now)))})
	options.Roots = nil // the system's
	if _, err := presented[0].Verify(options); err != nil {
		found = append(found, Finding{State: Note,
			Message: d.tr("cette machine ne connaît pas la racine du certificat de TestSSL",
				"this machine does not know the root of TestSSL's certificate"),
			Remedy: d.igc("trust", "install")})
	}
	return found
}

// testSSLRevoked is the revoked authority above TestSSL's own certificate, empty when none is.
func (d *diagnosis) testSSLRevoked() string {
	product, err := profiles.FindProduct("ssl-serv")
	if err != nil {
		return ""
	}
	issuer, err := product.IssuingAuthority()
	if err != nil {
		return ""
	}
	for _, id := range []string{issuer.ID(), issuer.Root().ID()} {
		if d.isRevoked(id) {
			return id
		}
	}
	return ""
}

// isRevoked says whether an authority of the lab is revoked.
func (d *diagnosis) isRevoked(id string) bool {
	return slices.ContainsFunc(d.authorities, func(a ca.AuthorityInfo) bool { return a.ID == id && a.Revoked != nil })
}

// reach is where this machine finds what certificates name: there, when that is this machine, else
// where igc.yaml listens.
func reach(named, listen string) string {
	u, err := url.Parse(named)
	if err != nil {
		return named
	}
	at, err := netip.ParseAddr(u.Hostname())
	if u.Hostname() != "localhost" && !strings.HasSuffix(u.Hostname(), ".localhost") && (err != nil ||
		!at.IsLoopback()) {
		u.Host = local(listen)
	}
	return u.String()
}
