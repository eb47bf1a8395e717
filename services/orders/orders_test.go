package orders_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	pkcs12 "software.sslmate.com/src/go-pkcs12"

	"github.com/igc-lab/igc/access"
	"github.com/igc-lab/igc/ca"
	"github.com/igc-lab/igc/ca/store"
	"github.com/igc-lab/igc/internal/labtest"
	"github.com/igc-lab/igc/lab"
	"github.com/igc-lab/igc/outbox"
	"github.com/igc-lab/igc/people"
	"github.com/igc-lab/igc/services/orders"
)

const (
	hospital = "1750712184"
	clinic   = "1130786049"
	password = "correct horse"
	code     = "code-2026"
)

// stand is a desk over a lab of its own.
type stand struct {
	*orders.Desk
	lab     *labtest.CardLab
	outbox  *outbox.Outbox
	options orders.Options
	made    int // cards
}

func newStand(t testing.TB) *stand {
	t.Helper()
	config := lab.DefaultConfig()
	config.Key = ca.P256
	s := &stand{lab: labtest.NewEmptyLab(t, config)}
	s.outbox = outbox.New(outbox.Options{Documents: s.lab, Now: s.lab.Clock()})
	s.options = orders.Options{Documents: s.lab, Key: ca.P256, Seal: s.lab, Now: s.lab.Clock(), Mails: s.outbox,
		Service: func(actor string) ca.Service {
			if actor == "" {
				return s.lab
			}
			return s.lab.As(actor)
		},
		Cards:      func(actor string) orders.Cards { return maker{s} },
		People:     people.New(people.Options{Records: s.lab, Documents: s.lab}),
		Structures: structures{}, URL: "https://localhost:8455/commandes/"}
	s.Desk = orders.New(s.options)
	return s
}

// maker makes cards without the card desk.
type maker struct{ s *stand }

func (m maker) MakeCard(ctx context.Context, order ca.CardOrder) error {
	order.PIN = "1234"
	m.s.made++
	_, _, err := ca.MakeCard(ctx, m.s.lab, m.s.lab.Home, order)
	return err
}

// structures are two that everybody knows.
type structures struct{}

func (structures) Structure(_ context.Context, id string) (orders.Structure, bool, error) {
	name := map[string]string{hospital: "HOPITAL TEST", clinic: "CLINIQUE TEST"}[id]
	return orders.Structure{ID: id, Name: name, Department: "Paris (75)"}, name != "", nil
}

func (structures) Search(context.Context, string, int) ([]orders.Structure, error) { return nil, nil }

func holding(role access.Role, id, structure string) *access.Caller {
	c := &access.Caller{Way: access.Card, Actor: "card:" + id, ID: id, Name: "Porteur " + id}
	if role != access.Holder {
		c.Grants = []access.Grant{{Holder: id, Role: role, Structure: structure}}
	}
	return c
}

var (
	technical = holding(access.Technical, "899700209812", hospital)
	agent     = holding(access.Agent, "899700209820", hospital)
	foreign   = holding(access.Legal, "899700209838", clinic)
)

func request(t testing.TB) string {
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

func withCode(t testing.TB, err error, want orders.Code) {
	t.Helper()
	if orders.CodeOf(err) != want {
		t.Errorf("%v, want %s", err, want)
	}
}

func refusedAs(t testing.TB, err error, want access.RefusalCode) {
	t.Helper()
	var refused *access.Refused
	if !errors.As(err, &refused) || refused.Code != want {
		t.Errorf("%v, want %s", err, want)
	}
}

var withdrawal = orders.Withdrawal{Code: code, CodeAgain: code, Accept: true, Password: password}

// An AUTH_CLI by password: asked for, withdrawn, downloaded once, revoked with its code.
func TestByPassword(t *testing.T) {
	s, ctx := newStand(t), t.Context()
	ask := orders.Request{Usage: "AUTH_CLI", Structure: hospital, Service: "DMP", Password: password,
		Contact: "at@hopital.test"}
	o, err := s.Place(ctx, technical, ask)
	if err != nil {
		t.Fatal(err)
	}
	if o.State != orders.ToWithdraw || o.Offer != "ORG" || o.Holder.Organisation != "HOPITAL TEST" ||
		o.Mail != ask.Contact {
		t.Errorf("%+v", o)
	}
	mails, err := s.outbox.List(ctx, outbox.Filter{})
	if err != nil || len(mails) != 1 || !strings.Contains(mails[0].Text, "/commandes/"+o.Number) {
		t.Errorf("%v, %v", mails, err)
	}

	_, err = s.Download(ctx, technical, o.Number, "", "", password)
	withCode(t, err, orders.CodeState)
	for _, test := range []struct {
		change func(*orders.Withdrawal)
		want   orders.Code
	}{
		{func(w *orders.Withdrawal) { w.CodeAgain = "another" }, orders.CodeCodeTwice},
		{func(w *orders.Withdrawal) { w.Code, w.CodeAgain = "short", "short" }, orders.CodeCodeForm},
		{func(w *orders.Withdrawal) { w.Accept = false }, orders.CodeConditions},
		{func(w *orders.Withdrawal) { w.Password = "wrong" }, orders.CodeWrongPassword},
	} {
		w := withdrawal
		test.change(&w)
		_, err := s.Withdraw(ctx, technical, o.Number, w)
		withCode(t, err, test.want)
	}
	if _, err = s.Withdraw(ctx, agent, o.Number, withdrawal); err == nil {
		t.Error("a mandataire withdraws what another asked for")
	}
	refusedAs(t, err, access.RefusedOwn)
	_, err = s.Withdraw(ctx, foreign, o.Number, withdrawal)
	withCode(t, err, orders.CodeNone)

	if o, err = s.Withdraw(ctx, technical, o.Number, withdrawal); err != nil {
		t.Fatal(err)
	}
	if o.State != orders.Withdrawn || len(o.Certificates) != 1 || o.Certificates[0].Status != "good" {
		t.Errorf("%+v", o)
	}
	_, err = s.Withdraw(ctx, technical, o.Number, withdrawal)
	withCode(t, err, orders.CodeWithdrawn)

	_, err = s.Download(ctx, technical, o.Number, "client", "bks", password)
	withCode(t, err, orders.CodeForm)
	_, err = s.Download(ctx, technical, o.Number, "seal", "", password)
	withCode(t, err, orders.CodeRole)
	file, err := s.Download(ctx, technical, o.Number, "", "", password)
	if err != nil {
		t.Fatal(err)
	}
	if !regexp.MustCompile(`^asip-p12-EL-TEST-ORG-AUTH_CLI-\d{8}-\d{6}\.p12$`).MatchString(file.Name) {
		t.Error(file.Name)
	}
	_, cert, chain, err := pkcs12.DecodeChain(file.Data, password)
	if err != nil || len(chain) != 2 || cert.Subject.CommonName != "DMP" {
		t.Errorf("%v, %v", cert, err)
	}
	_, err = s.Download(ctx, technical, o.Number, "", "modern", password)
	withCode(t, err, orders.CodeDelivered)

	_, err = s.Revoke(ctx, technical, o.Number, orders.Revocation{Reason: "keyCompromise"})
	refusedAs(t, err, access.RefusedRole)
	_, err = s.Revoke(ctx, technical, o.Number, orders.Revocation{Code: "not the code", Reason: "keyCompromise"})
	withCode(t, err, orders.CodeWrongCode)
	_, err = s.Revoke(ctx, technical, o.Number, orders.Revocation{Code: code, Reason: "certificateHold"})
	withCode(t, err, orders.CodeReason)
	if o, err = s.Revoke(ctx, technical, o.Number, orders.Revocation{Code: code,
		Reason: "KEY_COMPROMISE"}); err != nil {
		t.Fatal(err)
	}
	if o.State != orders.Revoked || o.Certificates[0].Status != "revoked" || o.Revoked.Actor != technical.Actor {
		t.Errorf("%+v", o)
	}
	_, err = s.Revoke(ctx, agent, o.Number, orders.Revocation{Reason: "superseded"})
	withCode(t, err, orders.CodeRevoked)
	// Each change has its actor in the feed, and no secret.
	changes, err := s.lab.Changes(ctx, 0, 1000)
	if err != nil {
		t.Fatal(err)
	}
	var actors []string
	for _, c := range changes {
		if strings.HasSuffix(c.Document, o.Number) {
			actors = append(actors, c.Actor)
		}
	}
	if len(actors) < 5 || slices.ContainsFunc(actors, func(a string) bool { return a != technical.Actor }) {
		t.Errorf("the actors of the order's changes are %v", actors)
	}
}

// Ten wrong codes are the end of the code, and not of the certificate.
func TestWrongCodes(t *testing.T) {
	s, ctx := newStand(t), t.Context()
	o, err := s.Place(ctx, technical, orders.Request{Usage: "SSL_SERV", Structure: hospital, CSR: request(t)})
	if err == nil {
		o, err = s.Withdraw(ctx, technical, o.Number, withdrawal)
	}
	if err != nil {
		t.Fatal(err)
	}
	if !o.OwnKey || o.Holder.Service != "srv.test" {
		t.Errorf("%+v", o)
	}
	_, err = s.Download(ctx, technical, o.Number, "", "", "")
	withCode(t, err, orders.CodeOwnKey)
	if _, err := s.Chain(ctx, o); err != nil {
		t.Error(err)
	}
	for i := range 10 {
		want := orders.CodeWrongCode
		if i == 9 {
			want = orders.CodeCodeBlocked
		}
		_, err = s.Revoke(ctx, technical, o.Number, orders.Revocation{Code: "wrong code", Reason: "superseded"})
		withCode(t, err, want)
	}
	_, err = s.Revoke(ctx, technical, o.Number, orders.Revocation{Code: code, Reason: "superseded"})
	withCode(t, err, orders.CodeCodeBlocked)
	if o, err = s.Revoke(ctx, agent, o.Number,
		orders.Revocation{Reason: "superseded"}); err != nil || o.State != orders.Revoked {
		t.Errorf("%+v, %v", o, err)
	}
}

// A PKCS#12 that never arrived: its certificate is revoked, and another can be drawn.
func TestRedraw(t *testing.T) {
	s, ctx := newStand(t), t.Context()
	o, err := s.Place(ctx, technical, orders.Request{Usage: "SIGN", Structure: hospital, Service: "DMP",
		Password: password})
	if err == nil {
		o, err = s.Withdraw(ctx, technical, o.Number, withdrawal)
	}
	if err != nil {
		t.Fatal(err)
	}
	lost := o.Certificates[0].Serial
	if _, err := s.Download(ctx, technical, o.Number, "", "", password); err != nil {
		t.Fatal(err)
	}
	if o, err = s.Redraw(ctx, technical, o.Number, code); err != nil || o.State != orders.ToWithdraw {
		t.Fatalf("%+v, %v", o, err)
	}
	if r, err := s.lab.Find(ctx, lost); err != nil || r.Status != ca.Revoked {
		t.Errorf("%v, %v", r, err)
	}
	if o, err = s.Withdraw(ctx, technical, o.Number, withdrawal); err != nil || o.Certificates[0].Serial == lost {
		t.Fatalf("%+v, %v", o, err)
	}
	if _, err := s.Download(ctx, technical, o.Number, "", "modern", password); err != nil {
		t.Error(err)
	}
}

// What cannot be asked for, each with its code, and nothing written.
func TestRefused(t *testing.T) {
	s, ctx := newStand(t), t.Context()
	whole := orders.Request{Usage: "AUTH_CLI", Structure: hospital, Service: "DMP", Password: password}
	for name, test := range map[string]struct {
		caller *access.Caller
		change func(*orders.Request)
		code   orders.Code
		access access.RefusalCode
	}{
		"no such usage":      {technical, func(r *orders.Request) { r.Usage = "VPN" }, orders.CodeOffer, ""},
		"an offer of others": {technical, func(r *orders.Request) { r.Offer = "SERV" }, orders.CodeOffer, ""},
		"no structure":       {technical, func(r *orders.Request) { r.Structure = "" }, orders.CodeStructure, ""},
		"a foreign structure": {technical, func(r *orders.Request) { r.Structure = clinic }, "",
			access.RefusedStructure},
		"a card, by an AT": {technical, func(r *orders.Request) { r.Usage = "CPE" }, "", access.RefusedRole},
		"CSR and password": {technical, func(r *orders.Request) { r.CSR = "x" }, orders.CodeKeyChoice, ""},
		"neither":          {technical, func(r *orders.Request) { r.Password = "" }, orders.CodeKeyChoice, ""},
		"a short password": {technical, func(r *orders.Request) { r.Password = "1234" }, orders.CodePasswordForm,
			""},
		"not a CSR": {technical, func(r *orders.Request) { r.Password, r.CSR = "", "x" },
			orders.CodeRequest, ""},
		"a CSR of a megabyte": {technical, func(r *orders.Request) {
			r.Password, r.CSR = "", strings.Repeat("x",
				1<<20)
		}, orders.CodeRequest, ""},
		"no service":           {technical, func(r *orders.Request) { r.Service = "" }, orders.CodeField, ""},
		"a name with controls": {technical, func(r *orders.Request) { r.Service = "a\x00b" }, orders.CodeField, ""},
		"a password of a card": {agent, func(r *orders.Request) { r.Usage = "CPE" }, orders.CodeField, ""},
		"a holder without role": {holding(access.Holder, "899700209812", ""), func(*orders.Request) {}, "",
			access.RefusedRole},
	} {
		r := whole
		test.change(&r)
		o, err := s.Place(ctx, test.caller, r)
		var refused *access.Refused
		errors.As(err, &refused)
		if err == nil || orders.CodeOf(err) != test.code || (refused != nil) != (test.access != "") ||
			refused != nil && refused.Code != test.access {
			t.Errorf("%s: %v, %v", name, o, err)
		}
	}
	if docs, err := s.lab.ScanDocuments(ctx, store.DocumentKind{Name: "orders.order"},
		""); err != nil || len(docs) != 0 {
		t.Errorf("%d orders were written, %v", len(docs), err)
	}
}

// A mandataire orders three CPE in one batch; one wrong row, and none is ordered.
func TestCards(t *testing.T) {
	s, ctx := newStand(t), t.Context()
	var batch []orders.Request
	for _, name := range []string{"CPET00401", "CPET00402", "CPET00403"} {
		batch = append(batch, orders.Request{Usage: "CPE", Structure: hospital, GivenName: "Alix",
			Surname: "TEST" + name[8:],
			IdNat:   "3" + "75071218400013" + "/" + name})
	}
	wrong := slices.Clone(batch)
	wrong[1].Surname = ""
	if _, faults, err := s.PlaceAll(ctx, agent, wrong,
		nil); err == nil || len(faults) != 1 || faults[0].Row != 1 || s.made != 0 {
		t.Errorf("%v, %v, %d cards", faults, err, s.made)
	}
	placed, faults, err := s.PlaceAll(ctx, agent, batch, nil)
	if err != nil || len(placed) != 3 || s.made != 3 {
		t.Fatalf("%v, %v, %d cards", faults, err, s.made)
	}
	for _, o := range placed {
		if o.State != orders.Withdrawn || o.Card == "" || len(o.Certificates) != 2 {
			t.Errorf("%+v", o)
		}
	}
	_, err = s.Withdraw(ctx, agent, placed[0].Number, withdrawal)
	withCode(t, err, orders.CodeNotElsewhere)
	_, err = s.Revoke(ctx, agent, placed[0].Number, orders.Revocation{Code: code, Reason: "superseded"})
	withCode(t, err, orders.CodeNoCode)
	if o, err := s.Revoke(ctx, agent, placed[0].Number,
		orders.Revocation{Reason: "cessationOfOperation"}); err != nil ||
		o.State != orders.Revoked {
		t.Errorf("%+v, %v", o, err)
	}
}

// Each sees the orders of their structures and their own, the newest first, in pages.
func TestList(t *testing.T) {
	s, ctx := newStand(t), t.Context()
	var want []string
	for i := range 7 {
		s.lab.Now = s.lab.Now.Add(time.Second)
		caller, structure := technical, hospital
		if i == 3 {
			caller, structure = foreign, clinic
		}
		o, err := s.Place(ctx, caller, orders.Request{Usage: "AUTH_CLI", Structure: structure, Service: "DMP",
			CSR: request(t)})
		if err != nil {
			t.Fatal(err)
		}
		if structure == hospital {
			want = append([]string{o.Number}, want...)
		}
	}
	walk := func(caller *access.Caller, q orders.Query) (numbers []string) {
		for {
			page, err := s.List(ctx, caller, q)
			if err != nil {
				t.Fatal(err)
			}
			for _, o := range page.Orders {
				numbers = append(numbers, o.Number)
			}
			if q.After = page.Next; q.After == "" {
				return numbers
			}
		}
	}
	if got := walk(agent, orders.Query{Limit: 2}); !slices.Equal(got, want) {
		t.Errorf("%v, want %v", got, want)
	}
	if got := walk(access.Owner("cli:test"), orders.Query{Limit: 3}); len(got) != 7 {
		t.Errorf("the owner sees %v", got)
	}
	if got := walk(foreign, orders.Query{}); len(got) != 1 {
		t.Errorf("the other structure sees %v", got)
	}
	if got := walk(holding(access.Holder, technical.ID, ""), orders.Query{Limit: 4}); !slices.Equal(got, want) {
		t.Errorf("without a role, of one's own: %v", got)
	}
	if got := walk(agent, orders.Query{State: orders.Withdrawn}); got != nil {
		t.Errorf("withdrawn are %v", got)
	}
	if got := walk(agent, orders.Query{Text: want[2]}); !slices.Equal(got, want[2:3]) {
		t.Errorf("by number: %v", got)
	}
	_, err := s.List(ctx, agent, orders.Query{Structure: clinic})
	refusedAs(t, err, access.RefusedStructure)
}
