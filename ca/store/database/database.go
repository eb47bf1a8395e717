// Package database opens the databases that a lab's records can be in, by their addresses. There is
// one kind, PostgreSQL. A program built with the tag nopostgres has none: it is smaller, knows the
// addresses all the same, and says so where one is given.
package database

import (
	"net/url"
	"strings"
	"time"
)

// Options are those of every driver of a database.
type Options struct {
	Now      func() time.Time // nil for the database's clock, which all nodes share
	ReadOnly bool             // nothing is written

	// Evidence names a file that shows that there were records, empty when there is none: an empty
	// database is then refused as damaged, and not filled anew. Nil for none.
	Evidence func() string
}

// IsAddress tells whether a text names a database, and not a file.
func IsAddress(text string) bool {
	return strings.HasPrefix(text, "postgres://") || strings.HasPrefix(text, "postgresql://")
}

// Shown is an address without its password.
func Shown(address string) string {
	if u, err := url.Parse(address); err == nil && u.Host+u.Path != "" {
		return u.Redacted()
	}
	return "postgres"
}
