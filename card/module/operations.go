package main

// #include "cryptoki.h"
import "C"

import "github.com/igc-lab/igc/card/pkcs11"

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
