package people

import (
	"slices"
	"strings"
	"time"

	"github.com/igc-lab/igc/internal/i18n"
)

// Person is one person of the sector.
type Person struct {
	ID         string    `json:"id"`     // PS_IdNat with its type digit: 8 and RPPS, 3FINESS/CPET..., ANSyyyymmddhhmmss
	Origin     string    `json:"origin"` // of the identifier: RPPS, EDIT, FINESS...
	GivenName  string    `json:"given_name"`
	FamilyName string    `json:"family_name"`
	Contact    Contact   `json:"contact"`
	RefPro     *RefPro   `json:"-"` // nil for a person without activity
	Register   Register  `json:"-"`
	From       Sources   `json:"from"`
	Case       Case      `json:"case,omitempty"`
	About      i18n.Text `json:"about,omitzero"` // what a built-in identity is for
}

// Register is what the Annuaire Santé says of a person beside their professions.
type Register struct {
	Diplomas  []Diploma
	Mailboxes []Mailbox // personal ones, whatever the activity
	Retired   bool      // exercises no more: inactive, and kept
	Updated   time.Time // the last change; zero when nothing says when
}

// Diploma is a diploma of a person.
type Diploma struct {
	Type string // table R14: DE, CES...
	Code string // table R48 for a DE
}

// Mailbox is an address of MSSanté, the sector's secured mail.
type Mailbox struct {
	Address     string
	Type        string // table R257: PER, ORG, APP, CAB
	Description string
	Service     string
	RedList     bool // not shown to the public: listeRouge
}

// Contact is the correspondence data: where e-CPS writes to activate a phone. Either may be
// unknown.
type Contact struct {
	Mail  string `json:"mail"`
	Phone string `json:"phone"` // ten digits
}

// Source is where a part of a person comes from.
type Source string

// The sources, from the weakest.
const (
	Modelled    Source = "modelled"    // made up from the identifier: no certificate says it
	Generated   Source = "generated"   // igc people generate
	Fixture     Source = "fixture"     // of a test identity, to whom nothing was issued yet
	Certificate Source = "certificate" // of the holder
	BuiltIn     Source = "built-in"    // identities.yaml
	File        Source = "people.yaml"
	Written     Source = "set" // igc people set
)

// Sources are where the parts of a person come from.
type Sources struct {
	Identity   Source `json:"identity"`
	Activities Source `json:"activities"`
	Contact    Source `json:"contact"`
}

// Modelled tells whether a part of the person is made up from the identifier.
func (s Sources) Modelled() bool { return s.Activities == Modelled || s.Contact == Modelled }

// Case is what a service prepares for a built-in identity, beside what this package says of it.
type Case string

// The cases.
const (
	ExpiredECPS Case = "ecps-expired" // has an e-CPS that expired
	RevokedCard Case = "card-revoked" // has a revoked card
)

// RefPro is what the sector's register says of a person's professions: Pro Santé Connect's
// SubjectRefPro. What is unknown is empty.
type RefPro struct {
	CodeCivilite string     `json:"codeCivilite" yaml:"codeCivilite"` // M, MME
	Exercices    []Exercice `json:"exercices" yaml:"exercices"`
}

// Exercice is a profession that the person exercises.
type Exercice struct {
	CodeProfession      string     `json:"codeProfession" yaml:"codeProfession"` // table G15
	CodeCategorie       string     `json:"codeCategorieProfessionnelle" yaml:"codeCategorieProfessionnelle"`
	CodeCivilite        string     `json:"codeCiviliteDexercice" yaml:"codeCiviliteDexercice"` // DR, M, MME
	Nom                 string     `json:"nomDexercice" yaml:"nomDexercice"`
	Prenom              string     `json:"prenomDexercice" yaml:"prenomDexercice"`
	CodeTypeSavoirFaire string     `json:"codeTypeSavoirFaire" yaml:"codeTypeSavoirFaire"` // S
	CodeSavoirFaire     string     `json:"codeSavoirFaire" yaml:"codeSavoirFaire"`         // table R01
	Activities          []Activity `json:"activities,omitempty" yaml:"activities"`
}

// Activity is where and how a profession is exercised. Its fields have the names, the order and the
// spelling of Pro Santé Connect.
type Activity struct {
	CodeModeExercice      string `json:"codeModeExercice" yaml:"codeModeExercice"`           // L, S, B
	CodeSecteurDactivite  string `json:"codeSecteurDactivite" yaml:"codeSecteurDactivite"`   // table R02
	CodeSectionPharmacien string `json:"codeSectionPharmacien" yaml:"codeSectionPharmacien"` // table G05
	CodeRole              string `json:"codeRole" yaml:"codeRole"`
	CodeGenreActivite     string `json:"codeGenreActivite" yaml:"codeGenreActivite"` // GENR01
	NumeroSiretSite       string `json:"numeroSiretSite" yaml:"numeroSiretSite"`
	NumeroSirenSite       string `json:"numeroSirenSite" yaml:"numeroSirenSite"`
	NumeroFinessSite      string `json:"numeroFinessSite" yaml:"numeroFinessSite"`

	FinessJuridique      string `json:"numeroFinessetablissementJuridique" yaml:"numeroFinessetablissementJuridique"`
	IdentifiantTechnique string `json:"identifiantTechniqueDeLaStructure" yaml:"identifiantTechniqueDeLaStructure"`

	RaisonSocialeSite           string `json:"raisonSocialeSite" yaml:"raisonSocialeSite"`
	EnseigneCommercialeSite     string `json:"enseigneCommercialeSite" yaml:"enseigneCommercialeSite"`
	ComplementDestinataire      string `json:"complementDestinataire" yaml:"complementDestinataire"`
	ComplementPointGeographique string `json:"complementPointGeographique" yaml:"complementPointGeographique"`
	NumeroVoie                  string `json:"numeroVoie" yaml:"numeroVoie"`
	IndiceRepetitionVoie        string `json:"indiceRepetitionVoie" yaml:"indiceRepetitionVoie"`
	CodeTypeDeVoie              string `json:"codeTypeDeVoie" yaml:"codeTypeDeVoie"`
	LibelleVoie                 string `json:"libelleVoie" yaml:"libelleVoie"`
	MentionDistribution         string `json:"mentionDistribution" yaml:"mentionDistribution"`
	BureauCedex                 string `json:"bureauCedex" yaml:"bureauCedex"`
	CodePostal                  string `json:"codePostal" yaml:"codePostal"`
	CodeCommune                 string `json:"codeCommune" yaml:"codeCommune"`
	CodePays                    string `json:"codePays" yaml:"codePays"`
	Telephone                   string `json:"telephone" yaml:"telephone"`
	Telephone2                  string `json:"telephone2" yaml:"telephone2"`
	Telecopie                   string `json:"telecopie" yaml:"telecopie"`
	AdresseEMail                string `json:"adresseEMail" yaml:"adresseEMail"`
	CodeDepartement             string `json:"codeDepartement" yaml:"codeDepartement"`
	AncienIdentifiant           string `json:"ancienIdentifiantDeLaStructure" yaml:"ancienIdentifiantDeLaStructure"`
	AutoriteDenregistrement     string `json:"autoriteDenregistrement" yaml:"autoriteDenregistrement"`
}

// clone is a copy that shares nothing.
func (r *RefPro) clone() *RefPro {
	if r == nil {
		return nil
	}
	c := &RefPro{CodeCivilite: r.CodeCivilite, Exercices: slices.Clone(r.Exercices)}
	if c.Exercices == nil {
		c.Exercices = []Exercice{} // an array in JSON
	}
	for i := range c.Exercices {
		c.Exercices[i].Activities = slices.Clone(c.Exercices[i].Activities)
	}
	return c
}

// DisplayName is what a person would call the person.
func (p *Person) DisplayName() string { return strings.TrimSpace(p.GivenName + " " + p.FamilyName) }

// exercices are the professions, none for a person without activity.
func (p *Person) exercices() []Exercice {
	if p.RefPro == nil {
		return nil
	}
	return p.RefPro.Exercices
}

// first is the first activity of the first profession that has one.
func (p *Person) first() Activity {
	for _, e := range p.exercices() {
		if len(e.Activities) > 0 {
			return e.Activities[0]
		}
	}
	return Activity{}
}

// The object identifiers of tables, as claims have them after the code.
const (
	oidProfession = "1.2.250.1.213.1.1.5.5"
	oidSector     = "1.2.250.1.71.4.2.4"
)

// Roles are the professions as SubjectRole has them: 10^1.2.250.1.213.1.1.5.5.
func (p *Person) Roles() []string {
	roles := []string{}
	for _, e := range p.exercices() {
		role := e.CodeProfession + "^" + oidProfession
		if e.CodeProfession != "" && !slices.Contains(roles, role) {
			roles = append(roles, role)
		}
	}
	return roles
}

// Sector is that of the first activity as Secteur_Activite has it: SA07^1.2.250.1.71.4.2.4; empty
// when there is none.
func (p *Person) Sector() string {
	if code := p.first().CodeSecteurDactivite; code != "" {
		return code + "^" + oidSector
	}
	return ""
}

// Organization is the structure of the first activity: its name and its technical identifier.
func (p *Person) Organization() (name, id string) {
	a := p.first()
	return a.RaisonSocialeSite, a.IdentifiantTechnique
}

// OtherIDs are the identifiers that the claim otherIds lists.
func (p *Person) OtherIDs() []OtherID {
	return []OtherID{{Identifiant: p.ID, Origine: p.Origin, Qualite: 1}}
}
