package logins

import (
	"bytes"
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/hmac"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/sha512"
	"crypto/subtle"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"math/big"
	"net"
	"net/http"
	"os"
	"strings"
	"time"

	"github.com/igc-lab/igc/ca/store"
	"github.com/igc-lab/igc/ca/store/bolt"
)

// bareServer is the variable of the environment in which the benchmark tells this program to be the
// bare server, and how long its pages are.
const bareServer = "IGC_BARE"

// bare is what an OpenID Provider cannot do without: it answers the requests of a login with
// answers of the same form and length as the lab's, parses the forms, compares the client's secret,
// signs and verifies. It has no state and checks nothing else. One with records writes what a
// provider must remember: a request to the phone, a session and its code, that the code is spent, a
// refresh, the logout; each in one durable write of documents as long as the lab's. It reads none.
type bare struct {
	documents  store.DocumentStore // nil without records
	value      []byte              // of a document
	key        *rsa.PrivateKey
	phone      *ecdsa.PrivateKey
	secret     []byte
	hash       [32]byte // of the client's secret
	approval   []byte
	login      []byte // the login page
	userinfo   []byte
	code, form string
}

// serveBare listens on a port, writes its address and its certificate to stdout, and serves until
// it is killed.
func serveBare() {
	b := &bare{secret: make([]byte, 64), hash: sha256.Sum256([]byte("secret")), code: strings.Repeat("c", 110),
		form: strings.Repeat("f", 700)}
	var told struct {
		Login, Userinfo int
		Records         string // file; may be empty
	}
	err := json.Unmarshal([]byte(os.Getenv(bareServer)), &told)
	check(err)
	if told.Records != "" {
		records := bolt.Open(told.Records, bolt.Options{})
		check(records.Lock(time.Second))
		b.documents, b.value = store.DocumentsOf(records, "bare"), bytes.Repeat([]byte("x"), 600)
	}
	b.login = []byte(`<html><input name="login" value="` + b.form + `">` + strings.Repeat("x", max(0, told.Login-800)))
	b.userinfo = []byte(`{"SubjectNameID":"` + doctor + `","x":"` + strings.Repeat("x", max(0, told.Userinfo-40)) +
		`"}`)
	b.key, err = rsa.GenerateKey(rand.Reader, 2048)
	check(err)
	b.phone, err = ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	check(err)
	template := &x509.Certificate{SerialNumber: big.NewInt(1), DNSNames: []string{"localhost"},
		NotBefore: time.Now().Add(-time.Hour),
		NotAfter:  time.Now().Add(24 * time.Hour), IsCA: true, BasicConstraintsValid: true}
	der, err := x509.CreateCertificate(rand.Reader, template, template, b.phone.Public(), b.phone)
	check(err)
	l, err := net.Listen("tcp", "localhost:0")
	check(err)
	_, port, err := net.SplitHostPort(l.Addr().String())
	check(err)
	mux := http.NewServeMux()
	mux.HandleFunc("GET /auth", b.page)
	mux.HandleFunc("POST /auth/e-cps", b.ask)
	mux.HandleFunc("GET /auth/attente", b.wait)
	const protocol = "/protocol/openid-connect"
	mux.HandleFunc("POST "+protocol+"/token", b.token)
	mux.HandleFunc("GET "+protocol+"/userinfo", b.info)
	mux.HandleFunc("POST "+protocol+"/token/introspect", b.introspect)
	mux.HandleFunc("GET "+protocol+"/logout", b.logout)
	server := &http.Server{Handler: mux, TLSConfig: &tls.Config{MinVersion: tls.VersionTLS12,
		Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: b.phone}}}}
	fmt.Printf("%s\n%s", "https://localhost:"+port, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}))
	os.Stdout.Close()
	check(server.ServeTLS(l, "", ""))
}

func check(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// persist writes a document of each kind in one transaction.
func (b *bare) persist(kinds ...string) {
	if b.documents == nil {
		return
	}
	var writes []store.DocumentWrite
	for _, kind := range kinds {
		writes = append(writes, store.DocumentWrite{Kind: store.DocumentKind{Name: kind}, Key: rand.Text(),
			Value: b.value, Expires: time.Now().Add(time.Hour)})
	}
	_, err := b.documents.WriteDocuments(context.Background(), "", writes...)
	check(err)
}

func (b *bare) page(w http.ResponseWriter, r *http.Request) {
	check(r.ParseForm())
	http.SetCookie(w, &http.Cookie{Name: "browser", Value: b.code[:43], Path: "/", Secure: true})
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.Write(b.login)
}

func (b *bare) ask(w http.ResponseWriter, r *http.Request) {
	check(r.ParseForm())
	sum := sha256.Sum256([]byte(r.PostForm.Get("login")))
	var err error
	b.approval, err = ecdsa.SignASN1(rand.Reader, b.phone, sum[:])
	check(err)
	b.persist("request")
	http.Redirect(w, r, "/auth/attente?login="+b.form, http.StatusSeeOther)
}

func (b *bare) wait(w http.ResponseWriter, r *http.Request) {
	check(r.ParseForm())
	sum := sha256.Sum256([]byte(r.Form.Get("login")))
	if !ecdsa.VerifyASN1(&b.phone.PublicKey, sum[:], b.approval) {
		check(fmt.Errorf("the phone's signature"))
	}
	b.persist("session", "code", "login")
	http.SetCookie(w, &http.Cookie{Name: "session", Value: b.code[:80], Path: "/", Secure: true})
	w.Header().Set("Location",
		redirect+"?state=a-random-state&session_state="+b.code[:36]+"&code="+b.code+"&iss=https%3A%2F%2Flocalhost")
	w.WriteHeader(http.StatusFound)
}

// claims are those of any token of the lab.
type claims struct {
	Exp      int64  `json:"exp"`
	Iat      int64  `json:"iat"`
	AuthTime int64  `json:"auth_time"`
	JTI      string `json:"jti"`
	Iss      string `json:"iss"`
	Aud      string `json:"aud"`
	Sub      string `json:"sub"`
	Typ      string `json:"typ"`
	Azp      string `json:"azp"`
	Nonce    string `json:"nonce"`
	State    string `json:"session_state"`
	SID      string `json:"sid"`
	Mode     string `json:"authMode"`
	ACR      string `json:"acr"`
	NameID   string `json:"SubjectNameID"`
	Username string `json:"preferred_username"`
	Given    string `json:"given_name"`
	Family   string `json:"family_name"`
}

func (b *bare) claims() []byte {
	now := time.Now().Unix()
	data, err := json.Marshal(claims{now + 120, now, now, rand.Text(),
		"https://localhost:8451/auth/realms/esante-wallet", "app",
		"f:550dc1c8-1ab0-4c1a-9a3b-0123456789ab:" +
			doctor, "ID", "app", "a-random-nonce", rand.Text(), rand.Text(), "MOBILE", "eidas1",
		doctor, doctor, "KIT", "DOC0021889"})
	check(err)
	return data
}

func (b *bare) sign() string {
	token := []byte(base64.RawURLEncoding.EncodeToString([]byte(`{"alg":"RS256","typ":"JWT","kid":"` + b.code[:43] +
		`"}`)))
	token = base64.RawURLEncoding.AppendEncode(append(token, '.'), b.claims())
	sum := sha256.Sum256(token)
	signature, err := rsa.SignPKCS1v15(nil, b.key, crypto.SHA256, sum[:])
	check(err)
	return string(base64.RawURLEncoding.AppendEncode(append(token, '.'), signature))
}

func (b *bare) mac(token []byte) []byte {
	h := hmac.New(sha512.New, b.secret)
	h.Write(token)
	return h.Sum(nil)
}

// verify verifies a token and returns its claims.
func (b *bare) verify(token string) (c claims) {
	at := strings.LastIndexByte(token, '.')
	signature, err := base64.RawURLEncoding.DecodeString(token[at+1:])
	check(err)
	_, payload, _ := strings.Cut(token[:at], ".")
	if len(signature) == sha512.Size {
		if !hmac.Equal(signature, b.mac([]byte(token[:at]))) {
			check(fmt.Errorf("the refresh token"))
		}
	} else {
		sum := sha256.Sum256([]byte(token[:at]))
		check(rsa.VerifyPKCS1v15(&b.key.PublicKey, crypto.SHA256, sum[:], signature))
	}
	data, err := base64.RawURLEncoding.DecodeString(payload)
	check(err)
	check(json.Unmarshal(data, &c))
	return c
}

func (b *bare) client(r *http.Request) {
	check(r.ParseForm())
	_, secret, _ := r.BasicAuth()
	if sum := sha256.Sum256([]byte(secret)); subtle.ConstantTimeCompare(sum[:], b.hash[:]) != 1 {
		check(fmt.Errorf("the client's secret"))
	}
}

func answerJSON(w http.ResponseWriter, status int, v any) {
	data, err := json.Marshal(v)
	check(err)
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	w.Write(data)
}

func (b *bare) token(w http.ResponseWriter, r *http.Request) {
	b.client(r)
	switch r.PostForm.Get("grant_type") {
	case grantCIBA:
		answerJSON(w, http.StatusBadRequest, map[string]string{"error": "authorization_pending",
			"error_description": "The authorization request is still pending as the end-user hasn't yet been " +
				"authenticated."})
		return
	case "refresh_token":
		b.verify(r.PostForm.Get("refresh_token"))
		b.persist("session")
	default:
		b.persist("session", "code")
	}
	refresh := []byte(base64.RawURLEncoding.EncodeToString([]byte(`{"alg":"HS512","typ":"JWT","kid":"` +
		b.code[:43] + `"}`)))
	refresh = base64.RawURLEncoding.AppendEncode(append(refresh, '.'), b.claims())
	sum := b.mac(refresh)
	refresh = base64.RawURLEncoding.AppendEncode(append(refresh, '.'), sum)
	answerJSON(w, http.StatusOK, struct {
		AccessToken      string `json:"access_token"`
		ExpiresIn        int    `json:"expires_in"`
		RefreshExpiresIn int    `json:"refresh_expires_in"`
		RefreshToken     string `json:"refresh_token"`
		TokenType        string `json:"token_type"`
		IDToken          string `json:"id_token"`
		SessionState     string `json:"session_state"`
		Scope            string `json:"scope"`
	}{b.sign(), 120, 1800, string(refresh), "Bearer", b.sign(), b.code[:36], "openid profile scope_all identity"})
}

func (b *bare) info(w http.ResponseWriter, r *http.Request) {
	b.verify(strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer "))
	w.Header().Set("Content-Type", "application/json")
	w.Write(b.userinfo)
}

func (b *bare) introspect(w http.ResponseWriter, r *http.Request) {
	b.client(r)
	answerJSON(w, http.StatusOK, struct {
		claims
		ClientID string `json:"client_id"`
		Active   bool   `json:"active"`
	}{b.verify(r.PostForm.Get("token")), "app", true})
}

func (b *bare) logout(w http.ResponseWriter, r *http.Request) {
	check(r.ParseForm())
	b.verify(r.Form.Get("id_token_hint"))
	b.persist("session")
	w.Header().Set("Location", redirect+"?state=s")
	w.WriteHeader(http.StatusFound)
}
