package psc

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/igc-lab/igc/ca/store"
)

var parKind = store.DocumentKind{Name: "psc.par"}

// requestURIPrefix is that of RFC 9126 §2.2.
const requestURIPrefix = "urn:ietf:params:oauth:request_uri:"

// pushed is an authorization request that a client pushed, under the digest of its request_uri.
type pushed struct {
	Client  string     `json:"client"`
	Params  url.Values `json:"params"`
	Expires time.Time  `json:"expires"`
}

// par takes an authorization request from the client itself (RFC 9126) and returns the address that
// stands for it, once.
func (p *Provider) par(w http.ResponseWriter, r *http.Request, call *Call, settings *Settings) error {
	c, _, err := p.authenticate(r, call)
	if err != nil {
		return err
	}
	if r.PostForm.Get("request_uri") != "" {
		return badRequest("It is not allowed to include request_uri to PAR.", "PSC-PARAMETER", "request_uri")
	}
	params := url.Values{}
	for name, values := range r.PostForm {
		if name != "client_secret" {
			params[name] = values
		}
	}
	if _, f := p.request(c, params, call); f != nil {
		f.status = http.StatusBadRequest
		return f
	}
	uri := requestURIPrefix + random()
	write, err := put(parKind, digest(uri), pushed{c.ID, params,
		p.Now().Add(time.Duration(settings.PARTTL) * time.Second)},
		p.until(settings.PARTTL), nil)
	if err != nil {
		return err
	}
	if _, err := p.Documents.WriteDocuments(r.Context(), "", write); err != nil {
		return err
	}
	p.json(w, http.StatusCreated, struct {
		RequestURI string `json:"request_uri"`
		ExpiresIn  int    `json:"expires_in"`
	}{uri, settings.PARTTL})
	return nil
}

// spendPAR takes the request that a request_uri stands for; it stands for it once.
func (p *Provider) spendPAR(ctx context.Context, c *Client, uri string) (url.Values, *failure, error) {
	if !strings.HasPrefix(uri, requestURIPrefix) {
		return nil, badRequest("Invalid parameter: request_uri", "PSC-PAR", uri), nil
	}
	key := digest(uri)
	pushed, version, err := get[pushed](ctx, p.Documents, parKind, key)
	if err != nil {
		return nil, nil, err
	}
	if pushed == nil || pushed.Client != c.ID || !p.Now().Before(pushed.Expires) {
		return nil, badRequest("PAR not found. not issued or used multiple times.", "PSC-PAR", uri), nil
	}
	_, err = p.Documents.WriteDocuments(ctx, "", store.DocumentWrite{Kind: parKind, Key: key, Delete: true,
		IfVersion: &version})
	if errors.Is(err, store.ErrSwap) {
		return nil, badRequest("PAR not found. not issued or used multiple times.", "PSC-PAR", uri), nil
	}
	return pushed.Params, nil, err
}
