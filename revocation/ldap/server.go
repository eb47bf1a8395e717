package ldap

import (
	"bufio"
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/igc-lab/igc/lab"
	"github.com/igc-lab/igc/profiles"
	"github.com/igc-lab/igc/revocation/crl"
)

// Server is the LDAP directory that certificates name: for each authority an entry of class pkiCA
// (RFC 4523) with its certificate, its CRL and its delta CRL. Those who have certificates are in a
// tree beside (holders.go). Everyone may read it, without a password; nobody may write.
type Server struct {
	lab  *lab.Lab
	crls *crl.Issuer
	log  *slog.Logger
}

// NewServer makes the directory of a lab that this process holds.
func NewServer(lab *lab.Lab, crls *crl.Issuer, log *slog.Logger) *Server {
	return &Server{lab, crls, log}
}

// How long the directory waits for a client: for its next request, for the rest of one, and until
// it has read some of the answer.
const (
	directoryIdle    = 2 * time.Minute
	directoryRequest = 10 * time.Second
	directoryAnswer  = 30 * time.Second
)

// Serve answers those who connect until the context ends; answers under way are finished for a
// while.
func (d *Server) Serve(ctx context.Context, listener net.Listener) error {
	defer context.AfterFunc(ctx, func() { listener.Close() })()
	var clients sync.WaitGroup
	defer clients.Wait()
	for {
		conn, err := listener.Accept()
		switch {
		case ctx.Err() != nil:
			if err == nil {
				conn.Close()
			}
			return nil
		case errors.Is(err, net.ErrClosed):
			return err
		case err != nil: // most often too many open files: it passes
			d.log.Warn("LDAP", "err", err)
			time.Sleep(50 * time.Millisecond)
		default:
			clients.Go(func() { d.client(ctx, conn) })
		}
	}
}

// client answers one client, one request after the other.
func (d *Server) client(ctx context.Context, conn net.Conn) {
	defer conn.Close()
	defer context.AfterFunc(ctx, func() { conn.SetDeadline(time.Now().Add(time.Second)) })()
	wait := func(patience time.Duration) {
		conn.SetReadDeadline(time.Now().Add(patience))
		if ctx.Err() != nil {
			conn.SetReadDeadline(time.Now())
		}
	}
	in := bufio.NewReader(conn)
	send := func(b payload) error {
		out := bufio.NewWriterSize(&patientWriter{ctx, conn}, 32<<10)
		for _, piece := range b.pieces {
			if _, err := out.ReadFrom(piece); err != nil {
				return err
			}
		}
		return out.Flush()
	}
	for more := true; more; {
		wait(directoryIdle)
		_, err := in.Peek(1)
		var message ber
		if err == nil {
			wait(directoryRequest)
			message, err = readMessage(in, maxMessage)
		}
		switch {
		case ctx.Err() != nil:
			send(noticeOfDisconnection(resultUnavailable, "the server stops"))
			return
		case errors.Is(err, errMessage):
			send(noticeOfDisconnection(resultProtocolError, err.Error()))
			return
		case err == nil:
			more, err = d.answer(ctx, message, send)
		}
		if err != nil {
			if !errors.Is(err, io.EOF) {
				d.log.Debug("LDAP", "client", conn.RemoteAddr(), "err", err)
			}
			return
		}
	}
}

// patientWriter lets a client take its time for each write, not for all together.
type patientWriter struct {
	ctx  context.Context
	conn net.Conn
}

func (w *patientWriter) Write(b []byte) (int, error) {
	if w.ctx.Err() == nil {
		w.conn.SetWriteDeadline(time.Now().Add(directoryAnswer))
	}
	return w.conn.Write(b)
}

// answer answers a message. It returns false when the client is to be left, and an error when it
// could not be told.
func (d *Server) answer(ctx context.Context, message ber, send func(payload) error) (bool, error) {
	r, ok := parseLDAP(message)
	if !ok || r.tag != ldapUnbind && r.tag != ldapAbandon && ldapAnswers[r.tag] == 0 {
		return false, send(noticeOfDisconnection(resultProtocolError, errMessage.Error()))
	}
	var end result
	switch {
	case r.tag == ldapUnbind:
		return false, nil
	case r.tag == ldapAbandon: // what it is about has been answered already
		return true, nil
	case r.critical:
		end = result{code: resultCriticalExtension, message: "no control is supported"}
	case r.tag == ldapBind:
		end = bind(r.body)
	case r.tag == ldapSearch:
		var err error
		if end, err = d.search(ctx, r, send); err != nil {
			return false, err
		}
	case r.tag == ldapCompare:
		end = d.compare(ctx, r.body)
	case r.tag == ldapExtended:
		end = extended(r.body)
	default:
		end = result{code: resultUnwilling, message: "read only"}
	}
	return true, send(ldapMessage(r.id, ldapAnswers[r.tag], end.payload()))
}

// bind lets in who comes without a name (RFC 4513 §5.1).
func bind(b ber) result {
	version, ok1 := b.integer(0x02)
	name, ok2 := b.read(0x04)
	method, secret, ok3 := b.element()
	switch {
	case !ok1 || !ok2 || !ok3:
		return result{code: resultProtocolError, message: "not a bind request"}
	case version != 3:
		return result{code: resultProtocolError, message: "LDAP version 3 only"}
	case method != 0x80:
		return result{code: resultAuthMethod, message: "anonymous bind only"}
	case len(secret) > 0:
		return result{code: resultCredentials, message: "anonymous bind only"}
	case len(name) > 0:
		return result{code: resultUnwilling, message: "anonymous bind only: a name without a password proves nothing"}
	}
	return result{}
}

// extended answers an extended operation. One that is not known, or not offered, is a protocolError
// (RFC 4511 §4.12, §4.14.1).
func extended(body ber) result {
	name, ok := body.read(0x80)
	switch {
	case !ok:
		return result{code: resultProtocolError, message: "not an extended request"}
	case string(name) == startTLS:
		return result{code: resultProtocolError, message: "TLS is not offered: what is here is public, and signed; go on without"}
	case string(name) == whoAmI && len(body) == 0: // RFC 4532: nobody, as everyone here
		return result{more: wrap(0x8b)}
	}
	return result{code: resultProtocolError, message: "this extended operation is not known"}
}

// entry finds what a request is about. It returns how the operation ends when that is not there.
func (d *Server) entry(ctx context.Context, dn string) (*dirEntry, result) {
	key, ok := foldDN(dn)
	if !ok {
		return nil, result{code: resultInvalidDN, message: "not a distinguished name"}
	}
	if key == "" {
		return rootDSE, result{}
	}
	if base, ok := parseHolderBase(dn); ok {
		return d.holderEntry(ctx, base)
	}
	tree, err := d.tree(ctx)
	if err != nil {
		return nil, d.failed(err)
	}
	i := slices.IndexFunc(tree, func(e *dirEntry) bool { return e.key == key })
	if i < 0 {
		return nil, result{code: resultNoSuchObject, matched: matched(tree, key)}
	}
	return tree[i], result{}
}

// compare tells whether an entry has a value.
func (d *Server) compare(ctx context.Context, body ber) result {
	c, ok := parseCompare(body)
	if !ok {
		return result{code: resultProtocolError, message: "not a compare request"}
	}
	e, end := d.entry(ctx, c.dn)
	if e == nil {
		return end
	}
	if e.has(c.attribute) != yes {
		return result{code: resultNoSuchAttribute}
	}
	want := fold(c.value)
	switch e.any(c.attribute, func(v string) bool { return v == want }) {
	case yes:
		return result{code: resultCompareTrue}
	case no:
		return result{code: resultCompareFalse}
	}
	return result{code: resultInappropriate, message: "values in binary are not compared"}
}

// search answers with the entries, and returns how it ended. An error means that the client could
// not be answered.
func (d *Server) search(ctx context.Context, r *ldapRequest, send func(payload) error) (result, error) {
	s, ok := parseSearch(r.body)
	if !ok {
		return result{code: resultProtocolError, message: "not a search request, or a filter too deep"}, nil
	}
	base, ok := foldDN(s.base)
	if !ok {
		return result{code: resultInvalidDN, message: "not a distinguished name"}, nil
	}
	if base, ok := parseHolderBase(s.base); ok {
		return d.searchHolders(ctx, r, s, base, send)
	}
	tree, err := d.tree(ctx)
	if err != nil {
		return d.failed(err), nil
	}
	if base == "" && s.scope == scopeBase {
		tree = []*dirEntry{rootDSE}
	} else if base != "" && !slices.ContainsFunc(tree, func(e *dirEntry) bool { return e.key == base }) {
		return result{code: resultNoSuchObject, matched: matched(tree, base)}, nil
	}
	found := 0
	for _, e := range tree {
		if !e.within(base, s.scope) || s.filter.matches(e) != yes {
			continue
		}
		if found++; s.limit > 0 && found > s.limit {
			return result{code: resultSizeLimit}, nil
		}
		if end, err := d.sendEntry(ctx, r, s, e, send); err != nil || end.code != resultSuccess {
			return end, err
		}
	}
	return result{}, nil
}

// sendEntry sends what a search wants of an entry.
func (d *Server) sendEntry(ctx context.Context, r *ldapRequest, s *searchRequest, e *dirEntry,
	send func(payload) error) (result, error) {
	attributes, err := e.choose(ctx, s)
	if err != nil {
		return d.failed(err), nil
	}
	return result{}, send(ldapMessage(r.id, ldapEntry, octets(e.dn), attributes))
}

func (d *Server) failed(err error) result {
	d.log.Error("LDAP", "err", err)
	return result{code: resultOther, message: "internal error: the server's log says more"}
}

// matched is the name of the entry nearest above a name that is not there.
func matched(tree []*dirEntry, key string) string {
	for {
		_, above, ok := strings.Cut(key, "\x00")
		if !ok {
			return ""
		}
		if i := slices.IndexFunc(tree, func(e *dirEntry) bool { return e.key == above }); i >= 0 {
			return tree[i].dn
		}
		key = above
	}
}

// --- the tree

// dirEntry is an entry.
type dirEntry struct {
	dn         string
	key        string // dn as names are compared, see foldDN
	attributes []attribute
}

// attribute has either values or, as those in binary have, values that are sent from where they
// are.
type attribute struct {
	name        string
	operational bool // it is only given to who asks for it
	values      []string
	binary      []binaryValue
}

// binaryValue gives a value when it is sent.
type binaryValue func(context.Context) (payload, error)

var rootDSE = &dirEntry{attributes: []attribute{
	{name: "objectClass", values: []string{"top"}},
	{name: "namingContexts", operational: true, values: append([]string{"c=FR"}, holderSuffixes...)},
	{name: "supportedExtension", operational: true, values: []string{whoAmI}},
	{name: "supportedLDAPVersion", operational: true, values: []string{"3"}},
	{name: "vendorName", operational: true, values: []string{"igc"}},
}}

// structural classes of entries, by the type of their name. That of an authority is the lab's
// choice: pkiCA is auxiliary.
var structural = map[string]string{"c": "country", "o": "organization", "ou": "organizationalUnit", "cn": "applicationProcess"}

// tree makes the entries of the lab's authorities and those above them, each before what is below
// it.
func (d *Server) tree(ctx context.Context) ([]*dirEntry, error) {
	authorities, err := d.lab.Authorities(ctx)
	if err != nil {
		return nil, err
	}
	var tree []*dirEntry
	byKey := map[string]*dirEntry{}
	for _, info := range authorities {
		a, err := profiles.ParseAuthority(info.ID)
		if err != nil {
			return nil, err
		}
		var leaf *dirEntry
		for names, i := strings.Split(a.DirectoryName(), ","), 0; len(names) > i; i++ {
			dn := strings.Join(names[len(names)-1-i:], ",")
			key, _ := foldDN(dn)
			if leaf = byKey[key]; leaf == nil {
				kind, value, _ := strings.Cut(names[len(names)-1-i], "=")
				kind = strings.ToLower(kind)
				leaf = &dirEntry{dn, key, []attribute{{name: "objectClass", values: []string{"top", structural[kind]}}, {name: kind, values: []string{value}}}}
				byKey[key], tree = leaf, append(tree, leaf)
			}
		}
		class := &leaf.attributes[0]
		class.values = append(class.values, "pkiCA")
		leaf.attributes = append(leaf.attributes,
			attribute{name: "cACertificate;binary", binary: []binaryValue{derValue(info.DER)}},
			attribute{name: "certificateRevocationList;binary", binary: []binaryValue{
				func(ctx context.Context) (payload, error) { return listPayload(d.crls.Get(ctx, a)) }}})
		if !a.IsRoot() {
			leaf.attributes = append(leaf.attributes,
				attribute{name: "deltaRevocationList;binary", binary: []binaryValue{
					func(ctx context.Context) (payload, error) { return listPayload(d.crls.Delta(ctx, a)) }}})
		}
	}
	return tree, nil
}

// derValue is a value that is in memory.
func derValue(der []byte) binaryValue {
	return func(context.Context) (payload, error) { return raw(der), nil }
}

func listPayload(c *crl.CRL, err error) (payload, error) {
	if err != nil {
		return payload{}, err
	}
	return payload{[]io.Reader{c.Reader()}, c.Size}, nil
}

// within tells whether a search looks at the entry.
func (e *dirEntry) within(base string, scope int) bool {
	switch scope {
	case scopeBase:
		return e.key == base
	case scopeLevel:
		_, above, _ := strings.Cut(e.key, "\x00")
		return e.key != base && above == base
	}
	return e.key == base && scope == scopeSubtree || base == "" || strings.HasSuffix(e.key, "\x00"+base)
}

// typeNames are other names of attribute types (RFC 4519, RFC 4523, RFC 4524).
var typeNames = map[string]string{"2.5.4.0": "objectclass", "2.5.4.3": "cn", "commonname": "cn", "2.5.4.4": "sn",
	"surname": "sn", "2.5.4.6": "c", "countryname": "c", "2.5.4.7": "l", "localityname": "l", "2.5.4.10": "o",
	"organizationname": "o", "2.5.4.11": "ou", "organizationalunitname": "ou", "2.5.4.12": "title",
	"2.5.4.13": "description", "2.5.4.36": "usercertificate", "2.5.4.37": "cacertificate",
	"2.5.4.39": "certificaterevocationlist", "2.5.4.42": "givenname", "gn": "givenname",
	"2.5.4.53": "deltarevocationlist", "0.9.2342.19200300.100.1.1": "uid", "userid": "uid", "idnat": "uid",
	"ps_idnat": "uid", "0.9.2342.19200300.100.1.3": "mail", "rfc822mailbox": "mail"}

// typeOf is an attribute's type as types are compared, without its options.
func typeOf(name string) string {
	name, _, _ = strings.Cut(strings.ToLower(strings.TrimSpace(name)), ";")
	if known, ok := typeNames[name]; ok {
		return known
	}
	return name
}

// is tells whether the attribute is what that name asks for: with ;binary or, since there is no
// other form, without.
func (a *attribute) is(name string) bool {
	_, options, _ := strings.Cut(strings.ToLower(name), ";")
	return typeOf(a.name) == typeOf(name) && (options == "" || options == "binary" && a.binary != nil)
}

func (e *dirEntry) has(name string) truth {
	if slices.ContainsFunc(e.attributes, func(a attribute) bool { return a.is(name) }) {
		return yes
	}
	return no
}

// any tells whether some value of the attribute fits. Those in binary have no rule to compare them.
func (e *dirEntry) any(name string, fits func(string) bool) truth {
	for _, a := range e.attributes {
		if !a.is(name) {
			continue
		}
		if a.binary != nil {
			return undefined
		}
		if slices.ContainsFunc(a.values, func(v string) bool { return fits(fold(v)) }) {
			return yes
		}
		return no
	}
	return undefined
}

// choose encodes the attributes that are wanted.
func (e *dirEntry) choose(ctx context.Context, s *searchRequest) (payload, error) {
	var chosen []payload
	for _, a := range e.attributes {
		every := "*"
		if a.operational {
			every = "+"
		}
		if len(s.wanted) == 0 && a.operational ||
			len(s.wanted) > 0 && !slices.ContainsFunc(s.wanted, func(w string) bool { return w == every || a.is(w) }) {
			continue
		}
		var values []payload
		switch {
		case s.typesOnly:
		case a.binary != nil:
			for _, value := range a.binary {
				content, err := value(ctx)
				if err != nil {
					return payload{}, fmt.Errorf("%s of %s: %w", a.name, e.dn, err)
				}
				values = append(values, wrap(0x04, content))
			}
		default:
			for _, v := range a.values {
				values = append(values, octets(v))
			}
		}
		chosen = append(chosen, wrap(0x30, octets(a.name), wrap(0x31, values...)))
	}
	return wrap(0x30, chosen...), nil
}

// --- names

// fold makes texts equal that the directory takes for the same: case and the number of spaces do
// not count.
func fold(s string) string { return strings.ToLower(strings.Join(strings.Fields(s), " ")) }

// foldDN does so for a distinguished name, whose parts are then divided by zero bytes. It returns
// false for what is none.
func foldDN(dn string) (string, bool) {
	names, ok := parseDN(dn)
	parts := make([]string, len(names))
	for i, n := range names {
		parts[i] = n.kind + "=" + fold(n.value)
	}
	return strings.Join(parts, "\x00"), ok
}

// rdn is a part of a distinguished name: its type as types are compared, and its value as it
// stands.
type rdn struct{ kind, value string }

// parseDN reads a distinguished name (RFC 4514), whose parts have one attribute each. It returns
// false for what is none. The %20 of an address, which some clients leave as it is, stands for the
// space that it was.
func parseDN(dn string) (names []rdn, ok bool) {
	dn = strings.ReplaceAll(dn, "%20", " ")
	if strings.TrimSpace(dn) == "" {
		return nil, true
	}
	var part strings.Builder
	for i := 0; ; i++ {
		switch {
		case i == len(dn), dn[i] == ',', dn[i] == ';':
			kind, value, ok := strings.Cut(part.String(), "=")
			if kind = typeOf(kind); !ok || kind == "" {
				return nil, false
			}
			names = append(names, rdn{kind, strings.TrimSpace(value)})
			part.Reset()
			if i == len(dn) {
				return names, true
			}
		case dn[i] == 0:
			return nil, false
		case dn[i] != '\\':
			part.WriteByte(dn[i])
		case i+1 == len(dn):
			return nil, false
		default: // \, and the like stand for themselves, \20 and the like for a byte
			char, err := hex.DecodeString(dn[i+1 : min(i+3, len(dn))])
			if err != nil || len(char) != 1 {
				char, i = []byte{dn[i+1]}, i-1
			}
			if char[0] == 0 {
				return nil, false
			}
			part.Write(char)
			i += 2
		}
	}
}
