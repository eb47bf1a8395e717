package store

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"time"

	"github.com/igc-lab/igc/internal/i18n"
)

// ChangeKind says what a change is.
type ChangeKind string

// The kinds of changes.
const (
	AuthorityMade     ChangeKind = "authority.made"
	CertificateIssued ChangeKind = "certificate.issued"
	StatusChanged     ChangeKind = "status.changed"
	CRLIssued         ChangeKind = "crl.issued" // its number was given, before it is signed and published
	DocumentPut       ChangeKind = "document.put"
	DocumentDeleted   ChangeKind = "document.deleted"
	HeadKeyMade       ChangeKind = "head-key.made" // that signs heads of the feed; Note is its verifier key
	LabMigrated       ChangeKind = "lab.migrated"  // from a former format
	LabRecovered      ChangeKind = "lab.recovered" // by igc recover
	LabRestored       ChangeKind = "lab.restored"  // by igc restore
	LabSeeded         ChangeKind = "lab.seeded"    // with test data
)

// ChangeKinds lists the kinds.
func ChangeKinds() []ChangeKind {
	return []ChangeKind{AuthorityMade, CertificateIssued, StatusChanged, CRLIssued, DocumentPut, DocumentDeleted, HeadKeyMade,
		LabMigrated, LabRecovered, LabRestored, LabSeeded}
}

// Change is an entry of the feed. It never holds a key, a PIN or a secret.
type Change struct {
	Seq   uint64     `json:"seq"`
	At    time.Time  `json:"at"`
	Actor string     `json:"actor"` // "cli:alain", "rpc:uid=1000", "order:2123456789", "system"
	Kind  ChangeKind `json:"kind"`

	Authority string      `json:"authority,omitempty"` // its ID; of a certificate, its issuer
	Serial    string      `json:"serial,omitempty"`    // upper-case hexadecimal
	Profile   string      `json:"profile,omitempty"`   // product/role
	Holder    string      `json:"holder,omitempty"`    // display name
	Status    Status      `json:"status,omitempty"`    // after the change
	Revoked   *Revocation `json:"revocation,omitempty"`
	Revision  uint64      `json:"revision,omitempty"` // of the authority's statuses, after the change
	CRL       uint64      `json:"crl,omitempty"`      // number
	Document  string      `json:"document,omitempty"` // kind/key
	Version   uint64      `json:"version,omitempty"`  // of the document
	Note      string      `json:"note,omitempty"`     // of what has no field

	Prev Hash `json:"prev"` // SHA-256 of the entry before, zeros for the first
}

// Hash is a SHA-256, hexadecimal in JSON.
type Hash [sha256.Size]byte

func (h Hash) String() string { return hex.EncodeToString(h[:]) }

// MarshalText implements [encoding.TextMarshaler].
func (h Hash) MarshalText() ([]byte, error) { return hex.AppendEncode(nil, h[:]), nil }

// UnmarshalText implements [encoding.TextUnmarshaler].
func (h *Hash) UnmarshalText(text []byte) error {
	if n, err := hex.Decode(h[:], text); err != nil || n != len(h) {
		return i18n.Errorf("%q is not a SHA-256 in hexadecimal", text)
	}
	return nil
}

// Encode is the entry as it is stored, and as it is hashed: JSON in one line.
func (c Change) Encode() ([]byte, error) { return json.Marshal(c) }

// ParseChange reads an entry as Encode wrote it, and computes its hash. Other JSON of the same
// meaning is refused: the hash is that of the bytes.
func ParseChange(data []byte) (c Change, h Hash, err error) {
	if err := json.Unmarshal(data, &c); err != nil {
		return c, h, i18n.Errorf("entry of the feed: %w", err)
	}
	if again, err := c.Encode(); err != nil || !bytes.Equal(again, data) {
		return c, h, i18n.Errorf("entry %d of the feed is not as it was written", c.Seq)
	}
	return c, sha256.Sum256(data), nil
}

// Head is the end of the feed.
type Head struct {
	Seq  uint64 // of the last entry, 0 for an empty feed
	Hash Hash   // of the last entry, zeros for an empty feed
}

// Next checks that an entry with that hash follows the head, and moves the head to it.
func (h *Head) Next(c Change, hash Hash) error {
	if c.Seq != h.Seq+1 {
		return i18n.Errorf("entry %d of the feed is missing: entry %d follows entry %d", h.Seq+1, c.Seq, h.Seq)
	}
	if c.Prev != h.Hash {
		return i18n.Errorf("entry %d of the feed, or the one before it, was changed: it names %s as the hash of entry %d, which is %s",
			c.Seq, c.Prev, h.Seq, h.Hash)
	}
	*h = Head{c.Seq, hash}
	return nil
}
