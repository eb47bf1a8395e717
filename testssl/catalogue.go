package testssl

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/pem"
	"errors"
	"io/fs"
	"net"
	"net/http"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/igc-lab/igc/internal/web"
	"github.com/igc-lab/igc/profiles"
)

// pageFolders are the first parts of the addresses of pages; all others are the publication's.
var pageFolders = []string{"", "codes", "recettes", "tester", "authorities.pem", "cards", "fixtures"}

// PageFolders are the first parts of the addresses of the catalogue's pages on the plain port.
func PageFolders() []string { return slices.Clone(pageFolders) }

// Catalogue is the plain port: a page of all that a tester needs (authorities, CRLs, OCSP, the
// lab's cards and fixtures to import), the list of codes, and behind them the publication point.
// Private keys are given on loopback only, where address is the one listened on, and to the lab's
// owner only, see [Server.LoadToken].
func (s *Server) Catalogue(publication http.Handler, address net.Addr) http.Handler {
	s.setAddress("catalogue", s.lab.Config.URL("http", address.String()))
	g := s.Gate(address)
	mux := http.NewServeMux()
	mux.HandleFunc("GET /{$}", s.enter(g, func(w http.ResponseWriter, r *http.Request) { s.cataloguePage(w, r, g) }))
	mux.HandleFunc("GET /fixtures", s.enter(g, func(w http.ResponseWriter, r *http.Request) { s.fixturesPage(w, r, g) }))
	mux.HandleFunc("GET /codes", s.enter(g, func(w http.ResponseWriter, r *http.Request) { s.showCodes(w, r, nil) }))
	mux.HandleFunc("GET /recettes", s.enter(g, func(w http.ResponseWriter, r *http.Request) { s.recipesPage(w, r, nil) }))
	mux.HandleFunc("GET /recettes/{authority}", s.enter(g, func(w http.ResponseWriter, r *http.Request) { s.recipesPage(w, r, nil) }))
	mux.HandleFunc("GET /", func(w http.ResponseWriter, r *http.Request) { s.notFound(w, r, nil) })
	mux.HandleFunc("GET /tester", s.testCard)
	mux.HandleFunc("GET /authorities.pem", s.bundle)
	mux.HandleFunc("GET /cards/{set}/{file}", func(w http.ResponseWriter, r *http.Request) { s.cardFile(w, r, g, s.cards) })
	mux.HandleFunc("GET /fixtures/{set}/{file}", func(w http.ResponseWriter, r *http.Request) { s.cardFile(w, r, g, s.fixtures) })
	pages := web.Detached(web.SecurityHeaders(mux))
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		// by the path as it came: OCSP by GET holds slashes, also two together, which a mux would
		// clean away
		first, _, _ := strings.Cut(strings.TrimLeft(r.URL.Path, "/"), "/")
		if slices.Contains(pageFolders, first) && r.Method != http.MethodPost {
			pages.ServeHTTP(w, r)
			return
		}
		s.withNotFound(publication, w, r)
	})
}

// cardFile serves a file of a card or fixture that the catalogue lists. It serves no other file of
// the folder.
func (s *Server) cardFile(w http.ResponseWriter, r *http.Request, g Gate, offers func() []offer) {
	list := offers()
	set, name := r.PathValue("set"), r.PathValue("file")
	i := slices.IndexFunc(list, func(o offer) bool { return o.Set == set })
	if i < 0 {
		s.notFound(w, r, nil)
		return
	}
	o := &list[i]
	if o.PKCS12 == nil {
		if err := s.describe(o); err != nil {
			s.notFound(w, r, nil)
			return
		}
	}
	kind := "application/x-pem-file"
	switch {
	case slices.Contains(o.PKCS12, name):
		if !g.Here(r) || !web.SameOrigin(r) || !g.Owner(r) {
			web.NoStore(w)
			s.refuseKeys(w, r, g)
			return
		}
		kind = "application/x-pkcs12"
	case !slices.Contains(o.Public, name):
		s.notFound(w, r, nil)
		return
	}
	root, err := os.OpenRoot(filepath.Join(s.lab.Home, o.Folder)) // card.json is a file that someone may have written
	if err == nil {
		defer root.Close()
		var f *os.File
		if f, err = root.Open(path.Join(o.Set, name)); err == nil {
			defer f.Close()
			web.NoStore(w)
			w.Header().Set("Content-Type", kind)
			w.Header().Set("Content-Disposition", `attachment; filename="`+o.Set+"-"+name+`"`)
			http.ServeContent(w, r, "", time.Time{}, f)
			return
		}
	}
	if !errors.Is(err, fs.ErrNotExist) {
		s.log.Error("catalogue", "file", name, "err", err)
	}
	s.notFound(w, r, nil)
}

// bundle gives the lab's authorities, roots first, in one file for the configuration of servers.
func (s *Server) bundle(w http.ResponseWriter, r *http.Request) {
	infos, err := s.lab.Authorities(r.Context())
	if err != nil {
		s.fail(w, r, err)
		return
	}
	var content []byte
	for _, info := range infos {
		content = append(content, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: info.DER})...)
	}
	sum := sha256.Sum256(content)
	w.Header().Set("Content-Type", "application/x-pem-file")
	w.Header().Set("ETag", `"`+hex.EncodeToString(sum[:16])+`"`)
	http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(content))
}

func (s *Server) fail(w http.ResponseWriter, r *http.Request, err error) {
	s.log.Error("catalogue", "path", r.URL.Path, "err", err)
	if web.ErrorAway(w, err) {
		return
	}
	http.Error(w, "internal error: the server's log says more", http.StatusInternalServerError)
}

// keysView is what a page needs to know about private keys: whether this port gives any, and
// whether to ask for the owner's link. A browser that comes from another site's page, as from
// TestSSL's, does not send the owner's cookie: the page does not ask then.
type keysView struct{ Keys, AskOwner bool }

func keysOf(r *http.Request, g Gate) keysView {
	return keysView{g.Here(r), g.Here(r) && !g.Owner(r) && web.SameOrigin(r)}
}

func (s *Server) cataloguePage(w http.ResponseWriter, r *http.Request, g Gate) {
	type authority struct{ ID, Name, Certificate, CRL string }
	data := struct {
		view
		keysView
		Authorities []authority
		Chain, DER  string
		OCSP        string
		Cards       []offer
		More        int // cards that are not shown
		Fixtures    int // made in the lab's folder
		Available   int // that igc fixtures make would make
		Elsewhere   string
		Test        string
	}{view: s.view(r, nil), keysView: keysOf(r, g), Fixtures: len(s.fixtures()), Available: s.availableFixtures(),
		Elsewhere: s.fixturesElsewhere(r, g), Test: s.testLink()}
	data.Title = "Catalogue"
	infos, err := s.lab.Authorities(r.Context())
	if err != nil {
		s.fail(w, r, err)
		return
	}
	here := profiles.URLs{} // links within this server, whatever certificates name
	for _, info := range infos {
		if a, err := profiles.ParseAuthority(info.ID); err == nil {
			data.Authorities = append(data.Authorities, authority{a.ID(), a.CommonName(), here.Certificate(a), here.CRL(a)})
		}
	}
	data.Chain, data.DER, data.OCSP = here.Chain(), here.ChainDER(), s.lab.Config.URLs.OCSP
	cards := s.cards()
	data.More = max(0, len(cards)-maxOffers)
	for _, card := range cards[:len(cards)-data.More] {
		if s.describe(&card) == nil {
			s.addState(r.Context(), &card)
			data.Cards = append(data.Cards, card)
		}
	}
	s.render(w, "catalogue.html", data.view, data)
}
