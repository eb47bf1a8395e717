package rpc

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"net"
	"net/http"
	"os"
	"time"

	"github.com/igc-lab/igc/ca"
	"github.com/igc-lab/igc/ca/store"
	"github.com/igc-lab/igc/internal/i18n"
	"github.com/igc-lab/igc/profiles"
)

// ErrNoServer says that nobody listens on the socket.
var ErrNoServer = errors.New("no server")

// Client is the caller's side of the socket.
type Client struct {
	home       string
	passphrase []byte
	http       *http.Client
}

// NewClient returns a client of the server that holds the lab in that home, now or later.
// passphrase is nil when the caller gives none.
func NewClient(home string, passphrase []byte) *Client {
	r := &Client{home: home, passphrase: passphrase}
	r.http = &http.Client{Transport: &http.Transport{DialContext: r.dial, DisableKeepAlives: true}}
	return r
}

func (r *Client) dial(ctx context.Context, _, _ string) (net.Conn, error) {
	path, dir, err := socketPath(r.home)
	if err != nil {
		return nil, errors.Join(ErrNoServer, err)
	}
	defer dir.Close()
	conn, err := (&net.Dialer{}).DialContext(ctx, "unix", path)
	if err != nil {
		return nil, errors.Join(ErrNoServer, err)
	}
	return conn, nil
}

// Desk is the lab's desk as commands reach it: what has this address before its path is sent over
// the socket, on behalf of its owner. An error wraps [ErrNoServer] when nobody listens.
func (r *Client) Desk() (client *http.Client, address string) {
	return &http.Client{Transport: r.http.Transport, Timeout: time.Minute}, "http://lab/desk"
}

// Answers tells whether a server listens.
func (r *Client) Answers() bool {
	conn, err := r.dial(context.Background(), "", "")
	if err != nil {
		return false
	}
	conn.Close()
	return true
}

func (r *Client) call(ctx context.Context, name string, in, out any) error {
	body, err := json.Marshal(in)
	if err != nil {
		return err
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://lab/"+name, bytes.NewReader(body))
	if err != nil {
		return err
	}
	if r.passphrase != nil {
		req.Header.Set(passphraseHeader, passphraseSum(r.passphrase))
	}
	resp, err := r.http.Do(req)
	if err != nil {
		if errors.Is(err, ErrNoServer) || ctx.Err() != nil {
			return err
		}
		return fail(ca.Unanswered,
			"the server stopped before it answered (%w): igc list shows whether it was done", err)
	}
	defer resp.Body.Close()
	dec := json.NewDecoder(resp.Body)
	if resp.StatusCode != http.StatusOK {
		var e callError
		if err := dec.Decode(&e); err != nil {
			return i18n.Errorf("the server answered %s", resp.Status)
		}
		return &ca.Error{Kind: e.Kind, Err: i18n.NewError(string(e.Kind), i18n.Text{FR: "%s", EN: "%s"}, e.Message)}
	}
	if err := dec.Decode(out); err != nil {
		return fail(ca.Unanswered,
			"the server stopped in the middle of its answer (%w): igc list shows whether it was done", err)
	}
	return nil
}

// Issue implements [ca.Service].
func (r *Client) Issue(ctx context.Context, req ca.IssueRequest) (*ca.Issued, error) {
	out := &ca.Issued{}
	return out, r.call(ctx, "issue", req, out)
}

// SetStatus implements [ca.Service].
func (r *Client) SetStatus(ctx context.Context, c ca.StatusChange) (out []ca.Changed, err error) {
	err = r.call(ctx, "status", c, &out)
	return out, err
}

// Find implements [ca.Service].
func (r *Client) Find(ctx context.Context, serial string) (*ca.Record, error) {
	out := &ca.Record{}
	return out, r.call(ctx, "find", serial, out)
}

// List implements [ca.Service].
func (r *Client) List(ctx context.Context, f ca.Filter) (out []*ca.Record, err error) {
	err = r.call(ctx, "list", f, &out)
	return out, err
}

// Authorities implements [ca.Service].
func (r *Client) Authorities(ctx context.Context) (out []ca.AuthorityInfo, err error) {
	err = r.call(ctx, "authorities", struct{}{}, &out)
	return out, err
}

// Ensure implements [ca.Service].
func (r *Client) Ensure(ctx context.Context, wanted []profiles.Authority) (made int, err error) {
	var in ensureCall
	for _, a := range wanted {
		in.Authorities = append(in.Authorities, a.ID())
	}
	err = r.call(ctx, "ensure", in, &made)
	return made, err
}

// Publish has the server make the CRLs that are due or, with anew, all of them.
func (r *Client) Publish(ctx context.Context, anew bool) error {
	return r.call(ctx, "publish", anew, &struct{}{})
}

// Changes implements [ca.Service].
func (r *Client) Changes(ctx context.Context, after uint64, limit int) (out []store.Change, err error) {
	err = r.call(ctx, "changes", changesCall{after, limit}, &out)
	return out, err
}

// GetDocument implements [store.DocumentStore].
func (r *Client) GetDocument(ctx context.Context, kind store.DocumentKind, key string) (doc store.Document, err error) {
	err = r.call(ctx, "documents/get", documentsCall{kind, key}, &doc)
	return doc, err
}

// ScanDocuments implements [store.DocumentStore].
func (r *Client) ScanDocuments(ctx context.Context, kind store.DocumentKind, prefix string) (
	docs []store.Document, err error,
) {
	err = r.call(ctx, "documents/scan", documentsCall{kind, prefix}, &docs)
	return docs, err
}

// PageDocuments implements [store.DocumentStore].
func (r *Client) PageDocuments(ctx context.Context, kind store.DocumentKind, prefix, after string, limit int) (
	docs []store.Document, err error,
) {
	err = r.call(ctx, "documents/page", pageCall{documentsCall{kind, prefix}, after, limit}, &docs)
	return docs, err
}

// WriteDocuments implements [store.DocumentStore]. The actor is the user at this end of the socket,
// whatever the call says.
func (r *Client) WriteDocuments(ctx context.Context, _ string, writes ...store.DocumentWrite) ([]uint64, error) {
	var out writtenDocuments
	if err := r.call(ctx, "documents/write", writes, &out); err != nil {
		return nil, err
	}
	if out.Changed {
		return nil, store.ErrSwap
	}
	return out.Versions, nil
}

// Process tells which process answers on the socket, 0 where the system does not say; running is
// false when nobody does, and stale when a server that was killed left its socket.
func (r *Client) Process(ctx context.Context) (pid int, running, stale bool) {
	conn, err := r.dial(ctx, "", "")
	if err != nil {
		_, err = os.Lstat(socketFile(r.home))
		return 0, false, err == nil
	}
	defer conn.Close()
	pid, _, _ = peerCredentials(conn)
	return pid, true, false
}
