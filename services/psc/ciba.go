package psc

import (
	"context"
	"errors"
	"net/http"
	"regexp"
	"sync"
	"time"

	"github.com/igc-lab/igc/ca/store"
	"github.com/igc-lab/igc/services/ecps"
)

var cibaKind = store.DocumentKind{Name: "psc.ciba"}

// cibaRequest is a backchannel authentication request, under the digest of its auth_req_id.
type cibaRequest struct {
	Client  string    `json:"client"`
	Person  string    `json:"person"`
	Scope   string    `json:"scope"`
	Channel string    `json:"channel"` // MOBILE or CARD
	Message string    `json:"message,omitempty"`
	ECPS    string    `json:"ecps,omitempty"` // the request on the phone
	Created time.Time `json:"created"`
	Expires time.Time `json:"expires"`
	Answer  string    `json:"answer,omitempty"` // of the card channel: approved, refused
	At      time.Time `json:"at,omitzero"`      // of the answer
	Card    *card     `json:"card,omitempty"`
	Grant   string    `json:"grant,omitempty"` // what it was traded for
}

// bindingMessage is the form that Keycloak takes (reference §2.11): no spaces.
var bindingMessage = regexp.MustCompile(`^[a-zA-Z0-9\-._+/!?#]{1,50}$`)

// longestOnPhone is the longest that package ecps waits for an answer. A CIBA request that lasts
// longer ends when it does on the phone.
const longestOnPhone = time.Hour

var twoDigits = regexp.MustCompile(`^[0-9]{2}$`)

// ciba takes a backchannel authentication request (OpenID CIBA Core §7.1), in poll mode. The checks
// are in Keycloak's order, with its texts.
func (p *Provider) ciba(w http.ResponseWriter, r *http.Request, call *Call, settings *Settings) error {
	ctx, form := r.Context(), r.PostForm
	c, _, err := p.authenticate(r, call)
	if err != nil {
		return err
	}
	if c.NoCIBA {
		return fault(400, "invalid_grant", "Client not allowed OIDC CIBA Grant", "PSC-CIBA-OFF", c.ID)
	}
	hint := form.Get("login_hint")
	call.Person = hint
	if hint == "" {
		return badRequest("missing parameter : login_hint", "PSC-PARAMETER", "login_hint")
	}
	person, err := p.person(ctx, hint)
	if err != nil {
		return err
	}
	if person == nil {
		code := Code("PSC-HINT-UNKNOWN")
		if bareRPPS.MatchString(hint) {
			code = "PSC-NO-8"
		}
		return badRequest("invalid user", code, hint)
	}
	if form.Get("scope") == "" {
		return badRequest("missing parameter : scope", "PSC-SCOPE", "")
	}
	scope, f := grantedScope(form.Get("scope"))
	if f != nil {
		return fault(400, "invalid_scope", "Invalid scopes: "+form.Get("scope"), "PSC-SCOPE", form.Get("scope"))
	}
	message := form.Get("binding_message")
	if message != "" && !bindingMessage.MatchString(message) {
		return fault(400, "invalid_binding_message",
			"the binding_message value has to be plain text and a maximum of 50 characters", "PSC-BINDING-MESSAGE",
			message)
	}
	switch {
	case form.Get("user_code") != "":
		return badRequest("User code not supported", "PSC-CIBA-PARAMETER", "user_code")
	case form.Get("client_notification_token") != "":
		return badRequest("Client Notification Token is not supported in poll mode", "PSC-CIBA-PARAMETER",
			"client_notification_token")
	}
	if form.Get("acr_values") != "eidas1" {
		call.found("PSC-ACR", form.Get("acr_values"))
	}
	ttl := time.Duration(settings.CIBATTL) * time.Second
	if v := form.Get("requested_expiry"); v != "" {
		d, err := time.ParseDuration(v + "s")
		if err != nil || d < time.Second || d > 24*time.Hour {
			return badRequest("invalid parameter : requested_expiry", "PSC-PARAMETER", v)
		}
		ttl = d // the answer's expires_in stays the realm's, as Keycloak's
	}
	now := p.Now()
	request := cibaRequest{Client: c.ID, Person: person.ID, Scope: scope, Channel: "MOBILE", Message: message,
		Created: now, Expires: now.Add(ttl)}
	switch channel := form.Get("channel"); channel {
	case "", "MOBILE":
		asked := ecps.Asked{Person: person.ID, ClientID: c.ID, ClientName: c.Name, Message: message, TTL: min(ttl,
			longestOnPhone)}
		if twoDigits.MatchString(message) {
			asked.Number = message
		}
		on, err := p.ECPS.Ask(ctx, asked)
		if ecpsCode(err) != "" {
			return fault(503, "server_error", "Failed to send authentication request", "PSC-NO-ECPS", ecpsCode(err))
		}
		if err != nil {
			return err
		}
		request.ECPS = on.ID
	case "CARD":
		request.Channel = "CARD"
	default:
		return badRequest("invalid parameter : channel", "PSC-PARAMETER", channel)
	}
	id := random()
	keep := settings.Interval + 10 // so that expired_token can be told
	write, err := put(cibaKind, digest(id), request, p.until(int(ttl.Seconds())+keep), nil)
	if err != nil {
		return err
	}
	if _, err := p.Documents.WriteDocuments(ctx, "", write); err != nil {
		return err
	}
	p.json(w, http.StatusOK, struct {
		AuthReqID string `json:"auth_req_id"`
		ExpiresIn int    `json:"expires_in"`
		Interval  int    `json:"interval,omitempty"`
	}{id, settings.CIBATTL, settings.Interval})
	return nil
}

// ecpsCode is the code of an error of the e-CPS that a person can do something about, empty for
// another error.
func ecpsCode(err error) string {
	return string(ecps.CodeOf(err))
}

// polls remembers when each auth_req_id was polled last, and which were told that it is over.
type polls struct {
	mu    sync.Mutex
	last  map[string]poll
	swept time.Time
}

type poll struct {
	at    time.Time
	extra time.Duration // added by slow_down
	over  bool
}

// A poll is forgotten after an hour, which is looked for each minute, and all are when they are too
// many.
const (
	pollKept  = time.Hour
	pollSweep = time.Minute
	maxPolls  = 100_000
)

// note gives change what is remembered of an auth_req_id.
func (p *polls) note(key string, now time.Time, change func(*poll, bool)) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.last == nil || len(p.last) >= maxPolls {
		p.last = map[string]poll{}
	}
	if now.Sub(p.swept) >= pollSweep {
		left := map[string]poll{} // a map that was large stays so
		for key, old := range p.last {
			if now.Sub(old.at) <= pollKept {
				left[key] = old
			}
		}
		p.last, p.swept = left, now
	}
	last, polled := p.last[key]
	change(&last, polled)
	last.at = now
	p.last[key] = last
}

// tooFast notes a poll, and tells whether it came too early.
func (p *polls) tooFast(key string, now time.Time, interval time.Duration) (early bool) {
	p.note(key, now, func(last *poll, polled bool) {
		if early = polled && now.Sub(last.at) < interval+last.extra; early {
			last.extra += 5 * time.Second // OpenID CIBA Core §7.3
		}
	})
	return early
}

// isOver notes that the client was told the end, and tells whether it had been told before.
func (p *polls) isOver(key string, now time.Time) (before bool) {
	p.note(key, now, func(last *poll, _ bool) { before, last.over = last.over, true })
	return before
}

func (p *polls) forget(key string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	delete(p.last, key)
}

// redeemCIBA answers a poll (OpenID CIBA Core §10.1, §11; the texts are Keycloak's).
func (p *Provider) redeemCIBA(r *http.Request, call *Call, settings *Settings, c *Client,
	thumbprint []byte) (*tokens, error) {
	ctx, id := r.Context(), r.PostForm.Get("auth_req_id")
	if c.NoCIBA {
		return nil, invalidGrant("Client not allowed OIDC CIBA Grant", "PSC-CIBA-OFF", c.ID)
	}
	if id == "" {
		return nil, badRequest("Missing parameter: auth_req_id", "PSC-PARAMETER", "auth_req_id")
	}
	key := digest(id)
	now := p.Now()
	open := func(r *cibaRequest) bool {
		keep := time.Duration(settings.Interval+10) * time.Second
		return r.Client == c.ID && r.Grant == "" && !now.After(r.Expires.Add(keep))
	}
	request, version, state, answered, err := p.poll(ctx, key, open)
	if err != nil {
		return nil, err
	}
	if request == nil {
		return nil, invalidGrant("Invalid Auth Req ID", "PSC-POLL-UNKNOWN", "")
	}
	call.Person = request.Person
	over := func(e, description string) error {
		if p.polls.isOver(key, now) {
			return fault(400, e, description, "PSC-POLL-AFTER-DENIAL", e)
		}
		return fault(400, e, description, "", "")
	}
	switch {
	case state == "refused":
		return nil, over("access_denied", "not authorized")
	case state != "approved" && !now.Before(request.Expires), state == "expired":
		return nil, over("expired_token", "authentication timed out")
	case p.polls.tooFast(key, now, time.Duration(settings.Interval)*time.Second):
		return nil, fault(400, "slow_down", "too early to access", "PSC-POLL-TOO-FAST", "")
	case state != "approved":
		return nil, fault(400, "authorization_pending",
			"The authorization request is still pending as the end-user hasn't yet been authenticated.", "", "")
	}
	return p.grantCIBA(ctx, call, settings, key, version, request, answered, thumbprint)
}

// poll returns a request and what became of it; nil when it is not open to who asks. Clients
// ask for the same one again and again, and nothing changes it while the phone has not answered: it
// is not read again then.
func (p *Provider) poll(ctx context.Context, key string, open func(*cibaRequest) bool) (r *cibaRequest,
	version uint64, state string, answered time.Time, err error) {
	if last := p.asked.Last(key); last != nil && last.ECPS != "" && open(last) {
		if state, answered, err = p.answer(ctx, last); err != nil || state == "" {
			return last, 0, state, answered, err
		}
	}
	r, version, err = p.cibaRequest(ctx, key)
	if err != nil || r == nil || !open(r) {
		return nil, 0, "", answered, err
	}
	state, answered, err = p.answer(ctx, r)
	return r, version, state, answered, err
}

// cibaRequest reads a request, a copy; nil when there is none.
func (p *Provider) cibaRequest(ctx context.Context, key string) (*cibaRequest, uint64, error) {
	doc, err := p.Documents.GetDocument(ctx, cibaKind, key)
	if store.KindOf(err) == store.NotFound {
		return nil, 0, nil
	}
	if err != nil {
		return nil, 0, err
	}
	known, err := p.asked.Parse(key, doc.Version, doc.Value, p.Now())
	if err != nil {
		return nil, 0, store.Errorf(store.Damaged, "the document %s/%s: %w", cibaKind.Name, key, err)
	}
	copied := *known
	return &copied, doc.Version, nil
}

// answer is what became of a request: approved, refused, expired or empty, and when.
func (p *Provider) answer(ctx context.Context, request *cibaRequest) (state string, at time.Time, err error) {
	if request.ECPS == "" {
		if gone, err := p.revoked(ctx, request.Card); err != nil || gone {
			return "refused", request.At, err
		}
		return request.Answer, request.At, nil
	}
	on, err := p.ECPS.Get(ctx, request.ECPS)
	if err != nil {
		return "", at, err
	}
	switch on.State {
	case ecps.StateApproved:
		return "approved", on.Answered, nil
	case ecps.StateRefused, ecps.StateBlocked:
		return "refused", on.Answered, nil
	case ecps.StateExpired:
		return "expired", at, nil
	}
	return "", at, nil
}

// grantCIBA opens a session and gives its tokens. The request is spent in the same write.
func (p *Provider) grantCIBA(ctx context.Context, call *Call, settings *Settings, key string, version uint64,
	request *cibaRequest,
	answered time.Time, thumbprint []byte) (*tokens, error) {
	person, err := p.person(ctx, request.Person)
	if err != nil {
		return nil, err
	}
	if person == nil {
		return nil, invalidGrant("User not found", "PSC-HINT-UNKNOWN", request.Person)
	}
	now := p.Now()
	s := &session{SID: uuid(), Person: request.Person, Mode: modeMobile, AuthTime: answered, Used: now,
		Card: request.Card}
	if request.Channel == "CARD" {
		s.Mode = modeCard
	}
	g := grant{ID: uuid(), Client: request.Client, Scope: request.Scope, Refresh: uuid(), Issued: now,
		CNF: bound(settings, thumbprint)}
	s.add(g, settings)
	t, err := p.sign(ctx, settings, s, &g, person, "")
	if err != nil {
		return nil, err
	}
	none := uint64(0)
	sessionWrite, err := p.writeSession(s, settings, &none)
	if err != nil {
		return nil, err
	}
	request.Grant = g.ID
	spent, err := put(cibaKind, key, request, p.until(settings.CIBATTL), &version)
	if err != nil {
		return nil, err
	}
	switch _, err := p.Documents.WriteDocuments(ctx, "", sessionWrite, spent); {
	case errors.Is(err, store.ErrSwap):
		return nil, invalidGrant("Invalid Auth Req ID", "PSC-POLL-UNKNOWN", "")
	case err != nil:
		return nil, err
	}
	p.polls.forget(key)
	return t, nil
}
