// Package handshake meets a TLS server to see what it presents and asks for, as igc inspect shows
// it. It takes servers as people name them ([Parse]), speaks the protocols that begin in clear up
// to STARTTLS, and reads the certificates of servers that crypto/tls cannot speak with: those of
// finite-field DHE, of SSLv3, of keys of rare kinds ([Target.Meet]).
//
// It verifies nothing and sends nothing of the application: it is for looking at a server that
// something is wrong with.
package handshake

import (
	"net"
	"net/netip"
	"strconv"
	"strings"

	"github.com/igc-lab/igc/internal/i18n"
)

// Target is a server, and how TLS begins with it.
type Target struct {
	Host       string // name or address, without brackets
	Port       string
	ServerName string // for SNI; empty for an address
	StartTLS   string // the protocol that is spoken first: a name of [Protocols]; empty for TLS at once
}

// Address is host and port, as dialling takes them.
func (t Target) Address() string { return net.JoinHostPort(t.Host, t.Port) }

// scheme is a service: its port, and the protocol that begins in clear.
type scheme struct {
	port     string
	starttls string
}

var schemes = map[string]scheme{
	"https": {"443", ""}, "wss": {"443", ""}, "h2": {"443", ""}, "ldaps": {"636", ""}, "smtps": {"465", ""},
	"submissions": {"465", ""},
	"imaps":       {"993", ""}, "pop3s": {"995", ""}, "ftps": {"990", ""}, "nntps": {"563", ""}, "ircs": {"6697", ""},
	"mqtts": {"8883", ""},
	"amqps": {"5671", ""}, "rediss": {"6379", ""}, "syslog-tls": {"6514", ""}, "dicom-tls": {"2762", ""}, "mllps": {"",
		""}, "tls": {"", ""}, "ssl": {"", ""}, "tcp": {"", ""},
	"ldap": {"389", "ldap"}, "smtp": {"25", "smtp"}, "submission": {"587", "smtp"}, "lmtp": {"24", "lmtp"},
	"imap": {"143", "imap"},
	"pop3": {"110", "pop3"}, "ftp": {"21", "ftp"}, "ftpes": {"21", "ftp"}, "nntp": {"119", "nntp"}, "sieve": {"4190",
		"sieve"}, "xmpp": {"5222", "xmpp"},
	"postgres": {"5432", "postgres"}, "postgresql": {"5432", "postgres"}, "mysql": {"3306", "mysql"},
}

func fault(code, fr, en string, args ...any) error {
	return i18n.NewError(code, i18n.Text{FR: fr, EN: en}, args...)
}

// Parse reads the name of a server: a URL, host:port or host:service, an IPv6 address with or
// without brackets, or an address without a port. starttls names the protocol to begin with, and
// serverName the name for SNI; either may be empty. ok is false for a name that may as well be a
// file's.
func Parse(name, starttls, serverName string) (t Target, ok bool, err error) {
	known := scheme{"443", ""}
	isURL := false
	if before, rest, found := strings.Cut(name, "://"); found && !strings.ContainsAny(before, `/\.`) {
		isURL = true
		s := strings.ToLower(before)
		if known, ok = schemes[s]; !ok {
			return t, true, schemeError(s)
		}
		name = rest
		if i := strings.IndexAny(name, "/?#"); i >= 0 {
			name = name[:i]
		}
		if i := strings.LastIndexByte(name, '@'); i >= 0 { // a user, whose password is not shown either
			name = name[i+1:]
		}
	}
	if starttls != "" {
		s, ok := schemes[strings.ToLower(starttls)]
		if !ok || s.starttls == "" {
			return t, true, fault("starttls-unknown", "--starttls %q : choisissez parmi %s",
				"--starttls %q: choose among %s", starttls, strings.Join(Protocols(), ", "))
		}
		known.starttls = s.starttls
		if !isURL {
			known.port = s.port
		}
	}
	host, port, ok := split(name)
	switch {
	case !ok && (isURL || starttls != "" || serverName != ""):
		return t, true, fault("server-name",
			"%q n'est pas un serveur : donnez hôte:port, ou une URL comme https://hôte",
			"%q is not a server: give host:port, or a URL such as https://host", name)
	case !ok:
		return t, false, nil
	case port == "" && !isURL && starttls == "" && !isIP(host):
		if serverName == "" {
			return t, false, nil
		}
	}
	if port == "" {
		port = known.port
	}
	if port == "" {
		return t, true, fault("server-port", "il manque le port de %s : donnez hôte:port",
			"the port of %s is missing: give host:port", host)
	}
	t = Target{Host: host, Port: port, ServerName: serverName, StartTLS: known.starttls}
	if serverName == "" && !isIP(host) {
		t.ServerName = strings.TrimSuffix(host, ".")
	}
	return t, true, nil
}

func schemeError(s string) error {
	if s == "http" || s == "ws" {
		return fault("scheme-clear", "%s:// est sans TLS : il n'y a pas de certificat à montrer ; essayez https://",
			"%s:// is without TLS: there is no certificate to show; try https://", s)
	}
	return fault("scheme-unknown",
		"igc ne connaît pas %s:// ; donnez hôte:port, avec --starttls si le protocole commence en clair",
		"igc does not know %s://; give host:port, with --starttls where the protocol begins in clear", s)
}

// split takes host and port apart; the port may be missing. The last group of an IPv6 address
// without brackets counts as a port where the rest is an address of its own.
func split(name string) (host, port string, ok bool) {
	if host, after, found := strings.Cut(strings.TrimPrefix(name, "["), "]"); found && strings.HasPrefix(name, "[") {
		if after == "" {
			return host, "", isIP(host)
		}
		port, ok = portNumber(strings.TrimPrefix(after, ":"))
		return host, port, ok && isIP(host) && after[0] == ':'
	}
	i := strings.LastIndexByte(name, ':')
	if i < 0 {
		return name, "", validHost(name)
	}
	host, last := name[:i], name[i+1:]
	if strings.Contains(host, ":") { // IPv6
		if port, ok := portNumber(last); ok && isIP(host) {
			return host, port, true
		}
		return name, "", isIP(name)
	}
	port, ok = portNumber(last)
	return host, port, ok && validHost(host)
}

func isIP(host string) bool {
	_, err := netip.ParseAddr(host)
	return err == nil
}

// validHost tells a host's name from text that cannot be one.
func validHost(host string) bool {
	return host != "" && len(host) < 254 && !strings.ContainsAny(host, " /\\\t\"'<>|&;,[]")
}

// portNumber is a port by its number or the name of its service.
func portNumber(s string) (string, bool) {
	if n, err := strconv.ParseUint(s, 10, 16); err == nil {
		return strconv.FormatUint(n, 10), n > 0
	}
	if known, ok := schemes[strings.ToLower(s)]; ok && known.port != "" {
		return known.port, true
	}
	return "", false
}
