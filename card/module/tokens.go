package main

// #include "cryptoki.h"
import "C"

import (
	"unsafe"

	"github.com/igc-lab/igc/card/pkcs11"
)

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
