package ejbca

import (
	"context"
	"crypto/x509"
	"encoding/pem"
	"mime"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/igc-lab/igc/access"
)

// timeForm is how EJBCA writes times.
const timeForm = "2006-01-02T15:04:05Z07:00"

// authority is one of the lab's.
type authority struct {
	id              string // ACI-EL-ORG
	subject, issuer string
	cert            *x509.Certificate
}

// list lists the lab's authorities.
func (s *server) list(ctx context.Context) ([]*authority, error) {
	infos, err := s.Desk.Authorities(ctx)
	if err != nil {
		return nil, err
	}
	list := make([]*authority, len(infos))
	for i, info := range infos {
		a := &authority{id: info.ID}
		if a.cert, err = x509.ParseCertificate(info.DER); err != nil {
			return nil, err
		}
		if a.subject, err = nameOf(a.cert.RawSubject); err != nil {
			return nil, err
		}
		if a.issuer, err = nameOf(a.cert.RawIssuer); err != nil {
			return nil, err
		}
		list[i] = a
	}
	return list, nil
}

// bySubject finds an authority by its distinguished name.
func (s *server) bySubject(ctx context.Context, name string) (*authority, error) {
	list, err := s.list(ctx)
	if err != nil {
		return nil, err
	}
	for _, a := range list {
		if sameName(a.subject, name) {
			return a, nil
		}
	}
	return nil, native(http.StatusNotFound, "CA '%s' does not exist.", name)
}

// authorities lists the authorities.
func (s *server) authorities(w http.ResponseWriter, r *http.Request, _ *access.Caller) error {
	list, err := s.list(r.Context())
	if err != nil {
		return err
	}
	type info struct {
		ID         int32  `json:"id"`
		Name       string `json:"name"`
		Subject    string `json:"subject_dn"`
		Issuer     string `json:"issuer_dn"`
		Expiration string `json:"expiration_date"`
		External   bool   `json:"external"`
	}
	infos := make([]info, len(list))
	for i, a := range list {
		infos[i] = info{identifier(a.subject), a.id, a.subject, a.issuer, at(a.cert.NotAfter), false}
	}
	return write(w, http.StatusOK, map[string][]info{"certificate_authorities": infos})
}

func at(t time.Time) string { return t.UTC().Format(timeForm) }

// chain hands out the chain of an authority as PEM, its own certificate first.
func (s *server) chain(w http.ResponseWriter, r *http.Request, _ *access.Caller) error {
	a, err := s.bySubject(r.Context(), r.PathValue("subject"))
	if err != nil {
		return err
	}
	list, err := s.list(r.Context())
	if err != nil {
		return err
	}
	var text strings.Builder
	for next := a; next != nil; {
		text.WriteString("Subject: " + next.subject + "\nIssuer: " + next.issuer + "\n")
		text.Write(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: next.cert.Raw}))
		this := next
		next = nil
		for _, above := range list {
			if above != this && above.subject == this.issuer {
				next = above
			}
		}
	}
	w.Header().Set("Content-Type", "application/octet-stream")
	w.Header().Set("Content-Disposition", mime.FormatMediaType("attachment",
		map[string]string{"filename": strings.ReplaceAll(a.subject, "/", "") + ".cacert.pem"}))
	w.Header().Set("Content-Length", strconv.Itoa(text.Len()))
	_, err = w.Write([]byte(text.String()))
	return err
}
