package ca

import (
	"context"
	"crypto/x509"
	"errors"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"

	casapi "github.com/smallstep/certificates/cas/apiv1"
	"github.com/smallstep/certificates/cas/softcas"
	kmsapi "go.step.sm/crypto/kms/apiv1"

	"github.com/igc-lab/igc/ca/store"
	"github.com/igc-lab/igc/internal/i18n"
	"github.com/igc-lab/igc/profiles"
)

// AuthorityInfo is an authority that the lab has.
type AuthorityInfo struct {
	ID      string      `json:"id"`
	DER     []byte      `json:"der"`
	Revoked *Revocation `json:"revocation,omitempty"`
}

// Authorities lists the authorities that the lab has, in the order of [profiles.Authorities].
func (ca *CA) Authorities(ctx context.Context) (list []AuthorityInfo, err error) {
	err = ca.store.View(ctx, func(r store.Reader) error {
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
func (ca *CA) Ensure(ctx context.Context, wanted []profiles.Authority) (made int, err error) {
	ca.ensuring.Lock()
	defer ca.ensuring.Unlock()
	err = ca.using(ctx, func() error {
		have, err := ca.Authorities(ctx)
		if err != nil {
			return err
		}
		missing := slices.DeleteFunc(profiles.Authorities(), func(a profiles.Authority) bool {
			return slices.ContainsFunc(have, func(h AuthorityInfo) bool { return h.ID == a.ID() }) ||
				!slices.ContainsFunc(wanted, func(w profiles.Authority) bool { return w == a || w.Root() == a })
		})
		if err := ca.keepCertificates(have); err != nil {
			return err
		}
		if len(missing) == 0 {
			return nil
		}
		if len(have) > 0 { // no second passphrase in one lab
			if _, err := ca.keys.CreateSigner(&kmsapi.CreateSignerRequest{SigningKey: have[0].ID}); err != nil {
				return err
			}
		}
		if err := ca.makeKeys(ctx, missing); err != nil {
			return err
		}
		for _, a := range missing { // roots come first
			err := ca.makeAuthority(ctx, a)
			if KindOf(err) == Conflict && ca.hasAuthority(ctx, a) { // another machine made it meanwhile
				continue
			}
			if err != nil {
				return err
			}
			made++
		}
		if have, err = ca.Authorities(ctx); err != nil {
			return err
		}
		return ca.keepCertificates(have)
	})
	return made, err
}

// hasAuthority tells whether the lab has an authority.
func (ca *CA) hasAuthority(ctx context.Context, a profiles.Authority) (has bool) {
	err := ca.store.View(ctx, func(r store.Reader) error {
		_, has = r.Authority(a.ID())
		return nil
	})
	return err == nil && has
}

// keepCertificates writes the certificates of authorities beside their keys, where they are not
// yet: igc recover needs them when the records are lost, and their being there shows that there
// were records.
func (ca *CA) keepCertificates(have []AuthorityInfo) error {
	for _, a := range have {
		if err := ca.keys.KeepCertificate(a.ID, a.DER); err != nil {
			return err
		}
	}
	return nil
}

func (ca *CA) makeKeys(ctx context.Context, authorities []profiles.Authority) error {
	var done atomic.Int32
	progress := func() {
		if ca.Progress != nil {
			ca.Progress("authorities", int(done.Load()), len(authorities))
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
				if _, err := ca.keys.CreateKey(ca.Policy.AuthorityKey(a.ID())); err != nil {
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
func (ca *CA) makeAuthority(ctx context.Context, a profiles.Authority) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if err := ca.store.View(ctx, func(r store.Reader) error { return checkIssuable(r, a.Root()) }); err != nil {
		return err
	}
	key, err := ca.keys.CreateKey(ca.Policy.AuthorityKey(a.ID()))
	if err != nil {
		return err
	}
	request := profiles.Request{Profile: a.Profile(), Holder: a.Holder(), Issuer: a.Root(), URLs: ca.URLs,
		Serial: newAuthoritySerial(), PublicKey: key.PublicKey}
	request.NotBefore, request.NotAfter = profiles.AuthorityValidity(a, ca.now())
	create := &casapi.CreateCertificateAuthorityRequest{Name: a.ID(), Type: casapi.RootCA, Lifetime: request.NotAfter.Sub(request.NotBefore),
		CreateKey: ca.Policy.AuthorityKey(a.ID())}
	var chain []*x509.Certificate
	if !a.IsRoot() {
		root, err := ca.Issuer(ctx, a.Root())
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
		return i18n.Errorf("%s: %w", a.ID(), err)
	}
	signedBy := key.PublicKey // a root signs itself
	if len(chain) > 0 {
		signedBy = chain[0].PublicKey
	}
	if _, err := preIssuanceLint(a.Root(), signatureAlgorithm(signedBy), *create.Template, ca.now()); err != nil {
		return err
	}
	if a.IsRoot() {
		create.Template.RawIssuer = create.Template.RawSubject
	}
	service := &softcas.SoftCAS{KeyManager: ca.keys}
	made, err := service.CreateCertificateAuthority(create)
	if err != nil {
		return i18n.Errorf("%s: %w", a.ID(), err)
	}
	record, err := NewRecord(a.Root(), made.Certificate.Raw, ca.now())
	if err != nil {
		return i18n.Errorf("%s: %w", a.ID(), err)
	}
	err = ca.record(ctx, []*Record{record}, func(tx store.Tx) error { return tx.AddAuthority(a.ID(), made.Certificate.Raw) })
	if err != nil {
		return err
	}
	ca.cacheIssuer(a, append([]*x509.Certificate{made.Certificate}, chain...))
	ca.authoritiesMade.Add(1)
	return nil
}

// AuthoritiesMade counts the authorities that this process has made. While a process holds the lab
// no other one makes any: who looked them all up need not look again before the count changes.
func (ca *CA) AuthoritiesMade() uint64 { return ca.authoritiesMade.Load() }

// record puts certificates in the store, all or none. What first does, it does in the same
// transaction.
func (ca *CA) record(ctx context.Context, records []*Record, first func(store.Tx) error) error {
	return ca.update(ctx, func(tx store.Tx) error {
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
