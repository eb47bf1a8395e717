package lab

import (
	"net"
	"net/url"
	"regexp"
	"strings"

	"github.com/igc-lab/igc/internal/i18n"
)

// Exposed is how igc serve --exposed serves a lab beyond its machine.
type Exposed struct {
	Names  []string `yaml:"names"`  // of the machine in DNS; none for a lab of its machine alone
	Listen string   `yaml:"listen"` // the IP address of every endpoint, in the place of those below listen
}

// dnsName is a host name of at least two parts, as a server's certificate has it.
var dnsName = regexp.MustCompile(`^([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z]([a-z0-9-]{0,61}[a-z0-9])?$`)

func (e Exposed) check() error {
	for _, name := range e.Names {
		switch {
		case !dnsName.MatchString(name) || len(name) > 64: // the CN of a certificate holds no more
			return i18n.Errorf("exposed: %q is not a name of a machine in DNS, such as lab.example.test", name)
		case strings.HasSuffix(name, ".localhost"):
			return i18n.Errorf("exposed: %q leads each machine to itself: give a name of this one in DNS, "+
				"such as lab.example.test", name)
		}
	}
	if len(e.Names) > 0 && net.ParseIP(e.Listen) == nil {
		return i18n.Errorf("exposed: listen %q is not an IP address of this machine: write 0.0.0.0 for all of them, "+
			"without a port", e.Listen)
	}
	return nil
}

// URL is the address of an endpoint by the name under which the lab is served: the first of those
// that expose it, else localhost.
func (c Config) URL(scheme, address string) string {
	host := "localhost"
	if len(c.Exposed.Names) > 0 {
		host = c.Exposed.Names[0]
	}
	_, port, err := net.SplitHostPort(address)
	if err != nil {
		return ""
	}
	return (&url.URL{Scheme: scheme, Host: net.JoinHostPort(host, port)}).String()
}
