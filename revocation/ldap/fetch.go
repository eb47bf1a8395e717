package ldap

import (
	"bufio"
	"context"
	"crypto/x509"
	"fmt"
	"net"

	cbasn1 "golang.org/x/crypto/cryptobyte/asn1"

	"github.com/igc-lab/igc/internal/der"
	"github.com/igc-lab/igc/profiles"
	"github.com/igc-lab/igc/revocation/crl"
)

// Fetch reads the authority's CRL from the LDAP server at that host and port, and verifies that the
// issuer signed it.
func Fetch(ctx context.Context, address string, a profiles.Authority, issuer *x509.Certificate) (*crl.CRL, error) {
	conn, err := new(net.Dialer).DialContext(ctx, "tcp", address)
	if err != nil {
		return nil, err
	}
	defer conn.Close()
	defer context.AfterFunc(ctx, func() { conn.Close() })()
	text := func(s string) []byte { return der.Element(cbasn1.OCTET_STRING, []byte(s)) }
	number := func(tag cbasn1.Tag, n byte) []byte { return der.Element(tag, []byte{n}) }
	request := der.Element(cbasn1.SEQUENCE, number(cbasn1.INTEGER, 1), der.Element(ldapSearch, text(a.DirectoryName()), number(cbasn1.ENUM, 0), // the base alone
		number(cbasn1.ENUM, 0), number(cbasn1.INTEGER, 0), number(cbasn1.INTEGER, 0), number(cbasn1.BOOLEAN, 0),
		der.Element(0x87, []byte("objectClass")), der.Element(cbasn1.SEQUENCE, text("certificateRevocationList;binary"))))
	if _, err := conn.Write(request); err != nil {
		return nil, err
	}
	message, err := readMessage(bufio.NewReader(conn), crl.MaxSize)
	if err != nil {
		return nil, fmt.Errorf("ldap://%s: %w", address, err)
	}
	// SearchResultEntry ::= [APPLICATION 4] SEQUENCE { objectName, SEQUENCE OF SEQUENCE { type, SET
	// OF value } }
	_, _ = message.integer(cbasn1.INTEGER)
	entry, ok1 := message.read(ldapEntry)
	_, ok2 := entry.read(cbasn1.OCTET_STRING)
	attributes, ok3 := entry.read(cbasn1.SEQUENCE)
	attribute, ok4 := attributes.read(cbasn1.SEQUENCE)
	_, ok5 := attribute.read(cbasn1.OCTET_STRING)
	values, ok6 := attribute.read(cbasn1.SET)
	der, ok7 := values.read(cbasn1.OCTET_STRING)
	if !ok1 || !ok2 || !ok3 || !ok4 || !ok5 || !ok6 || !ok7 {
		return nil, fmt.Errorf("ldap://%s: no list of %s", address, a.ID())
	}
	c, err := crl.Parse(der, issuer)
	if err != nil {
		return nil, fmt.Errorf("ldap://%s: %w", address, err)
	}
	return c, nil
}
