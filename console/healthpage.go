package console

import (
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"github.com/igc-lab/igc/access"
	"github.com/igc-lab/igc/ca/store"
	"github.com/igc-lab/igc/doctor"
	"github.com/igc-lab/igc/internal/i18n"
)

// healthPage is the state of the lab: the report of igc doctor, and the change feed.
func (c *Console) healthPage(w http.ResponseWriter, r *http.Request) error {
	q := r.URL.Query()
	kind, actor := store.ChangeKind(q.Get("quoi")), shortened(q.Get("par"))
	before, _ := strconv.ParseUint(q.Get("avant"), 10, 64)
	feed, err := c.readFeed(r.Context(), before, func(change *store.Change) bool {
		return (kind == "" || change.Kind == kind) && strings.Contains(change.Actor, actor)
	})
	if err != nil {
		return err
	}
	data := struct {
		view
		Report      report
		Shown       []doctor.Finding // what is to do, is noted or is in order
		Unused      []doctor.Finding // notes about what this lab does not use
		Feed        history
		Kinds       []choice
		Actor       string
		NextPage    string
		Publication string
	}{view: c.view(w, r, i18n.Text{FR: "Santé du labo", EN: "Lab health"}), Feed: feed,
		Actor:       actor,
		Publication: c.Publication}
	data.Report = c.report(data.Lang)
	for _, f := range data.Report.Findings {
		if f.Unused || f.State == doctor.Skipped {
			data.Unused = append(data.Unused, f)
		} else {
			data.Shown = append(data.Shown, f)
		}
	}
	for _, k := range store.ChangeKinds() {
		data.Kinds = append(data.Kinds, choice{string(k), i18n.Same(string(k)), k == kind})
	}
	if feed.Next > 0 {
		next := url.Values{"avant": {strconv.FormatUint(feed.Next, 10)}}
		if kind != "" {
			next.Set("quoi", string(kind))
		}
		if actor != "" {
			next.Set("par", actor)
		}
		data.NextPage = data.In("sante/?"+next.Encode()) + "#journal"
	}
	c.pages.Render(w, http.StatusOK, "health.html", data.Lang, data)
	return nil
}

// Class is how the page marks the state of a finding.
func (v view) Class(s doctor.State) string {
	switch s {
	case doctor.OK, doctor.Fixed:
		return "good"
	case doctor.Todo:
		return "bad"
	}
	return "note"
}

// examineAgain has the lab examined again.
func (c *Console) examineAgain(http.ResponseWriter, *http.Request, *access.Caller) (string, error) {
	c.health.mu.Lock()
	clear(c.health.reports) // pages have others made
	c.health.mu.Unlock()
	return c.Paths.Console + "sante/", nil
}
