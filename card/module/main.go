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
