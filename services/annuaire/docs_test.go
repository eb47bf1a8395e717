package annuaire

import (
	"bytes"
	"encoding/json"
	"errors"
	"flag"
	"os"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "write docs/annuaire-codes.md")

// docs/annuaire-codes.md is made from codes.yaml.
func TestCodes(t *testing.T) {
	var b bytes.Buffer
	if err := WriteCodes(&b); err != nil {
		t.Fatal(err)
	}
	const file = "../../docs/annuaire-codes.md"
	if *update {
		if err := os.WriteFile(file, b.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	if have, err := os.ReadFile(file); err != nil || !bytes.Equal(have, b.Bytes()) {
		t.Errorf("%s is not what codes.yaml makes: -update writes it (%v)", file, err)
	}
	for _, m := range Mistakes() {
		if m.Means.FR == "" || m.Means.EN == "" || m.Fix.FR == "" || m.Fix.EN == "" {
			t.Errorf("%s lacks a text", m.Code)
		}
	}
}

// The queries that the ANS's documentation gives as examples, version 2 of its guide: each is
// answered, and those that ask for what a population has find some. "…" stands for the addresses of
// terminologies.
func TestExamplesOfTheDocumentation(t *testing.T) {
	w := newWorld(t, 4000)
	sector, facility, form := systemSector+"|", systemFacility+"|", systemForm+"|"
	for _, e := range []struct {
		query string
		some  bool
	}{
		{"Organization", true},
		{"Organization?identifier=" + escaped("https://finess.esante.gouv.fr|"), true},
		{"Organization?identifier=org-org-148", false},
		{"Organization?name%3Acontains=ANDRE%2CMIGNOT", false},
		{"Organization?name%3Acontains=HOP", true},
		{"Organization?name%3Aexact=MIGNOT", false},
		{"Organization?name:contains=ANDRE&name:contains=MIGNOT", false},
		{"Organization?_include=*", true},
		{"Organization?_include=Organization:partof", true},
		{"Organization?_lastUpdated=ge2025-08-05", true},
		{"Organization?_revinclude=Device:organization", true},
		{"Organization?_revinclude=HealthcareService:organization", true},
		{"Organization?_revinclude=PractitionerRole:organization", true},
		{"Organization?_revinclude=Organization:partof", true},
		{"Organization?address-postalcode=75016&address-city=PARIS", false},
		{"Organization?address-postalcode=7", true},
		{"Organization?data-information-system=FINESS", true},
		{"Organization?data-information-system=RPPS", true},
		{"Organization?name:contains=imagerie,centre", true},
		{"Organization?type=GEOGRAPHICAL-ENTITY", true},
		{"Organization?type=LEGAL-ENTITY", true},
		{"Organization?type=" + escaped(sector+"SA01"), true},
		{"Organization?type=" + escaped(facility+"101"), false},
		{"Organization?mailbox-mss:contains=%40", true},
		{"Organization?type=" + escaped(sector+"SA25,"+sector+"SA29") + "&mailbox-mss:contains=%40", true},
		{"Organization?type=SA33,SA38,SA39,SA65", true},
		{"Organization?identifier=" + escaped("https://finess.esante.gouv.fr|") + "&type=SA01,SA02&type:not=159,165",
			true},
		{"Practitioner", true},
		{"Practitioner?_id=003-32783-88722", false},
		{"Practitioner?_lastUpdated=ge2024-08-30", true},
		{"Practitioner?_revinclude=PractitionerRole:practitioner", true},
		{"Practitioner?active=true", true},
		{"Practitioner?identifier=10001234567", false},
		{"Practitioner?identifier=0012807590%2C810000005479", false},
		{"Practitioner?name:family=MA&name:given=M", true},
		{"Practitioner?qualification-code=21", true},
		{"Practitioner?qualification-code=C", true},
		{"Practitioner?qualification-code=SM26", true},
		{"Practitioner?qualification-code=" + escaped(systemProfession+"|21"), true},
		{"Practitioner?qualification-code=" + escaped(systemCategory+"|C"), true},
		{"Practitioner?qualification-code=10&active=true", true},
		{"Practitioner?qualification-code=10&_lastUpdated=ge2025-09-27", true},
		{"Practitioner?mailbox-mss:contains=%40", true},
		{"Practitioner?identifier=10001766123&_elements=name", false},
		{"PractitionerRole", true},
		{"PractitionerRole?_id=005-69329-7187020", false},
		{"PractitionerRole?_include=*", true},
		{"PractitionerRole?_include=PractitionerRole:organization", true},
		{"PractitionerRole?_include=PractitionerRole:practitioner", true},
		{"PractitionerRole?active=true", true},
		{"PractitionerRole?identifier=1013186038", false},
		{"PractitionerRole?mailbox-mss:contains=apycript.org", false},
		{"PractitionerRole?role=" + escaped(systemSection+"|A"), true},
		{"PractitionerRole?_elements=telecom", true},
		{"HealthcareService", true},
		{"HealthcareService?_include=*", true},
		{"HealthcareService?_include=HealthcareService:organization", true},
		{"HealthcareService?_lastUpdated=ge2020-08-01", true},
		{"HealthcareService?_profile=" + guide + "as-dp-healthcareservice-healthcare-activity", true},
		{"HealthcareService?_profile=" + guide + "as-dp-healthcareservice-social-equipment", true},
		{"HealthcareService?active=true", true},
		{"HealthcareService?active=false", false},
		{"HealthcareService?characteristic=" + escaped(form+"07"), false},
		{"HealthcareService?identifier=52-52-49883", false},
		{"Device", true},
		{"Device?_include=*", true},
		{"Device?_lastUpdated=ge2020-08-07", true},
		{"Device?identifier=93-93-67204", false},
		{"Device?status=active", true},
		{"Device?type=" + escaped(systemEquipment+"|05602"), false},
		{"Device?_count=10000", true},
		{"Device?_total=accurate", true},
	} {
		b := w.search(e.query)
		if *b.Total == 0 && e.some {
			t.Errorf("%s finds nothing", e.query)
		}
	}
}

// What the real server says when it refuses.
func TestRefusals(t *testing.T) {
	w := newWorld(t, 10)
	for _, e := range []struct {
		method, target string
		status         int
		says           string
	}{
		{"GET", "/fhir/v2/Practitioner?colour=blue", 400, "Parameter colour not found for resource Practitioner"},
		{"GET", "/fhir/v2/Practitioner?_sort=name", 400, "Parameter _sort not found for resource Practitioner"},
		{"GET", "/fhir/v2/Practitioner?_count=many", 400, "_count parameter must be in the FHIR format"},
		{"GET", "/fhir/v2/Practitioner?_lastUpdated=yesterday", 400, "date"},
		{"GET", "/fhir/v2/Practitioner?_include=Device:organization", 400, "Device:organization"},
		{"GET", "/fhir/v2/Practitioner/003-1-2", 404, "003-1-2"},
		{"GET", "/fhir/v2/Patient", 404, "HAPI-0302: Unknown resource type 'Patient'"},
		{"GET", "/fhir/v2/_page?id=nonsense", 400, "not valid"},
		{"PUT", "/fhir/v2/Practitioner/003-1-2", 403, "not allowed"},
		{"DELETE", "/fhir/v2/Practitioner/003-1-2", 403, "not allowed"},
		{"POST", "/fhir/v2/Practitioner", 403, "not allowed"},
	} {
		status, body := w.call(e.method, e.target)
		var o outcome
		if err := json.Unmarshal(body, &o); err != nil || status != e.status || o.ResourceType != "OperationOutcome" ||
			len(o.Issue) != 1 || o.Issue[0].Severity != "error" || !strings.Contains(o.Issue[0].Diagnostics, e.says) {
			t.Errorf("%s %s: %d %s", e.method, e.target, status, body)
		}
	}
	list, _ := w.Calls(0)
	if len(list) != 11 || list[0].Found[0].Code != "ANN-PARAMETER-UNKNOWN" || list[0].Found[0].Seen != "colour" {
		t.Errorf("%d calls: %+v", len(list), list[0])
	}
}

// Keys, limits and faults.
func TestAdmission(t *testing.T) {
	w := newWorld(t, 300)
	set := func(args ...string) {
		t.Helper()
		if _, err := ChangeSettings(t.Context(), w.Documents, "test", func(s *Settings) error {
			*s = DefaultSettings()
			for _, arg := range args {
				name, value, _ := strings.Cut(arg, "=")
				if err := s.Set(name, value); err != nil {
					return err
				}
			}
			return nil
		}); err != nil {
			t.Fatal(err)
		}
	}
	status := func(header ...string) int {
		code, _ := w.call("GET", "/fhir/v2/Device", header...)
		return code
	}
	key, err := AddKey(t.Context(), w.Documents, "test", "editeur", false, atNow)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := AddKey(t.Context(), w.Documents, "test", "editeur", false, atNow); err == nil {
		t.Error("a second key of the same name")
	}
	if got := status(); got != 200 {
		t.Errorf("without a key, none asked for: %d", got)
	}
	set("require_key=on")
	if a, b, c := status(), status(keyHeader, "wrong"), status(keyHeader, key); a != 401 || b != 401 || c != 200 {
		t.Errorf("no key %d, a wrong one %d, the right one %d", a, b, c)
	}
	set("limit=on")
	limited := 0
	for range 2 * perSecond {
		if status() == 429 {
			limited++
		}
	}
	if limited == 0 {
		t.Error("no call was one too many")
	}
	for _, e := range []struct {
		fault string
		want  int
	}{{"429", 429}, {"502", 502}, {"504", 504}, {"10ms", 200}} {
		set("fault=" + e.fault)
		if got := status(); got != e.want {
			t.Errorf("fault %s: %d", e.fault, got)
		}
	}
	set("fault=504", "fault_every=3")
	if a, b, c := status(), status(), status(); a+b+c != 200+200+504 {
		t.Errorf("at each third call: %d %d %d", a, b, c)
	}
	set("fault=next")
	b := w.search("Practitioner?_count=5")
	if code, _ := w.call("GET", b.link("next")); code != 400 {
		t.Errorf("the broken link next: %d", code)
	}
	for _, wrong := range []string{"fault=5h", "fault=maybe", "limit=yes", "fault_every=0", "colour=blue"} {
		s := DefaultSettings()
		name, value, _ := strings.Cut(wrong, "=")
		if err := s.Set(name, value); err == nil || s != DefaultSettings() {
			t.Errorf("%s is taken", wrong)
		}
	}
}

// FuzzQuery reads any query; what it takes is answered.
func FuzzQuery(f *testing.F) {
	for _, seed := range []string{"name=MAR&_count=5", "identifier=https%3A%2F%2Frpps.esante.gouv.fr%7C99700000001",
		"_lastUpdated=ge2026-01-01&_lastUpdated=lt2026-02", "name:contains=a\\,b,c", "type:not=SA01|x|y", "%zz=1",
		"&&==&:=",
		"_include=*&_revinclude=PractitionerRole:practitioner&_elements=name,identifier",
		"partof=Organization/001-01-F1"} {
		f.Add(seed)
	}
	w := newWorld(f, 50)
	f.Fuzz(func(t *testing.T, text string) {
		for _, k := range kinds {
			q, err := parseQuery(k, text, func(code Code, _ string) {
				if mistakeOf(code) == nil {
					t.Errorf("no code %s", code)
				}
			})
			if err != nil {
				continue
			}
			found, err := w.data.search(t.Context(), q, nil)
			if err != nil {
				t.Fatalf("%q: %v", text, err)
			}
			if len(found.rows) > q.count || len(found.rows) > found.total {
				t.Fatalf("%q: %d rows, count %d, total %d", text, len(found.rows), q.count, found.total)
			}
			if found.next != nil {
				found.next.Query = text
				if c, err := parseCursor(found.next.String()); err != nil || *c != *found.next {
					t.Fatalf("%q: the cursor does not come back: %v", text, err)
				}
			}
		}
	})
}

// FuzzCursor reads any cursor; one that is taken is answered or refused.
func FuzzCursor(f *testing.F) {
	w := newWorld(f, 50)
	b := w.search("Practitioner?_count=7")
	_, id, _ := strings.Cut(b.link("next"), "id=")
	f.Add(id)
	f.Add((&cursor{Kind: "Device", Query: "a=b", Seen: snapshot{1, 2, 1 << 31}, After: 1 << 31}).String())
	f.Fuzz(func(t *testing.T, text string) {
		c, err := parseCursor(text)
		if err != nil {
			return
		}
		q, err := parseQuery(kindOf(c.Kind), c.Query, func(Code, string) {})
		if err != nil {
			return
		}
		if _, err := w.data.search(t.Context(), q, c); err != nil {
			if p := (*problem)(nil); !asProblem(err, &p) {
				t.Fatalf("%v: %v", c, err)
			}
		}
	})
}

func asProblem(err error, p **problem) bool { return errors.As(err, p) }
