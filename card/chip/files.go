package chip

import (
	"fmt"
	"strconv"
	"strings"

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

// Ways of selecting, P1 of SELECT.
const (
	byIdentifier    = 0x00
	aDF             = 0x01
	anEF            = 0x02
	theParent       = 0x03
	byName          = 0x04
	byPath          = 0x08
	byPathFromHere  = 0x09
	answersFCI      = 0x00 // P2
	answersFCP      = 0x04
	answersNothing  = 0x0C
	answerMask      = 0x0C
	shortIdentifier = 0x80 // P1 of READ BINARY: its last five bits are one
)

// selectFile is SELECT, ISO/IEC 7816-4 §11.2.2.
func (c *Chip) selectFile(ch *channel, cmd command) ([]byte, status) {
	if cmd.p2&^answerMask != 0 || cmd.p2&answerMask == 0x08 {
		return nil, wrongParameters
	}
	var found *file
	switch cmd.p1 {
	case byName:
		return c.selectName(ch, cmd)
	case byIdentifier, aDF, anEF:
		if len(cmd.data) == 0 && cmd.p1 == byIdentifier {
			found = c.root
			break
		}
		if len(cmd.data) != 2 {
			return nil, wrongLength
		}
		found = lookUp(c.root, ch.df, cmd.data, cmd.p1 == byIdentifier)
		// the MF is found either way: OpenSC asks for it as an EF
		if found != nil && found != c.root && (cmd.p1 == aDF && !found.isDF || cmd.p1 == anEF && found.isDF) {
			found = nil
		}
	case theParent:
		found = ch.df.parent
	case byPath, byPathFromHere:
		if len(cmd.data) == 0 || len(cmd.data)%2 != 0 {
			return nil, wrongLength
		}
		found = ch.df
		if cmd.p1 == byPath {
			found = c.root
		}
		for path := cmd.data; len(path) > 0 && found != nil; path = path[2:] {
			found = lookUp(c.root, found, path[:2], false)
		}
	default:
		return nil, wrongParameters
	}
	if found == nil {
		return nil, noSuchFile
	}
	ch.become(found)
	return describe(found, cmd)
}

// lookUp finds the file of an identifier: the MF, what is in the directory, and where that may be
// asked for the directory above and what is in it.
func lookUp(root, df *file, id []byte, above bool) *file {
	n := uint16(id[0])<<8 | uint16(id[1])
	if n == root.id {
		return root
	}
	found := df.child(n)
	if found == nil && above && df.parent != nil {
		if found = df.parent; found.id != n {
			found = df.parent.child(n)
		}
	}
	return found
}

// selectName selects by AID, or by its beginning, §8.2.1.2. On a channel that is closed it opens
// it.
func (c *Chip) selectName(ch *channel, cmd command) ([]byte, status) {
	name, applied := string(cmd.data), true
	found := c.root
	switch application := c.root.child(0x0001); {
	case name == "":
		return nil, wrongLength
	case c.profile.aid != "" && unsupportedAIDs[fmt.Sprintf("%X", name)]:
		applied = false
	case c.profile.aid != "" && name == string(unhex(c.profile.aid)), name == string(c.root.name):
	case len(name) >= 5 && strings.HasPrefix(string(application.name), name):
		found = application
	default:
		return nil, noSuchFile
	}
	*ch = channel{open: true, applied: applied, selection: selection{df: found}}
	if !applied {
		return nil, ok
	}
	return describe(found, cmd)
}

// become makes the file the current one.
func (s *selection) become(f *file) {
	if f.isDF {
		*s = selection{df: f}
	} else {
		*s = selection{df: f.parent, ef: f}
	}
}

func describe(f *file, cmd command) ([]byte, status) {
	switch cmd.p2 & answerMask {
	case answersFCP:
		return f.control(0x62), ok
	case answersFCI:
		return f.control(0x6F), ok
	}
	return nil, ok
}

// manageChannel is MANAGE CHANNEL, §11.1.2: P1 = 00 opens one, the one of P2 or the first that is
// closed, P1 = 80 closes it.
func (c *Chip) manageChannel(_ *channel, cmd command) ([]byte, status) {
	n := int(cmd.p2)
	if c.profile.aid == "" || n >= len(c.channels) || cmd.p1 != 0 && (cmd.p1 != 0x80 || n == 0) {
		return nil, wrongParameters
	}
	if cmd.p1 == 0x80 {
		c.channels[n] = channel{}
		return nil, ok
	}
	if n != 0 {
		c.channels[n] = channel{open: true, selection: selection{df: c.root}}
		return nil, ok
	}
	for n := 1; n < len(c.channels); n++ {
		if !c.channels[n].open {
			c.channels[n] = channel{open: true, selection: selection{df: c.root}}
			return []byte{byte(n)}, ok
		}
	}
	return nil, noSuchChannel
}

// readBinary is READ BINARY, §11.3.3, by offset or by short identifier, which selects the file too.
func (c *Chip) readBinary(ch *channel, cmd command) ([]byte, status) {
	offset, sw := ch.locate(cmd)
	if sw != ok {
		return nil, sw
	}
	return c.read(ch.ef, offset, cmd)
}

// locate finds the file and the offset that P1 and P2 mean.
func (ch *channel) locate(cmd command) (offset int, sw status) {
	if cmd.p1&shortIdentifier == 0 {
		return int(cmd.p1)<<8 | int(cmd.p2), ok
	}
	for df := ch.df; df != nil; df = df.parent { // those of the card are said from anywhere
		for _, f := range df.files {
			if f.short != 0 && f.short == cmd.p1&0x1F {
				ch.ef = f
				return int(cmd.p2), ok
			}
		}
	}
	return 0, noSuchFile
}

func (c *Chip) read(f *file, offset int, cmd command) ([]byte, status) {
	switch {
	case f == nil:
		return nil, noCurrentEF
	case !f.read.allows(c):
		return nil, notAuthorized
	case cmd.le == 0 || len(cmd.data) > 0:
		return nil, wrongLength
	case offset > len(f.content):
		return nil, wrongOffset
	}
	content, err := c.now(f)
	if err != nil {
		return nil, c.broken(err)
	}
	rest := content[offset:len(f.content)]
	switch {
	case len(rest) >= cmd.le:
		return rest[:cmd.le], ok
	case len(rest) == 0:
		return nil, endOfFile
	case cmd.all:
		return rest, ok
	case c.profile.t0 && len(rest) < 0x100:
		return nil, exactLength | status(len(rest))
	}
	return rest, endOfFile
}

// now is the file's content: what software writes is the card's, of which there may be other faces.
func (c *Chip) now(f *file) ([]byte, error) {
	if f.update == never {
		return f.content, nil
	}
	return c.card.Data()
}

// updateBinary is UPDATE BINARY, §11.3.5.
func (c *Chip) updateBinary(ch *channel, cmd command) ([]byte, status) {
	offset, sw := ch.locate(cmd)
	f := ch.ef
	switch {
	case sw != ok:
		return nil, sw
	case f == nil:
		return nil, noCurrentEF
	case !f.update.allows(c):
		return nil, notAuthorized
	case len(cmd.data) == 0:
		return nil, wrongLength
	case offset+len(cmd.data) > len(f.content):
		return nil, noRoom
	}
	changed, err := c.now(f)
	if err == nil {
		copy(changed[offset:], cmd.data)
		err = c.card.SetData(changed)
	}
	if err != nil {
		return nil, c.broken(err)
	}
	return nil, ok
}

// selectOld is the SELECT of the CPS2ter application: by identifier, answered in its own form.
func (c *Chip) selectOld(s *selection, cmd command) ([]byte, status) {
	if cmd.p1 != 0 || len(cmd.data) != 2 {
		return nil, wrongParameters
	}
	found := lookUp(c.cps2ter, s.df, cmd.data, true)
	if found == nil {
		return nil, noSuchFile
	}
	s.become(found)
	kind := byte(4)
	if found == c.cps2ter {
		kind = 1
	} else if found.isDF {
		kind = 2
	}
	n := len(found.content)
	return tlv(0x85, []byte{byte(n >> 8), byte(n), cmd.data[0], cmd.data[1], kind}), ok
}
