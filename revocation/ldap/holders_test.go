package ldap

import (
	"crypto/x509"
	"encoding/base64"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/go-ldap/ldap/v3"
	cbasn1 "golang.org/x/crypto/cryptobyte/asn1"

	"github.com/igc-lab/igc/ca"
	"github.com/igc-lab/igc/internal/labtest"
	"github.com/igc-lab/igc/internal/peer"
	"github.com/igc-lab/igc/lab"
	"github.com/igc-lab/igc/revocation/crl"
)

// newHolderLab is a lab with holders of every kind.
func newHolderLab(t testing.TB) *testLab {
	config := lab.DefaultConfig()
	config.Key = ca.P256
	l := &testLab{labtest.NewEmptyLab(t, config)}
	for _, name := range []string{"alain", "guy", "interne", "charles", "julie"} {
		l.IssueCard(t, name, "authentication", "signature")
	}
	l.IssueCard(t, "hopital", "client")
	l.IssueCard(t, "boite", "signature", "encryption")
	l.IssueCard(t, "ministere", "seal")
	l.IssueCard(t, "cecile", "authentication", "signature")
	return l
}

// Names of holders of that lab.
const (
	alain    = "cn=899700209812,ou=Médecin,o=gip-cps,c=fr"
	charles  = "cn=30B0057881/CPET0002,ou=10B0057881,l=Paris (75),o=gip-cps,c=fr"
	mailbox  = "cn=dentiste@medecin.example.fr,ou=499700234190004,l=Paris (75),o=gip-cps,c=fr"
	dossier  = "cn=dossier-patient,ou=10B0039129,l=Paris (75),o=gip-cps,c=fr"
	hospital = "ou=10B0039129,l=Paris (75),o=gip-cps,c=fr"
	paris    = "l=Paris (75),o=gip-cps,c=fr"
	gipCPS   = "o=gip-cps,c=fr"
)

// search asks a directory, and returns the names of what it found.
func searchNames(conn *ldap.Conn, base string, scope, limit int, filter string) ([]string, error) {
	found, err := conn.Search(ldap.NewSearchRequest(base, scope, ldap.NeverDerefAliases, limit, 0, false, filter,
		[]string{"1.1"}, nil))
	var names []string
	if found != nil {
		for _, e := range found.Entries {
			names = append(names, e.DN)
		}
	}
	return names, err
}

func TestHolderSearch(t *testing.T) {
	l := newHolderLab(t)
	conn := dialLDAP(t, l.directory(t, crl.NewIssuer(l.Lab, l.Clock())))
	const base, level, subtree, children = ldap.ScopeBaseObject, ldap.ScopeSingleLevel, ldap.ScopeWholeSubtree,
		ldap.ScopeChildren
	for _, tc := range []struct {
		base   string
		scope  int
		filter string
		want   string // names, divided by semicolons
		code   uint16
	}{
		// by identifier
		{gipCPS, subtree, "(cn=899700209812)", alain, 0},
		{gipCPS, subtree, "(uid=899700209812)", alain, 0},
		{gipCPS, subtree, "(IdNat=8 99700209812)", "", 0}, // a filter's value has the directory's form
		{gipCPS, subtree, "(PS_IdNat=899700209812)", alain, 0},
		{gipCPS, subtree, "(|(uid=899700209812)(cn=30b0057881/cpet0002))", alain + ";" + charles, 0},
		{gipCPS, subtree, "(&(objectClass=inetOrgPerson)(uid=899700209812)(sn=dodo*))", alain, 0},
		{gipCPS, subtree, "(&(uid=899700209812)(sn=another))", "", 0},
		{gipCPS, subtree, "(uid=899999999999)", "", 0},
		{"ou=Médecin," + gipCPS, level, "(cn=899700209812)", alain, 0},
		{"ou=m%C3%A9decin," + gipCPS, level, "(cn=899700209812)", "", ldap.LDAPResultNoSuchObject}, // %20 alone is read
		{paris, subtree, "(cn=899700209812)", "", 0},
		{alain, base, "(objectClass=*)", alain, 0},
		{strings.ToUpper(alain), base, "(userCertificate=*)", alain, 0},
		{alain, subtree, "(userCertificate;binary=*)", alain, 0},
		{alain, children, "(objectClass=*)", "", 0},
		{charles, base, "(uid=*)", charles, 0},
		{dossier, base, "(objectClass=pkiUser)", dossier, 0},
		// as a client of the former directory does: the mailbox of a structure, by its address
		{"ou=499700234190004,l=Paris (75)," + gipCPS, subtree, "(cn=dentiste@medecin.example.fr)", mailbox, 0},
		{gipCPS, subtree, "(mail=dentiste@medecin.example.fr)", mailbox, 0},
		{gipCPS, subtree, "(cn=dossier-patient)", dossier, 0},
		// by a structure
		{hospital, base, "(description=hopital des 3 dames*)", hospital, 0},
		{hospital, level, "(objectClass=*)", dossier, 0},
		{hospital, subtree, "(objectClass=*)", hospital + ";" + dossier, 0},
		{gipCPS, subtree, "(ou=10B0039129)", hospital + ";" + dossier, 0},
		{"ou=10B0057881,l=Paris (75)," + gipCPS, level, "(objectClass=person)", charles, 0}, // staff alone
		// by other attributes
		{gipCPS, subtree, "(sn=DODO0020981)", alain, 0},
		{gipCPS, subtree, "(&(givenName=alain)(sn=*0020981))", alain, 0},
		{gipCPS, subtree, "(surname=ADMINISTRATIF*)", charles, 0},
		{gipCPS, subtree, `(l=Côte-d'Or \2821\29)`, "l=Côte-d'Or (21)," + gipCPS +
			";cn=esignsante,ou=300000000077081,l=Côte-d'Or (21)," + gipCPS, 0},
		{paris, level, "(ou=10B0039129)", hospital, 0},
		{gipCPS, base, "(objectClass=organization)", gipCPS, 0},
		{"ou=Sage-Femme," + gipCPS, level, "(mail=cecile.sagech@example.fr)",
			"cn=899700075064,ou=Sage-Femme," + gipCPS, 0},
		{"ou=Médecin en formation," + gipCPS, level, "(title=*)",
			"cn=899700769377,ou=Médecin en formation," + gipCPS, 0},
		// names that are not there
		{"cn=899999999999,ou=Médecin," + gipCPS, base, "(cn=*)", "", ldap.LDAPResultNoSuchObject},
		{"ou=10B0000000,l=Paris (75)," + gipCPS, base, "(cn=*)", "", ldap.LDAPResultNoSuchObject},
		{"ou=10B0039129,l=Ain (01)," + gipCPS, base, "(cn=*)", "", ldap.LDAPResultNoSuchObject},
		{"l=Atlantide (99)," + gipCPS, base, "(cn=*)", "", ldap.LDAPResultNoSuchObject},
		{"l=Ain (01)," + gipCPS, base, "(l=*)", "l=Ain (01)," + gipCPS, 0},
		{"o=gip-cps,c=be", base, "(cn=*)", "", ldap.LDAPResultNoSuchObject},
		// the tree of the authorities is another one
		{"c=FR", subtree, "(uid=899700209812)", "", 0},
		{gipCPS, subtree, "(objectClass=pkiCA)", "", 0},
	} {
		names, err := searchNames(conn, tc.base, tc.scope, 0, tc.filter)
		code := uint16(0)
		var failed *ldap.Error
		if errors.As(err, &failed) {
			code = failed.ResultCode
		}
		if got := strings.Join(names, ";"); code != tc.code || got != tc.want {
			t.Errorf("base %q scope %d %s: %q, code %d, want %q, code %d", tc.base, tc.scope, tc.filter, got, code,
				tc.want,
				tc.code)
		}
		// the tree of the tests has the same entries
		names, _ = searchNames(conn, strings.Replace(tc.base, "o=gip-cps,", "o=gip-cps-test,", 1), tc.scope, 0,
			tc.filter)
		want := strings.ReplaceAll(tc.want, "o=gip-cps,", "o=gip-cps-test,")
		if got := strings.Join(names, ";"); got != want && strings.Contains(tc.base, gipCPS) {
			t.Errorf("base of the tests, scope %d %s: %q, want %q", tc.scope, tc.filter, got, want)
		}
	}
}

// An entry has what the certificates say, and the certificates.
func TestHolderEntry(t *testing.T) {
	l := newHolderLab(t)
	conn := dialLDAP(t, l.directory(t, crl.NewIssuer(l.Lab, l.Clock())))
	for dn, want := range map[string]map[string]string{
		alain: {"objectClass": "top person organizationalPerson inetOrgPerson", "cn": "899700209812",
			"sn": "DODO0020981", "givenName": "ALAIN", "uid": "899700209812", "title": "Médecin"},
		charles: {"objectClass": "top person organizationalPerson inetOrgPerson", "cn": "30B0057881/CPET0002",
			"sn": "ADMINISTRATIF-CH057880002", "givenName": "CHARLES", "uid": "30B0057881/CPET0002",
			"title": "Personnel santé ou social", "ou": "10B0057881", "o": "HOPITAL DES 3 DAMES", "l": "Paris (75)"},
		mailbox: {"objectClass": "top applicationProcess pkiUser", "cn": "dentiste@medecin.example.fr",
			"mail": "dentiste@medecin.example.fr", "ou": "499700234190004", "o": "CABINET MLLE DENTISTE0023419",
			"l": "Paris (75)"},
	} {
		found, err := conn.Search(ldap.NewSearchRequest(dn, 0, 0, 0, 0, false, "(objectClass=*)", nil, nil))
		if err != nil || len(found.Entries) != 1 {
			t.Fatalf("%s: %v", dn, err)
		}
		got := map[string]string{}
		for _, a := range found.Entries[0].Attributes {
			if a.Name != "userCertificate;binary" {
				got[a.Name] = strings.Join(a.Values, " ")
				continue
			}
			if len(a.ByteValues) != 2 {
				t.Errorf("%s has %d certificates", dn, len(a.ByteValues))
			}
			for _, der := range a.ByteValues {
				if _, err := x509.ParseCertificate(der); err != nil {
					t.Error(err)
				}
			}
		}
		if fmt.Sprint(got) != fmt.Sprint(want) {
			t.Errorf("%s:\n%v, want\n%v", dn, got, want)
		}
		if ok, err := conn.Compare(dn, "o", want["o"]); want["o"] != "" && (!ok || err != nil) {
			t.Errorf("compare %s: %v, %v", dn, ok, err)
		}
	}
	for dn, code := range map[string]uint16{"cn=1,ou=Médecin," + gipCPS: ldap.LDAPResultNoSuchObject,
		alain: ldap.LDAPResultNoSuchAttribute, gipCPS: ldap.LDAPResultNoSuchAttribute} {
		if _, err := conn.Compare(dn, "telephoneNumber", "1"); !ldap.IsErrorWithCode(err, code) {
			t.Errorf("compare %s: %v, want code %d", dn, err, code)
		}
	}
	_, err := conn.Search(ldap.NewSearchRequest("cn=1,ou=10B0039129,"+paris, 0, 0, 0, 0, false, "(cn=*)", nil, nil))
	var failed *ldap.Error
	if !errors.As(err, &failed) || failed.MatchedDN != hospital {
		t.Errorf("matched: %v", err)
	}
}

// A certificate that is revoked, on hold or expired is not published, and a holder without any
// other
// is not there.
func TestHolderWithoutGoodCertificate(t *testing.T) {
	l := newHolderLab(t)
	conn := dialLDAP(t, l.directory(t, crl.NewIssuer(l.Lab, l.Clock())))
	certificates := func() int {
		found, err := conn.Search(ldap.NewSearchRequest(gipCPS, 2, 0, 0, 0, false, "(uid=899700209812)", nil, nil))
		if err != nil {
			t.Fatal(err)
		}
		if len(found.Entries) == 0 {
			return 0
		}
		return len(found.Entries[0].GetRawAttributeValues("userCertificate;binary"))
	}
	number := l.Cards[0].Holder.CardNumber
	expect := func(want int, when string) {
		t.Helper()
		if got := certificates(); got != want {
			t.Errorf("%s: %d certificates, want %d", when, got, want)
		}
	}
	expect(2, "at first")
	l.Change(t, ca.StatusChange{Card: number, Reason: "certificateHold"})
	expect(0, "on hold")
	l.Change(t, ca.StatusChange{Card: number, Release: true})
	expect(2, "the hold removed")
	l.Change(t, ca.StatusChange{Serial: l.Cards[0].Serial, Reason: "superseded"})
	expect(1, "one revoked")
	now := l.Now
	l.Now = now.AddDate(4, 0, 0)
	expect(0, "expired")
	l.Now = now
	expect(1, "before that")
	l.IssueCard(t, "alain", "authentication", "signature")
	expect(3, "with another card")
	l.Change(t, ca.StatusChange{Card: number, Reason: "keyCompromise"})
	expect(2, "the first revoked")
	if _, err := conn.Search(ldap.NewSearchRequest(alain, 0, 0, 0, 0, false, "(cn=*)", nil, nil)); err != nil {
		t.Error(err)
	}
}

// An answer has ten entries at most, or as many as the client wants, if fewer; a search that names
// nobody looks at the first certificates of a large lab only, and says so; one that names somebody
// finds them, wherever they are.
func TestHolderLimits(t *testing.T) {
	l := newHolderLab(t)
	conn := dialLDAP(t, l.directory(t, crl.NewIssuer(l.Lab, l.Clock())))
	for limit, want := range map[int]int{0: 10, 3: 3, 10: 10, 500: 10} {
		names, err := searchNames(conn, gipCPS, 2, limit, "(objectClass=*)")
		if len(names) != want || !ldap.IsErrorWithCode(err, ldap.LDAPResultSizeLimitExceeded) {
			t.Errorf("limit %d: %d entries, %v", limit, len(names), err)
		}
	}
	names, err := searchNames(conn, gipCPS, 2, 1, "(uid=899700209812)")
	if len(names) != 1 || err != nil {
		t.Errorf("one of one: %q, %v", names, err)
	}

	card := ca.IssueRequest{Product: "cps", Holder: l.Cards[0].Holder}
	card.Holder.CardNumber = ""
	if err := l.Seed(t.Context(), card, 2*maxScan+1000, 0); err != nil {
		t.Fatal(err)
	}
	last := fmt.Sprintf("899%09d", maxScan+400)
	for filter, want := range map[string]int{"(uid=" + last + ")": 1, "(&(sn=DODO*)(cn=" + last + "))": 1,
		"(uid=899000000000)": 1} {
		begin := time.Now()
		names, err := searchNames(conn, gipCPS, 2, 0, filter)
		if len(names) != want || err != nil {
			t.Errorf("%s: %q, %v", filter, names, err)
		}
		t.Logf("%s: %s", filter, time.Since(begin))
	}
	for _, filter := range []string{"(sn=nobody)", "(mail=x@example.fr)", "(!(sn=DODO*))", "(cn=no-service)"} {
		begin := time.Now()
		_, err := searchNames(conn, "l=Ain (01),"+gipCPS, 2, 0, filter)
		if !ldap.IsErrorWithCode(err, ldap.LDAPResultSizeLimitExceeded) || !strings.Contains(err.Error(), "too many") {
			t.Errorf("%s: %v", filter, err)
		}
		t.Logf("%s: %s", filter, time.Since(begin))
	}
}

// What a filter says of cn and uid.
func TestFilterNames(t *testing.T) {
	for text, want := range map[string]string{
		"(cn=a)":                        "a only",
		"(uid=a)":                       "a only",
		"(idnat=a)":                     "a only",
		"(2.5.4.3=a)":                   "a only",
		"(cn=a*)":                       "",
		"(cn=*)":                        "",
		"(!(cn=a))":                     "",
		"(ou=s)":                        "s",
		"(&(cn=a)(sn=b))":               "a only",
		"(&(sn=b)(cn=a))":               "a only",
		"(&(ou=s)(cn=a))":               "a only",
		"(&(ou=s)(sn=b))":               "s",
		"(|(cn=a)(uid=a))":              "a a only",
		"(|(cn=a)(sn=b))":               "a",
		"(&(|(cn=a)(uid=b))(uid=c))":    "c only",
		"(|(&(cn=a)(sn=x))(uid=b))":     "a b only",
		"(&(objectClass=*)(|(uid=a)))":  "a only",
		"(&(!(cn=a))(uid=b))":           "b only",
		"(|(cn=a)(!(uid=b)))":           "a",
		"(&(cn:caseExactMatch:=a))":     "",
		"(|(cn=a)(&(ou=s)(sn=b))(c=d))": "a s",
	} {
		packet, err := ldap.CompileFilter(text)
		if err != nil {
			t.Fatal(err)
		}
		in := ber(packet.Bytes())
		f, ok := parseFilter(&in, maxDepth)
		if !ok {
			t.Fatalf("%s is not read", text)
		}
		got := strings.Join(f.names, " ")
		if f.all {
			got += " only"
		}
		if got != want {
			t.Errorf("%s: %q, want %q", text, got, want)
		}
	}
	empty := ber(wrapBytes(t, 0xa1)) // no part: false (RFC 4526)
	if f, ok := parseFilter(&empty, maxDepth); !ok || f.all || f.matches(rootDSE) != no {
		t.Error("a filter of no part")
	}
}

func wrapBytes(t *testing.T, tag cbasn1.Tag) []byte { return bytesOfPayload(t, wrap(tag)) }

func TestEscapeDN(t *testing.T) {
	for value, want := range map[string]string{"Paris (75)": "Paris (75)", "a,b": `a\,b`, "#a": `\#a`, " a ": `\ a\ `,
		`a"b\c`: `a\"b\\c`, "a\nb": `a\0ab`, "Côte-d'Or": "Côte-d'Or", "": ""} {
		got := escapeDN(value)
		if got != want {
			t.Errorf("%q: %q, want %q", value, got, want)
		}
		names, ok := parseDN("cn=" + got + ",o=x")
		if !ok || len(names) != 2 || fold(names[0].value) != fold(value) {
			t.Errorf("%q is read as %q", got, names)
		}
	}
}

// Programs of others find holders and their certificates.
func TestHolderClients(t *testing.T) {
	l := newHolderLab(t)
	address := "ldap://" + l.directory(t, crl.NewIssuer(l.Lab, l.Clock()))
	out := peer.Run(t, "ldapsearch", "-x", "-LLL", "-o", "ldif-wrap=no", "-H", address, "-b", gipCPS,
		"(uid=899700209812)", "userCertificate;binary", "sn")
	var serials []string
	for line := range strings.Lines(out) {
		text, ok := strings.CutPrefix(line, "userCertificate;binary:: ")
		if !ok {
			continue
		}
		der, err := base64.StdEncoding.DecodeString(strings.TrimSpace(text))
		if err != nil {
			t.Fatal(err)
		}
		c, err := x509.ParseCertificate(der)
		if err != nil {
			t.Fatal(err)
		}
		serials = append(serials, fmt.Sprintf("%X", c.SerialNumber))
	}
	if len(serials) != 2 || !slices.Contains(serials, l.Cards[0].Serial) || !strings.Contains(out, "sn: DODO0020981") {
		t.Errorf("ldapsearch: %q\n%s", serials, out)
	}
	out, err := peer.Try(t, "ldapsearch", "-x", "-LLL", "-H", address, "-b", gipCPS, "(objectClass=*)", "1.1")
	if err == nil || strings.Count(out, "dn:") != maxHolders || !strings.Contains(out, "Size limit exceeded (4)") {
		t.Errorf("ldapsearch of all: %v\n%s", err, out)
	}
	t.Run("Java", func(t *testing.T) {
		peer.Need(t, "javac")
		got := peer.Run(t, "java", filepath.Join("testdata", "HolderClient.java"), address)
		want := "certificates of 899700209812: 2, of DODO0020981\n" +
			"mailbox: cn=dentiste@medecin.example.fr, SHA-256 with ECDSA or RSA: true\n" +
			"all: SizeLimitExceededException\n"
		if got != want {
			t.Errorf("%s\nwant\n%s", got, want)
		}
	})
}
