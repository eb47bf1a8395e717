package rpc

import (
	"cmp"
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"time"

	"github.com/igc-lab/igc/ca"
	"github.com/igc-lab/igc/ca/store"
	"github.com/igc-lab/igc/internal/i18n"
	"github.com/igc-lab/igc/profiles"
)

const passphraseHeader = "Igc-Passphrase"

// maxCall bounds a request; the largest holds a few public keys and names.
const maxCall = 1 << 20

type ensureCall struct {
	Authorities []string `json:"authorities"`
}

type changesCall struct {
	After uint64 `json:"after"`
	Limit int    `json:"limit"`
}

type documentsCall struct {
	Kind store.DocumentKind `json:"kind"`
	Key  string             `json:"key"` // or the prefix of keys
}

// pageCall asks for a page of documents.
type pageCall struct {
	documentsCall
	After string `json:"after"`
	Limit int    `json:"limit"`
}

// maxPage bounds the documents of one page.
const maxPage = 1000

// writtenDocuments is the answer to a write of documents. It says of ErrSwap that it came: the
// caller compares with it, which the text of an error would not allow.
type writtenDocuments struct {
	Versions []uint64 `json:"versions,omitempty"`
	Changed  bool     `json:"changed,omitempty"`
}

// maxChanges bounds the changes of one answer.
const maxChanges = 10000

// callError is an error with its message in both languages: the caller's may be another than the
// server's.
type callError struct {
	Kind    ca.Kind   `json:"kind"`
	Message i18n.Text `json:"message"`
}

// Server is what takes the calls.
type Server struct {
	Home       string
	As         func(actor string) ca.Service              // the lab, on behalf of whoever calls
	Passphrase func() ([]byte, error)                     // of the lab
	Publish    func(ctx context.Context, anew bool) error // makes CRLs when a command asks for that
	Snapshot   func(ctx context.Context) (Snapshot, error)
	Desk       http.Handler // the lab's desk, below /desk/; nil for none
}

// Serve takes calls until the context ends, and then finishes those under way. The caller has the
// records locked, which is why a socket that is there already is a dead process's. ready is called
// when calls are taken.
func (s *Server) Serve(ctx context.Context, ready func()) error {
	path, dir, err := socketPath(s.Home)
	if err != nil {
		return err
	}
	defer dir.Close()
	if err := os.Remove(path); err != nil && !errors.Is(err, os.ErrNotExist) {
		return fail(ca.Unwritable, "cannot remove the old socket: %w", err)
	}
	listener, err := net.Listen("unix", path)
	if err != nil {
		return fail(ca.Unwritable, "cannot open the lab's socket: %w", err)
	}
	if err := os.Chmod(path, 0o600); err != nil {
		listener.Close()
		return fail(ca.Unwritable, "cannot protect the lab's socket: %w", err)
	}
	server := &http.Server{Handler: s.calls(), ReadHeaderTimeout: 10 * time.Second, ReadTimeout: time.Minute,
		ConnContext: func(ctx context.Context, conn net.Conn) context.Context {
			return context.WithValue(ctx, callerKey{}, callerName(conn))
		},
		BaseContext: func(net.Listener) context.Context { return context.WithoutCancel(ctx) }}
	stopped := make(chan error, 1)
	go func() {
		<-ctx.Done()
		wait, cancel := context.WithTimeout(context.Background(), 30*time.Second)
		defer cancel()
		stopped <- server.Shutdown(wait)
	}()
	ready()
	if err := server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return <-stopped
}

type callerKey struct{}

// CallerOf is the actor on whose behalf a call came, also one that the desk answers.
func CallerOf(ctx context.Context) string {
	name, _ := ctx.Value(callerKey{}).(string)
	return cmp.Or(name, "rpc")
}

// callerName names the user at the other end of the socket: "rpc:uid=1000", "rpc" where the system
// does not say.
func callerName(conn net.Conn) string {
	if _, uid, ok := peerCredentials(conn); ok {
		return fmt.Sprintf("rpc:uid=%d", uid)
	}
	return "rpc"
}

// calls is the server's side of the socket.
func (s *Server) calls() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("POST /issue", call(func(ctx context.Context, in ca.IssueRequest) (any, error) {
		return s.As(CallerOf(ctx)).Issue(ctx, in)
	}))
	mux.HandleFunc("POST /status", call(func(ctx context.Context, in ca.StatusChange) (any, error) {
		return s.As(CallerOf(ctx)).SetStatus(ctx, in)
	}))
	mux.HandleFunc("POST /find", call(func(ctx context.Context, in string) (any, error) {
		return s.As(CallerOf(ctx)).Find(ctx, in)
	}))
	mux.HandleFunc("POST /list", call(func(ctx context.Context, in ca.Filter) (any, error) {
		return s.As(CallerOf(ctx)).List(ctx, in)
	}))
	mux.HandleFunc("POST /authorities", call(func(ctx context.Context, _ struct{}) (any, error) {
		return s.As(CallerOf(ctx)).Authorities(ctx)
	}))
	mux.HandleFunc("POST /publish", call(func(ctx context.Context, anew bool) (any, error) {
		return struct{}{},
			s.Publish(ctx, anew)
	}))
	mux.HandleFunc("POST /snapshot", call(func(ctx context.Context, _ struct{}) (any,
		error) {
		return s.Snapshot(ctx)
	}))
	mux.HandleFunc("POST /changes", call(func(ctx context.Context, in changesCall) (any, error) {
		return s.As(CallerOf(ctx)).Changes(ctx, in.After, min(in.Limit, maxChanges))
	}))
	mux.HandleFunc("POST /documents/get", call(func(ctx context.Context, in documentsCall) (any, error) {
		return s.As(CallerOf(ctx)).GetDocument(ctx, in.Kind, in.Key)
	}))
	mux.HandleFunc("POST /documents/scan", call(func(ctx context.Context, in documentsCall) (any, error) {
		return s.As(CallerOf(ctx)).ScanDocuments(ctx, in.Kind, in.Key)
	}))
	mux.HandleFunc("POST /documents/page", call(func(ctx context.Context, in pageCall) (any, error) {
		return s.As(CallerOf(ctx)).PageDocuments(ctx, in.Kind, in.Key, in.After, min(in.Limit, maxPage))
	}))
	mux.HandleFunc("POST /documents/write", call(func(ctx context.Context, in []store.DocumentWrite) (any, error) {
		versions, err := s.As(CallerOf(ctx)).WriteDocuments(ctx, "", in...)
		if errors.Is(err, store.ErrSwap) {
			return writtenDocuments{Changed: true}, nil
		}
		return writtenDocuments{Versions: versions}, err
	}))
	mux.HandleFunc("POST /ensure", call(func(ctx context.Context, in ensureCall) (any, error) {
		var wanted []profiles.Authority
		for _, id := range in.Authorities {
			a, err := profiles.ParseAuthority(id)
			if err != nil {
				return nil, ca.Invalidate(err)
			}
			wanted = append(wanted, a)
		}
		return s.As(CallerOf(ctx)).Ensure(ctx, wanted)
	}))
	if s.Desk != nil {
		mux.Handle("/desk/", http.StripPrefix("/desk", s.Desk))
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if given := r.Header.Get(passphraseHeader); given != "" {
			own, err := s.Passphrase()
			if err != nil || subtle.ConstantTimeCompare([]byte(given), []byte(passphraseSum(own))) != 1 {
				refuse(w, fail(ca.Passphrase,
					"wrong passphrase: the server of this lab runs with another; give the lab's, or none, since the "+
						"server has it"))
				return
			}
		}
		mux.ServeHTTP(w, r)
	})
}

// passphraseSum is how a caller names a passphrase.
func passphraseSum(passphrase []byte) string {
	sum := sha256.Sum256(passphrase)
	return base64.StdEncoding.EncodeToString(sum[:])
}

// call makes an HTTP handler of do. The handler decodes the request's JSON, calls do with it, and
// encodes what do returns as JSON.
func call[In any](do func(context.Context, In) (any, error)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		var in In
		if err := json.NewDecoder(http.MaxBytesReader(w, r.Body, maxCall)).Decode(&in); err != nil {
			refuse(w, fail(ca.Invalid, "call: %w", err))
			return
		}
		// A caller that goes away does not undo what it asked for.
		out, err := do(context.WithoutCancel(r.Context()), in)
		if err != nil {
			refuse(w, err)
			return
		}
		w.Header().Set("Content-Type", "application/json")
		json.NewEncoder(w).Encode(out) // the caller sees a broken answer as one that did not come
	}
}

func refuse(w http.ResponseWriter, err error) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(http.StatusUnprocessableEntity)
	json.NewEncoder(w).Encode(callError{ca.KindOf(err), i18n.TextOf(err)})
}

func fail(kind ca.Kind, format string, args ...any) error { return store.Errorf(kind, format, args...) }
