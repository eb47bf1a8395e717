// Package pkcs11 is PKCS#11 v2.40 over the lab's virtual cards, in Go alone: slots, sessions, objects and operations, with
// the standard's own names and return values. card/module is its C face. Nothing here is kept between processes: what is,
// the cards and their readers keep in files.
//
// A card is listed as the official Cryptolib CPS lists it: 5.2.2 for Linux was shown the same cards by card/chip and card/vpcd, and every
// attribute of every object laid beside those of this module. testdata/listing-*.golden is that list.
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
// What differs on purpose:
//
//	               Cryptolib 5.2.2                        here                          why
//	C_GetInfo      ANS, CPS3 PKCS#11 LINUX, 2.20          igc, LAB, 2.40                nobody is to take one for the other
//	slots          the readers of PC/SC                   four or more, "(LAB)"         browsers look for slots once
//	sessions       CK_TOKEN_INFO counts none              counts them                   the standard
//	CKA_ALWAYS_    no key has the attribute; the PIN of   TRUE of the signature key,    a signature is to be meant. C_Login of
//	AUTHENTICATE   the first C_Login serves ever after,   which wants that C_Login      CKU_CONTEXT_SPECIFIC only where the
//	               that of CKU_CONTEXT_SPECIFIC is        before each signature         attribute asks for it works with both
//	               CKR_USER_TYPE_INVALID
//	mechanisms'    announces signing, decrypting and      only what works               programs try what is announced
//	flags          unwrapping with CKM_RSA_X_509 (0x54
//	               when tried), unwrapping with others
//	authentication CKM_RSA_PKCS and PSS only: 0x63, on a  CKM_SHA1_, CKM_SHA256_        wider. Java wants
//	key            CPS4 0x05, of CKM_SHA*_RSA_PKCS        RSA_PKCS too                  disabledMechanisms with the real one
//	signature key  CKM_RSA_PKCS: SHA-1 and SHA-256,       signs what it is given        wider: hand over a DigestInfo
//	               hash alone or in its DigestInfo
//	PSS            SHA-1, SHA-256; the salt is as long    all hashes and salts          wider
//	               as the hash, whatever is asked for
//	wrong use      other values: 0x05 where CPS_DATA is   0x13, 0xC0, 0xA1              the standard
//	               too long or an RSA signature is wrong,
//	               0x20 of a CPS3 for a PIN of letters
//	buffers        a CPS4's authentication key signs      into any that is large        the standard
//	               into 256 bytes only: 0x07 for more     enough
//	P-256 cards    there are none                         ECDSA                         fast labs
package pkcs11
