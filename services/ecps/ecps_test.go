package ecps

import (
	"encoding/json"
	"errors"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/igc-lab/igc/ca/store"
)

// phoneCode is the code that a phone shows.
func (l *testLab) phoneCode(handle string) string {
	l.t.Helper()
	a, _, err := l.byPhone(l.ctx, handle)
	must(l.t, err)
	code, err := l.options.Seal.Unseal(shownPurpose(a.ID), a.Shown)
	must(l.t, err)
	return string(code)
}

func TestActivationWithCard(t *testing.T) {
	l := newTestLab(t)
	a, err := l.BeginWithCard(l.ctx, alain)
	must(t, err)
	if a.Step != StepPending || !strings.HasPrefix(a.QR, "https://localhost:8454/telephone/scanner?jeton=") {
		t.Fatalf("%+v", a)
	}
	if !strings.Contains(a.SVG(), "<path") {
		t.Error("no QR code")
	}
	handle, err := l.scanned(l.ctx, a.QR)
	must(t, err)
	code := l.phoneCode(handle)
	if len(code) != 6 {
		t.Errorf("code %q", code)
	}
	wants(t, OutOfOrder, func() error { _, err := l.choosePIN(l.ctx, handle, "1234", "1234"); return err }())
	wants(t, WrongCode, l.ConfirmCode(l.ctx, a.ID, "not it"))
	must(t, l.ConfirmCode(l.ctx, a.ID, code[:3]+" "+code[3:]))
	wants(t, OutOfOrder, l.ConfirmCode(l.ctx, a.ID, code))
	for _, pins := range [][2]string{{"123", "123"}, {"12345", "12345"}, {"", ""}, {"abcd", "abcd"}, {"١٢٣٤", "١٢٣٤"}} {
		_, err := l.choosePIN(l.ctx, handle, pins[0], pins[1])
		wants(t, BadPIN, err)
	}
	_, err = l.choosePIN(l.ctx, handle, "1234", "1243")
	wants(t, PINsDiffer, err)
	d, err := l.choosePIN(l.ctx, handle, "1234", "1234")
	must(t, err)
	if d.State != DeviceActive || d.With != WithCard || d.Person != alain || d.TriesLeft != 3 {
		t.Errorf("%+v", d)
	}
	_, err = l.choosePIN(l.ctx, handle, "1234", "1234")
	wants(t, OutOfOrder, err)
	done, err := l.Activation(l.ctx, a.ID)
	if err != nil || done.Step != StepActive || done.Device != d.ID || done.QR != "" {
		t.Errorf("%+v, %v", done, err)
	}
}

// The QR code on the PC is valid for 90 seconds; another one takes its place.
func TestQRExpires(t *testing.T) {
	l := newTestLab(t)
	a, err := l.BeginWithCard(l.ctx, alain)
	must(t, err)
	l.move(89 * time.Second)
	same, err := l.Activation(l.ctx, a.ID)
	if err != nil || same.QR != a.QR {
		t.Fatalf("after 89 s: %+v, %v", same, err)
	}
	l.move(2 * time.Second)
	_, err = l.scanned(l.ctx, a.QR)
	wants(t, QRExpired, err)
	next, err := l.Activation(l.ctx, a.ID)
	if err != nil || next.QR == a.QR || !next.QRExpires.Equal(l.Service.now().Add(90*time.Second)) {
		t.Fatalf("after 91 s: %+v, %v", next, err)
	}
	_, err = l.scanned(l.ctx, a.QR)
	wants(t, QRExpired, err)
	_, err = l.scanned(l.ctx, token(next.QR))
	must(t, err)
	_, err = l.scanned(l.ctx, next.QR)
	wants(t, QRUsed, err)
	l.move(15 * time.Minute)
	_, err = l.Activation(l.ctx, a.ID)
	wants(t, ActivationExpired, err)
}

func TestActivationWithoutCard(t *testing.T) {
	l := newTestLab(t)
	handle, err := l.begin(l.ctx, " 8 99700 209812 ")
	must(t, err)
	a, _, err := l.byPhone(l.ctx, handle)
	must(t, err)
	if a.Mail != "a•••@m•••.fr" || a.Number != "+3 •• •• •• 78" {
		t.Errorf("masked %q, %q", a.Mail, a.Number)
	}
	if l.outbox.count() != 0 {
		t.Error("a message before the contacts were confirmed")
	}
	must(t, l.sendMail(l.ctx, handle))
	mail := l.outbox.last(t)
	first := linkIn.FindString(mail.Text)
	if mail.To != "alain@medecin.example.fr" || first == "" || !strings.Contains(mail.Text, "█") {
		t.Fatalf("%+v", mail)
	}
	must(t, l.sendMail(l.ctx, handle)) // once more: the first link is over
	link := linkIn.FindString(l.outbox.last(t).Text)
	_, err = l.scanned(l.ctx, first)
	wants(t, BadQR, err)
	former := handle
	handle, err = l.scanned(l.ctx, link)
	if err != nil || handle == former {
		t.Fatal(handle, err)
	}
	wants(t, OtherPhone, l.resendSMS(l.ctx, former)) // whoever asked does not have the mail
	sms := l.outbox.last(t)
	code := codeIn.FindString(sms.Text)
	if sms.To != "+33 6 12 34 56 78" || code == "" {
		t.Fatalf("%+v", sms)
	}
	sent := l.outbox.count()
	if got, err := l.scanned(l.ctx, link); err != nil || got != handle || l.outbox.count() != sent {
		t.Error("opening the link again is not harmless", err)
	}
	wants(t, OutOfOrder, l.sendMail(l.ctx, handle))
	wants(t, WrongCode, l.confirmSMS(l.ctx, handle, "12345"))
	must(t, l.confirmSMS(l.ctx, handle, code))
	wants(t, OutOfOrder, l.confirmSMS(l.ctx, handle, code))
	d, err := l.choosePIN(l.ctx, handle, "0000", "0000")
	if err != nil || d.With != WithContact || d.Person != alain {
		t.Fatal(d, err)
	}
}

func TestActivationRefused(t *testing.T) {
	l := newTestLab(t)
	for identifier, code := range map[string]Code{
		"99700209812": No8, "9970020981": BadIdentifier, "": BadIdentifier, "alain@medecin.example.fr": BadIdentifier,
		"998700209812": BadIdentifier, charles: CardOnly, "0" + "0B6077602": CardOnly, "899700209999": UnknownPerson,
		silent: NoContact, strings.Repeat("8", 5000): BadIdentifier, "８99700209812x": BadIdentifier,
	} {
		if _, err := l.begin(l.ctx, identifier); CodeOf(err) != code {
			t.Errorf("%.20q: %v, not %s", identifier, err, code)
		}
	}
	_, err := l.BeginWithCard(l.ctx, "899700209999")
	wants(t, UnknownPerson, err)
	if _, err := l.BeginWithCard(l.ctx, silent); err != nil {
		t.Error("with a card nobody needs a mail address: ", err)
	}
	for _, content := range []string{"", "x", "https://localhost:8454/telephone/", "a.b", "é.è", "https://x/?jeton=a",
		strings.Repeat("a.", 3000)} {
		if _, err := l.scanned(l.ctx, content); CodeOf(err) != BadQR && CodeOf(err) != NoActivation {
			t.Errorf("%.20q: %v", content, err)
		}
	}

	t.Run("three wrong codes on the PC", func(t *testing.T) {
		a, err := l.BeginWithCard(l.ctx, alain)
		must(t, err)
		handle, err := l.scanned(l.ctx, a.QR)
		must(t, err)
		code := l.phoneCode(handle)
		wants(t, WrongCode, l.ConfirmCode(l.ctx, a.ID, ""))
		wants(t, WrongCode, l.ConfirmCode(l.ctx, a.ID, code+"0"))
		wants(t, CodeTries, l.ConfirmCode(l.ctx, a.ID, "000"))
		wants(t, CodeTries, l.ConfirmCode(l.ctx, a.ID, code))
		_, err = l.choosePIN(l.ctx, handle, "1234", "1234")
		wants(t, CodeTries, err)
	})
	t.Run("the code on the phone is over", func(t *testing.T) {
		a, err := l.BeginWithCard(l.ctx, alain)
		must(t, err)
		handle, err := l.scanned(l.ctx, a.QR)
		must(t, err)
		code := l.phoneCode(handle)
		l.move(5 * time.Minute)
		wants(t, CodeExpired, l.ConfirmCode(l.ctx, a.ID, code))
	})
	t.Run("text messages", func(t *testing.T) {
		handle, err := l.begin(l.ctx, cecile)
		must(t, err)
		must(t, l.sendMail(l.ctx, handle))
		handle, err = l.scanned(l.ctx, linkIn.FindString(l.outbox.last(t).Text))
		must(t, err)
		former := codeIn.FindString(l.outbox.last(t).Text)
		l.move(10 * time.Minute)
		wants(t, CodeExpired, l.confirmSMS(l.ctx, handle, former))
		must(t, l.resendSMS(l.ctx, handle))
		must(t, l.resendSMS(l.ctx, handle))
		wants(t, TooManyMessages, l.resendSMS(l.ctx, handle))
		code := codeIn.FindString(l.outbox.last(t).Text)
		if former != code {
			wants(t, WrongCode, l.confirmSMS(l.ctx, handle, former))
		}
		must(t, l.confirmSMS(l.ctx, handle, code))
		l.move(25 * time.Hour)
		_, err = l.choosePIN(l.ctx, handle, "1234", "1234")
		wants(t, ActivationExpired, err)
	})
	t.Run("another phone's handle", func(t *testing.T) {
		handle, err := l.begin(l.ctx, cecile)
		must(t, err)
		id, _, _ := strings.Cut(handle, ".")
		for _, wrong := range []string{id, id + ".", id + ".x", "", ".", handle + "x"} {
			wants(t, NoActivation, l.sendMail(l.ctx, wrong))
		}
	})
	t.Run("a message that cannot be sent", func(t *testing.T) {
		handle, err := l.begin(l.ctx, cecile)
		must(t, err)
		l.outbox.fail = errors.New("disk full")
		if err := l.sendMail(l.ctx, handle); err == nil {
			t.Error("no error")
		}
		l.outbox.fail = nil
		must(t, l.sendMail(l.ctx, handle))
	})
}

func TestApproval(t *testing.T) {
	l := newTestLab(t)
	_, err := l.Ask(l.ctx, Asked{Person: alain, ClientID: "lgc"})
	wants(t, NoECPS, err)
	d := l.active(alain)
	r := l.ask(alain)
	if len(r.Choices) != 3 || r.State != StateSent || r.Expires.Sub(r.Created) != 2*time.Minute ||
		wrongChoice(r) == "" {
		t.Fatalf("%+v", r)
	}
	wants(t, PINFirst, l.Choose(l.ctx, d.ID, r.ID, r.Number))
	must(t, l.Open(l.ctx, d.ID, r.ID))
	must(t, l.Open(l.ctx, d.ID, r.ID))
	if now := l.get(r.ID); now.State != StateOpened {
		t.Errorf("%+v", now)
	}
	wants(t, PINFirst, l.Choose(l.ctx, d.ID, r.ID, r.Number))
	wants(t, WrongPIN, l.Unlock(l.ctx, d.ID, r.ID, "4321"))
	wants(t, PINFirst, l.Choose(l.ctx, d.ID, r.ID, r.Number))
	must(t, l.Unlock(l.ctx, d.ID, r.ID, "1234"))
	wants(t, BadNumber, l.Choose(l.ctx, d.ID, r.ID, "7"))
	l.move(119 * time.Second)
	must(t, l.Choose(l.ctx, d.ID, r.ID, r.Number))
	now := l.get(r.ID)
	if now.State != StateApproved || !now.Answered.Equal(l.Service.now()) || now.Reason != "" {
		t.Errorf("%+v", now)
	}
	wants(t, Answered, l.Choose(l.ctx, d.ID, r.ID, r.Number))
	wants(t, Answered, l.Refuse(l.ctx, "", r.ID))
	wants(t, Answered, l.Cancel(l.ctx, r.ID))
	if _, err := l.Redeem(l.ctx, r.ID); err != nil {
		t.Error(err)
	}
	_, err = l.Redeem(l.ctx, r.ID)
	wants(t, Redeemed, err)
	if present, _ := l.Device(l.ctx, alain); present.TriesLeft != 3 {
		t.Errorf("the right PIN does not forget the wrong one: %+v", present)
	}
	// what was approved stays so when the phone is lost
	must(t, l.Delete(l.ctx, "", alain))
	if now := l.get(r.ID); now.State != StateApproved {
		t.Errorf("%+v", now)
	}
}

func TestRequestRefused(t *testing.T) {
	l := newTestLab(t)
	d := l.active(alain)
	other := l.active(cecile)
	end := func(name string, state State, reason Code, do func(t *testing.T, r *Request)) {
		t.Run(name, func(t *testing.T) {
			r := l.ask(alain)
			do(t, r)
			now := l.get(r.ID)
			if now.State != state || now.Reason != reason || CodeOf(now.Err()) != reason {
				t.Fatalf("%s %s, not %s %s", now.State, now.Reason, state, reason)
			}
			for _, err := range []error{l.Open(l.ctx, d.ID, r.ID), l.Unlock(l.ctx, d.ID, r.ID, "1234"),
				l.Choose(l.ctx, d.ID, r.ID, r.Number), l.Refuse(l.ctx, "", r.ID), l.Approve(l.ctx, "", r.ID, "", "")} {
				if code := CodeOf(err); code != Answered && code != TimedOut && code != OtherDevice {
					t.Errorf("after the end: %v", err)
				}
			}
			if _, err := l.Redeem(l.ctx, r.ID); CodeOf(err) != Answered {
				t.Errorf("redeemed: %v", err)
			}
		})
	}
	end("on the phone", StateRefused, Refused, func(t *testing.T, r *Request) { must(t, l.Refuse(l.ctx, "", r.ID)) })
	end("after the PIN", StateRefused, Refused, func(t *testing.T, r *Request) {
		must(t, l.Unlock(l.ctx, d.ID, r.ID, "1234"))
		must(t, l.Refuse(l.ctx, "", r.ID))
	})
	end("on the PC", StateRefused, Cancelled, func(t *testing.T, r *Request) {
		must(t, l.Cancel(l.ctx, r.ID))
		must(t, l.Cancel(l.ctx, r.ID))
	})
	end("wrong number", StateRefused, WrongNumber, func(t *testing.T, r *Request) {
		must(t, l.Unlock(l.ctx, d.ID, r.ID, "1234"))
		wants(t, WrongNumber, l.Choose(l.ctx, d.ID, r.ID, wrongChoice(r)))
	})
	end("too late", StateExpired, TimedOut, func(t *testing.T, r *Request) {
		must(t, l.Unlock(l.ctx, d.ID, r.ID, "1234"))
		l.move(121 * time.Second)
		wants(t, TimedOut, l.Choose(l.ctx, d.ID, r.ID, r.Number))
	})
	end("another phone", StateExpired, TimedOut, func(t *testing.T, r *Request) {
		for _, err := range []error{l.Open(l.ctx, other.ID, r.ID), l.Unlock(l.ctx, other.ID, r.ID, "1234"),
			l.Choose(l.ctx, other.ID, r.ID, r.Number)} {
			wants(t, OtherDevice, err)
		}
		l.move(120 * time.Second)
	})
	end("deleted", StateRefused, Replaced, func(t *testing.T, r *Request) {
		must(t, l.Delete(l.ctx, "", alain))
		d = l.active(alain)
	})
	end("replaced", StateRefused, Replaced, func(t *testing.T, r *Request) {
		must(t, l.Unlock(l.ctx, d.ID, r.ID, "1234"))
		d = l.active(alain)
	})
	end("e-CPS expired", StateExpired, Expired, func(t *testing.T, r *Request) {
		if _, err := l.Expire(l.ctx, "", alain); err != nil {
			t.Fatal(err)
		}
		_, err := l.Ask(l.ctx, Asked{Person: alain, ClientID: "lgc"})
		wants(t, Expired, err)
		d = l.active(alain)
	})
	end("blocked", StateBlocked, Blocked, func(t *testing.T, r *Request) {
		second := l.ask(alain)
		must(t, l.Unlock(l.ctx, d.ID, second.ID, "1234"))
		for _, code := range []Code{WrongPIN, WrongPIN, Blocked} {
			wants(t, code, l.Unlock(l.ctx, d.ID, r.ID, "0000"))
		}
		if now := l.get(second.ID); now.State != StateBlocked {
			t.Errorf("the other request: %+v", now)
		}
		_, err := l.Ask(l.ctx, Asked{Person: alain, ClientID: "lgc"})
		wants(t, Blocked, err)
		if dev, err := l.Device(l.ctx, alain); err != nil || dev.State != DeviceBlocked || dev.TriesLeft != 0 {
			t.Error(dev, err)
		}
	})
	for _, asked := range []Asked{{Person: cecile}, {Person: cecile, ClientID: "x", Number: "7"}, {Person: cecile,
		ClientID: "x", TTL: 2 * time.Hour},
		{Person: cecile, ClientID: "x", TTL: -1}, {Person: cecile, ClientID: "x", Message: strings.Repeat("x", 1000)}} {
		if r, err := l.Ask(l.ctx, asked); err == nil || CodeOf(err) == "" {
			t.Errorf("%+v: %+v, %v", asked, r, err)
		}
	}
	for _, id := range []string{"", "x", l.ask(cecile).ID + "x"} {
		_, err := l.Get(l.ctx, id)
		if err == nil {
			t.Errorf("Get(%q) finds something", id)
		}
	}
}

func TestWrongNumberRetry(t *testing.T) {
	l := newTestLab(t, Settings{NumberTries: 2})
	d := l.active(alain)
	r := l.ask(alain)
	must(t, l.Unlock(l.ctx, d.ID, r.ID, "1234"))
	wants(t, WrongNumber, l.Choose(l.ctx, d.ID, r.ID, wrongChoice(r)))
	must(t, l.Choose(l.ctx, d.ID, r.ID, r.Number))
	r = l.ask(alain)
	must(t, l.Unlock(l.ctx, d.ID, r.ID, "1234"))
	wants(t, WrongNumber, l.Choose(l.ctx, d.ID, r.ID, wrongChoice(r)))
	wants(t, WrongNumber, l.Choose(l.ctx, d.ID, r.ID, wrongChoice(r)))
	wants(t, Answered, l.Choose(l.ctx, d.ID, r.ID, r.Number))
}

// Of what is done at once, one is done.
func TestAtOnce(t *testing.T) {
	l := newTestLab(t)
	d := l.active(alain)
	count := func(n int, do func(i int) error) (done int32) {
		var wg sync.WaitGroup
		var ok atomic.Int32
		for i := range n {
			wg.Go(func() {
				if do(i) == nil {
					ok.Add(1)
				}
			})
		}
		wg.Wait()
		return ok.Load()
	}
	r := l.ask(alain)
	if n := count(8, func(int) error { return l.Approve(l.ctx, "", r.ID, "", "") }); n != 1 {
		t.Errorf("%d approvals", n)
	}
	if n := count(8, func(int) error { _, err := l.Redeem(l.ctx, r.ID); return err }); n != 1 {
		t.Errorf("redeemed %d times", n)
	}
	r = l.ask(alain)
	if n := count(8, func(i int) error {
		if i%2 == 0 {
			return l.Refuse(l.ctx, "", r.ID)
		}
		return l.Approve(l.ctx, "", r.ID, "1234", r.Number)
	}); n != 1 {
		t.Errorf("%d answers", n)
	}
	a, err := l.BeginWithCard(l.ctx, alain)
	must(t, err)
	if n := count(8, func(int) error { _, err := l.scanned(l.ctx, a.QR); return err }); n != 1 {
		t.Errorf("scanned by %d phones", n)
	}
	r = l.ask(alain)
	wrong := atomic.Int32{}
	count(12, func(int) error {
		err := l.Unlock(l.ctx, d.ID, r.ID, "9999")
		if CodeOf(err) == WrongPIN || CodeOf(err) == Blocked {
			wrong.Add(1)
		}
		return err
	})
	if dev, _ := l.Device(l.ctx, alain); dev.State != DeviceBlocked {
		t.Errorf("%+v after %d wrong PINs", dev, wrong.Load())
	}
}

// A document that was altered approves nothing, whatever was altered.
func TestAlteredDocuments(t *testing.T) {
	l := newTestLab(t)
	l.active(alain)
	l.active(cecile)
	r := l.ask(alain)
	must(t, l.Approve(l.ctx, "", r.ID, "1234", r.Number))
	foreign := l.ask(cecile)
	must(t, l.Approve(l.ctx, "", foreign.ID, "", ""))
	good, _, err := read[Request](l.ctx, l.Service, requests, r.ID)
	must(t, err)
	theirs, _, err := read[Request](l.ctx, l.Service, requests, foreign.ID)
	must(t, err)
	alter := func(name string, code Code, change func(r *Request)) {
		altered := good
		approval := *good.Approval
		altered.Approval = &approval
		change(&altered)
		data, _ := json.Marshal(altered)
		_, err := l.options.Documents.WriteDocuments(l.ctx, "", store.DocumentWrite{Kind: requests, Key: r.ID,
			Value: data})
		must(t, err)
		if _, err := l.Get(l.ctx, r.ID); CodeOf(err) != code {
			t.Errorf("%s: %v", name, err)
		}
		if _, err := l.Redeem(l.ctx, r.ID); code != "" && err == nil {
			t.Errorf("%s: redeemed", name)
		}
		list, err := l.Requests(l.ctx, altered.Person)
		for _, listed := range list {
			if listed.ID == r.ID && code == BadSignature && (listed.State != StateRefused ||
				listed.Reason != BadSignature) {
				t.Errorf("%s: listed as %+v, %v", name, listed, err)
			}
		}
	}
	alter("nothing", "", func(*Request) {})
	alter("person", BadSignature, func(r *Request) { r.Person = cecile })
	alter("client", BadSignature, func(r *Request) { r.ClientID = "another" })
	alter("client's name", BadSignature, func(r *Request) { r.ClientName = "Another" })
	alter("number", BadSignature, func(r *Request) { r.Number = "00" })
	alter("message", BadSignature, func(r *Request) { r.Message = "x" })
	alter("answered", BadSignature, func(r *Request) { r.Answered = r.Answered.Add(time.Second) })
	alter("end", BadSignature, func(r *Request) { r.Expires = r.Expires.Add(time.Hour) })
	alter("device", BadSignature, func(r *Request) { r.Device = theirs.Device })
	alter("no approval", BadSignature, func(r *Request) { r.Approval = nil })
	alter("no signature", BadSignature, func(r *Request) { r.Approval.Signature = nil })
	alter("approval of another", BadSignature, func(r *Request) { *r.Approval = *theirs.Approval })
	alter("credential of another", BadSignature,
		func(r *Request) { r.Approval.Credential = theirs.Approval.Credential })
	alter("key of another", NoRequest, func(r *Request) { r.ID = foreign.ID })
	alter("all of another", BadSignature, func(r *Request) { id := r.ID; *r = theirs; r.ID = id })
	alter("refused", "", func(r *Request) { r.State = StateRefused })
}

func TestPolicies(t *testing.T) {
	l := newTestLab(t)
	l.active(alain)
	l.active(cecile)
	set := func(scope Scope, words ...string) {
		t.Helper()
		p, err := ParsePolicy(words...)
		must(t, err)
		must(t, l.SetPolicy(l.ctx, "test", scope, p))
	}
	expect := func(person string, state State, reason Code) *Request {
		t.Helper()
		r := l.ask(person)
		if now := l.get(r.ID); now.State != state || now.Reason != reason {
			t.Errorf("%s %s, not %s %s", now.State, now.Reason, state, reason)
		}
		return r
	}
	all := Scope{}
	expect(alain, StateSent, "")
	set(all, "approve")
	r := expect(alain, StateApproved, "")
	if _, err := l.Redeem(l.ctx, r.ID); err != nil {
		t.Error(err)
	}
	set(Scope{Client: "lgc"}, "refuse")
	expect(alain, StateRefused, Refused)
	set(Scope{Person: alain}, "wrong-number")
	expect(alain, StateRefused, WrongNumber)
	expect(cecile, StateRefused, Refused)
	set(Scope{Person: alain}, "manual")
	expect(alain, StateSent, "")
	must(t, l.RemovePolicy(l.ctx, "", Scope{Client: "lgc"}))
	expect(cecile, StateApproved, "")
	set(all, "ignore")
	r = expect(cecile, StateSent, "")
	l.move(121 * time.Second)
	if now := l.get(r.ID); now.State != StateExpired {
		t.Errorf("%+v", now)
	}
	set(all, "approve-after", "3s")
	r = expect(cecile, StateSent, "")
	l.move(2900 * time.Millisecond)
	if now := l.get(r.ID); now.State != StateSent {
		t.Errorf("%+v", now)
	}
	l.move(time.Hour) // nobody reads it in time: it was approved all the same
	if now := l.get(r.ID); now.State != StateApproved || !now.Answered.Equal(r.Created.Add(3*time.Second)) {
		t.Errorf("%+v", now)
	}
	r = expect(cecile, StateSent, "")
	must(t, l.Refuse(l.ctx, "", r.ID)) // sooner than the policy
	l.move(4 * time.Second)
	if now := l.get(r.ID); now.State != StateRefused {
		t.Errorf("%+v", now)
	}
	r = expect(cecile, StateSent, "")
	l.move(4 * time.Second)
	wants(t, Answered, l.Refuse(l.ctx, "", r.ID))
	r = expect(cecile, StateSent, "")
	must(t, l.Delete(l.ctx, "", cecile))
	l.move(4 * time.Second)
	if now := l.get(r.ID); now.State == StateApproved {
		t.Errorf("approved without an e-CPS: %+v", now)
	}
	l.active(cecile)
	set(all, "approve-after", "1h") // after the request's end
	r = expect(cecile, StateSent, "")
	l.move(2 * time.Hour)
	if now := l.get(r.ID); now.State != StateExpired {
		t.Errorf("%+v", now)
	}
	list, err := l.Policies(l.ctx)
	if err != nil || len(list) != 2 || list[0].Scope != all || list[0].String() != "approve-after 1h0m0s" {
		t.Errorf("%+v, %v", list, err)
	}
	for _, words := range [][]string{{""}, {"accept"}, {"approve", "3s"}, {"approve-after"}, {"approve-after", "x"},
		{"approve-after", "-3s"},
		{"approve-after", "2h"}, {"ignore-after", "3s"}, {"manual-after", "3s"}} {
		if p, err := ParsePolicy(words...); CodeOf(err) != BadPolicy {
			t.Errorf("%q: %+v, %v", words, p, err)
		}
	}
}

// An e-CPS ends: a mail before it, one at it, each once.
func TestExpiry(t *testing.T) {
	l := newTestLab(t)
	l.active(alain)
	must(t, l.Remind(l.ctx))
	l.move(3*365*24*time.Hour - 31*24*time.Hour)
	must(t, l.Remind(l.ctx))
	if l.outbox.count() != 0 {
		t.Fatalf("%+v", l.outbox.sent)
	}
	l.move(2 * 24 * time.Hour)
	must(t, l.Remind(l.ctx))
	must(t, l.Remind(l.ctx))
	if m := l.outbox.last(t); l.outbox.count() != 1 || !strings.Contains(m.Subject, "expires soon") ||
		m.To != "alain@medecin.example.fr" {
		t.Fatalf("%+v", l.outbox.sent)
	}
	r := l.ask(alain)
	l.move(30 * 24 * time.Hour)
	_, err := l.Ask(l.ctx, Asked{Person: alain, ClientID: "lgc"})
	wants(t, Expired, err)
	d, err := l.Device(l.ctx, alain)
	if err != nil || d.State != DeviceExpired {
		t.Error(d, err)
	}
	if m := l.outbox.last(t); l.outbox.count() != 2 || !strings.Contains(m.Subject, "expired") {
		t.Fatalf("%+v", l.outbox.sent)
	}
	if now := l.get(r.ID); now.State != StateExpired {
		t.Errorf("%+v", now)
	}
	must(t, l.Delete(l.ctx, "", alain))
	wants(t, NoECPS, l.Delete(l.ctx, "", alain))
	l.active(alain)
	l.ask(alain)
}

func TestWait(t *testing.T) {
	l := newTestLab(t)
	l.active(alain)
	r := l.ask(alain)
	if now, err := l.Wait(l.ctx, r.ID, time.Now().Add(10*time.Millisecond)); err != nil || now.State != StateSent {
		t.Error(now, err)
	}
	answered := make(chan *Request)
	for range 2 {
		go func() {
			now, _ := l.Wait(l.ctx, r.ID, time.Now().Add(time.Minute))
			answered <- now
		}()
	}
	must(t, l.Approve(l.ctx, "", r.ID, "", ""))
	for range 2 {
		if now := <-answered; now.State != StateApproved {
			t.Errorf("%+v", now)
		}
	}
	if len(l.waiting.topics) != 0 {
		t.Error("somebody waits still")
	}
}

func TestFindPending(t *testing.T) {
	l := newTestLab(t)
	l.active(alain)
	_, err := l.FindPending(l.ctx, alain, "")
	wants(t, NoRequest, err)
	first, err := l.Ask(l.ctx, Asked{Person: alain, ClientID: "lgc", Number: "11"})
	must(t, err)
	if r, err := l.FindPending(l.ctx, alain, ""); err != nil || r.ID != first.ID {
		t.Error(r, err)
	}
	second, err := l.Ask(l.ctx, Asked{Person: alain, ClientID: "lgc", Number: "22"})
	must(t, err)
	_, err = l.FindPending(l.ctx, alain, "")
	wants(t, SeveralRequests, err)
	if r, err := l.FindPending(l.ctx, alain, "22"); err != nil || r.ID != second.ID {
		t.Error(r, err)
	}
	if r, err := l.FindPending(l.ctx, first.ID, ""); err != nil || r.ID != first.ID {
		t.Error(r, err)
	}
	if list, err := l.Pending(l.ctx); err != nil || len(list) != 2 || list[0].ID == list[1].ID {
		t.Error(list, err)
	}
}

// Neither log nor documents have a PIN, a code or a secret.
func TestNoSecrets(t *testing.T) {
	l := newTestLab(t)
	handle, err := l.begin(l.ctx, alain)
	must(t, err)
	must(t, l.sendMail(l.ctx, handle))
	link := linkIn.FindString(l.outbox.last(t).Text)
	handle, err = l.scanned(l.ctx, link)
	must(t, err)
	code := codeIn.FindString(l.outbox.last(t).Text)
	var everything strings.Builder
	gather := func() {
		for _, kind := range []store.DocumentKind{devices, activations, requests, policies} {
			docs, err := l.options.Documents.ScanDocuments(l.ctx, kind, "")
			must(t, err)
			for _, d := range docs {
				everything.Write(d.Value)
			}
		}
	}
	gather()
	must(t, l.confirmSMS(l.ctx, handle, code))
	d, err := l.choosePIN(l.ctx, handle, "4071", "4071")
	must(t, err)
	r := l.ask(alain)
	wants(t, WrongPIN, l.Unlock(l.ctx, d.ID, r.ID, "4072"))
	must(t, l.Unlock(l.ctx, d.ID, r.ID, "4071"))
	card, err := l.BeginWithCard(l.ctx, alain)
	must(t, err)
	phone, err := l.scanned(l.ctx, card.QR)
	must(t, err)
	shown := l.phoneCode(phone)
	gather()
	_, mailed, _ := strings.Cut(token(link), ".")
	_, scanned, _ := strings.Cut(token(card.QR), ".")
	for _, secret := range []string{`"4071"`, `"4072"`, `"` + code + `"`, `"` + shown + `"`, mailed, scanned} {
		if strings.Contains(everything.String(), secret) || strings.Contains(l.log.String(), secret) {
			t.Errorf("%q is in the documents or in the log", secret)
		}
	}
}

// Every code has a text in both languages.
func TestCodes(t *testing.T) {
	for _, c := range Codes() {
		if text := refusals[c].text; text.FR == "" || text.EN == "" || text.FR == text.EN ||
			!strings.HasPrefix(string(c), "ECPS-") {
			t.Errorf("%s: %+v", c, text)
		}
	}
}

// The pages for users name every code.
func TestDocumentedCodes(t *testing.T) {
	for _, page := range []string{"../../docs/ecps.md", "../../docs/ecps.fr.md"} {
		text, err := os.ReadFile(page)
		must(t, err)
		for _, c := range Codes() {
			if !strings.Contains(string(text), "`"+string(c)+"`") {
				t.Errorf("%s does not name %s", page, c)
			}
		}
	}
}

// The e-CPS of one person does not approve for another, when its document is put in the place of
// theirs.
func TestForeignDevice(t *testing.T) {
	l := newTestLab(t)
	l.active(alain)
	_, err := l.Activate(l.ctx, "", cecile, "5678")
	must(t, err)
	theirs, err := l.options.Documents.GetDocument(l.ctx, devices, cecile)
	must(t, err)
	for name, document := range map[string]string{"as it is": string(theirs.Value),
		"renamed": strings.Replace(string(theirs.Value), `"person":"`+cecile, `"person":"`+alain, 1)} {
		_, err = l.options.Documents.WriteDocuments(l.ctx, "", store.DocumentWrite{Kind: devices, Key: alain,
			Value: []byte(document)})
		must(t, err)
		r, err := l.Ask(l.ctx, Asked{Person: alain, ClientID: "lgc"})
		must(t, err)
		_ = l.Approve(l.ctx, "", r.ID, "5678", r.Number)
		if r, err := l.Get(l.ctx, r.ID); err == nil && r.State == StateApproved {
			t.Errorf("%s: approved: %+v", name, r)
		}
	}
}
