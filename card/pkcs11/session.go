package pkcs11

import (
	"crypto/rand"
	"errors"
	"sync"
)

// session is an application's dealings with a token.
type session struct {
	slot     uint
	token    *token
	writable bool

	mu      sync.Mutex // never held while the module's is waited for
	found   []uint     // handles still to be returned by FindObjects
	finding bool
	active  [operations]*operation
}

// SessionInfo is CK_SESSION_INFO.
type SessionInfo struct{ Slot, State, Flags uint }

// mostSessions is how many may be open at once: far more than any program needs, and a bound to one
// that closes none.
const mostSessions = 1 << 13

// OpenSession is C_OpenSession.
func (m *Module) OpenSession(slot, flags uint) (uint, error) {
	if err := m.enter(); err != nil {
		return 0, err
	}
	defer m.mu.Unlock()
	_, t, err := m.token(slot)
	if err != nil {
		return 0, err
	}
	if flags&CKF_SERIAL_SESSION == 0 {
		return 0, CKR_SESSION_PARALLEL_NOT_SUPPORTED
	}
	writable := flags&CKF_RW_SESSION != 0
	if !writable && t.user() == CKU_SO {
		return 0, CKR_SESSION_READ_WRITE_SO_EXISTS
	}
	if len(m.sessions) >= mostSessions {
		return 0, CKR_SESSION_COUNT
	}
	m.last++
	t.sessions++
	m.sessions[m.last] = &session{slot: slot, token: t, writable: writable}
	return m.last, nil
}

// CloseSession is C_CloseSession. With the last session of a token its user is logged out.
func (m *Module) CloseSession(h uint) error {
	if err := m.enter(); err != nil {
		return err
	}
	defer m.mu.Unlock()
	s, err := m.session(h)
	if err != nil {
		return err
	}
	delete(m.sessions, h)
	if s.token.sessions--; s.token.sessions == 0 {
		s.token.logout()
	}
	return nil
}

// CloseAllSessions is C_CloseAllSessions.
func (m *Module) CloseAllSessions(slot uint) error {
	if err := m.enter(); err != nil {
		return err
	}
	defer m.mu.Unlock()
	_, t, err := m.token(slot)
	if err != nil {
		return err
	}
	for h, s := range m.sessions {
		if s.token == t {
			delete(m.sessions, h)
		}
	}
	t.sessions = 0
	t.logout()
	return nil
}

// session finds a session. That of a card which was removed says so once, and is closed.
func (m *Module) session(h uint) (*session, error) {
	s, ok := m.sessions[h]
	if !ok {
		return nil, CKR_SESSION_HANDLE_INVALID
	}
	if slot, err := m.slot(s.slot); err != nil || slot.token != s.token {
		return nil, CKR_DEVICE_REMOVED
	}
	return s, nil
}

// use finds a session and takes its lock: two threads in one session take turns.
func (m *Module) use(h uint) (*session, error) {
	if err := m.enter(); err != nil {
		return nil, err
	}
	s, err := m.session(h)
	m.mu.Unlock()
	if err != nil {
		return nil, err
	}
	s.mu.Lock()
	return s, nil
}

// GetSessionInfo is C_GetSessionInfo.
func (m *Module) GetSessionInfo(h uint) (SessionInfo, error) {
	s, err := m.use(h)
	if err != nil {
		return SessionInfo{}, err
	}
	defer s.mu.Unlock()
	info := SessionInfo{Slot: s.slot, Flags: CKF_SERIAL_SESSION}
	user := s.token.user()
	switch {
	case user == CKU_SO:
		info.State = CKS_RW_SO_FUNCTIONS
	case user == CKU_USER && s.writable:
		info.State = CKS_RW_USER_FUNCTIONS
	case user == CKU_USER:
		info.State = CKS_RO_USER_FUNCTIONS
	case s.writable:
		info.State = CKS_RW_PUBLIC_SESSION
	default:
		info.State = CKS_RO_PUBLIC_SESSION
	}
	if s.writable {
		info.Flags |= CKF_RW_SESSION
	}
	return info, nil
}

// GenerateRandom is C_GenerateRandom.
func (m *Module) GenerateRandom(h uint, out []byte) error {
	s, err := m.use(h)
	if err != nil {
		return err
	}
	defer s.mu.Unlock()
	rand.Read(out)
	return nil
}

// SeedRandom is C_SeedRandom, which a card has no use for.
func (m *Module) SeedRandom(h uint) error {
	s, err := m.use(h)
	if err != nil {
		return err
	}
	s.mu.Unlock()
	return CKR_RANDOM_SEED_NOT_SUPPORTED
}

// Check tells whether the session is one, for functions that have nothing else to do.
func (m *Module) Check(h uint) error {
	s, err := m.use(h)
	if err != nil {
		return err
	}
	s.mu.Unlock()
	return nil
}

// asRV is the return value of an error.
func asRV(err error) RV {
	if err == nil {
		return CKR_OK
	}
	var rv RV
	if errors.As(err, &rv) {
		return rv
	}
	return CKR_GENERAL_ERROR
}

// ReturnValue is what C sees of an error.
func ReturnValue(err error) uint { return uint(asRV(err)) }
