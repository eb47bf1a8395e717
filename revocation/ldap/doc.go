// Package ldap serves the CRLs and the authorities' certificates of a lab over LDAP (RFC 4511),
// where certificates name them: an entry of class pkiCA (RFC 4523) for each authority. Beside that
// tree stands another, of those who have certificates, each with their userCertificate.
//
// A [Server] answers bind, search, compare and a few extended operations, to anybody and without a
// password; nobody may write. A request is read whole, and is small. An answer may hold a CRL of
// any size, which is sent from where it is. [Fetch] reads a CRL as a client does, and verifies its
// signature.
package ldap
