package ca

import (
	"strings"

	"github.com/igc-lab/igc/ca/store"
	"github.com/igc-lab/igc/profiles"
)

// holderIDs are the identifiers that somebody may mean who writes one: with or without its type
// digit, with spaces and dots.
func holderIDs(text string) []string {
	ids := []string{text}
	add := func(id string) {
		if id != "" && id != ids[0] {
			ids = append(ids, id)
		}
	}
	number := profiles.NormalizeIdNat(text)
	add(number)
	if id, err := profiles.IdNatFromRPPS(number); err == nil {
		add(id)
	}
	if id, err := profiles.IdNatFromADELI(number); err == nil {
		add(id)
	}
	for _, k := range profiles.StructureKinds {
		if id, err := k.ID(number); err == nil {
			add(id)
		}
	}
	return ids
}

// findHolder finds the certificates of the one holder of an identifier.
func findHolder(tx store.Reader, text string) ([]store.Key, error) {
	var found []store.Key
	var holders, tried []string
	for _, id := range holderIDs(text) {
		keys := tx.ByHolder(id)
		if len(keys) > 0 && (len(holders) == 0 || id != holders[len(holders)-1]) {
			found, holders = keys, append(holders, id)
		}
		tried = append(tried, id)
	}
	switch len(holders) {
	case 1:
		return found, nil
	case 0:
		return nil, fail(NotFound,
			"no certificate was issued to a holder %s: give the whole identifier, as igc show has it",
			strings.Join(tried, ", "))
	}
	return nil, fail(Invalid, "%q may be the holder %s: give the whole identifier, type digit included", text,
		strings.Join(holders, " or "))
}
