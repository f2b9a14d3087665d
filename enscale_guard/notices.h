/*
 * What operators have said (common/protocol/notice.h), as the guard keeps it:
 * a line for all menus, and that no new logins are taken. Both outlive the
 * guard and the host.
 */
#ifndef ENSCALE_GUARD_NOTICES_H
#define ENSCALE_GUARD_NOTICES_H

#include "common/config/config.h"
#include "common/protocol/notice.h"
#include "enscale_guard/turns.h"

struct guard;
struct shell;

struct notices {
	char drain_file[CONFIG_PATH_MAX];
	char announcement_file[CONFIG_PATH_MAX];
	/* A drain that cannot be read is one, as for pam_enscale, with the
	 * notice empty. */
	bool is_drained, is_announced;
	struct notice drain, announcement; /* where that is so */
	uint32_t said;       /* how often something was announced */
	struct task telling; /* menus of it, one after the other */
};

/* Reads what was said before this process began. 0; ENS_E_LIMIT: state_dir is
 * too long. A file that cannot be read is reported: pam_enscale lets nobody in
 * then. */
int notices_open(struct guard *guard);

void notices_close(struct guard *guard);

/* It holds when 0 is returned; menus that are open are told one after the
 * other. notice NULL takes it back. ENS_E_* and -errno as notice_write(): then
 * what the file says holds, which may be the new or the old. */
int notices_drain(struct guard *guard, const struct notice *notice);
int notices_announce(struct guard *guard, const struct notice *notice);
/* Is that what holds now? notice as above. */
bool notices_is_drain(const struct guard *guard, const struct notice *notice);
bool notices_is_announcement(const struct guard *guard,
    const struct notice *notice);

/* A connection is new: a menu that was open before the guard began must hear
 * what there is. */
void notices_tell(struct guard *guard, struct shell *shell);

/* The line for menus; "": none. */
const char *notices_line(const struct guard *guard);

#endif
