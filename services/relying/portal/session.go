package portal

import (
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"net/http"
	"sync"
	"time"

	"golang.org/x/oauth2"

	"github.com/igc-lab/igc/internal/web"
	"github.com/igc-lab/igc/verify"
)

// Bounds of sessions.
const (
	maxSessions = 1000
	maxIdle     = 30 * time.Minute
	maxAge      = 4 * time.Hour
)

// sessionCookie is for this host alone, by TLS alone; the name makes browsers see to it.
const sessionCookie = "__Host-portail-demo"

// session is somebody who is logged in to the portal.
type session struct {
	journal journal
	created time.Time

	// guarded by the sessions
	key  string
	sid  string // at Pro Santé Connect; empty after a login by card
	used time.Time
	end  ending

	// call is held for as long as the portal calls the provider for this session: a refresh token
	// is good for one call
	call sync.Mutex
	got  received
}

// ending is why a session is over; empty while it is not.
type ending string

// endedByPSC is the ending by a logout token.
const endedByPSC ending = "psc"

// received is what the portal got: from Pro Santé Connect, or from a card.
type received struct {
	card *verify.Report // after a login by card; the rest is then empty

	subject       string
	id, name      string
	idToken       string
	token         *oauth2.Token
	accessEnd     time.Time
	refreshEnd    time.Time
	userinfo      json.RawMessage
	introspection json.RawMessage
	notice        *problem // of the last button
}

// sessions are those of the portal, in memory.
type sessions struct {
	now func() time.Time

	mu    sync.Mutex
	byKey map[string]*session
}

// add begins a session and returns its key, which the browser keeps. The one that was used the
// longest ago leaves when there are too many.
func (s *sessions) add(n *session) string {
	n.key = random()
	s.mu.Lock()
	defer s.mu.Unlock()
	n.created, n.used = s.now(), s.now()
	for key, other := range s.byKey {
		if s.over(other) {
			delete(s.byKey, key)
		}
	}
	if len(s.byKey) >= maxSessions {
		var oldest *session
		for _, other := range s.byKey {
			if oldest == nil || other.used.Before(oldest.used) {
				oldest = other
			}
		}
		delete(s.byKey, oldest.key)
	}
	s.byKey[n.key] = n
	return n.key
}

func (s *sessions) over(n *session) bool {
	now := s.now()
	return now.Sub(n.used) >= maxIdle || now.Sub(n.created) >= maxAge
}

// ofRequest is the session of a request, nil when there is none. One that Pro Santé Connect has
// ended is told once.
func (s *sessions) ofRequest(r *http.Request) (*session, ending) {
	cookie, err := r.Cookie(sessionCookie)
	if err != nil {
		return nil, ""
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	found := s.byKey[cookie.Value]
	if found == nil {
		return nil, ""
	}
	if found.end != "" || s.over(found) {
		delete(s.byKey, found.key)
		return nil, found.end
	}
	found.used = s.now()
	return found, ""
}

func (s *sessions) remove(n *session) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.byKey, n.key)
}

// endedAt ends the sessions that came of a session at Pro Santé Connect, and tells how many. What
// is left of each says why it ended, and has none of what was received.
func (s *sessions) endedAt(sid string) (count int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for key, n := range s.byKey {
		if n.sid == sid && n.end == "" {
			s.byKey[key] = &session{key: key, created: n.created, used: n.used, end: endedByPSC}
			count++
		}
	}
	return count
}

// setCookie gives the browser a value that scripts do not read; an empty one is taken away.
func setCookie(w http.ResponseWriter, name, value string, seconds int) {
	if value == "" {
		seconds = -1
	}
	http.SetCookie(w, &http.Cookie{Name: name, Value: value, Path: "/", MaxAge: seconds, Secure: true,
		HttpOnly: true, SameSite: http.SameSiteLaxMode})
}

// formToken is what the forms of a session hold, so that no other page can send them.
func (n *session) formToken() string {
	sum := sha256.Sum256([]byte("form " + n.key))
	return hex.EncodeToString(sum[:])
}

// ownForm tells whether a form was sent by a page of this session.
func (n *session) ownForm(r *http.Request) bool {
	return web.SameOrigin(r) && subtle.ConstantTimeCompare([]byte(r.PostFormValue("jeton")), []byte(n.formToken())) == 1
}

// random is a random value of 256 bits.
func random() string {
	raw := make([]byte, 32)
	rand.Read(raw) // never fails
	return base64.RawURLEncoding.EncodeToString(raw)
}
