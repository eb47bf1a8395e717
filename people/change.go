package people

import (
	"bytes"
	"cmp"
	"encoding/json"
	"io"
	"net/mail"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/igc-lab/igc/ca/store"
	"github.com/igc-lab/igc/profiles"
)

// Change is what is said of a person: a row of identities.yaml or people.yaml, or what igc people
// set was told. What it leaves out stays as it was; a text that is empty is made empty.
type Change struct {
	Origin     *string `json:"origin,omitempty" yaml:"origin"`
	GivenName  *string `json:"given_name,omitempty" yaml:"given_name"`
	FamilyName *string `json:"family_name,omitempty" yaml:"family_name"`
	Mail       *string `json:"mail,omitempty" yaml:"mail"`
	Phone      *string `json:"phone,omitempty" yaml:"phone"`

	NoActivity bool    `json:"no_activity,omitempty" yaml:"no_activity"` // there is no SubjectRefPro
	RefPro     *RefPro `json:"SubjectRefPro,omitempty" yaml:"SubjectRefPro"`

	// of what SubjectRefPro has first: the profession, and its first activity
	Civility          *string `json:"civility,omitempty" yaml:"civility"`
	Profession        *string `json:"profession,omitempty" yaml:"profession"`
	Speciality        *string `json:"speciality,omitempty" yaml:"speciality"`
	Mode              *string `json:"mode,omitempty" yaml:"mode"`
	Sector            *string `json:"sector,omitempty" yaml:"sector"`
	PharmacistSection *string `json:"pharmacist_section,omitempty" yaml:"pharmacist_section"`
	Organisation      *string `json:"organisation,omitempty" yaml:"organisation"`
	OrganisationID    *string `json:"organisation_id,omitempty" yaml:"organisation_id"`
}

// row is a person in a file.
type row struct {
	Change      `yaml:",inline"`
	Case        Case  `yaml:"case"`
	About       about `yaml:"about"`
	AllowRealID bool  `yaml:"allow_real_id"` // the identifier is outside the ranges of tests
}

type about struct {
	FR string `yaml:"fr"`
	EN string `yaml:"en"`
}

// coded are the fields that take a code of a table, by the field of SubjectRefPro that holds it.
func (c *Change) coded() map[string]*string {
	return map[string]*string{"codeCivilite": c.Civility, "codeProfession": c.Profession,
		"codeSavoirFaire":  c.Speciality,
		"codeModeExercice": c.Mode, "codeSecteurDactivite": c.Sector, "codeSectionPharmacien": c.PharmacistSection}
}

// texts are the texts of the change, those of SubjectRefPro left out.
func (c *Change) texts() map[string]*string {
	return map[string]*string{
		"origin": c.Origin, "given_name": c.GivenName, "family_name": c.FamilyName, "mail": c.Mail, "phone": c.Phone,
		"civility": c.Civility, "profession": c.Profession, "speciality": c.Speciality, "mode": c.Mode,
		"sector": c.Sector, "pharmacist_section": c.PharmacistSection, "organisation": c.Organisation,
		"organisation_id": c.OrganisationID,
	}
}

// maxText bounds a text of a person, in characters: an address may be the longest.
const maxText = 254

// check holds the change to what claims and pages can carry, and writes contact data as they are
// kept. Codes that the lab does not know pass: the register has more than its tables.
func (c *Change) check() error {
	for name, text := range c.texts() {
		if text == nil {
			continue
		}
		if err := checkText(name, *text); err != nil {
			return err
		}
	}
	if c.Mail != nil && *c.Mail != "" {
		a, err := mail.ParseAddress(*c.Mail)
		if err != nil || a.Name != "" || !isASCII(a.Address) {
			return store.Errorf(store.Invalid, "mail %q is not an address such as camille@example.fr", shorten(*c.Mail))
		}
		c.Mail = &a.Address
	}
	if c.Phone != nil {
		number, err := phoneNumber(*c.Phone)
		if err != nil {
			return err
		}
		c.Phone = &number
	}
	if c.RefPro == nil {
		return nil
	}
	if c.NoActivity {
		return store.Errorf(store.Invalid, "no_activity and SubjectRefPro contradict each other: keep one")
	}
	return checkRefPro(c.RefPro)
}

// Check holds the change to what can be kept, as [Directory.Set] does, and to the codes that the
// lab knows, as [Change.CheckCodes] does.
func (c *Change) Check() error {
	if err := c.CheckCodes(); err != nil {
		return err
	}
	return c.check()
}

func checkText(name, text string) error {
	switch {
	case !utf8.ValidString(text):
		return store.Errorf(store.Invalid, "%s %q is not valid UTF-8", name, shorten(text))
	case utf8.RuneCountInString(text) > maxText:
		return store.Errorf(store.Invalid, "%s has %d characters, and at most %d are kept: shorten it", name,
			utf8.RuneCountInString(text), maxText)
	}
	for _, r := range text {
		if unicode.In(r, unicode.Cc, unicode.Cf, unicode.Zl, unicode.Zp) || r == utf8.RuneError {
			return store.Errorf(store.Invalid, "%s %q holds the control character %U: remove it", name,
				shorten(text), r)
		}
	}
	return nil
}

// bounds of what one person has.
const maxExercices, maxActivities = 20, 100

func checkRefPro(r *RefPro) error {
	if len(r.Exercices) > maxExercices {
		return store.Errorf(store.Invalid, "SubjectRefPro has %d exercices, and at most %d are kept", len(r.Exercices),
			maxExercices)
	}
	if err := checkText("codeCivilite", r.CodeCivilite); err != nil {
		return err
	}
	for _, e := range r.Exercices {
		if len(e.Activities) > maxActivities {
			return store.Errorf(store.Invalid, "an exercice has %d activities, and at most %d are kept",
				len(e.Activities), maxActivities)
		}
		for _, f := range Fields(e) {
			if err := checkText(f.Name, f.Value); err != nil {
				return err
			}
		}
		for _, a := range e.Activities {
			for _, f := range Fields(a) {
				if err := checkText(f.Name, f.Value); err != nil {
					return err
				}
			}
		}
	}
	return nil
}

func isASCII(s string) bool {
	return !strings.ContainsFunc(s, func(r rune) bool { return r < ' ' || r > '~' })
}

// phoneNumber writes a French number as ten digits. Empty stays empty: nobody knows it.
func phoneNumber(text string) (string, error) {
	digits := strings.Map(func(r rune) rune {
		if unicode.IsSpace(r) || strings.ContainsRune(".-/()", r) {
			return -1
		}
		return r
	}, text)
	for _, prefix := range []string{"+33", "0033"} {
		if rest, ok := strings.CutPrefix(digits, prefix); ok {
			digits = "0" + strings.TrimPrefix(rest, "0")
		}
	}
	if digits != "" && (len(digits) != 10 || digits[0] != '0' || strings.Trim(digits, "0123456789") != "") {
		return "", store.Errorf(store.Invalid, "phone %q is not a French number of ten digits, such as 06 39 98 00 12",
			shorten(text))
	}
	return digits, nil
}

// CheckCodes refuses codes that the lab's tables do not have. A change that somebody types is held
// to it; people.yaml may have any code.
func (c *Change) CheckCodes() error {
	for field, code := range c.coded() {
		if code == nil || *code == "" {
			continue
		}
		if id := embeddedTables[field]; id != "" {
			*code = profiles.FindCode(id, *code)
		} else {
			*code = strings.ToUpper(*code)
		}
		if _, ok := Label(field, *code); ok {
			continue
		}
		if id := embeddedTables[field]; id != "" {
			return store.Errorf(store.Invalid,
				"%s: unknown code %q: igc codes %s lists them, and people.yaml takes any other", field,
				shorten(*code), id)
		}
		return store.Errorf(store.Invalid, "%s: unknown code %q: choose one of %s; people.yaml takes any other", field,
			shorten(*code), strings.Join(ownTables[field].codes(), ", "))
	}
	return nil
}

// applyContact changes the contact data of a person.
func (c *Change) applyContact(p *Person, source Source) {
	if c.Mail != nil {
		p.Contact.Mail, p.From.Contact = *c.Mail, source
	}
	if c.Phone != nil {
		p.Contact.Phone, p.From.Contact = *c.Phone, source
	}
}

// apply changes a person, contact data left out; source is where the change comes from.
func (c *Change) apply(p *Person, source Source) {
	set := func(to, value *string, part *Source) {
		if value != nil {
			*to, *part = *value, source
		}
	}
	from := &p.From
	set(&p.Origin, c.Origin, &from.Identity)
	set(&p.GivenName, c.GivenName, &from.Identity)
	set(&p.FamilyName, c.FamilyName, &from.Identity)
	switch {
	case c.NoActivity:
		p.RefPro, from.Activities = nil, source
		return
	case c.RefPro != nil:
		p.RefPro, from.Activities = c.RefPro.clone(), source
	}
	if !c.changesRefPro() {
		return
	}
	if p.RefPro == nil {
		p.RefPro = &RefPro{}
	}
	if len(p.RefPro.Exercices) == 0 {
		p.RefPro.Exercices = []Exercice{{CodeCategorie: "C", Nom: p.FamilyName,
			Prenom: p.GivenName}}
	}
	set(&p.RefPro.CodeCivilite, c.Civility, &from.Activities)
	e := &p.RefPro.Exercices[0]
	set(&e.CodeProfession, c.Profession, &from.Activities)
	if c.Speciality != nil {
		e.CodeSavoirFaire, e.CodeTypeSavoirFaire, from.Activities = *c.Speciality, "", source
		if e.CodeSavoirFaire != "" {
			e.CodeTypeSavoirFaire = "S"
		}
	}
	if !c.changesActivity() {
		return
	}
	if len(e.Activities) == 0 {
		e.Activities = []Activity{{CodeGenreActivite: "GENR01"}}
	}
	a := &e.Activities[0]
	set(&a.CodeModeExercice, c.Mode, &from.Activities)
	set(&a.CodeSecteurDactivite, c.Sector, &from.Activities)
	set(&a.CodeSectionPharmacien, c.PharmacistSection, &from.Activities)
	set(&a.RaisonSocialeSite, c.Organisation, &from.Activities)
	set(&a.IdentifiantTechnique, c.OrganisationID, &from.Activities)
}

func (c *Change) changesRefPro() bool {
	return cmp.Or(c.Civility, c.Profession, c.Speciality) != nil || c.changesActivity()
}

func (c *Change) changesActivity() bool {
	return cmp.Or(c.Mode, c.Sector, c.PharmacistSection, c.Organisation, c.OrganisationID) != nil
}

// merge adds a later change to this one.
func (c *Change) merge(later *Change) {
	for _, f := range []struct{ to, value **string }{
		{&c.Origin, &later.Origin}, {&c.GivenName, &later.GivenName}, {&c.FamilyName, &later.FamilyName},
		{&c.Mail, &later.Mail}, {&c.Phone, &later.Phone}, {&c.Civility, &later.Civility},
		{&c.Profession, &later.Profession}, {&c.Speciality, &later.Speciality}, {&c.Mode, &later.Mode},
		{&c.Sector, &later.Sector}, {&c.PharmacistSection, &later.PharmacistSection},
		{&c.Organisation, &later.Organisation}, {&c.OrganisationID, &later.OrganisationID},
	} {
		if *f.value != nil {
			*f.to = *f.value
		}
	}
	switch {
	case later.NoActivity:
		c.NoActivity, c.RefPro = true, nil
		c.Civility, c.Profession, c.Speciality = nil, nil, nil
		c.Mode, c.Sector, c.PharmacistSection, c.Organisation, c.OrganisationID = nil, nil, nil, nil, nil
	case later.RefPro != nil:
		c.NoActivity, c.RefPro = false, later.RefPro
	case c.NoActivity && later.changesRefPro():
		c.NoActivity, c.RefPro = false, &RefPro{} // begun anew
	}
}

// ParseRefPro reads a SubjectRefPro in JSON, alone or within what userinfo answered.
func ParseRefPro(data []byte) (*RefPro, error) {
	var whole struct{ SubjectRefPro json.RawMessage }
	if json.Unmarshal(data, &whole) == nil && len(whole.SubjectRefPro) > 0 {
		data = whole.SubjectRefPro
	}
	dec := json.NewDecoder(bytes.NewReader(data))
	dec.DisallowUnknownFields()
	var r *RefPro
	if err := dec.Decode(&r); err != nil || r == nil {
		return nil, store.Errorf(store.Invalid, "not a SubjectRefPro as Pro Santé Connect sends it: %v", err)
	}
	if _, err := dec.Token(); err != io.EOF {
		return nil, store.Errorf(store.Invalid, "something follows the SubjectRefPro: remove it")
	}
	return r, checkRefPro(r)
}
