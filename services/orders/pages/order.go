package pages

import (
	"mime"
	"net/http"
	"strconv"

	"github.com/igc-lab/igc/access"
	"github.com/igc-lab/igc/internal/i18n"
	"github.com/igc-lab/igc/profiles"
	"github.com/igc-lab/igc/services/orders"
)

// order is the page of one order, with what the visitor may do of it.
func (p *Pages) order(w http.ResponseWriter, r *http.Request, caller *access.Caller) error {
	return p.showOrder(w, r, caller, http.StatusOK, nil)
}

func (p *Pages) showOrder(w http.ResponseWriter, r *http.Request, caller *access.Caller, status int,
	wrong error) error {
	o, err := p.Desk.Get(r.Context(), caller, r.PathValue("number"))
	if err != nil {
		return err
	}
	target := o.Target()
	may := func(a access.Action) bool { return caller.May(a, target) == nil }
	data := struct {
		view
		Order        *orders.Order
		Product      i18n.Text
		Wrong        *i18n.Text
		Code         string
		CanWithdraw  bool
		CanRedraw    bool
		CanRevoke    bool
		WithoutCode  bool
		Downloads    []string // roles whose PKCS#12 waits
		Reasons      []orders.Reason
		StateText    string
		StatusOfCert func(string) i18n.Text
	}{view: p.view(r, caller, i18n.Text{}), Order: o, Reasons: orders.Reasons(), StatusOfCert: statusText}
	data.StateText = data.Say(o.State.Name())
	data.Title = o.Number + " : " + data.StateText
	if product, err := profiles.FindProduct(o.Product); err == nil {
		data.Product = i18n.Text{FR: product.FR, EN: product.EN}
	}
	card := o.IsCard()
	data.CanWithdraw = o.State == orders.ToWithdraw && may(access.Withdraw)
	if o.State == orders.Withdrawn {
		data.WithoutCode = may(access.Revoke)
		data.CanRevoke = data.WithoutCode || !card && may(access.RevokeByCode)
		if !card && !o.OwnKey && may(access.Withdraw) {
			for _, role := range o.Roles() {
				if _, done := o.Delivered[role]; !done {
					data.Downloads = append(data.Downloads, role)
				}
			}
			data.CanRedraw = len(o.Delivered) > 0
		}
	}
	if wrong != nil {
		text := i18n.TextOf(wrong)
		data.Wrong = &text
		_, data.Code = statusOf(wrong)
	}
	p.pages.Render(w, status, "order.html", data.Lang, data)
	return nil
}

// statusText is the status of a certificate, for people.
func statusText(status string) i18n.Text {
	switch status {
	case "revoked":
		return i18n.Text{FR: "révoqué", EN: "revoked"}
	case "hold":
		return i18n.Text{FR: "suspendu", EN: "on hold"}
	}
	return i18n.Text{FR: "valide", EN: "good"}
}

// again shows the order with what was wrong with a form; other errors have a page of their own.
func (p *Pages) again(w http.ResponseWriter, r *http.Request, caller *access.Caller, err error) error {
	if status, _ := statusOf(err); status == http.StatusUnprocessableEntity {
		return p.showOrder(w, r, caller, status, err)
	}
	return err
}

func (p *Pages) withdraw(w http.ResponseWriter, r *http.Request, caller *access.Caller) error {
	number := r.PathValue("number")
	_, err := p.Desk.Withdraw(r.Context(), caller, number, orders.Withdrawal{Code: r.PostFormValue("code"),
		CodeAgain: r.PostFormValue("code2"), Accept: r.PostFormValue("conditions") != "",
		Password: r.PostFormValue("password")})
	if err != nil {
		return p.again(w, r, caller, err)
	}
	p.to(w, r, number)
	return nil
}

// download hands a PKCS#12 out. It is a form's answer: a link could be followed twice.
func (p *Pages) download(w http.ResponseWriter, r *http.Request, caller *access.Caller) error {
	file, err := p.Desk.Download(r.Context(), caller, r.PathValue("number"), r.PostFormValue("role"),
		r.PostFormValue("form"), r.PostFormValue("password"))
	if err != nil {
		return p.again(w, r, caller, err)
	}
	send(w, "application/x-pkcs12", file.Name, file.Data)
	return nil
}

func send(w http.ResponseWriter, kind, name string, data []byte) {
	h := w.Header()
	h.Set("Content-Type", kind)
	h.Set("Content-Disposition", mime.FormatMediaType("attachment", map[string]string{"filename": name}))
	h.Set("Content-Length", strconv.Itoa(len(data)))
	h.Set("Cache-Control", "no-store")
	w.Write(data)
}

// certificate hands a certificate out with its chain, as PEM.
func (p *Pages) certificate(w http.ResponseWriter, r *http.Request, caller *access.Caller) error {
	o, err := p.Desk.Get(r.Context(), caller, r.PathValue("number"))
	if err != nil {
		return err
	}
	chain, err := p.Desk.Chain(r.Context(), o)
	if err != nil {
		return err
	}
	for _, c := range o.Certificates {
		if c.Role == r.PathValue("role") {
			send(w, "application/x-pem-file", o.Number+"-"+c.Role+".pem", []byte(c.PEM+chain))
			return nil
		}
	}
	return errNoPage
}

func (p *Pages) redraw(w http.ResponseWriter, r *http.Request, caller *access.Caller) error {
	number := r.PathValue("number")
	if _, err := p.Desk.Redraw(r.Context(), caller, number, r.PostFormValue("code")); err != nil {
		return p.again(w, r, caller, err)
	}
	p.to(w, r, number)
	return nil
}

func (p *Pages) revoke(w http.ResponseWriter, r *http.Request, caller *access.Caller) error {
	number := r.PathValue("number")
	_, err := p.Desk.Revoke(r.Context(), caller, number, orders.Revocation{Code: r.PostFormValue("code"),
		Reason: r.PostFormValue("reason")})
	if err != nil {
		return p.again(w, r, caller, err)
	}
	p.to(w, r, number)
	return nil
}
