package pkcs11

import "github.com/igc-lab/igc/card"

// Attribute is CK_ATTRIBUTE.
type Attribute struct {
	Type  uint
	Value []byte
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
