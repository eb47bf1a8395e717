//go:build cgo && !nopkcs11

package keys_test

import (
	"bytes"
	"crypto"
	"crypto/sha256"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	kmsapi "go.step.sm/crypto/kms/apiv1"

	"github.com/igc-lab/igc/ca/keys"
	"github.com/igc-lab/igc/ca/store"
	"github.com/igc-lab/igc/internal/i18n"
	"github.com/igc-lab/igc/internal/labtest"
	"github.com/igc-lab/igc/internal/peer"
)

// ringOf is the ring of a folder whose authorities' keys are in the token.
func ringOf(t *testing.T, h *peer.SoftHSM, dir string) *keys.Ring {
	t.Helper()
	token, err := keys.ParseToken(h.URI())
	if err != nil {
		t.Fatal(err)
	}
	ring := keys.NewRing(dir, func() ([]byte, error) { return []byte("dGVzdHRlc3R0ZXN0dGVzdHRlc3R0ZXN0"), nil })
	ring.UseToken(token)
	t.Cleanup(func() { ring.Close() })
	return ring
}

// Authorities' keys are made in the token, and nothing of them is in the folder but their address;
// another process, and OpenSSL, find them by it.
func TestToken(t *testing.T) {
	h := peer.NewSoftHSM(t, "a lab+1")
	dir := t.TempDir()
	ring := ringOf(t, h, dir)
	for i, policy := range []keys.Policy{keys.P256, keys.RSA2048} {
		name := "ACR-" + string(policy)
		made, err := ring.CreateKey(policy.AuthorityKey(name))
		if err != nil {
			t.Fatal(err)
		}
		if n := h.PrivateKeys(t); n != i+1 {
			t.Errorf("the token has %d keys", n)
		}
		file := []byte(labtest.Read(t, ring.Path(name)))
		if block, rest := pem.Decode(file); block == nil || block.Type != "PKCS#11 PROVIDER URI" || len(rest) > 0 ||
			bytes.Contains(block.Bytes, []byte("1234")) || bytes.Contains(block.Bytes, []byte(h.Library)) {
			t.Errorf("the file of the key is\n%s", file)
		}
		signer, err := ringOf(t, h, dir).CreateSigner(&kmsapi.CreateSignerRequest{SigningKey: name})
		if err != nil {
			t.Fatal(err)
		}
		if !signer.Public().(interface{ Equal(crypto.PublicKey) bool }).Equal(made.PublicKey) {
			t.Error("another process finds another key")
		}
		digest := sha256.Sum256([]byte("signed"))
		signature, err := signer.Sign(nil, digest[:], crypto.SHA256)
		if err != nil {
			t.Fatal(err)
		}
		algorithm := x509.ECDSAWithSHA256
		if policy != keys.P256 {
			algorithm = x509.SHA256WithRSA
		}
		certificate := &x509.Certificate{PublicKey: made.PublicKey}
		if err := certificate.CheckSignature(algorithm, []byte("signed"), signature); err != nil {
			t.Error(err)
		}
		if err := signedByOpenSSL(t, h, ring.Path(name), made.PublicKey, algorithm); err != nil {
			t.Errorf("what openssl signs with the file of %s: %v", name, err)
		}
	}
	// The key of the feed is Ed25519, and that of seals encrypts: both are files.
	feed := &kmsapi.CreateKeyRequest{Name: "feed", SignatureAlgorithm: kmsapi.PureEd25519}
	if _, err := ring.CreateKey(feed); err != nil {
		t.Fatal(err)
	}
	if file := labtest.Read(t, ring.Path("feed")); !strings.Contains(file, "ENCRYPTED PRIVATE KEY") {
		t.Errorf("the feed's key is\n%s", file)
	}
}

// signedByOpenSSL signs with the file of a key by pkcs11-provider, and verifies it.
func signedByOpenSSL(t *testing.T, h *peer.SoftHSM, file string, public crypto.PublicKey,
	algorithm x509.SignatureAlgorithm) error {
	t.Helper()
	dir := t.TempDir()
	modules := peer.Run(t, "openssl", "version", "-m")
	provider := filepath.Join(strings.Trim(strings.TrimPrefix(modules, "MODULESDIR:"), " \"\n"), "pkcs11.so")
	if _, err := os.Stat(provider); err != nil {
		peer.Missing(t, "pkcs11-provider")
	}
	conf := filepath.Join(dir, "openssl.cnf")
	data, out := filepath.Join(dir, "data"), filepath.Join(dir, "signature")
	labtest.Write(t, data, []byte("signed"))
	labtest.Write(t, conf, []byte("openssl_conf = igc\n[igc]\nproviders = list\n"+
		"[list]\ndefault = first\npkcs11 = second\n[first]\nactivate = 1\n[second]\nmodule = "+provider+"\npkcs11-module-path = "+h.Library+
		"\npkcs11-module-token-pin = file:"+h.PIN+
		"\npkcs11-module-quirks = no-deinit\nactivate = 1\n")) // SoftHSM is linked with OpenSSL, and ends after it
	peer.Run(t, "env", "OPENSSL_CONF="+conf, "openssl", "dgst", "-sha256", "-sign", file, "-out", out, data)
	signature := []byte(labtest.Read(t, out))
	return (&x509.Certificate{PublicKey: public}).CheckSignature(algorithm, []byte("signed"), signature)
}

// vault is where several machines find keys, in memory.
type vault map[string][]byte

func (v vault) Fetch(name string) ([]byte, error) {
	if file, ok := v[name]; ok {
		return file, nil
	}
	return nil, fs.ErrNotExist
}

func (v vault) Share(name string, file []byte) ([]byte, error) {
	if _, ok := v[name]; !ok {
		v[name] = file
	}
	return v[name], nil
}

// hidden is a vault whose keys are found only by those that share one.
type hidden struct{ vault }

func (hidden) Fetch(string) ([]byte, error) { return nil, fs.ErrNotExist }

// Of two machines that make a key of one name at once the first is right; the token keeps one key.
func TestTokenOfTwoMachines(t *testing.T) {
	h := peer.NewSoftHSM(t, "a lab+1")
	shared := vault{}
	one, other := ringOf(t, h, t.TempDir()), ringOf(t, h, t.TempDir())
	one.ShareWith(shared)
	other.ShareWith(hidden{shared})
	first, err := one.CreateKey(keys.P256.AuthorityKey("ACR"))
	if err != nil {
		t.Fatal(err)
	}
	second, err := other.CreateKey(keys.P256.AuthorityKey("ACR"))
	if err != nil {
		t.Fatal(err)
	}
	if !first.PublicKey.(interface{ Equal(crypto.PublicKey) bool }).Equal(second.PublicKey) {
		t.Error("two keys of one name")
	}
	if n := h.PrivateKeys(t); n != 1 {
		t.Errorf("the token has %d keys", n)
	}
}

// What keeps a key from being opened is said, in both languages, and no key is made instead.
func TestTokenFails(t *testing.T) {
	h := peer.NewSoftHSM(t, "a lab+1")
	dir := t.TempDir()
	ring := ringOf(t, h, dir)
	if _, err := ring.CreateKey(keys.P256.AuthorityKey("ACR")); err != nil {
		t.Fatal(err)
	}
	good := labtest.Read(t, ring.Path("ACR"))
	open := func(what string, r *keys.Ring, kind store.Kind, says string) {
		t.Helper()
		defer r.Close()
		_, err := r.CreateKey(keys.P256.AuthorityKey("ACR"))
		if store.KindOf(err) != kind || !strings.Contains(i18n.TextOf(err).EN, says) {
			t.Errorf("%s: %v, want %s, %q", what, err, kind, says)
		} else if text := i18n.TextOf(err); text.FR == text.EN {
			t.Errorf("%s: in English only: %v", what, err)
		}
		if errors.Is(err, fs.ErrNotExist) {
			t.Errorf("%s: is like a key that does not exist", what)
		}
	}
	none := keys.NewRing(dir, nil)
	open("no token", none, store.Passphrase, "igc.yaml names no token: give its URI as authority_keys")
	ring.Close() // SoftHSM counts tries for each process
	labtest.Write(t, h.PIN, []byte("9999\n"))
	open("a wrong PIN", ringOf(t, h, dir), store.Passphrase, "does not open")
	labtest.Write(t, h.PIN, []byte("\n"))
	open("no PIN", ringOf(t, h, dir), store.Passphrase, "has no PIN in its first line")
	if err := os.Remove(h.PIN); err != nil {
		t.Fatal(err)
	}
	open("no file of the PIN", ringOf(t, h, dir), store.Passphrase, "cannot read the PIN of the token")
	labtest.Write(t, h.PIN, []byte("1234"))
	block, _ := pem.Decode([]byte(good))
	labtest.Write(t, ring.Path("ACR"), pem.EncodeToMemory(&pem.Block{Type: block.Type, Bytes: block.Bytes[:20]}))
	open("half a file", ringOf(t, h, dir), store.NotFound, "is not the address of a key")
	labtest.Write(t, ring.Path("ACR"), []byte(good))
	h.Tool(t, "--delete-object", "--type", "privkey", "--label", "ACR")
	open("a key that was deleted", ringOf(t, h, dir), store.Passphrase, "has no key")
	if n := h.PrivateKeys(t); n != 0 {
		t.Errorf("the token has %d keys", n)
	}
}

// A URI that cannot be that of a token, or that holds its PIN, is refused.
func TestParseToken(t *testing.T) {
	for _, s := range []string{"", "softhsm", "pkcs11:", "pkcs11:token=x", "pkcs11:?pin-source=/pin", "https://x",
		"pkcs11:%zz?pin-value=1234", "pkcs11:token=x?pin-value=1234&pin-source=/pin", "pkcs11:token=x;pin-value=1234"} {
		token, err := keys.ParseToken(s)
		if text := i18n.TextOf(err); err == nil || text.FR == text.EN || strings.Contains(text.FR+text.EN, "1234") {
			t.Errorf("%q: %v, %v", s, token, err)
		}
	}
	for _, s := range []string{"pkcs11:token=x?pin-source=/pin", "pkcs11:serial=0a?pin-source=/pin",
		"pkcs11:slot-id=1?pin-source=/pin", "PKCS11:token=x;module-path=/lib/x.so?pin-source=file:/pin"} {
		if _, err := keys.ParseToken(s); err != nil {
			t.Errorf("%q: %v", s, err)
		}
	}
}
