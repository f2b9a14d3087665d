/*
 * ssh's own messages, which it writes into a pipe of ours (-E) instead of
 * the user's standard error: whether the node let us in, and what failed,
 * before or after.
 */
#ifndef ENSCALE_SHELL_SSH_LOG_H
#define ENSCALE_SHELL_SSH_LOG_H

#include <stdbool.h>
#include <stddef.h>

#define SSH_LOG_LINE_MAX 512

struct ssh_log {
	bool is_login; /* the node let us in */
	bool is_exit;  /* and said how the command ended */
	size_t len;
	char line[SSH_LOG_LINE_MAX]; /* being read */
	char last[SSH_LOG_LINE_MAX]; /* the last whole one, since the login */
};

/* Reads as much as a pipe can hold, without waiting; over-long lines are cut.
 */
void ssh_log_read(struct ssh_log *log, int fd);
/* The same for len bytes. */
void ssh_log_feed(struct ssh_log *log, const char *data, size_t len);
/* Did the node refuse the login, by every certificate and key? */
bool ssh_log_is_denied(const struct ssh_log *log);
/* Does the node offer none of the key exchanges that ssh may use? */
bool ssh_log_lacks_exchange(const struct ssh_log *log);
/* Why it failed otherwise: a fragment for a sentence. Borrowed. */
const char *ssh_log_reason(const struct ssh_log *log);
/* The same as one word, for the audit log: "host-key", ...; "other" where there
 * is none. */
const char *ssh_log_word(const struct ssh_log *log);

#endif
