// Package profiles says what a certificate of the IGC-Santé is: its hierarchy of authorities, its
// products, the names, identifiers and extensions of their certificates, and the code tables that
// they refer to.
//
// # The domain
//
// The IGC-Santé has three gammes (EL élémentaire, ST standard, FO fort), each with a root, and
// below each root two issuing authorities, one for each domaine (PP persons, ORG organisations).
// [Authority] names the nine TEST ones: ACI-FO-PP issues the CPS, the card of a doctor. Authorities
// of production cannot be named, so nothing can be built under them.
//
// A [Product] is what is ordered: cps, cpe, ssl-serv. It has one certificate for each role; a CPS
// has one for authentication and one for signature. [Profile] is a product's certificate of one
// role. It is attested when a real certificate of it was decoded, and modelled when it was put
// together from its siblings. A [Generation] is the layout of the extensions: gen2016, and gen2023
// since December 2022.
//
// A [Holder] is a person, known by the PS_IdNat (a type digit, then an RPPS or ADELI number), or an
// organisation, known by the Struct_IdNat (FINESS, SIREN, SIRET). Professions, specialities and
// departments are codes of the sector's tables; see [Codes] and [Label].
//
// # One table, two directions
//
// The knowledge is data: products.yaml. Subjects are RDNs in their order, layouts are extensions in
// their order, usages are what a key may do, and a product is a row that combines them. A new
// product is a new row. The table is read both ways:
//
//	Holder + Profile + public key --[Build]--> the certificate to sign, final to the byte
//	a certificate --[Decode]--> its Profile, its Holder, and in what it departs from the profile
//
// [Diff] compares two DER trees node by node; the tests use it to hold what Build makes to the real
// certificates. Names are encoded by this package and not by crypto/x509/pkix, which loses the
// grouping, the order and the string types of attributes.
//
// The package is pure: it holds no key, reads no file and asks no clock.
package profiles
