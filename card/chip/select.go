package chip

import (
	"fmt"
	"strings"
)

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
