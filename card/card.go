package card

import (
	"bytes"
	"crypto/rsa"
	"crypto/x509"
	"encoding/hex"
	"encoding/json"
	"encoding/pem"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"golang.org/x/crypto/cryptobyte"
	cbasn1 "golang.org/x/crypto/cryptobyte/asn1"

	"github.com/igc-lab/igc/internal/i18n"
	"github.com/igc-lab/igc/profiles"
)

// Errors that say what became of a card. Others are of its files.
var (
	ErrNotFound = errors.New("no such card")
	ErrNotCard  = errors.New("not a card")
	ErrForm     = errors.New("not four to eight digits")
)

// ChipType is the kind of chip that a card plays. It decides which signatures its keys make.
type ChipType string

// A CPS3 pads by itself, PKCS#1 v1.5 and nothing else, which TLS 1.3 does not take; a CPS4 makes
// RSA-PSS too.
const (
	CPS3 ChipType = "cps3"
	CPS4 ChipType = "cps4"
)

// ParseChipType reads a generation, in any case.
func ParseChipType(s string) (ChipType, error) {
	switch g := ChipType(strings.ToLower(s)); g {
	case CPS3, CPS4:
		return g, nil
	}
	return "", i18n.Errorf("generation %q is neither cps3 nor cps4", s)
}

// ATR is what the chip answers to a reset, in contact (reference §5.2).
func (g ChipType) ATR() []byte {
	if g == CPS4 {
		return []byte{0x3B, 0x9B, 0x18, 0x80, 0x01, 0x00, 0x12, 0x25, 0x00, 0x64, 0x80, 0x04, 0x01, 0x00, 0x00, 0x90, 0x44}
	}
	return []byte{0x3B, 0xAC, 0x00, 0x40, 0x2A, 0x00, 0x12, 0x25, 0x00, 0x64, 0x80, 0x00, 0x03, 0x10, 0x00, 0x90, 0x00}
}

// PSS tells whether the chip makes RSA-PSS signatures.
func (g ChipType) PSS() bool { return g == CPS4 }

// What all cards say of themselves. Manufacturer is where a card of the lab tells that it is none
// of the real ones; AID is the application (reference §5.1), with which the identifiers of its keys
// begin.
const (
	Manufacturer = "Labo IGC-Sante"
	AID          = "E828BD080F8025000001FF0010"
)

// KeySlot is one of the places that a card has for a key and its certificate, with the names that
// they have on real cards (reference §5.1, OpenSC issue 2267).
type KeySlot struct {
	Role             string // of the certificate, in the card's folder
	Certificate      string // labels
	Private          string
	Decrypts         bool // the key does so besides
	AlwaysAuthorized bool // under a strict PIN it is asked for before every signature
	references       map[ChipType]byte
}

// KeySlots lists them. Software sees the signature's first: cards list their keys by reference.
var KeySlots = []KeySlot{
	{"authentication", "Certificat d'Authentification CPS", "CPS_PRIV_AUT", true, false, map[ChipType]byte{CPS3: 0x02, CPS4: 0x20}},
	{"signature", "Certificat de Signature CPS", "CPS_PRIV_SIG", false, true, map[ChipType]byte{CPS3: 0x01, CPS4: 0x10}},
}

// Reference is the key's number in the application.
func (p KeySlot) Reference(g ChipType) byte { return p.references[g] }

// ID is the CKA_ID of key and certificate: the application and the key's number there.
func (p KeySlot) ID(g ChipType) []byte {
	id, _ := hex.DecodeString(AID) // a constant
	return append(id, p.references[g])
}

// Card is a card's folder, read. It holds nothing that is secret, and nothing that changes: those
// are asked for.
type Card struct {
	Dir          string
	Number       string // ten digits
	Holder       profiles.Holder
	Product      *profiles.Product // nil where the certificates fit none
	Certificates []Certificate     // those that the folder has, in the order of Places
}

// Certificate is one of a card's certificates.
type Certificate struct {
	KeySlot
	*profiles.Decoded
	Public any // *rsa.PublicKey or *ecdsa.PublicKey

	// Parts of it as they are encoded, for those who compare bytes.
	SubjectDER, IssuerDER []byte
	SerialContent         []byte // the INTEGER without its tag and length
}

// Read reads a card's folder: the certificates that have a key beside them. card.json is asked for
// the card's number only where the certificates do not say it, so that cards made wrong on purpose
// can be inserted too.
func Read(dir string) (*Card, error) {
	dir = resolve(dir)
	if _, err := os.Stat(dir); errors.Is(err, fs.ErrNotExist) {
		return nil, i18n.Errorf("%w: there is no folder %s", ErrNotFound, dir)
	}
	c := &Card{Dir: dir}
	for _, place := range KeySlots {
		data, err := os.ReadFile(filepath.Join(dir, place.Role+".pem"))
		if errors.Is(err, fs.ErrNotExist) {
			continue
		} else if err != nil {
			return nil, err
		}
		cert, err := readCertificate(place, data)
		if err != nil {
			return nil, i18n.Errorf("%s: %w", filepath.Join(dir, place.Role+".pem"), err)
		}
		if _, err := os.Stat(c.keyFile(place.Role)); err != nil {
			return nil, i18n.Errorf("%w: the certificate has no key: %w", ErrNotCard, err)
		}
		c.Certificates = append(c.Certificates, cert)
	}
	if len(c.Certificates) == 0 {
		return nil, i18n.Errorf("%w: %s has no authentication or signature certificate", ErrNotCard, dir)
	}
	first := c.Certificates[0]
	c.Holder, c.Number = first.Holder, first.Holder.CardNumber
	if first.Profile != nil {
		c.Product = first.Profile.Product
	}
	var file struct {
		Number string `json:"card_number"`
	}
	if data, err := os.ReadFile(filepath.Join(dir, "card.json")); err == nil && c.Number == "" && json.Unmarshal(data, &file) == nil {
		c.Number = file.Number
	}
	if !isDigits(c.Number, 10, 10) {
		return nil, i18n.Errorf("%w: %s has no card number; software certificates are imported as PKCS#12",
			ErrNotCard, dir)
	}
	return c, nil
}

// resolve is the one name of a folder, by which a card is told from another.
func resolve(dir string) string {
	if abs, err := filepath.Abs(dir); err == nil {
		dir = abs
	}
	if real, err := filepath.EvalSymlinks(dir); err == nil {
		dir = real
	}
	return dir
}

func (c *Card) keyFile(role string) string { return filepath.Join(c.Dir, role+".key") }

func readCertificate(place KeySlot, data []byte) (Certificate, error) {
	block, _ := pem.Decode(data)
	if block == nil || block.Type != "CERTIFICATE" {
		return Certificate{}, i18n.Errorf("%w: no certificate in PEM", ErrNotCard)
	}
	decoded, err := profiles.Decode(block.Bytes)
	if err != nil {
		return Certificate{}, err
	}
	c := Certificate{KeySlot: place, Decoded: decoded}
	if c.Public, err = x509.ParsePKIXPublicKey(decoded.SubjectPublicKeyInfo); err != nil {
		return Certificate{}, err
	}
	// TBSCertificate ::= SEQUENCE { version [0], serialNumber, signature, issuer, validity,
	// subject, ... }, RFC 5280 §4.1
	in := cryptobyte.String(decoded.Raw)
	var cert, tbs, serial cryptobyte.String
	ok := in.ReadASN1(&cert, cbasn1.SEQUENCE) && cert.ReadASN1(&tbs, cbasn1.SEQUENCE) &&
		tbs.SkipOptionalASN1(cbasn1.Tag(0).Constructed().ContextSpecific()) &&
		tbs.ReadASN1(&serial, cbasn1.INTEGER) && tbs.SkipASN1(cbasn1.SEQUENCE) &&
		readElement(&tbs, &c.IssuerDER, cbasn1.SEQUENCE) && tbs.SkipASN1(cbasn1.SEQUENCE) &&
		readElement(&tbs, &c.SubjectDER, cbasn1.SEQUENCE)
	c.SerialContent = serial
	if !ok {
		return Certificate{}, i18n.Errorf("%w: broken certificate", ErrNotCard)
	}
	return c, nil
}

func readElement(from *cryptobyte.String, out *[]byte, tag cbasn1.Tag) bool {
	return from.ReadASN1Element((*cryptobyte.String)(out), tag)
}

// Faithful tells whether the keys are those of real cards: RSA of 2048 bits.
func (c *Card) Faithful() bool {
	for _, cert := range c.Certificates {
		if key, ok := cert.Public.(*rsa.PublicKey); !ok || key.N.BitLen() != 2048 {
			return false
		}
	}
	return true
}

// DefaultChipType is that of a card which nobody told: certificates have had the 2023 layout since
// CPS4 are the only cards handed out, and cards of the layout before are CPS3.
func (c *Card) DefaultChipType() ChipType {
	if c.Certificates[0].Generation == profiles.Gen2023 {
		return CPS4
	}
	return CPS3
}

// Label is the token label of the Cryptolib, such as "CPS3v3-2800811368" (reference §5.1).
func (c *Card) Label(g ChipType) string {
	if g == CPS4 {
		return "CPS4v1-" + c.Number
	}
	return "CPS3v3-" + c.Number
}

// Serial is what the Cryptolib shows of the number: it takes the last byte of EF.SN.ICC for a check
// digit and its padding.
func (c *Card) Serial() string { return c.Number[:8] }

// List reads the lab's cards, and those of elsewhere that are inserted. Folders that hold no card
// are passed over: software certificates stand beside cards.
func List(home string) ([]*Card, error) {
	home = resolve(home)
	entries, err := os.ReadDir(filepath.Join(home, "cards")) // sorted
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	var all []*Card
	for _, e := range entries {
		if strings.HasPrefix(e.Name(), ".") { // being written
			continue
		}
		c, err := Read(filepath.Join(home, "cards", e.Name()))
		if errors.Is(err, ErrNotCard) {
			continue
		} else if err != nil {
			return nil, err
		}
		all = append(all, c)
	}
	inserted, err := NewReaders(home).Inserted()
	if err != nil {
		return nil, err
	}
	for _, in := range inserted {
		if filepath.Dir(in.Dir) == filepath.Join(home, "cards") {
			continue
		}
		if c, err := Read(in.Dir); err == nil {
			all = append(all, c)
		}
	}
	return all, nil
}

func isDigits(s string, least, most int) bool {
	return len(s) >= least && len(s) <= most && strings.Trim(s, "0123456789") == ""
}

func equalPublic(a, b any) bool {
	left, err := x509.MarshalPKIXPublicKey(a)
	if err != nil {
		return false
	}
	right, err := x509.MarshalPKIXPublicKey(b)
	return err == nil && bytes.Equal(left, right)
}
