package profiles

import (
	"crypto/ecdsa"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"errors"
	"math/big"
	"time"

	"github.com/igc-lab/igc/internal/i18n"
)

// Request is everything that decides the bytes of a certificate before it is signed.
type Request struct {
	Profile    *Profile
	Holder     Holder    // see [Product.Complete]; for an authority's certificate, [Authority.Holder]
	Issuer     Authority // itself, for a root
	Generation Generation
	URLs       URLs
	NotBefore  time.Time
	NotAfter   time.Time // zero: by the profile
	Serial     *big.Int
	PublicKey  any    // *rsa.PublicKey or *ecdsa.PublicKey
	spki       []byte // PublicKey, encoded

	AuthorityKeyID []byte // of the issuer; nil for a root
}

// Holder is the holder of the authority's own certificate.
func (a Authority) Holder() Holder { return Holder{Service: a.CommonName()} }

// Profile returns the profile of the authority's own certificate.
func (a Authority) Profile() *Profile {
	id := "aci/issuing"
	if a.IsRoot() {
		id = "acr/root"
	}
	p, err := FindProfile(id)
	if err != nil { // TestTable holds both
		panic(err)
	}
	return p
}

// ResponderHolder is the holder of the certificate of the authority's OCSP responder.
func (a Authority) ResponderHolder() Holder {
	return Holder{Service: "TEST OCSP" + a.CommonName()[len("TEST AC"):]}
}

func (r *Request) skiMethod() Generation {
	if r.Profile.usage.Layout != "" { // authorities and responders keep the method of 2016
		return Gen2016
	}
	return r.Generation
}

// Build makes the certificate to sign: subject, extensions and dates are final, byte for byte. It
// does not change the request.
func Build(r Request) (*x509.Certificate, error) {
	product := r.Profile.Product
	if r.Generation == "" {
		r.Generation = Gen2016
	}
	if _, ok := table().layouts[string(r.Generation)]; !ok || r.Generation != Gen2016 && r.Generation != Gen2023 {
		return nil, i18n.Errorf("unknown generation %q: choose gen2016 or gen2023", r.Generation)
	}
	if product.Issuer != "" && !product.IssuedBy(r.Issuer) {
		return nil, i18n.Errorf("%s is issued by %s, not by %s", product.ID, product.Issuer, r.Issuer.ID())
	}
	var err error
	if r.Holder, err = product.Complete(r.Holder); err != nil {
		return nil, err
	}
	if r.NotBefore.IsZero() || r.Serial == nil {
		return nil, errors.New("a certificate needs a serial number and a beginning")
	}
	r.NotBefore = r.NotBefore.UTC().Truncate(time.Second)
	if r.NotAfter.IsZero() {
		r.NotAfter = r.Profile.Expiry(r.Generation, r.NotBefore)
	}
	if !r.NotAfter.After(r.NotBefore) {
		return nil, i18n.Errorf("validity ends %s, before it begins %s", r.NotAfter, r.NotBefore)
	}
	switch r.PublicKey.(type) {
	case *rsa.PublicKey, *ecdsa.PublicKey:
	default:
		return nil, i18n.Errorf("a %T is not a key that the lab certifies: RSA and EC are", r.PublicKey)
	}
	if r.spki, err = x509.MarshalPKIXPublicKey(r.PublicKey); err != nil {
		return nil, err
	}
	name, err := table().subjects[product.Subject].name(&r.Holder)
	if err != nil {
		return nil, err
	}
	cert := &x509.Certificate{
		SerialNumber: r.Serial,
		NotBefore:    r.NotBefore,
		NotAfter:     r.NotAfter,
		PublicKey:    r.PublicKey,
	}
	if cert.RawSubject, err = name.Marshal(); err != nil {
		return nil, err
	}
	for _, entry := range r.Profile.layout(r.Generation) {
		value, err := entry.extension.build(&r)
		if err != nil {
			return nil, i18n.Errorf("%s: %w", entry.extension.name, err)
		}
		if value != nil {
			cert.ExtraExtensions = append(cert.ExtraExtensions,
				pkix.Extension{Id: entry.extension.oid, Critical: entry.critical, Value: value})
		}
	}
	return cert, nil
}
