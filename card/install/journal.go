package install

import (
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"

	"github.com/igc-lab/igc/internal/atomicfile"
	"github.com/igc-lab/igc/internal/i18n"
)

// This file makes changes and undoes them. Each is in the journal before it is made, so that one
// cut short is undone too.

func (s Setting) notes() ([]Change, error) {
	data, err := os.ReadFile(s.journal())
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	} else if err != nil {
		return nil, err
	}
	var all []Change
	if err := json.Unmarshal(data, &all); err != nil {
		return nil, i18n.Errorf("%s is damaged: %w", s.journal(), err)
	}
	return all, nil
}

func (s Setting) note(all []Change) error {
	if len(all) == 0 {
		if err := os.Remove(s.journal()); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
		os.Remove(s.folder()) // when it is empty
		return nil
	}
	data, err := json.MarshalIndent(all, "", "  ")
	if err != nil {
		return err
	}
	if err := os.MkdirAll(s.folder(), 0o755); err != nil {
		return err
	}
	if err := atomicfile.Write(s.journal(), data, 0o600); err != nil {
		return err
	}
	return handOver(s.journal(), s.Lab) // root notes what it does for a user in the user's lab
}

// Make makes a change. It is noted first: one that was cut short can be undone as well.
func (s Setting) Make(c Change) error {
	all, err := s.notes()
	if err != nil {
		return err
	}
	if i := slices.IndexFunc(all, c.same); i >= 0 { // made anew: what was there before the first time is what counts
		c.Before, c.Made = all[i].Before, all[i].Made
		all[i] = c
	} else {
		c.Made = missing(filepath.Dir(c.Target))
		if c.Kind == "database" {
			c.Made = missing(c.Target)
		} else if c.Kind == "command" {
			c.Made = nil
		}
		if len(c.After) > 1<<16 {
			c.After = nil // a library is not kept twice
		}
		all = append(all, c)
	}
	if err := s.note(all); err != nil {
		return err
	}
	if err := c.do(); err != nil {
		if errors.Is(err, fs.ErrPermission) { // nothing was made
			return errors.Join(err, s.note(slices.DeleteFunc(all, c.same)))
		}
		return err
	}
	if len(c.Run) > 0 {
		return run(c.Run...)
	}
	return nil
}

// missing are the folders that have to be made for this one.
func missing(dir string) []string {
	var all []string
	for {
		if _, err := os.Lstat(dir); err == nil || dir == filepath.Dir(dir) {
			slices.Reverse(all)
			return all
		}
		all = append(all, dir)
		dir = filepath.Dir(dir)
	}
}

// Made lists the changes that stand, the last first: what uninstalling undoes, in its order.
func (s Setting) Made() ([]Change, error) {
	all, err := s.notes()
	slices.Reverse(all)
	return all, err
}

// Unmake undoes a change that Made listed.
func (s Setting) Unmake(c Change) error {
	var err error
	switch c.Kind {
	case "file", "copy":
		err = s.restore(c)
	case "database":
		err = forgetDatabase(c.Target)
	case "module":
		err = removeModule(c.Target, c.Item)
	case "root":
		err = removeRoot(c)
	}
	if err == nil && len(c.Undo) > 0 {
		err = run(c.Undo...)
	}
	if err != nil {
		return err
	}
	for _, dir := range slices.Backward(c.Made) {
		if os.Remove(dir) != nil {
			break // others use it
		}
	}
	all, err := s.notes()
	if err != nil {
		return err
	}
	return s.note(slices.DeleteFunc(all, c.same))
}

// restore gives a file back as it was. One that others have changed since loses our entries when it
// is a policy, and is theirs otherwise.
func (s Setting) restore(c Change) error {
	now, err := os.ReadFile(c.Target)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	} else if err != nil {
		return err
	}
	if c.After != nil && string(now) != string(c.After) {
		if c.Place != "firefox" {
			return nil
		}
		policy, err := readPolicy(c.Target)
		if err != nil {
			return err
		}
		s.withoutOurs(policy)
		if len(policy) == 0 {
			return os.Remove(c.Target)
		}
		content, err := json.MarshalIndent(policy, "", "  ")
		if err != nil {
			return err
		}
		return atomicfile.Write(c.Target, append(content, '\n'), mode(c.Target))
	}
	if c.Before == nil {
		return os.Remove(c.Target)
	}
	return atomicfile.Write(c.Target, c.Before, mode(c.Target))
}
