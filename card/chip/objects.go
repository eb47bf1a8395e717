package chip

import "github.com/igc-lab/igc/card"

// The security data objects of IAS-ECC that GET DATA tells of: how the codes stand, what the keys
// may do, what "by PIN" means.

const (
	classCode        = 0x01 // SDO classes
	classKey         = 0x10
	classEnvironment = 0x7B
	template         = 0x70 // tags
	objectTag        = 0xBF
	parametersTag    = 0xA0
	codeTag          = 0x41 // 7F41
)

// keyRules are the access rules of the keys: which commands there are rules for, then each: COMPUTE
// SIGNATURE, INTERNAL AUTHENTICATE, DECIPHER, GET DATA.
var keyRules = map[string][]byte{
	"signature":      {0x40 | 0x01, byte(byPIN), byte(always)},
	"authentication": {0x20 | 0x10 | 0x01, byte(byPIN), byte(byPIN), byte(always)},
}

// getData is GET DATA with P1-P2 = 3FFF, ISO/IEC 7816-4 §11.4.3: the data name the object, 4D { 70
// { BF class reference { tag 80 } } }.
func (c *Chip) getData(_ *channel, cmd command) ([]byte, status) {
	if cmd.p1 != 0x3F || cmd.p2 != 0xFF {
		return nil, wrongParameters
	}
	tag, asked, _, good := element(cmd.data)
	if good && tag == 0x4D {
		tag, asked, _, good = element(asked)
	}
	if !good || tag != template || len(asked) < 4 || asked[0] != objectTag {
		return nil, wrongData
	}
	class, reference := asked[1]&^localBit, asked[2]
	_, what, _, good := element(append([]byte{objectTag}, asked[3:]...))
	if !good || len(what) == 0 {
		return nil, wrongData
	}
	var content []byte
	switch {
	case class == classCode && (reference == pinReference || reference == codeReference) && what[0] == parametersTag:
		s, err := c.card.Status()
		if err != nil {
			return nil, c.broken(err)
		}
		left, most, reset := s.TriesLeft, card.Tries, byte(0x12)
		if reference == codeReference {
			left, most, reset = s.UnblockingsLeft, s.UnblockingTries, byte(never)
		}
		content = tlv(parametersTag, tlv(0x9A, []byte{byte(most)}), tlv(0x9B, []byte{byte(left)}), tlv(0x80, []byte{0, codeLength}),
			tlv(0xA1, tlv(0x8C, []byte{0x71, byte(byPIN), byte(always), reset, byte(always)}))) // change, verify, reset, get
	case class == classCode && reference == pinReference && len(what) > 1 && what[0] == 0x7F && what[1] == codeTag:
		content = tlv(0x7F41, tlv(0x80, []byte{codeLength}), tlv(0x81, []byte{4}))
	case class == classKey && what[0] == parametersTag:
		rules, known := keyRules[c.role(reference|c.profile.local)]
		if !known {
			return nil, noSuchReference
		}
		content = tlv(parametersTag, tlv(0x80, []byte{1, 0}), tlv(0xA1, tlv(0x8C, rules)))
	case class == classKey:
		return nil, wrongData // of a private key nothing is public
	case class == classEnvironment && (reference == 1 || reference == 2):
		content = tlv(classEnvironment, tlv(0xA4, tlv(0x95, []byte{0x08}), tlv(0x83, []byte{reference}))) // a code, and which
	default:
		return nil, noSuchReference
	}
	return tlv(template, append([]byte{objectTag, asked[1], reference}, tlv(0, content)[1:]...)), ok
}
