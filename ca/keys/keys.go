// Package keys makes, keeps and opens a lab's private keys: those of its authorities, in a folder,
// encrypted, or in a PKCS#11 token; and those of holders, which it makes by the lab's policy and
// does not keep.
package keys

import (
	"crypto"
	"crypto/cipher"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"encoding/base64"
	"encoding/pem"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"sync"

	kmsapi "go.step.sm/crypto/kms/apiv1"
	"go.step.sm/crypto/kms/softkms"

	"github.com/youmark/pkcs8"

	"github.com/igc-lab/igc/ca/store"
	"github.com/igc-lab/igc/internal/i18n"
)

// Policy says which keys a lab makes.
type Policy string

// The policies: the real one, and faster ones whose certificates are not twins of real ones.
const (
	Faithful Policy = "faithful"
	RSA3072  Policy = "rsa3072"
	RSA2048  Policy = "rsa2048"
	P256     Policy = "p256"
)

var policies = map[Policy]struct{ authority, holder int }{ // RSA bits, 0 for P-256
	Faithful: {4096, 2048}, RSA3072: {3072, 2048}, RSA2048: {2048, 2048}, P256: {0, 0},
}

// ParsePolicy reads a policy's name.
func ParsePolicy(s string) (Policy, error) {
	if _, ok := policies[Policy(s)]; !ok {
		return "", store.Errorf(store.Invalid, "unknown key policy %q: choose faithful, rsa3072, rsa2048 or p256", s)
	}
	return Policy(s), nil
}

// Faithful tells whether the keys are those of the real IGC-Santé.
func (p Policy) Faithful() bool { return p == Faithful }

// Generate makes a key for a holder.
func (p Policy) Generate() (crypto.Signer, error) {
	if bits := policies[p].holder; bits > 0 {
		return rsa.GenerateKey(rand.Reader, bits)
	}
	return ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
}

// AuthorityKey asks a key manager for an authority's key, in a token if there is one.
func (p Policy) AuthorityKey(name string) *kmsapi.CreateKeyRequest {
	r := &kmsapi.CreateKeyRequest{Name: name, SignatureAlgorithm: kmsapi.ECDSAWithSHA256, ProtectionLevel: kmsapi.HSM}
	if bits := policies[p].authority; bits > 0 {
		r.SignatureAlgorithm, r.Bits = kmsapi.SHA256WithRSA, bits
	}
	return r
}

// Ring is the key manager of a lab: softkms, which keeps nothing, plus a folder of PKCS#8 files
// (RFC 5208) encrypted with the lab's passphrase (PBES2: PBKDF2 with SHA-256, AES-256-CBC). An open
// key stays open for the life of the ring, since opening one costs 150 ms of PBKDF2 where a person
// chose the passphrase.
type Ring struct {
	*softkms.SoftKMS
	dir        string
	passphrase func() ([]byte, error)
	vault      Shared  // nil for the folder alone
	token      *opened // where authorities' keys are made; nil for the folder

	mu    sync.Mutex
	open  map[string]crypto.Signer
	aeads map[string]cipher.AEAD // by purpose, see Seal
}

var _ kmsapi.KeyManager = (*Ring)(nil)

// NewRing returns the ring of a folder, whose keys are encrypted with that passphrase, asked for
// when it is needed.
func NewRing(dir string, passphrase func() ([]byte, error)) *Ring {
	return &Ring{SoftKMS: &softkms.SoftKMS{}, dir: dir, passphrase: passphrase, open: map[string]crypto.Signer{},
		aeads: map[string]cipher.AEAD{}}
}

// Path is the file of a key.
func (k *Ring) Path(name string) string { return filepath.Join(k.dir, name+".key") }

// Has tells whether there is a key of that name, open or not.
func (k *Ring) Has(name string) bool {
	_, err := os.Stat(k.Path(name))
	return err == nil
}

// CreateKey returns the key of that name, and makes it first if there is none: an interrupted
// creation goes on with the key that it wrote. A key is on the disk before it is used.
func (k *Ring) CreateKey(req *kmsapi.CreateKeyRequest) (*kmsapi.CreateKeyResponse, error) {
	signer, err := k.CreateSigner(&kmsapi.CreateSignerRequest{SigningKey: req.Name})
	switch {
	case errors.Is(err, fs.ErrNotExist):
		made, file, discard, err := k.make(req)
		if err != nil {
			return nil, err
		}
		mine, err := k.agree(req.Name, file)
		if err != nil {
			return nil, err
		}
		if !mine {
			discard()
			return k.CreateKey(req)
		}
		signer = made
		k.mu.Lock()
		k.open[req.Name] = signer
		k.mu.Unlock()
	case err != nil:
		return nil, err
	}
	return &kmsapi.CreateKeyResponse{Name: req.Name, PublicKey: signer.Public(),
		CreateSignerRequest: kmsapi.CreateSignerRequest{Signer: signer, SigningKey: req.Name}}, nil
}

// make makes a key, in the token if it is for one, and its file. discard is for a key that is not
// used.
func (k *Ring) make(req *kmsapi.CreateKeyRequest) (signer crypto.Signer, file []byte, discard func(), err error) {
	if k.token != nil && req.ProtectionLevel == kmsapi.HSM {
		return k.token.create(req)
	}
	made, err := k.SoftKMS.CreateKey(req)
	if err != nil {
		return nil, nil, nil, err
	}
	file, err = k.encrypt(req.Name, made.PrivateKey)
	return made.CreateSignerRequest.Signer, file, func() {}, err
}

// encrypt is the file of a key.
func (k *Ring) encrypt(name string, key any) ([]byte, error) {
	passphrase, err := k.passphrase()
	if err != nil {
		return nil, err
	}
	der, err := pkcs8.MarshalPrivateKey(key, passphrase, &pkcs8.Opts{Cipher: pkcs8.AES256CBC,
		KDFOpts: pkcs8.PBKDF2Opts{SaltSize: 16, IterationCount: iterations(passphrase), HMACHash: crypto.SHA256}})
	if err != nil {
		return nil, i18n.Errorf("cannot encrypt key %s: %w", name, err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: "ENCRYPTED PRIVATE KEY", Bytes: der}), nil
}

// iterations is the count of PBKDF2 for a passphrase. It slows the guessing of what a person chose;
// the 192 random bits that a lab makes for itself are not guessed, and need none.
func iterations(passphrase []byte) int {
	if random, err := base64.RawURLEncoding.DecodeString(string(passphrase)); err == nil && len(random) == 24 {
		return 2048
	}
	return 600_000
}

// CreateSigner opens a key of the folder. The error is fs.ErrNotExist when there is none.
func (k *Ring) CreateSigner(req *kmsapi.CreateSignerRequest) (crypto.Signer, error) {
	if req.Signer != nil {
		return req.Signer, nil
	}
	name := req.SigningKey
	k.mu.Lock()
	signer, ok := k.open[name]
	k.mu.Unlock()
	if ok {
		return signer, nil
	}
	data, err := os.ReadFile(k.Path(name))
	fetched := errors.Is(err, fs.ErrNotExist)
	if fetched {
		data, err = k.fetch(name)
	}
	if err != nil {
		return nil, err
	}
	if signer, err = k.decrypt(name, data); err != nil {
		return nil, err
	}
	if fetched {
		err = k.save(k.Path(name), data)
	} else {
		err = k.offer(name, data, signer)
	}
	if err != nil {
		return nil, err
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	if first, ok := k.open[name]; ok {
		return first, nil
	}
	k.open[name] = signer
	return signer, nil
}

// decrypt opens the file of a key.
func (k *Ring) decrypt(name string, data []byte) (crypto.Signer, error) {
	block, _ := pem.Decode(data)
	if block != nil && block.Type == addressBlock {
		address, err := parseAddress(block.Bytes)
		if err != nil {
			return nil, store.Errorf(store.NotFound, "%s is damaged: it is not the address of a key in a PKCS#11 "+
				"token: %w; restore it from a copy of the lab", k.Path(name), err)
		}
		return k.token.signer(address, k.Path(name))
	}
	passphrase, err := k.passphrase()
	if err != nil {
		return nil, err
	}
	if block == nil || block.Type != "ENCRYPTED PRIVATE KEY" {
		return nil, store.Errorf(store.NotFound, "%s is damaged: it is not an encrypted PKCS#8 key; restore it from a copy of the lab",
			k.Path(name))
	}
	key, err := pkcs8.ParsePKCS8PrivateKey(block.Bytes, passphrase)
	if err != nil { // a wrong key decrypts to noise, so its error says nothing
		return nil, store.Errorf(store.Passphrase, "wrong passphrase: %s does not open with it; give the lab's with --passphrase-file or IGC_PASSPHRASE",
			k.Path(name))
	}
	signer, ok := key.(crypto.Signer)
	if !ok {
		return nil, store.Errorf(store.NotFound, "%s is damaged: it is not a key that signs; restore it from a copy of the lab",
			k.Path(name))
	}
	return signer, nil
}

// KeepCertificate writes an authority's certificate (DER) beside its key, unless one is there.
func (k *Ring) KeepCertificate(name string, der []byte) error {
	path := filepath.Join(k.dir, name+".cer")
	if _, err := os.Stat(path); err == nil {
		return nil
	}
	return k.save(path, der)
}
