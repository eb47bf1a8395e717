package api

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/getkin/kin-openapi/openapi3filter"
	"github.com/getkin/kin-openapi/routers"
	"github.com/getkin/kin-openapi/routers/gorillamux"

	"github.com/igc-lab/igc/access"
	"github.com/igc-lab/igc/ca/store"
	"github.com/igc-lab/igc/internal/ordertest"
)

const (
	hospital = ordertest.Hospital
	password = "correct horse"
	code     = "code-2026"
)

// client calls the API in this process, and holds every request and answer to openapi.yaml.
type client struct {
	testing.TB
	handler http.Handler
	caller  *access.Caller
	refused error // by the gate
	router  routers.Router
	called  map[string]bool // operations
}

func newClient(t testing.TB) *client {
	t.Helper()
	c := &client{TB: t, called: map[string]bool{}, caller: holding(access.Technical, "899700209812")}
	c.handler = New(Options{Desk: ordertest.New(t).Desk,
		Caller: func(*http.Request) (*access.Caller, error) { return c.caller, c.refused }})
	for _, kind := range []string{"application/pem-certificate-chain", "application/x-pkcs12"} {
		openapi3filter.RegisterBodyDecoder(kind, openapi3filter.FileBodyDecoder)
	}
	doc, err := openapi3.NewLoader().LoadFromData(document)
	if err == nil {
		err = doc.Validate(context.Background())
	}
	if err == nil {
		c.router, err = gorillamux.NewRouter(doc)
	}
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func holding(role access.Role, id string) *access.Caller {
	return &access.Caller{Way: access.Card, Actor: "card:" + id, ID: id, Name: "Porteur " + id,
		Grants: []access.Grant{{Holder: id, Role: role, Structure: hospital, By: "cli:test"}}}
}

// call makes a request, and holds it and its answer to the document; wrong says that the request is
// not as the document has it.
func (c *client) call(method, path string, body any, status int, wrong ...bool) map[string]any {
	c.Helper()
	var content io.Reader
	var sent []byte
	if body != nil {
		var err error
		if sent, err = json.Marshal(body); err != nil {
			c.Fatal(err)
		}
		content = bytes.NewReader(sent)
	}
	r := httptest.NewRequest(method, "https://localhost:8455/api/v1"+path, content)
	if body != nil {
		r.Header.Set("Content-Type", "application/json")
	}
	route, params, err := c.router.FindRoute(r)
	if err != nil {
		c.Fatalf("%s %s is not in the document: %v", method, path, err)
	}
	c.called[route.Operation.OperationID] = true
	input := &openapi3filter.RequestValidationInput{Request: r, PathParams: params, Route: route,
		Options: &openapi3filter.Options{AuthenticationFunc: openapi3filter.NoopAuthenticationFunc}}
	if err := openapi3filter.ValidateRequest(context.Background(), input); (err != nil) != (len(wrong) > 0) {
		c.Errorf("%s %s: the request: %v", method, path, err)
	}
	r.Body = io.NopCloser(bytes.NewReader(sent))
	w := httptest.NewRecorder()
	c.handler.ServeHTTP(w, r)
	if w.Code != status {
		c.Fatalf("%s %s: %d, want %d\n%s", method, path, w.Code, status, w.Body)
	}
	answer := &openapi3filter.ResponseValidationInput{RequestValidationInput: input, Status: w.Code, Header: w.Header(),
		Options: &openapi3filter.Options{IncludeResponseStatus: true}}
	answer.SetBodyBytes(w.Body.Bytes())
	if err := openapi3filter.ValidateResponse(context.Background(), answer); err != nil {
		c.Errorf("%s %s: the answer: %v", method, path, err)
	}
	out := map[string]any{}
	if strings.Contains(w.Header().Get("Content-Type"), "json") {
		if err := json.Unmarshal(w.Body.Bytes(), &out); err != nil {
			c.Fatal(err)
		}
	} else {
		out["body"] = w.Body.String()
	}
	return out
}

func certificationRequest(t testing.TB) string {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.CreateCertificateRequest(rand.Reader, &x509.CertificateRequest{DNSNames: []string{"srv.test"}},
		key)
	if err != nil {
		t.Fatal(err)
	}
	return string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE REQUEST", Bytes: der}))
}

type object = map[string]any

// Every operation of the document is carried out, and every route of the API is in it.
func TestAPI(t *testing.T) {
	c := newClient(t)
	if me := c.call("GET", "/whoami", nil, 200); me["way"] != "card" {
		t.Error(me)
	}
	c.call("GET", "/offers", nil, 200)
	if found := c.call("GET", "/structures?text=HOP", nil, 200); len(found["structures"].([]any)) != 1 {
		t.Error(found)
	}
	server := c.call("POST", "/orders", object{"usage": "SSL_SERV", "structure": hospital,
		"csr": certificationRequest(t)}, 201)
	path := "/orders/" + server["number"].(string)
	c.call("GET", path+"/certificate", nil, 404)
	withdrawal := object{"code": code, "code_again": code, "accept": true}
	withdrawn := c.call("POST", path+"/withdraw", withdrawal, 200)
	serial := withdrawn["certificates"].([]any)[0].(object)["serial"].(string)
	if again := c.call("POST", path+"/withdraw", withdrawal, 409); again["code"] != "ORDER-WITHDRAWN" {
		t.Error(again)
	}
	if chain := c.call("GET", path+"/certificate?chain=true&role=server", nil,
		200); strings.Count(chain["body"].(string),
		"BEGIN CERTIFICATE") != 3 {
		t.Error(chain)
	}
	if own := c.call("POST", path+"/pkcs12", object{"password": password}, 409); own["code"] != "ORDER-OWN-KEY" {
		t.Error(own)
	}
	c.call("GET", "/certificates/"+serial, nil, 200)
	c.call("GET", "/certificates/00", nil, 404)
	if refused := c.call("POST", "/certificates/"+serial+"/revoke", object{"reason": "superseded"},
		403); refused["code"] !=
		"ACCESS-ROLE" {
		t.Error(refused)
	}
	c.caller = holding(access.Agent, "899700209820")
	if revoked := c.call("POST", "/certificates/"+serial+"/revoke", object{"reason": "superseded"},
		200); revoked["status"] !=
		"revoked" {
		t.Error(revoked)
	}

	c.caller = holding(access.Technical, "899700209812")
	client := c.call("POST", "/orders", object{"usage": "AUTH_CLI", "structure": hospital, "service": "DMP",
		"password": password}, 201)
	path = "/orders/" + client["number"].(string)
	withdrawal["password"] = password
	c.call("POST", path+"/withdraw", withdrawal, 200)
	c.call("POST", path+"/pkcs12", object{"password": password, "form": "modern"}, 200)
	if twice := c.call("POST", path+"/pkcs12", object{"password": password}, 409); twice["code"] != "ORDER-DELIVERED" {
		t.Error(twice)
	}
	c.call("POST", path+"/redraw", object{"code": code}, 200)
	c.call("POST", path+"/withdraw", withdrawal, 200)
	if wrong := c.call("POST", path+"/revoke", object{"code": "wrong code", "reason": "superseded"},
		422); wrong["code"] !=
		"ORDER-CODE" {
		t.Error(wrong)
	}
	c.call("POST", path+"/revoke", object{"code": code, "reason": "superseded"}, 200)
	if list := c.call("GET", "/orders?limit=1&state=r%C3%A9voqu%C3%A9", nil, 200); len(list["orders"].([]any)) != 1 ||
		list["next"] == nil {
		t.Error(list)
	}
	c.call("GET", path, nil, 200)

	c.caller = holding(access.Agent, "899700209820")
	cards := []object{}
	for _, n := range []string{"CPET00401", "CPET00402"} {
		cards = append(cards, object{"usage": "CPE", "structure": hospital, "given_name": "ALIX", "surname": "TEST",
			"id_nat": "375071218400013/" + n})
	}
	if placed := c.call("POST", "/orders/batch", object{"orders": cards}, 201); len(placed["orders"].([]any)) != 2 {
		t.Error(placed)
	}
	cards[1]["id_nat"] = "another"
	if refused := c.call("POST", "/orders/batch", object{"orders": cards}, 422); len(refused["rows"].([]any)) != 1 {
		t.Error(refused)
	}

	doc, err := openapi3.NewLoader().LoadFromData(document)
	if err != nil {
		t.Fatal(err)
	}
	var described []string
	for path, item := range doc.Paths.Map() {
		for method, operation := range item.Operations() {
			described = append(described, method+" "+strings.TrimPrefix(path, "/"))
			if !c.called[operation.OperationID] {
				t.Errorf("%s was not called", operation.OperationID)
			}
		}
	}
	for _, r := range routes {
		if i := slices.Index(described, r.pattern); i >= 0 {
			described = slices.Delete(described, i, i+1)
		} else {
			t.Errorf("%s is not in the document", r.pattern)
		}
	}
	for _, pattern := range described {
		t.Errorf("%s is in the document and not served", pattern)
	}
}

// What is not a request of the API is a problem, and changes nothing.
func TestRefused(t *testing.T) {
	c := newClient(t)
	// mass assignment: what follows from elsewhere cannot be set
	for _, field := range []string{"number", "state", "asked", "product", "holder", "delivered", "card_number",
		"serials"} {
		refused := c.call("POST", "/orders", object{"usage": "AUTH_CLI", "structure": hospital, "service": "DMP",
			"password": password, field: "x"}, 400, true)
		if refused["code"] != "ORDER-BODY" {
			t.Errorf("%s: %v", field, refused)
		}
	}
	c.call("POST", "/orders", object{"usage": "AUTH_CLI", "structure": hospital, "service": "DMP",
		"csr": strings.Repeat("x", 1<<20)}, 422, true)
	if list := c.call("GET", "/orders", nil, 200); len(list["orders"].([]any)) != 0 {
		t.Error(list)
	}
	send := func(change func(*http.Request), path, body string) int {
		t.Helper()
		r := httptest.NewRequest("POST", "https://localhost:8455"+path, strings.NewReader(body))
		r.Header.Set("Content-Type", "application/json")
		change(r)
		w := httptest.NewRecorder()
		c.handler.ServeHTTP(w, r)
		if got := w.Header().Get("Access-Control-Allow-Origin"); got != "" {
			t.Errorf("%s lets another origin read: %s", path, got)
		}
		return w.Code
	}
	const order = `{"usage":"AUTH_CLI","structure":"10B0057881","service":"DMP","password":"correct horse"}`
	none := func(*http.Request) {}
	for name, test := range map[string]struct {
		status     int
		change     func(*http.Request)
		path, body string
	}{
		"a form": {415, func(r *http.Request) { r.Header.Set("Content-Type", "text/plain") },
			"/api/v1/orders", order},
		"of another site": {403, func(r *http.Request) { r.Header.Set("Sec-Fetch-Site", "cross-site") },
			"/api/v1/orders", order},
		"two values":           {400, none, "/api/v1/orders", order + order},
		"not JSON":             {400, none, "/api/v1/orders", "usage=AUTH_CLI"},
		"too long":             {413, none, "/api/v1/orders", `{"usage":"` + strings.Repeat("x", 5<<20) + `"}`},
		"no such path":         {404, none, "/api/v1/nothing", "{}"},
		"a path with dots":     {404, none, "/api/v1/orders/..%2f..%2fwhoami/withdraw", "{}"},
		"an order of nobody's": {404, none, "/api/v1/orders/CMD-20260101-000000-000000/revoke", "{}"},
	} {
		if got := send(test.change, test.path, test.body); got != test.status {
			t.Errorf("%s: %d, want %d", name, got, test.status)
		}
	}
	c.refused = &access.Denied{Code: access.DeniedNobody}
	if denied := c.call("GET", "/whoami", nil, 401); denied["code"] != "ACCESS-NOBODY" {
		t.Error(denied)
	}
}

// An address that has other methods says which, as a problem.
func TestMethods(t *testing.T) {
	c := newClient(t)
	for _, test := range []struct {
		method, path string
		status       int
		allow        string
	}{
		{"DELETE", "orders", 405, "GET, POST"},
		{"PUT", "orders/CMD-20260101-000000-000000", 405, "GET"},
		{"GET", "orders/CMD-20260101-000000-000000/withdraw", 405, "POST"},
		{"PATCH", "whoami", 405, "GET"},
		{"POST", "openapi.json", 405, "GET"},
		{"DELETE", "nothing", 404, ""},
	} {
		w := httptest.NewRecorder()
		c.handler.ServeHTTP(w, httptest.NewRequest(test.method, "https://localhost:8455"+Prefix+test.path, nil))
		if w.Code != test.status || w.Header().Get("Allow") != test.allow ||
			w.Header().Get("Content-Type") != "application/problem+json" {
			t.Errorf("%s %s: %d, %v", test.method, test.path, w.Code, w.Header())
		}
	}
}

// The document is served as JSON too, and is the same one.
func TestDocumentAsJSON(t *testing.T) {
	w := httptest.NewRecorder()
	newClient(t).handler.ServeHTTP(w, httptest.NewRequest("GET", "https://localhost:8455/api/v1/openapi.json", nil))
	doc, err := openapi3.NewLoader().LoadFromData(w.Body.Bytes())
	if err != nil || w.Code != 200 {
		t.Fatalf("%d, %v", w.Code, err)
	}
	operations := 0
	for _, item := range doc.Paths.Map() {
		operations += len(item.Operations())
	}
	if err := doc.Validate(context.Background()); err != nil || operations != len(routes) {
		t.Errorf("%d operations, %v", operations, err)
	}
}

// What stops the lab for a while is not a fault of the request, nor one of igc.
func TestPassing(t *testing.T) {
	for kind, want := range map[store.Kind]int{store.Busy: 503, store.Unavailable: 503, store.Unanswered: 503,
		store.Invalid: 422, store.NotFound: 404, store.Conflict: 409, store.Internal: 500, store.Damaged: 500} {
		if got, _ := classify(&store.Error{Kind: kind, Err: io.EOF}); got != want {
			t.Errorf("%s: %d, want %d", kind, got, want)
		}
	}
}

// A client says why no answer came.
func TestUnreached(t *testing.T) {
	server := httptest.NewUnstartedServer(http.NotFoundHandler())
	server.Config.ErrorLog = log.New(io.Discard, "", 0)
	server.StartTLS()
	unknown := &Client{HTTP: &http.Client{}, URL: server.URL}
	if _, err := unknown.WhoAmI(t.Context()); err == nil || !strings.Contains(err.Error(), "--ca") ||
		store.KindOf(err) != store.Unavailable {
		t.Errorf("an unknown authority: %v", err)
	}
	server.Close()
	if _, err := unknown.WhoAmI(t.Context()); err == nil || !strings.Contains(err.Error(), server.URL) ||
		store.KindOf(err) != store.Unavailable {
		t.Errorf("no server: %v", err)
	}
}
