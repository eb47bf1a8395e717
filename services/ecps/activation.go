package ecps

import (
	"context"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"time"
	"unicode"

	"github.com/igc-lab/igc/ca/store"
	"github.com/igc-lab/igc/internal/i18n"
)

// Step is how far an activation is.
type Step string

// The steps: the first three with a card, the next four without, and how it ends.
const (
	StepPending        Step = "pending"         // the PC shows a QR code
	StepCodeShown      Step = "code-shown"      // the phone that scanned it shows a code
	StepCodeConfirmed  Step = "code-confirmed"  // which was typed on the PC
	StepContactsMasked Step = "contacts-masked" // the phone shows where the messages would go
	StepMailSent       Step = "mail-sent"       // with a link, and the same as QR code
	StepSMSSent        Step = "sms-sent"        // with a code
	StepSMSConfirmed   Step = "sms-confirmed"   // which was typed on the phone
	StepActive         Step = "active"          // the PIN was chosen
	StepEnded          Step = "ended"           // too many wrong codes
)

// Activation is an activation as the PC shows it.
type Activation struct {
	ID        string    `json:"id"`
	Person    string    `json:"person"`
	With      Means     `json:"with"`
	Step      Step      `json:"step"`
	Created   time.Time `json:"created"`
	Expires   time.Time `json:"expires"`
	QR        string    `json:"qr,omitempty"` // an address of the phone page, while it may be scanned
	QRExpires time.Time `json:"qr_expires,omitzero"`
	TriesLeft int       `json:"tries_left"` // of the code that is typed
	Device    string    `json:"device,omitempty"`
	Reason    Code      `json:"reason,omitempty"` // of an end without an e-CPS
}

// SVG is the QR code as an image.
func (a *Activation) SVG() string { return QRCode(a.QR) }

// activation is the document of an activation.
type activation struct {
	Activation
	Secret   []byte     `json:"secret,omitempty"` // sealed: of the QR code on the PC, which is shown again
	Token    []byte     `json:"token,omitempty"`  // hash: of the link in the mail
	Phone    string     `json:"phone,omitempty"`  // secret: by which the phone finds its activation
	Former   string     `json:"former,omitempty"` // that of the phone that asked for the mail
	Shown    []byte     `json:"shown,omitempty"`  // sealed: the code that the phone shows
	SMS      hashedCode `json:"sms,omitzero"`
	CodeEnds time.Time  `json:"code_ends,omitzero"`
	Tries    int        `json:"tries,omitempty"`
	Mails    int        `json:"mails,omitempty"`
	Texts    int        `json:"texts,omitempty"`
	Mail     string     `json:"mail,omitempty"`   // masked
	Number   string     `json:"number,omitempty"` // masked
}

// handle is by what the phone names its activation.
func (a *activation) handle() string { return a.ID + "." + a.Phone }

func shownPurpose(id string) string { return "ecps.shown/" + id }
func qrPurpose(id string) string    { return "ecps.qr/" + id }

func writeActivation(a *activation, version uint64) store.DocumentWrite {
	return write(activations, a.ID, a, version, a.Expires.Add(activationStays))
}

// over reports whether an activation that was not finished took too long.
func (s *Service) over(a *activation) bool {
	return a.Step != StepActive && a.Step != StepEnded && !s.now().Before(a.Expires)
}

// BeginWithCard begins the activation of a person who was authenticated with a card. The QR code is
// valid for 90 seconds; [Service.Activation] returns another one when they are over.
func (s *Service) BeginWithCard(ctx context.Context, person string) (Activation, error) {
	if _, err := s.person(ctx, person); err != nil {
		return Activation{}, err
	}
	now := s.now()
	a := &activation{Activation: Activation{ID: s.secret(), Person: person, With: WithCard, Step: StepPending,
		Created: now,
		Expires: now.Add(s.settings.WithCard)}}
	if err := s.renewQR(a); err != nil {
		return Activation{}, err
	}
	err := s.update(ctx, "", func() (change, error) {
		return change{writes: []store.DocumentWrite{writeActivation(a, 0)}}, nil
	})
	if err != nil {
		return Activation{}, err
	}
	return s.onPC(a)
}

// renewQR gives an activation another QR code.
func (s *Service) renewQR(a *activation) (err error) {
	a.QRExpires = s.now().Add(s.settings.QR)
	a.Secret, err = s.options.Seal.Seal(qrPurpose(a.ID), []byte(s.secret()))
	return err
}

// Activation returns an activation with a card for the page on the PC, with a QR code that is
// valid: it is made anew when the former is over. The page reads it again until the step is
// [StepActive].
func (s *Service) Activation(ctx context.Context, id string) (Activation, error) {
	var out activation
	err := s.update(ctx, "", func() (change, error) {
		a, version, err := s.readActivation(ctx, id)
		if out = a; err != nil || a.Step != StepPending || s.now().Before(a.QRExpires) {
			return change{}, err
		}
		if err := s.renewQR(&a); err != nil {
			return change{}, err
		}
		out = a
		return change{writes: []store.DocumentWrite{writeActivation(&a, version)}}, nil
	})
	if err != nil {
		return Activation{}, err
	}
	return s.onPC(&out)
}

func (s *Service) onPC(a *activation) (Activation, error) {
	out := a.Activation
	out.TriesLeft = max(0, s.settings.CodeTries-a.Tries)
	if a.Step == StepPending {
		secret, err := s.options.Seal.Unseal(qrPurpose(a.ID), a.Secret)
		if err != nil {
			return Activation{}, err
		}
		out.QR = s.link(a.ID, string(secret))
	}
	return out, nil
}

// WaitActivation returns an activation when its step is another than the one given, or at a time of
// the machine's clock, whichever is sooner.
func (s *Service) WaitActivation(ctx context.Context, id string, step Step, until time.Time) (Activation, error) {
	for {
		changed, leave := s.waiting.watch(id)
		a, err := s.Activation(ctx, id)
		rest := time.Until(until)
		if err != nil || a.Step != step || rest <= 0 {
			leave()
			return a, err
		}
		pause(ctx, changed, min(rest, storeAgain))
		leave()
		if err := ctx.Err(); err != nil {
			return a, err
		}
	}
}

// readActivation reads an activation that is not over.
func (s *Service) readActivation(ctx context.Context, id string) (a activation, version uint64, err error) {
	a, version, err = read[activation](ctx, s, activations, id)
	switch {
	case err != nil:
	case version == 0:
		err = refuse(NoActivation)
	case s.over(&a):
		err = refuse(ActivationExpired)
	}
	return a, version, err
}

// link is the address that a QR code or a mail has.
func (s *Service) link(id, secret string) string {
	base := s.prefix
	if s.options.URL != nil {
		base = s.options.URL()
	}
	return strings.TrimSuffix(base, "/") + "/scanner?jeton=" + id + "." + secret
}

// maxScanned bounds the content of a QR code.
const maxScanned = 2000

// parseScanned finds activation and secret in the content of a QR code: an address, or what its
// parameter holds.
func parseScanned(content string) (id, secret string, err error) {
	content = strings.TrimSpace(content)
	if len(content) > maxScanned {
		return "", "", refuse(BadQR)
	}
	if u, err := url.Parse(content); err == nil && u.Query().Get("jeton") != "" {
		content = u.Query().Get("jeton")
	}
	id, secret, ok := strings.Cut(content, ".")
	if !ok || id == "" || secret == "" || strings.ContainsFunc(content, func(r rune) bool {
		return r > unicode.MaxASCII || !unicode.IsLetter(r) && !unicode.IsDigit(r) && r != '.' && r != '-' && r != '_'
	}) {
		return "", "", refuse(BadQR)
	}
	return id, secret, nil
}

// scanned is a QR code, or the link of a mail, that a phone read. The one of the PC is used up by
// it, and makes the phone show a code. That of the mail sends a text message, and the activation
// goes on with the phone that read it, which is not always the one that asked for the mail. It
// returns the activation's handle.
func (s *Service) scanned(ctx context.Context, content string) (handle string, err error) {
	id, secret, err := parseScanned(content)
	if err != nil {
		return "", err
	}
	a, _, err := s.readActivation(ctx, id)
	if err != nil {
		return "", err
	}
	if a.With == WithContact {
		return s.openedMail(ctx, id, secret)
	}
	err = s.update(ctx, "", func() (change, error) {
		a, version, err := s.readActivation(ctx, id)
		if err != nil {
			return change{}, err
		}
		if a.Step != StepPending {
			return change{}, refuse(QRUsed)
		}
		present, err := s.options.Seal.Unseal(qrPurpose(id), a.Secret)
		if err != nil {
			return change{}, err
		}
		if !equal(hashToken(secret), hashToken(string(present))) || !s.now().Before(a.QRExpires) {
			return change{}, refuse(QRExpired)
		}
		a.Step, a.Phone, a.Secret, a.QRExpires = StepCodeShown, s.secret(), nil, time.Time{}
		a.CodeEnds = s.now().Add(s.settings.Code)
		if a.Shown, err = s.options.Seal.Seal(shownPurpose(id), []byte(s.digits(s.settings.PhoneDigits))); err != nil {
			return change{}, err
		}
		handle = a.handle()
		return change{writes: []store.DocumentWrite{writeActivation(&a, version)}}, nil
	})
	return handle, err
}

// openedMail is the link of a mail. It may be opened again, and then changes nothing.
func (s *Service) openedMail(ctx context.Context, id, secret string) (handle string, err error) {
	again := false
	phone := s.secret()
	err = s.sendSMS(ctx, func() (activation, uint64, error) {
		a, version, err := s.readActivation(ctx, id)
		switch {
		case err != nil:
			return a, version, err
		case !equal(hashToken(secret), a.Token):
			return a, version, refuse(BadQR)
		}
		if again = a.Step != StepMailSent; again {
			handle = a.handle()
			return a, version, refuse(OutOfOrder, stepText(a.Step))
		}
		a.Former, a.Phone = a.Phone, phone
		handle = a.handle()
		return a, version, nil
	})
	if again {
		err = nil
	}
	return handle, err
}

// ConfirmCode is the code of the phone that is typed on the PC. The last wrong one ends the
// activation.
func (s *Service) ConfirmCode(ctx context.Context, id, code string) error {
	code = typed(code)
	return s.update(ctx, "", func() (change, error) {
		a, version, err := s.readActivation(ctx, id)
		if err == nil {
			err = expectStep(&a, StepCodeShown)
		}
		if err != nil {
			return change{}, err
		}
		shown, err := s.options.Seal.Unseal(shownPurpose(id), a.Shown)
		if err != nil {
			return change{}, err
		}
		if right, c := s.tryCode(&a, version, equal(hashToken(code), hashToken(string(shown)))); !right {
			return c, c.early()
		}
		a.Step, a.Shown, a.Tries = StepCodeConfirmed, nil, 0
		return change{writes: []store.DocumentWrite{writeActivation(&a, version)}}, nil
	})
}

// early is the refusal of a change that writes nothing.
func (c change) early() error {
	if len(c.writes) == 0 {
		return c.refusal
	}
	return nil
}

// tryCode counts a code that was typed; right is false when it is wrong or over.
func (s *Service) tryCode(a *activation, version uint64, matches bool) (right bool, c change) {
	if !s.now().Before(a.CodeEnds) {
		return false, change{refusal: refuse(CodeExpired)}
	}
	if matches {
		return true, change{}
	}
	a.Tries++
	left := s.settings.CodeTries - a.Tries
	c.refusal = refuse(WrongCode, left)
	if left <= 0 {
		a.Step, a.Reason, a.Shown, a.SMS, a.Token = StepEnded, CodeTries, nil, hashedCode{}, nil
		c.refusal = refuse(CodeTries)
	}
	c.writes = []store.DocumentWrite{writeActivation(a, version)}
	return false, c
}

func expectStep(a *activation, steps ...Step) error {
	switch {
	case slices.Contains(steps, a.Step):
		return nil
	case a.Step == StepEnded:
		return refuse(a.Reason)
	}
	return refuse(OutOfOrder, stepText(a.Step))
}

// byPhone reads the activation of a handle.
func (s *Service) byPhone(ctx context.Context, handle string) (a activation, version uint64, err error) {
	id, phone, _ := strings.Cut(handle, ".")
	if id == "" || len(handle) > maxText {
		return a, 0, refuse(NoActivation)
	}
	a, version, err = s.readActivation(ctx, id)
	switch {
	case err != nil:
	case equal([]byte(a.Former), []byte(phone)):
		return activation{}, 0, refuse(OtherPhone)
	case !equal([]byte(a.Phone), []byte(phone)):
		return activation{}, 0, refuse(NoActivation)
	}
	return a, version, err
}

// changeByPhone changes an activation at one of the steps.
func (s *Service) changeByPhone(ctx context.Context, handle string, decide func(*activation, uint64) (change, error),
	steps ...Step) error {
	return s.update(ctx, "", func() (change, error) {
		a, version, err := s.byPhone(ctx, handle)
		if err == nil {
			err = expectStep(&a, steps...)
		}
		if err != nil {
			return change{}, err
		}
		return decide(&a, version)
	})
}

// begin begins an activation without a card, on a phone. It is for persons with an RPPS number (or
// a test identity of EDIT), whose mail and telephone are known. It returns the handle.
func (s *Service) begin(ctx context.Context, identifier string) (handle string, err error) {
	person, err := ParseIdentifier(identifier)
	if err != nil {
		return "", err
	}
	if !rppsIdentifier.MatchString(person) && !editIdentifier.MatchString(person) {
		return "", refuse(CardOnly, person)
	}
	contact, err := s.person(ctx, person)
	if err != nil {
		return "", err
	}
	if contact.Mail == "" || contact.Phone == "" {
		return "", refuse(NoContact, person)
	}
	now := s.now()
	a := &activation{Activation: Activation{ID: s.secret(), Person: person, With: WithContact, Step: StepContactsMasked,
		Created: now, Expires: now.Add(s.settings.MailLink)}, Phone: s.secret(),
		Mail: maskMail(contact.Mail), Number: maskPhone(contact.Phone)}
	err = s.update(ctx, "", func() (change, error) {
		return change{writes: []store.DocumentWrite{writeActivation(a, 0)}}, nil
	})
	return a.handle(), err
}

// maskMail shows the first letter of a mail address and that of its domain.
func maskMail(address string) string {
	name, domain, _ := strings.Cut(address, "@")
	host, top, _ := cutLast(domain, ".")
	return first(name) + "•••@" + first(host) + "•••." + top
}

// maskPhone shows the first two and the last two digits of a telephone number.
func maskPhone(number string) string {
	var digits []rune
	for _, r := range number {
		if unicode.IsDigit(r) || r == '+' {
			digits = append(digits, r)
		}
	}
	if len(digits) < 6 {
		return "••••"
	}
	return string(digits[:2]) + " •• •• •• " + string(digits[len(digits)-2:])
}

func first(s string) string {
	for _, r := range s {
		return string(r)
	}
	return ""
}

func cutLast(s, sep string) (before, after string, found bool) {
	if i := strings.LastIndex(s, sep); i >= 0 {
		return s[:i], s[i+len(sep):], true
	}
	return s, "", false
}

// sendMail sends the mail with the link, when the person confirmed the masked contacts, or asks for
// it again: the former link is then over.
func (s *Service) sendMail(ctx context.Context, handle string) error {
	token := s.secret()
	var person, link string
	err := s.changeByPhone(ctx, handle, func(a *activation, version uint64) (change, error) {
		if a.Mails++; a.Mails > s.settings.Messages {
			return change{}, refuse(TooManyMessages)
		}
		person, link = a.Person, s.link(a.ID, token)
		a.Step, a.Token, a.Expires = StepMailSent, hashToken(token), s.now().Add(s.settings.MailLink)
		return change{writes: []store.DocumentWrite{writeActivation(a, version)}}, nil
	}, StepContactsMasked, StepMailSent)
	if err != nil {
		return err
	}
	contact, err := s.person(ctx, person)
	if err != nil {
		return err
	}
	return s.options.Messages.Mail(ctx, contact.Mail, "Activation de votre e-CPS / Activation of your e-CPS",
		fmt.Sprintf(activationMail, contact.GivenName, contact.FamilyName, link, qrText(link)))
}

// activationMail is the mail with the link and the QR code.
const activationMail = `Bonjour %s %s,

vous avez demandé l'activation de votre e-CPS. Sur le téléphone où l'application est installée,
ouvrez ce lien et choisissez « Démarrer l'activation » :

%s

Si vous lisez ce courriel sur un ordinateur, scannez le QR code avec l'application.
Si vous n'êtes pas à l'origine de cette demande, ne faites rien.

Hello,

you asked for the activation of your e-CPS. On the phone where the application is, open the link
above and choose "Start the activation". If you read this mail on a computer, scan the QR code with
the application. If you did not ask for it, do nothing.

%s`

// sendSMS sends the text message with a code, for the activation that find reads. The former code
// is then over.
func (s *Service) sendSMS(ctx context.Context, find func() (activation, uint64, error)) error {
	code := s.digits(s.settings.SMSDigits)
	hashed := s.hashCode(code)
	var person string
	err := s.update(ctx, "", func() (change, error) {
		a, version, err := find()
		if err != nil {
			return change{}, err
		}
		if a.Texts++; a.Texts > s.settings.Messages {
			return change{}, refuse(TooManyMessages)
		}
		person = a.Person
		a.Step, a.SMS, a.CodeEnds = StepSMSSent, hashed, s.now().Add(s.settings.TextMessage)
		return change{writes: []store.DocumentWrite{writeActivation(&a, version)}}, nil
	})
	if err != nil {
		return err
	}
	contact, err := s.person(ctx, person)
	if err != nil {
		return err
	}
	return s.options.Messages.SMS(ctx, contact.Phone, fmt.Sprintf(
		"Votre code d'activation e-CPS / Your e-CPS activation code: %s", code))
}

// resendSMS sends another text message.
func (s *Service) resendSMS(ctx context.Context, handle string) error {
	return s.sendSMS(ctx, func() (activation, uint64, error) {
		a, version, err := s.byPhone(ctx, handle)
		if err == nil {
			err = expectStep(&a, StepSMSSent)
		}
		return a, version, err
	})
}

// confirmSMS is the code of the text message that is typed on the phone.
func (s *Service) confirmSMS(ctx context.Context, handle, code string) error {
	code = typed(code)
	return s.changeByPhone(ctx, handle, func(a *activation, version uint64) (change, error) {
		if right, c := s.tryCode(a, version, a.SMS.matches(code)); !right {
			return c, c.early()
		}
		a.Step, a.SMS, a.Token, a.Tries = StepSMSConfirmed, hashedCode{}, nil, 0
		return change{writes: []store.DocumentWrite{writeActivation(a, version)}}, nil
	}, StepSMSSent)
}

// choosePIN ends an activation: the person has an e-CPS, and that is the only one.
func (s *Service) choosePIN(ctx context.Context, handle, pin, again string) (*Device, error) {
	if pin, again = typed(pin), typed(again); !pinForm.MatchString(pin) {
		return nil, refuse(BadPIN)
	} else if pin != again {
		return nil, refuse(PINsDiffer)
	}
	a, _, err := s.byPhone(ctx, handle)
	if err != nil {
		return nil, err
	}
	contact, err := s.person(ctx, a.Person)
	if err != nil {
		return nil, err
	}
	d, err := s.newDevice(contact, pin, a.With)
	if err != nil {
		return nil, err
	}
	err = s.changeByPhone(ctx, handle, func(a *activation, version uint64) (change, error) {
		writes, err := s.install(ctx, d)
		a.Step, a.Device = StepActive, d.ID
		return change{writes: append(writes, writeActivation(a, version))}, err
	}, StepCodeConfirmed, StepSMSConfirmed)
	if err != nil {
		return nil, err
	}
	return s.current(*d), nil
}

// stepText says in words what an activation waits for.
func stepText(step Step) i18n.Text {
	switch step {
	case StepCodeShown:
		return i18n.Text{FR: "code à saisir sur le PC", EN: "code to type on the PC"}
	case StepCodeConfirmed, StepSMSConfirmed:
		return i18n.Text{FR: "code PIN à choisir", EN: "PIN to choose"}
	case StepContactsMasked:
		return i18n.Text{FR: "coordonnées à confirmer", EN: "contacts to confirm"}
	case StepMailSent:
		return i18n.Text{FR: "courriel envoyé", EN: "mail sent"}
	case StepSMSSent:
		return i18n.Text{FR: "SMS envoyé", EN: "text message sent"}
	case StepActive:
		return i18n.Text{FR: "e-CPS active", EN: "e-CPS active"}
	}
	return i18n.Text{FR: "terminée", EN: "ended"}
}
