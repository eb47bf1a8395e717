package revocation

import (
	"bufio"
	"context"
	"crypto/x509"
	"encoding/json"
	"fmt"
	"net"
	"net/http"

	cbasn1 "golang.org/x/crypto/cryptobyte/asn1"

	"github.com/igc-lab/igc/internal/der"
	"github.com/igc-lab/igc/internal/web"
	"github.com/igc-lab/igc/profiles"
	"github.com/igc-lab/igc/revocation/crl"
)

// This file asks what a lab serves, as those who check certificates do, and verifies it as they do.

// FetchProblems gets what a running server says of itself at /healthz.
func FetchProblems(ctx context.Context, url string) ([]Problem, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return nil, err
	}
	body, err := web.Fetch(req, 1<<20)
	if err != nil {
		return nil, err
	}
	var answer struct {
		Problems []Problem `json:"problems"`
	}
	if err := json.Unmarshal(body, &answer); err != nil {
		return nil, fmt.Errorf("%s: %w", url, err)
	}
	return answer.Problems, nil
}

// FetchDirectoryCRL reads the authority's list in the directory at that host and port, and verifies that the issuer signed it.
func FetchDirectoryCRL(ctx context.Context, address string, a profiles.Authority, issuer *x509.Certificate) (*crl.CRL, error) {
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
	// SearchResultEntry ::= [APPLICATION 4] SEQUENCE { objectName, SEQUENCE OF SEQUENCE { type, SET OF value } }
	_, _ = message.integer(cbasn1.INTEGER)
	entry, ok1 := message.take(ldapEntry)
	_, ok2 := entry.take(cbasn1.OCTET_STRING)
	attributes, ok3 := entry.take(cbasn1.SEQUENCE)
	attribute, ok4 := attributes.take(cbasn1.SEQUENCE)
	_, ok5 := attribute.take(cbasn1.OCTET_STRING)
	values, ok6 := attribute.take(cbasn1.SET)
	der, ok7 := values.take(cbasn1.OCTET_STRING)
	if !ok1 || !ok2 || !ok3 || !ok4 || !ok5 || !ok6 || !ok7 {
		return nil, fmt.Errorf("ldap://%s: no list of %s", address, a.ID())
	}
	c, err := crl.Parse(der, issuer)
	if err != nil {
		return nil, fmt.Errorf("ldap://%s: %w", address, err)
	}
	return c, nil
}
