package main

// #include "cryptoki.h"
import "C"

import (
	"unsafe"

	"github.com/igc-lab/igc/card/pkcs11"
)

// most is more than any length that means something: a wrong one must not become a slice.
const most = 1 << 30

// in is what the caller gives.
func in(p *C.CK_BYTE, n C.CK_ULONG) ([]byte, error) {
	switch {
	case n == 0:
		return []byte{}, nil
	case p == nil || n > most:
		return nil, pkcs11.CKR_ARGUMENTS_BAD
	}
	return unsafe.Slice((*byte)(p), int(n)), nil
}

// list is an array that the caller gives.
func list[T any](p *T, n C.CK_ULONG) ([]T, error) {
	switch {
	case n == 0:
		return nil, nil
	case p == nil || n > most/64:
		return nil, pkcs11.CKR_ARGUMENTS_BAD
	}
	return unsafe.Slice(p, int(n)), nil
}

// out has do fill the caller's buffer, which is nil when only the size is asked for.
func out(p *C.CK_BYTE, n *C.CK_ULONG, do func(buffer []byte) (int, error)) error {
	if n == nil {
		return pkcs11.CKR_ARGUMENTS_BAD
	}
	var buffer []byte
	if p != nil {
		buffer = unsafe.Slice((*byte)(p), int(min(*n, most)))
	}
	size, err := do(buffer)
	if err == nil || err == pkcs11.CKR_BUFFER_TOO_SMALL {
		*n = C.CK_ULONG(size)
	}
	return err
}

// fill copies IDs to the caller's array, by the same rule.
func fill(p *C.CK_ULONG, n *C.CK_ULONG, ids []uint, err error) error {
	if err != nil {
		return err
	}
	if n == nil {
		return pkcs11.CKR_ARGUMENTS_BAD
	}
	space := *n
	*n = C.CK_ULONG(len(ids))
	if p == nil {
		return nil
	}
	if int(min(space, most)) < len(ids) {
		return pkcs11.CKR_BUFFER_TOO_SMALL
	}
	array := unsafe.Slice(p, len(ids))
	for i, id := range ids {
		array[i] = C.CK_ULONG(id)
	}
	return nil
}

// pad writes text as PKCS#11 does: filled with blanks, no zero at the end.
func pad(to []C.CK_UTF8CHAR, text string) {
	for i := range to {
		to[i] = ' '
		if i < len(text) {
			to[i] = C.CK_UTF8CHAR(text[i])
		}
	}
}

// mechanism reads a CK_MECHANISM.
func mechanism(m *C.CK_MECHANISM) (id uint, parameter []byte, err error) {
	if m == nil {
		return 0, nil, pkcs11.CKR_ARGUMENTS_BAD
	}
	parameter, err = in((*C.CK_BYTE)(m.pParameter), m.ulParameterLen)
	return uint(m.mechanism), parameter, err
}

// template reads what attributes are given.
func template(t *C.CK_ATTRIBUTE, count C.CK_ULONG) ([]pkcs11.Attribute, error) {
	attributes, err := list(t, count)
	if err != nil {
		return nil, err
	}
	var all []pkcs11.Attribute
	for _, a := range attributes {
		value, err := in((*C.CK_BYTE)(a.pValue), a.ulValueLen)
		if err != nil {
			return nil, err
		}
		all = append(all, pkcs11.Attribute{Type: uint(a._type), Value: value})
	}
	return all, nil
}
