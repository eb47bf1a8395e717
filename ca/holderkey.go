package ca

import (
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/hex"
	"encoding/json"
	"slices"
	"strings"
	"time"

	"github.com/igc-lab/igc/ca/store"
	"github.com/igc-lab/igc/profiles"
	"github.com/igc-lab/igc/profiles/csr"
)

// A holder's own key is one that the lab did not make: it comes by a certification request, which
// proves its possession, or as a public key without proof. The lab certifies a key for one holder
// only, as CAs do: two holders with one key could each act as the other. The same holder may have
// it certified again, to renew.

// ownKeys tells whether the keys are the holder's own.
func (r *IssueRequest) ownKeys() bool { return len(r.Requests) > 0 || r.HolderKeys }

// takeRequests checks the requests, and puts their public keys in the place of those of the
// IssueRequest. It returns the requests by role.
func (r *IssueRequest) takeRequests(product *profiles.Product) (map[string]*csr.Request, error) {
	if !r.ownKeys() {
		return nil, nil
	}
	requests := map[string]*csr.Request{}
	publicKeys := map[string][]byte{}
	seen := map[string]string{}
	for _, profile := range product.Certificates {
		role := profile.Role
		der, asked := r.Requests[role]
		switch key, given := r.PublicKeys[role]; {
		case asked:
			request, err := csr.Parse(der)
			if err == nil {
				_, err = request.Check()
			}
			if err != nil {
				return nil, fail(Invalid, "request for %s: %w", profile.ID(), err)
			}
			requests[role], publicKeys[role] = request, request.SubjectPublicKeyInfo
		case given && r.HolderKeys:
			public, err := x509.ParsePKIXPublicKey(key)
			if err == nil {
				err = csr.CheckKey(public)
			}
			if err != nil {
				return nil, fail(Invalid, "public key for %s: %w", profile.ID(), err)
			}
			publicKeys[role] = key
		default:
			return nil, fail(Invalid, "%s has %d certificates, each with a key of its own: a request for %s is missing",
				product.ID, len(product.Certificates), role)
		}
		if other := seen[string(publicKeys[role])]; other != "" {
			return nil, fail(Invalid, "the requests for %s and %s have the same key: make a key for each", other, role)
		}
		seen[string(publicKeys[role])] = role
	}
	for role := range r.Requests {
		if !slices.ContainsFunc(product.Certificates, func(p *profiles.Profile) bool { return p.Role == role }) {
			return nil, fail(Invalid, "%s has no certificate %q: remove its request", product.ID, role)
		}
	}
	r.PublicKeys = publicKeys
	return requests, nil
}

// holderKeys has a document for each key that the lab did not make, named after its hash.
var holderKeys = store.DocumentKind{Name: "ca.holderkey"}

type holderKey struct {
	Holder string `json:"holder"` // its identifier
	Name   string `json:"name"`
	Serial string `json:"serial"` // of the first certificate
}

// claimKeys notes whose the keys are, and refuses one that is another holder's.
func claimKeys(tx store.Tx, publicKeys map[string][]byte, records []*Record) error {
	for _, record := range records {
		_, role, _ := strings.Cut(record.Profile, "/")
		sum := sha256.Sum256(publicKeys[role])
		own := holderKey{holderName(record.Holder), record.Holder.DisplayName(), record.Serial}
		doc, err := tx.Document(holderKeys.Name, hex.EncodeToString(sum[:]))
		if KindOf(err) == NotFound {
			value, err := json.Marshal(own)
			if err == nil {
				_, err = tx.PutDocument(holderKeys, hex.EncodeToString(sum[:]), value, time.Time{}, nil)
			}
			if err != nil {
				return err
			}
			continue
		}
		var first holderKey
		if err == nil {
			err = json.Unmarshal(doc.Value, &first)
		}
		if err != nil {
			return err
		}
		if first.Holder != own.Holder {
			return fail(Conflict, "this key is that of %s (certificate %s): the lab certifies a key for one holder "+
				"only; make another key", first.Name, first.Serial)
		}
	}
	return nil
}

// RestoreOwnKey notes again whose the key of a certificate is, after the loss of the records. Of
// two holders, whom a lab never has, the first one stays.
func RestoreOwnKey(tx store.Tx, record *Record) error {
	cert, err := record.Certificate()
	if err != nil {
		return err
	}
	_, role, _ := strings.Cut(record.Profile, "/")
	err = claimKeys(tx, map[string][]byte{role: cert.RawSubjectPublicKeyInfo}, []*Record{record})
	if KindOf(err) == Conflict {
		return nil
	}
	return err
}

// holderName tells holders apart: the number of a person or structure.
func holderName(h profiles.Holder) string {
	if id := h.Identifier(); id != "" {
		return strings.ToUpper(id)
	}
	return h.DisplayName()
}

// faithfulKeys tells whether a holder's own keys are of the kind of the real products.
func faithfulKeys(records []*Record) bool {
	return !slices.ContainsFunc(records, func(r *Record) bool {
		cert, err := r.Certificate()
		if err != nil {
			return true
		}
		key, ok := cert.PublicKey.(*rsa.PublicKey)
		return !ok || key.N.BitLen() != 2048
	})
}
