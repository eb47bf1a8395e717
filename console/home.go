package console

import (
	"context"
	"fmt"
	"net/http"
	"slices"

	"github.com/igc-lab/igc/doctor"
	"github.com/igc-lab/igc/fixtures"
	"github.com/igc-lab/igc/internal/i18n"
	"github.com/igc-lab/igc/services/ecps"
	"github.com/igc-lab/igc/testssl"
)

// How many of the latest handshakes and cards the first page shows.
const (
	latestHandshakes = 10
	latestCards      = 5
)

// live is the part of the first page that changes by itself.
type livePart struct {
	Handshakes []testssl.Handshake // the newest first
	Pending    []pendingRequest
	Version    string // of all this
}

// pendingRequest is a request to a phone that waits for an answer.
type pendingRequest struct {
	ecps.Request
	Holder string
}

// livePart reads it.
func (c *Console) livePart(ctx context.Context) (l livePart, err error) {
	all, _ := c.Handshakes.Handshakes(0)
	l.Handshakes = all[max(0, len(all)-latestHandshakes):]
	slices.Reverse(l.Handshakes)
	pending, err := c.Phones.Pending(ctx)
	if err != nil {
		return l, err
	}
	names := map[string]string{}
	if len(pending) > 0 {
		devices, err := c.Phones.Devices(ctx)
		if err != nil {
			return l, err
		}
		for _, d := range devices {
			names[d.Person] = d.GivenName + " " + d.FamilyName
		}
	}
	for _, r := range pending {
		l.Pending = append(l.Pending, pendingRequest{r, names[r.Person]})
		l.Version += r.ID + " "
	}
	if len(l.Handshakes) > 0 {
		l.Version += fmt.Sprint(l.Handshakes[0].Number)
	}
	return l, nil
}

func (c *Console) homePage(w http.ResponseWriter, r *http.Request) error {
	live, err := c.livePart(r.Context())
	if err != nil {
		return err
	}
	list, err := c.listCards(r.Context(), cardFilter{}, latestCards)
	if err != nil {
		return err
	}
	data := struct {
		view
		livePart
		Cards     []row
		Sentence  string
		Checked   bool
		Todo      []doctor.Finding
		Codes     []string
		Endpoints []Endpoint
		Test      string
	}{view: c.view(w, r, i18n.Text{FR: "Accueil", EN: "Home"}), livePart: live, Cards: list.Rows,
		Endpoints: c.Endpoints, Test: c.testLink(), Codes: testCodes()}
	report := c.report(data.Lang)
	data.Checked = !report.At.IsZero()
	for _, f := range report.Findings {
		if f.State == doctor.Todo {
			data.Todo = append(data.Todo, f)
		}
	}
	if data.view.Title, err = c.sentence(r.Context(), data.view, len(data.Todo), data.Checked); err != nil {
		return err
	}
	data.Sentence = data.view.Title
	c.pages.Render(w, http.StatusOK, "home.html", data.Lang, data)
	return nil
}

// sentence says in one how the lab is.
func (c *Console) sentence(ctx context.Context, v view, todo int, checked bool) (string, error) {
	n, err := c.countCards(ctx)
	if err != nil {
		return "", err
	}
	counted := func(n int, none, one, many string) string {
		switch n {
		case 0:
			return none
		case 1:
			return one
		}
		return fmt.Sprintf(many, n)
	}
	text := v.T("Labo prêt : ", "Lab ready: ")
	certificates := counted(n.certificates, "", v.T("un certificat", "one certificate"),
		v.T("%d certificats", "%d certificates"))
	switch {
	case n.many:
		text += certificates
	case n.certificates == 0 || n.cards > 0:
		text += counted(n.cards, v.T("aucune carte", "no card"), v.T("une carte", "one card"), v.T("%d cartes",
			"%d cards"))
		if certificates != "" {
			text += v.T(" et ", " and ") + certificates
		}
	default:
		text += certificates
	}
	switch {
	case todo > 0:
		text += fmt.Sprintf(v.T(", %d à faire", ", %d to do"), todo)
	case checked:
		text += v.T(", rien à faire", ", nothing to do")
	}
	return text, nil
}

// testCodes are the verdicts on which test cards end, but for the good one.
func testCodes() (codes []string) {
	for _, f := range fixtures.Catalogue() {
		if code := f.Expect.TestSSL; code != "OK" && !slices.Contains(codes, code) {
			codes = append(codes, code)
		}
	}
	slices.Sort(codes)
	return codes
}

// testLink leads to TestSSL, on a host name that the browser has not seen.
func (c *Console) testLink() string { return c.Publication + "/tester" }
