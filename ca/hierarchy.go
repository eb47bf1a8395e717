package ca

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"

	casapi "github.com/smallstep/certificates/cas/apiv1"
	"github.com/smallstep/certificates/cas/softcas"
	kmsapi "go.step.sm/crypto/kms/apiv1"

	"github.com/igc-lab/igc/ca/store"
	"github.com/igc-lab/igc/internal/atomicfile"
	"github.com/igc-lab/igc/profiles"
)

// AuthorityInfo is an authority that the lab has.
type AuthorityInfo struct {
	ID      string      `json:"id"`
	DER     []byte      `json:"der"`
	Revoked *Revocation `json:"revocation,omitempty"`
}

// Authorities lists the authorities that the lab has, in the order of [profiles.Authorities].
func (l *Lab) Authorities(ctx context.Context) (list []AuthorityInfo, err error) {
	err = l.store.View(ctx, func(r store.Reader) error {
		list = nil
		for _, a := range profiles.Authorities() {
			if der, ok := r.Authority(a.ID()); ok {
				list = append(list, AuthorityInfo{a.ID(), der, revocationOf(r, a)})
			}
		}
		return nil
	})
	return list, err
}

// Ensure makes the authorities that the lab lacks, with their roots, and returns how many. Keys are
// made in parallel and are on the disk before their certificates: after an interruption, calling it
// again goes on with the keys it finds.
func (l *Lab) Ensure(ctx context.Context, wanted []profiles.Authority) (made int, err error) {
	l.ensuring.Lock()
	defer l.ensuring.Unlock()
	err = l.using(ctx, func() error {
		have, err := l.Authorities(ctx)
		if err != nil {
			return err
		}
		missing := slices.DeleteFunc(profiles.Authorities(), func(a profiles.Authority) bool {
			return slices.ContainsFunc(have, func(h AuthorityInfo) bool { return h.ID == a.ID() }) ||
				!slices.ContainsFunc(wanted, func(w profiles.Authority) bool { return w == a || w.Root() == a })
		})
		if err := l.keepCertificates(have); err != nil {
			return err
		}
		if len(missing) == 0 {
			return nil
		}
		if len(have) > 0 { // no second passphrase in one lab
			if _, err := l.keys.CreateSigner(&kmsapi.CreateSignerRequest{SigningKey: have[0].ID}); err != nil {
				return err
			}
		}
		if err := l.makeKeys(ctx, missing); err != nil {
			return err
		}
		for _, a := range missing { // roots come first
			if err := l.makeAuthority(ctx, a); err != nil {
				return err
			}
			made++
		}
		if have, err = l.Authorities(ctx); err != nil {
			return err
		}
		return l.keepCertificates(have)
	})
	return made, err
}

// keepCertificates writes the certificates of authorities beside their keys, where they are not
// yet: igc recover needs them when the records are lost, and their being there shows that there
// were records.
func (l *Lab) keepCertificates(have []AuthorityInfo) error {
	for _, a := range have {
		path := filepath.Join(l.Home, "keys", a.ID+".cer")
		if _, err := os.Stat(path); err == nil {
			continue
		}
		if err := atomicfile.Write(path, a.DER, 0o600); err != nil {
			return &Error{Kind: Unwritable, Err: err}
		}
	}
	return nil
}

func (l *Lab) makeKeys(ctx context.Context, authorities []profiles.Authority) error {
	var done atomic.Int32
	progress := func() {
		if l.opts.Progress != nil {
			l.opts.Progress("authorities", int(done.Load()), len(authorities))
		}
	}
	progress()
	work := make(chan profiles.Authority)
	errs := make([]error, runtime.GOMAXPROCS(0))
	var wg sync.WaitGroup
	for i := range errs {
		wg.Go(func() {
			for a := range work {
				if ctx.Err() != nil {
					continue
				}
				if _, err := l.keys.CreateKey(l.Config.Key.AuthorityKey(a.ID())); err != nil {
					errs[i] = errors.Join(errs[i], err)
					continue
				}
				done.Add(1)
				progress()
			}
		})
	}
	for _, a := range authorities {
		work <- a
	}
	close(work)
	wg.Wait()
	return errors.Join(append(errs, ctx.Err())...)
}

// makeAuthority issues the authority's certificate through smallstep's CA service, and records it.
func (l *Lab) makeAuthority(ctx context.Context, a profiles.Authority) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if err := l.store.View(ctx, func(r store.Reader) error { return checkIssuable(r, a.Root()) }); err != nil {
		return err
	}
	key, err := l.keys.CreateKey(l.Config.Key.AuthorityKey(a.ID()))
	if err != nil {
		return err
	}
	request := profiles.Request{Profile: a.Profile(), Holder: a.Holder(), Issuer: a.Root(), URLs: l.Config.URLs,
		Serial: newAuthoritySerial(), PublicKey: key.PublicKey}
	request.NotBefore, request.NotAfter = profiles.AuthorityValidity(a, l.now())
	create := &casapi.CreateCertificateAuthorityRequest{Name: a.ID(), Type: casapi.RootCA, Lifetime: request.NotAfter.Sub(request.NotBefore),
		CreateKey: l.Config.Key.AuthorityKey(a.ID())}
	var chain []*x509.Certificate
	if !a.IsRoot() {
		root, err := l.Issuer(ctx, a.Root())
		if err != nil {
			return err
		}
		signer, err := root.cas.GetSigner()
		if err != nil {
			return err
		}
		chain = root.Chain()
		request.AuthorityKeyID = root.Certificate.SubjectKeyId
		create.Type = casapi.IntermediateCA
		create.Parent = &casapi.CreateCertificateAuthorityResponse{Certificate: root.Certificate, Signer: signer}
	}
	if create.Template, err = profiles.Build(request); err != nil {
		return fmt.Errorf("%s: %w", a.ID(), err)
	}
	signedBy := key.PublicKey // a root signs itself
	if len(chain) > 0 {
		signedBy = chain[0].PublicKey
	}
	if err := preIssuanceLint(a.Root(), signatureAlgorithm(signedBy), *create.Template, l.now()); err != nil {
		return err
	}
	if a.IsRoot() {
		create.Template.RawIssuer = create.Template.RawSubject
	}
	service := &softcas.SoftCAS{KeyManager: l.keys}
	made, err := service.CreateCertificateAuthority(create)
	if err != nil {
		return fmt.Errorf("%s: %w", a.ID(), err)
	}
	record, err := newRecord(a.Root(), made.Certificate.Raw, l.now())
	if err != nil {
		return fmt.Errorf("%s: %w", a.ID(), err)
	}
	err = l.record(ctx, []*Record{record}, func(tx store.Tx) error { return tx.AddAuthority(a.ID(), made.Certificate.Raw) })
	if err != nil {
		return err
	}
	l.cacheIssuer(a, append([]*x509.Certificate{made.Certificate}, chain...))
	l.authoritiesMade.Add(1)
	return nil
}

// AuthoritiesMade counts the authorities that this process has made. While a process holds the lab
// no other one makes any: who looked them all up need not look again before the count changes.
func (l *Lab) AuthoritiesMade() uint64 { return l.authoritiesMade.Load() }

// record puts certificates in the store, all or none. What first does, it does in the same
// transaction.
func (l *Lab) record(ctx context.Context, records []*Record, first func(store.Tx) error) error {
	return l.update(ctx, func(tx store.Tx) error {
		if first != nil {
			if err := first(tx); err != nil {
				return err
			}
		}
		for _, r := range records {
			if err := tx.AddCertificate(r); err != nil {
				return err
			}
		}
		return nil
	})
}
