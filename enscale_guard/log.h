/* Whom a line of the guard's log is about (common/base/log.h). */
#ifndef ENSCALE_GUARD_LOG_H
#define ENSCALE_GUARD_LOG_H

#include "common/base/log.h"

/* A session, a node of its hop, and what was decided of them; for log_about(),
 * in the same expression. */
#define OF_SESSION(of) OF_HOP((of), 0)
#define OF_HOP(of, to) OF_VERDICT((of), (to), NULL)
#define OF_VERDICT(of, to, word)                          \
	(&(const struct log_fields){ .session = (of)->id, \
	    .account = (of)->account,                     \
	    .node = (to),                                 \
	    .verdict = (word) })

#endif
