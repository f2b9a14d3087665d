/* Telling the guard of this host what an administrator did, for its audit log:
 * where there is one, and root says it. */
#ifndef ENSCALECTL_ACT_H
#define ENSCALECTL_ACT_H

#include "common/config/config.h"
#include "common/protocol/admin_act.h"

/* Who it is on this host, sudo seen through. Returns buf. */
const char *act_user(char buf[ADMIN_TEXT_MAX + 1]);
/* op: what was done, to what (an entry, or arguments), and what came of it.
 * Waits for nobody: nothing is held up by a log. */
void act_tell(const struct config *config, const char *op, const char *what,
    const char *result);

#endif
