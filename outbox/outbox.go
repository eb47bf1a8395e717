package outbox

import (
	"cmp"
	"context"
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"regexp"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/igc-lab/igc/ca/store"
	"github.com/igc-lab/igc/internal/web"
)

// Kind is the kind of the documents that hold messages.
var Kind = store.DocumentKind{Name: "outbox.message"}

// Options are what an outbox is made from.
type Options struct {
	Documents store.DocumentStore
	Now       func() time.Time // nil for the clock
	Log       *slog.Logger     // nil for none
	Limit     int              // how many messages are kept, 0 for 1000
	Keep      time.Duration    // how long, 0 for 30 days
	SMTP      string           // host:port of the server that mails are given to; empty for none
	Exposed   bool             // the server may be on another machine
	Menu      *web.Menu        // of the port that serves the pages; nil for their own
	People    string           // path of the pages of people, which messages link to; empty for none
}

// Outbox keeps messages.
type Outbox struct {
	documents store.Documents
	options   Options
	pages     func() *web.Pages

	mu   sync.Mutex
	last int64 // time of the last message that this process sent

	relays  sync.WaitGroup
	waiting chan struct{} // a place for each mail that is being relayed
}

// New makes an outbox.
func New(options Options) *Outbox {
	options.Limit, options.Keep = cmp.Or(options.Limit, 1000), cmp.Or(options.Keep, 30*24*time.Hour)
	if options.Now == nil {
		options.Now = time.Now
	}
	if options.Log == nil {
		options.Log = slog.New(slog.NewTextHandler(io.Discard, nil))
	}
	o := &Outbox{documents: store.Documents{Store: options.Documents, Kind: Kind}, options: options,
		waiting: make(chan struct{}, maxRelays)}
	o.pages = sync.OnceValue(func() *web.Pages { return newPages(options.Menu, options.Log) })
	return o
}

// Mail sends a mail without HTML.
func (o *Outbox) Mail(ctx context.Context, to, subject, text string) error {
	_, err := o.Send(ctx, Message{Kind: Mail, To: to, Subject: subject, Text: text})
	return err
}

// SMS sends a text message.
func (o *Outbox) SMS(ctx context.Context, to, text string) error {
	_, err := o.Send(ctx, Message{Kind: SMS, To: to, Text: text})
	return err
}

// Send keeps a message, which it returns as it is kept. A mail is then given to the SMTP server, if
// there is one; Send does not wait for it.
func (o *Outbox) Send(ctx context.Context, m Message) (*Message, error) {
	if err := m.complete(); err != nil {
		return nil, err
	}
	if m.At.IsZero() {
		m.At = o.options.Now()
	}
	m.At = m.At.UTC().Round(0)
	m.ID = o.newID()
	m.Relay = nil
	if o.options.SMTP != "" && m.Kind == Mail {
		m.Relay = &Relay{Server: o.options.SMTP}
	}
	value, err := json.Marshal(&m)
	if err != nil {
		return nil, err
	}
	version, err := o.documents.Put(ctx, "", m.ID, value, o.options.Now().Add(o.options.Keep))
	if err != nil {
		return nil, err
	}
	if m.Relay != nil {
		o.relay(ctx, m, version)
	}
	return &m, o.dropOldest(ctx)
}

// newID makes an identifier that sorts after those before it.
func (o *Outbox) newID() string {
	var random [4]byte
	rand.Read(random[:])
	o.mu.Lock()
	defer o.mu.Unlock()
	o.last = max(o.last+1, o.options.Now().UnixNano())
	return fmt.Sprintf("%016x-%s", o.last, hex.EncodeToString(random[:]))
}

var idForm = regexp.MustCompile(`^[0-9a-f]{16}-[0-9a-f]{8}$`)

// dropOldest deletes the oldest messages that are too many.
func (o *Outbox) dropOldest(ctx context.Context) error {
	docs, err := o.documents.Scan(ctx, "")
	if err != nil || len(docs) <= o.options.Limit {
		return err
	}
	return o.delete(ctx, docs[:len(docs)-o.options.Limit])
}

func (o *Outbox) delete(ctx context.Context, docs []store.Document) error {
	for part := range slices.Chunk(docs, 500) {
		writes := make([]store.DocumentWrite, len(part))
		for i, doc := range part {
			writes[i] = store.DocumentWrite{Kind: Kind, Key: doc.Key, Delete: true}
		}
		if _, err := o.documents.Store.WriteDocuments(ctx, "", writes...); err != nil {
			return err
		}
	}
	return nil
}

// Filter chooses among messages. All pass its zero value.
type Filter struct {
	Kind   MessageKind
	To     string // address or number, as somebody may write it
	Person string
	After  string // only those sent after the message of that ID
	Limit  int    // at most so many, 0 for all
}

func (f Filter) passes(m *Message) bool {
	return (f.Kind == "" || f.Kind == m.Kind) && (f.Person == "" || f.Person == m.Person) && m.ID > f.After &&
		(f.To == "" || sameRecipient(m.To, f.To))
}

// sameRecipient compares the recipient of a message with what somebody wrote: an address in any
// case, with or without a name, or a number.
func sameRecipient(to, written string) bool {
	if number, err := phoneNumber(written); err == nil && number == to {
		return true
	}
	return strings.EqualFold(to, written) || strings.EqualFold(bare(to), bare(written))
}

// List returns the messages that pass a filter, the newest first.
func (o *Outbox) List(ctx context.Context, f Filter) ([]*Message, error) {
	docs, err := o.documents.Scan(ctx, "")
	if err != nil {
		return nil, err
	}
	list := []*Message{}
	for _, doc := range slices.Backward(docs) {
		m, err := parseMessage(doc)
		if err != nil {
			return nil, err
		}
		if f.passes(m) {
			list = append(list, m)
		}
		if len(list) == f.Limit && f.Limit > 0 {
			break
		}
	}
	return list, nil
}

// Get returns a message, an error of kind NotFound when there is none.
func (o *Outbox) Get(ctx context.Context, id string) (*Message, error) {
	missing := store.Errorf(store.NotFound, "no message %q: igc outbox list shows those that are there", shorten(id))
	if !idForm.MatchString(id) {
		return nil, missing
	}
	doc, err := o.documents.Get(ctx, id)
	if store.KindOf(err) == store.NotFound {
		return nil, missing
	}
	if err != nil {
		return nil, err
	}
	return parseMessage(doc)
}

func parseMessage(doc store.Document) (*Message, error) {
	m := &Message{}
	if err := json.Unmarshal(doc.Value, m); err != nil {
		return nil, store.Errorf(store.Damaged, "the message %s cannot be read: %w", doc.Key, err)
	}
	return m, nil
}

// Delete deletes a message. One that is not there is not an error.
func (o *Outbox) Delete(ctx context.Context, id string) error {
	if !idForm.MatchString(id) {
		return nil
	}
	return o.documents.Delete(ctx, "", id)
}

// Clear deletes all messages, and returns how many there were.
func (o *Outbox) Clear(ctx context.Context) (int, error) {
	docs, err := o.documents.Scan(ctx, "")
	if err != nil {
		return 0, err
	}
	return len(docs), o.delete(ctx, docs)
}
