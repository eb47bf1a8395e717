// Package chip is the smart card that a lab card plays, command by command: a CPS3 (IAS-ECC) or a
// CPS4 (ChipDoc), with the card's certificates, keys, PIN and business data. It knows no reader:
// bytes in, bytes out (card/vpcd carries them).
//
// Sources: ISO/IEC 7816-4 and 7816-8, IAS-ECC 1.0.1, PKCS#15 v1.1, and the drivers that the ANS and
// OpenSC publish, which say what a real card is asked (reference card.md §4). File identifiers,
// keys' references and algorithms are those of the drivers where they name them (MF, EF.DIR,
// EF.ATR, D003, D010, D107, D120 to D12F, 7001, AIDs); the others are modelled.
//
// Stock OpenSC reads a CPS3 and has its authentication key sign. With the signature key it cannot,
// of whatever IAS-ECC card: its driver takes no PIN but that of the first C_Login
// (iasecc_pin_verify, "Do not try to verify non CHV PINs": CKR_ARGUMENTS_BAD), and without that one
// prepares the hash that the card finishes only where it was built with OpenSSL before 3.0
// (iasecc_qsign_data_sha256: CKR_FUNCTION_NOT_SUPPORTED). Seen with 0.23, and in its sources of
// 2026.
package chip
