// Package profiles says what a certificate of the IGC-Santé is: its hierarchy of authorities, its products, the names,
// identifiers and extensions of their certificates, and the code tables those refer to.
//
// The knowledge is one table (products.yaml) that is read both ways: [Build] turns a [Holder] into the certificate to
// sign, [Decode] turns a certificate back into its holder and says in what it departs from the table.
//
// The package is pure: it holds no key, reads no file, asks no clock.
package profiles
