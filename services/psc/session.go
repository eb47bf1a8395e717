package psc

import (
	"context"
	"crypto/subtle"
	"errors"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/igc-lab/igc/ca/store"
)

var (
	sessionKind = store.DocumentKind{Name: "psc.session"}
	codeKind    = store.DocumentKind{Name: "psc.code"}
	loginKind   = store.DocumentKind{Name: "psc.login"} // logins that are spent
	revokedKind = store.DocumentKind{Name: "psc.revoked"}
)

// The modes of authentication, as tokens have them in authMode.
const (
	modeCard   = "CARD"
	modeMobile = "MOBILE"
)

// session is a person who is logged in. All clients share it (single sign-on).
type session struct {
	SID      string    `json:"sid"`
	Person   string    `json:"person"`
	Mode     string    `json:"mode"`
	AuthTime time.Time `json:"auth_time"`
	Used     time.Time `json:"used"`
	Cookie   string    `json:"cookie,omitempty"` // digest of the browser's; none after CIBA
	Card     *card     `json:"card,omitempty"`   // that logged in
	Grants   []grant   `json:"grants,omitempty"`
}

// card names the certificate that a person logged in with.
type card struct {
	Authority string `json:"authority"`
	Serial    string `json:"serial"` // upper-case hexadecimal
}

// grant is what a client got of a session, by one code or CIBA request.
type grant struct {
	ID      string    `json:"id"`
	Client  string    `json:"client"`
	Scope   string    `json:"scope"`
	Nonce   string    `json:"nonce,omitempty"`
	Code    string    `json:"code,omitempty"` // digest of the code that it came from
	Refresh string    `json:"refresh"`        // jti of the refresh token that is good
	Issued  time.Time `json:"issued"`         // the last time that tokens were given
	CNF     []byte    `json:"cnf,omitempty"`  // SHA-256 of the client's certificate that tokens are bound to
}

// maxGrants bounds the grants of a session: the oldest go first.
const maxGrants = 50

func (s *session) live(now time.Time, settings *Settings) bool { return now.Before(s.end(settings)) }

// end is when the session ends unless it is used before.
func (s *session) end(settings *Settings) time.Time {
	unused := s.Used.Add(time.Duration(settings.RefreshTTL) * time.Second)
	if last := s.AuthTime.Add(time.Duration(settings.SessionTTL) * time.Second); last.Before(unused) {
		return last
	}
	return unused
}

func (s *session) grant(id string) *grant {
	for i := range s.Grants {
		if s.Grants[i].ID == id {
			return &s.Grants[i]
		}
	}
	return nil
}

// grantedTo tells whether the client has a grant of the session.
func (s *session) grantedTo(client string) bool {
	for i := range s.Grants {
		if s.Grants[i].Client == client {
			return true
		}
	}
	return false
}

// add adds a grant and drops those whose refresh token has ended.
func (s *session) add(g grant, settings *Settings) {
	keep := s.Grants[:0]
	for _, old := range s.Grants {
		if g.Issued.Sub(old.Issued) < time.Duration(settings.RefreshTTL)*time.Second {
			keep = append(keep, old)
		}
	}
	if over := len(keep) + 1 - maxGrants; over > 0 {
		keep = keep[over:]
	}
	s.Grants = append(keep, g)
}

func (s *session) remove(id string) {
	keep := s.Grants[:0]
	for _, g := range s.Grants {
		if g.ID != id {
			keep = append(keep, g)
		}
	}
	s.Grants = keep
}

func (p *Provider) writeSession(s *session, settings *Settings, ifVersion *uint64) (store.DocumentWrite, error) {
	return put(sessionKind, s.SID, s, p.until(settings.SessionTTL), ifVersion)
}

// validSID has the form of the session IDs that the provider gives out, so that it can be a key of
// a document.
func validSID(sid string) bool { return len(sid) == 36 && strings.Trim(sid, "0123456789abcdef-") == "" }

// session reads a live session; nil when it has ended, or never was.
func (p *Provider) session(ctx context.Context, sid string, settings *Settings) (*session, uint64, error) {
	if !validSID(sid) {
		return nil, 0, nil
	}
	doc, err := p.Documents.GetDocument(ctx, sessionKind, sid)
	if store.KindOf(err) == store.NotFound {
		return nil, 0, nil
	}
	if err != nil {
		return nil, 0, err
	}
	known, err := p.sessions.Parse(sid, doc.Version, doc.Value, p.Now())
	if err != nil {
		return nil, 0, store.Errorf(store.Damaged, "the document %s/%s: %w", sessionKind.Name, sid, err)
	}
	if !known.live(p.Now(), settings) {
		return nil, 0, nil
	}
	s := *known // the caller's, to be changed
	s.Grants = slices.Clone(s.Grants)
	return &s, doc.Version, nil
}

// changeSession changes a live session and writes it, with other writes. change says what else is
// to be written; it may run more than once. The session is nil when it has ended.
func (p *Provider) changeSession(ctx context.Context, sid string, settings *Settings,
	change func(*session) ([]store.DocumentWrite, error)) (*session, error) {
	for {
		s, version, err := p.session(ctx, sid, settings)
		if s == nil || err != nil {
			return nil, err
		}
		writes, err := change(s)
		if err != nil {
			return nil, err
		}
		w, err := p.writeSession(s, settings, &version)
		if err != nil {
			return nil, err
		}
		_, err = p.Documents.WriteDocuments(ctx, "", append(writes, w)...)
		if !errors.Is(err, store.ErrSwap) {
			return s, err
		}
		if again, err := p.changed(ctx, sid, version); err != nil || !again {
			return nil, errors.Join(store.ErrSwap, err) // another of the documents had changed: the caller looks
		}
	}
}

// changed tells whether a session is another than that of the version.
func (p *Provider) changed(ctx context.Context, sid string, version uint64) (bool, error) {
	doc, err := p.Documents.GetDocument(ctx, sessionKind, sid)
	if store.KindOf(err) == store.NotFound {
		return true, nil
	}
	return doc.Version != version, err
}

// The provider's cookies. Cookies ignore ports, so their names are distinct from those of other
// servers of this host.
const (
	sessionCookie = "__Host-igc-psc-session" // SID.secret
	browserCookie = "__Host-igc-psc-browser" // random: a login goes on only in the browser that began it
)

// memoryCookie is the identifier that a browser remembers for the login page. A path other than /
// excludes the prefix __Host-.
const (
	memoryCookie = "__Secure-igc-psc-identifiant"
	memoryPath   = "/auth"
	memoryAge    = 180 * 24 * time.Hour
)

// remembered is the identifier that the browser remembers, empty when it remembers none.
func remembered(r *http.Request) string {
	cookie, err := r.Cookie(memoryCookie)
	if err != nil || wrongIdentifier(cookie.Value) != nil {
		return ""
	}
	return cookie.Value
}

// remember has the browser remember an identifier, or none.
func remember(w http.ResponseWriter, id string) {
	cookie := &http.Cookie{Name: memoryCookie, Value: id, Path: memoryPath, MaxAge: int(memoryAge.Seconds()),
		Secure: true, HttpOnly: true, SameSite: http.SameSiteLaxMode}
	if id == "" {
		cookie.MaxAge = -1
	}
	http.SetCookie(w, cookie)
}

func setCookie(w http.ResponseWriter, name, value string) {
	http.SetCookie(w, &http.Cookie{Name: name, Value: value, Path: "/", Secure: true, HttpOnly: true,
		SameSite: http.SameSiteLaxMode})
}

func endCookie(w http.ResponseWriter, name string) {
	http.SetCookie(w, &http.Cookie{Name: name, Path: "/", MaxAge: -1, Secure: true, HttpOnly: true,
		SameSite: http.SameSiteLaxMode})
}

// browserSession is the live session of the browser, nil when it has none.
func (p *Provider) browserSession(r *http.Request, settings *Settings) (*session, uint64, error) {
	cookie, err := r.Cookie(sessionCookie)
	if err != nil {
		return nil, 0, nil
	}
	sid, secret, _ := strings.Cut(cookie.Value, ".")
	s, version, err := p.session(r.Context(), sid, settings)
	if s == nil || err != nil {
		return nil, 0, err
	}
	if s.Cookie == "" || subtle.ConstantTimeCompare([]byte(s.Cookie), []byte(digest(secret))) != 1 {
		return nil, 0, nil
	}
	return s, version, nil
}

// EndSessions ends the sessions that which chooses, and sends their clients logout tokens.
func (p *Provider) EndSessions(ctx context.Context, which func(person string, c *Card) bool) (ended int, err error) {
	settings, err := p.current(ctx)
	if err != nil {
		return 0, err
	}
	docs, err := p.Documents.ScanDocuments(ctx, sessionKind, "")
	if err != nil {
		return 0, err
	}
	for _, doc := range docs {
		s, _, err := p.session(ctx, doc.Key, settings)
		if err != nil {
			return ended, err
		}
		if s == nil {
			continue
		}
		var c *Card
		if s.Card != nil {
			c = &Card{s.Card.Authority, s.Card.Serial}
		}
		if !which(s.Person, c) {
			continue
		}
		if err := p.endSession(ctx, s); err != nil {
			return ended, err
		}
		ended++
	}
	return ended, nil
}

// Card names a certificate that logged in.
type Card struct{ Authority, Serial string }

// revoked tells whether the card of a login was revoked since it was verified.
func (p *Provider) revoked(ctx context.Context, c *card) (bool, error) {
	if c == nil {
		return false, nil
	}
	return p.Revoked(ctx, Card{c.Authority, c.Serial})
}

// StatusChanged ends the sessions of a card whose certificate is no longer good. It is for
// ca.CA.WatchStatus.
func (p *Provider) StatusChanged(ctx context.Context, change store.Change) {
	if change.Revoked == nil {
		return
	}
	if _, err := p.EndSessions(ctx, func(_ string, c *Card) bool {
		return c != nil && c.Authority == change.Authority && c.Serial == change.Serial
	}); err != nil {
		p.Log.Error("sessions of a revoked card", "serial", change.Serial, "err", err)
	}
}

// opening is a session that a login opens or goes on with.
type opening struct {
	s       *session
	version uint64         // 0 for a new one
	update  func(*session) // what the login changes in it; nil for nothing but its use
	secret  string         // of the browser's new cookie; empty when it keeps the one that it has
	done    bool           // it is written
}

// openSession writes a session, with other documents, and spends the login, in one write; then the
// browser gets its cookie. A session that another call changes at the same moment is read again:
// a browser may log in to two services at once. When the login is spent already, or the session has
// ended, it says so on a page, and done is false.
func (p *Provider) openSession(w http.ResponseWriter, r *http.Request, settings *Settings, l *login, o *opening,
	others ...store.DocumentWrite) (done bool, err error) {
	ctx, none := r.Context(), uint64(0)
	spent, err := put(loginKind, l.ID, o.s.SID, p.until(settings.LoginTTL), &none)
	if err != nil {
		return false, err
	}
	for {
		o.s.Used = p.Now()
		if o.update != nil {
			o.update(o.s)
		}
		write, err := p.writeSession(o.s, settings, &o.version)
		if err != nil {
			return false, err
		}
		_, err = p.Documents.WriteDocuments(ctx, "", append([]store.DocumentWrite{write, spent}, others...)...)
		if err == nil {
			if o.secret != "" {
				setCookie(w, sessionCookie, o.s.SID+"."+o.secret)
			}
			o.done = true
			return true, nil
		}
		if !errors.Is(err, store.ErrSwap) {
			return false, err
		}
		if _, err = p.Documents.GetDocument(ctx, loginKind, l.ID); store.KindOf(err) != store.NotFound {
			if err == nil {
				p.problemPage(w, r, http.StatusConflict, problemSpent(), l)
			}
			return false, err
		}
		again, version, err := p.session(ctx, o.s.SID, settings)
		if err != nil {
			return false, err
		}
		if again == nil {
			p.problemPage(w, r, http.StatusConflict, problemTooOld(), l)
			return false, nil
		}
		o.s, o.version = again, version
	}
}

// endSession ends a session, and sends its clients logout tokens in the background.
func (p *Provider) endSession(ctx context.Context, s *session) error {
	if _, err := p.Documents.WriteDocuments(ctx, "", store.DocumentWrite{Kind: sessionKind, Key: s.SID,
		Delete: true}); err != nil {
		return err
	}
	p.sendLogoutTokens(ctx, s)
	return nil
}
