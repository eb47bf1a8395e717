package est

import (
	"encoding/asn1"
	"encoding/base64"
	"encoding/pem"
	"errors"
	"io"
	"log/slog"
	"mime"
	"net/http"
	"slices"
	"strconv"

	"golang.org/x/crypto/cryptobyte"
	cbasn1 "golang.org/x/crypto/cryptobyte/asn1"

	"github.com/igc-lab/igc/access"
	"github.com/igc-lab/igc/internal/der"
	"github.com/igc-lab/igc/internal/i18n"
	"github.com/igc-lab/igc/profiles"
	"github.com/igc-lab/igc/profiles/csr"
	"github.com/igc-lab/igc/services/orders"
)

// Path is where EST is served (RFC 7030 3.2.2).
const Path = "/.well-known/est/"

// Options are what the front is made from. All are required but Log.
type Options struct {
	Desk *orders.Desk
	// Caller is who makes a request, by a bearer token or the certificate of its connection, as
	// [access.Gate] finds them.
	Caller func(*http.Request) (*access.Caller, error)
	// Limit counts a request of an actor whom Caller does not let in, who renews a certificate by
	// itself; an error when there were too many. [access.Gate.Limit] does.
	Limit func(actor string) error
	Log   *slog.Logger
}

// server answers requests.
type server struct{ Options }

// New makes the front: a handler of everything under [Path].
func New(o Options) http.Handler {
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	s := &server{o}
	mux := http.NewServeMux()
	for _, place := range []string{Path, Path + "{label}/"} {
		for _, o := range []struct {
			method, name string
			handler
		}{
			{"GET", "cacerts", s.cacerts}, {"GET", "csrattrs", s.csrattrs}, {"POST", "simpleenroll", s.simpleenroll},
			{"POST", "simplereenroll", s.simplereenroll}, {"POST", "fullcmc", notImplemented},
			{"POST", "serverkeygen", notImplemented},
		} {
			mux.HandleFunc(o.method+" "+place+o.name, s.answer(o.handler))
			mux.HandleFunc(place+o.name, s.answer(otherMethod(o.method)))
		}
	}
	mux.HandleFunc(Path, s.answer(noSuchPath))
	return mux
}

// handler answers a request, or says what is wrong with it.
type handler func(http.ResponseWriter, *http.Request) error

// answer calls a handler. Nothing that it answers is kept by others.
func (s *server) answer(h handler) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Cache-Control", "no-store")
		w.Header().Set("X-Content-Type-Options", "nosniff")
		if err := h(w, r); err != nil {
			s.refuse(w, r, err)
		}
	}
}

// write sends what EST sends: base64 of DER in one line (RFC 8951 3.1). Clients of RFC 7030 look
// for the header of MIME to know that. strongSwan's looks for the length, and reads twice from its
// connection, a record each time: the header is one, and the body another.
func write(w http.ResponseWriter, contentType string, contents []byte) error {
	body := base64.StdEncoding.EncodeToString(contents)
	w.Header().Set("Content-Type", contentType)
	w.Header().Set("Content-Transfer-Encoding", "base64")
	w.Header().Set("Content-Length", strconv.Itoa(len(body)))
	if err := http.NewResponseController(w).Flush(); err != nil && !errors.Is(err, http.ErrNotSupported) {
		return err
	}
	_, err := io.WriteString(w, body)
	return err
}

// usage is the one that the path of a request names; nil without a label.
func usage(r *http.Request) (*orders.Offer, *orders.Usage, error) {
	label := r.PathValue("label")
	if label == "" {
		return nil, nil, nil
	}
	offer, u, err := orders.FindOffer("", label)
	if err == nil && !byOneRequest(u) {
		err = &problem{http.StatusNotFound, i18n.Text{
			FR: "le certificat « " + u.ID + " » ne se demande pas par EST : il lui faut une carte, ou plusieurs " +
				"clés",
			EN: "a certificate " + u.ID + " is not asked for by EST: it takes a card, or several keys"}}
	}
	if orders.CodeOf(err) != "" {
		err = &problem{http.StatusNotFound, i18n.TextOf(err)}
	}
	return offer, u, err
}

// byOneRequest tells whether one certification request is enough for a usage.
func byOneRequest(u *orders.Usage) bool {
	product, err := profiles.FindProduct(u.Product)
	return err == nil && product.CardType == "" && len(product.Certificates) == 1
}

// cacerts hands out the authorities that certificates chain to (RFC 7030 4.1). Anybody may ask:
// this is what a client begins with.
func (s *server) cacerts(w http.ResponseWriter, r *http.Request) error {
	_, u, err := usage(r)
	if err != nil {
		return err
	}
	wanted := []*orders.Usage{u}
	if u == nil {
		wanted = nil
		for _, o := range orders.Offers() {
			for i := range o.Usages {
				if byOneRequest(&o.Usages[i]) {
					wanted = append(wanted, &o.Usages[i])
				}
			}
		}
	}
	var certs [][]byte
	for _, u := range wanted {
		issuers, err := s.Desk.Issuers(r.Context(), u)
		if err != nil {
			return err
		}
		for _, c := range issuers {
			if !slices.ContainsFunc(certs, func(known []byte) bool { return string(known) == string(c.Raw) }) {
				certs = append(certs, c.Raw)
			}
		}
	}
	bag, err := der.CertsOnly(certs...)
	if err != nil {
		return err
	}
	return write(w, "application/pkcs7-mime", bag)
}

var oidExtensionRequest = asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 9, 14}

// csrattrs says what a certification request should have (RFC 7030 4.5): that of a server the
// attribute extensionRequest, for its names. Nothing else is wanted, which is an answer without
// content.
func (s *server) csrattrs(w http.ResponseWriter, r *http.Request) error {
	_, u, err := usage(r)
	if err != nil {
		return err
	}
	if u == nil || !isServer(u) {
		w.WriteHeader(http.StatusNoContent)
		return nil
	}
	attributes, err := der.Build(func(b *cryptobyte.Builder) {
		b.AddASN1(cbasn1.SEQUENCE, func(b *cryptobyte.Builder) { b.AddASN1ObjectIdentifier(oidExtensionRequest) })
	})
	if err != nil {
		return err
	}
	return write(w, "application/csrattrs", attributes)
}

func isServer(u *orders.Usage) bool {
	product, err := profiles.FindProduct(u.Product)
	return err == nil && slices.ContainsFunc(product.Certificates, func(p *profiles.Profile) bool {
		return p.AltName() == "dns"
	})
}

// maxBody bounds what a client sends: a certification request of the largest size in base64, with
// line ends.
const maxBody = 128 << 10

// readRequest reads the certification request that a client sent. The reader is tolerant: besides
// base64 it takes line ends and spaces in it, PEM, and DER.
func readRequest(body io.Reader) (*csr.Request, error) {
	data, err := io.ReadAll(io.LimitReader(body, maxBody+1))
	if err != nil {
		return nil, &problem{http.StatusBadRequest, i18n.Text{FR: "la demande n'est pas arrivée en entier",
			EN: "the request did not arrive whole"}}
	}
	if len(data) > maxBody {
		return nil, &problem{http.StatusRequestEntityTooLarge, i18n.Text{
			FR: "la demande dépasse 128 Kio", EN: "the request is larger than 128 KiB"}}
	}
	requests, err := csr.Read(data)
	if err != nil {
		return nil, &problem{http.StatusBadRequest, i18n.TextOf(err)}
	}
	if len(requests) != 1 {
		return nil, &problem{http.StatusBadRequest, i18n.Text{
			FR: "une demande de certificat à la fois", EN: "one certification request at a time"}}
	}
	return requests[0], nil
}

// asked is the certification request of an operation.
func asked(r *http.Request) (*csr.Request, error) {
	kind, _, err := mime.ParseMediaType(r.Header.Get("Content-Type"))
	if err != nil || kind != "application/pkcs10" {
		return nil, &problem{http.StatusUnsupportedMediaType, i18n.Text{
			FR: "envoyez une demande de certificat, avec Content-Type: application/pkcs10",
			EN: "send a certification request, with Content-Type: application/pkcs10"}}
	}
	return readRequest(r.Body)
}

func pemOf(request *csr.Request) string {
	return string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE REQUEST", Bytes: request.Raw}))
}

// simpleenroll issues a certificate (RFC 7030 4.2.1).
func (s *server) simpleenroll(w http.ResponseWriter, r *http.Request) error {
	caller, err := s.caller(r)
	if err != nil {
		return err
	}
	offer, u, err := usage(r)
	if err != nil {
		return err
	}
	request, err := asked(r)
	if err != nil {
		return err
	}
	order := orders.Request{Usage: "AUTH_CLI", CSR: pemOf(request)}
	switch {
	case u != nil:
		order.Offer, order.Usage = offer.ID, u.ID
	case request.IsServer():
		order.Usage = "SSL_SERV"
	}
	placed, err := s.Desk.Enrol(r.Context(), caller, order)
	if err != nil {
		return err
	}
	return issued(w, placed)
}

// simplereenroll issues another certificate to the holder of the one that the connection presented
// (RFC 7030 4.2.2).
func (s *server) simplereenroll(w http.ResponseWriter, r *http.Request) error {
	if _, _, err := usage(r); err != nil {
		return err
	}
	if r.TLS == nil || len(r.TLS.PeerCertificates) == 0 {
		if r.Header.Get("Authorization") == "" {
			return errNobody
		}
		return &problem{http.StatusForbidden, i18n.Text{
			FR: "présentez le certificat à renouveler à la connexion (TLS mutuel) : un jeton n'y suffit pas",
			EN: "present the certificate to be renewed when connecting (mutual TLS): a token is not enough"}}
	}
	caller, err := s.caller(r)
	var denied *access.Denied
	switch {
	case err == nil:
	case errors.As(err, &denied) && (denied.Code == access.DeniedProduct || denied.Code == access.DeniedCard):
		// The certificate opens no way in. Whether it can be renewed is for the desk to say.
		if err := s.Limit("est:" + profiles.SerialHex(r.TLS.PeerCertificates[0].SerialNumber)); err != nil {
			return err
		}
	default:
		return err
	}
	request, err := asked(r)
	if err != nil {
		return err
	}
	placed, err := s.Desk.Reenrol(r.Context(), caller, r.TLS.PeerCertificates[0].Raw, pemOf(request))
	if err != nil {
		return err
	}
	return issued(w, placed)
}

// issued hands out the certificate of an order, alone (RFC 7030 4.2.3).
func issued(w http.ResponseWriter, o *orders.Order) error {
	block, _ := pem.Decode([]byte(o.Certificates[0].PEM))
	bag, err := der.CertsOnly(block.Bytes)
	if err != nil {
		return err
	}
	return write(w, "application/pkcs7-mime; smime-type=certs-only", bag)
}

func notImplemented(http.ResponseWriter, *http.Request) error {
	return &problem{http.StatusNotImplemented, i18n.Text{
		FR: "le labo n'a de EST que cacerts, simpleenroll, simplereenroll et csrattrs",
		EN: "of EST, the lab has cacerts, simpleenroll, simplereenroll and csrattrs only"}}
}

// otherMethod refuses an operation that was asked for by another method than its own.
func otherMethod(method string) handler {
	return func(w http.ResponseWriter, r *http.Request) error {
		w.Header().Set("Allow", method)
		return &problem{http.StatusMethodNotAllowed, i18n.Text{FR: "ici c'est " + method + ", et non " + r.Method,
			EN: "this takes " + method + ", not " + r.Method}}
	}
}

func noSuchPath(http.ResponseWriter, *http.Request) error {
	return &problem{http.StatusNotFound, i18n.Text{
		FR: "rien ici : GET cacerts ou csrattrs, POST simpleenroll ou simplereenroll, sous " + Path + " ou " + Path +
			"USAGE/",
		EN: "nothing here: GET cacerts or csrattrs, POST simpleenroll or simplereenroll, under " + Path + " or " + Path +
			"USAGE/"}}
}
