package testssl

import (
	"context"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"maps"
	"net"
	"net/http"
	"net/url"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/igc-lab/igc/ca"
	"github.com/igc-lab/igc/card/folder"
	"github.com/igc-lab/igc/fixtures"
	"github.com/igc-lab/igc/internal/i18n"
	"github.com/igc-lab/igc/profiles"
)

// offer is a card of the lab, or a fixture, to download.
type offer struct {
	Set    string // its folder
	Folder string // the folder of Set, under the home
	Label  i18n.Text
	Holder string
	State  *cardState // nil of a fixture
	Pick   string     // how the browser's list of certificates names the one to present
	Kind   fixtures.Kind
	PIN    string   // empty when the lab does not know it
	Expect string   // the verdict that a fixture is to end on
	PKCS12 []string // names of files
	Public []string // certificates and chain

	made    time.Time
	serials []string
	expires time.Time
}

// maxOffers bounds the cards on the page: a batch may have made thousands.
const maxOffers = 50

// cards are those in the lab's folder, the newest first; describe reads the details of one.
func (s *Server) cards() (list []offer) {
	const folder = "cards"
	names, err := filepath.Glob(filepath.Join(s.lab.Home, folder, "*", "card.json"))
	if err != nil {
		return nil
	}
	for _, name := range names {
		info, err := os.Stat(name)
		if err != nil {
			continue
		}
		list = append(list, offer{Set: filepath.Base(filepath.Dir(name)), Folder: folder, made: info.ModTime()})
	}
	slices.SortFunc(list, func(a, b offer) int { return b.made.Compare(a.made) })
	return list
}

// describe reads card.json.
func (s *Server) describe(o *offer) error {
	card, err := folder.Read(filepath.Join(s.lab.Home, o.Folder, o.Set))
	if err != nil {
		return err
	}
	o.Holder, o.Label = card.Holder.DisplayName(), i18n.Text{FR: card.Label, EN: card.Label}
	if p, err := profiles.FindProduct(card.Product); err == nil {
		o.Label = i18n.Text{FR: p.FR, EN: p.EN}
	}
	for _, c := range card.Certificates {
		o.Public = append(o.Public, c.Certificate)
		if c.PKCS12 != "" { // the lab does not have the holder's own key
			o.PKCS12 = append(o.PKCS12, c.PKCS12)
		}
		o.serials = append(o.serials, c.Serial)
		if o.expires.IsZero() || c.NotAfter.Before(o.expires) {
			o.expires = c.NotAfter
		}
	}
	o.Public = append(o.Public, "chain.pem")
	o.Pick = s.pick(o)
	return nil
}

// fixtures are those of the manifest in the lab's folder, if igc fixtures make made them there.
func (s *Server) fixtures() (list []offer) {
	data, err := os.ReadFile(filepath.Join(s.lab.Home, "fixtures", fixtures.ManifestFile))
	var manifest fixtures.Manifest
	if err != nil || json.Unmarshal(data, &manifest) != nil {
		return nil
	}
	for _, e := range manifest.Fixtures {
		list = append(list, offer{Set: e.ID, Folder: "fixtures", Kind: e.Kind, Label: i18n.Text{FR: e.FR,
			EN: e.EN}, PIN: e.PIN, Expect: e.Expect.TestSSL,
			PKCS12: []string{path.Base(e.Files.PKCS12)}, Public: []string{path.Base(e.Files.Certificate),
				path.Base(e.Files.Chain)}})
	}
	return list
}

// cardState is the state of a card, as igc list names it.
type cardState struct {
	Class   string // of the badge: good, note or bad
	Text    i18n.Text
	Expires string // YYYY-MM-DD
}

// addState finds the worst state of a card's certificates.
func (s *Server) addState(ctx context.Context, o *offer) {
	o.State = &cardState{"good", i18n.Text{FR: "valide", EN: "valid"}, o.expires.Format(time.DateOnly)}
	if !s.now().Before(o.expires) {
		o.State.Class, o.State.Text = "bad", i18n.Text{FR: "expirée", EN: "expired"}
	}
	for _, serial := range o.serials {
		record, err := s.lab.Find(ctx, serial)
		switch {
		case err != nil:
			o.State.Class, o.State.Text = "note", i18n.Text{
				FR: "inconnue de ce laboratoire",
				EN: "unknown to this lab",
			}
		case record.Status == ca.Revoked:
			o.State.Class, o.State.Text = "bad", i18n.Text{FR: "révoquée", EN: "revoked"}
			return
		case record.Status == ca.OnHold:
			o.State.Class, o.State.Text = "note", i18n.Text{FR: "suspendue", EN: "on hold"}
		case s.now().Before(record.NotBefore):
			o.State.Class, o.State.Text = "note", i18n.Text{FR: "pas encore valide", EN: "not yet valid"}
		}
	}
}

// pick is the CN and the end of the serial number of the certificate to present, empty when it
// cannot be read: browsers show both.
func (s *Server) pick(o *offer) string {
	if len(o.Public) == 0 {
		return ""
	}
	root, err := os.OpenRoot(filepath.Join(s.lab.Home, o.Folder)) // card.json is a file that someone may have written
	if err != nil {
		return ""
	}
	defer root.Close()
	data, err := root.ReadFile(path.Join(o.Set, o.Public[0]))
	block, _ := pem.Decode(data)
	if err != nil || block == nil {
		return ""
	}
	c, err := x509.ParseCertificate(block.Bytes)
	if err != nil {
		return ""
	}
	serial := profiles.SerialHex(c.SerialNumber)
	return c.Subject.CommonName + " (…" + serial[max(0, len(serial)-6):] + ")"
}

// testLink leads to TestSSL on a host name that the browser has not seen; empty when TestSSL does
// not listen.
func (s *Server) testLink() string {
	if s.address(Default.Name) == "" {
		return ""
	}
	return "/tester"
}

// testCard sends the visitor there.
func (s *Server) testCard(w http.ResponseWriter, r *http.Request) {
	_, port, err := net.SplitHostPort(
		strings.TrimSuffix(strings.TrimPrefix(s.address(Default.Name), "https://"), "/"),
	)
	if err != nil {
		s.notFound(w, r, nil)
		return
	}
	redirectToFreshName(w, r, port)
}

// availableFixtures counts the fixtures that igc fixtures make makes in this lab.
func (s *Server) availableFixtures() (n int) {
	for _, f := range fixtures.Catalogue() {
		if f.Needs != "rsa" || s.lab.Config.Key != ca.P256 {
			n++
		}
	}
	return n
}

// fixturesElsewhere is the folder of the last set that igc fixtures make made outside the lab's
// folder, if it is still there. Its path is for the lab's owner; others read "…".
func (s *Server) fixturesElsewhere(r *http.Request, g Gate) string {
	dir := fixtures.Elsewhere(s.lab.Home)
	if dir != "" && !g.Owner(r) {
		return "…"
	}
	return dir
}

// filter is a link that chooses among fixtures.
type filter struct {
	Text    i18n.Text
	Link    string
	Count   int
	Current bool
}

var kindTexts = map[fixtures.Kind]i18n.Text{
	fixtures.Good:  {FR: "conformes", EN: "valid"},
	fixtures.Odd:   {FR: "conformes mais déroutantes", EN: "valid but confusing"},
	fixtures.Wrong: {FR: "non conformes", EN: "deliberately broken"},
}

// fixturesPage lists the fixtures: all, or those of the kind and the expected code that the address
// names.
func (s *Server) fixturesPage(w http.ResponseWriter, r *http.Request, g Gate) {
	kind, code := r.URL.Query().Get("kind"), r.URL.Query().Get("code")
	data := struct {
		view
		keysView
		Fixtures     []offer
		All          int
		Available    int
		Elsewhere    string
		Kinds, Codes []filter
		Filtered     bool
		Code         string
		Test         string
	}{view: s.view(r, nil), keysView: keysOf(r,
		g), Available: s.availableFixtures(), Elsewhere: s.fixturesElsewhere(r, g),
		Filtered: kind != "" || code != "", Code: code, Test: s.testLink()}
	all := s.fixtures()
	data.All = len(all)
	link := func(kind, code string) string {
		query := url.Values{}
		if kind != "" {
			query.Set("kind", kind)
		}
		if code != "" {
			query.Set("code", code)
		}
		if len(query) == 0 {
			return "/fixtures"
		}
		return "/fixtures?" + query.Encode()
	}
	kinds, codes := map[string]int{}, map[string]int{}
	for _, o := range all {
		ofKind, ofCode := kind == "" || string(o.Kind) == kind, code == "" || o.Expect == code
		if ofCode {
			kinds[string(o.Kind)]++
			kinds[""]++
		}
		if ofKind {
			codes[o.Expect]++
			codes[""]++
		}
		if ofKind && ofCode {
			o.Pick = s.pick(&o)
			data.Fixtures = append(data.Fixtures, o)
		}
	}
	everything := i18n.Text{FR: "toutes", EN: "all"}
	data.Kinds = []filter{{everything, link("", code), kinds[""], kind == ""}}
	for _, k := range []fixtures.Kind{fixtures.Good, fixtures.Odd, fixtures.Wrong} {
		data.Kinds = append(data.Kinds, filter{kindTexts[k], link(string(k), code), kinds[string(k)],
			kind == string(k)})
	}
	data.Codes = []filter{{everything, link(kind, ""), codes[""], code == ""}}
	delete(codes, "")
	for _, c := range slices.Sorted(maps.Keys(codes)) {
		data.Codes = append(data.Codes, filter{i18n.Same(c), link(kind, c), codes[c], code == c})
	}
	data.Title = data.T("Cartes de test", "Test cards")
	s.render(w, "fixtures.html", data.view, data)
}
