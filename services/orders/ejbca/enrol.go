package ejbca

import (
	"context"
	"crypto/x509"
	"encoding/pem"
	"net/http"
	"slices"
	"strings"

	"github.com/igc-lab/igc/access"
	"github.com/igc-lab/igc/ca"
	"github.com/igc-lab/igc/internal/der"
	"github.com/igc-lab/igc/internal/i18n"
	"github.com/igc-lab/igc/profiles"
	"github.com/igc-lab/igc/services/orders"
)

// enrolment is what pkcs10enroll takes. The rest of EJBCA's fields are passed over: there are no
// end entities with names and passwords, and neither subject, dates nor extensions can be chosen.
type enrolment struct {
	Request          string  `json:"certificate_request"`
	Profile          string  `json:"certificate_profile_name"`
	EndEntityProfile string  `json:"end_entity_profile_name"`
	Authority        string  `json:"certificate_authority_name"`
	IncludeChain     bool    `json:"include_chain"`
	ResponseFormat   *string `json:"response_format"`
}

// enrolled is the answer to an enrolment. Bytes are base64 in JSON.
type enrolled struct {
	Certificate    []byte   `json:"certificate"`
	SerialNumber   string   `json:"serial_number,omitempty"`
	ResponseFormat string   `json:"response_format"`
	Chain          [][]byte `json:"certificate_chain,omitempty"`
}

// pkcs10enroll issues a certificate for a certification request.
func (s *server) pkcs10enroll(w http.ResponseWriter, r *http.Request, caller *access.Caller) error {
	e := enrolment{}
	if err := read(r, &e); err != nil {
		return err
	}
	format := "DER"
	if e.ResponseFormat != nil {
		format = strings.ToUpper(*e.ResponseFormat)
	}
	if format != "DER" && format != "PKCS7" {
		return native(http.StatusBadRequest, "Invalid input. Response format can only be DER or PKCS7")
	}
	issuers, offer, usage, err := s.profile(r.Context(), &e)
	if err != nil {
		return err
	}
	if strings.TrimSpace(e.Request) == "" {
		return native(http.StatusBadRequest, "Invalid certificate request")
	}
	o, err := s.Desk.Enrol(r.Context(), caller, orders.Request{Offer: offer.ID, Usage: usage.ID, CSR: e.Request})
	if err != nil {
		return err
	}
	block, _ := pem.Decode([]byte(o.Certificates[0].PEM))
	answer := enrolled{Certificate: block.Bytes, SerialNumber: o.Certificates[0].Serial, ResponseFormat: format}
	if e.IncludeChain {
		answer.Chain = raw(issuers)
	}
	if format == "PKCS7" {
		if answer.Certificate, err = pkcs7(answer.Certificate); err != nil {
			return err
		}
		if e.IncludeChain {
			bag, err := pkcs7(answer.Chain...)
			if err != nil {
				return err
			}
			answer.Chain = [][]byte{bag}
		}
	}
	return write(w, http.StatusCreated, answer)
}

// profile finds what an enrolment asks for, in the order in which EJBCA looks, and its issuers.
func (s *server) profile(ctx context.Context, e *enrolment) ([]*x509.Certificate, *orders.Offer, *orders.Usage,
	error) {
	offer, usage, found := findProfile(e.Profile)
	var issuers []*x509.Certificate
	if found {
		var err error
		if issuers, err = s.Desk.Issuers(ctx, usage); err != nil {
			return nil, nil, nil, err
		}
	}
	list, err := s.list(ctx)
	if err != nil {
		return nil, nil, nil, err
	}
	var named *authority
	for _, a := range list {
		if strings.EqualFold(a.id, e.Authority) || a.cert.Subject.CommonName == e.Authority {
			named = a
		}
	}
	switch {
	case named == nil:
		return nil, nil, nil, native(http.StatusNotFound, `CA with name "%s" doesn't exist`, e.Authority)
	case !found:
		return nil, nil, nil, native(http.StatusNotFound, `Certificate profile with name "%s" doesn't exist`, e.Profile)
	case !named.cert.Equal(issuers[0]):
		return nil, nil, nil, modelled(http.StatusBadRequest, i18n.Text{
			FR: "l'autorité %[1]s n'émet pas selon le profil %[2]s : c'est %[3]s",
			EN: "CA %[1]s does not issue with certificate profile %[2]s: %[3]s does"}.Format(named.id, e.Profile,
			issuers[0].Subject.CommonName))
	}
	if _, _, known := findProfile(e.EndEntityProfile); !known && e.EndEntityProfile != emptyProfile {
		return nil, nil, nil, native(http.StatusNotFound, `End Entity Profile of name "%s" was not found`,
			e.EndEntityProfile)
	}
	return issuers, offer, usage, nil
}

func raw(certs []*x509.Certificate) (list [][]byte) {
	for _, c := range certs {
		list = append(list, c.Raw)
	}
	return list
}

// pkcs7 is a PKCS#7 without signer as PEM.
func pkcs7(certs ...[]byte) ([]byte, error) {
	bag, err := der.CertsOnly(certs...)
	return pem.EncodeToMemory(&pem.Block{Type: "PKCS7", Bytes: bag}), err
}

// keyStore is what enrollkeystore takes.
type keyStore struct {
	Username string `json:"username"`
	Password string `json:"password"`
	KeyAlg   string `json:"key_alg"`
	KeySpec  string `json:"key_spec"`
}

// enrollkeystore makes a key and its certificate, and hands both out as PKCS#12, once. The user
// name says what: PROFILE/SERVICE, or PROFILE/STRUCTURE/SERVICE.
func (s *server) enrollkeystore(w http.ResponseWriter, r *http.Request, caller *access.Caller) error {
	k := keyStore{}
	if err := read(r, &k); err != nil {
		return err
	}
	parts := strings.SplitN(k.Username, "/", 3)
	offer, usage, found := findProfile(parts[0])
	if !found || len(parts) < 2 {
		return native(http.StatusNotFound, "The end entity '%s' does not exist", k.Username)
	}
	order := orders.Request{Offer: offer.ID, Usage: usage.ID, Service: parts[len(parts)-1], Password: k.Password}
	if len(parts) == 3 {
		order.Structure = parts[1]
	}
	if product, err := profiles.FindProduct(usage.Product); err != nil || len(product.Certificates) != 1 {
		return modelled(http.StatusBadRequest, i18n.Text{
			FR: "%s a plusieurs certificats : demandez-les sur la plateforme de commande",
			EN: "%s has several certificates: ask for them on the ordering platform"}.Format(usage.ID))
	}
	if err := s.keys(&k); err != nil {
		return err
	}
	o, err := s.Desk.Enrol(r.Context(), caller, order)
	if err != nil {
		return err
	}
	file, err := s.Desk.Download(r.Context(), caller, o.Number, "", "modern", k.Password)
	if err != nil {
		return err
	}
	issuers, err := s.Desk.Issuers(r.Context(), usage)
	if err != nil {
		return err
	}
	return write(w, http.StatusCreated, enrolled{Certificate: file.Data, SerialNumber: o.Certificates[0].Serial,
		ResponseFormat: "PKCS12", Chain: raw(issuers)})
}

// keys holds the key that is asked for to the one that the lab makes for holders: RSA of 2048 bits,
// or P-256 in a lab with such keys.
func (s *server) keys(k *keyStore) error {
	made, specs := "RSA", []string{"2048"}
	if s.Desk.Key == ca.P256 {
		made, specs = "ECDSA", []string{"secp256r1", "prime256v1", "P-256"}
	}
	switch {
	case k.KeyAlg != "RSA" && k.KeyAlg != "ECDSA":
		return native(http.StatusUnprocessableEntity, "Unsupported key algorithm '%s'", k.KeyAlg)
	case k.KeyAlg != made || !slices.Contains(specs, k.KeySpec):
		return modelled(http.StatusUnprocessableEntity, i18n.Text{
			FR: "ce labo fait des clés %[1]s %[2]s, pas %[3]s %[4]s : pour une autre, envoyez une demande de " +
				"certificat (pkcs10enroll)",
			EN: "this lab makes keys %[1]s %[2]s, not %[3]s %[4]s: for another, send a certification request " +
				"(pkcs10enroll)"}.Format(made, specs[0], k.KeyAlg, k.KeySpec))
	}
	return nil
}
