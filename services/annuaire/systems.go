package annuaire

// The names that resources are made of: facts of the implementation guide and of the ANS's
// terminologies (NOS).

const (
	guide    = "https://interop.esante.gouv.fr/ig/fhir/annuaire/StructureDefinition/"
	core     = "https://hl7.fr/ig/fhir/core/StructureDefinition/"
	version  = "|1.2.0-snapshot-2"
	coreIG   = "|2.2.0"
	source   = "https://annuaire.esante.gouv.fr"
	language = "fr"

	identifierTypes = "https://hl7.fr/ig/fhir/core/CodeSystem/fr-core-cs-v2-0203"
	structureTypes  = "https://hl7.fr/ig/fhir/core/CodeSystem/fr-core-cs-v2-3307"

	extTrace       = guide + "as-ext-data-trace"
	extSmartcard   = guide + "as-ext-smartcard"
	extCertificate = guide + "as-ext-digital-certificate"
	extMailbox     = guide + "as-ext-mailbox-mss-metadata"
	extLicence     = guide + "as-ext-organization-pharmacy-licence"
	extTypes       = guide + "as-ext-organization-types"
	extAuthorised  = guide + "as-ext-authorization"
	extInstalled   = guide + "as-ext-installation"
	extCapacity    = guide + "as-ext-supported-capacity"
	extEmailType   = core + "fr-core-contact-point-email-type"
	extInsee       = core + "fr-core-address-insee-code"
	extPeriod      = "http://hl7.org/fhir/StructureDefinition/organization-period"
	extLine        = "http://hl7.org/fhir/StructureDefinition/iso21090-ADXP-"
)

// nos is the address of a terminology of the NOS: nos("G15-ProfessionSante").
func nos(name string) string {
	return "https://mos.esante.gouv.fr/NOS/TRE_" + name + "/FHIR/TRE-" + name
}

// The terminologies.
var (
	systemProfession  = nos("G15-ProfessionSante")
	systemCategory    = nos("R09-CategorieProfessionnelle")
	systemSpeciality  = nos("R38-SpecialiteOrdinale")
	systemSkillKind   = nos("R04-TypeSavoirFaire")
	systemDiploma     = nos("R48-DiplomeEtatFrancais")
	systemDiplomaKind = nos("R14-TypeDiplome")
	systemActivity    = nos("R22-GenreActivite")
	systemMode        = nos("R23-ModeExercice")
	systemFunction    = nos("R21-Fonction")
	systemSection     = nos("R06-SectionTableauCNOP")
	systemSector      = nos("R02-SecteurActivite")
	systemFacility    = nos("R66-CategorieEtablissement")
	systemLegal       = nos("R72-FinessStatutJuridique")
	systemCommune     = nos("R13-Commune")
	systemCard        = nos("R87-TypeCarte")
	systemMail        = nos("R256-TypeMessagerie")
	systemMailbox     = nos("R257-TypeBAL")
	systemAuthority   = nos("R60-AutoriteEnregistrement")
	systemEquipment   = nos("R272-EquipementMaterielLourd")
	systemRegulated   = nos("R274-ActiviteSanitaireRegulee")
	systemModality    = nos("R275-ModaliteActivite")
	systemForm        = nos("R276-FormeActivite")
	systemDiscipline  = nos("R280-DisciplineEquipementSocial")
	systemKind        = nos("R209-TypeActivite")
	systemClient      = nos("R279-Clientele")
)

// The systems of identifiers, and their types in [identifierTypes].
const (
	systemIDNPS  = "urn:oid:1.2.250.1.71.4.2.1"
	systemIDNST  = "urn:oid:1.2.250.1.71.4.2.2"
	systemRPPS   = "https://rpps.esante.gouv.fr"
	systemFINESS = "https://finess.esante.gouv.fr"
	systemSIREN  = "https://sirene.fr"
	systemRank   = "https://rppsrang.esante.gouv.fr"
	systemARHGOS = "https://arhgos.ars.sante.fr"
)

// typed is an identifier with its type.
func typed(kind, system, value string) identifier {
	return identifier{Use: "official", Type: &concept{Coding: []coding{{System: identifierTypes, Code: kind}}},
		System: system, Value: value}
}

// codes makes a concept of a code, nothing when there is none.
func codes(system, code string) []concept {
	if code == "" {
		return nil
	}
	return []concept{{Coding: []coding{{System: system, Code: code}}}}
}

// newHeader is what a resource begins with. The level is dp or dr.
func newHeader(kind, id, profile, ofCore string, restricted bool, trace extension, updated string) header {
	level := "dp"
	if restricted {
		level = "dr"
	}
	m := meta{VersionID: "1", LastUpdated: updated, Source: source, Extension: []extension{trace}}
	if ofCore != "" {
		m.Profile = append(m.Profile, core+ofCore+coreIG)
	}
	m.Profile = append(m.Profile, guide+"as-"+level+"-"+profile+version)
	return header{ResourceType: kind, ID: id, Meta: m, Language: language}
}

// dataTrace says which register a resource is of.
func dataTrace(system, authority, day string) extension {
	e := extension{URL: extTrace}
	if authority != "" {
		e.Extension = append(e.Extension, extension{URL: "autorite-enregistrement",
			Concept: &concept{Coding: []coding{{System: systemAuthority, Code: authority}}}})
	}
	e.Extension = append(e.Extension, extension{URL: "systeme-information", Code: system})
	if day != "" {
		e.Extension = append(e.Extension, extension{URL: "date-maj-ae", Date: day})
	}
	return e
}
