/*
 * The session registry: one file per open session in run_dir/sessions,
 * written and removed by pam_enscale as root, read by the guard, which removes
 * what a killed sshd left behind: the folder belongs to the guard, 0750
 * enscale-guard:enscale, a file to root, 0640. A file's name is ACCOUNT.ID, so
 * that the sessions of one account can be counted without reading those of
 * others.
 *
 * A record gets its name when it is finished: it is complete or does not exist.
 * The pid and start time of sshd's monitor tell whether its session is still
 * open, so a record left behind by a killed sshd counts for nothing.
 */
#ifndef ENSCALE_COMMON_PROTOCOL_SESSION_REGISTRY_H
#define ENSCALE_COMMON_PROTOCOL_SESSION_REGISTRY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "common/base/cleanup.h"
#include "common/base/limits.h"

struct session {
	char id[SESSION_ID_LEN + 1]; /* base32, lower case */
	uint32_t account;
	uint32_t node; /* 0: the menu */
	uid_t uid;
	uint8_t fingerprint[SHA256_LEN];    /* of the key that opened it */
	char address[ADDRESS_TEXT_MAX + 1]; /* the user's */
	uint16_t port;                      /* of it; 0: not known */
	pid_t monitor;          /* sshd's root process of this connection */
	uint64_t monitor_start; /* field 22 of proc_pid_stat(5), clock ticks */
	int64_t opened;         /* seconds since the epoch */
};

/* A new random id. 0 or -errno. */
ENS_MUST_CHECK int session_id_make(char ret_id[SESSION_ID_LEN + 1]);
bool session_id_is_valid(const char *id);

/* "25880.abcdefghijklmnop", with its NUL. */
#define SESSION_NAME_MAX (LOGIN_DIGITS_MAX + 1 + SESSION_ID_LEN + 1)
/* The account of a record's name, whose id is session_name_id(); 0 when it is
 * not such a name. */
uint32_t session_name_account(const char *name);
const char *session_name_id(const char *name);

/* Start time (clock ticks since boot) and parent of a process. 0; -ESRCH
 * when it has gone; ENS_E_CORRUPT. A ")" in the process's name is handled.
 * Either output may be NULL. */
int process_stat(pid_t pid, uint64_t *ret_start, pid_t *ret_parent);

/* Publishes; replaces nothing: -EEXIST when the id is in use. */
ENS_MUST_CHECK int session_publish(int dir_fd, const struct session *session);
/* Removes; a missing record is a success. */
int session_remove(int dir_fd, uint32_t account, const char *id);
/* Reads the one of that name. 0; ENS_E_NOTFOUND; ENS_E_VERSION;
 * ENS_E_CORRUPT; -errno. */
ENS_MUST_CHECK int session_read(int dir_fd, const char *name,
    struct session *ret_session);
/* False: the record's monitor has ended. True when that cannot be told. */
bool session_is_alive(const struct session *session);

/* Calls visit for the name of every record of the account (0: of all), which
 * reads none of them; stops at its first non-zero result and returns that. */
int session_each_name(int dir_fd, uint32_t account,
    int (*visit)(const char *name, void *arg), void *arg);
/* Calls visit for every readable record of the account (0: of all), including
 * those of ended sessions; stops at its first non-zero result and returns that.
 * Broken files are skipped and counted in *ret_broken (may be NULL). */
int session_each(int dir_fd, uint32_t account,
    int (*visit)(const struct session *, void *), void *arg,
    uint32_t *ret_broken);
/* The number of an account's open sessions, or -errno. */
int session_count(int dir_fd, uint32_t account);

/* An exclusive lock for count-then-publish: lock_file() on "DIR.lock", beside
 * the folder, since whoever may read the folder itself could lock that. Returns
 * the descriptor to close, or -errno (-ETIMEDOUT after five seconds). */
ENS_MUST_CHECK int session_lock(const char *dir);

#endif
