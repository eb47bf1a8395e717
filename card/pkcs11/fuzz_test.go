package pkcs11

import (
	"testing"

	"github.com/igc-lab/igc/ca"
	"github.com/igc-lab/igc/card"
)

// FuzzCalls has a program without any sense call the module: each three bytes are a function, a
// handle or number, and a length. Whatever it does, it gets an answer of the standard, and the card
// keeps its keys.
func FuzzCalls(f *testing.F) {
	d := newDesk(f)
	c := d.card(ca.RSA2048, card.CPS4)
	slot := d.insert(c)
	for _, seed := range []string{"\x00\x01\x00", "\x00\x01\x00\x02\x01\x04\x05\x01\x00\x06\x03\x20", "\x00\x01\x06\x02\x01\x04\x09\x03\x01\x0a\x01\x10\x0b\x01\x00"} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, calls []byte) {
		d.CloseAllSessions(slot)
		if err := c.Unblock(card.DefaultUnblockingCode, "1234"); err != nil {
			t.Fatal(err)
		}
		h, err := d.OpenSession(slot, CKF_SERIAL_SESSION|CKF_RW_SESSION)
		if err != nil {
			t.Fatal(err)
		}
		for ; len(calls) >= 3; calls = calls[3:] {
			what, n, size := calls[0], uint(calls[1]), int(calls[2])
			data, out := make([]byte, size), make([]byte, 2*size)
			parameter := pssParameter(uint(CKM_SHA_1+16*(size%5)), n%5, uint(size))
			var err error
			switch what % 22 {
			case 0:
				_, err = d.OpenSession(n, uint(size))
			case 1:
				_, err = d.GetSessionInfo(n)
			case 2:
				err = d.Login(h, n, []byte("1234"))
			case 3:
				err = d.Logout(h)
			case 4:
				err = d.FindObjectsInit(h, []Attribute{{n, data}})
			case 5:
				_, err = d.FindObjects(h, n)
			case 6:
				err = d.FindObjectsFinal(h)
			case 7:
				_, _, err = d.GetAttributes(h, n, []uint{uint(size), CKA_PRIVATE_EXPONENT, CKA_VALUE})
			case 8:
				err = d.SetAttributes(h, n, []Attribute{{CKA_VALUE, data}})
			case 9:
				err = d.SignInit(h, uint(size%0x50), nil, n)
			case 10:
				err = d.SignInit(h, CKM_RSA_PKCS_PSS, parameter, n)
			case 11:
				_, err = d.Sign(h, &data, out)
			case 12:
				_, err = d.Sign(h, nil, out)
			case 13:
				err = d.SignUpdate(h, data)
			case 14:
				err = d.VerifyInit(h, uint(size%0x50), parameter[:3*longSize*int(n%2)], n)
			case 15:
				err = d.Verify(h, &data, out)
			case 16:
				err = d.EncryptInit(h, uint(size%4), nil, n)
			case 17:
				_, err = d.Encrypt(h, data, out)
			case 18:
				err = d.DigestInit(h, CKM_SHA_1+16*(n%8), nil)
			case 19:
				_, err = d.Digest(h, &data, out)
			case 20:
				err = d.DecryptInit(h, uint(size%4), nil, n)
			case 21:
				_, err = d.Decrypt(h, append(data, out...)[:min(256, 3*size)], out)
			}
			if err != nil {
				signs := what%22 == 11 || what%22 == 12 // CKR_GENERAL_ERROR is the Cryptolib's answer to CKM_SHA256_RSA_PKCS
				if rv := ReturnValue(err); rv == uint(CKR_GENERAL_ERROR) && !signs || rv == uint(CKR_DEVICE_ERROR) || rv == uint(CKR_FUNCTION_FAILED) {
					t.Fatalf("call %d of %d, %d: %v", what%22, n, size, err)
				}
			}
		}
		if _, err := c.Open("1234"); err != nil {
			t.Fatal(err)
		}
	})
}
