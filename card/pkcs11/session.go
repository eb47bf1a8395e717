package pkcs11

import (
	"crypto"
	"crypto/rand"
	"errors"
	"sync"

	"github.com/igc-lab/igc/card"
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

// Attribute is CK_ATTRIBUTE.
type Attribute struct {
	Type  uint
	Value []byte
}

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

const nobody = ^uint(0)

// user is who is logged in: CKU_USER, CKU_SO or nobody.
func (t *token) user() uint {
	if l := t.loggedIn(); l != nil {
		return l.user
	}
	return nobody
}

func (t *token) loggedIn() *login {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.login
}

// logout forgets the keys. Go gives no way to wipe what the runtime has copied; the next collection
// takes them.
func (t *token) logout() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.login = nil
}

// Login is C_Login. The PIN of a CKU_SO is the unblocking code. There is a CKU_CONTEXT_SPECIFIC
// under a strict PIN alone.
func (m *Module) Login(h, user uint, pin []byte) error {
	if err := m.enter(); err != nil {
		return err
	}
	defer m.mu.Unlock() // one at a time: another login waits and finds the user logged in
	s, err := m.session(h)
	if err != nil {
		return err
	}
	t := s.token
	if user > CKU_CONTEXT_SPECIFIC || user == CKU_CONTEXT_SPECIFIC && !t.strict {
		return CKR_USER_TYPE_INVALID
	}
	current := t.user()
	switch {
	case user == CKU_CONTEXT_SPECIFIC && current != CKU_USER:
		return CKR_OPERATION_NOT_INITIALIZED
	case user == CKU_CONTEXT_SPECIFIC:
		return s.authorize(pin)
	case current == user:
		return CKR_USER_ALREADY_LOGGED_IN
	case current != nobody:
		return CKR_USER_ANOTHER_ALREADY_LOGGED_IN
	}
	l := &login{user: user}
	if user == CKU_SO {
		for _, other := range m.sessions {
			if other.token == t && !other.writable {
				return CKR_SESSION_READ_ONLY_EXISTS
			}
		}
		if err := t.card.CheckCode(string(pin)); err != nil {
			return refusal(err)
		}
		l.code = string(pin)
	} else if l.keys, err = t.open(pin); err != nil {
		return err
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.login = l
	return nil
}

// open takes the PIN. One of a length that no PIN has is wrong, and is not sent to the card: it
// costs no try.
func (t *token) open(pin []byte) (map[string]crypto.Signer, error) {
	if len(pin) < 4 || len(pin) > 8 {
		return nil, CKR_PIN_INCORRECT
	}
	keys, err := t.card.Open(string(pin))
	return keys, refusal(err)
}

// Logout is C_Logout.
func (m *Module) Logout(h uint) error {
	if err := m.enter(); err != nil {
		return err
	}
	defer m.mu.Unlock()
	s, err := m.session(h)
	if err != nil {
		return err
	}
	if s.token.user() == nobody {
		return CKR_USER_NOT_LOGGED_IN
	}
	s.token.logout()
	return nil
}

// SetPIN is C_SetPIN: the holder's PIN, by the holder.
func (m *Module) SetPIN(h uint, old, new []byte) error {
	if err := m.enter(); err != nil {
		return err
	}
	defer m.mu.Unlock()
	s, err := m.session(h)
	switch {
	case err != nil:
		return err
	case !s.writable:
		return CKR_SESSION_READ_ONLY
	case s.token.user() == CKU_SO:
		return CKR_FUNCTION_NOT_SUPPORTED // the unblocking code of a card is for life
	}
	if err := checkPIN(new); err != nil {
		return err
	}
	return refusal(s.token.card.ChangePIN(string(old), string(new)))
}

// InitPIN is C_InitPIN: a new PIN after the unblocking code, which unblocks.
func (m *Module) InitPIN(h uint, pin []byte) error {
	if err := m.enter(); err != nil {
		return err
	}
	defer m.mu.Unlock()
	s, err := m.session(h)
	if err != nil {
		return err
	}
	l := s.token.loggedIn()
	if l == nil || l.user != CKU_SO {
		return CKR_USER_NOT_LOGGED_IN
	}
	if err := checkPIN(pin); err != nil {
		return err
	}
	return refusal(s.token.card.Unblock(l.code, string(pin)))
}

func checkPIN(pin []byte) error {
	switch {
	case len(pin) < 4 || len(pin) > 8:
		return CKR_PIN_LEN_RANGE
	case card.CheckPIN(string(pin)) != nil:
		return CKR_PIN_INVALID
	}
	return nil
}

// object finds an object that may be seen now. Handles are places in the token's list, from 1.
func (t *token) object(h uint) (*object, error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if h < 1 || h > uint(len(t.objects)) || !t.sees(t.objects[h-1]) {
		return nil, CKR_OBJECT_HANDLE_INVALID
	}
	return t.objects[h-1], nil
}

func (t *token) sees(o *object) bool { return !o.private || t.login != nil && t.login.user == CKU_USER }

// FindObjectsInit is C_FindObjectsInit.
func (m *Module) FindObjectsInit(h uint, template []Attribute) error {
	s, err := m.use(h)
	if err != nil {
		return err
	}
	defer s.mu.Unlock()
	if s.finding {
		return CKR_OPERATION_ACTIVE
	}
	s.token.mu.Lock()
	defer s.token.mu.Unlock()
	s.found, s.finding = nil, true
	for i, o := range s.token.objects {
		if s.token.sees(o) && o.matches(template) {
			s.found = append(s.found, uint(i+1))
		}
	}
	return nil
}

// FindObjects is C_FindObjects: at most that many handles.
func (m *Module) FindObjects(h uint, most uint) ([]uint, error) {
	s, err := m.use(h)
	if err != nil {
		return nil, err
	}
	defer s.mu.Unlock()
	if !s.finding {
		return nil, CKR_OPERATION_NOT_INITIALIZED
	}
	n := min(most, uint(len(s.found)))
	found := s.found[:n]
	s.found = s.found[n:]
	return found, nil
}

// FindObjectsFinal is C_FindObjectsFinal.
func (m *Module) FindObjectsFinal(h uint) error {
	s, err := m.use(h)
	if err != nil {
		return err
	}
	defer s.mu.Unlock()
	if !s.finding {
		return CKR_OPERATION_NOT_INITIALIZED
	}
	s.found, s.finding = nil, false
	return nil
}

// GetAttributes is the heart of C_GetAttributeValue: the value of each attribute, or why it has
// none: CKR_ATTRIBUTE_SENSITIVE, CKR_ATTRIBUTE_TYPE_INVALID.
func (m *Module) GetAttributes(h, object uint, types []uint) (values [][]byte, refusals []error, err error) {
	s, err := m.use(h)
	if err != nil {
		return nil, nil, err
	}
	defer s.mu.Unlock()
	o, err := s.token.object(object)
	if err != nil {
		return nil, nil, err
	}
	values, refusals = make([][]byte, len(types)), make([]error, len(types))
	for i, t := range types {
		value, ok := o.attributes[t]
		if o.writable && t == CKA_VALUE {
			if value, err = s.token.card.Data(); err != nil {
				return nil, nil, CKR_DEVICE_ERROR
			}
		}
		switch {
		case !ok:
			refusals[i] = CKR_ATTRIBUTE_TYPE_INVALID
		case value == nil:
			refusals[i] = CKR_ATTRIBUTE_SENSITIVE
		}
		values[i] = value
	}
	return values, refusals, nil
}

// SetAttributes is C_SetAttributeValue. A card has one thing to write, after the PIN: the value of
// CPS_DATA.
func (m *Module) SetAttributes(h, handle uint, template []Attribute) error {
	s, err := m.use(h)
	if err != nil {
		return err
	}
	defer s.mu.Unlock()
	o, err := s.token.object(handle)
	if err != nil {
		return err
	}
	if !s.writable {
		return CKR_SESSION_READ_ONLY
	}
	for _, a := range template {
		if _, ok := o.attributes[a.Type]; !ok {
			return CKR_ATTRIBUTE_TYPE_INVALID
		}
		if !o.writable || a.Type != CKA_VALUE {
			return CKR_ATTRIBUTE_READ_ONLY
		}
		if len(a.Value) > card.DataCapacity {
			return CKR_ATTRIBUTE_VALUE_INVALID
		}
	}
	if l := s.token.loggedIn(); l == nil || l.user != CKU_USER {
		return CKR_USER_NOT_LOGGED_IN
	}
	for _, a := range template {
		if err := s.token.card.SetData(a.Value); err != nil {
			return CKR_DEVICE_ERROR
		}
	}
	return nil
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
