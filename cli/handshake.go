package cli

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/igc-lab/igc/ca"
	"github.com/igc-lab/igc/internal/handshake"
	"github.com/igc-lab/igc/internal/i18n"
	"github.com/igc-lab/igc/profiles/inspect"
)

// meet shakes hands with a server, and explains what it showed.
func meet(ctx context.Context, server handshake.Target) ([]inspect.Object, error) {
	seen, err := server.Meet(ctx)
	if err != nil {
		text := i18n.TextOf(err)
		kind := ca.Invalid
		if errors.Is(err, handshake.ErrUnreachable) {
			kind = ca.NotFound
		}
		return nil, &ca.Error{Kind: kind, Err: errors.New(visible(tr(text.FR, text.EN)))}
	}
	objects, err := inspect.NewTLS(server.Address(), seen.Version, seen.Suite, seen.Chain, seen.Asks, seen.Authorities,
		time.Now())
	if err != nil {
		return nil, ca.Invalidate(fmt.Errorf("%s: %w", server.Address(), err))
	}
	if first, ok := objects[0].(*inspect.TLS); ok && seen.Unspoken {
		first.Suite = handshake.SuiteName(seen.Suite)
		first.NoteUnspoken("openssl s_client -connect " + server.Address())
	}
	return objects, nil
}

// server tells a server from a file by its name.
func server(c values, name string) (target handshake.Target, ok bool, err error) {
	target, ok, err = handshake.Parse(name, c.String("starttls"), c.String("servername"))
	if err != nil {
		text := i18n.TextOf(err)
		return target, ok, ca.Invalidate(errors.New(visible(tr(text.FR, text.EN))))
	}
	return target, ok, nil
}

// isURL tells what cannot be a file's name that somebody means.
func isURL(name string) bool { return strings.Contains(name, "://") }
