package psc

import (
	"net/url"
	"testing"
	"time"
)

// The sessions of a person name each client once, say when they end, and are there no longer when
// they have ended.
func TestSessions(t *testing.T) {
	w := newWorld(t)
	list := func(person string) []Session {
		t.Helper()
		all, err := w.p.Sessions(t.Context(), person)
		if err != nil {
			t.Fatal(err)
		}
		return all
	}
	if got := list(doctor); len(got) != 0 {
		t.Errorf("before a login: %+v", got)
	}
	redeem := func(got url.Values) {
		t.Helper()
		if status, answer := w.call("/token", "grant_type", "authorization_code", "code", got.Get("code"),
			"redirect_uri", "https://localhost:3000/cb"); status != 200 {
			t.Fatalf("%d %v", status, answer)
		}
	}
	b := w.browser()
	redeem(b.login(w.authorize()))
	w.ahead += time.Minute
	again, _ := b.do("GET", w.authorize("prompt", "none"), nil)
	redeem(b.callback(again)) // of the same session
	redeem(w.browser().login(w.authorize()))
	if got := list("899700999917"); len(got) != 0 {
		t.Errorf("of another person: %+v", got)
	}
	all := list(doctor)
	if len(all) != 2 {
		t.Fatalf("%+v", all)
	}
	if !all[0].Since.After(all[1].Since) {
		t.Errorf("not the newest first: %+v", all)
	}
	for _, s := range all {
		if s.Card != nil || len(s.Clients) != 1 || s.Clients[0].ID != "app" || s.Clients[0].Name != "Mon LGC" ||
			s.Clients[0].Since.Before(s.Since) || !s.Ends.After(w.now()) || s.Ends.Sub(s.Used) > time.Hour {
			t.Errorf("%+v", s)
		}
	}
	if err := RemoveClient(t.Context(), w.docs, "test", "app"); err != nil {
		t.Fatal(err)
	}
	got := list(doctor)
	if len(got) != 2 || len(got[0].Clients) != 1 || got[0].Clients[0].ID != "app" || got[0].Clients[0].Name != "" {
		t.Errorf("with a client that is gone: %+v", got)
	}
	w.ahead += 24 * time.Hour
	if got := list(doctor); len(got) != 0 {
		t.Errorf("after their end: %+v", got)
	}
}
