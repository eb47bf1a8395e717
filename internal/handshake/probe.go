package handshake

import (
	"context"
	"crypto/rand"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"

	"golang.org/x/crypto/cryptobyte"
)

// This file reads the beginning of a handshake that crypto/tls cannot complete: up to TLS 1.2 the
// server's certificates come in clear, and no key is needed to see them.

// probedSuites are offered beside those of crypto/tls: finite-field DHE, RSA and ECDHE with other
// ciphers, the weak ones of old servers, GOST. Anonymous ones come last: they have no certificate.
var probedSuites = []uint16{
	0x009f, 0x009e, 0xccaa, 0x006b, 0x0067, 0x0039, 0x0033, 0x0016, 0x00c4, 0x00be, 0x0088, 0x0045, 0x009a, 0xc09f,
	0xc09e, 0xc0a3, 0xc0a2, // DHE-RSA
	0x00a3, 0x00a2, 0x006a, 0x0040, 0x0038, 0x0032, 0x0013, 0x0087, 0x0044, 0x0099, 0x0066, // DHE-DSS
	0xc0af, 0xc0ad, 0xc0ae, 0xc0ac, 0xc073, 0xc072, 0xc077, 0xc076, 0xc024, 0xc028, // ECDHE
	0xc09d, 0xc09c, 0xc0a1, 0xc0a0, 0x00c0, 0x00ba, 0x0084, 0x0041, 0x0096, 0x0007, 0x003d, // RSA
	0xc100, 0xc101, 0xc102, 0x0081, 0xff85, // GOST
	0x0015, 0x0012, 0x0009, 0x0014, 0x0011, 0x0008, 0x0006, 0x0003, 0x0004, 0x0062, 0x0064, // DES, export, RC4-MD5
	0x00a7, 0x00a6, 0x006d, 0x006c, 0x003a, 0x0034, 0xc019, 0xc018, // anonymous
}

// SuiteName is the name of a cipher suite, of those that only the probe offers too.
func SuiteName(id uint16) string {
	if name, ok := suiteNames[id]; ok {
		return name
	}
	return tls.CipherSuiteName(id)
}

var suiteNames = map[uint16]string{
	0x009f: "TLS_DHE_RSA_WITH_AES_256_GCM_SHA384", 0x009e: "TLS_DHE_RSA_WITH_AES_128_GCM_SHA256",
	0xccaa: "TLS_DHE_RSA_WITH_CHACHA20_POLY1305_SHA256",
	0x006b: "TLS_DHE_RSA_WITH_AES_256_CBC_SHA256", 0x0067: "TLS_DHE_RSA_WITH_AES_128_CBC_SHA256",
	0x0039: "TLS_DHE_RSA_WITH_AES_256_CBC_SHA",
	0x0033: "TLS_DHE_RSA_WITH_AES_128_CBC_SHA", 0x0016: "TLS_DHE_RSA_WITH_3DES_EDE_CBC_SHA",
	0x0088: "TLS_DHE_RSA_WITH_CAMELLIA_256_CBC_SHA",
	0x0045: "TLS_DHE_RSA_WITH_CAMELLIA_128_CBC_SHA", 0xc09f: "TLS_DHE_RSA_WITH_AES_256_CCM",
	0xc09e: "TLS_DHE_RSA_WITH_AES_128_CCM",
	0x00a3: "TLS_DHE_DSS_WITH_AES_256_GCM_SHA384", 0x00a2: "TLS_DHE_DSS_WITH_AES_128_GCM_SHA256",
	0x006a: "TLS_DHE_DSS_WITH_AES_256_CBC_SHA256",
	0x0040: "TLS_DHE_DSS_WITH_AES_128_CBC_SHA256", 0x0038: "TLS_DHE_DSS_WITH_AES_256_CBC_SHA",
	0x0032: "TLS_DHE_DSS_WITH_AES_128_CBC_SHA", 0x0013: "TLS_DHE_DSS_WITH_3DES_EDE_CBC_SHA",
	0xc024: "TLS_ECDHE_ECDSA_WITH_AES_256_CBC_SHA384", 0xc028: "TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA384",
	0xc0ad: "TLS_ECDHE_ECDSA_WITH_AES_256_CCM", 0xc0ac: "TLS_ECDHE_ECDSA_WITH_AES_128_CCM",
	0xc09d: "TLS_RSA_WITH_AES_256_CCM", 0xc09c: "TLS_RSA_WITH_AES_128_CCM",
	0x0084: "TLS_RSA_WITH_CAMELLIA_256_CBC_SHA", 0x0041: "TLS_RSA_WITH_CAMELLIA_128_CBC_SHA",
	0x003d: "TLS_RSA_WITH_AES_256_CBC_SHA256", 0x0096: "TLS_RSA_WITH_SEED_CBC_SHA", 0x0007: "TLS_RSA_WITH_IDEA_CBC_SHA",
	0xc100: "TLS_GOSTR341112_256_WITH_KUZNYECHIK_CTR_OMAC", 0xc101: "TLS_GOSTR341112_256_WITH_MAGMA_CTR_OMAC",
	0xc102: "TLS_GOSTR341112_256_WITH_28147_CNT_IMIT", 0x0081: "TLS_GOSTR341001_WITH_28147_CNT_IMIT",
	0x0015: "TLS_DHE_RSA_WITH_DES_CBC_SHA", 0x0009: "TLS_RSA_WITH_DES_CBC_SHA", 0x0004: "TLS_RSA_WITH_RC4_128_MD5",
	0x0014: "TLS_DHE_RSA_EXPORT_WITH_DES40_CBC_SHA",
	0x0008: "TLS_RSA_EXPORT_WITH_DES40_CBC_SHA", 0x0003: "TLS_RSA_EXPORT_WITH_RC4_40_MD5",
	0x0006: "TLS_RSA_EXPORT_WITH_RC2_CBC_40_MD5",
	0x00a7: "TLS_DH_anon_WITH_AES_256_GCM_SHA384", 0x00a6: "TLS_DH_anon_WITH_AES_128_GCM_SHA256",
	0x003a: "TLS_DH_anon_WITH_AES_256_CBC_SHA", 0x0034: "TLS_DH_anon_WITH_AES_128_CBC_SHA",
	0xc019: "TLS_ECDH_anon_WITH_AES_256_CBC_SHA", 0xc018: "TLS_ECDH_anon_WITH_AES_128_CBC_SHA",
}

const (
	versionSSL30 = 0x0300
	maxProbe     = 1 << 20 // bytes of handshake messages
)

// probe looks at the first messages of the server: as a client of TLS 1.2, then of SSLv3.
func (t Target) probe(ctx context.Context) (*Seen, error) {
	var last error
	for _, version := range []uint16{tls.VersionTLS12, versionSSL30} {
		conn, err := t.connect(ctx)
		if err != nil {
			return nil, err
		}
		seen, err := t.readClear(conn, version)
		conn.Close()
		if err == nil && seen.Chain != nil {
			return seen, nil
		}
		if err == nil {
			return nil, fmt.Errorf("suite %s has no certificate", SuiteName(seen.Suite))
		}
		last = err
	}
	return nil, last
}

func (t Target) readClear(conn net.Conn, version uint16) (*Seen, error) {
	hello, err := t.clientHello(version)
	if err != nil {
		return nil, err
	}
	if _, err := conn.Write(hello); err != nil {
		return nil, err
	}
	seen := &Seen{Unspoken: true}
	var messages cryptobyte.String
	for total := 0; total < maxProbe; {
		var head [5]byte
		if _, err := io.ReadFull(conn, head[:]); err != nil {
			if seen.Chain != nil {
				return seen, nil
			}
			return nil, err
		}
		body := make([]byte, int(head[3])<<8|int(head[4]))
		if _, err := io.ReadFull(conn, body); err != nil {
			return nil, err
		}
		total += len(body)
		switch {
		case head[0] == 21 && len(body) == 2:
			if seen.Chain != nil {
				return seen, nil
			}
			return nil, tls.AlertError(body[1])
		case head[0] != 22:
			return nil, errors.New("not TLS")
		}
		messages = append(messages, body...)
		for {
			rest := messages
			var kind uint8
			var message cryptobyte.String
			if !rest.ReadUint8(&kind) || !rest.ReadUint24LengthPrefixed(&message) {
				break
			}
			messages = rest
			done, err := seen.read(kind, message)
			if err != nil {
				return nil, err
			}
			if done {
				return seen, nil
			}
		}
	}
	return nil, errors.New("the server says too much")
}

// read reads a handshake message. It is done after those that the server sends in clear.
func (s *Seen) read(kind uint8, message cryptobyte.String) (done bool, err error) {
	broken := errors.New("a broken handshake message")
	switch kind {
	case 2: // ServerHello
		var random []byte
		var session cryptobyte.String
		if !message.ReadUint16(&s.Version) || !message.ReadBytes(&random, 32) ||
			!message.ReadUint8LengthPrefixed(&session) || !message.ReadUint16(&s.Suite) {
			return false, broken
		}
	case 11: // Certificate
		var list cryptobyte.String
		if !message.ReadUint24LengthPrefixed(&list) {
			return false, broken
		}
		for !list.Empty() {
			var one cryptobyte.String
			if !list.ReadUint24LengthPrefixed(&one) {
				return false, broken
			}
			s.Chain = append(s.Chain, one)
		}
	case 13: // CertificateRequest
		s.Asks = true
		var skip, names cryptobyte.String
		if !message.ReadUint8LengthPrefixed(&skip) || s.Version >= tls.VersionTLS12 &&
			!message.ReadUint16LengthPrefixed(&skip) || !message.ReadUint16LengthPrefixed(&names) {
			return false, broken
		}
		for !names.Empty() {
			var name cryptobyte.String
			if !names.ReadUint16LengthPrefixed(&name) {
				return false, broken
			}
			s.Authorities = append(s.Authorities, name)
		}
	case 14: // ServerHelloDone
		return true, nil
	}
	return false, nil
}

// clientHello is a record with a ClientHello of everything up to a version.
func (t Target) clientHello(version uint16) ([]byte, error) {
	var b cryptobyte.Builder
	b.AddUint8(22)
	b.AddUint16(min(version, tls.VersionTLS10))
	b.AddUint16LengthPrefixed(func(b *cryptobyte.Builder) {
		b.AddUint8(1)
		b.AddUint24LengthPrefixed(func(b *cryptobyte.Builder) {
			b.AddUint16(version)
			random := make([]byte, 32)
			rand.Read(random) // never fails
			b.AddBytes(random)
			b.AddUint8(0) // no session
			b.AddUint16LengthPrefixed(func(b *cryptobyte.Builder) {
				for _, suite := range append(tls.CipherSuites(), tls.InsecureCipherSuites()...) {
					if suite.ID>>8 != 0x13 { // not of TLS 1.3
						b.AddUint16(suite.ID)
					}
				}
				for _, id := range probedSuites {
					b.AddUint16(id)
				}
				b.AddUint16(0x00ff) // secure renegotiation
			})
			b.AddBytes([]byte{1, 0}) // no compression
			if version > versionSSL30 {
				b.AddUint16LengthPrefixed(t.extensions)
			}
		})
	})
	return b.Bytes()
}

func (t Target) extensions(b *cryptobyte.Builder) {
	if t.ServerName != "" {
		b.AddUint16(0)
		b.AddUint16LengthPrefixed(func(b *cryptobyte.Builder) {
			b.AddUint16LengthPrefixed(func(b *cryptobyte.Builder) {
				b.AddUint8(0)
				b.AddUint16LengthPrefixed(func(b *cryptobyte.Builder) { b.AddBytes([]byte(t.ServerName)) })
			})
		})
	}
	list := func(kind uint16, values ...uint16) {
		b.AddUint16(kind)
		b.AddUint16LengthPrefixed(func(b *cryptobyte.Builder) {
			b.AddUint16LengthPrefixed(func(b *cryptobyte.Builder) {
				for _, v := range values {
					b.AddUint16(v)
				}
			})
		})
	}
	// groups: brainpool, binary and finite fields too
	list(10, 29, 30, 23, 24, 25, 26, 27, 28, 22, 21, 19, 9, 10, 11, 12, 13, 14, 256, 257, 258, 34, 35, 36, 37)
	list(13, 0x0804, 0x0805, 0x0806, 0x0809, 0x080a, 0x080b, 0x0403, 0x0503, 0x0603, 0x0807, 0x0808, 0x081a, 0x081b,
		0x081c,
		0x0401, 0x0501, 0x0601, 0x0402, 0x0502, 0x0602, 0x0303, 0x0301, 0x0302, 0x0203, 0x0201, 0x0202, 0x0101, 0xeeee,
		0xefef, 0xeded)
	b.AddUint16(11) // point formats
	b.AddUint16LengthPrefixed(func(b *cryptobyte.Builder) { b.AddBytes([]byte{3, 0, 1, 2}) })
}
