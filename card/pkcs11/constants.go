package pkcs11

// The names and numbers of PKCS#11 v2.40 (OASIS, pkcs11t.h) that this module has a use for.

// RV is what a function returns, CK_RV. As an error it is never CKR_OK.
type RV uint

const (
	CKR_OK                             RV = 0x000
	CKR_SLOT_ID_INVALID                RV = 0x003
	CKR_GENERAL_ERROR                  RV = 0x005
	CKR_FUNCTION_FAILED                RV = 0x006
	CKR_ARGUMENTS_BAD                  RV = 0x007
	CKR_NO_EVENT                       RV = 0x008
	CKR_CANT_LOCK                      RV = 0x00A
	CKR_ATTRIBUTE_READ_ONLY            RV = 0x010
	CKR_ATTRIBUTE_SENSITIVE            RV = 0x011
	CKR_ATTRIBUTE_TYPE_INVALID         RV = 0x012
	CKR_ATTRIBUTE_VALUE_INVALID        RV = 0x013
	CKR_DATA_INVALID                   RV = 0x020
	CKR_DATA_LEN_RANGE                 RV = 0x021
	CKR_DEVICE_ERROR                   RV = 0x030
	CKR_DEVICE_REMOVED                 RV = 0x032
	CKR_ENCRYPTED_DATA_INVALID         RV = 0x040
	CKR_ENCRYPTED_DATA_LEN_RANGE       RV = 0x041
	CKR_FUNCTION_NOT_PARALLEL          RV = 0x051
	CKR_FUNCTION_NOT_SUPPORTED         RV = 0x054
	CKR_KEY_HANDLE_INVALID             RV = 0x060
	CKR_KEY_TYPE_INCONSISTENT          RV = 0x063
	CKR_MECHANISM_INVALID              RV = 0x070
	CKR_MECHANISM_PARAM_INVALID        RV = 0x071
	CKR_OBJECT_HANDLE_INVALID          RV = 0x082
	CKR_OPERATION_ACTIVE               RV = 0x090
	CKR_OPERATION_NOT_INITIALIZED      RV = 0x091
	CKR_PIN_INCORRECT                  RV = 0x0A0
	CKR_PIN_INVALID                    RV = 0x0A1
	CKR_PIN_LEN_RANGE                  RV = 0x0A2
	CKR_PIN_LOCKED                     RV = 0x0A4
	CKR_SESSION_COUNT                  RV = 0x0B1
	CKR_SESSION_HANDLE_INVALID         RV = 0x0B3
	CKR_SESSION_PARALLEL_NOT_SUPPORTED RV = 0x0B4
	CKR_SESSION_READ_ONLY              RV = 0x0B5
	CKR_SESSION_READ_ONLY_EXISTS       RV = 0x0B7
	CKR_SESSION_READ_WRITE_SO_EXISTS   RV = 0x0B8
	CKR_SIGNATURE_INVALID              RV = 0x0C0
	CKR_SIGNATURE_LEN_RANGE            RV = 0x0C1
	CKR_TOKEN_NOT_PRESENT              RV = 0x0E0
	CKR_TOKEN_NOT_RECOGNIZED           RV = 0x0E1
	CKR_USER_ALREADY_LOGGED_IN         RV = 0x100
	CKR_USER_NOT_LOGGED_IN             RV = 0x101
	CKR_USER_TYPE_INVALID              RV = 0x103
	CKR_USER_ANOTHER_ALREADY_LOGGED_IN RV = 0x104
	CKR_RANDOM_SEED_NOT_SUPPORTED      RV = 0x120
	CKR_BUFFER_TOO_SMALL               RV = 0x150
	CKR_CRYPTOKI_NOT_INITIALIZED       RV = 0x190
	CKR_CRYPTOKI_ALREADY_INITIALIZED   RV = 0x191

	CKF_TOKEN_PRESENT    = 1 << 0 // slots
	CKF_REMOVABLE_DEVICE = 1 << 1
	CKF_HW_SLOT          = 1 << 2

	CKF_RNG                  = 1 << 0 // tokens
	CKF_LOGIN_REQUIRED       = 1 << 2
	CKF_USER_PIN_INITIALIZED = 1 << 3
	CKF_TOKEN_INITIALIZED    = 1 << 10
	CKF_USER_PIN_COUNT_LOW   = 1 << 16
	CKF_USER_PIN_FINAL_TRY   = 1 << 17
	CKF_USER_PIN_LOCKED      = 1 << 18
	CKF_SO_PIN_COUNT_LOW     = 1 << 20
	CKF_SO_PIN_FINAL_TRY     = 1 << 21
	CKF_SO_PIN_LOCKED        = 1 << 22

	CKF_RW_SESSION     = 1 << 1 // sessions
	CKF_SERIAL_SESSION = 1 << 2

	CKF_HW              = 1 << 0 // mechanisms
	CKF_ENCRYPT         = 1 << 8
	CKF_DECRYPT         = 1 << 9
	CKF_DIGEST          = 1 << 10
	CKF_SIGN            = 1 << 11
	CKF_VERIFY          = 1 << 13
	CKF_UNWRAP          = 1 << 18
	CKF_EC_F_P          = 1 << 20
	CKF_EC_NAMEDCURVE   = 1 << 23
	CKF_EC_UNCOMPRESSED = 1 << 24

	CKF_DONT_BLOCK = 1 << 0 // C_WaitForSlotEvent

	CKU_SO               = 0
	CKU_USER             = 1
	CKU_CONTEXT_SPECIFIC = 2

	CKS_RO_PUBLIC_SESSION = 0
	CKS_RO_USER_FUNCTIONS = 1
	CKS_RW_PUBLIC_SESSION = 2
	CKS_RW_USER_FUNCTIONS = 3
	CKS_RW_SO_FUNCTIONS   = 4

	CKO_DATA        = 0
	CKO_CERTIFICATE = 1
	CKO_PUBLIC_KEY  = 2
	CKO_PRIVATE_KEY = 3

	CKC_X_509 = 0
	CKK_RSA   = 0
	CKK_EC    = 3

	CKA_CLASS               = 0x000
	CKA_TOKEN               = 0x001
	CKA_PRIVATE             = 0x002
	CKA_LABEL               = 0x003
	CKA_APPLICATION         = 0x010
	CKA_VALUE               = 0x011
	CKA_OBJECT_ID           = 0x012
	CKA_CERTIFICATE_TYPE    = 0x080
	CKA_ISSUER              = 0x081
	CKA_SERIAL_NUMBER       = 0x082
	CKA_TRUSTED             = 0x086
	CKA_KEY_TYPE            = 0x100
	CKA_SUBJECT             = 0x101
	CKA_ID                  = 0x102
	CKA_SENSITIVE           = 0x103
	CKA_ENCRYPT             = 0x104
	CKA_DECRYPT             = 0x105
	CKA_WRAP                = 0x106
	CKA_UNWRAP              = 0x107
	CKA_SIGN                = 0x108
	CKA_SIGN_RECOVER        = 0x109
	CKA_VERIFY              = 0x10A
	CKA_VERIFY_RECOVER      = 0x10B
	CKA_DERIVE              = 0x10C
	CKA_START_DATE          = 0x110
	CKA_END_DATE            = 0x111
	CKA_MODULUS             = 0x120
	CKA_MODULUS_BITS        = 0x121
	CKA_PUBLIC_EXPONENT     = 0x122
	CKA_PRIVATE_EXPONENT    = 0x123
	CKA_PRIME_1             = 0x124
	CKA_PRIME_2             = 0x125
	CKA_EXPONENT_1          = 0x126
	CKA_EXPONENT_2          = 0x127
	CKA_COEFFICIENT         = 0x128
	CKA_EXTRACTABLE         = 0x162
	CKA_LOCAL               = 0x163
	CKA_NEVER_EXTRACTABLE   = 0x164
	CKA_ALWAYS_SENSITIVE    = 0x165
	CKA_KEY_GEN_MECHANISM   = 0x166
	CKA_MODIFIABLE          = 0x170
	CKA_EC_PARAMS           = 0x180
	CKA_EC_POINT            = 0x181
	CKA_ALWAYS_AUTHENTICATE = 0x202

	CKM_RSA_PKCS            = 0x0001
	CKM_RSA_X_509           = 0x0003
	CKM_SHA1_RSA_PKCS       = 0x0006
	CKM_RSA_PKCS_PSS        = 0x000D
	CKM_SHA1_RSA_PKCS_PSS   = 0x000E
	CKM_SHA256_RSA_PKCS     = 0x0040
	CKM_SHA256_RSA_PKCS_PSS = 0x0043
	CKM_SHA_1               = 0x0220
	CKM_SHA256              = 0x0250
	CKM_SHA384              = 0x0260
	CKM_SHA512              = 0x0270
	CKM_ECDSA               = 0x1041
	CKM_ECDSA_SHA1          = 0x1042
	CKM_ECDSA_SHA256        = 0x1044

	CK_UNAVAILABLE_INFORMATION = ^uint(0)
)
