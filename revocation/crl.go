package revocation

import (
	"context"
	"crypto"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"encoding/asn1"
	"fmt"
	"math/big"
	"os"
	"path/filepath"
	"sync"
	"time"

	"golang.org/x/crypto/cryptobyte"
	cbasn1 "golang.org/x/crypto/cryptobyte/asn1"

	"github.com/igc-lab/igc/ca"
	"github.com/igc-lab/igc/internal/atomicfile"
	"github.com/igc-lab/igc/profiles"
)

// How long a CRL holds (reference §1.4), and when it is made anew though nothing changed: the real issuing authorities
// publish daily, the roots monthly.
const (
	issuingValidity, issuingPeriod = 6 * 24 * time.Hour, 24 * time.Hour
	rootValidity, rootPeriod       = 45 * 24 * time.Hour, 30 * 24 * time.Hour
)

// CRL is a certificate revocation list as it is published.
type CRL struct {
	Authority  profiles.Authority
	Number     uint64
	ThisUpdate time.Time
	NextUpdate time.Time
	DER        []byte

	revision uint64 // of the lab's revocations that it holds
}

// Lists keeps the CRL of each authority of a lab. A list is made anew when something was revoked since, or when it is
// due; until then the same bytes are given again, also after a restart.
type Lists struct {
	lab *ca.Lab
	now func() time.Time
	dir string

	mu   sync.Mutex
	kept map[profiles.Authority]*keptList
}

type keptList struct {
	sync.Mutex // one making at a time for each authority
	crl        *CRL
}

// NewLists keeps the lists of the lab in its publication folder.
func NewLists(lab *ca.Lab, now func() time.Time) *Lists {
	return &Lists{lab: lab, now: now, dir: filepath.Join(lab.Home, "publication"), kept: map[profiles.Authority]*keptList{}}
}

// Get returns a list that holds every revocation recorded before the call.
func (l *Lists) Get(ctx context.Context, a profiles.Authority) (*CRL, error) {
	l.mu.Lock()
	k := l.kept[a]
	if k == nil {
		k = &keptList{}
		l.kept[a] = k
	}
	l.mu.Unlock()
	k.Lock()
	defer k.Unlock()

	revision, number, err := l.lab.Revision(ctx, a)
	if err != nil {
		return nil, err
	}
	if k.crl == nil {
		k.crl = l.load(a, number, revision)
	}
	if k.crl != nil && k.crl.revision == revision && l.now().Before(k.crl.ThisUpdate.Add(period(a))) {
		return k.crl, nil
	}
	crl, err := l.make(ctx, a)
	if err != nil {
		return nil, fmt.Errorf("CRL of %s: %w", a.ID(), err)
	}
	if err := os.MkdirAll(filepath.Dir(l.path(a)), 0o700); err != nil {
		return nil, fmt.Errorf("CRL of %s: %w", a.ID(), err)
	}
	if err := atomicfile.Write(l.path(a), crl.DER, 0o644); err != nil {
		return nil, err
	}
	k.crl = crl
	return crl, nil
}

// Run makes the lists anew when they are due, and soon after each revocation, until the context ends; Get does not wait
// for it. failed hears of what went wrong.
func (l *Lists) Run(ctx context.Context, failed func(error)) {
	changed := make(chan struct{}, 1)
	l.lab.OnStatus(func(ca.Record) {
		select {
		case changed <- struct{}{}:
		default: // one round is due already, and takes everything
		}
	})
	due := time.NewTicker(10 * time.Minute)
	defer due.Stop()
	for {
		authorities, err := l.lab.Authorities(ctx)
		if err != nil && ctx.Err() == nil {
			failed(err)
		}
		for _, info := range authorities {
			a, err := profiles.ParseAuthority(info.ID)
			if err == nil {
				_, err = l.Get(ctx, a)
			}
			if err != nil && ctx.Err() == nil {
				failed(err)
			}
		}
		select {
		case <-ctx.Done():
			return
		case <-due.C:
		case <-changed:
			select { // revocations come in groups: one list for all of them
			case <-ctx.Done():
				return
			case <-time.After(500 * time.Millisecond):
			}
		}
	}
}

func period(a profiles.Authority) time.Duration {
	if a.IsRoot() {
		return rootPeriod
	}
	return issuingPeriod
}

func (l *Lists) path(a profiles.Authority) string {
	return filepath.Join(l.dir, filepath.FromSlash(a.CRLPath()))
}

// load takes up the list that an earlier process published. It must be the last one begun, and hold as many entries as
// there were revocations: a list whose making was cut short, or that a revocation came after, is made anew.
func (l *Lists) load(a profiles.Authority, number, revision uint64) *CRL {
	der, err := os.ReadFile(l.path(a))
	if err != nil {
		return nil
	}
	list, err := x509.ParseRevocationList(der)
	if err != nil || list.Number == nil || !list.Number.IsUint64() || list.Number.Uint64() != number ||
		uint64(len(list.RevokedCertificateEntries)) != revision {
		return nil
	}
	for _, e := range list.RevokedCertificateEntries {
		if len(e.Extensions) > 0 && !l.lab.Config.CRL.Reasons { // made under another configuration
			return nil
		}
	}
	if l.lab.Config.CRL.Reasons && revision > 0 { // a reason of "unspecified" is said by nothing: it cannot be told apart
		return nil
	}
	return &CRL{a, number, list.ThisUpdate, list.NextUpdate, der, revision}
}

func (l *Lists) make(ctx context.Context, a profiles.Authority) (*CRL, error) {
	issuer, err := l.lab.Issuer(ctx, a)
	if err != nil {
		return nil, err
	}
	signer, err := issuer.GetSigner()
	if err != nil {
		return nil, err
	}
	content, err := l.lab.BeginCRL(ctx, a)
	if err != nil {
		return nil, err
	}
	crl := &CRL{Authority: a, Number: content.Number, revision: content.Revision, ThisUpdate: l.now().UTC().Truncate(time.Second)}
	crl.NextUpdate = crl.ThisUpdate.Add(issuingValidity)
	if a.IsRoot() {
		crl.NextUpdate = crl.ThisUpdate.Add(rootValidity)
	}
	crl.DER, err = encodeCRL(crl, content.Entries, issuer, signer)
	return crl, err
}

var (
	oidCRLNumber      = asn1.ObjectIdentifier{2, 5, 29, 20}
	oidAuthorityKeyID = asn1.ObjectIdentifier{2, 5, 29, 35}
)

// encodeCRL writes a CertificateList (RFC 5280 §5.1) around entries that are encoded already, and signs it. The extensions
// are those of the real CRLs, in their order: authority key identifier, then number; for a root the other way round.
func encodeCRL(crl *CRL, entries []byte, issuer *ca.Issuer, signer crypto.Signer) ([]byte, error) {
	algorithm, err := algorithmIdentifier(issuer.SignatureAlgorithm())
	if err != nil {
		return nil, err
	}
	keyID := extension{oidAuthorityKeyID, func(b *cryptobyte.Builder) {
		b.AddASN1(cbasn1.SEQUENCE, func(b *cryptobyte.Builder) {
			b.AddASN1(cbasn1.Tag(0).ContextSpecific(), func(b *cryptobyte.Builder) { b.AddBytes(issuer.Certificate.SubjectKeyId) })
		})
	}}
	number := extension{oidCRLNumber, func(b *cryptobyte.Builder) { b.AddASN1BigInt(new(big.Int).SetUint64(crl.Number)) }}
	extensions := []extension{keyID, number}
	if crl.Authority.IsRoot() {
		extensions = []extension{number, keyID}
	}
	b := cryptobyte.NewBuilder(make([]byte, 0, len(entries)+1024))
	b.AddASN1(cbasn1.SEQUENCE, func(b *cryptobyte.Builder) {
		b.AddASN1Int64(1) // v2
		b.AddBytes(algorithm)
		b.AddBytes(issuer.Certificate.RawSubject)
		addTime(b, crl.ThisUpdate)
		addTime(b, crl.NextUpdate)
		if len(entries) > 0 {
			b.AddASN1(cbasn1.SEQUENCE, func(b *cryptobyte.Builder) { b.AddBytes(entries) })
		}
		b.AddASN1(cbasn1.Tag(0).ContextSpecific().Constructed(), func(b *cryptobyte.Builder) { addExtensions(b, extensions) })
	})
	tbs, err := b.Bytes()
	if err != nil {
		return nil, err
	}
	return signed(tbs, algorithm, nil, signer)
}

// extension is a non-critical extension; value writes what the OCTET STRING holds.
type extension struct {
	oid   asn1.ObjectIdentifier
	value func(*cryptobyte.Builder)
}

func addExtensions(b *cryptobyte.Builder, extensions []extension) {
	b.AddASN1(cbasn1.SEQUENCE, func(b *cryptobyte.Builder) {
		for _, e := range extensions {
			b.AddASN1(cbasn1.SEQUENCE, func(b *cryptobyte.Builder) {
				b.AddASN1ObjectIdentifier(e.oid)
				b.AddASN1(cbasn1.OCTET_STRING, e.value)
			})
		}
	})
}

// addTime writes a Time: UTCTime until 2049, GeneralizedTime after (RFC 5280 §5.1.2.4).
func addTime(b *cryptobyte.Builder, t time.Time) {
	if t = t.UTC(); t.Year() < 2050 {
		b.AddASN1UTCTime(t)
	} else {
		b.AddASN1GeneralizedTime(t)
	}
}

// algorithmIdentifier encodes the algorithm of a signature: RSA has NULL parameters, ECDSA none.
func algorithmIdentifier(a x509.SignatureAlgorithm) ([]byte, error) {
	var b cryptobyte.Builder
	switch a {
	case x509.SHA256WithRSA:
		b.AddASN1(cbasn1.SEQUENCE, func(b *cryptobyte.Builder) {
			b.AddASN1ObjectIdentifier(asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 1, 11})
			b.AddASN1NULL()
		})
	case x509.ECDSAWithSHA256:
		b.AddASN1(cbasn1.SEQUENCE, func(b *cryptobyte.Builder) {
			b.AddASN1ObjectIdentifier(asn1.ObjectIdentifier{1, 2, 840, 10045, 4, 3, 2})
		})
	default:
		return nil, fmt.Errorf("signature algorithm %s is not one that the lab uses", a)
	}
	return b.Bytes()
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
