package people

// OtherID is an identifier of a person and the register that it is of.
type OtherID struct {
	Identifiant string `json:"identifiant"`
	Origine     string `json:"origine"`
	Qualite     int    `json:"qualite"`
}

// UserInfo is what Pro Santé Connect says of a person, in its order. Sub and AuthMode are those of
// a session: the provider fills them.
type UserInfo struct {
	Sector              string    `json:"Secteur_Activite"`
	Sub                 string    `json:"sub,omitempty"`
	EmailVerified       *bool     `json:"email_verified,omitempty"`
	Organization        string    `json:"SubjectOrganization"`
	AccessReason        string    `json:"Mode_Acces_Raison"`
	PreferredUsername   string    `json:"preferred_username"`
	GivenName           string    `json:"given_name"`
	MedicalRegulation   string    `json:"Acces_Regulation_Medicale"`
	UITVersion          string    `json:"UITVersion"`
	AuthMode            string    `json:"authMode,omitempty"`
	AuthenticationLevel string    `json:"Palier_Authentification"`
	RefPro              *RefPro   `json:"SubjectRefPro,omitempty"`
	OrganizationID      string    `json:"SubjectOrganizationID"`
	Roles               []string  `json:"SubjectRole"`
	PSILocale           string    `json:"PSI_Locale"`
	OtherIDs            []OtherID `json:"otherIds,omitempty"`
	SubjectNameID       string    `json:"SubjectNameID"`
	FamilyName          string    `json:"family_name"`

	// of identities made with EDIT only, and nowhere else; their place among the others is modelled
	CodeCivilite      string `json:"codeCivilite,omitempty"`
	CodeGenreActivite string `json:"codeGenreActivite,omitempty"`
}

// UserInfo is what Pro Santé Connect says of the person.
func (p *Person) UserInfo() *UserInfo {
	u := &UserInfo{
		Sector: p.Sector(), PreferredUsername: p.ID, GivenName: p.GivenName, MedicalRegulation: "FAUX",
		UITVersion: "1.0", AuthenticationLevel: "APPPRIP3^1.2.250.1.213.1.5.1.1.1",
		RefPro: p.RefPro.clone(), Roles: p.Roles(), PSILocale: "1.2.250.1.213.1.3.1.1", OtherIDs: p.OtherIDs(),
		SubjectNameID: p.ID, FamilyName: p.FamilyName,
	}
	u.Organization, u.OrganizationID = p.Organization()
	if p.Origin == originEDIT && p.RefPro != nil {
		u.CodeCivilite, u.CodeGenreActivite = p.RefPro.CodeCivilite, p.first().CodeGenreActivite
	}
	return u
}
