package doctor

import (
	"context"
	"crypto/x509"
	"fmt"
	"slices"
	"time"

	xocsp "golang.org/x/crypto/ocsp"

	"github.com/igc-lab/igc/ca"
	"github.com/igc-lab/igc/revocation/ocsp"
)

// asked is a certificate whose status is asked for.
type asked struct {
	name                string
	certificate, issuer *x509.Certificate
	want                int // its status as it is recorded
}

// toAsk is a certificate of each issuing authority: the newest that it issued, else its own, which
// its root answers for.
func (d *diagnosis) toAsk(ctx context.Context) (all []asked, err error) {
	recent, err := d.client.List(ctx, ca.Filter{EndEntities: true, Newest: true, Limit: 200})
	if err != nil {
		return nil, err
	}
	authorities := d.each()
	for _, a := range authorities {
		if a.IsRoot() {
			continue
		}
		root := slices.IndexFunc(authorities, func(r authority) bool { return r.Authority == a.Root() })
		i := slices.IndexFunc(recent, func(r *ca.Record) bool { return r.Authority == a.ID() })
		switch {
		case i >= 0:
			certificate, err := recent[i].Certificate()
			if err != nil {
				return nil, err
			}
			want := xocsp.Good
			if recent[i].Status != ca.Good {
				want = xocsp.Revoked
			}
			all = append(all, asked{a.ID() + " " + recent[i].Serial, certificate, a.certificate, want})
		case root >= 0:
			want := xocsp.Good
			if d.isRevoked(a.ID()) {
				want = xocsp.Revoked
			}
			all = append(all, asked{a.ID(), a.certificate, authorities[root].certificate, want})
		}
	}
	return all, nil
}

func (d *diagnosis) ocsp(ctx context.Context) (found []Finding) {
	config := d.client.Lab.Config
	at := reach(config.URLs.OCSP, config.Listen.Publication)
	all, err := d.toAsk(ctx)
	if err != nil {
		return []Finding{{State: Todo, Message: d.say(err),
			Remedy: d.restart()}}
	}
	words := map[int]string{xocsp.Good: "good", xocsp.Revoked: "revoked", xocsp.Unknown: "unknown"}
	began := time.Now()
	for _, one := range all {
		status, err := ocsp.Fetch(ctx, at, one.certificate, one.issuer)
		switch {
		case err != nil:
			found = append(found, Finding{State: Todo, Message: fmt.Sprintf("%s%s%v", one.name, d.tr(" : ", ": "),
				d.detail(err)),
				Remedy: d.restart()})
		case status.Status != one.want:
			found = append(found, Finding{State: Todo, Message: fmt.Sprintf(d.tr("%s : %s, et les registres disent %s",
				"%s: %s, and the records say %s"), one.name, words[status.Status], words[one.want]),
				Remedy: d.restart()})
		default:
			if err := checkAnswerDates(status, d.present()); err != nil {
				found = append(found, Finding{State: Todo, Message: fmt.Sprintf("%s%s%v", one.name, d.tr(" : ",
					": "), d.detail(err)),
					Remedy: d.restart()})
			}
		}
	}
	if len(found) > 0 {
		return found
	}
	return []Finding{{State: OK, Message: fmt.Sprintf(d.tr("%s : %d autorités, comme disent les registres ; %d ms",
		"%s: %d authorities, as the records say; %d ms"),
		at, len(all), time.Since(began).Milliseconds())}}
}
