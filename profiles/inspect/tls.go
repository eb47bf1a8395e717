package inspect

import (
	"crypto/tls"
	"fmt"
	"time"

	"github.com/igc-lab/igc/profiles"
)

// TLS is what a server showed in a handshake. Its certificates follow as objects of their own.
type TLS struct {
	Source
	Address     string   `json:"address"`
	Version     string   `json:"version"`
	Suite       string   `json:"suite"`
	Asks        bool     `json:"asks_client_certificate"`
	Authorities []string `json:"acceptable_authorities"` // whose certificates the server asks clients for
}

// NewTLS describes a handshake: the chain as it was presented and, when the server asks clients for
// certificates, the encoded names of the authorities that it accepts.
func NewTLS(address string, version, suite uint16, chain [][]byte, asks bool, authorities [][]byte, now time.Time) ([]Object, error) {
	t := &TLS{Source: Source{KindTLS, "TLS"}, Address: address, Asks: asks, Authorities: []string{}}
	if version != 0 { // else the server broke off first
		t.Version, t.Suite = tls.VersionName(version), tls.CipherSuiteName(suite)
	}
	for _, der := range authorities {
		name, err := profiles.ParseName(der)
		if err != nil {
			return nil, fmt.Errorf("name of an acceptable authority: %w", err)
		}
		t.Authorities = append(t.Authorities, name.String())
	}
	all := []Object{t}
	for i, der := range chain {
		c, err := NewCertificate(der, "TLS", now)
		if err != nil {
			return nil, fmt.Errorf("certificate %d of the chain: %w", i+1, err)
		}
		all = append(all, c)
	}
	return all, nil
}

// Facts are the lines about the handshake.
func (t *TLS) Facts() []Fact {
	facts := values("serveur", "server", t.Address, "version", "version", t.Version, "suite", "suite", t.Suite)
	asks := Text{"non demandé", "not asked for"}
	switch {
	case t.Asks && len(t.Authorities) > 0:
		asks = Text{"demandé, de l'une de ces autorités :", "asked for, of one of these authorities:"}
	case t.Asks:
		asks = Text{"demandé, de n'importe quelle autorité", "asked for, of any authority"}
	}
	facts = append(facts, Fact{Label: Text{"certificat client", "client cert."}, Value: asks})
	for _, name := range t.Authorities {
		facts = append(facts, Fact{Label: Text{"autorité", "authority"}, Value: Text{name, name}, Detail: true})
	}
	return facts
}
