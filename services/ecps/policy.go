package ecps

import (
	"context"
	"slices"
	"strings"
	"time"

	"github.com/igc-lab/igc/ca/store"
)

// Action is what a policy does with a request.
type Action string

// The actions. Manual leaves the request to the phone and is for a person or client that a wider
// policy is not for.
const (
	ActManual      Action = "manual"
	ActApprove     Action = "approve"
	ActRefuse      Action = "refuse"
	ActIgnore      Action = "ignore" // the phone does not ring: the time of the request passes
	ActWrongNumber Action = "wrong-number"
)

// Policy answers requests in the person's stead.
type Policy struct {
	Action Action        `json:"action"`
	Delay  time.Duration `json:"delay,omitempty"` // after the request was made, nanoseconds
}

// answers reports whether the policy ends a request by itself.
func (p Policy) answers() bool {
	return p.Action == ActApprove || p.Action == ActRefuse || p.Action == ActWrongNumber
}

// String writes the policy as [ParsePolicy] reads it.
func (p Policy) String() string {
	if p.Delay > 0 {
		return string(p.Action) + "-after " + p.Delay.String()
	}
	return string(p.Action)
}

// ParsePolicy reads a policy as users type it: approve, refuse, ignore, wrong-number, manual, or
// approve-after 3s, refuse-after 3s, wrong-number-after 3s.
func ParsePolicy(words ...string) (p Policy, err error) {
	text := strings.ToLower(strings.Join(strings.Fields(strings.Join(words, " ")), " "))
	name, delay, delayed := strings.Cut(text, " ")
	if delayed {
		p.Delay, err = time.ParseDuration(delay)
		before, after := strings.CutSuffix(name, "-after")
		if err != nil || !after || p.Delay <= 0 || p.Delay > time.Hour {
			return Policy{}, refuse(BadPolicy, text)
		}
		name = before
	}
	p.Action = Action(name)
	if p.Action != ActManual && p.Action != ActIgnore && !p.answers() || delayed && !p.answers() {
		return Policy{}, refuse(BadPolicy, text)
	}
	return p, nil
}

// Scope is what a policy is for: the requests to a person, those of a client, or all.
type Scope struct {
	Person string `json:"person,omitempty"`
	Client string `json:"client,omitempty"`
}

func (s Scope) key() string {
	switch {
	case s.Person != "":
		return "person/" + s.Person
	case s.Client != "":
		return "client/" + s.Client
	}
	return "all"
}

// ScopedPolicy is a policy with its scope.
type ScopedPolicy struct {
	Scope
	Policy
	Set time.Time `json:"set"`
}

// SetPolicy sets the policy of a scope, for the requests that are made from then on. That of a
// person comes before that of a client, and that before the one for all.
func (s *Service) SetPolicy(ctx context.Context, actor string, scope Scope, p Policy) error {
	if _, err := ParsePolicy(p.String()); err != nil {
		return err
	}
	if scope.Person != "" && scope.Client != "" || len(scope.key()) > maxText {
		return refuse(BadPolicy, scope.Person+" "+scope.Client)
	}
	value := ScopedPolicy{scope, p, s.now()}
	w := write(policies, scope.key(), value, 0, time.Time{})
	w.IfVersion = nil
	_, err := s.options.Documents.WriteDocuments(ctx, actor, w)
	return err
}

// RemovePolicy removes the policy of a scope. One that is not there is not an error.
func (s *Service) RemovePolicy(ctx context.Context, actor string, scope Scope) error {
	return store.Documents{Store: s.options.Documents, Kind: policies}.Delete(ctx, actor, scope.key())
}

// Policies lists the policies: that for all first.
func (s *Service) Policies(ctx context.Context) ([]ScopedPolicy, error) {
	list, _, err := scan[ScopedPolicy](ctx, s, policies, "")
	if list == nil {
		list = []ScopedPolicy{}
	}
	return slices.Clip(list), err
}

// policyFor is the policy for a request, nil when the phone is to answer it.
func (s *Service) policyFor(ctx context.Context, person, client string) (*Policy, error) {
	for _, scope := range []Scope{{Person: person}, {Client: client}, {}} {
		p, version, err := read[ScopedPolicy](ctx, s, policies, scope.key())
		if err != nil {
			return nil, err
		}
		if version > 0 {
			if p.Action == ActManual {
				return nil, nil
			}
			return &p.Policy, nil
		}
	}
	return nil, nil
}

// apply answers a request by its policy, at a time when it was pending.
func (s *Service) apply(r *Request, d *device, at time.Time) error {
	switch {
	case !r.Policy.answers():
	case d.State == DeviceBlocked:
		r.end(StateBlocked, Blocked, at)
	case d.State != DeviceActive:
		r.end(StateRefused, Replaced, at)
	case !at.Before(d.Expires):
		r.end(StateRefused, Expired, at)
	case r.Policy.Action == ActApprove:
		return s.approve(r, d, at)
	case r.Policy.Action == ActRefuse:
		r.end(StateRefused, Refused, at)
	case r.Policy.Action == ActWrongNumber:
		r.Wrong++
		r.end(StateRefused, WrongNumber, at)
	}
	return nil
}
