package console

import (
	"context"
	"encoding/json"
	"maps"
	"net/http"
	"os"
	"path"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"github.com/igc-lab/igc/access"
	"github.com/igc-lab/igc/ca"
	"github.com/igc-lab/igc/card/folder"
	"github.com/igc-lab/igc/fixtures"
	"github.com/igc-lab/igc/internal/i18n"
	"github.com/igc-lab/igc/testcards"
)

// testSet is the set of test cards in the lab's folder, as it was last read.
type testSet struct {
	mu      sync.Mutex
	written time.Time // the manifest
	set     []fixtures.Entry
	serials map[string]bool // of those that the lab issued
}

// making is how far the set is that is being made; the zero value when none is.
type making struct {
	mu          sync.Mutex
	running     bool
	done, total int
	err         error // of the last one
}

// soonMade is how long a request waits for the set: with fast keys it is made by then.
const soonMade = 3 * time.Second

// makeTestCards has the set made, in the place of the one before. It goes on when the request is
// over: real keys take a minute.
func (c *Console) makeTestCards(_ http.ResponseWriter, r *http.Request, by *access.Caller) (string, error) {
	m := &c.making
	m.mu.Lock()
	defer m.mu.Unlock()
	at := c.Paths.Console + "cartes/tests/"
	if m.running {
		return at, nil
	}
	m.running, m.done, m.total, m.err = true, 0, 0, nil
	over := make(chan struct{})
	go func() {
		defer close(over)
		ctx, cancel := c.untilStopped(context.WithoutCancel(r.Context()))
		defer cancel()
		_, _, err := testcards.Make(ctx, testcards.Options{Service: c.Lab.As(by.Actor), Lab: c.Lab,
			Progress: func(done, total int) {
				m.mu.Lock()
				defer m.mu.Unlock()
				m.done, m.total = max(m.done, done), total
			}})
		m.mu.Lock()
		defer m.mu.Unlock()
		if m.running, m.err = false, err; err != nil {
			c.Log.Error("test cards", "err", err)
		}
	}()
	m.mu.Unlock()
	select {
	case <-over:
	case <-time.After(soonMade):
	case <-r.Context().Done():
	}
	m.mu.Lock()
	return at, m.err
}

// testCards are the test cards in the lab's folder; none while igc fixtures make has made none.
func (c *Console) testCards() []fixtures.Entry {
	set, _ := c.readTests()
	return set
}

// testSerials are the serial numbers of those that the lab issued, which lists of cards leave out.
func (c *Console) testSerials() map[string]bool {
	_, serials := c.readTests()
	return serials
}

func (c *Console) testsFolder() string { return testcards.Folder(c.Lab.Home) }

// readTests reads the manifest, if it was written since.
func (c *Console) readTests() ([]fixtures.Entry, map[string]bool) {
	t := &c.tests
	t.mu.Lock()
	defer t.mu.Unlock()
	name := filepath.Join(c.testsFolder(), fixtures.ManifestFile)
	info, err := os.Stat(name)
	if err != nil {
		t.written, t.set, t.serials = time.Time{}, nil, nil
		return nil, nil
	}
	if info.ModTime().Equal(t.written) {
		return t.set, t.serials
	}
	data, err := os.ReadFile(name)
	var manifest fixtures.Manifest
	if err != nil || json.Unmarshal(data, &manifest) != nil {
		return nil, nil
	}
	t.written, t.set, t.serials = info.ModTime(), manifest.Fixtures, map[string]bool{}
	for _, e := range manifest.Fixtures {
		if !e.Recorded {
			continue
		}
		if card, err := folder.Read(filepath.Join(c.testsFolder(), e.ID)); err == nil {
			for _, certificate := range card.Certificates {
				t.serials[certificate.Serial] = true
			}
		}
	}
	return t.set, t.serials
}

// kinds are the kinds of test cards, in their order.
var kinds = []struct {
	Kind fixtures.Kind
	Text i18n.Text
}{
	{fixtures.Good, i18n.Text{FR: "conformes", EN: "valid"}},
	{fixtures.Odd, i18n.Text{FR: "conformes mais déroutantes", EN: "valid but confusing"}},
	{fixtures.Wrong, i18n.Text{FR: "non conformes", EN: "deliberately broken"}},
}

// testCard is a test card in the list.
type testCard struct {
	fixtures.Entry
	Label i18n.Text
	File  string // with its key
}

func (c *Console) testCardsPage(w http.ResponseWriter, r *http.Request) error {
	q := r.URL.Query()
	kind, code := q.Get("genre"), shortened(q.Get("code"))
	data := struct {
		view
		Cards             []testCard
		All               int
		Available         int
		Kinds, Codes      []choice
		Kind, Code        string
		Test              string
		Making            bool
		MakingDone, Total int // of those that are being made
		Failure           i18n.Text
	}{view: c.view(w, r, i18n.Text{FR: "Cartes de test", EN: "Test cards"}), Kind: kind, Code: code, Test: c.testLink()}
	c.making.mu.Lock()
	data.Making = c.making.running
	data.MakingDone, data.Total = c.making.done, c.making.total
	if c.making.err != nil {
		data.Failure = i18n.TextOf(c.making.err)
	}
	c.making.mu.Unlock()
	set := c.testCards()
	data.All = len(set)
	for _, f := range fixtures.Catalogue() {
		if f.Needs != "rsa" || c.Lab.Config.Key != ca.P256 {
			data.Available++
		}
	}
	codes := map[string]bool{}
	for _, e := range set {
		codes[e.Expect.TestSSL] = true
		if (kind == "" || string(e.Kind) == kind) && (code == "" || e.Expect.TestSSL == code) {
			data.Cards = append(data.Cards, testCard{e, i18n.Text{FR: e.FR, EN: e.EN}, path.Base(e.Files.PKCS12)})
		}
	}
	for _, k := range kinds {
		data.Kinds = append(data.Kinds, choice{string(k.Kind), k.Text, string(k.Kind) == kind})
	}
	for _, one := range slices.Sorted(maps.Keys(codes)) {
		data.Codes = append(data.Codes, choice{one, i18n.Same(one), one == code})
	}
	c.pages.Render(w, http.StatusOK, "tests.html", data.Lang, data)
	return nil
}

// testCardFile serves a file of a test card.
func (c *Console) testCardFile(w http.ResponseWriter, r *http.Request) error {
	set := c.testCards()
	i := slices.IndexFunc(set, func(e fixtures.Entry) bool { return e.ID == r.PathValue("set") })
	var keys, public []string
	if i >= 0 {
		keys = []string{path.Base(set[i].Files.PKCS12)}
		public = []string{path.Base(set[i].Files.Certificate), path.Base(set[i].Files.Chain)}
	}
	return c.serveFile(w, r, c.testsFolder(), r.PathValue("set"), r.PathValue("file"), keys, public)
}
