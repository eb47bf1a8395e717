// Package pkcs11 is PKCS#11 v2.40 over the lab's virtual cards, in Go alone: slots, sessions,
// objects and operations, with the standard's own names and return values. card/module is its C
// face. Nothing here is kept between processes: what is, the cards and their readers keep in files.
//
// A card is listed as the official Cryptolib CPS lists it: 5.2.2 for Linux was shown the same cards
// by card/chip and card/vpcd, and every attribute of every object laid beside those of this module.
// testdata/listing-*.golden is that list.
//
//	token       CPS3v3-number, CPS4v1-number; model "IAS ECC" of both, filled up with zeros; serial: the first eight digits of the number
//	private     CPS_PRIV_SIG, CPS_PRIV_AUT, in this order
//	certificate Certificat de Signature CPS, Certificat d'Authentification CPS
//	public      "Cle publique - " and the certificate's label and a zero byte, which a search has to give too (a real CPS4 may have
//	            names of its own for them: the Cryptolib's driver knows such objects, and nobody has published any)
//	CKA_ID      E828BD080F8025000001FF0010 and 01 (signature), 02 (authentication) on a CPS3, 10, 20 on a CPS4
//	serial no.  CKA_SERIAL_NUMBER is the number without the tag and length that the standard puts before it
//	data        CPS_DATA (1024 bytes, the rest zero), CPS_ID_CARD, CPS_NAME_PS, CPS_INFO_PS, CPS_LANG_PS; CPS2TER_* on a CPS4;
//	            after the PIN CPS_ACTIVITY_nn_PS, CPS_SIT_FACT, CPS2TER_ACTIVITY_nn_PS
//
// It logs in, signs and refuses as the Cryptolib does too, by default; both were put the same
// calls, with the same cards:
//
//	login       the PIN of the first C_Login serves both keys ever after; no key has CKA_ALWAYS_AUTHENTICATE, and CKU_CONTEXT_SPECIFIC is 0x103
//	unblocking  a CPS3 takes ten wrong codes, a CPS4 three
//	mechanisms' what is announced: signing, decrypting and unwrapping with CKM_RSA_X_509 too, which is 0x54 when it is tried. A program that
//	flags       takes the first mechanism that signs, such as pkcs11-tool -t, ends there
//	CPS_PRIV_   CKM_RSA_PKCS of anything up to 245 bytes, PSS on a CPS4; CKM_SHA*_RSA_PKCS is 0x63 of C_Sign, 0x05 on a CPS4: Java wants
//	AUT         disabledMechanisms. A CPS4 signs CKM_RSA_PKCS into a buffer of exactly 256 bytes, 0x07 for more: Java and pkcs11-tool cannot
//	CPS_PRIV_   CKM_RSA_PKCS of SHA-1 and SHA-256, alone, which is put into its DigestInfo, or in it; of another hash 0x63, 0x20 on a CPS4,
//	SIG         of other data 0x20; CKM_SHA*_RSA_PKCS, and PSS on a CPS4
//	PSS         SHA-1, SHA-256 (others are 0x71); the salt is as long as the hash, and MGF1 its own, whatever is asked for
//	C_GetObjectSize, and what no card does: 0x54
//
// Under a strict PIN (igc card insert --strict-pin; it is in the card's state.json, and the chip
// keeps to it) the signature key has CKA_ALWAYS_AUTHENTICATE, TRUE, and wants a C_Login of
// CKU_CONTEXT_SPECIFIC before each signature, and the unblocking code has three tries.
//
// What differs on purpose:
//
//	               Cryptolib 5.2.2                        here                          why
//	C_GetInfo      ANS, CPS3 PKCS#11 LINUX, 2.20          igc, LAB, 2.40                nobody is to take one for the other
//	slots          the readers of PC/SC                   four or more, "(LAB)"         browsers look for slots once
//	sessions       CK_TOKEN_INFO counts none; no bound    counts them; 8,192, then      the standard
//	                                                      0xB1
//	end of an      bad arguments leave it open, NULL for  any error ends it but 0x150   the standard, §5.11
//	operation      a length ends the process
//	logout         what was begun still signs             ends it, 0x101                the standard
//	C_Sign after   signs                                  0x90                          the standard
//	C_SignUpdate
//	a parameter    passed over with CKM_RSA_PKCS          0x71                          the standard
//	too many
//	no data        0x07, 0x63, or no number of the        signs it, or 0x20             the standard
//	               standard
//	wrong use      other values: 0x05 where CPS_DATA is   0x13, 0xC0, 0xA1              the standard
//	               too long or an RSA signature is wrong,
//	               0x20 of a CPS3 for a PIN of letters
//	data too long  0x07 of 256 bytes and more, on a CPS4  0x21                          the standard
//	               of 246; 0x06 of C_Encrypt
//	C_Decrypt      0x20, 0x05 on a CPS4, of a broken      0x40                          the standard
//	               block
//	P-256 cards    there are none                         ECDSA                         fast labs
package pkcs11
