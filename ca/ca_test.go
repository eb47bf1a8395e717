package ca

import (
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	casapi "github.com/smallstep/certificates/cas/apiv1"
	"github.com/youmark/pkcs8"
	"software.sslmate.com/src/go-pkcs12"

	"github.com/igc-lab/igc/ca/store"
	"github.com/igc-lab/igc/profiles"
)

var alain = profiles.Holder{GivenName: "ALAIN", Surname: "DODO0020981", IdNat: "899700209812", Profession: "10"}

func publicKeys(t testing.TB, roles ...string) map[string][]byte {
	t.Helper()
	keys := map[string][]byte{}
	for _, role := range roles {
		key, err := P256.Generate()
		if err != nil {
			t.Fatal(err)
		}
		if keys[role], err = x509.MarshalPKIXPublicKey(key.Public()); err != nil {
			t.Fatal(err)
		}
	}
	return keys
}

func cps(t testing.TB) IssueRequest {
	return IssueRequest{Product: "cps", Holder: alain, PublicKeys: publicKeys(t, "authentication", "signature")}
}

// countChanges counts the entries of a kind in the lab's feed.
func countChanges(t testing.TB, lab *testCA, kind store.ChangeKind) (n int) {
	t.Helper()
	changes, err := lab.Changes(t.Context(), 0, 1000)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range changes {
		if c.Actor == "" {
			t.Errorf("change %d has no actor", c.Seq)
		}
		if c.Kind == kind {
			n++
		}
	}
	return n
}

func wantKind(t testing.TB, err error, kind Kind) {
	t.Helper()
	if err == nil || KindOf(err) != kind {
		t.Errorf("error %v of kind %s, want kind %s", err, KindOf(err), kind)
	}
}

// A first card makes the two authorities that it needs and no other; both certificates verify up to
// the root.
func TestFirstCard(t *testing.T) {
	lab := newCA(t, Options{})
	issued, err := lab.Issue(t.Context(), cps(t))
	if err != nil {
		t.Fatal(err)
	}
	list, err := lab.Authorities(t.Context())
	if err != nil || len(list) != 2 || list[0].ID != "ACR-FO" || list[1].ID != "ACI-FO-PP" {
		t.Fatalf("authorities %v, %v", list, err)
	}
	roots, intermediates := x509.NewCertPool(), x509.NewCertPool()
	for i, pool := range []*x509.CertPool{intermediates, roots} {
		c, err := x509.ParseCertificate(issued.Chain[i])
		if err != nil {
			t.Fatal(err)
		}
		pool.AddCert(c)
	}
	serials := map[string]bool{}
	for _, r := range issued.Records {
		c, err := r.Certificate()
		if err != nil {
			t.Fatal(err)
		}
		if _, err := c.Verify(x509.VerifyOptions{Roots: roots, Intermediates: intermediates, KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageAny}}); err != nil {
			t.Errorf("%s: %v", r.Profile, err)
		}
		if !strings.HasPrefix(r.Serial, "63DAFFCFC8034BDC") || len(r.Serial) != 32 || serials[r.Serial] {
			t.Errorf("%s has serial number %s", r.Profile, r.Serial)
		}
		serials[r.Serial] = true
		found, err := lab.Find(t.Context(), r.Serial[:20])
		if err != nil || found.Serial != r.Serial || found.Status != Good || found.Holder.GivenName != "ALAIN" || string(found.DER) != string(r.DER) {
			t.Errorf("%s is recorded as %+v, %v", r.Serial, found, err)
		}
	}
	if a, b := issued.Records[0].Holder.CardNumber, issued.Records[1].Holder.CardNumber; a != b || len(a) != 10 {
		t.Errorf("card numbers %s and %s", a, b)
	}
}

func TestRevocation(t *testing.T) {
	now := time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)
	lab := newCA(t, Options{Now: func() time.Time { return now }})
	issued, err := lab.Issue(t.Context(), cps(t))
	if err != nil {
		t.Fatal(err)
	}
	serial := issued.Records[0].Serial
	r, err := lab.Revoke(t.Context(), strings.ToLower(serial), "keyCompromise")
	if err != nil || r.Status != Revoked || r.Revoked.Reason != "keyCompromise" || !r.Revoked.At.Equal(now) {
		t.Fatalf("%+v, %v", r, err)
	}
	now = now.Add(time.Hour)
	r, err = lab.Revoke(t.Context(), serial, "keyCompromise") // again: nothing changes
	if err != nil || !r.Revoked.At.Equal(now.Add(-time.Hour)) {
		t.Errorf("again: %+v, %v", r.Revoked, err)
	}
	_, err = lab.Revoke(t.Context(), serial, "superseded")
	wantKind(t, err, Conflict)
	_, err = lab.Revoke(t.Context(), "63DAFFCFC8034BDC", "keyCompromise") // both certificates begin so
	wantKind(t, err, Invalid)
	_, err = lab.Revoke(t.Context(), "0123456789", "keyCompromise")
	wantKind(t, err, NotFound)
	_, err = lab.Revoke(t.Context(), "not hexadecimal", "keyCompromise")
	wantKind(t, err, Invalid)
	_, err = lab.Revoke(t.Context(), serial, "because")
	wantKind(t, err, Invalid)
	if revoked, issued := countChanges(t, lab, store.StatusChanged), countChanges(t, lab, store.CertificateIssued); revoked != 1 || issued != 4 {
		t.Errorf("the feed has %d revocations and %d certificates, want 1 and 4", revoked, issued)
	}
}

// Many at once on one lab: all recorded, no serial number twice, and the number of the CRL's
// entries is right.
func TestManyAtOnce(t *testing.T) {
	lab := newCA(t, Options{})
	lab.lock(t)
	const n = 20
	var wg sync.WaitGroup
	errs := make([]error, n)
	requests := make([]IssueRequest, n)
	for i := range requests {
		requests[i] = cps(t)
	}
	for i := range n {
		wg.Go(func() {
			issued, err := lab.Issue(t.Context(), requests[i])
			if err == nil {
				_, err = lab.Revoke(t.Context(), issued.Records[i%2].Serial, "superseded")
			}
			errs[i] = err
		})
	}
	wg.Wait()
	if err := errors.Join(errs...); err != nil {
		t.Fatal(err)
	}
	records, err := lab.List(t.Context(), Filter{})
	if err != nil {
		t.Fatal(err)
	}
	serials, revoked := map[string]bool{}, 0
	for _, r := range records {
		serials[r.Serial] = true
		if r.Status == Revoked {
			revoked++
		}
	}
	if len(records) != 2+2*n || len(serials) != len(records) || revoked != n {
		t.Errorf("%d records, %d serial numbers, %d revoked", len(records), len(serials), revoked)
	}
}

func TestCardFolder(t *testing.T) {
	lab := newCA(t, Options{})
	order := CardOrder{IssueRequest: IssueRequest{Product: "cps", Holder: alain}, Key: P256, PIN: "4711"}
	card, dir, err := MakeCard(t.Context(), lab, lab.home, order)
	if err != nil {
		t.Fatal(err)
	}
	if filepath.Base(dir) != card.CardNumber || card.Faithful || card.Lab != "TEST" {
		t.Errorf("%s: %+v", dir, card)
	}
	for _, c := range card.Certificates {
		data, err := os.ReadFile(filepath.Join(dir, c.PKCS12))
		if err != nil {
			t.Fatal(err)
		}
		key, leaf, chain, err := pkcs12.DecodeChain(data, "4711")
		if err != nil || profiles.SerialHex(leaf.SerialNumber) != c.Serial || len(chain) != 2 {
			t.Fatalf("%s: %v, %d in the chain", c.PKCS12, err, len(chain))
		}
		if _, _, err := pkcs12.Decode(data, "0000"); err == nil {
			t.Errorf("%s opens with another PIN", c.PKCS12)
		}
		pemKey, err := os.ReadFile(filepath.Join(dir, c.Key))
		if err != nil {
			t.Fatal(err)
		}
		block, _ := pem.Decode(pemKey)
		same, err := pkcs8.ParsePKCS8PrivateKey(block.Bytes, []byte("4711"))
		if err != nil || fmt.Sprint(same) != fmt.Sprint(key) {
			t.Errorf("%s is another key than the PKCS#12's (%v)", c.Key, err)
		}
	}
	data, _ := os.ReadFile(filepath.Join(dir, "card.json"))
	var read CardFile
	if err := json.Unmarshal(data, &read); err != nil || strings.Contains(string(data), "4711") || read.Holder.Surname != "DODO0020981" {
		t.Errorf("card.json: %v\n%s", err, data)
	}
	order.Out = dir // there already
	_, _, err = MakeCard(t.Context(), lab, lab.home, order)
	wantKind(t, err, Conflict)
	order.Out, order.Holder.CardNumber = "", card.CardNumber
	_, _, err = MakeCard(t.Context(), lab, lab.home, order)
	wantKind(t, err, Conflict)
	if left, _ := filepath.Glob(filepath.Join(lab.home, "cards", ".card-*")); len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
}

// smallstep's interface issues by the same way: recorded, and refused when it is not a profile
// of the IGC-Santé.
func TestAuthorityService(t *testing.T) {
	lab := newCA(t, Options{})
	issued, err := lab.Issue(t.Context(), cps(t))
	if err != nil {
		t.Fatal(err)
	}
	issuer, err := lab.Issuer(t.Context(), profiles.Authority{Gamme: profiles.Fort, Domaine: profiles.Personnes})
	if err != nil {
		t.Fatal(err)
	}
	var service casapi.CertificateAuthorityService = issuer
	auth, _ := profiles.FindProfile("cps/authentication")
	key, _ := P256.Generate()
	holder := issued.Records[0].Holder
	template, err := profiles.Build(profiles.Request{Profile: auth, Holder: holder, Issuer: issuer.Authority, URLs: lab.URLs,
		NotBefore: time.Now(), Serial: newSerial(issuer.Authority, profiles.Gen2016), PublicKey: key.Public(), AuthorityKeyID: issuer.Certificate.SubjectKeyId})
	if err != nil {
		t.Fatal(err)
	}
	made, err := service.CreateCertificate(&casapi.CreateCertificateRequest{Template: template})
	if err != nil {
		t.Fatal(err)
	}
	renewed, err := service.RenewCertificate(&casapi.RenewCertificateRequest{Template: template, Lifetime: template.NotAfter.Sub(template.NotBefore)})
	if err != nil {
		t.Fatal(err)
	}
	if renewed.Certificate.SerialNumber.Cmp(made.Certificate.SerialNumber) == 0 {
		t.Error("the renewed certificate has the serial number of the first")
	}
	for _, c := range []*x509.Certificate{made.Certificate, renewed.Certificate} {
		if r, err := lab.Find(t.Context(), profiles.SerialHex(c.SerialNumber)); err != nil || r.Profile != "cps/authentication" {
			t.Errorf("%+v, %v", r, err)
		}
	}
	if _, err := service.RevokeCertificate(&casapi.RevokeCertificateRequest{SerialNumber: made.Certificate.SerialNumber.String(), ReasonCode: 4}); err != nil {
		t.Error(err)
	}
	if r, err := lab.Find(t.Context(), profiles.SerialHex(made.Certificate.SerialNumber)); err != nil || r.Revoked == nil || r.Revoked.Reason != "superseded" {
		t.Errorf("%+v, %v", r, err)
	}
	before, _ := lab.List(t.Context(), Filter{})
	foreign := *template
	foreign.SerialNumber = nil
	foreign.ExtraExtensions = foreign.ExtraExtensions[1:]
	if _, err := service.CreateCertificate(&casapi.CreateCertificateRequest{Template: &foreign}); err == nil {
		t.Error("a certificate that departs from its profile was issued")
	}
	if after, _ := lab.List(t.Context(), Filter{}); len(after) != len(before) {
		t.Error("a refused certificate was recorded")
	}
}

// What each change of status does to each status: changed, unchanged or refused.
func TestStatusChanges(t *testing.T) {
	now := time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)
	set := func(reason Reason) StatusChange { return StatusChange{Reason: reason} }
	release := StatusChange{Release: true}
	for name, tt := range map[string]struct {
		steps  []StatusChange // all but the last are done for a certificate of the card
		change bool
		kind   Kind
		status Status
		reason Reason
	}{
		"revoke a good one":         {[]StatusChange{set("superseded")}, true, "", Revoked, "superseded"},
		"the same again":            {[]StatusChange{set("superseded"), set("superseded")}, false, "", Revoked, "superseded"},
		"another reason":            {[]StatusChange{set("superseded"), set("keyCompromise")}, false, Conflict, Revoked, "superseded"},
		"hold":                      {[]StatusChange{set(Hold)}, true, "", OnHold, Hold},
		"hold again":                {[]StatusChange{set(Hold), set(Hold)}, false, "", OnHold, Hold},
		"release":                   {[]StatusChange{set(Hold), release}, true, "", Good, ""},
		"release a good one":        {[]StatusChange{release}, false, "", Good, ""},
		"release again":             {[]StatusChange{set(Hold), release, release}, false, "", Good, ""},
		"release a revoked one":     {[]StatusChange{set("superseded"), release}, false, Conflict, Revoked, "superseded"},
		"hold, then revoke":         {[]StatusChange{set(Hold), set("keyCompromise")}, true, "", Revoked, "keyCompromise"},
		"revoke, then hold":         {[]StatusChange{set("keyCompromise"), set(Hold)}, false, Conflict, Revoked, "keyCompromise"},
		"hold after a release":      {[]StatusChange{set(Hold), release, set(Hold)}, true, "", OnHold, Hold},
		"revoke after a release":    {[]StatusChange{set(Hold), release, set("superseded")}, true, "", Revoked, "superseded"},
		"revoked hold, then hold":   {[]StatusChange{set(Hold), set("superseded"), set(Hold)}, false, Conflict, Revoked, "superseded"},
		"a reason that is none":     {[]StatusChange{set("because")}, false, Invalid, Good, ""},
		"dated in the future":       {[]StatusChange{{Reason: "superseded", At: now.Add(time.Hour)}}, false, Invalid, Good, ""},
		"before the certificate":    {[]StatusChange{{Reason: "superseded", At: now.Add(-time.Hour)}}, false, Invalid, Good, ""},
		"a dry run":                 {[]StatusChange{{Reason: "superseded", DryRun: true}}, true, "", Good, ""},
		"a dry run that is refused": {[]StatusChange{set("superseded"), {Reason: Hold, DryRun: true}}, false, Conflict, Revoked, "superseded"},
	} {
		t.Run(name, func(t *testing.T) {
			lab := newCA(t, Options{Now: func() time.Time { return now }})
			issued, err := lab.Issue(t.Context(), cps(t))
			if err != nil {
				t.Fatal(err)
			}
			serial := issued.Records[0].Serial
			for i, step := range tt.steps {
				step.Serial = serial
				before := countChanges(t, lab, store.StatusChanged)
				changed, err := lab.SetStatus(t.Context(), step)
				if i < len(tt.steps)-1 {
					if err != nil {
						t.Fatal(err)
					}
					continue
				}
				if tt.kind != "" {
					wantKind(t, err, tt.kind)
				} else if err != nil || len(changed) != 1 || changed[0].Changed != tt.change {
					t.Errorf("%+v, %v", changed, err)
				}
				if inFeed := countChanges(t, lab, store.StatusChanged) > before; inFeed != (tt.change && !step.DryRun) {
					t.Errorf("in the feed: %t", inFeed)
				}
			}
			r, err := lab.Find(t.Context(), serial)
			if err != nil || r.Status != tt.status || (r.Revoked != nil) != (tt.reason != "") || r.Revoked != nil && r.Revoked.Reason != tt.reason {
				t.Errorf("%s, %+v, %v", r.Status, r.Revoked, err)
			}
			if other, err := lab.Find(t.Context(), issued.Records[1].Serial); err != nil || other.Status != Good {
				t.Errorf("the other certificate of the card: %v, %v", other.Status, err)
			}
		})
	}
}

// The list gives all, in the order of issue, by pages and from its end.
func TestPages(t *testing.T) {
	lab := newCA(t, Options{})
	lab.lock(t)
	var want []string
	for range 7 {
		issued, err := lab.Issue(t.Context(), cps(t))
		if err != nil {
			t.Fatal(err)
		}
		want = append(want, issued.Records[0].Serial, issued.Records[1].Serial)
	}
	for _, limit := range []int{0, 1, 3, 14, 100} {
		var got []string
		if err := Each(t.Context(), lab, Filter{EndEntities: true, Limit: limit}, func(r *Record) error {
			got = append(got, r.Serial)
			return nil
		}); err != nil {
			t.Fatal(err)
		}
		first := want
		if limit > 0 {
			first = want[:min(limit, len(want))]
		}
		if !slices.Equal(got, first) {
			t.Errorf("limit %d: %d of %d, or in another order", limit, len(got), len(first))
		}
		newest, err := lab.List(t.Context(), Filter{EndEntities: true, Limit: limit, Newest: true})
		if err != nil {
			t.Fatal(err)
		}
		last := want[len(want)-len(first):]
		for i, r := range newest {
			if i >= len(last) || r.Serial != last[i] {
				t.Fatalf("newest %d: %s at %d", limit, r.Serial, i)
			}
		}
	}
	after, err := lab.List(t.Context(), Filter{EndEntities: true, Limit: 1})
	if err != nil {
		t.Fatal(err)
	}
	rest, err := lab.List(t.Context(), Filter{EndEntities: true, After: after[0].Number, Limit: 2})
	if err != nil || len(rest) != 2 || rest[0].Serial != want[1] {
		t.Errorf("after the first: %v, %v", rest, err)
	}
}
