/*
 * systemd's journal. What a daemon says of somebody (log_about() of log.h) goes
 * there with fields beside its text, so that they can be searched for:
 * ENSCALE_SESSION, ENSCALE_ACCOUNT, ENSCALE_NODE and ENSCALE_VERDICT, as far as
 * they are known.
 */
#ifndef ENSCALE_COMMON_BASE_JOURNAL_H
#define ENSCALE_COMMON_BASE_JOURNAL_H

#define JOURNAL_SOCKET "/run/systemd/journal/socket"

/*
 * From here on, if standard error is the journal. path (borrowed) is the socket
 * at which it takes entries: JOURNAL_SOCKET. What it does not take at once goes
 * to standard error as before.
 */
void journal_begin(const char *path);

#endif
