package chip

import "encoding/binary"

// status is SW1-SW2, ISO/IEC 7816-4 §5.6.
type status uint16

const (
	ok                  status = 0x9000
	moreData            status = 0x6100 // + how much, 00 for 256 and more
	endOfFile           status = 0x6282
	triesLeft           status = 0x63C0 // + how many
	wrongLength         status = 0x6700
	noSuchChannel       status = 0x6881
	noSecureMessaging   status = 0x6882
	notAnEF             status = 0x6981
	notAuthorized       status = 0x6982
	blocked             status = 0x6983
	conditionsNotMet    status = 0x6985
	noCurrentEF         status = 0x6986
	wrongData           status = 0x6A80
	noSuchFile          status = 0x6A82
	noRoom              status = 0x6A84
	wrongParameters     status = 0x6A86
	noSuchReference     status = 0x6A88
	wrongOffset         status = 0x6B00
	exactLength         status = 0x6C00 // + what it is
	noSuchInstruction   status = 0x6D00
	noSuchClass         status = 0x6E00
	fault               status = 0x6F00
	moreDataOfCPS2ter   status = 0x9F00 // moreData, in the card's oldest application
	longest                    = 1 << 16
	longestChain               = 4 << 10
	chained                    = 0x10 // in CLA: another command follows
	secureMessagingBits        = 0x0C
)

// command is a command APDU, ISO/IEC 7816-4 §5.1.
type command struct {
	cla, ins, p1, p2 byte
	data             []byte
	le               int  // how much may be answered; 0: the command asks for nothing
	all              bool // le stands for all there is
}

// parse reads a command in any of its seven forms, §5.2.
func parse(b []byte) (command, bool) {
	if len(b) < 4 {
		return command{}, false
	}
	c := command{cla: b[0], ins: b[1], p1: b[2], p2: b[3]}
	b = b[4:]
	extended := len(b) >= 3 && b[0] == 0
	size := func(b []byte) { // of the answer
		if extended {
			c.le = int(binary.BigEndian.Uint16(b))
		} else {
			c.le = int(b[0])
		}
		if c.all = c.le == 0; c.all {
			c.le = 256
			if extended {
				c.le = longest
			}
		}
	}
	width := 1
	if extended {
		b, width = b[1:], 2
	}
	switch {
	case len(b) == 0:
		return c, true
	case len(b) == width:
		size(b)
		return c, true
	}
	lc := int(b[0])
	if extended {
		lc = int(binary.BigEndian.Uint16(b))
	}
	b = b[width:]
	switch len(b) {
	case lc:
	case lc + width:
		size(b[lc:])
	default:
		return c, false
	}
	c.data = b[:lc]
	return c, lc > 0
}

// tlv is a BER-TLV object; its tag has as many bytes as it needs.
func tlv(tag uint32, parts ...[]byte) []byte {
	out := binary.BigEndian.AppendUint32(nil, tag)
	for len(out) > 1 && out[0] == 0 {
		out = out[1:]
	}
	n := 0
	for _, p := range parts {
		n += len(p)
	}
	switch {
	case n < 0x80:
		out = append(out, byte(n))
	case n < 0x100:
		out = append(out, 0x81, byte(n))
	default: // nothing on a card is near 64 KB
		out = append(out, 0x82, byte(n>>8), byte(n))
	}
	for _, p := range parts {
		out = append(out, p...)
	}
	return out
}

// element reads the first object of b with a tag of one byte and a short or long length; ok is
// false where there is none.
func element(b []byte) (tag byte, value, rest []byte, ok bool) {
	if len(b) < 2 {
		return 0, nil, nil, false
	}
	tag, n, b := b[0], int(b[1]), b[2:]
	switch {
	case n == 0x81 && len(b) >= 1:
		n, b = int(b[0]), b[1:]
	case n == 0x82 && len(b) >= 2:
		n, b = int(b[0])<<8|int(b[1]), b[2:]
	case n >= 0x80:
		return 0, nil, nil, false
	}
	if n > len(b) {
		return 0, nil, nil, false
	}
	return tag, b[:n], b[n:], true
}

// elements reads objects that fill b, by tag.
func elements(b []byte) (map[byte][]byte, bool) {
	all := map[byte][]byte{}
	for len(b) > 0 {
		tag, value, rest, ok := element(b)
		if !ok {
			return nil, false
		}
		all[tag], b = value, rest
	}
	return all, true
}
