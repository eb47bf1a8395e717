package ca

import (
	"context"
	"crypto"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/youmark/pkcs8"
	"software.sslmate.com/src/go-pkcs12"

	"github.com/igc-lab/igc/internal/atomicfile"
	"github.com/igc-lab/igc/profiles"
)

// CardOrder asks for a card: its certificates and the folder that holds them with their keys.
type CardOrder struct {
	IssueRequest           // its public keys are made here
	Key          KeyPolicy // of the holder's keys
	PIN          string    // four to eight digits: protects the keys and the PKCS#12 files
	LegacyP12    bool      // 3DES and SHA-1, for software that reads nothing newer
	Out          string    // the folder to write; empty for one named after the card's number
	Into         string    // the folder in which that one is; empty for the lab's cards
}

// CardFile is card.json: what a card is, in words that do not need its certificates.
type CardFile struct {
	Product      string            `json:"product"`
	Label        string            `json:"label"`
	CardNumber   string            `json:"card_number,omitempty"`
	Holder       profiles.Holder   `json:"holder"`
	Lab          string            `json:"lab"`      // always "TEST": no card of a lab is anything else
	Faithful     bool              `json:"faithful"` // keys are those of the real products
	Certificates []CardCertificate `json:"certificates"`
}

// CardCertificate is one of a card's certificates, and its files.
type CardCertificate struct {
	Role        string          `json:"role"`
	Profile     string          `json:"profile"`
	Status      profiles.Status `json:"status"` // attested or modelled
	Serial      string          `json:"serial"`
	NotBefore   time.Time       `json:"not_before"`
	NotAfter    time.Time       `json:"not_after"`
	Certificate string          `json:"certificate"` // PEM
	Key         string          `json:"key"`         // PEM, PKCS#8, encrypted with the PIN
	PKCS12      string          `json:"pkcs12"`      // key, certificate and chain, encrypted with the PIN
}

// CheckPIN holds a PIN to the form of the real ones.
func CheckPIN(pin string) error {
	if len(pin) < 4 || len(pin) > 8 || strings.Trim(pin, "0123456789") != "" {
		return fail(Invalid, "a PIN is four to eight digits")
	}
	return nil
}

// keyEncryption is as strong as that of the PKCS#12 beside it: the PIN, not the count, is what a
// card's files rest on.
var keyEncryption = &pkcs8.Opts{Cipher: pkcs8.AES256CBC, KDFOpts: pkcs8.PBKDF2Opts{SaltSize: 16, IterationCount: 2048, HMACHash: crypto.SHA256}}

// diskReservation is more than a card's folder takes: it is written, and thrown away, before a
// certificate is asked for, so that a full disk stops the card while nothing has been issued.
const diskReservation = 64 << 10

// MakeCard makes the keys, has the certificates issued and writes the card's folder, which appears
// whole or not at all.
func MakeCard(ctx context.Context, s Service, home string, order CardOrder) (*CardFile, string, error) {
	product, err := order.Check()
	if err != nil {
		return nil, "", err
	}
	if err := CheckPIN(order.PIN); err != nil {
		return nil, "", err
	}
	if err := CheckIssuable(ctx, s, product.ID); err != nil {
		return nil, "", err
	}
	parent := order.Into
	if parent == "" {
		parent = filepath.Join(home, "cards")
	}
	if order.Out != "" {
		if entries, err := os.ReadDir(order.Out); err == nil && len(entries) > 0 {
			return nil, "", fail(Conflict, "%s is there and not empty: choose another folder", order.Out)
		} else if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return nil, "", fail(Unwritable, "cannot write the card: %w", err)
		}
		parent = filepath.Dir(filepath.Clean(order.Out))
		if err := os.MkdirAll(parent, 0o700); err != nil {
			return nil, "", fail(Unwritable, "cannot write the card: %w", err)
		}
	}
	work, err := os.MkdirTemp(parent, ".card-*") // 0700
	if err != nil {
		return nil, "", fail(Unwritable, "cannot write the card: %w", err)
	}
	defer os.RemoveAll(work) // nothing is left of it once it is renamed
	reservation := filepath.Join(work, "reserve")
	if err := writeNew(reservation, make([]byte, diskReservation)); err != nil {
		return nil, "", fail(Unwritable, "cannot write the card: %w", err)
	}

	keys, err := generate(product, order.Key)
	if err != nil {
		return nil, "", err
	}
	order.PublicKeys = map[string][]byte{}
	for role, key := range keys {
		if order.PublicKeys[role], err = x509.MarshalPKIXPublicKey(key.Public()); err != nil {
			return nil, "", err
		}
	}
	if err := ctx.Err(); err != nil {
		return nil, "", err
	}
	issued, err := s.Issue(ctx, order.IssueRequest)
	if err != nil {
		return nil, "", err
	}

	dir := order.Out
	if dir == "" {
		name := issued.Records[0].Holder.CardNumber
		if name == "" {
			name = issued.Records[0].Serial
		}
		dir = filepath.Join(parent, name)
	}
	card, err := fill(work, reservation, product, order, keys, issued)
	if err == nil {
		if err = os.Rename(work, dir); err == nil {
			err = atomicfile.SyncDir(parent)
		}
	}
	if err != nil {
		return nil, "", fail(Unwritable, "the certificates are recorded, but their folder %s could not be written (%w): revoke %s and issue again",
			dir, err, issued.Records[0].Serial)
	}
	return card, dir, nil
}

// generate makes the keys of a product's certificates, at once.
func generate(product *profiles.Product, policy KeyPolicy) (map[string]crypto.Signer, error) {
	keys := map[string]crypto.Signer{}
	var mu sync.Mutex
	var wg sync.WaitGroup
	var failed error
	for _, p := range product.Certificates {
		wg.Go(func() {
			key, err := policy.Generate()
			mu.Lock()
			defer mu.Unlock()
			keys[p.Role], failed = key, errors.Join(failed, err)
		})
	}
	wg.Wait()
	return keys, failed
}

// fill writes a card's files, in the place of the reservation.
func fill(dir, reservation string, product *profiles.Product, order CardOrder, keys map[string]crypto.Signer, issued *Issued) (*CardFile, error) {
	var chain []*x509.Certificate
	var chainPEM []byte
	for _, der := range issued.Chain {
		c, err := x509.ParseCertificate(der)
		if err != nil {
			return nil, err
		}
		chain = append(chain, c)
		chainPEM = append(chainPEM, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})...)
	}
	p12 := pkcs12.Modern2023
	if order.LegacyP12 {
		p12 = pkcs12.LegacyDES
	}
	files := map[string][]byte{"chain.pem": chainPEM}
	first := issued.Records[0]
	card := &CardFile{Product: product.ID, Label: product.FR, CardNumber: first.Holder.CardNumber, Holder: first.Holder, Lab: "TEST",
		Faithful: order.Key.Faithful()}
	for i, record := range issued.Records {
		profile := product.Certificates[i]
		role := profile.Role
		cert, err := record.Certificate()
		if err != nil {
			return nil, err
		}
		entry := CardCertificate{role, profile.ID(), profile.StatusIn(record.Generation()), record.Serial, record.NotBefore, record.NotAfter,
			role + ".pem", role + ".key", role + ".p12"}
		files[entry.Certificate] = pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: record.DER})
		key, err := pkcs8.MarshalPrivateKey(keys[role], []byte(order.PIN), keyEncryption)
		if err != nil {
			return nil, fmt.Errorf("key of %s: %w", role, err)
		}
		files[entry.Key] = pem.EncodeToMemory(&pem.Block{Type: "ENCRYPTED PRIVATE KEY", Bytes: key})
		if files[entry.PKCS12], err = p12.Encode(keys[role], cert, chain, order.PIN); err != nil {
			return nil, fmt.Errorf("PKCS#12 of %s: %w", role, err)
		}
		card.Certificates = append(card.Certificates, entry)
	}
	var err error
	if files["card.json"], err = json.MarshalIndent(card, "", "  "); err != nil {
		return nil, err
	}
	if err := os.Remove(reservation); err != nil {
		return nil, err
	}
	for name, data := range files {
		if err := writeNew(filepath.Join(dir, name), data); err != nil {
			return nil, err
		}
	}
	return card, atomicfile.SyncFiles(dir) // before the folder has its name
}

// writeNew writes a file that is not there yet.
func writeNew(path string, data []byte) error {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	_, err = f.Write(data)
	return errors.Join(err, f.Close())
}
