package ldap

import (
	"bufio"
	"errors"
	"net"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/go-ldap/ldap/v3"

	"github.com/igc-lab/igc/internal/peer"
	"github.com/igc-lab/igc/revocation/crl"
)

// Names in the directory of a lab with the authorities of FORT.
const (
	testOrganisation = "ou=IGC-SANTE TEST,ou=0002 187512751,o=ASIP-SANTE,c=FR"
	testRoot         = "CN=TEST AC RACINE IGC-SANTE FORT," + testOrganisation
	testAboveIssuing = "ou=TEST AC RACINE IGC-SANTE FORT," + testOrganisation
	testIssuing      = "cn=TEST AC IGC-SANTE FORT PERSONNES," + testAboveIssuing
)

// The scope "children" is a subtree without its base.
func TestDirectoryChildren(t *testing.T) {
	l := newTestLab(t, 1)
	conn := dialLDAP(t, l.directory(t, crl.NewIssuer(l.Lab, l.Clock())))
	search := func(base string, scope int) ([]string, error) {
		found, err := conn.Search(ldap.NewSearchRequest(base, scope, ldap.NeverDerefAliases, 0, 0, false, "(objectClass=*)", []string{"1.1"}, nil))
		var names []string
		if found != nil {
			for _, e := range found.Entries {
				names = append(names, strings.ToLower(e.DN))
			}
		}
		return names, err
	}
	for _, base := range []string{"", "c=FR", testOrganisation, testAboveIssuing, testIssuing} {
		subtree, err := search(base, ldap.ScopeWholeSubtree)
		if err != nil {
			t.Fatal(err)
		}
		children, err := search(base, ldap.ScopeChildren)
		if err != nil {
			t.Errorf("children of %q: %v", base, err)
			continue
		}
		want := subtree
		if base != "" {
			want = subtree[1:] // an entry comes before those below it
			if subtree[0] != strings.ToLower(base) {
				t.Fatalf("the subtree of %q begins with %s", base, subtree[0])
			}
		}
		if strings.Join(children, "|") != strings.Join(want, "|") {
			t.Errorf("children of %q: %q, want %q", base, children, want)
		}
	}
	if _, err := search("cn=nobody,c=FR", ldap.ScopeChildren); !ldap.IsErrorWithCode(err, ldap.LDAPResultNoSuchObject) {
		t.Errorf("children of nobody: %v", err)
	}
	if _, err := search("c=FR", 4); !ldap.IsErrorWithCode(err, ldap.LDAPResultProtocolError) {
		t.Errorf("a scope that there is not: %v", err)
	}
	if names, err := search("c=FR", ldap.ScopeSingleLevel); err != nil || len(names) != 1 {
		t.Errorf("after that: %q, %v", names, err)
	}
}

// A Compare tells whether an entry has a value, by the rules of a search's filter.
func TestDirectoryCompare(t *testing.T) {
	l := newTestLab(t, 1)
	conn := dialLDAP(t, l.directory(t, crl.NewIssuer(l.Lab, l.Clock())))
	for _, tc := range []struct {
		dn, attribute, value string
		code                 uint16
	}{
		{"c=FR", "c", "FR", ldap.LDAPResultCompareTrue},
		{"C=fr", "countryName", " fr", ldap.LDAPResultCompareTrue},
		{"c=FR", "c", "BE", ldap.LDAPResultCompareFalse},
		{testIssuing, "objectClass", "PKIca", ldap.LDAPResultCompareTrue},
		{testIssuing, "2.5.4.0", "country", ldap.LDAPResultCompareFalse},
		{strings.ReplaceAll(testIssuing, " ", "%20"), "cn", "test ac igc-sante fort personnes", ldap.LDAPResultCompareTrue},
		{"", "supportedLDAPVersion", "3", ldap.LDAPResultCompareTrue},
		{"", "supportedLDAPVersion", "2", ldap.LDAPResultCompareFalse},
		{"c=FR", "mail", "a@b.fr", ldap.LDAPResultNoSuchAttribute},
		{testRoot, "deltaRevocationList;binary", "x", ldap.LDAPResultNoSuchAttribute},
		{testRoot, "cn;lang-fr", "x", ldap.LDAPResultNoSuchAttribute},
		{testRoot, "certificateRevocationList;binary", "x", ldap.LDAPResultInappropriateMatching},
		{testRoot, "cACertificate", "x", ldap.LDAPResultInappropriateMatching},
		{"cn=nobody,c=FR", "cn", "nobody", ldap.LDAPResultNoSuchObject},
		{"c=BE", "c", "BE", ldap.LDAPResultNoSuchObject},
		{"what", "c", "FR", ldap.LDAPResultInvalidDNSyntax},
	} {
		got, err := conn.Compare(tc.dn, tc.attribute, tc.value)
		code := uint16(ldap.LDAPResultCompareFalse)
		if got {
			code = ldap.LDAPResultCompareTrue
		}
		var failed *ldap.Error
		if errors.As(err, &failed) {
			code = failed.ResultCode
		}
		if code != tc.code {
			t.Errorf("%q has %s=%q: %d (%v), want %d", tc.dn, tc.attribute, tc.value, code, err, tc.code)
		}
	}
}

// Extended operations: a StartTLS is refused as RFC 4511 §4.14.1 wants and the connection goes on,
// who asks who it is is nobody, and others are not known. An answer to one that is not known names
// no operation.
func TestDirectoryExtended(t *testing.T) {
	l := newTestLab(t, 0)
	address := l.directory(t, crl.NewIssuer(l.Lab, time.Now))
	conn := dialLDAP(t, address)
	if err := conn.StartTLS(nil); !ldap.IsErrorWithCode(err, ldap.LDAPResultProtocolError) {
		t.Errorf("StartTLS: %v", err)
	} else if !strings.Contains(err.Error(), "TLS") {
		t.Errorf("StartTLS is refused without a word on TLS: %v", err)
	}
	conn = dialLDAP(t, address) // the library takes a connection whose StartTLS failed for lost
	if who, err := conn.WhoAmI(nil); err != nil || who.AuthzID != "" {
		t.Errorf("who am I: %v, %v", who, err)
	}
	found, err := conn.Search(ldap.NewSearchRequest("", 0, 0, 0, 0, false, "(objectClass=*)", []string{"supportedExtension"}, nil))
	if err != nil || len(found.Entries) != 1 || strings.Join(found.Entries[0].GetAttributeValues("supportedExtension"), " ") != "1.3.6.1.4.1.4203.1.11.3" {
		t.Errorf("supportedExtension: %v, %v", found, err)
	}

	raws, err := net.Dial("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	defer raws.Close()
	raws.SetDeadline(time.Now().Add(20 * time.Second))
	in := bufio.NewReader(raws)
	octet := func(tag byte, content string) []byte { return append([]byte{tag, byte(len(content))}, content...) }
	for i, tc := range []struct {
		name string
		body []byte
		code byte
	}{
		{"StartTLS", octet(0x80, "1.3.6.1.4.1.1466.20037"), 2},
		{"Cancel", append(octet(0x80, "1.3.6.1.1.8"), octet(0x81, "\x30\x03\x02\x01\x01")...), 2},
		{"who am I, with a value", append(octet(0x80, "1.3.6.1.4.1.4203.1.11.3"), octet(0x81, "x")...), 2},
		{"no name", nil, 2},
		{"an abandon, and who am I", octet(0x80, "1.3.6.1.4.1.4203.1.11.3"), 0},
	} {
		if strings.HasPrefix(tc.name, "an abandon") {
			raws.Write([]byte{0x30, 6, 2, 1, 99, ldapAbandon, 1, 1})
		}
		body := append([]byte{2, 1, byte(i + 1), ldapExtended, byte(len(tc.body))}, tc.body...)
		raws.Write(append([]byte{0x30, byte(len(body))}, body...))
		answer, err := readMessage(in, maxMessage)
		if err != nil {
			t.Fatalf("%s: %v", tc.name, err)
		}
		id, _ := answer.integer(2)
		tag, result, _ := answer.element()
		code, _ := result.read(0x0a)
		result.read(4)
		result.read(4)
		if id != i+1 || tag != 0x78 || len(code) != 1 || code[0] != tc.code {
			t.Errorf("%s: answer %d, tag %x, code %x, want %d", tc.name, id, tag, code, tc.code)
		}
		var rest []byte
		if tc.code == 0 {
			rest = []byte{0x8b, 0} // an identity that is empty
		}
		if string(result) != string(rest) {
			t.Errorf("%s: the answer goes on with %x, want %x", tc.name, []byte(result), rest)
		}
	}
}

// Programs of others compare, ask for all below an entry, for TLS and who they are.
func TestDirectoryClients(t *testing.T) {
	l := newTestLab(t, 1)
	address := "ldap://" + l.directory(t, crl.NewIssuer(l.Lab, l.Clock()))
	for _, tc := range []struct {
		program string
		args    []string
		want    string
		code    int
	}{
		{"ldapsearch", []string{"-LLL", "-s", "children", "-b", testAboveIssuing, "(objectClass=*)", "1.1"}, "dn: " + testIssuing, 0},
		{"ldapsearch", []string{"-LLL", "-s", "children", "-b", testIssuing}, "", 0},
		{"ldapcompare", []string{"c=FR", "c:FR"}, "TRUE", 6},
		{"ldapcompare", []string{testIssuing, "objectClass:country"}, "FALSE", 5},
		{"ldapcompare", []string{"c=BE", "c:BE"}, "No such object (32)", 32},
		{"ldapcompare", []string{"cn=nobody,c=FR", "c:BE"}, "Matched DN: C=FR", 32},
		{"ldapcompare", []string{"c=FR", "mail:x"}, "No such attribute (16)", 16},
		{"ldapwhoami", nil, "anonymous", 0},
		{"ldapwhoami", []string{"-Z"}, "ldap_start_tls: Protocol error (2)", 0},
		{"ldapwhoami", []string{"-Z"}, "anonymous", 0}, // it goes on without
		{"ldapwhoami", []string{"-ZZ"}, "ldap_start_tls: Protocol error (2)", 1},
		{"ldapexop", []string{"1.2.3.4"}, "Protocol error (2)", 1},
		{"ldapdelete", []string{"c=FR"}, "Server is unwilling to perform (53)", 53},
	} {
		out, err := peer.Try(t, tc.program, append([]string{"-x", "-o", "ldif-wrap=no", "-H", address}, tc.args...)...)
		code := 0
		if err != nil {
			code = -1
			var exit interface{ ExitCode() int }
			if errors.As(err, &exit) {
				code = exit.ExitCode()
			}
		}
		if !strings.Contains(out, tc.want) || tc.want == "" && strings.TrimSpace(out) != "" || code != tc.code {
			t.Errorf("%s %q: exit code %d, want %d and %q\n%s", tc.program, tc.args, code, tc.code, tc.want, out)
		}
	}
	t.Run("Java", func(t *testing.T) {
		peer.Need(t, "javac")
		got := peer.Run(t, "java", filepath.Join("testdata", "DirectoryClient.java"), address)
		want := "compare, true: true\ncompare, false: false\ncompare, no such entry: NameNotFoundException\n" +
			"StartTLS: CommunicationException\nsearch, after that: 2\n"
		if got != want {
			t.Errorf("%s\nwant\n%s", got, want)
		}
	})
}
