// Package folder is the folder of a card: what is in it, how it is written, and card.json.
//
//	card.json             what the card is, in words that do not need its certificates
//	chain.pem             the issuing authority and its root
//	ROLE.pem              a certificate: authentication, signature
//	ROLE.key              its key, PKCS#8, encrypted with the PIN
//	ROLE.p12              key, certificate and chain, encrypted with the PIN
//	ROLE.clear.key        its key, PKCS#8, unprotected: where that was asked for
//	ROLE.bundle.pem       key, certificate and chain, unprotected: likewise
//	unblocking-code       of a card whose unblocking code is not that of all others
//
// The PIN is a password of any length where the certificates are not those of a card. When the key
// is the holder's own, there is no file that has it.
//
// A folder appears whole or not at all: [Begin] makes one under a temporary name, with space set
// aside for its content, [Draft.Fill] writes it, [Draft.Name] gives it its name.
package folder

import (
	"crypto"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/youmark/pkcs8"

	vcard "github.com/igc-lab/igc/card"
	"github.com/igc-lab/igc/internal/atomicfile"
	"github.com/igc-lab/igc/internal/i18n"
	"github.com/igc-lab/igc/internal/p12"
	"github.com/igc-lab/igc/profiles"
)

// FileName is the name of the file that says what a card is.
const FileName = "card.json"

// Card is card.json.
type Card struct {
	Product      string          `json:"product"`
	Label        string          `json:"label"`
	CardNumber   string          `json:"card_number,omitempty"`
	Holder       profiles.Holder `json:"holder"`
	Lab          string          `json:"lab"`               // always "TEST": no card of a lab is anything else
	Faithful     bool            `json:"faithful"`          // keys are those of the real products
	OwnKey       bool            `json:"own_key,omitempty"` // the holder made the keys, and the folder has none
	Certificates []Certificate   `json:"certificates"`

	LeftAside []i18n.Text `json:"left_aside,omitempty"` // what the certification requests asked for beyond the profile
}

// Certificate is one of a card's certificates, and its files.
type Certificate struct {
	Role        string          `json:"role"`
	Profile     string          `json:"profile"`
	Status      profiles.Status `json:"status"` // attested or modelled
	Serial      string          `json:"serial"`
	NotBefore   time.Time       `json:"not_before"`
	NotAfter    time.Time       `json:"not_after"`
	Certificate string          `json:"certificate"`         // PEM
	Key         string          `json:"key,omitempty"`       // PEM, PKCS#8, encrypted with the PIN
	PKCS12      string          `json:"pkcs12,omitempty"`    // key, certificate and chain, encrypted with the PIN
	ClearKey    string          `json:"clear_key,omitempty"` // PEM, PKCS#8, unprotected
	Bundle      string          `json:"bundle,omitempty"`    // PEM: key, certificate and chain, unprotected
}

// Files are the names of the certificate's files that the folder has.
func (c Certificate) Files() []string {
	return slices.DeleteFunc([]string{c.Certificate, c.Key, c.PKCS12, c.ClearKey, c.Bundle},
		func(s string) bool { return s == "" })
}

// Read reads the card.json of a folder. The error is fs.ErrNotExist when there is none.
func Read(dir string) (*Card, error) {
	data, err := os.ReadFile(filepath.Join(dir, FileName))
	if err != nil {
		return nil, err
	}
	c := &Card{}
	if err := json.Unmarshal(data, c); err != nil {
		return nil, i18n.Errorf("%s: %w", filepath.Join(dir, FileName), err)
	}
	return c, nil
}

// CheckPIN holds a PIN to the form of the real ones.
func CheckPIN(pin string) error {
	if len(pin) < 4 || len(pin) > 8 || strings.Trim(pin, "0123456789") != "" {
		return errors.New("a PIN is four to eight digits")
	}
	return nil
}

// CheckPassword refuses passwords that programs differ on.
func CheckPassword(password string) error {
	switch {
	case password == "":
		return errors.New("the password is empty: programs differ on what that means for a PKCS#12")
	case !utf8.ValidString(password):
		return errors.New("the password is not valid UTF-8")
	case strings.ContainsRune(password, 0):
		return errors.New("the password holds a NUL, where C programs end it")
	}
	return nil
}

// Content is what is written of a card beside what its certificates say.
type Content struct {
	Card         Card          // without its Certificates
	Certificates []Certificate // of which the names of files are set here
	DER          [][]byte      // certificates, in the same order
	Keys         []crypto.Signer
	Chain        [][]byte // DER of the issuing authority and of its root
	PIN          string   // protects the keys and the PKCS#12 files
	LegacyP12    bool     // 3DES and SHA-1, for software that reads nothing newer
	ClearKeys    bool     // the keys are also written unprotected, for software that takes no password

	UnblockingCode string // empty for the one that all cards have by default
}

// keyEncryption is as strong as that of the PKCS#12 beside it: the PIN, not the count, is what a
// card's files rest on.
var keyEncryption = &pkcs8.Opts{Cipher: pkcs8.AES256CBC,
	KDFOpts: pkcs8.PBKDF2Opts{SaltSize: 16, IterationCount: 2048, HMACHash: crypto.SHA256}}

// diskReservation is more than a card's folder takes: it is written, and thrown away, before a
// certificate is asked for, so that a full disk stops the card while nothing has been issued.
const diskReservation = 64 << 10

// Draft is a folder without its name.
type Draft struct{ dir string }

// Begin makes a draft in the folder where the card will be.
func Begin(parent string) (*Draft, error) {
	dir, err := os.MkdirTemp(parent, ".card-*") // 0700
	if err != nil {
		return nil, err
	}
	d := &Draft{dir}
	if err := writeNew(d.reservation(), make([]byte, diskReservation)); err != nil {
		return nil, errors.Join(err, d.Discard())
	}
	return d, nil
}

func (d *Draft) reservation() string { return filepath.Join(d.dir, "reservation") }

// Discard removes the draft. Nothing is left of one that has its name.
func (d *Draft) Discard() error { return os.RemoveAll(d.dir) }

// Fill writes the card, in the space that was set aside, and syncs it to the disk.
func (d *Draft) Fill(c Content) (*Card, error) {
	files, card, err := c.files()
	if err != nil {
		return nil, err
	}
	if err := os.Remove(d.reservation()); err != nil {
		return nil, err
	}
	for name, data := range files {
		if err := writeNew(filepath.Join(d.dir, name), data); err != nil {
			return nil, err
		}
	}
	return card, atomicfile.SyncFiles(d.dir)
}

// Name gives the folder its name, after Fill.
func (d *Draft) Name(dir string) error {
	if err := os.Rename(d.dir, dir); err != nil {
		return err
	}
	return atomicfile.SyncDir(filepath.Dir(dir))
}

// files encodes the card.
func (c Content) files() (map[string][]byte, *Card, error) {
	var chain []*x509.Certificate
	var chainPEM []byte
	for _, der := range c.Chain {
		authority, err := x509.ParseCertificate(der)
		if err != nil {
			return nil, nil, err
		}
		chain = append(chain, authority)
		chainPEM = append(chainPEM, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})...)
	}
	files := map[string][]byte{"chain.pem": chainPEM}
	if c.UnblockingCode != "" {
		files[vcard.UnblockingFile] = []byte(c.UnblockingCode + "\n")
	}
	card := c.Card
	for i, one := range c.Certificates {
		certificate, err := x509.ParseCertificate(c.DER[i])
		if err != nil {
			return nil, nil, err
		}
		one.Certificate = one.Role + ".pem"
		files[one.Certificate] = pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: c.DER[i]})
		if !card.OwnKey {
			if err := c.addKey(files, &one, c.Keys[i], certificate, chain); err != nil {
				return nil, nil, err
			}
		}
		card.Certificates = append(card.Certificates, one)
	}
	var err error
	files[FileName], err = json.MarshalIndent(card, "", "  ")
	return files, &card, err
}

// addKey adds the files that hold a key.
func (c Content) addKey(files map[string][]byte, one *Certificate, private crypto.Signer,
	certificate *x509.Certificate, chain []*x509.Certificate) error {
	one.Key, one.PKCS12 = one.Role+".key", one.Role+".p12"
	var err error
	if files[one.Key], err = EncryptedKey(private, c.PIN); err != nil {
		return i18n.Errorf("key of %s: %w", one.Role, err)
	}
	if files[one.PKCS12], err = p12.Encode(form(c.LegacyP12), private, certificate, chain,
		FriendlyName(c.Card.Holder, one.Role), c.PIN); err != nil {
		return i18n.Errorf("PKCS#12 of %s: %w", one.Role, err)
	}
	if !c.ClearKeys {
		return nil
	}
	one.ClearKey, one.Bundle = one.Role+".clear.key", one.Role+".bundle.pem"
	if files[one.ClearKey], err = ClearKey(private); err != nil {
		return i18n.Errorf("key of %s: %w", one.Role, err)
	}
	files[one.Bundle] = slices.Concat(files[one.ClearKey], files[one.Certificate], files["chain.pem"])
	return nil
}

func form(legacy bool) p12.Form {
	if legacy {
		return p12.Legacy
	}
	return p12.Modern
}

// FriendlyName is the name by which programs list a key and its certificate.
func FriendlyName(holder profiles.Holder, role string) string {
	return holder.DisplayName() + " (" + role + ")"
}

// EncryptedKey is a key as PEM that a password protects: PKCS#8.
func EncryptedKey(key crypto.Signer, password string) ([]byte, error) {
	der, err := pkcs8.MarshalPrivateKey(key, []byte(password), keyEncryption)
	if err != nil {
		return nil, err
	}
	return pem.EncodeToMemory(&pem.Block{Type: "ENCRYPTED PRIVATE KEY", Bytes: der}), nil
}

// ClearKey is a key as PEM that no password protects: PKCS#8.
func ClearKey(key crypto.Signer) ([]byte, error) {
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return nil, err
	}
	return pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}), nil
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
