package publication

import (
	"log/slog"
	"net/http"
	"time"
)

// NewServer makes the HTTP server of the publication point. Its limits keep one client from harming
// another: a client that sends its request slowly, or nothing, is disconnected.
func NewServer(handler http.Handler, log *slog.Logger) *http.Server {
	return &http.Server{Handler: handler, ReadHeaderTimeout: 10 * time.Second, ReadTimeout: 30 * time.Second,
		WriteTimeout: time.Minute, IdleTimeout: 2 * time.Minute, MaxHeaderBytes: 64 << 10,
		ErrorLog: slog.NewLogLogger(log.Handler(), slog.LevelDebug)}
}
