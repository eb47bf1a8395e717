package people_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/igc-lab/igc/ca"
	"github.com/igc-lab/igc/ca/store"
	"github.com/igc-lab/igc/ca/store/bolt"
	"github.com/igc-lab/igc/people"
	"github.com/igc-lab/igc/profiles"
)

var update = flag.Bool("update", false, "write the golden files anew")

const camille = "899700999909"

// stand is a directory over a store of its own.
type stand struct {
	*people.Directory
	store   *bolt.Store
	overlay string
	records
}

// records counts what is read of a store.
type records struct {
	db      *bolt.Store
	lists   atomic.Int64 // how often records were asked for
	scanned atomic.Int64 // records that were given
}

// counted is people.Records over a store.
type counted struct{ *records }

func (s counted) List(ctx context.Context, f ca.Filter) (found []*ca.Record, err error) {
	s.lists.Add(1)
	err = s.db.View(ctx, func(r store.Reader) error {
		for record, err := range r.List(f) {
			if err != nil {
				return err
			}
			s.scanned.Add(1)
			if found = append(found, record); len(found) == f.Limit {
				break
			}
		}
		return nil
	})
	return found, err
}

func newStand(t testing.TB) *stand {
	t.Helper()
	dir := t.TempDir()
	db := bolt.Open(filepath.Join(dir, "igc.db"), bolt.Options{})
	if err := db.Lock(time.Second); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Unlock() })
	s := &stand{store: db, overlay: filepath.Join(dir, people.OverlayFile), records: records{db: db}}
	s.Directory = people.New(people.Options{Records: counted{&s.records}, Documents: store.DocumentsOf(db, "test"),
		Overlay: s.overlay})
	return s
}

// issue records certificates of holders.
func (s *stand) issue(t testing.TB, profile string, holders ...profiles.Holder) {
	t.Helper()
	err := s.store.Update(t.Context(), "test", func(tx store.Tx) error {
		if _, ok := tx.Authority("ACI-FO-PP"); !ok {
			if err := tx.AddAuthority("ACI-FO-PP", []byte{0x30, 0}); err != nil {
				return err
			}
		}
		for i, h := range holders {
			at := time.Date(2026, 1, 1, 0, 0, i, 0, time.UTC)
			r := &store.Record{Authority: "ACI-FO-PP", Serial: fmt.Sprintf("%032X", digest(h, profile)+uint64(i)),
				Profile: profile, Status: store.Good, Holder: h, NotBefore: at, NotAfter: at.AddDate(3, 0, 0),
				IssuedAt: at, DER: []byte{0x30, 0}}
			if err := tx.AddCertificate(r); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

func digest(h profiles.Holder, profile string) (n uint64) {
	for _, b := range []byte(fmt.Sprint(h, profile)) {
		n = n*131 + uint64(b)
	}
	return n
}

var alain = profiles.Holder{GivenName: "ALAIN", Surname: "DODO0020981", IdNat: "899700209812", Profession: "10",
	Specialities: []string{"SM26"}}

func (s *stand) find(t testing.TB, id string) *people.Person {
	t.Helper()
	p, err := s.Find(t.Context(), id)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func encode(t testing.TB, p *people.Person) []byte {
	t.Helper()
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	if err := enc.Encode(p.UserInfo()); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// The example of a whole userinfo is what the lab makes of the row of its identity: the same fields
// in the same order.
func TestExampleByteForByte(t *testing.T) {
	want, err := os.ReadFile("testdata/example.json")
	if err != nil {
		t.Fatal(err)
	}
	var compact bytes.Buffer
	if err := json.Compact(&compact, want); err != nil {
		t.Fatal(err)
	}
	u := newStand(t).find(t, camille).UserInfo()
	u.Sub, u.AuthMode = "f:11111111-2222-4333-8444-555555555555:"+camille, "MOBILE"
	got, err := json.Marshal(u)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, compact.Bytes()) {
		t.Errorf("got\n%s\nwant\n%s", got, compact.Bytes())
	}
}

// What the built-in identities are in userinfo stays as it is.
func TestIdentitiesGolden(t *testing.T) {
	s := newStand(t)
	var all []byte
	n := 0
	for p, err := range s.List(t.Context()) {
		if err != nil {
			t.Fatal(err)
		}
		n++
		all = append(all, encode(t, p)...)
	}
	const golden = "testdata/identities.json"
	if *update {
		if err := os.WriteFile(golden, all, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(golden)
	if err != nil || !bytes.Equal(all, want) || n != 30 {
		t.Errorf("%d identities differ from %s (%v): go test ./people -run Golden -update", n, golden, err)
	}
}

// The fields that the ANS's schema of userinfo requires, and those of an activity, all of them.
var (
	required = strings.Fields(`Secteur_Activite SubjectOrganization Mode_Acces_Raison preferred_username given_name
		Acces_Regulation_Medicale UITVersion Palier_Authentification SubjectRefPro SubjectRole PSI_Locale otherIds
		SubjectNameID family_name`)  // and sub, which is the provider's
	activityFields = strings.Fields(`codeModeExercice codeSecteurDactivite codeSectionPharmacien codeRole
		codeGenreActivite
		numeroSiretSite numeroSirenSite numeroFinessSite numeroFinessetablissementJuridique
		identifiantTechniqueDeLaStructure raisonSocialeSite enseigneCommercialeSite complementDestinataire
		complementPointGeographique numeroVoie indiceRepetitionVoie codeTypeDeVoie libelleVoie mentionDistribution
		bureauCedex codePostal codeCommune codePays telephone telephone2 telecopie adresseEMail codeDepartement
		ancienIdentifiantDeLaStructure autoriteDenregistrement`)
	exerciceFields = strings.Fields(`codeProfession codeCategorieProfessionnelle codeCiviliteDexercice nomDexercice
		prenomDexercice codeTypeSavoirFaire codeSavoirFaire`)
)

func TestRequiredFields(t *testing.T) {
	s := newStand(t)
	s.issue(t, "cps/authentication", alain)
	s.issue(t, "cpe/authentication", profiles.Holder{GivenName: "CHARLES", Surname: "ADMINISTRATIF",
		IdNat: "30B0057881/CPET0002", Department: "Paris (75)", Organisation: "HOPITAL DES 3 DAMES",
		Structure: "10B0057881"})
	if len(activityFields) != 30 {
		t.Fatal(len(activityFields))
	}
	names := func(of any) (list []string) {
		for _, f := range people.Fields(of) {
			list = append(list, f.Name)
		}
		return list
	}
	if got := names(people.Activity{}); !slices.Equal(got, activityFields) {
		t.Errorf("an activity has %q", got)
	}
	if got := names(people.Exercice{}); !slices.Equal(got, exerciceFields) {
		t.Errorf("an exercice has %q", got)
	}
	n := 0
	for p, err := range s.List(t.Context()) {
		if err != nil {
			t.Fatal(err)
		}
		n++
		var u map[string]any
		if err := json.Unmarshal(encode(t, p), &u); err != nil {
			t.Fatal(err)
		}
		for _, name := range required {
			if _, ok := u[name]; !ok && !(name == "SubjectRefPro" && p.RefPro == nil) {
				t.Errorf("%s has no %s", p, name)
			}
		}
		if p.RefPro == nil {
			continue
		}
		for _, e := range u["SubjectRefPro"].(map[string]any)["exercices"].([]any) {
			for _, a := range e.(map[string]any)["activities"].([]any) {
				for _, name := range activityFields {
					if _, ok := a.(map[string]any)[name].(string); !ok {
						t.Errorf("an activity of %s has no text %s", p, name)
					}
				}
			}
		}
	}
	if n != 30 { // two of them have a card too
		t.Errorf("%d people", n)
	}
}

// uncoded are the fields that hold codes of no table.
var uncoded = strings.Fields("codePostal codePays codeTypeDeVoie codeCommune codeDepartement codeRole")

// Every code of the built-in identities is one that the lab knows, and their RPPS numbers are of
// the test range, with their check digit.
func TestIdentitiesHaveKnownCodes(t *testing.T) {
	for p, err := range newStand(t).List(t.Context()) {
		if err != nil {
			t.Fatal(err)
		}
		if p.From.Identity == people.Fixture { // not of this package
			continue
		}
		if p.ID[0] == '8' {
			if !strings.HasPrefix(p.ID, "899700") || len(profiles.IdNatWarnings(p.ID)) > 0 {
				t.Errorf("%s: %v", p, profiles.IdNatWarnings(p.ID))
			}
		}
		if p.About.FR == "" || p.About.EN == "" {
			t.Errorf("%s: not said what for", p)
		}
		if p.RefPro == nil {
			continue
		}
		check := func(of any) {
			for _, f := range people.Fields(of) {
				if strings.HasPrefix(f.Name, "code") && f.Value != "" && !slices.Contains(uncoded, f.Name) {
					if _, ok := people.Label(f.Name, f.Value); !ok {
						t.Errorf("%s: %s %q is in no table", p, f.Name, f.Value)
					}
				}
			}
		}
		check(*p.RefPro)
		for _, e := range p.RefPro.Exercices {
			check(e)
			for _, a := range e.Activities {
				check(a)
			}
		}
	}
}

func TestClaims(t *testing.T) {
	s := newStand(t)
	p := s.find(t, camille)
	name, id := p.Organization()
	if !slices.Equal(p.Roles(), []string{"10^1.2.250.1.213.1.1.5.5"}) || p.Sector() != "SA07^1.2.250.1.71.4.2.4" ||
		name != "CABINET M LABDOC0001" || id != "R999001" {
		t.Errorf("%q %q %q %q", p.Roles(), p.Sector(), name, id)
	}
	two := s.find(t, "899700999917")
	if len(two.Roles()) != 2 {
		t.Errorf("%q", two.Roles())
	}
	without := s.find(t, "899700999974")
	if without.RefPro != nil || without.Sector() != "" || len(without.Roles()) != 0 ||
		!bytes.Contains(encode(t, without), []byte(`"SubjectRole": []`)) {
		t.Errorf("without activity: %s", encode(t, without))
	}
	edit := s.find(t, "ANS20261122010101").UserInfo()
	if edit.OtherIDs[0].Origine != "EDIT" || edit.CodeCivilite != "M" || edit.CodeGenreActivite != "GENR01" {
		t.Errorf("EDIT: %+v", edit)
	}
	if u := p.UserInfo(); u.CodeCivilite != "" {
		t.Error("only EDIT's identities have a civility of their own")
	}
	mute := s.find(t, "899700999990")
	if mute.Contact != (people.Contact{}) {
		t.Errorf("%+v", mute.Contact)
	}
}

// A holder is found by identifier, whatever else the lab holds, at the cost of their own
// certificates, and is always made up alike.
func TestDerived(t *testing.T) {
	s := newStand(t)
	s.issue(t, "cps/authentication", alain)
	var others []profiles.Holder
	for i := range 2000 {
		others = append(others, profiles.Holder{GivenName: "X", Surname: fmt.Sprint("Y", i),
			IdNat: fmt.Sprintf("8997%08d", i), Profession: "60"})
	}
	s.issue(t, "cps/authentication", others...)
	s.lists.Store(0)
	s.scanned.Store(0)
	p := s.find(t, alain.IdNat)
	if s.lists.Load() != 1 || s.scanned.Load() != 1 {
		t.Errorf("%d calls, %d records", s.lists.Load(), s.scanned.Load())
	}
	if p.From != (people.Sources{Identity: people.Certificate, Activities: people.Modelled, Contact: people.Modelled}) {
		t.Errorf("%+v", p.From)
	}
	e := p.RefPro.Exercices[0]
	if e.CodeProfession != "10" || e.CodeSavoirFaire != "SM26" || p.Origin != "RPPS" || p.FamilyName != "DODO0020981" {
		t.Errorf("%+v", p)
	}
	if !strings.HasPrefix(p.Contact.Phone, "063998") || len(p.Contact.Phone) != 10 ||
		p.Contact.Mail != "alain.dodo0020981@example.fr" {
		t.Errorf("%+v", p.Contact)
	}
	if again := s.find(t, alain.IdNat); !reflect.DeepEqual(p, again) {
		t.Errorf("%+v, then %+v", p, again)
	}
	// nobody keeps what others were given
	p.RefPro.Exercices[0].Activities[0].RaisonSocialeSite = "ANOTHER"
	s.find(t, camille).RefPro.Exercices[0].CodeProfession = "99"
	if s.find(t, camille).RefPro.Exercices[0].CodeProfession != "10" {
		t.Error("a built-in identity was changed")
	}
	for id, want := range map[string]struct{ mode, sector, finess string }{
		"30B0057881/CPET0002": {"S", "SA01", "0B0057881"}, "10B608876500/CPET0001": {"S", "SA07", ""},
		"500000000087098/CPAT0001": {"S", "SA43", ""},
		"00B6077602":               {"L", "SA07", ""}, "899700075122": {"L", "SA33", ""},
	} {
		h := map[string]profiles.Holder{
			"30B0057881/CPET0002":      {Organisation: "HOPITAL", Structure: "10B0057881", Department: "Paris (75)"},
			"10B608876500/CPET0001":    {Pseudonym: "ASSIST", Organisation: "CABINET", Structure: "00B608876500"},
			"500000000087098/CPAT0001": {Organisation: "MINISTERE", Structure: "300000000087098"},
			"00B6077602":               {Profession: "60"}, "899700075122": {Profession: "21"},
		}[id]
		h.IdNat = id
		s.issue(t, "cpe/authentication", h)
		a := s.find(t, id).RefPro.Exercices[0].Activities[0]
		if a.CodeModeExercice != want.mode || a.CodeSecteurDactivite != want.sector ||
			a.NumeroFinessSite != want.finess {
			t.Errorf("%s: %+v", id, a)
		}
	}
}

func TestResolve(t *testing.T) {
	s := newStand(t)
	s.issue(t, "cps/authentication", alain, profiles.Holder{Surname: "GUY", IdNat: "00B6077602", Profession: "60"})
	for text, want := range map[string]struct {
		id  string
		how bool
	}{
		"899700209812": {"899700209812", false}, "8 99700 20981 2": {"899700209812", false},
		"99700209812": {"899700209812", true}, "997 002 098 12": {"899700209812", true},
		"0B6077602": {"00B6077602", true}, "0b6077602": {"00B6077602", true},
		"0B0999901/CPET00001": {"30B0999901/CPET00001", true}, "ans20261122010101": {"ANS20261122010101", false},
	} {
		p, how, err := s.Resolve(t.Context(), text)
		if err != nil || p.ID != want.id || (how.FR != "") != want.how || (how.EN != "") != want.how {
			t.Errorf("%q: %v %+v, %v", text, p, how, err)
		}
	}
	for text, say := range map[string]string{
		"899700000000": "igc people list", "nobody": "igc people list",
		"": "give an identifier", "8" + strings.Repeat("9", 4000): "nobody has",
	} {
		_, _, err := s.Resolve(t.Context(), text)
		if err == nil || !strings.Contains(err.Error(), say) {
			t.Errorf("%q: %v", text, err)
		}
		if kind := store.KindOf(err); kind != store.NotFound && kind != store.Invalid {
			t.Errorf("%q: %s", text, kind)
		}
	}
}

func text(s string) *string { return &s }

// The later source wins, part by part.
func TestSources(t *testing.T) {
	s := newStand(t)
	s.issue(t, "cps/authentication", alain)
	write := func(content string) {
		t.Helper()
		if err := os.WriteFile(s.overlay, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Chtimes(s.overlay, time.Time{},
			time.Now().Add(time.Duration(len(content))*time.Second)); err != nil {
			t.Fatal(err)
		}
	}
	write(`
"899700209812": {family_name: DUPOND, phone: "+33 6 39 98 11 11", speciality: SM04}
"899700999966": {no_activity: true}
"ANS20260101000000": {given_name: NEW, family_name: ONE, profession: "93", mail: new.one@example.fr}
`)
	p := s.find(t, alain.IdNat)
	if p.FamilyName != "DUPOND" || p.GivenName != "ALAIN" || p.Contact.Phone != "0639981111" ||
		p.Contact.Mail != "alain.dupond@example.fr" || p.RefPro.Exercices[0].CodeSavoirFaire != "SM04" ||
		p.From != (people.Sources{Identity: people.File, Activities: people.File, Contact: people.File}) {
		t.Errorf("%+v %+v", p, p.RefPro)
	}
	if s.find(t, "899700999966").RefPro != nil {
		t.Error("no_activity")
	}
	if p := s.find(t, "ANS20260101000000"); p.Origin != "EDIT" || p.Roles()[0] != "93^1.2.250.1.213.1.1.5.5" ||
		!strings.HasPrefix(p.Contact.Phone, "063998") {
		t.Errorf("%+v", p)
	}
	set := func(c people.Change) (*people.Person, error) {
		return s.Set(t.Context(), "cli:test", alain.IdNat, c, people.SetOptions{})
	}
	p, err := set(people.Change{Mail: text("a@example.org"), Sector: text("SA05")})
	if err != nil || p.Contact.Mail != "a@example.org" ||
		p.Contact.Phone != "0639981111" || p.Sector() != "SA05^1.2.250.1.71.4.2.4" {
		t.Errorf("%+v, %v", p, err)
	}
	if p, err = set(people.Change{Phone: text("")}); err != nil ||
		p.Contact.Mail != "a@example.org" || p.Contact.Phone != "" {
		t.Errorf("%+v, %v", p, err)
	}
	// without activity, then with one again
	if p, err = set(people.Change{NoActivity: true}); err != nil || p.RefPro != nil {
		t.Errorf("%+v, %v", p, err)
	}
	if p, err = set(people.Change{Profession: text("60")}); err != nil ||
		!slices.Equal(p.Roles(), []string{"60^1.2.250.1.213.1.1.5.5"}) {
		t.Errorf("%+v, %v", p, err)
	}
	if err := s.Reset(t.Context(), "cli:test", alain.IdNat); err != nil {
		t.Fatal(err)
	}
	if p := s.find(t, alain.IdNat); p.Contact.Mail != "alain.dupond@example.fr" || p.From.Contact != people.File {
		t.Errorf("%+v", p)
	}
	if err := os.Remove(s.overlay); err != nil {
		t.Fatal(err)
	}
	if p := s.find(t, alain.IdNat); p.FamilyName != alain.Surname {
		t.Errorf("%+v", p)
	}
	// each change is in the feed
	var changes []string
	err = s.store.View(t.Context(), func(r store.Reader) error {
		list, err := r.Changes(0, 100)
		for _, c := range list {
			if c.Document != "" {
				changes = append(changes, c.Actor+" "+string(c.Kind)+" "+c.Document)
			}
		}
		return err
	})
	if err != nil || len(changes) != 5 || changes[0] != "cli:test document.put people.person/899700209812" {
		t.Errorf("%q, %v", changes, err)
	}
}

// What is wrong is named, and leaves everything as it was.
func TestWrong(t *testing.T) {
	s := newStand(t)
	s.issue(t, "cps/authentication", alain)
	before := s.find(t, alain.IdNat)
	for name, tc := range map[string]struct {
		id     string
		change people.Change
		say    string
	}{
		"a mail":           {alain.IdNat, people.Change{Mail: text("nowhere")}, "not an address"},
		"a mail with CRLF": {alain.IdNat, people.Change{Mail: text("a@x.fr\r\nBcc: b@x.fr")}, "control character"},
		"a mail with name": {alain.IdNat, people.Change{Mail: text("A <a@example.fr>")}, "not an address"},
		"a phone":          {alain.IdNat, people.Change{Phone: text("12")}, "ten digits"},
		"a foreign phone":  {alain.IdNat, people.Change{Phone: text("+44 20 7946 0000")}, "ten digits"},
		"control":          {alain.IdNat, people.Change{FamilyName: text("A\x00")}, "control character"},
		"bidirectional":    {alain.IdNat, people.Change{FamilyName: text("A\u202e")}, "control character"},
		"long":             {alain.IdNat, people.Change{FamilyName: text(strings.Repeat("A", 300))}, "300 characters"},
		"not UTF-8":        {alain.IdNat, people.Change{FamilyName: text("\xff")}, "UTF-8"},
		"both":             {alain.IdNat, people.Change{NoActivity: true, RefPro: &people.RefPro{}}, "contradict"},
		"no name":          {"ANS20260101000000", people.Change{Mail: text("a@example.fr")}, "family name"},
		"no identifier":    {"", people.Change{FamilyName: text("A")}, "empty"},
		"wrong identifier": {"7abc", people.Change{FamilyName: text("A")}, "begins with"},
		"real":             {"810003111463", people.Change{FamilyName: text("A")}, "may be a real person"},
	} {
		_, err := s.Set(t.Context(), "cli:test", tc.id, tc.change, people.SetOptions{})
		if err == nil || !strings.Contains(err.Error(), tc.say) {
			t.Errorf("%s: %v", name, err)
		} else if kind := store.KindOf(err); kind != store.Invalid && kind != store.NotFound {
			t.Errorf("%s: %s", name, kind)
		}
	}
	if after := s.find(t, alain.IdNat); !reflect.DeepEqual(before, after) {
		t.Errorf("%+v, was %+v", after, before)
	}
	change := people.Change{FamilyName: text("A")}
	if _, err := s.Set(t.Context(), "", "810003111463", change, people.SetOptions{AllowRealID: true}); err != nil {
		t.Error(err)
	}
	for content, say := range map[string]string{
		`"899700209812": {family_nam: A}`:                                         `did you mean "family_name"`,
		`"899700209812": {SubjectRefPro: {exercices: [{codeProffession: "10"}]}}`: `did you mean "codeProfession"`,
		`"899700209812": {phone: "1"}`:                                            "ten digits",
		`"810003111463": {family_name: A}`:                                        "may be a real person",
		`"7": {family_name: A}`:                                                   "begins with",
		`[]`:                                                                      "keys with values",
		`"899700209812": {family_name: A}` + "\n---\n" + `"899700209812": {mail: x}`: "second document",
	} {
		if err := os.WriteFile(s.overlay, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		_, err := s.Find(t.Context(), alain.IdNat)
		if err == nil || !strings.Contains(err.Error(), say) || !strings.Contains(err.Error(), people.OverlayFile) ||
			store.KindOf(err) != store.Invalid {
			t.Errorf("%s: %v", content, err)
		}
	}
}

func TestCheckCodes(t *testing.T) {
	for _, tc := range []struct {
		change people.Change
		want   string // of the error, empty for none
	}{
		{people.Change{Profession: text("10 Médecin"), Speciality: text("sm26"),
			Sector: text("SA07"), Mode: text("l"), Civility: text("mme")}, ""},
		{people.Change{Profession: text("99")}, "igc codes G15"},
		{people.Change{Speciality: text("SM00")}, "igc codes R01"},
		{people.Change{Sector: text("SA99")}, "igc codes R02"},
		{people.Change{PharmacistSection: text("Z")}, "igc codes G05"},
		{people.Change{Mode: text("X")}, "B, L, S"},
		{people.Change{Speciality: text("")}, ""},
	} {
		err := tc.change.CheckCodes()
		if (err == nil) != (tc.want == "") || err != nil && !strings.Contains(err.Error(), tc.want) {
			t.Errorf("%+v: %v", tc.change, err)
		}
		if tc.change.Mode != nil && err == nil && *tc.change.Mode != "L" {
			t.Errorf("%q", *tc.change.Mode)
		}
	}
}

// Two who change a person at once lose nothing.
func TestSetAtOnce(t *testing.T) {
	s := newStand(t)
	errs := make(chan error)
	changes := map[string]people.Change{"mail": {Mail: text("a@example.org")}, "phone": {Phone: text("0639980000")},
		"name": {GivenName: text("A")}, "sector": {Sector: text("SA05")}}
	for _, c := range changes {
		go func() {
			_, err := s.Set(t.Context(), "", camille, c, people.SetOptions{})
			errs <- err
		}()
	}
	for range changes {
		if err := <-errs; err != nil {
			t.Error(err)
		}
	}
	p := s.find(t, camille)
	if p.Contact != (people.Contact{Mail: "a@example.org", Phone: "0639980000"}) ||
		p.GivenName != "A" || p.Sector()[:4] != "SA05" {
		t.Errorf("%+v", p)
	}
}

// No overlay makes the directory panic, and one that is read holds to the bounds of claims.
func FuzzOverlay(f *testing.F) {
	builtIn, err := os.ReadFile("identities.yaml")
	if err != nil {
		f.Fatal(err)
	}
	for _, seed := range []string{string(builtIn), "", "---",
		`"899700209812": {mail: a@example.fr, phone: "0639980000"}`,
		`"899700209812": {SubjectRefPro: {exercices: [{activities: [{}]}]}}`,
		`"ANS20260101000000": {no_activity: true, mode: L}`,
		`"899700209812": &a {SubjectRefPro: {exercices: [*a]}}`, `"8": {}`, `"": {}`, "? {}\n: {}"} {
		f.Add(seed)
	}
	dir := f.TempDir()
	n := 0
	f.Fuzz(func(t *testing.T, content string) {
		n++
		path := filepath.Join(dir, fmt.Sprint(n))
		if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		defer os.Remove(path)
		d := people.New(people.Options{Records: emptyLab{}, Documents: emptyLab{}, Overlay: path})
		for p, err := range d.List(t.Context()) {
			if err != nil {
				if kind := store.KindOf(err); kind != store.Invalid {
					t.Fatalf("%s: %v", kind, err)
				}
				return
			}
			data, err := json.Marshal(p.UserInfo())
			if err != nil || len(data) == 0 || strings.ContainsAny(p.Contact.Mail+p.Contact.Phone, "\r\n\x00") {
				t.Fatalf("%+v: %v", p, err)
			}
		}
	})
}

// emptyLab is a lab that holds nothing.
type emptyLab struct{ store.DocumentStore }

func (emptyLab) List(context.Context, ca.Filter) ([]*ca.Record, error) { return nil, nil }
func (emptyLab) GetDocument(_ context.Context, kind store.DocumentKind, key string) (store.Document, error) {
	return store.Document{}, store.Errorf(store.NotFound, "no %s %q", kind.Name, key)
}
func (emptyLab) ScanDocuments(context.Context, store.DocumentKind, string) ([]store.Document, error) {
	return nil, nil
}

// An error of the store is given on.
func TestStoreFails(t *testing.T) {
	failed := errors.New("disk")
	d := people.New(people.Options{Records: emptyLab{}, Documents: broken{err: failed}})
	if _, err := d.Find(t.Context(), camille); !errors.Is(err, failed) {
		t.Error(err)
	}
	for _, err := range maps.Collect(d.List(t.Context())) {
		if !errors.Is(err, failed) {
			t.Error(err)
		}
	}
}

type broken struct {
	emptyLab
	err error
}

func (b broken) GetDocument(context.Context, store.DocumentKind, string) (store.Document, error) {
	return store.Document{}, b.err
}
func (b broken) ScanDocuments(context.Context, store.DocumentKind, string) ([]store.Document, error) {
	return nil, b.err
}
