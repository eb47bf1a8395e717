package cli

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/igc-lab/igc/ca"
	"github.com/igc-lab/igc/lab"
)

// deskClient calls the lab's own desk, which presents a certificate of the lab.
func deskClient(ctx context.Context, client *lab.Client) (*http.Client, error) {
	infos, err := client.Authorities(ctx)
	if err != nil {
		return nil, err
	}
	roots := x509.NewCertPool()
	for _, info := range infos {
		if c, err := x509.ParseCertificate(info.DER); err == nil {
			roots.AddCert(c)
		}
	}
	return &http.Client{Timeout: time.Minute,
		Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS12}}}, nil
}

// fetchCalls reads the calls of a service that the desk lists as JSON.
func fetchCalls[T any](ctx context.Context, desk *http.Client, address string) (calls []T, err error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return nil, err
	}
	resp, err := desk.Do(req)
	if err != nil {
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		return nil, &ca.Error{Kind: ca.NotFound,
			Err: errorf("igc serve ne tourne pas, ou pas à %s (%w) : lancez-le, il retient les appels",
				"igc serve does not run, or not at %s (%w): start it, it remembers the calls",
				address, errors.Unwrap(err))}
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return nil, &ca.Error{Kind: ca.Internal, Err: errorf("%s a répondu %s", "%s answered %s",
			address, resp.Status)}
	}
	return calls, json.NewDecoder(resp.Body).Decode(&calls)
}

// followCalls prints the last calls that a service lists at an address of the desk, and with
// --follow those that come. show prints one and gives its number.
func followCalls[T any](c *cli.Context, p *program, client *lab.Client, address string, query url.Values,
	show func(T) (number int, err error)) error {
	desk, err := deskClient(c.Context, client)
	if err != nil {
		return err
	}
	for after := 0; ; {
		query.Set("after", strconv.Itoa(after))
		calls, err := fetchCalls[T](c.Context, desk, address+"?"+query.Encode())
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
