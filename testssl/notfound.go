package testssl

import (
	"net/http"
	"strings"
)

// This file answers requests that lead nowhere: to a browser with a page and links, to other
// programs in a line.

// wantsPage reports whether a request is a browser's for a page.
func wantsPage(r *http.Request) bool {
	return (r.Method == http.MethodGet || r.Method == http.MethodHead) &&
		strings.Contains(r.Header.Get("Accept"), "text/html")
}

// notFound answers 404; m is nil on the plain port.
func (s *Server) notFound(w http.ResponseWriter, r *http.Request, m *Mode) {
	if !wantsPage(r) {
		http.NotFound(w, r)
		return
	}
	data := struct {
		view
		Path string
	}{s.view(r, m), r.URL.Path}
	data.Title = data.T("Page introuvable", "Page not found")
	s.pages.Render(w, http.StatusNotFound, "notfound.html", data.Lang, data)
}

// withNotFound replaces the 404 of a handler by the page, for browsers.
func (s *Server) withNotFound(h http.Handler, w http.ResponseWriter, r *http.Request) {
	if !wantsPage(r) {
		h.ServeHTTP(w, r)
		return
	}
	held := &heldNotFound{ResponseWriter: w}
	h.ServeHTTP(held, r)
	if held.missing {
		h := w.Header()
		for name := range h {
			if name != "Referrer-Policy" && name != "X-Content-Type-Options" &&
				name != "Cross-Origin-Resource-Policy" {
				h.Del(name)
			}
		}
		s.notFound(w, r, nil)
	}
}

// heldNotFound holds a 404 and its body back.
type heldNotFound struct {
	http.ResponseWriter
	missing bool
}

func (w *heldNotFound) WriteHeader(status int) {
	if w.missing = status == http.StatusNotFound; !w.missing {
		w.ResponseWriter.WriteHeader(status)
	}
}

func (w *heldNotFound) Write(b []byte) (int, error) {
	if w.missing {
		return len(b), nil
	}
	return w.ResponseWriter.Write(b)
}

// Unwrap serves [http.ResponseController].
func (w *heldNotFound) Unwrap() http.ResponseWriter { return w.ResponseWriter }

// plainHTTP answers a request that came without TLS to a TLS port.
func (s *Server) plainHTTP(m Mode) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		to := s.address(m.Name)
		if !wantsPage(r) {
			http.Error(w, "Ce port parle HTTPS : "+to+" / This port speaks HTTPS: "+to, http.StatusBadRequest)
			return
		}
		data := struct {
			view
			HTTPS string
		}{s.view(r, &m), to}
		data.NoMenu = true
		data.Title = data.T("Ce port parle HTTPS", "This port speaks HTTPS")
		s.pages.Render(w, http.StatusBadRequest, "plainhttp.html", data.Lang, data)
	})
}
