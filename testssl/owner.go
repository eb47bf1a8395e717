package testssl

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"errors"
	"io/fs"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"runtime"
	"strings"

	"github.com/igc-lab/igc/ca"
	"github.com/igc-lab/igc/internal/atomicfile"
	"github.com/igc-lab/igc/internal/i18n"
	"github.com/igc-lab/igc/internal/web"
)

// This file is how the catalogue recognizes the lab's owner. Loopback alone does not distinguish
// the users of one machine, so private keys are given only to a visitor with a token, which is in a
// file that its owner alone can read and in the link that igc serve and igc catalogue print.

// tokenFile is in the lab's folder. It stays from start to start, and so do links; when it is
// removed, another is made.
const tokenFile = "catalogue.token"

// tokenSize is how many hexadecimal digits a token has.
const tokenSize = 32

// ReadToken reads the token of a lab.
func ReadToken(home string) (string, error) {
	path := filepath.Join(home, tokenFile)
	data, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return "", &ca.Error{Kind: ca.NotFound, Err: err}
	}
	if err != nil {
		return "", &ca.Error{Kind: ca.Unwritable, Err: err}
	}
	token := strings.TrimSpace(string(data))
	if raw, err := hex.DecodeString(token); err != nil || len(raw) != tokenSize/2 {
		return "", &ca.Error{Kind: ca.NotFound, Err: i18n.Errorf("%s holds no token of %d hexadecimal digits",
			path, tokenSize)}
	}
	return token, nil
}

// LoadToken reads the lab's token, and makes one where there is none that only its owner can have
// read. Until it is called, nobody is given a key.
func (s *Server) LoadToken() error {
	path := filepath.Join(s.lab.Home, tokenFile)
	token, err := ReadToken(s.lab.Home)
	info, statErr := os.Lstat(path)
	private := statErr == nil && (runtime.GOOS == "windows" || info.Mode()&(fs.ModeType|0o077) == 0)
	if ca.KindOf(err) == ca.NotFound || err == nil && !private {
		raw := make([]byte, tokenSize/2)
		rand.Read(raw) // never fails
		token = hex.EncodeToString(raw)
		if err = atomicfile.Write(path, []byte(token+"\n"), 0o600); err != nil {
			err = &ca.Error{Kind: ca.Unwritable, Err: i18n.Errorf("cannot write the catalogue's token: %w", err)}
		}
	}
	if err != nil {
		return err
	}
	s.token = token
	return nil
}

// CatalogueLink is the address by which the owner of that token reaches a page of the catalogue
// that listens there; empty when private keys are not given there at all.
func CatalogueLink(token, address, page string) string {
	host, port, err := net.SplitHostPort(address)
	if err != nil || !web.IsLoopback(host) {
		return ""
	}
	return ownerLink("http", token, port, page)
}

// DeskLink is that address for a page of the lab's desk, where TLS is spoken.
func DeskLink(token, address, page string) string {
	host, port, err := net.SplitHostPort(address)
	if err != nil || !web.IsLoopback(host) {
		return ""
	}
	return ownerLink("https", token, port, page)
}

func ownerLink(scheme, token, port, page string) string {
	u := url.URL{Scheme: scheme, Host: net.JoinHostPort(web.Names[0], port), Path: page,
		RawQuery: url.Values{"token": {token}}.Encode()}
	return u.String()
}

// Link is the address by which the lab's owner reaches the catalogue that listens there, see
// [CatalogueLink].
func (s *Server) Link(address net.Addr) string { return CatalogueLink(s.token, address.String(), "/") }

// DeskLink is the address by which they reach a page of the desk that listens there.
func (s *Server) DeskLink(address net.Addr, page string) string {
	return DeskLink(s.token, address.String(), page)
}

// Gate decides who may have private keys from a port of the lab. The zero Gate gives none.
type Gate struct {
	token    string
	cookie   string // its name: cookies are the same on all ports of a host
	loopback bool   // the catalogue listens on loopback only
}

// Gate is that of the port that listens there.
func (s *Server) Gate(address net.Addr) Gate {
	host, port, _ := net.SplitHostPort(address.String())
	ip := net.ParseIP(host)
	return Gate{s.token, "igc-catalogue-" + port, ip != nil && ip.IsLoopback()}
}

// Here reports whether private keys are given at all where the request arrived.
func (g Gate) Here(r *http.Request) bool { return g.loopback && web.IsLoopback(r.Host) }

// cookieValue proves the token, and is not the token: a cookie is shown to every port of its host.
func (g Gate) cookieValue() string {
	mac := hmac.New(sha256.New, []byte(g.token))
	mac.Write([]byte(g.cookie))
	return hex.EncodeToString(mac.Sum(nil))
}

// Owner reports whether a request proves that it comes from the lab's owner: by the token, in the
// address or as a bearer's, or by the cookie that an address with the token has set.
func (g Gate) Owner(r *http.Request) bool {
	if g.token == "" {
		return false
	}
	is := func(given, want string) bool { return subtle.ConstantTimeCompare([]byte(given), []byte(want)) == 1 }
	bearer, _ := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	proven := is(r.URL.Query().Get("token"), g.token) || is(strings.TrimSpace(bearer), g.token)
	for _, c := range r.CookiesNamed(g.cookie) {
		proven = proven || is(c.Value, g.cookieValue())
	}
	return proven
}

// enter serves pages, see [Gate.Enter].
func (s *Server) enter(g Gate, page http.HandlerFunc) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		switch entered, refused := g.Enter(w, r); {
		case refused:
			s.refuseKeys(w, r, g)
		case !entered:
			page(w, r)
		}
	}
}

// Enter takes the token away from an address that has it, so that it stays in no history, and
// leaves a cookie for it: the request is then answered. A wrong token is to be refused.
func (g Gate) Enter(w http.ResponseWriter, r *http.Request) (entered, refused bool) {
	query := r.URL.Query()
	if !query.Has("token") {
		return false, false
	}
	web.NoStore(w)
	if !g.Here(r) || !g.Owner(r) {
		return false, true
	}
	http.SetCookie(w, &http.Cookie{Name: g.cookie, Value: g.cookieValue(), Path: "/", HttpOnly: true,
		SameSite: http.SameSiteStrictMode, Secure: r.TLS != nil})
	query.Del("token")
	http.Redirect(w, r, (&url.URL{Path: r.URL.Path, RawQuery: query.Encode()}).String(), http.StatusSeeOther)
	return true, false
}

// refuseKeys explains why a private key is not given, and what to do: to a browser in a page, to
// other programs in two lines.
func (s *Server) refuseKeys(w http.ResponseWriter, r *http.Request, g Gate) {
	why := i18n.Text{FR: "Les clés privées (.p12) ne sont données qu'à qui possède ce laboratoire. Tapez « igc catalogue » dans un terminal et ouvrez le lien " +
		"affiché ; avec curl : igc catalogue --header | curl -H @- -OJ ADRESSE",
		EN: "Private keys (.p12) are given to the lab's owner only. Type \"igc catalogue\" in a terminal and open the link that it prints; " +
			"with curl: igc catalogue --header | curl -H @- -OJ ADDRESS"}
	switch {
	case !g.Here(r):
		why = i18n.Text{FR: "Ce serveur ne donne une clé privée que s'il écoute sur la seule boucle locale et s'il est appelé localhost.",
			EN: "This server gives a private key only if it listens on loopback alone and is called localhost."}
	case !web.SameOrigin(r):
		why = i18n.Text{FR: "La page d'un autre site demande cette clé privée : elle n'est donnée qu'au catalogue. Ouvrez-la depuis le catalogue.",
			EN: "A page of another site asks for this private key: it is given to the catalogue only. Open it from the catalogue."}
	}
	if !strings.Contains(r.Header.Get("Accept"), "text/html") {
		http.Error(w, why.FR+"\n"+why.EN, http.StatusForbidden)
		return
	}
	data := struct {
		view
		Why i18n.Text
	}{s.view(r, nil), why}
	data.Title = data.T("Clé privée refusée", "Private key refused")
	s.pages.Render(w, http.StatusForbidden, "refused.html", data.Lang, data)
}
