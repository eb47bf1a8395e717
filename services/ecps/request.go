package ecps

import (
	"cmp"
	"context"
	"slices"
	"strings"
	"time"

	"github.com/igc-lab/igc/ca/store"
	"github.com/igc-lab/igc/internal/i18n"
)

// State is the state of an authentication request.
type State string

// The states of a request. Of the first two it is pending.
const (
	StateSent     State = "sent"
	StateOpened   State = "opened" // accepted on the phone: PIN and number are to come
	StateApproved State = "approved"
	StateRefused  State = "refused"
	StateExpired  State = "expired" // computed: its end is past
	StateBlocked  State = "blocked" // by the last wrong PIN
)

// Pending reports whether an answer is still to come.
func (s State) Pending() bool { return s == StateSent || s == StateOpened }

// Asked is what a service asks a person to confirm.
type Asked struct {
	Person     string
	ClientID   string
	ClientName string
	Number     string        // two digits that the login page shows; drawn when empty
	Message    string        // shown on the phone
	TTL        time.Duration // that of the settings when 0, one hour at most
}

// Request is an authentication request, and its document.
type Request struct {
	ID         string    `json:"id"`
	Person     string    `json:"person"`
	ClientID   string    `json:"client_id"`
	ClientName string    `json:"client_name,omitempty"`
	Number     string    `json:"number"`
	Message    string    `json:"message,omitempty"`
	Choices    []string  `json:"choices"` // the number and two others, shuffled
	Created    time.Time `json:"created"`
	Expires    time.Time `json:"expires"`
	State      State     `json:"state"`
	Reason     Code      `json:"reason,omitempty"` // of the end, unless it was approved
	Answered   time.Time `json:"answered,omitzero"`
	Device     string    `json:"device"`             // ID
	Unlocked   bool      `json:"unlocked,omitempty"` // the PIN was right
	Wrong      int       `json:"wrong,omitempty"`    // numbers chosen
	Policy     *Policy   `json:"policy,omitempty"`   // that was in force when it was made
	Approval   *Approval `json:"approval,omitempty"`
	Redeemed   time.Time `json:"redeemed,omitzero"`
}

// Client is the name of the service that asks.
func (r *Request) Client() string { return cmp.Or(r.ClientName, r.ClientID) }

// Bounds of what a service asks.
const maxText = 400

// Ask makes a request to a person's phone. The code of the error is [NoECPS], [Expired] or
// [Blocked] when there is no e-CPS to ask.
func (s *Service) Ask(ctx context.Context, asked Asked) (*Request, error) {
	r, d, err := s.newRequest(ctx, asked)
	if err != nil {
		return nil, err
	}
	policy, err := s.policyFor(ctx, r.Person, r.ClientID)
	if err != nil {
		return nil, err
	}
	if r.Policy = policy; policy != nil && policy.Delay == 0 {
		if err := s.apply(r, d, r.Created); err != nil {
			return nil, err
		}
	}
	err = s.update(ctx, "", func() (change, error) {
		return change{writes: []store.DocumentWrite{writeRequest(r, 0)}}, nil
	})
	if err != nil {
		return nil, err
	}
	s.remindIfDue(ctx, *d)
	return r, nil
}

func (s *Service) newRequest(ctx context.Context, asked Asked) (*Request, *device, error) {
	now := s.now()
	ttl := cmp.Or(asked.TTL, s.settings.Request)
	r := &Request{ID: tag(asked.Person) + "." + s.secret(), Person: asked.Person, ClientID: asked.ClientID,
		ClientName: asked.ClientName, Number: asked.Number, Message: asked.Message, State: StateSent,
		Created: now, Expires: now.Add(ttl).Truncate(time.Millisecond)}
	switch {
	case asked.ClientID == "" || max(len(asked.ClientID), len(asked.ClientName), len(asked.Message)) > maxText:
		return nil, nil, refuse(BadRequest, "client")
	case ttl < time.Second || ttl > s.settings.longestAsked:
		return nil, nil, refuse(BadRequest, ttl)
	}
	if r.Number == "" {
		r.Number = s.number()
	}
	if !numberForm.MatchString(r.Number) {
		return nil, nil, refuse(BadNumber, r.Number)
	}
	r.Choices = []string{r.Number}
	for len(r.Choices) < 3 {
		if another := s.number(); !slices.Contains(r.Choices, another) {
			r.Choices = append(r.Choices, another)
		}
	}
	for i := len(r.Choices) - 1; i > 0; i-- {
		j := s.below(int64(i + 1))
		r.Choices[i], r.Choices[j] = r.Choices[j], r.Choices[i]
	}
	d, version, err := read[device](ctx, s, devices, asked.Person)
	if err == nil {
		err = s.usable(d, version, asked.Person)
	}
	r.Device = d.ID
	return r, &d, err
}

// number draws two digits, of which the first is not 0.
func (s *Service) number() string {
	n := 10 + s.below(90)
	return string([]byte{byte('0' + n/10), byte('0' + n%10)})
}

// writeRequest makes the write of a request, which stays in the store well after its end.
func writeRequest(r *Request, version uint64) store.DocumentWrite {
	stays := r.Expires.Add(unansweredStays)
	if !r.Answered.IsZero() {
		stays = r.Answered.Add(answeredStays)
	}
	return write(requests, r.ID, r, version, stays)
}

// end ends a request.
func (r *Request) end(state State, reason Code, at time.Time) {
	r.State, r.Reason, r.Answered = state, reason, at
}

// asOf is a request as it is now, as far as that can be said without a write: one whose time is
// over is expired, and one whose approval does not verify is refused.
func (s *Service) asOf(r Request) *Request {
	switch {
	case r.State.Pending() && !s.now().Before(r.Expires) && !s.due(&r):
		r.State, r.Reason = StateExpired, TimedOut
	case r.State == StateApproved && s.verify(&r) != nil:
		r.State, r.Reason = StateRefused, BadSignature
	}
	return &r
}

// due reports whether a policy with a delay is to be applied.
func (s *Service) due(r *Request) bool {
	if !r.State.Pending() || r.Policy == nil || !r.Policy.answers() {
		return false
	}
	at := r.Created.Add(r.Policy.Delay)
	return !s.now().Before(at) && at.Before(r.Expires)
}

// request reads a request, a copy; version is 0 when there is none.
func (s *Service) request(ctx context.Context, id string) (r Request, version uint64, err error) {
	doc, err := s.options.Documents.GetDocument(ctx, requests, id)
	if store.KindOf(err) == store.NotFound {
		return r, 0, nil
	}
	if err != nil {
		return r, 0, err
	}
	known, err := s.asked.Parse(id, doc.Version, doc.Value, s.now())
	if err != nil {
		return r, 0, err
	}
	return *known, doc.Version, nil
}

// load reads a request, and applies first what is due by its policy. version is that of the
// document, for a swap.
func (s *Service) load(ctx context.Context, id string) (r Request, version uint64, err error) {
	err = s.update(ctx, "", func() (c change, err error) {
		if r, version, err = s.request(ctx, id); err != nil || version == 0 || !s.due(&r) {
			return change{}, err
		}
		d, found, err := read[device](ctx, s, devices, r.Person)
		if err != nil {
			return change{}, err
		}
		at := r.Created.Add(r.Policy.Delay)
		if found == 0 || d.ID != r.Device {
			r.end(StateRefused, Replaced, at)
		} else if err := s.apply(&r, &d, at); err != nil {
			return change{}, err
		}
		return change{writes: []store.DocumentWrite{writeRequest(&r, version)}}, nil
	})
	if err == nil && (version == 0 || r.ID != id) {
		err = refuse(NoRequest, id)
	}
	return r, version, err
}

// Get returns a request as it is now. One that is approved has a signature that was verified: the
// code of the error is [BadSignature] when it does not fit.
func (s *Service) Get(ctx context.Context, id string) (*Request, error) {
	r, _, err := s.load(ctx, id)
	if err != nil {
		return nil, err
	}
	if r.State != StateApproved {
		return s.asOf(r), nil
	}
	if err := s.verify(&r); err != nil {
		return nil, err
	}
	return &r, nil
}

// storeAgain is how soon one who waits reads the store again: the answer may come from another node
// or from a command, and a policy's delay or the time of the request may be over.
const storeAgain = 500 * time.Millisecond

// Wait returns a request when it is no longer pending, or at a time of the machine's clock,
// whichever is sooner.
func (s *Service) Wait(ctx context.Context, id string, until time.Time) (*Request, error) {
	key := topic(requests, id)
	for {
		changed, leave := s.waiting.watch(key)
		r, err := s.Get(ctx, id)
		rest := time.Until(until)
		if err != nil || !r.State.Pending() || rest <= 0 {
			leave()
			return r, err
		}
		pause(ctx, changed, min(rest, storeAgain))
		leave()
		if err := ctx.Err(); err != nil {
			return r, err
		}
	}
}

// Redeem returns an approved request once: the second call fails with [Redeemed], a call before or
// without the approval with [Answered].
func (s *Service) Redeem(ctx context.Context, id string) (*Request, error) {
	var redeemed *Request
	err := s.update(ctx, "", func() (change, error) {
		r, version, err := s.load(ctx, id)
		switch {
		case err != nil:
			return change{}, err
		case r.State != StateApproved:
			return change{}, refuse(Answered, s.asOf(r).ending())
		case !r.Redeemed.IsZero():
			return change{}, refuse(Redeemed)
		}
		if err := s.verify(&r); err != nil {
			return change{}, err
		}
		r.Redeemed = s.now()
		redeemed = &r
		return change{writes: []store.DocumentWrite{writeRequest(&r, version)}}, nil
	})
	if err != nil {
		return nil, err
	}
	return redeemed, nil
}

// Cancel ends a request that its person quits on the PC. One that ended otherwise is left as it is.
func (s *Service) Cancel(ctx context.Context, id string) error {
	return s.update(ctx, "", func() (change, error) {
		r, version, err := s.load(ctx, id)
		if err != nil {
			return change{}, err
		}
		if now := s.asOf(r); !now.State.Pending() {
			if r.State == StateApproved {
				return change{}, refuse(Answered, now.ending())
			}
			return change{}, nil
		}
		r.end(StateRefused, Cancelled, s.now())
		return change{writes: []store.DocumentWrite{writeRequest(&r, version)}}, nil
	})
}

// Err is why a request is not approved, nil when it is; the code is that of its end, and [TimedOut]
// while it is pending.
func (r *Request) Err() error {
	switch {
	case r.State == StateApproved:
		return nil
	case r.State.Pending():
		return refuse(TimedOut)
	case r.Reason == BadSignature:
		return refuse(BadSignature, r.ID, r.Person)
	case r.Reason == Expired || r.Reason == Blocked:
		return refuse(r.Reason, r.Person)
	}
	return refuse(r.Reason)
}

// ending says how a request ended.
func (r *Request) ending() i18n.Text {
	switch {
	case r.State.Pending():
		return i18n.Text{FR: "en attente", EN: "pending"}
	case r.State == StateApproved:
		return i18n.Text{FR: "approuvée", EN: "approved"}
	case r.Reason == Expired || r.Reason == Blocked:
		return Code.text(r.Reason, r.Person)
	case r.Reason == BadSignature:
		return i18n.Text{FR: "signature fausse", EN: "wrong signature"}
	}
	return Code.text(r.Reason)
}

// endPending makes the writes that end the pending requests to a person, except one.
func (s *Service) endPending(ctx context.Context, person string, state State, reason Code,
	except string) (writes []store.DocumentWrite, err error) {
	all, versions, err := scan[Request](ctx, s, requests, tag(person)+".")
	for i, r := range all {
		if r.Person == person && r.ID != except && s.asOf(r).State.Pending() {
			r.end(state, reason, s.now())
			writes = append(writes, writeRequest(&r, versions[i]))
		}
	}
	return writes, err
}

// Open is the acceptance of a request on the phone: PIN and number come next.
func (s *Service) Open(ctx context.Context, device, id string) error {
	return s.answer(ctx, "", device, id, func(r *Request, d *answering) (change, error) {
		if r.State == StateOpened {
			return change{}, nil
		}
		r.State = StateOpened
		return change{writes: []store.DocumentWrite{writeRequest(r, d.request)}}, nil
	})
}

// Refuse is the refusal of a request by the owner of the lab.
func (s *Service) Refuse(ctx context.Context, actor, id string) error {
	return s.refuseOn(ctx, actor, "", id)
}

func (s *Service) refuseOn(ctx context.Context, actor, device, id string) error {
	return s.answer(ctx, actor, device, id, func(r *Request, d *answering) (change, error) {
		r.end(StateRefused, Refused, s.now())
		return change{writes: []store.DocumentWrite{writeRequest(r, d.request)}}, nil
	})
}

// Unlock is the PIN that is typed for a request. A wrong one is counted, and the last one blocks
// the e-CPS and ends its requests.
func (s *Service) Unlock(ctx context.Context, device, id, pin string) error {
	if pin = typed(pin); !pinForm.MatchString(pin) {
		return refuse(BadPIN)
	}
	return s.answer(ctx, "", device, id, func(r *Request, d *answering) (change, error) {
		c, err := s.tryPIN(ctx, r, d, pin)
		if err != nil || c.refusal != nil {
			return c, err
		}
		r.State, r.Unlocked = StateOpened, true
		c.writes = append(c.writes, writeRequest(r, d.request))
		return c, nil
	})
}

// Choose is the number that is chosen on the phone, after the PIN. The right one approves the
// request.
func (s *Service) Choose(ctx context.Context, device, id, number string) error {
	if number = typed(number); !numberForm.MatchString(number) {
		return refuse(BadNumber, number)
	}
	return s.answer(ctx, "", device, id, func(r *Request, d *answering) (change, error) {
		if !r.Unlocked {
			return change{}, refuse(PINFirst)
		}
		return s.choose(r, d, number)
	})
}

// Approve approves a request for the owner of the lab. The PIN and the number are those that would
// be typed on the phone, with the same consequences when they are wrong; an empty one is not asked
// for.
func (s *Service) Approve(ctx context.Context, actor, id, pin, number string) error {
	pin, number = typed(pin), typed(number)
	switch {
	case pin != "" && !pinForm.MatchString(pin):
		return refuse(BadPIN)
	case number != "" && !numberForm.MatchString(number):
		return refuse(BadNumber, number)
	}
	return s.answer(ctx, actor, "", id, func(r *Request, d *answering) (change, error) {
		var c change
		if pin != "" {
			var err error
			if c, err = s.tryPIN(ctx, r, d, pin); err != nil || c.refusal != nil {
				return c, err
			}
		}
		chosen, err := s.choose(r, d, cmp.Or(number, r.Number))
		chosen.writes = append(chosen.writes, c.writes...)
		return chosen, err
	})
}

// answering is the e-CPS that answers, with the versions of its document and of the request's.
type answering struct {
	device
	version, request uint64
}

// answer changes a request that is pending, by the phone that it was sent to. An empty device is
// that phone.
func (s *Service) answer(ctx context.Context, actor, device, id string, decide func(*Request, *answering) (change,
	error)) error {
	return s.update(ctx, actor, func() (change, error) {
		r, version, err := s.load(ctx, id)
		if err != nil {
			return change{}, err
		}
		if device != "" && device != r.Device {
			return change{}, refuse(OtherDevice)
		}
		switch now := s.asOf(r); {
		case now.State == StateExpired && now.Reason == TimedOut:
			return change{}, refuse(TimedOut)
		case !now.State.Pending():
			return change{}, refuse(Answered, now.ending())
		}
		d, err := s.deviceOf(ctx, &r)
		if err != nil {
			return change{}, err
		}
		d.request = version
		return decide(&r, d)
	})
}

// deviceOf returns the e-CPS that a request was sent to, if it is still active.
func (s *Service) deviceOf(ctx context.Context, r *Request) (*answering, error) {
	d, version, err := read[device](ctx, s, devices, r.Person)
	if err == nil && version > 0 && d.ID != r.Device {
		err = refuse(OtherDevice)
	}
	if err == nil {
		err = s.usable(d, version, r.Person)
	}
	return &answering{device: d, version: version}, err
}

// tryPIN compares a PIN. The e-CPS is written in either case, and only if nobody else did: of PINs
// that are tried at once, each is counted.
func (s *Service) tryPIN(ctx context.Context, r *Request, d *answering, pin string) (change, error) {
	var secrets deviceSecrets
	if err := s.unseal(secretsPurpose(d.ID), d.Secrets, &secrets); err != nil {
		return change{}, err
	}
	if secrets.PIN.matches(pin) {
		d.Tries = 0
		return change{writes: []store.DocumentWrite{s.writeDevice(&d.device, d.version)}}, nil
	}
	d.Tries++
	left := s.settings.PINTries - d.Tries
	if left > 0 {
		return change{[]store.DocumentWrite{s.writeDevice(&d.device, d.version)}, refuse(WrongPIN, left)}, nil
	}
	d.State, d.Ended = DeviceBlocked, s.now()
	r.end(StateBlocked, Blocked, s.now())
	writes, err := s.endPending(ctx, r.Person, StateBlocked, Blocked, r.ID)
	return change{append(writes, s.writeDevice(&d.device, d.version), writeRequest(r, d.request)),
		refuse(Blocked, r.Person)}, err
}

// choose approves a request by its number.
func (s *Service) choose(r *Request, d *answering, number string) (change, error) {
	if number == r.Number {
		if err := s.approve(r, &d.device, s.now()); err != nil {
			return change{}, err
		}
		return change{writes: []store.DocumentWrite{writeRequest(r, d.request)}}, nil
	}
	if r.Wrong++; r.Wrong >= s.settings.NumberTries {
		r.end(StateRefused, WrongNumber, s.now())
	}
	return change{[]store.DocumentWrite{writeRequest(r, d.request)}, refuse(WrongNumber)}, nil
}

// IsRequestID reports whether a word has the form of a request's ID, which no identifier of a
// person has.
func IsRequestID(word string) bool {
	person, rest, ok := strings.Cut(word, ".")
	return ok && len(person) == tagLength && len(rest) == secretLength
}

// FindPending returns the pending request that a word means: its ID, or the identifier of the
// person it was sent to. Of several to the same person the number tells which.
func (s *Service) FindPending(ctx context.Context, word, number string) (*Request, error) {
	if IsRequestID(word) {
		return s.Get(ctx, word)
	}
	list, err := s.Requests(ctx, word)
	if err != nil {
		return nil, err
	}
	list = slices.DeleteFunc(list, func(r Request) bool { return !r.State.Pending() })
	if len(list) > 1 {
		if some := slices.DeleteFunc(slices.Clone(list),
			func(r Request) bool { return r.Number != number }); len(some) > 0 {
			list = some
		}
	}
	switch len(list) {
	case 0:
		return nil, refuse(NoRequest, word)
	case 1:
		return &list[0], nil
	}
	return nil, refuse(SeveralRequests, word, len(list))
}
