/* See other_service.h. */
#include <config.h>

#include "tests/unit/other_service.h"

#include <dlfcn.h>
#include <errno.h>
#include <nss.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "common/base/cleanup.h"
#include "common/base/errors.h"
#include "nss_enscale/entry.h"

struct other_answer other_by_name, other_by_uid;
ENS_EXPORT gid_t other_group;

static void
lay_over(const struct other_answer *with, struct passwd *entry)
{
	/* passwd has no const; nobody writes there. */
	if (with->name != NULL)
		entry->pw_name = (char *)(uintptr_t)with->name;
	if (with->home != NULL)
		entry->pw_dir = (char *)(uintptr_t)with->home;
	if (with->shell != NULL)
		entry->pw_shell = (char *)(uintptr_t)with->shell;
	if (with->uid != 0)
		entry->pw_uid = with->uid;
	if (with->gid != 0)
		entry->pw_gid = with->gid;
}

static int
passwd(const char *name, uid_t uid, char *buffer, size_t size,
    struct passwd *ret_entry)
{
	const struct other_answer *with = name != NULL ? &other_by_name
	                                               : &other_by_uid;
	struct login_name login = { .account = uid - UID_BASE_DEFAULT };
	int r;

	if (with->error != 0)
		return with->error;
	if (with->need > size)
		return -ERANGE;
	if (name != NULL && login_name_parse(name, &login) != 0)
		return ENS_E_NOTFOUND;
	r = nss_entry_passwd(&login, UID_BASE_DEFAULT, buffer, size, ret_entry);
	if (r != 0)
		return -ERANGE;
	lay_over(with, ret_entry);
	return 0;
}

ENS_EXPORT int (*other_service_passwd)(const char *name, uid_t uid,
    char *buffer, size_t size, struct passwd *ret_entry) = passwd;

void
other_service_reset(void)
{
	other_by_name = other_by_uid = (struct other_answer){ .error = 0 };
	other_group = 0;
}

/* glibc looks for the file by its soname, which is loaded then. */
void
other_service_begin(void)
{
	const char *build = getenv("ENS_BUILDDIR");
	char path[4096];

	snprintf(path, sizeof(path), "%s/tests/unit/.libs/libnss_other.so.2",
	    build != NULL ? build : ".");
	assert_non_null(dlopen(path, RTLD_NOW));
	assert_int_equal(__nss_configure_lookup("passwd", "other"), 0);
	assert_int_equal(__nss_configure_lookup("group", "other"), 0);
	assert_int_equal(__nss_configure_lookup("initgroups", "other"), 0);
	other_service_reset();
}
