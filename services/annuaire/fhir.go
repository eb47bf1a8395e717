package annuaire

import "time"

// The elements of FHIR R4 that the resources use, in the order in which the ANS's examples write
// them. Fields that are empty are left out: FHIR has no empty values.

type meta struct {
	VersionID   string      `json:"versionId"`
	LastUpdated string      `json:"lastUpdated"`
	Source      string      `json:"source"`
	Profile     []string    `json:"profile"`
	Extension   []extension `json:"extension,omitempty"`
	Tag         []coding    `json:"tag,omitempty"`
}

// extension has one of its values, or extensions of its own.
type extension struct {
	Extension []extension `json:"extension,omitempty"`
	URL       string      `json:"url"`

	String     string      `json:"valueString,omitempty"`
	Code       string      `json:"valueCode,omitempty"`
	Date       string      `json:"valueDate,omitempty"`
	DateTime   string      `json:"valueDateTime,omitempty"`
	Boolean    *bool       `json:"valueBoolean,omitempty"`
	Integer    *int        `json:"valueInteger,omitempty"`
	Period     *period     `json:"valuePeriod,omitempty"`
	Coding     *coding     `json:"valueCoding,omitempty"`
	Concept    *concept    `json:"valueCodeableConcept,omitempty"`
	Attachment *attachment `json:"valueAttachment,omitempty"`
}

type coding struct {
	System  string `json:"system,omitempty"`
	Code    string `json:"code"`
	Display string `json:"display,omitempty"`
}

type concept struct {
	Extension []extension `json:"extension,omitempty"`
	Coding    []coding    `json:"coding"`
}

type identifier struct {
	Use    string   `json:"use,omitempty"`
	Type   *concept `json:"type,omitempty"`
	System string   `json:"system"`
	Value  string   `json:"value"`
}

type period struct {
	Start string `json:"start,omitempty"`
	End   string `json:"end,omitempty"`
}

type attachment struct {
	ContentType string `json:"contentType"`
	Data        []byte `json:"data"`
}

type humanName struct {
	Use    string   `json:"use"`
	Family string   `json:"family,omitempty"`
	Given  []string `json:"given,omitempty"`
	Prefix []string `json:"prefix,omitempty"`
	Suffix []string `json:"suffix,omitempty"`
}

type contactPoint struct {
	Extension []extension `json:"extension,omitempty"`
	System    string      `json:"system"`
	Value     string      `json:"value"`
	Rank      int         `json:"rank,omitempty"`
}

type address struct {
	Extension  []extension   `json:"extension,omitempty"`
	Line       []*string     `json:"line,omitempty"`
	LineParts  []addressLine `json:"_line,omitempty"`
	City       string        `json:"city,omitempty"`
	District   string        `json:"district,omitempty"`
	PostalCode string        `json:"postalCode,omitempty"`
	Country    string        `json:"country,omitempty"`
}

type addressLine struct {
	Extension []extension `json:"extension"`
}

type reference struct {
	Reference string `json:"reference"`
}

type qualification struct {
	Code concept `json:"code"`
}

// header is what all resources begin with.
type header struct {
	ResourceType string      `json:"resourceType"`
	ID           string      `json:"id"`
	Meta         meta        `json:"meta"`
	Language     string      `json:"language,omitempty"`
	Extension    []extension `json:"extension,omitempty"`
}

type practitionerResource struct {
	header
	Identifier    []identifier    `json:"identifier"`
	Active        bool            `json:"active"`
	Name          []humanName     `json:"name,omitempty"`
	Telecom       []contactPoint  `json:"telecom,omitempty"`
	Qualification []qualification `json:"qualification,omitempty"`
}

type roleResource struct {
	header
	Identifier   []identifier   `json:"identifier"`
	Active       bool           `json:"active"`
	Practitioner reference      `json:"practitioner"`
	Organization *reference     `json:"organization,omitempty"`
	Code         []concept      `json:"code,omitempty"`
	Telecom      []contactPoint `json:"telecom,omitempty"`
}

type organizationResource struct {
	header
	Identifier []identifier   `json:"identifier"`
	Active     bool           `json:"active"`
	Type       []concept      `json:"type,omitempty"`
	Name       string         `json:"name,omitempty"`
	Alias      []string       `json:"alias,omitempty"`
	Telecom    []contactPoint `json:"telecom,omitempty"`
	Address    []address      `json:"address,omitempty"`
	PartOf     *reference     `json:"partOf,omitempty"`
}

type serviceResource struct {
	header
	Identifier     []identifier  `json:"identifier,omitempty"`
	Active         bool          `json:"active"`
	ProvidedBy     *reference    `json:"providedBy,omitempty"`
	Category       []concept     `json:"category,omitempty"`
	Type           []concept     `json:"type,omitempty"`
	Eligibility    []eligibility `json:"eligibility,omitempty"`
	Characteristic []concept     `json:"characteristic,omitempty"`
}

type eligibility struct {
	Code concept `json:"code"`
}

type deviceResource struct {
	header
	Identifier   []identifier `json:"identifier"`
	Status       string       `json:"status"`
	Manufacturer string       `json:"manufacturer,omitempty"`
	SerialNumber string       `json:"serialNumber,omitempty"`
	Type         *concept     `json:"type,omitempty"`
	Owner        *reference   `json:"owner,omitempty"`
}

// instant writes a time as FHIR's instant, with milliseconds and an offset as the ANS's examples
// have them. The offset is that of UTC.
func instant(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05.000-07:00") }

// date writes a day, nothing for a time that is not known.
func date(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format(time.DateOnly)
}

func dateTime(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format("2006-01-02T15:04:05-07:00")
}

func truth(b bool) *bool { return &b }
