package cli

import (
	"context"
	"crypto"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"sync"
	"sync/atomic"
	"text/tabwriter"
	"time"

	"github.com/urfave/cli/v2"

	"github.com/igc-lab/igc/ca"
	"github.com/igc-lab/igc/fixtures"
	"github.com/igc-lab/igc/lab"
	"github.com/igc-lab/igc/profiles"
)

func (p *program) fixturesCommand() *cli.Command {
	return &cli.Command{
		Name: "fixtures",
		Usage: tr("fait un jeu de cartes de test, conformes et non conformes, avec le résultat attendu de chacune",
			"make a set of test cards, valid and deliberately broken, with the expected result of each"),
		OnUsageError: usageError,
		Subcommands: []*cli.Command{
			{Name: "make", Usage: tr("écrit le jeu, à la place du précédent",
				"write the set, in the place of the one before"),
				ArgsUsage: tr("[DOSSIER] (sinon fixtures dans celui du laboratoire)",
					"[DIR] (else fixtures in the lab's)"),
				Flags: []cli.Flag{jsonFlag()}, OnUsageError: usageError, Action: p.makeFixtures},
			{Name: "list", Usage: tr("liste le catalogue",
				"list the catalogue"), Flags: []cli.Flag{jsonFlag()}, OnUsageError: usageError, Action: p.listFixtures},
		},
	}
}

func (p *program) listFixtures(c *cli.Context) error {
	if err := noArgs(c); err != nil {
		return err
	}
	var entries []fixtures.Entry
	for _, f := range fixtures.Catalogue() {
		entries = append(entries, f.Entry())
	}
	return p.print(c, entries, func(w io.Writer) {
		t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
		for _, e := range entries {
			fmt.Fprintf(t, "%s\t%s\t%s\t%s\n", e.ID, e.Kind, e.Expect.TestSSL, tr(e.FR, e.EN))
		}
		t.Flush()
	})
}

func (p *program) makeFixtures(c *cli.Context) error {
	if c.NArg() > 1 {
		return ca.Invalidate(errorf("argument inattendu : %q", "unexpected argument: %q", c.Args().Get(1)))
	}
	client, err := p.connectOrCreate(c, lab.DefaultConfig())
	if err != nil {
		return err
	}
	dir := c.Args().First()
	if dir == "" {
		dir = filepath.Join(client.Lab.Home, "fixtures")
	}
	var manifest *fixtures.Manifest
	dir, err = replaceSet(dir, func(work string) error {
		manifest, err = makeSet(c.Context, client, work, newBar(p.err))
		return err
	})
	if err != nil {
		return err
	}
	own, err := filepath.Abs(filepath.Join(client.Lab.Home, "fixtures"))
	if err != nil {
		return err
	}
	elsewhere := dir != own
	if elsewhere {
		if err := fixtures.NoteElsewhere(client.Lab.Home, dir); err != nil {
			return &ca.Error{Kind: ca.Unwritable, Err: err}
		}
	}
	facts := struct {
		*fixtures.Manifest
		Folder string `json:"folder"`
	}{manifest, dir}
	return p.print(c, facts, func(w io.Writer) {
		kinds := map[fixtures.Kind]int{}
		for _, e := range manifest.Fixtures {
			kinds[e.Kind]++
		}
		fmt.Fprintf(w, tr("%d conformes, %d conformes mais déroutantes, %d non conformes ; code porteur %s\n",
			"%d valid, %d valid but confusing, %d deliberately broken; PIN %s\n"),
			kinds[fixtures.Good], kinds[fixtures.Odd], kinds[fixtures.Wrong], fixtures.PIN)
		fmt.Fprintf(w, "%-16s %s\n", tr("dossier", "folder"), dir)
		if elsewhere {
			fmt.Fprintf(w, "%-16s %s\n", "", tr("hors du laboratoire : le catalogue d'igc serve ne les sert pas",
				"outside the lab: the catalogue of igc serve does not serve them"))
		}
		fmt.Fprintf(w, "%-16s %s\n", tr("ce qu'elles sont", "what they are"), filepath.Join(dir, fixtures.ManifestFile))
	})
}

// makeSet makes every fixture in the folder, and its manifest.
func makeSet(ctx context.Context, client *lab.Client, dir string, progress *bar) (*fixtures.Manifest, error) {
	maker, err := newSetMaker(ctx, client, dir)
	if err != nil {
		return nil, err
	}
	manifest := &fixtures.Manifest{MadeBy: fixtures.MadeBy, Made: maker.hand.Now, Lab: "TEST", Faithful: client.Lab.Config.Key.Faithful(), Roots: "roots.pem"}
	if err := os.WriteFile(filepath.Join(dir, manifest.Roots), maker.roots, 0o600); err != nil {
		return nil, &ca.Error{Kind: ca.Unwritable, Err: err}
	}
	var wanted []*fixtures.Fixture
	for _, f := range fixtures.Catalogue() {
		if f.Needs == "rsa" && client.Lab.Config.Key == ca.P256 {
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
				progress.show("fixtures", int(done.Add(1)), len(wanted))
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

// setMaker makes fixtures: by the lab's issuing path those that the lab would issue, by hand the
// others.
type setMaker struct {
	client *lab.Client
	dir    string
	hand   *fixtures.Maker
	roots  []byte // PEM
}

// newSetMaker makes the authorities that the lab lacks, and opens their keys for what is made by
// hand. It takes the keys from their files, and so works beside a server; there is no way to have a
// server sign what is wrong.
func newSetMaker(ctx context.Context, client *lab.Client, dir string) (*setMaker, error) {
	var wanted []profiles.Authority
	var products []string
	for _, f := range fixtures.Catalogue() {
		a, err := f.Profile().Product.IssuingAuthority()
		if err != nil {
			return nil, err
		}
		wanted, products = append(wanted, a), append(products, f.Profile().Product.ID)
	}
	if err := ca.CheckIssuable(ctx, client, products...); ca.KindOf(err) == ca.Conflict { // else Ensure says it
		return nil, err
	}
	if _, err := client.Ensure(ctx, wanted); err != nil {
		return nil, err
	}
	infos, err := client.Authorities(ctx)
	if err != nil {
		return nil, err
	}
	m := &setMaker{client: client, dir: dir}
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
	m.hand = &fixtures.Maker{URLs: client.Lab.Config.URLs, Generation: client.Lab.Config.Generation, Now: time.Now().UTC().Truncate(time.Second),
		Key: func() (crypto.Signer, error) { return client.Lab.Config.Key.Generate() },
		Issuer: func(a profiles.Authority) (*fixtures.Issuer, error) {
			chain := []*x509.Certificate{certificates[a.ID()]}
			if !a.IsRoot() {
				chain = append(chain, certificates[a.Root().ID()])
			}
			signer, err := client.Lab.Signer(a, chain[0])
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

func (m *setMaker) make(ctx context.Context, f *fixtures.Fixture) error {
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
func (m *setMaker) issue(ctx context.Context, f *fixtures.Fixture, dir string) error {
	order := ca.CardOrder{IssueRequest: ca.IssueRequest{Product: f.Product, Holder: f.Holder, Generation: f.Generation}, Key: m.client.Lab.Config.Key,
		PIN: fixtures.PIN, LegacyP12: f.Legacy, Out: dir}
	if f.Begins != [3]int{} {
		order.NotBefore = f.Begin(m.hand.Now)
	}
	if f.Key != "" {
		order.Key = ca.KeyPolicy(f.Key)
	}
	card, _, err := ca.MakeCard(ctx, m.client, m.client.Lab.Home, order)
	if err != nil || f.Revoked == "" {
		return err
	}
	for _, cert := range card.Certificates { // a card is revoked whole
		revocation := ca.StatusChange{Serial: cert.Serial, Reason: ca.Reason(f.Revoked)}
		if _, err := m.client.SetStatus(ctx, revocation); err != nil {
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
