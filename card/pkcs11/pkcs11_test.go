package pkcs11

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/rsa"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/sha512"
	"crypto/x509"
	"errors"
	"math/big"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/igc-lab/igc/ca"
	"github.com/igc-lab/igc/card"
	"github.com/igc-lab/igc/internal/cardtest"
)

// desk is a module with cards to put before it.
type desk struct {
	*Module
	t   testing.TB
	lab *cardtest.Lab
}

func newDesk(t testing.TB) *desk {
	t.Helper()
	lab := cardtest.New(t)
	d := &desk{New(lab.Home), t, lab}
	d.pollInterval = time.Millisecond
	if err := d.Initialize(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { d.Finalize() })
	return d
}

// card issues a card that plays this chip, with PIN 1234.
func (d *desk) card(key ca.KeyPolicy, g card.ChipType) *card.Card {
	d.t.Helper()
	c, err := card.Read(d.lab.Issue(key, "1234"))
	if err == nil {
		err = c.SetChipType(g)
	}
	if err != nil {
		d.t.Fatal(err)
	}
	return c
}

func (d *desk) insert(c *card.Card) uint {
	d.t.Helper()
	in, err := d.readers.Insert(c)
	if err != nil {
		d.t.Fatal(err)
	}
	return uint(in.Reader - 1)
}

func (d *desk) remove(c *card.Card) {
	d.t.Helper()
	if err := d.readers.Remove(c); err != nil {
		d.t.Fatal(err)
	}
}

func (d *desk) open(slot uint) uint {
	d.t.Helper()
	h, err := d.OpenSession(slot, CKF_SERIAL_SESSION|CKF_RW_SESSION)
	if err != nil {
		d.t.Fatal(err)
	}
	return h
}

// find wants exactly one object of the class and label.
func (d *desk) find(h, class uint, label string) uint {
	d.t.Helper()
	if err := d.FindObjectsInit(h, []Attribute{{CKA_CLASS, long(class)}, {CKA_LABEL, []byte(label)}}); err != nil {
		d.t.Fatal(err)
	}
	defer d.FindObjectsFinal(h)
	found, err := d.FindObjects(h, 10)
	if err != nil || len(found) != 1 {
		d.t.Fatalf("%q: %v, %v", label, found, err)
	}
	return found[0]
}

func (d *desk) must(err error) {
	d.t.Helper()
	if err != nil {
		d.t.Fatal(err)
	}
}

func wants(t testing.TB, what string, got error, want RV) {
	t.Helper()
	if ReturnValue(got) != uint(want) {
		t.Errorf("%s: %v, want %v", what, got, want)
	}
}

func pssParameter(hash, mgf, salt uint) []byte {
	return append(append(long(hash), long(mgf)...), long(salt)...)
}

// What each key signs after one login, or answers instead: as the Cryptolib 5.2.2 did with the same
// chips. Go verifies.
func TestSignatures(t *testing.T) {
	d := newDesk(t)
	data := []byte("à signer")
	sum1, sum256, sum384 := sha1.Sum(data), sha256.Sum256(data), sha512.Sum384(data)
	info := append([]byte{0x30, 0x31, 0x30, 0x0d, 0x06, 0x09, 0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x01, 0x05, 0x00, 0x04, 0x20}, sum256[:]...)
	info384 := []byte{0x30, 0x41, 0x30, 0x0d, 0x06, 0x09, 0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x02, 0x05, 0x00, 0x04, 0x30}
	pkcs1 := func(hash crypto.Hash, digest []byte) func(any, []byte) bool {
		return func(key any, s []byte) bool { return rsa.VerifyPKCS1v15(key.(*rsa.PublicKey), hash, digest, s) == nil }
	}
	isPSS := func(hash crypto.Hash, digest []byte) func(any, []byte) bool {
		return func(key any, s []byte) bool {
			return rsa.VerifyPSS(key.(*rsa.PublicKey), hash, digest, s, &rsa.PSSOptions{SaltLength: hash.Size()}) == nil
		}
	}
	isECDSA := func(key any, s []byte) bool {
		return len(s) == 64 && ecdsa.Verify(key.(*ecdsa.PublicKey), sum256[:], new(big.Int).SetBytes(s[:32]), new(big.Int).SetBytes(s[32:]))
	}
	cps3, cps4, ec := d.card(ca.RSA2048, card.CPS3), d.card(ca.RSA2048, card.CPS4), d.card(ca.P256, card.CPS3)
	rsa256, pss1, pss256 := pkcs1(crypto.SHA256, sum256[:]), isPSS(crypto.SHA1, sum1[:]), isPSS(crypto.SHA256, sum256[:])
	for _, test := range []struct {
		name      string
		card      *card.Card
		mechanism uint
		parameter []byte
		data      []byte

		init, authentication, signature RV // of C_SignInit, and of C_Sign with either key
		good                            func(key any, signature []byte) bool
	}{
		{"CPS3 DigestInfo", cps3, CKM_RSA_PKCS, nil, info, 0, 0, 0, rsa256},
		{"CPS3 SHA-384", cps3, CKM_RSA_PKCS, nil, sum384[:], 0, 0, CKR_DATA_INVALID, pkcs1(0, sum384[:])},
		{"CPS3 SHA-384 in its DigestInfo", cps3, CKM_RSA_PKCS, nil, append(info384, sum384[:]...), 0, 0, CKR_KEY_TYPE_INCONSISTENT, pkcs1(crypto.SHA384, sum384[:])},
		{"CPS4 SHA-384 in its DigestInfo", cps4, CKM_RSA_PKCS, nil, append(info384, sum384[:]...), 0, 0, CKR_DATA_INVALID, pkcs1(crypto.SHA384, sum384[:])},
		{"CPS3 too long", cps3, CKM_RSA_PKCS, nil, make([]byte, 246), 0, CKR_DATA_LEN_RANGE, CKR_DATA_INVALID, nil},
		{"CPS3 SHA256-RSA-PKCS", cps3, CKM_SHA256_RSA_PKCS, nil, data, 0, CKR_KEY_TYPE_INCONSISTENT, 0, rsa256},
		{"CPS3 SHA1-RSA-PKCS", cps3, CKM_SHA1_RSA_PKCS, nil, data, 0, CKR_KEY_TYPE_INCONSISTENT, 0, pkcs1(crypto.SHA1, sum1[:])},
		{"CPS3 raw RSA", cps3, CKM_RSA_X_509, nil, make([]byte, 256), 0, CKR_FUNCTION_NOT_SUPPORTED, CKR_FUNCTION_NOT_SUPPORTED, nil},
		{"CPS3 PSS", cps3, CKM_RSA_PKCS_PSS, pssParameter(CKM_SHA256, 2, 32), sum256[:], CKR_MECHANISM_INVALID, 0, 0, nil},
		{"CPS3 SHA256-PSS", cps3, CKM_SHA256_RSA_PKCS_PSS, pssParameter(CKM_SHA256, 2, 32), data, CKR_MECHANISM_INVALID, 0, 0, nil},
		{"CPS3 ECDSA", cps3, CKM_ECDSA, nil, sum256[:], CKR_MECHANISM_INVALID, 0, 0, nil},
		{"a parameter too many", cps3, CKM_RSA_PKCS, []byte{1}, info, CKR_MECHANISM_PARAM_INVALID, 0, 0, nil},
		{"CPS4 DigestInfo", cps4, CKM_RSA_PKCS, nil, info, 0, 0, 0, rsa256},
		{"CPS4 SHA256-RSA-PKCS", cps4, CKM_SHA256_RSA_PKCS, nil, data, 0, CKR_GENERAL_ERROR, 0, rsa256},
		{"CPS4 raw RSA", cps4, CKM_RSA_X_509, nil, make([]byte, 256), 0, CKR_FUNCTION_NOT_SUPPORTED, CKR_FUNCTION_NOT_SUPPORTED, nil},
		{"CPS4 PSS", cps4, CKM_RSA_PKCS_PSS, pssParameter(CKM_SHA256, 2, 32), sum256[:], 0, 0, 0, pss256},
		{"CPS4 PSS, SHA-1", cps4, CKM_RSA_PKCS_PSS, pssParameter(CKM_SHA_1, 1, 20), sum1[:], 0, 0, 0, pss1},
		{"CPS4 SHA1-PSS", cps4, CKM_SHA1_RSA_PKCS_PSS, pssParameter(CKM_SHA_1, 1, 20), data, 0, 0, 0, pss1},
		{"CPS4 SHA256-PSS", cps4, CKM_SHA256_RSA_PKCS_PSS, pssParameter(CKM_SHA256, 2, 32), data, 0, 0, 0, pss256},
		{"CPS4 PSS, no salt", cps4, CKM_RSA_PKCS_PSS, pssParameter(CKM_SHA256, 2, 0), sum256[:], 0, 0, 0, pss256},
		{"CPS4 PSS, another salt", cps4, CKM_RSA_PKCS_PSS, pssParameter(CKM_SHA256, 2, 222), sum256[:], 0, 0, 0, pss256},
		{"CPS4 PSS, absurd salt", cps4, CKM_RSA_PKCS_PSS, pssParameter(CKM_SHA256, 2, ^uint(0)), sum256[:], 0, 0, 0, pss256},
		{"CPS4 PSS, another mask", cps4, CKM_RSA_PKCS_PSS, pssParameter(CKM_SHA256, 1, 32), sum256[:], 0, 0, 0, pss256},
		{"CPS4 PSS, DigestInfo", cps4, CKM_RSA_PKCS_PSS, pssParameter(CKM_SHA256, 2, 32), info, 0, CKR_DATA_INVALID, 0, pss256},
		{"CPS4 PSS of another length", cps4, CKM_RSA_PKCS_PSS, pssParameter(CKM_SHA256, 2, 32), sum1[:], 0, CKR_DATA_INVALID, CKR_DATA_INVALID, nil},
		{"CPS4 PSS, SHA-384", cps4, CKM_RSA_PKCS_PSS, pssParameter(CKM_SHA384, 3, 48), sum384[:], CKR_MECHANISM_PARAM_INVALID, 0, 0, nil},
		{"CPS4 PSS, no parameter", cps4, CKM_RSA_PKCS_PSS, nil, sum256[:], CKR_MECHANISM_PARAM_INVALID, 0, 0, nil},
		{"EC", ec, CKM_ECDSA, nil, sum256[:], 0, 0, 0, isECDSA},
		{"EC SHA256", ec, CKM_ECDSA_SHA256, nil, data, 0, 0, 0, isECDSA},
		{"EC RSA", ec, CKM_RSA_PKCS, nil, info, CKR_MECHANISM_INVALID, 0, 0, nil},
	} {
		t.Run(test.name, func(t *testing.T) {
			d := &desk{d.Module, t, d.lab}
			slot := d.insert(test.card)
			defer d.remove(test.card)
			h := d.open(slot)
			d.must(d.Login(h, CKU_USER, []byte("1234")))
			for _, cert := range test.card.Certificates {
				private := d.find(h, CKO_PRIVATE_KEY, cert.Private)
				err := d.SignInit(h, test.mechanism, test.parameter, private)
				wants(t, "SignInit", err, test.init)
				if err != nil {
					continue
				}
				want := test.authentication
				if cert.Role == "signature" {
					want = test.signature
				}
				n, err := d.Sign(h, &test.data, nil)
				d.must(err)
				out := make([]byte, n)
				_, err = d.Sign(h, &test.data, out[:n-1])
				wants(t, "a buffer too small", err, CKR_BUFFER_TOO_SMALL)
				_, err = d.Sign(h, &test.data, out)
				wants(t, cert.Role+", Sign", err, want)
				_, again := d.Sign(h, &test.data, out)
				wants(t, "a second time", again, CKR_OPERATION_NOT_INITIALIZED)
				if err != nil || test.good == nil {
					continue
				}
				if !test.good(cert.Public, out) {
					t.Errorf("%s: the signature is wrong", cert.Role)
				}

				// in parts, as long as a hash takes them
				d.must(d.SignInit(h, test.mechanism, test.parameter, private))
				d.must(d.SignUpdate(h, test.data[:3]))
				d.must(d.SignUpdate(h, test.data[3:]))
				n, err = d.Sign(h, nil, nil)
				d.must(err)
				_, err = d.Sign(h, nil, out[:n])
				d.must(err)
				if !test.good(cert.Public, out[:n]) {
					t.Errorf("%s: the signature in parts is wrong", cert.Role)
				}
			}
		})
	}

	t.Run("DigestInfo around a hash alone", func(t *testing.T) { // of the signature key
		d := &desk{d.Module, t, d.lab}
		for _, c := range []*card.Card{cps3, cps4} {
			h := d.open(d.insert(c))
			d.must(d.Login(h, CKU_USER, []byte("1234")))
			for role, hash := range map[string]crypto.Hash{"authentication": 0, "signature": crypto.SHA256} {
				for _, cert := range c.Certificates {
					digest, out := sum256[:], make([]byte, 256)
					d.must(d.SignInit(h, CKM_RSA_PKCS, nil, d.find(h, CKO_PRIVATE_KEY, cert.Private)))
					_, err := d.Sign(h, &digest, out)
					d.must(err)
					if cert.Role == role && !pkcs1(hash, digest)(cert.Public, out) {
						t.Errorf("%s: the signature is not that of %v", role, hash)
					}
				}
			}
			d.remove(c)
		}
	})

	t.Run("a buffer too large", func(t *testing.T) { // for the authentication key of a CPS4
		d := &desk{d.Module, t, d.lab}
		for c, want := range map[*card.Card]RV{cps3: CKR_OK, cps4: CKR_ARGUMENTS_BAD} {
			h := d.open(d.insert(c))
			d.must(d.Login(h, CKU_USER, []byte("1234")))
			d.must(d.SignInit(h, CKM_RSA_PKCS, nil, d.find(h, CKO_PRIVATE_KEY, "CPS_PRIV_AUT")))
			_, err := d.Sign(h, &info, make([]byte, 512))
			wants(t, "C_Sign", err, want)
			d.remove(c)
		}
	})
}

// The token verifies what a card signed, and refuses what was changed.
func TestVerify(t *testing.T) {
	d := newDesk(t)
	data := []byte("à signer")
	sum := sha256.Sum256(data)
	for _, test := range []struct {
		key       ca.KeyPolicy
		g         card.ChipType
		mechanism uint
		parameter []byte
		data      []byte
	}{
		{ca.RSA2048, card.CPS3, CKM_SHA256_RSA_PKCS, nil, data},
		{ca.RSA2048, card.CPS4, CKM_RSA_PKCS_PSS, pssParameter(CKM_SHA256, 2, 32), sum[:]},
		{ca.RSA2048, card.CPS4, CKM_SHA256_RSA_PKCS_PSS, pssParameter(CKM_SHA256, 2, 32), data},
		{ca.P256, card.CPS3, CKM_ECDSA, nil, sum[:]},
	} {
		c := d.card(test.key, test.g)
		h := d.open(d.insert(c))
		d.must(d.Login(h, CKU_USER, []byte("1234")))
		d.must(d.SignInit(h, test.mechanism, test.parameter, d.find(h, CKO_PRIVATE_KEY, "CPS_PRIV_SIG")))
		n, err := d.Sign(h, &test.data, nil)
		d.must(err)
		signature := make([]byte, n)
		_, err = d.Sign(h, &test.data, signature)
		d.must(err)
		public := d.find(h, CKO_PUBLIC_KEY, publicLabel(card.KeySlots[1]))
		verify := func(what string, signature []byte, want RV) {
			t.Helper()
			d.must(d.VerifyInit(h, test.mechanism, test.parameter, public))
			wants(t, what, d.Verify(h, &test.data, signature), want)
			wants(t, "a second time", d.Verify(h, &test.data, signature), CKR_OPERATION_NOT_INITIALIZED)
		}
		verify("Verify", signature, CKR_OK)
		signature[10] ^= 1
		verify("a changed one", signature, CKR_SIGNATURE_INVALID)
		verify("a short one", signature[1:], CKR_SIGNATURE_LEN_RANGE)
		d.remove(c)
	}
}

// One C_Login serves the signature key for as long as it lasts, and there is no other for it: as
// with the Cryptolib.
func TestOneLogin(t *testing.T) {
	d := newDesk(t)
	c := d.card(ca.RSA2048, card.CPS3)
	h := d.open(d.insert(c))
	d.must(d.Login(h, CKU_USER, []byte("1234")))
	wants(t, "a login for one signature", d.Login(h, CKU_CONTEXT_SPECIFIC, []byte("1234")), CKR_USER_TYPE_INVALID)
	key := d.find(h, CKO_PRIVATE_KEY, "CPS_PRIV_SIG")
	_, refusals, err := d.GetAttributes(h, key, []uint{CKA_ALWAYS_AUTHENTICATE})
	d.must(err)
	wants(t, "CKA_ALWAYS_AUTHENTICATE", refusals[0], CKR_ATTRIBUTE_TYPE_INVALID)
	data := []byte("à signer")
	for range 3 {
		d.must(d.SignInit(h, CKM_SHA256_RSA_PKCS, nil, key))
		wants(t, "one before the signature", d.Login(h, CKU_CONTEXT_SPECIFIC, []byte("0000")), CKR_USER_TYPE_INVALID)
		_, err := d.Sign(h, &data, make([]byte, 256))
		d.must(err)
	}
	if s, err := c.Status(); err != nil || s.TriesLeft != card.Tries {
		t.Errorf("%d tries left, %v", s.TriesLeft, err)
	}
}

// A program that closes no session is stopped at some thousands of them, and can go on once it has
// closed some.
func TestSessionCount(t *testing.T) {
	d := newDesk(t)
	slot := d.insert(d.card(ca.P256, card.CPS3))
	var last uint
	for n := 0; ; n++ {
		h, err := d.OpenSession(slot, CKF_SERIAL_SESSION)
		if err != nil {
			wants(t, "one too many", err, CKR_SESSION_COUNT)
			break
		}
		if last = h; n > 1<<20 {
			t.Fatal("no end of sessions")
		}
	}
	d.must(d.CloseSession(last))
	d.open(slot)
	d.must(d.CloseAllSessions(slot))
	d.open(slot)
}

// Who is logged in, where, and what that lets one see, on a card with a strict PIN.
func TestLogin(t *testing.T) {
	d := newDesk(t)
	c := d.card(ca.P256, card.CPS3)
	d.must(c.SetStrictPIN(true))
	slot := d.insert(c)
	ro, err := d.OpenSession(slot, CKF_SERIAL_SESSION)
	d.must(err)
	rw := d.open(slot)
	state := func(h, want uint) {
		t.Helper()
		if info, err := d.GetSessionInfo(h); err != nil || info.State != want {
			t.Errorf("state %d, %v, want %d", info.State, err, want)
		}
	}
	state(ro, CKS_RO_PUBLIC_SESSION)
	state(rw, CKS_RW_PUBLIC_SESSION)
	d.must(d.FindObjectsInit(ro, nil))
	public, err := d.FindObjects(ro, 100)
	d.must(err)
	d.must(d.FindObjectsFinal(ro))

	wants(t, "wrong PIN", d.Login(ro, CKU_USER, []byte("0000")), CKR_PIN_INCORRECT)
	if info, err := d.GetTokenInfo(slot); err != nil || info.Flags&CKF_USER_PIN_COUNT_LOW == 0 {
		t.Errorf("after a wrong PIN: %#x, %v", info.Flags, err)
	}
	wants(t, "user of no kind", d.Login(ro, 7, nil), CKR_USER_TYPE_INVALID)
	wants(t, "nothing to authorise", d.Login(ro, CKU_CONTEXT_SPECIFIC, []byte("1234")), CKR_OPERATION_NOT_INITIALIZED)
	wants(t, "SO beside a read-only session", d.Login(rw, CKU_SO, []byte("12345678")), CKR_SESSION_READ_ONLY_EXISTS)
	d.must(d.Login(ro, CKU_USER, []byte("1234")))
	wants(t, "twice", d.Login(rw, CKU_USER, []byte("1234")), CKR_USER_ALREADY_LOGGED_IN)
	wants(t, "another", d.Login(rw, CKU_SO, []byte("12345678")), CKR_USER_ANOTHER_ALREADY_LOGGED_IN)
	state(ro, CKS_RO_USER_FUNCTIONS)
	state(rw, CKS_RW_USER_FUNCTIONS)
	d.must(d.FindObjectsInit(ro, nil))
	wants(t, "a search in a search", d.FindObjectsInit(ro, nil), CKR_OPERATION_ACTIVE)
	all, err := d.FindObjects(ro, 100)
	d.must(err)
	d.must(d.FindObjectsFinal(ro))
	if len(all)-len(public) != 5 { // two private keys, an activity by both its names, CPS_SIT_FACT
		t.Errorf("%d objects, %d without a PIN", len(all), len(public))
	}

	private := d.find(rw, CKO_PRIVATE_KEY, "CPS_PRIV_AUT")
	signing := d.find(rw, CKO_PRIVATE_KEY, "CPS_PRIV_SIG")
	digest := sha256.Sum256(nil)
	data := digest[:]
	d.must(d.SignInit(rw, CKM_ECDSA, nil, signing))
	_, err = d.Sign(rw, &data, make([]byte, 64))
	wants(t, "the signature key without the PIN again", err, CKR_USER_NOT_LOGGED_IN)
	d.must(d.SignInit(rw, CKM_ECDSA, nil, signing))
	wants(t, "and in parts", d.SignUpdate(rw, data), CKR_USER_NOT_LOGGED_IN)
	wants(t, "which ends the operation", d.SignUpdate(rw, data), CKR_OPERATION_NOT_INITIALIZED)
	d.must(d.SignInit(rw, CKM_ECDSA, nil, signing))
	wants(t, "with a wrong one", d.Login(rw, CKU_CONTEXT_SPECIFIC, []byte("1111")), CKR_PIN_INCORRECT)
	d.must(d.Login(rw, CKU_CONTEXT_SPECIFIC, []byte("1234")))
	_, err = d.Sign(rw, &data, make([]byte, 64))
	wants(t, "with the right one", err, CKR_OK)

	// a PIN that cannot be one costs no try
	for _, pin := range []string{"", "123", "123456789"} {
		d.must(d.SignInit(ro, CKM_ECDSA, nil, signing))
		wants(t, "a PIN of no PIN's length", d.Login(ro, CKU_CONTEXT_SPECIFIC, []byte(pin)), CKR_PIN_INCORRECT)
		d.must(d.Login(ro, CKU_CONTEXT_SPECIFIC, []byte("1234")))
		_, err = d.Sign(ro, &data, make([]byte, 64))
		wants(t, "and then the right one", err, CKR_OK)
	}
	d.must(d.Logout(rw))
	wants(t, "a PIN of no PIN's length", d.Login(rw, CKU_USER, nil), CKR_PIN_INCORRECT)
	if s, err := c.Status(); err != nil || s.TriesLeft != card.Tries {
		t.Errorf("%d tries left, %v", s.TriesLeft, err)
	}
	d.must(d.Login(rw, CKU_USER, []byte("1234")))

	// what was begun does not outlive a logout
	d.must(d.SignInit(ro, CKM_ECDSA, nil, private))
	d.must(d.Logout(rw))
	wants(t, "logged out twice", d.Logout(rw), CKR_USER_NOT_LOGGED_IN)
	d.must(d.Login(rw, CKU_USER, []byte("1234")))
	_, err = d.Sign(ro, &data, make([]byte, 64))
	wants(t, "a signature begun before", err, CKR_USER_NOT_LOGGED_IN)
	d.must(d.Logout(rw))
	wants(t, "a private key without a PIN", d.SignInit(rw, CKM_ECDSA, nil, private), CKR_USER_NOT_LOGGED_IN)
	_, _, err = d.GetAttributes(rw, private, []uint{CKA_LABEL})
	wants(t, "its attributes", err, CKR_OBJECT_HANDLE_INVALID)

	// the last session takes the login with it
	d.must(d.Login(rw, CKU_USER, []byte("1234")))
	d.must(d.CloseSession(ro))
	state(rw, CKS_RW_USER_FUNCTIONS)
	d.must(d.CloseSession(rw))
	wants(t, "closed twice", d.CloseSession(rw), CKR_SESSION_HANDLE_INVALID)
	rw = d.open(slot)
	state(rw, CKS_RW_PUBLIC_SESSION)

	// a blocked card, whose user is logged out, and the unblocking code by PKCS#11
	d.must(d.Login(rw, CKU_USER, []byte("1234")))
	d.must(d.SignInit(rw, CKM_ECDSA, nil, signing))
	for _, want := range []RV{CKR_PIN_INCORRECT, CKR_PIN_INCORRECT, CKR_PIN_LOCKED} {
		wants(t, "wrong PIN", d.Login(rw, CKU_CONTEXT_SPECIFIC, []byte("9999")), want)
	}
	state(rw, CKS_RW_PUBLIC_SESSION)
	wants(t, "wrong PIN, too late", d.Login(rw, CKU_USER, []byte("9999")), CKR_PIN_LOCKED)
	if info, err := d.GetTokenInfo(slot); err != nil || info.Flags&CKF_USER_PIN_LOCKED == 0 {
		t.Errorf("blocked: %#x, %v", info.Flags, err)
	}
	wants(t, "right, too late", d.Login(rw, CKU_USER, []byte("1234")), CKR_PIN_LOCKED)
	wants(t, "InitPIN by nobody", d.InitPIN(rw, []byte("4321")), CKR_USER_NOT_LOGGED_IN)
	wants(t, "wrong unblocking code", d.Login(rw, CKU_SO, []byte("00000000")), CKR_PIN_INCORRECT)
	d.must(d.Login(rw, CKU_SO, []byte("12345678")))
	state(rw, CKS_RW_SO_FUNCTIONS)
	_, err = d.OpenSession(slot, CKF_SERIAL_SESSION)
	wants(t, "a read-only session of the SO", err, CKR_SESSION_READ_WRITE_SO_EXISTS)
	wants(t, "InitPIN, short", d.InitPIN(rw, []byte("123")), CKR_PIN_LEN_RANGE)
	wants(t, "InitPIN, letters", d.InitPIN(rw, []byte("abcd")), CKR_PIN_INVALID)
	d.must(d.InitPIN(rw, []byte("4321")))
	d.must(d.Logout(rw))
	wants(t, "SetPIN by a wrong one", d.SetPIN(rw, []byte("1234"), []byte("5678")), CKR_PIN_INCORRECT)
	d.must(d.SetPIN(rw, []byte("4321"), []byte("5678")))
	d.must(d.Login(rw, CKU_USER, []byte("5678")))
}

// Cards come and go; another in the same reader is another card.
func TestHotPlug(t *testing.T) {
	d := newDesk(t)
	a, b := d.card(ca.P256, card.CPS3), d.card(ca.P256, card.CPS4)
	slots := func(withToken bool, want int) {
		t.Helper()
		if ids, err := d.GetSlotList(withToken); err != nil || len(ids) != want {
			t.Errorf("slots %v, %v, want %d", ids, err, want)
		}
	}
	slots(false, Readers)
	slots(true, 0)
	_, err := d.GetTokenInfo(0)
	wants(t, "an empty reader", err, CKR_TOKEN_NOT_PRESENT)
	_, err = d.GetSlotInfo(99)
	wants(t, "no reader", err, CKR_SLOT_ID_INVALID)
	_, err = d.WaitForSlotEvent(false)
	wants(t, "no event", err, CKR_NO_EVENT)

	type event struct {
		slot uint
		err  error
	}
	events := make(chan event)
	wait := func() {
		slot, err := d.WaitForSlotEvent(true)
		events <- event{slot, err}
	}
	go wait()
	slot := d.insert(a)
	if e := <-events; e.slot != slot || e.err != nil {
		t.Errorf("inserted: %v", e)
	}
	h := d.open(slot)
	other := d.open(slot)
	d.must(d.Login(h, CKU_USER, []byte("1234")))
	info, err := d.GetTokenInfo(slot)
	d.must(err)
	if info.Label != "CPS3v3-"+a.Number || info.Serial != a.Number[:8] || info.Sessions != 2 {
		t.Errorf("%+v", info)
	}
	go wait()
	d.remove(a)
	if e := <-events; e.slot != slot || e.err != nil {
		t.Errorf("removed: %v", e)
	}
	if d.insert(b) != slot {
		t.Fatal("the other card is in another reader")
	}
	_, err = d.GetSessionInfo(h)
	wants(t, "a session of the card that was", err, CKR_SESSION_HANDLE_INVALID)
	info, err = d.GetTokenInfo(slot)
	d.must(err)
	if info.Label != "CPS4v1-"+b.Number || info.Sessions != 0 {
		t.Errorf("%+v", info)
	}
	wants(t, "another one", d.CloseSession(other), CKR_SESSION_HANDLE_INVALID)
	h = d.open(slot)
	if s, err := d.GetSessionInfo(h); err != nil || s.State != CKS_RW_PUBLIC_SESSION {
		t.Errorf("the other card is logged in: %v, %v", s, err)
	}
	d.must(d.DigestInit(h, CKM_SHA256, nil))
	d.remove(b)
	wants(t, "taken out in the middle", d.DigestUpdate(h, []byte("x")), CKR_DEVICE_REMOVED)
	wants(t, "and then", d.DigestUpdate(h, []byte("x")), CKR_SESSION_HANDLE_INVALID)
	d.WaitForSlotEvent(false)

	// more cards than readers
	for range Readers + 1 {
		c, err := card.Read(d.lab.Copy(a.Dir))
		d.must(err)
		d.insert(c)
	}
	slots(true, Readers+1)

	// Finalize ends a wait
	for {
		if _, err := d.WaitForSlotEvent(false); err != nil {
			break
		}
	}
	go wait()
	time.Sleep(5 * time.Millisecond)
	d.must(d.Finalize())
	wants(t, "a wait cut short", (<-events).err, CKR_CRYPTOKI_NOT_INITIALIZED)
	_, err = d.GetSlotList(true)
	wants(t, "after Finalize", err, CKR_CRYPTOKI_NOT_INITIALIZED)
	wants(t, "Finalize twice", d.Finalize(), CKR_CRYPTOKI_NOT_INITIALIZED)
	d.must(d.Initialize())
	wants(t, "Initialize twice", d.Initialize(), CKR_CRYPTOKI_ALREADY_INITIALIZED)
}

// What the Cryptolib names its objects, software looks for.
func TestObjects(t *testing.T) {
	d := newDesk(t)
	for _, c := range []*card.Card{d.card(ca.RSA2048, card.CPS4), d.card(ca.P256, card.CPS3)} {
		slot := d.insert(c)
		h := d.open(slot)
		d.must(d.Login(h, CKU_USER, []byte("1234")))
		status, err := c.Status()
		d.must(err)
		for _, cert := range c.Certificates {
			o := d.find(h, CKO_CERTIFICATE, cert.KeySlot.Certificate)
			private, public := d.find(h, CKO_PRIVATE_KEY, cert.Private), d.find(h, CKO_PUBLIC_KEY, publicLabel(cert.KeySlot))
			values, refusals, err := d.GetAttributes(h, o, []uint{CKA_VALUE, CKA_ID, CKA_SUBJECT, CKA_ISSUER, CKA_SERIAL_NUMBER, CKA_MODULUS})
			d.must(err)
			parsed, err := x509.ParseCertificate(values[0])
			d.must(err)
			if !bytes.Equal(values[2], parsed.RawSubject) || !bytes.Equal(values[3], parsed.RawIssuer) {
				t.Error("the names are not those of the certificate")
			}
			wants(t, "the modulus of a certificate", refusals[5], CKR_ATTRIBUTE_TYPE_INVALID)
			wantID := map[card.ChipType]map[string]byte{card.CPS3: {"authentication": 0x02, "signature": 0x01},
				card.CPS4: {"authentication": 0x20, "signature": 0x10}}[status.ChipType][cert.Role]
			if id := values[1]; len(id) != 14 || id[13] != wantID || !bytes.HasPrefix(id, []byte{0xE8, 0x28, 0xBD, 0x08, 0x0F, 0x80, 0x25, 0, 0, 1, 0xFF, 0, 0x10}) {
				t.Errorf("CKA_ID %x", id)
			}
			flags, secrets, err := d.GetAttributes(h, private, []uint{CKA_ID, CKA_ALWAYS_AUTHENTICATE, CKA_SENSITIVE, CKA_EXTRACTABLE, CKA_PRIVATE_EXPONENT, CKA_VALUE, CKA_PRIME_1})
			d.must(err)
			if !bytes.Equal(flags[0], values[1]) || flags[1] != nil || flags[2][0] != 1 || flags[3][0] != 0 {
				t.Errorf("%s: %x", cert.Private, flags)
			}
			for i, refused := range secrets[4:] {
				if flags[4+i] != nil || refused == nil {
					t.Errorf("a private key gives %x", flags[4+i])
				}
			}
			key, _, err := d.GetAttributes(h, public, []uint{CKA_ID, CKA_MODULUS, CKA_PUBLIC_EXPONENT, CKA_EC_PARAMS, CKA_EC_POINT})
			d.must(err)
			if rsaKey, ok := parsed.PublicKey.(*rsa.PublicKey); ok {
				if !bytes.Equal(key[1], rsaKey.N.Bytes()) || !bytes.Equal(key[2], []byte{1, 0, 1}) {
					t.Error("the public key is not that of the certificate")
				}
			} else if len(key[4]) != 67 || key[4][0] != 4 || key[4][2] != 4 || !bytes.Contains(parsed.RawSubjectPublicKeyInfo, key[4][2:]) {
				t.Errorf("EC point %x", key[4])
			}
		}
		for _, label := range []string{"CPS_DATA", "CPS_ID_CARD", "CPS_NAME_PS", "CPS_INFO_PS", "CPS_LANG_PS", "CPS_ACTIVITY_01_PS", "CPS_SIT_FACT"} {
			d.find(h, CKO_DATA, label)
		}
		values, _, err := d.GetAttributes(h, d.find(h, CKO_DATA, "CPS_INFO_PS"), []uint{CKA_VALUE})
		d.must(err)
		if !bytes.HasSuffix(values[0], []byte("SM26")) {
			t.Errorf("CPS_INFO_PS does not end with the speciality: %q", values[0])
		}
		wants(t, "writing what is read-only", d.SetAttributes(h, d.find(h, CKO_DATA, "CPS_NAME_PS"), []Attribute{{CKA_VALUE, nil}}), CKR_ATTRIBUTE_READ_ONLY)
		object := d.find(h, CKO_DATA, "CPS_DATA")
		d.must(d.SetAttributes(h, object, []Attribute{{CKA_VALUE, []byte("ours")}}))
		wants(t, "too much", d.SetAttributes(h, object, []Attribute{{CKA_VALUE, make([]byte, card.DataCapacity+1)}}), CKR_ATTRIBUTE_VALUE_INVALID)
		values, _, err = d.GetAttributes(h, object, []uint{CKA_VALUE})
		d.must(err)
		if s, err := c.Status(); err != nil || string(values[0]) != "ours"+strings.Repeat("\x00", card.DataCapacity-4) || string(s.Data) != "ours" {
			t.Errorf("written: %q, %q, %v", values[0], s.Data, err)
		}
		d.must(d.Logout(h))
		wants(t, "writing without the PIN", d.SetAttributes(h, object, []Attribute{{CKA_VALUE, nil}}), CKR_USER_NOT_LOGGED_IN)
		d.remove(c)
	}
}

// One block for the card: its public half encrypts, and its authentication key decrypts.
func TestEncryption(t *testing.T) {
	d := newDesk(t)
	c := d.card(ca.RSA2048, card.CPS3)
	h := d.open(d.insert(c))
	public := d.find(h, CKO_PUBLIC_KEY, publicLabel(card.KeySlots[0]))
	keys, err := c.Open("1234")
	d.must(err)
	private := keys["authentication"].(*rsa.PrivateKey)
	for _, test := range []struct {
		mechanism uint
		data      []byte
		refused   RV
	}{
		{CKM_RSA_PKCS, []byte("secret"), 0},
		{CKM_RSA_PKCS, make([]byte, 245), 0},
		{CKM_RSA_PKCS, make([]byte, 246), CKR_DATA_LEN_RANGE},
	} {
		d.must(d.EncryptInit(h, test.mechanism, nil, public))
		out := make([]byte, 256)
		n, err := d.Encrypt(h, test.data, out)
		wants(t, "Encrypt", err, test.refused)
		if err != nil {
			continue
		}
		block := new(big.Int).Exp(new(big.Int).SetBytes(out[:n]), private.D, private.N).FillBytes(make([]byte, 256))
		if !bytes.HasSuffix(block, test.data) || block[1] != 2 || bytes.IndexByte(block[2:], 0) != 253-len(test.data) {
			t.Errorf("block %x", block)
		}
		wants(t, "without the PIN", d.DecryptInit(h, test.mechanism, nil, 1), CKR_USER_NOT_LOGGED_IN)
		d.must(d.Login(h, CKU_USER, []byte("1234")))
		d.must(d.DecryptInit(h, test.mechanism, nil, d.find(h, CKO_PRIVATE_KEY, "CPS_PRIV_AUT")))
		if n, err := d.Decrypt(h, out, nil); err != nil || n != len(test.data) {
			t.Errorf("the size of %d bytes is told as %d, %v", len(test.data), n, err)
		}
		_, err = d.Decrypt(h, out, make([]byte, len(test.data)-1))
		wants(t, "a buffer too small", err, CKR_BUFFER_TOO_SMALL)
		plain := make([]byte, 256)
		if n, err := d.Decrypt(h, out, plain); err != nil || !bytes.Equal(plain[:n], test.data) {
			t.Errorf("%x decrypted is %x, %v", test.data, plain[:n], err)
		}
		_, err = d.Decrypt(h, out, plain)
		wants(t, "a second time", err, CKR_OPERATION_NOT_INITIALIZED)
		d.must(d.Logout(h))
	}
	d.must(d.Login(h, CKU_USER, []byte("1234")))
	auth, sign := d.find(h, CKO_PRIVATE_KEY, "CPS_PRIV_AUT"), d.find(h, CKO_PRIVATE_KEY, "CPS_PRIV_SIG")
	wants(t, "decrypt with the signature key", d.DecryptInit(h, CKM_RSA_PKCS, nil, sign), CKR_KEY_TYPE_INCONSISTENT)
	wants(t, "encrypt with its other half", d.EncryptInit(h, CKM_RSA_PKCS, nil, d.find(h, CKO_PUBLIC_KEY, publicLabel(card.KeySlots[1]))), CKR_KEY_TYPE_INCONSISTENT)
	d.must(d.DecryptInit(h, CKM_RSA_X_509, nil, auth))
	_, err = d.Decrypt(h, make([]byte, 256), make([]byte, 256))
	wants(t, "decrypt without padding", err, CKR_FUNCTION_NOT_SUPPORTED)
	wants(t, "encrypt without padding", d.EncryptInit(h, CKM_RSA_X_509, nil, public), CKR_MECHANISM_INVALID)
	for _, test := range []struct {
		data []byte
		want RV
	}{{make([]byte, 255), CKR_ENCRYPTED_DATA_LEN_RANGE}, {make([]byte, 256), CKR_ENCRYPTED_DATA_INVALID}, {bytes.Repeat([]byte{255}, 256), CKR_ENCRYPTED_DATA_INVALID}} {
		d.must(d.DecryptInit(h, CKM_RSA_PKCS, nil, auth))
		_, err := d.Decrypt(h, test.data, make([]byte, 256))
		wants(t, "Decrypt", err, test.want)
	}
	d.must(d.DecryptInit(h, CKM_RSA_PKCS, nil, auth))
	d.must(d.Logout(h))
	_, err = d.Decrypt(h, make([]byte, 256), nil)
	wants(t, "Decrypt after the logout", err, CKR_USER_NOT_LOGGED_IN)
	wants(t, "with a mechanism that only signs", d.EncryptInit(h, CKM_SHA256_RSA_PKCS, nil, public), CKR_MECHANISM_INVALID)
	wants(t, "with a certificate", d.EncryptInit(h, CKM_RSA_PKCS, nil, d.find(h, CKO_CERTIFICATE, card.KeySlots[0].Certificate)), CKR_KEY_HANDLE_INVALID)
	wants(t, "with nothing", d.EncryptInit(h, CKM_RSA_PKCS, nil, 0), CKR_KEY_HANDLE_INVALID)
}

func TestDigest(t *testing.T) {
	d := newDesk(t)
	h := d.open(d.insert(d.card(ca.P256, card.CPS3)))
	data := []byte("in two parts")
	want := sha256.Sum256(data)
	got := make([]byte, 32)
	d.must(d.DigestInit(h, CKM_SHA256, nil))
	wants(t, "an Init in an operation", d.DigestInit(h, CKM_SHA256, nil), CKR_OPERATION_ACTIVE)
	d.must(d.DigestUpdate(h, data[:5]))
	_, err := d.Digest(h, &data, got)
	wants(t, "a whole one after a part", err, CKR_OPERATION_ACTIVE)
	d.must(d.DigestInit(h, CKM_SHA256, nil))
	d.must(d.DigestUpdate(h, data[:5]))
	d.must(d.DigestUpdate(h, data[5:]))
	_, err = d.Digest(h, nil, got[:31])
	wants(t, "a buffer too small", err, CKR_BUFFER_TOO_SMALL)
	_, err = d.Digest(h, nil, got)
	d.must(err)
	if !bytes.Equal(got, want[:]) {
		t.Error("the hash is wrong")
	}
	wants(t, "no operation", d.DigestUpdate(h, data), CKR_OPERATION_NOT_INITIALIZED)
	wants(t, "no such mechanism", d.DigestInit(h, CKM_RSA_PKCS, nil), CKR_MECHANISM_INVALID)
	wants(t, "no such session", d.DigestInit(h+100, CKM_SHA256, nil), CKR_SESSION_HANDLE_INVALID)
	wants(t, "seeding", d.SeedRandom(h), CKR_RANDOM_SEED_NOT_SUPPORTED)
	random := make([]byte, 32)
	d.must(d.GenerateRandom(h, random))
	if bytes.Equal(random, make([]byte, 32)) {
		t.Error("no random bytes")
	}
}

// Threads that log in, sign and log out while cards are inserted and removed see an answer of the
// standard each time, and a good signature when there is one. Under -race.
func TestThreads(t *testing.T) {
	d := newDesk(t)
	c := d.card(ca.P256, card.CPS3)
	digest := sha256.Sum256(nil)
	public := c.Certificates[0].Public.(*ecdsa.PublicKey)
	var signed, plugged sync.WaitGroup
	var good atomic.Int32
	deadline := time.Now().Add(time.Minute)
	stop := make(chan struct{})
	plugged.Go(func() {
		for {
			if _, err := d.readers.Insert(c); err != nil {
				t.Error(err)
			}
			for before := good.Load(); good.Load() < before+10; { // however slow the machine
				select {
				case <-stop:
					return
				case <-time.After(time.Millisecond):
				}
			}
			d.remove(c)
		}
	})
	for range 4 {
		signed.Go(func() {
			for good.Load() < 100 && time.Now().Before(deadline) {
				h, err := d.OpenSession(0, CKF_SERIAL_SESSION)
				if err != nil {
					continue
				}
				d.Login(h, CKU_USER, []byte("1234"))
				d.FindObjectsInit(h, []Attribute{{CKA_LABEL, []byte("CPS_PRIV_AUT")}})
				if found, err := d.FindObjects(h, 1); err == nil && len(found) == 1 {
					data, out := digest[:], make([]byte, 64)
					if d.SignInit(h, CKM_ECDSA, nil, found[0]) == nil {
						if _, err := d.Sign(h, &data, out); err == nil {
							if !ecdsa.Verify(public, data, new(big.Int).SetBytes(out[:32]), new(big.Int).SetBytes(out[32:])) {
								t.Error("a wrong signature")
							}
							good.Add(1)
						}
					}
				}
				d.Logout(h)
				d.CloseSession(h)
			}
		})
	}
	signed.Wait()
	close(stop)
	plugged.Wait()
	if good.Load() < 100 {
		t.Errorf("%d signatures in a minute", good.Load())
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if len(d.sessions) != 0 {
		t.Errorf("%d sessions are left", len(d.sessions))
	}
	if s, err := c.Status(); err != nil || s.TriesLeft != card.Tries {
		t.Errorf("%d tries left, %v", s.TriesLeft, err)
	}
}

// A card whose files are damaged is there, and says that it cannot be read.
func TestUnrecognized(t *testing.T) {
	d := newDesk(t)
	c := d.card(ca.P256, card.CPS3)
	slot := d.insert(c)
	if err := errors.Join(os.Remove(filepath.Join(c.Dir, "authentication.pem")), os.Remove(filepath.Join(c.Dir, "signature.pem"))); err != nil {
		t.Fatal(err)
	}
	if ids, err := d.GetSlotList(true); err != nil || len(ids) != 1 {
		t.Errorf("slots %v, %v", ids, err)
	}
	_, err := d.GetTokenInfo(slot)
	wants(t, "token", err, CKR_TOKEN_NOT_RECOGNIZED)
	_, err = d.OpenSession(slot, CKF_SERIAL_SESSION)
	wants(t, "session", err, CKR_TOKEN_NOT_RECOGNIZED)
}
