package annuaire

import (
	"embed"
	"encoding/json"
	"io/fs"
	"log/slog"
	"net/http"
	"slices"
	"strconv"
	"time"

	"github.com/igc-lab/igc/internal/web"
)

//go:embed html
var htmlFiles embed.FS

func newPages(log *slog.Logger) *web.Pages {
	files, err := fs.Sub(htmlFiles, "html")
	if err != nil {
		panic(err) // they are embedded
	}
	return web.NewPages(web.PageOptions{Site: "Annuaire (labo)", Templates: files, Forms: true, Log: log})
}

// longestPoll is how long a poll for the next call is held.
const longestPoll = 25 * time.Second

// Pages serves the last calls under a path, such as /annuaire/: as a page, and as JSON, which igc
// annuaire calls reads. The menu is that of the port; nil for the Annuaire's own.
func (s *Server) Pages(path string, menu *web.Menu) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET "+path+"{$}", func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, path+"appels", http.StatusFound)
	})
	mux.HandleFunc("GET "+path+"appels", func(w http.ResponseWriter, r *http.Request) { s.callsPage(w, r, menu) })
	mux.HandleFunc("GET "+path+"appels.json", s.callsJSON)
	mux.HandleFunc("GET "+path+"codes", func(w http.ResponseWriter, r *http.Request) { s.codesPage(w, r, menu) })
	return web.SecurityHeaders(mux)
}

func (s *Server) callsPage(w http.ResponseWriter, r *http.Request, menu *web.Menu) {
	list, _ := s.Calls(0)
	slices.Reverse(list) // the newest first
	v := struct {
		web.View
		Calls []Call
		Base  string
	}{s.pages.View(r), list, s.URL() + base}
	v.Menu = menu
	v.Title = v.T("Derniers appels de l'Annuaire", "Last calls of the Annuaire")
	s.pages.Render(w, http.StatusOK, "calls.html", v.Lang, v)
}

func (s *Server) codesPage(w http.ResponseWriter, r *http.Request, menu *web.Menu) {
	v := struct {
		web.View
		Mistakes []*Mistake
	}{s.pages.View(r), Mistakes()}
	v.Menu = menu
	v.Title = v.T("Ce que l'API remarque", "What the API notes")
	s.pages.Render(w, http.StatusOK, "codes.html", v.Lang, v)
}

// callsJSON lists the calls after a number; with wait it waits for the first.
func (s *Server) callsJSON(w http.ResponseWriter, r *http.Request) {
	query := r.URL.Query()
	after, err := strconv.Atoi(query.Get("after"))
	if err != nil && query.Get("after") != "" {
		http.Error(w, "after is not a number", http.StatusBadRequest)
		return
	}
	end := time.NewTimer(longestPoll)
	defer end.Stop()
	for {
		list, more := s.Calls(after)
		if len(list) > 0 || query.Get("wait") == "" {
			if list == nil {
				list = []Call{}
			}
			web.NoStore(w)
			w.Header().Set("Content-Type", "application/json")
			json.NewEncoder(w).Encode(list)
			return
		}
		select {
		case <-more:
		case <-end.C:
			after = 1 << 62 // nothing came
			query.Del("wait")
		case <-r.Context().Done():
			return
		}
	}
}
