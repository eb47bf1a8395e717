// Package fhir holds the Annuaire's API to clients and validators that nobody here wrote:
// fhir-kit-client walks it, the npm package fhir validates what it gets, fhirpath evaluates the
// invariants of the guide's profiles.
package fhir
