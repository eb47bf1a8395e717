// A browser's day in short: load MODULE PIN SECONDS. Four threads open sessions, log in, sign, log out and wait for events, in a process
// that initialises the module anew now and then, while somebody inserts and removes the card. It prints the memory of the process (KiB)
// after a warm-up and at the end, and how many signatures were made; it ends with 0 when every answer was one that the standard has.
#include <dlfcn.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "../cryptoki.h"

static CK_FUNCTION_LIST *p11;
static const char *pin;
static atomic_int stop, bad;
static atomic_long signatures;

// What may become of any call while others log in and out and the card comes and goes.
static int allowed(CK_RV rv)
{
	switch (rv) {
	case 0: case 0x32: case 0x60: case 0x82: case 0x91: // OK, DEVICE_REMOVED, KEY_HANDLE_INVALID, OBJECT_HANDLE_INVALID, OPERATION_NOT_INITIALIZED
	case 0xB3: case 0xE0: case 0x100: case 0x101: case 0x190: // SESSION_HANDLE_INVALID, TOKEN_NOT_PRESENT, USER_ALREADY_ and NOT_LOGGED_IN, NOT_INITIALIZED
		return 1;
	}
	return 0;
}

#define DO(call) done(#call, (call))
static CK_RV done(const char *what, CK_RV rv)
{
	if (!allowed(rv) && atomic_fetch_add(&bad, 1) < 20)
		printf("%s returns %#lx\n", what, rv);
	return rv;
}

static void *user(void *unused)
{
	CK_BYTE out[512];
	while (!stop) {
		CK_SLOT_ID slots[64];
		CK_SESSION_HANDLE h;
		CK_OBJECT_HANDLE key;
		CK_ULONG n = 64, class = 3;
		CK_ATTRIBUTE template[] = {{0, &class, sizeof class}, {3, (void *)"CPS_PRIV_SIG", 12}}; // the key that takes data
		CK_MECHANISM m = {0x40, NULL, 0}; // CKM_SHA256_RSA_PKCS
		CK_TOKEN_INFO token;
		CK_SLOT_ID slot;
		CK_RV rv = p11->C_WaitForSlotEvent(1, &slot, NULL);
		if (rv != 8)
			DO(rv);
		if (DO(p11->C_GetSlotList(1, slots, &n)) || n == 0 || DO(p11->C_GetTokenInfo(slots[0], &token)) ||
			DO(p11->C_OpenSession(slots[0], 4, NULL, NULL, &h))) {
			usleep(1000);
			continue;
		}
		DO(p11->C_Login(h, 1, (CK_BYTE *)pin, strlen(pin)));
		for (int i = 0; i < 5; i++) {
			if (DO(p11->C_FindObjectsInit(h, template, 2)))
				break;
			rv = DO(p11->C_FindObjects(h, &key, 1, &n));
			DO(p11->C_FindObjectsFinal(h));
			if (rv || n != 1 || DO(p11->C_SignInit(h, &m, key)))
				break;
			n = sizeof out;
			if (DO(p11->C_Sign(h, (CK_BYTE *)"data", 4, out, &n)) == 0)
				signatures++;
		}
		DO(p11->C_Logout(h));
		DO(p11->C_CloseSession(h));
	}
	return NULL;
}

static long memory(void)
{
	long pages = 0, skip;
	FILE *f = fopen("/proc/self/statm", "r");
	if (f && fscanf(f, "%ld %ld", &skip, &pages) != 2)
		pages = 0;
	if (f)
		fclose(f);
	return pages * sysconf(_SC_PAGESIZE) / 1024;
}

int main(int argc, char **argv)
{
	CK_RV (*get)(CK_FUNCTION_LIST **);
	void *library = argc == 4 ? dlopen(argv[1], RTLD_NOW) : NULL;
	if (!library || !(get = (CK_RV (*)(CK_FUNCTION_LIST **))dlsym(library, "C_GetFunctionList")) || get(&p11) || p11->C_Initialize(NULL)) {
		printf("load MODULE PIN SECONDS: %s\n", dlerror());
		return 1;
	}
	pin = argv[2];
	long seconds = atol(argv[3]), warm = 0;
	pthread_t threads[4];
	for (int i = 0; i < 4; i++)
		pthread_create(&threads[i], NULL, user, NULL);
	time_t began = time(NULL);
	for (int i = 1; time(NULL) - began < seconds; i++) {
		usleep(100000);
		if (i % 20 == 0) { // as NSS does to end its wait for events
			p11->C_Finalize(NULL);
			p11->C_Initialize(NULL);
		}
		if (!warm && time(NULL) - began >= (seconds > 600 ? 60 : seconds / 4))
			warm = memory();
	}
	long end = memory();
	stop = 1;
	for (int i = 0; i < 4; i++)
		pthread_join(threads[i], NULL);
	printf("warm=%ld end=%ld signatures=%ld\n", warm, end, (long)signatures);
	return bad != 0;
}
