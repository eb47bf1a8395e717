package ecps

import (
	"errors"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/igc-lab/igc/ca/store"
)

// Random sequences of what persons, services, the owner and the clock do: a person never has two
// active e-CPS, a request is never approved twice, after its end, or without the right number, and
// what ended stays so.
func TestRandomSequences(t *testing.T) {
	approvals, activations := 0, 0
	for seed := range uint64(8) {
		l := newTestLab(t)
		random := rand.New(rand.NewPCG(seed, 14))
		persons := []string{alain, cecile}
		type seen struct {
			state    State
			answered time.Time
			approved int
		}
		requests := map[string]*seen{}
		var ids, handles, qrs, cards, phones []string
		pick := func(list []string) string {
			if len(list) == 0 {
				return "none"
			}
			return list[len(list)-1-random.IntN(min(len(list), 3))]
		}
		for step := range 250 {
			person := persons[random.IntN(2)]
			id, phone := pick(ids), pick(phones)
			var err error
			var approving bool
			switch random.IntN(20) {
			case 0:
				present, missing := l.Device(l.ctx, person)
				if missing == nil && present.State == DeviceActive && random.IntN(6) > 0 {
					break // it ends the requests
				}
				var d *Device
				if d, err = l.Activate(l.ctx, "", person, "1234"); err == nil {
					phones = append(phones, d.ID)
				}
			case 1:
				if random.IntN(4) == 0 {
					err = l.Delete(l.ctx, "", person)
				}
			case 2:
				if random.IntN(6) == 0 {
					_, err = l.Expire(l.ctx, "", person)
				}
			case 3:
				l.move(time.Duration(random.IntN(60)) * time.Second)
			case 4, 5, 6:
				var r *Request
				if r, err = l.Ask(l.ctx, Asked{Person: person, ClientID: "c"}); err == nil {
					ids, requests[r.ID] = append(ids, r.ID), &seen{state: r.State}
				}
			case 7:
				err = l.Open(l.ctx, phone, id)
			case 8, 9, 10:
				if r, err := l.Get(l.ctx, id); err == nil && random.IntN(4) > 0 {
					phone = r.Device
				}
				err = l.Unlock(l.ctx, phone, id, []string{"0000", "1234"}[min(1, random.IntN(8))])
			case 11, 12, 13:
				if r, err := l.Get(l.ctx, id); err == nil {
					phone = r.Device
					approving = l.Choose(l.ctx, phone, id, r.Choices[random.IntN(3)]) == nil
				}
			case 14:
				approving = l.Approve(l.ctx, "", id, "", "") == nil
			case 15:
				err = errors.Join(l.Refuse(l.ctx, "", id))
			case 16:
				err = l.Cancel(l.ctx, id)
			case 17:
				var a Activation
				if a, err = l.BeginWithCard(l.ctx, person); err == nil {
					qrs, cards = append(qrs, a.QR), append(cards, a.ID)
				}
			case 18:
				var handle string
				if handle, err = l.scanned(l.ctx, pick(qrs)); err == nil {
					handles = append(handles, handle)
					code := l.phoneCode(handle)
					for _, a := range cards {
						_ = l.ConfirmCode(l.ctx, a, code)
					}
				}
			case 19:
				var d *Device
				if d, err = l.choosePIN(l.ctx, pick(handles), "1234", "1234"); err == nil {
					activations++
					phones = append(phones, d.ID)
				}
			}
			if err != nil && CodeOf(err) == "" {
				t.Fatalf("seed %d, step %d: %v", seed, step, err)
			}
			if approving {
				approvals++
				requests[id].approved++
			}
			checkInvariants(t, l, persons, func(r *Request) {
				s := requests[r.ID]
				switch {
				case s.approved > 1:
					t.Errorf("seed %d, step %d: approved %d times", seed, step, s.approved)
				case r.State == StateApproved && s.approved == 0:
					t.Errorf("seed %d, step %d: nobody approved %+v", seed, step, r)
				case r.State == StateApproved && !r.Answered.Before(r.Expires):
					t.Errorf("seed %d, step %d: approved after its end: %+v", seed, step, r)
				case !s.state.Pending() && (s.state != r.State || !s.answered.Equal(r.Answered)):
					t.Errorf("seed %d, step %d: %s became %+v", seed, step, s.state, r)
				}
				s.state, s.answered = r.State, r.Answered
			})
		}
	}
	t.Logf("%d approvals, %d activations", approvals, activations)
	if approvals < 20 || activations < 5 {
		t.Errorf("%d approvals and %d activations: the sequences try too little", approvals, activations)
	}
}

func checkInvariants(t *testing.T, l *testLab, persons []string, check func(*Request)) {
	t.Helper()
	list, err := l.Devices(l.ctx)
	must(t, err)
	active := map[string]int{}
	for _, d := range list {
		if d.State == DeviceActive {
			active[d.Person]++
		}
	}
	for _, person := range persons {
		if active[person] > 1 {
			t.Fatalf("%d active e-CPS of %s", active[person], person)
		}
		all, err := l.Requests(l.ctx, person)
		must(t, err)
		for _, r := range all {
			if active[person] == 0 && r.State.Pending() && !r.Expires.Before(l.Service.now()) {
				t.Fatalf("pending without an e-CPS: %+v", r)
			}
			check(&r)
		}
	}
	for _, kind := range []store.DocumentKind{devices, activations, requests} {
		docs, err := l.options.Documents.ScanDocuments(l.ctx, kind, "")
		must(t, err)
		for _, d := range docs {
			if !d.Expires.After(l.Service.now()) {
				t.Fatalf("%s %s leaves the store too soon: %s", kind.Name, d.Key, d.Expires)
			}
		}
	}
}
