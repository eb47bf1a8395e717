package doctor

import (
	"context"
	"fmt"
	"time"

	"github.com/igc-lab/igc/ca"
)

func (d *diagnosis) dates(ctx context.Context) []Finding {
	found := d.checkDates(d.each(), d.now, d.client.Lab.Config.WarnBefore,
		d.igc("--home", d.tr("AUTRE", "OTHER"), "init"))
	soon, cancel := context.WithTimeout(ctx, answer) // in a large lab it takes a while, and it is only a note
	defer cancel()
	records, err := bounded(soon, func(ctx context.Context) ([]*ca.Record, error) {
		return d.client.List(ctx, ca.Filter{EndEntities: true, Status: ca.Good,
			ExpiresBefore: d.now.Add(cardsEnd), Limit: 200})
	})
	cards := map[string]bool{} // whether it ended
	for _, r := range records {
		if r.Holder.CardNumber != "" {
			cards[r.Holder.CardNumber] = cards[r.Holder.CardNumber] || !d.now.Before(r.NotAfter)
		}
	}
	if err != nil || len(cards) == 0 {
		return found
	}
	ended := 0
	for _, is := range cards {
		if is {
			ended++
		}
	}
	return append(found, Finding{State: Note,
		Message: fmt.Sprintf(d.tr("cartes expirées : %d ; cartes qui expirent dans les 30 jours : %d",
			"expired cards: %d; cards that expire within 30 days: %d"), ended, len(cards)-ended),
		Remedy: d.igc("list", "--expires-before", "30d")})
}

// checkDates tells of the authority that ends first, and of all that have ended or are about to.
func (d *diagnosis) checkDates(all []authority, now time.Time, before time.Duration, remedy string) (found []Finding) {
	var first *authority
	for i, a := range all {
		end := a.certificate.NotAfter
		if first == nil || end.Before(first.certificate.NotAfter) {
			first = &all[i]
		}
		switch left := end.Sub(now); {
		case now.Before(a.certificate.NotBefore):
			found = append(found, Finding{State: Todo,
				Message: fmt.Sprintf(d.tr("%s ne vaut qu'à partir du %s : voir horloge",
					"%s is valid only from %s: see clock"), a.ID(), a.certificate.NotBefore.Format(time.DateTime)),
				Remedy: "date"})
		case left <= 0:
			found = append(found, Finding{State: Todo,
				Message: fmt.Sprintf(d.tr("%s a expiré le %s : faites un autre laboratoire",
					"%s expired on %s: make another lab"), a.ID(), end.Format(time.DateOnly)),
				Remedy: remedy})
		case left < before:
			found = append(found, Finding{State: Note, Message: fmt.Sprintf(d.tr("%s expire le %s, dans %s",
				"%s expires on %s, in %s"), a.ID(), end.Format(time.DateOnly), d.remaining(left)),
				Remedy: remedy})
		}
	}
	if len(found) == 0 && first != nil {
		end := first.certificate.NotAfter
		found = append(found, Finding{State: OK, Message: fmt.Sprintf(d.tr("%s expire la première, le %s : encore %s",
			"%s expires first, on %s: %s left"), first.ID(), end.Format(time.DateOnly), d.remaining(end.Sub(now)))})
	}
	return found
}

// remaining is a time left, in days or, when they are few, in hours.
func (d *diagnosis) remaining(left time.Duration) string {
	if days := int(left / (24 * time.Hour)); days > 1 {
		return fmt.Sprintf(d.tr("%d jours", "%d days"), days)
	}
	return fmt.Sprintf("%d h", int(left.Hours()))
}

func (d *diagnosis) clock(ctx context.Context) (found []Finding) {
	latest, of := time.Time{}, ""
	later := func(t time.Time, what string) {
		if t.After(latest) {
			latest, of = t, what
		}
	}
	if d.lacks(records) == "" {
		if last, err := d.client.List(ctx, ca.Filter{Newest: true, Limit: 1}); err == nil && len(last) > 0 {
			later(last[0].IssuedAt, d.tr("le dernier certificat émis", "the last certificate issued"))
		}
		crls, _, _ := d.onDisk()
		for _, c := range crls {
			later(c.ThisUpdate, kindOf(c))
		}
	}
	return d.checkClock(d.present(), latest, of)
}

// checkClock holds the clock to the latest date that the lab wrote.
func (d *diagnosis) checkClock(now, latest time.Time, of string) []Finding {
	sync, text := "sudo timedatectl set-ntp true", now.Format("2006-01-02 15:04:05 -07:00")
	if behind := latest.Sub(now); behind > 5*time.Second {
		return []Finding{{State: Todo, Message: fmt.Sprintf(d.tr("%s : en retard de %s sur %s (%s)",
			"%s: %s behind %s (%s)"), text, behind.Round(time.Second), of, latest.Local().Format(time.DateTime)),
			Remedy: sync}}
	}
	if is, known := synchronised(); known && !is {
		return []Finding{{State: Note, Message: text + d.tr(", pas synchronisée", ", not synchronised"),
			Remedy: sync}}
	}
	if !latest.IsZero() {
		text += d.tr(", et postérieure à toutes les dates des registres",
			", and later than every date in the records")
	}
	return []Finding{{State: OK, Message: text}}
}
