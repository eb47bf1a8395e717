package web

import (
	"net/http"
	"strings"
)

// JoinETags makes one line of a list of ETags that came in several lines (RFC 9110 §5.3), of which
// net/http reads the first.
func JoinETags(h http.Header) {
	for _, name := range []string{"If-Match", "If-None-Match"} {
		if lines := h[name]; len(lines) > 1 {
			h.Set(name, strings.Join(lines, ", "))
		}
	}
}
