package carddesk

import (
	"context"
	"fmt"

	"github.com/igc-lab/igc/ca/store"
	"github.com/igc-lab/igc/internal/i18n"
	"github.com/igc-lab/igc/outbox"
	"github.com/igc-lab/igc/profiles"
)

// mail writes to the holder of a card at the correspondence address, which it returns; empty when
// none is known. What it is given holds no code.
func (d *Desk) mail(ctx context.Context, h profiles.Holder, subject, text string) (to string, err error) {
	if h.IdNat == "" { // a card of a service has no person
		return "", nil
	}
	p, err := d.options.People.Find(ctx, h.IdNat)
	if kind := store.KindOf(err); err != nil && (kind == store.NotFound || kind == store.Invalid) {
		return "", nil
	}
	if err != nil || p.Contact.Mail == "" {
		return "", err
	}
	text = fmt.Sprintf("Bonjour %s,\n\n%s\n\nIGC-Santé de laboratoire. Carte de TEST ; ce message est modélisé.\n",
		h.DisplayName(), text)
	_, err = d.options.Mails.Send(ctx, outbox.Message{Kind: outbox.Mail, To: p.Contact.Mail, Subject: subject,
		Text: text, Person: p.ID})
	if err != nil {
		return "", err
	}
	return p.Contact.Mail, nil
}

// mailLoss tells the holder of the opposition.
func (d *Desk) mailLoss(ctx context.Context, h profiles.Holder, l Loss) (string, error) {
	return d.mail(ctx, h, fmt.Sprintf("Votre carte n° %s est en opposition", l.Card), fmt.Sprintf(
		"Votre carte n° %s a été déclarée %s. Elle est en opposition depuis le %s, pour toujours : ses certificats "+
			"d'authentification et de signature sont révoqués.\n\n"+
			"Si cette déclaration ne vient pas de vous, prévenez le service client.",
		l.Card, causes[l.Cause].FR, i18n.Date(l.At).FR))
}

// mailReplacement tells the holder of a card ordered; ended says that the former one is not valid.
func (d *Desk) mailReplacement(ctx context.Context, h profiles.Holder, r *Replacement, ended bool) (string, error) {
	why := fmt.Sprintf("Elle remplace la carte n° %s, déclarée %s.", r.Former, causes[r.Cause].FR)
	switch {
	case r.Cause == Renewal && ended:
		why = fmt.Sprintf("Elle remplace la carte n° %s.", r.Former)
	case r.Cause == Renewal:
		why = fmt.Sprintf("Elle suit la carte n° %s, qui reste valable jusqu'au %s, sauf opposition.", r.Former,
			r.FormerEnd.UTC().Format("02/01/2006"))
	}
	return d.mail(ctx, h, fmt.Sprintf("Votre nouvelle carte n° %s", r.Card), fmt.Sprintf(
		"Une nouvelle carte, n° %s, est à votre nom. %s\n\n"+
			"Ses codes vous parviennent par un courrier séparé.", r.Card, why))
}
