/* Has the gateway that this is run on what was changed in the directory? */
#ifndef ENSCALECTL_PUBLISHED_H
#define ENSCALECTL_PUBLISHED_H

#include <stdbool.h>

#include "common/config/config.h"
#include "ldap/ldap_entry.h"

/* Within which it has it, or something is wrong. */
#define PUBLISHED_SECONDS 20

/* What it is to have, or not to have any more; everything is borrowed. */
struct published {
	const struct entry *entry;
	uint32_t account;           /* of a key */
	const char *environment;    /* of a node */
	uint32_t member;            /* of an environment; 0: no matter who */
	enum environment_role role; /* that this account has there */
	bool gone;
	bool loosely; /* a node's state and service aside */
};

/* Now? False also when it cannot be told. */
bool published_has(const struct config *config, const struct published *wanted);

/*
 * Waits until it has. 0 with the milliseconds that it took; ENS_E_NOTFOUND: no
 * gateway is here; -ECONNREFUSED: enscale-sync does not run; -ETIMEDOUT: it did
 * not come; errors of view_open().
 */
int published_await(const struct config *config, const struct published *wanted,
    int64_t *ret_milliseconds);

/*
 * The same for many: next fills in what comes next, false: there is no more;
 * what it points to is borrowed until next is called again. The time for one
 * begins when it has the one before.
 */
typedef bool published_next(void *arg, struct published *ret_wanted);
int published_await_each(const struct config *config, published_next *next,
    void *arg, int64_t *ret_milliseconds);

/* Complains of what that returned. */
void published_complain(int error);

/*
 * Says what was done with dn (a sentence without its end), and how the gateway
 * has it;
 * with json as an object with "done", "dn" and "milliseconds" (null: no gateway
 * runs here). An exit code: EXIT_CANNOT_TELL, with a complaint, when it did not
 * come.
 */
__attribute__((format(printf, 5, 6))) int published_say(
    const struct config *config, const struct published *wanted, bool json,
    const char *dn, const char *format, ...);

#endif
