package cli

import (
	"bytes"
	"context"
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/sha256"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/urfave/cli/v2"

	"github.com/igc-lab/igc/ca"
	"github.com/igc-lab/igc/ca/store"
	"github.com/igc-lab/igc/fixtures"
	"github.com/igc-lab/igc/services/ecps"
)

// ecpsService opens the e-CPS of the lab for a command, whether a server runs or not.
//
// Until the lab has package people, an outbox and a sealer of its own, stand-ins take their place:
// the persons are the fixtures, messages are named on standard error, and the key is derived from
// the lab's passphrase.
func (p *program) ecpsService(c *cli.Context) (*ecps.Service, error) {
	client, err := p.connect(c)
	if err != nil {
		return nil, err
	}
	_, opts, err := p.lab(c)
	if err != nil {
		return nil, err
	}
	secret := opts.Passphrase
	if secret == nil {
		if secret, err = os.ReadFile(filepath.Join(client.Lab.Home, "passphrase")); err != nil {
			return nil, &ca.Error{Kind: ca.Passphrase, Err: err}
		}
	}
	return ecps.New(ecps.Options{Documents: client, People: fixturePeople{}, Messages: namedMessages{p.err},
		Seal: passphraseSealer{bytes.TrimSpace(secret)}, Now: p.clock()}), nil
}

// fixturePeople are the fixtures, with contacts made up for them.
type fixturePeople struct{}

func (fixturePeople) Contact(_ context.Context, id string) (ecps.Contact, error) {
	for _, name := range fixtures.Names() {
		identity, err := fixtures.Find(name)
		if err == nil && identity.IdNat == id && identity.Surname != "" {
			return ecps.Contact{ID: id, GivenName: identity.GivenName, FamilyName: identity.Surname,
				Mail: strings.ToLower(identity.GivenName) + "@sante.example.fr", Phone: "06 39 98 " + id[7:9] + " " +
					id[9:11]}, nil
		}
	}
	return ecps.Contact{}, &ca.Error{Kind: store.NotFound, Err: fmt.Errorf("no fixture %s", id)}
}

// namedMessages says to whom a message would have gone.
type namedMessages struct{ w io.Writer }

func (m namedMessages) Mail(_ context.Context, to, subject, _ string) error {
	_, err := fmt.Fprintf(m.w, tr("igc : courriel à %s : %s\n", "igc: mail to %s: %s\n"), to, subject)
	return err
}

func (m namedMessages) SMS(_ context.Context, to, _ string) error {
	_, err := fmt.Fprintf(m.w, tr("igc : SMS au %s\n", "igc: text message to %s\n"), to)
	return err
}

// passphraseSealer seals with a key of the lab's passphrase.
type passphraseSealer struct{ secret []byte }

func (s passphraseSealer) aead(purpose string) (cipher.AEAD, error) {
	key, err := hkdf.Key(sha256.New, s.secret, nil, "igc seal: "+purpose, 32)
	if err != nil {
		return nil, err
	}
	block, err := aes.NewCipher(key)
	if err != nil {
		return nil, err
	}
	return cipher.NewGCMWithRandomNonce(block)
}

func (s passphraseSealer) Seal(purpose string, plain []byte) ([]byte, error) {
	aead, err := s.aead(purpose)
	if err != nil {
		return nil, err
	}
	return aead.Seal(nil, nil, plain, nil), nil
}

func (s passphraseSealer) Unseal(purpose string, sealed []byte) ([]byte, error) {
	aead, err := s.aead(purpose)
	if err != nil {
		return nil, err
	}
	return aead.Open(nil, nil, sealed, nil)
}
