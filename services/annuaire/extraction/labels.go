package extraction

import (
	"regexp"
	"strings"

	"github.com/igc-lab/igc/people"
	"github.com/igc-lab/igc/profiles"
)

// label is what a code in a field of [people.RefPro], [people.Exercice] or [people.Activity] means,
// in French as the files have it; empty for an unknown code.
func label(field, code string) string {
	if code == "" {
		return ""
	}
	text, ok := people.Label(field, code)
	switch {
	case ok && field == "codeSavoirFaire":
		return tableSuffix.ReplaceAllString(text.FR, "")
	case ok:
		return text.FR
	case field == "codeDepartement":
		return department(code)
	}
	return ownLabels[field][code]
}

// tableSuffix ends the labels of table R01 in certificates, and not those of the files: "(SM)".
var tableSuffix = regexp.MustCompile(` \([A-Z]+\)$`)

// department is the name of a department of table G09, whose labels end with the code.
func department(code string) string {
	name, ok := profiles.Label("G09", code)
	if !ok {
		name, _ = profiles.Label("G09", strings.TrimLeft(code, "0"))
	}
	name, _, _ = strings.Cut(name, " (")
	return name
}

// commune is the name of a commune: that of a table, else what stands in the line of the post
// office (modelled).
func commune(code, cedex string) string {
	if name := label("codeCommune", code); name != "" {
		return name
	}
	return strings.TrimLeft(cedex, "0123456789 ")
}

// ownLabels are labels of tables that no package below has.
var ownLabels = map[string]map[string]string{
	"codeTypeDeVoie": streetTypes,
	"codeRole":       roles,
	"codePays":       {"99000": "France", "99100": "France"},
}

// streetTypes are the usual codes of table TRE_R35.
var streetTypes = map[string]string{"ALL": "Allée", "AV": "Avenue", "BD": "Boulevard", "CAR": "Carrefour",
	"CHE": "Chemin", "CITE": "Cité", "CRS": "Cours", "ESP": "Esplanade", "FG": "Faubourg", "IMP": "Impasse",
	"LD": "Lieu-dit", "LOT": "Lotissement", "MTE": "Montée", "PAS": "Passage", "PL": "Place", "PLE": "Passerelle",
	"PROM": "Promenade", "QU": "Quai", "QUAI": "Quai", "R": "Rue", "RES": "Résidence", "RLE": "Ruelle",
	"RPT": "Rond-point", "RTE": "Route", "SQ": "Square", "VLA": "Villa", "ZA": "Zone d'activité",
	"ZI": "Zone industrielle"}

// roles is table TRE_R21, less what is no longer used.
var roles = map[string]string{"FON-01": "Titulaire de cabinet",
	"FON-02": "Associé dans une société d'exercice (SEL ou SCP)", "FON-03": "Titulaire d'officine",
	"FON-04": "Remplaçant du titulaire d'officine", "FON-05": "Adjoint", "FON-07": "Gérant après incapacité ou décès",
	"FON-09": "Responsable d'établissement", "FON-17": "Collaborateur", "FON-18": "Assistant",
	"FON-19": "Praticien Conseil", "FON-21": "Médecin scolaire", "FON-22": "Remplaçant, intérimaire, intermittent",
	"FON-23": "Gérant", "FON-24": "Médecin de santé publique", "FON-29": "Médecin du travail",
	"FON-32": "Régulateur libéral", "FON-33": "Salarié en poste fixe"}

// diplomaTypes is table TRE_R14.
var diplomaTypes = map[string]string{"ATT": "Attestation", "AU": "Autre type de diplôme",
	"CES": "Certificat d'études spéciales", "D2C": "Diplôme de 2ième cycle non qualifiant",
	"DAU": "Diplôme d'un pays hors UE et hors EEE", "DE": "Diplôme d'Etat français",
	"DEEE": "Diplôme d'un pays de l'UE ou de l'EEE", "DEES": "Diplôme européen d'études spécialisées",
	"DES": "Diplôme d'études spécialisées", "DU": "Diplôme d'université (DU) ou inter-universitaire (DIU)"}

// stateDiplomas is table TRE_R48.
var stateDiplomas = map[string]string{"DE01": "DE Pharmacien", "DE02": "DE Docteur en pharmacie",
	"DE03": "DE Docteur en chirurgie dentaire", "DE04": "DE Chirurgien-Dentiste", "DE05": "DE Docteur en médecine",
	"DE06": "DE Sage-Femme", "DE07": "DE Audioprothésiste", "DE08": "DE Opticien-Lunetier", "DE09": "DE Infirmier",
	"DE10": "DE Infirmier psychiatrique", "DE11": "DE Masseur-Kinésithérapeute", "DE12": "DE Pédicure-Podologue",
	"DE13": "DE Orthophoniste", "DE14": "DE Orthoptiste", "DE15": "DE Psychologue", "DE16": "DE Ergothérapeute",
	"DE17": "DE Psychomotricien", "DE18": "DE Manipulateur ERM", "DE19": "DE Infirmier de bloc opératoire",
	"DE20": "DE Infirmier anesthésiste", "DE21": "DE Infirmier puériculteur", "DE22": "DE Cadre de santé",
	"DE23": "DE IPA pathologies chroniques stabilisées", "DE24": "DE IPA oncologie et hémato-oncologie",
	"DE25": "DE IPA maladie rénale", "DE26": "DE IPA santé mentale", "DE27": "DE IPA urgences",
	"DE28": "DE Assistant de Service Social", "DE29": "DE Audioprothésiste", "DE30": "DE Ergothérapeute",
	"DE31": "DE Diététicien", "DE32": "DE Psychomotricien",
	"DE38": "DE Technicien de Laboratoire Médical (DETLM, DETAB ou DELAM)",
	"DE39": "DE Manipulateur d'Electro-Radiologie médicale"}

// cardTypes is table TRE_R87, as far as the extraction has its cards.
var cardTypes = map[string]string{"CPS": "Carte de Professionnel de Santé (CPS)",
	"CPF": "Carte de Professionnel de Santé en Formation (CPF)"}
