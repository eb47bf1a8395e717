package psc

import (
	"cmp"
	"context"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/json"
	"errors"
	"net"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/igc-lab/igc/ca/store"
)

var clientKind = store.DocumentKind{Name: "psc.client", Audited: true}

// Client is a relying party.
type Client struct {
	ID                     string    `json:"client_id"`
	Name                   string    `json:"name"` // what the phone and the login page show
	SecretHash             []byte    `json:"secret_hash,omitempty"`
	SecretSalt             []byte    `json:"secret_salt,omitempty"`
	MutualTLS              bool      `json:"mutual_tls,omitempty"` // authenticates by an AUTH_CLI whose CN is its ID
	RedirectURIs           []string  `json:"redirect_uris"`
	PostLogoutRedirectURIs []string  `json:"post_logout_redirect_uris,omitempty"`
	BackchannelLogoutURI   string    `json:"backchannel_logout_uri,omitempty"`
	PKCE                   bool      `json:"pkce,omitempty"` // is required
	NoCIBA                 bool      `json:"no_ciba,omitempty"`
	Created                time.Time `json:"created"`
}

var clientID = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$`)

// Check refuses a client that could not log anybody in.
func (c *Client) Check() error {
	if !clientID.MatchString(c.ID) {
		return store.Errorf(store.Invalid,
			"%q is not a client_id: letters, digits, dots, hyphens and underscores, at most 100",
			c.ID)
	}
	for _, list := range [][]string{c.RedirectURIs, c.PostLogoutRedirectURIs} {
		for _, uri := range list {
			if err := checkRedirect(uri); err != nil {
				return err
			}
		}
	}
	if len(c.RedirectURIs) == 0 && c.NoCIBA {
		return store.Errorf(store.Invalid, "the client %s has no redirect URI, and CIBA is off: give --redirect", c.ID)
	}
	if c.BackchannelLogoutURI != "" {
		if err := checkRedirect(c.BackchannelLogoutURI); err != nil {
			return err
		}
		u, _ := url.Parse(c.BackchannelLogoutURI)
		if !loopbackHost(u.Hostname()) {
			return store.Errorf(store.Invalid,
				"the logout address %s is not on this machine: the lab calls loopback only",
				c.BackchannelLogoutURI)
		}
	}
	return nil
}

// checkRedirect takes https anywhere, and http on this machine (RFC 8252 §7.3), without a fragment
// (RFC 6749 §3.1.2).
func checkRedirect(uri string) error {
	u, err := url.Parse(uri)
	switch {
	case err != nil || u.Host == "" || u.User != nil || strings.ContainsFunc(uri,
		func(r rune) bool { return r <= ' ' || r == 0x7f }):
		return store.Errorf(store.Invalid,
			"%q is not an address: give it whole, such as http://localhost:3000/callback",
			uri)
	case u.Fragment != "" || strings.Contains(uri, "#"):
		return store.Errorf(store.Invalid, "%q has a fragment: a redirect URI has none (RFC 6749 §3.1.2)", uri)
	case strings.Contains(uri, "*"):
		return store.Errorf(store.Invalid,
			"%q has a wildcard: Pro Santé Connect compares the whole address, letter by letter",
			uri)
	case u.Scheme == "https" || u.Scheme == "http" && loopbackHost(u.Hostname()):
		return nil
	}
	return store.Errorf(store.Invalid, "%q is neither https nor http on this machine", uri)
}

func loopbackHost(host string) bool {
	if host == "localhost" || strings.HasSuffix(host, ".localhost") {
		return true
	}
	ip := net.ParseIP(host)
	return ip != nil && ip.IsLoopback()
}

// NewSecret gives the client a secret: 256 random bits, returned once and kept as a salted hash. It
// has too many bits to be guessed, so the hash needs no work factor.
func (c *Client) NewSecret() string {
	secret := random()
	c.SetSecret(secret)
	return secret
}

// SetSecret gives the client a secret of 256 random bits that is kept elsewhere.
func (c *Client) SetSecret(secret string) {
	c.SecretSalt = make([]byte, 16)
	rand.Read(c.SecretSalt)
	c.SecretHash = secretHash(c.SecretSalt, secret)
}

func secretHash(salt []byte, secret string) []byte {
	h := sha256.New()
	h.Write(salt)
	h.Write([]byte(secret))
	return h.Sum(nil)
}

// SecretIs tells whether the client has that secret.
func (c *Client) SecretIs(secret string) bool {
	return len(c.SecretHash) > 0 && subtle.ConstantTimeCompare(c.SecretHash, secretHash(c.SecretSalt, secret)) == 1
}

// AddClient records a client. One that is there already is not replaced.
func AddClient(ctx context.Context, documents store.DocumentStore, actor string, c *Client) error {
	if err := c.Check(); err != nil {
		return err
	}
	c.Name = cmp.Or(c.Name, c.ID)
	value, err := json.Marshal(c)
	if err != nil {
		return err
	}
	none := uint64(0)
	_, err = documents.WriteDocuments(ctx, actor, store.DocumentWrite{Kind: clientKind, Key: c.ID, Value: value,
		IfVersion: &none})
	if errors.Is(err, store.ErrSwap) {
		return store.Errorf(store.Conflict,
			"there is a client %s already: igc psc client show %[1]s, or choose another name",
			c.ID)
	}
	return err
}

// ChangeClient changes a client; change may run more than once.
func ChangeClient(ctx context.Context, documents store.DocumentStore, actor, id string,
	change func(*Client) error) (*Client, error) {
	for {
		c, version, err := readClient(ctx, documents, id)
		if err != nil {
			return nil, err
		}
		if err := change(c); err != nil {
			return nil, err
		}
		if err := c.Check(); err != nil {
			return nil, err
		}
		value, err := json.Marshal(c)
		if err != nil {
			return nil, err
		}
		_, err = documents.WriteDocuments(ctx, actor, store.DocumentWrite{Kind: clientKind, Key: id,
			Value: value, IfVersion: &version})
		if !errors.Is(err, store.ErrSwap) {
			return c, err
		}
	}
}

// RemoveClient removes a client. Its tokens are no longer active.
func RemoveClient(ctx context.Context, documents store.DocumentStore, actor, id string) error {
	_, version, err := readClient(ctx, documents, id)
	if err != nil {
		return err
	}
	_, err = documents.WriteDocuments(ctx, actor, store.DocumentWrite{Kind: clientKind, Key: id, Delete: true,
		IfVersion: &version})
	return err
}

// ReadClient reads a client.
func ReadClient(ctx context.Context, documents store.DocumentStore, id string) (*Client, error) {
	c, _, err := readClient(ctx, documents, id)
	return c, err
}

func readClient(ctx context.Context, documents store.DocumentStore, id string) (*Client, uint64, error) {
	notFound := store.Errorf(store.NotFound,
		"there is no client %q: igc psc client list shows them, igc psc client add makes one",
		id)
	if !clientID.MatchString(id) { // no key of a document
		return nil, 0, notFound
	}
	doc, err := documents.GetDocument(ctx, clientKind, id)
	if store.KindOf(err) == store.NotFound {
		return nil, 0, notFound
	}
	if err != nil {
		return nil, 0, err
	}
	c, err := parseClient(doc)
	return c, doc.Version, err
}

func parseClient(doc store.Document) (*Client, error) {
	c := &Client{}
	if err := json.Unmarshal(doc.Value, c); err != nil {
		return nil, store.Errorf(store.Damaged, "the document %s/%s: %w", clientKind.Name, doc.Key, err)
	}
	return c, nil
}

// Clients lists the clients by their IDs.
func Clients(ctx context.Context, documents store.DocumentStore) (list []*Client, err error) {
	docs, err := documents.ScanDocuments(ctx, clientKind, "")
	if err != nil {
		return nil, err
	}
	for _, doc := range docs {
		c, err := parseClient(doc)
		if err != nil {
			return nil, err
		}
		list = append(list, c)
	}
	return list, nil
}

func (c *Client) redirectTo(uri string) bool { return slices.Contains(c.RedirectURIs, uri) }
