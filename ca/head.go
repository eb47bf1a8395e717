package ca

import (
	"context"
	"crypto"
	"crypto/ed25519"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	kmsapi "go.step.sm/crypto/kms/apiv1"
	"golang.org/x/mod/sumdb/note"

	"github.com/igc-lab/igc/ca/store"
	"github.com/igc-lab/igc/internal/i18n"
)

// The head of the change feed is signed from time to time, in the note
// format of Go's checksum database (golang.org/x/mod/sumdb/note): so a feed whose end was cut off
// is told from one that ended there. The text is
//
//	igc change feed
//	1234
//	SHA-256 of entry 1234, in base64
//	2026-11-25T12:00:00Z
//
// The key (Ed25519) is among those of the lab. Its verifier key is in the feed, and is worth
// keeping elsewhere: whoever can write the lab's folder and knows its passphrase can sign another
// feed.

const (
	headKey    = "audit" // name among the lab's keys
	headOrigin = "igc change feed"
	headSigner = "igc-lab"
)

// noteSigner signs notes with a key of the lab.
type noteSigner struct {
	note.Verifier
	key crypto.Signer
}

func (s noteSigner) Sign(msg []byte) ([]byte, error) {
	return s.key.Sign(rand.Reader, msg, crypto.Hash(0))
}

// SignHead signs the present head of the change feed. It makes the key for that, and appends its
// verifier key to the feed, when the lab has none yet.
func (ca *CA) SignHead(ctx context.Context) (signed []byte, err error) {
	made, err := ca.keys.CreateKey(&kmsapi.CreateKeyRequest{Name: headKey, SignatureAlgorithm: kmsapi.PureEd25519})
	if err != nil {
		return nil, err
	}
	public, ok := made.PublicKey.(ed25519.PublicKey)
	if !ok {
		return nil, fail(Conflict, "%s is not an Ed25519 key: remove it, and another is made", ca.keys.Path(headKey))
	}
	text, err := note.NewEd25519VerifierKey(headSigner, public)
	if err != nil {
		return nil, err
	}
	verifier, err := note.NewVerifier(text)
	if err != nil {
		return nil, err
	}
	if err := ca.nameHeadKey(ctx, text); err != nil {
		return nil, err
	}
	head, err := ca.Head(ctx)
	if err != nil {
		return nil, err
	}
	return note.Sign(&note.Note{Text: fmt.Sprintf("%s\n%d\n%s\n%s\n", headOrigin, head.Seq, base64.StdEncoding.EncodeToString(head.Hash[:]),
		ca.now().Format(time.RFC3339))}, noteSigner{verifier, made.CreateSignerRequest.Signer})
}

// headKeys are documents that say which keys the feed has named: a process may die between making
// one and naming it.
var headKeys = store.DocumentKind{Name: "head-key"}

// nameHeadKey appends a verifier key to the feed, once.
func (ca *CA) nameHeadKey(ctx context.Context, text string) error {
	named := func(r store.Reader) (bool, error) {
		_, err := r.Document(headKeys.Name, text)
		if KindOf(err) == NotFound {
			return false, nil
		}
		return err == nil, err
	}
	var done bool
	err := ca.store.View(ctx, func(r store.Reader) (err error) {
		done, err = named(r)
		return err
	})
	if done || err != nil {
		return err
	}
	return ca.update(ctx, func(tx store.Tx) error {
		if done, err := named(tx); done || err != nil { // by another process, meanwhile
			return err
		}
		if _, err := tx.PutDocument(headKeys, text, nil, time.Time{}, nil); err != nil {
			return err
		}
		return tx.Append(store.Change{Kind: store.HeadKeyMade, Note: text})
	})
}

// FeedReport is what [VerifyFeed] found.
type FeedReport struct {
	Entries   uint64     `json:"entries"`
	Hash      store.Hash `json:"hash"`             // of the last entry
	Signed    uint64     `json:"signed,omitempty"` // the number of the signed head, 0 without one
	SignedAt  time.Time  `json:"signed_at,omitzero"`
	Key       string     `json:"key,omitempty"`       // verifier key
	Broken    string     `json:"broken,omitempty"`    // what is wrong, empty when nothing is
	Suspected uint64     `json:"suspected,omitempty"` // the entry where it is
}

// VerifyFeed walks the change feed and holds it to its hashes and to its signed head, which is the
// content of audit.head, nil when there is none. key is the verifier key; empty for the one that
// the feed names.
func VerifyFeed(ctx context.Context, s Service, signed []byte, key string) (*FeedReport, error) {
	r := &FeedReport{Key: key}
	broken := func(seq uint64, format string, args ...any) (*FeedReport, error) {
		r.Broken, r.Suspected = i18n.Sprintf(format, args...), seq
		return r, nil
	}
	var head store.Head
	hashes := map[uint64]store.Hash{}
	want, err := headSeq(signed)
	if err != nil {
		return broken(0, "audit.head: %w", err)
	}
	for {
		changes, err := s.Changes(ctx, head.Seq, 1000)
		if err != nil {
			return nil, err
		}
		if len(changes) == 0 {
			break
		}
		for _, c := range changes {
			data, err := c.Encode()
			if err != nil {
				return nil, err
			}
			_, hash, err := store.ParseChange(data)
			if err == nil {
				err = head.Next(c, hash)
			}
			if err != nil {
				return broken(c.Seq, "%v", err)
			}
			if c.Kind == store.HeadKeyMade && key == "" {
				r.Key = c.Note
			}
			if c.Seq == want {
				hashes[c.Seq] = hash
			}
		}
		r.Entries, r.Hash = head.Seq, head.Hash
	}
	if signed == nil {
		return r, nil
	}
	verifier, err := note.NewVerifier(r.Key)
	if err != nil {
		return broken(0, "the feed names no key for its signed head, and %q is not one: %w", r.Key, err)
	}
	n, err := note.Open(signed, note.VerifierList(verifier))
	if err != nil {
		return broken(0, "audit.head: %w", err)
	}
	lines := strings.Split(n.Text, "\n")
	r.Signed = want
	if r.SignedAt, err = time.Parse(time.RFC3339, lines[3]); err != nil {
		return broken(0, "audit.head: %w", err)
	}
	switch hash, ok := hashes[want]; {
	case !ok && want > 0:
		return broken(head.Seq+1, "the end of the feed was cut off: it has %d entries, and %d were signed on %s", head.Seq, want, lines[3])
	case ok && base64.StdEncoding.EncodeToString(hash[:]) != lines[2]:
		return broken(want, "entry %d of the feed is not the one that was signed on %s", want, lines[3])
	}
	return r, nil
}

// headSeq reads the number of a signed head; the signature is verified later. It is 0 without a
// head.
func headSeq(signed []byte) (uint64, error) {
	if signed == nil {
		return 0, nil
	}
	lines := strings.Split(string(signed), "\n")
	if len(lines) < 5 || lines[0] != headOrigin {
		return 0, errors.New("not the signed head of a change feed")
	}
	return strconv.ParseUint(lines[1], 10, 64)
}
