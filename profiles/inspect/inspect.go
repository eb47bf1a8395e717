// Package inspect explains whatever a person of the sector may hold (certificates, CRLs, OCSP
// answers, PKCS#7, PKCS#12, what a TLS server presents) in French and in English. It verifies no
// signature and trusts nothing. Package certfile finds these things in files.
//
// It is pure as package profiles is: bytes and the moment come from the caller. Private keys are
// recognised and never shown. The names of production authorities are read here, and nothing can be
// made of them.
package inspect

import (
	"slices"
	"time"

	"github.com/igc-lab/igc/internal/i18n"
	"github.com/igc-lab/igc/profiles"
	"github.com/igc-lab/igc/profiles/certfile"
)

// Object is one thing that was found: *Certificate, *CRL, *OCSPResponse, *TLS or *Other. As JSON it
// follows docs/inspect.schema.json.
type Object interface {
	Facts() []Fact       // it in words, in the order to show them
	SetFile(name string) // names what it was read from
}

// Text is one thing said in both languages.
type Text struct {
	FR string `json:"fr"`
	EN string `json:"en"`
}

// Fact is one line about an object.
type Fact struct {
	Label, Value Text
	Detail       bool // it belongs to a list under the lines before
}

// Source tells what an object is and what it was found in.
type Source struct {
	Kind Kind   `json:"kind"`
	In   string `json:"in"`             // DER, PEM, PKCS#7, PKCS#12, XML, JWK, JWS, OCSP or TLS
	File string `json:"file,omitempty"` // name that the caller gives what it was read from
}

// SetFile names the file, or the server, that the object was read from.
func (s *Source) SetFile(name string) { s.File = name }

// Kind names the kinds of objects.
type Kind = certfile.Kind

// The kinds.
const (
	KindCertificate      = certfile.Certificate
	KindCRL              = certfile.CRL
	KindOCSP             = certfile.OCSPResponse
	KindTLS         Kind = "tls"
	KindPrivateKey       = certfile.PrivateKey
	KindPublicKey        = certfile.PublicKey
	KindRequest          = certfile.Request
	KindParameters       = certfile.Parameters
)

// Options is what reading needs beside the bytes.
type Options struct {
	Now       time.Time // certificates are expired, and lists stale, relative to it
	Passwords []string  // tried in turn on a PKCS#12; none means "" and 1234, the PIN of test cards
}

// ErrPassword says that no password opened a PKCS#12.
var ErrPassword = certfile.ErrPassword

// Read finds everything in the data, see [certfile.Read], and explains it.
func Read(data []byte, opts Options) ([]Object, error) {
	file, err := certfile.Read(data, certfile.Options{Passwords: opts.Passwords})
	if err != nil {
		return nil, err
	}
	return explainFile(file, opts)
}

// explainFile explains what a file holds. The notes on the file stand by its first object.
func explainFile(file *certfile.File, opts Options) ([]Object, error) {
	var all []Object
	for i, item := range file.Items {
		objects, err := explainItem(item, opts)
		if err != nil {
			if len(file.Items) == 1 {
				return nil, err
			}
			return nil, fault("objet %d : %s", "object %d: %s", i+1, err)
		}
		all = append(all, objects...)
	}
	if len(all) > 0 && len(file.Notes) > 0 {
		var notes *[]profiles.Finding
		switch o := all[0].(type) {
		case *Certificate:
			notes = &o.Notes
		case *CRL:
			notes = &o.Notes
		case *OCSPResponse:
			notes = &o.Notes
		case *Other:
			notes = &o.Notes
		}
		*notes = slices.Concat(file.Notes, *notes)
	}
	return all, nil
}

func explainItem(item *certfile.Item, opts Options) ([]Object, error) {
	switch item.Kind {
	case KindCertificate:
		c := newCertificate(item.Certificate, item.In, opts.Now)
		c.FriendlyName = item.Name
		return []Object{c}, nil
	case KindCRL:
		list, err := newCRL(item.DER, item.In, opts.Now)
		return []Object{list}, err
	case KindOCSP:
		return readOCSP(item.DER, item.In, opts)
	case KindRequest:
		request, err := newRequest(item.DER, item.In)
		return []Object{request}, err
	case KindPublicKey:
		return []Object{&Other{Source: Source{Kind: KindPublicKey, In: item.In},
			What: Text{"clé publique", "public key"}, Key: keyOf(item.DER)}}, nil
	case KindPrivateKey:
		return []Object{privateKey(item)}, nil
	}
	return []Object{&Other{Source: Source{Kind: KindParameters, In: item.In}, What: Text{"paramètres d'algorithme",
		"algorithm parameters"}}}, nil
}

func fault(fr, en string, args ...any) error {
	return i18n.NewError("object-unreadable", i18n.Text{FR: fr, EN: en}, args...)
}
