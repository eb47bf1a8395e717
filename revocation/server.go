package revocation

import (
	"log/slog"
	"net/http"
	"time"
)

// How long a visitor may take: for the head of a request, and until the next one.
const (
	headerTimeout = 10 * time.Second
	idleTimeout   = 2 * time.Minute
)

// NewServer makes the HTTP server of the publication point, with the limits that keep one visitor from harming another:
// who sends its request slowly, or nothing, is let go.
func NewServer(handler http.Handler, log *slog.Logger) *http.Server {
	return &http.Server{Handler: handler, ReadHeaderTimeout: headerTimeout, ReadTimeout: 30 * time.Second,
		WriteTimeout: time.Minute, IdleTimeout: idleTimeout, MaxHeaderBytes: 64 << 10,
		ErrorLog: slog.NewLogLogger(log.Handler(), slog.LevelDebug)}
}
