package people

import "time"

// Structure is where people work, as the Annuaire Santé knows it. What is unknown is empty.
type Structure struct {
	ID         string // technical identifier, as [Activity.IdentifiantTechnique] has it: F and FINESS, R and a number
	NationalID string // table G07's digit and number: 1 FINESS, 2 SIREN, 3 SIRET, 4 RPPS number and rank
	Legal      bool   // a legal entity (EJ), else a geographical one (EG)
	Parent     string // technical identifier of the legal entity that a geographical one is of
	FINESS     string
	SIREN      string
	SIRET      string

	Name     string // raison sociale
	Sign     string // enseigne commerciale
	Sector   string // table R02
	Category string // table R66: catégorie d'établissement, of a structure with a FINESS number
	Status   string // table R72: statut juridique, of a legal entity
	Licence  string // of a pharmacy
	Address  Address
	Phone    string
	Fax      string
	Mail     string

	Mailboxes []Mailbox
	Services  []Service
	Equipment []Equipment
	Opened    time.Time
	Closed    time.Time // zero while it is open
	Updated   time.Time
}

// Address is a postal address with the fields of [Activity].
type Address struct {
	Recipient  string // complément destinataire
	Place      string // complément point géographique
	Number     string
	Repetition string // BIS, TER
	StreetType string // table R35: R, AV, BD...
	Street     string
	Mention    string // mention distribution
	Cedex      string // bureau cedex: what follows the postal code
	PostalCode string
	Commune    string // INSEE code, table R13
	Department string // table G09
	Country    string // table R20: 99000 is France
}

// Service is what a structure is authorised to do: an activité de soins, or an équipement social
// when Capacity is not zero.
type Service struct {
	Authorisation string // ARHGOS number, of an activité de soins
	Activity      string // table R274 (activité sanitaire régulée), or R280 (discipline d'équipement social)
	Modality      string // table R275, of an activité de soins
	Form          string // table R276, of an activité de soins; R209 (type d'activité), of an équipement social
	Client        string // table R279 (clientèle), of an équipement social
	Capacity      int    // places, of an équipement social
	Since         time.Time
	Until         time.Time
	Closed        bool
	Updated       time.Time
}

// Equipment is an équipement matériel lourd of a structure, such as a scanner.
type Equipment struct {
	Authorisation string // ARHGOS number
	Type          string // table R272
	Maker         string
	Model         string
	Serial        string
	Since         time.Time
	Until         time.Time
	Closed        bool
	Updated       time.Time
}

// Population is people and structures that are made when they are asked for, always the same, and
// stored nowhere: a million cost what one costs. Places go from zero. A value may be kept but not
// changed by who gets it. Package people/population has the one that igc people generate makes.
type Population interface {
	People() int
	Person(place int) *Person
	FindPerson(id string) (place int, ok bool) // by [Person.ID]
	Structures() int
	Structure(place int) *Structure
	FindStructure(id string) (place int, ok bool) // by [Structure.ID]
}
