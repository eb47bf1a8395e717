package handshake

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"maps"
	"net"
	"slices"
	"strings"
)

// protocols are the ways to ask for TLS in a protocol that begins in clear.
var protocols = map[string]func(*plain) error{
	"smtp": func(p *plain) error { return p.smtp("EHLO") }, "lmtp": func(p *plain) error { return p.smtp("LHLO") },
	"imap": (*plain).imap, "pop3": (*plain).pop3, "ftp": (*plain).ftp, "nntp": (*plain).nntp, "sieve": (*plain).sieve,
	"xmpp": (*plain).xmpp, "ldap": (*plain).ldap, "postgres": (*plain).postgres, "mysql": (*plain).mysql,
}

// Protocols are the names that STARTTLS is known for.
func Protocols() []string { return slices.Sorted(maps.Keys(protocols)) }

// plain is a connection before TLS. It reads byte by byte, so that it takes nothing of TLS.
type plain struct {
	net.Conn
	host string
}

// Bounds of what a server may say before TLS.
const (
	maxLine  = 4 << 10
	maxLines = 100
)

// refusal is an answer that is not the one that was asked for.
type refusal struct{ said string }

func (r *refusal) Error() string { return fmt.Sprintf("it said %q", r.said) }

func (p *plain) line() (string, error) {
	var line []byte
	for len(line) < maxLine {
		var b [1]byte
		if _, err := io.ReadFull(p.Conn, b[:]); err != nil {
			if len(line) > 0 && errors.Is(err, io.EOF) {
				return string(line), nil
			}
			return "", err
		}
		if b[0] == '\n' {
			return strings.TrimSuffix(string(line), "\r"), nil
		}
		line = append(line, b[0])
	}
	return "", &refusal{string(line[:80])}
}

// until reads lines to the one that is last.
func (p *plain) until(last func(string) bool) (string, error) {
	for range maxLines {
		line, err := p.line()
		if err != nil || last(line) {
			return line, err
		}
	}
	return "", &refusal{"too many lines"}
}

func (p *plain) send(line string) error {
	_, err := io.WriteString(p.Conn, line+"\r\n")
	return err
}

// reply reads a reply of three digits, which may have several lines.
func (p *plain) reply(want ...string) error {
	line, err := p.until(func(l string) bool { return len(l) < 4 || l[3] != '-' })
	return expect(line, err, want...)
}

func expect(line string, err error, want ...string) error {
	if err != nil {
		return err
	}
	if !slices.ContainsFunc(want, func(w string) bool { return strings.HasPrefix(strings.ToUpper(line), w) }) {
		return &refusal{line}
	}
	return nil
}

// first is the first error of steps that are each taken when those before went well.
func first(steps ...func() error) error {
	for _, step := range steps {
		if err := step(); err != nil {
			return err
		}
	}
	return nil
}

func (p *plain) smtp(hello string) error {
	return first(func() error { return p.reply("220") }, func() error { return p.send(hello + " localhost") },
		func() error { return p.reply("250") },
		func() error { return p.send("STARTTLS") }, func() error { return p.reply("220") })
}

func (p *plain) imap() error {
	tagged := func() error {
		line, err := p.until(func(l string) bool { return strings.HasPrefix(l, "a1 ") })
		return expect(line, err, "A1 OK")
	}
	greeting := func() error { line, err := p.line(); return expect(line, err, "* OK", "* PREAUTH") }
	return first(greeting, func() error { return p.send("a1 STARTTLS") }, tagged)
}

func (p *plain) pop3() error {
	ok := func() error { line, err := p.line(); return expect(line, err, "+OK") }
	return first(ok, func() error { return p.send("STLS") }, ok)
}

func (p *plain) ftp() error {
	return first(func() error { return p.reply("220") }, func() error { return p.send("AUTH TLS") },
		func() error { return p.reply("234") })
}

func (p *plain) nntp() error {
	return first(func() error { return p.reply("20") }, func() error { return p.send("STARTTLS") },
		func() error { return p.reply("382") })
}

func (p *plain) sieve() error {
	done := func() error {
		line, err := p.until(func(l string) bool {
			l = strings.ToUpper(l)
			return strings.HasPrefix(l, "OK") || strings.HasPrefix(l, "NO") || strings.HasPrefix(l, "BYE")
		})
		return expect(line, err, "OK")
	}
	return first(done, func() error { return p.send("STARTTLS") }, done)
}

func (p *plain) xmpp() error {
	read := func(want string) error {
		var seen []byte
		for len(seen) < 16*maxLine {
			var b [1]byte
			if _, err := io.ReadFull(p.Conn, b[:]); err != nil {
				return err
			}
			if seen = append(seen, b[0]); b[0] == '>' && bytes.Contains(seen, []byte(want)) {
				return nil
			}
			if b[0] == '>' && bytes.Contains(seen, []byte("</stream:stream")) {
				break
			}
		}
		return &refusal{string(seen[:min(len(seen), 80)])}
	}
	return first(func() error {
		return p.send("<?xml version='1.0'?><stream:stream to='" + p.host +
			"' xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams' version='1.0'>")
	}, func() error { return read("<starttls") }, func() error { return read("</stream:features") },
		func() error { return p.send("<starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>") },
		func() error { return read("<proceed") })
}

// ldap sends the extended request of RFC 4511 §4.14.1.
func (p *plain) ldap() error {
	const oid = "1.3.6.1.4.1.1466.20037"
	if _, err := p.Write(append([]byte{0x30, 29, 2, 1, 1, 0x77, 24, 0x80, 22}, oid...)); err != nil {
		return err
	}
	var head [2]byte
	if _, err := io.ReadFull(p.Conn, head[:]); err != nil {
		return err
	}
	length := int(head[1])
	if n := length & 0x7f; length >= 0x80 {
		if n == 0 || n > 2 {
			return &refusal{string(head[:])}
		}
		octets := make([]byte, n)
		if _, err := io.ReadFull(p.Conn, octets); err != nil {
			return err
		}
		length = 0
		for _, b := range octets {
			length = length<<8 | int(b)
		}
	}
	answer := make([]byte, length)
	if _, err := io.ReadFull(p.Conn, answer); err != nil {
		return err
	}
	// messageID, then ExtendedResponse that begins with resultCode
	i := bytes.Index(answer, []byte{0x0a, 1})
	if head[0] != 0x30 || i < 0 || i+2 >= len(answer) {
		return &refusal{"no LDAP response"}
	}
	if code := answer[i+2]; code != 0 {
		return &refusal{fmt.Sprintf("LDAP result code %d", code)}
	}
	return nil
}

// postgres sends an SSLRequest.
func (p *plain) postgres() error {
	if _, err := p.Write([]byte{0, 0, 0, 8, 4, 0xd2, 0x16, 0x2f}); err != nil {
		return err
	}
	var answer [1]byte
	if _, err := io.ReadFull(p.Conn, answer[:]); err != nil {
		return err
	}
	if answer[0] != 'S' {
		return &refusal{string(answer[:])}
	}
	return nil
}

// mysql answers the greeting with an SSLRequest.
func (p *plain) mysql() error {
	var head [4]byte
	if _, err := io.ReadFull(p.Conn, head[:]); err != nil {
		return err
	}
	greeting := make([]byte, int(head[0])|int(head[1])<<8)
	if _, err := io.ReadFull(p.Conn, greeting); err != nil {
		return err
	}
	if head[2] != 0 || len(greeting) == 0 || greeting[0] != 10 {
		return &refusal{"no MySQL greeting"}
	}
	request := make([]byte, 4+32)
	request[0], request[3] = 32, 1
	binary.LittleEndian.PutUint32(request[4:], 0x8000|0x800|0x200) // secure connection, SSL, protocol 4.1
	binary.LittleEndian.PutUint32(request[8:], 1<<24)
	request[12] = 33 // UTF-8
	_, err := p.Write(request)
	return err
}
