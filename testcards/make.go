package testcards

import (
	"context"
	"crypto"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	"github.com/igc-lab/igc/ca"
	"github.com/igc-lab/igc/fixtures"
	"github.com/igc-lab/igc/profiles"
)

// fill makes every fixture in the folder, and its manifest.
func fill(ctx context.Context, o Options, dir string) (*fixtures.Manifest, error) {
	maker, err := newMaker(ctx, o, dir)
	if err != nil {
		return nil, err
	}
	manifest := &fixtures.Manifest{MadeBy: fixtures.MadeBy, Made: maker.hand.Now, Lab: "TEST",
		Faithful: o.Lab.Config.Key.Faithful(), Roots: "roots.pem"}
	if err := os.WriteFile(filepath.Join(dir, manifest.Roots), maker.roots, 0o600); err != nil {
		return nil, &ca.Error{Kind: ca.Unwritable, Err: err}
	}
	var wanted []*fixtures.Fixture
	for _, f := range fixtures.Catalogue() {
		if f.Needs == "rsa" && o.Lab.Config.Key == ca.P256 {
			continue
		}
		wanted = append(wanted, f)
		manifest.Fixtures = append(manifest.Fixtures, f.Entry())
	}
	// Keys are what takes time: a worker for each processor, and the first error stops them all.
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	work := make(chan *fixtures.Fixture)
	var wg sync.WaitGroup
	var done atomic.Int32
	for range runtime.GOMAXPROCS(0) {
		wg.Go(func() {
			for f := range work {
				if ctx.Err() != nil {
					continue
				}
				if err := maker.make(ctx, f); err != nil {
					cancel(fmt.Errorf("%s: %w", f.ID, err))
					continue
				}
				if n := int(done.Add(1)); o.Progress != nil {
					o.Progress(n, len(wanted))
				}
			}
		})
	}
	for _, f := range wanted {
		work <- f
	}
	close(work)
	wg.Wait()
	if err := context.Cause(ctx); err != nil {
		return nil, err
	}
	data, err := json.MarshalIndent(manifest, "", "  ")
	if err != nil {
		return nil, err
	}
	if err := os.WriteFile(filepath.Join(dir, fixtures.ManifestFile), append(data, '\n'), 0o600); err != nil {
		return nil, &ca.Error{Kind: ca.Unwritable, Err: err}
	}
	return manifest, nil
}

// maker makes fixtures: by the lab's issuing path those that the lab would issue, by hand the
// others.
type maker struct {
	Options
	dir   string
	hand  *fixtures.Maker
	roots []byte // PEM
}

// newMaker makes the authorities that the lab lacks, and opens their keys for what is made by
// hand. It takes the keys from their files, and so works beside a server; there is no way to have a
// server sign what is wrong.
func newMaker(ctx context.Context, o Options, dir string) (*maker, error) {
	var wanted []profiles.Authority
	var products []string
	for _, f := range fixtures.Catalogue() {
		a, err := f.Profile().Product.IssuingAuthority()
		if err != nil {
			return nil, err
		}
		wanted, products = append(wanted, a), append(products, f.Profile().Product.ID)
	}
	if err := ca.CheckIssuable(ctx, o.Service, products...); ca.KindOf(err) == ca.Conflict { // else Ensure says it
		return nil, err
	}
	if _, err := o.Service.Ensure(ctx, wanted); err != nil {
		return nil, err
	}
	infos, err := o.Service.Authorities(ctx)
	if err != nil {
		return nil, err
	}
	m := &maker{Options: o, dir: dir}
	certificates := map[string]*x509.Certificate{}
	for _, info := range infos {
		cert, err := x509.ParseCertificate(info.DER)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", info.ID, err)
		}
		certificates[info.ID] = cert
		if a, err := profiles.ParseAuthority(info.ID); err == nil && a.IsRoot() {
			m.roots = append(m.roots, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: info.DER})...)
		}
	}
	m.hand = &fixtures.Maker{URLs: o.Lab.Config.URLs, Generation: o.Lab.Config.Generation,
		Now: time.Now().UTC().Truncate(time.Second),
		Key: func() (crypto.Signer, error) { return o.Lab.Config.Key.Generate() },
		Issuer: func(a profiles.Authority) (*fixtures.Issuer, error) {
			chain := []*x509.Certificate{certificates[a.ID()]}
			if !a.IsRoot() {
				chain = append(chain, certificates[a.Root().ID()])
			}
			signer, err := o.Lab.Signer(a, chain[0])
			return &fixtures.Issuer{Chain: chain, Signer: signer}, err
		}}
	for _, f := range fixtures.Catalogue() { // a passphrase that does not open them is told before a card is issued
		if f.Recorded() {
			continue
		}
		a, err := f.Profile().Product.IssuingAuthority()
		if err != nil {
			return nil, err
		}
		if _, err := m.hand.Issuer(a); err != nil {
			return nil, err
		}
	}
	return m, nil
}

func (m *maker) make(ctx context.Context, f *fixtures.Fixture) error {
	dir := filepath.Join(m.dir, f.ID)
	if !f.Recorded() {
		bundle, err := m.hand.Make(f)
		if err != nil {
			return err
		}
		if err := os.Mkdir(dir, 0o700); err != nil {
			return &ca.Error{Kind: ca.Unwritable, Err: err}
		}
		return writeBundle(dir, f, bundle)
	}
	if err := m.issue(ctx, f, dir); err != nil || f.FileMutation == "" {
		return err
	}
	role := f.Profile().Role
	data, err := os.ReadFile(filepath.Join(dir, role+".p12"))
	if err != nil {
		return err
	}
	bundle, err := fixtures.OpenPKCS12(role, data)
	if err != nil {
		return err
	}
	return writeBundle(dir, f, bundle)
}

// issue has the lab issue the card, and revoke it when the fixture says so.
func (m *maker) issue(ctx context.Context, f *fixtures.Fixture, dir string) error {
	order := ca.CardOrder{IssueRequest: ca.IssueRequest{Product: f.Product, Holder: f.Holder,
		Generation: f.Generation}, Key: m.Lab.Config.Key,
		PIN: fixtures.PIN, LegacyP12: f.Legacy, Out: dir}
	if f.Begins != [3]int{} {
		order.NotBefore = f.Begin(m.hand.Now)
	}
	if f.Key != "" {
		order.Key = ca.KeyPolicy(f.Key)
	}
	card, _, err := ca.MakeCard(ctx, m.Service, m.Lab.Home, order)
	if err != nil || f.Revoked == "" {
		return err
	}
	for _, cert := range card.Certificates { // a card is revoked whole
		revocation := ca.StatusChange{Serial: cert.Serial, Reason: ca.Reason(f.Revoked)}
		if _, err := m.Service.SetStatus(ctx, revocation); err != nil {
			return err
		}
	}
	return nil
}

func writeBundle(dir string, f *fixtures.Fixture, b *fixtures.Bundle) error {
	files, err := f.Files(b)
	if err != nil {
		return err
	}
	for name, data := range files {
		if err := os.WriteFile(filepath.Join(dir, name), data, 0o600); err != nil {
			return &ca.Error{Kind: ca.Unwritable, Err: err}
		}
	}
	return nil
}
