package doctor

import (
	"context"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/igc-lab/igc/ca"
	"github.com/igc-lab/igc/card/vpcd"
	"github.com/igc-lab/igc/internal/cardtest"
	"github.com/igc-lab/igc/internal/i18n"
	"github.com/igc-lab/igc/profiles"
	"github.com/igc-lab/igc/revocation"
	"github.com/igc-lab/igc/revocation/crl"
)

// A check that never ends, or that panics, is a line like others, and the next ones are made.
func TestDoctorBounded(t *testing.T) {
	t.Setenv("IGC_LANG", "en")
	d := &diagnosis{Options: Options{Home: t.TempDir()}}
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	for what, look := range map[string]func(*diagnosis, context.Context) []Finding{
		"hangs":  func(*diagnosis, context.Context) []Finding { select {} },
		"panics": func(*diagnosis, context.Context) []Finding { panic("broken page") },
	} {
		found := d.runCheck(ctx, check{name: what, find: look})
		if len(found) != 1 || found[0].State != Todo || found[0].Remedy == "" {
			t.Errorf("a check that %s: %+v", what, found)
		}
	}
}

// Authorities that are not what the lab's should be.
func TestDoctorChains(t *testing.T) {
	t.Setenv("IGC_LANG", "en")
	lab := cardtest.New(t)
	other := cardtest.New(t)
	wanted := []profiles.Authority{{Gamme: profiles.Fort, Domaine: profiles.Personnes}, {Gamme: profiles.Standard}}
	read := func(l *cardtest.Lab) map[string]ca.AuthorityInfo {
		t.Helper()
		if _, err := l.Ensure(t.Context(), wanted); err != nil {
			t.Fatal(err)
		}
		list, err := l.Authorities(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		all := map[string]ca.AuthorityInfo{}
		for _, a := range list {
			all[a.ID] = a
		}
		return all
	}
	ours, theirs := read(lab), read(other)
	root, aci := ours["ACR-FO"], ours["ACI-FO-PP"]
	for name, c := range map[string]struct {
		list []ca.AuthorityInfo
		want string
	}{
		"good":                 {[]ca.AuthorityInfo{root, aci}, ""},
		"another lab's root":   {[]ca.AuthorityInfo{theirs["ACR-FO"], aci}, "is not signed by ACR-FO"},
		"no root":              {[]ca.AuthorityInfo{aci}, "its root ACR-FO is missing"},
		"another authority's":  {[]ca.AuthorityInfo{{ID: "ACR-FO", DER: ours["ACR-ST"].DER}}, "the certificate is that of"},
		"no certificate":       {[]ca.AuthorityInfo{{ID: "ACR-FO", DER: []byte{0x30, 0}}}, "ACR-FO"},
		"an authority unheard": {[]ca.AuthorityInfo{{ID: "ACR-XX", DER: root.DER}}, "ACR-XX"},
	} {
		found := (&diagnosis{}).checkChains(c.list, "/lab")
		if (c.want == "") != (found[0].State == OK) || !strings.Contains(found[0].Message, c.want) {
			t.Errorf("%s: %s, %s", name, found[0].State, found[0].Message)
		}
	}
}

// Dates of authorities, of CRLs and of the clock, on both sides of their ends.
func TestDoctorDates(t *testing.T) {
	t.Setenv("IGC_LANG", "en")
	lab := cardtest.New(t)
	if _, err := lab.Ensure(t.Context(), []profiles.Authority{{Gamme: profiles.Fort}}); err != nil {
		t.Fatal(err)
	}
	list, err := lab.Authorities(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	all := (&diagnosis{authorities: list}).each()
	begin, end, day := all[0].certificate.NotBefore, all[0].certificate.NotAfter, 24*time.Hour
	for _, c := range []struct {
		now  time.Time
		want State
		text string
	}{{begin.Add(-day), Todo, "see clock"}, {begin.Add(day), OK, "days left"}, {end.Add(-10*day - time.Hour), Note, "in 10 days"},
		{end.Add(-5 * time.Hour), Note, "in 5 h"}, {end, Todo, "expired on"}} {
		found := (&diagnosis{}).checkDates(all, c.now, 30*day, "remedy")
		if len(found) != 1 || found[0].State != c.want || !strings.Contains(found[0].Message, c.text) {
			t.Errorf("on %s: %+v", c.now, found)
		}
	}

	now := time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)
	old := &crl.CRL{Authority: all[0].Authority, Number: 7, ThisUpdate: now.Add(-9 * day), NextUpdate: now}
	good := &crl.CRL{Authority: all[0].Authority, Number: 8, ThisUpdate: now, NextUpdate: now.Add(6 * day)}
	future := &crl.CRL{Authority: all[0].Authority, Number: 9, ThisUpdate: now.Add(time.Hour), NextUpdate: now.Add(7 * day)}
	if first, errs := ended([]*crl.CRL{good, old, future}, now); first != old || len(errs) != 2 ||
		!strings.Contains(errs[0].Error(), "number 7 expired on") || !strings.Contains(errs[1].Error(), "number 9 has a thisUpdate in the future") {
		t.Errorf("CRLs: %v", errs)
	}
	if first, errs := ended([]*crl.CRL{good}, now); first != good || errs != nil {
		t.Errorf("a good list: %v", errs)
	}

	found := (&diagnosis{}).checkClock(now, now.Add(time.Hour), "CRL ACR-FO")
	if found[0].State != Todo || !strings.Contains(found[0].Message, "1h0m0s behind CRL ACR-FO") {
		t.Errorf("a clock that is late: %+v", found)
	}
	if found := (&diagnosis{}).checkClock(now, now, "CRL ACR-FO"); found[0].State == Todo {
		t.Errorf("a clock that is right: %+v", found)
	}
}

// Where this machine finds what certificates name.
func TestReach(t *testing.T) {
	for named, want := range map[string]string{"http://localhost:8080/x": "http://localhost:8080/x", "http://127.0.0.2:80": "http://127.0.0.2:80",
		"http://igc-sante.esante.gouv.fr/CRL/a.crl": "http://localhost:9090/CRL/a.crl", "http://a.localhost": "http://a.localhost"} {
		if got := reach(named, "0.0.0.0:9090"); got != want {
			t.Errorf("%s is asked for at %s, not %s", named, got, want)
		}
	}
}

// What igc doctor says of an igc card reader that was started elsewhere: for another lab, for
// another vpcd, in another network.
func TestDoctorIdleReader(t *testing.T) {
	t.Setenv("IGC_LANG", "en")
	d := &diagnosis{Options: Options{Home: t.TempDir()}}
	here := vpcd.Machine{PID: 17, Address: "127.0.0.1:1"} // where nothing listens
	apart := here
	apart.Elsewhere = true
	for name, test := range map[string]struct {
		machine vpcd.Machine
		reader  vpcd.Program
		state   State
		want    []string
	}{
		"another lab":      {here, vpcd.Program{PID: os.Getpid(), Home: t.TempDir(), Address: here.Address}, Note, []string{"another lab", "kill ", "card reader"}},
		"another vpcd":     {here, vpcd.Program{PID: os.Getpid(), Home: d.Home, Address: vpcd.DefaultAddress}, Todo, []string{vpcd.DefaultAddress, "--vpcd 127.0.0.1:1"}},
		"another network":  {apart, vpcd.Program{PID: os.Getpid(), Home: d.Home, Address: here.Address}, Todo, []string{"network of its own", "nsenter --net=/proc/17/ns/net"}},
		"before pcscd":     {here, vpcd.Program{PID: os.Getpid(), Address: here.Address}, Note, []string{"nothing listens"}},
		"a lab not known":  {here, vpcd.Program{PID: os.Getpid(), Address: vpcd.DefaultAddress}, Todo, []string{"looks for vpcd"}},
		"the lab's folder": {here, vpcd.Program{PID: os.Getpid(), Home: d.Home + "/.", Address: here.Address}, Note, []string{"nothing listens"}},
	} {
		f := d.idleReader(test.machine, test.reader)
		for _, want := range test.want {
			if f.State != test.state || !strings.Contains(f.Message+"\n"+f.Remedy, want) {
				t.Errorf("%s: %v %s\n→ %s\nwant %v, %q", name, f.State, f.Message, f.Remedy, test.state, want)
			}
		}
	}
}

// A problem of /healthz has a remedy when igc publish puts it right, and no remedy otherwise.
func TestDoctorOnHealth(t *testing.T) {
	d := &diagnosis{Options: Options{Home: t.TempDir()}}
	for _, test := range []struct {
		what    string
		level   revocation.Level
		state   State
		publish bool
	}{
		{"crl", revocation.Failing, Todo, true},
		{"delta_crl", revocation.Warning, Note, true},
		{"responder", revocation.Warning, Note, false},
		{"responder", revocation.Failing, Todo, false},
		{"certificate", revocation.Failing, Todo, false},
		{"staple", revocation.Warning, Note, false},
		{"store", revocation.Failing, Todo, false},
	} {
		f := d.problem(revocation.Problem{What: test.what, Level: test.level}, "what /healthz says")
		if f.State != test.state || strings.HasSuffix(f.Remedy, " publish") != test.publish || (f.fix != nil) != (test.publish && test.state == Todo) || !test.publish && f.Remedy != "" {
			t.Errorf("%s, %s: %+v", test.what, test.level, f)
		}
	}
}

// A report is in the language that is asked for, whatever that of the process is.
func TestLanguage(t *testing.T) {
	for in, want := range map[i18n.Language][]string{
		i18n.English: {"closed to others; ", " GB free"},
		i18n.French:  {"fermé aux autres ; ", " Go libres"},
	} {
		t.Setenv("IGC_LANG", string(in.Other()))
		lab := cardtest.New(t)
		if _, err := lab.Ensure(t.Context(), []profiles.Authority{{Gamme: profiles.Fort}}); err != nil {
			t.Fatal(err)
		}
		for f := range Run(t.Context(), Options{Home: lab.Home, Language: in, Only: []string{"home"}}) {
			for _, words := range want {
				if !strings.Contains(f.Message, words) {
					t.Errorf("%s: %q does not say %q", in, f.Message, words)
				}
			}
		}
	}
}
