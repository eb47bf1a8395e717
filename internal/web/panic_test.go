package web

import (
	"bytes"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

// A panic is logged as an error, with where it was; the handler's own way to end a connection is
// not.
func TestPanicsAreLogged(t *testing.T) {
	for why, logged := range map[any]bool{"a fault": true, http.ErrAbortHandler: false} {
		var out bytes.Buffer
		server := NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { panic(why) }),
			slog.New(slog.NewTextHandler(&out, nil)))
		func() {
			defer func() {
				if recover() != why {
					t.Errorf("%v does not reach net/http", why)
				}
			}()
			server.Handler.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest("GET", "/page?secret=1", nil))
		}()
		if got := out.String(); strings.Contains(got, "level=ERROR") != logged || strings.Contains(got, "secret") ||
			logged && !strings.Contains(got, "panic_test.go") {
			t.Errorf("%v: %q", why, got)
		}
	}
}
