package console

import (
	"context"
	"crypto/sha256"
	"crypto/x509"
	"fmt"
	"net/http"
	"slices"

	"github.com/igc-lab/igc/ca"
	"github.com/igc-lab/igc/ca/store"
	"github.com/igc-lab/igc/internal/i18n"
	"github.com/igc-lab/igc/profiles"
	"github.com/igc-lab/igc/revocation/crl"
)

// authorityView is an authority of the lab.
type authorityView struct {
	ca.AuthorityCounts
	ID    string
	State state
	CRL   *crl.CRL // published last; nil for none since the server started
}

// authorityViews are the authorities of the lab, roots first.
func (c *Console) authorityViews(ctx context.Context) (list []authorityView, err error) {
	counts, err := c.Lab.Counts(ctx)
	if err != nil {
		return nil, err
	}
	now := c.Now()
	for _, a := range counts.Authorities {
		v := authorityView{AuthorityCounts: a, ID: a.Authority.ID(), State: valid}
		switch {
		case a.Revocation != nil:
			v.State = opposed
		case now.After(a.NotAfter):
			v.State = expired
		}
		v.CRL, _ = c.CRLs.Latest(a.Authority)
		list = append(list, v)
	}
	return list, nil
}

func (c *Console) authoritiesPage(w http.ResponseWriter, r *http.Request) error {
	list, err := c.authorityViews(r.Context())
	if err != nil {
		return err
	}
	data := struct {
		view
		Authorities []authorityView
		Publication string
	}{c.view(w, r, i18n.Text{FR: "Autorités", EN: "Authorities"}), list, c.Publication}
	c.pages.Render(w, http.StatusOK, "authorities.html", data.Lang, data)
	return nil
}

// recordsForOCSP is how many of the latest records are looked at for one that an authority issued.
const recordsForOCSP = 500

func (c *Console) authorityPage(w http.ResponseWriter, r *http.Request) error {
	ctx, id := r.Context(), r.PathValue("id")
	list, err := c.authorityViews(ctx)
	if err != nil {
		return err
	}
	i := slices.IndexFunc(list, func(v authorityView) bool { return v.ID == id })
	if i < 0 {
		return store.Errorf(store.NotFound, "the lab has no authority %s", id)
	}
	data := struct {
		view
		authorityView
		Name, Serial, SHA256 string
		File                 string // of its certificate, on the publication port
		Published            crlView
		Own                  ocspView // about its own certificate; its root answers
		Newest               *ca.Record
		OfNewest             ocspView // about the newest that it issued, which its responder answers
	}{view: c.view(w, r, i18n.Same(id)), authorityView: list[i]}
	certificate, err := c.authority(ctx, id)
	if err != nil {
		return err
	}
	data.Name, data.Serial = list[i].Authority.CommonName(), profiles.SerialHex(certificate.SerialNumber)
	data.SHA256 = fmt.Sprintf("%X", sha256.Sum256(certificate.Raw))
	data.File = profiles.URLs{Publication: c.Publication}.Certificate(list[i].Authority)
	ctx, cancel := context.WithTimeout(ctx, clientPatience)
	defer cancel()
	data.Published = c.fetchCRL(ctx, id, certificate)
	parent := certificate
	if !list[i].Authority.IsRoot() {
		if parent, err = c.authority(ctx, list[i].Authority.Root().ID()); err != nil {
			return err
		}
	}
	data.Own = c.askOCSP(ctx, certificate, parent)
	newest, err := c.Lab.List(ctx, ca.Filter{Newest: true, Limit: recordsForOCSP})
	if err != nil {
		return err
	}
	for _, record := range slices.Backward(newest) {
		if record.Authority != id || !(ca.Filter{EndEntities: true}).Passes(record) {
			continue
		}
		var issued *x509.Certificate
		if issued, err = record.Certificate(); err == nil {
			data.Newest, data.OfNewest = record, c.askOCSP(ctx, issued, certificate)
		}
		break
	}
	c.pages.Render(w, http.StatusOK, "authority.html", data.Lang, data)
	return nil
}
