/* What a user of this host sees: that root can read a file says nothing of
 * who has to. */
#ifndef ENSCALECTL_AS_USER_H
#define ENSCALECTL_AS_USER_H

#include <stddef.h>
#include <sys/types.h>

struct as_user {
	const char *name; /* with all of his groups; NULL: with gid alone */
	uid_t uid;
	gid_t gid;
};

/* As getpwnam(3) has him. 0, ENS_E_NOTFOUND. The name is borrowed from the
 * caller. */
int as_user_find(const char *name, struct as_user *ret_user);

/*
 * Calls ask() in a child that has become the user (NULL: that is who we are),
 * for at most that many seconds (0: as long as it takes), and takes over the
 * answer that it leaves there. It changes nothing else here.
 * Returns 0; -ETIMEDOUT; -EPERM and others of becoming him; -EPIPE: the child
 * died. On failure *answer is untouched.
 */
int as_user_ask(const struct as_user *user, unsigned seconds,
    void (*ask)(const void *arg, void *answer), const void *arg, void *answer,
    size_t size);

#endif
