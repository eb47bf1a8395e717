// The C types of PKCS#11 v2.40 (OASIS), declared by hand: those that this module's functions take, and the list of functions
// in the standard's order.
#ifndef CRYPTOKI_H
#define CRYPTOKI_H

typedef unsigned char CK_BYTE;
typedef unsigned char CK_BBOOL;
typedef unsigned char CK_UTF8CHAR;
typedef unsigned long CK_ULONG;
typedef CK_ULONG CK_RV, CK_FLAGS, CK_SLOT_ID, CK_SESSION_HANDLE, CK_OBJECT_HANDLE, CK_MECHANISM_TYPE, CK_ATTRIBUTE_TYPE, CK_USER_TYPE, CK_STATE;

typedef struct { CK_BYTE major, minor; } CK_VERSION;

typedef struct {
	CK_VERSION cryptokiVersion;
	CK_UTF8CHAR manufacturerID[32];
	CK_FLAGS flags;
	CK_UTF8CHAR libraryDescription[32];
	CK_VERSION libraryVersion;
} CK_INFO;

typedef struct {
	CK_UTF8CHAR slotDescription[64];
	CK_UTF8CHAR manufacturerID[32];
	CK_FLAGS flags;
	CK_VERSION hardwareVersion, firmwareVersion;
} CK_SLOT_INFO;

typedef struct {
	CK_UTF8CHAR label[32], manufacturerID[32], model[16], serialNumber[16];
	CK_FLAGS flags;
	CK_ULONG ulMaxSessionCount, ulSessionCount, ulMaxRwSessionCount, ulRwSessionCount, ulMaxPinLen, ulMinPinLen;
	CK_ULONG ulTotalPublicMemory, ulFreePublicMemory, ulTotalPrivateMemory, ulFreePrivateMemory;
	CK_VERSION hardwareVersion, firmwareVersion;
	CK_BYTE utcTime[16];
} CK_TOKEN_INFO;

typedef struct {
	CK_SLOT_ID slotID;
	CK_STATE state;
	CK_FLAGS flags;
	CK_ULONG ulDeviceError;
} CK_SESSION_INFO;

typedef struct {
	CK_ATTRIBUTE_TYPE type;
	void *pValue;
	CK_ULONG ulValueLen;
} CK_ATTRIBUTE;

typedef struct {
	CK_MECHANISM_TYPE mechanism;
	void *pParameter;
	CK_ULONG ulParameterLen;
} CK_MECHANISM;

typedef struct { CK_ULONG ulMinKeySize, ulMaxKeySize; CK_FLAGS flags; } CK_MECHANISM_INFO;

typedef CK_RV (*CK_NOTIFY)(CK_SESSION_HANDLE, CK_ULONG, void *);

typedef struct {
	CK_RV (*CreateMutex)(void **);
	CK_RV (*DestroyMutex)(void *);
	CK_RV (*LockMutex)(void *);
	CK_RV (*UnlockMutex)(void *);
	CK_FLAGS flags;
	void *pReserved;
} CK_C_INITIALIZE_ARGS;

typedef struct CK_FUNCTION_LIST CK_FUNCTION_LIST;

// The functions, in the order of CK_FUNCTION_LIST: OWN(name, parameters) is written in C, YES(name, parameters, arguments) is
// answered by Go, NOT(name, parameters) is something that a card does not do, in a session h.
#define CRYPTOKI_FUNCTIONS(OWN, YES, NOT) \
	OWN(C_Initialize, (void *args)) \
	YES(C_Finalize, (void *reserved), (reserved)) \
	YES(C_GetInfo, (CK_INFO *info), (info)) \
	OWN(C_GetFunctionList, (CK_FUNCTION_LIST **list)) \
	YES(C_GetSlotList, (CK_BBOOL present, CK_SLOT_ID *list, CK_ULONG *count), (present, list, count)) \
	YES(C_GetSlotInfo, (CK_SLOT_ID slot, CK_SLOT_INFO *info), (slot, info)) \
	YES(C_GetTokenInfo, (CK_SLOT_ID slot, CK_TOKEN_INFO *info), (slot, info)) \
	YES(C_GetMechanismList, (CK_SLOT_ID slot, CK_MECHANISM_TYPE *list, CK_ULONG *count), (slot, list, count)) \
	YES(C_GetMechanismInfo, (CK_SLOT_ID slot, CK_MECHANISM_TYPE type, CK_MECHANISM_INFO *info), (slot, type, info)) \
	YES(C_InitToken, (CK_SLOT_ID slot, CK_UTF8CHAR *pin, CK_ULONG size, CK_UTF8CHAR *label), (slot, pin, size, label)) \
	YES(C_InitPIN, (CK_SESSION_HANDLE h, CK_UTF8CHAR *pin, CK_ULONG size), (h, pin, size)) \
	YES(C_SetPIN, (CK_SESSION_HANDLE h, CK_UTF8CHAR *was, CK_ULONG wasSize, CK_UTF8CHAR *pin, CK_ULONG size), (h, was, wasSize, pin, size)) \
	YES(C_OpenSession, (CK_SLOT_ID slot, CK_FLAGS flags, void *application, CK_NOTIFY notify, CK_SESSION_HANDLE *h), (slot, flags, application, notify, h)) \
	YES(C_CloseSession, (CK_SESSION_HANDLE h), (h)) \
	YES(C_CloseAllSessions, (CK_SLOT_ID slot), (slot)) \
	YES(C_GetSessionInfo, (CK_SESSION_HANDLE h, CK_SESSION_INFO *info), (h, info)) \
	NOT(C_GetOperationState, (CK_SESSION_HANDLE h, CK_BYTE *state, CK_ULONG *size)) \
	NOT(C_SetOperationState, (CK_SESSION_HANDLE h, CK_BYTE *state, CK_ULONG size, CK_OBJECT_HANDLE a, CK_OBJECT_HANDLE b)) \
	YES(C_Login, (CK_SESSION_HANDLE h, CK_USER_TYPE user, CK_UTF8CHAR *pin, CK_ULONG size), (h, user, pin, size)) \
	YES(C_Logout, (CK_SESSION_HANDLE h), (h)) \
	NOT(C_CreateObject, (CK_SESSION_HANDLE h, CK_ATTRIBUTE *t, CK_ULONG count, CK_OBJECT_HANDLE *object)) \
	NOT(C_CopyObject, (CK_SESSION_HANDLE h, CK_OBJECT_HANDLE object, CK_ATTRIBUTE *t, CK_ULONG count, CK_OBJECT_HANDLE *copy)) \
	NOT(C_DestroyObject, (CK_SESSION_HANDLE h, CK_OBJECT_HANDLE object)) \
	NOT(C_GetObjectSize, (CK_SESSION_HANDLE h, CK_OBJECT_HANDLE object, CK_ULONG *size)) \
	YES(C_GetAttributeValue, (CK_SESSION_HANDLE h, CK_OBJECT_HANDLE object, CK_ATTRIBUTE *t, CK_ULONG count), (h, object, t, count)) \
	YES(C_SetAttributeValue, (CK_SESSION_HANDLE h, CK_OBJECT_HANDLE object, CK_ATTRIBUTE *t, CK_ULONG count), (h, object, t, count)) \
	YES(C_FindObjectsInit, (CK_SESSION_HANDLE h, CK_ATTRIBUTE *t, CK_ULONG count), (h, t, count)) \
	YES(C_FindObjects, (CK_SESSION_HANDLE h, CK_OBJECT_HANDLE *objects, CK_ULONG most, CK_ULONG *count), (h, objects, most, count)) \
	YES(C_FindObjectsFinal, (CK_SESSION_HANDLE h), (h)) \
	YES(C_EncryptInit, (CK_SESSION_HANDLE h, CK_MECHANISM *m, CK_OBJECT_HANDLE key), (h, m, key)) \
	YES(C_Encrypt, (CK_SESSION_HANDLE h, CK_BYTE *data, CK_ULONG size, CK_BYTE *out, CK_ULONG *outSize), (h, data, size, out, outSize)) \
	NOT(C_EncryptUpdate, (CK_SESSION_HANDLE h, CK_BYTE *data, CK_ULONG size, CK_BYTE *out, CK_ULONG *outSize)) \
	NOT(C_EncryptFinal, (CK_SESSION_HANDLE h, CK_BYTE *out, CK_ULONG *outSize)) \
	YES(C_DecryptInit, (CK_SESSION_HANDLE h, CK_MECHANISM *m, CK_OBJECT_HANDLE key), (h, m, key)) \
	YES(C_Decrypt, (CK_SESSION_HANDLE h, CK_BYTE *data, CK_ULONG size, CK_BYTE *out, CK_ULONG *outSize), (h, data, size, out, outSize)) \
	NOT(C_DecryptUpdate, (CK_SESSION_HANDLE h, CK_BYTE *data, CK_ULONG size, CK_BYTE *out, CK_ULONG *outSize)) \
	NOT(C_DecryptFinal, (CK_SESSION_HANDLE h, CK_BYTE *out, CK_ULONG *outSize)) \
	YES(C_DigestInit, (CK_SESSION_HANDLE h, CK_MECHANISM *m), (h, m)) \
	YES(C_Digest, (CK_SESSION_HANDLE h, CK_BYTE *data, CK_ULONG size, CK_BYTE *out, CK_ULONG *outSize), (h, data, size, out, outSize)) \
	YES(C_DigestUpdate, (CK_SESSION_HANDLE h, CK_BYTE *data, CK_ULONG size), (h, data, size)) \
	NOT(C_DigestKey, (CK_SESSION_HANDLE h, CK_OBJECT_HANDLE key)) \
	YES(C_DigestFinal, (CK_SESSION_HANDLE h, CK_BYTE *out, CK_ULONG *outSize), (h, out, outSize)) \
	YES(C_SignInit, (CK_SESSION_HANDLE h, CK_MECHANISM *m, CK_OBJECT_HANDLE key), (h, m, key)) \
	YES(C_Sign, (CK_SESSION_HANDLE h, CK_BYTE *data, CK_ULONG size, CK_BYTE *out, CK_ULONG *outSize), (h, data, size, out, outSize)) \
	YES(C_SignUpdate, (CK_SESSION_HANDLE h, CK_BYTE *data, CK_ULONG size), (h, data, size)) \
	YES(C_SignFinal, (CK_SESSION_HANDLE h, CK_BYTE *out, CK_ULONG *outSize), (h, out, outSize)) \
	NOT(C_SignRecoverInit, (CK_SESSION_HANDLE h, CK_MECHANISM *m, CK_OBJECT_HANDLE key)) \
	NOT(C_SignRecover, (CK_SESSION_HANDLE h, CK_BYTE *data, CK_ULONG size, CK_BYTE *out, CK_ULONG *outSize)) \
	YES(C_VerifyInit, (CK_SESSION_HANDLE h, CK_MECHANISM *m, CK_OBJECT_HANDLE key), (h, m, key)) \
	YES(C_Verify, (CK_SESSION_HANDLE h, CK_BYTE *data, CK_ULONG size, CK_BYTE *signature, CK_ULONG length), (h, data, size, signature, length)) \
	YES(C_VerifyUpdate, (CK_SESSION_HANDLE h, CK_BYTE *data, CK_ULONG size), (h, data, size)) \
	YES(C_VerifyFinal, (CK_SESSION_HANDLE h, CK_BYTE *signature, CK_ULONG length), (h, signature, length)) \
	NOT(C_VerifyRecoverInit, (CK_SESSION_HANDLE h, CK_MECHANISM *m, CK_OBJECT_HANDLE key)) \
	NOT(C_VerifyRecover, (CK_SESSION_HANDLE h, CK_BYTE *signature, CK_ULONG length, CK_BYTE *out, CK_ULONG *outSize)) \
	NOT(C_DigestEncryptUpdate, (CK_SESSION_HANDLE h, CK_BYTE *data, CK_ULONG size, CK_BYTE *out, CK_ULONG *outSize)) \
	NOT(C_DecryptDigestUpdate, (CK_SESSION_HANDLE h, CK_BYTE *data, CK_ULONG size, CK_BYTE *out, CK_ULONG *outSize)) \
	NOT(C_SignEncryptUpdate, (CK_SESSION_HANDLE h, CK_BYTE *data, CK_ULONG size, CK_BYTE *out, CK_ULONG *outSize)) \
	NOT(C_DecryptVerifyUpdate, (CK_SESSION_HANDLE h, CK_BYTE *data, CK_ULONG size, CK_BYTE *out, CK_ULONG *outSize)) \
	NOT(C_GenerateKey, (CK_SESSION_HANDLE h, CK_MECHANISM *m, CK_ATTRIBUTE *t, CK_ULONG count, CK_OBJECT_HANDLE *key)) \
	NOT(C_GenerateKeyPair, (CK_SESSION_HANDLE h, CK_MECHANISM *m, CK_ATTRIBUTE *t, CK_ULONG count, CK_ATTRIBUTE *u, CK_ULONG more, CK_OBJECT_HANDLE *a, CK_OBJECT_HANDLE *b)) \
	NOT(C_WrapKey, (CK_SESSION_HANDLE h, CK_MECHANISM *m, CK_OBJECT_HANDLE with, CK_OBJECT_HANDLE key, CK_BYTE *out, CK_ULONG *outSize)) \
	NOT(C_UnwrapKey, (CK_SESSION_HANDLE h, CK_MECHANISM *m, CK_OBJECT_HANDLE with, CK_BYTE *data, CK_ULONG size, CK_ATTRIBUTE *t, CK_ULONG count, CK_OBJECT_HANDLE *key)) \
	NOT(C_DeriveKey, (CK_SESSION_HANDLE h, CK_MECHANISM *m, CK_OBJECT_HANDLE base, CK_ATTRIBUTE *t, CK_ULONG count, CK_OBJECT_HANDLE *key)) \
	YES(C_SeedRandom, (CK_SESSION_HANDLE h, CK_BYTE *seed, CK_ULONG size), (h, seed, size)) \
	YES(C_GenerateRandom, (CK_SESSION_HANDLE h, CK_BYTE *out, CK_ULONG size), (h, out, size)) \
	YES(C_GetFunctionStatus, (CK_SESSION_HANDLE h), (h)) \
	YES(C_CancelFunction, (CK_SESSION_HANDLE h), (h)) \
	YES(C_WaitForSlotEvent, (CK_FLAGS flags, CK_SLOT_ID *slot, void *reserved), (flags, slot, reserved))

struct CK_FUNCTION_LIST {
	CK_VERSION version;
#define FIELD(name, parameters, ...) CK_RV (*name) parameters;
	CRYPTOKI_FUNCTIONS(FIELD, FIELD, FIELD)
#undef FIELD
};

// module_path is the file that this library was loaded from; empty when nobody knows.
const char *module_path(void);

#endif
