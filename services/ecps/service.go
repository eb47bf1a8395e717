package ecps

import (
	"cmp"
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"strings"
	"time"

	"github.com/igc-lab/igc/ca/store"
	"github.com/igc-lab/igc/internal/recent"
)

// People knows the persons of the lab.
type People interface {
	// Contact returns an error of kind NotFound for an identifier that nobody has.
	Contact(ctx context.Context, id string) (Contact, error)
}

// Contact is a person, and how the Ordre reaches them. Mail and Phone may be empty.
type Contact struct {
	ID         string `json:"id"`
	GivenName  string `json:"given_name"`
	FamilyName string `json:"family_name"`
	Mail       string `json:"mail,omitempty"`
	Phone      string `json:"phone,omitempty"`
}

// Messages sends mails and text messages.
type Messages interface {
	Mail(ctx context.Context, to, subject, text string) error
	SMS(ctx context.Context, to, text string) error
}

// Sealer encrypts and authenticates with a key of the lab. What was sealed for one purpose does not
// open for another.
type Sealer interface {
	Seal(purpose string, plain []byte) ([]byte, error)
	Unseal(purpose string, sealed []byte) ([]byte, error)
}

// Settings are lifetimes and numbers of tries; 0 stands for the default. The first two defaults are
// attested by public guides, the others are modelled.
type Settings struct {
	QR           time.Duration // of the QR code on the PC: 90 s
	Request      time.Duration // of an authentication request: 120 s
	WithCard     time.Duration // of a whole activation with a card: 15 min
	Code         time.Duration // of the code that the phone shows: 5 min
	MailLink     time.Duration // of the link and the QR code of the mail: 24 h
	TextMessage  time.Duration // of the code of the text message: 10 min
	Validity     time.Duration // of an e-CPS: 3 years
	Reminder     time.Duration // before its end, a mail says so: 30 days
	PINTries     int           // until an e-CPS is blocked: 3
	CodeTries    int           // until an activation ends: 3
	Messages     int           // mails or text messages that an activation sends at most: 3
	NumberTries  int           // wrong numbers that end a request: 1 (deny); with more it is chosen again (retry)
	SMSDigits    int           // 6, as attested
	PhoneDigits  int           // of the code that the phone shows: 6
	longestAsked time.Duration
}

func (s Settings) withDefaults() Settings {
	const day = 24 * time.Hour
	return Settings{
		QR: cmp.Or(s.QR, 90*time.Second), Request: cmp.Or(s.Request, 120*time.Second),
		WithCard: cmp.Or(s.WithCard, 15*time.Minute), Code: cmp.Or(s.Code, 5*time.Minute),
		MailLink: cmp.Or(s.MailLink, day), TextMessage: cmp.Or(s.TextMessage, 10*time.Minute),
		Validity: cmp.Or(s.Validity, 3*365*day), Reminder: cmp.Or(s.Reminder, 30*day),
		PINTries: cmp.Or(s.PINTries, 3), CodeTries: cmp.Or(s.CodeTries, 3), Messages: cmp.Or(s.Messages, 3),
		NumberTries: cmp.Or(s.NumberTries, 1), SMSDigits: cmp.Or(s.SMSDigits, 6), PhoneDigits: cmp.Or(s.PhoneDigits, 6),
		longestAsked: time.Hour,
	}
}

// Options are what a [Service] is made from. Documents, People, Messages and Seal are required.
type Options struct {
	Documents store.DocumentStore
	People    People
	Messages  Messages
	Seal      Sealer
	URL       func() string    // of the phone page, for mails and QR codes: "https://localhost:8454/telephone/"
	Prefix    string           // of the path of the phone page: "/telephone/" by default
	Now       func() time.Time // may be ahead of the clock of the store
	Rand      io.Reader        // crypto/rand by default
	Log       *slog.Logger
	Settings  Settings
	Stopping  <-chan struct{} // closed when the server stops: live pages end
}

// Service is the e-CPS of a lab.
type Service struct {
	options  Options
	settings Settings
	now      func() time.Time
	log      *slog.Logger
	prefix   string
	waiting  hub
	asked    recent.Parsed[Request]
}

// New makes the e-CPS of a lab.
func New(options Options) *Service {
	if options.Rand == nil {
		options.Rand = rand.Reader
	}
	if options.Now == nil {
		options.Now = time.Now
	}
	if options.Log == nil {
		options.Log = slog.New(slog.DiscardHandler)
	}
	s := &Service{options: options, settings: options.Settings.withDefaults(), log: options.Log,
		prefix: "/" + strings.Trim(cmp.Or(options.Prefix, "/telephone/"), "/") + "/"}
	s.now = func() time.Time { return options.Now().UTC().Truncate(time.Millisecond) }
	return s
}

// The kinds of documents.
var (
	devices     = store.DocumentKind{Name: "ecps.device", Audited: true} // key: the person
	activations = store.DocumentKind{Name: "ecps.activation"}
	requests    = store.DocumentKind{Name: "ecps.request"}
	policies    = store.DocumentKind{Name: "ecps.policy", Audited: true}
)

// Passing are the kinds of documents that end by the services' clock.
func Passing() []store.DocumentKind { return []store.DocumentKind{activations, requests} }

// How long documents stay after their end.
const (
	unansweredStays = 15 * time.Minute    // requests that nobody answered
	answeredStays   = 24 * time.Hour      // requests, for the history of the phone
	activationStays = 24 * time.Hour      // activations
	deletedStays    = 30 * 24 * time.Hour // an e-CPS that was deleted
	expiredStays    = 365 * 24 * time.Hour
)

// read returns a document; version is 0, and the error nil, when there is none.
func read[T any](ctx context.Context, s *Service, kind store.DocumentKind, key string) (value T, version uint64,
	err error) {
	doc, err := s.options.Documents.GetDocument(ctx, kind, key)
	if store.KindOf(err) == store.NotFound {
		return value, 0, nil
	}
	if err == nil {
		err = json.Unmarshal(doc.Value, &value)
	}
	return value, doc.Version, err
}

// scan returns the documents whose key begins with a prefix.
func scan[T any](ctx context.Context, s *Service, kind store.DocumentKind, prefix string) (values []T,
	versions []uint64, err error) {
	docs, err := s.options.Documents.ScanDocuments(ctx, kind, prefix)
	if err != nil {
		return nil, nil, err
	}
	for _, doc := range docs {
		var value T
		if err := json.Unmarshal(doc.Value, &value); err != nil {
			return nil, nil, err
		}
		values, versions = append(values, value), append(versions, doc.Version)
	}
	return values, versions, nil
}

// write makes the write of a document, if its version is still that.
func write(kind store.DocumentKind, key string, value any, version uint64, expires time.Time) store.DocumentWrite {
	data, err := json.Marshal(value)
	if err != nil {
		panic("ecps: " + err.Error()) // of types of this package
	}
	return store.DocumentWrite{Kind: kind, Key: key, Value: data, Expires: expires, IfVersion: &version}
}

// change is what becomes of a call: the documents to write, and the refusal to report once they are
// written, such as that of a wrong PIN, which was counted.
type change struct {
	writes  []store.DocumentWrite
	refusal error
}

// update writes what decide returns. When a document changed meanwhile decide is called again, on
// what is there then.
func (s *Service) update(ctx context.Context, actor string, decide func() (change, error)) error {
	const patience = 1000
	var err error
	for range patience {
		var c change
		if c, err = decide(); err != nil {
			return err
		}
		if len(c.writes) == 0 {
			return c.refusal
		}
		_, err = s.options.Documents.WriteDocuments(ctx, actor, c.writes...)
		if err == nil {
			for _, w := range c.writes {
				s.waiting.wake(topic(w.Kind, w.Key))
			}
			return c.refusal
		}
		if !errors.Is(err, store.ErrSwap) {
			return err
		}
		if err := ctx.Err(); err != nil {
			return err
		}
	}
	return err
}

// person returns who has an identifier.
func (s *Service) person(ctx context.Context, id string) (Contact, error) {
	c, err := s.options.People.Contact(ctx, id)
	if store.KindOf(err) == store.NotFound && err != nil {
		return c, refuse(UnknownPerson, id)
	}
	return c, err
}
