package psc

import (
	"context"
	"time"

	"github.com/igc-lab/igc/ca/store"
	"github.com/igc-lab/igc/services/ecps"
)

// Direct logs a person in to a client without a browser: by the phone, whose answer it waits for,
// or as the holder of a card. It is for tests, on behalf of the lab's owner, and gives the tokens
// that the client would have got.
func (p *Provider) Direct(ctx context.Context, client, person string, c *Card) (any, error) {
	settings, err := p.current(ctx)
	if err != nil {
		return nil, err
	}
	registered, err := ReadClient(ctx, p.Documents, client)
	if err != nil {
		return nil, err
	}
	who, err := p.People.Find(ctx, person)
	if err != nil {
		return nil, err
	}
	now := p.Now()
	s := &session{SID: uuid(), Person: who.ID, Mode: modeCard, AuthTime: now, Used: now}
	if c != nil {
		s.Card = &card{c.Authority, c.Serial}
	} else if s.AuthTime, err = p.byPhone(ctx, registered, who.ID); err != nil {
		return nil, err
	} else {
		s.Mode = modeMobile
	}
	scope, _ := grantedScope("openid scope_all")
	g := grant{ID: uuid(), Client: client, Scope: scope, Refresh: uuid(), Issued: now}
	s.add(g, settings)
	t, err := p.sign(ctx, settings, s, &g, who, "")
	if err != nil {
		return nil, err
	}
	none := uint64(0)
	write, err := p.writeSession(s, settings, &none)
	if err != nil {
		return nil, err
	}
	if _, err := p.Documents.WriteDocuments(ctx, "", write); err != nil {
		return nil, err
	}
	return t, nil
}

// phonePoll is how often the answer is looked for.
const phonePoll = 200 * time.Millisecond

// byPhone asks the person's phone and waits for the answer.
func (p *Provider) byPhone(ctx context.Context, c *Client, person string) (at time.Time, err error) {
	asked, err := p.ECPS.Ask(ctx, ecps.Asked{Person: person, ClientID: c.ID, ClientName: c.Name, TTL: phoneTTL})
	for ; err == nil; asked, err = p.ECPS.Get(ctx, asked.ID) {
		switch asked.State {
		case ecps.StateApproved:
			return asked.Answered, nil
		case ecps.StateRefused, ecps.StateBlocked:
			return at, store.Errorf(store.Conflict, "%s refused the request of %s on the phone", person, c.Name)
		case ecps.StateExpired:
			return at, store.Errorf(store.Conflict,
				"%s did not answer the request of %s in time: igc ecps approve %[1]s answers it, igc ecps policy "+
					"approve answers all",
				person, c.Name)
		}
		select {
		case <-time.After(phonePoll):
		case <-ctx.Done():
			return at, ctx.Err()
		}
	}
	return at, err
}
