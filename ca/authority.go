package ca

import (
	"bytes"
	"context"
	"errors"
	"strings"
	"time"

	"golang.org/x/crypto/cryptobyte"
	cbasn1 "golang.org/x/crypto/cryptobyte/asn1"

	"github.com/igc-lab/igc/ca/store"
	"github.com/igc-lab/igc/internal/i18n"
	"github.com/igc-lab/igc/profiles"
)

// This file is about authorities that are revoked. It happens by name only, since it cannot be
// undone and takes with it every certificate that the authority issued; and nothing is issued under
// one.

// authorityKey names the certificate of one of the lab's authorities.
func authorityKey(r store.Reader, id string) (store.Key, error) {
	a, err := profiles.ParseAuthority(id)
	if err != nil {
		return store.Key{}, Invalidate(err)
	}
	der, ok := r.Authority(a.ID())
	if !ok {
		return store.Key{}, fail(NotFound, "the lab has no authority %s", a.ID())
	}
	serial, ok := serialOf(der)
	if !ok {
		return store.Key{}, fail(Internal, "the certificate of %s cannot be read", a.ID())
	}
	return store.Key{Authority: a.Root().ID(), Serial: serial}, nil
}

// serialOf reads the serial number of a certificate and nothing else: authorities are looked at for
// every visitor of TestSSL.
func serialOf(der []byte) ([]byte, bool) {
	in, certificate, tbs := cryptobyte.String(der), cryptobyte.String(nil), cryptobyte.String(nil)
	var serial []byte
	ok := in.ReadASN1(&certificate, cbasn1.SEQUENCE) && certificate.ReadASN1(&tbs, cbasn1.SEQUENCE) &&
		tbs.SkipOptionalASN1(cbasn1.Tag(0).ContextSpecific().Constructed()) && tbs.ReadASN1Integer(&serial)
	return serial, ok
}

// refuseAuthority says why a certificate that was named otherwise than as an authority keeps its
// status.
func refuseAuthority(tx store.Reader, r *Record, release bool) error {
	id := "an authority that the lab does not use"
	for _, a := range profiles.Authorities() {
		if der, _ := tx.Authority(a.ID()); bytes.Equal(der, r.DER) {
			id = a.ID()
		}
	}
	if release {
		return fail(Invalid, "%s is the certificate of %s: an authority is named as one, igc unhold --authority %[2]s",
			r.Serial, id)
	}
	return fail(Invalid,
		"%s is the certificate of %s, and an authority is not revoked by a serial number, a file, a card or a holder: it is for good, "+
			"and every certificate that it issued is refused from then on. If that is meant: igc revoke --authority %[2]s", r.Serial, id)
}

// revocationOf is the revocation of one of the lab's authorities, nil when it has none, or is not
// there.
func revocationOf(r store.Reader, a profiles.Authority) *Revocation {
	k, err := authorityKey(r, a.ID())
	if err != nil {
		return nil
	}
	return r.Status(k).Revoked
}

// checkIssuable refuses certificates of an authority that is revoked, or whose root is: everybody
// would refuse them.
func checkIssuable(tx store.Reader, a profiles.Authority) error {
	for _, above := range []profiles.Authority{a, a.Root()} {
		if v := revocationOf(tx, above); v != nil {
			return refuseIssue(a.ID(), above.ID(), v)
		}
	}
	return nil
}

// RevokedAuthorityError says that nothing is issued by an authority, since it or its root is
// revoked.
type RevokedAuthorityError struct {
	Issuer     string // the authority that was to issue
	Authority  string // the revoked one: it, or its root
	Revocation Revocation
}

func (e *RevokedAuthorityError) Error() string { return e.Text().In(i18n.FromEnvironment()) }

// Text is the message in both languages.
func (e *RevokedAuthorityError) Text() i18n.Text {
	of := i18n.Same(e.Issuer)
	if e.Authority != e.Issuer {
		of = i18n.Text{FR: e.Issuer + ", de cette racine,", EN: e.Issuer + ", of that root,"}
	}
	return i18n.Text{
		FR: "%s a été révoquée le %s pour %s : un certificat de %s serait refusé partout, et aucun n'est émis. " +
			"Créez un autre laboratoire : igc --home DOSSIER init",
		EN: "%s was revoked on %s for %s: a certificate of %s would be refused everywhere, and none is issued. " +
			"Make another lab: igc --home FOLDER init",
	}.Format(e.Authority, e.Revocation.At.Format(time.RFC3339), e.Revocation.Reason, of)
}

func refuseIssue(issuer, revoked string, v *Revocation) error {
	return &Error{Kind: Conflict, Err: &RevokedAuthorityError{issuer, revoked, *v}}
}

// CheckIssuable refuses products whose authority is revoked, before keys are made for them.
// Authorities that the lab does not have yet are none of its business.
func CheckIssuable(ctx context.Context, s Service, products ...string) error {
	infos, err := s.Authorities(ctx)
	if err != nil {
		return err
	}
	revoked := map[string]*Revocation{}
	for _, info := range infos {
		if info.Revoked != nil {
			revoked[info.ID] = info.Revoked
		}
	}
	if len(revoked) == 0 {
		return nil
	}
	var errs []error
	seen := map[string]bool{}
	for _, id := range products {
		product, err := profiles.FindProduct(id)
		if err != nil {
			return Invalidate(err)
		}
		a, err := product.IssuingAuthority()
		if err != nil || seen[a.ID()] {
			continue
		}
		seen[a.ID()] = true
		for _, above := range []string{a.ID(), a.Root().ID()} {
			if v := revoked[above]; v != nil {
				errs = append(errs, refuseIssue(a.ID(), above, v))
				break
			}
		}
	}
	if len(errs) == 0 {
		return nil
	}
	return &Error{Kind: Conflict, Err: errors.Join(errs...)}
}

// validIssued counts, by product, what an authority issued that is valid now and not revoked. It
// reads every record.
func validIssued(r store.Reader, authority string, now time.Time) (map[string]int, error) {
	counts := map[string]int{}
	for serial, s := range r.Statuses(authority) {
		if s.Revoked != nil || !now.Before(s.NotAfter) {
			continue
		}
		record, err := r.Certificate(store.Key{Authority: authority, Serial: serial})
		if err != nil {
			return nil, err
		}
		product, _, _ := strings.Cut(record.Profile, "/")
		counts[product]++
	}
	return counts, nil
}
