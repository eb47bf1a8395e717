package ca

import (
	"context"

	"github.com/igc-lab/igc/ca/store"
	"github.com/igc-lab/igc/profiles"
)

// Service is what commands ask of a lab, wherever it is open: in this process or in a server's.
type Service interface {
	Issue(ctx context.Context, req IssueRequest) (*Issued, error)
	SetStatus(ctx context.Context, c StatusChange) ([]Changed, error)
	Find(ctx context.Context, serial string) (*Record, error)
	List(ctx context.Context, f Filter) ([]*Record, error)
	Authorities(ctx context.Context) ([]AuthorityInfo, error)
	Ensure(ctx context.Context, wanted []profiles.Authority) (made int, err error)
	Changes(ctx context.Context, after uint64, limit int) ([]store.Change, error)
	store.DocumentStore // the state of the lab's services
}

var _ Service = (*CA)(nil)
