package orders

import (
	"context"
	"fmt"
	"net/url"

	"github.com/igc-lab/igc/outbox"
	"github.com/igc-lab/igc/profiles"
)

// notice ends every mail of the desk.
const notice = "IGC-Santé de laboratoire. Certificat de TEST ; ce message est modélisé.\n"

// mailClosing sends the mail that ends a request and opens its withdrawal, and returns where it
// went: empty when nobody's address is known. A mail that cannot be sent keeps no order from being
// withdrawn: the pages show it all the same.
func (d *Desk) mailClosing(ctx context.Context, doc *document) string {
	return d.mail(ctx, doc, "Votre demande "+doc.Number+" est à retirer", fmt.Sprintf(
		"Votre demande %s (%s) est acceptée.\n\nRetirez le certificat ici, avec la même carte :\n%s\n\n"+
			"Vous choisirez un code de révocation, à garder.%s",
		doc.Number, doc.title(), d.link(doc.Number), map[bool]string{
			false: " Le mot de passe de la clé, donné à la demande, sera demandé : oublié, il faut une nouvelle " +
				"demande.",
		}[doc.OwnKey]))
}

// mailWithdrawn confirms a withdrawal.
func (d *Desk) mailWithdrawn(ctx context.Context, doc *document) {
	d.mail(ctx, doc, "Votre demande "+doc.Number+" est retirée", fmt.Sprintf(
		"La demande %s (%s) a été retirée par %s.\n\nSi ce n'est pas vous, révoquez aussitôt le certificat :\n%s",
		doc.Number, doc.title(), doc.Withdrawn.Name, d.link(doc.Number)))
}

func (d *Desk) link(number string) string { return d.URL + url.PathEscape(number) }

// title is what an order is of.
func (doc *document) title() string {
	name := doc.Usage
	if p, err := profiles.FindProduct(doc.Product); err == nil {
		name = p.FR
	}
	return name + ", " + doc.Holder.DisplayName()
}

func (d *Desk) mail(ctx context.Context, doc *document, subject, text string) string {
	to, person := doc.Mail, ""
	if d.Mails == nil {
		return ""
	}
	if p, err := d.People.Find(ctx, doc.Asked.By); err == nil {
		person = p.ID
		if to == "" {
			to = p.Contact.Mail
		}
	}
	if to == "" {
		to = doc.Holder.Email
	}
	if to == "" {
		return ""
	}
	_, err := d.Mails.Send(ctx, outbox.Message{Kind: outbox.Mail, To: to, Subject: subject, Person: person,
		Text: "Bonjour,\n\n" + text + "\n\n" + notice})
	if err != nil {
		d.Log.Error("mail of an order", "order", doc.Number, "err", err)
		return ""
	}
	return to
}
