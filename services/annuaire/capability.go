package annuaire

import (
	"slices"
	"time"
)

// capabilityStatement says what the API can do: FHIR R4's CapabilityStatement, of the instance. It
// is made from the table of kinds, so that what is declared is what is answered.
type capabilityStatement struct {
	ResourceType   string         `json:"resourceType"`
	ID             string         `json:"id"`
	Status         string         `json:"status"`
	Date           string         `json:"date"`
	Publisher      string         `json:"publisher"`
	Kind           string         `json:"kind"`
	Instantiates   []string       `json:"instantiates"`
	Software       software       `json:"software"`
	Implementation implementation `json:"implementation"`
	FHIRVersion    string         `json:"fhirVersion"`
	Format         []string       `json:"format"`
	Rest           []rest         `json:"rest"`
}

type software struct {
	Name string `json:"name"`
}

type implementation struct {
	Description string `json:"description"`
	URL         string `json:"url"`
}

type rest struct {
	Mode     string             `json:"mode"`
	Security *security          `json:"security,omitempty"`
	Resource []declaredResource `json:"resource"`
}

type security struct {
	Description string `json:"description"`
}

type declaredResource struct {
	Type             string          `json:"type"`
	Profile          string          `json:"profile"`
	SupportedProfile []string        `json:"supportedProfile"`
	Interaction      []interaction   `json:"interaction"`
	SearchInclude    []string        `json:"searchInclude,omitempty"`
	SearchRevInclude []string        `json:"searchRevInclude,omitempty"`
	SearchParam      []declaredParam `json:"searchParam"`
}

type interaction struct {
	Code string `json:"code"`
}

type declaredParam struct {
	Name       string    `json:"name"`
	Definition string    `json:"definition,omitempty"`
	Type       valueType `json:"type"`
}

func (s *Server) capabilities() *capabilityStatement {
	c := &capabilityStatement{ResourceType: "CapabilityStatement", ID: "igc-annuaire", Status: "active",
		Date: s.Made.UTC().Format(time.RFC3339), Publisher: "igc", Kind: "instance",
		Instantiates: []string{"https://interop.esante.gouv.fr/ig/" +
			"fhir/annuaire/CapabilityStatement/AsServerDPCapabilityStatement"},
		Software:       software{"igc"},
		Implementation: implementation{"Annuaire Santé d'un laboratoire igc : données fictives", s.URL() + base},
		FHIRVersion:    "4.0.1", Format: []string{"json"}}
	r := rest{Mode: "server", Security: &security{"ESANTE-API-KEY"}}
	for _, k := range kinds {
		d := declaredResource{Type: k.name, Profile: guide + k.profiles[0] + version,
			Interaction: []interaction{{"search-type"}, {"read"}}}
		for _, p := range k.profiles {
			d.SupportedProfile = append(d.SupportedProfile, guide+p+version,
				guide+"as-dr-"+p[len("as-dp-"):]+version)
		}
		if len(k.includes) > 0 {
			d.SearchInclude = []string{"*"}
		}
		for _, i := range k.includes {
			d.SearchInclude = append(d.SearchInclude, i.String())
		}
		for _, i := range k.including {
			d.SearchRevInclude = append(d.SearchRevInclude, i.String())
		}
		for _, p := range k.params {
			d.SearchParam = append(d.SearchParam, declaredParam{p.name, p.definition, p.kind})
		}
		slices.SortFunc(d.SearchParam, func(a, b declaredParam) int {
			if a.Name < b.Name {
				return -1
			}
			return 1
		})
		r.Resource = append(r.Resource, d)
	}
	c.Rest = []rest{r}
	return c
}
