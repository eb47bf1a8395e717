package web

import (
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/fstest"
)

// A service with one template has the layout, both languages and a content policy. It need not
// define menu, notices or footer.
func TestPages(t *testing.T) {
	pages := NewPages(PageOptions{Site: "DESK", Script: "1", Log: slog.New(slog.DiscardHandler),
		Templates: fstest.MapFS{"order.html": {
			Data: []byte(`{{template "top" .}}<p>{{.T "Bonjour !" "Hello!"}} {{show .Name}} <a href="{{.To "/x#y"}}">x</a></p>{{template "bottom" .}}`)}}})
	get := func(path, accept string) (*httptest.ResponseRecorder, string) {
		r := httptest.NewRequest(http.MethodGet, path, nil)
		r.Header.Set("Accept-Language", accept)
		w := httptest.NewRecorder()
		data := struct {
			View
			Name string
		}{pages.View(r), "<Z\u202e>"}
		data.Title = "Order"
		pages.Render(w, http.StatusOK, "order.html", data.Lang, data)
		return w, w.Body.String()
	}
	w, page := get("/", "de, fr")
	for _, want := range []string{`<html lang="fr">`, "Order — DESK", "Bonjour\u00a0! &lt;Z\ufffd&gt;",
		`href="/x#y"`, "</html>"} {
		if !strings.Contains(page, want) {
			t.Errorf("the page lacks %q:\n%s", want, page)
		}
	}
	if policy := w.Header().Get("Content-Security-Policy"); !strings.Contains(policy, "default-src 'none'") ||
		strings.Contains(policy, "unsafe") {
		t.Errorf("policy %q", policy)
	}
	if w.Header().Get("Cache-Control") != "no-store" || w.Header().Get("Content-Language") != "fr" {
		t.Errorf("headers %v", w.Header())
	}
	if _, page := get("/?lang=en", "fr"); !strings.Contains(page, "Hello! ") || !strings.Contains(page,
		`href="/x?lang=en#y"`) {
		t.Errorf("in English:\n%s", page)
	}
}

// Only the names of loopback count: a name elsewhere that resolves here does not.
func TestIsLoopback(t *testing.T) {
	for host, want := range map[string]bool{"localhost": true, "localhost:8080": true, "127.0.0.1:1": true,
		"[::1]:1": true, "[::1]": true,
		"": false, "lab.example": false, "localhost.lab.example:80": false, "192.0.2.1": false, "a.carte.localhost": false} {
		if got := IsLoopback(host); got != want {
			t.Errorf("%q: %t", host, got)
		}
	}
}

// Only names that FreshName makes ask for a card.
func TestIsCardName(t *testing.T) {
	for name, want := range map[string]bool{FreshName(): true, "a.carte.localhost": true, "": false, "localhost": false,
		"carte.localhost": false, ".carte.localhost": false, "a.b.carte.localhost": false,
		"a.carte.localhost.lab.example": false} {
		if got := IsCardName(name); got != want {
			t.Errorf("%q: %t", name, got)
		}
	}
}
