// Package pkcs11 is PKCS#11 v2.40 over the lab's virtual cards, in Go alone: slots, sessions, objects and operations, with
// the standard's own names and return values. card/module is its C face. Nothing here is kept between processes: what is,
// the cards and their readers keep in files.
package pkcs11
