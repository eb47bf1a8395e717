package ca

import (
	"crypto/x509"
	"errors"
	"math/big"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	casapi "github.com/smallstep/certificates/cas/apiv1"
	bolt "go.etcd.io/bbolt"

	"github.com/igc-lab/igc/ca/store"
	"github.com/igc-lab/igc/profiles"
)

var (
	aciFort = profiles.Authority{Gamme: profiles.Fort, Domaine: profiles.Personnes}
	acrFort = profiles.Authority{Gamme: profiles.Fort}
)

// authorityRecord is the record of an authority's certificate.
func authorityRecord(t testing.TB, lab *testCA, a profiles.Authority) *Record {
	t.Helper()
	list, err := lab.List(t.Context(), Filter{})
	if err != nil {
		t.Fatal(err)
	}
	for _, r := range list {
		if r.IsAuthority() && r.Holder.Service == a.CommonName() {
			return r
		}
	}
	t.Fatalf("no %s", a.ID())
	return nil
}

// snapshot is the file of the records, to tell whether something was written.
func snapshot(t testing.TB, lab *testCA) string {
	t.Helper()
	data, err := os.ReadFile(filepath.Join(lab.home, "igc.db"))
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

// openFile opens the file of a lab that is not open, past the store.
func openFile(t testing.TB, lab *testCA, do func(*bolt.DB) error) {
	t.Helper()
	db, err := bolt.Open(filepath.Join(lab.home, "igc.db"), 0o600, nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(do(db), db.Close()); err != nil {
		t.Fatal(err)
	}
}

// An authority is reached by its own field alone: no serial number, certificate, card or holder
// changes its status, not with others and not through smallstep's interface; and what
// is refused writes nothing.
func TestAuthorityByNameOnly(t *testing.T) {
	lab := newCA(t, Options{})
	issued, err := lab.Issue(t.Context(), cps(t))
	if err != nil {
		t.Fatal(err)
	}
	leaf, aci, acr := issued.Records[0], authorityRecord(t, lab, aciFort), authorityRecord(t, lab, acrFort)
	// as if an authority were indexed under a card and a holder
	openFile(t, lab, func(db *bolt.DB) error {
		return db.Update(func(tx *bolt.Tx) error {
			for bucket, word := range map[string]string{"cards": leaf.Holder.CardNumber, "holders": leaf.Holder.Identifier()} {
				key := append([]byte(word+"\x00"+aci.Authority+"\x00"), aci.Key().Serial...)
				if err := tx.Bucket([]byte(bucket)).Put(key, nil); err != nil {
					return err
				}
			}
			return nil
		})
	})
	before := snapshot(t, lab)
	for name, change := range map[string]StatusChange{
		"whole serial number":           {Serial: aci.Serial},
		"its beginning":                 {Serial: aci.Serial[:20]},
		"the root's":                    {Serial: acr.Serial},
		"certificate":                   {Certificate: aci.DER},
		"card":                          {Card: leaf.Holder.CardNumber},
		"holder":                        {Holder: leaf.Holder.Identifier()},
		"beside a card's":               {Serial: leaf.Serial, Also: []StatusTarget{{Serial: aci.Serial}}},
		"a certificate beside a card's": {Serial: leaf.Serial, Also: []StatusTarget{{Certificate: acr.DER}}},
		"with others":                   {Authority: "ACI-FO-PP", Also: []StatusTarget{{Serial: leaf.Serial}}},
		"named twice":                   {Authority: "ACI-FO-PP", Serial: leaf.Serial},
		"an empty name beside":          {Serial: leaf.Serial, Also: []StatusTarget{{}}},
		"a root by name":                {Authority: "ACR-FO"},
		"unknown":                       {Authority: "ACI-XX"},
	} {
		for _, reason := range []Reason{"unspecified", "keyCompromise", "cACompromise"} {
			change.Reason = reason
			_, err := lab.SetStatus(t.Context(), change)
			wantKind(t, err, Invalid)
			if err != nil && strings.Contains(err.Error(), "is the certificate of ACI-FO-PP") && !strings.Contains(err.Error(), "igc revoke --authority ACI-FO-PP") {
				t.Errorf("%s: %v does not say what to type", name, err)
			}
		}
		if change.Authority == "" {
			change.Reason, change.Release = "", true
			if _, err := lab.SetStatus(t.Context(), change); err == nil {
				t.Errorf("%s: its hold can be ended", name)
			}
		}
	}
	_, err = lab.SetStatus(t.Context(), StatusChange{Authority: "ACI-FO-PP", Reason: Hold})
	wantKind(t, err, Invalid)
	_, err = lab.SetStatus(t.Context(), StatusChange{Authority: "ACI-EL-PP", Reason: "superseded"}) // the lab has none
	wantKind(t, err, NotFound)
	if snapshot(t, lab) != before {
		t.Error("what was refused has changed the records")
	}

	issuer, err := lab.Issuer(t.Context(), acrFort)
	if err != nil {
		t.Fatal(err)
	}
	certificate, err := aci.Certificate()
	if err != nil {
		t.Fatal(err)
	}
	for _, req := range []*casapi.RevokeCertificateRequest{{Certificate: certificate, ReasonCode: 2}, {SerialNumber: certificate.SerialNumber.String(), ReasonCode: 2}} {
		if _, err := issuer.RevokeCertificate(req); err == nil {
			t.Error("smallstep's interface revokes an authority")
		}
	}

	lab.lock(t)
	_, err = lab.SetStatus(t.Context(), StatusChange{Serial: aci.Serial, Reason: "cACompromise"})
	wantKind(t, err, Invalid)
	if snapshot(t, lab) != before {
		t.Error("a refused change has changed the records")
	}
	changed, err := lab.SetStatus(t.Context(), StatusChange{Authority: "aci-fo-pp", Reason: "cACompromise"})
	if err != nil || len(changed) != 1 || changed[0].Serial != aci.Serial || changed[0].Status != Revoked {
		t.Errorf("by its name: %+v, %v", changed, err)
	}
	infos, err := lab.Authorities(t.Context())
	if err != nil || len(infos) != 2 || infos[0].Revoked != nil || infos[1].Revoked == nil || infos[1].Revoked.Reason != "cACompromise" {
		t.Errorf("authorities: %+v, %v", infos, err)
	}
}

// Nothing is issued by a revoked authority, and nothing is left behind by who tries; its
// responder's certificates are, so that what it issued before is answered for. Another authority of
// the lab goes on.
func TestRevokedAuthorityIssuesNothing(t *testing.T) {
	lab := newCA(t, Options{})
	if _, err := lab.Issue(t.Context(), cps(t)); err != nil {
		t.Fatal(err)
	}
	dry, err := lab.SetStatus(t.Context(), StatusChange{Authority: "ACI-FO-PP", Reason: "cACompromise", DryRun: true})
	if err != nil || len(dry) != 1 || dry[0].Issued["cps"] != 2 || dry[0].Authority != "ACR-FO" {
		t.Errorf("dry run: %+v, %v", dry, err)
	}
	if _, err := lab.Issue(t.Context(), cps(t)); err != nil {
		t.Fatalf("after a dry run: %v", err)
	}
	if _, err := lab.SetStatus(t.Context(), StatusChange{Authority: "ACI-FO-PP", Reason: "cACompromise"}); err != nil {
		t.Fatal(err)
	}
	refused := func(what string, err error) {
		t.Helper()
		var revoked *RevokedAuthorityError
		if KindOf(err) != Conflict || !errors.As(err, &revoked) || revoked.Authority != "ACI-FO-PP" || !strings.Contains(err.Error(), time.Now().UTC().Format("2006-01-02")) {
			t.Errorf("%s: %v", what, err)
		}
	}
	_, err = lab.Issue(t.Context(), cps(t))
	refused("issue", err)
	before, _ := filepath.Glob(filepath.Join(lab.home, "cards", "*"))
	order := CardOrder{IssueRequest: IssueRequest{Product: "cps", Holder: alain}, Key: P256, PIN: "1234"}
	_, _, err = MakeCard(t.Context(), lab, lab.home, order)
	refused("a card", err)
	refused("a batch", MakeCards(t.Context(), lab, lab.home, []CardOrder{order, order}, func(int, *CardFile, string) error { return nil }))
	if after, _ := filepath.Glob(filepath.Join(lab.home, "cards", "*")); len(after) != len(before) {
		t.Errorf("folders are left: %q", after)
	}
	refused("a product of its", CheckIssuable(t.Context(), lab, "ssl-serv", "cps"))
	if err := CheckIssuable(t.Context(), lab, "ssl-serv"); err != nil {
		t.Error(err)
	}
	issuer, err := lab.Issuer(t.Context(), aciFort)
	if err != nil {
		t.Fatal(err)
	}
	auth, _ := profiles.FindProfile("cps/authentication")
	key, _ := P256.Generate()
	holder := alain
	holder.CardNumber = "2900000009"
	template, err := profiles.Build(profiles.Request{Profile: auth, Holder: holder, Issuer: aciFort, URLs: lab.URLs, NotBefore: time.Now(),
		Serial: big.NewInt(0).SetBytes(append(aciFort.SerialPrefix(), 1, 2, 3, 4, 5, 6, 7, 8)), PublicKey: key.Public(), AuthorityKeyID: issuer.Certificate.SubjectKeyId})
	if err != nil {
		t.Fatal(err)
	}
	_, err = issuer.CreateCertificate(&casapi.CreateCertificateRequest{Template: template})
	refused("smallstep's interface", err)
	// one that was under way when the authority was revoked: its record is refused
	record, err := issuer.sign(template)
	if err != nil {
		t.Fatal(err)
	}
	refused("a record", lab.record(t.Context(), []*Record{record}, func(tx store.Tx) error { return checkIssuable(tx, aciFort) }))

	public, err := x509.MarshalPKIXPublicKey(key.Public())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := lab.IssueResponder(t.Context(), aciFort, public); err != nil {
		t.Errorf("its OCSP responder: %v", err)
	}
	// the same again changes nothing, another reason is refused, and a hold of it cannot end
	again, err := lab.SetStatus(t.Context(), StatusChange{Authority: "ACI-FO-PP", Reason: "cACompromise"})
	if err != nil || again[0].Changed {
		t.Errorf("again: %+v, %v", again, err)
	}
	_, err = lab.SetStatus(t.Context(), StatusChange{Authority: "ACI-FO-PP", Reason: "superseded"})
	wantKind(t, err, Conflict)
	_, err = lab.SetStatus(t.Context(), StatusChange{Authority: "ACI-FO-PP", Release: true})
	wantKind(t, err, Conflict)
	if n := countChanges(t, lab, store.StatusChanged); n != 1 {
		t.Errorf("%d changes of status in the feed, want 1", n)
	}
}

// Several certificates change together or not at all.
func TestSeveralTargets(t *testing.T) {
	lab := newCA(t, Options{})
	var cards []*Issued
	for range 2 {
		issued, err := lab.Issue(t.Context(), cps(t))
		if err != nil {
			t.Fatal(err)
		}
		cards = append(cards, issued)
	}
	a, b := cards[0].Records, cards[1].Records
	before := snapshot(t, lab)
	_, err := lab.SetStatus(t.Context(), StatusChange{Serial: a[0].Serial, Reason: "superseded", Also: []StatusTarget{{Serial: "FFFF0000"}}})
	wantKind(t, err, NotFound)
	if snapshot(t, lab) != before {
		t.Error("one was revoked though another is not there")
	}
	changed, err := lab.SetStatus(t.Context(), StatusChange{Serial: a[0].Serial, Reason: "superseded",
		Also: []StatusTarget{{Certificate: a[0].DER}, {Card: b[0].Holder.CardNumber}, {Serial: b[1].Serial}}})
	if err != nil || len(changed) != 3 {
		t.Fatalf("%+v, %v", changed, err)
	}
	for _, one := range changed {
		if !one.Changed || one.Status != Revoked {
			t.Errorf("%+v", one)
		}
	}
	// the end of a hold of a card that was revoked for good is a conflict, that of a card with a
	// hold is not
	_, err = lab.SetStatus(t.Context(), StatusChange{Card: b[0].Holder.CardNumber, Release: true})
	wantKind(t, err, Conflict)
	if _, err := lab.SetStatus(t.Context(), StatusChange{Serial: a[1].Serial, Reason: Hold}); err != nil {
		t.Fatal(err)
	}
	released, err := lab.SetStatus(t.Context(), StatusChange{Card: a[0].Holder.CardNumber, Release: true})
	if err != nil || len(released) != 2 || released[0].Changed == released[1].Changed {
		t.Errorf("%+v, %v", released, err)
	}
}
