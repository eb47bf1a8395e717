// Package ca is the lab: its authorities and their keys, what they issued and what they revoked. It
// is the only place that signs and the only one that writes records.
//
// A lab is a folder, its home:
//
//	igc.yaml      addresses, ports, policy
//	passphrase    of the keys, when the lab made it (0600)
//	keys/         the authorities' keys, encrypted (0600)
//	igc.db        every certificate, its status and the change feed: see package store
//	igc.sock      there while a server owns igc.db
//	cards/        what issuing wrote, a folder per card
//	fixtures/     the set that igc fixtures make wrote
//	publication/  the CRLs last published
//	audit.head    the signed head of the change feed
//
// One process at a time owns igc.db. [Connect] gives a [Service] that goes through the owner's
// socket when a server runs and opens the file for a moment when none does, so that callers need
// not know.
package ca
