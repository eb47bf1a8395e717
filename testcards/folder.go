package testcards

import (
	"encoding/json"
	"errors"
	"os"
	"path/filepath"

	"github.com/igc-lab/igc/ca"
	"github.com/igc-lab/igc/fixtures"
	"github.com/igc-lab/igc/internal/i18n"
)

// replace has a set made in a new folder, which then takes the place of the old one: there is
// never half a set. Only a set of fixtures is ever replaced, with nothing else in it. It returns
// the folder's whole path.
func replace(dir string, fill func(work string) error) (string, error) {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return "", err
	}
	unwritable := func(err error) error {
		return &ca.Error{Kind: ca.Unwritable, Err: i18n.Errorf("cannot write the set: %w", err)}
	}
	if err := replaceable(dir); err != nil {
		return "", err
	}
	parent := filepath.Dir(dir)
	if err := os.MkdirAll(parent, 0o700); err != nil {
		return "", unwritable(err)
	}
	work, err := os.MkdirTemp(parent, ".fixtures-*") // 0700
	if err != nil {
		return "", unwritable(err)
	}
	defer os.RemoveAll(work) // nothing is left of the new set, and the old one is in it
	made, old := filepath.Join(work, "new"), filepath.Join(work, "old")
	if err := os.Mkdir(made, 0o700); err != nil {
		return "", unwritable(err)
	}
	if err := fill(made); err != nil {
		return "", err
	}
	if err := replaceable(dir); err != nil { // still
		return "", err
	}
	if err := os.Rename(dir, old); err != nil && !errors.Is(err, os.ErrNotExist) {
		return "", unwritable(err)
	}
	if err := os.Rename(made, dir); err != nil {
		return "", unwritable(errors.Join(err, os.Rename(old, dir)))
	}
	return dir, nil
}

// replaceable refuses a folder that holds anything but what a manifest of fixtures names.
func replaceable(dir string) error {
	entries, err := os.ReadDir(dir)
	if errors.Is(err, os.ErrNotExist) || err == nil && len(entries) == 0 {
		return nil
	}
	if err != nil {
		return &ca.Error{Kind: ca.Unwritable, Err: err}
	}
	conflict := func(name string) error {
		return &ca.Error{Kind: ca.Conflict, Err: i18n.Errorf(
			"%s holds %s, which igc fixtures did not make: choose another folder", dir, name)}
	}
	var manifest fixtures.Manifest
	data, err := os.ReadFile(filepath.Join(dir, fixtures.ManifestFile))
	if err != nil || json.Unmarshal(data, &manifest) != nil || manifest.MadeBy != fixtures.MadeBy {
		return conflict(entries[0].Name())
	}
	known := map[string]bool{fixtures.ManifestFile: true, manifest.Roots: true}
	for _, e := range manifest.Fixtures {
		known[e.ID] = true
	}
	for _, e := range entries {
		if !known[e.Name()] {
			return conflict(e.Name())
		}
	}
	return nil
}
