package extraction

import (
	"archive/zip"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/igc-lab/igc/ca"
	"github.com/igc-lab/igc/ca/store"
	"github.com/igc-lab/igc/people"
	"github.com/igc-lab/igc/profiles"
)

// A day in winter, and what names have then.
var (
	testNow  = time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)
	testLast = "_202611220830"
)

// manyPeople are people that a function makes.
type manyPeople struct {
	count  int
	person func(int) *people.Person
	each   func(int) error // called before each, may be nil
}

func (m manyPeople) List(context.Context) iter.Seq2[*people.Person, error] {
	return func(yield func(*people.Person, error) bool) {
		for i := range m.count {
			if m.each != nil {
				if err := m.each(i); err != nil {
					yield(nil, err)
					return
				}
			}
			if !yield(m.person(i), nil) {
				return
			}
		}
	}
}

// only are these people.
func only(all ...*people.Person) manyPeople {
	return manyPeople{count: len(all), person: func(i int) *people.Person { return all[i] }}
}

// structures are a population of these structures, whose people nobody asks for.
type structures struct {
	people.Population
	all []*people.Structure
}

func (s structures) Structures() int                       { return len(s.all) }
func (s structures) Structure(place int) *people.Structure { return s.all[place] }

// populationOf is what gives these structures, none when there are none.
func populationOf(all ...*people.Structure) func(context.Context) (people.Population, error) {
	return func(context.Context) (people.Population, error) {
		if len(all) == 0 {
			return nil, nil
		}
		return structures{all: all}, nil
	}
}

// manyRecords are records that a function makes, numbered from 1.
type manyRecords struct {
	count  int
	record func(int) *ca.Record
}

func (m manyRecords) List(_ context.Context, f ca.Filter) (page []*ca.Record, err error) {
	for n := int(f.After) + 1; n <= m.count && len(page) < f.Limit; n++ {
		r := m.record(n)
		r.Number = uint64(n)
		if f.Passes(r) {
			page = append(page, r)
		}
	}
	return page, nil
}

func records(all ...*ca.Record) manyRecords {
	return manyRecords{len(all), func(n int) *ca.Record { return all[n-1] }}
}

// newTest makes the extractions of a source.
func newTest(p People, r Records, s ...*people.Structure) *Extractions {
	return New(Options{People: p, Population: populationOf(s...), Records: r,
		Now: func() time.Time { return testNow }, Log: slog.New(slog.DiscardHandler)})
}

// get fetches an extraction and returns its files, by name without date and ending.
func get(t testing.TB, x http.Handler, name string) map[string]string {
	t.Helper()
	w := httptest.NewRecorder()
	x.ServeHTTP(w, httptest.NewRequest(http.MethodGet, Path+name, nil))
	if w.Code != http.StatusOK {
		t.Fatalf("%s: status %d: %s", name, w.Code, w.Body)
	}
	return unzip(t, w.Body.Bytes())
}

func unzip(t testing.TB, content []byte) map[string]string {
	t.Helper()
	archive, err := zip.NewReader(bytes.NewReader(content), int64(len(content)))
	if err != nil {
		t.Fatal(err)
	}
	files := map[string]string{}
	for _, f := range archive.File {
		r, err := f.Open()
		if err != nil {
			t.Fatal(err)
		}
		text, err := io.ReadAll(r)
		if err != nil {
			t.Fatal(err)
		}
		name, ok := strings.CutSuffix(f.Name, testLast+".txt")
		if !ok {
			t.Errorf("the ZIP has a file %s, want one that ends with %s.txt", f.Name, testLast)
		}
		files[name] = string(text)
	}
	return files
}

// full is somebody with a value in each field that a file shows.
func full() *people.Person {
	return &people.Person{ID: "899700218896", GivenName: "ROBERT", FamilyName: "SPECIALISTE0021889",
		RefPro: &people.RefPro{CodeCivilite: "M", Exercices: []people.Exercice{{CodeProfession: "10",
			CodeCategorie: "C",
			CodeCivilite:  "DR", Nom: "SPECIALISTE", Prenom: "Robert", CodeTypeSavoirFaire: "S",
			CodeSavoirFaire: "SM04",
			Activities: []people.Activity{{CodeModeExercice: "S", CodeSecteurDactivite: "SA01",
				CodeSectionPharmacien: "A",
				CodeRole:              "FON-33", CodeGenreActivite: "GENR01", NumeroSiretSite: "30000000007708",
				NumeroSirenSite:  "300000000",
				NumeroFinessSite: "0B0999901", FinessJuridique: "1B0999902", IdentifiantTechnique: "F0B0999901",
				RaisonSocialeSite: "HOPITAL LAB", EnseigneCommercialeSite: "CHU LAB",
				ComplementDestinataire:      "POLE COEUR",
				ComplementPointGeographique: "BATIMENT C", NumeroVoie: "10", IndiceRepetitionVoie: "B",
				CodeTypeDeVoie: "AV",
				LibelleVoie:    "DE PARIS", MentionDistribution: "BP 12", BureauCedex: "75009 PARIS",
				CodePostal:  "75009",
				CodeCommune: "75109", CodePays: "99000", Telephone: "0639980001", Telephone2: "0639980002",
				Telecopie: "0639980003", AdresseEMail: "coeur@hopital.example.fr", CodeDepartement: "75",
				AncienIdentifiant: "10B0999901", AutoriteDenregistrement: "CNOM/CNOM/ARS"}}}}},
		Register: people.Register{Diplomas: []people.Diploma{{Type: "DE", Code: "DE05"}},
			Mailboxes: []people.Mailbox{{Address: "robert.specialiste@medecin.mssante.example.fr", Type: "PER"}}}}
}

// hospital is a structure with a value in each field that a file shows.
func hospital() *people.Structure {
	return &people.Structure{ID: "F0B0999901", NationalID: "10B0999901", Name: "HOPITAL LAB", Sign: "CHU LAB",
		Address: people.Address{Recipient: "POLE COEUR", Place: "BATIMENT C", Number: "10", Repetition: "B",
			StreetType: "AV", Street: "DE PARIS", Mention: "BP 12", Cedex: "PARIS CEDEX 9", PostalCode: "75009",
			Commune: "75109", Department: "75", Country: "99000"},
		Mailboxes: []people.Mailbox{{Address: "cardiologie@hopital.mssante.example.fr", Type: "ORG",
			Service: "Cardiologie"}}}
}

// card makes the certificate of a card.
func card(number, product, role, id string) *ca.Record {
	begin := time.Date(2026, 11, 1, 8, 0, 0, 0, time.UTC)
	return &ca.Record{Profile: product + "/" + role, Status: store.Good, NotBefore: begin,
		NotAfter: time.Date(2029, 10, 31, 22, 59, 59, 0, time.UTC), IssuedAt: begin,
		Holder: profiles.Holder{GivenName: "ROBERT", Surname: "SPECIALISTE0021889", IdNat: id, Profession: "10",
			CardNumber: number}}
}

// revoked is a record that was revoked then.
func revoked(r *ca.Record, at time.Time, reason store.Reason) *ca.Record {
	c := *r
	c.SetRevocation(&ca.Revocation{At: at, Reason: reason})
	return &c
}

// lines are the lines of a text, each divided at its separators.
func lines(t testing.TB, text string) (all [][]string) {
	t.Helper()
	if !strings.HasSuffix(text, "\n") {
		t.Errorf("the last line has no end: %q", text[max(0, len(text)-40):])
	}
	for line := range strings.Lines(text) {
		all = append(all, strings.Split(strings.TrimSuffix(line, "\n"), "|"))
	}
	return all
}

// valuesOf are those of a line by the names of the header.
func valuesOf(header, line []string) map[string]string {
	values := map[string]string{}
	for i, name := range header {
		if name != "" {
			values[name] = line[i]
		}
	}
	return values
}

var errSource = errors.New("the source broke")

// busy has two activities, a diploma, a speciality and a mailbox.
var busy = func() *people.Person {
	p := full()
	e := &p.RefPro.Exercices[0]
	e.Activities = slices.Repeat(e.Activities, 2)
	return p
}()

// somebody is the person of a place, as busy as the others.
func somebody(i int) *people.Person {
	p := *busy
	p.ID = fmt.Sprintf("8997%08d", i)
	return &p
}
