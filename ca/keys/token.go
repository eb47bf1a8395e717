package keys

import (
	"bytes"
	"crypto"
	"crypto/rand"
	"encoding/asn1"
	"encoding/pem"
	"errors"
	"fmt"
	"net/url"
	"os"
	"strings"
	"sync"

	kmsapi "go.step.sm/crypto/kms/apiv1"
	"go.step.sm/crypto/kms/uri"

	"github.com/igc-lab/igc/ca/store"
	"github.com/igc-lab/igc/internal/i18n"
)

// This file keeps keys in a PKCS#11 token, such as an HSM. The file of such a key says where it is,
// in the form that OpenSSL's pkcs11-provider reads, and goes where encrypted keys go.

// Token is where a PKCS#11 token is, by its URI (RFC 7512).
type Token struct {
	module   string // path of the library; empty for that of p11-kit
	selector string // what names the token in the URIs of its keys: token=..., serial=... or slot-id=...
	pin      string // path of a file
}

// ParseToken reads the URI of a token: pkcs11:token=NAME?module-path=LIBRARY&pin-source=FILE, or
// with serial= or slot-id= in the place of token=. It has no PIN: it stands in igc.yaml.
func ParseToken(s string) (*Token, error) {
	if strings.Contains(s, "pin-value") { // not even an error shows it
		return nil, i18n.Errorf("the URI of a PKCS#11 token has its PIN: write it to a file that only you can read, " +
			"and name that by pin-source")
	}
	notOne := i18n.Errorf("%q is not the URI of a PKCS#11 token: "+
		"pkcs11:token=NAME?module-path=LIBRARY&pin-source=FILE", s)
	u, err := uri.ParseWithScheme("pkcs11", s)
	if err != nil {
		return nil, notOne
	}
	t := &Token{module: u.Get("module-path"), pin: strings.TrimPrefix(u.Get("pin-source"), "file:")}
	for _, attribute := range []string{"token", "serial", "slot-id"} {
		if value := u.Get(attribute); value != "" && t.selector == "" {
			t.selector = attribute + "=" + escape(value)
		}
	}
	if t.selector == "" || t.pin == "" {
		return nil, notOne
	}
	return t, nil
}

// opened is a token in use.
type opened struct {
	*Token
	mu      sync.Mutex
	manager tokenManager // nil until it is needed
}

// tokenManager is what is used of a key manager of go.step.sm/crypto.
type tokenManager interface {
	CreateKey(*kmsapi.CreateKeyRequest) (*kmsapi.CreateKeyResponse, error)
	CreateSigner(*kmsapi.CreateSignerRequest) (crypto.Signer, error)
	DeleteKey(uri string) error
	Close() error
}

// UseToken has the keys of authorities made in a token from now on, and those of the folder that
// are in it opened there. It is called before the ring is used.
func (k *Ring) UseToken(t *Token) { k.token = &opened{Token: t} }

// OpenToken logs in to the token, if the ring uses one. The use of a key does it too.
func (k *Ring) OpenToken() error {
	if k.token == nil {
		return nil
	}
	_, err := k.token.open()
	return err
}

// Close ends the use of the token.
func (k *Ring) Close() error {
	if k.token == nil {
		return nil
	}
	k.token.mu.Lock()
	defer k.token.mu.Unlock()
	if k.token.manager == nil {
		return nil
	}
	err := k.token.manager.Close()
	k.token.manager = nil
	return err
}

// open logs in to the token.
func (o *opened) open() (tokenManager, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.manager != nil {
		return o.manager, nil
	}
	pin, err := os.ReadFile(o.pin)
	if err != nil {
		return nil, store.Errorf(store.Passphrase, "cannot read the PIN of the token: %s; "+
			"pin-source in igc.yaml names its file", i18n.TextOf(err)) // not wrapped: no file of a PIN is not "no key"
	}
	pin, _, _ = bytes.Cut(pin, []byte("\n"))
	if pin = bytes.TrimSpace(pin); len(pin) == 0 {
		return nil, store.Errorf(store.Passphrase, "%s has no PIN in its first line", o.pin)
	}
	address := "pkcs11:" + o.selector
	if o.module != "" {
		address += ";module-path=" + escape(o.module)
	}
	manager, err := openToken(address, string(pin))
	if err != nil {
		return nil, store.Errorf(store.Passphrase, "the token %s does not open: %w", o.selector, err)
	}
	o.manager = manager
	return manager, nil
}

// create makes a key in the token. The file says where it is. discard deletes it.
func (o *opened) create(req *kmsapi.CreateKeyRequest) (signer crypto.Signer, file []byte, discard func(), err error) {
	manager, err := o.open()
	if err != nil {
		return nil, nil, nil, err
	}
	id := make([]byte, 16)
	rand.Read(id) // never fails
	address := fmt.Sprintf("pkcs11:%s;id=%s;object=%s;type=private", o.selector, percent(id), escape(req.Name))
	asked := *req
	asked.Name = address
	if _, err = manager.CreateKey(&asked); err == nil {
		signer, err = manager.CreateSigner(&kmsapi.CreateSignerRequest{SigningKey: address})
	}
	if err == nil {
		file, err = keyAddress(address)
	}
	if err != nil {
		return nil, nil, nil, store.Errorf(store.Unwritable, "the token %s makes no key %s: %w",
			o.selector, req.Name, err)
	}
	return signer, file, func() { _ = manager.DeleteKey(address) }, nil
}

// escape writes the value of an attribute.
func escape(s string) string { return strings.ReplaceAll(url.QueryEscape(s), "+", "%20") }

// percent writes bytes as RFC 7512 does.
func percent(b []byte) string {
	var s strings.Builder
	for _, c := range b {
		fmt.Fprintf(&s, "%%%02X", c)
	}
	return s.String()
}

// signer opens the key of that address. Its file is named in errors.
func (o *opened) signer(address, path string) (crypto.Signer, error) {
	if o == nil {
		return nil, store.Errorf(store.Passphrase, "%s is the address of a key in a PKCS#11 token, %s, "+
			"and igc.yaml names no token: give its URI as authority_keys", path, address)
	}
	manager, err := o.open()
	if err != nil {
		return nil, err
	}
	signer, err := manager.CreateSigner(&kmsapi.CreateSignerRequest{SigningKey: address})
	if err != nil {
		return nil, store.Errorf(store.Passphrase, "the token %s has no key %s, which %s names: %w",
			o.selector, address, path, err)
	}
	return signer, nil
}

// The file of a key in a token, as pkcs11-provider has it.
const (
	addressBlock = "PKCS#11 PROVIDER URI"
	addressIs    = "PKCS#11 Provider URI v1.0"
)

// keyFile is the ASN.1 of such a file: two strings, VisibleString and UTF8String.
type keyFile struct {
	Is  asn1.RawValue
	URI string `asn1:"utf8"`
}

func keyAddress(at string) ([]byte, error) {
	der, err := asn1.Marshal(keyFile{asn1.RawValue{Tag: 26, Bytes: []byte(addressIs)}, at}) // 26: VisibleString
	if err != nil {
		return nil, err
	}
	return pem.EncodeToMemory(&pem.Block{Type: addressBlock, Bytes: der}), nil
}

// parseAddress reads the block of such a file.
func parseAddress(der []byte) (string, error) {
	var a keyFile
	rest, err := asn1.Unmarshal(der, &a)
	if err == nil && (len(rest) > 0 || string(a.Is.Bytes) != addressIs || !strings.HasPrefix(a.URI, "pkcs11:")) {
		err = errors.New("not a pkcs11 URI of version 1.0")
	}
	return a.URI, err
}
