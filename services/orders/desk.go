package orders

import (
	"context"
	"encoding/pem"
	"log/slog"
	"time"

	"github.com/igc-lab/igc/access"
	"github.com/igc-lab/igc/ca"
	"github.com/igc-lab/igc/ca/store"
	"github.com/igc-lab/igc/outbox"
	"github.com/igc-lab/igc/people"
	"github.com/igc-lab/igc/profiles"
)

// Structure is an establishment, as a list of them has it.
type Structure struct {
	ID         string `json:"structure"`            // Struct_IdNat
	Name       string `json:"name"`                 // raison sociale
	Department string `json:"department,omitempty"` // label of table G09
}

// Structures are where the desk looks structures up.
type Structures interface {
	// Structure finds one by its identifier; ok is false for one that nobody knows.
	Structure(ctx context.Context, id string) (s Structure, ok bool, err error)
	// Search finds them by words of their name, or the beginning of their identifier.
	Search(ctx context.Context, text string, limit int) ([]Structure, error)
}

// Sealer encrypts what the lab keeps, with its own passphrase.
type Sealer interface {
	Seal(purpose string, plain []byte) ([]byte, error)
	Unseal(purpose string, sealed []byte) ([]byte, error)
}

// Cards are what makes cards with their letters.
type Cards interface {
	// MakeCard makes the card of an order, once whatever happens: the number of the holder's card
	// names it.
	MakeCard(ctx context.Context, order ca.CardOrder) error
}

// People are where the desk finds whom it writes to.
type People interface {
	Find(ctx context.Context, id string) (*people.Person, error)
}

// Mails are what the desk sends mails by.
type Mails interface {
	Send(ctx context.Context, m outbox.Message) (*outbox.Message, error)
}

// Options are what a desk is made from. All are required but Structures and Log.
type Options struct {
	Documents  store.DocumentStore
	Service    func(actor string) ca.Service // issues and revokes on behalf of the actor; empty for the lab's own
	Cards      func(actor string) Cards
	Key        ca.KeyPolicy
	Seal       Sealer
	People     People
	Structures Structures
	Mails      Mails
	Now        func() time.Time // as certificates have it
	URL        string           // of the desk's pages, for the links of mails: https://localhost:8455/commandes/
	Log        *slog.Logger
}

// Desk is the ordering platform of a lab.
type Desk struct{ Options }

// New makes a desk.
func New(o Options) *Desk {
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	return &Desk{o}
}

// reach reads an order on behalf of a caller who may do something to it, and finishes what was
// interrupted of it. Who may not even follow it is told that there is none.
func (d *Desk) reach(ctx context.Context, caller *access.Caller, action access.Action, number string) (*document,
	error) {
	doc, err := d.read(ctx, number)
	if err != nil {
		return nil, err
	}
	if err := caller.May(action, doc.Target()); err != nil {
		if action != access.Follow && caller.May(access.Follow, doc.Target()) == nil {
			return nil, err
		}
		return nil, fail(CodeNone, doc.Number)
	}
	if err := d.complete(ctx, doc); err != nil {
		return nil, err
	}
	return doc, nil
}

// complete finishes what was interrupted of an order: the step that was begun, on behalf of whom it
// was.
func (d *Desk) complete(ctx context.Context, doc *document) error {
	switch {
	case doc.State == Asked && doc.IsCard():
		return d.makeCard(ctx, doc)
	case doc.State == Asked:
		return d.open(ctx, doc)
	case doc.Issuing:
		return d.issue(ctx, doc)
	case doc.Drawing:
		return d.putBack(ctx, doc)
	}
	return nil
}

// Get returns an order.
func (d *Desk) Get(ctx context.Context, caller *access.Caller, number string) (*Order, error) {
	doc, err := d.reach(ctx, caller, access.Follow, number)
	if err != nil {
		return nil, err
	}
	return d.present(ctx, doc)
}

// step is a step of the caller's, now.
func (d *Desk) step(caller *access.Caller) Step {
	return Step{At: d.Now().UTC().Truncate(time.Second), By: caller.ID, Name: caller.Name, Actor: caller.Actor}
}

// pemOf is a certificate as PEM.
func pemOf(der []byte) string {
	return string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}))
}

// structure completes a holder with what is known of the structure.
func (d *Desk) structure(ctx context.Context, h *profiles.Holder) error {
	if d.Structures == nil || h.Structure == "" {
		return nil
	}
	s, ok, err := d.Structures.Structure(ctx, h.Structure)
	if err != nil || !ok {
		return err
	}
	if h.Organisation == "" {
		h.Organisation = s.Name
	}
	if h.Department == "" {
		h.Department = s.Department
	}
	return nil
}

// StructureOf is a structure by its identifier: that alone where nothing else is known.
func (d *Desk) StructureOf(ctx context.Context, id string) Structure {
	if d.Structures != nil {
		if s, ok, err := d.Structures.Structure(ctx, id); err == nil && ok {
			return s
		}
	}
	return Structure{ID: id}
}

// SearchStructures finds structures by words of their name or by an identifier.
func (d *Desk) SearchStructures(ctx context.Context, text string, limit int) ([]Structure, error) {
	if d.Structures == nil {
		return nil, nil
	}
	return d.Structures.Search(ctx, text, limit)
}
