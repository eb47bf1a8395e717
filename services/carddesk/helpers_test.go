package carddesk

import (
	"context"
	"errors"
	"path/filepath"
	"testing"
	"time"

	"github.com/igc-lab/igc/ca"
	"github.com/igc-lab/igc/ca/store"
	"github.com/igc-lab/igc/card"
	"github.com/igc-lab/igc/fixtures"
	"github.com/igc-lab/igc/internal/labtest"
	"github.com/igc-lab/igc/lab"
	"github.com/igc-lab/igc/outbox"
	"github.com/igc-lab/igc/people"
)

// desk is a desk over a lab of its own, whose clocks the test moves.
type desk struct {
	*Desk
	t      *testing.T
	lab    *labtest.CardLab
	ahead  time.Duration // of the services' clock
	outbox *outbox.Outbox
}

func newDesk(t *testing.T) *desk {
	t.Helper()
	config := lab.DefaultConfig()
	config.Key = ca.P256
	d := &desk{t: t, lab: labtest.NewEmptyLab(t, config)}
	d.outbox = outbox.New(outbox.Options{Documents: d.lab, Now: d.clock})
	d.Desk = d.over(d.lab, true)
	return d
}

func (d *desk) clock() time.Time { return d.lab.Now.Add(d.ahead) }

// over is a desk of the same lab over another service: a server's when it holds the lab.
func (d *desk) over(service ca.Service, holds bool) *Desk {
	directory := people.New(people.Options{Records: d.lab, Documents: d.lab})
	return New(Options{Service: service, Home: d.lab.Home, Key: ca.P256, People: directory, Mails: d.outbox,
		Now: d.lab.Clock(), Clock: d.clock, Holds: holds})
}

// issue makes a card of a test identity; change changes the order.
func (d *desk) issue(identity string, change func(*ca.CardOrder)) *Card {
	d.t.Helper()
	who, err := fixtures.Find(identity)
	if err != nil {
		d.t.Fatal(err)
	}
	var order ca.CardOrder
	order.Product, order.Holder, order.PIN, order.Key = who.Product, who.Holder, DefaultPIN, ca.P256
	order.Holder.CardNumber = ""
	if change != nil {
		change(&order)
	}
	made, dir, err := ca.MakeCard(d.t.Context(), d.lab, d.lab.Home, order)
	if err != nil {
		d.t.Fatal(err)
	}
	if made.CardNumber == "" { // software
		return nil
	}
	c := d.find(made.CardNumber)
	if order.Into != "" {
		if c.Folder, err = card.Read(dir); err != nil {
			d.t.Fatal(err)
		}
	}
	return c
}

func (d *desk) find(number string) *Card {
	d.t.Helper()
	c, err := d.Find(d.t.Context(), number)
	if err != nil {
		d.t.Fatal(err)
	}
	return c
}

// valid are the numbers of the cards whose certificates are all good.
func (d *desk) valid() (numbers []string) {
	d.t.Helper()
	records, err := d.lab.List(d.t.Context(), ca.Filter{EndEntities: true, Status: ca.Good})
	if err != nil {
		d.t.Fatal(err)
	}
	seen := map[string]bool{}
	for _, r := range records {
		if number := r.Holder.CardNumber; number != "" && !seen[number] {
			seen[number] = true
			numbers = append(numbers, number)
		}
	}
	return numbers
}

func (d *desk) mails() []*outbox.Message {
	d.t.Helper()
	list, err := d.outbox.List(d.t.Context(), outbox.Filter{})
	if err != nil {
		d.t.Fatal(err)
	}
	return list
}

// letters are the names of the letters for print.
func (d *desk) letters() []string {
	d.t.Helper()
	var names []string
	for _, pattern := range []string{"*.pdf", "*.html"} {
		files, err := filepath.Glob(filepath.Join(d.lab.Home, "letters", pattern))
		if err != nil {
			d.t.Fatal(err)
		}
		for _, file := range files {
			names = append(names, filepath.Base(file))
		}
	}
	return names
}

// dying is a service that fails from some write on, as if the process had died: before the write or
// after it.
type dying struct {
	ca.Service
	left  int // writes until then
	after bool
}

var errDied = errors.New("the process died")

func (s *dying) write(do func() error) error {
	s.left--
	switch {
	case s.left > 0, s.left == 0 && s.after:
		if err := do(); err != nil || s.left > 0 {
			return err
		}
	}
	return errDied
}

func (s *dying) Issue(ctx context.Context, r ca.IssueRequest) (issued *ca.Issued, err error) {
	err = s.write(func() (err error) { issued, err = s.Service.Issue(ctx, r); return err })
	return issued, err
}

func (s *dying) SetStatus(ctx context.Context, c ca.StatusChange) (changed []ca.Changed, err error) {
	err = s.write(func() (err error) { changed, err = s.Service.SetStatus(ctx, c); return err })
	return changed, err
}

func (s *dying) WriteDocuments(ctx context.Context, actor string, w ...store.DocumentWrite) (v []uint64, err error) {
	err = s.write(func() (err error) { v, err = s.Service.WriteDocuments(ctx, actor, w...); return err })
	return v, err
}
