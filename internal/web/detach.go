package web

import (
	"context"
	"net"
	"net/http"
	"time"
)

// WorkLimit is how long the work for one request may take. The first CRL of a million entries takes
// two seconds on a quiet machine.
const WorkLimit = time.Minute

// Detached serves each request on a context of [Detach].
func Detached(h http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		ctx, cancel := Detach(r.Context())
		defer cancel()
		h.ServeHTTP(w, r.WithContext(ctx))
	})
}

// Detach returns a context for work whose result does not depend on the client: a verdict, or what
// is cached for other clients.
//
// net/http ends the context of a request when it reads the end of the connection. But a client that
// has sent its request may close its sending half and wait for the answer, as HTTP/1.0 clients,
// ncat and gnutls-cli do. The returned context ends after [WorkLimit], and with the server where
// [EndWith] says so.
func Detach(ctx context.Context) (context.Context, context.CancelFunc) {
	stopped, _ := ctx.Value(stopKey{}).(context.Context)
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), WorkLimit)
	if stopped == nil {
		return ctx, cancel
	}
	release := context.AfterFunc(stopped, cancel)
	return ctx, func() { release(); cancel() }
}

type stopKey struct{}

// EndWith ends the detached work of the server's requests when the context ends.
func EndWith(stopped context.Context, server *http.Server) {
	server.BaseContext = func(net.Listener) context.Context {
		return context.WithValue(context.Background(), stopKey{}, stopped)
	}
}
