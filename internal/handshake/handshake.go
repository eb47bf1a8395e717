package handshake

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"syscall"
	"time"

	"github.com/igc-lab/igc/internal/i18n"
)

// Seen is what a server showed.
type Seen struct {
	Version, Suite uint16   // 0 when the server broke off first
	Chain          [][]byte // certificates as they were sent
	Asks           bool     // for a client's certificate
	Authorities    [][]byte // whose certificates it asks for: encoded names
	Unspoken       bool     // the handshake was read and could not be completed: crypto/tls does not speak it
}

// timeout is how long a server has for each attempt.
const timeout = 10 * time.Second

// ErrUnreachable is within the errors of servers that cannot be reached.
var ErrUnreachable = errors.New("")

// Meet shakes hands with the server. It accepts the oldest versions and suites. What crypto/tls
// cannot speak is looked at up to the certificates, which come in clear before TLS 1.3.
func (t Target) Meet(ctx context.Context) (*Seen, error) {
	seen, err := t.shake(ctx)
	if err == nil || seen != nil {
		return seen, nil
	}
	if errors.Is(err, ErrUnreachable) {
		return nil, err
	}
	if clear := t.inClear(err); clear != nil {
		return nil, clear
	}
	var refused *refusal
	if errors.As(err, &refused) {
		return nil, fault("starttls-refused",
			"%s ne passe pas à TLS par STARTTLS (%s) : il dit %q ; est-ce le bon port, ou parle-t-il TLS d'emblée ?",
			"%s does not go over to TLS by STARTTLS (%s): it says %q; is it the right port, or does it speak TLS "+
				"at once?", t.Address(), t.StartTLS, refused.said)
	}
	if timedOut(err) {
		return nil, fault("tls-silent",
			"%s n'achève pas de poignée de main TLS : il ne dit rien en %s ; parle-t-il un protocole qui commence "+
				"en clair (--starttls %s) ?",
			"%s completes no TLS handshake: it says nothing in %s; does it speak a protocol that begins in clear "+
				"(--starttls %s)?", t.Address(), timeout, strings.Join(Protocols(), "|"))
	}
	if seen, probed := t.probe(ctx); seen != nil {
		return seen, nil
	} else if probed != nil {
		err = errors.Join(err, probed)
	}
	return nil, fault("tls-refused",
		"%s n'achève pas de poignée de main TLS : %q%s. Pour voir ce qu'il dit : openssl s_client -connect %s%s",
		"%s completes no TLS handshake: %q%s. To see what it says: openssl s_client -connect %s%s", t.Address(),
		firstLine(err), hint(err), t.Address(), t.openssl())
}

// openssl are the options of s_client for this server.
func (t Target) openssl() string {
	var b strings.Builder
	if t.StartTLS != "" {
		b.WriteString(" -starttls " + t.StartTLS)
	}
	if t.ServerName != "" {
		b.WriteString(" -servername " + t.ServerName)
	}
	return b.String()
}

func firstLine(err error) string {
	line, _, _ := strings.Cut(err.Error(), "\n")
	return strings.TrimPrefix(line, "remote error: ")
}

// hint says what an alert most often means.
func hint(err error) i18n.Text {
	var alert tls.AlertError
	errors.As(err, &alert)
	switch alert {
	case 40:
		return i18n.Text{FR: " (aucune suite commune : il n'offre peut-être que des suites DHE ou d'un autre âge)",
			EN: " (no suite in common: it may offer DHE suites alone, or those of another age)"}
	case 70, 86:
		return i18n.Text{FR: " (aucune version commune : il ne parle peut-être que SSLv3)",
			EN: " (no version in common: it may speak SSLv3 alone)"}
	case 112:
		return i18n.Text{FR: " (il ne connaît pas ce nom : donnez --servername)",
			EN: " (it does not know that name: give --servername)"}
	}
	if strings.Contains(err.Error(), "unrecognized name") {
		return i18n.Text{FR: " (il ne connaît pas ce nom : donnez --servername)",
			EN: " (it does not know that name: give --servername)"}
	}
	if strings.Contains(err.Error(), "handshake failure") {
		return i18n.Text{FR: " (aucune suite commune : il n'offre peut-être que des suites DHE ou d'un autre âge)",
			EN: " (no suite in common: it may offer DHE suites alone, or those of another age)"}
	}
	if strings.Contains(err.Error(), "protocol version") {
		return i18n.Text{FR: " (aucune version commune : il ne parle peut-être que SSLv3)",
			EN: " (no version in common: it may speak SSLv3 alone)"}
	}
	return i18n.Text{}
}

func timedOut(err error) bool {
	var network net.Error
	return errors.As(err, &network) && network.Timeout() || errors.Is(err, context.DeadlineExceeded)
}

// connect dials, and speaks the protocol that comes before TLS. The connection has a deadline.
func (t Target) connect(ctx context.Context) (net.Conn, error) {
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	conn, err := new(net.Dialer).DialContext(ctx, "tcp", t.Address())
	if err != nil {
		return nil, t.unreachable(err)
	}
	conn.SetDeadline(time.Now().Add(timeout))
	if speak := protocols[t.StartTLS]; speak != nil {
		if err := speak(&plain{conn, t.Host}); err != nil {
			conn.Close()
			if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
				err = &refusal{"(nothing)"}
			}
			return nil, err
		}
	}
	return conn, nil
}

// unreachable names the cause that a person can act upon.
func (t Target) unreachable(err error) error {
	var dns *net.DNSError
	why := i18n.Same(err.Error())
	switch {
	case errors.As(err, &dns) && dns.IsNotFound:
		why = i18n.Text{FR: "aucune machine de ce nom : vérifiez-le", EN: "no machine has that name: check it"}
	case errors.Is(err, syscall.ECONNREFUSED):
		why = i18n.Text{FR: "connexion refusée : rien n'écoute sur ce port",
			EN: "connection refused: nothing listens on that port"}
	case timedOut(err):
		why = i18n.Text{FR: "délai dépassé : un pare-feu, ou une machine éteinte ?",
			EN: "timed out: a firewall, or a machine that is off?"}
	}
	return fault("server-unreachable", "%s ne répond pas : %s%s", "%s does not answer: %s%s", t.Address(), why,
		ErrUnreachable)
}

// shake shakes hands as crypto/tls does. A server that refuses the empty certificate of the client
// has shown what it has to show by then.
func (t Target) shake(ctx context.Context) (*Seen, error) {
	raw, err := t.connect(ctx)
	if err != nil {
		return nil, err
	}
	defer raw.Close()
	seen := &Seen{}
	config := &tls.Config{
		ServerName: t.ServerName, InsecureSkipVerify: true, MinVersion: tls.VersionTLS10,
		VerifyPeerCertificate: func(rawCerts [][]byte,
			_ [][]*x509.Certificate) error {
			seen.Chain = rawCerts
			return nil
		},
		GetClientCertificate: func(info *tls.CertificateRequestInfo) (*tls.Certificate, error) {
			seen.Asks, seen.Authorities = true, info.AcceptableCAs
			return &tls.Certificate{}, nil // none, as a browser whose user cancels
		},
	}
	if t.ServerName == "" {
		config.ServerName = t.Host // an address, which is not sent
	}
	for _, suite := range append(tls.CipherSuites(), tls.InsecureCipherSuites()...) {
		config.CipherSuites = append(config.CipherSuites, suite.ID)
	}
	conn := tls.Client(raw, config)
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	err = conn.HandshakeContext(ctx)
	if err != nil && seen.Chain == nil {
		return nil, err
	}
	state := conn.ConnectionState()
	seen.Version, seen.Suite = state.Version, state.CipherSuite
	return seen, nil
}

// greetings are what servers say first in protocols that begin in clear, or in answer to TLS.
var greetings = []struct {
	begin, name, scheme string
}{
	{"HTTP/", "HTTP", ""}, {"<html", "HTTP", ""}, {"<!DOC", "HTTP", ""}, {"220", "SMTP / FTP", "smtp"}, {"554", "SMTP",
		"smtp"}, {"421", "SMTP / FTP", "smtp"}, {"500", "SMTP / FTP", "smtp"},
	{"* OK", "IMAP", "imap"}, {"* BYE", "IMAP", "imap"}, {"* PRE", "IMAP", "imap"}, {"+OK", "POP3", "pop3"}, {"-ERR",
		"POP3", "pop3"},
	{"SSH-", "SSH", ""}, {"20", "NNTP", "nntp"}, {"RFB 0", "VNC", ""}, {"<?xml", "XMPP", "xmpp"}, {"<stre", "XMPP",
		"xmpp"}, {"\"IMPL", "ManageSieve", "sieve"}, {"0\x84\x00", "LDAP", "ldap"},
}

// inClear tells a server that does not speak TLS here by the first bytes that it said; nil for one
// that does.
func (t Target) inClear(err error) error {
	var header tls.RecordHeaderError
	if !errors.As(err, &header) {
		return nil
	}
	said := string(header.RecordHeader[:])
	if said[0] >= 20 && said[0] <= 24 && said[1] == 3 {
		return nil // TLS, of a version or a length that is refused
	}
	for _, g := range greetings {
		if !strings.HasPrefix(said, g.begin) {
			continue
		}
		if g.scheme == "" {
			return fault("server-clear",
				"%s parle %s en clair, pas TLS : il n'y a pas de certificat à montrer sur ce port",
				"%s speaks %s in clear, and not TLS: it completes no TLS handshake, and there is no certificate "+
					"to show on this port", t.Address(), g.name)
		}
		return fault("server-starttls", "%s parle %s en clair d'abord : demandez TLS par --starttls %s (ou %s://)",
			"%s speaks %s in clear first: ask for TLS by --starttls %s (or %s://); it completes no TLS handshake "+
				"at once", t.Address(), g.name, g.scheme, g.scheme)
	}
	return fault("server-other",
		"%s ne parle pas TLS : il commence par %s ; est-ce le bon port ? Un protocole qui commence en clair se "+
			"demande par --starttls %s",
		"%s does not speak TLS, and completes no TLS handshake: it begins with %s; is it the right port? Ask for "+
			"a protocol that begins in clear by --starttls %s",
		t.Address(), fmt.Sprintf("%q", said), strings.Join(Protocols(), "|"))
}
