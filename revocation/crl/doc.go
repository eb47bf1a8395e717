// Package crl issues, stores, reads and fetches certificate revocation lists (RFC 5280 §5).
//
// An [Issuer] keeps two CRLs of each authority: a full one and, except for roots, a delta (§5.2.4),
// made together with one number. [Issuer.Get] and [Issuer.Delta] return the one that holds now, and
// issue another first when a status changed or its date has come. A [CRL] never changes.
//
// The entries stand in the lab's store encoded, in chunks. So a CRL is a header, copies of chunks,
// extensions and one signature; a CRL shares with the one before it the memory of every chunk that
// did not change.
//
// [Parse] and [Fetch] read a CRL as a client does, and verify its signature.
package crl
