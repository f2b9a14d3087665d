/*
 * systemd's journal. What a daemon says of somebody (log_about() of log.h) goes
 * there with fields beside its text, so that they can be searched for:
 * ENSCALE_SESSION, ENSCALE_ACCOUNT, ENSCALE_NODE and ENSCALE_VERDICT, as far as
 * they are known.
 */
#ifndef ENSCALE_COMMON_BASE_JOURNAL_H
#define ENSCALE_COMMON_BASE_JOURNAL_H

/* From here on, if standard error is the journal. What the journal does not
 * take goes to standard error as before. */
void journal_begin(void);

#endif
