package web

import (
	"maps"
	"net"
	"net/http"
	"slices"
	"strings"
)

var securityHeaders = http.Header{
	"X-Content-Type-Options":       {"nosniff"},
	"Referrer-Policy":              {"no-referrer"},
	"Cross-Origin-Resource-Policy": {"same-origin"},
}

// SecurityHeaders gives every answer of a server, errors and redirects too, the headers that keep
// other sites' pages from reading it and browsers from guessing its type or sending its address
// elsewhere. There is no HSTS: it would stay with "localhost" and break every other server of a
// developer's machine.
func SecurityHeaders(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		maps.Copy(w.Header(), securityHeaders)
		next.ServeHTTP(w, r)
	})
}

// NoStore keeps an answer out of caches: it is about the card that is in the reader now.
func NoStore(w http.ResponseWriter) { w.Header().Set("Cache-Control", "no-store") }

// IsLoopback reports whether a Host header has a name of loopback. A page elsewhere whose name was
// made to resolve to this machine has another.
func IsLoopback(host string) bool {
	if h, _, err := net.SplitHostPort(host); err == nil {
		host = h
	}
	ip := net.ParseIP(strings.Trim(host, "[]"))
	return host == "localhost" || ip != nil && ip.IsLoopback()
}

// IsServed reports whether a Host header has a name of loopback, or one of those under which the
// lab is served beyond its machine.
func IsServed(host string, names []string) bool {
	if IsLoopback(host) {
		return true
	}
	if h, _, err := net.SplitHostPort(host); err == nil {
		host = h
	}
	return slices.Contains(names, strings.ToLower(host))
}

// SameOrigin reports whether a request comes from the server's own page, or from a person who typed
// the address. Programs other than browsers do not say.
func SameOrigin(r *http.Request) bool {
	site := r.Header.Get("Sec-Fetch-Site")
	return site == "" || site == "same-origin" || site == "none"
}
