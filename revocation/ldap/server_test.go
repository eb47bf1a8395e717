package ldap

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/url"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/go-ldap/ldap/v3"
	cbasn1 "golang.org/x/crypto/cryptobyte/asn1"

	"github.com/igc-lab/igc/ca"
	"github.com/igc-lab/igc/internal/labtest"
	"github.com/igc-lab/igc/internal/web"
	"github.com/igc-lab/igc/profiles"
	"github.com/igc-lab/igc/revocation/crl"
)

var quiet = slog.New(slog.DiscardHandler)

// testLab is a lab with cards.
type testLab struct{ *labtest.CardLab }

func newTestLab(t testing.TB, cards int) *testLab { return &testLab{labtest.NewCardLab(t, cards)} }

func bytesOf(t testing.TB, c *crl.CRL) []byte {
	t.Helper()
	der, err := c.DER()
	if err != nil {
		t.Fatal(err)
	}
	return der
}

// directory serves the lab's directory, and returns its address.
func (l *testLab) directory(t testing.TB, crls *crl.Issuer) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- NewServer(l.Lab, crls, quiet).Serve(ctx, web.LimitListener(listener, 200)) }()
	t.Cleanup(func() {
		stop()
		select {
		case err := <-done:
			if err != nil {
				t.Error(err)
			}
		case <-time.After(10 * time.Second):
			t.Error("the directory does not stop")
		}
	})
	return listener.Addr().String()
}

func dialLDAP(t testing.TB, address string) *ldap.Conn {
	t.Helper()
	conn, err := ldap.DialURL("ldap://" + address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	conn.SetTimeout(20 * time.Second)
	return conn
}

// pointsOf are the LDAP addresses that a certificate names.
func pointsOf(t testing.TB, urls ...string) (points []*url.URL) {
	t.Helper()
	for _, s := range urls {
		if u, err := url.Parse(s); err != nil {
			t.Fatal(err)
		} else if u.Scheme == "ldap" {
			points = append(points, u)
		}
	}
	return points
}

// The addresses in certificates lead to the CRLs, as they are there.
func TestDirectoryPoints(t *testing.T) {
	l := newTestLab(t, 1)
	crls := crl.NewIssuer(l.Lab, l.Clock())
	conn := dialLDAP(t, l.directory(t, crls))
	l.Change(t, ca.StatusChange{Serial: l.Cards[0].Serial, Reason: "keyCompromise"})
	leaf, issuing := l.Certificates(t, l.Cards[0])
	a, _ := profiles.ParseAuthority("ACI-FO-PP")
	points := pointsOf(t, append(append(leaf.CRLDistributionPoints, issuing.CRLDistributionPoints...), l.Config.URLs.DirectoryDeltaCRL(a))...)
	if len(points) != 3 {
		t.Fatalf("LDAP addresses: %s", points)
	}
	full, _ := crls.Get(t.Context(), a)
	root, _ := crls.Get(t.Context(), a.Root())
	delta, _ := crls.Delta(t.Context(), a)
	for i, want := range []*crl.CRL{full, root, delta} {
		part := strings.Split(points[i].RawQuery, "?") // attributes, scope, filter
		for _, dn := range []string{strings.TrimPrefix(points[i].Path, "/"), strings.TrimPrefix(points[i].EscapedPath(), "/"), strings.ToUpper(points[i].Path[1:]),
			strings.ReplaceAll(points[i].Path[1:], ",", " , "), strings.ReplaceAll(points[i].Path[1:], " ", `\20`)} {
			for _, attribute := range []string{part[0], strings.TrimSuffix(part[0], ";binary")} {
				found, err := conn.Search(ldap.NewSearchRequest(dn, ldap.ScopeBaseObject, ldap.NeverDerefAliases, 0, 0, false, "("+part[2]+")", []string{attribute}, nil))
				if err != nil {
					t.Fatalf("%s: %v", dn, err)
				}
				if len(found.Entries) != 1 || len(found.Entries[0].Attributes) != 1 {
					t.Fatalf("%s: %d entries", dn, len(found.Entries))
				}
				got := found.Entries[0].Attributes[0]
				if !strings.EqualFold(got.Name, part[0]) || len(got.ByteValues) != 1 || !bytes.Equal(got.ByteValues[0], bytesOf(t, want)) {
					t.Errorf("%s, %s: %s is not the list that HTTP gives", dn, attribute, got.Name)
				}
			}
		}
	}
}

func TestDirectorySearch(t *testing.T) {
	l := newTestLab(t, 1)
	conn := dialLDAP(t, l.directory(t, crl.NewIssuer(l.Lab, l.Clock())))
	const org, issuing, root = "ou=IGC-SANTE TEST,ou=0002 187512751,o=ASIP-SANTE,c=FR", "cn=TEST AC IGC-SANTE FORT PERSONNES", "CN=TEST AC RACINE IGC-SANTE FORT"
	const under = "ou=TEST AC RACINE IGC-SANTE FORT," + org
	for _, test := range []struct {
		base, filter string
		scope        int
		wanted       string // attributes, divided by commas
		entries      int
		attributes   string // of the first entry
		code         uint16
	}{
		{"", "(objectClass=*)", 0, "", 1, "objectClass", 0},
		{"", "(objectClass=*)", 0, "*,+", 1, "objectClass,namingContexts,supportedExtension,supportedLDAPVersion,vendorName", 0},
		{"", "(objectClass=*)", 0, "supportedldapversion", 1, "supportedLDAPVersion", 0},
		{"c=fr", "(objectclass=PKICA)", 2, "cn", 2, "cn", 0},
		{"", "(objectclass=PKICA)", 2, "1.1", 2, "", 0},
		{"c=FR", "(objectClass=*)", 1, "", 1, "objectClass,o", 0},
		{"c=FR", "(objectClass=*)", 0, "", 1, "objectClass,c", 0},
		{org, "(objectClass=*)", 1, "1.1", 2, "", 0}, // the root, and what stands above its authorities
		{under, "(objectClass=pkiCA)", 1, "", 1, "objectClass,cn,cACertificate;binary,certificateRevocationList;binary,deltaRevocationList;binary", 0},
		{root + "," + org, "(objectClass=pkiCa)", 0, "", 1, "objectClass,cn,cACertificate;binary,certificateRevocationList;binary", 0},
		{root + "," + org, "(objectClass=pkiCa)", 0, "deltaRevocationList;binary", 1, "", 0},
		{issuing + "," + under, "(cACertificate=*)", 0, "2.5.4.37,objectClass", 1, "objectClass,cACertificate;binary", 0},
		{issuing + "," + under, "(cACertificate;binary=*)", 0, "cACertificate;lang-fr", 1, "", 0},
		{"c=fr", "(&(cn=*FORT pers*)(!(ou=*)))", 2, "2.5.4.3", 1, "cn", 0},
		{"c=fr", "(cn=test*racine*fort)", 2, "1.1", 1, "", 0},
		{"c=fr", "(cn=racine*)", 2, "1.1", 0, "", 0},
		{"c=fr", "(|(o=asip-sante)(c=fr))", 2, "1.1", 2, "", 0},
		{"c=fr", "(!(mail=a@b.fr))", 2, "1.1", 0, "", 0}, // undefined, and not true
		{"c=fr", "(certificateRevocationList=a)", 2, "1.1", 0, "", 0},
		{"c=fr", "(cn>=a)", 2, "1.1", 0, "", 0},
		{"c=BE", "(objectClass=*)", 2, "", 0, "", ldap.LDAPResultNoSuchObject},
		{"cn=nobody," + under, "(objectClass=*)", 0, "", 0, "", ldap.LDAPResultNoSuchObject},
		{"what", "(objectClass=*)", 0, "", 0, "", ldap.LDAPResultInvalidDNSyntax},
		{`c=FR\`, "(objectClass=*)", 0, "", 0, "", ldap.LDAPResultInvalidDNSyntax},
		{"c=fr", strings.Repeat("(!", 20) + "(cn=a)" + strings.Repeat(")", 20), 0, "", 0, "", ldap.LDAPResultProtocolError},
	} {
		var wanted []string
		if test.wanted != "" {
			wanted = strings.Split(test.wanted, ",")
		}
		found, err := conn.Search(ldap.NewSearchRequest(test.base, test.scope, ldap.NeverDerefAliases, 0, 0, false, test.filter, wanted, nil))
		what := fmt.Sprintf("base %q scope %d %s %s", test.base, test.scope, test.filter, test.wanted)
		var failed *ldap.Error
		if errors.As(err, &failed) != (test.code != 0) || failed != nil && failed.ResultCode != test.code {
			t.Errorf("%s: %v, want code %d", what, err, test.code)
			continue
		}
		if err != nil {
			continue
		}
		if len(found.Entries) != test.entries {
			t.Errorf("%s: %d entries, want %d", what, len(found.Entries), test.entries)
			continue
		}
		var names []string
		if test.entries > 0 {
			for _, a := range found.Entries[0].Attributes {
				names = append(names, a.Name)
				if len(a.ByteValues) == 0 || len(a.ByteValues[0]) == 0 {
					t.Errorf("%s: %s is empty", what, a.Name)
				}
			}
		}
		if got := strings.Join(names, ","); got != test.attributes {
			t.Errorf("%s: %s, want %s", what, got, test.attributes)
		}
	}

	limited := ldap.NewSearchRequest("c=fr", 2, 0, 1, 0, true, "(objectClass=pkiCA)", nil, nil)
	found, err := conn.Search(limited)
	if !ldap.IsErrorWithCode(err, ldap.LDAPResultSizeLimitExceeded) || len(found.Entries) != 1 {
		t.Errorf("one entry at most: %v", err)
	} else if a := found.Entries[0].Attributes; len(a) < 4 || len(a[3].ByteValues) != 0 {
		t.Errorf("types only: %v", a)
	}
	_, err = conn.Search(ldap.NewSearchRequest("cn=x,"+under, 0, 0, 0, 0, false, "(cn=*)", nil, nil))
	var failed *ldap.Error
	if !errors.As(err, &failed) || !strings.EqualFold(failed.MatchedDN, under) {
		t.Errorf("matched: %v", err)
	}
}

// What is not reading is refused, each in its own way, and the connection goes on.
func TestDirectoryRefuses(t *testing.T) {
	l := newTestLab(t, 0)
	conn := dialLDAP(t, l.directory(t, crl.NewIssuer(l.Lab, l.Clock())))
	search := func(controls ...ldap.Control) error {
		_, err := conn.Search(ldap.NewSearchRequest("", 0, 0, 0, 0, false, "(objectClass=*)", nil, controls))
		return err
	}
	add := ldap.NewAddRequest("cn=x,c=FR", nil)
	add.Attribute("cn", []string{"x"})
	modify := ldap.NewModifyRequest("c=FR", nil)
	modify.Replace("c", []string{"BE"})
	passwd := func() error { _, err := conn.PasswordModify(ldap.NewPasswordModifyRequest("", "a", "b")); return err }
	for _, test := range []struct {
		what string
		err  error
		code uint16
	}{
		{"anonymous bind", conn.UnauthenticatedBind(""), 0},
		{"a name without a password", conn.UnauthenticatedBind("cn=a"), ldap.LDAPResultUnwillingToPerform},
		{"a password", conn.Bind("cn=a", "b"), ldap.LDAPResultInvalidCredentials},
		{"SASL", conn.ExternalBind(), ldap.LDAPResultAuthMethodNotSupported},
		{"add", conn.Add(add), ldap.LDAPResultUnwillingToPerform},
		{"modify", conn.Modify(modify), ldap.LDAPResultUnwillingToPerform},
		{"delete", conn.Del(ldap.NewDelRequest("c=FR", nil)), ldap.LDAPResultUnwillingToPerform},
		{"rename", conn.ModifyDN(ldap.NewModifyDNRequest("c=FR", "c=BE", true, "")), ldap.LDAPResultUnwillingToPerform},
		{"extended", passwd(), ldap.LDAPResultProtocolError},
		{"a control", search(ldap.NewControlManageDsaIT(false)), 0},
		{"a critical control", search(ldap.NewControlManageDsaIT(true)), ldap.LDAPResultUnavailableCriticalExtension},
		{"search, after all that", search(), 0},
	} {
		if test.code == 0 && test.err != nil || test.code != 0 && !ldap.IsErrorWithCode(test.err, test.code) {
			t.Errorf("%s: %v, want code %d", test.what, test.err, test.code)
		}
	}
}

// Windows writes every length in five bytes.
func TestDirectoryLongLengths(t *testing.T) {
	l := newTestLab(t, 0)
	conn, err := net.Dial("tcp", l.directory(t, crl.NewIssuer(l.Lab, time.Now)))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	long := func(tag byte, content ...byte) []byte {
		return append([]byte{tag, 0x84, 0, 0, byte(len(content) >> 8), byte(len(content))}, content...)
	}
	search := slices.Concat(long(4), long(0x0a, 0), long(0x0a, 0), long(2, 0), long(2, 0), long(1, 0), long(0x87, []byte("objectClass")...), long(0x30))
	conn.Write(long(0x30, append(long(2, 1), long(0x63, search...)...)...))
	in := bufio.NewReader(conn)
	for _, want := range []byte{ldapEntry, 0x65} {
		answer, err := readMessage(in, maxMessage)
		if err != nil {
			t.Fatal(err)
		}
		if id, _ := answer.integer(2); id != 1 || answer[0] != want {
			t.Errorf("answer %x to request %d", answer[0], id)
		}
	}
}

// Whatever is sent, what comes back is whole LDAP messages, of the request's number or of none.
func FuzzDirectory(f *testing.F) {
	request := func(tag cbasn1.Tag, content ...payload) {
		f.Add(bytesOfPayload(f, ldapMessage(9, tag, content...)))
	}
	number := func(tag cbasn1.Tag, n byte) payload { return wrap(tag, raw([]byte{n})) }
	request(ldapBind, number(2, 3), octets(""), wrap(0x80))
	request(ldapUnbind)
	request(ldapAbandon, raw([]byte{8}))
	request(ldapExtended, wrap(0x80, raw([]byte("1.3.6.1.4.1.4203.1.11.3"))))
	request(ldapExtended, wrap(0x80, raw([]byte(startTLS))))
	request(ldapCompare, octets("c=FR"), wrap(0x30, octets("c"), octets("FR")))
	request(0x4a, raw([]byte("c=FR")))
	f.Add(bytesOfPayload(f, wrap(0x30, number(2, 9), wrap(ldapUnbind), wrap(0xa0, wrap(0x30, octets("1.2"), number(1, 255))))))
	for _, test := range []string{"(&(cn=a*b*c)(!(o=x))(|(c=*)(ou~=a)))", "(objectClass=pkiCA)"} {
		packet, err := ldap.CompileFilter(test)
		if err != nil {
			f.Fatal(err)
		}
		request(ldapSearch, octets("c=FR"), number(10, 2), number(10, 0), number(2, 0), number(2, 0), number(1, 0), raw(packet.Bytes()), wrap(0x30, octets("*")))
	}
	for _, dn := range []string{"o=gip-cps,c=fr", "cn=899700209812,ou=Médecin,o=gip-cps-test,c=FR",
		`cn=\\,,l=Paris (75),O=GIP-CPS,c=fr`} {
		request(ldapCompare, octets(dn), wrap(0x30, octets("o"), octets("gip-cps")))
		request(ldapSearch, octets(dn), number(10, 2), number(10, 0), number(2, 0), number(2, 0), number(1, 0),
			wrap(0x87, raw([]byte("uid"))), wrap(0x30))
	}
	l := newTestLab(f, 1)
	d := NewServer(l.Lab, crl.NewIssuer(l.Lab, l.Clock()), quiet)
	f.Fuzz(func(t *testing.T, data []byte) {
		message, err := readMessage(bufio.NewReader(bytes.NewReader(data)), maxMessage)
		if err != nil {
			return
		}
		head := message
		id, _ := head.integer(2)
		var out bytes.Buffer
		if _, err := d.answer(t.Context(), message, func(b payload) error {
			der := bytesOfPayload(t, b)
			if int64(len(der)) != b.size {
				t.Errorf("%d bytes were told, %d sent", b.size, len(der))
			}
			out.Write(der)
			return nil
		}); err != nil {
			t.Error(err)
		}
		for in := bufio.NewReader(&out); ; {
			if _, err := in.Peek(1); err == io.EOF {
				return
			}
			answer, err := readMessage(in, maxMessage)
			if err != nil {
				t.Fatalf("the answer to %x: %v", data, err)
			}
			if n, ok := answer.integer(2); !ok || n != id && n != 0 {
				t.Errorf("the answer to %d is to %d", id, n)
			}
		}
	})
}

func bytesOfPayload(t testing.TB, b payload) []byte {
	t.Helper()
	var all []byte
	for _, p := range b.pieces {
		data, err := io.ReadAll(p)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, data...)
	}
	return all
}

func TestFoldDN(t *testing.T) {
	for dn, want := range map[string]string{
		"":                                 "",
		"CN=A  b ,O=\\20x\\20,c=FR":        "cn=a b\x00o=x\x00c=fr",
		"2.5.4.3=a;organizationName=b":     "cn=a\x00o=b",
		`cn=a\,b,c=\46\52`:                 "cn=a,b\x00c=fr",
		"cn=TEST%20AC,ou=0002%20187512751": "cn=test ac\x00ou=0002 187512751",
	} {
		if got, ok := foldDN(dn); !ok || got != want {
			t.Errorf("%q: %q, %v", dn, got, ok)
		}
	}
	for _, dn := range []string{"x", "=a", "cn=a,,c=FR", "cn=a\\", "cn=a\x00", "cn=\\00", ","} {
		if got, ok := foldDN(dn); ok {
			t.Errorf("%q is taken for %q", dn, got)
		}
	}
}
