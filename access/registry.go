package access

import (
	"time"

	"github.com/igc-lab/igc/ca"
	"github.com/igc-lab/igc/ca/store"
)

// Options are what a registry is made from. All are required.
type Options struct {
	Service ca.Service       // the lab's documents, and what it issued
	Now     func() time.Time // the clock of the lab's services
}

// Registry is who holds which role, and the tokens of the lab. It keeps nothing in memory: what one
// process writes holds at the next question of any other.
type Registry struct{ Options }

// New makes a registry.
func New(options Options) *Registry { return &Registry{options} }

// The kinds of documents. A use of a token is not audited: it would write to the feed each day.
var (
	roleKind  = store.DocumentKind{Name: "access.role", Audited: true}
	tokenKind = store.DocumentKind{Name: "access.token", Audited: true}
	usedKind  = store.DocumentKind{Name: "access.token-used"}
)

// now is the present time as documents have it.
func (r *Registry) now() time.Time { return r.Now().UTC().Truncate(time.Second) }
