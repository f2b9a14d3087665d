/* Whom a line of the guard's log is about (common/base/log.h). */
#ifndef ENSCALE_GUARD_LOG_H
#define ENSCALE_GUARD_LOG_H

#include "common/base/log.h"

/* A session, and a node of its hop; for log_about(), in the same expression. */
#define OF_SESSION(of) OF_HOP((of), 0)
#define OF_HOP(of, to)                                    \
	(&(const struct log_fields){ .session = (of)->id, \
	    .account = (of)->account,                     \
	    .node = (to) })

#endif
