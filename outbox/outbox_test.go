package outbox_test

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/mail"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/igc-lab/igc/ca/store"
	"github.com/igc-lab/igc/ca/store/bolt"
	"github.com/igc-lab/igc/internal/peer"
	"github.com/igc-lab/igc/outbox"
)

type (
	message = outbox.Message
	filter  = outbox.Filter
)

const mailKind, smsKind = outbox.Mail, outbox.SMS

var start = time.Date(2026, 11, 26, 8, 0, 0, 0, time.UTC)

// stand is an outbox over a store of its own, with a clock that the test moves.
type stand struct {
	*outbox.Outbox
	mu  sync.Mutex
	now time.Time
}

func (s *stand) clock() time.Time {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.now
}

func (s *stand) forward(d time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.now = s.now.Add(d)
}

func newStand(t testing.TB, options outbox.Options) *stand {
	t.Helper()
	s := &stand{now: start}
	db := bolt.Open(filepath.Join(t.TempDir(), "igc.db"), bolt.Options{Now: s.clock})
	if err := db.Lock(time.Second); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Unlock() })
	options.Documents, options.Now = store.DocumentsOf(db, "test"), s.clock
	s.Outbox = outbox.New(options)
	t.Cleanup(s.Wait)
	return s
}

func (s *stand) send(t testing.TB, m outbox.Message) *outbox.Message {
	t.Helper()
	sent, err := s.Send(t.Context(), m)
	if err != nil {
		t.Fatal(err)
	}
	return sent
}

func (s *stand) list(t testing.TB, f outbox.Filter) (texts []string) {
	t.Helper()
	list, err := s.List(t.Context(), f)
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range list {
		texts = append(texts, m.Text)
	}
	return texts
}

func TestKept(t *testing.T) {
	s := newStand(t, outbox.Options{Limit: 4, Keep: time.Hour})
	if err := s.Mail(t.Context(), "camille@example.fr", "Activation", "un"); err != nil {
		t.Fatal(err)
	}
	if err := s.SMS(t.Context(), "+33 6 39 98 00 12", "deux : 123456"); err != nil {
		t.Fatal(err)
	}
	three := s.send(t, message{Kind: mailKind, To: "Élise <elise@example.fr>", Text: "trois", Person: "899700999909"})
	for _, tc := range []struct {
		filter filter
		want   []string
	}{
		{filter{}, []string{"trois", "deux : 123456", "un"}},
		{filter{Kind: outbox.SMS}, []string{"deux : 123456"}},
		{filter{To: "06 39 98 00 12"}, []string{"deux : 123456"}},
		{filter{To: "ELISE@example.fr"}, []string{"trois"}},
		{filter{Person: "899700999909"}, []string{"trois"}},
		{filter{Limit: 1}, []string{"trois"}},
		{filter{After: three.ID}, nil},
		{filter{To: "lise@example.fr"}, nil},
	} {
		if got := s.list(t, tc.filter); !slices.Equal(got, tc.want) {
			t.Errorf("%+v: %q, want %q", tc.filter, got, tc.want)
		}
	}
	if got, err := s.Get(t.Context(), three.ID); err != nil || got.To != "Élise <elise@example.fr>" ||
		!got.At.Equal(start) {
		t.Errorf("%+v, %v", got, err)
	}
	// the oldest go
	for i := range 3 {
		s.forward(time.Second)
		s.send(t, message{Kind: smsKind, To: "0639980013", Text: fmt.Sprint(i)})
	}
	if got := s.list(t, filter{}); !slices.Equal(got, []string{"2", "1", "0", "trois"}) {
		t.Errorf("%q", got)
	}
	if err := s.Delete(t.Context(), three.ID); err != nil {
		t.Fatal(err)
	}
	if _, err := s.Get(t.Context(), three.ID); store.KindOf(err) != store.NotFound {
		t.Error(err)
	}
	s.forward(time.Hour - time.Second)
	if got := s.list(t, filter{}); !slices.Equal(got, []string{"2"}) {
		t.Errorf("after an hour: %q", got)
	}
	if n, err := s.Clear(t.Context()); err != nil || n != 1 || len(s.list(t, filter{})) != 0 {
		t.Errorf("%d cleared, %v", n, err)
	}
	for _, id := range []string{"", "x", "../x", strings.Repeat("0", 16) + "-00000000"} {
		if _, err := s.Get(t.Context(), id); store.KindOf(err) != store.NotFound {
			t.Errorf("%q: %v", id, err)
		}
	}
}

func TestRefused(t *testing.T) {
	s := newStand(t, outbox.Options{})
	for name, tc := range map[string]struct {
		message message
		say     string
	}{
		"kind":           {message{Kind: "fax", To: "1", Text: "x"}, "choose mail or sms"},
		"no recipient":   {message{Kind: outbox.Mail}, "not a mail address"},
		"two recipients": {message{Kind: mailKind, To: "a@example.fr, b@example.fr"}, "not a mail address"},
		"CRLF":           {message{Kind: mailKind, To: "a@example.fr\r\nBcc: b@example.fr"}, "control character"},
		"LF":             {message{Kind: mailKind, To: "a@example.fr\nBcc: b@example.fr"}, "control character"},
		"encoded CRLF":   {message{Kind: mailKind, To: "=?utf-8?q?a=0D=0AX:_y?= <a@example.fr>"}, "not a mail address"},
		"quoted local":   {message{Kind: mailKind, To: `"a b"@example.fr`}, "not a mail address"},
		"not ASCII":      {message{Kind: mailKind, To: "é@example.fr"}, "not a mail address"},
		"from":           {message{Kind: mailKind, To: "a@example.fr", From: "x\r\ny"}, "control character"},
		"person":         {message{Kind: smsKind, To: "0639980012", Person: "8\n"}, "control character"},
		"number":         {message{Kind: smsKind, To: "phone"}, "not a phone number"},
		"long subject": {message{Kind: mailKind, To: "a@example.fr", Subject: strings.Repeat("é", 255)},
			"255 characters"},
		"long text": {message{Kind: smsKind, To: "0639980012", Text: strings.Repeat("é", 1<<15)},
			"32768 characters"},
		"SMS subject": {message{Kind: smsKind, To: "0639980012", Subject: "x"}, "no subject"},
	} {
		_, err := s.Send(t.Context(), tc.message)
		if err == nil || !strings.Contains(err.Error(), tc.say) || store.KindOf(err) != store.Invalid {
			t.Errorf("%s: %v", name, err)
		}
	}
	if got := s.list(t, filter{}); len(got) != 0 {
		t.Errorf("kept: %q", got)
	}
	sent := s.send(t, message{Kind: mailKind, To: "a@example.fr", Subject: "a\r\nBcc: b\u202e",
		Text: "x\r\ny\rz\x00\xff"})
	if sent.Subject != "a Bcc: b\ufffd" || sent.Text != "x\ny\nz\ufffd\ufffd" {
		t.Errorf("%q %q", sent.Subject, sent.Text)
	}
}

func TestCode(t *testing.T) {
	for text, want := range map[string]string{"Votre code : 123456.": "123456", "123456": "123456",
		"1234567": "", "code": "",
		"le 26112026, code 000001": "000001", "12345 654321": "654321"} {
		if got := (&message{Text: text}).Code(); got != want {
			t.Errorf("%q: %q", text, got)
		}
	}
}

// readEML is how Python's package email reads a mail.
const readEML = `
import base64, email, email.policy, json, sys
def read(data):
  m = email.message_from_bytes(base64.b64decode(data), policy=email.policy.default)
  parts = {p.get_content_type(): p.get_content().replace("\r\n", "\n") for p in m.walk() if not p.is_multipart()}
  defects = [str(d) for p in m.walk() for d in p.defects] + [str(d) for v in m.values() for d in v.defects]
  return {"keys": m.keys(), "subject": m["Subject"], "to": [[a.display_name, a.addr_spec] for a in m["To"].addresses],
    "from": [[a.display_name, a.addr_spec] for a in m["From"].addresses], "date": m["Date"].datetime.isoformat(),
    "parts": parts, "defects": defects}
json.dump([read(data) for data in json.load(sys.stdin)], sys.stdout)
`

var texts = map[string]string{
	"plain":       "Bonjour,\n\nVotre code : 123456.\n",
	"accents":     "Élise, voici l'activation de votre e-CPS « TEST » — à bientôt ☎ 🩺\n",
	"long":        strings.Repeat("une très longue ligne ", 300) + "\n",
	"one word":    strings.Repeat("x", 3000) + "\n",
	"dots":        ".\n..\n.x\nFrom x\n",
	"equals":      "a=b =3D = \n=\n",
	"trailing":    "spaces  \ttab\t\n \nend \n",
	"html-like":   "--boundary\n\n<b>\n",
	"empty lines": "\n\n\n",
}

var subjects = []string{"Activation", "Activation de votre e-CPS à Besançon : l'été « demain »",
	"=?utf-8?q?not_encoded?=",
	strings.Repeat("mot ", 50), strings.Repeat("é", 254), strings.Repeat("w", 254), "a  b   c",
	`"quoted", (comment) <x>; y:`,
	"🩺🩺🩺🩺🩺🩺🩺🩺🩺🩺🩺🩺🩺🩺🩺🩺🩺🩺🩺", ""}

// Another reader of mails finds in the .eml what was sent: header values, texts, in plain and HTML.
func TestEMLIsReadByPython(t *testing.T) {
	python := peer.Need(t, "python3")
	s := newStand(t, outbox.Options{})
	type sentMail struct {
		name string
		outbox.Message
		to  [2]string
		eml []byte
	}
	var all []sentMail
	check := func(name string, m outbox.Message, to [2]string) {
		t.Helper()
		m.Kind = outbox.Mail
		sent := s.send(t, m)
		eml := sent.EML()
		for line := range strings.SplitSeq(string(eml), "\r\n") {
			notASCII := strings.ContainsFunc(line, func(r rune) bool { return r > '~' })
			if len(line) > 78 || strings.ContainsAny(line, "\r\n\x00") || notASCII {
				t.Errorf("%s: line %q", name, line)
			}
		}
		if _, err := mail.ReadMessage(bytes.NewReader(eml)); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		all = append(all, sentMail{name, *sent, to, eml})
	}
	for name, text := range texts {
		check(name, message{To: "camille@example.fr", Subject: name, Text: text}, [2]string{"", "camille@example.fr"})
		check(name+" and HTML", message{To: "camille@example.fr", Subject: name, Text: text, HTML: "<p>é</p>\n" + text},
			[2]string{"", "camille@example.fr"})
	}
	for i, subject := range subjects {
		check(fmt.Sprint("subject ", i), message{To: "camille@example.fr", Subject: subject, Text: "x\n"},
			[2]string{"", "camille@example.fr"})
	}
	for _, name := range []string{"Élise Dupont", "Dupont, Élise (Dr)", `A "B" C`, "plain name", "a <b",
		"=?utf-8?q?x?=",
		strings.Repeat("long ", 20) + "name"} {
		address := (&mail.Address{Name: name, Address: "elise@example.fr"}).String()
		if name == "=?utf-8?q?x?=" {
			address = `"` + name + `" <elise@example.fr>`
		}
		check("name "+name, message{To: address, Subject: "x\r\nBcc: evil@example.fr", Text: "x\n"},
			[2]string{name, "elise@example.fr"})
	}
	var input [][]byte
	for _, m := range all {
		input = append(input, m.eml)
	}
	data, err := json.Marshal(input)
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(python, "-c", readEML)
	cmd.Stdin = bytes.NewReader(data)
	out, err := cmd.Output()
	if err != nil {
		t.Fatal(err)
	}
	var read []struct {
		Keys     []string
		Subject  string
		To, From [][2]string
		Date     string
		Parts    map[string]string
		Defects  []string
	}
	if err := json.Unmarshal(out, &read); err != nil || len(read) != len(all) {
		t.Fatalf("%d of %d read, %v", len(read), len(all), err)
	}
	for i, got := range read {
		sent := all[i]
		if got.Subject != sent.Subject || len(got.To) != 1 || got.To[0] != sent.to || len(got.Defects) != 0 ||
			got.Date != "2026-11-26T08:00:00+00:00" || got.Parts["text/plain"] != sent.Text ||
			got.Parts["text/html"] != sent.HTML || slices.Contains(got.Keys, "Bcc") ||
			got.From[0] != [2]string{"IGC-Santé de laboratoire", "ne-pas-repondre@example.fr"} {
			t.Errorf("%s: sent %q %+v\nread %q\n%s", sent.name, sent.to, sent.Message, got, sent.eml)
		}
	}
}

// Whatever a sender gives, a mail has the headers of a mail and no others, each line is short, and
// another reader than the writer finds the subject.
func FuzzHeaders(f *testing.F) {
	for _, subject := range subjects {
		f.Add("camille@example.fr", subject, "text")
	}
	f.Add("Élise <elise@example.fr>", "a\r\nBcc: x@example.fr\r\n\r\nbody", "\r\n.\r\n")
	f.Add("\"a\\\"b\" <a@b>", "\x00\x7f\x80 =?", "=\n.\n")
	s := outbox.New(outbox.Options{Documents: forgetful{}})
	known := []string{"From", "To", "Subject", "Date", "Message-Id", "X-Igc-Person", "X-Igc-Lab",
		"Mime-Version", "Content-Type",
		"Content-Transfer-Encoding"}
	f.Fuzz(func(t *testing.T, to, subject, text string) {
		sent, err := s.Send(context.Background(), message{Kind: mailKind, To: to, Subject: subject, Text: text,
			Person: "8"})
		if err != nil {
			if store.KindOf(err) != store.Invalid {
				t.Fatal(err)
			}
			return
		}
		eml := sent.EML()
		m, err := mail.ReadMessage(bytes.NewReader(eml))
		if err != nil {
			t.Fatalf("%v\n%q", err, eml)
		}
		for name, values := range m.Header {
			if !slices.Contains(known, name) || len(values) != 1 {
				t.Fatalf("%s: %q\n%q", name, values, eml)
			}
		}
		head, _, _ := bytes.Cut(eml, []byte("\r\n\r\n"))
		for line := range bytes.SplitSeq(head, []byte("\r\n")) {
			if bytes.ContainsAny(line, "\r\n\x00") || len(line) > 998 || len(bytes.TrimSpace(line)) == 0 {
				t.Fatalf("line %q", line)
			}
		}
		if _, err := m.Header.AddressList("To"); err != nil {
			t.Fatalf("%v\n%q", err, eml)
		}
	})
}

// catcher is a small SMTP server: it keeps what it receives, and answers as a test wants.
type catcher struct {
	net.Listener
	refuse atomic.Value // string: the command that it refuses
	silent atomic.Bool
	mu     sync.Mutex
	mails  []string
	conns  []net.Conn
}

// hangUp ends the connections.
func (c *catcher) hangUp() {
	c.Close()
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, conn := range c.conns {
		conn.Close()
	}
}

func newCatcher(t *testing.T) *catcher {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	c := &catcher{Listener: l}
	t.Cleanup(c.hangUp)
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			c.mu.Lock()
			c.conns = append(c.conns, conn)
			c.mu.Unlock()
			go c.serve(conn)
		}
	}()
	return c
}

func (c *catcher) serve(conn net.Conn) {
	defer conn.Close()
	if c.silent.Load() {
		io.Copy(io.Discard, conn)
		return
	}
	fmt.Fprint(conn, "220 catcher\r\n")
	lines := bufio.NewReader(conn)
	var envelope string
	for {
		line, err := lines.ReadString('\n')
		if err != nil {
			return
		}
		line = strings.TrimRight(line, "\r\n")
		verb, _, _ := strings.Cut(line, " ")
		switch {
		case verb == c.refuse.Load():
			fmt.Fprint(conn, "550 no\r\n")
		case verb == "DATA":
			fmt.Fprint(conn, "354 go\r\n")
			var b strings.Builder
			for {
				line, err := lines.ReadString('\n')
				if err != nil {
					return
				}
				if line == ".\r\n" {
					break
				}
				b.WriteString(strings.TrimPrefix(line, "."))
			}
			c.mu.Lock()
			c.mails = append(c.mails, envelope+"\n"+b.String())
			c.mu.Unlock()
			fmt.Fprint(conn, "250 ok\r\n")
		case verb == "QUIT":
			fmt.Fprint(conn, "221 bye\r\n")
			return
		default:
			envelope += line + "\n"
			fmt.Fprint(conn, "250 ok\r\n")
		}
	}
}

func (c *catcher) received() []string {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.Clone(c.mails)
}

func TestRelay(t *testing.T) {
	c := newCatcher(t)
	s := newStand(t, outbox.Options{SMTP: c.Addr().String()})
	m := message{Kind: mailKind, To: "Élise <elise@example.fr>", Subject: "Été", Text: ".\nune ligne\n..\n"}
	sent := s.send(t, m)
	if sent.Relay == nil || !sent.Relay.At.IsZero() {
		t.Errorf("%+v", sent.Relay)
	}
	if err := s.SMS(t.Context(), "0639980012", "123456"); err != nil {
		t.Fatal(err)
	}
	s.Wait()
	mails := c.received()
	if len(mails) != 1 || !strings.Contains(mails[0], "MAIL FROM:<ne-pas-repondre@example.fr>") ||
		!strings.Contains(mails[0], "RCPT TO:<elise@example.fr>") || !strings.HasSuffix(mails[0],
		"\r\n.\r\nune ligne\r\n..\r\n") {
		t.Errorf("%q", mails)
	}
	got, err := s.Get(t.Context(), sent.ID)
	if err != nil || got.Relay == nil || got.Relay.Error != "" || got.Relay.At.IsZero() {
		t.Errorf("%+v, %v", got, err)
	}
	for _, verb := range []string{"EHLO", "MAIL", "RCPT", "DATA"} {
		c.refuse.Store(verb)
		sent := s.send(t, m)
		s.Wait()
		got, err := s.Get(t.Context(), sent.ID)
		if verb == "EHLO" { // HELO does
			if err != nil || got.Relay.Error != "" {
				t.Errorf("%s: %+v, %v", verb, got.Relay, err)
			}
			continue
		}
		if err != nil || !strings.Contains(got.Relay.Error, "550") {
			t.Errorf("%s: %+v, %v", verb, got.Relay, err)
		}
	}
}

// A server that is not there, does not answer or is elsewhere keeps nobody waiting.
func TestRelayFails(t *testing.T) {
	silent := newCatcher(t)
	silent.silent.Store(true)
	closed := newCatcher(t)
	closed.Close()
	m := message{Kind: mailKind, To: "a@example.fr", Text: "x"}
	for name, address := range map[string]string{"closed": closed.Addr().String(), "silent": silent.Addr().String()} {
		s := newStand(t, outbox.Options{SMTP: address})
		began := time.Now()
		var last *outbox.Message
		for range 40 {
			last = s.send(t, m)
		}
		if took := time.Since(began); took > 5*time.Second {
			t.Errorf("%s: %s", name, took)
		}
		if name == "silent" { // its mails time out one day; those beyond the queue are refused at once
			got, err := s.Get(t.Context(), last.ID)
			if err != nil || !strings.Contains(got.Relay.Error, "wait for the SMTP server") {
				t.Errorf("%+v, %v", got.Relay, err)
			}
			silent.hangUp()
		}
		s.Wait()
		if got, err := s.Get(t.Context(), last.ID); err != nil || got.Relay.Error == "" {
			t.Errorf("%s: %+v, %v", name, got.Relay, err)
		}
	}
}

// A message that was deleted before the server answered does not come back.
func TestRelayOfDeleted(t *testing.T) {
	c := newCatcher(t)
	c.silent.Store(true)
	s := newStand(t, outbox.Options{SMTP: c.Addr().String()})
	sent := s.send(t, message{Kind: mailKind, To: "a@example.fr", Text: "x"})
	if err := s.Delete(t.Context(), sent.ID); err != nil {
		t.Fatal(err)
	}
	c.hangUp()
	s.Wait()
	if _, err := s.Get(t.Context(), sent.ID); store.KindOf(err) != store.NotFound {
		t.Error(err)
	}
}

func get(t *testing.T, h http.Handler, path, accept string) *httptest.ResponseRecorder {
	t.Helper()
	r := httptest.NewRequest(http.MethodGet, path, nil)
	r.Header.Set("Accept-Language", accept)
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w
}

// A message links to the page of its person, where there are such pages.
func TestPersonLink(t *testing.T) {
	const link = `href="/personnes/30B0057881%2FCPET0002?lang=en"`
	for path, want := range map[string]bool{"/personnes/": true, "": false} {
		s := newStand(t, outbox.Options{People: path})
		m := s.send(t, message{Kind: smsKind, To: "0639980012", Text: "x", Person: "30B0057881/CPET0002"})
		page := get(t, s.Handler("/messages/"), "/messages/"+m.ID+"?lang=en", "").Body.String()
		if strings.Contains(page, link) != want || strings.Contains(page, "/personnes/") != want {
			t.Errorf("%q: %s", path, page)
		}
	}
}

func TestPages(t *testing.T) {
	s := newStand(t, outbox.Options{})
	h := s.Handler("/messages/")
	if w := get(t, h, "/messages/", "fr"); w.Code != 200 || !strings.Contains(w.Body.String(), "igc outbox send") {
		t.Errorf("empty: %d\n%s", w.Code, w.Body)
	}
	hostile := `<script>alert(1)</script>`
	mailed := s.send(t, message{Kind: mailKind, To: "Élise <elise@example.fr>", Subject: "Été " + hostile,
		Text: "Ouvrez https://localhost:8452/activation?c=1&d=2, puis\n" + hostile, HTML: "<p>Été</p>" +
			hostile, Person: "899700999909"})
	sms := s.send(t, message{Kind: smsKind, To: "0639980012", Text: "Votre code : 123456"})
	pages := map[string][]string{
		"/messages/": {`href="/messages/` + sms.ID + `"`, "Été &lt;script&gt;",
			"Courriels (1)", "26/11/2026", "elise@example.fr"},
		"/messages/?kind=sms":            {"Votre code", `aria-current="true">SMS (1)`},
		"/messages/?to=elise@example.fr": {mailed.ID},
		"/messages/" + mailed.ID: {`<a href="https://localhost:8452/activation?c=1&amp;d=2"`,
			"899700999909", "Version HTML"},
		"/messages/" + sms.ID:              {`<strong class="mono">123456</strong>`},
		"/messages/" + sms.ID + "?lang=en": {"Sent on", `href="/messages/?lang=en"`},
	}
	for path, wants := range pages {
		w := get(t, h, path, "fr")
		page := w.Body.String()
		for _, want := range wants {
			if !strings.Contains(page, want) {
				t.Errorf("%s lacks %q:\n%s", path, want, page)
			}
		}
		policy := w.Header().Get("Content-Security-Policy")
		if w.Code != 200 || strings.Contains(page, "<script>a") || !strings.Contains(policy, "default-src 'none'") ||
			strings.Contains(policy, "unsafe") || w.Header().Get("Cache-Control") != "no-store" {
			t.Errorf("%s: %d, %q", path, w.Code, policy)
		}
	}
	if page := get(t, h, "/messages/?kind=sms", "fr").Body.String(); strings.Contains(page, mailed.ID) {
		t.Error("the filter lets mails pass")
	}
	for path, status := range map[string]int{"/messages/nothing": 404, "/messages/" + mailed.ID + "/x": 404,
		"/messages/?kind=fax": 400,
		"/messages/?limit=0":  400, "/messages/" + sms.ID + "/html": 404, "/messages/api/v1/messages/x": 404,
		"/messages/api/v1/messages?kind=fax": 400, "/elsewhere": 404} {
		if w := get(t, h, path, "en"); w.Code != status {
			t.Errorf("%s: %d", path, w.Code)
		}
	}
	w := get(t, h, "/messages/"+mailed.ID+"/html", "fr")
	if !strings.Contains(w.Header().Get("Content-Security-Policy"), "sandbox") ||
		!strings.Contains(w.Body.String(), "<p>Été") {
		t.Errorf("%v", w.Header())
	}
	w = get(t, h, "/messages/"+mailed.ID+"/message.eml", "fr")
	if w.Header().Get("Content-Type") != "message/rfc822" || !bytes.Equal(w.Body.Bytes(), mailed.EML()) {
		t.Errorf("%v\n%s", w.Header(), w.Body)
	}
	var list struct{ Messages []outbox.Message }
	w = get(t, h, "/messages/api/v1/messages?limit=1", "fr")
	if err := json.Unmarshal(w.Body.Bytes(), &list); err != nil || len(list.Messages) != 1 ||
		list.Messages[0].ID != sms.ID {
		t.Errorf("%v: %s", err, w.Body)
	}
	var one outbox.Message
	w = get(t, h, "/messages/api/v1/messages/"+mailed.ID, "fr")
	if err := json.Unmarshal(w.Body.Bytes(), &one); err != nil || one.Subject != mailed.Subject {
		t.Errorf("%v: %s", err, w.Body)
	}
	post := httptest.NewRecorder()
	h.ServeHTTP(post, httptest.NewRequest(http.MethodPost, "/messages/", nil))
	if post.Code != http.StatusMethodNotAllowed {
		t.Errorf("POST: %d", post.Code)
	}
}

// An error of the store is given on, and no page shows it.
func TestStoreFails(t *testing.T) {
	failed := errors.New("disk of somebody")
	o := outbox.New(outbox.Options{Documents: broken{failed}})
	if err := o.Mail(t.Context(), "a@example.fr", "x", "y"); !errors.Is(err, failed) {
		t.Error(err)
	}
	for _, path := range []string{"/", "/api/v1/messages"} {
		if w := get(t, o.Handler(""), path, "en"); w.Code != 500 || strings.Contains(w.Body.String(), "disk") {
			t.Errorf("%s: %d %s", path, w.Code, w.Body)
		}
	}
}

type broken struct{ err error }

func (b broken) GetDocument(context.Context, store.DocumentKind, string) (store.Document, error) {
	return store.Document{}, b.err
}
func (b broken) ScanDocuments(context.Context, store.DocumentKind, string) ([]store.Document, error) {
	return nil, b.err
}
func (b broken) PageDocuments(context.Context, store.DocumentKind, string, string, int) ([]store.Document, error) {
	return nil, b.err
}
func (b broken) WriteDocuments(context.Context, string, ...store.DocumentWrite) ([]uint64, error) {
	return nil, b.err
}

// forgetful is a store that keeps nothing.
type forgetful struct{ store.DocumentStore }

func (forgetful) ScanDocuments(context.Context, store.DocumentKind, string) ([]store.Document, error) {
	return nil, nil
}
func (forgetful) WriteDocuments(context.Context, string, ...store.DocumentWrite) ([]uint64, error) {
	return []uint64{1}, nil
}
