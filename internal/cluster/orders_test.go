//go:build linux

package cluster

import (
	"context"
	"crypto/sha256"
	"crypto/x509"
	"encoding/hex"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	mathrand "math/rand/v2"
	"net/http"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/igc-lab/igc/services/orders"
	"github.com/igc-lab/igc/services/orders/api"
)

// conclude says what became of a call of the ordering platform.
func conclude(o *operation, err error) bool {
	var problem *api.ProblemError
	switch {
	case err == nil:
		o.outcome = ok
	case errors.As(err, &problem):
		o.outcome, o.failure = unknown, fmt.Sprint(problem.Problem.Status, " ", problem.Problem.Code)
		if problem.Problem.Status < 500 {
			o.outcome = refused
		}
	default:
		o.outcome, o.failure = unknown, cause(err)
	}
	return o.outcome == ok
}

// twice runs an operation and, now and then, the same at the same time.
func twice(run func()) {
	if mathrand.IntN(3) > 0 {
		run()
		return
	}
	var both sync.WaitGroup
	both.Go(run)
	both.Go(run)
	both.Wait()
}

// place asks for a certificate.
func (l *load) place(ctx context.Context, r orders.Request) (number string) {
	r.Usage, r.Service = "AUTH_CLI", "DMP"
	r.Structure, r.Organisation, r.Department = structure, "HOPITAL TEST", "Paris (75)"
	l.do(place, "", func(o *operation) {
		order, err := l.platform().Place(ctx, r)
		if conclude(o, err) {
			number, o.key = order.Number, order.Number
		}
	})
	return number
}

// withdraw withdraws an order, and takes the certificate. It tells whether that was acknowledged.
func (l *load) withdraw(ctx context.Context, number, password string) bool {
	var acknowledged atomic.Bool
	twice(func() {
		l.do(withdraw, number, func(o *operation) {
			order, err := l.platform().Withdraw(ctx, number, orders.Withdrawal{Code: revocationCode,
				CodeAgain: revocationCode, Accept: true, Password: password})
			if conclude(o, err) {
				l.took(o, order)
				acknowledged.Store(true)
			}
		})
	})
	return acknowledged.Load()
}

// took writes down the certificate of an order.
func (l *load) took(o *operation, order *orders.Order) {
	if len(order.Certificates) != 1 {
		l.Errorf("order %s has %d certificates", order.Number, len(order.Certificates))
		return
	}
	c := order.Certificates[0]
	block, _ := pem.Decode([]byte(c.PEM))
	if block == nil {
		l.Errorf("order %s has no certificate: %q", order.Number, c.PEM)
		return
	}
	certificate, err := x509.ParseCertificate(block.Bytes)
	if err != nil {
		l.Error(err)
		return
	}
	o.serial, o.sum = c.Serial, sum(certificate.Raw)
	l.mu.Lock()
	defer l.mu.Unlock()
	if order.OwnKey && mathrand.IntN(2) == 0 {
		l.doomed = append(l.doomed, certificate)
	} else {
		l.issued = append(l.issued, certificate)
	}
}

func sum(der []byte) string {
	s := sha256.Sum256(der)
	return hex.EncodeToString(s[:])
}

// order places and withdraws an order by certification request.
func (l *load) order(ctx context.Context) {
	if number := l.place(ctx, orders.Request{CSR: l.csr}); number != "" {
		l.withdraw(ctx, number, "")
	}
}

// orderPKCS12 places and withdraws an order whose key is made, and downloads the PKCS#12.
func (l *load) orderPKCS12(ctx context.Context) {
	number := l.place(ctx, orders.Request{Password: password})
	if number == "" || !l.withdraw(ctx, number, password) {
		return
	}
	twice(func() {
		l.do(download, number, func(o *operation) {
			file, err := l.platform().PKCS12(ctx, number, "", "modern", password)
			if conclude(o, err) {
				o.sum = sum(file.Data)
			}
		})
	})
}

// revoke revokes a certificate, again until that is acknowledged.
func (l *load) revoke(ctx context.Context) {
	l.mu.Lock()
	if len(l.doomed) == 0 {
		l.mu.Unlock()
		return
	}
	i := mathrand.IntN(len(l.doomed))
	certificate := l.doomed[i]
	l.doomed = slices.Delete(l.doomed, i, i+1)
	l.revoked = append(l.revoked, certificate)
	l.mu.Unlock()
	serial := serialOf(certificate)
	for range 20 {
		o := l.do(revoke, serial, func(o *operation) { l.revokeSerial(ctx, serial, o) })
		if o.outcome != unknown {
			return
		}
		time.Sleep(100 * time.Millisecond)
	}
}

func (l *load) revokeSerial(ctx context.Context, serial string, o *operation) {
	p := l.platform()
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, p.URL+api.Prefix+"certificates/"+serial+"/revoke",
		strings.NewReader(`{"reason": "superseded"}`))
	if err != nil {
		l.Error(err)
		return
	}
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("Authorization", "Bearer "+l.revoker)
	if _, body, err := l.send(p.HTTP, r, o); err == nil && o.outcome != ok {
		var problem api.Problem
		json.Unmarshal(body, &problem)
		o.failure += " " + problem.Code
	}
}
