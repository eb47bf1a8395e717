// Package lab is a lab's home: the folder that holds a certification authority with its
// configuration, keys, records and cards.
//
//	igc.yaml      addresses, ports, policy
//	passphrase    of the keys, when the lab made it (0600)
//	keys/         the authorities' keys, encrypted (0600), and their certificates: package ca/keys
//	igc.db        certificates, their status, the change feed: package ca/store
//	igc.sock      there while a server has igc.db open: package lab/rpc
//	cards/        a folder for each card: package card/folder
//	fixtures/     the set that igc fixtures make wrote
//	publication/  the CRLs last published
//	audit.head    the signed head of the change feed
//
// [Create] makes an empty one, [Open] opens it: the result is a [ca.CA] with its home. A home that
// another user can change is refused.
//
// # From a command
//
// One process at a time has igc.db open. [Connect] returns a [Client], which calls the server
// through igc.sock when one runs, and otherwise opens the records for the duration of the call.
//
// # After damage
//
// [Lab.CheckRecords] reads the records whole. [Lab.Recover] makes them anew from what the home, and
// other folders, still prove.
package lab
