package pkcs11

import (
	"crypto"
	"crypto/rsa"

	"github.com/igc-lab/igc/card"
)

// SignInit is C_SignInit.
func (m *Module) SignInit(h, id uint, parameter []byte, key uint) error {
	return m.startPrivate(h, Signing, CKF_SIGN, id, parameter, key)
}

// authorize is the C_Login of CKU_CONTEXT_SPECIFIC: the PIN again, for one signature. A card that
// it blocks logs its user out. The module's lock is held.
func (s *session) authorize(pin []byte) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	op := s.active[Signing]
	if op == nil {
		return CKR_OPERATION_NOT_INITIALIZED
	}
	if _, err := s.token.open(pin); err != nil {
		if err == CKR_PIN_LOCKED {
			s.token.logout()
		}
		return err
	}
	op.ask = false
	return nil
}

// SignUpdate is C_SignUpdate.
func (m *Module) SignUpdate(h uint, data []byte) error { return m.update(h, Signing, data) }

// Sign is C_Sign and, without data, C_SignFinal.
func (m *Module) Sign(h uint, last *[]byte, out []byte) (n int, err error) {
	err = m.under(h, Signing, func(s *session, op *operation) (bool, error) {
		if last != nil && op.updated {
			return false, CKR_OPERATION_ACTIVE
		}
		l := s.token.loggedIn()
		if l == nil || l != op.login {
			return false, CKR_USER_NOT_LOGGED_IN
		}
		n = size(op.public)
		if enough, err := fits(out, n); !enough {
			return true, err
		}
		if op.ask {
			return false, CKR_USER_NOT_LOGGED_IN
		}
		if err := op.refusal(s.token.generation, len(out)); err != nil {
			return false, err
		}
		op.addData(last)
		key, ok := l.keys[op.object.place.Role]
		if !ok {
			return false, CKR_DEVICE_ERROR
		}
		signature, err := op.sign(s.token.generation, key)
		if err != nil {
			return false, err
		}
		n = copy(out, signature)
		return false, nil
	})
	return n, err
}

// addData takes the last data.
func (op *operation) addData(last *[]byte) {
	switch {
	case last == nil:
	case op.hash != nil:
		op.hash.Write(*last)
	default:
		op.data = *last // used before this call returns
	}
}

// refusal is what the Cryptolib answers, with either chip, where it announces a signature that the
// key does not make.
func (op *operation) refusal(g card.ChipType, space int) error {
	if _, isRSA := op.public.(*rsa.PublicKey); !isRSA {
		return nil
	}
	byAuthentication := op.object.place.Role == "authentication" && op.mechanism.scheme == pkcs1
	switch {
	case op.mechanism.scheme == raw:
		return CKR_FUNCTION_NOT_SUPPORTED
	case byAuthentication && op.mechanism.hash != 0 && g == card.CPS4:
		return CKR_GENERAL_ERROR
	case byAuthentication && op.mechanism.hash != 0:
		return CKR_KEY_TYPE_INCONSISTENT
	case byAuthentication && g == card.CPS4 && space != size(op.public):
		return CKR_ARGUMENTS_BAD
	}
	return nil
}

// sign signs what was taken. Where the caller has hashed, the signature key wants a hash, alone or
// in its DigestInfo, and puts it in one.
func (op *operation) sign(g card.ChipType, key crypto.Signer) ([]byte, error) {
	m, data := op.mechanism, op.taken()
	if m.hash == 0 && m.scheme != ec && op.object.place.Role == "signature" {
		hash, digest, err := digested(data)
		switch {
		case err != nil && g == card.CPS3 && isDigestInfo(data):
			return nil, CKR_KEY_TYPE_INCONSISTENT
		case err != nil, m.scheme == pss && hash != op.options.Hash:
			return nil, CKR_DATA_INVALID
		}
		data = digest
		if m.scheme == pkcs1 {
			m.hash = hash
		}
	}
	switch {
	case m.scheme == pss && len(data) != op.options.Hash.Size():
		return nil, CKR_DATA_INVALID
	case !m.accepts(data, op.options, op.public):
		return nil, CKR_DATA_LEN_RANGE
	}
	signature, err := m.sign(key, data, op.options)
	if err != nil {
		return nil, CKR_FUNCTION_FAILED
	}
	return signature, nil
}
