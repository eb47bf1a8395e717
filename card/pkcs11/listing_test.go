package pkcs11

import (
	"bytes"
	"crypto/sha256"
	"flag"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"golang.org/x/crypto/cryptobyte"
	cbasn1 "golang.org/x/crypto/cryptobyte/asn1"

	"github.com/igc-lab/igc/card"
	"github.com/igc-lab/igc/card/chip"
)

var update = flag.Bool("update", false, "write the golden files anew")

// fixed is the card whose certificates and keys are always the same, inserted in the first reader.
// Its PIN is 1234.
func (d *desk) fixed(g card.ChipType) (*card.Card, uint) {
	d.t.Helper()
	dir := filepath.Join(d.t.TempDir(), "card")
	err := os.CopyFS(dir, os.DirFS(filepath.Join("..", "chip", "testdata", "card")))
	d.must(err)
	c, err := card.Read(dir)
	d.must(err)
	d.must(c.SetChipType(g))
	return c, d.insert(c)
}

// all are the token's objects, by handle, after the PIN.
func (d *desk) all(slot uint) (h uint, handles []uint) {
	d.t.Helper()
	h = d.open(slot)
	d.must(d.Login(h, CKU_USER, []byte("1234")))
	d.must(d.FindObjectsInit(h, nil))
	handles, err := d.FindObjects(h, 1000)
	d.must(err)
	d.must(d.FindObjectsFinal(h))
	return h, handles
}

// value is an attribute, nil when there is none.
func (d *desk) value(h, object, attribute uint) []byte {
	d.t.Helper()
	values, _, err := d.GetAttributes(h, object, []uint{attribute})
	d.must(err)
	return values[0]
}

var attributeNames = map[uint]string{CKA_CLASS: "CLASS", CKA_TOKEN: "TOKEN", CKA_PRIVATE: "PRIVATE", CKA_LABEL: "LABEL", CKA_APPLICATION: "APPLICATION",
	CKA_VALUE: "VALUE", CKA_OBJECT_ID: "OBJECT_ID", CKA_CERTIFICATE_TYPE: "CERTIFICATE_TYPE", CKA_ISSUER: "ISSUER", CKA_SERIAL_NUMBER: "SERIAL_NUMBER",
	CKA_TRUSTED: "TRUSTED", CKA_KEY_TYPE: "KEY_TYPE", CKA_SUBJECT: "SUBJECT", CKA_ID: "ID", CKA_SENSITIVE: "SENSITIVE", CKA_ENCRYPT: "ENCRYPT",
	CKA_DECRYPT: "DECRYPT", CKA_WRAP: "WRAP", CKA_UNWRAP: "UNWRAP", CKA_SIGN: "SIGN", CKA_SIGN_RECOVER: "SIGN_RECOVER", CKA_VERIFY: "VERIFY",
	CKA_VERIFY_RECOVER: "VERIFY_RECOVER", CKA_DERIVE: "DERIVE", CKA_START_DATE: "START_DATE", CKA_END_DATE: "END_DATE", CKA_MODULUS: "MODULUS",
	CKA_MODULUS_BITS: "MODULUS_BITS", CKA_PUBLIC_EXPONENT: "PUBLIC_EXPONENT", CKA_PRIVATE_EXPONENT: "PRIVATE_EXPONENT", CKA_PRIME_1: "PRIME_1",
	CKA_PRIME_2: "PRIME_2", CKA_EXPONENT_1: "EXPONENT_1", CKA_EXPONENT_2: "EXPONENT_2", CKA_COEFFICIENT: "COEFFICIENT",
	CKA_EXTRACTABLE: "EXTRACTABLE", CKA_LOCAL: "LOCAL", CKA_NEVER_EXTRACTABLE: "NEVER_EXTRACTABLE", CKA_ALWAYS_SENSITIVE: "ALWAYS_SENSITIVE",
	CKA_KEY_GEN_MECHANISM: "KEY_GEN_MECHANISM", CKA_MODIFIABLE: "MODIFIABLE", CKA_ALWAYS_AUTHENTICATE: "ALWAYS_AUTHENTICATE"}

// The listing of a card, all that PKCS#11 shows of it. Its rows were laid beside those of the
// Cryptolib 5.2.2 for Linux, which saw the same card through card/chip and card/vpcd: doc.go tells
// which differ, and why.
func TestListing(t *testing.T) {
	for _, g := range []card.ChipType{card.CPS3, card.CPS4} {
		t.Run(string(g), func(t *testing.T) {
			d := newDesk(t)
			_, slot := d.fixed(g)
			var got strings.Builder
			info, err := d.GetSlotInfo(slot)
			d.must(err)
			fmt.Fprintf(&got, "slot %d %+q flags %#x\n", slot, info.Description, info.Flags)
			token, err := d.GetTokenInfo(slot)
			d.must(err)
			fmt.Fprintf(&got, "token %+q manufacturer %+q model %+q serial %+q flags %#x\n", token.Label, token.Manufacturer, token.Model, token.Serial, token.Flags)
			ids, err := d.GetMechanismList(slot)
			d.must(err)
			for _, id := range ids {
				least, most, flags, err := d.GetMechanismInfo(slot, id)
				d.must(err)
				fmt.Fprintf(&got, "mechanism %#x keys %d..%d flags %#x\n", id, least, most, flags)
			}
			h, handles := d.all(slot)
			for _, o := range handles {
				fmt.Fprintf(&got, "\n%s %+q\n", [...]string{"data", "certificate", "public key", "private key"}[readLong(d.value(h, o, CKA_CLASS))], d.value(h, o, CKA_LABEL))
				object, err := d.sessions[h].token.object(o)
				d.must(err)
				for _, a := range slices.Sorted(maps.Keys(object.attributes)) {
					name, known := attributeNames[a]
					if !known {
						t.Errorf("attribute %#x has no name here", a)
					}
					fmt.Fprintf(&got, "  %-20s %s\n", name, brief(d.value(h, o, a)))
				}
			}
			golden := filepath.Join("testdata", "listing-"+string(g)+".golden")
			if *update {
				d.must(os.WriteFile(golden, []byte(got.String()), 0o644))
			}
			want, err := os.ReadFile(golden)
			d.must(err)
			if got.String() != string(want) {
				was, is := strings.Split(string(want), "\n"), strings.Split(got.String(), "\n")
				for i := range min(len(was), len(is)) {
					if was[i] != is[i] {
						t.Fatalf("%s, line %d:\n got %s\nwant %s\n(-update writes what the module shows now)", golden, i+1, is[i], was[i])
					}
				}
				t.Fatalf("%s has %d lines, and now there are %d", golden, len(was), len(is))
			}
		})
	}
}

// brief writes a value in hexadecimal, or of a long one its size and a hash.
func brief(value []byte) string {
	switch {
	case value == nil:
		return "(sensitive)"
	case len(value) == 0:
		return "(empty)"
	case len(value) > 64:
		return fmt.Sprintf("(%d bytes, SHA-256 %.8x)", len(value), sha256.Sum256(value))
	}
	return fmt.Sprintf("%X", value)
}

// The module and the chip are two faces of one card: what software finds on the chip, by the
// directories of PKCS#15 and behind the PIN, is what the module shows.
func TestModuleAgreesWithChip(t *testing.T) {
	for _, test := range []struct {
		name   string
		g      card.ChipType
		strict bool
	}{{"cps3", card.CPS3, false}, {"cps4", card.CPS4, false}, {"cps3 strict", card.CPS3, true}, {"cps4 strict", card.CPS4, true}} {
		t.Run(test.name, func(t *testing.T) {
			d, g := newDesk(t), test.g
			c, slot := d.fixed(g)
			if test.strict {
				d.remove(c)
				d.must(c.SetStrictPIN(true))
				slot = d.insert(c)
			}
			played, err := chip.New(c)
			d.must(err)
			r := &chipReader{t: t, chip: played, class: 0}
			if g == card.CPS4 {
				r.class = 1
				r.send(0xA4, 0x04, 0x0C, []byte{0x80, 0x25, 0, 0, 1, 0xFF, 1, 0})
			}
			r.send(0x20, 0, 1, []byte("1234"))
			_, err = d.GetTokenInfo(slot) // the module has seen the card before software writes on it, through the chip
			d.must(err)
			r.send(0xA4, 0x08, 0x0C, []byte{0, 1, 0xD1, 0x07})
			r.send(0xD6, 0, 0, []byte("by software"))
			onChip := r.objects()
			if g == card.CPS3 { // of which no directory tells
				for _, old := range []struct{ label, path string }{{"CPS_SIT_FACT", "\x7F\x01\x40\x00"}, {"CPS2TER_ACTIVITY_01_PS", "\x40\x10"}} {
					onChip[found{CKO_DATA, old.label}] = facts{private: true, value: brief(r.readOld(old.path))}
				}
			}

			token, err := d.GetTokenInfo(slot)
			d.must(err)
			info := r.read([]byte{0x3F, 0, 0, 1, 0x50, 0x32})
			for _, text := range []string{token.Label, token.Manufacturer} {
				if !bytes.Contains(info, []byte(text)) {
					t.Errorf("TokenInfo does not hold %q", text)
				}
			}
			if serial := r.read([]byte{0x3F, 0, 0xD0, 0x03}); token.Serial != fmt.Sprintf("%X", serial[7:len(serial)-1]) {
				t.Errorf("serial %s, and EF.SN.ICC is %X", token.Serial, serial)
			}
			if !bytes.Equal(played.ATR(), g.ATR()) {
				t.Errorf("ATR %X", played.ATR())
			}

			h, handles := d.all(slot)
			for _, o := range handles {
				class, label := readLong(d.value(h, o, CKA_CLASS)), string(d.value(h, o, CKA_LABEL))
				if class == CKO_PUBLIC_KEY { // of which the chip knows nothing: it is in the certificate
					continue
				}
				shown := facts{private: d.value(h, o, CKA_PRIVATE)[0] == 1}
				switch class {
				case CKO_DATA:
					shown.modifiable, shown.value = d.value(h, o, CKA_MODIFIABLE)[0] == 1, brief(d.value(h, o, CKA_VALUE))
				case CKO_CERTIFICATE:
					shown.id, shown.value = brief(d.value(h, o, CKA_ID)), brief(d.value(h, o, CKA_VALUE))
				case CKO_PRIVATE_KEY:
					shown.id = brief(d.value(h, o, CKA_ID))
					shown.decrypts, shown.always = d.value(h, o, CKA_DECRYPT)[0] == 1, bytes.Equal(d.value(h, o, CKA_ALWAYS_AUTHENTICATE), boolean(true))
				}
				if has, there := onChip[found{class, label}]; !there {
					t.Errorf("the chip has no %q", label)
				} else if has != shown {
					t.Errorf("%q is on the chip\n%+v and the module shows\n%+v", label, has, shown)
				}
				delete(onChip, found{class, label})
			}
			d.must(d.SetAttributes(h, d.find(h, CKO_DATA, "CPS_DATA"), []Attribute{{CKA_VALUE, []byte("by other software")}}))
			if file := r.read([]byte{0x3F, 0, 0, 1, 0xD1, 0x07}); string(bytes.TrimRight(file, "\x00")) != "by other software" {
				t.Errorf("the chip has %q", file)
			}
			for left := range onChip {
				t.Errorf("the module does not show %q", left.label)
			}
		})
	}
}

// found is what software finds by; facts are what module and chip both know of an object.
type (
	found struct {
		class uint
		label string
	}
	facts struct {
		private, modifiable, decrypts, always bool
		id, value                             string
	}
)

// chipReader reads a chip as software does that knows PKCS#15.
type chipReader struct {
	t     *testing.T
	chip  *chip.Chip
	class byte
}

// transmit sends a command, and gives what was answered if that is good.
func (r *chipReader) transmit(apdu []byte) (data []byte, sw uint) {
	answer := r.chip.Transmit(apdu)
	n := len(answer) - 2
	return answer[:n], uint(answer[n])<<8 | uint(answer[n+1])
}

func (r *chipReader) send(ins, p1, p2 byte, data []byte) {
	r.t.Helper()
	if _, sw := r.transmit(append([]byte{r.class, ins, p1, p2, byte(len(data))}, data...)); sw != 0x9000 {
		r.t.Fatalf("%02X %02X%02X %X is answered %04X", ins, p1, p2, data, sw)
	}
}

// content reads the selected file with commands of that class.
func (r *chipReader) content(class byte) (all []byte) {
	r.t.Helper()
	for {
		data, sw := r.transmit([]byte{class, 0xB0, byte(len(all) >> 8), byte(len(all)), 0})
		all = append(all, data...)
		switch {
		case sw == 0x6282, sw == 0x9000 && len(data) < 256:
			return all
		case sw != 0x9000:
			r.t.Fatalf("READ BINARY at %d is answered %04X", len(all), sw)
		}
	}
}

// read reads the file of a path that begins with 3F00.
func (r *chipReader) read(path []byte) []byte {
	r.t.Helper()
	r.send(0xA4, 0x08, 0x0C, path[2:])
	return r.content(r.class)
}

// readOld reads a file of the CPS2ter application, each step of its path by itself.
func (r *chipReader) readOld(path string) []byte {
	r.t.Helper()
	for step := "\x3F\x00" + path; step != ""; step = step[2:] {
		if _, sw := r.transmit([]byte{0xA0, 0xA4, 0, 0, 2, step[0], step[1]}); sw>>8 != 0x9F {
			r.t.Fatalf("SELECT %X is answered %04X", step[:2], sw)
		}
	}
	return r.content(0xA0)
}

// objects reads what the directories name.
func (r *chipReader) objects() map[found]facts {
	r.t.Helper()
	all := map[found]facts{}
	for tag, class := range map[cbasn1.Tag]uint{0xA0: CKO_PRIVATE_KEY, 0xA4: CKO_CERTIFICATE, 0xA7: CKO_DATA} {
		directories := cryptobyte.String(r.read([]byte{0x3F, 0, 0, 1, 0x50, 0x31}))
		for !directories.Empty() {
			var name cryptobyte.String
			var its cbasn1.Tag
			if !directories.ReadAnyASN1(&name, &its) {
				r.t.Fatal("a broken ODF")
			}
			if its == tag {
				entries := cryptobyte.String(r.read(append([]byte{0x3F, 0, 0, 1}, path(r.t, name)...)))
				for !entries.Empty() {
					label, of := r.entry(&entries, class)
					all[found{class, label}] = of
				}
			}
		}
	}
	return all
}

// entry reads a PKCS15Object: the attributes that all have, those of the class, and where it is.
func (r *chipReader) entry(entries *cryptobyte.String, class uint) (label string, f facts) {
	r.t.Helper()
	var object, common, own, text, id, flags, usage, typed, place cryptobyte.String
	consent := 0
	good := entries.ReadASN1(&object, cbasn1.SEQUENCE) && object.ReadASN1(&common, cbasn1.SEQUENCE) && object.ReadASN1(&own, cbasn1.SEQUENCE) &&
		object.ReadASN1(&typed, cbasn1.Tag(1).Constructed().ContextSpecific()) && typed.ReadASN1(&place, cbasn1.SEQUENCE) &&
		common.ReadASN1(&text, cbasn1.UTF8String) && common.ReadASN1(&flags, cbasn1.BIT_STRING) && common.SkipOptionalASN1(cbasn1.OCTET_STRING) &&
		(common.Empty() || common.ReadASN1Integer(&consent))
	if !good {
		r.t.Fatalf("a broken entry of class %d", class)
	}
	bit := func(bits cryptobyte.String, n int) bool { return len(bits) > 1+n/8 && bits[1+n/8]&(0x80>>(n%8)) != 0 }
	f.private = bit(flags, 0)
	switch class {
	case CKO_PRIVATE_KEY:
		good = good && own.ReadASN1(&id, cbasn1.OCTET_STRING) && own.ReadASN1(&usage, cbasn1.BIT_STRING)
		f.id, f.decrypts, f.always = brief(id), bit(usage, 1), consent > 0
	case CKO_CERTIFICATE:
		good = good && own.ReadASN1(&id, cbasn1.OCTET_STRING)
		f.id = brief(id)
		f.value = brief(r.read(path(r.t, place)))
	case CKO_DATA:
		f.modifiable = bit(flags, 1)
		var octets cryptobyte.String
		good = good && place.ReadASN1(&octets, cbasn1.OCTET_STRING)
		f.value = brief(r.read(octets))
	}
	if !good {
		r.t.Fatalf("a broken entry of class %d", class)
	}
	return string(text), f
}

// path reads Path ::= SEQUENCE { path OCTET STRING }.
func path(t *testing.T, of cryptobyte.String) []byte {
	t.Helper()
	var place, octets cryptobyte.String
	if !of.ReadASN1(&place, cbasn1.SEQUENCE) || !place.ReadASN1(&octets, cbasn1.OCTET_STRING) {
		t.Fatal("no path")
	}
	return octets
}
