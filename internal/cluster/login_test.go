//go:build linux

package cluster

import (
	"context"
	"encoding/json"
	"net/http"
	"net/url"
	"regexp"
	"strings"
)

const (
	doctor       = "899700999909"
	redirect     = "http://localhost:3000/cb"
	tokenAddress = "/auth/realms/esante-wallet/protocol/openid-connect/token"
)

var loginField = regexp.MustCompile(`name="login" value="([^"]+)"`)

// login logs a person in with Pro Santé Connect, and trades the code for tokens.
func (l *load) login(ctx context.Context) {
	o := l.do(login, "", func(o *operation) { l.enter(ctx, o) })
	if o.outcome != ok {
		return
	}
	twice(func() { l.do(redeem, o.key, func(o *operation) { l.redeem(ctx, o) }) })
}

// enter goes through the login pages, to the code.
func (l *load) enter(ctx context.Context, o *operation) {
	b := l.http()
	page, _ := l.browse(ctx, b, o, http.MethodGet, "/auth?"+url.Values{
		"response_type": {
			"code",
		}, "client_id": {l.psc.client}, "redirect_uri": {redirect}, "scope": {"openid scope_all"},
		"acr_values": {"eidas1"}, "state": {"a-random-state"}, "nonce": {"a-random-nonce"}}.Encode(), nil)
	if o.outcome != ok {
		return
	}
	field := loginField.FindStringSubmatch(page)
	if field == nil {
		o.outcome, o.failure = refused, "no login page"
		return
	}
	form := url.Values{"login": {field[1]}, "identifiant": {doctor}}
	page, location := l.browse(ctx, b, o, http.MethodPost, "/auth/e-cps", form)
	if o.outcome != ok {
		return
	}
	to, err := url.Parse(location)
	if err != nil || to.Query().Get("code") == "" {
		o.outcome, o.failure = refused, "no code"
		l.Errorf("a login does not end with a code, but at %q: %.2000s", location, page)
		return
	}
	o.key = to.Query().Get("code")
}

// browse makes a request of a browser to the login pages. It returns the page that it came to, and
// where that leads.
func (l *load) browse(ctx context.Context, b *http.Client, o *operation, method, path string, form url.Values) (
	page, location string) {
	r, err := http.NewRequestWithContext(
		ctx,
		method,
		l.url("https", walletPort)+path,
		strings.NewReader(form.Encode()),
	)
	if err != nil {
		l.Error(err)
		return "", ""
	}
	if form != nil {
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	}
	r.Header.Set("Accept", "text/html")
	answer, body, err := l.send(b, r, o)
	if err != nil {
		return "", ""
	}
	return string(body), answer.Header.Get("Location")
}

// redeem trades a code for tokens.
func (l *load) redeem(ctx context.Context, o *operation) {
	form := url.Values{"grant_type": {"authorization_code"}, "code": {o.key}, "redirect_uri": {redirect}}
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, l.url("https", pscPort)+tokenAddress,
		strings.NewReader(form.Encode()))
	if err != nil {
		l.Error(err)
		return
	}
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.SetBasicAuth(l.psc.client, l.psc.secret)
	if _, body, err := l.send(l.http(), r, o); err == nil && o.outcome != ok {
		var answer struct{ Error string }
		json.Unmarshal(body, &answer)
		o.failure += " " + answer.Error
	}
}
