package orders_test

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"github.com/igc-lab/igc/access"
	"github.com/igc-lab/igc/ca"
	"github.com/igc-lab/igc/ca/store"
	"github.com/igc-lab/igc/services/orders"
)

// errDied is how a process ends in these tests: from then on nothing is written.
var errDied = errors.New("died")

// dying is a lab whose process dies at a write: before it is made, or after it was, and before
// anybody learns that.
type dying struct {
	ca.Service
	left  int // writes until it dies
	after bool
	dead  bool
}

func (d *dying) next() (die bool) {
	d.left--
	return d.left < 0
}

func (d *dying) WriteDocuments(ctx context.Context, actor string, writes ...store.DocumentWrite) ([]uint64, error) {
	if d.dead {
		return nil, errDied
	}
	if d.dead = d.next(); d.dead && !d.after {
		return nil, errDied
	}
	versions, err := d.Service.WriteDocuments(ctx, actor, writes...)
	if d.dead {
		return nil, errDied
	}
	return versions, err
}

func (d *dying) Issue(ctx context.Context, r ca.IssueRequest) (*ca.Issued, error) {
	if d.dead {
		return nil, errDied
	}
	if d.dead = d.next(); d.dead && !d.after {
		return nil, errDied
	}
	issued, err := d.Service.Issue(ctx, r)
	if d.dead {
		return nil, errDied
	}
	return issued, err
}

func (d *dying) SetStatus(ctx context.Context, c ca.StatusChange) ([]ca.Changed, error) {
	if d.dead {
		return nil, errDied
	}
	if d.dead = d.next(); d.dead && !d.after {
		return nil, errDied
	}
	changed, err := d.Service.SetStatus(ctx, c)
	if d.dead {
		return nil, errDied
	}
	return changed, err
}

// A process that dies before or after any write of an order's life loses nothing: whoever comes
// next ends with one good certificate, whose PKCS#12 was handed out at most once.
func TestInterrupted(t *testing.T) {
	for _, after := range []bool{false, true} {
		for n := 0; ; n++ {
			done := false
			t.Run(fmt.Sprintf("write %d, after %v", n, after), func(t *testing.T) {
				s, ctx := newStand(t), t.Context()
				s.lab.Ensure(ctx, nil)
				dies := &dying{Service: s.lab, left: n, after: after}
				options := s.options
				options.Documents, options.Mails = dies, nil
				options.Service = func(string) ca.Service { return dies }
				first := orders.New(options)
				file, err := live(ctx, first, technical, "")
				if !errors.Is(err, errDied) {
					if done = err == nil; !done {
						t.Fatal(err)
					}
					return
				}
				// Nobody knows what became of it. Whoever comes next finds the order, or places
				// one.
				list, err := s.List(ctx, technical, orders.Query{})
				if err != nil || len(list.Orders) > 1 {
					t.Fatalf("%v, %v", list, err)
				}
				number := ""
				if len(list.Orders) == 1 {
					number = list.Orders[0].Number
				}
				again, err := live(ctx, s.Desk, technical, number)
				if orders.CodeOf(err) == orders.CodeDelivered && file == nil {
					// It was written down as handed out, and the process died: it is drawn again.
					if _, err = s.Redraw(ctx, technical, number, code); err == nil {
						again, err = live(ctx, s.Desk, technical, number)
					}
				}
				if err != nil {
					t.Fatal(err)
				}
				if file != nil && again != nil {
					t.Error("handed out twice")
				}
				records, err := s.lab.List(ctx, ca.Filter{EndEntities: true})
				if err != nil {
					t.Fatal(err)
				}
				good := 0
				for _, r := range records {
					if r.Status == ca.Good && r.Profile == "auth-cli/client" {
						good++
					}
				}
				if good != 1 {
					t.Errorf("%d good certificates of %d", good, len(records))
				}
			})
			if t.Failed() {
				return
			}
			if done {
				if n < 5 {
					t.Errorf("the life of an order has %d writes", n)
				}
				break
			}
		}
	}
}

// live leads an order through its life, from where it is, to the PKCS#12.
func live(ctx context.Context, d *orders.Desk, caller *access.Caller, number string) (*orders.File, error) {
	var o *orders.Order
	var err error
	if number == "" {
		o, err = d.Place(ctx, caller, orders.Request{Usage: "AUTH_CLI", Structure: hospital, Service: "DMP",
			Password: password})
	} else {
		o, err = d.Get(ctx, caller, number)
	}
	if err == nil && o.State == orders.ToWithdraw {
		o, err = d.Withdraw(ctx, caller, o.Number, withdrawal)
	}
	if err != nil {
		return nil, err
	}
	return d.Download(ctx, caller, o.Number, "", "", password)
}
