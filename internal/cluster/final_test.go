//go:build linux

package cluster

import (
	"bytes"
	"context"
	"crypto/x509"
	"net/http"
	"strings"

	"github.com/igc-lab/igc/internal/labtest"
	"github.com/igc-lab/igc/profiles"
	"github.com/igc-lab/igc/services/orders"
)

// end reads the state of the lab when nothing happens any more, from the command line of a node,
// the ordering platform, and the CRL of each node.
func (l *load) end() final {
	l.Helper()
	end := final{map[string]record{}, map[string][]string{}, map[string]bool{}, l.away}
	var some *x509.Certificate
	for serial, r := range l.nodes[0].List() {
		if !strings.HasPrefix(r.Profile, "auth-cli/") {
			continue
		}
		end.records[serial] = record{sum(r.DER), r.Revoked != nil}
		some, _ = r.Certificate()
	}
	for q := (orders.Query{Limit: 200}); ; {
		list, err := l.platform().List(context.Background(), q)
		if err != nil {
			l.Fatal(err)
		}
		for _, o := range list.Orders {
			if len(o.Certificates) == 0 { // a withdrawal that was interrupted ends when its order is read
				if o, err = l.platform().Get(context.Background(), o.Number); err != nil {
					l.Fatal(err)
				}
			}
			end.orders[o.Number] = nil
			for _, c := range o.Certificates {
				end.orders[o.Number] = append(end.orders[o.Number], c.Serial)
			}
		}
		if q.After = list.Next; q.After == "" {
			break
		}
	}
	for _, e := range l.sameCRL(some).RevokedCertificateEntries {
		end.listed[profiles.SerialHex(e.SerialNumber)] = true
	}
	return end
}

// sameCRL is the full CRL of a certificate's issuer, which every node gives the same of.
func (l *load) sameCRL(some *x509.Certificate) *x509.RevocationList {
	l.Helper()
	var der []byte
	labtest.Until(l, "every node gives the same CRL", func() bool {
		der = nil
		for _, n := range l.nodes {
			answer, body := labtest.Ask(l, http.MethodGet, l.at(n, crlOf(some)), nil)
			if answer.StatusCode != http.StatusOK || der != nil && !bytes.Equal(der, body) {
				return false
			}
			der = body
		}
		return true
	})
	return l.parseCRL(der, l.issuerOf(some))
}
