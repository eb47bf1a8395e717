package ldap

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"math"
	"strings"

	cbasn1 "golang.org/x/crypto/cryptobyte/asn1"

	"github.com/igc-lab/igc/internal/der"
)

// This file is the little of LDAP (RFC 4511) that a directory of CRLs needs: requests in, answers
// out. A request is read whole, and is small; an answer may hold a list of any size, and is sent in
// pieces from where they are.
//
// The Go library for LDAP servers that is worth a look, jimlambrt/gldap 0.1.14, was read and left:
// it takes messages of 2 GB, nested as deep as they like; a message starts a goroutine, in any
// number for a connection, and a panic in it ends the process; a connection has one deadline for
// its whole life; and a value is copied several times in memory.

// maxMessage bounds a request: those to a directory of CRLs take a few hundred bytes.
const maxMessage = 16 << 10

// maxDepth bounds how deep filters stand in one another.
const maxDepth = 16

// resultCode is that of RFC 4511 §4.1.9.
type resultCode byte

const (
	resultSuccess           resultCode = 0
	resultProtocolError     resultCode = 2
	resultSizeLimit         resultCode = 4
	resultCompareFalse      resultCode = 5
	resultCompareTrue       resultCode = 6
	resultAuthMethod        resultCode = 7
	resultCriticalExtension resultCode = 12
	resultNoSuchAttribute   resultCode = 16
	resultInappropriate     resultCode = 18 // no rule compares such values
	resultNoSuchObject      resultCode = 32
	resultInvalidDN         resultCode = 34
	resultCredentials       resultCode = 49
	resultUnavailable       resultCode = 52
	resultUnwilling         resultCode = 53
	resultOther             resultCode = 80
)

// The tags of requests, and of their answers.
const (
	ldapBind     = 0x60
	ldapUnbind   = 0x42
	ldapSearch   = 0x63
	ldapEntry    = 0x64
	ldapAbandon  = 0x50
	ldapCompare  = 0x6e
	ldapExtended = 0x77
)

var ldapAnswers = map[byte]cbasn1.Tag{ldapBind: 0x61, ldapSearch: 0x65, ldapExtended: 0x78,
	0x66: 0x67 /* modify */, 0x68: 0x69 /* add */, 0x4a: 0x6b /* delete */, 0x6c: 0x6d /* rename */, ldapCompare: 0x6f}

// The extended operations that clients ask for.
const (
	startTLS = "1.3.6.1.4.1.1466.20037"
	whoAmI   = "1.3.6.1.4.1.4203.1.11.3"
)

// --- reading

// ber is BER that is being read, as LDAP restricts it (RFC 4511 §5.1): lengths are definite, and
// read as many bytes as the sender likes. Windows sends five of them always, which DER, and
// cryptobyte, refuse.
type ber []byte

// element takes the next element.
func (b *ber) element() (tag byte, content ber, ok bool) {
	n, length := der.ReadHeader(*b)
	if n == 0 || length > len(*b)-n {
		return 0, nil, false
	}
	tag, content, *b = (*b)[0], (*b)[n:n+length], (*b)[n+length:]
	return tag, content, true
}

// read takes the next element, which must have that tag.
func (b *ber) read(tag cbasn1.Tag) (ber, bool) {
	got, content, ok := b.element()
	return content, ok && got == byte(tag)
}

// integer takes a whole number of 0 to 2^31-1, as all those of LDAP are.
func (b *ber) integer(tag cbasn1.Tag) (int, bool) {
	content, ok := b.read(tag)
	if !ok || len(content) == 0 || len(content) > 8 || content[0] >= 0x80 {
		return 0, false
	}
	n := 0
	for _, c := range content {
		if n = n<<8 | int(c); n > math.MaxInt32 {
			return 0, false
		}
	}
	return n, true
}

var errMessage = errors.New("not an LDAP message, or one that is too long")

// readMessage reads an LDAPMessage of so many bytes at most, and returns its content.
func readMessage(r *bufio.Reader, most int) (ber, error) {
	head, err := r.Peek(2)
	if err != nil {
		return nil, err
	}
	if head[1] > 0x80 && head[1] <= 0x84 {
		if head, err = r.Peek(2 + int(head[1]&0x7f)); err != nil {
			return nil, err
		}
	}
	n, length := der.ReadHeader(head)
	if n == 0 || head[0] != byte(cbasn1.SEQUENCE) || length > most {
		return nil, errMessage
	}
	r.Discard(n)
	content := make([]byte, length)
	_, err = io.ReadFull(r, content)
	return content, err
}

// ldapRequest is what every request has.
type ldapRequest struct {
	id       int
	tag      byte
	body     ber
	critical bool // it has a control that must be obeyed: the directory knows none
}

func parseLDAP(message ber) (*ldapRequest, bool) {
	r := &ldapRequest{}
	var ok bool
	if r.id, ok = message.integer(cbasn1.INTEGER); !ok || r.id == 0 {
		return nil, false
	}
	if r.tag, r.body, ok = message.element(); !ok || len(message) == 0 {
		return r, ok
	}
	controls, ok := message.read(der.Explicit(0))
	for ok && len(controls) > 0 {
		var control, critical ber
		if control, ok = controls.read(cbasn1.SEQUENCE); !ok {
			break
		}
		if _, ok = control.read(cbasn1.OCTET_STRING); ok && len(control) > 0 && control[0] == byte(cbasn1.BOOLEAN) {
			critical, ok = control.read(cbasn1.BOOLEAN)
			r.critical = r.critical || !bytes.Equal(critical, []byte{0})
		}
	}
	return r, ok
}

// The scopes of a search: those of RFC 4511 §4.5.1.2 and, as OpenLDAP has it, the subtree without
// its base.
const (
	scopeBase = iota
	scopeLevel
	scopeSubtree
	scopeChildren
)

// searchRequest is that of RFC 4511 §4.5.1, less what changes nothing here: aliases and the time
// limit.
type searchRequest struct {
	base      string
	scope     int // see dirEntry.within
	limit     int // of entries, 0 for none
	typesOnly bool
	filter    filter
	wanted    []string // attributes; none for all
}

func parseSearch(body ber) (*searchRequest, bool) {
	s := &searchRequest{}
	base, ok1 := body.read(cbasn1.OCTET_STRING)
	scope, ok2 := body.integer(cbasn1.ENUM)
	_, ok3 := body.integer(cbasn1.ENUM)
	limit, ok4 := body.integer(cbasn1.INTEGER)
	_, ok5 := body.integer(cbasn1.INTEGER)
	typesOnly, ok6 := body.read(cbasn1.BOOLEAN)
	if !ok1 || !ok2 || !ok3 || !ok4 || !ok5 || !ok6 || scope > scopeChildren {
		return nil, false
	}
	s.base, s.scope, s.limit, s.typesOnly = string(base), scope, limit, !bytes.Equal(typesOnly, []byte{0})
	var ok bool
	if s.filter, ok = parseFilter(&body, maxDepth); !ok {
		return nil, false
	}
	wanted, ok := body.read(cbasn1.SEQUENCE)
	for ok && len(wanted) > 0 {
		var name ber
		name, ok = wanted.read(cbasn1.OCTET_STRING)
		s.wanted = append(s.wanted, string(name))
	}
	return s, ok
}

// compareRequest is that of RFC 4511 §4.10.
type compareRequest struct{ dn, attribute, value string }

func parseCompare(body ber) (*compareRequest, bool) {
	dn, ok1 := body.read(cbasn1.OCTET_STRING)
	assertion, ok2 := body.read(cbasn1.SEQUENCE)
	attribute, ok3 := assertion.read(cbasn1.OCTET_STRING)
	value, ok4 := assertion.read(cbasn1.OCTET_STRING)
	return &compareRequest{string(dn), string(attribute), string(value)}, ok1 && ok2 && ok3 && ok4
}

// filter tells whether an entry is one that is looked for.
type filter struct {
	matches func(*dirEntry) truth

	// names are values of cn, uid and ou that the filter asks for; all is true when an entry whose
	// cn or uid is none of them cannot match.
	names []string
	all   bool
}

// truth is that of RFC 4511 §4.5.1.7. What a filter says of an attribute that the directory does
// not know is undefined, and so is its contrary.
type truth int8

const (
	no truth = iota - 1
	undefined
	yes
)

func parseFilter(in *ber, depth int) (filter, bool) {
	tag, body, ok := in.element()
	if !ok || depth == 0 {
		return filter{}, false
	}
	switch tag {
	case 0xa0, 0xa1:
		var parts []filter
		for len(body) > 0 {
			f, ok := parseFilter(&body, depth-1)
			if !ok {
				return filter{}, false
			}
			parts = append(parts, f)
		}
		if tag == 0xa0 {
			return and(parts), true
		}
		return or(parts), true
	case 0xa2: // not
		f, ok := parseFilter(&body, depth-1)
		return filter{matches: func(e *dirEntry) truth { return -f.matches(e) }}, ok
	case 0x87: // present
		name := string(body)
		return filter{matches: func(e *dirEntry) truth { return e.has(name) }}, true
	case 0xa3, 0xa8: // equal, about equal
		name, ok1 := body.read(cbasn1.OCTET_STRING)
		value, ok2 := body.read(cbasn1.OCTET_STRING)
		want := fold(string(value))
		f := filter{matches: func(e *dirEntry) truth {
			return e.any(string(name), func(v string) bool { return v == want })
		}}
		switch typeOf(string(name)) {
		case "cn", "uid":
			f.names, f.all = []string{string(value)}, true
		case "ou":
			f.names = []string{string(value)}
		}
		return f, ok1 && ok2
	case 0xa4:
		return parseSubstrings(body)
	case 0xa5, 0xa6, 0xa9: // greater, less, extensible: no attribute here has such a rule
		return filter{matches: func(*dirEntry) truth { return undefined }}, true
	}
	return filter{}, false
}

// and is the filter that all parts match.
func and(parts []filter) filter {
	f := filter{matches: func(e *dirEntry) truth {
		all := yes
		for _, p := range parts {
			all = min(all, p.matches(e))
		}
		return all
	}}
	for _, p := range parts {
		switch {
		case p.all && (!f.all || len(p.names) < len(f.names)):
			f.names, f.all = p.names, true
		case !f.all:
			f.names = append(f.names, p.names...)
		}
	}
	return f
}

// or is the filter that some part matches.
func or(parts []filter) filter {
	f := filter{all: len(parts) > 0, matches: func(e *dirEntry) truth {
		any := no
		for _, p := range parts {
			any = max(any, p.matches(e))
		}
		return any
	}}
	for _, p := range parts {
		f.names, f.all = append(f.names, p.names...), f.all && p.all
	}
	return f
}

// parseSubstrings reads "a*b*c".
func parseSubstrings(body ber) (filter, bool) {
	name, ok1 := body.read(cbasn1.OCTET_STRING)
	parts, ok2 := body.read(cbasn1.SEQUENCE)
	if !ok1 || !ok2 || len(parts) == 0 {
		return filter{}, false
	}
	type part struct {
		tag  byte
		text string
	}
	var wanted []part
	for len(parts) > 0 {
		tag, text, ok := parts.element()
		if !ok || tag < 0x80 || tag > 0x82 {
			return filter{}, false
		}
		wanted = append(wanted, part{tag, strings.ToLower(string(text))})
	}
	return filter{matches: func(e *dirEntry) truth {
		return e.any(string(name), func(v string) bool {
			for _, p := range wanted {
				at := strings.Index(v, p.text)
				if p.tag == 0x82 { // the end
					at = strings.LastIndex(v, p.text)
				}
				if at < 0 || p.tag == 0x80 && at > 0 || p.tag == 0x82 && at+len(p.text) < len(v) {
					return false
				}
				v = v[at+len(p.text):]
			}
			return true
		})
	}}, true
}

// --- writing

// payload is something to send, in pieces that are read when they are sent.
type payload struct {
	pieces []io.Reader
	size   int64
}

func (b *payload) add(more payload) {
	b.pieces, b.size = append(b.pieces, more.pieces...), b.size+more.size
}

// wrap makes an element of that tag and of that content.
func wrap(tag cbasn1.Tag, content ...payload) payload {
	var all payload
	for _, c := range content {
		all.add(c)
	}
	head := raw(der.Header(tag, all.size))
	head.add(all)
	return head
}

func raw(b []byte) payload { return payload{[]io.Reader{bytes.NewReader(b)}, int64(len(b))} }

func octets(s string) payload { return wrap(cbasn1.OCTET_STRING, raw([]byte(s))) }

// ldapMessage wraps an answer to the request of that number.
func ldapMessage(id int, tag cbasn1.Tag, content ...payload) payload {
	number := []byte{byte(id >> 24), byte(id >> 16), byte(id >> 8), byte(id)}
	for len(number) > 1 && number[0] == 0 && number[1] < 0x80 {
		number = number[1:]
	}
	return wrap(cbasn1.SEQUENCE, wrap(cbasn1.INTEGER, raw(number)), wrap(tag, content...))
}

// result is how an operation ended: a code, how far the name was found, and message for a person.
type result struct {
	code    resultCode
	matched string
	message string
	more    payload // what the operation's answer has behind
}

func (r result) payload() payload {
	all := wrap(cbasn1.ENUM, raw([]byte{byte(r.code)}))
	all.add(octets(r.matched))
	all.add(octets(r.message))
	all.add(r.more)
	return all
}

// noticeOfDisconnection tells a client why it is left (RFC 4511 §4.4.1).
func noticeOfDisconnection(code resultCode, message string) payload {
	return ldapMessage(0, ldapAnswers[ldapExtended], result{code: code, message: message}.payload(),
		wrap(cbasn1.Tag(10).ContextSpecific(), raw([]byte("1.3.6.1.4.1.1466.20036"))))
}
