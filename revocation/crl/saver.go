package crl

import (
	"cmp"
	"errors"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"sync"
)

// saver writes the files of an authority's CRLs, large ones aside: each kind in the order of their
// numbers, and a full CRL before the delta that was made with it, so that the delta's base is
// there.
type saver struct {
	mu      sync.Mutex
	waiting map[string]*CRL // by path
	idle    chan struct{}   // closed when nothing is written; nil when nothing is
	err     error
}

// savedAtOnce is the size up to which a file is written before the CRL is given out: it takes no
// time.
const savedAtOnce = 1 << 20

func (s *saver) save(c *CRL, path string) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if c.Size <= savedAtOnce && s.idle == nil {
		return c.write(path)
	}
	if s.waiting == nil {
		s.waiting = map[string]*CRL{}
	}
	s.waiting[path] = c // in the place of an older one that was not begun
	if s.idle == nil {
		s.idle = make(chan struct{})
		go s.run()
	}
	return nil
}

func (s *saver) run() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for len(s.waiting) > 0 {
		batch := s.waiting
		s.waiting = nil
		s.mu.Unlock()
		var err error
		for _, path := range slices.SortedFunc(maps.Keys(batch), func(a, b string) int { return cmp.Compare(batch[a].Base, batch[b].Base) }) {
			err = errors.Join(err, batch[path].write(path))
		}
		s.mu.Lock()
		s.err = errors.Join(s.err, err)
	}
	close(s.idle)
	s.idle = nil
}

// flush waits until every file is written, and tells what went wrong since the last flush.
func (s *saver) flush() (err error) {
	s.mu.Lock()
	idle := s.idle
	s.mu.Unlock()
	if idle != nil {
		<-idle
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	err, s.err = s.err, nil
	return err
}

// Flush waits until every file is written, and returns what went wrong since the last one.
func (l *Issuer) Flush() (err error) {
	l.mu.Lock()
	kept := slices.Collect(maps.Values(l.cached))
	l.mu.Unlock()
	for _, k := range kept {
		err = errors.Join(err, k.saver.flush())
	}
	return err
}

// unfinished is the pattern of names that a file has while it is written.
func unfinished(path string) string {
	return filepath.Join(filepath.Dir(path), "."+filepath.Base(path)+"-*")
}

// write puts the CRL in its file, which has its name only when it is whole. It is not forced to
// the disk: after a loss of power, load sees that it is torn, and it is made anew.
func (c *CRL) write(path string) (err error) {
	f, err := os.CreateTemp(filepath.Split(unfinished(path)))
	if err != nil {
		return err
	}
	if _, err = io.Copy(f, c.Reader()); err == nil {
		err = f.Chmod(0o644)
	}
	if err = errors.Join(err, f.Close()); err == nil {
		err = os.Rename(f.Name(), path)
	}
	if err != nil {
		return errors.Join(err, os.Remove(f.Name()))
	}
	return nil
}
