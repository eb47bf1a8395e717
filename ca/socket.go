package ca

import (
	"bytes"
	"cmp"
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"runtime"
	"strconv"
	"time"

	"github.com/igc-lab/igc/ca/store"
	"github.com/igc-lab/igc/profiles"
)

// The socket carries the calls of [Service] from commands to the server that holds the lab: JSON
// over HTTP over igc.sock, which only its owner reaches (the home is 0700, the socket 0600). As
// with an agent for keys, whoever reaches it may have things signed: the server has the passphrase.
// One that the caller gives all the same must be the right one.

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

// maxChanges bounds the changes of one answer.
const maxChanges = 10000

type callError struct {
	Kind    Kind   `json:"kind"`
	Message string `json:"message"`
}

// socketPath is where the socket of a home is, and what to close after use. The system bounds the
// length of such a path (about 100 bytes): on Linux a longer one is reached through its open
// folder.
func socketPath(home string) (string, io.Closer, error) {
	path := filepath.Join(home, "igc.sock")
	if len(path) < 100 {
		return path, io.NopCloser(nil), nil
	}
	if runtime.GOOS != "linux" {
		return "", nil, fail(Invalid, "the path of the lab is too long for its socket (%d bytes): choose a shorter home than %s", len(path), home)
	}
	dir, err := os.Open(home)
	if err != nil {
		return "", nil, err
	}
	return "/proc/self/fd/" + strconv.Itoa(int(dir.Fd())) + "/igc.sock", dir, nil
}

// Answer serves the socket until the context ends, and then finishes the calls under way. The
// caller holds the lab (see [Lab.Lock]), which is why a socket that is there already is a dead
// process's. publish makes CRLs when a command asks for that. ready is called when calls are taken.
func (l *Lab) Answer(ctx context.Context, publish func(ctx context.Context, anew bool) error, ready func()) error {
	path, dir, err := socketPath(l.Home)
	if err != nil {
		return err
	}
	defer dir.Close()
	if err := os.Remove(path); err != nil && !errors.Is(err, os.ErrNotExist) {
		return fail(Unwritable, "cannot remove the old socket: %w", err)
	}
	listener, err := net.Listen("unix", path)
	if err != nil {
		return fail(Unwritable, "cannot open the lab's socket: %w", err)
	}
	if err := os.Chmod(path, 0o600); err != nil {
		listener.Close()
		return fail(Unwritable, "cannot protect the lab's socket: %w", err)
	}
	server := &http.Server{Handler: l.calls(publish), ReadHeaderTimeout: 10 * time.Second, ReadTimeout: time.Minute,
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

// callerOf is the actor on whose behalf a call came.
func callerOf(ctx context.Context) string {
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
func (l *Lab) calls(publish func(ctx context.Context, anew bool) error) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("POST /issue", call(func(ctx context.Context, in IssueRequest) (any, error) { return l.As(callerOf(ctx)).Issue(ctx, in) }))
	mux.HandleFunc("POST /status", call(func(ctx context.Context, in StatusChange) (any, error) { return l.As(callerOf(ctx)).SetStatus(ctx, in) }))
	mux.HandleFunc("POST /find", call(func(ctx context.Context, in string) (any, error) { return l.Find(ctx, in) }))
	mux.HandleFunc("POST /list", call(func(ctx context.Context, in Filter) (any, error) { return l.List(ctx, in) }))
	mux.HandleFunc("POST /authorities", call(func(ctx context.Context, _ struct{}) (any, error) { return l.Authorities(ctx) }))
	mux.HandleFunc("POST /publish", call(func(ctx context.Context, anew bool) (any, error) { return struct{}{}, publish(ctx, anew) }))
	mux.HandleFunc("POST /changes", call(func(ctx context.Context, in changesCall) (any, error) {
		return l.Changes(ctx, in.After, min(in.Limit, maxChanges))
	}))
	mux.HandleFunc("POST /ensure", call(func(ctx context.Context, in ensureCall) (any, error) {
		var wanted []profiles.Authority
		for _, id := range in.Authorities {
			a, err := profiles.ParseAuthority(id)
			if err != nil {
				return nil, Invalidate(err)
			}
			wanted = append(wanted, a)
		}
		return l.As(callerOf(ctx)).Ensure(ctx, wanted)
	}))
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if given := r.Header.Get(passphraseHeader); given != "" {
			own, err := l.passphrase()
			sum := sha256.Sum256(own)
			want := base64.StdEncoding.EncodeToString(sum[:])
			if err != nil || subtle.ConstantTimeCompare([]byte(given), []byte(want)) != 1 {
				refuse(w, fail(Passphrase, "wrong passphrase: the server of this lab runs with another; give the lab's, or none, since the server has it"))
				return
			}
		}
		mux.ServeHTTP(w, r)
	})
}

// call makes a handler of a function from one JSON value to another.
func call[In any](do func(context.Context, In) (any, error)) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		var in In
		if err := json.NewDecoder(http.MaxBytesReader(w, r.Body, maxCall)).Decode(&in); err != nil {
			refuse(w, fail(Invalid, "call: %w", err))
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
	json.NewEncoder(w).Encode(callError{KindOf(err), err.Error()})
}

// errNoServer says that nobody listens on the socket.
var errNoServer = errors.New("no server")

// remote is the caller's side of the socket.
type remote struct {
	home       string
	passphrase []byte
	http       *http.Client
}

func newRemote(home string, passphrase []byte) *remote {
	r := &remote{home: home, passphrase: passphrase}
	r.http = &http.Client{Transport: &http.Transport{DialContext: r.dial, DisableKeepAlives: true}}
	return r
}

func (r *remote) dial(ctx context.Context, _, _ string) (net.Conn, error) {
	path, dir, err := socketPath(r.home)
	if err != nil {
		return nil, errors.Join(errNoServer, err)
	}
	defer dir.Close()
	conn, err := (&net.Dialer{}).DialContext(ctx, "unix", path)
	if err != nil {
		return nil, errors.Join(errNoServer, err)
	}
	return conn, nil
}

// answers tells whether a server listens.
func (r *remote) answers() bool {
	conn, err := r.dial(context.Background(), "", "")
	if err != nil {
		return false
	}
	conn.Close()
	return true
}

func (r *remote) call(ctx context.Context, name string, in, out any) error {
	body, err := json.Marshal(in)
	if err != nil {
		return err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://lab/"+name, bytes.NewReader(body))
	if err != nil {
		return err
	}
	if r.passphrase != nil {
		sum := sha256.Sum256(r.passphrase)
		req.Header.Set(passphraseHeader, base64.StdEncoding.EncodeToString(sum[:]))
	}
	resp, err := r.http.Do(req)
	if err != nil {
		if errors.Is(err, errNoServer) || ctx.Err() != nil {
			return err
		}
		return fail(Unanswered, "the server stopped before it answered (%w): igc list shows whether it was done", err)
	}
	defer resp.Body.Close()
	dec := json.NewDecoder(resp.Body)
	if resp.StatusCode != http.StatusOK {
		var e callError
		if err := dec.Decode(&e); err != nil {
			return fmt.Errorf("the server answered %s", resp.Status)
		}
		return &Error{Kind: e.Kind, Err: errors.New(e.Message)}
	}
	if err := dec.Decode(out); err != nil {
		return fail(Unanswered, "the server stopped in the middle of its answer (%w): igc list shows whether it was done", err)
	}
	return nil
}

func (r *remote) Issue(ctx context.Context, req IssueRequest) (*Issued, error) {
	out := &Issued{}
	return out, r.call(ctx, "issue", req, out)
}

func (r *remote) SetStatus(ctx context.Context, c StatusChange) (out []Changed, err error) {
	err = r.call(ctx, "status", c, &out)
	return out, err
}

func (r *remote) Find(ctx context.Context, serial string) (*Record, error) {
	out := &Record{}
	return out, r.call(ctx, "find", serial, out)
}

func (r *remote) List(ctx context.Context, f Filter) (out []*Record, err error) {
	err = r.call(ctx, "list", f, &out)
	return out, err
}

func (r *remote) Authorities(ctx context.Context) (out []AuthorityInfo, err error) {
	err = r.call(ctx, "authorities", struct{}{}, &out)
	return out, err
}

func (r *remote) Ensure(ctx context.Context, wanted []profiles.Authority) (made int, err error) {
	var in ensureCall
	for _, a := range wanted {
		in.Authorities = append(in.Authorities, a.ID())
	}
	err = r.call(ctx, "ensure", in, &made)
	return made, err
}

func (r *remote) Publish(ctx context.Context, anew bool) error {
	return r.call(ctx, "publish", anew, &struct{}{})
}

func (r *remote) Changes(ctx context.Context, after uint64, limit int) (out []store.Change, err error) {
	err = r.call(ctx, "changes", changesCall{after, limit}, &out)
	return out, err
}
