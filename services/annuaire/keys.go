package annuaire

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"regexp"
	"time"

	"github.com/igc-lab/igc/ca/store"
)

var keyKind = store.DocumentKind{Name: "annuaire.key", Audited: true}

// Key is an API key of an application. The key itself is not kept: Hash is found by what a call
// has, and a key has too many bits to be guessed.
type Key struct {
	Name       string    `json:"name"`
	Restricted bool      `json:"restricted"` // as-dr-*: restricted data
	Hash       string    `json:"hash"`       // SHA-256, hexadecimal
	Created    time.Time `json:"created"`
}

var keyName = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._-]{0,99}$`)

// AddKey makes a key for an application and returns it: it cannot be shown again. The form is that
// of the real ones, a UUID.
func AddKey(ctx context.Context, documents store.DocumentStore, actor, name string, restricted bool,
	now time.Time) (key string, err error) {
	if !keyName.MatchString(name) {
		return "", store.Errorf(store.Invalid,
			"%q is not a name for a key: letters, digits, dots, hyphens and underscores, at most 100", name)
	}
	var b [16]byte
	rand.Read(b[:])
	b[6], b[8] = b[6]&0x0f|0x40, b[8]&0x3f|0x80
	key = fmt.Sprintf("%x-%x-%x-%x-%x", b[:4], b[4:6], b[6:8], b[8:10], b[10:])
	value, err := json.Marshal(Key{name, restricted, keyHash(key), now.UTC().Truncate(time.Second)})
	if err != nil {
		return "", err
	}
	var none uint64
	_, err = documents.WriteDocuments(ctx, actor,
		store.DocumentWrite{Kind: keyKind, Key: name, Value: value, IfVersion: &none})
	if errors.Is(err, store.ErrSwap) {
		return "", store.Errorf(store.Invalid, "there is a key named %s already: igc annuaire key remove %s first",
			name, name)
	}
	if err != nil {
		return "", err
	}
	return key, nil
}

func keyHash(key string) string {
	sum := sha256.Sum256([]byte(key))
	return hex.EncodeToString(sum[:])
}

// Keys lists the keys of a lab, by name.
func Keys(ctx context.Context, documents store.DocumentStore) ([]Key, error) {
	docs, err := documents.ScanDocuments(ctx, keyKind, "")
	if err != nil {
		return nil, err
	}
	list := make([]Key, len(docs))
	for i, doc := range docs {
		if err := json.Unmarshal(doc.Value, &list[i]); err != nil {
			return nil, store.Errorf(store.Damaged, "the document %s/%s: %w", keyKind.Name, doc.Key, err)
		}
	}
	return list, nil
}

// RemoveKey removes a key: calls with it are refused from now on.
func RemoveKey(ctx context.Context, documents store.DocumentStore, actor, name string) error {
	if _, err := documents.GetDocument(ctx, keyKind, name); err != nil {
		if store.KindOf(err) == store.NotFound {
			return store.Errorf(store.NotFound, "no key is named %q: igc annuaire key list shows them", name)
		}
		return err
	}
	_, err := documents.WriteDocuments(ctx, actor, store.DocumentWrite{Kind: keyKind, Key: name, Delete: true})
	return err
}
