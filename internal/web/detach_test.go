package web

import (
	"context"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"testing"
)

// Work goes on when the client closes its sending half, and ends with the server.
func TestDetach(t *testing.T) {
	stopped, stop := context.WithCancel(t.Context())
	defer stop()
	plain, detached, ended := make(chan error, 1), make(chan error, 1), make(chan struct{})
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		<-r.Context().Done() // net/http has read the end of the connection
		plain <- r.Context().Err()
		Detached(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			detached <- r.Context().Err()
			<-r.Context().Done()
			close(ended)
		})).ServeHTTP(w, r)
		io.WriteString(w, "the answer")
	}))
	EndWith(stopped, server.Config)
	server.Start()
	defer server.Close()
	conn, err := net.Dial("tcp", server.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	io.WriteString(conn, "GET / HTTP/1.0\r\n\r\n")
	if err := conn.(*net.TCPConn).CloseWrite(); err != nil {
		t.Fatal(err)
	}
	if err := <-plain; err == nil {
		t.Error("the request's own context has not ended: there is nothing to detach from")
	}
	if err := <-detached; err != nil {
		t.Errorf("the work ends with the client's half: %v", err)
	}
	stop()
	<-ended
	if answer, err := io.ReadAll(conn); err != nil || len(answer) == 0 {
		t.Errorf("answered %q, %v", answer, err)
	}
}
