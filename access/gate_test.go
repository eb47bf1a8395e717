package access

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/igc-lab/igc/ca"
	"github.com/igc-lab/igc/internal/i18n"
	"github.com/igc-lab/igc/verify"
)

// code is the code of a denial, empty for none.
func code(t *testing.T, err error) DenialCode {
	t.Helper()
	var denied *Denied
	if err != nil && !errors.As(err, &denied) {
		t.Fatal(err)
	}
	if denied == nil {
		return ""
	}
	if text := denied.Text(); text.FR == "" || text.EN == "" || text.FR == text.EN {
		t.Errorf("%s: %+v", denied.Code, text)
	}
	return denied.Code
}

// Certificates: cards and AUTH_CLI let in as who they are, others do not.
func TestGateCertificates(t *testing.T) {
	w := newWorld(t)
	w.grant(t, alainID, Legal, damesID)
	w.grant(t, hopitalID, Technical, "10B0039129")
	for _, test := range []struct {
		fixture, id, structure string
		way                    Way
		grants                 int
		code                   DenialCode
	}{
		{fixture: "alain", id: alainID, way: Card, grants: 1},
		{fixture: "charles", id: charlesID, structure: damesID, way: Card},
		{fixture: "hopital", id: hopitalID, structure: "10B0039129", way: Certificate, grants: 1},
		{fixture: "assistante", id: "10B608876500/CPET0001", structure: "00B608876500", way: Card},
		{fixture: "serveur", code: DeniedProduct}, {fixture: "cecile", code: DeniedProduct},
		{fixture: "ministere", code: DeniedCard}, // not for authentication: the report says so
		{fixture: "", code: DeniedNobody},
	} {
		c, err := w.gate.Caller(w.with(t, "GET", test.fixture))
		if got := code(t, err); got != test.code {
			t.Errorf("%s: %q, want %q", test.fixture, got, test.code)
			continue
		}
		var denied *Denied
		if errors.As(err, &denied) {
			if (denied.Report == nil) != (test.fixture == "") {
				t.Errorf("%s: report %v", test.fixture, denied.Report)
			}
			continue
		}
		if c.ID != test.id || c.Structure != test.structure || c.Way != test.way || len(c.Grants) != test.grants ||
			c.Actor != string(test.way)+":"+test.id || c.Serial != w.records[test.fixture].Serial ||
			c.Authority != w.records[test.fixture].Authority || c.Name == "" {
			t.Errorf("%s: %+v", test.fixture, c)
		}
	}
}

// What ends is refused at the next request of the same connection: a card revoked, on hold or
// expired, a role, a token.
func TestGateAsksAnew(t *testing.T) {
	w := newWorld(t)
	w.grant(t, alainID, Administrator, "")
	request := w.with(t, "GET", "alain")
	may := func() error {
		c, err := w.gate.Caller(request)
		if err != nil {
			return err
		}
		return c.May(Administer, Target{})
	}
	if err := may(); err != nil {
		t.Fatal(err)
	}
	if _, err := w.Remove(t.Context(), w.owner, Grant{Holder: alainID, Role: Administrator}); err != nil {
		t.Fatal(err)
	}
	var refused *Refused
	if err := may(); !errors.As(err, &refused) || refused.Code != RefusedRole {
		t.Errorf("without the role: %v", err)
	}
	w.grant(t, alainID, Administrator, "")
	number := w.records["alain"].Holder.CardNumber
	w.Change(t, ca.StatusChange{Card: number, Reason: "certificateHold"})
	if got := code(t, may()); got != DeniedCard {
		t.Errorf("on hold: %q", got)
	}
	w.Change(t, ca.StatusChange{Card: number, Release: true})
	if err := may(); err != nil {
		t.Errorf("the hold ended: %v", err)
	}
	w.Change(t, ca.StatusChange{Card: number, Reason: "keyCompromise"})
	err := may()
	var denied *Denied
	if !errors.As(err, &denied) || denied.Report == nil || denied.Report.Failed().Code != "REV-CRL-REVOKED" ||
		!strings.Contains(denied.Text().FR, "REV-CRL-REVOKED") {
		t.Errorf("revoked: %v", err)
	}
	w.Now = w.Now.AddDate(4, 0, 0)
	if _, err := w.gate.Caller(w.with(t, "GET", "charles")); code(t, err) != DeniedCard {
		t.Errorf("expired: %v", err)
	}
}

func TestGateTokens(t *testing.T) {
	w := newWorld(t)
	token := w.token(t, Bearer{Name: "ci", Scopes: []Scope{ReadOrders}, Grants: []Grant{{Role: Agent,
		Structure: damesID}}})
	local := 0
	w.gate.Local = func(*http.Request) *Caller { local++; return w.owner }
	ask := func(headers ...string) (*Caller, error) {
		r := w.with(t, "GET", "alain") // whose certificate does not help a wrong token
		for _, h := range headers {
			r.Header.Add("Authorization", h)
		}
		return w.gate.Caller(r)
	}
	c, err := ask("Bearer " + token)
	if err != nil || c.Way != Token || c.Actor != "token:ci" || c.ID != "ci" || len(c.Grants) != 1 ||
		len(c.Scopes) != 1 {
		t.Fatalf("%+v, %v", c, err)
	}
	if err := c.May(Follow, Target{Structure: damesID}); err != nil {
		t.Error(err)
	}
	if c.May(Follow, Target{Structure: otherID}) == nil || c.May(OrderCard, Target{Structure: damesID}) == nil {
		t.Error("beyond its role or scope")
	}
	if c, err := ask("bearer  " + token + " "); err != nil || c.ID != "ci" {
		t.Errorf("%v", err)
	}
	before, err := w.Changes(t.Context(), 0, 10000)
	if err != nil {
		t.Fatal(err)
	}
	if list, err := w.Tokens(t.Context()); err != nil || list[0].Used != "2026-11-22" {
		t.Errorf("%+v, %v", list, err)
	}
	last := token[len(token)-1:]
	other := map[string]string{"a": "b"}[last]
	if other == "" {
		other = "a"
	}
	for header, want := range map[string]DenialCode{
		"Bearer " + token[:len(token)-1] + other: DeniedToken,
		"Bearer " + token[:len(token)-1]:         DeniedToken,
		"Bearer " + token + "a":                  DeniedToken,
		"Bearer " + strings.ToUpper(token):       DeniedToken,
		"Bearer igc_xy_" + token[7:]:             DeniedToken,
		"Bearer igc_../../x_" + token[7:]:        DeniedToken,
		"Bearer ":                                DeniedToken,
		"Bearer":                                 DeniedTokenForm,
		"":                                       DeniedTokenForm,
		"Basic " + token:                         DeniedTokenForm,
		token:                                    DeniedTokenForm,
	} {
		w.gate.Limiter = NewLimiter(DefaultRates())
		if _, err := ask(header); code(t, err) != want {
			t.Errorf("%.20q: %v, want %s", header, err, want)
		}
	}
	if _, err := ask("Bearer "+token, "Bearer "+token); code(t, err) != DeniedTokenForm {
		t.Errorf("two headers: %v", err)
	}
	if local != 0 {
		t.Error("a refused token was let in as the owner")
	}
	after, err := w.Changes(t.Context(), 0, 10000)
	if err != nil || len(after) != len(before) {
		t.Errorf("uses of a token are in the feed: %+v, %v", after[len(before):], err)
	}
	w.Now = w.Now.AddDate(0, 0, 90)
	if _, err := ask("Bearer " + token); code(t, err) != DeniedTokenEnded {
		t.Errorf("ended: %v", err)
	}
}

// Whose page it is that makes a browser send a card's certificate, or come from loopback.
func TestGateOrigin(t *testing.T) {
	w := newWorld(t)
	token := w.token(t, Bearer{Name: "ci", Scopes: Scopes(), Grants: []Grant{{Role: Administrator}}})
	for _, test := range []struct {
		method, site, origin string
		want                 DenialCode
	}{
		{"POST", "same-origin", "https://localhost", ""}, {"POST", "none", "", ""}, {"POST", "", "", ""},
		{"POST", "", "https://localhost", ""}, {"GET", "cross-site", "", ""},
		{"POST", "cross-site", "", DeniedOrigin}, {"POST", "same-site", "", DeniedOrigin}, {"POST", "", "null",
			DeniedOrigin},
		{"POST", "", "https://evil.test", DeniedOrigin}, {"DELETE", "", "https://localhost:9", DeniedOrigin},
	} {
		set := func(r *http.Request) *http.Request {
			if r.Host = "localhost"; test.site != "" {
				r.Header.Set("Sec-Fetch-Site", test.site)
			}
			if test.origin != "" {
				r.Header.Set("Origin", test.origin)
			}
			return r
		}
		w.gate.Local = nil
		if _, err := w.gate.Caller(set(w.with(t, test.method, "alain"))); code(t, err) != test.want {
			t.Errorf("card, %+v: %v", test, err)
		}
		w.gate.Local = func(*http.Request) *Caller { return w.owner }
		if _, err := w.gate.Caller(set(w.with(t, test.method, ""))); code(t, err) != test.want {
			t.Errorf("local, %+v: %v", test, err)
		}
		r := set(w.with(t, test.method, ""))
		r.Header.Set("Authorization", "Bearer "+token) // no browser adds it by itself
		if _, err := w.gate.Caller(r); err != nil {
			t.Errorf("token, %+v: %v", test, err)
		}
	}
}

// One actor's requests are limited, and no other's; so are the wrong tokens of one address, and a
// valid one from there is let in.
func TestGateLimits(t *testing.T) {
	w := newWorld(t)
	token := w.token(t, Bearer{Name: "ci", Scopes: Scopes(), Grants: []Grant{{Role: Administrator}}})
	now := time.Now()
	rates := Rates{Reads: Rate{10, 4}, Writes: Rate{1, 2}, Failures: Rate{1, 3}, Actors: 50}
	w.gate.Limiter = NewLimiter(rates)
	w.gate.Limiter.now = func() time.Time { return now }
	count := func(n int, r *http.Request) (through int, last error) {
		for range n {
			if _, err := w.gate.Caller(r); err == nil {
				through++
			} else {
				last = err
			}
		}
		return through, last
	}
	if n, err := count(10, w.with(t, "POST", "alain")); n != 2 || code(t, err) != DeniedRate {
		t.Errorf("writes: %d, %v", n, err)
	}
	if n, _ := count(10, w.with(t, "GET", "alain")); n != 4 {
		t.Errorf("reads: %d", n)
	}
	if n, _ := count(10, w.with(t, "POST", "charles")); n != 2 {
		t.Errorf("of another: %d", n)
	}
	now = now.Add(time.Second)
	if n, _ := count(10, w.with(t, "POST", "alain")); n != 1 {
		t.Errorf("a second later: %d", n)
	}
	attempt := func(address, token string) DenialCode {
		r := w.with(t, "GET", "")
		r.RemoteAddr = address
		r.Header.Set("Authorization", "Bearer "+token)
		_, err := w.gate.Caller(r)
		return code(t, err)
	}
	for i := range 5 {
		want := DeniedToken
		if i > 2 {
			want = DeniedAttempts
		}
		if got := attempt(fmt.Sprintf("[2001:db8::%d]:%d", i, 1000+i), "x"); got != want {
			t.Errorf("attempt %d: %q", i, got)
		}
	}
	if got := attempt("[2001:db8:0:1::1]:1", "x"); got != DeniedToken {
		t.Errorf("from another network: %q", got)
	}
	if got := attempt("[2001:db8::9]:1", token); got != "" {
		t.Errorf("a valid token from there: %q", got)
	}
	for i := range 10_000 {
		w.gate.Limiter.failure(fmt.Sprint(i))
		w.gate.Limiter.request(fmt.Sprint(i), i%2 == 0)
	}
	for _, b := range []*buckets{&w.gate.Limiter.reads, &w.gate.Limiter.writes, &w.gate.Limiter.failures} {
		if len(b.byKey) != rates.Actors || b.order.Len() != rates.Actors {
			t.Errorf("%d and %d are remembered", len(b.byKey), b.order.Len())
		}
	}
}

// The handler behind a gate has the caller; others get an answer with a code, in both languages.
func TestGateHandler(t *testing.T) {
	w := newWorld(t)
	h := w.gate.Handler(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		if c := CallerFrom(r.Context()); c == nil || c.ID != alainID {
			t.Errorf("%+v", c)
		}
	}))
	answer := httptest.NewRecorder()
	h.ServeHTTP(answer, w.with(t, "GET", "alain"))
	if answer.Code != 200 {
		t.Errorf("%d", answer.Code)
	}
	answer = httptest.NewRecorder()
	h.ServeHTTP(answer, w.with(t, "GET", ""))
	var got struct {
		Code    DenialCode
		Message i18n.Text
	}
	if err := json.Unmarshal(answer.Body.Bytes(), &got); err != nil || answer.Code != 401 || got.Code != DeniedNobody ||
		answer.Header().Get("WWW-Authenticate") != `Bearer realm="igc"` ||
		answer.Header().Get("Cache-Control") != "no-store" {
		t.Errorf("%d %s %v", answer.Code, answer.Body, answer.Header())
	}
	r := w.with(t, "GET", "serveur")
	r.Header.Set("Accept", "text/html,*/*")
	answer = httptest.NewRecorder()
	h.ServeHTTP(answer, r)
	if answer.Code != 403 || !strings.HasPrefix(answer.Body.String(), "ACCESS-PRODUCT\n") {
		t.Errorf("%d %s", answer.Code, answer.Body)
	}
	w.gate.Refuse = func(rw http.ResponseWriter, _ *http.Request, d *Denied) {
		rw.WriteHeader(d.Status())
		fmt.Fprint(rw, d.Report.Verdict)
	}
	answer = httptest.NewRecorder()
	h.ServeHTTP(answer, r)
	if answer.Code != 403 || answer.Body.String() != "OK" {
		t.Errorf("%d %s", answer.Code, answer.Body)
	}
	w.gate.Refuse = nil
	w.gate.Verifier = broken{} // it lets nobody in, and does not tell why
	w.gate.Local = func(*http.Request) *Caller { return w.owner }
	answer = httptest.NewRecorder()
	h.ServeHTTP(answer, w.with(t, "GET", "alain"))
	if answer.Code != 503 || strings.Contains(answer.Body.String(), "disk") {
		t.Errorf("%d %s", answer.Code, answer.Body)
	}
	if CallerFrom(t.Context()) != nil {
		t.Error("a caller without a gate")
	}
}

type broken struct{}

func (broken) Check(context.Context, *tls.ConnectionState) (*verify.Report, error) {
	return nil, errors.New("the disk is gone")
}
