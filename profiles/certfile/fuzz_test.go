package certfile

import (
	"bytes"
	"crypto"
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"net/url"
	"runtime"
	"runtime/debug"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/youmark/pkcs8"
	"golang.org/x/crypto/cryptobyte"
	cbasn1 "golang.org/x/crypto/cryptobyte/asn1"
	"software.sslmate.com/src/go-pkcs12"

	"github.com/igc-lab/igc/internal/der"
	"github.com/igc-lab/igc/internal/i18n"
	"github.com/igc-lab/igc/internal/p12"
)

// tooLong is what no input takes unless something hangs: a second, and much more under -race, with
// a fuzzer's instrumentation or on a loaded machine.
const tooLong = 2 * time.Minute

// readAny reads any bytes: no panic, an error in both languages or items, in bounded time.
func readAny(t testing.TB, data []byte) *File {
	start := time.Now()
	file, err := Read(data, Options{})
	if d := time.Since(start); d > tooLong {
		t.Errorf("%d bytes took %s", len(data), d)
	}
	if err != nil {
		if text := i18n.TextOf(err); file != nil || text.FR == "" || text.EN == "" || text.FR == text.EN {
			t.Errorf("%v, %+v", file, text)
		}
		return nil
	}
	if len(file.Items) == 0 {
		t.Error("neither items nor an error")
	}
	for _, item := range file.Items {
		if (item.Kind == Certificate) != (item.Certificate != nil) || (item.Kind == PrivateKey) != (item.Key != nil) ||
			item.Kind == PrivateKey && item.DER != nil {
			t.Errorf("%+v", item)
		}
		if item.Certificate != nil {
			PublicKeyName(item.Certificate.SubjectPublicKeyInfo)
		}
	}
	main, err := file.Main()
	if (main == nil) == (err == nil) || main != nil && main.Kind != Certificate {
		t.Errorf("%v, %v", main, err)
	}
	return file
}

func FuzzText(f *testing.F) {
	leaf := makeCertificate(f, "leaf", false, nil, nil)
	clean := string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: leaf.der}))
	private, err := x509.MarshalPKCS8PrivateKey(leaf.key)
	if err != nil {
		f.Fatal(err)
	}
	bare := base64.StdEncoding.EncodeToString(leaf.der)
	for _, s := range []string{
		clean, strings.ReplaceAll(clean, "\n", " "), strings.ReplaceAll(clean, "\n", `\n`), url.QueryEscape(clean),
		quoted("> ", clean),
		strings.ReplaceAll(clean, "-----", "--"), bare, ":" + bare + ":", `{"x5c":["` + bare + `"]}`,
		"<X509Certificate>" + bare + "</X509Certificate>",
		"eyJ4NWMiOlsi" + base64.RawURLEncoding.EncodeToString([]byte(bare)),
		base64.StdEncoding.EncodeToString([]byte(clean)),
		string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: private})), "MIIMIIMIIMIIMIIMII",
		"-----BEGIN CERTIFICATE-----", "3082", "%30%25%33",
		string(utf16Text(clean, false, true)), string(utf16Text(clean, true, false)), strings.Repeat("eyJ", 100),
	} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, data []byte) { readAny(t, data) })
}

// withoutMAC takes the MAC off, so that what is changed in the rest is read.
func withoutMAC(t testing.TB, pfx []byte) []byte {
	in := cryptobyte.String(pfx)
	var body, version, safe cryptobyte.String
	if !in.ReadASN1(&body, cbasn1.SEQUENCE) || !body.ReadASN1Element(&version, cbasn1.INTEGER) ||
		!body.ReadASN1Element(&safe, cbasn1.SEQUENCE) {
		t.Fatal("not a PKCS#12")
	}
	return der.Element(cbasn1.SEQUENCE, version, safe)
}

func FuzzPKCS12(f *testing.F) {
	root := makeCertificate(f, "root", true, nil, nil)
	leaf := makeCertificate(f, "leaf", false, root, nil)
	chain := []*x509.Certificate{root.cert}
	add := func(data []byte, err error) {
		if err != nil {
			f.Fatal(err)
		}
		f.Add(data)
		f.Add(withoutMAC(f, data))
		f.Add(toBER(data))
	}
	for _, enc := range []*pkcs12.Encoder{pkcs12.Modern2023.WithIterations(1), pkcs12.LegacyDES.WithIterations(1),
		pkcs12.LegacyRC2.WithIterations(1), pkcs12.Modern2026.WithIterations(1)} {
		add(enc.Encode(leaf.key, leaf.cert, chain, "1234"))
	}
	add(pkcs12.Modern2023.WithIterations(1).EncodeTrustStore(chain, "1234"))
	add(p12.Encode(p12.ANS, leaf.key, leaf.cert, chain, "", "1234"))
	clear, err := pkcs12.Passwordless.Encode(leaf.key, leaf.cert, chain, "")
	if err != nil {
		f.Fatal(err)
	}
	f.Add(clear)
	f.Fuzz(func(t *testing.T, data []byte) { readAny(t, data) })
}

// toBER writes the outer elements with indefinite lengths, and octet strings in segments.
func toBER(data []byte) []byte {
	var out []byte
	for in := cryptobyte.String(data); !in.Empty(); {
		var value cryptobyte.String
		var tag cbasn1.Tag
		if !in.ReadAnyASN1(&value, &tag) {
			return data
		}
		switch {
		case tag&0x20 != 0:
			out = slices.Concat(out, []byte{byte(tag), 0x80}, toBER(value), []byte{0, 0})
		case tag == cbasn1.OCTET_STRING && len(value) > 64:
			out = append(out, 0x24, 0x80)
			for part := range slices.Chunk([]byte(value), 1000) {
				out = append(out, der.Element(cbasn1.OCTET_STRING, part)...)
			}
			out = append(out, 0, 0)
		default:
			out = append(out, der.Element(tag, value)...)
		}
	}
	return out
}

func FuzzPKCS7(f *testing.F) {
	root := makeCertificate(f, "root", true, nil, nil)
	leaf := makeCertificate(f, "leaf", false, root, nil)
	oid := func(n byte) []byte { return []byte{6, 9, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 7, n} }
	signed := der.Element(cbasn1.SEQUENCE, []byte{2, 1, 1, 0x31, 0}, der.Element(cbasn1.SEQUENCE, oid(1)),
		der.Element(der.Explicit(0), leaf.der, root.der), []byte{0x31, 0})
	message := der.Element(cbasn1.SEQUENCE, oid(2), der.Element(der.Explicit(0), signed))
	for _, data := range [][]byte{message, toBER(message), pem.EncodeToMemory(&pem.Block{Type: "PKCS7",
		Bytes: message})} {
		if file := readAny(f, data); file == nil || said(file) != "leaf root" {
			f.Fatalf("%x", data)
		}
		f.Add(data)
	}
	f.Fuzz(func(t *testing.T, data []byte) { readAny(t, data) })
}

// worstInputs are the largest inputs, made to cost most.
func worstInputs(tb testing.TB) map[string][]byte {
	tb.Helper()
	leaf := makeCertificate(tb, "leaf", false, nil, nil)
	clean := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: leaf.der})
	fill := func(s string, size int) []byte { return bytes.Repeat([]byte(s), size/len(s)) }
	pfx, err := pkcs12.Modern2023.WithIterations(600_000).Encode(leaf.key, leaf.cert, nil, "other")
	if err != nil {
		tb.Fatal(err)
	}
	big := MaxSize - 100
	return map[string][]byte{
		"certificates in PEM":     fill(string(clean), big),
		"certificates in DER":     fill(string(leaf.der), big),
		"damaged PEM":             fill(strings.ReplaceAll(string(clean), "\n", " "), maxText),
		"beginnings of base64":    fill("MII", maxText),
		"separate beginnings":     fill("MIID ", maxText),
		"beginnings of long ones": fill("MIP/", maxText),
		"beginnings of JWS":       fill("eyJ.", maxText),
		"nested base64": []byte("LS0tLS1CRUdJ" + base64.StdEncoding.EncodeToString(fill("LS0tLS1CRUdJ",
			maxText/2))),
		"BEGIN lines":       fill("-----BEGIN X-----\n", maxText),
		"dashes":            fill("-", maxText),
		"BEGIN without end": fill("-BEGIN ", maxText),
		"percents":          fill("%25", maxText),
		"backslashes":       fill(`\`, maxText),
		"backslashes, n":    fill(`\\n`, maxText),
		"entities":          fill("&amp;", maxText),
		"quotes":            fill("\"\n\"", maxText),
		"hexadecimal":       fill("30", maxText),
		"UTF-16":            utf16Text(string(fill("MII", maxText/2)), false, true),
		"UTF-16, large":     utf16Text(string(fill("x", big/2)), false, true),
		"BER of many elements": append([]byte{0x30, 0x80, 0x02, 0x01, 0x03, 0x30, 0x80, 6, 9, 0x2a, 0x86, 0x48,
			0x86, 0xf7, 0x0d, 1, 7, 1}, fill("\x30\x00", big)...),
		"BER, deep":                fill("\x30\x80", big),
		"DER, deep":                fill("\x30\x84\x00\xff\xff\xff", big),
		"SEQUENCEs":                fill("\x30\x00", big),
		"key derivation":           pfx,
		"key derivation in BER":    toBER(pfx),
		"encrypted keys":           fill(string(encryptedKeyPEM(tb, leaf, 600_000)), 1<<20),
		"white space":              fill(" ", big),
		"zeros":                    make([]byte, big),
		"a key and other text":     append(fill("x y ", maxText-1000), clean...),
		"a certificate in a sea":   append(fill("x", big-2000), clean...),
		"certificate, then blanks": append(bytes.Clone(leaf.der), make([]byte, big-2000)...),
	}
}

// What costs most stays within 64 MB beside itself. How long it takes, BenchmarkWorst shows: a
// second at most; here only what hangs fails.
func TestBounds(t *testing.T) {
	for name, data := range worstInputs(t) {
		runtime.GC()
		debug.SetGCPercent(20)
		var before, during runtime.MemStats
		runtime.ReadMemStats(&before)
		done, peak := make(chan struct{}), make(chan uint64)
		go func() {
			var most uint64
			for {
				runtime.ReadMemStats(&during)
				most = max(most, during.HeapAlloc)
				select {
				case <-done:
					peak <- most
					return
				case <-time.After(5 * time.Millisecond):
				}
			}
		}()
		start := time.Now()
		file, err := Read(data, Options{})
		if err == nil {
			file.Main()
		}
		took := time.Since(start)
		close(done)
		used := int64(<-peak) - int64(before.HeapAlloc)
		debug.SetGCPercent(100)
		if took > tooLong || used > 64<<20 {
			t.Errorf("%s: %s, %d MB, %v", name, took, used>>20, err)
		}
		t.Logf("%-26s %8s %3d MB  %.100v", name, took.Round(time.Millisecond), used>>20, err)
	}
}

func BenchmarkWorst(b *testing.B) {
	for name, data := range worstInputs(b) {
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				if file, err := Read(data, Options{}); err == nil {
					file.Main()
				}
			}
		})
	}
}

func encryptedKeyPEM(t testing.TB, m *made, iterations int) []byte {
	t.Helper()
	value, err := pkcs8.MarshalPrivateKey(m.key, []byte("other"), &pkcs8.Opts{Cipher: pkcs8.AES256CBC,
		KDFOpts: pkcs8.PBKDF2Opts{SaltSize: 8, IterationCount: iterations, HMACHash: crypto.SHA256}})
	if err != nil {
		t.Fatal(err)
	}
	return pem.EncodeToMemory(&pem.Block{Type: "ENCRYPTED PRIVATE KEY", Bytes: value})
}
