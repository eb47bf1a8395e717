package api

import (
	"bytes"
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"github.com/igc-lab/igc/ca/store"
	"github.com/igc-lab/igc/internal/i18n"
	"github.com/igc-lab/igc/services/orders"
)

// Client calls the API of a lab.
type Client struct {
	HTTP  *http.Client
	URL   string // of the lab's desk, without the path of the API: https://lab.example.test:8455
	Token string // empty for whom the connection proves
}

// InProcess is a client of a handler in this process.
func InProcess(h http.Handler) *Client {
	return &Client{HTTP: &http.Client{Transport: inProcess{h}}, URL: "http://localhost"}
}

type inProcess struct{ handler http.Handler }

func (t inProcess) RoundTrip(r *http.Request) (*http.Response, error) {
	w := &recorder{header: http.Header{}, status: http.StatusOK}
	if r.Body == nil {
		r.Body = http.NoBody
	}
	t.handler.ServeHTTP(w, r)
	return &http.Response{Status: http.StatusText(w.status), StatusCode: w.status, Header: w.header,
		Body: io.NopCloser(&w.body), Request: r}, nil
}

// recorder keeps an answer.
type recorder struct {
	header http.Header
	status int
	body   bytes.Buffer
}

func (w *recorder) Header() http.Header               { return w.header }
func (w *recorder) WriteHeader(status int)            { w.status = status }
func (w *recorder) Write(b []byte) (n int, err error) { return w.body.Write(b) }

// maxAnswer bounds what is read of an answer.
const maxAnswer = 64 << 20

// send makes a call. The error of an answer that is a problem has its texts and its kind.
func (c *Client) send(ctx context.Context, method, path string, in any) (body []byte, header http.Header, err error) {
	var content io.Reader
	if in != nil {
		data, err := json.Marshal(in)
		if err != nil {
			return nil, nil, err
		}
		content = bytes.NewReader(data)
	}
	r, err := http.NewRequestWithContext(ctx, method, strings.TrimSuffix(c.URL, "/")+Prefix+path, content)
	if err != nil {
		return nil, nil, err
	}
	if in != nil {
		r.Header.Set("Content-Type", "application/json")
	}
	if c.Token != "" {
		r.Header.Set("Authorization", "Bearer "+c.Token)
	}
	answer, err := c.HTTP.Do(r)
	if err != nil {
		return nil, nil, c.unreached(ctx, err)
	}
	defer answer.Body.Close()
	if body, err = io.ReadAll(io.LimitReader(answer.Body, maxAnswer)); err != nil {
		return nil, nil, err
	}
	if answer.StatusCode < 300 {
		return body, answer.Header, nil
	}
	return nil, nil, problemOf(answer, body)
}

// unreached is why no answer came: what is wrong with the server's certificate, or the connection.
func (c *Client) unreached(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	text := i18n.Text{FR: "le labo à %[1]s ne répond pas : %[2]s", EN: "the lab at %[1]s does not answer: %[2]s"}
	var certificate *tls.CertificateVerificationError
	if errors.As(err, &certificate) {
		err = certificate.Err
		text = i18n.Text{
			FR: "le certificat de %[1]s ne convient pas : %[2]s ; --ca donne la racine de ce labo",
			EN: "the certificate of %[1]s does not do: %[2]s; --ca gives the root of that lab"}
	}
	var call *url.Error
	if errors.As(err, &call) {
		err = call.Err
	}
	return &store.Error{Kind: store.Unavailable, Err: i18n.NewError("ORDER-UNREACHED", text, c.URL, err.Error())}
}

// kinds are those of errors by the status of an answer; another status is an internal error.
var kinds = map[int]store.Kind{http.StatusBadRequest: store.Invalid, http.StatusUnprocessableEntity: store.Invalid,
	http.StatusUnauthorized: store.Invalid, http.StatusForbidden: store.Invalid, http.StatusNotFound: store.NotFound,
	http.StatusConflict: store.Conflict, http.StatusTooManyRequests: store.Busy,
	http.StatusServiceUnavailable: store.Unavailable}

// problemOf makes an error of an answer.
func problemOf(answer *http.Response, body []byte) error {
	var p Problem
	kind, _, _ := mime.ParseMediaType(answer.Header.Get("Content-Type"))
	if kind != "application/problem+json" || json.Unmarshal(body, &p) != nil {
		return fmt.Errorf("%s %s: %s", answer.Request.Method, answer.Request.URL.Redacted(), answer.Status)
	}
	err := i18n.NewError(p.Code, i18n.Text{FR: "%s (%s)", EN: "%s (%s)"}, p.Detail, p.Code)
	answered := store.Internal
	if k, ok := kinds[p.Status]; ok {
		answered = k
	}
	return &ProblemError{p, &store.Error{Kind: answered, Err: err}}
}

// ProblemError is the error of a call whose answer was a [Problem].
type ProblemError struct {
	Problem Problem
	err     *store.Error
}

func (e *ProblemError) Error() string   { return e.err.Error() }
func (e *ProblemError) Unwrap() error   { return e.err }
func (e *ProblemError) Text() i18n.Text { return e.err.Text() }

func (c *Client) call(ctx context.Context, method, path string, in, out any) error {
	body, _, err := c.send(ctx, method, path, in)
	if err != nil {
		return err
	}
	return json.Unmarshal(body, out)
}

func number(n, step string) string { return "orders/" + url.PathEscape(n) + step }

// WhoAmI is who calls, as the lab sees it.
func (c *Client) WhoAmI(ctx context.Context) (who WhoAmI, err error) {
	return who, c.call(ctx, http.MethodGet, "whoami", nil, &who)
}

// Place asks for a certificate or a card.
func (c *Client) Place(ctx context.Context, r orders.Request) (o *orders.Order, err error) {
	return o, c.call(ctx, http.MethodPost, "orders", r, &o)
}

// PlaceAll asks for all of several, or for none: the [ProblemError] says then which rows are wrong.
func (c *Client) PlaceAll(ctx context.Context, requests []orders.Request) (*orders.List, error) {
	var list orders.List
	return &list, c.call(ctx, http.MethodPost, "orders/batch", map[string]any{"orders": requests}, &list)
}

// List lists the orders that the caller may follow.
func (c *Client) List(ctx context.Context, q orders.Query) (*orders.List, error) {
	query := url.Values{}
	for name, value := range map[string]string{"structure": q.Structure, "offer": q.Offer, "usage": q.Usage,
		"state": string(q.State), "text": q.Text, "after": q.After} {
		if value != "" {
			query.Set(name, value)
		}
	}
	if q.Limit > 0 {
		query.Set("limit", strconv.Itoa(q.Limit))
	}
	var list orders.List
	return &list, c.call(ctx, http.MethodGet, "orders?"+query.Encode(), nil, &list)
}

// Get returns an order.
func (c *Client) Get(ctx context.Context, n string) (o *orders.Order, err error) {
	return o, c.call(ctx, http.MethodGet, number(n, ""), nil, &o)
}

// Withdraw withdraws an order.
func (c *Client) Withdraw(ctx context.Context, n string, w orders.Withdrawal) (o *orders.Order, err error) {
	return o, c.call(ctx, http.MethodPost, number(n, "/withdraw"), w, &o)
}

// Revoke revokes the certificates of an order.
func (c *Client) Revoke(ctx context.Context, n string, r orders.Revocation) (o *orders.Order, err error) {
	return o, c.call(ctx, http.MethodPost, number(n, "/revoke"), r, &o)
}

// Redraw puts an order whose PKCS#12 never arrived back.
func (c *Client) Redraw(ctx context.Context, n, code string) (o *orders.Order, err error) {
	return o, c.call(ctx, http.MethodPost, number(n, "/redraw"), map[string]string{"code": code}, &o)
}

// PKCS12 draws the key and certificate of a role, once.
func (c *Client) PKCS12(ctx context.Context, n, role, form, password string) (*orders.File, error) {
	body, header, err := c.send(ctx, http.MethodPost, number(n, "/pkcs12"), download{role, form, password})
	if err != nil {
		return nil, err
	}
	_, params, err := mime.ParseMediaType(header.Get("Content-Disposition"))
	if err != nil {
		return nil, err
	}
	return &orders.File{Name: params["filename"], Data: body}, nil
}

// Certificates are those of an order with their chain, as PEM.
func (c *Client) Certificates(ctx context.Context, n string) (string, error) {
	body, _, err := c.send(ctx, http.MethodGet, number(n, "/certificate?chain=true"), nil)
	return string(body), err
}
