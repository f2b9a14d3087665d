/*
 * Linked into a copy of the PAM module in place of session_publish(): it
 * publishes, and then lets the test change the world before the module goes
 * on.
 */
#include <config.h>

#include "common/protocol/session_registry.h"

int __real_session_publish(int dir_fd, const struct session *session);
int __wrap_session_publish(int dir_fd, const struct session *session);

/* The test program's. */
extern void (*pam_race_after_publish)(void);

int
__wrap_session_publish(int dir_fd, const struct session *session)
{
	int r = __real_session_publish(dir_fd, session);

	if (pam_race_after_publish != NULL)
		pam_race_after_publish();
	return r;
}
