package psc

import (
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/igc-lab/igc/internal/web"
)

// longestPoll is how long a poll for the next call is held.
const longestPoll = 25 * time.Second

// RequestsHandler serves the last calls of the clients under a path: as a page, and as JSON, which
// igc psc requests reads. The menu is that of the port; nil for the provider's own.
func (p *Provider) RequestsHandler(path string, menu *web.Menu) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET "+path+"{$}", func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r,
			path+"requests", http.StatusFound)
	})
	mux.HandleFunc("GET "+path+"requests", func(w http.ResponseWriter, r *http.Request) { p.callsPage(w, r, menu) })
	mux.HandleFunc("GET "+path+"requests.json", p.callsJSON)
	mux.HandleFunc("GET "+path+"codes", func(w http.ResponseWriter, r *http.Request) { p.codesPage(w, r, menu) })
	mux.HandleFunc(path, p.notFoundPage)
	return web.SecurityHeaders(mux)
}

func (p *Provider) callsPage(w http.ResponseWriter, r *http.Request, menu *web.Menu) {
	client := r.URL.Query().Get("client")
	calls, _ := p.Requests.After(0, client)
	v := struct {
		view
		Calls  []Call // the newest first
		Client string
	}{view: p.view(r, "Derniers appels des clients", "Last calls of the clients"), Client: client}
	v.Menu = menu
	for i := len(calls) - 1; i >= 0; i-- {
		v.Calls = append(v.Calls, calls[i])
	}
	p.pages.Render(w, http.StatusOK, "calls.html", v.Lang, v)
}

// callsJSON lists the calls after a number; with wait it waits for the first.
func (p *Provider) callsJSON(w http.ResponseWriter, r *http.Request) {
	query := r.URL.Query()
	after, err := strconv.Atoi(query.Get("after"))
	if err != nil && query.Get("after") != "" {
		p.json(w, http.StatusBadRequest, map[string]string{"error": "after is not a number"})
		return
	}
	end := time.NewTimer(longestPoll)
	defer end.Stop()
	for {
		calls, more := p.Requests.After(after, query.Get("client"))
		if len(calls) > 0 || query.Get("wait") == "" {
			if calls == nil {
				calls = []Call{}
			}
			p.json(w, http.StatusOK, calls)
			return
		}
		select {
		case <-more:
		case <-end.C:
			p.json(w, http.StatusOK, []Call{})
			return
		case <-r.Context().Done():
			return
		}
	}
}

func (p *Provider) codesPage(w http.ResponseWriter, r *http.Request, menu *web.Menu) {
	v := struct {
		view
		Mistakes []*Mistake
		Problems []*problem
	}{p.view(r, "Erreurs des clients", "Mistakes of clients"), Mistakes(), problems()}
	v.Menu = menu
	p.pages.Render(w, http.StatusOK, "codes.html", v.Lang, v)
}

// Time is the time of a call, of the day.
func (c Call) Time() string { return c.At.Local().Format("15:04:05") }

// Bad tells whether the call was refused.
func (c Call) Bad() bool { return c.Status >= 400 || strings.Contains(c.Error, ":") }
