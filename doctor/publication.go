package doctor

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"strings"
	"time"

	"github.com/igc-lab/igc/ca"
	"github.com/igc-lab/igc/lab"
	"github.com/igc-lab/igc/revocation"
	"github.com/igc-lab/igc/revocation/crl"
	"github.com/igc-lab/igc/revocation/ldap"
)

// onDisk reads the CRLs of the publication folder, and says which cannot be; absent counts those
// that are not there.
func (d *diagnosis) onDisk() (crls []*crl.CRL, absent int, errs []error) {
	l := crl.NewIssuer(d.client.Lab, d.present)
	for _, info := range d.authorities {
		read, err := l.Published([]ca.AuthorityInfo{info})
		switch {
		case errors.Is(err, fs.ErrNotExist):
			absent++
		case err != nil:
			errs = append(errs, err)
		}
		crls = append(crls, read...)
	}
	return crls, absent, errs
}

// republish makes all CRLs anew.
func (d *diagnosis) republish(ctx context.Context) error {
	client, err := lab.Connect(d.Home, d.Lab)
	if err != nil {
		return err
	}
	return client.Publish(ctx, true, func(ctx context.Context, lab *lab.Lab) error {
		return crl.NewIssuer(lab, d.present).Publish(ctx, true)
	})
}

// listErrors are findings of CRLs that are not good.
func (d *diagnosis) listErrors(errs []error) (found []Finding) {
	if len(errs) == 0 {
		return nil
	}
	text := d.say(errs[0])
	if more := len(errs) - 1; more > 0 {
		text += fmt.Sprintf(d.tr(" ; et %d autres", "; and %d more"), more)
	}
	return []Finding{{State: Todo, Message: text,
		Remedy: d.igc("publish"),
		fix:    d.republish}}
}

// ended are errors of CRLs that hold no more, or not yet; first is the one that ends first.
func ended(crls []*crl.CRL, now time.Time) (first *crl.CRL, errs []error) {
	for _, c := range crls {
		if first == nil || c.NextUpdate.Before(first.NextUpdate) {
			first = c
		}
		name := kindOf(c)
		switch {
		case !now.Before(c.NextUpdate):
			errs = append(errs, errorf("%s n° %d a expiré le %s : les serveurs refusent tout certificat",
				"%s number %d expired on %s: servers refuse every certificate", name, c.Number, c.NextUpdate.Local().Format(time.DateTime)))
		case now.Add(time.Minute).Before(c.ThisUpdate):
			errs = append(errs, errorf("%s n° %d a un thisUpdate dans le futur : %s",
				"%s number %d has a thisUpdate in the future: %s", name, c.Number, c.ThisUpdate.Local().Format(time.DateTime)))
		}
	}
	return first, errs
}

func kindOf(c *crl.CRL) string {
	if c.Base != 0 {
		return "delta CRL " + c.Authority.ID()
	}
	return "CRL " + c.Authority.ID()
}

func (d *diagnosis) publication(ctx context.Context) []Finding {
	if !d.running {
		return d.unpublished()
	}
	config := d.client.Lab.Config
	base := config.URLs
	base.Publication = reach(base.Publication, config.Listen.Publication)
	directory, _ := url.Parse(reach(base.Directory, config.Listen.Directory))
	var crls []*crl.CRL
	var errs []error
	for _, a := range d.each() {
		urls := []string{base.CRL(a.Authority)}
		if !a.IsRoot() {
			urls = append(urls, base.DeltaCRL(a.Authority))
		}
		for _, url := range urls {
			c, err := crl.Fetch(ctx, url, a.certificate)
			if err != nil {
				errs = append(errs, err)
				continue
			}
			c.Authority = a.Authority
			crls = append(crls, c)
		}
		if _, err := ldap.Fetch(ctx, directory.Host, a.Authority, a.certificate); err != nil {
			errs = append(errs, err)
		}
	}
	first, late := ended(crls, d.present())
	found := d.listErrors(append(errs, late...))
	if problems, err := revocation.FetchProblems(ctx, base.Publication+"/healthz"); err != nil {
		found = append(found, Finding{State: Todo, Message: d.say(err),
			Remedy: d.restart()})
	} else {
		for _, p := range problems {
			text := strings.TrimSpace(p.Authority + " " + p.What + d.tr(" : ", ": ") + d.tr(p.Text.FR, p.Text.EN))
			switch {
			case p.What == "authority" || p.What == "authority_revoked" ||
				strings.HasSuffix(p.What, "crl") && p.Level == revocation.Failing && len(late) > 0: // reported already
			default:
				found = append(found, d.problem(p, text))
			}
		}
	}
	if len(found) > 0 || first == nil {
		return found
	}
	full := 0
	for _, c := range crls {
		if c.Base == 0 {
			full++
		}
	}
	return []Finding{{State: OK, Message: fmt.Sprintf(d.tr("%d CRL (HTTP, LDAP) et %d delta, signatures valides ; la première à expirer : %s n° %d, du %s au %s (%s)",
		"%d CRLs (HTTP, LDAP) and %d deltas, signatures valid; first to expire: %s number %d, from %s to %s (%s)"),
		full, len(crls)-full, kindOf(first), first.Number, minutes(first.ThisUpdate), minutes(first.NextUpdate),
		d.remaining(first.NextUpdate.Sub(d.now)))}}
}

func minutes(t time.Time) string { return t.Local().Format("2006-01-02 15:04") }

// unpublished is publication without a server: what stands on the disk, for other servers.
func (d *diagnosis) unpublished() []Finding {
	crls, absent, errs := d.onDisk()
	first, late := ended(crls, d.now)
	if found := d.listErrors(append(errs, late...)); found != nil {
		return found
	}
	text := d.lacks(aServer)
	if first != nil {
		text += fmt.Sprintf(d.tr(" ; sur le disque, %d listes signées, dont %s n° %d, qui expire la première, le %s (%s)",
			"; on the disk, %d signed CRLs, of which %s number %d expires first, on %s (%s)"),
			len(crls), kindOf(first), first.Number, minutes(first.NextUpdate), d.remaining(first.NextUpdate.Sub(d.now)))
	}
	if absent > 0 {
		text += fmt.Sprintf(d.tr(" ; autorités sans liste encore : %d",
			"; authorities without a list yet: %d"), absent)
	}
	return []Finding{{State: Skipped, Message: text}}
}
