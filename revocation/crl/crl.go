package crl

import (
	"bytes"
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/asn1"
	"errors"
	"io"
	"math/big"
	"os"
	"path/filepath"
	"slices"
	"time"

	"golang.org/x/crypto/cryptobyte"
	cbasn1 "golang.org/x/crypto/cryptobyte/asn1"

	"github.com/igc-lab/igc/ca"
	"github.com/igc-lab/igc/internal/der"
	"github.com/igc-lab/igc/internal/i18n"
	"github.com/igc-lab/igc/profiles"
)

// CRL is a certificate revocation list as it is published. It never changes.
type CRL struct {
	Authority  profiles.Authority
	Number     uint64
	Base       uint64 // of a delta CRL, the number of the full one that it adds to; 0 for a full CRL
	ThisUpdate time.Time
	NextUpdate time.Time
	Entries    int   // how many certificates it names
	Size       int64 // bytes
	// SameSecond says that the CRL before it, of the same kind, has the same ThisUpdate: by that
	// alone a client cannot know whether it has this one.
	SameSecond bool

	revision uint64 // of the changes of status that it holds
	form     ca.CRLForm
	crlDER
}

// Reader reads the DER of the CRL. Each reader has its own place in it.
func (c *CRL) Reader() *io.SectionReader { return io.NewSectionReader(&c.crlDER, 0, c.Size) }

// DER is the whole CRL.
func (c *CRL) DER() ([]byte, error) { return io.ReadAll(c.Reader()) }

var (
	oidCRLNumber      = asn1.ObjectIdentifier{2, 5, 29, 20}
	oidDeltaIndicator = asn1.ObjectIdentifier{2, 5, 29, 27}
	oidIssuingPoint   = asn1.ObjectIdentifier{2, 5, 29, 28}
	oidAuthorityKeyID = asn1.ObjectIdentifier{2, 5, 29, 35}
	oidFreshestCRL    = asn1.ObjectIdentifier{2, 5, 29, 46}
)

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

// crlExtensions are those of the real CRLs, in their order: authority key identifier, then number;
// for a root the other way round. A delta says what it adds to; a rich CRL also where it is
// published and where its delta is.
func (l *Issuer) crlExtensions(c *CRL, issuer *ca.Issuer) []extension {
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
	if c.form != ca.RichCRL {
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
	b.AddASN1(der.Explicit(0), func(b *cryptobyte.Builder) {
		b.AddASN1(der.Explicit(0), func(b *cryptobyte.Builder) {
			b.AddASN1(cbasn1.Tag(6).ContextSpecific(), func(b *cryptobyte.Builder) { b.AddBytes([]byte(url)) })
		})
	})
}

// sign encodes the CRL around its entries, and signs it. The entries need to be there during the
// call only: the CRL has copies of them, or those of the former CRL.
func (l *Issuer) sign(c *CRL, entries, former []ca.CRLChunk, issuer *ca.Issuer) error {
	algorithm, err := der.AlgorithmIdentifier(issuer.SignatureAlgorithm())
	if err != nil {
		return err
	}
	size := int64(0)
	for _, e := range entries {
		size += int64(len(e.DER))
	}
	begin, err := der.Build(func(b *cryptobyte.Builder) {
		b.AddASN1Int64(1) // v2
		b.AddBytes(algorithm)
		b.AddBytes(issuer.Certificate.RawSubject)
		der.AddTime(b, c.ThisUpdate)
		der.AddTime(b, c.NextUpdate)
		if size > 0 { // an empty CRL has no revokedCertificates
			b.AddBytes(der.Header(cbasn1.SEQUENCE, size))
		}
	})
	if err != nil {
		return err
	}
	end, err := der.Build(func(b *cryptobyte.Builder) {
		b.AddASN1(der.Explicit(0), func(b *cryptobyte.Builder) { addExtensions(b, l.crlExtensions(c, issuer)) })
	})
	if err != nil {
		return err
	}
	tbs := append(der.Header(cbasn1.SEQUENCE, int64(len(begin)+len(end))+size), begin...)
	own := make(chan []ca.CRLChunk, 1)
	go func() { own <- reuseChunks(former, entries) }() // to copy a first CRL takes as long as to hash it
	signature, err := issuer.SignCRL(func(yield func([]byte) bool) {
		ok := yield(tbs)
		for i := 0; ok && i < len(entries); i++ {
			ok = yield(entries[i].DER)
		}
		if ok {
			yield(end)
		}
	})
	chunks := <-own
	if err != nil {
		return err
	}
	tail, err := der.Build(func(b *cryptobyte.Builder) {
		b.AddBytes(end)
		b.AddBytes(algorithm)
		b.AddASN1BitString(signature)
	})
	if err != nil {
		return err
	}
	c.crlDER = newBody(append(der.Header(cbasn1.SEQUENCE, int64(len(tbs)+len(tail))+size), tbs...), chunks, tail)
	c.Size = c.crlDER.size()
	return nil
}

// crlDER is the DER of a CRL in pieces: what stands before the entries, the entries, and what
// stands after them.
type crlDER struct {
	head, tail []byte
	chunks     []ca.CRLChunk
	offsets    []int64 // where each piece ends: the head, the chunks, the tail
}

func newBody(head []byte, chunks []ca.CRLChunk, tail []byte) crlDER {
	b := crlDER{head: head, tail: tail, chunks: chunks, offsets: make([]int64, 0, len(chunks)+2)}
	end := int64(0)
	for i := range len(chunks) + 2 {
		end += int64(len(b.piece(i)))
		b.offsets = append(b.offsets, end)
	}
	return b
}

func (b *crlDER) size() int64 { return b.offsets[len(b.offsets)-1] }

func (b *crlDER) piece(i int) []byte {
	switch {
	case i == 0:
		return b.head
	case i <= len(b.chunks):
		return b.chunks[i-1].DER
	}
	return b.tail
}

// ReadAt implements [io.ReaderAt].
func (b *crlDER) ReadAt(p []byte, off int64) (n int, err error) {
	i, _ := slices.BinarySearch(b.offsets, off+1) // the piece that holds the byte at off
	for ; n < len(p) && i < len(b.offsets); i++ {
		piece := b.piece(i)
		begin := b.offsets[i] - int64(len(piece))
		n += copy(p[n:], piece[off+int64(n)-begin:])
	}
	if n < len(p) {
		return n, io.EOF
	}
	return n, nil
}

// blockSize is that of the memory which the chunks of a process's first CRL are copied into,
// several to a block, since it has thousands. A block lives as long as one of them: when all but a
// few have changed, the CRL takes up to twice its size.
const blockSize = 64 << 10

// reuseChunks makes the chunks of a CRL out of those of the CRL before, where they are the same,
// and of copies. Both are in the order of their keys.
func reuseChunks(prev, cur []ca.CRLChunk) []ca.CRLChunk {
	chunks := make([]ca.CRLChunk, len(cur))
	var block []byte
	size := 0
	if len(prev) == 0 {
		for _, p := range cur {
			size += len(p.DER)
		}
		size = min(size, blockSize)
	}
	for i, p := range cur {
		for len(prev) > 0 && bytes.Compare(prev[0].ID[:], p.ID[:]) < 0 {
			prev = prev[1:]
		}
		if len(prev) > 0 && prev[0].ID == p.ID && len(prev[0].DER) == len(p.DER) {
			chunks[i] = prev[0]
			continue
		}
		if len(p.DER) > cap(block)-len(block) {
			block = make([]byte, 0, max(len(p.DER), size))
		}
		begin := len(block)
		block = append(block, p.DER...)
		chunks[i] = ca.CRLChunk{ID: p.ID, DER: block[begin:len(block):len(block)]}
	}
	return chunks
}

// load takes up the CRL that an earlier process published. It must be the one last begun, in the
// form that the lab has now, whole and rightly signed: one whose making was cut short is made anew.
func (l *Issuer) load(ctx context.Context, a profiles.Authority, run ca.CRLIssue, delta bool) *CRL {
	path := l.path(a, delta)
	torn, _ := filepath.Glob(unfinished(path))
	for _, file := range torn { // a process that was killed left it: this one has written none yet, and no other holds the lab
		os.Remove(file)
	}
	if run.Number == 0 || run.Form != l.lab.Config.CRL.Form {
		return nil
	}
	der, err := os.ReadFile(path)
	if err != nil {
		return nil
	}
	c, err := l.parse(ctx, a, der, run, delta)
	if err != nil {
		return nil
	}
	return c
}

// parse reads a CRL that a process of the lab made, which must be that one.
func (l *Issuer) parse(ctx context.Context, a profiles.Authority, der []byte, run ca.CRLIssue, delta bool) (
	*CRL, error,
) {
	issuer, err := l.lab.Issuer(ctx, a)
	if err != nil {
		return nil, err
	}
	c, err := Parse(der, issuer.Certificate)
	if err == nil && (c.Number != run.Number || delta != (c.Base != 0)) {
		err = errNotLabCRL
	}
	if err != nil {
		return nil, err
	}
	c.Authority, c.revision, c.form = a, run.Revision, run.Form
	return c, nil
}

var errNotLabCRL = errors.New("not a CRL of the lab")

// Parse reads a CRL that the lab made, and verifies its signature; a nil issuer passes that over.
func Parse(list []byte, issuer *x509.Certificate) (*CRL, error) {
	c := &CRL{Size: int64(len(list))}
	in := cryptobyte.String(list)
	var outer, whole, tbs, entries, tagged, extensions, signature cryptobyte.String
	if !in.ReadASN1(&outer, cbasn1.SEQUENCE) || !in.Empty() || !outer.ReadASN1Element(&whole, cbasn1.SEQUENCE) {
		return nil, errNotLabCRL
	}
	signedPart := whole
	if !whole.ReadASN1(&tbs, cbasn1.SEQUENCE) || !tbs.SkipASN1(cbasn1.INTEGER) || !tbs.SkipASN1(cbasn1.SEQUENCE) ||
		!tbs.SkipASN1(cbasn1.SEQUENCE) || !der.ReadTime(&tbs, &c.ThisUpdate) || !der.ReadTime(&tbs, &c.NextUpdate) ||
		!tbs.ReadOptionalASN1(&entries, nil, cbasn1.SEQUENCE) {
		return nil, errNotLabCRL
	}
	after := len(tbs) + len(outer) // bytes that follow the entries
	if !tbs.ReadASN1(&tagged, der.Explicit(0)) || !tagged.ReadASN1(&extensions, cbasn1.SEQUENCE) || !tagged.Empty() || !tbs.Empty() ||
		!outer.SkipASN1(cbasn1.SEQUENCE) || !outer.ReadASN1(&signature, cbasn1.BIT_STRING) || !outer.Empty() || len(signature) < 2 {
		return nil, errNotLabCRL
	}
	for !extensions.Empty() {
		var e, value cryptobyte.String
		var oid asn1.ObjectIdentifier
		if !extensions.ReadASN1(&e, cbasn1.SEQUENCE) || !e.ReadASN1ObjectIdentifier(&oid) || !e.SkipOptionalASN1(cbasn1.BOOLEAN) || !e.ReadASN1(&value, cbasn1.OCTET_STRING) ||
			oid.Equal(oidCRLNumber) && !value.ReadASN1Integer(&c.Number) || oid.Equal(oidDeltaIndicator) && !value.ReadASN1Integer(&c.Base) {
			return nil, errNotLabCRL
		}
	}
	if issuer != nil {
		digest := sha256.Sum256(signedPart)
		if err := verifyDigest(issuer, digest[:], signature[1:]); err != nil {
			return nil, err
		}
	}
	c.crlDER = newBody(list[:len(list)-after-len(entries)], []ca.CRLChunk{{DER: entries}}, list[len(list)-after:])
	for !entries.Empty() {
		if !entries.SkipASN1(cbasn1.SEQUENCE) {
			return nil, errNotLabCRL
		}
		c.Entries++
	}
	return c, nil
}

func verifyDigest(issuer *x509.Certificate, digest, signature []byte) error {
	switch key := issuer.PublicKey.(type) {
	case *rsa.PublicKey:
		return rsa.VerifyPKCS1v15(key, crypto.SHA256, digest, signature)
	case *ecdsa.PublicKey:
		if ecdsa.VerifyASN1(key, digest, signature) {
			return nil
		}
	}
	return errNotLabCRL
}

// Entry is what a CRL says of one certificate.
type Entry struct {
	At         time.Time
	Reason     ca.Reason // empty where the CRL does not say it
	Invalidity time.Time // zero where the CRL does not say it
	Removed    bool      // the entry of a delta CRL ends a hold (removeFromCRL)
}

// Find looks for a certificate on the CRL, as a client that has nothing but the CRL does: from
// its beginning. It returns nil when the certificate is not there.
func (c *CRL) Find(serial *big.Int) (*Entry, error) {
	want := serial.Bytes()
	for _, chunk := range c.chunks {
		for rest := cryptobyte.String(chunk.DER); !rest.Empty(); {
			var der cryptobyte.String
			if !rest.ReadASN1Element(&der, cbasn1.SEQUENCE) {
				return nil, i18n.Errorf("CRL of %s: %w", c.Authority.ID(), errNotLabCRL)
			}
			if entry, found, err := parseEntry(der, want); err != nil || found {
				return entry, err
			}
		}
	}
	return nil, nil
}

// parseEntry reads an entry if it is that of the serial number.
func parseEntry(entry, want []byte) (*Entry, bool, error) {
	in := cryptobyte.String(entry)
	var fields, serial, extensions cryptobyte.String
	e := &Entry{}
	if !in.ReadASN1(&fields, cbasn1.SEQUENCE) || !fields.ReadASN1(&serial, cbasn1.INTEGER) {
		return nil, false, errNotLabCRL
	}
	if len(serial) > 0 && serial[0] == 0 {
		serial = serial[1:]
	}
	if string(serial) != string(want) {
		return nil, false, nil
	}
	if !der.ReadTime(&fields, &e.At) || !fields.Empty() && !fields.ReadASN1(&extensions, cbasn1.SEQUENCE) {
		return nil, false, errNotLabCRL
	}
	for !extensions.Empty() {
		var one, value cryptobyte.String
		var oid asn1.ObjectIdentifier
		if !extensions.ReadASN1(&one, cbasn1.SEQUENCE) || !one.ReadASN1ObjectIdentifier(&oid) || !one.SkipOptionalASN1(cbasn1.BOOLEAN) || !one.ReadASN1(&value, cbasn1.OCTET_STRING) {
			return nil, false, errNotLabCRL
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
