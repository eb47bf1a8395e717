package der

import (
	"golang.org/x/crypto/cryptobyte"
	cbasn1 "golang.org/x/crypto/cryptobyte/asn1"

	"github.com/igc-lab/igc/internal/i18n"
)

// Bounds of a conversion: of how deep elements are in one another, and of their number. A CMS
// message or a PKCS#12 of a thousand certificates stays far below both.
const (
	maxDepth    = 64
	maxElements = 1 << 18
	maxBER      = 1 << 26 // bytes
)

// Errors of a conversion.
var (
	ErrBERTooDeep error = i18n.NewError("ber-deep",
		i18n.Text{FR: "du BER dont les éléments sont trop imbriqués, ou trop nombreux",
			EN: "BER whose elements are too deep in one another, or too many"})
	ErrBERBroken error = i18n.NewError("ber-broken", i18n.Text{FR: "du BER abîmé, ou coupé",
		EN: "BER that is broken or ends too soon"})
)

// FromBER converts the BER element that the data begin with to DER, and returns the data after it.
// Lengths become definite and as short as can be; a string that is made of segments becomes one,
// unless its tag is implicit, which only its type tells: see [OctetString]. What octet strings
// hold, the order of a SET and the values of elements stay as they are. The result is data itself
// where that is DER already.
func FromBER(data []byte) (der, rest []byte, err error) {
	if len(data) > maxBER {
		return nil, nil, ErrBERTooDeep
	}
	c := converter{in: data}
	end, err := c.scan(0, len(data), 0)
	if err != nil {
		return nil, nil, err
	}
	if !c.changed {
		return data[:end], data[end:], nil
	}
	c.out = make([]byte, 0, c.size(0))
	c.write(0)
	return c.out, data[end:], nil
}

// OctetString is what an OCTET STRING with an implicit tag holds, in DER that [FromBER] made: its
// segments, where it has some.
func OctetString(contents []byte, constructed bool) ([]byte, bool) {
	if !constructed {
		return contents, true
	}
	in := cryptobyte.String(contents)
	var all []byte
	for !in.Empty() {
		var segment cryptobyte.String
		if !in.ReadASN1(&segment, cbasn1.OCTET_STRING) {
			return nil, false
		}
		all = append(all, segment...)
	}
	return all, true
}

// berNode is one element: its place in the input, and the length of its contents in DER. The
// elements that a constructed one holds follow it.
type berNode struct {
	tag, contents, end int32 // offsets in the input; the length octets are between tag's end and contents
	tagLength          uint8
	kind               uint8
	length             int32 // in DER
	next               int32 // the node after it and all that it holds
}

const (
	primitive = iota
	constructed
	merged // a string of segments, which are the nodes that it holds
)

type converter struct {
	in      []byte
	out     []byte
	nodes   []berNode
	changed bool
}

// scan reads the element at an offset, which ends at the limit at the latest, and returns its end.
func (c *converter) scan(at, limit, depth int) (end int, err error) {
	if depth > maxDepth || len(c.nodes) >= maxElements {
		return 0, ErrBERTooDeep
	}
	p := at + 1
	if at >= limit {
		return 0, ErrBERBroken
	}
	if c.in[at]&0x1f == 0x1f {
		for p < limit && c.in[p]&0x80 != 0 {
			p++
		}
		if p++; p-at > 6 {
			return 0, ErrBERBroken
		}
	}
	if p >= limit {
		return 0, ErrBERBroken
	}
	index := len(c.nodes)
	node := berNode{tag: int32(at), tagLength: uint8(p - at), kind: primitive}
	if c.in[at]&0x20 != 0 {
		node.kind = constructed
		if t := cbasn1.Tag(c.in[at] &^ 0x20); t == cbasn1.OCTET_STRING || t == cbasn1.BIT_STRING {
			node.kind = merged
			c.changed = true
		}
	}
	c.nodes = append(c.nodes, node)
	first := c.in[p]
	p++
	if first == 0x80 { // indefinite
		c.changed = true
		if node.kind == primitive {
			return 0, ErrBERBroken
		}
		c.nodes[index].contents = int32(p)
		for {
			if p+2 > limit {
				return 0, ErrBERBroken
			}
			if c.in[p] == 0 && c.in[p+1] == 0 {
				break
			}
			if p, err = c.scan(p, limit, depth+1); err != nil {
				return 0, err
			}
		}
		c.nodes[index].end = int32(p)
		p += 2
	} else {
		length := int(first)
		if first > 0x80 {
			n := int(first & 0x7f)
			if p+n > limit {
				return 0, ErrBERBroken
			}
			length = 0
			for _, b := range c.in[p : p+n] {
				if length = length<<8 | int(b); length > maxBER {
					return 0, ErrBERBroken
				}
			}
			c.changed = c.changed || lengthOctets(length) != 1+n
			p += n
		}
		if length > limit-p {
			return 0, ErrBERBroken
		}
		c.nodes[index].contents, c.nodes[index].end = int32(p), int32(p+length)
		if node.kind == primitive {
			p += length
		}
		for p < int(c.nodes[index].end) {
			if p, err = c.scan(p, int(c.nodes[index].end), depth+1); err != nil {
				return 0, err
			}
		}
	}
	return p, c.measure(index)
}

// measure computes the length of an element's contents once all that it holds was read.
func (c *converter) measure(index int) error {
	n := &c.nodes[index]
	n.next = int32(len(c.nodes))
	switch n.kind {
	case primitive:
		n.length = n.end - n.contents
	case constructed:
		for i := index + 1; i < len(c.nodes); i = int(c.nodes[i].next) {
			n.length += int32(c.size(i))
		}
	case merged:
		bits := c.in[n.tag]&^0x20 == byte(cbasn1.BIT_STRING)
		for i := index + 1; i < len(c.nodes); i++ {
			segment := &c.nodes[i]
			if c.in[segment.tag]&^0x20 != c.in[n.tag]&^0x20 || bits && segment.kind == primitive &&
				segment.length == 0 {
				return ErrBERBroken
			}
			if segment.kind != primitive {
				continue
			}
			if n.length += segment.length; bits {
				n.length--
			}
		}
		if bits {
			n.length++
		}
	}
	return nil
}

// size is that of an element in DER.
func (c *converter) size(index int) int {
	n := c.nodes[index]
	return int(n.tagLength) + lengthOctets(int(n.length)) + int(n.length)
}

func (c *converter) write(index int) {
	n := c.nodes[index]
	start := len(c.out)
	c.out = append(c.out, c.in[n.tag:n.tag+int32(n.tagLength)]...)
	c.out = appendLength(c.out, int(n.length))
	switch n.kind {
	case primitive:
		c.out = append(c.out, c.in[n.contents:n.end]...)
	case constructed:
		for i := index + 1; i < int(n.next); i = int(c.nodes[i].next) {
			c.write(i)
		}
	case merged:
		c.out[start] &^= 0x20
		bits := c.out[start] == byte(cbasn1.BIT_STRING)
		unused := len(c.out)
		if bits {
			c.out = append(c.out, 0)
		}
		for i := index + 1; i < int(n.next); i++ {
			segment := c.nodes[i]
			if segment.kind != primitive {
				continue
			}
			contents := c.in[segment.contents:segment.end]
			if bits {
				c.out[unused], contents = contents[0], contents[1:]
			}
			c.out = append(c.out, contents...)
		}
	}
}

func lengthOctets(length int) int {
	n := 1
	if length >= 0x80 {
		for ; length > 0; length >>= 8 {
			n++
		}
	}
	return n
}

func appendLength(out []byte, length int) []byte {
	if length < 0x80 {
		return append(out, byte(length))
	}
	n := lengthOctets(length) - 1
	out = append(out, 0x80|byte(n))
	for i := n - 1; i >= 0; i-- {
		out = append(out, byte(length>>(8*i)))
	}
	return out
}
