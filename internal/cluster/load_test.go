//go:build linux

package cluster

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	mathrand "math/rand/v2"
	"net"
	"net/http"
	"net/http/cookiejar"
	"strings"
	"sync"
	"time"

	"github.com/igc-lab/igc/internal/postgrestest"
	"github.com/igc-lab/igc/services/orders/api"
)

// load is the clients of a lab: they know its name, and each request may come to another node.
type load struct {
	*cluster
	*history
	database    *postgrestest.Pair
	roots       *x509.CertPool
	authorities []*x509.Certificate
	tokens      []string // of the ordering platform, of those who order
	revoker     string   // the token of those who revoke
	psc         struct{ client, secret string }
	csr         string

	mu      sync.Mutex
	issued  []*x509.Certificate // that nobody revokes
	doomed  []*x509.Certificate // to be revoked
	revoked []*x509.Certificate // whose revocation was asked for, the newest last
}

const (
	structure      = "10B0057881"
	password       = "cheval correct"
	revocationCode = "code-de-revocation"
)

// patience is how long a client waits for an answer. Writers on the server have ten seconds.
const patience = 15 * time.Second

// newLoad registers the clients with a lab that is served.
func newLoad(c *cluster, database *postgrestest.Pair) *load {
	c.Helper()
	l := &load{cluster: c, history: newHistory(), database: database, roots: x509.NewCertPool()}
	first := c.nodes[0]
	if !l.roots.AppendCertsFromPEM([]byte(first.Must("show", "--pem", "ACR-EL"))) {
		c.Fatal("no root certificate")
	}
	for i := range 3 {
		l.tokens = append(l.tokens, strings.TrimSpace(first.Must("token", "add", fmt.Sprint("client", i), "--scope",
			"orders:read", "--scope", "orders:write", "--role", "administrateur-technique:"+structure)))
	}
	l.revoker = strings.TrimSpace(first.Must("token", "add", "revoker", "--scope", "revoke", "--scope", "orders:read",
		"--role", "mandataire:"+structure))
	var registered struct {
		ID     string `json:"client_id"`
		Secret string `json:"client_secret"`
	}
	text := first.Must("psc", "client", "add", "--json", "--redirect", redirect, "app")
	if err := json.Unmarshal([]byte(text), &registered); err != nil {
		c.Fatalf("%v: %s", err, text)
	}
	l.psc.client, l.psc.secret = registered.ID, registered.Secret
	first.Must("ecps", "activate", doctor, "--pin", "1234")
	first.Must("ecps", "policy", "approve")
	for _, r := range first.List() {
		if !r.IsAuthority() {
			continue
		}
		certificate, err := r.Certificate()
		if err != nil {
			c.Fatal(err)
		}
		l.authorities = append(l.authorities, certificate)
	}
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		c.Fatal(err)
	}
	der, err := x509.CreateCertificateRequest(
		rand.Reader,
		&x509.CertificateRequest{Subject: pkix.Name{CommonName: "DMP"}},
		key,
	)
	if err != nil {
		c.Fatal(err)
	}
	l.csr = string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE REQUEST", Bytes: der}))
	return l
}

// http makes a client with connections of its own, which are not kept: the next request comes to
// another node.
func (l *load) http() *http.Client {
	jar, err := cookiejar.New(nil)
	if err != nil {
		panic(err) // it has no options
	}
	return &http.Client{Timeout: patience, Jar: jar,
		Transport: &http.Transport{DialContext: l.dial, DisableKeepAlives: true, Proxy: nil,
			TLSClientConfig: &tls.Config{RootCAs: l.roots}},
		CheckRedirect: func(r *http.Request, via []*http.Request) error {
			if strings.HasPrefix(r.URL.String(), redirect) || len(via) > 10 {
				return http.ErrUseLastResponse
			}
			return nil
		}}
}

// platform is a client of the ordering platform.
func (l *load) platform() *api.Client {
	return &api.Client{HTTP: l.http(), URL: l.url("https", deskPort), Token: l.tokens[mathrand.IntN(len(l.tokens))]}
}

// run has the clients work until ctx ends. An operation that has begun ends.
func (l *load) run(ctx context.Context, pace time.Duration) *sync.WaitGroup {
	var workers sync.WaitGroup
	work := func(clients int, pause time.Duration, do func(context.Context)) {
		for range clients {
			workers.Go(func() {
				for ctx.Err() == nil {
					do(context.WithoutCancel(ctx))
					select {
					case <-ctx.Done():
					case <-time.After(pause/2 + mathrand.N(pause)):
					}
				}
			})
		}
	}
	work(2, 10*pace, l.order)
	work(1, 10*pace, l.orderPKCS12)
	work(1, 15*pace, l.revoke)
	work(2, 10*pace, l.login)
	work(3, pace, func(ctx context.Context) { l.ask(ctx, nil) })
	work(2, 4*pace, func(ctx context.Context) { l.fetch(ctx, nil) })
	work(1, 100*pace, l.publish)
	// HAProxy leaves a node that stands still or was away. What it says is asked of itself.
	for _, n := range l.nodes {
		work(2, 3*pace, func(ctx context.Context) { l.ask(ctx, n) })
		work(1, 6*pace, func(ctx context.Context) { l.fetch(ctx, n) })
	}
	return &workers
}

// cause names a failure of a connection.
func cause(err error) string {
	text := err.Error()
	var timeout net.Error
	switch {
	case errors.As(err, &timeout) && timeout.Timeout(), strings.Contains(text, "Client.Timeout"),
		strings.Contains(text, "deadline exceeded"):
		return "no answer in " + patience.String()
	case strings.Contains(text, "EOF"),
		strings.Contains(text, "reset by peer"),
		strings.Contains(text, "broken pipe"):
		return "connection cut"
	case strings.Contains(text, "connection refused"):
		return "connection refused"
	}
	return text[strings.LastIndex(text, ": ")+1:]
}

// send makes a request, and says what became of the operation by the status of the answer.
func (l *load) send(
	client *http.Client,
	r *http.Request,
	o *operation,
) (answer *http.Response, body []byte, err error) {
	answer, err = client.Do(r)
	if err == nil {
		defer answer.Body.Close()
		body, err = io.ReadAll(answer.Body)
	}
	switch {
	case err != nil:
		o.outcome, o.failure = unknown, cause(err)
	case answer.StatusCode < 400:
		o.outcome = ok
	case answer.StatusCode < 500:
		o.outcome, o.failure = refused, fmt.Sprint(answer.StatusCode)
	default:
		o.outcome, o.failure = unknown, fmt.Sprint(answer.StatusCode)
	}
	return answer, body, err
}
