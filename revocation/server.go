package revocation

import (
	"log/slog"
	"net/http"
	"time"
)

// NewServer makes the HTTP server of the publication point, with the limits that keep one visitor from harming another:
// who sends its request slowly, or nothing, is let go.
func NewServer(handler http.Handler, log *slog.Logger) *http.Server {
	return &http.Server{Handler: handler, ReadHeaderTimeout: 10 * time.Second, ReadTimeout: 30 * time.Second,
		WriteTimeout: time.Minute, IdleTimeout: 2 * time.Minute, MaxHeaderBytes: 64 << 10,
		ErrorLog: slog.NewLogLogger(log.Handler(), slog.LevelDebug)}
}
