package web

import (
	"crypto/rand"
	"crypto/subtle"
	"encoding/base64"
	"net/http"
)

// Forms protects the forms of a service's pages: a cookie of the browser has a random value, and
// each form has it too, sealed by the lab. Another site's page has neither, and cannot send a form
// in the visitor's name.
type Forms struct {
	Cookie  string // its name; ports of a host share cookies, so each service has its own
	Path    string // of the service's pages
	Purpose string // of the seal
	Seal    Sealer
}

// Sealer encrypts what only the lab reads again: a lab.
type Sealer interface {
	Seal(purpose string, plain []byte) ([]byte, error)
	Unseal(purpose string, sealed []byte) ([]byte, error)
}

// FormField is the name of the hidden field that has the token.
const FormField = "jeton-formulaire"

// maxForm bounds what a form sends.
const maxForm = 16 << 10

// Token is what the forms of a page hold. It gives the browser its cookie, if it has none.
func (f *Forms) Token(w http.ResponseWriter, r *http.Request) (string, error) {
	value := f.browser(r)
	if value == "" {
		value = rand.Text()
		http.SetCookie(w, &http.Cookie{Name: f.Cookie, Value: value, Path: f.Path, HttpOnly: true,
			SameSite: http.SameSiteStrictMode, Secure: r.TLS != nil})
	}
	sealed, err := f.Seal.Seal(f.Purpose, []byte(value))
	return base64.RawURLEncoding.EncodeToString(sealed), err
}

// Check reads a form, and tells whether a page of this service sent it from the same browser. A
// request that is not is to be refused.
func (f *Forms) Check(w http.ResponseWriter, r *http.Request) bool {
	r.Body = http.MaxBytesReader(w, r.Body, maxForm)
	if r.ParseForm() != nil || !SameOrigin(r) {
		return false
	}
	sealed, err := base64.RawURLEncoding.DecodeString(r.PostForm.Get(FormField))
	if err != nil {
		return false
	}
	value, err := f.Seal.Unseal(f.Purpose, sealed)
	browser := f.browser(r)
	return err == nil && browser != "" && subtle.ConstantTimeCompare(value, []byte(browser)) == 1
}

// browser is the value of the cookie, empty when there is none of this package's.
func (f *Forms) browser(r *http.Request) string {
	c, err := r.Cookie(f.Cookie)
	if err != nil || len(c.Value) != len(rand.Text()) {
		return ""
	}
	return c.Value
}
