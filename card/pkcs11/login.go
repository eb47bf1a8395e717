package pkcs11

import (
	"crypto"

	"github.com/igc-lab/igc/card"
)

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
