package pkcs11

import (
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"hash"
)

// The kinds of operation. A session has one of each at most.
const (
	Digesting = iota
	Signing
	Verifying
	Encrypting
	Decrypting
	operations
)

// operation is one between its Init and its end.
type operation struct {
	mechanism mechanism
	options   *rsa.PSSOptions // of PSS
	public    any
	object    *object
	login     *login    // of a private key: the operation ends with it
	hash      hash.Hash // nil for a mechanism that takes what was hashed
	data      []byte    // what Update gave to a mechanism without a hash
	updated   bool      // Update was called: only Final may follow
	ask       bool      // a PIN is wanted before the signature
}

// longest is what Update may gather for a mechanism that signs it as it is.
const longest = 1024

// start begins an operation.
func (m *Module) start(h uint, kind int, begin func(*session) (*operation, error)) error {
	s, err := m.use(h)
	if err != nil {
		return err
	}
	defer s.mu.Unlock()
	if s.active[kind] != nil {
		return CKR_OPERATION_ACTIVE
	}
	op, err := begin(s)
	if err != nil {
		return err
	}
	if op.mechanism.hash != 0 {
		op.hash = op.mechanism.hash.New()
	}
	s.active[kind] = op
	return nil
}

// keyed begins an operation with a key of that class.
func keyed(s *session, class, flag, id uint, parameter []byte, key uint) (*operation, error) {
	o, err := s.token.object(key)
	if err != nil {
		return nil, CKR_KEY_HANDLE_INVALID
	}
	mechanism, err := s.token.mechanism(id, flag)
	switch {
	case err != nil:
		return nil, err
	case o.public == nil:
		return nil, CKR_KEY_HANDLE_INVALID
	case o.class != class, !mechanism.fits(o.public):
		return nil, CKR_KEY_TYPE_INCONSISTENT
	case flag&(CKF_ENCRYPT|CKF_DECRYPT) != 0 && !o.place.Decrypts:
		return nil, CKR_KEY_TYPE_INCONSISTENT
	case flag == CKF_ENCRYPT && mechanism.scheme != pkcs1:
		return nil, CKR_MECHANISM_INVALID
	}
	read := mechanism.options
	if flag == CKF_SIGN {
		read = mechanism.signingOptions
	}
	options, err := read(parameter, o.public)
	if err != nil {
		return nil, err
	}
	return &operation{mechanism: mechanism, options: options, public: o.public, object: o}, nil
}

// DigestInit is C_DigestInit.
func (m *Module) DigestInit(h, id uint, parameter []byte) error {
	return m.start(h, Digesting, func(s *session) (*operation, error) {
		mechanism, err := s.token.mechanism(id, CKF_DIGEST)
		if err != nil {
			return nil, err
		}
		if len(parameter) != 0 {
			return nil, CKR_MECHANISM_PARAM_INVALID
		}
		return &operation{mechanism: mechanism}, nil
	})
}

// DecryptInit is C_DecryptInit.
func (m *Module) DecryptInit(h, id uint, parameter []byte, key uint) error {
	return m.startPrivate(h, Decrypting, CKF_DECRYPT, id, parameter, key)
}

// startPrivate begins an operation that the PIN allows.
func (m *Module) startPrivate(h uint, kind int, flag, id uint, parameter []byte, key uint) error {
	return m.start(h, kind, func(s *session) (*operation, error) {
		l := s.token.loggedIn()
		if l == nil || l.user != CKU_USER {
			return nil, CKR_USER_NOT_LOGGED_IN
		}
		op, err := keyed(s, CKO_PRIVATE_KEY, flag, id, parameter, key)
		if err != nil {
			return nil, err
		}
		op.login, op.ask = l, s.token.strict && op.object.place.AlwaysAuthorized
		return op, nil
	})
}

// VerifyInit is C_VerifyInit.
func (m *Module) VerifyInit(h, id uint, parameter []byte, key uint) error {
	return m.start(h, Verifying, func(s *session) (*operation, error) {
		return keyed(s, CKO_PUBLIC_KEY, CKF_VERIFY, id, parameter, key)
	})
}

// EncryptInit is C_EncryptInit.
func (m *Module) EncryptInit(h, id uint, parameter []byte, key uint) error {
	return m.start(h, Encrypting, func(s *session) (*operation, error) {
		return keyed(s, CKO_PUBLIC_KEY, CKF_ENCRYPT, id, parameter, key)
	})
}

// under gets on with an operation. It ends unless what do returns says that it goes on.
func (m *Module) under(h uint, kind int, do func(*session, *operation) (goesOn bool, err error)) error {
	s, err := m.use(h)
	if err != nil {
		return err
	}
	defer s.mu.Unlock()
	op := s.active[kind]
	if op == nil {
		return CKR_OPERATION_NOT_INITIALIZED
	}
	goesOn, err := do(s, op)
	if !goesOn {
		s.active[kind] = nil
	}
	return err
}

// End ends an operation after a call that never reached it, its arguments being bad: any error but
// CKR_BUFFER_TOO_SMALL does (PKCS#11 v2.40 §5.11).
func (m *Module) End(h uint, kind int) {
	if s, err := m.use(h); err == nil {
		s.active[kind] = nil
		s.mu.Unlock()
	}
}

// fits tells whether the caller's buffer takes what comes: out is nil when only its size is asked
// for. The operation goes on when it does not (PKCS#11 v2.40 §5.2).
func fits(out []byte, size int) (enough bool, err error) {
	switch {
	case out == nil:
		return false, nil
	case len(out) < size:
		return false, CKR_BUFFER_TOO_SMALL
	}
	return true, nil
}

// give adds data to the operation.
func (op *operation) give(data []byte) error {
	op.updated = true
	if op.hash != nil {
		op.hash.Write(data)
		return nil
	}
	if len(op.data)+len(data) > longest {
		return CKR_DATA_LEN_RANGE
	}
	op.data = append(op.data, data...)
	return nil
}

// taken is what is signed in the end: a hash, or the data as they are.
func (op *operation) taken() []byte {
	if op.hash != nil {
		return op.hash.Sum(nil)
	}
	return op.data
}

// update is C_DigestUpdate, C_SignUpdate and C_VerifyUpdate.
func (m *Module) update(h uint, kind int, data []byte) error {
	return m.under(h, kind, func(s *session, op *operation) (bool, error) {
		if op.ask {
			return false, CKR_USER_NOT_LOGGED_IN
		}
		err := op.give(data)
		return err == nil, err
	})
}

// DigestUpdate is C_DigestUpdate.
func (m *Module) DigestUpdate(h uint, data []byte) error { return m.update(h, Digesting, data) }

// VerifyUpdate is C_VerifyUpdate.
func (m *Module) VerifyUpdate(h uint, data []byte) error { return m.update(h, Verifying, data) }

// Digest is C_Digest; last is the data of a single call, nil of C_DigestFinal. It returns the size
// of the hash, which is in out unless out is nil.
func (m *Module) Digest(h uint, last *[]byte, out []byte) (n int, err error) {
	err = m.under(h, Digesting, func(s *session, op *operation) (bool, error) {
		if last != nil && op.updated {
			return false, CKR_OPERATION_ACTIVE
		}
		n = op.mechanism.hash.Size()
		if enough, err := fits(out, n); !enough {
			return true, err
		}
		if last != nil {
			op.hash.Write(*last)
		}
		copy(out, op.hash.Sum(nil))
		return false, nil
	})
	return n, err
}

// Verify is C_Verify and, without data, C_VerifyFinal.
func (m *Module) Verify(h uint, last *[]byte, signature []byte) error {
	return m.under(h, Verifying, func(s *session, op *operation) (bool, error) {
		if last != nil && op.updated {
			return false, CKR_OPERATION_ACTIVE
		}
		op.addData(last)
		data := op.taken()
		switch {
		case !op.mechanism.accepts(data, op.options, op.public):
			return false, CKR_DATA_LEN_RANGE
		case len(signature) != size(op.public):
			return false, CKR_SIGNATURE_LEN_RANGE
		case !op.mechanism.verify(op.public, data, signature, op.options):
			return false, CKR_SIGNATURE_INVALID
		}
		return false, nil
	})
}

// Encrypt is C_Encrypt.
func (m *Module) Encrypt(h uint, data, out []byte) (n int, err error) {
	err = m.under(h, Encrypting, func(s *session, op *operation) (bool, error) {
		key, ok := op.public.(*rsa.PublicKey)
		if !ok {
			return false, CKR_KEY_TYPE_INCONSISTENT
		}
		n = size(key)
		if enough, err := fits(out, n); !enough {
			return true, err
		}
		block, err := encrypt(key, data)
		n = copy(out, block)
		return false, err
	})
	return n, err
}

// Decrypt is C_Decrypt. The size that it tells is that of the data, as the Cryptolib's.
func (m *Module) Decrypt(h uint, data, out []byte) (n int, err error) {
	err = m.under(h, Decrypting, func(s *session, op *operation) (bool, error) {
		l := s.token.loggedIn()
		if l == nil || l != op.login {
			return false, CKR_USER_NOT_LOGGED_IN
		}
		key, ok := l.keys[op.object.place.Role].(crypto.Decrypter)
		switch {
		case op.mechanism.scheme != pkcs1:
			return false, CKR_FUNCTION_NOT_SUPPORTED
		case !ok:
			return false, CKR_DEVICE_ERROR
		case len(data) != size(op.public):
			return false, CKR_ENCRYPTED_DATA_LEN_RANGE
		}
		plain, err := key.Decrypt(rand.Reader, data, nil)
		if err != nil {
			return false, CKR_ENCRYPTED_DATA_INVALID
		}
		n = len(plain)
		if enough, err := fits(out, n); !enough {
			return true, err
		}
		copy(out, plain)
		return false, nil
	})
	return n, err
}
