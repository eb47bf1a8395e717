package pages

import (
	"net/http"
	"net/url"

	"github.com/igc-lab/igc/access"
	"github.com/igc-lab/igc/internal/i18n"
	"github.com/igc-lab/igc/services/orders"
)

// home is Suivre: the orders that the visitor may follow, and the ways to the other steps.
func (p *Pages) home(w http.ResponseWriter, r *http.Request, caller *access.Caller) error {
	query := r.URL.Query()
	q := orders.Query{Structure: query.Get("structure"), Offer: query.Get("offer"),
		State: orders.State(query.Get("state")),
		Text:  query.Get("q"), After: query.Get("after")}
	list, err := p.Desk.List(r.Context(), caller, q)
	if err != nil {
		return err
	}
	structures, all := caller.Structures(access.Follow)
	data := struct {
		view
		Query      orders.Query
		List       *orders.List
		States     []orders.State
		Offers     []orders.Offer
		Structures []string
		All        bool
		Filtered   bool
		Next       string
		May        bool // ask for something
	}{view: p.view(r, caller, i18n.Text{FR: "Mes commandes", EN: "My orders"}), Query: q, List: list,
		States: orders.States(), Offers: orders.Offers(), Structures: structures, All: all,
		Filtered: q.Structure != "" || q.Offer != "" || q.State != "" || q.Text != ""}
	for _, o := range orders.Offers() {
		may, whole := caller.Structures(o.Action)
		data.May = data.May || whole || len(may) > 0 || o.Action == access.OrderPersonal
	}
	if list.Next != "" {
		next := url.Values{"after": {list.Next}}
		for name, value := range map[string]string{"structure": q.Structure, "offer": q.Offer, "state": string(q.State),
			"q": q.Text} {
			if value != "" {
				next.Set(name, value)
			}
		}
		data.Next = data.To(p.Prefix + "?" + next.Encode())
	}
	p.pages.Render(w, http.StatusOK, "home.html", data.Lang, data)
	return nil
}

// StateClass is how a state looks.
func (v view) StateClass(s orders.State) string {
	switch s {
	case orders.Withdrawn:
		return "good"
	case orders.Revoked, orders.Expired:
		return "bad"
	}
	return "note"
}

// UsagePath is the address of the form for a usage.
func (v view) UsagePath(offer, usage string) string {
	return v.To(usagePath(v.Prefix, offer, usage))
}

func usagePath(prefix, offer, usage string) string {
	return prefix + "demander?" + url.Values{"offre": {offer}, "usage": {usage}}.Encode()
}
