package keys

import (
	"bytes"
	"context"
	"crypto"
	"errors"
	"io/fs"
	"os"
	"time"

	"github.com/igc-lab/igc/ca/store"
	"github.com/igc-lab/igc/internal/atomicfile"
)

// Shared is where the keys of a lab are that several machines use, beside the folder of each. They
// are encrypted there as in the folder.
type Shared interface {
	// Fetch returns the file of a key, fs.ErrNotExist when there is none.
	Fetch(name string) ([]byte, error)
	// Share keeps the file of a key, unless there is one of that name; it returns the one that is
	// there then.
	Share(name string, file []byte) ([]byte, error)
}

// ShareWith has keys that this folder lacks fetched from there, and those that it has put there. It
// is called before the ring is used.
func (k *Ring) ShareWith(s Shared) { k.vault = s }

// fetch gives the file of a key that the folder lacks.
func (k *Ring) fetch(name string) ([]byte, error) {
	if k.vault == nil {
		return nil, fs.ErrNotExist
	}
	return k.vault.Fetch(name)
}

// offer puts the file of a key that was opened where the others find it. What fails for want of
// that place is tried again by the next process.
func (k *Ring) offer(name string, file []byte, signer crypto.Signer) error {
	if k.vault == nil {
		return nil
	}
	kept, err := k.vault.Share(name, file)
	if err != nil || bytes.Equal(kept, file) {
		return nil
	}
	other, err := k.decrypt(name, kept)
	if err != nil {
		return err
	}
	if public, ok := signer.Public().(interface{ Equal(crypto.PublicKey) bool }); !ok || !public.Equal(other.Public()) {
		return store.Errorf(store.Conflict, "%s is another key than the one of that name in the lab's database: "+
			"set it aside, and that one is fetched", k.Path(name))
	}
	return nil
}

// agree decides which key of a name is the lab's, where another machine may have made one
// meanwhile, and writes its file. mine tells whether it is the given one.
func (k *Ring) agree(name string, file []byte) (mine bool, err error) {
	if k.vault != nil {
		kept, err := k.vault.Share(name, file)
		if err != nil {
			return false, err
		}
		if !bytes.Equal(kept, file) {
			return false, k.save(k.Path(name), kept)
		}
	}
	return true, k.save(k.Path(name), file)
}

// save writes a file of the folder.
func (k *Ring) save(path string, file []byte) error {
	if err := os.MkdirAll(k.dir, 0o700); err != nil {
		return &store.Error{Kind: store.Unwritable, Err: err}
	}
	if err := atomicfile.Write(path, file, 0o600); err != nil {
		return &store.Error{Kind: store.Unwritable, Err: err}
	}
	return nil
}

// SharedDocuments keeps keys among the documents of a store.
func SharedDocuments(d store.DocumentStore) Shared { return sharedDocuments{d} }

type sharedDocuments struct{ store.DocumentStore }

// keyKind is audited: who made a key stands in the feed.
var keyKind = store.DocumentKind{Name: "ca.key", Audited: true}

// sharing bounds how long a key is waited for: signing has no context.
func sharing() (context.Context, context.CancelFunc) {
	return context.WithTimeout(context.Background(), 30*time.Second)
}

func (s sharedDocuments) Fetch(name string) ([]byte, error) {
	ctx, cancel := sharing()
	defer cancel()
	d, err := s.GetDocument(ctx, keyKind, name)
	if store.KindOf(err) == store.NotFound {
		return nil, fs.ErrNotExist
	}
	return d.Value, err
}

func (s sharedDocuments) Share(name string, file []byte) ([]byte, error) {
	if there, err := s.Fetch(name); !errors.Is(err, fs.ErrNotExist) {
		return there, err
	}
	ctx, cancel := sharing()
	defer cancel()
	none := uint64(0)
	_, err := s.WriteDocuments(ctx, "", store.DocumentWrite{Kind: keyKind, Key: name, Value: file, IfVersion: &none})
	switch {
	case errors.Is(err, store.ErrSwap): // another was faster
		return s.Fetch(name)
	case err != nil:
		return nil, err
	}
	return file, nil
}
