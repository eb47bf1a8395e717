// Package ca is a lab's certification authorities at work: it issues certificates, revokes them and
// signs CRLs, and it is the only package that does. Nothing leaves it before it is recorded.
//
// [New] makes a [CA] of a store, a key ring and the addresses that certificates name; package lab
// opens the one of a home. Authorities are made when a product first needs them ([CA.Ensure]).
//
// # Issuing
//
// [CA.Issue] takes an [IssueRequest]: a product, a holder, public keys. It builds the certificate
// from the table of package profiles, signs a copy with a throwaway key and lints it, signs it with
// the authority's key through smallstep's softcas, reads it back, records it and returns it.
// [MakeCard] makes the holder's keys as well, and writes the card's folder.
//
// # Revoking
//
// [CA.SetStatus] changes the status of certificates named by serial number, file, card or holder,
// all or none. An authority is named by its ID, in a field of its own. [CA.IssueCRLs] gives the
// next CRL its number and content; package revocation publishes it.
//
// # On behalf of whom
//
// Each change has an actor, see [CA.As], and stands in the change feed ([CA.Changes]), whose head
// is signed ([CA.SignHead], [VerifyFeed]).
package ca
