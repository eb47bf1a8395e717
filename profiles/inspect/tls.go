package inspect

import (
	"crypto/tls"
	"strings"
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

	Notes []profiles.Finding `json:"notes,omitempty"`
}

// NoteUnspoken says that the handshake was looked at and not completed. command shows the rest.
func (t *TLS) NoteUnspoken(command string) {
	what := Text{"une suite ou une clé que la bibliothèque d'igc ne parle pas",
		"a suite or a key that igc's library does not speak"}
	switch {
	case t.Version == "SSLv3":
		what = Text{"SSLv3 seul, que plus aucun navigateur ne parle", "SSLv3 alone, which no browser speaks any more"}
	case strings.Contains(t.Suite, "_DHE_"):
		what = Text{"des suites DHE seules (corps fini), que les navigateurs ont abandonnées",
			"DHE suites alone (finite field), which browsers have given up"}
	}
	t.Notes = append(t.Notes, profiles.Finding{Code: "TLS-UNSPOKEN",
		FR: "Ce serveur offre " + what.FR +
			" : ses certificats ont été lus au passage, sans achever la poignée de main. Pour aller plus loin : " +
			command,
		EN: "This server offers " + what.EN +
			": its certificates were read on the way, without completing the handshake. To go further: " + command})
}

// NewTLS describes a handshake: the chain as it was presented and, when the server asks clients for
// certificates, the encoded names of the authorities that it accepts.
func NewTLS(address string, version, suite uint16, chain [][]byte, asks bool, authorities [][]byte,
	now time.Time) ([]Object, error) {
	t := &TLS{Source: Source{Kind: KindTLS, In: "TLS"}, Address: address, Asks: asks, Authorities: []string{}}
	if version != 0 { // else the server broke off first
		t.Version, t.Suite = tls.VersionName(version), tls.CipherSuiteName(suite)
	}
	for _, der := range authorities {
		name, err := profiles.ParseName(der)
		if err != nil {
			return nil, fault("nom d'une autorité acceptée : %s", "name of an acceptable authority: %s", err)
		}
		t.Authorities = append(t.Authorities, name.String())
	}
	all := []Object{t}
	for i, der := range chain {
		c, err := NewCertificate(der, "TLS", now)
		if err != nil {
			return nil, fault("certificat %d de la chaîne : %s", "certificate %d of the chain: %s", i+1, err)
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
	return append(facts, remarkFacts(nil, t.Notes)...)
}
