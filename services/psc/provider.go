package psc

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"time"

	"github.com/igc-lab/igc/ca/store"
	"github.com/igc-lab/igc/internal/recent"
	"github.com/igc-lab/igc/internal/web"
	"github.com/igc-lab/igc/people"
	"github.com/igc-lab/igc/services/ecps"

	"crypto/tls"

	"github.com/igc-lab/igc/verify"
)

// realm is the name of PSC's realm: it is in every path of the issuer.
const realm = "esante-wallet"

// issuerPath and protocolPath are the issuer's paths (reference §2.1).
const (
	issuerPath   = "/auth/realms/" + realm
	protocolPath = issuerPath + "/protocol/openid-connect"
)

// Options are what a provider is made from. All are required but Log.
type Options struct {
	Documents store.DocumentStore
	Seal      Sealer
	People    People
	ECPS      ECPS
	Verifier  Verifier         // of cards and of clients' certificates
	Revoked   Revoked          // of cards that have logged in
	Now       func() time.Time // the services' clock
	Log       *slog.Logger

	// The addresses of the three servers, without a slash at the end: https://localhost:8451
	IssuerURL, WalletURL, CardURL string

	// HTTP calls the clients' logout addresses.
	HTTP *http.Client
}

// People is where identities come from: people.Directory.
type People interface {
	Find(ctx context.Context, id string) (*people.Person, error)
}

// ECPS is what logs in by phone: ecps.Service.
type ECPS interface {
	Ask(ctx context.Context, asked ecps.Asked) (*ecps.Request, error)
	Get(ctx context.Context, id string) (*ecps.Request, error)
	Cancel(ctx context.Context, id string) error
	Requests(ctx context.Context, person string) ([]ecps.Request, error)

	Device(ctx context.Context, person string) (*ecps.Device, error)
	BeginWithCard(ctx context.Context, person string) (ecps.Activation, error)
	Activation(ctx context.Context, id string) (ecps.Activation, error)
	ConfirmCode(ctx context.Context, id, code string) error
	Delete(ctx context.Context, actor, person string) error
}

// Verifier checks a certificate that was presented: verify.Verifier.
type Verifier interface {
	Check(ctx context.Context, state *tls.ConnectionState) (*verify.Report, error)
}

// Revoked tells whether a card's certificate is revoked or on hold now.
type Revoked func(ctx context.Context, c Card) (bool, error)

// Provider is Pro Santé Connect for one lab.
type Provider struct {
	Options
	Requests *Requests // the last calls, with what was wrong

	keys  keyring
	pages *web.Pages

	settings recent.Copies[*Settings]
	clients  recent.Copies[*Client] // by client_id
	polls    polls

	sessions recent.Parsed[session]
	asked    recent.Parsed[cibaRequest]
	accesses recent.Map[[sha256.Size]byte, *accessToken] // that this process signed or verified, by their hash

	sending sending
}

// New makes a provider.
func New(options Options) *Provider {
	if options.Log == nil {
		options.Log = slog.New(slog.DiscardHandler)
	}
	p := &Provider{Options: options, Requests: newRequests()}
	p.keys = keyring{documents: options.Documents, seal: options.Seal, now: options.Now}
	p.pages = newPages(options.Log)
	return p
}

// Issuer is the issuer identifier.
func (p *Provider) Issuer() string { return p.IssuerURL + issuerPath }

// DocumentChanged forgets the settings or the clients when one of them was written. It is for
// ca.CA.WatchDocuments, which [Provider.KeepCopies] relies on.
func (p *Provider) DocumentChanged(change store.Change) {
	switch kind, _, _ := strings.Cut(change.Document, "/"); kind {
	case settingsKind.Name:
		p.settings.Forget()
	case clientKind.Name:
		p.clients.Forget()
	}
}

// KeepCopies has the settings and the clients read once, and again after DocumentChanged. Without
// it, and while current returns false, each call reads them.
func (p *Provider) KeepCopies(current func() bool) {
	p.settings.Keep(current)
	p.clients.Keep(current)
}

// current returns the settings. They are parsed when they have changed.
func (p *Provider) current(ctx context.Context) (*Settings, error) {
	return p.settings.Get("", func() (*Settings, error) {
		s, _, err := readSettings(ctx, p.Documents)
		return &s, err
	})
}

// client returns a client, nil when there is none of that ID.
func (p *Provider) client(ctx context.Context, id string) (*Client, error) {
	if !clientID.MatchString(id) {
		return nil, nil
	}
	c, err := p.clients.Get(id, func() (*Client, error) {
		doc, err := p.Documents.GetDocument(ctx, clientKind, id)
		if err != nil {
			return nil, err
		}
		return parseClient(doc)
	})
	if store.KindOf(err) == store.NotFound {
		return nil, nil
	}
	return c, err
}

// person returns a person, nil when the lab knows none of that identifier.
func (p *Provider) person(ctx context.Context, id string) (*people.Person, error) {
	person, err := p.People.Find(ctx, id)
	if store.KindOf(err) == store.NotFound {
		return nil, nil
	}
	return person, err
}

// random is a random value of 256 bits.
func random() string {
	raw := make([]byte, 32)
	rand.Read(raw) // never fails
	return base64.RawURLEncoding.EncodeToString(raw)
}

// uuid is a random UUID (RFC 9562 §5.4).
func uuid() string {
	var u [16]byte
	rand.Read(u[:])
	return formatUUID(u, 4)
}

func formatUUID(u [16]byte, version byte) string {
	u[6], u[8] = u[6]&0x0f|version<<4, u[8]&0x3f|0x80
	return fmt.Sprintf("%x-%x-%x-%x-%x", u[:4], u[4:6], u[6:8], u[8:10], u[10:])
}

// digest is how a value that is a secret stands in the records: its SHA-256. The values have 122
// random bits or more.
func digest(secret string) string {
	sum := sha256.Sum256([]byte(secret))
	return hex.EncodeToString(sum[:])
}

// put is a write of a document as JSON.
func put(kind store.DocumentKind, key string, value any, expires time.Time,
	ifVersion *uint64) (store.DocumentWrite, error) {
	data, err := json.Marshal(value)
	return store.DocumentWrite{Kind: kind, Key: key, Value: data, Expires: expires, IfVersion: ifVersion}, err
}

// get reads a document of JSON; found is false when there is none.
func get[T any](ctx context.Context, documents store.DocumentStore, kind store.DocumentKind,
	key string) (value *T, version uint64, err error) {
	doc, err := documents.GetDocument(ctx, kind, key)
	if store.KindOf(err) == store.NotFound {
		return nil, 0, nil
	}
	if err != nil {
		return nil, 0, err
	}
	value = new(T)
	if err := json.Unmarshal(doc.Value, value); err != nil {
		return nil, 0, store.Errorf(store.Damaged, "the document %s/%s: %w", kind.Name, key, err)
	}
	return value, doc.Version, nil
}

// graceTime is how long a document outlives its end: what came too late is then told from what
// never was.
const graceTime = time.Hour

// until is when a document that ends after a while may be dropped, by the services' clock.
func (p *Provider) until(seconds int) time.Time {
	return p.Now().Add(time.Duration(seconds)*time.Second + graceTime)
}

// Passing are the kinds of documents that end by the services' clock.
func Passing() []store.DocumentKind {
	return []store.DocumentKind{sessionKind, codeKind, loginKind, revokedKind, parKind, cibaKind}
}
