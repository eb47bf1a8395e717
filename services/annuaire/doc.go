// Package annuaire is the Annuaire Santé of the lab: the FHIR R4 read API that the real one has at
// gateway.api.esante.gouv.fr, over the lab's people, structures and cards.
//
// A [Server] answers under /fhir/v2. What is searched is a projection of the lab's records: the
// population that igc people generate makes, which is a function and is stored nowhere, and beside
// it everybody whom the records name. Whatever changes a person is applied before the next answer,
// so that a card is in the API when the command that issued it has returned.
//
// Resources follow the profiles as-dp-* (public data) and, for an API key that says so, as-dr-*
// (restricted data: opposition dates, certificates) of the implementation guide
// https://interop.esante.gouv.fr/ig/fhir/annuaire. Answers have the form that the ANS's own server
// gives them (ansforge/annuaire-sante-fhir-serveur). What neither says is modelled;
// docs/annuaire.md lists it.
package annuaire
