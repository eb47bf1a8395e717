package ecps

import (
	"cmp"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/x509"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"github.com/igc-lab/igc/ca/store"
	"github.com/igc-lab/igc/internal/i18n"
)

// DeviceState is the state of an e-CPS.
type DeviceState string

// The states of an e-CPS.
const (
	DeviceActive  DeviceState = "active"
	DeviceExpired DeviceState = "expired" // computed: its end is past
	DeviceBlocked DeviceState = "blocked"
	DeviceDeleted DeviceState = "deleted"
)

// Text is the state in words; class is how pages mark it: good, bad or unchecked.
func (s DeviceState) Text() (class string, text i18n.Text) {
	switch s {
	case DeviceActive:
		return "good", i18n.Same("active")
	case DeviceExpired:
		return "bad", i18n.Text{FR: "expirée", EN: "expired"}
	case DeviceBlocked:
		return "bad", i18n.Text{FR: "bloquée", EN: "blocked"}
	}
	return "unchecked", i18n.Text{FR: "supprimée", EN: "deleted"}
}

// Means is how an e-CPS was activated.
type Means string

// The means of an activation.
const (
	WithCard    Means = "card"
	WithContact Means = "contact" // mail and text message
	ByCommand   Means = "command" // igc ecps activate
)

// Device is an e-CPS: a person's, on one phone.
type Device struct {
	ID         string      `json:"id"`
	Person     string      `json:"person"`
	GivenName  string      `json:"given_name"`
	FamilyName string      `json:"family_name"`
	State      DeviceState `json:"state"`
	With       Means       `json:"with"`
	Activated  time.Time   `json:"activated"`
	Expires    time.Time   `json:"expires"`
	TriesLeft  int         `json:"tries_left"`
	Ended      time.Time   `json:"ended,omitzero"` // blocked or deleted
}

// device is the document of a person's e-CPS.
type device struct {
	Device
	Tries      int       `json:"tries,omitempty"`      // wrong PINs since the last right one
	Credential []byte    `json:"credential,omitempty"` // sealed: whose public key it is
	Secrets    []byte    `json:"secrets,omitempty"`    // sealed: private key, hash of the PIN
	Reminders  int       `json:"reminders,omitempty"`  // mails about the end: 1 before it, 2 at it
	Stays      time.Time `json:"stays"`                // until when the store has it
}

// credential is what the lab attests of a device's key: it is sealed, and so is what the store
// cannot be made to say.
type credential struct {
	Device string `json:"device"`
	Person string `json:"person"`
	Public []byte `json:"public"` // PKIX
}

// deviceSecrets are what the phone would not give out.
type deviceSecrets struct {
	Key []byte     `json:"key"` // PKCS#8
	PIN hashedCode `json:"pin"`
}

// The purposes of what is sealed.
const credentialPurpose = "ecps.credential"

func secretsPurpose(device string) string { return "ecps.device/" + device }

// current is the e-CPS as it is now.
func (s *Service) current(d device) *Device {
	out := d.Device
	if out.State == DeviceActive && !s.now().Before(out.Expires) {
		out.State = DeviceExpired
	}
	out.TriesLeft = 0
	if out.State == DeviceActive {
		out.TriesLeft = max(0, s.settings.PINTries-d.Tries)
	}
	return &out
}

// usable returns a refusal unless the e-CPS is active now.
func (s *Service) usable(d device, version uint64, person string) error {
	if version == 0 {
		return refuse(NoECPS, person)
	}
	switch s.current(d).State {
	case DeviceExpired:
		return refuse(Expired, person)
	case DeviceBlocked:
		return refuse(Blocked, person)
	case DeviceDeleted:
		return refuse(NoECPS, person)
	}
	return nil
}

// Device returns a person's e-CPS, in whatever state. The code of the error is [NoECPS] when there
// never was one, or it was deleted long ago.
func (s *Service) Device(ctx context.Context, person string) (*Device, error) {
	d, version, err := read[device](ctx, s, devices, person)
	if err == nil && version == 0 {
		err = refuse(NoECPS, person)
	}
	if err != nil {
		return nil, err
	}
	s.remindIfDue(ctx, d)
	return s.current(d), nil
}

// Devices lists the e-CPS of the lab, deleted ones too, in the order of the persons.
func (s *Service) Devices(ctx context.Context) ([]Device, error) {
	all, _, err := scan[device](ctx, s, devices, "")
	if err != nil {
		return nil, err
	}
	list := []Device{}
	for _, d := range all {
		list = append(list, *s.current(d))
	}
	return list, nil
}

// Activate gives a person an e-CPS with a PIN of four digits, without the steps of an activation.
// It is for the owner of the lab.
func (s *Service) Activate(ctx context.Context, actor, person, pin string) (*Device, error) {
	contact, err := s.person(ctx, person)
	if err != nil {
		return nil, err
	}
	d, err := s.newDevice(contact, pin, ByCommand)
	if err != nil {
		return nil, err
	}
	err = s.update(ctx, actor, func() (change, error) {
		writes, err := s.install(ctx, d)
		return change{writes: writes}, err
	})
	if err != nil {
		return nil, err
	}
	return s.current(*d), nil
}

// newDevice makes an e-CPS that is not recorded yet.
func (s *Service) newDevice(contact Contact, pin string, with Means) (*device, error) {
	if pin = typed(pin); !pinForm.MatchString(pin) {
		return nil, refuse(BadPIN)
	}
	key, err := ecdsa.GenerateKey(elliptic.P256(), s.options.Rand)
	if err != nil {
		return nil, err
	}
	now := s.now()
	d := &device{Device: Device{ID: s.deviceID(contact.ID), Person: contact.ID, GivenName: contact.GivenName,
		FamilyName: contact.FamilyName, State: DeviceActive, With: with, Activated: now,
		Expires: now.Add(s.settings.Validity)}}
	public, err := x509.MarshalPKIXPublicKey(&key.PublicKey)
	if err != nil {
		return nil, err
	}
	private, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return nil, err
	}
	if d.Credential, err = s.seal(credentialPurpose, credential{d.ID, d.Person, public}); err != nil {
		return nil, err
	}
	d.Secrets, err = s.seal(secretsPurpose(d.ID), deviceSecrets{private, s.hashCode(pin)})
	return d, err
}

func (s *Service) seal(purpose string, value any) ([]byte, error) {
	plain, err := json.Marshal(value)
	if err != nil {
		return nil, err
	}
	return s.options.Seal.Seal(purpose, plain)
}

func (s *Service) unseal(purpose string, sealed []byte, value any) error {
	plain, err := s.options.Seal.Unseal(purpose, sealed)
	if err != nil {
		return err
	}
	return json.Unmarshal(plain, value)
}

// install makes the writes by which a new e-CPS replaces that of the person, if any, and ends its
// requests.
func (s *Service) install(ctx context.Context, d *device) ([]store.DocumentWrite, error) {
	_, version, err := read[device](ctx, s, devices, d.Person)
	if err != nil {
		return nil, err
	}
	ended, err := s.endPending(ctx, d.Person, StateRefused, Replaced, "")
	if err != nil {
		return nil, err
	}
	return append([]store.DocumentWrite{s.writeDevice(d, version)}, ended...), nil
}

// writeDevice makes the write of an e-CPS, which stays in the store well after its end.
func (s *Service) writeDevice(d *device, version uint64) store.DocumentWrite {
	stays := cmp.Or(d.Ended, d.Expires).Add(expiredStays)
	if d.State == DeviceDeleted {
		stays = d.Ended.Add(deletedStays)
	}
	if stays.After(d.Stays) || d.State == DeviceDeleted {
		d.Stays = stays
	}
	return write(devices, d.Person, d, version, d.Stays)
}

// Delete deletes a person's e-CPS, whatever its state, and ends its requests.
func (s *Service) Delete(ctx context.Context, actor, person string) error {
	return s.deleteOn(ctx, actor, person, "")
}

// deleteOn deletes a person's e-CPS, if it is the one of that ID; an empty ID is any.
func (s *Service) deleteOn(ctx context.Context, actor, person, id string) error {
	return s.update(ctx, actor, func() (change, error) {
		d, version, err := read[device](ctx, s, devices, person)
		if err == nil && version > 0 && id != "" && d.ID != id {
			err = refuse(OtherDevice)
		}
		if err == nil && (version == 0 || d.State == DeviceDeleted) {
			err = refuse(NoECPS, person)
		}
		if err != nil {
			return change{}, err
		}
		d.State, d.Ended = DeviceDeleted, s.now()
		d.Credential, d.Secrets = nil, nil
		ended, err := s.endPending(ctx, person, StateRefused, Replaced, "")
		return change{writes: append(ended, s.writeDevice(&d, version))}, err
	})
}

// Expire moves the end of a person's e-CPS to now, and ends its requests.
func (s *Service) Expire(ctx context.Context, actor, person string) (*Device, error) {
	var expired device
	err := s.update(ctx, actor, func() (change, error) {
		d, version, err := read[device](ctx, s, devices, person)
		if err == nil {
			err = s.usable(d, version, person)
		}
		if err != nil {
			return change{}, err
		}
		d.Expires = s.now()
		expired = d
		ended, err := s.endPending(ctx, person, StateExpired, Expired, "")
		return change{writes: append(ended, s.writeDevice(&d, version))}, err
	})
	if err != nil {
		return nil, err
	}
	s.remindIfDue(ctx, expired)
	return s.current(expired), nil
}

// Remind sends the mails that are due about e-CPS that expire soon, or expired. A server calls it
// from time to time; each mail is sent once.
func (s *Service) Remind(ctx context.Context) error {
	all, _, err := scan[device](ctx, s, devices, "")
	for _, d := range all {
		s.remindIfDue(ctx, d)
	}
	return err
}

// dueReminder is the number of the reminder that is due, 0 for none.
func (s *Service) dueReminder(d device) int {
	now := s.now()
	switch {
	case d.State != DeviceActive:
		return 0
	case !now.Before(d.Expires) && d.Reminders < 2:
		return 2
	case !now.Before(d.Expires.Add(-s.settings.Reminder)) && d.Reminders < 1:
		return 1
	}
	return 0
}

// remindIfDue sends a reminder. It is recorded before it is sent: another node does not send it
// too.
func (s *Service) remindIfDue(ctx context.Context, d device) {
	if s.dueReminder(d) == 0 {
		return
	}
	var number int
	err := s.update(ctx, "", func() (change, error) {
		present, version, err := read[device](ctx, s, devices, d.Person)
		if err != nil || version == 0 {
			return change{}, err
		}
		if number = s.dueReminder(present); number == 0 {
			return change{}, nil
		}
		d, present.Reminders = present, number
		return change{writes: []store.DocumentWrite{s.writeDevice(&present, version)}}, nil
	})
	if err == nil && number > 0 {
		var contact Contact
		if contact, err = s.options.People.Contact(ctx, d.Person); err == nil && contact.Mail != "" {
			subject, text := reminderMail(d, number)
			err = s.options.Messages.Mail(ctx, contact.Mail, subject, text)
		}
	}
	if err != nil {
		s.log.Error("reminder of the end of an e-CPS", "person", d.Person, "err", err)
	}
}

func reminderMail(d device, number int) (subject, text string) {
	day := i18n.Text{FR: d.Expires.Format("02/01/2006"), EN: d.Expires.Format("2006-01-02")}
	if number == 1 {
		return "Votre e-CPS expire bientôt / Your e-CPS expires soon",
			fmt.Sprintf(soonMail, d.GivenName, d.FamilyName, day.FR, day.EN)
	}
	return "Votre e-CPS a expiré / Your e-CPS expired",
		fmt.Sprintf(expiredMail, d.GivenName, d.FamilyName, day.FR, day.EN)
}

// The reminders, before the end and at it.
const (
	soonMail = `Bonjour %s %s,

votre e-CPS expire le %s. Pour la renouveler, supprimez-la dans l'application et activez-la de nouveau.

Hello,

your e-CPS expires on %s. To renew it, delete it in the application and activate it again.
`
	expiredMail = `Bonjour %s %s,

votre e-CPS a expiré le %s. Dans l'application, choisissez « Supprimer mon e-CPS », puis activez-la de nouveau.

Hello,

your e-CPS expired on %s. In the application, choose "Delete my e-CPS", then activate it again.
`
)

// Requests lists the requests to a person that are still recorded, the newest first.
func (s *Service) Requests(ctx context.Context, person string) ([]Request, error) {
	return s.listRequests(ctx, tag(person)+".", func(r *Request) bool { return r.Person == person })
}

// Pending lists the requests that wait for an answer, of all persons, the oldest first.
func (s *Service) Pending(ctx context.Context) ([]Request, error) {
	list, err := s.listRequests(ctx, "", func(r *Request) bool { return r.State.Pending() })
	slices.Reverse(list)
	return list, err
}

func (s *Service) listRequests(ctx context.Context, prefix string, keep func(*Request) bool) ([]Request, error) {
	all, _, err := scan[Request](ctx, s, requests, prefix)
	if err != nil {
		return nil, err
	}
	list := []Request{}
	for _, r := range all {
		if now := s.asOf(r); keep(now) {
			list = append(list, *now)
		}
	}
	slices.SortStableFunc(list, func(a, b Request) int { return b.Created.Compare(a.Created) })
	return list, nil
}
