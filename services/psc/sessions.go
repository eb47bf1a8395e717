package psc

import (
	"cmp"
	"context"
	"slices"
	"time"
)

// Session is a live session, as it is shown.
type Session struct {
	Person  string
	Card    *Card // that logged in; nil after a login by e-CPS
	Since   time.Time
	Used    time.Time // the last time
	Ends    time.Time // unless it is used again before
	Clients []SessionClient
}

// SessionClient is a client that got tokens of a session.
type SessionClient struct {
	ID    string
	Name  string    // empty for a client that is gone
	Since time.Time // the last time that it got tokens
}

// Sessions lists the live sessions of a person, the newest first.
func (p *Provider) Sessions(ctx context.Context, person string) ([]Session, error) {
	settings, err := p.current(ctx)
	if err != nil {
		return nil, err
	}
	all, err := p.sessionsOf(ctx, person, settings)
	if err != nil {
		return nil, err
	}
	return p.shown(ctx, all, settings)
}

// LatestSessions lists the live sessions of everybody, the newest first and at most so many, and
// counts all.
func (p *Provider) LatestSessions(ctx context.Context, limit int) (latest []Session, all int, err error) {
	settings, err := p.current(ctx)
	if err != nil {
		return nil, 0, err
	}
	found, err := p.sessionsOf(ctx, "", settings)
	if err != nil {
		return nil, 0, err
	}
	latest, err = p.shown(ctx, found[:min(limit, len(found))], settings)
	return latest, len(found), err
}

// shown are sessions as they are shown.
func (p *Provider) shown(ctx context.Context, all []*session, settings *Settings) (list []Session, err error) {
	for _, s := range all {
		shown := Session{Person: s.Person, Since: s.AuthTime, Used: s.Used, Ends: s.end(settings)}
		if s.Card != nil {
			shown.Card = &Card{s.Card.Authority, s.Card.Serial}
		}
		for _, g := range s.Grants {
			at := slices.IndexFunc(shown.Clients, func(c SessionClient) bool { return c.ID == g.Client })
			if at < 0 {
				c, err := p.client(ctx, g.Client)
				if err != nil {
					return nil, err
				}
				at, shown.Clients = len(shown.Clients), append(shown.Clients, SessionClient{ID: g.Client})
				if c != nil {
					shown.Clients[at].Name = cmp.Or(c.Name, c.ID)
				}
			}
			if g.Issued.After(shown.Clients[at].Since) {
				shown.Clients[at].Since = g.Issued
			}
		}
		list = append(list, shown)
	}
	return list, nil
}

// sessionsOf reads the live sessions of a person, or of everybody for none, the newest first.
func (p *Provider) sessionsOf(ctx context.Context, person string, settings *Settings) (list []*session, err error) {
	docs, err := p.Documents.ScanDocuments(ctx, sessionKind, "")
	if err != nil {
		return nil, err
	}
	for _, doc := range docs {
		s, _, err := p.session(ctx, doc.Key, settings)
		if err != nil {
			return nil, err
		}
		if s != nil && (person == "" || s.Person == person) {
			list = append(list, s)
		}
	}
	slices.SortFunc(list, func(a, b *session) int { return b.AuthTime.Compare(a.AuthTime) })
	return list, nil
}
