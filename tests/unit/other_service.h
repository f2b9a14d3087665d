/*
 * A name service of the test's own (nss_other.c), which glibc asks in place of
 * those of nsswitch.conf. Until a test says otherwise it answers what our own
 * module would.
 */
#ifndef ENS_TESTS_UNIT_OTHER_SERVICE_H
#define ENS_TESTS_UNIT_OTHER_SERVICE_H

#include <pwd.h>
#include <stddef.h>
#include <sys/types.h>

/* Has glibc ask it from now on, in this process. */
void other_service_begin(void);
/* Back to our module's answers. */
void other_service_reset(void);

/* What is laid over our module's answer; NULL and 0 leave it as it is. */
struct other_answer {
	int error;   /* -errno or ENS_E_*: there is no answer */
	size_t need; /* bytes, more than the caller has: "too small" */
	const char *name, *home, *shell;
	uid_t uid;
	gid_t gid;
};
extern struct other_answer other_by_name, other_by_uid;
extern gid_t other_group; /* beside the private one */

/* The test program's, for the service. By name, or without one by uid. */
extern int (*other_service_passwd)(const char *name, uid_t uid, char *buffer,
    size_t size, struct passwd *ret_entry);

#endif
