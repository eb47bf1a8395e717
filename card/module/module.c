// The C face of the module: the function list, of which each entry calls Go, and what fork asks for.
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "_cgo_export.h"

enum { CKR_OK = 0, CKR_GENERAL_ERROR = 5, CKR_ARGUMENTS_BAD = 7, CKR_FUNCTION_NOT_PARALLEL = 0x51, CKR_FUNCTION_NOT_SUPPORTED = 0x54,
	CKR_CRYPTOKI_NOT_INITIALIZED = 0x190 };

#define PUBLIC __attribute__((visibility("default")))

// Of the threads of a process that forks, its child has one, and Go's runtime has lost those that it lives on. The child has
// to call C_Initialize (PKCS#11 v2.40 §5.4), and until then is told that nothing is initialised. C_Initialize then loads the
// library a second time, from a copy in memory since a file is loaded but once, and with it a runtime that the child has to
// itself; from there on every call goes to that one. Its child does the same in its turn.
static volatile int forked;
static CK_FUNCTION_LIST *fresh;
static char path[4096];

static void in_child(void) { forked = 1; }

__attribute__((constructor)) static void loaded(void)
{
	Dl_info info;
	pthread_atfork(NULL, NULL, in_child);
	if (dladdr((void *)in_child, &info) && info.dli_fname && strlen(info.dli_fname) < sizeof path)
		strcpy(path, info.dli_fname);
}

const char *module_path(void) { return path; }

// igc_cps_path tells a copy which file it is of.
PUBLIC void igc_cps_path(const char *of) { snprintf(path, sizeof path, "%s", of); }

#ifdef __linux__
static CK_FUNCTION_LIST *load_copy(void)
{
	char name[64], buffer[1 << 16];
	CK_FUNCTION_LIST *list = NULL;
	ssize_t n = -1;
	int from = open(path, O_RDONLY | O_CLOEXEC), to = memfd_create("libigc-cps", MFD_CLOEXEC);
	if (from < 0 || to < 0)
		goto done;
	while ((n = read(from, buffer, sizeof buffer)) > 0)
		if (write(to, buffer, n) != n)
			goto done;
	if (n < 0)
		goto done;
	snprintf(name, sizeof name, "/proc/self/fd/%d", to);
	void *copy = dlopen(name, RTLD_NOW | RTLD_LOCAL);
	if (!copy)
		goto done;
	void (*tell)(const char *) = (void (*)(const char *))dlsym(copy, "igc_cps_path");
	CK_RV (*get)(CK_FUNCTION_LIST **) = (CK_RV (*)(CK_FUNCTION_LIST **))dlsym(copy, "C_GetFunctionList");
	if (tell && get) {
		tell(path);
		if (get(&list) != CKR_OK)
			list = NULL;
	}
done:
	if (from >= 0)
		close(from);
	if (to >= 0)
		close(to);
	return list;
}
#else
static CK_FUNCTION_LIST *load_copy(void) { return NULL; }
#endif

#define DECLARE(name, parameters, ...) static CK_RV f_##name parameters;
CRYPTOKI_FUNCTIONS(DECLARE, DECLARE, DECLARE)

#define ENTRY(name, ...) .name = f_##name,
static CK_FUNCTION_LIST functions = {.version = {2, 40}, CRYPTOKI_FUNCTIONS(ENTRY, ENTRY, ENTRY)};

static CK_RV f_C_GetFunctionList(CK_FUNCTION_LIST **list)
{
	if (!list)
		return CKR_ARGUMENTS_BAD;
	*list = &functions;
	return CKR_OK;
}

PUBLIC CK_RV C_GetFunctionList(CK_FUNCTION_LIST **list) { return f_C_GetFunctionList(list); }

static CK_RV f_C_Initialize(void *args)
{
	if (!forked)
		return goC_Initialize(args);
	if (!fresh && !(fresh = load_copy()))
		return CKR_GENERAL_ERROR;
	return fresh->C_Initialize(args);
}

#define IN_C(name, parameters)
#define IN_GO(name, parameters, arguments) \
	static CK_RV f_##name parameters \
	{ \
		if (forked) \
			return fresh ? fresh->name arguments : CKR_CRYPTOKI_NOT_INITIALIZED; \
		return go##name arguments; \
	}
#define NOWHERE(name, parameters) \
	static CK_RV f_##name parameters \
	{ \
		CK_RV rv = f_C_CancelFunction(h); \
		return rv == CKR_FUNCTION_NOT_PARALLEL ? CKR_FUNCTION_NOT_SUPPORTED : rv; \
	}
CRYPTOKI_FUNCTIONS(IN_C, IN_GO, NOWHERE)
