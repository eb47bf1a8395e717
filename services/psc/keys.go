package psc

import (
	"bytes"
	"cmp"
	"context"
	"crypto"
	"crypto/hmac"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/sha512"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"encoding/json"
	"math/big"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/go-jose/go-jose/v4"

	"github.com/igc-lab/igc/ca/store"
)

var keyKind = store.DocumentKind{Name: "psc.key", Audited: true}

// sealPurpose names what is sealed for this package.
const (
	sealKey   = "psc.key"
	sealLogin = "psc.login"
)

// Sealer encrypts what is kept in the lab's records: lab.Lab.
type Sealer interface {
	Seal(purpose string, plain []byte) ([]byte, error)
	Unseal(purpose string, sealed []byte) ([]byte, error)
}

// keyDocument is a signing key as it is stored. Secret is for refresh tokens (HS512), which nobody
// but the provider reads.
type keyDocument struct {
	KID         string    `json:"kid"`
	Created     time.Time `json:"created"`
	Retired     time.Time `json:"retired,omitzero"` // signs no more; published until what it signed has expired
	Certificate []byte    `json:"certificate"`      // DER, self-signed, for x5c
	Sealed      []byte    `json:"sealed"`           // PKCS#8
	Secret      []byte    `json:"secret"`           // sealed
}

// signingKey is a key of the provider.
type signingKey struct {
	keyDocument
	private *rsa.PrivateKey
	secret  []byte

	header, macHeader string // of the JWTs that it signs (RS256) and that only the provider reads (HS512), encoded
}

// publishedFor is how long a retired key stays in the JWKS: longer than a session lasts.
const publishedFor = 24 * time.Hour

// keySize is that of Keycloak's keys.
const keySize = 2048

// newKey makes a key.
func newKey(seal Sealer, now time.Time) (*signingKey, error) {
	private, err := rsa.GenerateKey(rand.Reader, keySize)
	if err != nil {
		return nil, err
	}
	public := x509.MarshalPKCS1PublicKey(&private.PublicKey)
	sum := sha256.Sum256(public)
	k := &signingKey{private: private, secret: make([]byte, 64)}
	rand.Read(k.secret)
	k.KID, k.Created = base64.RawURLEncoding.EncodeToString(sum[:]), now.UTC().Truncate(time.Second)
	template := &x509.Certificate{SerialNumber: big.NewInt(now.UnixMilli()), Subject: pkix.Name{CommonName: realm},
		NotBefore: now.Add(-time.Minute), NotAfter: now.AddDate(10, 0, 0)}
	if k.Certificate, err = x509.CreateCertificate(rand.Reader, template, template, &private.PublicKey,
		private); err != nil {
		return nil, err
	}
	pkcs8, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		return nil, err
	}
	if k.Sealed, err = seal.Seal(sealKey, pkcs8); err != nil {
		return nil, err
	}
	if k.Secret, err = seal.Seal(sealKey, k.secret); err != nil {
		return nil, err
	}
	k.header, k.macHeader = header("RS256", k.KID), header("HS512", k.KID)
	return k, nil
}

func openKey(seal Sealer, doc keyDocument) (*signingKey, error) {
	k := &signingKey{keyDocument: doc, header: header("RS256", doc.KID), macHeader: header("HS512", doc.KID)}
	pkcs8, err := seal.Unseal(sealKey, doc.Sealed)
	if err != nil {
		return nil, err
	}
	if k.secret, err = seal.Unseal(sealKey, doc.Secret); err != nil {
		return nil, err
	}
	key, err := x509.ParsePKCS8PrivateKey(pkcs8)
	if err != nil {
		return nil, store.Errorf(store.Damaged, "the document %s/%s: %w", keyKind.Name, doc.KID, err)
	}
	private, ok := key.(*rsa.PrivateKey)
	if !ok {
		return nil, store.Errorf(store.Damaged, "the document %s/%s is not an RSA key", keyKind.Name, doc.KID)
	}
	k.private = private
	return k, nil
}

// header is the header of a JWS, encoded, in the order of the real one.
func header(alg, kid string) string {
	return base64.RawURLEncoding.EncodeToString([]byte(`{"alg":"` + alg + `","typ":"JWT","kid":"` + kid + `"}`))
}

// sign makes a JWS of claims (RFC 7515 §7.1). go-jose sorts the members of the header, and here the
// order is the real one's.
func (k *signingKey) sign(claims []byte) (string, error) {
	size := len(k.header) + 1 + base64.RawURLEncoding.EncodedLen(len(claims))
	token := make([]byte, 0, size+1+base64.RawURLEncoding.EncodedLen(k.private.Size()))
	token = append(append(token, k.header...), '.')
	token = base64.RawURLEncoding.AppendEncode(token, claims)
	sum := sha256.Sum256(token)
	signature, err := rsa.SignPKCS1v15(nil, k.private, crypto.SHA256, sum[:])
	if err != nil {
		return "", err
	}
	return string(base64.RawURLEncoding.AppendEncode(append(token, '.'), signature)), nil
}

// keyring holds the keys of the provider as they were last read.
type keyring struct {
	documents store.DocumentStore
	seal      Sealer
	now       func() time.Time

	mu   sync.Mutex
	read time.Time // in the system's time
	keys []*signingKey
}

// keysKept is how long the keys are used without reading them again.
const keysKept = time.Second

// all returns the keys that are published, the one that signs first. The first call of a lab makes
// one.
func (r *keyring) all(ctx context.Context) ([]*signingKey, error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if since := time.Since(r.read); len(r.keys) > 0 && since < keysKept {
		return r.keys, nil
	}
	for {
		keys, err := r.load(ctx)
		if err != nil {
			return nil, err
		}
		if len(keys) > 0 && keys[0].Retired.IsZero() {
			r.keys, r.read = keys, time.Now()
			return keys, nil
		}
		// A node that makes the first key at the same moment makes one more: the newest signs.
		if err := addKey(ctx, r.documents, r.seal, r.now(), "system", nil); err != nil {
			return nil, err
		}
	}
}

func (r *keyring) load(ctx context.Context) (keys []*signingKey, err error) {
	docs, err := r.documents.ScanDocuments(ctx, keyKind, "")
	if err != nil {
		return nil, err
	}
	for _, doc := range docs {
		var d keyDocument
		if err := json.Unmarshal(doc.Value, &d); err != nil {
			return nil, store.Errorf(store.Damaged, "the document %s/%s: %w", keyKind.Name, doc.Key, err)
		}
		if !d.Retired.IsZero() && r.now().Sub(d.Retired) > publishedFor {
			continue
		}
		if i := slices.IndexFunc(r.keys, func(k *signingKey) bool { return k.KID == d.KID }); i >= 0 {
			old := *r.keys[i]
			old.Retired = d.Retired
			keys = append(keys, &old)
			continue
		}
		k, err := openKey(r.seal, d)
		if err != nil {
			return nil, err
		}
		keys = append(keys, k)
	}
	slices.SortFunc(keys, func(a, b *signingKey) int {
		if a.Retired.IsZero() != b.Retired.IsZero() {
			if a.Retired.IsZero() {
				return -1
			}
			return 1
		}
		return cmp.Or(b.Created.Compare(a.Created), cmp.Compare(a.KID, b.KID))
	})
	return keys, nil
}

// current is the key that signs.
func (r *keyring) current(ctx context.Context) (*signingKey, error) {
	keys, err := r.all(ctx)
	if err != nil {
		return nil, err
	}
	return keys[0], nil
}

func addKey(ctx context.Context, documents store.DocumentStore, seal Sealer, now time.Time, actor string,
	retired []store.DocumentWrite) error {
	k, err := newKey(seal, now)
	if err != nil {
		return err
	}
	value, err := json.Marshal(k.keyDocument)
	if err != nil {
		return err
	}
	_, err = documents.WriteDocuments(ctx, actor, append(retired, store.DocumentWrite{Kind: keyKind, Key: k.KID,
		Value: value})...)
	return err
}

// RotateKey makes a new signing key. The former ones sign no more, and stay in the JWKS for a day.
func RotateKey(ctx context.Context, documents store.DocumentStore, seal Sealer, now time.Time, actor string) error {
	docs, err := documents.ScanDocuments(ctx, keyKind, "")
	if err != nil {
		return err
	}
	var writes []store.DocumentWrite
	for _, doc := range docs {
		var d keyDocument
		if err := json.Unmarshal(doc.Value, &d); err != nil {
			return store.Errorf(store.Damaged, "the document %s/%s: %w", keyKind.Name, doc.Key, err)
		}
		if d.Retired.IsZero() {
			d.Retired = now.UTC().Truncate(time.Second)
			value, err := json.Marshal(d)
			if err != nil {
				return err
			}
			writes = append(writes, store.DocumentWrite{Kind: keyKind, Key: doc.Key, Value: value,
				IfVersion: &doc.Version})
		}
	}
	return addKey(ctx, documents, seal, now, actor, writes)
}

// jwk is a key as Keycloak publishes it, in its order.
type jwk struct {
	KID     string   `json:"kid"`
	Kty     string   `json:"kty"`
	Alg     string   `json:"alg"`
	Use     string   `json:"use"`
	N       string   `json:"n"`
	E       string   `json:"e"`
	X5C     []string `json:"x5c"`
	X5T     string   `json:"x5t"`
	X5TS256 string   `json:"x5t#S256"`
}

func (k *signingKey) jwk() jwk {
	one, two := sha1.Sum(k.Certificate), sha256.Sum256(k.Certificate)
	return jwk{KID: k.KID, Kty: "RSA", Alg: "RS256", Use: "sig",
		N:   base64.RawURLEncoding.EncodeToString(k.private.N.Bytes()),
		E:   base64.RawURLEncoding.EncodeToString(big.NewInt(int64(k.private.E)).Bytes()),
		X5C: []string{base64.StdEncoding.EncodeToString(k.Certificate)},
		X5T: base64.RawURLEncoding.EncodeToString(one[:]), X5TS256: base64.RawURLEncoding.EncodeToString(two[:])}
}

// maxToken bounds what is parsed as a token.
const maxToken = 16 << 10

// exact decodes base64 in its one form: of two texts only one is a token.
var exact = base64.RawURLEncoding.Strict()

// open verifies a JWT that the provider signed and returns its claims, whatever their dates; ok is
// false for anything else. The header is compared with those that the provider writes and not read:
// nothing in it can choose a key or an algorithm.
func (r *keyring) open(ctx context.Context, token string, alg jose.SignatureAlgorithm) (claims []byte, ok bool,
	err error) {
	end := strings.LastIndexByte(token, '.')
	if len(token) > maxToken || end < 0 {
		return nil, false, nil
	}
	head, payload, _ := strings.Cut(token[:end], ".")
	keys, err := r.all(ctx)
	if err != nil {
		return nil, false, err
	}
	signature, err := exact.DecodeString(token[end+1:])
	if err != nil {
		return nil, false, nil
	}
	for _, k := range keys {
		switch {
		case alg == jose.RS256 && head == k.header:
			sum := sha256.Sum256([]byte(token[:end]))
			ok = rsa.VerifyPKCS1v15(&k.private.PublicKey, crypto.SHA256, sum[:], signature) == nil
		case alg == jose.HS512 && head == k.macHeader:
			ok = hmac.Equal(signature, k.sum([]byte(token[:end])))
		}
		if ok {
			break
		}
	}
	if !ok {
		return nil, false, nil
	}
	claims, err = exact.DecodeString(payload)
	return claims, err == nil && bytes.HasPrefix(claims, []byte("{")), nil
}

// mac makes a JWS of claims that only the provider reads (HS512).
func (k *signingKey) mac(claims []byte) string {
	token := append([]byte(k.macHeader), '.')
	token = base64.RawURLEncoding.AppendEncode(token, claims)
	sum := k.sum(token)
	return string(base64.RawURLEncoding.AppendEncode(append(token, '.'), sum))
}

func (k *signingKey) sum(token []byte) []byte {
	h := hmac.New(sha512.New, k.secret)
	h.Write(token)
	return h.Sum(nil)
}

// public is the public key (SubjectPublicKeyInfo) in base64.
func (k *signingKey) public() string {
	der, err := x509.MarshalPKIXPublicKey(&k.private.PublicKey)
	if err != nil {
		return "" // an RSA key can be encoded
	}
	return base64.StdEncoding.EncodeToString(der)
}
