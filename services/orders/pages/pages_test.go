package pages_test

import (
	"bytes"
	"io"
	"mime/multipart"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"regexp"
	"strings"
	"testing"

	"github.com/igc-lab/igc/access"
	"github.com/igc-lab/igc/internal/ordertest"
	"github.com/igc-lab/igc/services/orders"
	"github.com/igc-lab/igc/services/orders/pages"
)

const hospital = ordertest.Hospital

// site is the pages of a lab, as one visitor after another sees them.
type site struct {
	testing.TB
	http    *httptest.Server
	client  *http.Client
	visitor *access.Caller
	desk    *orders.Desk
}

func newSite(t testing.TB) *site {
	t.Helper()
	stand := ordertest.New(t)
	s := &site{TB: t, visitor: holding(access.Technical, "899700209812"), desk: stand.Desk}
	p := pages.New(pages.Options{Desk: s.desk, Roles: stand.Roles, Prefix: "/commandes/",
		Caller: func(*http.Request) (*access.Caller, error) { return s.visitor, nil }})
	s.http = httptest.NewServer(p.Handler())
	t.Cleanup(s.http.Close)
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	s.client = &http.Client{Jar: jar}
	return s
}

func holding(role access.Role, id string) *access.Caller {
	return &access.Caller{Way: access.Card, Actor: "card:" + id, ID: id, Name: "Porteur <b>" + id,
		Grants: []access.Grant{{Holder: id, Role: role, Structure: hospital}}}
}

// get reads a page.
func (s *site) get(path string, status int) string {
	s.Helper()
	r, err := s.client.Get(s.http.URL + path)
	if err != nil {
		s.Fatal(err)
	}
	defer r.Body.Close()
	body, err := io.ReadAll(r.Body)
	if err != nil || r.StatusCode != status {
		s.Fatalf("%s: %s, %v\n%s", path, r.Status, err, body)
	}
	return string(body)
}

var tokenField = regexp.MustCompile(`name="jeton" value="([^"]+)"`)

// post fills a form of a page in and sends it.
func (s *site) post(page, path string, fields url.Values, status int) (string, *http.Response) {
	s.Helper()
	found := tokenField.FindStringSubmatch(page)
	if found == nil {
		s.Fatal("the page has no form")
	}
	fields.Set("jeton", found[1])
	r, err := s.client.PostForm(s.http.URL+path, fields)
	if err != nil {
		s.Fatal(err)
	}
	defer r.Body.Close()
	body, err := io.ReadAll(r.Body)
	if err != nil || r.StatusCode != status {
		s.Fatalf("%s: %s, %v\n%s", path, r.Status, err, body)
	}
	return string(body), r
}

// An order goes from Demander to Révoquer by its pages.
func TestPages(t *testing.T) {
	s := newSite(t)
	if page := s.get("/commandes/", 200); !strings.Contains(page, "Aucune commande encore") ||
		strings.Contains(page, "<b>8997") {
		t.Error(page)
	}
	if page := s.get("/commandes/demander", 200); !strings.Contains(page,
		"/commandes/demander?offre=SERV&amp;usage=S%2FMIME") {
		t.Error(page)
	}
	form := s.get("/commandes/demander?offre=ORG&usage=AUTH_CLI", 200)
	if !strings.Contains(form, ">10B0057881 : HOPITAL TEST<") {
		t.Error("the structures to choose from are missing")
	}
	ask := url.Values{"structure": {hospital}, "service": {""}, "password": {"correct horse"}}
	page, _ := s.post(form, "/commandes/demander?offre=ORG&usage=AUTH_CLI", ask, 422)
	if !strings.Contains(page, "ORDER-FIELD") || strings.Contains(page, "correct horse") {
		t.Error(page)
	}
	ask.Set("service", "DMP")
	page, r := s.post(page, "/commandes/demander?offre=ORG&usage=AUTH_CLI", ask, 200)
	order := r.Request.URL.Path
	if !strings.Contains(page, "à retirer") {
		t.Error(page)
	}
	withdraw := url.Values{"code": {"code-2026"}, "code2": {"code-2027"}, "conditions": {"on"},
		"password": {"correct horse"}}
	page, _ = s.post(page, order+"/retirer", withdraw, 422)
	if !strings.Contains(page, "ORDER-CODE-TWICE") {
		t.Error(page)
	}
	withdraw.Set("code2", "code-2026")
	page, _ = s.post(page, order+"/retirer", withdraw, 200)
	_, r = s.post(page, order+"/telecharger", url.Values{"role": {"client"}, "form": {"ans"},
		"password": {"correct horse"}}, 200)
	if !strings.Contains(r.Header.Get("Content-Disposition"), "asip-p12-EL-TEST-ORG-AUTH_CLI-") {
		t.Error(r.Header)
	}
	s.post(page, order+"/telecharger", url.Values{"role": {"client"}, "form": {"ans"}, "password": {"correct horse"}},
		409)
	page = s.get(order+"?lang=en", 200)
	if !strings.Contains(page, "handed out on") {
		t.Error(page)
	}
	if pem := s.get(order+"/certificat/client", 200); strings.Count(pem, "BEGIN CERTIFICATE") != 3 {
		t.Error(pem)
	}
	page, _ = s.post(page, order+"/revoquer", url.Values{"reason": {"superseded"}, "code": {"code-2026"}}, 200)
	if !strings.Contains(page, "révoqué") {
		t.Error(page)
	}
	if page := s.get("/commandes/?state=révoqué", 200); !strings.Contains(page, strings.TrimPrefix(order,
		"/commandes/")) {
		t.Error(page)
	}
	s.get("/commandes/?q=nothing", 200)
	s.get("/commandes/nowhere/at/all", 404)
	if page := s.get("/commandes/CMD-20261126-000000-000000", 404); !strings.Contains(page, "ORDER-NONE") {
		t.Error(page)
	}
}

// What another page sends, or a page shown to another visitor, changes nothing.
func TestForms(t *testing.T) {
	s := newSite(t)
	form := s.get("/commandes/demander?offre=ORG&usage=AUTH_CLI", 200)
	fields := url.Values{"structure": {hospital}, "service": {"DMP"}, "password": {"correct horse"}}
	for name, change := range map[string]func(*http.Request){
		"of another site": func(r *http.Request) { r.Header.Set("Sec-Fetch-Site", "cross-site") },
		"without a token": func(r *http.Request) {
			r.Body = io.NopCloser(strings.NewReader(url.Values{"structure": {hospital}}.Encode()))
			r.ContentLength = -1
		},
	} {
		fields.Set("jeton", tokenField.FindStringSubmatch(form)[1])
		r, err := http.NewRequest("POST", s.http.URL+"/commandes/demander?offre=ORG&usage=AUTH_CLI",
			strings.NewReader(fields.Encode()))
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		change(r)
		answer, err := s.client.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		answer.Body.Close()
		if answer.StatusCode != 403 {
			t.Errorf("a form %s: %s", name, answer.Status)
		}
	}
	s.visitor = holding(access.Technical, "899700209820")
	s.post(form, "/commandes/demander?offre=ORG&usage=AUTH_CLI", fields, 403)
	if list, err := s.desk.List(t.Context(), access.Owner("test"),
		orders.Query{}); err != nil || len(list.Orders) != 0 {
		t.Errorf("%v, %v", list, err)
	}
}

// A file orders three cards, or says which line is wrong.
func TestBatch(t *testing.T) {
	s := newSite(t)
	s.visitor = holding(access.Agent, "899700209812")
	send := func(content string, status int) string {
		t.Helper()
		form := s.get("/commandes/lot", 200)
		var body bytes.Buffer
		w := multipart.NewWriter(&body)
		w.WriteField("jeton", tokenField.FindStringSubmatch(form)[1])
		file, err := w.CreateFormFile("fichier", "cartes.csv")
		if err != nil {
			t.Fatal(err)
		}
		io.WriteString(file, content)
		w.Close()
		r, err := s.client.Post(s.http.URL+"/commandes/lot", w.FormDataContentType(), &body)
		if err != nil {
			t.Fatal(err)
		}
		defer r.Body.Close()
		page, err := io.ReadAll(r.Body)
		if err != nil || r.StatusCode != status {
			t.Fatalf("%s, %v\n%s", r.Status, err, page)
		}
		return string(page)
	}
	head := "Usage;Structure;Prénom;Nom;Identifiant\n"
	rows := "CPE;10B0057881;ALIX;UN;375071218400013/CPET00401\nCPE;10B0057881;ALIX;DEUX;375071218400013/CPET00402\n"
	if page := send(head+rows+"CPE;1130786049;ALIX;TROIS;375071218400013/CPET00403\n", 422); !strings.Contains(page,
		"ACCESS-STRUCTURE") || !strings.Contains(page, `<th scope="row">4</th>`) {
		t.Error(page)
	}
	if page := send(head+rows+"CPE;10B0057881;ALIX;TROIS;375071218400013/CPET00403\n", 200); strings.Count(page,
		"<li><a") != 3 {
		t.Error(page)
	}
	send("prénom;nom\na;b\n", 422)
	send("usage;couleur\nCPE;rouge\n", 422)
	send("\x00\x01\x02", 422)
}

// A mandataire names an administrateur technique, and ends that; a mandataire they cannot name.
func TestRoles(t *testing.T) {
	s := newSite(t)
	s.visitor = holding(access.Agent, "899700209812")
	page := s.get("/commandes/roles", 200)
	role := url.Values{"role": {"administrateur-technique"}, "porteur": {"899700209820"}, "structure": {hospital}}
	page, _ = s.post(page, "/commandes/roles", role, 200)
	if !strings.Contains(page, "899700209820") || !strings.Contains(page, "Mettre fin") {
		t.Error(page)
	}
	agent := url.Values{"role": {"mandataire"}, "porteur": {"899700209820"}, "structure": {hospital}}
	if refused, _ := s.post(page, "/commandes/roles", agent, 403); !strings.Contains(refused, "ACCESS-ROLE") {
		t.Error(refused)
	}
	elsewhere := url.Values{"role": {"administrateur-technique"}, "porteur": {"899700209820"},
		"structure": {"1130786049"}}
	if refused, _ := s.post(page, "/commandes/roles", elsewhere, 403); !strings.Contains(refused, "ACCESS-STRUCTURE") {
		t.Error(refused)
	}
	nobody := url.Values{"role": {"administrateur-technique"}, "porteur": {"nobody of this name"},
		"structure": {hospital}}
	s.post(page, "/commandes/roles", nobody, 422)
	page, _ = s.post(page, "/commandes/roles/fin", role, 200)
	if strings.Contains(page, "899700209820") {
		t.Error(page)
	}
}
