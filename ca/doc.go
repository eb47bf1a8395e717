// Package ca is a lab's certification authorities at work: it issues certificates, revokes them and
// signs CRLs, and it is the only package that does. Nothing leaves it before it is recorded.
//
// # A lab
//
// A lab is a folder, its home:
//
//	igc.yaml      addresses, ports, policy
//	passphrase    of the keys, when the lab made it (0600)
//	keys/         the authorities' keys, encrypted (0600): package keys
//	igc.db        certificates, their status, the change feed: package store
//	igc.sock      there while a server has igc.db open
//	cards/        a folder for each card: package folder of card
//	fixtures/     the set that igc fixtures make wrote
//	publication/  the CRLs last published
//	audit.head    the signed head of the change feed
//
// [Create] makes an empty one, [Open] opens it. Authorities are made when a product first needs
// them ([Lab.Ensure]).
//
// # Issuing
//
// [Lab.Issue] takes an [IssueRequest]: a product, a holder, public keys. It builds the certificate
// from the table of package profiles, signs a copy with a throwaway key and lints it, signs it with
// the authority's key through smallstep's softcas, reads it back, records it and returns it.
// [MakeCard] makes the holder's keys as well, and writes the card's folder.
//
// # Revoking
//
// [Lab.SetStatus] changes the status of certificates named by serial number, file, card or holder,
// all or none. An authority is named by its ID, in a field of its own. [Lab.IssueCRLs] gives the
// next CRL its number and content; package revocation publishes it.
//
// # From a command
//
// One process at a time has igc.db open. [Connect] returns a [Client], which calls the server
// through igc.sock when one runs, and otherwise opens the records for the duration of the call.
package ca
