package console

import (
	"context"
	"errors"
	"net/http"

	"github.com/igc-lab/igc/access"
	"github.com/igc-lab/igc/ca"
	"github.com/igc-lab/igc/ca/store"
	vcard "github.com/igc-lab/igc/card"
	"github.com/igc-lab/igc/internal/i18n"
	"github.com/igc-lab/igc/services/carddesk"
)

// theCard finds the card that an action is about, and the address of its page.
func (c *Console) theCard(r *http.Request) (one *issued, at string, err error) {
	one, err = c.findIssued(r.Context(), r.PathValue("name"))
	if err != nil {
		return nil, "", err
	}
	return one, c.Paths.Console + "cartes/" + one.Name, nil
}

// change changes the status of all certificates of a card.
func (c *Console) change(ctx context.Context, by *access.Caller, one *issued, change ca.StatusChange) error {
	if one.IsCard {
		change.Card = one.Name
	} else {
		change.Certificate = one.Records[0].DER
	}
	_, err := c.Lab.As(by.Actor).SetStatus(ctx, change)
	return err
}

func (c *Console) hold(_ http.ResponseWriter, r *http.Request, by *access.Caller) (string, error) {
	one, at, err := c.theCard(r)
	if err != nil {
		return "", err
	}
	return at + "?fait=suspendue", c.change(r.Context(), by, one, ca.StatusChange{Reason: ca.Hold})
}

func (c *Console) liftHold(_ http.ResponseWriter, r *http.Request, by *access.Caller) (string, error) {
	one, at, err := c.theCard(r)
	if err != nil {
		return "", err
	}
	return at + "?fait=levee", c.change(r.Context(), by, one, ca.StatusChange{Release: true})
}

// revocationReasons are those that the page offers, the usual first, and what they mean.
var revocationReasons = []labelled{
	{i18n.Text{FR: "clé compromise, carte perdue ou volée", EN: "key compromised, card lost or stolen"},
		"keyCompromise"},
	{i18n.Text{FR: "remplacée par une autre", EN: "replaced by another"}, "superseded"},
	{i18n.Text{FR: "cessation d'activité", EN: "cessation of operation"}, "cessationOfOperation"},
	{i18n.Text{FR: "changement d'activité ou de structure", EN: "change of activity or structure"},
		"affiliationChanged"},
	{i18n.Text{FR: "droit retiré", EN: "privilege withdrawn"}, "privilegeWithdrawn"},
	{i18n.Text{FR: "sans motif", EN: "no reason"}, "unspecified"},
}

// revokePage asks for the reason, and for a confirmation.
func (c *Console) revokePage(w http.ResponseWriter, r *http.Request) error {
	one, _, err := c.theCard(r)
	if err != nil {
		return err
	}
	data := struct {
		view
		*issued
		Reasons []labelled
	}{c.view(w, r, i18n.Text{FR: "Révoquer", EN: "Revoke"}), one, revocationReasons}
	c.pages.Render(w, http.StatusOK, "revoke.html", data.Lang, data)
	return nil
}

func (c *Console) revoke(_ http.ResponseWriter, r *http.Request, by *access.Caller) (string, error) {
	one, at, err := c.theCard(r)
	if err != nil {
		return "", err
	}
	reason, err := ca.ParseReason(r.PostForm.Get("motif"))
	if err == nil && reason == ca.Hold {
		err = store.Errorf(store.Invalid, "a revocation is for good: to suspend the card, use its own button")
	}
	if err != nil {
		return "", err
	}
	return at + "?fait=revoquee", c.change(r.Context(), by, one, ca.StatusChange{Reason: reason})
}

// renew makes another card for the holder. The former one stays as it is.
func (c *Console) renew(_ http.ResponseWriter, r *http.Request, by *access.Caller) (string, error) {
	ctx := r.Context()
	one, _, err := c.theCard(r)
	if err != nil {
		return "", err
	}
	if one.IsCard {
		desk := c.CardDesk(by.Actor)
		card, err := desk.Find(ctx, one.Name)
		if err != nil {
			return "", err
		}
		made, err := desk.Replace(ctx, card, carddesk.Renewal, "")
		if err != nil {
			return "", err
		}
		return c.Paths.Console + "cartes/" + made.Card + "?fait=renouvelee", nil
	}
	if one.Records[0].OwnKey {
		return "", store.Errorf(store.Invalid, "the key of %s is the holder's own: igc renew %s --csr FILE issues it "+
			"again", one.Name, one.Name)
	}
	again := ca.OrderAgain(one.Records)
	again.PIN, again.Key = defaultPIN, c.Lab.Config.Key
	return c.make(ctx, by, again, "renouvelee")
}

// make has a card made, and names its page.
func (c *Console) make(ctx context.Context, by *access.Caller, order ca.CardOrder, done string) (string, error) {
	made, _, err := ca.MakeCard(ctx, c.Lab.As(by.Actor), c.Lab.Home, order)
	if err != nil {
		return "", err
	}
	name := made.CardNumber
	if name == "" {
		name = made.Certificates[0].Serial
	}
	return c.Paths.Console + "cartes/" + name + "?fait=" + done, nil
}

// insert puts a card in the first empty virtual reader; remove takes it out.
func (c *Console) insert(_ http.ResponseWriter, r *http.Request, _ *access.Caller) (string, error) {
	at, card, err := c.folderOf(r)
	if err != nil {
		return "", err
	}
	_, err = vcard.NewReaders(c.Lab.Home).Insert(card)
	if errors.Is(err, vcard.ErrInserted) {
		err = nil
	}
	return at + "?fait=inseree", err
}

func (c *Console) remove(_ http.ResponseWriter, r *http.Request, _ *access.Caller) (string, error) {
	at, card, err := c.folderOf(r)
	if err != nil {
		return "", err
	}
	err = vcard.NewReaders(c.Lab.Home).Remove(card)
	if errors.Is(err, vcard.ErrNotInserted) {
		err = nil
	}
	return at + "?fait=retiree", err
}

func (c *Console) folderOf(r *http.Request) (at string, card *vcard.Card, err error) {
	one, at, err := c.theCard(r)
	if err != nil {
		return "", nil, err
	}
	card, err = vcard.FindNumber(c.Lab.Home, one.Name)
	if errors.Is(err, vcard.ErrNotFound) || errors.Is(err, vcard.ErrNotCard) {
		err = store.Errorf(store.NotFound, "the lab's folder has no card %s: its holder has its files", one.Name)
	}
	return at, card, err
}

// approve approves a request to a phone, as igc ecps approve does; refuse refuses it.
func (c *Console) approve(_ http.ResponseWriter, r *http.Request, by *access.Caller) (string, error) {
	return c.Paths.Console + "?fait=approuvee", c.Phones.Approve(r.Context(), by.Actor, r.PathValue("id"), "", "")
}

func (c *Console) refuse(_ http.ResponseWriter, r *http.Request, by *access.Caller) (string, error) {
	return c.Paths.Console + "?fait=refusee", c.Phones.Refuse(r.Context(), by.Actor, r.PathValue("id"))
}
