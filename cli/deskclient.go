package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strconv"

	"github.com/urfave/cli/v2"

	"github.com/igc-lab/igc/ca"
	"github.com/igc-lab/igc/lab"
	"github.com/igc-lab/igc/lab/rpc"
)

// fetchCalls reads the calls of a service that the desk lists as JSON, over the lab's socket: the
// owner of the lab needs neither card nor token.
func fetchCalls[T any](ctx context.Context, client *lab.Client, path string, query url.Values) (calls []T, err error) {
	desk, address := client.Desk()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, address+path+"?"+query.Encode(), nil)
	if err != nil {
		return nil, err
	}
	resp, err := desk.Do(req)
	switch {
	case err != nil && ctx.Err() != nil:
		return nil, ctx.Err()
	case errors.Is(err, rpc.ErrNoServer):
		return nil, &ca.Error{Kind: ca.NotFound, Err: errorf(
			"igc serve ne tourne pas : lancez-le, il retient les appels",
			"igc serve does not run: start it, it remembers the calls")}
	case err != nil:
		return nil, &ca.Error{Kind: ca.Unanswered, Err: errorf("igc serve n'a pas répondu : %w",
			"igc serve did not answer: %w", err)}
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return nil, &ca.Error{Kind: ca.Internal, Err: errorf("%s a répondu %s", "%s answered %s",
			path, resp.Status)}
	}
	return calls, json.NewDecoder(resp.Body).Decode(&calls)
}

// followCalls prints the last calls that a service lists at an address of the desk, and with
// --follow those that come. show prints one and gives its number.
func followCalls[T any](c *cli.Context, p *program, client *lab.Client, address string, query url.Values,
	show func(T) (number int, err error)) error {
	at, err := url.Parse(address)
	if err != nil {
		return err
	}
	for after := 0; ; {
		query.Set("after", strconv.Itoa(after))
		calls, err := fetchCalls[T](c.Context, client, at.Path, query)
		if err != nil {
			return err
		}
		for _, call := range calls {
			if after, err = show(call); err != nil {
				return err
			}
		}
		if !c.Bool("follow") {
			if len(calls) == 0 {
				fmt.Fprintln(p.err, tr("igc : aucun appel depuis le lancement d'igc serve",
					"igc: no call since igc serve was started"))
			}
			return nil
		}
		query.Set("wait", "1")
	}
}
