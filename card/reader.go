package card

import (
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/igc-lab/igc/internal/atomicfile"
	"github.com/igc-lab/igc/internal/i18n"
)

// Readers are the lab's virtual readers: the folder "reader" of its home, with a file for each card
// that is in one, named by the reader's number. A file is what every process sees at once, and
// needs no daemon.
type Readers struct{ home string }

// Insertion is a card in a reader. Another card in the same reader, or the same one a second time,
// is another insertion.
type Insertion struct {
	Reader int       `json:"-"`      // 1 and on
	Dir    string    `json:"folder"` // in the file relative to the lab's home, when it is in there: a lab is moved by copying it
	Since  time.Time `json:"since"`
}

// ErrInserted and ErrNotInserted are about where a card is.
var (
	ErrInserted    = errors.New("the card is in a reader already")
	ErrNotInserted = errors.New("the card is in no reader")
)

const maxReader = 64

// NewReaders are the readers of the lab in that folder.
func NewReaders(home string) Readers { return Readers{resolve(home)} }

func (r Readers) dir() string           { return filepath.Join(r.home, "reader") }
func (r Readers) file(n int) string     { return filepath.Join(r.dir(), strconv.Itoa(n)) }
func (r Readers) lock() (func(), error) { return lock(filepath.Join(r.dir(), ".lock")) }

// Inserted lists the cards that are in a reader, by reader.
func (r Readers) Inserted() ([]Insertion, error) {
	entries, err := os.ReadDir(r.dir())
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	} else if err != nil {
		return nil, err
	}
	var all []Insertion
	for _, e := range entries {
		n, err := strconv.Atoi(e.Name())
		if err != nil || n < 1 || n > maxReader {
			continue
		}
		if in, ok := r.In(n); ok {
			all = append(all, in)
		}
	}
	slices.SortFunc(all, func(a, b Insertion) int { return a.Reader - b.Reader })
	return all, nil
}

// In tells which card is in the reader. A reader whose file cannot be read is empty.
func (r Readers) In(n int) (Insertion, bool) {
	data, err := os.ReadFile(r.file(n))
	in := Insertion{}
	if err != nil || json.Unmarshal(data, &in) != nil || in.Dir == "" {
		return Insertion{}, false
	}
	in.Reader = n
	if !filepath.IsAbs(in.Dir) {
		in.Dir = filepath.Join(r.home, filepath.FromSlash(in.Dir))
	}
	return in, true
}

// Insert puts the card in the first empty reader.
func (r Readers) Insert(c *Card) (Insertion, error) {
	if err := os.MkdirAll(r.dir(), 0o700); err != nil {
		return Insertion{}, err
	}
	unlock, err := r.lock()
	if err != nil {
		return Insertion{}, err
	}
	defer unlock()
	inserted, err := r.Inserted()
	if err != nil {
		return Insertion{}, err
	}
	free := 1
	for _, in := range inserted {
		if in.Dir == c.Dir {
			return in, ErrInserted
		}
		if in.Reader == free {
			free++
		}
	}
	if free > maxReader {
		return Insertion{}, i18n.Errorf("all %d readers hold a card: remove one", maxReader)
	}
	in := Insertion{Reader: free, Dir: c.Dir, Since: time.Now().UTC()}
	written := in
	if rel, err := filepath.Rel(r.home, c.Dir); err == nil && !strings.HasPrefix(rel, "..") {
		written.Dir = filepath.ToSlash(rel)
	}
	data, err := json.Marshal(written)
	if err != nil {
		return Insertion{}, err
	}
	return in, atomicfile.Write(r.file(free), data, 0o600)
}

// Remove takes the card out of its reader.
func (r Readers) Remove(c *Card) error {
	if _, err := os.Stat(r.dir()); errors.Is(err, fs.ErrNotExist) {
		return ErrNotInserted
	}
	unlock, err := r.lock()
	if err != nil {
		return err
	}
	defer unlock()
	inserted, err := r.Inserted()
	if err != nil {
		return err
	}
	for _, in := range inserted {
		if in.Dir == c.Dir {
			return os.Remove(r.file(in.Reader))
		}
	}
	return ErrNotInserted
}
