// Package card is the virtual CPS card: what a chip adds to the folder that issuing writes. A card
// has a PIN of which three wrong ones block it, an unblocking code, a generation (CPS3 or CPS4)
// that decides what its keys can do, business data beside its certificates, and a place in one of
// the lab's virtual readers, or none.
//
// Every face of a card stands on this model: the PKCS#11 module (card/pkcs11, card/module), the
// chip and its reader (card/chip, card/vpcd), and the command line.
package card
