// Package main is libigc-cps.so: the PKCS#11 module of the lab's virtual cards, for browsers, Java,
// OpenSSL and whoever reads cards through such a module. make module builds it. What it does is in
// card/pkcs11; here are C's pointers and structures.
package main

// #cgo CFLAGS: -fvisibility=hidden -std=gnu11 -Wall
// #cgo linux LDFLAGS: -ldl -lpthread
// #include <stdlib.h>
// #include "cryptoki.h"
import "C"

import (
	"os"
	"path/filepath"
	"sync"
	"unsafe"

	"github.com/igc-lab/igc/card/pkcs11"
	"github.com/igc-lab/igc/internal/home"
)

func main() {} // a library has none, and Go wants one

// module is made by the first C_Initialize: where the lab is may be said until then.
var module struct {
	sync.Mutex
	*pkcs11.Module
}

// labHome is $IGC_HOME, else the home in whose folder "module" this library was installed: a
// browser that is started from a menu has no such variable. Else it is where labs are.
func labHome() (string, error) {
	getenv := func(name string) string {
		c := C.CString(name)
		defer C.free(unsafe.Pointer(c))
		return C.GoString(C.getenv(c))
	}
	if getenv("IGC_HOME") == "" {
		if path := C.GoString(C.module_path()); path != "" {
			up := filepath.Dir(filepath.Dir(path))
			if _, err := os.Stat(filepath.Join(up, "igc.yaml")); err == nil {
				return up, nil
			}
		}
	}
	return home.Default(getenv)
}

// answer gives C the return value. What should never panic must not take a browser with it.
func answer(do func() error) (rv C.CK_RV) {
	defer func() {
		if recover() != nil {
			rv = C.CK_RV(pkcs11.CKR_GENERAL_ERROR)
		}
	}()
	return C.CK_RV(pkcs11.ReturnValue(do()))
}

// with answers of a module that was initialised once.
func with(do func(m *pkcs11.Module) error) C.CK_RV {
	return answer(func() error {
		module.Lock()
		m := module.Module
		module.Unlock()
		if m == nil {
			return pkcs11.CKR_CRYPTOKI_NOT_INITIALIZED
		}
		return do(m)
	})
}

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

//export goC_Initialize
func goC_Initialize(args unsafe.Pointer) C.CK_RV {
	// CKF_LIBRARY_CANT_CREATE_OS_THREADS is passed over: p11-kit, and so GnuTLS, sets it always,
	// and the threads that Go lives on have been there since the library was loaded.
	const osLocking = 2
	return answer(func() error {
		if a := (*C.CK_C_INITIALIZE_ARGS)(args); a != nil {
			given := 0
			for _, function := range []bool{a.CreateMutex != nil, a.DestroyMutex != nil, a.LockMutex != nil, a.UnlockMutex != nil} {
				if function {
					given++
				}
			}
			switch {
			case a.pReserved != nil, given != 0 && given != 4:
				return pkcs11.CKR_ARGUMENTS_BAD
			case given == 4 && a.flags&osLocking == 0:
				return pkcs11.CKR_CANT_LOCK // Go's locks are the system's, not the caller's
			}
		}
		module.Lock()
		defer module.Unlock()
		if module.Module == nil {
			dir, err := labHome()
			if err != nil {
				return err
			}
			module.Module = pkcs11.New(dir)
		}
		return module.Initialize()
	})
}

//export goC_Finalize
func goC_Finalize(reserved unsafe.Pointer) C.CK_RV {
	return with(func(m *pkcs11.Module) error {
		if reserved != nil {
			return pkcs11.CKR_ARGUMENTS_BAD
		}
		return m.Finalize()
	})
}

//export goC_GetInfo
func goC_GetInfo(info *C.CK_INFO) C.CK_RV {
	return with(func(m *pkcs11.Module) error {
		i, err := m.GetInfo()
		if err != nil {
			return err
		}
		if info == nil {
			return pkcs11.CKR_ARGUMENTS_BAD
		}
		*info = C.CK_INFO{cryptokiVersion: C.CK_VERSION{2, 40}, libraryVersion: C.CK_VERSION{C.CK_BYTE(i.Major), C.CK_BYTE(i.Minor)}}
		pad(info.manufacturerID[:], i.Manufacturer)
		pad(info.libraryDescription[:], i.Description)
		return nil
	})
}

//export goC_GetSlotList
func goC_GetSlotList(present C.CK_BBOOL, slots *C.CK_SLOT_ID, count *C.CK_ULONG) C.CK_RV {
	return with(func(m *pkcs11.Module) error {
		ids, err := m.GetSlotList(present != 0)
		return fill((*C.CK_ULONG)(slots), count, ids, err)
	})
}

//export goC_GetSlotInfo
func goC_GetSlotInfo(slot C.CK_SLOT_ID, info *C.CK_SLOT_INFO) C.CK_RV {
	return with(func(m *pkcs11.Module) error {
		i, err := m.GetSlotInfo(uint(slot))
		if err != nil {
			return err
		}
		if info == nil {
			return pkcs11.CKR_ARGUMENTS_BAD
		}
		*info = C.CK_SLOT_INFO{flags: C.CK_FLAGS(i.Flags)}
		pad(info.slotDescription[:], i.Description)
		pad(info.manufacturerID[:], "")
		return nil
	})
}

//export goC_GetTokenInfo
func goC_GetTokenInfo(slot C.CK_SLOT_ID, info *C.CK_TOKEN_INFO) C.CK_RV {
	return with(func(m *pkcs11.Module) error {
		i, err := m.GetTokenInfo(uint(slot))
		if err != nil {
			return err
		}
		if info == nil {
			return pkcs11.CKR_ARGUMENTS_BAD
		}
		unknown := ^C.CK_ULONG(0)
		*info = C.CK_TOKEN_INFO{flags: C.CK_FLAGS(i.Flags), ulSessionCount: C.CK_ULONG(i.Sessions), ulRwSessionCount: C.CK_ULONG(i.RWSessions),
			ulMaxPinLen: 8, ulMinPinLen: 4, ulTotalPublicMemory: unknown, ulFreePublicMemory: unknown, ulTotalPrivateMemory: unknown,
			ulFreePrivateMemory: unknown}
		pad(info.label[:], i.Label)
		pad(info.manufacturerID[:], i.Manufacturer)
		pad(info.model[:], i.Model)
		pad(info.serialNumber[:], i.Serial)
		return nil
	})
}

//export goC_GetMechanismList
func goC_GetMechanismList(slot C.CK_SLOT_ID, mechanisms *C.CK_MECHANISM_TYPE, count *C.CK_ULONG) C.CK_RV {
	return with(func(m *pkcs11.Module) error {
		ids, err := m.GetMechanismList(uint(slot))
		return fill((*C.CK_ULONG)(mechanisms), count, ids, err)
	})
}

//export goC_GetMechanismInfo
func goC_GetMechanismInfo(slot C.CK_SLOT_ID, id C.CK_MECHANISM_TYPE, info *C.CK_MECHANISM_INFO) C.CK_RV {
	return with(func(m *pkcs11.Module) error {
		least, most, flags, err := m.GetMechanismInfo(uint(slot), uint(id))
		if err != nil {
			return err
		}
		if info == nil {
			return pkcs11.CKR_ARGUMENTS_BAD
		}
		*info = C.CK_MECHANISM_INFO{C.CK_ULONG(least), C.CK_ULONG(most), C.CK_FLAGS(flags)}
		return nil
	})
}

//export goC_InitToken
func goC_InitToken(slot C.CK_SLOT_ID, pin *C.CK_UTF8CHAR, size C.CK_ULONG, label *C.CK_UTF8CHAR) C.CK_RV {
	return with(func(m *pkcs11.Module) error {
		if _, err := m.GetTokenInfo(uint(slot)); err != nil {
			return err
		}
		return pkcs11.CKR_FUNCTION_NOT_SUPPORTED
	})
}

//export goC_InitPIN
func goC_InitPIN(h C.CK_SESSION_HANDLE, pin *C.CK_UTF8CHAR, size C.CK_ULONG) C.CK_RV {
	return with(func(m *pkcs11.Module) error {
		p, err := in(pin, size)
		if err != nil {
			return err
		}
		return m.InitPIN(uint(h), p)
	})
}

//export goC_SetPIN
func goC_SetPIN(h C.CK_SESSION_HANDLE, was *C.CK_UTF8CHAR, wasSize C.CK_ULONG, pin *C.CK_UTF8CHAR, size C.CK_ULONG) C.CK_RV {
	return with(func(m *pkcs11.Module) error {
		before, err := in(was, wasSize)
		if err != nil {
			return err
		}
		after, err := in(pin, size)
		if err != nil {
			return err
		}
		return m.SetPIN(uint(h), before, after)
	})
}

//export goC_OpenSession
func goC_OpenSession(slot C.CK_SLOT_ID, flags C.CK_FLAGS, application unsafe.Pointer, notify C.CK_NOTIFY, h *C.CK_SESSION_HANDLE) C.CK_RV {
	return with(func(m *pkcs11.Module) error {
		if h == nil {
			return pkcs11.CKR_ARGUMENTS_BAD
		}
		handle, err := m.OpenSession(uint(slot), uint(flags))
		if err == nil {
			*h = C.CK_SESSION_HANDLE(handle)
		}
		return err
	})
}

//export goC_CloseSession
func goC_CloseSession(h C.CK_SESSION_HANDLE) C.CK_RV {
	return with(func(m *pkcs11.Module) error { return m.CloseSession(uint(h)) })
}

//export goC_CloseAllSessions
func goC_CloseAllSessions(slot C.CK_SLOT_ID) C.CK_RV {
	return with(func(m *pkcs11.Module) error { return m.CloseAllSessions(uint(slot)) })
}

//export goC_GetSessionInfo
func goC_GetSessionInfo(h C.CK_SESSION_HANDLE, info *C.CK_SESSION_INFO) C.CK_RV {
	return with(func(m *pkcs11.Module) error {
		i, err := m.GetSessionInfo(uint(h))
		if err != nil {
			return err
		}
		if info == nil {
			return pkcs11.CKR_ARGUMENTS_BAD
		}
		*info = C.CK_SESSION_INFO{slotID: C.CK_SLOT_ID(i.Slot), state: C.CK_STATE(i.State), flags: C.CK_FLAGS(i.Flags)}
		return nil
	})
}

//export goC_Login
func goC_Login(h C.CK_SESSION_HANDLE, user C.CK_USER_TYPE, pin *C.CK_UTF8CHAR, size C.CK_ULONG) C.CK_RV {
	return with(func(m *pkcs11.Module) error {
		p, err := in(pin, size)
		if err != nil {
			return err
		}
		return m.Login(uint(h), uint(user), p)
	})
}

//export goC_Logout
func goC_Logout(h C.CK_SESSION_HANDLE) C.CK_RV {
	return with(func(m *pkcs11.Module) error { return m.Logout(uint(h)) })
}

//export goC_GetAttributeValue
func goC_GetAttributeValue(h C.CK_SESSION_HANDLE, object C.CK_OBJECT_HANDLE, t *C.CK_ATTRIBUTE, count C.CK_ULONG) C.CK_RV {
	return with(func(m *pkcs11.Module) error {
		attributes, err := list(t, count)
		if err != nil {
			return err
		}
		if len(attributes) == 0 {
			return pkcs11.CKR_ARGUMENTS_BAD
		}
		types := make([]uint, len(attributes))
		for i := range attributes {
			types[i] = uint(attributes[i]._type)
		}
		values, refusals, err := m.GetAttributes(uint(h), uint(object), types)
		if err != nil {
			return err
		}
		// every attribute gets its value or its refusal; when several are refused, the function may
		// return the code of any one of them (PKCS#11 v2.40 §5.7)
		for i := range attributes {
			a := &attributes[i]
			switch {
			case refusals[i] != nil:
				err, a.ulValueLen = refusals[i], ^C.CK_ULONG(0)
			case a.pValue == nil:
				a.ulValueLen = C.CK_ULONG(len(values[i]))
			case a.ulValueLen < C.CK_ULONG(len(values[i])):
				err, a.ulValueLen = pkcs11.CKR_BUFFER_TOO_SMALL, ^C.CK_ULONG(0)
			default:
				copy(unsafe.Slice((*byte)(a.pValue), len(values[i])), values[i])
				a.ulValueLen = C.CK_ULONG(len(values[i]))
			}
		}
		return err
	})
}

//export goC_SetAttributeValue
func goC_SetAttributeValue(h C.CK_SESSION_HANDLE, object C.CK_OBJECT_HANDLE, t *C.CK_ATTRIBUTE, count C.CK_ULONG) C.CK_RV {
	return with(func(m *pkcs11.Module) error {
		attributes, err := template(t, count)
		if err != nil {
			return err
		}
		return m.SetAttributes(uint(h), uint(object), attributes)
	})
}

//export goC_FindObjectsInit
func goC_FindObjectsInit(h C.CK_SESSION_HANDLE, t *C.CK_ATTRIBUTE, count C.CK_ULONG) C.CK_RV {
	return with(func(m *pkcs11.Module) error {
		attributes, err := template(t, count)
		if err != nil {
			return err
		}
		return m.FindObjectsInit(uint(h), attributes)
	})
}

//export goC_FindObjects
func goC_FindObjects(h C.CK_SESSION_HANDLE, objects *C.CK_OBJECT_HANDLE, most C.CK_ULONG, count *C.CK_ULONG) C.CK_RV {
	return with(func(m *pkcs11.Module) error {
		if count == nil || objects == nil && most > 0 {
			return pkcs11.CKR_ARGUMENTS_BAD
		}
		found, err := m.FindObjects(uint(h), uint(most))
		if err != nil {
			return err
		}
		*count = most
		return fill((*C.CK_ULONG)(objects), count, found, nil)
	})
}

//export goC_FindObjectsFinal
func goC_FindObjectsFinal(h C.CK_SESSION_HANDLE) C.CK_RV {
	return with(func(m *pkcs11.Module) error { return m.FindObjectsFinal(uint(h)) })
}

//export goC_EncryptInit
func goC_EncryptInit(h C.CK_SESSION_HANDLE, m *C.CK_MECHANISM, key C.CK_OBJECT_HANDLE) C.CK_RV {
	return begin(m, func(to *pkcs11.Module, id uint, parameter []byte) error {
		return to.EncryptInit(uint(h), id, parameter, uint(key))
	})
}

//export goC_Encrypt
func goC_Encrypt(h C.CK_SESSION_HANDLE, data *C.CK_BYTE, size C.CK_ULONG, p *C.CK_BYTE, n *C.CK_ULONG) C.CK_RV {
	return whole(h, pkcs11.Encrypting, data, size, p, n, func(m *pkcs11.Module, data, buffer []byte) (int, error) { return m.Encrypt(uint(h), data, buffer) })
}

//export goC_DecryptInit
func goC_DecryptInit(h C.CK_SESSION_HANDLE, m *C.CK_MECHANISM, key C.CK_OBJECT_HANDLE) C.CK_RV {
	return begin(m, func(to *pkcs11.Module, id uint, parameter []byte) error {
		return to.DecryptInit(uint(h), id, parameter, uint(key))
	})
}

//export goC_Decrypt
func goC_Decrypt(h C.CK_SESSION_HANDLE, data *C.CK_BYTE, size C.CK_ULONG, p *C.CK_BYTE, n *C.CK_ULONG) C.CK_RV {
	return whole(h, pkcs11.Decrypting, data, size, p, n, func(m *pkcs11.Module, data, buffer []byte) (int, error) { return m.Decrypt(uint(h), data, buffer) })
}

//export goC_DigestInit
func goC_DigestInit(h C.CK_SESSION_HANDLE, m *C.CK_MECHANISM) C.CK_RV {
	return begin(m, func(to *pkcs11.Module, id uint, parameter []byte) error { return to.DigestInit(uint(h), id, parameter) })
}

//export goC_Digest
func goC_Digest(h C.CK_SESSION_HANDLE, data *C.CK_BYTE, size C.CK_ULONG, p *C.CK_BYTE, n *C.CK_ULONG) C.CK_RV {
	return whole(h, pkcs11.Digesting, data, size, p, n, func(m *pkcs11.Module, data, buffer []byte) (int, error) { return m.Digest(uint(h), &data, buffer) })
}

//export goC_DigestUpdate
func goC_DigestUpdate(h C.CK_SESSION_HANDLE, data *C.CK_BYTE, size C.CK_ULONG) C.CK_RV {
	return update(h, pkcs11.Digesting, data, size, func(m *pkcs11.Module, data []byte) error { return m.DigestUpdate(uint(h), data) })
}

//export goC_DigestFinal
func goC_DigestFinal(h C.CK_SESSION_HANDLE, p *C.CK_BYTE, n *C.CK_ULONG) C.CK_RV {
	return during(h, pkcs11.Digesting, func(m *pkcs11.Module) error {
		return out(p, n, func(buffer []byte) (int, error) { return m.Digest(uint(h), nil, buffer) })
	})
}

//export goC_SignInit
func goC_SignInit(h C.CK_SESSION_HANDLE, m *C.CK_MECHANISM, key C.CK_OBJECT_HANDLE) C.CK_RV {
	return begin(m, func(to *pkcs11.Module, id uint, parameter []byte) error {
		return to.SignInit(uint(h), id, parameter, uint(key))
	})
}

//export goC_Sign
func goC_Sign(h C.CK_SESSION_HANDLE, data *C.CK_BYTE, size C.CK_ULONG, p *C.CK_BYTE, n *C.CK_ULONG) C.CK_RV {
	return whole(h, pkcs11.Signing, data, size, p, n, func(m *pkcs11.Module, data, buffer []byte) (int, error) { return m.Sign(uint(h), &data, buffer) })
}

//export goC_SignUpdate
func goC_SignUpdate(h C.CK_SESSION_HANDLE, data *C.CK_BYTE, size C.CK_ULONG) C.CK_RV {
	return update(h, pkcs11.Signing, data, size, func(m *pkcs11.Module, data []byte) error { return m.SignUpdate(uint(h), data) })
}

//export goC_SignFinal
func goC_SignFinal(h C.CK_SESSION_HANDLE, p *C.CK_BYTE, n *C.CK_ULONG) C.CK_RV {
	return during(h, pkcs11.Signing, func(m *pkcs11.Module) error {
		return out(p, n, func(buffer []byte) (int, error) { return m.Sign(uint(h), nil, buffer) })
	})
}

//export goC_VerifyInit
func goC_VerifyInit(h C.CK_SESSION_HANDLE, m *C.CK_MECHANISM, key C.CK_OBJECT_HANDLE) C.CK_RV {
	return begin(m, func(to *pkcs11.Module, id uint, parameter []byte) error {
		return to.VerifyInit(uint(h), id, parameter, uint(key))
	})
}

//export goC_Verify
func goC_Verify(h C.CK_SESSION_HANDLE, data *C.CK_BYTE, size C.CK_ULONG, signature *C.CK_BYTE, length C.CK_ULONG) C.CK_RV {
	return update(h, pkcs11.Verifying, data, size, func(m *pkcs11.Module, data []byte) error {
		s, err := in(signature, length)
		if err != nil {
			return err
		}
		return m.Verify(uint(h), &data, s)
	})
}

//export goC_VerifyUpdate
func goC_VerifyUpdate(h C.CK_SESSION_HANDLE, data *C.CK_BYTE, size C.CK_ULONG) C.CK_RV {
	return update(h, pkcs11.Verifying, data, size, func(m *pkcs11.Module, data []byte) error { return m.VerifyUpdate(uint(h), data) })
}

//export goC_VerifyFinal
func goC_VerifyFinal(h C.CK_SESSION_HANDLE, signature *C.CK_BYTE, length C.CK_ULONG) C.CK_RV {
	return update(h, pkcs11.Verifying, signature, length, func(m *pkcs11.Module, s []byte) error { return m.Verify(uint(h), nil, s) })
}

// begin starts an operation.
func begin(m *C.CK_MECHANISM, do func(to *pkcs11.Module, id uint, parameter []byte) error) C.CK_RV {
	return with(func(to *pkcs11.Module) error {
		id, parameter, err := mechanism(m)
		if err != nil {
			return err
		}
		return do(to, id, parameter)
	})
}

// during gets on with an operation, which arguments that cannot be read end.
func during(h C.CK_SESSION_HANDLE, kind int, do func(m *pkcs11.Module) error) C.CK_RV {
	return with(func(m *pkcs11.Module) error {
		err := do(m)
		if err == pkcs11.CKR_ARGUMENTS_BAD {
			m.End(uint(h), kind)
		}
		return err
	})
}

// update feeds an operation.
func update(h C.CK_SESSION_HANDLE, kind int, data *C.CK_BYTE, size C.CK_ULONG, do func(m *pkcs11.Module, data []byte) error) C.CK_RV {
	return during(h, kind, func(m *pkcs11.Module) error {
		d, err := in(data, size)
		if err != nil {
			return err
		}
		return do(m, d)
	})
}

// whole does an operation of a single part.
func whole(h C.CK_SESSION_HANDLE, kind int, data *C.CK_BYTE, size C.CK_ULONG, p *C.CK_BYTE, n *C.CK_ULONG,
	do func(m *pkcs11.Module, data, buffer []byte) (int, error)) C.CK_RV {
	return update(h, kind, data, size, func(m *pkcs11.Module, data []byte) error {
		return out(p, n, func(buffer []byte) (int, error) { return do(m, data, buffer) })
	})
}

//export goC_SeedRandom
func goC_SeedRandom(h C.CK_SESSION_HANDLE, seed *C.CK_BYTE, size C.CK_ULONG) C.CK_RV {
	return with(func(m *pkcs11.Module) error { return m.SeedRandom(uint(h)) })
}

//export goC_GenerateRandom
func goC_GenerateRandom(h C.CK_SESSION_HANDLE, p *C.CK_BYTE, size C.CK_ULONG) C.CK_RV {
	return with(func(m *pkcs11.Module) error {
		buffer, err := in(p, size)
		if err != nil {
			return err
		}
		return m.GenerateRandom(uint(h), buffer)
	})
}

//export goC_GetFunctionStatus
func goC_GetFunctionStatus(h C.CK_SESSION_HANDLE) C.CK_RV { return notParallel(h) }

//export goC_CancelFunction
func goC_CancelFunction(h C.CK_SESSION_HANDLE) C.CK_RV { return notParallel(h) }

func notParallel(h C.CK_SESSION_HANDLE) C.CK_RV {
	return with(func(m *pkcs11.Module) error {
		if err := m.Check(uint(h)); err != nil {
			return err
		}
		return pkcs11.CKR_FUNCTION_NOT_PARALLEL
	})
}

//export goC_WaitForSlotEvent
func goC_WaitForSlotEvent(flags C.CK_FLAGS, slot *C.CK_SLOT_ID, reserved unsafe.Pointer) C.CK_RV {
	return with(func(m *pkcs11.Module) error {
		if slot == nil || reserved != nil {
			return pkcs11.CKR_ARGUMENTS_BAD
		}
		id, err := m.WaitForSlotEvent(flags&pkcs11.CKF_DONT_BLOCK == 0)
		if err == nil {
			*slot = C.CK_SLOT_ID(id)
		}
		return err
	})
}
