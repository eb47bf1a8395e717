package chip

import (
	"encoding/binary"
	"slices"
	"time"

	"github.com/igc-lab/igc/card"
)

// The files that tell software what is on the card: EF.DIR and EF.ATR of ISO/IEC 7816-4, the serial
// number and the dates of the CPS, and the directories of PKCS#15 v1.1 (ISO/IEC 7816-15).

// Tags of ASN.1 that they are made of.
const (
	boolean    = 0x01
	integer    = 0x02
	bitString  = 0x03
	octets     = 0x04
	null       = 0x05
	object     = 0x06
	enumerated = 0x0A
	text       = 0x0C
	sequence   = 0x30
	typed      = 0xA1 // [1] typeAttributes
)

// Named bits.
const (
	isPrivate, isModifiable                               = 0, 1    // CommonObjectFlags
	mayDecrypt, maySign, mayCommit                        = 1, 2, 9 // KeyUsageFlags
	pinInitialized, pinUnblocks, pinOfAdministration      = 4, 6, 7 // PinFlags
	loginRequired, prnGeneration                          = 1, 2    // TokenFlags
	isSensitive, alwaysSensitive, neverOut                = 0, 2, 3 // KeyAccessFlags
	opSignature, opHash, opDecipher                       = 1, 6, 5 // Operations
	asciiNumeric                                     byte = 1       // PinType
)

// bits is a BIT STRING with these bits set, bit 0 first, without zeros after the last one (X.690
// §11.2.2).
func bits(set ...int) []byte {
	var b []byte
	last := 0
	for _, n := range set {
		for len(b) <= n/8 {
			b = append(b, 0)
		}
		b[n/8] |= 0x80 >> (n % 8)
		last = max(last, n)
	}
	if b == nil {
		return tlv(bitString, []byte{0})
	}
	return tlv(bitString, []byte{byte(7 - last%8)}, b)
}

func number(n uint16) []byte {
	b := binary.BigEndian.AppendUint16(nil, n)
	if n < 0x80 {
		b = b[1:]
	} else if n >= 0x8000 {
		b = append([]byte{0}, b...)
	}
	return tlv(integer, b)
}

// place is a path from the directory of the application, or from the MF.
func place(path string) []byte {
	var b []byte
	for ; len(path) >= 4; path = path[min(len(path), 5):] {
		b = append(b, unhex(path[:4])...)
	}
	return tlv(sequence, tlv(octets, b))
}

const application = "3F00/0001"

func (c *Chip) directory() []byte {
	return tlv(0x61, tlv(0x4F, unhex(card.AID)), tlv(0x50, []byte("CPS")), tlv(0x51, unhex("3F000001")))
}

// answerToReset is EF.ATR: what the card can do, the sizes of its buffers and the AID of its root,
// as IAS-ECC has it.
func (c *Chip) answerToReset() []byte {
	sizes := func(n uint16) []byte { return tlv(integer, []byte{byte(n >> 8), byte(n)}) }
	return slices.Concat([]byte{0x80}, // category
		tlv(0x43, []byte{0xB8}),          // services: selection by full and partial name, EF.DIR
		tlv(0x46, []byte{0, 0, 0, 0x10}), // pre-issuing data: no manufacturer's; IAS-ECC 1.0
		tlv(0x47, []byte{0x94, 1, 0x80}), // capabilities: selections, units of one byte, chaining
		tlv(0x4F, rootName),
		tlv(0xE0, sizes(0xFF), sizes(0xFF), sizes(0x100), sizes(0x100)),
		tlv(0x78, tlv(object, unhex("2B8122F87802"))), // 1.3.162.15480.2
		tlv(0x82, []byte{0x90, 0x00}))
}

// serialNumber is EF.SN.ICC: the PAN, which is the issuer's number and the card's.
func (c *Chip) serialNumber() []byte { return tlv(0x5A, unhex("8025000001"), unhex(c.card.Number)) }

// lastUpdate is EF_ACTUA, dates in BCD between which the card's data hold. The Cryptolib reads its
// cache of a card again when they change.
func (c *Chip) lastUpdate() []byte {
	date := func(t time.Time) []byte { return unhex(t.UTC().Format("20060102150405")) }
	first := c.card.Certificates[0]
	return tlv(0xEC, tlv(0x81, date(first.NotBefore)), tlv(0x82, date(first.NotAfter)))
}

// objectDirectory is the ODF.
func (c *Chip) objectDirectory() []byte {
	var out []byte
	for _, d := range []struct {
		tag  uint32
		path string
	}{{0xA0, "7001"}, {0xA4, "7002"}, {0xA7, "7004"}, {0xA8, "7003"}} {
		out = append(out, tlv(d.tag, place(d.path))...)
	}
	return out
}

// algorithms is what OpenSC wants to be told of an IAS-ECC card: PKCS#11 mechanism, what it is for,
// object identifier, reference.
var algorithms = []struct {
	mechanism uint16
	operation int
	oid       string
	reference byte
}{
	{0x220, opHash, "2B0E03021A", 0x10},
	{0x250, opHash, "608648016503040201", 0x40},
	{0x006, opSignature, "2A864886F70D010105", 0x12},
	{0x040, opSignature, "2A864886F70D01010B", 0x42},
	{0x001, opSignature, "2A864886F70D010101", 0x02},
}

func (c *Chip) tokenInfo() []byte {
	var can []byte
	if c.generation == card.CPS3 {
		for i, a := range algorithms {
			can = append(can, tlv(sequence, number(uint16(i+1)), number(a.mechanism), tlv(null), bits(a.operation), tlv(object, unhex(a.oid)),
				number(uint16(a.reference)))...)
		}
		can = tlv(0xA2, can)
	}
	return tlv(sequence, number(0), tlv(octets, unhex("8025000001"+c.card.Number)), tlv(text, []byte(card.Manufacturer)),
		tlv(0x80, []byte(c.Label())), bits(loginRequired, prnGeneration), can)
}

// attributes are those that all objects have. An object that names a code is private.
func attributes(label string, code byte, flags []byte, more ...[]byte) []byte {
	parts := [][]byte{tlv(text, []byte(label)), flags}
	if code != 0 {
		parts = append(parts, tlv(octets, []byte{code}))
	}
	return tlv(sequence, append(parts, more...)...)
}

// identifier is the CKA_ID.
func (c *Chip) identifier(cert card.Certificate) []byte { return tlv(octets, cert.ID(c.generation)) }

// privateKeys is the PrKDF. Its order and usages are those of a real CPS3 (OpenSC issue 2267); that
// the signature key wants the user's consent each time is said under a strict PIN alone.
func (c *Chip) privateKeys() []byte {
	var out []byte
	for _, cert := range slices.Backward(c.card.Certificates) {
		usage, consent := bits(mayDecrypt, maySign), []byte(nil)
		if cert.AlwaysAuthorized {
			usage = bits(mayCommit)
			if c.strict {
				consent = number(1)
			}
		}
		out = append(out, tlv(sequence, attributes(cert.Private, pinReference, bits(isPrivate), consent),
			tlv(sequence, c.identifier(cert), usage, tlv(boolean, []byte{0xFF}), bits(isSensitive, alwaysSensitive, neverOut),
				number(uint16(cert.Reference(c.generation)|c.profile.local))),
			tlv(typed, tlv(sequence, place(application), number(2048))))...)
	}
	return out
}

// certificates is the CDF.
func (c *Chip) certificates() []byte {
	var out []byte
	for i, cert := range slices.Backward(c.card.Certificates) {
		out = append(out, tlv(sequence, attributes(cert.Certificate, 0, bits()), tlv(sequence, c.identifier(cert)),
			tlv(typed, tlv(sequence, place("3F00/"+certificatePath(i)))))...)
	}
	return out
}

// authentications is the AODF: the PIN, and the code that unblocks it.
func (c *Chip) authentications() []byte {
	code := func(label string, reference, unblocker, least byte, flags ...int) []byte {
		return tlv(sequence, attributes(label, unblocker, bits(isPrivate, isModifiable)), tlv(sequence, tlv(octets, []byte{reference})),
			tlv(typed, tlv(sequence, bits(flags...), tlv(enumerated, []byte{asciiNumeric}), number(uint16(least)), number(codeLength),
				number(codeLength), tlv(0x80, []byte{reference}))))
	}
	return append(code("Code porteur", pinReference, codeReference, 4, pinInitialized),
		code("Code de déblocage", codeReference, 0, codeLength, pinInitialized, pinUnblocks, pinOfAdministration)...)
}

// dataObjects is the DODF.
func (c *Chip) dataObjects() []byte {
	var out []byte
	for _, f := range c.card.Files(c.generation) {
		if _, isOld := c.oldPath(f.Label); isOld {
			continue
		}
		code, flags := byte(0), bits()
		switch {
		case f.Private:
			code, flags = pinReference, bits(isPrivate)
		case f.Writable:
			flags = bits(isModifiable)
		}
		out = append(out, tlv(sequence, attributes(f.Label, code, flags), tlv(sequence, tlv(text, []byte("CPS"))),
			tlv(typed, place("3F00/"+dataPaths[f.Label])))...)
	}
	return out
}
