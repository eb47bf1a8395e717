package people

import (
	_ "embed"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"sync"
	"time"

	"github.com/igc-lab/igc/ca/store"
	"github.com/igc-lab/igc/internal/i18n"
	"github.com/igc-lab/igc/internal/yamlfile"
	"github.com/igc-lab/igc/profiles"
)

//go:embed identities.yaml
var identitiesYAML []byte

// builtIn are the identities of identities.yaml.
var builtIn = sync.OnceValue(func() map[string]row {
	rows, err := parseRows(identitiesYAML)
	if err != nil { // embedded: a test reads it
		panic("identities.yaml: " + err.Error())
	}
	return rows
})

// OverlayFile is the name of the overlay in the lab's home.
const OverlayFile = "people.yaml"

// maxOverlay bounds the overlay, in bytes.
const maxOverlay = 16 << 20

// overlay is people.yaml, read again when it changed.
type overlay struct {
	path string

	mu      sync.Mutex
	changed time.Time
	size    int64
	parsed  map[string]row
}

// Edition changes when people.yaml does, which is written by hand: no change feed tells of it.
func (d *Directory) Edition() string { return d.overlay.edition() }

func (o *overlay) edition() string {
	info, err := os.Stat(o.path)
	if err != nil {
		return ""
	}
	return fmt.Sprint(info.ModTime().UnixNano(), info.Size())
}

func (o *overlay) rows() (map[string]row, error) {
	if o.path == "" {
		return nil, nil
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	info, err := os.Stat(o.path)
	if errors.Is(err, fs.ErrNotExist) {
		o.parsed = nil
		return nil, nil
	}
	if err != nil {
		return nil, store.Errorf(store.Invalid, "cannot read %s: %w", o.path, err)
	}
	if o.parsed != nil && info.ModTime().Equal(o.changed) && info.Size() == o.size {
		return o.parsed, nil
	}
	if info.Size() > maxOverlay {
		return nil, store.Errorf(store.Invalid, "%s has %d bytes, and at most %d are read", o.path, info.Size(),
			maxOverlay)
	}
	data, err := os.ReadFile(o.path)
	if err != nil {
		return nil, store.Errorf(store.Invalid, "cannot read %s: %w", o.path, err)
	}
	rows, err := parseRows(data)
	if err != nil {
		return nil, store.Errorf(store.Invalid, "%s: %w", o.path, err)
	}
	o.parsed, o.changed, o.size = rows, info.ModTime(), info.Size()
	return rows, nil
}

// parseRows reads people by identifier, of the form of people.yaml.
func parseRows(data []byte) (map[string]row, error) {
	rows := map[string]row{}
	if err := yamlfile.Decode(data, &rows); err != nil && !errors.Is(err, io.EOF) {
		return nil, err
	}
	for id, r := range rows {
		if err := CheckID(id); err != nil {
			return nil, i18n.Errorf("%q: %w", shorten(id), err)
		}
		if profiles.MayBeReal(id) && !r.AllowRealID {
			return nil, errRealID(id)
		}
		if err := r.check(); err != nil {
			return nil, i18n.Errorf("%q: %w", id, err)
		}
		rows[id] = r
	}
	return rows, nil
}
