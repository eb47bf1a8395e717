package revocation

import (
	"bufio"
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/asn1"
	"errors"
	"fmt"
	"io"
	"math/big"
	"os"
	"path/filepath"
	"time"

	"golang.org/x/crypto/cryptobyte"
	cbasn1 "golang.org/x/crypto/cryptobyte/asn1"

	"github.com/igc-lab/igc/ca"
	"github.com/igc-lab/igc/profiles"
)

// This file writes a CertificateList (RFC 5280 §5.1) around entries that are encoded already, and reads one back.

var (
	oidCRLNumber      = asn1.ObjectIdentifier{2, 5, 29, 20}
	oidDeltaIndicator = asn1.ObjectIdentifier{2, 5, 29, 27}
	oidIssuingPoint   = asn1.ObjectIdentifier{2, 5, 29, 28}
	oidAuthorityKeyID = asn1.ObjectIdentifier{2, 5, 29, 35}
	oidFreshestCRL    = asn1.ObjectIdentifier{2, 5, 29, 46}
)

// listExtensions are those of the real CRLs, in their order: authority key identifier, then number; for a root the other
// way round. A delta says what it adds to; a rich list also where it is published and where its delta is.
func (l *Lists) listExtensions(c *CRL, issuer *ca.Issuer) []extension {
	keyID := extension{oid: oidAuthorityKeyID, value: func(b *cryptobyte.Builder) {
		b.AddASN1(cbasn1.SEQUENCE, func(b *cryptobyte.Builder) {
			b.AddASN1(cbasn1.Tag(0).ContextSpecific(), func(b *cryptobyte.Builder) { b.AddBytes(issuer.Certificate.SubjectKeyId) })
		})
	}}
	number := extension{oid: oidCRLNumber, value: func(b *cryptobyte.Builder) { b.AddASN1Uint64(c.Number) }}
	extensions := []extension{keyID, number}
	if c.Authority.IsRoot() {
		extensions = []extension{number, keyID}
	}
	if c.Base != 0 {
		extensions = append(extensions, extension{oidDeltaIndicator, true, func(b *cryptobyte.Builder) { b.AddASN1Uint64(c.Base) }})
	}
	if c.form != ca.RichList {
		return extensions
	}
	urls := l.lab.Config.URLs
	if l.lab.Config.CRL.IDP {
		extensions = append(extensions, extension{oidIssuingPoint, true, func(b *cryptobyte.Builder) {
			b.AddASN1(cbasn1.SEQUENCE, func(b *cryptobyte.Builder) { addPointName(b, urls.CRL(c.Authority)) })
		}})
	}
	if c.Base == 0 && !c.Authority.IsRoot() {
		extensions = append(extensions, extension{oid: oidFreshestCRL, value: func(b *cryptobyte.Builder) {
			b.AddASN1(cbasn1.SEQUENCE, func(b *cryptobyte.Builder) {
				b.AddASN1(cbasn1.SEQUENCE, func(b *cryptobyte.Builder) { addPointName(b, urls.DeltaCRL(c.Authority)) })
			})
		}})
	}
	return extensions
}

// addPointName writes a DistributionPointName, [0] fullName [0], of one address.
func addPointName(b *cryptobyte.Builder, url string) {
	b.AddASN1(explicit(0), func(b *cryptobyte.Builder) {
		b.AddASN1(explicit(0), func(b *cryptobyte.Builder) {
			b.AddASN1(cbasn1.Tag(6).ContextSpecific(), func(b *cryptobyte.Builder) { b.AddBytes([]byte(url)) })
		})
	})
}

// write encodes and signs the list, and gives its file its name when it is whole. The file is not forced to the disk: after
// a loss of power, load sees that it is torn, and it is made anew.
func (l *Lists) write(c *CRL, entries [][]byte, issuer *ca.Issuer) (err error) {
	signer, err := issuer.GetSigner()
	if err != nil {
		return err
	}
	algorithm, err := algorithmIdentifier(issuer.SignatureAlgorithm())
	if err != nil {
		return err
	}
	begin, err := encoded(func(b *cryptobyte.Builder) {
		b.AddASN1Int64(1) // v2
		b.AddBytes(algorithm)
		b.AddBytes(issuer.Certificate.RawSubject)
		addTime(b, c.ThisUpdate)
		addTime(b, c.NextUpdate)
		if c.Entries > 0 { // an empty list has no revokedCertificates
			b.AddBytes(header(cbasn1.SEQUENCE, c.Entries))
		}
	})
	if err != nil {
		return err
	}
	end, err := encoded(func(b *cryptobyte.Builder) {
		b.AddASN1(explicit(0), func(b *cryptobyte.Builder) { addExtensions(b, l.listExtensions(c, issuer)) })
	})
	if err != nil {
		return err
	}
	tbs := append(header(cbasn1.SEQUENCE, int64(len(begin))+c.Entries+int64(len(end))), begin...)
	pieces := append(append([][]byte{tbs}, entries...), end)

	path := l.path(c.Authority, c.Base != 0)
	f, err := os.CreateTemp(filepath.Dir(path), ".crl-*")
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, f.Close(), os.Remove(f.Name()))
		}
	}()
	// The outermost header tells the length of all, the signature's too, which differs by a byte or two with ECDSA. Room is
	// left for it; where the length needs a header of another size, another signature will do.
	whole := func(signature int) []byte {
		tail := int64(len(header(cbasn1.BIT_STRING, int64(signature+1))) + 1 + signature)
		return header(cbasn1.SEQUENCE, int64(len(tbs))+c.Entries+int64(len(end)+len(algorithm))+tail)
	}
	room := int64(len(whole(signatureSize(signer))))
	written := make(chan error, 1)
	go func() {
		w := bufio.NewWriterSize(io.NewOffsetWriter(f, room), 1<<18)
		for _, p := range pieces {
			if _, err := w.Write(p); err != nil {
				written <- err
				return
			}
		}
		written <- w.Flush()
	}()
	h := sha256.New()
	for _, p := range pieces {
		h.Write(p)
	}
	signature, outer := []byte(nil), []byte(nil)
	for outer == nil || int64(len(outer)) != room {
		if signature, err = signer.Sign(rand.Reader, h.Sum(nil), crypto.SHA256); err != nil {
			break
		}
		outer = whole(len(signature))
	}
	if err = errors.Join(err, <-written); err != nil {
		return err
	}
	tail := append(append(append(algorithm, header(cbasn1.BIT_STRING, int64(len(signature)+1))...), 0), signature...)
	c.entries = room + int64(len(tbs))
	c.Size = c.entries + c.Entries + int64(len(end)+len(tail))
	if _, err = f.WriteAt(tail, c.Size-int64(len(tail))); err != nil {
		return err
	}
	if _, err = f.WriteAt(outer, 0); err != nil {
		return err
	}
	if err = f.Chmod(0o644); err != nil {
		return err
	}
	if err = os.Rename(f.Name(), path); err != nil {
		return err
	}
	c.file = f
	return nil
}

// signatureSize is how long a signature usually is.
func signatureSize(signer crypto.Signer) int {
	if key, ok := signer.Public().(*rsa.PublicKey); ok {
		return key.Size()
	}
	return 71
}

// load takes up the list that an earlier process published. It must be the one last begun, in the form that the lab has
// now, whole and rightly signed: one whose making was cut short is made anew.
func (l *Lists) load(ctx context.Context, a profiles.Authority, run ca.ListRun, delta bool) *CRL {
	if run.Number == 0 || run.Form != l.lab.Config.CRL.Form {
		return nil
	}
	f, err := os.Open(l.path(a, delta))
	if err != nil {
		return nil
	}
	c := &CRL{Authority: a, file: f, revision: run.Revision, form: run.Form}
	issuer, err := l.lab.Issuer(ctx, a)
	if err == nil {
		err = c.read(issuer.Certificate)
	}
	if err != nil || c.Number != run.Number || delta != (c.Base != 0) {
		f.Close()
		return nil
	}
	return c
}

// maxListHead is more than what stands before the entries and after them.
const maxListHead = 16 << 10

var errList = errors.New("not a CRL of the lab")

// read reads the list's facts from its file, and verifies its signature.
func (c *CRL) read(issuer *x509.Certificate) error {
	info, err := c.file.Stat()
	if err != nil {
		return err
	}
	c.Size = info.Size()
	head := make([]byte, min(c.Size, maxListHead))
	if _, err := c.file.ReadAt(head, 0); err != nil {
		return err
	}
	outer, outerLen := parseHeader(head, cbasn1.SEQUENCE)
	tbs, tbsLen := parseHeader(head[outer:], cbasn1.SEQUENCE)
	if outer == 0 || tbs == 0 || int64(outer)+outerLen != c.Size || int64(outer+tbs)+tbsLen > c.Size {
		return errList
	}
	tbsEnd := int64(outer+tbs) + tbsLen
	in := cryptobyte.String(head[outer+tbs:])
	if !in.SkipASN1(cbasn1.INTEGER) || !in.SkipASN1(cbasn1.SEQUENCE) || !in.SkipASN1(cbasn1.SEQUENCE) ||
		!readTime(&in, &c.ThisUpdate) || !readTime(&in, &c.NextUpdate) {
		return errList
	}
	c.entries = int64(len(head) - len(in))
	if n, size := parseHeader(in, cbasn1.SEQUENCE); n > 0 {
		c.entries, c.Entries = c.entries+int64(n), size
	}
	rest := c.Size - c.entries - c.Entries
	if rest < 0 || rest > maxListHead {
		return errList
	}
	tail := make([]byte, rest)
	if _, err := c.file.ReadAt(tail, c.Size-rest); err != nil {
		return err
	}
	in = tail
	var tagged, extensions, signature cryptobyte.String
	if !in.ReadASN1(&tagged, explicit(0)) || !tagged.ReadASN1(&extensions, cbasn1.SEQUENCE) ||
		c.Size-int64(len(in)) != tbsEnd || !in.SkipASN1(cbasn1.SEQUENCE) || !in.ReadASN1(&signature, cbasn1.BIT_STRING) || !in.Empty() || len(signature) < 2 {
		return errList
	}
	for !extensions.Empty() {
		var e, value cryptobyte.String
		var oid asn1.ObjectIdentifier
		if !extensions.ReadASN1(&e, cbasn1.SEQUENCE) || !e.ReadASN1ObjectIdentifier(&oid) || !e.SkipOptionalASN1(cbasn1.BOOLEAN) || !e.ReadASN1(&value, cbasn1.OCTET_STRING) {
			return errList
		}
		if oid.Equal(oidCRLNumber) && !value.ReadASN1Integer(&c.Number) || oid.Equal(oidDeltaIndicator) && !value.ReadASN1Integer(&c.Base) {
			return errList
		}
	}
	if c.Count, err = countEntries(io.NewSectionReader(c.file, c.entries, c.Entries)); err != nil {
		return err
	}
	return verifyDigest(issuer, io.NewSectionReader(c.file, int64(outer), tbsEnd-int64(outer)), signature[1:])
}

// countEntries counts the entries that stand there one after the other.
func countEntries(r io.Reader) (n int, err error) {
	in := bufio.NewReaderSize(r, 1<<16)
	for {
		head, err := in.Peek(2)
		if err == io.EOF && len(head) == 0 {
			return n, nil
		}
		if err != nil || head[1] >= 0x80 { // an entry is never longer than 127 bytes
			return n, errors.Join(errList, err)
		}
		if _, err := in.Discard(2 + int(head[1])); err != nil {
			return n, errors.Join(errList, err)
		}
		n++
	}
}

// Entry is what a CRL says of one certificate.
type Entry struct {
	At         time.Time
	Reason     ca.Reason // empty where the list does not say it
	Invalidity time.Time // zero where the list does not say it
	Removed    bool      // by a delta CRL: the hold is over
}

// Find looks for a certificate on the list, as a client that has nothing but the list does: from its beginning. It returns
// nil when the certificate is not there.
func (c *CRL) Find(serial *big.Int) (*Entry, error) {
	want := serial.Bytes()
	in := bufio.NewReaderSize(io.NewSectionReader(c.file, c.entries, c.Entries), 1<<16)
	for {
		peek, err := in.Peek(2)
		if err == io.EOF {
			return nil, nil
		}
		if err != nil || peek[1] >= 0x80 { // an entry is never longer than 127 bytes
			return nil, fmt.Errorf("CRL of %s: %w", c.Authority.ID(), errors.Join(errList, err))
		}
		der, err := in.Peek(2 + int(peek[1]))
		if err != nil {
			return nil, fmt.Errorf("CRL of %s: %w", c.Authority.ID(), err)
		}
		entry, found, err := parseEntry(der, want)
		if err != nil || found {
			return entry, err
		}
		in.Discard(len(der))
	}
}

// parseEntry reads an entry if it is that of the serial number.
func parseEntry(der, want []byte) (*Entry, bool, error) {
	in := cryptobyte.String(der)
	var fields, serial, extensions cryptobyte.String
	e := &Entry{}
	if !in.ReadASN1(&fields, cbasn1.SEQUENCE) || !fields.ReadASN1(&serial, cbasn1.INTEGER) {
		return nil, false, errList
	}
	if len(serial) > 0 && serial[0] == 0 {
		serial = serial[1:]
	}
	if string(serial) != string(want) {
		return nil, false, nil
	}
	if !readTime(&fields, &e.At) || !fields.Empty() && !fields.ReadASN1(&extensions, cbasn1.SEQUENCE) {
		return nil, false, errList
	}
	for !extensions.Empty() {
		var one, value cryptobyte.String
		var oid asn1.ObjectIdentifier
		if !extensions.ReadASN1(&one, cbasn1.SEQUENCE) || !one.ReadASN1ObjectIdentifier(&oid) || !one.SkipOptionalASN1(cbasn1.BOOLEAN) || !one.ReadASN1(&value, cbasn1.OCTET_STRING) {
			return nil, false, errList
		}
		var code int
		switch {
		case oid.Equal(asn1.ObjectIdentifier{2, 5, 29, 21}) && value.ReadASN1Enum(&code):
			if e.Removed = code == 8; !e.Removed {
				e.Reason = ca.ReasonOf(code)
			}
		case oid.Equal(asn1.ObjectIdentifier{2, 5, 29, 24}):
			value.ReadASN1GeneralizedTime(&e.Invalidity)
		}
	}
	return e, true, nil
}

// verifyDigest verifies a signature with SHA-256 over all that r holds.
func verifyDigest(issuer *x509.Certificate, r io.Reader, signature []byte) error {
	h := sha256.New()
	if _, err := io.Copy(h, r); err != nil {
		return err
	}
	switch key := issuer.PublicKey.(type) {
	case *rsa.PublicKey:
		return rsa.VerifyPKCS1v15(key, crypto.SHA256, h.Sum(nil), signature)
	case *ecdsa.PublicKey:
		if ecdsa.VerifyASN1(key, h.Sum(nil), signature) {
			return nil
		}
	}
	return errList
}

// --- DER

// extension is an extension; value writes what the OCTET STRING holds.
type extension struct {
	oid      asn1.ObjectIdentifier
	critical bool
	value    func(*cryptobyte.Builder)
}

func addExtensions(b *cryptobyte.Builder, extensions []extension) {
	b.AddASN1(cbasn1.SEQUENCE, func(b *cryptobyte.Builder) {
		for _, e := range extensions {
			b.AddASN1(cbasn1.SEQUENCE, func(b *cryptobyte.Builder) {
				b.AddASN1ObjectIdentifier(e.oid)
				if e.critical {
					b.AddASN1Boolean(true)
				}
				b.AddASN1(cbasn1.OCTET_STRING, e.value)
			})
		}
	})
}

func encoded(write func(*cryptobyte.Builder)) ([]byte, error) {
	var b cryptobyte.Builder
	write(&b)
	return b.Bytes()
}

// header is the tag and length of an element of so many bytes.
func header(tag cbasn1.Tag, length int64) []byte {
	if length < 0x80 {
		return []byte{byte(tag), byte(length)}
	}
	size := big.NewInt(length).Bytes()
	return append([]byte{byte(tag), 0x80 | byte(len(size))}, size...)
}

// parseHeader reads what header writes: its own length and that of the content; 0 when it is none. The content need not be
// there.
func parseHeader(der []byte, tag cbasn1.Tag) (int, int64) {
	if len(der) < 2 || der[0] != byte(tag) {
		return 0, 0
	}
	if der[1] < 0x80 {
		return 2, int64(der[1])
	}
	n := int(der[1] &^ 0x80)
	if n > 6 || len(der) < 2+n {
		return 0, 0
	}
	return 2 + n, new(big.Int).SetBytes(der[2 : 2+n]).Int64()
}

// addTime writes a Time: UTCTime until 2049, GeneralizedTime after (RFC 5280 §5.1.2.4).
func addTime(b *cryptobyte.Builder, t time.Time) {
	if t = t.UTC(); t.Year() < 2050 {
		b.AddASN1UTCTime(t)
	} else {
		b.AddASN1GeneralizedTime(t)
	}
}

func readTime(in *cryptobyte.String, t *time.Time) bool {
	if in.PeekASN1Tag(cbasn1.UTCTime) {
		return in.ReadASN1UTCTime(t)
	}
	return in.ReadASN1GeneralizedTime(t)
}

// algorithmIdentifier encodes the algorithm of a signature: RSA has NULL parameters, ECDSA none.
func algorithmIdentifier(a x509.SignatureAlgorithm) ([]byte, error) {
	return encoded(func(b *cryptobyte.Builder) {
		b.AddASN1(cbasn1.SEQUENCE, func(b *cryptobyte.Builder) {
			switch a {
			case x509.SHA256WithRSA:
				b.AddASN1ObjectIdentifier(asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 1, 11})
				b.AddASN1NULL()
			case x509.ECDSAWithSHA256:
				b.AddASN1ObjectIdentifier(asn1.ObjectIdentifier{1, 2, 840, 10045, 4, 3, 2})
			default:
				b.SetError(fmt.Errorf("signature algorithm %s is not one that the lab uses", a))
			}
		})
	})
}

// signed signs tbs and makes SEQUENCE { tbs, algorithm, signature, then what follows, which may be nil }.
func signed(tbs, algorithm, follows []byte, signer crypto.Signer) ([]byte, error) {
	digest := sha256.Sum256(tbs)
	signature, err := signer.Sign(rand.Reader, digest[:], crypto.SHA256)
	if err != nil {
		return nil, err
	}
	b := cryptobyte.NewBuilder(make([]byte, 0, len(tbs)+len(signature)+len(follows)+64))
	b.AddASN1(cbasn1.SEQUENCE, func(b *cryptobyte.Builder) {
		b.AddBytes(tbs)
		b.AddBytes(algorithm)
		b.AddASN1BitString(signature)
		b.AddBytes(follows)
	})
	return b.Bytes()
}
