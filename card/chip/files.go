package chip

import (
	"fmt"
	"strconv"

	"github.com/igc-lab/igc/card"
)

// file is a file of the card, or a directory with files.
type file struct {
	id      uint16
	name    []byte // of a directory: its AID
	short   byte   // short identifier, 0 for none
	content []byte // of one that may be updated only the size holds: the card has it
	read    access
	update  access

	parent *file
	files  []*file // in the order in which they were made
	isDF   bool
}

// access is the condition of a reading or a writing. Its value is that of IAS-ECC for a security
// condition byte.
type access byte

const (
	always access = 0x00
	byPIN  access = 0x11 // user authentication, as security environment 1 says
	never  access = 0xFF
)

func (a access) allows(c *Chip) bool { return a == always || a == byPIN && c.pin != "" }

func (f *file) child(id uint16) *file {
	for _, one := range f.files {
		if one.id == id {
			return one
		}
	}
	return nil
}

// put makes a file at a path below the root, and the directories on its way.
func (f *file) put(path string, made file) {
	id, err := strconv.ParseUint(path[:4], 16, 16)
	if err != nil {
		panic(fmt.Sprintf("path %q in a table of this package", path))
	}
	if len(path) == 4 {
		made.id, made.parent = uint16(id), f
		f.files = append(f.files, &made)
		return
	}
	next := f.child(uint16(id))
	if next == nil {
		next = &file{id: uint16(id), parent: f, isDF: true}
		f.files = append(f.files, next)
	}
	next.put(path[5:], made)
}

// The files of each chip below its MF, 3F00. 0001 is the directory of the application; what stands
// in 7001 and after is said by 5031.
var layout = []struct {
	path    string
	short   byte
	content func(*Chip) []byte
}{
	{"2F00", 0x1E, (*Chip).directory},
	{"2F01", 0x1D, (*Chip).answerToReset},
	{"D003", 0x1C, (*Chip).serialNumber},
	{"D010", 0, (*Chip).lastUpdate},
	{"0001/5031", 0x11, (*Chip).objectDirectory},
	{"0001/5032", 0x12, (*Chip).tokenInfo},
	{"0001/7001", 0, (*Chip).privateKeys},
	{"0001/7002", 0, (*Chip).certificates},
	{"0001/7003", 0, (*Chip).authentications},
	{"0001/7004", 0, (*Chip).dataObjects},
}

// dataPaths are where business data stand: D107 is the file that the Cryptolib never caches, for it
// alone changes, D120 and after are the sixteen activities.
var dataPaths = map[string]string{
	"CPS_ID_CARD": "0001/D101", "CPS_NAME_PS": "0001/D102", "CPS_INFO_PS": "0001/D103", "CPS_LANG_PS": "0001/D104", "CPS_DATA": "0001/D107",
	"CPS2TER_ID": "0001/D131", "CPS2TER_NAME": "0001/D132", "CPS2TER_LANG": "0001/D133", "CPS2TER_PSINFO": "0001/D134", "CPS2TER_ATR": "0001/D135",
	"CPS2TER_ICC": "0001/D136", "CPS2TER_DIRAMO": "0001/D137", "CPS_SIT_FACT": "0001/D130",
}

func init() {
	for i := range 16 {
		dataPaths[fmt.Sprintf("CPS_ACTIVITY_%02d_PS", i+1)] = fmt.Sprintf("0001/D12%X", i)
		dataPaths[fmt.Sprintf("CPS2TER_ACTIVITY_%02d_PS", i+1)] = fmt.Sprintf("0001/D14%X", i)
	}
}

// oldPath is where a CPS3 has data in its CPS2ter application, which no directory names: the
// Cryptolib knows these paths.
func (c *Chip) oldPath(label string) (path string, isOld bool) {
	if c.generation != card.CPS3 {
		return "", false
	}
	if label == "CPS_SIT_FACT" {
		return "7F01/4000", true
	}
	var n int
	if _, err := fmt.Sscanf(label, "CPS2TER_ACTIVITY_%02d_PS", &n); err == nil {
		return fmt.Sprintf("40%X", 0x10+n-1), true
	}
	return "", false
}

// rootName is the AID of the root of an IAS-ECC card.
var rootName = []byte("\xF0IasEccRoot")

// layOut makes the card's files.
func (c *Chip) layOut() (root, cps2ter *file, err error) {
	root, cps2ter = &file{id: 0x3F00, isDF: true, name: rootName}, &file{id: 0x3F00, isDF: true}
	for _, f := range c.card.Files(c.generation) {
		made := file{content: f.Content, read: always, update: never}
		if f.Private {
			made.read = byPIN
		}
		if f.Writable {
			made.update, made.content = byPIN, make([]byte, card.DataCapacity)
		}
		if path, isOld := c.oldPath(f.Label); isOld {
			cps2ter.put(path, made)
			continue
		}
		path, known := dataPaths[f.Label]
		if !known {
			return nil, nil, fmt.Errorf("a chip has no place for %s", f.Label)
		}
		root.put(path, made)
	}
	for i, cert := range c.card.Certificates {
		root.put(certificatePath(i), file{content: cert.Raw, read: always, update: never})
	}
	for _, f := range layout {
		root.put(f.path, file{short: f.short, content: f.content(c), read: always, update: never})
	}
	root.child(0x0001).name = unhex(card.AID)
	return root, cps2ter, nil
}

func certificatePath(i int) string { return fmt.Sprintf("0001/A%03d", i+1) }

// control is the file's control parameters, ISO/IEC 7816-4 §7.4.3, with the access rules of
// IAS-ECC.
func (f *file) control(tag uint32) []byte {
	id := tlv(0x83, []byte{byte(f.id >> 8), byte(f.id)})
	ready := tlv(0x8A, []byte{5})
	if f.isDF {
		parts := [][]byte{tlv(0x82, []byte{0x38}), id}
		if f.name != nil {
			parts = append(parts, tlv(0x84, f.name))
		}
		return tlv(tag, append(parts, tlv(0xA1, tlv(0x8C, []byte{0x02, byte(never)})), ready)...)
	}
	size := tlv(0x80, []byte{byte(len(f.content) >> 8), byte(len(f.content))})
	var short []byte
	if f.short != 0 {
		short = tlv(0x88, []byte{f.short << 3})
	}
	rules := tlv(0xA1, tlv(0x8C, []byte{0x03, byte(f.update), byte(f.read)}))
	return tlv(tag, size, tlv(0x82, []byte{0x01}), id, short, rules, ready)
}
