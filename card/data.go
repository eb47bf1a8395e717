package card

import (
	"encoding/hex"
	"fmt"

	"golang.org/x/crypto/cryptobyte"
	cbasn1 "golang.org/x/crypto/cryptobyte/asn1"
)

// File is a piece of business data of a card: a CKO_DATA object of the Cryptolib.
type File struct {
	Label    string
	Private  bool   // read after the PIN only
	Writable bool   // as CPS_DATA alone is: Card.Data reads it, as it is at that time
	Content  []byte // of the others
}

// DataCapacity is the size of CPS_DATA's file, the one that software writes, modelled. What it does
// not fill is zero.
const DataCapacity = 1024

// Data reads that file, whoever wrote it last.
func (c *Card) Data() ([]byte, error) {
	s, err := c.readState()
	if err != nil {
		return nil, err
	}
	file := make([]byte, max(DataCapacity, len(s.Data)))
	copy(file, s.Data)
	return file, nil
}

// Files are the card's business data. Their labels, which of them ask for the PIN, the form of an
// activity and the speciality that ends CPS_INFO_PS are known (reference §5.1); the rest of their
// content is modelled: tags of one byte, BER lengths, text in UTF-8.
func (c *Card) Files(g ChipType) []File {
	h := c.Holder
	number, _ := hex.DecodeString(c.Number) // ten digits, checked when it was read
	first := c.Certificates[0]
	speciality := ""
	if len(h.Specialities) > 0 {
		speciality = h.Specialities[0]
	}
	name := tlv(0xE1, tlv(0x80, []byte(h.GivenName)), tlv(0x81, []byte(h.Surname)))
	language := []byte("fr")
	info := tlv(0xE2, tlv(0x80, []byte(h.IdNat)), tlv(0x81, []byte(h.DisplayName())), tlv(0x82, []byte(h.Profession)), []byte(speciality))
	files := []File{
		{"CPS_DATA", false, true, nil},
		{"CPS_ID_CARD", false, false, tlv(0xE0, tlv(0x80, append([]byte{0x80, 0x25, 0, 0, 1}, number...)),
			tlv(0x81, []byte(first.NotBefore.Format("20060102"))), tlv(0x82, []byte(first.NotAfter.Format("20060102"))), tlv(0x83, []byte("TEST")))},
		{"CPS_NAME_PS", false, false, name},
		{"CPS_INFO_PS", false, false, info},
		{"CPS_LANG_PS", false, false, language},
	}
	if g == CPS4 { // the older application that a CPS4 carries too
		icc := append([]byte{0x5A, 0x0A, 0x80, 0x25, 0, 0, 1}, number...)
		files = append(files, File{"CPS2TER_ATR", false, false, CPS3.ATR()}, File{"CPS2TER_ID", false, false, number}, File{"CPS2TER_ICC", false, false, icc},
			File{"CPS2TER_DIRAMO", false, false, tlv(0xE3)}, File{"CPS2TER_NAME", false, false, name},
			File{"CPS2TER_LANG", false, false, language}, File{"CPS2TER_PSINFO", false, false, info})
	}
	situations := func(label string) {
		for i, activity := range c.activities() {
			files = append(files, File{fmt.Sprintf(label, i+1), true, false, activity})
		}
	}
	situations("CPS_ACTIVITY_%02d_PS")
	files = append(files, File{"CPS_SIT_FACT", true, false, tlv(0xEF)})
	situations("CPS2TER_ACTIVITY_%02d_PS")
	return files
}

// activities are the places where the holder works: that of the certificate, and for a
// professional, whose certificate names none, a practice of their own: 4 is the prefix of one known
// by its holder's RPPS number (reference §3.1).
func (c *Card) activities() [][]byte {
	h := c.Holder
	switch {
	case h.Structure != "":
		return [][]byte{activity(h.Organisation, h.Structure, "SA01")}
	case len(h.IdNat) == 12 && h.IdNat[0] == '8':
		return [][]byte{activity("CABINET M "+h.Surname, "4"+h.IdNat[1:]+"008", "SA07")}
	}
	return nil
}

// activity is EE { 84 raison sociale, 85 Struct_IdNat, 86 sector of table R02 } (reference §5.1).
func activity(name, structure, sector string) []byte {
	return tlv(0xEE, tlv(0x84, []byte(name)), tlv(0x85, []byte(structure)), tlv(0x86, []byte(sector)))
}

func tlv(tag byte, parts ...[]byte) []byte {
	var b cryptobyte.Builder
	b.AddASN1(cbasn1.Tag(tag), func(b *cryptobyte.Builder) {
		for _, p := range parts {
			b.AddBytes(p)
		}
	})
	return b.BytesOrPanic() // no part is near the limit of a length
}
