package serve

import "github.com/igc-lab/igc/console"

// peoplePath is where the desk shows the people of the lab.
const peoplePath = "/personnes/"

// console makes the pages of people.
func (s *services) console() *console.Console {
	return console.New(console.Options{People: s.around.People, Names: s.annuaire, Records: records{s.lab},
		Cards: NewCardDesk(s.lab, s.lab, s.around, s.now, true), Phones: s.around.ECPS, Sessions: s.psc,
		Messages: s.around.Outbox, Now: s.now, Log: s.log,
		Paths: console.Paths{People: peoplePath, Phones: phonePath, Messages: messagesPath, FHIR: "/fhir/v2/",
			Annuaire: annuairePath, PSC: requestsPath}})
}
