package cli

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"net"
	"strconv"
	"time"

	"github.com/igc-lab/igc/ca"
	"github.com/igc-lab/igc/profiles/inspect"
)

// handshakeTimeout is how long inspect waits for a server.
const handshakeTimeout = 10 * time.Second

// isAddress tells a host and port from a file's name.
func isAddress(name string) bool {
	host, port, err := net.SplitHostPort(name)
	n, numeric := strconv.ParseUint(port, 10, 16)
	return err == nil && host != "" && numeric == nil && n > 0
}

// dial shakes hands with a TLS server to see what it presents and asks for. It verifies nothing,
// sends nothing after the handshake, and accepts the oldest versions and suites: it is for looking
// at a server that something is wrong with.
func dial(ctx context.Context, address string) ([]inspect.Object, error) {
	ctx, cancel := context.WithTimeout(ctx, handshakeTimeout)
	defer cancel()
	raw, err := new(net.Dialer).DialContext(ctx, "tcp", address)
	if err != nil {
		return nil, &ca.Error{Kind: ca.NotFound, Err: fmt.Errorf(tr("%s ne répond pas : %w",
			"%s does not answer: %w"), address, err)}
	}
	defer raw.Close()
	var chain, authorities [][]byte
	asks := false
	host, _, _ := net.SplitHostPort(address)
	config := &tls.Config{
		ServerName: host, InsecureSkipVerify: true, MinVersion: tls.VersionTLS10,
		VerifyPeerCertificate: func(rawCerts [][]byte, _ [][]*x509.Certificate) error { chain = rawCerts; return nil },
		GetClientCertificate: func(info *tls.CertificateRequestInfo) (*tls.Certificate, error) {
			asks, authorities = true, info.AcceptableCAs
			return &tls.Certificate{}, nil // none, as a browser whose user cancels
		},
	}
	for _, suite := range append(tls.CipherSuites(), tls.InsecureCipherSuites()...) {
		config.CipherSuites = append(config.CipherSuites, suite.ID)
	}
	conn := tls.Client(raw, config)
	// a server that refuses the empty certificate has shown what it has to show by then
	if err := conn.HandshakeContext(ctx); err != nil && chain == nil {
		return nil, ca.Invalidate(fmt.Errorf(tr("%s n'achève pas de poignée de main TLS : %w",
			"%s completes no TLS handshake: %w"), address, err))
	}
	state := conn.ConnectionState()
	objects, err := inspect.NewTLS(address, state.Version, state.CipherSuite, chain, asks, authorities, time.Now())
	if err != nil {
		return nil, ca.Invalidate(fmt.Errorf("%s: %w", address, err))
	}
	return objects, nil
}
