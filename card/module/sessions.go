package main

// #include "cryptoki.h"
import "C"

import (
	"unsafe"

	"github.com/igc-lab/igc/card/pkcs11"
)

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
