// What a C program may do to the module, well and badly: conformance MODULE PIN TOKEN-SLOT. It prints each expectation that is not
// met and ends with their number. Types are those of ../cryptoki.h; numbers are those of the standard.
#include <dlfcn.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../cryptoki.h"

static CK_FUNCTION_LIST *p11;
static int failures;

#define WANT(call, rv) want(#call, __LINE__, (call), (rv))
static void want(const char *what, int line, CK_RV got, CK_RV expected)
{
	if (got != expected) {
		printf("line %d: %s returns %#lx, want %#lx\n", line, what, got, expected);
		failures++;
	}
}

#define TRUE_(condition) do { if (!(condition)) { printf("line %d: not so: %s\n", __LINE__, #condition); failures++; } } while (0)

enum { OK = 0, SLOT_ID_INVALID = 3, ARGUMENTS_BAD = 7, CANT_LOCK = 0xA, ATTRIBUTE_SENSITIVE = 0x11, ATTRIBUTE_TYPE_INVALID = 0x12,
	FUNCTION_NOT_PARALLEL = 0x51, FUNCTION_NOT_SUPPORTED = 0x54, KEY_HANDLE_INVALID = 0x60, OBJECT_HANDLE_INVALID = 0x82,
	OPERATION_NOT_INITIALIZED = 0x91, SESSION_HANDLE_INVALID = 0xB3, PARALLEL_NOT_SUPPORTED = 0xB4, BUFFER_TOO_SMALL = 0x150,
	NOT_INITIALIZED = 0x190, ALREADY_INITIALIZED = 0x191 };
enum { SERIAL = 4, RW = 2, CKA_CLASS = 0, CKA_LABEL = 3, CKA_ID = 0x102, CKA_MODULUS = 0x120, CKA_PRIVATE_EXPONENT = 0x123, CKM_RSA_PKCS = 1, CKM_SHA256 = 0x250 };

static CK_RV a_mutex(void *m) { return 0; }
static CK_RV a_new_mutex(void **m) { return 0; }

static CK_OBJECT_HANDLE find(CK_SESSION_HANDLE h, CK_ULONG class, const char *label)
{
	CK_ATTRIBUTE template[] = {{CKA_CLASS, &class, sizeof class}, {CKA_LABEL, (void *)label, strlen(label)}};
	CK_OBJECT_HANDLE object = 0;
	CK_ULONG n = 0;
	WANT(p11->C_FindObjectsInit(h, template, 2), OK);
	WANT(p11->C_FindObjects(h, &object, 1, &n), OK);
	WANT(p11->C_FindObjectsFinal(h), OK);
	TRUE_(n == 1);
	return object;
}

static CK_SESSION_HANDLE logged_in(CK_SLOT_ID slot, const char *pin)
{
	CK_SESSION_HANDLE h = 0;
	WANT(p11->C_OpenSession(slot, SERIAL | RW, NULL, NULL, &h), OK);
	WANT(p11->C_Login(h, 1, (CK_BYTE *)pin, strlen(pin)), OK);
	return h;
}

static void sign(CK_SESSION_HANDLE h)
{
	CK_MECHANISM m = {CKM_RSA_PKCS, NULL, 0};
	CK_BYTE out[512];
	CK_ULONG n = sizeof out;
	WANT(p11->C_SignInit(h, &m, find(h, 3, "CPS_PRIV_AUT")), OK);
	WANT(p11->C_Sign(h, (CK_BYTE *)"data", 4, out, &n), OK);
	TRUE_(n == 256);
}

static void before(void)
{
	CK_INFO info;
	CK_ULONG n;
	WANT(p11->C_GetInfo(&info), NOT_INITIALIZED);
	WANT(p11->C_GetSlotList(1, NULL, &n), NOT_INITIALIZED);
	WANT(p11->C_CloseSession(1), NOT_INITIALIZED);
	WANT(p11->C_GenerateKey(1, NULL, NULL, 0, NULL), NOT_INITIALIZED);
	WANT(p11->C_Finalize(NULL), NOT_INITIALIZED);
	CK_C_INITIALIZE_ARGS args = {.pReserved = &info};
	WANT(p11->C_Initialize(&args), ARGUMENTS_BAD);
	args = (CK_C_INITIALIZE_ARGS){.CreateMutex = a_new_mutex};
	WANT(p11->C_Initialize(&args), ARGUMENTS_BAD);
	args = (CK_C_INITIALIZE_ARGS){a_new_mutex, a_mutex, a_mutex, a_mutex, 0, NULL};
	WANT(p11->C_Initialize(&args), CANT_LOCK);
	args.flags = 2;
	WANT(p11->C_Initialize(&args), OK);
	WANT(p11->C_Initialize(NULL), ALREADY_INITIALIZED);
	WANT(p11->C_Finalize(&info), ARGUMENTS_BAD);
}

static void slots(CK_SLOT_ID slot)
{
	CK_INFO info;
	CK_SLOT_INFO slot_info;
	CK_TOKEN_INFO token_info;
	CK_MECHANISM_INFO mechanism_info;
	CK_ULONG n = 0, all;
	CK_SLOT_ID ids[64];
	WANT(p11->C_GetInfo(NULL), ARGUMENTS_BAD);
	WANT(p11->C_GetInfo(&info), OK);
	TRUE_(info.cryptokiVersion.major == 2 && info.cryptokiVersion.minor == 40 && info.flags == 0);
	TRUE_(!memchr(info.manufacturerID, 0, 32) && !memchr(info.libraryDescription, 0, 32)); // blanks, not zeros
	WANT(p11->C_GetSlotList(0, NULL, NULL), ARGUMENTS_BAD);
	WANT(p11->C_GetSlotList(0, NULL, &all), OK);
	TRUE_(all >= 4);
	n = all - 1;
	WANT(p11->C_GetSlotList(0, ids, &n), BUFFER_TOO_SMALL);
	TRUE_(n == all);
	n = 0;
	WANT(p11->C_GetSlotList(0, ids, &n), BUFFER_TOO_SMALL);
	n = 64;
	WANT(p11->C_GetSlotList(1, ids, &n), OK);
	TRUE_(n >= 1 && ids[0] == slot);
	WANT(p11->C_GetSlotInfo(64, &slot_info), SLOT_ID_INVALID);
	WANT(p11->C_GetSlotInfo(~0UL, &slot_info), SLOT_ID_INVALID);
	WANT(p11->C_GetSlotInfo(slot, NULL), ARGUMENTS_BAD);
	WANT(p11->C_GetSlotInfo(slot, &slot_info), OK);
	TRUE_(slot_info.flags == 7);
	WANT(p11->C_GetTokenInfo(slot, NULL), ARGUMENTS_BAD);
	WANT(p11->C_GetTokenInfo(slot, &token_info), OK);
	TRUE_(!memcmp(token_info.label, "CPS", 3) && !memchr(&token_info, 0, 64) && !memchr(token_info.serialNumber, 0, 16)); // blanks fill all but the model
	WANT(p11->C_GetMechanismList(slot, NULL, &n), OK);
	n--;
	WANT(p11->C_GetMechanismList(slot, ids, &n), BUFFER_TOO_SMALL);
	WANT(p11->C_GetMechanismInfo(slot, 0x7777, &mechanism_info), 0x70);
	WANT(p11->C_GetMechanismInfo(slot, CKM_RSA_PKCS, NULL), ARGUMENTS_BAD);
	WANT(p11->C_InitToken(slot, NULL, 0, NULL), FUNCTION_NOT_SUPPORTED);
	WANT(p11->C_WaitForSlotEvent(1, &ids[0], NULL), 8); // CKR_NO_EVENT
	WANT(p11->C_WaitForSlotEvent(1, NULL, NULL), ARGUMENTS_BAD);
}

// Every error in an operation ends it but a buffer that is too small.
static void endings(CK_SESSION_HANDLE h, CK_OBJECT_HANDLE private)
{
	CK_BYTE *data = (CK_BYTE *)"data", out[512];
	CK_ULONG n, small;
	CK_MECHANISM rsa = {CKM_RSA_PKCS, NULL, 0}, sha256_rsa = {0x40, NULL, 0}, sha256 = {CKM_SHA256, NULL, 0};
	CK_OBJECT_HANDLE public = 0;
	CK_ULONG class = 2, count = 0;
	CK_BYTE id[] = {0xE8, 0x28, 0xBD, 0x08, 0x0F, 0x80, 0x25, 0, 0, 1, 0xFF, 0, 0x10, 2};
	CK_ATTRIBUTE of_card[] = {{CKA_CLASS, &class, sizeof class}, {CKA_ID, id, sizeof id}};
	WANT(p11->C_FindObjectsInit(h, of_card, 2), OK);
	WANT(p11->C_FindObjects(h, &public, 1, &count), OK);
	WANT(p11->C_FindObjectsFinal(h), OK);
	TRUE_(count == 1);
	CK_OBJECT_HANDLE signature = find(h, 3, "CPS_PRIV_SIG");

	// each is begun after the one before: an operation that went on would be CKR_OPERATION_ACTIVE
	struct { CK_BYTE *data; CK_ULONG size; CK_BYTE *out; CK_ULONG *n; } bad[] = {{NULL, 4, out, &n}, {data, ~0UL, out, &n}, {data, 4, out, NULL}};
	for (int i = 0; i < 3; i++) {
		n = sizeof out;
		WANT(p11->C_SignInit(h, &rsa, private), OK);
		WANT(p11->C_Sign(h, bad[i].data, bad[i].size, bad[i].out, bad[i].n), ARGUMENTS_BAD);
		WANT(p11->C_DigestInit(h, &sha256), OK);
		WANT(p11->C_Digest(h, bad[i].data, bad[i].size, bad[i].out, bad[i].n), ARGUMENTS_BAD);
		WANT(p11->C_EncryptInit(h, &rsa, public), OK);
		WANT(p11->C_Encrypt(h, bad[i].data, bad[i].size, bad[i].out, bad[i].n), ARGUMENTS_BAD);
		WANT(p11->C_DecryptInit(h, &rsa, private), OK);
		WANT(p11->C_Decrypt(h, bad[i].data, bad[i].size, bad[i].out, bad[i].n), ARGUMENTS_BAD);
	}
	for (int i = 0; i < 2; i++) {
		WANT(p11->C_SignInit(h, &sha256_rsa, signature), OK);
		WANT(p11->C_SignUpdate(h, bad[i].data, bad[i].size), ARGUMENTS_BAD);
		WANT(p11->C_SignUpdate(h, data, 4), OPERATION_NOT_INITIALIZED);
		WANT(p11->C_DigestInit(h, &sha256), OK);
		WANT(p11->C_DigestUpdate(h, bad[i].data, bad[i].size), ARGUMENTS_BAD);
		WANT(p11->C_DigestUpdate(h, data, 4), OPERATION_NOT_INITIALIZED);
		WANT(p11->C_VerifyInit(h, &rsa, public), OK);
		WANT(p11->C_VerifyUpdate(h, bad[i].data, bad[i].size), ARGUMENTS_BAD);
		WANT(p11->C_VerifyInit(h, &rsa, public), OK);
		WANT(p11->C_Verify(h, data, 4, bad[i].data, bad[i].size), ARGUMENTS_BAD);
		WANT(p11->C_VerifyInit(h, &rsa, public), OK);
		WANT(p11->C_VerifyFinal(h, bad[i].data, bad[i].size), ARGUMENTS_BAD);
		WANT(p11->C_VerifyFinal(h, data, 4), OPERATION_NOT_INITIALIZED);
	}
	WANT(p11->C_SignInit(h, &sha256_rsa, signature), OK);
	WANT(p11->C_SignFinal(h, out, NULL), ARGUMENTS_BAD);
	WANT(p11->C_SignFinal(h, out, &n), OPERATION_NOT_INITIALIZED);
	WANT(p11->C_DigestInit(h, &sha256), OK);
	WANT(p11->C_DigestFinal(h, out, NULL), ARGUMENTS_BAD);
	WANT(p11->C_DigestFinal(h, out, &n), OPERATION_NOT_INITIALIZED);

	// what the key does not do: asked for its size it still says it, as the Cryptolib's
	n = 0;
	WANT(p11->C_SignInit(h, &sha256_rsa, private), OK);
	WANT(p11->C_Sign(h, data, 4, NULL, &n), OK);
	TRUE_(n == 256);
	WANT(p11->C_Sign(h, data, 4, out, &n), 0x63); // CKR_KEY_TYPE_INCONSISTENT
	WANT(p11->C_Sign(h, data, 4, out, &n), OPERATION_NOT_INITIALIZED);
	WANT(p11->C_SignInit(h, &rsa, signature), OK);
	WANT(p11->C_Sign(h, data, 4, out, &n), 0x20); // CKR_DATA_INVALID: no hash
	WANT(p11->C_Sign(h, data, 4, out, &n), OPERATION_NOT_INITIALIZED);
	WANT(p11->C_EncryptInit(h, &rsa, public), OK);
	n = sizeof out;
	WANT(p11->C_Encrypt(h, out, 246, out, &n), 0x21); // CKR_DATA_LEN_RANGE
	WANT(p11->C_Encrypt(h, out, 5, out, &n), OPERATION_NOT_INITIALIZED);

	// what goes on: the size, and a buffer that is too small
	WANT(p11->C_DigestInit(h, &sha256), OK);
	WANT(p11->C_DigestUpdate(h, data, 4), OK);
	WANT(p11->C_DigestFinal(h, NULL, &n), OK);
	small = 31;
	WANT(p11->C_DigestFinal(h, out, &small), BUFFER_TOO_SMALL);
	TRUE_(n == 32 && small == 32);
	WANT(p11->C_DigestFinal(h, out, &small), OK);
	WANT(p11->C_EncryptInit(h, &rsa, public), OK);
	small = 255;
	WANT(p11->C_Encrypt(h, data, 4, out, &small), BUFFER_TOO_SMALL);
	TRUE_(small == 256);
	WANT(p11->C_Encrypt(h, data, 4, out, &small), OK);
}

// One login for the signature key, and none besides.
static void one_login(CK_SESSION_HANDLE h, const char *pin)
{
	CK_MECHANISM sha256_rsa = {0x40, NULL, 0};
	CK_BYTE out[256], always = 7;
	CK_ATTRIBUTE t = {0x202, &always, 1}; // CKA_ALWAYS_AUTHENTICATE
	CK_OBJECT_HANDLE key = find(h, 3, "CPS_PRIV_SIG");
	WANT(p11->C_GetAttributeValue(h, key, &t, 1), ATTRIBUTE_TYPE_INVALID);
	for (int i = 0; i < 3; i++) {
		CK_ULONG n = sizeof out;
		WANT(p11->C_SignInit(h, &sha256_rsa, key), OK);
		WANT(p11->C_Login(h, 2, (CK_BYTE *)pin, strlen(pin)), 0x103); // CKR_USER_TYPE_INVALID
		WANT(p11->C_Sign(h, (CK_BYTE *)"x", 1, out, &n), OK);
	}
}

static void sessions(CK_SLOT_ID slot, const char *pin)
{
	CK_SESSION_HANDLE h = 0;
	CK_SESSION_INFO info;
	CK_ULONG n, big = ~0UL;
	CK_BYTE out[512];
	WANT(p11->C_OpenSession(slot, SERIAL, NULL, NULL, NULL), ARGUMENTS_BAD);
	WANT(p11->C_OpenSession(slot, 0, NULL, NULL, &h), PARALLEL_NOT_SUPPORTED);
	WANT(p11->C_OpenSession(slot, SERIAL | RW, NULL, NULL, &h), OK);
	WANT(p11->C_GetSessionInfo(h, NULL), ARGUMENTS_BAD);
	WANT(p11->C_GetSessionInfo(h, &info), OK);
	TRUE_(info.slotID == slot && info.state == 2);
	WANT(p11->C_GetFunctionStatus(h), FUNCTION_NOT_PARALLEL);
	WANT(p11->C_CancelFunction(h), FUNCTION_NOT_PARALLEL);
	WANT(p11->C_DestroyObject(h, 1), FUNCTION_NOT_SUPPORTED);
	WANT(p11->C_CreateObject(h, NULL, 0, NULL), FUNCTION_NOT_SUPPORTED);
	for (CK_SESSION_HANDLE bad = h + 1; bad; bad *= 3) { // wraps to 0 never; ends by the break
		WANT(p11->C_GetSessionInfo(bad, &info), SESSION_HANDLE_INVALID);
		WANT(p11->C_Login(bad, 1, (CK_BYTE *)pin, 4), SESSION_HANDLE_INVALID);
		WANT(p11->C_DestroyObject(bad, 1), SESSION_HANDLE_INVALID);
		if (bad > 1UL << 40)
			break;
	}
	WANT(p11->C_Login(h, 1, NULL, 4), ARGUMENTS_BAD);
	WANT(p11->C_Login(h, 1, (CK_BYTE *)pin, big), ARGUMENTS_BAD);
	WANT(p11->C_Login(h, 1, (CK_BYTE *)pin, strlen(pin)), OK);

	CK_ATTRIBUTE bad_template = {CKA_LABEL, NULL, 5};
	WANT(p11->C_FindObjectsInit(h, &bad_template, 1), ARGUMENTS_BAD);
	WANT(p11->C_FindObjectsInit(h, NULL, 1), ARGUMENTS_BAD);
	WANT(p11->C_FindObjectsInit(h, &bad_template, big), ARGUMENTS_BAD);
	WANT(p11->C_FindObjects(h, NULL, 1, &n), ARGUMENTS_BAD);
	WANT(p11->C_FindObjects(h, &h, 1, &n), OPERATION_NOT_INITIALIZED);

	CK_OBJECT_HANDLE key = find(h, 3, "CPS_PRIV_AUT");
	CK_BYTE id[64], modulus[8];
	CK_ATTRIBUTE t[] = {{CKA_ID, NULL, 0}, {CKA_PRIVATE_EXPONENT, out, sizeof out}, {0x9999, out, sizeof out}, {CKA_MODULUS, modulus, sizeof modulus}, {CKA_ID, id, sizeof id}};
	WANT(p11->C_GetAttributeValue(h, key, t, 0), ARGUMENTS_BAD);
	WANT(p11->C_GetAttributeValue(h, key, NULL, 5), ARGUMENTS_BAD);
	CK_RV rv = p11->C_GetAttributeValue(h, key, t, 5); // any of the three
	TRUE_(rv == ATTRIBUTE_SENSITIVE || rv == ATTRIBUTE_TYPE_INVALID || rv == BUFFER_TOO_SMALL);
	TRUE_(t[0].ulValueLen == 14 && t[1].ulValueLen == big && t[2].ulValueLen == big && t[3].ulValueLen == big && t[4].ulValueLen == 14);
	TRUE_(id[0] == 0xE8 && id[13] == 0x02);
	WANT(p11->C_GetAttributeValue(h, 0, t, 1), OBJECT_HANDLE_INVALID);
	WANT(p11->C_GetAttributeValue(h, big, t, 1), OBJECT_HANDLE_INVALID);
	WANT(p11->C_GetObjectSize(h, key, &n), FUNCTION_NOT_SUPPORTED);

	CK_MECHANISM m = {CKM_RSA_PKCS, NULL, 0}, broken = {CKM_RSA_PKCS, NULL, 9};
	WANT(p11->C_SignInit(h, NULL, key), ARGUMENTS_BAD);
	WANT(p11->C_SignInit(h, &broken, key), ARGUMENTS_BAD);
	WANT(p11->C_SignInit(h, &m, big), KEY_HANDLE_INVALID);
	WANT(p11->C_Sign(h, (CK_BYTE *)"x", 1, out, &n), OPERATION_NOT_INITIALIZED);
	WANT(p11->C_SignInit(h, &m, key), OK);
	n = 0;
	WANT(p11->C_Sign(h, (CK_BYTE *)"x", 1, NULL, &n), OK);
	TRUE_(n == 256);
	n = 255;
	WANT(p11->C_Sign(h, (CK_BYTE *)"x", 1, out, &n), BUFFER_TOO_SMALL);
	TRUE_(n == 256);
	n = big; // a caller that does not care
	WANT(p11->C_Sign(h, (CK_BYTE *)"x", 1, out, &n), OK);
	TRUE_(n == 256);
	WANT(p11->C_SignInit(h, &m, key), OK);
	n = sizeof out;
	WANT(p11->C_Sign(h, out, 246, out, &n), 0x21); // CKR_DATA_LEN_RANGE: no room for the padding
	CK_BYTE block[256] = {0};
	WANT(p11->C_DecryptInit(h, &m, key), OK);
	n = sizeof out;
	WANT(p11->C_Decrypt(h, block, sizeof block, out, &n), 0x40); // CKR_ENCRYPTED_DATA_INVALID
	endings(h, key);
	one_login(h, pin);
	WANT(p11->C_GenerateRandom(h, NULL, 8), ARGUMENTS_BAD);
	WANT(p11->C_GenerateRandom(h, out, 8), OK);
	m.mechanism = CKM_SHA256;
	WANT(p11->C_DigestInit(h, &m), OK);
	n = 32;
	WANT(p11->C_Digest(h, NULL, 0, out, &n), OK); // nothing is data too
	TRUE_(n == 32 && out[0] == 0xE3 && out[31] == 0x55);
	WANT(p11->C_CloseAllSessions(slot), OK);
	WANT(p11->C_CloseSession(h), SESSION_HANDLE_INVALID);

	int most = 0;
	while ((rv = p11->C_OpenSession(slot, SERIAL, NULL, NULL, &h)) == OK && most++ < 1000000)
		;
	WANT(rv, 0xB1); // CKR_SESSION_COUNT
	TRUE_(most >= 1024); // more than any program needs
	WANT(p11->C_CloseSession(1), SESSION_HANDLE_INVALID);
	WANT(p11->C_CloseAllSessions(slot), OK);
	WANT(p11->C_OpenSession(slot, SERIAL, NULL, NULL, &h), OK);
	WANT(p11->C_CloseSession(h), OK);
}

// a child of a process that uses the module, and a child of that
static void forks(CK_SLOT_ID slot, const char *pin, int depth)
{
	CK_SESSION_HANDLE h = logged_in(slot, pin);
	sign(h);
	fflush(stdout);
	pid_t pid = fork();
	if (pid == 0) {
		CK_ULONG n;
		alarm(60);
		failures = 0;
		WANT(p11->C_GetSlotList(1, NULL, &n), NOT_INITIALIZED);
		WANT(p11->C_DecryptInit(h, NULL, 0), NOT_INITIALIZED);
		WANT(p11->C_Finalize(NULL), NOT_INITIALIZED);
		WANT(p11->C_Initialize(NULL), OK);
		WANT(p11->C_Initialize(NULL), ALREADY_INITIALIZED);
		WANT(p11->C_CloseSession(h), SESSION_HANDLE_INVALID);
		if (depth > 1)
			forks(slot, pin, depth - 1);
		else
			sign(logged_in(slot, pin));
		WANT(p11->C_Finalize(NULL), OK);
		fflush(stdout);
		_exit(failures);
	}
	int status = -1;
	TRUE_(waitpid(pid, &status, 0) == pid && status == 0);
	sign(h); // the parent goes on
	WANT(p11->C_CloseAllSessions(slot), OK);
}

static void *wait_for_event(void *result)
{
	CK_SLOT_ID slot;
	*(CK_RV *)result = p11->C_WaitForSlotEvent(0, &slot, NULL);
	return NULL;
}

int main(int argc, char **argv)
{
	CK_RV (*get)(CK_FUNCTION_LIST **);
	void *library = dlopen(argv[1], RTLD_NOW | RTLD_LOCAL);
	if (argc != 4 || !library || !(get = (CK_RV (*)(CK_FUNCTION_LIST **))dlsym(library, "C_GetFunctionList"))) {
		printf("conformance MODULE PIN SLOT: %s\n", dlerror());
		return 1;
	}
	CK_SLOT_ID slot = strtoul(argv[3], NULL, 10);
	WANT(get(NULL), ARGUMENTS_BAD);
	WANT(get(&p11), OK);
	for (void **f = (void **)&p11->C_Initialize; f <= (void **)&p11->C_WaitForSlotEvent; f++)
		TRUE_(*f != NULL);
	before();
	slots(slot);
	sessions(slot, argv[2]);
	forks(slot, argv[2], 3);
	pthread_t thread;
	CK_RV ended = 0;
	pthread_create(&thread, NULL, wait_for_event, &ended);
	usleep(100000);
	WANT(p11->C_Finalize(NULL), OK);
	pthread_join(thread, NULL);
	WANT(ended, NOT_INITIALIZED);
	WANT(p11->C_Initialize(NULL), OK);
	WANT(p11->C_Finalize(NULL), OK);
	return failures;
}
